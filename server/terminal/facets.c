/*
 * What capabilities stand for: sessions and StdIOs, by tag, and their methods. Tags are never used again.
 */
#include "server.h"
#include <capos/capos.h>
#include <capos/endpoint.h>
#include <capos/terminal_server.h>
#include <string.h>

static uint64_t next_tag = TAG_FIRST_FREE;

/* ---- Making and finding. */

static struct session *session_create(const char *title, size_t len)
{
    size_t place = 0;
    while (place < SESSIONS_MAX && terminal.sessions[place] != NULL)
        place++;
    struct session *session = place == SESSIONS_MAX ? NULL : calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    len = len < TITLE_MAX_BYTES ? len : TITLE_MAX_BYTES;
    for (size_t i = 0; i < len; i++)
        session->title[i] = (uint8_t)title[i] < ' ' ? '?' : title[i];
    session->echo = true;
    session->has_facet = true;
    session->own.session = session;
    session->own.tag = session->tag = next_tag++;
    terminal.sessions[place] = session;
    return session;
}

static struct writer *writer_create(struct session *session, uint64_t tag)
{
    struct writer *writer = terminal.writer_count == WRITERS_MAX ? NULL : calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->session = session;
    writer->tag = tag;
    writer->next = session->writers;
    session->writers = writer;
    terminal.writer_count++;
    return writer;
}

bool facets_init(void)
{
    terminal.front = session_create("terminal", 8);
    return terminal.front != NULL;
}

static struct session *session_of(uint64_t tag)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (terminal.sessions[i] != NULL &&
            (terminal.sessions[i]->tag == tag || (i == 0 && tag < TAG_FIRST_FREE)))
            return terminal.sessions[i];
    return NULL;
}

static struct writer *writer_of(uint64_t tag)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        for (struct writer *writer = terminal.sessions[i] == NULL ? NULL : terminal.sessions[i]->writers;
             writer != NULL; writer = writer->next)
            if (writer->tag == tag)
                return writer;
    return NULL;
}

/* ---- Going. */

static void session_end_if_unused(struct session *session)
{
    size_t place = 0;
    if (session->has_facet || session->writers != NULL || session->pins != 0)
        return;
    while (terminal.sessions[place] != session)
        place++;
    terminal.sessions[place] = NULL;
    if (terminal.front == session)
        screen_front(terminal.sessions[0]); /* never ends */
    history_free(&session->history);
    if (session->completer.id != 0)
        cap_release(session->completer);
    free(session);
}

void session_pin(struct session *session)
{
    session->pins++;
}

void session_unpin(struct session *session)
{
    session->pins--;
    session_end_if_unused(session);
}

static void writer_end(struct writer *writer)
{
    struct session *session = writer->session;
    struct writer **link = &session->writers;
    screen_finish(session, writer);
    if (session->foreground == writer)
        session_foreground(session, NULL);
    while (*link != writer)
        link = &(*link)->next;
    *link = writer->next;
    terminal.writer_count--;
    free(writer);
    session_end_if_unused(session);
}

void facet_dropped(void *context, uint64_t tag)
{
    (void)context;
    if (tag < TAG_FIRST_FREE)
        return;
    terminal_lock();
    struct writer *writer = writer_of(tag);
    struct session *session = session_of(tag);
    if (writer != NULL) {
        writer_end(writer);
    } else if (session != NULL) {
        session->has_facet = false;
        screen_finish(session, &session->own);
        session_end_if_unused(session);
    }
    if (terminal.done != NULL)
        capos_cond_signal(&terminal.late); /* this is not the place to answer */
    capos_mutex_unlock(&terminal.lock);
}

/* ---- Reading. */

static int32_t wait_begin(struct cap_call *call, enum wait_kind kind, struct session *session,
                          struct writer *writer, struct wait **out)
{
    struct wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the terminal is out of memory");
    wait->kind = kind;
    wait->session = session;
    wait->writer = writer;
    *out = wait;
    return CAPOS_OK;
}

static void wait_start(struct cap_call *call, struct wait_list *list, struct wait *wait)
{
    capos_call_defer(call, &wait->deferred);
    terminal_lock();
    session_wait(list, wait);
    session_pump(wait->session);
    terminal_unlock();
}

static int32_t read_start(struct cap_call *call, enum wait_kind kind, struct session *session,
                          struct writer *writer, uint32_t max_bytes)
{
    struct wait *wait;
    if (max_bytes == 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "maxBytes: 0 would wait for ever");
    int32_t status = wait_begin(call, kind, session, writer, &wait);
    if (status < 0)
        return status;
    wait->max_bytes = max_bytes < READ_MAX_BYTES ? max_bytes : READ_MAX_BYTES;
    if (wait->max_bytes > COOKED_MAX_BYTES)
        wait->max_bytes = COOKED_MAX_BYTES;
    wait_start(call, &session->readers, wait);
    return CAP_CALL_PENDING;
}

/* ---- StdIO. */

