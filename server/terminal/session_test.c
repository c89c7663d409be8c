/*
 * The terminal server but its threads and its input, in one process with its clients: who gets what was
 * typed, what becomes of it when a client dies while its read waits, the foreground, and sessions that end
 * while somebody is still busy with them. What the kernel and libcapos would do is faked here: mutexes do
 * nothing, a capability's id is its tag, the console shows nothing.
 */
#include "server.h"
#include "unit.h"
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/endpoint.h>
#include <capos/terminal_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 1000, TEXT_BYTES = COOKED_MAX_BYTES + 1 };

/* ---- Calls that were deferred, and what they were answered. */

enum reads { READS_STDIO, READS_SESSION, READS_LINE, READS_NOTHING };

struct waiting {
    struct capos_call call; /* first: the server sees a struct cap_call */
    enum reads reads;
    bool is_dead; /* its caller */
    bool done;
    int32_t status;
    bool end, interrupted;
    char text[TEXT_BYTES];
    size_t len;
    uint64_t drops[2]; /* facets that nobody holds any more once this is answered; 0: none */
};

static struct waiting *calls[CALLS];
static uint32_t call_count;
static uint64_t reply_words[600];
static struct cap_call reply;

static struct waiting *call_new(enum reads reads)
{
    struct waiting *call = calloc(1, sizeof *call);
    assert_true(call_count < CALLS && call != NULL);
    call->reads = reads;
    calls[call_count++] = call;
    return call;
}

void capos_call_defer(struct cap_call *call, struct capos_deferred *deferred)
{
    for (deferred->call_id = 0; &calls[deferred->call_id]->call.call != call;)
        deferred->call_id++;
}

struct cap_call *capos_deferred_begin(struct capos_deferred *deferred, void *results, size_t size)
{
    (void)deferred;
    (void)results;
    (void)size;
    reply = (struct cap_call){.results = reply_words, .results_limit = sizeof reply_words};
    return &reply;
}

static void take(struct waiting *call, struct capnp_data data, bool end, bool interrupted)
{
    call->end = end;
    call->interrupted = interrupted;
    call->len = data.len;
    memcpy(call->text, data.bytes, data.len);
    call->text[data.len] = '\0';
}

static void decode(struct waiting *call)
{
    struct capnp_message message;
    struct cap_std_io_read_results io;
    struct cap_terminal_session_read_results read;
    struct cap_terminal_session_read_line_results line;
    const void *bytes = reply.results;
    if (call->reads == READS_STDIO &&
        cap_std_io_read_results_decode(&message, bytes, reply.results_bytes, NULL, 0, &io) >= 0)
        take(call, io.data, io.data.len == 0, false);
    else if (call->reads == READS_SESSION && cap_terminal_session_read_results_decode(
                                                 &message, bytes, reply.results_bytes, NULL, 0, &read) >= 0)
        take(call, read.data, read.end_of_file, read.interrupted);
    else if (call->reads == READS_LINE && cap_terminal_session_read_line_results_decode(
                                              &message, bytes, reply.results_bytes, NULL, 0, &line) >= 0)
        take(call, capnp_data_of(line.line.bytes, line.line.len), line.end_of_file, line.interrupted);
}

int32_t capos_deferred_end(struct capos_deferred *deferred, int32_t encoded)
{
    struct waiting *call = calls[deferred->call_id];
    assert_false(call->done);
    call->done = true;
    call->status = encoded;
    if (encoded >= 0)
        decode(call);
    for (size_t i = 0; i < 2; i++)
        if (call->drops[i] != 0)
            facet_dropped(NULL, call->drops[i]);
    return call->is_dead ? CAPOS_ERR_NOT_FOUND : CAPOS_OK;
}

/* ---- The rest of the world. */

static void (*while_asked)(void); /* what happens while a completer is asked */
static unsigned asked;

