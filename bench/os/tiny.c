/* The smallest process: exits at once, or, if it was granted a timer, sleeps for longer than any measurement.
 */
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/timer.h>

enum { YEARS_NS_LOG2 = 60 };

int main(void)
{
    cap_timer timer;
    if (capos_get_timer("timer", &timer) >= 0)
        (void)cap_timer_sleep(timer, UINT64_C(1) << YEARS_NS_LOG2);
    return 0;
}
