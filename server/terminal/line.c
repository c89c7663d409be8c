/* See line.h. */
#include "line.h"
#include "alloc.h"
#include <string.h>

/* ---- History. */

void history_add(struct history *history, const char *text, size_t len)
{
    const char *last = history->count > 0 ? history->lines[history->count - 1] : "";
    if (len == 0 || (strlen(last) == len && memcmp(last, text, len) == 0))
        return;
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (history->count == HISTORY_MAX) {
        free(history->lines[0]);
        memmove(history->lines, history->lines + 1, (HISTORY_MAX - 1) * sizeof(history->lines[0]));
        history->count--;
    }
    history->lines[history->count++] = copy;
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free(history->lines[i]);
    history->count = 0;
}

/* ---- The text. */

/* As much of the text as fits, in whole characters. */
static void set_text(struct line *line, const char *text, size_t len)
{
    size_t kept = 0, next;
    for (; kept < len && kept + (next = utf8_length(text + kept, len - kept)) <= LINE_MAX_BYTES; kept += next)
        continue;
    memmove(line->text, text, kept);
    line->len = line->cursor = kept;
}

void line_begin(struct line *line, struct history *history, bool echo, const char *text, size_t len)
{
    line->history = history;
    line->echo = echo;
    line->recalled = history->count;
    line->draft_len = 0;
    line->killing = line->searching = false;
    set_text(line, text, len);
}

static size_t before(const struct line *line, size_t at)
{
    do
        at--;
    while (at > 0 && (line->text[at] & 0xc0) == 0x80);
    return at;
}

static size_t behind(const struct line *line, size_t at)
{
    return at + utf8_length(line->text + at, line->len - at);
}