void capos_mutex_lock(struct capos_mutex *mutex)
{
    (void)mutex;
}
void capos_mutex_unlock(struct capos_mutex *mutex)
{
    (void)mutex;
}
void capos_cond_signal(struct capos_cond *cond)
{
    (void)cond;
}
void capos_call_keep(struct cap_call *call, uint32_t cap_id)
{
    (void)call;
    (void)cap_id;
}
int32_t capos_mint(struct capos_service *service, uint64_t tag, uint64_t interface_id, cap_any *out)
{
    (void)service;
    (void)interface_id;
    *out = (cap_any){.id = (uint32_t)tag};
    return CAPOS_OK;
}
int32_t cap_endpoint_tag_of(cap_endpoint self, cap_any capability,
                            struct cap_endpoint_tag_of_results *results)
{
    (void)self;
    *results = (struct cap_endpoint_tag_of_results){.mine = true, .tag = capability.id};
    return CAPOS_OK;
}
int32_t cap_release_id(uint32_t cap_id)
{
    (void)cap_id;
    return CAPOS_OK;
}
int32_t cap_console_write(cap_console self, struct capnp_data data)
{
    (void)self;
    (void)data;
    return CAPOS_OK;
}
uint64_t capos_clock_ns(cap_timer timer)
{
    (void)timer;
    return 0;
}
int32_t cap_completer_complete_start(cap_completer self, const struct cap_completer_complete_params *params,
                                     struct cap_pending *pending)
{
    (void)self;
    (void)params;
    pending->done = 0;
    asked++;
    return CAPOS_OK;
}
int32_t cap_completer_complete_finish(struct cap_pending *pending,
                                      struct cap_completer_complete_results *results)
{
    (void)pending;
    (void)results;
    return CAPOS_ERR_TIMEOUT;
}
int32_t cap_pending_wait(struct cap_pending *pending)
{
    (void)pending;
    if (while_asked != NULL)
        while_asked();
    return CAPOS_ERR_TIMEOUT;
}

/* ---- What clients do. */

static const struct cap_terminal_session_server *session_methods(uint64_t tag, void **self)
{
    struct capos_target target;
    assert_true(facet_find(NULL, tag, &target));
    *self = target.self;
    return target.ops;
}

static uint64_t new_session(void)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(0, &self);
    const struct cap_terminal_session_new_session_params params = {.title = {"other", 5}};
    struct cap_terminal_session_new_session_results made = {0};
    assert_int_equal(methods->new_session(self, &call_new(READS_NOTHING)->call.call, &params, &made),
                     CAPOS_OK);
    return made.session.id;
}

static uint64_t new_stdio(uint64_t session)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(session, &self);
    const struct cap_terminal_session_stdio_params params = {.name = {"child", 5}};
    struct cap_terminal_session_stdio_results made = {0};
    assert_int_equal(methods->stdio(self, &call_new(READS_NOTHING)->call.call, &params, &made), CAPOS_OK);
    return made.io.id;
}

static int32_t foreground(uint64_t session, uint64_t io)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(session, &self);
    const struct cap_terminal_session_foreground_params params = {.io = {.id = (uint32_t)io}};
    return methods->foreground(self, &call_new(READS_NOTHING)->call.call, &params);
}

static struct waiting *read_stdio(uint64_t io, uint32_t max_bytes)
{
    struct capos_target target;
    struct cap_std_io_read_results results = {0};
    const struct cap_std_io_read_params params = {.max_bytes = max_bytes};
    struct waiting *call = call_new(READS_STDIO);
    assert_true(facet_find(NULL, io, &target));
    const struct cap_std_io_server *methods = target.ops;
    int32_t status = methods->read(target.self, &call->call.call, &params, &results);
    if (status != CAP_CALL_PENDING) {
        call->done = call->end = true;
        call->status = status;
    }
    return call;
}

static struct waiting *read_line(uint64_t session)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(session, &self);
    struct cap_terminal_session_read_line_results results = {0};
    const struct cap_terminal_session_read_line_params params = {
        .echo = true, .prompt = {"", 0}, .initial = {"", 0}};
    struct waiting *call = call_new(READS_LINE);
    assert_int_equal(methods->read_line(self, &call->call.call, &params, &results), CAP_CALL_PENDING);
    return call;
}

static struct waiting *read_session(uint64_t session, uint32_t max_bytes)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(session, &self);
    struct cap_terminal_session_read_results results = {0};
    const struct cap_terminal_session_read_params params = {.max_bytes = max_bytes};
    struct waiting *call = call_new(READS_SESSION);
    assert_int_equal(methods->read(self, &call->call.call, &params, &results), CAP_CALL_PENDING);
    return call;
}

static void set_completer(uint64_t session)
{
    void *self;
    const struct cap_terminal_session_server *methods = session_methods(session, &self);
    const struct cap_terminal_session_set_completer_params params = {.completer = {.id = 99}};
    assert_int_equal(methods->set_completer(self, &call_new(READS_NOTHING)->call.call, &params), CAPOS_OK);
}

