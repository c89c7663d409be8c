/*
 * The screen. Output goes out as it comes, but only one writer's unfinished line is on the screen, as its
 * last line (`shown`): a line that another one finishes meanwhile is put above it, and lines that others have
 * only begun are held back. The line being edited is part of the shown line. Where there is no terminal
 * nothing can be drawn again: what others write waits for the end of the shown line.
 */
#include "server.h"
#include <capos/console.h>
#include <capos/limits.h>
#include <capos/print.h>
#include <string.h>

enum { CONTROL_G = 7, ESCAPE = 0x1b, ESCAPE_MAX_BYTES = 32 };

static bool is_drawn(void)
{
    return terminal.columns != 0;
}

/* ---- Bytes. */

static void console_out(const char *bytes, size_t len)
{
    while (len > 0) {
        const size_t part = len < CAPOS_CONSOLE_WRITE_MAX_BYTES ? len : CAPOS_CONSOLE_WRITE_MAX_BYTES;
        (void)cap_console_write(terminal.console, (struct capnp_data){(const uint8_t *)bytes, part});
        bytes += part;
        len -= part;
    }
}

/* Gathers small pieces, so that a key is one call. */
static struct {
    char bytes[512];
    size_t len;
} gathered;

static void flush(void)
{
    console_out(gathered.bytes, gathered.len);
    gathered.len = 0;
}

static void put(const struct session *session, const char *bytes, size_t len)
{
    if (session != terminal.front)
        return;
    if (gathered.len + len > sizeof gathered.bytes)
        flush();
    if (len > sizeof gathered.bytes) {
        console_out(bytes, len);
        return;
    }
    memcpy(gathered.bytes + gathered.len, bytes, len);
    gathered.len += len;
}

static void put_text(const struct session *session, const char *text)
{
    put(session, text, strlen(text));
}

static void put_move(const struct session *session, unsigned count, char direction)
{
    char text[ESCAPE_MAX_BYTES];
    if (count > 0)
        put(session, text, (size_t)capos_snprintf(text, sizeof text, "\033[%u%c", count, direction));
}

/* What is seen again when the session comes to the front. */
static void record(struct session *session, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        session->back[session->back_end++] = bytes[i];
        if (session->back_end == BACK_MAX_BYTES) {
            session->back_end = 0;
            session->back_full = true;
        }
    }
}

static void keep(struct session *session, const char *bytes, size_t len)
{
    put(session, bytes, len);
    record(session, bytes, len);
}

/* ---- Places on the screen, counted from the shown line's beginning. */

struct place {
    unsigned row, column;
};

static void advance(struct place *place, unsigned columns)
{
    if (place->column + columns > terminal.columns) {
        place->row++;
        place->column = 0;
    }
    place->column += columns;
}

/* Length of what takes no columns: an escape sequence at `text`; 0: none. */
static size_t escape_length(const char *text, size_t len)
{
    size_t at = 2;
    if (len < 2 || text[0] != ESCAPE)
        return 0;
    if (text[1] != '[')
        return 2;
    while (at < len && (text[at] < 0x40 || text[at] > 0x7e))
        at++;
    return at < len ? at + 1 : len;
}

static void measure(struct place *place, const char *text, size_t len)
{
    for (size_t at = 0, next; at < len; at += next) {
        next = escape_length(text + at, len - at);
        if (next != 0)
            continue;
        next = utf8_length(text + at, len - at);
        if (text[at] == '\r')
            place->column = 0;
        else if (text[at] == '\t')
            place->column = place->column / 8 * 8 + 8 < terminal.columns ? place->column / 8 * 8 + 8
                                                                         : (unsigned)terminal.columns - 1;
        else if ((uint8_t)text[at] >= ' ')
            advance(place, utf8_columns(text + at, next));
    }
    if (place->column == terminal.columns) {
        place->row++;
        place->column = 0;
    }
}

/* The edited text, with nothing in it that the terminal would act on. */
static void put_edited(const struct session *session, const char *text, size_t len)
{
    for (size_t at = 0, next; at < len; at += next) {
        next = utf8_length(text + at, len - at);
        const bool shows =
            (uint8_t)text[at] >= ' ' && text[at] != 0x7f && (next > 1 || (text[at] & 0x80) == 0);
        put(session, shows ? text + at : "?", shows ? next : 1);
    }
}

