/*
 * What is typed into a session, and who gets it: bytes wait in `typed` until somebody reads; then they are
 * edited into lines, or handed over as they are. Readers are served in order of asking, those whose turn it
 * is (the foreground's, or if there is none the session's own).
 */
#include "server.h"
#include <capos/capos.h>
#include <capos/clock.h>
#include <string.h>

enum { CONTROL_C = 3, CONTROL_D = 4 };
static const uint64_t COMPLETE_MAX_NS = 2000000000;

/* ---- Waiting. */

static void finish(struct wait *wait, enum wait_answer answer)
{
    wait->answer = answer;
    wait->next = terminal.done;
    terminal.done = wait;
}

static void unlink_wait(struct wait_list *list, struct wait *wait)
{
    struct wait **link = &list->first;
    while (*link != wait)
        link = &(*link)->next;
    *link = wait->next;
}

/* The oldest of a crowd is most likely somebody who died. */
void session_wait(struct wait_list *list, struct wait *wait)
{
    struct wait **link = &list->first;
    if (++terminal.wait_count > WAITS_MAX && list->first != NULL) {
        struct wait *oldest = list->first;
        list->first = oldest->next;
        finish(oldest, ANSWER_OVERLOADED);
    }
    while (*link != NULL)
        link = &(*link)->next;
    wait->next = NULL;
    *link = wait;
}

static bool is_turn(const struct session *session, const struct wait *wait)
{
    if (session->foreground != NULL)
        return wait->writer == session->foreground;
    return wait->writer->tag < TAG_FIRST_FREE || wait->writer == &session->own;
}

static struct wait *next_reader(struct session *session)
{
    struct wait *wait = session->readers.first;
    while (wait != NULL && !is_turn(session, wait))
        wait = wait->next;
    return wait;
}

static void serve_reader(struct session *session, struct wait *wait, enum wait_answer answer)
{
    unlink_wait(&session->readers, wait);
    finish(wait, answer);
}

/* ---- What was typed. */

static uint8_t typed_take(struct session *session)
{
    const uint8_t byte = session->typed[session->typed_start];
    session->typed_start = (session->typed_start + 1) % TYPED_MAX_BYTES;
    session->typed_len--;
    return byte;
}

static void give_raw(struct session *session, struct wait *wait)
{
    wait->len = 0;
    while (wait->len < wait->max_bytes && session->typed_len > 0)
        wait->bytes[wait->len++] = (char)typed_take(session);
    if (session->echo)
        screen_write(session, wait->writer, wait->bytes, wait->len);
    serve_reader(session, wait, ANSWER_DATA);
    capos_cond_signal(&terminal.room);
}

/* Up to the end of its line. */
static void give_cooked(struct session *session, struct wait *wait)
{
    const size_t len = session->cooked_len < wait->max_bytes ? session->cooked_len : wait->max_bytes;
    memcpy(wait->bytes, session->cooked + session->cooked_start, len);
    wait->len = len;
    session->cooked_start += len;
    session->cooked_len -= len;
    serve_reader(session, wait, ANSWER_DATA);
}

static void interrupt(struct session *session)
{
    session->interrupted = session->interrupts.first == NULL;
    while (session->interrupts.first != NULL) {
        struct wait *wait = session->interrupts.first;
        session->interrupts.first = wait->next;
        finish(wait, ANSWER_DATA);
    }
}

/* ---- Lines. */

static void begin_line(struct session *session, const struct wait *wait)
{
    const bool asks = wait->kind == WAIT_READ_LINE;
    session->editing_echo = asks ? wait->echo : session->echo;
    session->line_version++;
    line_begin(&session->line, &session->history, session->editing_echo, wait->bytes, asks ? wait->len : 0);
    screen_edit_begin(session, wait->writer);
}

static void set_cooked(struct session *session, bool newline)
{
    memcpy(session->cooked, session->line.text, session->line.len);
    session->cooked_start = 0;
    session->cooked_len = session->line.len;
    if (newline)
        session->cooked[session->cooked_len++] = '\n';
}

static void line_entered(struct session *session, struct wait *wait, bool newline)
{
    screen_edit_end(session, "");
    if (wait->kind == WAIT_READ_LINE) {
        memcpy(wait->bytes, session->line.text, session->line.len);
        wait->len = session->line.len;
        serve_reader(session, wait, ANSWER_DATA);
    } else {
        set_cooked(session, newline);
        give_cooked(session, wait);
    }
}

