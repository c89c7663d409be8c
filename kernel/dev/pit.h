/* Channel 2 of the 8254 timer, as a stopwatch of known frequency. */
#pragma once
#include "core/types.h"

#define PIT_FREQUENCY_HZ 1193182u

/* Starts it. False if nothing counts there: this machine has no PIT. */
bool pit_start(void);
/* Ticks since pit_start, up to 65535. */
uint16_t pit_ticks(void);
void pit_stop(void);
