/* A service that was granted a little of everything, and looks whether it is there and works. */
#include "check.h"
#include <capos/entropy.h>
#include <capos/system.h>
#include <capos/timer.h>
#include <string.h>

enum { SLEEP_NS = 5000000, BLOCK_BYTES = 100000 };

static void check_time(void)
{
    struct cap_timer_now_results before = {0}, after = {0};
    cap_timer timer = capos_need_timer("timer");
    bool worked = cap_timer_now(timer, &before) >= 0 && cap_timer_sleep(timer, SLEEP_NS) >= 0 &&
                  cap_timer_now(timer, &after) >= 0;
    demo_check(worked && after.monotonic_ns - before.monotonic_ns >= SLEEP_NS, "time passes");
}

static void check_memory(void)
{
    char *block = malloc(BLOCK_BYTES);
    if (block != NULL)
        memset(block, 0x5a, BLOCK_BYTES);
    demo_check(block != NULL && block[0] == 0x5a && block[BLOCK_BYTES - 1] == 0x5a,
               "memory holds what it is given");
    free(block);
}

static void check_entropy(void)
{
    static uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_entropy_source_fill_results results = {0};
    int32_t status = cap_entropy_source_fill(capos_need_entropy_source("random"), 32, &results, &buffer);
    demo_check(status >= 0 && results.data.len == 32, "random bytes come");
}

static void check_start(int argc, char **argv)
{
    cap_timer none;
    demo_check(argc == 2 && strcmp(argv[1], "all") == 0, "arguments arrive");
    demo_check(capos_get_timer("clock", &none) == CAPOS_ERR_NO_CAPABILITY, "init's own names stay init's");
    demo_check(capos_get_timer("console", &none) == CAPOS_ERR_WRONG_INTERFACE, "a Console is no Timer");
}

int main(int argc, char **argv)
{
    demo_begin("smoke");
    check_start(argc, argv);
    check_time();
    check_memory();
    check_entropy();
    return demo_end();
}
