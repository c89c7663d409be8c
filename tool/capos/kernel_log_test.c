/* Unit tests of kernel_log.c and crash_lines.c. */
#include "crash_lines.h"
#include "kernel_log.h"
#include "unit.h"
#include <string.h>

static struct kernel_log kernel_log;

static void clean(void)
{
    kernel_log_free(&kernel_log);
}

static const char sample[] = "boot: capOS\r\n"
                             "crash: process 2 (x): page fault\r\n"
                             "crash:   #0 0x1000\n"
                             "proc: process 2 exited with code -7\n"
                             "unfinished text proc: process 1 exited with code 142\r\n"
                             "check: all frames and objects returned\n"
                             "sched: last process exited, halting.\n";

static void assert_facts(void)
{
    int64_t code;
    assert_true(kernel_log_exit_code(&kernel_log, 2, &code));
    assert_int_equal(code, -7);
    assert_true(kernel_log_exit_code(&kernel_log, 1, &code));
    assert_int_equal(code, 142);
    assert_false(kernel_log_exit_code(&kernel_log, 3, &code));
    assert_true(kernel_log.halted && kernel_log.balanced && !kernel_log.leaked && !kernel_log.panicked);
    assert_string_equal(kernel_log.crash.data, "crash: process 2 (x): page fault\ncrash:   #0 0x1000\n");
    assert_string_equal(kernel_log.text.data, sample);
}

static void a_log_in_one_piece_is_understood(void)
{
    kernel_log_feed(&kernel_log, sample, sizeof(sample) - 1);
    assert_facts();
}

static void a_log_in_single_bytes_is_understood(void)
{
    for (size_t i = 0; i < sizeof(sample) - 1; i++)
        kernel_log_feed(&kernel_log, sample + i, 1);
    assert_facts();
}

static void an_unfinished_line_does_not_count(void)
{
    static const char text[] = "sched: last process exited, halting.";
    kernel_log_feed(&kernel_log, text, sizeof(text) - 1);
    assert_false(kernel_log.halted);
    kernel_log_feed(&kernel_log, "\n", 1);
    assert_true(kernel_log.halted);
}

static void leaks_and_panics_are_noticed(void)
{
    static const char text[] = "check: leaked 3 frames, 1 objects\npanic: object.c:9: assertion failed\n";
    kernel_log_feed(&kernel_log, text, sizeof(text) - 1);
    assert_true(kernel_log.leaked && kernel_log.panicked && !kernel_log.balanced);
}

static void endless_lines_and_nul_bytes_do_no_harm(void)
{
    char block[4096];
    memset(block, 'x', sizeof(block));
    block[7] = '\0';
    for (int i = 0; i < 10; i++)
        kernel_log_feed(&kernel_log, block, sizeof(block));
    kernel_log_feed(&kernel_log, "\n", 1);
    kernel_log_feed(&kernel_log, sample, sizeof(sample) - 1);
    assert_true(kernel_log.halted);
}

static const char record[] =
    "crash: process 2 (x) thread 0: page fault\n"
    "crash:   vector 14 error 0x4 address 0x0 rip 0x401004 rsp 0x7ff0 base 0x400000\n"
    "crash:   rax    0000000000000000  rbx    0000000000000000\n"
    "crash:   #0 0x401004 main+0x4\n"
    "crash:   #1 0x402000\n";

static void frames_are_told_from_other_lines(void)
{
    struct crash_frame frame;
    assert_true(crash_frame_parse("crash:   #12 0x401004 main+0x4", &frame));
    assert_int_equal(frame.depth, 12);
    assert_int_equal(frame.address, 0x401004);
    assert_false(crash_frame_parse("crash:   rax    0000000000000000", &frame));
    assert_false(crash_frame_parse("crash: process 2 (x): reason", &frame));
    assert_int_equal(crash_base(record), 0x400000);
    assert_int_equal(crash_base("crash: nothing"), 0);
}

static void a_record_without_debug_information_is_copied(void)
{
    struct buffer out = {0};
    crash_add_lines(record, "/dev/null", &out);
    assert_string_equal(buffer_string(&out), record);
    buffer_free(&out);
}

static const struct unit_test tests[] = {
    UNIT_TEST(frames_are_told_from_other_lines),
    UNIT_TEST(a_record_without_debug_information_is_copied),
    UNIT_TEST(a_log_in_one_piece_is_understood),
    UNIT_TEST(a_log_in_single_bytes_is_understood),
    UNIT_TEST(an_unfinished_line_does_not_count),
    UNIT_TEST(leaks_and_panics_are_noticed),
    UNIT_TEST(endless_lines_and_nul_bytes_do_no_harm),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, clean);
}
