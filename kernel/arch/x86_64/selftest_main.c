/*
 * The machine layer's test from inside: a kernel of its own whose kernel_main tries what only a real machine
 * can show. kernel/arch/x86_64/selftest.sh boots it on each machine and prints its `ok` lines. The command
 * line's `test=` picks one of the endings that stop the machine (see endings()); without it everything else
 * runs.
 *
 * One step is one entry into user mode and the way it comes back; the steps are a table, so that the handlers
 * below, which never return, know where to go on.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/x86_64/boot.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/page_entry.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/selftest.h"
#include "arch/x86_64/tlb.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/panic.h"
#include <base/string.h>
#include <capos/clockpage.h>

enum { EXIT_OK = 16, EXIT_FAILED = 17 };
#define NOT_CANONICAL UINT64_C(0x0000900000000000)

extern const char selftest_user_end[];
extern const char selftest_user_calls[], selftest_user_null[], selftest_user_divide[], selftest_user_halt[];
extern const char selftest_user_tsc[], selftest_user_kernel[], selftest_user_wild[], selftest_user_int3[];
extern const char selftest_user_port[], selftest_user_int[], selftest_user_execute[];
extern const char selftest_user_flags[], selftest_user_step[], selftest_user_gs[], selftest_user_gs_spin[];
extern const char selftest_user_gs_read[];
extern const char image_start[], image_text_end[], image_rodata_end[], image_end[];

enum step_end { END_EXIT, END_FAULT, END_TIMER };
struct step {
    const char *name, *entry;
    enum step_end end;
    uint64_t value; /* exit code or vector */
    uint64_t address;
    bool tsc_allowed;
    uint64_t rip;        /* not 0: starts here instead */
    const bool *feature; /* not null: a step only for processors that have it */
};
static const struct step steps[] = {
    {"system calls keep and clear what they should", selftest_user_calls, END_EXIT, 7, 0, false, 0, NULL},
    {"null is not mapped", selftest_user_null, END_FAULT, 14, 0, false, 0, NULL},
    {"division by zero", selftest_user_divide, END_FAULT, 0, 0, false, 0, NULL},
    {"a privileged instruction", selftest_user_halt, END_FAULT, 13, 0, false, 0, NULL},
    {"the TSC is closed", selftest_user_tsc, END_FAULT, 13, 0, false, 0, NULL},
    {"the TSC is open to whom it is granted", selftest_user_tsc, END_EXIT, 8, 0, true, 0, NULL},
    {"the kernel is not readable", selftest_user_kernel, END_FAULT, 14, KERNEL_IMAGE_BASE + 0x100000, false,
     0, NULL},
    {"a breakpoint", selftest_user_int3, END_FAULT, 3, 0, false, 0, NULL},
    {"ports are closed", selftest_user_port, END_FAULT, 13, 0, false, 0, NULL},
    {"interrupt vectors are closed", selftest_user_int, END_FAULT, 13, 0, false, 0, NULL},
    {"data does not execute", selftest_user_execute, END_FAULT, 14, USER_STACK + PAGE_SIZE - 64, false, 0,
     NULL},
    {"a wild jump", selftest_user_wild, END_FAULT, 13, 0, false, 0, NULL},
    {"a start outside all address space", selftest_user_wild, END_FAULT, 13, 0, false, NOT_CANONICAL, NULL},
    {"hostile flags", selftest_user_flags, END_EXIT, 7, 0, false, 0, NULL},
    {"a single step over a system call", selftest_user_step, END_FAULT, 1, 0, false, 0, NULL},
    {"a hostile GS base", selftest_user_gs, END_FAULT, 0, 0, false, 0, &cpu_features.fsgsbase},
    {"which no other thread sees", selftest_user_gs_read, END_EXIT, 0, 0, false, 0, &cpu_features.fsgsbase},
    {"the timer interrupts user code", selftest_user_spin, END_TIMER, 0, 0, false, 0, NULL},
    {"and it goes on with its FPU as it was", NULL, END_TIMER, 0, 0, false, 0, NULL},
};

