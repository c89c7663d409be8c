/* Days and times of day (UTC) from the nanoseconds since 1970 that clocks and files say. */
#pragma once
#include <stdint.h>

struct calendar {
    int64_t year;
    unsigned month, day; /* from 1 */
    unsigned hour, minute, second;
    unsigned nanosecond;
    unsigned weekday;  /* 0: Sunday */
    unsigned year_day; /* from 1 */
};

enum { CALENDAR_SECOND_NS = 1000000000, CALENDAR_DAY_S = 86400 };

/* Years begin on the first of March here, so that the day that comes every four years is the last. */
static inline void calendar_set_date(struct calendar *out, int64_t days)
{
    enum { ERA_DAYS = 146097, ERA_YEARS = 400, EPOCH_DAYS = 719468 /* from 0000-03-01 */ };
    days += EPOCH_DAYS;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    unsigned in_era = (unsigned)(days - era * ERA_DAYS);
    unsigned of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    unsigned shifted = (5 * in_year + 2) / 153;
    out->day = in_year - (153 * shifted + 2) / 5 + 1;
    out->month = shifted < 10 ? shifted + 3 : shifted - 9;
    out->year = (int64_t)of_era + era * ERA_YEARS + (out->month <= 2);
    int leap = out->year % 4 == 0 && (out->year % 100 != 0 || out->year % ERA_YEARS == 0);
    out->year_day = out->month > 2 ? in_year + 60 + (unsigned)leap : in_year - 305;
}

static inline struct calendar calendar_of(int64_t unix_ns)
{
    struct calendar out;
    int64_t seconds = unix_ns / CALENDAR_SECOND_NS - (unix_ns % CALENDAR_SECOND_NS < 0);
    int64_t days = seconds / CALENDAR_DAY_S - (seconds % CALENDAR_DAY_S < 0);
    unsigned in_day = (unsigned)(seconds - days * CALENDAR_DAY_S);
    out.nanosecond = (unsigned)(unix_ns - seconds * CALENDAR_SECOND_NS);
    out.hour = in_day / 3600;
    out.minute = in_day / 60 % 60;
    out.second = in_day % 60;
    out.weekday = (unsigned)(((days + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
    calendar_set_date(&out, days);
    return out;
}
