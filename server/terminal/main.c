/*
 * The terminal: its threads, and how waits are answered. Grants: "console", "input" (ConsoleInput),
 * "terminal" (an Endpoint that serves TerminalSession), "timer", "memory", "threads", "thread", "park";
 * "stdio" (an Endpoint that serves StdIO; may be missing). docs/terminal.md.
 */
#include "server.h"
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/lookup.h>
#include <capos/terminal_server.h>
#include <capos/threads.h>
#include <string.h>

struct terminal terminal;

static const char ask_size[] = "\033[18t";
static const uint64_t SIZE_MAX_NS = 500000000, HELD_MAX_NS = 100000000;
enum { INPUT_READ_BYTES = 256 };

/* ---- Answers. */

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

static struct session *completing(void)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (terminal.sessions[i] != NULL && terminal.sessions[i]->complete_wanted)
            return terminal.sessions[i];
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

/* ---- Input. */

static void front_next(void)
{
    size_t place = 0;
    while (terminal.sessions[place] != terminal.front)
        place++;
    do
        place = (place + 1) % SESSIONS_MAX;
    while (terminal.sessions[place] == NULL);
    if (terminal.sessions[place] != terminal.front)
        screen_front(terminal.sessions[place]);
}

static void resize(uint16_t rows, uint16_t columns)
{
    const bool usable = rows > 0 && columns > 3;
    terminal.rows = usable ? rows : 0;
    terminal.columns = usable ? columns : 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (terminal.sessions[i] != NULL)
            session_resized(terminal.sessions[i]);
}

/* Waits while there is no room. */
static void typed(uint8_t byte)
{
    while (!session_typed(terminal.front, byte)) {
        terminal_unlock(); /* answers */
        terminal_lock();
        if (terminal.front->typed_len == TYPED_MAX_BYTES)
            (void)capos_cond_wait(&terminal.room, &terminal.lock, 0);
    }
}

/* True: it was a report of the size. */
static bool took(const struct input_result *result)
{
    if (result->event == INPUT_RESIZE)
        resize(result->rows, result->columns);
    if (result->event == INPUT_SWITCH)
        front_next();
    for (size_t i = 0; result->event == INPUT_BYTES && i < result->count; i++)
        typed(result->bytes[i]);
    return result->event == INPUT_RESIZE;
}

/* One read of the console. False: it is not to be had any more. *sized: among it was the terminal's size. */
static bool input_once(cap_console_input input, uint64_t deadline_ns, bool *sized)
{
    static struct cap_pending pending;
    struct cap_console_input_read_results results;
    struct input_result result;
    const struct cap_console_input_read_params params = {.max_bytes = INPUT_READ_BYTES};
    pending.deadline_ns = deadline_ns;
    int32_t status = cap_console_input_read_start(input, &params, &pending);
    if (status >= 0)
        status = cap_pending_wait(&pending);
    if (status >= 0)
        status = cap_console_input_read_finish(&pending, &results);
    terminal_lock();
    if (status == CAPOS_ERR_TIMEOUT) {
        input_release(&terminal.input, &result);
        (void)took(&result);
        status = CAPOS_OK;
    } else if (status >= 0) {
        for (size_t i = 0; i < results.data.len; i++) {
            input_feed(&terminal.input, results.data.bytes[i], &result);
            *sized |= took(&result);
        }
    }
    terminal_unlock();
    return status >= 0;
}

static uint64_t input_main(void *argument)
{
    const cap_console_input input = *(cap_console_input *)argument;
    bool sized;
    while (
        input_once(input, terminal.input.held > 0 ? capos_clock_ns(terminal.timer) + HELD_MAX_NS : 0, &sized))
        continue;
    return 0;
}

/* Whoever is at the other end says how large its screen is, or nothing: then it is no terminal. */
static void find_size(cap_console_input input)
{
    const uint64_t deadline_ns = capos_clock_ns(terminal.timer) + SIZE_MAX_NS;
    bool sized = false;
    (void)cap_console_write(terminal.console,
                            (struct capnp_data){(const uint8_t *)ask_size, sizeof ask_size - 1});
    while (!sized && capos_clock_ns(terminal.timer) < deadline_ns && input_once(input, deadline_ns, &sized))
        continue;
}

static uint64_t answer_main(void *argument)
{
    int32_t status = 0;
    (void)argument;
    while (status >= 0) {
        terminal_lock();
        if (terminal.done == NULL)
            status = capos_cond_wait(&terminal.late, &terminal.lock, 0);
        terminal_unlock();
    }
    return 0;
}

static uint64_t serve(void *service)
{
    return (uint64_t)capos_serve(service);
}

int main(void)
{
    static cap_console_input input;
    capos_thread thread;
    input = capos_need_console_input("input");
    terminal.console = capos_need_console("console");
    terminal.timer = capos_need_timer("timer");
    terminal.service.endpoint = capos_need_endpoint("terminal");
    terminal.service.find = terminal.stdio_service.find = facet_find;
    terminal.service.dropped = facet_dropped;
    if (!facets_init())
        return 1;
    find_size(input);
    if (capos_thread_create(NULL, input_main, &input, &thread) < 0 ||
        capos_thread_create(NULL, answer_main, NULL, &thread) < 0)
        return 1;
    if (capos_get_endpoint("stdio", &terminal.stdio_service.endpoint) >= 0) {
        terminal.stdio_service.context = &terminal;
        (void)capos_thread_create(NULL, serve, &terminal.stdio_service, &thread);
    }
    return capos_serve(&terminal.service) < 0 ? 1 : 0;
}