/* ---- The shown line. */

static void hide(struct session *session)
{
    struct writer *shown = session->shown;
    if (shown == NULL)
        return;
    if (!is_drawn() || shown->overlong) {
        keep(session, "\n", 1);
        shown->len = 0;
        shown->overlong = false;
        session->shown = NULL;
        session->cursor_row = 0;
        return;
    }
    put_text(session, "\r");
    put_move(session, session->cursor_row, 'A');
    put_text(session, "\033[J");
}

static size_t search_prompt(const struct line *line, char *out, size_t size)
{
    return (size_t)capos_snprintf(out, size, "(search: %.*s) ", (int)line->search_len, line->search);
}

/* From its beginning, with the cursor where the editing is. */
static void show(struct session *session)
{
    char prompt[SEARCH_MAX_BYTES + 32];
    const struct writer *shown = session->shown = session->shown == NULL ? session->editing : session->shown;
    const struct line *line = &session->line;
    struct place end = {0, 0}, cursor;
    if (shown == NULL || !is_drawn())
        return;
    if (session->editing == shown && line->searching) {
        const size_t len = search_prompt(line, prompt, sizeof prompt);
        put(session, prompt, len);
        measure(&end, prompt, len);
    } else {
        put(session, shown->line, shown->len);
        measure(&end, shown->line, shown->len);
    }
    cursor = end;
    if (session->editing == shown && session->editing_echo) {
        put_edited(session, line->text, line->len);
        measure(&cursor, line->text, line->cursor);
        measure(&end, line->text, line->len);
    }
    if (end.column == 0 && end.row > 0)
        put_text(session, " \r"); /* the terminal itself has not gone to the next row yet */
    put_move(session, end.row - cursor.row, 'A');
    if (cursor.column != end.column) {
        put_text(session, "\r");
        put_move(session, cursor.column, 'C');
    }
    session->cursor_row = cursor.row;
}

/* Nobody's line is shown any more: the next one that has begun one comes. */
static void show_next(struct session *session)
{
    struct writer *next = &session->own;
    session->cursor_row = 0;
    for (session->shown = NULL; next != NULL && session->shown == NULL;
         next = next == &session->own ? session->writers : next->next) {
        if (next->len == 0)
            continue;
        if (!is_drawn())
            put(session, next->line, next->len);
        if (!is_drawn() && next->line[next->len - 1] == '\n') /* whole lines that had to wait */
            next->len = 0;
        else
            session->shown = next;
    }
    show(session);
}

static size_t whole_lines(const char *bytes, size_t len)
{
    while (len > 0 && bytes[len - 1] != '\n')
        len--;
    return len;
}

static void append(struct writer *writer, const char *bytes, size_t len)
{
    if (writer->len + len > HELD_MAX_BYTES) {
        writer->overlong = true;
        len = HELD_MAX_BYTES - writer->len;
    }
    memcpy(writer->line + writer->len, bytes, len);
    writer->len += len;
}

/* Whole lines of somebody: above the line that is shown, or as its end. */
static void lines_out(struct session *session, struct writer *writer, const char *bytes, size_t len)
{
    const bool ends_shown = session->shown == writer && session->editing != writer;
    if (ends_shown) {
        put(session, bytes, len);
        record(session, writer->line, writer->len); /* on the screen already */
        record(session, bytes, len);
        session->shown = NULL;
    } else {
        hide(session);
        if (session->shown != writer)
            keep(session, writer->line, writer->len);
        keep(session, bytes, len);
    }
    if (ends_shown || session->shown != writer)
        writer->len = 0;
    writer->overlong = false;
    if (session->shown == NULL)
        show_next(session);
    else
        show(session);
}

static void begun_out(struct session *session, struct writer *writer, const char *bytes, size_t len)
{
    const bool redraw = session->shown == writer && session->editing == writer;
    if (redraw)
        hide(session);
    append(writer, bytes, len);
    if (redraw) {
        show(session);
    } else if (session->shown == NULL || session->shown == writer) {
        session->shown = writer;
        struct place place = {0, 0};
        put(session, bytes, len);
        if (is_drawn()) {
            measure(&place, writer->line, writer->len);
            session->cursor_row = place.column == 0 && place.row > 0 ? place.row - 1 : place.row;
        }
    } else if (writer->overlong) {
        lines_out(session, writer, "\n", 1);
    }
}