static struct session *session_by(uint64_t tag)
{
    void *self;
    (void)session_methods(tag, &self);
    return self;
}

/* Into a session, whether it is seen or not. */
static void type(uint64_t session, const char *keys)
{
    terminal_lock();
    for (; *keys != '\0'; keys++)
        assert_true(session_typed(session_by(session), (uint8_t)*keys));
    terminal_unlock();
}

static void assert_got(const struct waiting *call, const char *text)
{
    assert_true(call->done);
    assert_true(call->status >= 0);
    assert_string_equal(call->text, text);
}

/* ---- Tests. */

static void begin(void)
{
    memset(&terminal, 0, sizeof terminal);
    terminal.rows = 25;
    terminal.columns = 80;
    assert_true(facets_init());
    while_asked = NULL;
    asked = 0;
}

static void end(void)
{
    for (size_t i = 1; i < SESSIONS_MAX; i++)
        assert_null(terminal.sessions[i]);
    if (terminal.sessions[0] != NULL) {
        assert_null(terminal.sessions[0]->writers);
        assert_null(terminal.sessions[0]->readers.first);
        history_free(&terminal.sessions[0]->history);
        free(terminal.sessions[0]);
    }
    assert_int_equal(terminal.writer_count, 0);
    assert_int_equal(terminal.wait_count, 0);
    while (call_count > 0)
        free(calls[--call_count]);
}

static void lines_go_to_whose_turn_it_is(void)
{
    uint64_t io = new_stdio(0);
    struct waiting *child = read_stdio(io, 100), *shell = read_line(0);
    type(0, "one\r");
    assert_got(shell, "one");
    assert_false(child->done);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    shell = read_line(0);
    type(0, "two\r");
    assert_got(child, "two\n");
    assert_false(shell->done);
    assert_int_equal(foreground(0, 0), CAPOS_OK);
    type(0, "three\r");
    assert_got(shell, "three");
    facet_dropped(NULL, io);
}

static void who_loses_the_foreground_reads_the_end(void)
{
    uint64_t io = new_stdio(0), next = new_stdio(0);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    struct waiting *waits = read_stdio(io, 100);
    type(0, "half a li");
    assert_int_equal(foreground(0, next), CAPOS_OK);
    assert_true(waits->done && waits->end);
    struct waiting *late = read_stdio(io, 100);
    assert_true(late->done && late->end && late->status == CAPOS_OK);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    late = read_stdio(io, 100);
    assert_false(late->done); /* again in the foreground */
    type(0, "back\r");
    assert_got(late, "back\n");
    facet_dropped(NULL, next);
    facet_dropped(NULL, io); /* in the foreground: the session reads again */
    struct waiting *shell = read_line(0);
    type(0, "mine\r");
    assert_got(shell, "mine");
}

static void a_foreground_that_is_none_is_refused(void)
{
    uint64_t other = new_session(), io = new_stdio(other);
    assert_int_equal(foreground(0, io), CAPOS_ERR_EXCEPTION);
    assert_int_equal(foreground(0, 12345), CAPOS_ERR_EXCEPTION);
    assert_int_equal(foreground(other, io), CAPOS_OK);
    facet_dropped(NULL, io);
    facet_dropped(NULL, other);
}

/* Nobody tells the server of a death: it is noticed when the answer does not arrive. */
static void what_a_dead_reader_was_to_get_goes_to_the_next(void)
{
    uint64_t io = new_stdio(0);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    struct waiting *dead = read_stdio(io, 100), *alive = read_stdio(io, 100);
    dead->is_dead = true;
    type(0, "hello\r");
    assert_true(dead->done);
    assert_got(alive, "hello\n");
    dead = read_stdio(io, 100);
    dead->is_dead = true;
    type(0, "again\r");
    assert_true(dead->done);
    assert_got(read_stdio(io, 3), "aga"); /* who comes later gets it as well, and in pieces */
    assert_got(read_stdio(io, 100), "in\n");
    facet_dropped(NULL, io);
}

static void a_dead_child_leaves_the_terminal_to_its_session(void)
{
    uint64_t io = new_stdio(0);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    struct waiting *dead = read_stdio(io, 100);
    dead->is_dead = true;
    dead->drops[0] = io; /* the call was what kept the facet */
    assert_int_equal(foreground(0, 0), CAPOS_OK);
    assert_true(dead->done);
    struct waiting *shell = read_line(0);
    type(0, "ls\r");
    assert_got(shell, "ls");
}