static size_t step_index;
static unsigned failures;
static unsigned timer_count;
static bool page_may_come; /* handle_user_copy_fault brings USER_MISSING */
static bool idle_expected;
static struct boot_info boot_copy;
static struct user_context context, other_context;
static uint8_t fpu_images[2][FPU_MAX_BYTES] __attribute__((aligned(64)));
static uint8_t user_pages[3][4096] __attribute__((aligned(4096)));
static uint64_t user_tables[4][512] __attribute__((aligned(4096)));

uint64_t selftest_resident;

static _Noreturn void step_run(void);

paddr_t selftest_page_table(void)
{
    return (paddr_t){(uint64_t)user_tables[0] - KERNEL_IMAGE_BASE};
}

uint64_t *selftest_shared_entry(void)
{
    return &user_tables[3][(USER_SHARED - USER_CODE) / PAGE_SIZE];
}

/* Makes it this CPU's context, saving nothing. */
static void context_load(struct user_context *next)
{
    arch_context_switch(NULL, next, selftest_page_table(), &selftest_resident);
}

void selftest_report(bool good, const char *name)
{
    failures += good ? 0 : 1;
    log_print(LOG_INFO, "%s %s", good ? "ok" : "not ok", name);
}

static _Noreturn void finish(void)
{
    log_print(LOG_INFO, "selftest: %s", failures == 0 ? "passed" : "failed");
    machine_exit(failures == 0 ? EXIT_OK : EXIT_FAILED);
}

/* ---- What the portable kernel would implement. */
static _Noreturn void step_done(enum step_end end, uint64_t value, uint64_t address)
{
    const struct step *step = &steps[step_index];
    const bool good = step->end == end && step->value == value && step->address == address;
    if (!good)
        log_print(LOG_INFO, "# ended by %d, value %lu, address %lx", end, value, address);
    selftest_report(good, step->name);
    step_index++;
    step_run();
}

void syscall_exit(int64_t code)
{
    step_done(END_EXIT, (uint64_t)code, 0);
}

int64_t syscall_cap_enter(uint32_t min_complete, uint64_t timeout_ns)
{
    return (int64_t)(min_complete + timeout_ns);
}

void handle_fault(struct user_context *faulting, const struct fault_info *fault)
{
    kassert(faulting == &context);
    step_done(END_FAULT, fault->vector, fault->address);
}

void handle_interrupt(void)
{
    if (arch_cpu_number() != 0)
        selftest_smp_interrupt();
    if (timer_count == 0) /* spurious */
        arch_enter_user();
    timer_count = 0;
    step_done(END_TIMER, 0, 0);
}

void kick_in_kernel(void)
{
}

void timer_interrupt(void)
{
    if (arch_cpu_number() != 0)
        selftest_smp_timer();
    else
        timer_count++;
}

bool call_describe_current(char *out, size_t size_bytes)
{
    (void)out;
    (void)size_bytes;
    return false; /* there are no calls here */
}

bool handle_user_copy_fault(uaddr_t address, bool write)
{
    if (!page_may_come || address < USER_MISSING || address >= USER_MISSING + PAGE_SIZE)
        return false;
    user_tables[3][2] =
        ((uint64_t)user_pages[2] - KERNEL_IMAGE_BASE) | PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_NX;
    return write;
}

void handle_idle_wakeup(void)
{
    if (arch_cpu_number() != 0)
        selftest_smp_wakeup();
    selftest_report(idle_expected && timer_count == 1, "idle ends with the timer");
    finish();
}

/* ---- Steps through user mode. */
static void step_prepare(const struct step *step)
{
    const uint64_t entry = USER_CODE + (uint64_t)(step->entry - selftest_user_start);
    arch_context_init(&context, step->rip != 0 ? step->rip : entry, USER_STACK + PAGE_SIZE - 64, 1, 2, 3, 0);
    context.tsc_allowed = step->tsc_allowed;
    context_load(&context);
}