void screen_write(struct session *session, struct writer *writer, const char *bytes, size_t len)
{
    const bool waits = !is_drawn() && session->shown != NULL && session->shown != writer;
    const size_t whole = whole_lines(bytes, len);
    if (waits && writer->len + len <= HELD_MAX_BYTES) {
        append(writer, bytes, len);
        return;
    }
    if (whole > 0)
        lines_out(session, writer, bytes, whole);
    if (whole < len)
        begun_out(session, writer, bytes + whole, len - whole);
    flush();
}

void screen_finish(struct session *session, struct writer *writer)
{
    if (session->editing == writer) {
        hide(session);
        session->editing = NULL;
        show(session);
    }
    if (writer->len > 0)
        lines_out(session, writer, "\n", 1);
    if (session->shown == writer)
        show_next(session);
    flush();
}

/* ---- Editing. */

void screen_edit_begin(struct session *session, struct writer *writer)
{
    if (session->shown != writer) {
        hide(session);
        session->shown = writer;
        session->cursor_row = 0;
        session->editing = writer;
        if (is_drawn())
            show(session);
        else
            put(session, writer->line, writer->len);
    } else {
        hide(session);
        session->editing = writer;
        show(session);
    }
    flush();
}

void screen_edit(struct session *session)
{
    hide(session);
    show(session);
    flush();
}

/* A character at the end of the line is all that is new on the screen, unless it fills the row. */
void screen_edit_key(struct session *session, const struct key *key)
{
    const struct line *line = &session->line;
    struct place place = {0, 0};
    if (!is_drawn() || !session->editing_echo)
        return;
    measure(&place, session->editing->line, session->editing->len);
    measure(&place, line->text, line->len);
    if (key->kind == KEY_CHARACTER && line->cursor == line->len && !line->searching && place.column > 2) {
        put(session, key->text, key->len);
        session->cursor_row = place.row;
        flush();
    } else {
        screen_edit(session);
    }
}

void screen_edit_end(struct session *session, const char *tail)
{
    struct writer *writer = session->editing;
    if (is_drawn()) {
        session->line.cursor = session->line.len;
        session->line.searching = false;
        hide(session);
        show(session);
        put_text(session, tail);
        put_text(session, "\n");
    }
    record(session, writer->line, writer->len);
    if (is_drawn()) {
        if (session->editing_echo)
            record(session, session->line.text, session->line.len);
        record(session, tail, strlen(tail));
        record(session, "\n", 1);
    }
    session->editing = NULL;
    writer->overlong = false;
    writer->len = 0;
    session->shown = NULL;
    show_next(session);
    flush();
}

void screen_bell(const struct session *session)
{
    const char bell = CONTROL_G;
    if (is_drawn())
        put(session, &bell, 1);
    flush();
}

void screen_clear(struct session *session)
{
    if (!is_drawn())
        return;
    put_text(session, "\033[H\033[2J");
    session->cursor_row = 0;
    show(session);
    flush();
}

void screen_candidates(struct session *session, const struct capnp_list *candidates)
{
    struct capnp_text text;
    unsigned column = 0;
    hide(session);
    show(session);
    put_text(session, "\n");
    for (size_t i = 0; i < candidates->count && capnp_list_get_text(candidates, i, &text) >= 0; i++) {
        if (column > 0 && column + text.len + 2 > terminal.columns) {
            put_text(session, "\n");
            column = 0;
        }
        put_edited(session, text.bytes, text.len);
        put_text(session, "  ");
        column += (unsigned)text.len + 2;
    }
    put_text(session, "\n");
    session->cursor_row = 0;
    show(session);
    flush();
}

void screen_front(struct session *session)
{
    flush();
    terminal.front = session;
    if (is_drawn()) {
        put_text(session, "\033[H\033[2J\033[7m ");
        put_text(session, session->title);
        put_text(session, " \033[0m\n");
    }
    if (session->back_full)
        put(session, session->back + session->back_end, BACK_MAX_BYTES - session->back_end);
    put(session, session->back, session->back_end);
    session->cursor_row = 0;
    show(session);
    flush();
}
