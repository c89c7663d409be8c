/* See tsc_sync.h. The lead says what is to be done next; the follower does it and says so. */
#include "arch/x86_64/tsc_sync.h"
#include "arch/arch.h"
#include "arch/x86_64/regs.h"

enum { ROUNDS = 64, ATTEMPTS = 4, MSR_TSC = 0x10 };
static const uint64_t SILENCE_MAX_NS = 1000000000;

enum order { ORDER_NONE, ORDER_READ, ORDER_ADJUST, ORDER_GO, ORDER_HALT };
static struct {
    uint32_t order;  /* atomic: set by the lead, back to NONE by the follower */
    uint64_t stamp;  /* READ: the follower's TSC */
    int64_t advance; /* ADJUST: to be added to it */
} exchange;

/* Neither earlier loads nor later ones: the reading is where the program has it. */
static uint64_t tsc_read_in_order(void)
{
    __asm__ volatile("lfence" : : : "memory");
    const uint64_t tsc = arch_read_tsc();
    __asm__ volatile("lfence" : : : "memory");
    return tsc;
}

static bool order_carried_out(enum order order)
{
    const uint64_t start_ns = clock_now_ns();
    __atomic_store_n(&exchange.order, order, __ATOMIC_RELEASE);
    while (__atomic_load_n(&exchange.order, __ATOMIC_ACQUIRE) != ORDER_NONE) {
        arch_relax();
        if (clock_now_ns() - start_ns > SILENCE_MAX_NS) {
            __atomic_store_n(&exchange.order, ORDER_NONE, __ATOMIC_RELEASE); /* not for the next CPU */
            return false;
        }
    }
    return true;
}

/* By how much the follower is ahead: between *least and *most. False: it is silent. */
static bool measure(int64_t *least, int64_t *most)
{
    *least = INT64_MIN;
    *most = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t before = tsc_read_in_order();
        if (!order_carried_out(ORDER_READ))
            return false;
        const uint64_t after = tsc_read_in_order();
        const int64_t lower = (int64_t)(exchange.stamp - after), upper = (int64_t)(exchange.stamp - before);
        *least = lower > *least ? lower : *least;
        *most = upper < *most ? upper : *most;
    }
    return true;
}

static bool bring_in_step(void)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int64_t least, most;
        if (!measure(&least, &most) || least > most) /* contradictory: it does not run at the same rate */
            return false;
        if (least <= 0 && most >= 0)
            return true;
        exchange.advance = -(least + (most - least) / 2);
        if (!order_carried_out(ORDER_ADJUST))
            return false;
    }
    return false;
}

bool tsc_sync_lead(void)
{
    const bool good = bring_in_step();
    return order_carried_out(good ? ORDER_GO : ORDER_HALT) && good;
}

bool tsc_sync_follow(void)
{
    for (;;) {
        const enum order order = (enum order)__atomic_load_n(&exchange.order, __ATOMIC_ACQUIRE);
        if (order == ORDER_NONE) {
            arch_relax();
            continue;
        }
        if (order == ORDER_READ)
            exchange.stamp = tsc_read_in_order();
        if (order == ORDER_ADJUST)
            msr_write(MSR_TSC, arch_read_tsc() + (uint64_t)exchange.advance);
        __atomic_store_n(&exchange.order, ORDER_NONE, __ATOMIC_RELEASE);
        if (order == ORDER_GO || order == ORDER_HALT)
            return order == ORDER_GO;
    }
}
