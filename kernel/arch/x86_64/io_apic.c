/* See io_apic.h. Registers: Intel 82093AA data sheet. */
#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/smp.h"
#include "core/lock.h"

enum { IO_APIC_SELECT = 0x00, IO_APIC_WINDOW = 0x10, IO_APIC_BYTES = 0x14 };
enum { REGISTER_VERSION = 0x01, REGISTER_ROUTES = 0x10, LAST_PIN_SHIFT = 16, LAST_PIN_MASK = 0xff };
enum { ROUTE_ACTIVE_LOW = 1 << 13, ROUTE_LEVEL = 1 << 15 };

static struct spinlock lock = SPINLOCK_INIT(LOCK_SERIAL);
static bool routed; /* under the lock */

uint64_t io_apic_physical_page(void)
{
    const uint64_t base = smp_com1()->io_apic;
    return (base & PAGE_MASK) + IO_APIC_BYTES > PAGE_SIZE ? 0 : base & ~PAGE_MASK;
}

static volatile uint32_t *io_apic_register(uint32_t offset)
{
    return (volatile uint32_t *)(KERNEL_IO_APIC + (smp_com1()->io_apic & PAGE_MASK) + offset);
}

static uint32_t io_apic_read(uint32_t index)
{
    *io_apic_register(IO_APIC_SELECT) = index;
    return *io_apic_register(IO_APIC_WINDOW);
}

static void io_apic_write(uint32_t index, uint32_t value)
{
    *io_apic_register(IO_APIC_SELECT) = index;
    *io_apic_register(IO_APIC_WINDOW) = value;
}

static bool route_locked(const struct acpi_com1 *com1, uint8_t vector)
{
    if (com1->pin > (io_apic_read(REGISTER_VERSION) >> LAST_PIN_SHIFT & LAST_PIN_MASK))
        return false;
    const uint32_t low =
        vector | (com1->active_low ? ROUTE_ACTIVE_LOW : 0u) | (com1->level ? ROUTE_LEVEL : 0u);
    const uint32_t route = REGISTER_ROUTES + 2 * com1->pin;
    io_apic_write(route + 1, (uint32_t)smp_boot_apic_id() << 24);
    io_apic_write(route, low);
    return true;
}

bool io_apic_route_com1(uint8_t vector)
{
    if (io_apic_physical_page() == 0)
        return false;
    spinlock_acquire(&lock);
    if (!routed)
        routed = route_locked(smp_com1(), vector);
    const bool done = routed;
    spinlock_release(&lock);
    return done;
}
