/*
 * The terminal: its threads and its input. Grants: "console", "input" (ConsoleInput),
 * "terminal" (an Endpoint that serves TerminalSession), "timer", "memory", "threads", "thread", "park";
 * "stdio" (an Endpoint that serves StdIO; may be missing). docs/terminal.md.
 */
#include "server.h"
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/lookup.h>
#include <capos/threads.h>
#include <string.h>

static const char ask_size[] = "\033[18t";
static const uint64_t SIZE_MAX_NS = 500000000, HELD_MAX_NS = 100000000;
enum { INPUT_READ_BYTES = 256 };

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
