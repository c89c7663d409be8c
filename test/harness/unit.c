/* See unit.h. One cmocka group per test and per injected failure, so that a failing run names both. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>

enum { INJECTED_RUNS_MAX = 400 };

static unsigned alloc_count;
static unsigned alloc_fail_at; /* 0: none */
static bool alloc_failed;
static jmp_buf abandon_point;
static const struct unit_test *current;
static void (*suite_setup)(void);
static void (*suite_teardown)(void);

bool unit_alloc_should_fail(void)
{
    alloc_count++;
    if (alloc_fail_at == 0 || alloc_count != alloc_fail_at)
        return false;
    alloc_failed = true;
    return true;
}

bool unit_alloc_failed(void)
{
    return alloc_failed;
}

void *unit_malloc(size_t size_bytes)
{
    return unit_alloc_should_fail() ? NULL : malloc(size_bytes);
}

void unit_free(void *memory)
{
    free(memory);
}

void unit_abandon_if_injected(void)
{
    if (alloc_failed)
        longjmp(abandon_point, 1);
}

static void run_current(void **state)
{
    (void)state;
    if (suite_setup != NULL)
        suite_setup();
    if (setjmp(abandon_point) == 0)
        current->run();
    if (suite_teardown != NULL)
        suite_teardown();
}

/* One run with the nth allocation failing (0: none); true if it passed. */
static bool run_once(const struct unit_test *test, unsigned fail_at)
{
    const struct CMUnitTest one = {test->name, run_current, NULL, NULL, NULL};
    current = test;
    alloc_count = 0;
    alloc_fail_at = fail_at;
    alloc_failed = false;
    return _cmocka_run_group_tests(test->name, &one, 1, NULL, NULL) == 0;
}

static bool run_with_failures(const struct unit_test *test)
{
    for (unsigned n = 1; n <= INJECTED_RUNS_MAX; n++) {
        if (!run_once(test, n)) {
            printf("not ok %s - with allocation %u failing\n", test->name, n);
            return false;
        }
        if (!alloc_failed)
            return true;
    }
    return true;
}

int unit_main(const struct unit_test *tests, size_t count, void (*setup)(void), void (*teardown)(void))
{
    int failed = 0;
    suite_setup = setup;
    suite_teardown = teardown;
    cmocka_set_message_output(CM_OUTPUT_SUBUNIT); /* terse: our own lines are the report */
    for (size_t i = 0; i < count; i++) {
        bool ok = run_once(&tests[i], 0);
        if (!ok)
            printf("not ok %s\n", tests[i].name);
        else if (run_with_failures(&tests[i]))
            printf("ok %s\n", tests[i].name);
        else
            ok = false;
        fflush(stdout);
        failed += ok ? 0 : 1;
    }
    return failed == 0 ? 0 : 1;
}
