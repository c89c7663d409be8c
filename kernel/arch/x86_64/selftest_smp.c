/*
 * The self test's part for several CPUs (selftest.h). The other CPUs wait in the idle loop for jobs:
 * functions that all CPUs run at once. With one CPU the jobs run all the same, on it alone.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/page_entry.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/selftest.h"
#include "arch/x86_64/tlb.h"
#include "arch/percpu.h"
#include "core/command_line.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/panic.h"

enum { KICK_ROUNDS = 50, CLOCK_ROUNDS = 300, SHOOTDOWN_ROUNDS = 100, LARGE_RANGE_PAGES = 64 };
enum { SPARE_FRAMES = 12 * ARCH_CPUS_MAX }; /* stacks, and PERCPU up to five pages, of each CPU */
static const uint64_t JOB_MAX_NS = 60000 * MILLISECOND;

static uint8_t spare_frames[SPARE_FRAMES][4096] __attribute__((aligned(4096)));
static size_t spare_used;

/* A job is started by counting job_number up; each other CPU runs it when it is woken. */
static void (*job)(uint32_t cpu);
static uint32_t job_number, jobs_done; /* atomic */
static uint32_t job_seen[ARCH_CPUS_MAX];
static uint32_t wakeups[ARCH_CPUS_MAX], interrupts[ARCH_CPUS_MAX], timers[ARCH_CPUS_MAX]; /* atomic */

static PERCPU uint8_t fpu_image[FPU_MAX_BYTES] __attribute__((aligned(64)));
static PERCPU struct user_context own_context;
static PERCPU uint64_t own_word;

static uint32_t count_of(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void count_up(uint32_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_ACQ_REL);
}

static bool wait_for(const uint32_t *counter, uint32_t value)
{
    const uint64_t start_ns = clock_now_ns();
    while (count_of(counter) < value) {
        arch_relax();
        if (clock_now_ns() - start_ns > JOB_MAX_NS)
            return false;
    }
    return true;
}

static bool frame_take(paddr_t *out)
{
    if (spare_used == SPARE_FRAMES)
        return false;
    out->raw = (uint64_t)spare_frames[spare_used++] - KERNEL_IMAGE_BASE;
    return true;
}

/* ---- The other CPUs. */

void kernel_cpu_main(void)
{
    arch_idle();
}

void selftest_smp_wakeup(void)
{
    const uint32_t cpu = arch_cpu_number();
    const uint32_t number = count_of(&job_number);
    if (job_seen[cpu] != number) {
        job_seen[cpu] = number;
        job(cpu);
        count_up(&jobs_done);
    }
    count_up(&wakeups[cpu]);
    arch_idle();
}

void selftest_smp_interrupt(void)
{
    arch_leave_context();
    count_up(&interrupts[arch_cpu_number()]);
    arch_idle();
}

void selftest_smp_timer(void)
{
    count_up(&timers[arch_cpu_number()]);
}

static void job_start(void (*run)(uint32_t cpu))
{
    job = run;
    __atomic_store_n(&jobs_done, 0, __ATOMIC_RELEASE);
    count_up(&job_number);
    for (uint32_t cpu = 1; cpu < arch_cpu_count(); cpu++)
        arch_cpu_kick(cpu);
}

/* True if all CPUs have finished. */
static bool job_everywhere(void (*run)(uint32_t cpu))
{
    job_start(run);
    run(0);
    return wait_for(&jobs_done, arch_cpu_count() - 1);
}

/* ---- Each CPU is set up like the first. */

static uint64_t boot_cr0, boot_cr4, boot_efer;
static uint32_t set_up_wrong; /* atomic */

static void check_set_up(uint32_t cpu)
{
    const uint64_t stack_end = cpu_kernel_stack_end(cpu), here = (uint64_t)__builtin_frame_address(0);
    *percpu_this(own_word) = cpu + 1;
    const bool good = arch_cpu_number() == cpu && cr0_read() == boot_cr0 && cr4_read() == boot_cr4 &&
                      msr_read(MSR_EFER) == boot_efer && cr3_read() == arch_kernel_page_table().raw &&
                      here < stack_end && here > stack_end - CPU_KERNEL_STACK_BYTES;
    if (!good)
        count_up(&set_up_wrong);
}

static uint32_t own_word_wrong; /* atomic */

static void check_own_word(uint32_t cpu)
{
    if (*percpu_this(own_word) != cpu + 1)
        count_up(&own_word_wrong);
}

static void test_set_up(void)
{
    boot_cr0 = cr0_read();
    boot_cr4 = cr4_read();
    boot_efer = msr_read(MSR_EFER);
    selftest_report(job_everywhere(check_set_up) && count_of(&set_up_wrong) == 0,
                    "all CPUs have the first one's control registers and a stack of their own");
    selftest_report(job_everywhere(check_own_word) && count_of(&own_word_wrong) == 0,
                    "each CPU has its own PERCPU variables");
}

