/*
 * StdIO, what a child gets of a terminal: what it can do, what it is refused, and that a child which dies
 * while it reads takes nothing along. The input is a file of nothing (see expect.txt); what a person types is
 * the suite `terminal`'s.
 */
#include "child.h"
#include <capos/terminal.h>
#include <capos/timer.h>

enum { MANY = 250, NAP_NS = 20000000 };

static uint64_t words[300];
static struct cap_buffer buffer = {words, sizeof words};
static cap_terminal_session session;

static struct capnp_data data(const char *text)
{
    return capnp_data_of(text, strlen(text));
}

static int32_t new_stdio(cap_std_io *out)
{
    struct cap_terminal_session_stdio_results made = {0};
    int32_t status = cap_terminal_session_stdio(session, capnp_text_of("child"), &made);
    *out = made.io;
    return status;
}

static void check_writing(cap_std_io io)
{
    struct cap_std_io_write_results wrote = {0};
    struct cap_std_io_write_error_results complained = {0};
    struct cap_std_io_is_terminal_results is = {.input = true, .output = true};
    demo_check(cap_std_io_write(io, data("written\n"), &wrote) >= 0 && wrote.written == 8, "write");
    demo_check(cap_std_io_write(io, data(""), &wrote) >= 0 && wrote.written == 0, "write nothing");
    demo_check(cap_std_io_write_error(io, data("complained\n"), &complained) >= 0 && complained.written == 11,
               "writeError");
    demo_check(cap_std_io_flush(io) >= 0, "flush");
    demo_check(cap_std_io_is_terminal(io, &is, &buffer) >= 0 && !is.input && !is.output &&
                   is.size.columns == 0,
               "a file is no terminal");
}

static void check_reading(cap_std_io io)
{
    struct cap_std_io_read_results read = {0};
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, cap_std_io_read(io, 0, &read, &buffer),
                          "reading nothing");
    demo_check(cap_std_io_read(io, 100, &read, &buffer) >= 0 && read.data.len == 0, "the end of the file");
}

/* A StdIO that is not in the foreground waits for its turn; one that was and is not any more reads the end.
 */
static void check_foreground(cap_std_io io)
{
    static struct cap_pending waiting;
    struct cap_std_io_read_results read = {0};
    const struct cap_std_io_read_params params = {.max_bytes = 10};
    cap_timer timer = capos_need_timer("timer");
    (void)cap_std_io_read_start(io, &params, &waiting);
    (void)cap_timer_sleep(timer, NAP_NS);
    demo_check(!cap_pending_poll(&waiting), "a read in the background waits");
    (void)cap_terminal_session_foreground(session, io);
    (void)cap_terminal_session_foreground(session, (cap_std_io){0});
    (void)cap_pending_wait(&waiting);
    demo_check(cap_std_io_read_finish(&waiting, &read) >= 0 && read.data.len == 0,
               "and ends when the foreground is taken away");
    demo_check(cap_std_io_read(io, 10, &read, &buffer) >= 0 && read.data.len == 0, "so do reads after that");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_terminal_session_foreground(session, (cap_std_io){.id = session.id}),
                          "a session is no foreground");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_terminal_session_foreground(session, capos_need_std_io("io")),
                          "nor is another endpoint's StdIO");
}

/* More than there can be; all that are dropped can be had again. */
static void check_many(void)
{
    static cap_std_io many[2 * MANY];
    size_t count = 0;
    int32_t status = CAPOS_OK;
    while (count < 2 * MANY && (status = new_stdio(&many[count])) >= 0)
        count++;
    demo_check(count >= MANY, "many StdIOs");
    demo_expect_exception(CAPOS_EXCEPTION_OVERLOADED, status, "but not any number");
    while (count > 0)
        (void)cap_release(many[--count]);
    for (int tries = 0; tries < 500 && (status = new_stdio(&many[0])) < 0; tries++)
        (void)cap_timer_sleep(capos_need_timer("timer"), NAP_NS); /* dropped facets are heard of later */
    demo_check(status >= 0, "those that were dropped make room");
    (void)cap_release(many[0]);
}

static void check_dying_child(void)
{
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_process_control_kill_results killed;
    cap_std_io io;
    (void)new_stdio(&io);
    const struct capnp_text args[] = {capnp_text_of("c-stdio"), capnp_text_of("reads")};
    const struct cap_spawn_grant grants[] = {
        {.name = {"io", 2}, .capability = {.id = io.id, .mode = CAPOS_XFER_COPY}}};
    const struct cap_process_spawner_spawn_params params = {.binary_name = args[0],
                                                            .args = CAPNP_LIST(args, 2),
                                                            .grants = CAPNP_LIST(grants, 1),
                                                            .control = true};
    demo_check(cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, &child) >= 0,
               "a child");
    (void)cap_timer_sleep(capos_need_timer("timer"), NAP_NS); /* it waits for its turn by now */
    (void)cap_process_control_kill(child.control, 7, &killed);
    demo_check(demo_wait_exit(child.handle) == 7, "dies while it reads");
    (void)cap_release(child.control);
    demo_check(cap_terminal_session_foreground(session, io) >= 0 &&
                   cap_terminal_session_foreground(session, (cap_std_io){0}) >= 0,
               "its read ends, and nobody is told");
    (void)cap_release(io);
    demo_check(new_stdio(&io) >= 0, "the terminal goes on");
    check_writing(io);
    (void)cap_release(io);
}

static int child(void)
{
    struct cap_std_io_read_results read = {0};
    return cap_std_io_read(capos_need_std_io("io"), 10, &read, &buffer) < 0 ? 1 : 2;
}

int main(int argc, char **argv)
{
    cap_std_io io;
    (void)argv;
    if (argc > 1)
        return child();
    demo_begin("c-stdio");
    session = capos_need_terminal_session("session");
    check_writing(capos_need_std_io("io"));
    check_reading(capos_need_std_io("io"));
    demo_check(new_stdio(&io) >= 0, "a StdIO for a child");
    check_writing(io);
    check_foreground(io);
    (void)cap_release(io);
    check_many();
    check_dying_child();
    return demo_end();
}