static bool in_word(char byte)
{
    return (byte & 0x80) != 0 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static size_t word_left(const struct line *line)
{
    size_t at = line->cursor;
    while (at > 0 && !in_word(line->text[at - 1]))
        at--;
    while (at > 0 && in_word(line->text[at - 1]))
        at--;
    return at;
}

static size_t word_right(const struct line *line)
{
    size_t at = line->cursor;
    while (at < line->len && !in_word(line->text[at]))
        at++;
    while (at < line->len && in_word(line->text[at]))
        at++;
    return at;
}

/* Ctrl-W: words are what blanks part. */
static size_t blank_left(const struct line *line)
{
    size_t at = line->cursor;
    while (at > 0 && line->text[at - 1] == ' ')
        at--;
    while (at > 0 && line->text[at - 1] != ' ')
        at--;
    return at;
}

static enum line_outcome move(struct line *line, size_t to)
{
    if (to == line->cursor)
        return LINE_NOTHING;
    line->cursor = to;
    return LINE_CHANGED;
}

static void cut(struct line *line, size_t from, size_t to)
{
    memmove(line->text + from, line->text + to, line->len - to);
    line->len -= to - from;
    line->cursor = from;
}

static enum line_outcome erase(struct line *line, size_t from, size_t to)
{
    if (from == to)
        return LINE_BELL;
    cut(line, from, to);
    return LINE_CHANGED;
}

bool line_replace(struct line *line, size_t start, const char *text, size_t len)
{
    if (start > line->cursor || (start < line->len && (line->text[start] & 0xc0) == 0x80) ||
        line->len - (line->cursor - start) + len > LINE_MAX_BYTES)
        return false;
    cut(line, start, line->cursor);
    memmove(line->text + start + len, line->text + start, line->len - start);
    memcpy(line->text + start, text, len);
    line->len += len;
    line->cursor = start + len;
    return true;
}

/* Kills that follow each other gather, in the order of the text. */
static enum line_outcome kill_text(struct line *line, size_t from, size_t to, bool more)
{
    const size_t len = to - from;
    const bool to_left = to == line->cursor;
    if (len == 0)
        return LINE_BELL;
    if (!more || line->killed_len + len > LINE_MAX_BYTES)
        line->killed_len = 0;
    if (to_left)
        memmove(line->killed + len, line->killed, line->killed_len);
    memcpy(line->killed + (to_left ? 0 : line->killed_len), line->text + from, len);
    line->killed_len += len;
    line->killing = true;
    cut(line, from, to);
    return LINE_CHANGED;
}

static enum line_outcome transpose(struct line *line)
{
    if (line->cursor == 0 || line->len == 0)
        return LINE_BELL;
    const size_t middle = line->cursor == line->len ? before(line, line->len) : line->cursor;
    if (middle == 0)
        return LINE_BELL;
    const size_t left = before(line, middle), end = behind(line, middle);
    char moved[4];
    memcpy(moved, line->text + left, middle - left);
    memmove(line->text + left, line->text + middle, end - middle);
    memcpy(line->text + left + (end - middle), moved, middle - left);
    line->cursor = end;
    return LINE_CHANGED;
}

/* ---- Recalling. */

static enum line_outcome recall(struct line *line, size_t entry)
{
    if (!line->echo || entry > line->history->count || entry == line->recalled)
        return LINE_BELL;
    if (line->recalled == line->history->count) {
        memcpy(line->draft, line->text, line->len);
        line->draft_len = line->len;
    }
    line->recalled = entry;
    if (entry == line->history->count)
        set_text(line, line->draft, line->draft_len);
    else
        set_text(line, line->history->lines[entry], strlen(line->history->lines[entry]));
    return LINE_CHANGED;
}

static bool entry_has(const struct line *line, size_t entry)
{
    const char *text = line->history->lines[entry];
    const size_t len = strlen(text);
    for (size_t at = 0; at + line->search_len <= len; at++)
        if (memcmp(text + at, line->search, line->search_len) == 0)
            return true;
    return false;
}

/* The latest entry before `end` that has what is searched. */
static enum line_outcome search_before(struct line *line, size_t end)
{
    while (end > 0)
        if (entry_has(line, --end)) {
            line->search_at = end;
            if (line->recalled == end)
                return LINE_CHANGED;
            return recall(line, end);
        }
    return LINE_BELL;
}

static enum line_outcome search_key(struct line *line, const struct key *key, bool *taken)
{
    *taken = true;
    if (key->kind == KEY_CONTROL && key->text[0] == 'R')
        return search_before(line, line->search_at);
    if (key->kind == KEY_CHARACTER && line->search_len + key->len <= SEARCH_MAX_BYTES) {
        memcpy(line->search + line->search_len, key->text, key->len);
        line->search_len += key->len;
        const size_t from = line->search_at < line->history->count ? line->search_at + 1 : line->search_at;
        const enum line_outcome outcome = search_before(line, from);
        return outcome == LINE_BELL ? LINE_CHANGED : outcome;
    }
    if (key->kind == KEY_BACKSPACE) {
        while (line->search_len > 0 && (line->search[--line->search_len] & 0xc0) == 0x80)
            continue;
        line->search_at = line->history->count;
        return line->search_len > 0 ? search_before(line, line->search_at) : LINE_CHANGED;
    }
    line->searching = false; /* any other key does with what was found what it always does */
    *taken = key->kind == KEY_CONTROL && key->text[0] == 'G';
    return *taken ? (recall(line, line->history->count), LINE_CHANGED) : LINE_NOTHING;
}

static enum line_outcome search_begin(struct line *line)
{
    if (!line->echo)
        return LINE_BELL;
    line->searching = true;
    line->search_len = 0;
    line->search_at = line->history->count;
    return LINE_CHANGED;
}

/* ---- Keys. */

static enum line_outcome control_key(struct line *line, char letter, bool more)
{
    switch (letter) {
    case 'A':
        return move(line, 0);
    case 'B':
        return line->cursor > 0 ? move(line, before(line, line->cursor)) : LINE_BELL;
    case 'C':
        return LINE_INTERRUPT;
    case 'D':
        if (line->len == 0)
            return LINE_END;
        return erase(line, line->cursor, behind(line, line->cursor));
    case 'E':
        return move(line, line->len);
    case 'F':
        return line->cursor < line->len ? move(line, behind(line, line->cursor)) : LINE_BELL;
    case 'K':
        return kill_text(line, line->cursor, line->len, more);
    case 'L':
        return LINE_REDRAW;
    case 'N':
        return recall(line, line->recalled + 1);
    case 'P':
        return line->recalled > 0 ? recall(line, line->recalled - 1) : LINE_BELL;
    case 'R':
        return search_begin(line);
    case 'T':
        return transpose(line);
    case 'U':
        return kill_text(line, 0, line->cursor, more);
    case 'W':
        return kill_text(line, blank_left(line), line->cursor, more);
    case 'Y':
        return line->killed_len > 0 && line_replace(line, line->cursor, line->killed, line->killed_len)
                   ? LINE_CHANGED
                   : LINE_BELL;
    default:
        return LINE_BELL;
    }
}

static enum line_outcome edit_key(struct line *line, const struct key *key, bool more)
{
    switch (key->kind) {
    case KEY_CHARACTER:
        return line_replace(line, line->cursor, key->text, key->len) ? LINE_CHANGED : LINE_BELL;
    case KEY_ENTER:
        return LINE_ENTERED;
    case KEY_TAB:
        return line->echo ? LINE_COMPLETE : LINE_BELL;
    case KEY_BACKSPACE:
        return line->cursor > 0 ? erase(line, before(line, line->cursor), line->cursor) : LINE_BELL;
    case KEY_DELETE:
        return erase(line, line->cursor, behind(line, line->cursor));
    case KEY_LEFT:
        return control_key(line, 'B', false);
    case KEY_RIGHT:
        return control_key(line, 'F', false);
    case KEY_UP:
        return control_key(line, 'P', false);
    case KEY_DOWN:
        return control_key(line, 'N', false);
    case KEY_HOME:
        return move(line, 0);
    case KEY_END:
        return move(line, line->len);
    case KEY_WORD_LEFT:
        return move(line, word_left(line));
    case KEY_WORD_RIGHT:
        return move(line, word_right(line));
    case KEY_KILL_WORD:
        return kill_text(line, line->cursor, word_right(line), more);
    case KEY_BACKSPACE_WORD:
        return kill_text(line, word_left(line), line->cursor, more);
    case KEY_CONTROL:
        return control_key(line, key->text[0], more);
    case KEY_NONE:
        break;
    }
    return LINE_NOTHING;
}

enum line_outcome line_key(struct line *line, const struct key *key)
{
    const bool more = line->killing;
    if (key->kind == KEY_NONE)
        return LINE_NOTHING;
    line->killing = false;
    if (line->searching) {
        bool taken;
        const enum line_outcome outcome = search_key(line, key, &taken);
        if (taken)
            return outcome;
        const enum line_outcome then = edit_key(line, key, more);
        return then == LINE_NOTHING || then == LINE_BELL ? LINE_CHANGED : then;
    }
    return edit_key(line, key, more);
}
