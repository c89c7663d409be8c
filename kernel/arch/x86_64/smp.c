/*
 * See smp.h. Intel SDM volume 3, chapters 8.4 (starting) and 10.6 (interrupts between processors).
 *
 * CPUs are started one after the other, so what is passed to a starting CPU exists once. The RAM below 1 MiB
 * stays theirs for ever: a CPU that comes too late for us may still be on its way through it, until the INIT
 * that it is sent again stops it.
 */
#include "arch/x86_64/smp.h"
#include "core/lock.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/boot_regions.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/kernel_map.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/page_entry.h"
#include "arch/x86_64/tsc_sync.h"
#include "core/command_line.h"
#include "core/log.h"
#include <base/string.h>

#define START_MEMORY_END UINT64_C(0x100000)
static const uint64_t INIT_SETTLE_NS = 10000000, FIRST_TRY_NS = 200000, ARRIVAL_MAX_NS = 1000000000,
                      STOP_MAX_NS = 100000000;

/* smp_start.S */
struct __attribute__((packed)) start_parameters {
    uint32_t code_32, selector_32;
    uint32_t code_64, selector_64;
    uint16_t padding, gdt_limit;
    uint32_t gdt;
    uint64_t low_table, kernel_table, stack_end, number, arrive;
};
extern const char smp_start_page[], smp_start_parameters[], smp_start_end[];
void smp_arrive(void);
_Noreturn void smp_main(uint32_t number);

enum { START_CODE, START_ROOT, START_UPPER, START_LEAF, START_PAGES };
static uint64_t start_pages[START_PAGES]; /* physical; zeros: none were to be had or needed */

static struct acpi_cpus found;
static const char *find_problem; /* null: none */
static uint32_t limit = ARCH_CPUS_MAX;
static bool limit_wrong;

static uint8_t apic_id_of[ARCH_CPUS_MAX];
static uint32_t count = 1; /* CPUs that are up; grows on the boot CPU only */

enum arrival { ARRIVAL_NONE, ARRIVAL_HERE, ARRIVAL_LACKING };
static uint32_t arrival; /* atomic: of the CPU that is being started */

static bool stop_requested;    /* atomic */
static uint32_t stopped_count; /* atomic */

uint32_t arch_cpu_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

/* ---- Finding. */

static void limit_read(const char *command_line)
{
    size_t len = 0;
    const char *value = command_line_option(command_line, "cpus=", &len);
    if (value == NULL)
        return;
    uint32_t number = 0;
    for (size_t i = 0; i < len && number <= ARCH_CPUS_MAX; i++) {
        if (value[i] < '0' || value[i] > '9') {
            number = 0;
            break;
        }
        number = number * 10 + (uint32_t)(value[i] - '0');
    }
    limit_wrong = number == 0;
    limit = number == 0 || number > ARCH_CPUS_MAX ? ARCH_CPUS_MAX : number;
}

void smp_find(struct boot_info *boot)
{
    limit_read(boot->command_line);
    find_problem = acpi_cpus_find(boot->rsdp, &found);
    for (size_t i = 0; i < START_PAGES && found.count > 1 && limit > 1; i++)
        if (!boot_regions_take_page(boot, START_MEMORY_END, &start_pages[i])) {
            find_problem = "no free RAM below 1 MiB for other CPUs to start in";
            start_pages[START_CODE] = 0;
            break;
        }
}

const struct acpi_com1 *smp_com1(void)
{
    return &found.com1;
}

uint8_t smp_boot_apic_id(void)
{
    return apic_id_of[0];
}

/* ---- Starting: the boot CPU's side. */

static struct start_parameters *start_parameters(void)
{
    return (struct start_parameters *)((char *)direct_map((paddr_t){start_pages[START_CODE]}) +
                                       (smp_start_parameters - smp_start_page));
}

static void start_pages_fill(void)
{
    const uint64_t link = PAGE_PRESENT | PAGE_WRITE;
    const uint32_t base = (uint32_t)start_pages[START_CODE];
    uint64_t *root = direct_map((paddr_t){start_pages[START_ROOT]});
    uint64_t *upper = direct_map((paddr_t){start_pages[START_UPPER]});
    uint64_t *leaf = direct_map((paddr_t){start_pages[START_LEAF]});
    memset(root, 0, PAGE_SIZE);
    memset(upper, 0, PAGE_SIZE);
    memset(leaf, 0, PAGE_SIZE);
    memcpy(root + 256, (uint64_t *)direct_map(arch_kernel_page_table()) + 256, PAGE_SIZE / 2);
    root[0] = start_pages[START_UPPER] | link;
    upper[0] = start_pages[START_LEAF] | link;
    leaf[0] = link | PAGE_LARGE;
    memcpy(direct_map((paddr_t){base}), smp_start_page, (size_t)(smp_start_end - smp_start_page));
    struct start_parameters *parameters = start_parameters();
    parameters->code_32 += base;
    parameters->code_64 += base;
    parameters->gdt += base;
    parameters->low_table = start_pages[START_ROOT];
    parameters->kernel_table = arch_kernel_page_table().raw;
    parameters->arrive = (uint64_t)smp_arrive;
}

