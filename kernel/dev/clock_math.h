/* Arithmetic of the clock, pure. 64 by 64 bit products are 128 bits; no 128-bit division is needed. */
#pragma once
#include <stdint.h>

enum { CLOCK_SHIFT = 32 };
#define CLOCK_FREQUENCY_MIN UINT64_C(1000000)
#define CLOCK_FREQUENCY_MAX UINT64_C(100000000000)

/* The factor by which ticks become ns: ns = ticks * mult >> CLOCK_SHIFT. */
uint64_t clock_mult(uint64_t frequency_hz);
uint64_t clock_scale(uint64_t ticks, uint64_t mult);
/* Frequency of a counter that made `ticks` while another of `reference_hz` made `reference_ticks`; 0 if that
 * makes no sense (no reference ticks, or the result is not a clock's frequency). Ticks below 2^32. */
uint64_t clock_frequency(uint64_t ticks, uint64_t reference_ticks, uint64_t reference_hz);
/* The nearest multiple of `step_hz` if it is within `tolerance_ppm`, else the frequency itself. */
uint64_t clock_snap(uint64_t frequency_hz, uint64_t step_hz, uint64_t tolerance_ppm);
