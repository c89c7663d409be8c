/* keys.c: what bytes mean, whole and broken, and that nothing typed is lost on the way. */
#include "keys.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

/* All that the first stage lets through, with [R rows columns] and [S] for events. */
static char seen[4096];
static size_t seen_len;

static void note(const struct input_result *result)
{
    if (result->event == INPUT_RESIZE)
        seen_len += (size_t)snprintf(seen + seen_len, sizeof seen - seen_len, "[R%u %u]", result->rows,
                                     result->columns);
    if (result->event == INPUT_SWITCH)
        seen_len += (size_t)snprintf(seen + seen_len, sizeof seen - seen_len, "[S]");
    if (result->event == INPUT_BYTES) {
        memcpy(seen + seen_len, result->bytes, result->count);
        seen_len += result->count;
        seen[seen_len] = '\0';
    }
}

static void assert_input(const char *typed, const char *expected)
{
    struct input input = {0};
    struct input_result result;
    seen_len = 0;
    seen[0] = '\0';
    for (size_t i = 0; i < strlen(typed); i++) {
        input_feed(&input, (uint8_t)typed[i], &result);
        note(&result);
    }
    input_release(&input, &result);
    note(&result);
    assert_string_equal(seen, expected);
}

static void reports_are_taken_out(void)
{
    assert_input("ab\033[8;24;80tcd", "ab[R24 80]cd");
    assert_input("\033[8;0;0t", "[R0 0]");
    assert_input("\033[8;99999;1tx", "\033[8;99999;1tx");
    assert_input("\033[8;;1t", "\033[8;;1t");
    assert_input("\033[8~\033[A\033", "\033[8~\033[A\033");
    assert_input("\033\033[8;2;3t", "\033[R2 3]");
    assert_input("\033[8;24;8", "\033[8;24;8");
}

static void control_a_is_a_prefix(void)
{
    assert_input("\001nx\001\001y\001z", "[S]x\001y\001z");
    assert_input("\033[8\001n", "\033[8[S]");
    assert_input("\001", "\001");
}

/* Whatever comes: what is let through and what is held are all of it, in order. */
static void nothing_is_lost(void)
{
    static const char alphabet[] = "\033[8;1t\004a\xc3";
    uint32_t random = 1;
    for (unsigned round = 0; round < 2000; round++) {
        char typed[20];
        struct input input = {0};
        struct input_result result;
        seen_len = 0;
        bool events = false;
        for (size_t i = 0; i < sizeof typed; i++) {
            random = random * 1664525u + 1013904223u;
            typed[i] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
            input_feed(&input, (uint8_t)typed[i], &result);
            events |= result.event != INPUT_BYTES;
            note(&result);
            assert_true(input.held <= INPUT_HELD_MAX);
        }
        input_release(&input, &result);
        note(&result);
        if (!events) {
            assert_int_equal(seen_len, sizeof typed);
            assert_memory_equal(seen, typed, sizeof typed);
        }
    }
}

/* The only key that the bytes make. */
static struct key key_of(const char *bytes)
{
    struct key_decoder decoder = {0};
    struct key key, found = {.kind = KEY_NONE};
    for (size_t i = 0; i < strlen(bytes); i++) {
        key_feed(&decoder, (uint8_t)bytes[i], &key);
        if (key.kind == KEY_NONE)
            continue;
        assert_int_equal(found.kind, KEY_NONE);
        found = key;
    }
    return found;
}

static void sequences_are_keys(void)
{
    static const struct {
        const char *bytes;
        enum key_kind kind;
    } cases[] = {
        {"\r", KEY_ENTER},
        {"\n", KEY_ENTER},
        {"\t", KEY_TAB},
        {"\b", KEY_BACKSPACE},
        {"\177", KEY_BACKSPACE},
        {"\033[3~", KEY_DELETE},
        {"\033[D", KEY_LEFT},
        {"\033OD", KEY_LEFT},
        {"\033[C", KEY_RIGHT},
        {"\033[A", KEY_UP},
        {"\033[B", KEY_DOWN},
        {"\033[H", KEY_HOME},
        {"\033[1~", KEY_HOME},
        {"\033[F", KEY_END},
        {"\033[4~", KEY_END},
        {"\033b", KEY_WORD_LEFT},
        {"\033[1;5D", KEY_WORD_LEFT},
        {"\033f", KEY_WORD_RIGHT},
        {"\033[1;3C", KEY_WORD_RIGHT},
        {"\033d", KEY_KILL_WORD},
        {"\033\177", KEY_BACKSPACE_WORD},
        {"\033[5~", KEY_NONE},
        {"\033[?25h", KEY_NONE},
        {"\033x", KEY_NONE},
        {"\033[99999999999;9999999;5Z", KEY_NONE},
        {"\033\033[D", KEY_LEFT},
        {"\003", KEY_CONTROL},
        {"\033[1\003", KEY_CONTROL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(key_of(cases[i].bytes).kind, cases[i].kind);
}

static void assert_character(const char *bytes, const char *expected)
{
    const struct key key = key_of(bytes);
    assert_int_equal(key.kind, KEY_CHARACTER);
    assert_int_equal(key.len, strlen(expected));
    assert_memory_equal(key.text, expected, key.len);
}

static void characters_are_utf8(void)
{
    assert_character("a", "a");
    assert_character("\xc3\xa9", "\xc3\xa9");
    assert_character("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
    assert_character("\xff", "\xef\xbf\xbd");
    assert_character("\xed\xa0\x80", "\xef\xbf\xbd"); /* a surrogate */
    assert_character("\xe0\x80\x80", "\xef\xbf\xbd"); /* overlong */
    assert_character("\xc3"
                     "a",
                     "a"); /* broken off */
    assert_int_equal(utf8_columns("a", 1), 1);
    assert_int_equal(utf8_columns("\xe4\xbd\xa0", 3), 2);
    assert_int_equal(utf8_columns("\xcc\x81", 2), 0);
    assert_int_equal(utf8_length("\xe4\xbd", 2), 1);
    assert_int_equal(utf8_length("", 0), 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(reports_are_taken_out), UNIT_TEST(control_a_is_a_prefix), UNIT_TEST(nothing_is_lost),
        UNIT_TEST(sequences_are_keys),    UNIT_TEST(characters_are_utf8),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