/* ---- Kicks, clock, timers. */

static void test_kicks(void)
{
    bool good = true;
    for (uint32_t round = 0; round < KICK_ROUNDS && good; round++)
        for (uint32_t cpu = 1; cpu < arch_cpu_count() && good; cpu++) {
            const uint32_t before = count_of(&wakeups[cpu]);
            arch_cpu_kick(cpu);
            good = wait_for(&wakeups[cpu], before + 1);
        }
    selftest_report(good, "every kick wakes an idle CPU");
}

static struct spinlock clock_lock = SPINLOCK_INIT(LOCK_OBJECT);
static uint64_t clock_last_ns;
static uint32_t clock_went_back; /* atomic */

static void read_clock(uint32_t cpu)
{
    (void)cpu;
    for (int i = 0; i < CLOCK_ROUNDS; i++) {
        spinlock_acquire(&clock_lock);
        const uint64_t now_ns = clock_now_ns();
        if (now_ns < clock_last_ns)
            count_up(&clock_went_back);
        clock_last_ns = now_ns;
        spinlock_release(&clock_lock);
    }
}

static void test_clock(void)
{
    selftest_report(job_everywhere(read_clock) && count_of(&clock_went_back) == 0,
                    "the clock goes forward from one CPU to the next");
}

static void arm_timer(uint32_t cpu)
{
    if (cpu != 0)
        arch_timer_set(clock_now_ns() + MILLISECOND);
}

static void test_timers(void)
{
    bool good = job_everywhere(arm_timer);
    for (uint32_t cpu = 1; cpu < arch_cpu_count() && good; cpu++)
        good = wait_for(&timers[cpu], 1) && count_of(&timers[cpu]) == 1;
    selftest_report(good, "every CPU has its own timer");
}

/* ---- Shootdowns. Two frames take turns behind one user address; the one that is not there any more is
 * poisoned as soon as the shootdown says that nobody can see it. */

enum { WORD_GOOD = 1, WORD_POISON = 2 };
static struct spinlock shared_lock = SPINLOCK_INIT(LOCK_ASPACE);
static volatile uint64_t shared_frames[2][512] __attribute__((aligned(4096)));
static unsigned shared_now;                        /* under shared_lock */
static uint32_t stale_reads, shootdowns, residual; /* atomic */

static void shared_show(unsigned frame)
{
    const uint64_t entry =
        ((uint64_t)shared_frames[frame] - KERNEL_IMAGE_BASE) | PAGE_PRESENT | PAGE_USER | PAGE_NX;
    shared_frames[frame][0] = WORD_GOOD;
    __atomic_store_n(selftest_shared_entry(), entry, __ATOMIC_RELEASE);
    shared_now = frame;
}

static void shared_flip(void)
{
    spinlock_acquire(&shared_lock);
    const unsigned before = shared_now;
    shared_show(!before);
    arch_tlb_shootdown(&selftest_resident, selftest_page_table(), USER_SHARED, USER_SHARED + PAGE_SIZE);
    shared_frames[before][0] = WORD_POISON;
    count_up(&shootdowns);
    spinlock_release(&shared_lock);
}

/* Goes on when all CPUs are here: each counts once, and none can come a second time before all have. */
static uint32_t arrived; /* atomic */

static void meet(void)
{
    const uint32_t everybody = arch_cpu_count();
    const uint32_t ticket = __atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
    wait_for(&arrived, (ticket / everybody + 1) * everybody);
}

static void shared_read(void)
{
    uint64_t word = 0;
    if (!arch_user_copy_in(&word, USER_SHARED, sizeof(word)) || word != WORD_GOOD)
        count_up(&stale_reads);
}

static void own_context_load(void)
{
    struct user_context *context = percpu_this(own_context);
    context->fpu = *percpu_this(fpu_image);
    const uint64_t entry = USER_CODE + (uint64_t)(selftest_user_spin - selftest_user_start);
    arch_context_init(context, entry, USER_STACK + PAGE_SIZE - 64, 0, 0, 0, 0);
    arch_context_switch(NULL, context, selftest_page_table(), &selftest_resident);
}

/* One after the other, with all the others having the old translation. */
static void shoot_in_turn(uint32_t cpu)
{
    own_context_load();
    for (uint32_t turn = 0; turn < arch_cpu_count(); turn++) {
        shared_read();
        meet();
        if (turn == cpu)
            shared_flip();
        meet();
        shared_read();
    }
}

