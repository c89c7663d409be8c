/* The MC146818 clock of a PC: the date and time at boot. */
#pragma once
#include "core/types.h"

/* The registers as they are: BCD or binary, 12 or 24 hours, as status_b says. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year, century, status_b;
};

/* Seconds since 1970-01-01 00:00 UTC. False if a field is out of range. Pure. */
bool rtc_decode(const struct rtc_registers *registers, int64_t *unix_seconds);

/* Reads a consistent time, to the second. False if there is no clock or it makes no sense. */
bool rtc_read(int64_t *unix_seconds);
