/* See lock.h. */
#include "core/lock.h"
#include "arch/arch.h"
#include "core/panic.h"

bool spinlock_several_cpus;

/* Reads until it looks free before it writes again: those that wait leave the holder its cache line. */
void spinlock_wait(struct spinlock *lock)
{
    do {
        while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED) != 0)
            arch_relax();
    } while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0);
}

#ifdef CAPOS_DEBUG
enum { HELD_MAX = 8 };
/* Classes each CPU holds, in the order taken: ascending. Touched by that CPU only. */
static struct {
    uint32_t count;
    uint32_t classes[HELD_MAX];
} held[ARCH_CPUS_MAX];

static void check_acquire(const struct spinlock *lock)
{
    const uint32_t cpu = arch_cpu_number();
    const uint32_t count = held[cpu].count;
    kassert(lock->class_number != 0);
    const uint32_t lowest = lock->class_number + (lock->class_number == LOCK_PARK);
    if (count != 0 && held[cpu].classes[count - 1] >= lowest)
        panic("lock order: class %u taken while %u is held", lock->class_number,
              held[cpu].classes[count - 1]);
    kassert(count < HELD_MAX);
}

static void note_acquired(struct spinlock *lock)
{
    const uint32_t cpu = arch_cpu_number();
    lock->holder_cpu = cpu + 1;
    held[cpu].classes[held[cpu].count++] = lock->class_number;
}

/* Locks may be released in any order. */
static void note_release(struct spinlock *lock)
{
    const uint32_t cpu = arch_cpu_number();
    spinlock_assert_held(lock);
    lock->holder_cpu = 0;
    uint32_t place = 0;
    while (held[cpu].classes[place] != lock->class_number)
        place++;
    held[cpu].count--;
    for (; place < held[cpu].count; place++)
        held[cpu].classes[place] = held[cpu].classes[place + 1];
}

void spinlock_assert_held(const struct spinlock *lock)
{
    if (lock->holder_cpu != arch_cpu_number() + 1)
        panic("lock: class %u is not held by this CPU", lock->class_number);
}

void spinlock_assert_none_held(void)
{
    const uint32_t cpu = arch_cpu_number();
    if (held[cpu].count != 0)
        panic("lock: class %u is still held", held[cpu].classes[0]);
}
void spinlock_acquire(struct spinlock *lock)
{
    check_acquire(lock);
    if (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0)
        spinlock_wait(lock);
    note_acquired(lock);
}

void spinlock_release(struct spinlock *lock)
{
    note_release(lock);
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}
#else
void spinlock_assert_held(const struct spinlock *lock)
{
    (void)lock;
}

void spinlock_assert_none_held(void)
{
}
#endif

void spinlock_init(struct spinlock *lock, enum lock_class class_number)
{
    *lock = (struct spinlock)SPINLOCK_INIT(class_number);
}