/* A session that was dropped ends with the answer to its last call, in the middle of answering. */
static void a_session_ends_with_its_last_answer(void)
{
    uint64_t other = new_session();
    struct waiting *reader = read_session(other, 10);
    reader->is_dead = true;
    reader->drops[0] = other;
    type(other, "x\r");
    assert_true(reader->done);
    assert_null(terminal.sessions[1]);
}

static uint64_t doomed_session, doomed_io;

static void everybody_leaves(void)
{
    assert_int_equal(foreground(doomed_session, 0), CAPOS_OK);
    facet_dropped(NULL, doomed_io);
    facet_dropped(NULL, doomed_session);
}

/* The holder takes the foreground from the child and both go, while the completer has not answered. */
static void a_session_may_end_while_its_completer_is_asked(void)
{
    doomed_session = new_session();
    doomed_io = new_stdio(doomed_session);
    set_completer(doomed_session);
    assert_int_equal(foreground(doomed_session, doomed_io), CAPOS_OK);
    struct waiting *child = read_stdio(doomed_io, 100);
    while_asked = everybody_leaves;
    type(doomed_session, "fi\t");
    assert_int_equal(asked, 1);
    assert_true(child->done && child->end);
    assert_null(terminal.sessions[1]);
}

/* The same, between the moment when it is seen that a completer is wanted and the one when it is asked. */
static void a_session_may_end_before_its_completer_is_asked(void)
{
    uint64_t other = new_session(), io = new_stdio(other);
    set_completer(other);
    assert_int_equal(foreground(other, io), CAPOS_OK);
    struct waiting *child = read_stdio(io, 100);
    child->is_dead = true;
    child->drops[0] = io;
    child->drops[1] = other;
    terminal_lock();
    struct session *session = session_by(other);
    (void)session_typed(session, '\t');
    session_foreground(session, NULL);
    terminal_unlock();
    assert_true(child->done);
    assert_null(terminal.sessions[1]);
}

static void control_c_interrupts_the_session_and_not_a_child(void)
{
    uint64_t io = new_stdio(0);
    struct waiting *shell = read_line(0);
    type(0, "abc\003");
    assert_true(shell->done && shell->interrupted);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    struct waiting *child = read_stdio(io, 100);
    type(0, "abc\003");
    assert_false(child->done);
    assert_true(session_by(0)->interrupted);
    type(0, "d\r");
    assert_got(child, "d\n");
    type(0, "\004");
    struct waiting *last = read_stdio(io, 100);
    assert_true(last->done && last->end); /* Ctrl-D at the beginning of a line */
    facet_dropped(NULL, io);
}

static void too_many_readers_end_the_oldest(void)
{
    uint64_t io = new_stdio(0);
    struct waiting *first = read_stdio(io, 1), *second = read_stdio(io, 1);
    for (unsigned i = 2; i < WAITS_MAX; i++)
        (void)read_stdio(io, 1);
    assert_false(first->done);
    (void)read_stdio(io, 1);
    assert_true(first->done && first->status == CAPOS_ERR_EXCEPTION);
    assert_false(second->done);
    assert_int_equal(foreground(0, io), CAPOS_OK);
    assert_int_equal(foreground(0, 0), CAPOS_OK); /* ends them all */
    assert_true(second->done && second->end);
    facet_dropped(NULL, io);
}

static const struct unit_test tests[] = {
    UNIT_TEST(lines_go_to_whose_turn_it_is),
    UNIT_TEST(who_loses_the_foreground_reads_the_end),
    UNIT_TEST(a_foreground_that_is_none_is_refused),
    UNIT_TEST(what_a_dead_reader_was_to_get_goes_to_the_next),
    UNIT_TEST(a_dead_child_leaves_the_terminal_to_its_session),
    UNIT_TEST(a_session_ends_with_its_last_answer),
    UNIT_TEST(a_session_may_end_while_its_completer_is_asked),
    UNIT_TEST(a_session_may_end_before_its_completer_is_asked),
    UNIT_TEST(control_c_interrupts_the_session_and_not_a_child),
    UNIT_TEST(too_many_readers_end_the_oldest),
};

int main(void)
{
    return UNIT_MAIN(tests, begin, end);
}
