/*
 * Reading the time without entering the kernel.
 */
#pragma once
#include <capos/timer.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Nanoseconds since boot, monotonic. The first call maps the kernel's clock page with Timer.mapClock, which
 * also allows this process to read the TSC; after that no call enters the kernel. If the page cannot be
 * mapped (no memory) each call asks Timer.now instead. Returns 0 if `timer` is not a Timer capability of this
 * process.
 */
uint64_t capos_clock_ns(cap_timer timer);

#ifdef __cplusplus
}
#endif