static _Noreturn void steps_finished(void)
{
    struct cpu_counters counters;
    arch_counters_read(&counters);
    selftest_report(counters.kernel_entries >= array_count(steps) - 2 && counters.cr3_writes >= 1,
                    "entries and CR3 writes are counted");
    arch_leave_context();
    idle_expected = true;
    timer_count = 0;
    arch_timer_set(clock_now_ns() + MILLISECOND);
    arch_idle();
}

static _Noreturn void step_run(void)
{
    while (step_index < array_count(steps) && steps[step_index].feature != NULL &&
           !*steps[step_index].feature)
        step_index++;
    if (step_index == array_count(steps))
        steps_finished();
    const struct step *step = &steps[step_index];
    if (step->entry != NULL) {
        step_prepare(step);
    } else { /* goes on with the thread as it was, after another had the CPU */
        arch_context_switch(&context, &other_context, selftest_page_table(), &selftest_resident);
        arch_context_switch(&other_context, &context, selftest_page_table(), &selftest_resident);
    }
    if (step->end == END_TIMER)
        arch_timer_set(clock_now_ns() + 2 * MILLISECOND);
    arch_enter_user();
}

static void user_space_make(void)
{
    uint64_t link = PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    memcpy(user_pages[0], selftest_user_start, (size_t)(selftest_user_end - selftest_user_start));
    memcpy(&user_tables[0][256], (uint64_t *)direct_map(arch_kernel_page_table()) + 256, PAGE_SIZE / 2);
    for (int level = 0; level < 3; level++)
        user_tables[level][level == 2 ? 2 : 0] =
            ((uint64_t)user_tables[level + 1] - KERNEL_IMAGE_BASE) | link;
    user_tables[3][0] = ((uint64_t)user_pages[0] - KERNEL_IMAGE_BASE) | PAGE_PRESENT | PAGE_USER;
    user_tables[3][1] = ((uint64_t)user_pages[1] - KERNEL_IMAGE_BASE) | link | PAGE_NX;
    context.fpu = fpu_images[0];
    other_context.fpu = fpu_images[1];
    kassert(arch_fpu_size() <= FPU_MAX_BYTES);
    arch_context_init(&other_context, USER_CODE, USER_STACK, 0, 0, 0, 0);
}

/* ---- Tests without user mode. */
static void test_boot_info(void)
{
    const struct boot_info *boot = &boot_copy;
    uint64_t end = 0x10000, total = 0;
    bool sorted = boot->region_count != 0;
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct boot_region *region = &boot->regions[i];
        log_print(LOG_INFO, "# RAM %012lx to %012lx", region->base, region->base + region->size_bytes);
        sorted = sorted && region->usable && region->base >= end && region->size_bytes != 0 &&
                 ((region->base | region->size_bytes) & PAGE_MASK) == 0;
        end = region->base + region->size_bytes;
        total += region->size_bytes;
    }
    log_print(LOG_INFO, "# %s: %lu KiB free, memory end %lx, module %lx + %lx, command line \"%s\"",
              boot->protocol, total / 1024, boot->memory_end, boot->module_base, boot->module_size_bytes,
              boot->command_line);
    selftest_report(sorted && end <= boot->memory_end, "free regions are sorted, disjoint and page-aligned");
    selftest_report(boot->module_count == 1, "one module");
    static const char expected[] = "boot package";
    selftest_report(boot->module_size_bytes >= sizeof(expected) - 1 &&
                        memcmp(direct_map((paddr_t){boot->module_base}), expected, sizeof(expected) - 1) == 0,
                    "the module's bytes are in the direct map");
}

/* Writes a word at both ends of every region, reads it back through the direct map. */
static void test_direct_map(void)
{
    bool good = true;
    for (size_t i = 0; i < boot_copy.region_count; i++) {
        const struct boot_region *region = &boot_copy.regions[i];
        volatile uint64_t *low = direct_map((paddr_t){region->base});
        volatile uint64_t *high = direct_map((paddr_t){region->base + region->size_bytes - 8});
        *low = region->base;
        *high = ~region->base;
        good = good && *low == region->base && *high == ~region->base;
    }
    selftest_report(good, "all free RAM is in the direct map");
}

