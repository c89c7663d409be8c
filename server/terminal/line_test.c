/* line.c: what keys make of a line. In the tests' scripts keys are bytes; | in the expected text is the
 * cursor. */
#include "line.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static struct history history;
static struct line line;
static struct key_decoder decoder;

static enum line_outcome type(const char *bytes)
{
    enum line_outcome last = LINE_NOTHING;
    for (size_t i = 0; i < strlen(bytes); i++) {
        struct key key;
        key_feed(&decoder, (uint8_t)bytes[i], &key);
        if (key.kind != KEY_NONE)
            last = line_key(&line, &key);
    }
    return last;
}

static void begin(const char *text, bool echo)
{
    line_begin(&line, &history, echo, text, strlen(text));
}

static void assert_line(const char *expected)
{
    char text[2 * LINE_MAX_BYTES];
    snprintf(text, sizeof text, "%.*s|%.*s", (int)line.cursor, line.text, (int)(line.len - line.cursor),
             line.text + line.cursor);
    assert_string_equal(text, expected);
}

static void script(const char *initial, const char *keys, const char *expected)
{
    begin(initial, true);
    (void)type(keys);
    assert_line(expected);
}

static void characters_go_in_at_the_cursor(void)
{
    script("", "abc", "abc|");
    script("ac", "\033[Db", "ab|c");
    script("a\xc3\xa9z", "\033[D\033[D\xe2\x82\xac", "a\xe2\x82\xac|\xc3\xa9z");
    script("a\xc3\xa9", "\b", "a|");
    script("a\xc3\xa9", "\001\033[C\033[3~", "a|");
    begin("", true);
    assert_int_equal(type("\b"), LINE_BELL);
    assert_int_equal(type("\033[D"), LINE_BELL);
    assert_int_equal(type("\033[C"), LINE_BELL);
}

static void the_cursor_moves(void)
{
    script("one two-three", "\033b", "one two-|three");
    script("one two-three", "\033b\033b\033b\033b", "|one two-three");
    script("one two-three", "\001\033f\033f", "one two|-three");
    script("one", "\033[H\033[F", "one|");
    script("one", "\001\006\006\002", "o|ne");
}

static void text_is_killed_and_yanked(void)
{
    script("one two three", "\027\027\031\031", "one two threetwo three|");
    script("one two", "\033b\013\001\031 ", "two |one ");
    script("one two", "\033[D\025\031\031", "one twone tw|o");
    script("one two", "\001\033d\033d\005!\031", "!one two|");
    script("a b", "\027x\027\031", "a x|"); /* what is typed between parts the kills */
    begin("", true);
    assert_int_equal(type("\013"), LINE_BELL);
}

static void characters_are_exchanged(void)
{
    script("ab", "\024", "ba|");
    script("a\xc3\xa9z", "\033[D\024", "az\xc3\xa9|");
    begin("a", true);
    assert_int_equal(type("\024"), LINE_BELL);
}

static void lines_end(void)
{
    begin("x", true);
    assert_int_equal(type("\r"), LINE_ENTERED);
    assert_int_equal(type("\003"), LINE_INTERRUPT);
    assert_int_equal(type("\004"), LINE_BELL); /* at the end of a line that is not empty */
    assert_int_equal(type("\b\004"), LINE_END);
    assert_int_equal(type("\t"), LINE_COMPLETE);
    assert_int_equal(type("\014"), LINE_REDRAW);
}

static void history_is_recalled(void)
{
    history_add(&history, "first", 5);
    history_add(&history, "second", 6);
    history_add(&history, "second", 6);
    history_add(&history, "", 0);
    const size_t count = history.count;
    assert_true(count <= 2);
    if (count == 2) {
        script("draft", "\033[A", "second|");
        script("draft", "\033[A\033[A\033[A", "first|");
        script("draft", "\033[A\033[A\033[B\033[B", "draft|");
        script("", "\022fi", "first|");
        script("", "\022s\022", "first|");
        script("draft", "\022sec\007", "draft|");
        script("", "\022secx\b\b\b\001>", ">|second");
        begin("", false);
        assert_int_equal(type("\033[A"), LINE_BELL);
        assert_int_equal(type("\022"), LINE_BELL);
        assert_int_equal(type("\t"), LINE_BELL);
    }
    for (unsigned i = 0; i < 2 * HISTORY_MAX; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        history_add(&history, text, strlen(text));
    }
    assert_true(history.count <= HISTORY_MAX);
    history_free(&history);
}

static void lines_have_a_limit(void)
{
    char text[LINE_MAX_BYTES + 3];
    memset(text, 'a', sizeof text);
    memcpy(text + LINE_MAX_BYTES - 1, "\xc3\xa9", 2); /* across the limit: left out as a whole */
    line_begin(&line, &history, true, text, sizeof text);
    assert_int_equal(line.len, LINE_MAX_BYTES - 1);
    assert_int_equal(type("b"), LINE_CHANGED);
    assert_int_equal(type("b"), LINE_BELL);
    assert_false(line_replace(&line, 0, text, LINE_MAX_BYTES + 1));
    assert_true(line_replace(&line, 0, "x", 1));
    assert_line("x|");
}

static void completion_replaces(void)
{
    begin("cat fi", true);
    assert_true(line_replace(&line, 4, "file.txt ", 9));
    assert_line("cat file.txt |");
    begin("\xc3\xa9", true);
    assert_false(line_replace(&line, 1, "x", 1)); /* inside a character */
    assert_false(line_replace(&line, 3, "x", 1));
}

static void assert_sound(void)
{
    assert_true(line.cursor <= line.len && line.len <= LINE_MAX_BYTES);
    for (size_t at = 0; at < line.len; at += utf8_length(line.text + at, line.len - at))
        assert_true((line.text[at] & 0xc0) != 0x80); /* every character whole */
    assert_true(line.cursor == line.len || (line.text[line.cursor] & 0xc0) != 0x80);
}

/* Any bytes at all. */
static void anything_leaves_a_sound_line(void)
{
    uint32_t random = 7;
    history_add(&history, "caf\xc3\xa9 au lait", 13);
    begin("", true);
    for (unsigned i = 0; i < 60000; i++) {
        static const char often[] = "\033[DABCHF\001\002\005\013\024\025\027\031\022\xc3\xa9\xe2\x82\xac ab";
        struct key key;
        random = random * 1664525u + 1013904223u;
        const uint8_t byte = (random & 0x100000) != 0 ? (uint8_t)(random >> 24)
                                                      : (uint8_t)often[(random >> 24) % (sizeof often - 1)];
        key_feed(&decoder, byte, &key);
        if (key.kind != KEY_NONE)
            (void)line_key(&line, &key);
        assert_sound();
    }
    history_free(&history);
}

static void teardown(void)
{
    history_free(&history);
    decoder = (struct key_decoder){0};
    line = (struct line){0};
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(characters_go_in_at_the_cursor),
        UNIT_TEST(the_cursor_moves),
        UNIT_TEST(text_is_killed_and_yanked),
        UNIT_TEST(characters_are_exchanged),
        UNIT_TEST(lines_end),
        UNIT_TEST(history_is_recalled),
        UNIT_TEST(lines_have_a_limit),
        UNIT_TEST(completion_replaces),
        UNIT_TEST(anything_leaves_a_sound_line),
    };
    return UNIT_MAIN(tests, NULL, teardown);
}
