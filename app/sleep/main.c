/* Does nothing for a while. Grant: timer (Timer). */
#include "app.h"

#define SECOND_NS UINT64_C(1000000000)

/* "1.5" as nanoseconds. False: no such number. */
static bool parse_seconds(const char *text, uint64_t *out)
{
    uint64_t unit = SECOND_NS, total = 0;
    bool fraction = false;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '.' && !fraction) {
            fraction = true;
            continue;
        }
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9')
            return false;
        unit = fraction ? unit / 10 : unit;
        if (!fraction && __builtin_mul_overflow(total, UINT64_C(10), &total))
            return false;
        if (__builtin_add_overflow(total, digit * unit, &total))
            return false;
    }
    *out = total;
    return true;
}

int main(int argc, char **argv)
{
    uint64_t duration_ns;
    cap_timer timer;
    app_begin(argc, argv, "sleep SECONDS  does nothing for so long; 0.5 is half a second");
    if (argc != 2 || !parse_seconds(argv[1], &duration_ns))
        return app_misused("a number of seconds");
    if (capos_get_timer("timer", &timer) < 0) {
        app_needs("Timer", "timer");
        return app_end();
    }
    int32_t error = cap_timer_sleep(timer, duration_ns);
    if (error < 0)
        app_complain("%s", cap_why(error));
    return app_end();
}
