/* The date and time, UTC. Grant: clock (WallClock). */
#include "app.h"
#include "calendar.h"

static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
enum { SHORT_NAME = 3 };

/* False: there is no such letter. */
static bool show(char letter, const struct calendar *now, int64_t unix_ns)
{
    switch (letter) {
    case 'Y':
        return app_printf("%lld", (long long)now->year), true;
    case 'y':
        return app_printf("%02lld", (long long)(now->year % 100)), true;
    case 'm':
        return app_printf("%02u", now->month), true;
    case 'd':
        return app_printf("%02u", now->day), true;
    case 'H':
        return app_printf("%02u", now->hour), true;
    case 'M':
        return app_printf("%02u", now->minute), true;
    case 'S':
        return app_printf("%02u", now->second), true;
    case 'N':
        return app_printf("%09u", now->nanosecond), true;
    case 'j':
        return app_printf("%03u", now->year_day), true;
    case 'u':
        return app_printf("%u", now->weekday == 0 ? 7 : now->weekday), true;
    case 'A':
        return app_printf("%s", day_names[now->weekday]), true;
    case 'a':
        return app_printf("%.*s", SHORT_NAME, day_names[now->weekday]), true;
    case 'B':
        return app_printf("%s", month_names[now->month - 1]), true;
    case 'b':
        return app_printf("%.*s", SHORT_NAME, month_names[now->month - 1]), true;
    case 's':
        return app_printf("%lld", (long long)(unix_ns / CALENDAR_SECOND_NS)), true;
    case 'F':
        return app_printf("%lld-%02u-%02u", (long long)now->year, now->month, now->day), true;
    case 'T':
        return app_printf("%02u:%02u:%02u", now->hour, now->minute, now->second), true;
    case 'Z':
        return app_printf("UTC"), true;
    case '%':
        return app_printf("%%"), true;
    default:
        return false;
    }
}

static void show_format(const char *format, int64_t unix_ns)
{
    struct calendar now = calendar_of(unix_ns);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            app_write(format, 1);
        } else if (!show(*++format, &now, unix_ns)) {
            app_write("\n", app_out_len != 0);
            app_complain("there is no %%%c; date --help lists what there is",
                         *format == '\0' ? ' ' : *format);
            return;
        }
    }
    app_write("\n", 1);
}

int main(int argc, char **argv)
{
    cap_wall_clock clock;
    struct cap_wall_clock_now_results now = {0};
    app_begin(argc, argv,
              "date [+FORMAT]  prints the date and time (UTC), as 2026-11-23T04:02:07Z or as FORMAT says:\n"
              "  %F 2026-11-23  %T 04:02:07  %Y %y year  %m month  %d day  %j day of the year\n"
              "  %H %M %S %N hour to nanosecond  %s seconds since 1970  %A %a %u day of the week\n"
              "  %B %b month's name  %Z UTC  %% %");
    (void)app_options(&argc, argv, "u");
    if (argc > 2 || (argc == 2 && argv[1][0] != '+'))
        return app_misused("+FORMAT or nothing");
    if (capos_get_wall_clock("clock", &clock) < 0) {
        app_needs("WallClock", "clock");
        return app_end();
    }
    int32_t error = cap_wall_clock_now(clock, &now);
    if (error < 0)
        app_complain("%s", cap_why(error));
    else
        show_format(argc == 2 ? argv[1] + 1 : "%FT%TZ", now.unix_ns);
    return app_end();
}