/* A read of the session says that it was interrupted; one of a StdIO cannot, and goes on. */
static void line_interrupted(struct session *session, struct wait *wait)
{
    screen_edit_end(session, "^C");
    if (wait->kind != WAIT_READ)
        serve_reader(session, wait, ANSWER_INTERRUPTED);
    else
        interrupt(session);
}

static void edited(struct session *session, struct wait *wait, const struct key *key,
                   enum line_outcome outcome)
{
    switch (outcome) {
    case LINE_NOTHING:
        break;
    case LINE_CHANGED:
        screen_edit_key(session, key);
        break;
    case LINE_BELL:
        screen_bell(session);
        break;
    case LINE_REDRAW:
        screen_clear(session);
        break;
    case LINE_COMPLETE:
        session->complete_wanted = session->completer.id != 0;
        if (!session->complete_wanted)
            screen_bell(session);
        break;
    case LINE_ENTERED:
        line_entered(session, wait, true);
        break;
    case LINE_END:
        screen_edit_end(session, "");
        serve_reader(session, wait, ANSWER_END);
        break;
    case LINE_INTERRUPT:
        line_interrupted(session, wait);
        break;
    }
}

static void edit_typed(struct session *session, struct wait *wait)
{
    struct key key;
    key_feed(&session->keys, typed_take(session), &key);
    if (key.kind == KEY_NONE)
        return;
    session->line_version++;
    edited(session, wait, &key, line_key(&session->line, &key));
}

/* No terminal, no editing: bytes up to the end of a line. */
static void gather_typed(struct session *session, struct wait *wait)
{
    const char byte = (char)typed_take(session);
    if (byte == '\n')
        line_entered(session, wait, true);
    else if (byte == CONTROL_D && session->line.len == 0)
        edited(session, wait, NULL, LINE_END);
    else if (!line_replace(&session->line, session->line.len, &byte, 1)) {
        line_entered(session, wait, false);
        session->typed_start = (session->typed_start + TYPED_MAX_BYTES - 1) % TYPED_MAX_BYTES;
        session->typed_len++;
    }
}

bool session_reads_lines(const struct session *session)
{
    return session->mode == CAP_TERMINAL_MODE_LINE;
}

/* True: did something. */
static bool pump_one(struct session *session)
{
    struct wait *wait = next_reader(session);
    if (session->editing != NULL && (wait == NULL || wait->writer != session->editing)) {
        screen_edit_end(session, ""); /* its reader is gone, or not in the foreground any more */
        return true;
    }
    if (wait == NULL || session->complete_wanted)
        return false;
    if (wait->kind != WAIT_READ_LINE && session->cooked_len > 0) {
        give_cooked(session, wait);
        return true;
    }
    if (!session_reads_lines(session) && wait->kind != WAIT_READ_LINE) {
        if (session->typed_len > 0)
            give_raw(session, wait);
        return false;
    }
    if (session->editing == NULL)
        begin_line(session, wait);
    if (session->typed_len == 0)
        return false;
    if (terminal.columns != 0)
        edit_typed(session, wait);
    else
        gather_typed(session, wait);
    capos_cond_signal(&terminal.room);
    return true;
}

void session_pump(struct session *session)
{
    while (pump_one(session))
        continue;
}

/* Ctrl-C counts at once where nobody reads, and what was typed before it is forgotten. */
bool session_typed(struct session *session, uint8_t byte)
{
    if (byte == CONTROL_C && next_reader(session) == NULL && session_reads_lines(session)) {
        session->typed_len = 0;
        session->cooked_len = 0;
        screen_write(session, &session->own, "^C\n", terminal.columns != 0 ? 3 : 0);
        interrupt(session);
        return true;
    }
    if (session->typed_len == TYPED_MAX_BYTES)
        return false;
    session->typed[(session->typed_start + session->typed_len++) % TYPED_MAX_BYTES] = byte;
    session_pump(session);
    return true;
}

