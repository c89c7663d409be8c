/*
 * What the demos share: one line per thing checked, and an exit code that says whether all of it held. A demo
 * prints
 * `[NAME] ok WHAT` for what holds and `[NAME] FAIL WHAT` for what does not; its transcript wants the former
 * and forbids the latter.
 */
#pragma once
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <stdarg.h>
#include <stdbool.h>

static cap_console demo_console;
static const char *demo_name;
static int demo_failures;

static inline void demo_begin(const char *name)
{
    demo_console = capos_need_console("console");
    demo_name = name;
}

/* One line, in one piece. */
__attribute__((format(printf, 1, 2))) static inline void demo_say(const char *format, ...)
{
    char line[500];
    va_list args;
    va_start(args, format);
    capos_vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)capos_printf(demo_console, "[%s] %s\n", demo_name, line);
}

static inline void demo_check(bool holds, const char *what)
{
    if (!holds)
        demo_failures++;
    demo_say("%s %s", holds ? "ok" : "FAIL", what);
}

/* A transport error. */
static inline void demo_expect(int32_t expected, int32_t got, const char *what)
{
    bool as_expected = got == expected || (expected == CAPOS_OK && got > 0);
    if (!as_expected)
        demo_failures++;
    if (as_expected)
        demo_say("ok %s: %s", what, capos_error_name(got));
    else
        demo_say("FAIL %s: %s, not %s (%s)", what, capos_error_name(got), capos_error_name(expected),
                 got < 0 ? cap_why(got) : "");
}

/* A refusal by the capability itself. */
static inline void demo_expect_exception(enum capos_exception_kind kind, int32_t got, const char *what)
{
    bool excepted = got == CAPOS_ERR_EXCEPTION && cap_exception_last()->kind == kind;
    if (!excepted)
        demo_failures++;
    if (excepted)
        demo_say("ok %s: %s (%s)", what, cap_exception_kind_name(kind), cap_why(got));
    else
        demo_say("FAIL %s: %s %s, not the exception %s", what, capos_error_name(got),
                 got < 0 ? cap_why(got) : "", cap_exception_kind_name(kind));
}

static inline int demo_end(void)
{
    if (demo_failures != 0)
        demo_say("FAIL %d checks failed", demo_failures);
    else
        demo_say("done");
    return demo_failures == 0 ? 0 : 1;
}
