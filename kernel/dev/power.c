/* Ending the machine: see arch.h. Each way is tried in turn; one that does not exist on a machine does
 * nothing there. */
#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/regs.h"
#include "dev/serial.h"

enum { DEBUG_EXIT = 0xf4 };
enum { Q35_PM1A_CONTROL = 0x604, PM1_SLEEP_S5 = 0x2000 };
enum { RESET_CONTROL = 0xcf9, RESET_FULL = 0x06, KEYBOARD_COMMAND = 0x64, KEYBOARD_RESET = 0xfe };

_Noreturn void machine_exit(uint8_t code)
{
    serial_flush();
    port_write32(DEBUG_EXIT, code);
    if (cpu_features.hypervisor) /* QEMU's own address of the ACPI register: not for other machines */
        port_write16(Q35_PM1A_CONTROL, PM1_SLEEP_S5);
    arch_halt_forever();
}

static _Noreturn void triple_fault(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_table = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" : : "m"(no_table));
    arch_halt_forever();
}

_Noreturn void machine_reboot(void)
{
    serial_flush();
    port_write8(RESET_CONTROL, RESET_FULL);
    port_write8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    triple_fault();
}