void session_undelivered(struct wait *wait)
{
    struct session *session = wait->session;
    if (wait->kind == WAIT_INTERRUPT) {
        session->interrupted = session->interrupts.first == NULL;
        return;
    }
    if (wait->kind == WAIT_RESIZE || wait->answer != ANSWER_DATA ||
        session->cooked_len + wait->len + 1 > COOKED_MAX_BYTES)
        return;
    memmove(session->cooked + wait->len + (wait->kind == WAIT_READ_LINE),
            session->cooked + session->cooked_start, session->cooked_len);
    memcpy(session->cooked, wait->bytes, wait->len);
    if (wait->kind == WAIT_READ_LINE)
        session->cooked[wait->len++] = '\n';
    session->cooked_start = 0;
    session->cooked_len += wait->len;
    session_pump(session);
}

/* ---- Foreground and size. */

void session_foreground(struct session *session, struct writer *writer)
{
    struct writer *before = session->foreground;
    session->foreground = writer;
    if (writer != NULL)
        writer->revoked = false;
    if (before != NULL && before != writer) {
        before->revoked = true;
        for (struct wait *wait = session->readers.first, *next; wait != NULL; wait = next) {
            next = wait->next;
            if (wait->writer == before)
                serve_reader(session, wait, ANSWER_END);
        }
    }
    session_pump(session);
}

void session_resized(struct session *session)
{
    while (session->resizers.first != NULL) {
        struct wait *wait = session->resizers.first;
        session->resizers.first = wait->next;
        finish(wait, ANSWER_DATA);
    }
    if (session->editing != NULL)
        screen_edit(session);
}

/* ---- Completion. */

/* How much all candidates begin with alike, in whole characters. */
static size_t common_length(const struct capnp_list *candidates, struct capnp_text *first)
{
    struct capnp_text text;
    size_t common = 0;
    for (size_t i = 0; i < candidates->count && capnp_list_get_text(candidates, i, &text) >= 0; i++) {
        size_t same = 0;
        if (i == 0) {
            *first = text;
            common = text.len;
        }
        while (same < common && same < text.len && text.bytes[same] == first->bytes[same])
            same++;
        common = same;
    }
    while (common > 0 && common < first->len && (first->bytes[common] & 0xc0) == 0x80)
        common--;
    return common;
}

static bool text_is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static void apply(struct session *session, const struct cap_completer_complete_results *results)
{
    struct capnp_text first = {0};
    const size_t common = common_length(&results->candidates, &first);
    struct line *line = &session->line;
    if (results->candidates.count == 0 || results->start > line->cursor ||
        !text_is_plain(first.bytes, common)) {
        screen_bell(session);
        return;
    }
    const bool grows = common > line->cursor - results->start;
    if ((grows || results->candidates.count == 1) && line_replace(line, results->start, first.bytes, common))
        screen_edit(session);
    else if (results->candidates.count > 1)
        screen_candidates(session, &results->candidates);
    else
        screen_bell(session);
}

/* Asks with the lock given back; false: no answer. */
static bool ask(struct session *session, struct cap_pending *pending,
                struct cap_completer_complete_results *results)
{
    static uint64_t buffer[(4096 + CAP_BUFFER_OVERHEAD_BYTES) / sizeof(uint64_t)];
    char text[LINE_MAX_BYTES];
    const cap_completer completer = session->completer;
    const struct cap_completer_complete_params params = {.line = {text, session->line.len},
                                                         .cursor = (uint32_t)session->line.cursor};
    memcpy(text, session->line.text, session->line.len);
    capos_mutex_unlock(&terminal.lock);
    pending->deadline_ns = capos_clock_ns(terminal.timer) + COMPLETE_MAX_NS;
    pending->buffer = (struct cap_buffer){buffer, sizeof buffer};
    int32_t status = cap_completer_complete_start(completer, &params, pending);
    if (status >= 0 && cap_pending_wait(pending) >= 0)
        status = cap_completer_complete_finish(pending, results);
    capos_mutex_lock(&terminal.lock);
    return status >= 0 && pending->done && pending->result >= 0;
}

void session_complete(struct session *session)
{
    static struct cap_pending pending; /* what it asks with: one at a time, terminal.is_asking */
    struct cap_completer_complete_results results = {0};
    capos_mutex_lock(&terminal.lock);
    const uint64_t version = session->line_version;
    if (!ask(session, &pending, &results))
        results.candidates.count = 0;
    session->complete_wanted = false;
    if (session->editing != NULL && session->line_version == version)
        apply(session, &results);
    terminal.is_asking = false;
    session_pump(session);
    session_unpin(session);
    capos_mutex_unlock(&terminal.lock);
}