static int32_t stdio_read(void *self, struct cap_call *call, const struct cap_std_io_read_params *params,
                          struct cap_std_io_read_results *results)
{
    struct writer *writer = self;
    (void)results;
    terminal_lock();
    const bool revoked = writer->revoked;
    terminal_unlock();
    return revoked ? CAPOS_OK : read_start(call, WAIT_READ, writer->session, writer, params->max_bytes);
}

static uint32_t write_now(struct writer *writer, struct capnp_data data)
{
    terminal_lock();
    screen_write(writer->session, writer, (const char *)data.bytes, data.len);
    terminal_unlock();
    return (uint32_t)data.len;
}

static int32_t stdio_write(void *self, struct cap_call *call, const struct cap_std_io_write_params *params,
                           struct cap_std_io_write_results *results)
{
    (void)call;
    results->written = write_now(self, params->data);
    return CAPOS_OK;
}

static int32_t stdio_write_error(void *self, struct cap_call *call,
                                 const struct cap_std_io_write_error_params *params,
                                 struct cap_std_io_write_error_results *results)
{
    (void)call;
    results->written = write_now(self, params->data);
    return CAPOS_OK;
}

static struct cap_window_size window_size(void)
{
    terminal_lock();
    const struct cap_window_size size = {.columns = terminal.columns, .rows = terminal.rows};
    terminal_unlock();
    return size;
}

static int32_t stdio_is_terminal(void *self, struct cap_call *call,
                                 struct cap_std_io_is_terminal_results *results)
{
    (void)self;
    (void)call;
    results->size = window_size();
    results->has_size = true;
    results->input = results->output = results->size.columns != 0;
    return CAPOS_OK;
}

/* What is written has been seen to already. */
static int32_t stdio_flush(void *self, struct cap_call *call)
{
    (void)self;
    (void)call;
    return CAPOS_OK;
}

static const struct cap_std_io_server stdio_ops = {
    .read = stdio_read,
    .write = stdio_write,
    .write_error = stdio_write_error,
    .is_terminal = stdio_is_terminal,
    .flush = stdio_flush,
};
CAPOS_DISPATCH(dispatch_stdio, cap_std_io_dispatch)

/* ---- TerminalSession. */

static int32_t session_read(void *self, struct cap_call *call,
                            const struct cap_terminal_session_read_params *params,
                            struct cap_terminal_session_read_results *results)
{
    struct session *session = self;
    (void)results;
    return read_start(call, WAIT_SESSION_READ, session, &session->own, params->max_bytes);
}

static int32_t session_write(void *self, struct cap_call *call,
                             const struct cap_terminal_session_write_params *params,
                             struct cap_terminal_session_write_results *results)
{
    (void)call;
    results->written = write_now(&((struct session *)self)->own, params->data);
    return CAPOS_OK;
}

static int32_t session_read_line(void *self, struct cap_call *call,
                                 const struct cap_terminal_session_read_line_params *params,
                                 struct cap_terminal_session_read_line_results *results)
{
    struct session *session = self;
    struct wait *wait;
    (void)results;
    if (params->prompt.len > PROMPT_MAX_BYTES || params->initial.len > LINE_MAX_BYTES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "a prompt has at most 512 bytes, a line at most 1000");
    int32_t status = wait_begin(call, WAIT_READ_LINE, session, &session->own, &wait);
    if (status < 0)
        return status;
    wait->echo = params->echo;
    wait->len = params->initial.len;
    memcpy(wait->bytes, params->initial.bytes, wait->len);
    if (params->prompt.len > 0)
        (void)write_now(&session->own,
                        (struct capnp_data){(const uint8_t *)params->prompt.bytes, params->prompt.len});
    wait_start(call, &session->readers, wait);
    return CAP_CALL_PENDING;
}

static int32_t session_set_mode(void *self, struct cap_call *call,
                                const struct cap_terminal_session_set_mode_params *params)
{
    struct session *session = self;
    if (params->mode != CAP_TERMINAL_MODE_LINE && params->mode != CAP_TERMINAL_MODE_RAW)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "no such mode");
    terminal_lock();
    session->mode = params->mode;
    session->echo = params->echo;
    session_pump(session);
    terminal_unlock();
    return CAPOS_OK;
}

static int32_t session_size(void *self, struct cap_call *call,
                            struct cap_terminal_session_size_results *results)
{
    (void)self;
    (void)call;
    results->size = window_size();
    results->has_size = true;
    return CAPOS_OK;
}

static int32_t session_wait_resize(void *self, struct cap_call *call,
                                   const struct cap_terminal_session_wait_resize_params *params,
                                   struct cap_terminal_session_wait_resize_results *results)
{
    struct session *session = self;
    struct wait *wait;
    results->size = window_size();
    results->has_size = true;
    if (results->size.columns != params->known.columns || results->size.rows != params->known.rows)
        return CAPOS_OK;
    int32_t status = wait_begin(call, WAIT_RESIZE, session, &session->own, &wait);
    if (status < 0)
        return status;
    wait_start(call, &session->resizers, wait);
    return CAP_CALL_PENDING;
}

