/* The formatter against the C library's, the log ring and its options, symbol lookup. */
#include "core/log.h"
#include "arch/arch.h"
#include "core/format.h"
#include "core/ksyms.h"
#include "core/lock.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fakes: the ports collect what is printed. */
static char printed[1 << 20];
static size_t printed_len;
static char chosen[32];
static bool lock_held;

void log_port_write(const char *bytes, size_t len)
{
    assert_true(printed_len + len < sizeof(printed));
    memcpy(printed + printed_len, bytes, len);
    printed_len += len;
    printed[printed_len] = '\0';
}

bool log_port_choose(const char *name, size_t len)
{
    snprintf(chosen, sizeof(chosen), "%.*s", (int)len, name);
    return len == 4 && memcmp(name, "com1", 4) == 0;
}

uint64_t clock_now_ns(void)
{
    static uint64_t now_ns;
    return ++now_ns;
}

void spinlock_acquire(struct spinlock *lock)
{
    (void)lock;
    assert_false(lock_held);
    lock_held = true;
}

void spinlock_release(struct spinlock *lock)
{
    (void)lock;
    assert_true(lock_held);
    lock_held = false;
}

static void printed_reset(void)
{
    printed_len = 0;
    printed[0] = '\0';
}

/* ---- Formatter. */
static size_t format_here(char *out, size_t size_bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t len = format_text(out, size_bytes, format, arguments);
    va_end(arguments);
    return len;
}

#define SAME(...)                                                        \
    do {                                                                 \
        char ours[256], theirs[256];                                     \
        const size_t len = format_here(ours, sizeof(ours), __VA_ARGS__); \
        snprintf(theirs, sizeof(theirs), __VA_ARGS__);                   \
        assert_string_equal(ours, theirs);                               \
        assert_int_equal(len, strlen(theirs));                           \
    } while (0)

static void formats_like_printf(void)
{
    SAME("plain");
    SAME("%d %i %u %x", -5, 7, 8u, 255u);
    SAME("%d %u", INT32_MIN, UINT32_MAX);
    SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
    SAME("%lld %zu %zd", -1ll, (size_t)12, (ssize_t)-3);
    SAME("[%5d] [%-5d] [%05d]", 42, 42, 42);
    SAME("[%5d] [%05d] [%-5d]", -42, -42, -42);
    SAME("[%016lx] [%2x]", UINT64_C(0xffffffff80100000), 0x12345u);
    SAME("%s [%10s] [%-10s] [%.3s] [%6.2s]", "text", "text", "text", "text", "text");
    SAME("[%.*s] [%*d]", 2, "text", 6, 3);
    SAME("%c%c [%3c]", 'a', 'b', 'c');
    SAME("%p", (void *)0x1234);
    SAME("100%%");
    const char unterminated[3] = {'a', 'b', 'c'};
    SAME("%.*s", 3, unterminated);
}

static void odd_formats_are_harmless(void)
{
    char out[64];
    const char *unknown = "%q %y";
    format_here(out, sizeof(out), unknown);
    assert_string_equal(out, "%q %y");
    format_here(out, sizeof(out), "end %");
    assert_string_equal(out, "end %");
    format_here(out, sizeof(out), "%s", (const char *)NULL);
    assert_string_equal(out, "(null)");
    format_here(out, sizeof(out), "%999999999999d", 1);
    assert_int_equal(strlen(out), sizeof(out) - 1);
}

static void text_is_cut_at_the_end(void)
{
    for (size_t size = 1; size < 40; size++) {
        char *out = malloc(size);
        const size_t len = format_here(out, size, "%s and %08x", "something longer", 77u);
        char whole[64];
        snprintf(whole, sizeof(whole), "%s and %08x", "something longer", 77u);
        assert_true(len == strlen(out) && len == (strlen(whole) < size ? strlen(whole) : size - 1));
        assert_memory_equal(out, whole, len);
        free(out);
    }
}

/* ---- Log. */
static void records_come_back(void)
{
    struct log_record record;
    uint64_t cursor = 0;
    while (log_read(cursor, &record))
        cursor = record.sequence + 1;
    log_print(LOG_WARN, "number %d", 1);
    log_write(LOG_INFO, 42, "of a process", 12);
    assert_true(log_read(cursor, &record));
    assert_int_equal(record.sequence, cursor);
    assert_string_equal(record.text, "number 1");
    assert_int_equal(record.level, LOG_WARN);
    assert_int_equal(record.process_id, 0);
    const uint64_t first_ns = record.time_ns;
    assert_true(log_read(cursor + 1, &record));
    assert_string_equal(record.text, "of a process");
    assert_int_equal(record.text_len, 12);
    assert_int_equal(record.process_id, 42);
    assert_true(record.time_ns > first_ns);
    assert_false(log_read(cursor + 2, &record));
}

