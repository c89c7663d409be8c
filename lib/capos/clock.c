/* The time from the clock page (abi/capos/clockpage.h). */
#include <capos/clock.h>
#include <capos/clockpage.h>
#include <stddef.h>

/* One per process: every Timer maps the same page at the same address. */
static const struct capos_clock_page *clock_page;

static uint64_t read_tsc(void)
{
    uint32_t low, high;
    /* LFENCE: the counter is not read ahead of the page's fields. */
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t page_ns(const struct capos_clock_page *page)
{
    for (;;) {
        uint32_t sequence = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
        uint64_t base_tsc = page->base_tsc, base_ns = page->base_ns, mult = page->mult;
        uint32_t shift = page->shift & 63;
        uint64_t tsc = read_tsc();
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((sequence & 1) != 0 || __atomic_load_n(&page->sequence, __ATOMIC_RELAXED) != sequence)
            continue;
        uint64_t elapsed =
            tsc < base_tsc ? 0 : tsc - base_tsc; /* another processor's counter may lag a little */
        return base_ns + (uint64_t)(((unsigned __int128)elapsed * mult) >> shift);
    }
}

static __attribute__((noinline)) uint64_t first_clock_ns(cap_timer timer)
{
    struct cap_timer_map_clock_results mapped;
    struct cap_timer_now_results now;
    if (cap_timer_map_clock(timer, &mapped) >= 0 && mapped.address != 0) {
        const struct capos_clock_page *page = (const void *)(uintptr_t)mapped.address;
        __atomic_store_n(&clock_page, page, __ATOMIC_RELEASE);
        return page_ns(page);
    }
    return cap_timer_now(timer, &now) >= 0 ? now.monotonic_ns : 0;
}

uint64_t capos_clock_ns(cap_timer timer)
{
    const struct capos_clock_page *page = __atomic_load_n(&clock_page, __ATOMIC_ACQUIRE);
    if (__builtin_expect(page == NULL, 0))
        return first_clock_ns(timer);
    return page_ns(page);
}
