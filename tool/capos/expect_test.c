/* Unit tests of expect.c: the transcript language and the matcher. */
#include "expect.h"
#include "unit.h"
#include <string.h>

static struct expect expect;
static struct buffer report;
static struct sentence why;

static bool parse(const char *text)
{
    return expect_parse("e.txt", text, strlen(text), &expect, &why);
}

static bool check(const char *output)
{
    report.size = 0;
    return expect_compare(&expect, output, strlen(output), &report);
}

static void clean(void)
{
    expect_free(&expect);
    buffer_free(&report);
}

static void lines_match_in_order_and_by_part(void)
{
    assert_true(parse("# a comment\n\none\nthree\n"));
    assert_true(check("zero\nthe one\r\ntwo\nthree \n"));
    assert_false(check("three\none\n"));
    assert_non_null(strstr(report.data, "line 4 of the transcript did not come: three"));
    assert_non_null(strstr(report.data, "it did come earlier, as output line 1"));
}

static void one_output_line_serves_one_expectation(void)
{
    assert_true(parse("same\nsame\n"));
    assert_true(check("same\nsame\n"));
    assert_false(check("same\n"));
}

static void regular_expressions_are_extended(void)
{
    assert_true(parse("/^took [0-9]+ (ms|us)$/\n"));
    assert_true(check("took 15 us\n"));
    assert_false(check("took x us\n"));
}

static void a_bad_regular_expression_names_its_line(void)
{
    assert_false(parse("fine\n/a(/\n"));
    assert_non_null(strstr(why.text, "e.txt:2: /a(/ is not a regular expression"));
}

static void forbidden_lines_fail_anywhere(void)
{
    assert_true(parse("end\n!secret\n!/^x+$/\n"));
    assert_true(check("start\nend\n"));
    assert_false(check("end\nthe secret\n"));
    assert_non_null(strstr(report.data, "line 2 of the transcript forbids output line 2: the secret"));
    assert_false(check("xxx\nend\n"));
}

static void a_panic_always_fails(void)
{
    assert_true(parse("done\n"));
    assert_false(check("done\npanic: frame.c:12\n"));
    assert_non_null(strstr(report.data, "the kernel panicked"));
}

static void the_nearest_line_is_shown(void)
{
    assert_true(parse("[c-hello] hello from c-hello\n"));
    assert_false(check("something\n[c-hello] hello from c-help\nelse\n"));
    assert_non_null(strstr(report.data, "nearest to it was output line 2: [c-hello] hello from c-help"));
}

static void directives_are_read(void)
{
    assert_true(parse("%exit 3\n%cpus 2\n%memory 64M\n%timeout 90\nx\n"));
    assert_int_equal(expect.exit_code, 3);
    assert_int_equal(expect.cpus, 2);
    assert_int_equal(expect.memory_mib, 64);
    assert_int_equal(expect.timeout_s, 90);
}

static void directives_have_defaults(void)
{
    assert_true(parse("x\n"));
    assert_int_equal(expect.exit_code, 0);
    assert_int_equal(expect.timeout_s, EXPECT_TIMEOUT_DEFAULT_S);
}

static void a_bad_directive_names_its_line(void)
{
    static const char *const bad[] = {"%exit x\n", "%cpus 0\n", "%memory lots\n", "%timeout -1\n",
                                      "%nonsense 1\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(parse(bad[i]));
        assert_memory_equal(why.text, "e.txt:1: ", 9);
        expect_free(&expect);
    }
}

static void a_percent_line_behind_text_is_text(void)
{
    assert_true(parse("x\n%exit 3\n"));
    assert_int_equal(expect.exit_code, 0);
    assert_true(check("x\n%exit 3\n"));
}

static void an_empty_transcript_is_refused(void)
{
    assert_false(parse("# nothing\n%exit 1\n"));
}

static void output_may_hold_anything(void)
{
    static const char output[] = "a\0b\n\xff\xfe\nlast without newline";
    assert_true(parse("a?b\nlast without newline\n"));
    assert_true(expect_compare(&expect, output, sizeof(output) - 1, &report));
    assert_false(expect_compare(&expect, "", 0, &report));
}

static const struct unit_test tests[] = {
    UNIT_TEST(lines_match_in_order_and_by_part),   UNIT_TEST(one_output_line_serves_one_expectation),
    UNIT_TEST(regular_expressions_are_extended),   UNIT_TEST(a_bad_regular_expression_names_its_line),
    UNIT_TEST(forbidden_lines_fail_anywhere),      UNIT_TEST(a_panic_always_fails),
    UNIT_TEST(the_nearest_line_is_shown),          UNIT_TEST(directives_are_read),
    UNIT_TEST(directives_have_defaults),           UNIT_TEST(a_bad_directive_names_its_line),
    UNIT_TEST(a_percent_line_behind_text_is_text), UNIT_TEST(an_empty_transcript_is_refused),
    UNIT_TEST(output_may_hold_anything),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, clean);
}
