/* Physical memory, locks, panic and the odd functions of the machine; see fake.h. */
#include "fake.h"
#include "arch/arch.h"
#include "arch/x86_64/paging.h"
#include "core/lock.h"
#include "core/panic.h"
#include "mm/frame.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_USABLE = 0x100000, LOCKS_HELD_MAX = 8 };

static char *memory;
static uint64_t memory_size;
static uint64_t kernel_root[512] __attribute__((aligned(4096)));
static bool inject_on;
static unsigned inject_one_in, injected;
static uint32_t inject_state = 12345;
static const struct spinlock *held[LOCKS_HELD_MAX];
static unsigned held_count;

uint8_t fake_dirt;
void (*fake_preemption_hook)(void *context);
void *fake_preemption_context;
jmp_buf *fake_panic_target;

/* ---- Memory. The kernel's root table is outside of it: a physical address of its own. */

static const uint64_t KERNEL_ROOT = UINT64_C(1) << 51;

void *direct_map(paddr_t address)
{
    if (address.raw == KERNEL_ROOT)
        return kernel_root;
    assert_true(address.raw < memory_size);
    return memory + address.raw;
}

paddr_t direct_map_to_physical(const void *pointer)
{
    assert_true((const char *)pointer >= memory && (const char *)pointer < memory + memory_size);
    return (paddr_t){(uint64_t)((const char *)pointer - memory)};
}

paddr_t arch_kernel_page_table(void)
{
    return (paddr_t){KERNEL_ROOT};
}

void fake_machine_start_with(const struct boot_info *boot)
{
    memory_size = boot->memory_end;
    memory =
        mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(memory != MAP_FAILED);
    if (fake_dirt != 0)
        memset(memory, fake_dirt, memory_size);
    fake_dirt = 0;
    for (size_t i = 256; i < 512; i++)
        kernel_root[i] = i; /* recognisable, never followed */
    kernel_root[1] = 0xbad; /* the lower half must not be copied */
    fake_tlb_clear();
    fake_inject(false, 0);
    frame_init(boot);
}

void fake_machine_start(uint64_t size_bytes)
{
    struct boot_info *boot = calloc(1, sizeof *boot);
    boot->memory_end = size_bytes;
    boot->regions[0] = (struct boot_region){FIRST_USABLE, size_bytes - FIRST_USABLE, true};
    boot->region_count = 1;
    fake_machine_start_with(boot);
    free(boot);
}

void fake_machine_stop(void)
{
    assert_true(frame_check());
    assert_int_equal(held_count, 0);
    munmap(memory, memory_size);
    memory = NULL;
    fake_preemption_hook = NULL;
    fake_inject(false, 0);
}

uint64_t fake_resident_bytes(void)
{
    enum { WINDOW = 1 << 16 };
    static unsigned char present[WINDOW];
    uint64_t resident = 0;
    for (uint64_t at = 0; at < memory_size; at += WINDOW * PAGE_SIZE) {
        uint64_t left = memory_size - at, length = left < WINDOW * PAGE_SIZE ? left : WINDOW * PAGE_SIZE;
        assert_int_equal(mincore(memory + at, length, present), 0);
        for (uint64_t i = 0; i < length / PAGE_SIZE; i++)
            resident += present[i] & 1 ? PAGE_SIZE : 0;
    }
    return resident;
}

/* ---- Failures. */

void fake_inject(bool on, unsigned one_in)
{
    inject_on = on;
    inject_one_in = one_in;
}

bool fake_inject_pause(void)
{
    bool was_on = inject_on;
    inject_on = false;
    return was_on;
}

void fake_inject_resume(bool was_on)
{
    inject_on = was_on;
}

unsigned fake_injected_count(void)
{
    return injected;
}

bool fake_should_fail(void);
bool fake_should_fail(void)
{
    if (!inject_on)
        return false;
    inject_state = inject_state * 1664525 + 1013904223;
    bool fail = inject_one_in != 0 ? (inject_state >> 8) % inject_one_in == 0 : unit_alloc_should_fail();
    injected += fail ? 1 : 0;
    return fail;
}

/* ---- Locks: not locking, but checking order and balance. */

void spinlock_init(struct spinlock *lock, enum lock_class class_number)
{
    *lock = (struct spinlock){.class_number = class_number};
}

void spinlock_acquire(struct spinlock *lock)
{
    assert_true(lock->class_number != 0);
    assert_true(held_count == 0 || held[held_count - 1]->class_number < lock->class_number);
    assert_true(held_count < LOCKS_HELD_MAX);
    held[held_count++] = lock;
}

void spinlock_release(struct spinlock *lock)
{
    assert_true(held_count > 0 && held[held_count - 1] == lock);
    held_count--;
}

void spinlock_assert_held(const struct spinlock *lock)
{
    assert_true(held_count > 0 && held[held_count - 1] == lock);
}

void spinlock_assert_none_held(void)
{
    assert_int_equal(held_count, 0);
}

void fake_locks_forget(void)
{
    held_count = 0;
}

/* ---- The rest of the machine. */

uint32_t arch_cpu_number(void)
{
    return 0;
}

uint64_t arch_read_tsc(void)
{
    static uint64_t tsc = 1000;
    return tsc += 12345;
}

bool arch_random_u64(uint64_t *out)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    *out = state ^ state >> 32;
    return true;
}

void arch_relax(void)
{
}

void arch_preemption_point(void)
{
    spinlock_assert_none_held();
    if (fake_preemption_hook != NULL)
        fake_preemption_hook(fake_preemption_context);
}

void panic(const char *format, ...)
{
    va_list arguments;
    if (fake_panic_target != NULL)
        longjmp(*fake_panic_target, 1);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    abort();
}