static int32_t session_wait_interrupt(void *self, struct cap_call *call)
{
    struct session *session = self;
    struct wait *wait;
    terminal_lock();
    const bool now = session->interrupted;
    session->interrupted = false;
    terminal_unlock();
    if (now)
        return CAPOS_OK;
    int32_t status = wait_begin(call, WAIT_INTERRUPT, session, &session->own, &wait);
    if (status < 0)
        return status;
    wait_start(call, &session->interrupts, wait);
    return CAP_CALL_PENDING;
}

static int32_t session_set_completer(void *self, struct cap_call *call,
                                     const struct cap_terminal_session_set_completer_params *params)
{
    struct session *session = self;
    terminal_lock();
    const cap_completer before = session->completer;
    session->completer = params->completer;
    terminal_unlock();
    if (params->completer.id != 0)
        capos_call_keep(call, params->completer.id);
    if (before.id != 0)
        cap_release(before);
    return CAPOS_OK;
}

static int32_t session_add_history(void *self, struct cap_call *call,
                                   const struct cap_terminal_session_add_history_params *params)
{
    struct session *session = self;
    if (params->line.len > LINE_MAX_BYTES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a line has at most 1000 bytes");
    terminal_lock();
    if (session->editing == NULL) /* else the line's place in it would move */
        history_add(&session->history, params->line.bytes, params->line.len);
    terminal_unlock();
    return CAPOS_OK;
}

static int32_t session_stdio(void *self, struct cap_call *call,
                             const struct cap_terminal_session_stdio_params *params,
                             struct cap_terminal_session_stdio_results *results)
{
    struct session *session = self;
    cap_any facet = {0};
    (void)params;
    terminal_lock();
    struct writer *writer = writer_create(session, next_tag++);
    const uint64_t tag = writer == NULL ? 0 : writer->tag;
    terminal_unlock();
    if (writer == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the terminal has too many StdIOs");
    int32_t status = capos_mint(&terminal.service, tag, CAP_STD_IO_INTERFACE_ID, &facet);
    if (status < 0)
        facet_dropped(NULL, tag);
    results->io = (cap_std_io){.id = facet.id, .mode = facet.mode};
    return status;
}

static int32_t session_set_foreground(void *self, struct cap_call *call,
                                      const struct cap_terminal_session_foreground_params *params)
{
    struct session *session = self;
    struct cap_endpoint_tag_of_results found = {0};
    const cap_any capability = {.id = params->io.id, .mode = CAPOS_XFER_COPY};
    if (params->io.id != 0 &&
        (cap_endpoint_tag_of(terminal.service.endpoint, capability, &found) < 0 || !found.mine))
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "not a StdIO of this session");
    terminal_lock();
    struct writer *writer = params->io.id == 0 ? NULL : writer_of(found.tag);
    const bool good = params->io.id == 0 || (writer != NULL && writer->session == session);
    if (good)
        session_foreground(session, writer);
    terminal_unlock();
    return good ? CAPOS_OK
                : cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "not a StdIO of this session");
}

static int32_t session_new(void *self, struct cap_call *call,
                           const struct cap_terminal_session_new_session_params *params,
                           struct cap_terminal_session_new_session_results *results)
{
    cap_any facet = {0};
    (void)self;
    terminal_lock();
    struct session *session = session_create(params->title.bytes, params->title.len);
    const uint64_t tag = session == NULL ? 0 : session->tag;
    terminal_unlock();
    if (session == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the terminal has 8 sessions already");
    int32_t status = capos_mint(&terminal.service, tag, CAP_TERMINAL_SESSION_INTERFACE_ID, &facet);
    if (status < 0)
        facet_dropped(NULL, tag);
    results->session = (cap_terminal_session){.id = facet.id, .mode = facet.mode};
    return status;
}

static const struct cap_terminal_session_server session_ops = {
    .read = session_read,
    .write = session_write,
    .read_line = session_read_line,
    .set_mode = session_set_mode,
    .size = session_size,
    .wait_resize = session_wait_resize,
    .wait_interrupt = session_wait_interrupt,
    .set_completer = session_set_completer,
    .add_history = session_add_history,
    .stdio = session_stdio,
    .foreground = session_set_foreground,
    .new_session = session_new,
};
CAPOS_DISPATCH(dispatch_session, cap_terminal_session_dispatch)

/* The exported StdIOs come to be when they are used first. `context`: the endpoint of StdIOs. */
static struct writer *exported_stdio(uint64_t tag)
{
    struct writer *writer = writer_of(tag);
    return writer == NULL ? writer_create(terminal.sessions[0], tag) : writer;
}

bool facet_find(void *context, uint64_t tag, struct capos_target *out)
{
    terminal_lock();
    struct writer *writer = context == NULL        ? writer_of(tag)
                            : tag < TAG_FIRST_FREE ? exported_stdio(tag)
                                                   : NULL;
    struct session *session = context == NULL ? session_of(tag) : NULL;
    if (context == NULL && tag < TAG_FIRST_FREE)
        writer = NULL;
    if (writer != NULL)
        *out = (struct capos_target){dispatch_stdio, &stdio_ops, writer};
    else if (session != NULL)
        *out = (struct capos_target){dispatch_session, &session_ops, session};
    terminal_unlock();
    return writer != NULL || session != NULL;
}
