/* See clock_math.h. */
#include "dev/clock_math.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define MILLION       UINT64_C(1000000)

uint64_t clock_mult(uint64_t frequency_hz)
{
    return (NS_PER_SECOND << CLOCK_SHIFT) / frequency_hz;
}

uint64_t clock_scale(uint64_t ticks, uint64_t mult)
{
    return (uint64_t)((unsigned __int128)ticks * mult >> CLOCK_SHIFT);
}

uint64_t clock_frequency(uint64_t ticks, uint64_t reference_ticks, uint64_t reference_hz)
{
    uint64_t product;
    if (reference_ticks == 0 || __builtin_mul_overflow(ticks, reference_hz, &product))
        return 0;
    const uint64_t frequency_hz = product / reference_ticks;
    return frequency_hz >= CLOCK_FREQUENCY_MIN && frequency_hz <= CLOCK_FREQUENCY_MAX ? frequency_hz : 0;
}

uint64_t clock_snap(uint64_t frequency_hz, uint64_t step_hz, uint64_t tolerance_ppm)
{
    const uint64_t nearest = (frequency_hz + step_hz / 2) / step_hz * step_hz;
    const uint64_t off = nearest > frequency_hz ? nearest - frequency_hz : frequency_hz - nearest;
    return nearest != 0 && off <= frequency_hz / MILLION * tolerance_ppm ? nearest : frequency_hz;
}