static void ring_drops_the_oldest_and_keeps_whole_records(void)
{
    struct log_record record;
    char text[LOG_TEXT_MAX * 2];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 3000; i++) {
        snprintf(text, 12, "%010d", i);
        log_write(LOG_DEBUG, (uint64_t)i, text, (size_t)i % sizeof(text));
        uint64_t cursor = 0, last = 0;
        size_t bytes = 0;
        if (i % 101 != 0)
            continue;
        while (log_read(cursor, &record)) {
            assert_true(cursor == 0 || record.sequence == cursor);
            const size_t wanted = record.process_id % sizeof(text);
            if (record.level == LOG_DEBUG)
                assert_int_equal(record.text_len, wanted < LOG_TEXT_MAX ? wanted : LOG_TEXT_MAX);
            assert_int_equal(record.text[record.text_len], '\0');
            last = record.process_id;
            bytes += record.text_len;
            cursor = record.sequence + 1;
        }
        assert_int_equal(last, i);
        assert_true(bytes <= LOG_RING_BYTES);
    }
}

static void options_choose_port_and_level(void)
{
    printed_reset();
    log_init("first log=com1 loglevel=warn last");
    assert_string_equal(chosen, "com1");
    log_print(LOG_INFO, "not shown");
    log_print(LOG_ERROR, "shown");
    assert_string_equal(printed, "shown\n");
    log_init("loglevel=debug");
    printed_reset();
    log_print(LOG_DEBUG, "shown too");
    assert_string_equal(printed, "shown too\n");
    printed_reset();
    log_init("log=tape loglevel=loud xlog=com1 ");
    assert_string_equal(chosen, "tape");
    assert_non_null(strstr(printed, "no port tape"));
    assert_non_null(strstr(printed, "no level loud"));
    log_init("loglevel=info");
}

static void long_line_is_printed_with_its_newline(void)
{
    char text[LOG_TEXT_MAX * 2];
    memset(text, 'y', sizeof(text));
    printed_reset();
    log_write(LOG_INFO, 1, text, sizeof(text));
    assert_int_equal(printed_len, LOG_TEXT_MAX + 1); /* all of the longest text, and the newline */
    assert_int_equal(printed[printed_len - 1], '\n');
}

static void control_characters_do_not_reach_the_log(void)
{
    static const char text[] = "a\nproc: process 1 exited with code 0\r\x1b[2J\x7f\t\xc3\xa4";
    struct log_record record;
    uint64_t last = 0;
    printed_reset();
    log_write(LOG_INFO, 7, text, sizeof(text) - 1);
    assert_string_equal(printed, "a?proc: process 1 exited with code 0??[2J??\xc3\xa4\n");
    log_print(LOG_INFO, "crash: process 1 (%s)", "evil\nname");
    assert_non_null(strstr(printed, "(evil?name)\n"));
    while (log_read(last, &record))
        last = record.sequence + 1;
    assert_string_equal(record.text, "crash: process 1 (evil?name)");
}

/* ---- Symbols. */
static void symbols_are_found(void)
{
    /* 16 a, 32 b, 33 cc, 433 d: a distance of 400 takes two bytes. */
    static const uint8_t table[] = {16, 'a', 0, 16, 'b', 0, 1, 'c', 'c', 0, 0x90, 0x03, 'd', 0};
    static const struct {
        uint64_t at;
        const char *name;
        uint64_t offset;
    } wanted[] = {{16, "a", 0},     {31, "a", 15}, {32, "b", 0},     {33, "cc", 0},
                  {432, "cc", 399}, {433, "d", 0}, {5000, "d", 4567}};
    uint64_t offset = 0;
    assert_null(ksyms_lookup(table, table + sizeof table, 15, &offset));
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_string_equal(ksyms_lookup(table, table + sizeof table, wanted[i].at, &offset), wanted[i].name);
        assert_int_equal(offset, wanted[i].offset);
    }
    assert_null(ksyms_lookup(table, table, 5, &offset));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(formats_like_printf),
        UNIT_TEST(odd_formats_are_harmless),
        UNIT_TEST(text_is_cut_at_the_end),
        UNIT_TEST(records_come_back),
        UNIT_TEST(ring_drops_the_oldest_and_keeps_whole_records),
        UNIT_TEST(options_choose_port_and_level),
        UNIT_TEST(long_line_is_printed_with_its_newline),
        UNIT_TEST(control_characters_do_not_reach_the_log),
        UNIT_TEST(symbols_are_found),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
