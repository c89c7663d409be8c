/*
 * Unit test harness: cmocka tests, each run again with every allocation failing once.
 *
 * A suite is a table of tests and a call to unit_main. Every test runs once plainly. Then it runs again with
 * the 1st, 2nd, ... allocation failing, until a run makes fewer allocations than that. Code under test that
 * allocates asks unit_alloc_should_fail() (fakes do it for the kernel; unit_malloc does it for everything
 * else).
 *
 * Inside a test, UNIT_OK(expr) says "this must hold unless an allocation was made to fail": in a run with an
 * injected failure a false expr ends the test quietly, since being refused is right then. cmocka's assert_*
 * hold always. Whatever a test acquires it releases in the suite's teardown, which runs in every case and
 * then checks that nothing leaked; AddressSanitizer checks the heap.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};
#define UNIT_TEST(function) \
    {                       \
#function, function \
    }

/* Counts one allocation; true if this one is to fail. */
bool unit_alloc_should_fail(void);
/* True once a failure was injected in this run. */
bool unit_alloc_failed(void);
/* malloc/free that take part in the injection. */
void *unit_malloc(size_t size_bytes);
void unit_free(void *memory);

/* Ends a run in which an allocation was made to fail; does nothing else. */
void unit_abandon_if_injected(void);
#define UNIT_OK(expr)                                        \
    do {                                                     \
        bool unit_holds = (expr);                            \
        if (!unit_holds)                                     \
            unit_abandon_if_injected();                      \
        _assert_true(unit_holds, #expr, __FILE__, __LINE__); \
    } while (0)

/* Runs the tests (setup and teardown around each run; either may be null) and prints `ok` / `not ok` lines.
 * Returns the exit status for main. */
int unit_main(const struct unit_test *tests, size_t count, void (*setup)(void), void (*teardown)(void));
#define UNIT_MAIN(tests, setup, teardown) \
    unit_main((tests), sizeof(tests) / sizeof((tests)[0]), (setup), (teardown))
