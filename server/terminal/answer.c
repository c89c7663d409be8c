/* The lock, and what is done when it is given back: finished waits are answered, completers are asked. */
#include "server.h"
#include <capos/capos.h>
#include <capos/terminal_server.h>
#include "alloc.h"

struct terminal terminal;

static int32_t encode(struct cap_call *reply, const struct wait *wait)
{
    const struct capnp_data data = {(const uint8_t *)wait->bytes,
                                    wait->answer == ANSWER_DATA ? wait->len : 0};
    const bool end = wait->answer == ANSWER_END, interrupted = wait->answer == ANSWER_INTERRUPTED;
    const struct cap_window_size size = {.columns = terminal.columns, .rows = terminal.rows};
    if (wait->answer == ANSWER_OVERLOADED)
        return cap_call_fail(reply, CAPOS_EXCEPTION_OVERLOADED, "too many wait for the terminal");
    switch (wait->kind) {
    case WAIT_READ:
        return cap_std_io_read_reply(reply, &(struct cap_std_io_read_results){data});
    case WAIT_SESSION_READ:
        return cap_terminal_session_read_reply(
            reply, &(struct cap_terminal_session_read_results){data, end, interrupted});
    case WAIT_READ_LINE:
        return cap_terminal_session_read_line_reply(reply, &(struct cap_terminal_session_read_line_results){
                                                               {wait->bytes, data.len}, end, interrupted});
    case WAIT_RESIZE:
        return cap_terminal_session_wait_resize_reply(
            reply, &(struct cap_terminal_session_wait_resize_results){.has_size = true, .size = size});
    case WAIT_INTERRUPT:
        return cap_terminal_session_wait_interrupt_reply(reply);
    }
    return CAPOS_ERR_BAD_MESSAGE;
}

/* True: it came to somebody. */
static bool answer(struct wait *wait)
{
    uint64_t buffer[(COOKED_MAX_BYTES + 512) / sizeof(uint64_t)];
    struct cap_call *reply = capos_deferred_begin(&wait->deferred, buffer, sizeof buffer);
    return capos_deferred_end(&wait->deferred, encode(reply, wait)) != CAPOS_ERR_NOT_FOUND;
}

void terminal_lock(void)
{
    capos_mutex_lock(&terminal.lock);
}

static struct wait *take_done(void)
{
    struct wait *first = NULL, *next;
    for (struct wait *wait = terminal.done; wait != NULL; wait = next) { /* the latest stands first */
        next = wait->next;
        wait->next = first;
        first = wait;
    }
    terminal.done = NULL;
    return first;
}

/* A session that wants its completer asked, pinned, for who has the lock to ask; null: none, or somebody is
 * asking one: he looks again afterwards. */
static struct session *completing(void)
{
    if (terminal.is_asking)
        return NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (terminal.sessions[i] != NULL && terminal.sessions[i]->complete_wanted) {
            session_pin(terminal.sessions[i]); /* session_complete has the lock only now and then */
            terminal.is_asking = true;
            return terminal.sessions[i];
        }
    return NULL;
}

/* A facet that is dropped when its last wait is answered may take its session along: so a wait that did not
 * arrive is put back before. */
static void answer_list(struct wait *wait)
{
    for (struct wait *next; wait != NULL; wait = next) {
        next = wait->next;
        const bool delivered = answer(wait);
        terminal_lock();
        terminal.wait_count--;
        if (!delivered && (wait->session == terminal.sessions[0]))
            session_undelivered(wait);
        capos_mutex_unlock(&terminal.lock);
        free(wait);
    }
}

void terminal_unlock(void)
{
    for (;;) {
        struct wait *done = take_done();
        struct session *session = completing();
        capos_mutex_unlock(&terminal.lock);
        if (done == NULL && session == NULL)
            return;
        answer_list(done);
        if (session != NULL)
            session_complete(session);
        terminal_lock();
    }
}