/* The leaf entry that maps an address, 0 if none does. */
static uint64_t leaf_find(uint64_t address)
{
    uint64_t table = arch_kernel_page_table().raw;
    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t entry = ((const uint64_t *)direct_map((paddr_t){table}))[address >> shift & 511];
        if ((entry & PAGE_PRESENT) == 0)
            return 0;
        if (shift == 12 || (entry & PAGE_LARGE) != 0)
            return entry;
        table = entry & PAGE_ADDRESS_MASK;
    }
    return 0;
}

static bool mapped_as(uint64_t start, uint64_t end, uint64_t flags)
{
    for (uint64_t page = start; page < end; page += PAGE_SIZE)
        if ((leaf_find(page) & (PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_NX)) != flags)
            return false;
    return true;
}

static void test_protections(void)
{
    const uint64_t alias = KERNEL_DIRECT_MAP - KERNEL_IMAGE_BASE;
    const uint64_t text = (uint64_t)image_start, text_end = (uint64_t)image_text_end;
    const uint64_t rodata_end = (uint64_t)image_rodata_end, end = (uint64_t)image_end;
    selftest_report(mapped_as(text, text_end, PAGE_PRESENT) &&
                        mapped_as(text_end, rodata_end, PAGE_PRESENT | PAGE_NX) &&
                        mapped_as(rodata_end, end, PAGE_PRESENT | PAGE_WRITE | PAGE_NX),
                    "text is read and execute, rodata read, data read and write");
    selftest_report(mapped_as(text + alias, rodata_end + alias, PAGE_PRESENT | PAGE_NX) &&
                        mapped_as(rodata_end + alias, end + alias, PAGE_PRESENT | PAGE_WRITE | PAGE_NX),
                    "the direct map's alias too, and nothing executes there");
    selftest_report(leaf_find(0) == 0 && leaf_find(0x100000) == 0 && leaf_find(end) == 0 &&
                        leaf_find(KERNEL_DIRECT_MAP + boot_copy.memory_end) == 0 &&
                        leaf_find(cpu_kernel_stack_end(0) - CPU_KERNEL_STACK_BYTES - 1) == 0,
                    "null, the end of RAM and the stack guards are not mapped");
    const uint64_t cr4 = cr4_read();
    const struct cpu_features *f = &cpu_features;
    selftest_report((cr0_read() & CR0_WP) != 0 && ((cr4 & CR4_SMEP) != 0) == f->smep &&
                        ((cr4 & CR4_SMAP) != 0) == f->smap && ((cr4 & CR4_UMIP) != 0) == f->umip &&
                        (cr4 & CR4_TSD) != 0,
                    "WP, TSD and what there is of SMEP, SMAP and UMIP are on");
    log_print(LOG_INFO,
              "# smep %d smap %d umip %d fsgsbase %d xsave %d xsaveopt %d 1g %d rdrand %d rdseed %d fpu %lu",
              f->smep, f->smap, f->umip, f->fsgsbase, f->xsave, f->xsaveopt, f->pages_1g, f->rdrand,
              f->rdseed, arch_fpu_size());
}

static void test_clock(void)
{
    struct capos_clock_page page;
    clock_fill_page(&page);
    log_print(LOG_INFO, "# TSC %lu Hz, unix time at boot %ld",
              (UINT64_C(1000000000) << page.shift) / page.mult, clock_boot_unix_ns() / 1000000000);
    const uint64_t before = clock_now_ns();
    const uint64_t tsc = arch_read_tsc();
    const uint64_t by_page =
        page.base_ns + (uint64_t)((unsigned __int128)(tsc - page.base_tsc) * page.mult >> page.shift);
    selftest_report(before <= by_page && by_page <= clock_now_ns() && page.sequence == 0,
                    "the clock page says what the clock says");
    selftest_report(clock_boot_unix_ns() > INT64_C(1500000000) * 1000000000, "the date is of this time");
}

