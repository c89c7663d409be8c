/* See boot.h. The order of the steps is the order of what each needs. */
#include "arch/x86_64/boot.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/boot_regions.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/entry.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/kernel_map.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/smp.h"
#include "core/panic.h"
#include "dev/pic.h"
#include "dev/serial.h"

#define BOOT_MAPPED_END UINT64_C(0x100000000)
/* Firmware scribbles here, and a null physical address stays unused. */
enum { LOW_MEMORY_KEPT_BYTES = 0x10000 };

extern const char image_start[], image_end[], image_boot_end[];
static struct boot_info boot_info;

const void *boot_physical(uint64_t address, uint64_t size_bytes)
{
    if (address == 0 || address >= BOOT_MAPPED_END || size_bytes > BOOT_MAPPED_END - address)
        return NULL;
    return direct_map((paddr_t){address});
}

static void regions_cut(struct boot_info *boot)
{
    const uint64_t image_base = (uint64_t)image_start - KERNEL_IMAGE_BASE;
    const uint64_t image_bytes = (uint64_t)(image_boot_end - image_start);
    if (!boot_regions_contain(boot, image_base, image_bytes))
        panic("boot: the memory map has no RAM where the kernel is");
    boot_regions_cut(boot, image_base, image_bytes);
    if (boot->module_size_bytes != 0 &&
        !boot_regions_contain(boot, boot->module_base, boot->module_size_bytes))
        panic("boot: the boot package lies over the kernel");
    boot_regions_cut(boot, 0, LOW_MEMORY_KEPT_BYTES);
    boot_regions_cut(boot, boot->module_base, boot->module_size_bytes);
}

_Noreturn void boot_start(uint32_t protocol, uint32_t info)
{
    cpu_features_detect();
    idt_init();
    cpu_tables_init(0);
    serial_init();
    const char *wrong = boot_info_read(&boot_info, protocol, info);
    if (wrong != NULL)
        panic("boot: %s", wrong);
    if (!cpu_features.nx)
        panic("boot: this processor has no NX bit, so that memory cannot be kept from being executed");
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NX);
    regions_cut(&boot_info);
    smp_find(&boot_info);
    user_copy_patch();
    kernel_map_init(&boot_info, apic_physical_base(), io_apic_physical_page());
    boot_switch(&boot_info, arch_kernel_page_table(), cpu_kernel_stack_end(0));
}

_Noreturn void boot_finish(struct boot_info *boot)
{
    /* The boot tables and the boot stack are left behind: RAM like any other now. */
    boot_regions_add(boot, (uint64_t)image_end - KERNEL_IMAGE_BASE, (uint64_t)(image_boot_end - image_end));
    cpu_protection_init();
    pic_disable();
    apic_init();
    kernel_main(boot);
}
