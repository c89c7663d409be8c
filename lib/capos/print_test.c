/* Formatted printing against the C library's, and against a console that takes 1024 bytes at a time. */
#include "unit.h"
#include <capos/errors.h>
#include <capos/limits.h>
#include <capos/print.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static char written[8192];
static size_t written_len;
static unsigned writes;
static int32_t console_answer;

int32_t cap_console_write(cap_console self, struct capnp_data data)
{
    assert_int_equal(self.id, 9);
    assert_true(data.len > 0 && data.len <= CAPOS_CONSOLE_WRITE_MAX_BYTES);
    assert_true(written_len + data.len <= sizeof written);
    memcpy(written + written_len, data.bytes, data.len);
    written_len += data.len;
    writes++;
    return console_answer;
}

static void setup(void)
{
    written_len = 0;
    writes = 0;
    console_answer = 0;
}

/* Both libraries, a roomy buffer and a tight one. */
#define SAME(...)                                                     \
    do {                                                              \
        char ours[300], theirs[300];                                  \
        memset(ours, 'x', sizeof ours);                               \
        int our_len = capos_snprintf(ours, sizeof ours, __VA_ARGS__); \
        int their_len = snprintf(theirs, sizeof theirs, __VA_ARGS__); \
        assert_string_equal(ours, theirs);                            \
        assert_int_equal(our_len, their_len);                         \
        our_len = capos_snprintf(ours, 4, __VA_ARGS__);               \
        their_len = snprintf(theirs, 4, __VA_ARGS__);                 \
        assert_string_equal(ours, theirs);                            \
        assert_int_equal(our_len, their_len);                         \
    } while (0)

static void integers(void)
{
    static const int values[] = {0, 1, -1, 42, -42, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int v = values[i];
        unsigned u = (unsigned)v;
        SAME("%d|%i|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|%+08d", v, v, v, v, v, v, v, v, v, v, v);
        SAME("%u|%x|%X|%o|%#x|%#X|%#o|%08x|%-8x|%.0x|%#10x|%-#10x|%010u|%#010x", u, u, u, u, u, u, u, u, u, u,
             u, u, u, u);
        SAME("%hhd|%hd|%hhu|%hu|%hhx", (signed char)v, (short)v, (unsigned char)v, (unsigned short)v,
             (unsigned char)v);
        SAME("%ld|%lld|%zu|%jd|%td|%lx|%llx", (long)v, (long long)v, (size_t)u, (intmax_t)v, (ptrdiff_t)v,
             (long)v, (long long)v);
        SAME("%*d|%-*d|%.*d|%*.*d", 7, v, 7, v, 4, v, 9, 4, v);
        SAME("%*d|%.*d", -7, v, -4, v);
    }
    SAME("%lld %lld %llu %llx", LLONG_MIN, LLONG_MAX, ULLONG_MAX, ULLONG_MAX);
    SAME("%#o|%#.5o|%#.0o|%.0d", 0u, 8u, 0u, 0);
}

static void texts(void)
{
    static const char unterminated[3] = {'a', 'b', 'c'};
    SAME("plain");
    SAME("%s|%10s|%-10s|%.2s|%10.2s|%.0s|%c|%3c|%-3c|%%", "text", "text", "text", "text", "text", "text", 'c',
         'c', 'c');
    SAME("%.*s|%.3s", 2, "text", unterminated);
    SAME("%s%s%s", "", "a", "");
    SAME("%p", (void *)0x1234abcd);
    char out[40];
    const char *none = NULL;
    capos_snprintf(out, sizeof out, "%s", none);
    assert_string_equal(out, "(null)");
}

static void mistakes_are_shown_as_they_stand(void)
{
    static const char *const formats[] = {"a%", "a%5", "a%q", "a%f", "%-+ #05.3lk", "%.%%"};
    static const char *const results[] = {"a%", "a%5", "a%q", "a%f", "%-+ #05.3lk", "%%"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char out[40];
        const char *format = formats[i];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
        capos_snprintf(out, sizeof out, format);
#pragma GCC diagnostic pop
        assert_string_equal(out, results[i]);
    }
    assert_int_equal(capos_snprintf(NULL, 0, "%d", 12345), 5);
    assert_int_equal(capos_snprintf(NULL, 0, "%*d", INT_MAX, 1), 1000000); /* widths are bounded */
}

static void printing_in_pieces(void)
{
    const cap_console console = {9, 0};
    char long_text[3001];
    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(capos_printf(console, "%d-%s\n", 7, "seven"), 8);
    assert_int_equal(writes, 1);
    assert_memory_equal(written, "7-seven\n", 8);
    setup();
    assert_int_equal(capos_printf(console, "%s", long_text), 3000);
    assert_int_equal(writes, 3);
    assert_int_equal(written_len, 3000);
    assert_memory_equal(written, long_text, 3000);
    setup();
    assert_int_equal(capos_printf(console, "%s", ""), 0);
    assert_int_equal(writes, 0);
    console_answer = CAPOS_ERR_STALE_CAP;
    assert_int_equal(capos_printf(console, "%s", long_text), CAPOS_ERR_STALE_CAP);
    assert_int_equal(writes, 1);
}

static void articles(void)
{
    assert_string_equal(capos_article("EntropySource"), "an");
    assert_string_equal(capos_article("entry"), "an");
    assert_string_equal(capos_article("IpcFactory"), "an");
    assert_string_equal(capos_article("Timer"), "a");
    assert_string_equal(capos_article(""), "a");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(integers),           UNIT_TEST(texts),    UNIT_TEST(mistakes_are_shown_as_they_stand),
        UNIT_TEST(printing_in_pieces), UNIT_TEST(articles),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