/* As many as possible at once. */
static void shoot(uint32_t cpu)
{
    own_context_load();
    meet();
    for (uint32_t i = 0; i < SHOOTDOWN_ROUNDS; i++) {
        shared_read();
        if ((i + cpu) % 4 == 0)
            shared_flip();
        if (i % 5 == 0) { /* without a lock: all CPUs at once, at all others */
            const uint64_t pages = i % 2 == 0 ? 1 : LARGE_RANGE_PAGES;
            arch_tlb_shootdown(&selftest_resident, selftest_page_table(), USER_CODE,
                               USER_CODE + pages * PAGE_SIZE);
            count_up(&shootdowns);
        }
        if (i % 3 == 0)
            arch_preemption_point();
        arch_relax();       /* an emulator that runs the CPUs in turns lets the next one run */
        if (i % 50 == 49) { /* out and in again under the others' fire */
            arch_leave_context();
            own_context_load();
        }
    }
}

static void count_residual(uint32_t cpu)
{
    (void)cpu;
    if (cr3_read() != arch_kernel_page_table().raw)
        count_up(&residual);
}

static void test_shootdowns(void)
{
    const uint64_t all = (UINT64_C(1) << arch_cpu_count()) - 1;
    shared_show(0);
    bool done = job_everywhere(shoot_in_turn);
    selftest_report(done && count_of(&stale_reads) == 0, "a shootdown reaches every CPU");
    done = job_everywhere(shoot);
    log_print(LOG_INFO, "# %u shootdowns, %u stale reads", count_of(&shootdowns), count_of(&stale_reads));
    selftest_report(done && count_of(&stale_reads) == 0, "shootdowns from all CPUs at once, none lost");
    selftest_report(__atomic_load_n(&selftest_resident, __ATOMIC_ACQUIRE) == all,
                    "the address space knows who has it loaded");
    arch_tlb_leave(&selftest_resident, selftest_page_table());
    selftest_report(job_everywhere(count_residual) && count_of(&residual) == 0 && selftest_resident == 0,
                    "all CPUs leave an address space that is to go");
    arch_leave_context();
}

/* ---- CPUs that run user code. */

static void spin_in_user_mode(uint32_t cpu)
{
    if (cpu == 0)
        return;
    own_context_load();
    count_up(&jobs_done);
    arch_enter_user();
}

static void test_user_mode(void)
{
    const uint32_t others = arch_cpu_count() - 1;
    job_start(spin_in_user_mode);
    bool good = wait_for(&jobs_done, others);
    for (int i = 0; i < KICK_ROUNDS && good; i++)
        arch_tlb_shootdown(&selftest_resident, selftest_page_table(), USER_CODE, USER_CODE + PAGE_SIZE);
    for (uint32_t cpu = 1; cpu <= others; cpu++)
        good = good && count_of(&interrupts[cpu]) == 0;
    selftest_report(good, "user code is not disturbed by shootdowns");
    for (uint32_t cpu = 1; cpu <= others; cpu++) {
        arch_cpu_kick(cpu);
        good = good && wait_for(&interrupts[cpu], 1);
    }
    selftest_report(good, "a kick takes a CPU out of user code");
    arch_tlb_shootdown(&selftest_resident, selftest_page_table(), USER_CODE, USER_CODE + PAGE_SIZE);
    good =
        good && __atomic_load_n(&selftest_resident, __ATOMIC_ACQUIRE) == 0; /* it was the last they heard */
    selftest_report(good && job_everywhere(check_own_word) && count_of(&own_word_wrong) == 0,
                    "and it goes on with other work");
}

static void start(const char *command_line)
{
    arch_cpus_start(frame_take);
    size_t len;
    const char *wanted = command_line_option(command_line, "smp=", &len);
    uint32_t number = 1;
    for (size_t i = 0; wanted != NULL && i < len; i++)
        number = (i == 0 ? 0 : number * 10) + (uint32_t)(wanted[i] - '0');
    log_print(LOG_INFO, "# %u CPUs", arch_cpu_count());
    if (wanted != NULL)
        selftest_report(arch_cpu_count() == number, "all CPUs are up");
}

void selftest_smp(const char *command_line)
{
    start(command_line);
    test_set_up();
    test_kicks();
    test_clock();
    test_timers();
    test_shootdowns();
    test_user_mode();
}

/* ---- Endings. */

static void panic_on_one(uint32_t cpu)
{
    if (cpu == 1)
        panic("asked for, on CPU %u", cpu);
    for (;;) /* so that somebody is always in the middle of a line */
        log_print(LOG_INFO, "noise from CPU %u, a line long enough to be interrupted", cpu);
}

static void panic_on_all(uint32_t cpu)
{
    panic("asked for, on CPU %u", cpu);
}

void selftest_smp_endings(const char *line)
{
    const bool one = command_line_option(line, "panic-one", &(size_t){0}) == line + 9;
    const bool all = command_line_option(line, "panic-all", &(size_t){0}) == line + 9;
    if (!one && !all)
        return;
    start("");
    job_everywhere(one ? panic_on_one : panic_on_all);
}
