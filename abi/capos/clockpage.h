/*
 * The clock page: what Timer.mapClock maps, read-only, so that reading the time costs no kernel entry.
 *
 *   ns = base_ns + ((rdtsc() - base_tsc) * mult >> shift)      with a 128-bit product
 *
 * The kernel changes the page only between sequence increments: read `sequence`, retry while it is odd, read
 the
 * rest, read `sequence` again, retry if it changed. Monotonic time starts at 0 at boot.

 */
#pragma once
#include <capos/ring.h>

#define CAPOS_CLOCK_TICK_NS 10000000u /* Timer.now's `tick` counts these */

struct capos_clock_page {
    uint32_t sequence;
    uint32_t shift;
    uint64_t mult;
    uint64_t base_tsc;
    uint64_t base_ns;
};

CAPOS_ABI_ASSERT(sizeof(struct capos_clock_page) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_clock_page, sequence) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_clock_page, shift) == 4);
CAPOS_ABI_ASSERT(offsetof(struct capos_clock_page, mult) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_clock_page, base_tsc) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_clock_page, base_ns) == 24);
