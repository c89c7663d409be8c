/* See serial.h. Registers: National Semiconductor PC16550D data sheet. */
#include "dev/serial.h"
#include "arch/arch.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/regs.h"
#include "core/lock.h"
#include <base/string.h>

enum { COM1 = 0x3f8, DEBUGCON = 0xe9 };
enum {
    UART_DATA = 0,
    UART_INTERRUPT_ENABLE = 1,
    UART_FIFO_CONTROL = 2,
    UART_LINE_CONTROL = 3,
    UART_MODEM_CONTROL = 4,
    UART_LINE_STATUS = 5,
    UART_SCRATCH = 7,
};
enum { LINE_8N1 = 0x03, LINE_DIVISOR = 0x80, FIFO_ENABLE_AND_CLEAR = 0x07 };
enum { MODEM_DTR_RTS = 0x03, MODEM_INTERRUPTS = 0x08, INTERRUPT_RECEIVED = 0x01 };
enum { STATUS_RECEIVED = 0x01, STATUS_OVERRUN = 0x02, STATUS_FIFO_EMPTY = 0x20, STATUS_ALL_SENT = 0x40 };
enum { FIFO_BYTES = 16, DIVISOR_115200 = 1, SCRATCH_PATTERN = 0x5a, WAIT_TRIES_MAX = 1000000 };

enum log_port { LOG_PORT_COM1, LOG_PORT_DEBUGCON, LOG_PORT_NONE };

static struct spinlock serial_lock = SPINLOCK_INIT(LOCK_SERIAL);
static bool com1_present;
static enum log_port log_port = LOG_PORT_COM1;
static bool forced; /* by a panic: no locks any more */
static uint32_t overruns;
static void (*listener)(void); /* atomic */

static void uart_write(uint16_t uart_register, uint8_t value)
{
    port_write8((uint16_t)(COM1 + uart_register), value);
}

static uint8_t uart_read(uint16_t uart_register)
{
    return port_read8((uint16_t)(COM1 + uart_register));
}

void serial_init(void)
{
    uart_write(UART_SCRATCH, SCRATCH_PATTERN);
    com1_present = uart_read(UART_SCRATCH) == SCRATCH_PATTERN;
    if (!com1_present)
        return;
    uart_write(UART_INTERRUPT_ENABLE, 0);
    uart_write(UART_LINE_CONTROL, LINE_DIVISOR);
    uart_write(UART_DATA, DIVISOR_115200);
    uart_write(UART_INTERRUPT_ENABLE, 0);
    uart_write(UART_LINE_CONTROL, LINE_8N1);
    uart_write(UART_FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR);
    uart_write(UART_MODEM_CONTROL, MODEM_DTR_RTS | MODEM_INTERRUPTS);
}

/* Reading it forgets the overrun, whoever wanted to know something else. */
static uint8_t line_status(void)
{
    const uint8_t status = uart_read(UART_LINE_STATUS);
    if ((status & STATUS_OVERRUN) != 0)
        overruns++;
    return status;
}

/* A port that never gets ready (its cable's other end gone, say) must not hang the kernel: then bytes are
 * lost. */
static bool uart_wait(uint8_t status)
{
    for (int tries = 0; tries < WAIT_TRIES_MAX; tries++) {
        if ((line_status() & status) != 0)
            return true;
        arch_relax();
    }
    return false;
}

static void com1_write(const char *bytes, size_t len)
{
    while (com1_present && len != 0 && uart_wait(STATUS_FIFO_EMPTY)) {
        const size_t burst = len < FIFO_BYTES ? len : FIFO_BYTES;
        for (size_t i = 0; i < burst; i++)
            uart_write(UART_DATA, (uint8_t)bytes[i]);
        bytes += burst;
        len -= burst;
    }
}

static void debugcon_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        port_write8(DEBUGCON, (uint8_t)bytes[i]);
}

static void port_lock(void)
{
    if (!forced)
        spinlock_acquire(&serial_lock);
}

static void port_unlock(void)
{
    if (!forced)
        spinlock_release(&serial_lock);
}

void serial_flush(void)
{
    if (com1_present)
        (void)uart_wait(STATUS_ALL_SENT);
}

void console_port_write(const char *bytes, size_t len)
{
    port_lock();
    com1_write(bytes, len);
    port_unlock();
}

size_t console_port_read(char *bytes, size_t size, uint32_t *lost)
{
    size_t got = 0;
    port_lock();
    while (com1_present && got < size && (line_status() & STATUS_RECEIVED) != 0)
        bytes[got++] = (char)uart_read(UART_DATA);
    *lost += overruns;
    overruns = 0;
    port_unlock();
    return got;
}

bool console_port_listen(void (*arrived)(void))
{
    if (!com1_present || !io_apic_route_com1(VECTOR_COM1))
        return false;
    __atomic_store_n(&listener, arrived, __ATOMIC_RELEASE);
    port_lock();
    uart_write(UART_INTERRUPT_ENABLE, INTERRUPT_RECEIVED);
    port_unlock();
    return true;
}

void console_port_quiet(void)
{
    port_lock();
    uart_write(UART_INTERRUPT_ENABLE, 0);
    port_unlock();
}

void serial_interrupt(void)
{
    void (*arrived)(void) = __atomic_load_n(&listener, __ATOMIC_ACQUIRE);
    if (arrived != NULL)
        arrived();
}

void log_port_write(const char *bytes, size_t len)
{
    if (log_port == LOG_PORT_NONE)
        return;
    port_lock();
    if (log_port == LOG_PORT_COM1)
        com1_write(bytes, len);
    else
        debugcon_write(bytes, len);
    port_unlock();
}

bool log_port_choose(const char *name, size_t len)
{
    static const char *const names[] = {"com1", "debugcon", "none"};
    for (size_t i = 0; i < array_count(names); i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            log_port = (enum log_port)i;
            return true;
        }
    }
    return false;
}

void log_port_force(void)
{
    forced = true;
    if (log_port == LOG_PORT_NONE)
        log_port = LOG_PORT_COM1;
    if (__atomic_load_n(&serial_lock.taken, __ATOMIC_RELAXED) != 0)
        log_port_write("\n", 1); /* somebody, stopped by now, was in the middle of a line */
}
