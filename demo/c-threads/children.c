#include "children.h"
#include <capos/call.h>
#include <capos/lookup.h>
#include <capos/threads.h>
#include <string.h>

enum { THREADS_BUDGET = 4, SLEEP_NS = 20000000 };

static uint64_t sleep_for_ever(void *argument)
{
    (void)argument;
    return (uint64_t)cap_timer_sleep(capos_need_timer("timer"), UINT64_MAX / 2);
}

static uint64_t compute_for_ever(void *argument)
{
    for (volatile uint64_t *count = argument;;)
        ++*count;
    return 0;
}

static uint64_t end_process(void *argument)
{
    (void)argument;
    (void)cap_timer_sleep(capos_need_timer("timer"), SLEEP_NS);
    capos_sys_exit(CHILD_SIBLING_CODE);
}

static uint64_t crash(void *argument)
{
    (void)argument;
    (void)cap_timer_sleep(capos_need_timer("timer"), SLEEP_NS);
    *(volatile int *)8 = 1;
    return 0;
}

/* Uses more stack than there is, until the guard page. */
static __attribute__((noinline)) uint64_t overflow(void *argument)
{
    volatile char frame[1024];
    frame[0] = *(char *)argument;
    if (frame[0] != 0) /* never */
        return 0;
    return overflow((void *)(uintptr_t)&frame[0]) + (uint64_t)frame[0];
}

/* Company for the thread that ends the process: one that waits, one that runs, and the first, which joins. */
static int with_company(uint64_t (*fn)(void *argument))
{
    static uint64_t count;
    capos_thread sleeper, computer, ender;
    char start = 0;
    if (capos_thread_create(NULL, sleep_for_ever, NULL, &sleeper) < 0 ||
        capos_thread_create(NULL, compute_for_ever, &count, &computer) < 0 ||
        capos_thread_create(NULL, fn, &start, &ender) < 0)
        return CHILD_WRONG;
    (void)capos_thread_join(sleeper, NULL);
    return CHILD_WRONG;
}

static uint64_t outlive_main(void *argument)
{
    (void)argument;
    (void)cap_timer_sleep(capos_need_timer("timer"), SLEEP_NS);
    return 5;
}

static int leave_main(void)
{
    capos_thread other;
    if (capos_thread_create(NULL, outlive_main, NULL, &other) < 0)
        return CHILD_WRONG;
    capos_thread_exit(77); /* nobody's business: the process ends with 0 when the last thread does */
}

static int without_grant(void)
{
    capos_thread thread;
    return capos_thread_create(NULL, sleep_for_ever, NULL, &thread) == CAPOS_ERR_NO_CAPABILITY ? CHILD_OK
                                                                                               : CHILD_WRONG;
}

/* A budget of THREADS_BUDGET threads, the first one among them. */
static int use_up_budget(void)
{
    capos_thread thread;
    for (int i = 1; i < THREADS_BUDGET; i++) {
        if (capos_thread_create(NULL, sleep_for_ever, NULL, &thread) < 0)
            return CHILD_WRONG;
    }
    int32_t status = capos_thread_create(NULL, sleep_for_ever, NULL, &thread);
    return status == CAPOS_ERR_EXCEPTION && cap_exception_last()->kind == CAPOS_EXCEPTION_OVERLOADED
               ? CHILD_OK
               : CHILD_WRONG;
}

/* Threads that wait and compute, until somebody kills the process. */
static int live_on(void)
{
    return with_company(compute_for_ever);
}

int child_main(const char *part)
{
    if (strcmp(part, "live") == 0)
        return live_on();
    if (strcmp(part, "exit") == 0)
        return with_company(end_process);
    if (strcmp(part, "crash") == 0)
        return with_company(crash);
    if (strcmp(part, "overflow") == 0)
        return with_company(overflow);
    if (strcmp(part, "leave") == 0)
        return leave_main();
    if (strcmp(part, "ungranted") == 0)
        return without_grant();
    if (strcmp(part, "budget") == 0)
        return use_up_budget();
    return CHILD_WRONG;
}