static void test_timer(void)
{
    const uint64_t start = clock_now_ns();
    timer_count = 0;
    arch_timer_set(start + 3 * MILLISECOND);
    while (timer_count == 0 && clock_now_ns() < start + 2000 * MILLISECOND)
        arch_preemption_point();
    const uint64_t took = clock_now_ns() - start;
    log_print(LOG_INFO, "# 3 ms took %lu us", took / 1000);
    selftest_report(timer_count == 1 && took >= 3 * MILLISECOND, "the timer fires once, not early");
    arch_timer_set(clock_now_ns() + MILLISECOND);
    arch_timer_set(UINT64_MAX);
    const uint64_t later = clock_now_ns() + 3 * MILLISECOND;
    while (clock_now_ns() < later)
        arch_preemption_point();
    selftest_report(timer_count == 1, "a stopped timer stays quiet");
    timer_count = 0;
}

static void test_user_copy(void)
{
    char text[32] = "";
    char *stack = (char *)user_pages[1];
    memcpy(stack, "from user space", 16);
    context_load(&other_context);
    selftest_report(arch_user_copy_in(text, USER_STACK, 16) && memcmp(text, stack, 16) == 0, "copy in");
    selftest_report(arch_user_copy_out(USER_STACK + 101, "13 bytes here", 13) &&
                        memcmp(stack + 101, "13 bytes here", 13) == 0,
                    "copy out, unaligned");
    uint64_t word = 0x1122334455667788;
    selftest_report(arch_user_copy_out(USER_STACK + 8, &word, 8) && memcmp(stack + 8, &word, 8) == 0 &&
                        arch_user_copy_out(USER_STACK + 4, &word, 4) && memcmp(stack + 4, &word, 4) == 0 &&
                        arch_user_copy_out(USER_MISSING, &word, 0),
                    "copy of 8, 4 and 0 bytes");
    page_may_come = false;
    selftest_report(!arch_user_copy_in(text, USER_MISSING - 8, 24) &&
                        !arch_user_copy_in(text, USER_MISSING, 8) &&
                        !arch_user_copy_out(USER_MISSING, text, 4) && !arch_user_copy_out(USER_CODE, text, 4),
                    "copies that cannot be fail");
    stack[5] = 'x';
    selftest_report(arch_user_probe_write(USER_STACK + 5) && stack[5] == 'x' &&
                        !arch_user_probe_write(USER_CODE) && !arch_user_probe_write(USER_MISSING),
                    "a probe for writing finds out and changes nothing");
    page_may_come = true;
    selftest_report(
        !arch_user_try_copy_in(text, USER_MISSING - 8, 24) && !arch_user_try_copy_in(text, USER_MISSING, 8) &&
            !arch_user_try_copy_out(USER_MISSING - 8, text, 17) &&
            !arch_user_try_copy_out(USER_CODE, text, 4) && arch_user_try_copy_in(text, USER_STACK, 0) &&
            arch_user_try_copy_out(USER_STACK + 21, "eleven here", 11) &&
            memcmp(stack + 21, "eleven here", 11) == 0 && arch_user_try_copy_in(text, USER_STACK + 24, 8) &&
            memcmp(text, "ven here", 8) == 0,
        "a copy that only tries does not bring pages in");
    selftest_report(arch_user_copy_out(USER_MISSING - 8, "across both pages", 17) &&
                        memcmp(user_pages[2], "oth pages", 9) == 0,
                    "a copy goes on when its page came");
    arch_leave_context();
}

