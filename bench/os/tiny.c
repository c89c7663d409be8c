/* The smallest process: exits at once, or with an argument waits for a completion that never comes. */
#include <capos/capos.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        (void)capos_sys_cap_enter(1, CAPOS_TIMEOUT_NEVER);
    return 0;
}