static enum arrival arrival_await(uint64_t wait_ns)
{
    const uint64_t start_ns = clock_now_ns();
    enum arrival now;
    while ((now = (enum arrival)__atomic_load_n(&arrival, __ATOMIC_ACQUIRE)) == ARRIVAL_NONE &&
           clock_now_ns() - start_ns < wait_ns)
        arch_relax();
    return now;
}

static enum arrival cpu_wake(uint32_t number, uint8_t apic_id)
{
    spinlock_several_cpus = true; /* the start-up interrupts order it before all that the CPU does */
    const uint8_t page_number = (uint8_t)(start_pages[START_CODE] >> CAPOS_PAGE_SHIFT);
    start_parameters()->stack_end = cpu_kernel_stack_end(number);
    start_parameters()->number = number;
    __atomic_store_n(&arrival, ARRIVAL_NONE, __ATOMIC_RELEASE);
    apic_send_init(apic_id);
    if (!cpu_features.hypervisor) /* real ones take their time */
        (void)arrival_await(INIT_SETTLE_NS);
    apic_send_startup(apic_id, page_number);
    enum arrival now = arrival_await(FIRST_TRY_NS);
    if (now != ARRIVAL_NONE)
        return now;
    apic_send_startup(apic_id, page_number); /* as the manual wants it; one that runs already ignores it */
    return arrival_await(ARRIVAL_MAX_NS);
}

/* Null: it is up and goes into kernel_cpu_main. */
static const char *cpu_start(uint32_t number, uint8_t apic_id)
{
    const enum arrival now = cpu_wake(number, apic_id);
    const char *wrong = NULL;
    if (now == ARRIVAL_NONE)
        wrong = "does not come up";
    else if (now == ARRIVAL_LACKING)
        wrong = "lacks what the boot CPU has";
    else if (!tsc_sync_lead())
        wrong = "has a clock that cannot be brought in step";
    if (wrong != NULL) {
        apic_send_init(apic_id); /* back to waiting, wherever it is: its number and memory go to the next */
        return wrong;
    }
    apic_id_of[number] = apic_id;
    return NULL;
}

static void cpus_start(bool (*frame_take)(paddr_t *out))
{
    start_pages_fill();
    for (uint32_t i = 0; i < found.count && count < limit; i++) {
        const uint8_t apic_id = found.apic_ids[i];
        if (apic_id == apic_id_of[0])
            continue;
        if (!kernel_map_cpu(count, frame_take)) {
            log_print(LOG_WARN, "cpu: no memory for CPU %u", count);
            return;
        }
        const char *wrong = cpu_start(count, apic_id);
        if (wrong == NULL) {
            __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
            __atomic_store_n(&arrival, ARRIVAL_NONE, __ATOMIC_RELEASE); /* counted: it goes on */
        } else {
            log_print(LOG_WARN, "cpu: the CPU with APIC id %u %s", apic_id, wrong);
        }
    }
}

void arch_cpus_start(bool (*frame_take)(paddr_t *out))
{
    apic_id_of[0] = apic_own_id();
    if (limit_wrong)
        log_print(LOG_WARN, "cpu: cpus= wants a number from 1 on");
    if (find_problem != NULL)
        log_print(LOG_WARN, "cpu: only one CPU: %s", find_problem);
    if (start_pages[START_CODE] != 0)
        cpus_start(frame_take);
    const uint32_t there = found.count + found.unreachable;
    log_print(there > 1 ? LOG_INFO : LOG_DEBUG, "cpu: %u of %u CPUs are up", count, there > 0 ? there : 1);
}

/* ---- The other CPU's side. */

_Noreturn void smp_main(uint32_t number)
{
    cpu_tables_init(number);
    if (!cpu_features_suffice()) {
        __atomic_store_n(&arrival, ARRIVAL_LACKING, __ATOMIC_RELEASE);
        arch_halt_forever();
    }
    cpu_protection_init();
    apic_init();
    apic_timer_start();
    __atomic_store_n(&arrival, ARRIVAL_HERE, __ATOMIC_RELEASE);
    if (!tsc_sync_follow())
        arch_halt_forever();
    while (__atomic_load_n(&arrival, __ATOMIC_ACQUIRE) != ARRIVAL_NONE)
        arch_relax();
    kernel_cpu_main();
}

/* ---- Between CPUs. */

void smp_interrupt(uint32_t cpu, uint8_t vector)
{
    apic_send_vector(apic_id_of[cpu], vector);
}

void arch_cpu_kick(uint32_t cpu)
{
    smp_interrupt(cpu, VECTOR_KICK);
}

bool smp_stop_requested(void)
{
    if (!__atomic_load_n(&stop_requested, __ATOMIC_ACQUIRE))
        return false;
    __atomic_add_fetch(&stopped_count, 1, __ATOMIC_RELEASE);
    return true;
}

void arch_cpus_stop_others(void)
{
    const uint32_t me = arch_cpu_number();
    const uint64_t start_ns = clock_now_ns();
    uint32_t asked = 0;
    __atomic_store_n(&stop_requested, true, __ATOMIC_RELEASE);
    for (uint32_t cpu = 0; cpu < arch_cpu_count(); cpu++) {
        if (cpu == me)
            continue;
        apic_send_nmi(apic_id_of[cpu]);
        asked++;
    }
    while (__atomic_load_n(&stopped_count, __ATOMIC_ACQUIRE) < asked &&
           clock_now_ns() - start_ns < STOP_MAX_NS)
        __asm__ volatile("pause");
}
