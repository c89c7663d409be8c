/* The date and time, UTC. Grant: clock (WallClock). */
#include "app.h"

enum { SECOND_NS = 1000000000, DAY_S = 86400, ERA_DAYS = 146097 };

/* Years begin on the first of March, so that the day that comes every four years is the last. */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    unsigned in_era = (unsigned)(days - era * ERA_DAYS);
    unsigned of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    unsigned shifted = (5 * in_year + 2) / 153;
    *day = in_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)of_era + era * 400 + (*month <= 2);
}

int main(void)
{
    cap_wall_clock clock;
    struct cap_wall_clock_now_results now = {0};
    app_name = "date";
    if (capos_get_wall_clock("clock", &clock) < 0) {
        app_complain("needs a WallClock called clock: with { clock: @... }");
        return 1;
    }
    int32_t error = cap_wall_clock_now(clock, &now);
    if (error < 0) {
        app_complain("%s", cap_why(error));
        return 1;
    }
    int64_t seconds = now.unix_ns / SECOND_NS - (now.unix_ns % SECOND_NS < 0), year;
    int64_t days = seconds / DAY_S - (seconds % DAY_S < 0);
    unsigned in_day = (unsigned)(seconds - days * DAY_S), month, day;
    civil(days, &year, &month, &day);
    app_printf("%04lld-%02u-%02uT%02u:%02u:%02uZ\n", (long long)year, month, day, in_day / 3600,
               in_day / 60 % 60, in_day % 60);
    return 0;
}