static void test_page_clear(void)
{
    static uint8_t pages[3][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
    static const uint8_t held[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    uint8_t after[16] = {0};
    uint32_t wrong = 0;
    memset(pages, 0xee, sizeof(pages));
    __asm__ volatile("movups %0, %%xmm0" : : "m"(held));
    arch_page_clear(pages[1]);
    __asm__ volatile("movups %%xmm0, %0" : "=m"(after));
    for (size_t i = 0; i < PAGE_SIZE; i++)
        wrong += pages[0][i] != 0xee || pages[1][i] != 0 || pages[2][i] != 0xee;
    selftest_report(wrong == 0, "clearing a page clears it and no other");
    selftest_report(memcmp(held, after, sizeof(held)) == 0,
                    "clearing a page leaves the program's registers alone");
}

static void test_log(void)
{
    struct log_record record = {.sequence = 0};
    for (int i = 0; i < 1000; i++)
        log_print(LOG_DEBUG, "record %d of many that push the oldest out", i);
    selftest_report(log_read(0, &record) && record.sequence > 0 && log_read(record.sequence + 1, &record),
                    "the log drops the oldest");
    uint64_t value = 0, again = 0;
    const bool has = cpu_features.rdrand || cpu_features.rdseed;
    selftest_report(arch_random_u64(&value) == has && arch_random_u64(&again) == has &&
                        (!has || value != again),
                    "random numbers where the CPU has them");
}

/* ---- Endings: each must end in a panic that selftest.sh recognises. */
static __attribute__((noinline)) uint64_t overflow(volatile uint64_t *depth)
{
    volatile uint64_t frame[64];
    frame[0] = *depth + 1;
    if (frame[0] == 0)
        return 0; /* never; but the compiler must not know */
    return frame[0] + overflow(frame) + frame[1];
}

static bool word_is(const char *line, const char *word)
{
    const size_t len = strlen(word);
    return strncmp(line, word, len) == 0 && (line[len] == ' ' || line[len] == '\0');
}

static __attribute__((noinline)) void endings(const char *line)
{
    static struct spinlock low = SPINLOCK_INIT(LOCK_OBJECT), high = SPINLOCK_INIT(LOCK_FRAME);
    volatile uint64_t zero = 0;
    static uint8_t code[] = {0xc3};
    if (word_is(line, "panic"))
        panic("asked for, number %d", 42);
    if (word_is(line, "overflow"))
        overflow(&zero);
    if (word_is(line, "text"))
        *(volatile char *)(uint64_t)image_start = 0;
    if (word_is(line, "nx"))
        ((void (*)(void))(uint64_t)code)();
    if (word_is(line, "lock")) {
        spinlock_acquire(&high);
        spinlock_acquire(&low);
    }
    if (word_is(line, "smap"))
        log_print(LOG_INFO, "read %d", *(volatile char *)USER_STACK);
    if (word_is(line, "smep"))
        ((void (*)(void))USER_CODE)();
    if (word_is(line, "nmi")) { /* comes from outside, as soon as this line is out */
        static const struct step spin = {.entry = selftest_user_gs_spin};
        arch_leave_context();
        step_prepare(&spin);
        log_print(LOG_INFO, "ready");
        arch_enter_user();
    }
    if (word_is(line, "reboot"))
        machine_reboot();
}

void kernel_main(const struct boot_info *boot)
{
    const uint64_t start_tsc = arch_read_tsc();
    boot_copy = *boot;
    log_init(boot->command_line);
    clock_init();
    const uint64_t clock_tsc = arch_read_tsc();
    log_print(LOG_INFO, "# TSC: %lu from entry to kernel_main, %lu for the clock", start_tsc - boot_entry_tsc,
              clock_tsc - start_tsc);
    log_print(LOG_INFO, "capos self test of the machine layer");
    user_space_make();
    for (const char *word = boot->command_line; *word != '\0'; word++)
        if (memcmp(word, "test=", 5) == 0) {
            context_load(&other_context);
            endings(word + 5);
            arch_leave_context();
            selftest_smp_endings(word + 5);
        }
    test_boot_info();
    test_direct_map();
    test_protections();
    test_clock();
    test_timer();
    test_user_copy();
    test_page_clear();
    test_log();
    selftest_smp(boot->command_line);
    step_run();
}
