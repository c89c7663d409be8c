/*
 * Tracing a child from its first instruction: exactly its calls, with names, from grants and the schema, also
 * of pipelined ones. Then what is refused: other handles than a process', a second trace, a process that has
 * ended; a buffer that is too small for what happens loses the oldest and counts them; a paused child can be
 * killed.
 */
#include "check.h"
#include <capos/ipc.h>
#include <capos/process.h>
#include <capos/trace_text.h>
#include <string.h>

enum {
    BUFFER_BYTES = 65536,
    MESSAGE_BYTES = 256,
    ANSWER_WORDS = 900,
    MANY_CALLS = 300,
    KILL_CODE = 77,
    ABANDONED_CODE = -1
};

static cap_timer timer;
static cap_tracer tracer;
static uint64_t answer[ANSWER_WORDS];
static struct capos_trace_text text;

/* ---- The child. */

/* Calls on what createEndpoint will answer: its one capability, and a second that there is not. */
static int pipeline(void)
{
    static struct cap_pending create, mint, info;
    const struct cap_ipc_factory_create_endpoint_params endpoint = {.interface_id = CAP_TIMER_INTERFACE_ID};
    const struct cap_endpoint_mint_params tag = {.tag = 5};
    (void)cap_ipc_factory_create_endpoint_start(capos_need_ipc_factory("ipc"), &endpoint, &create);
    cap_pending_target(&mint, &create, 0);
    (void)cap_endpoint_mint_start(CAP_NOT_YET(cap_endpoint), &tag, &mint);
    cap_pending_target(&info, &create, 1);
    (void)cap_endpoint_info_start(CAP_NOT_YET(cap_endpoint), &info);
    return cap_pending_wait(&mint) >= 0 && cap_pending_wait(&info) == CAPOS_ERR_BAD_CAP ? 3 : 4;
}

static int be_the_child(const char *role)
{
    if (strcmp(role, "pipeline") == 0)
        return pipeline();
    struct cap_timer_now_results now;
    if (strcmp(role, "busy") == 0) {
        for (int i = 0; i < MANY_CALLS; i++)
            (void)cap_timer_now(timer, &now);
        return 0;
    }
    if (strcmp(role, "crash") == 0)
        *(volatile int *)(uintptr_t)32 = 1;
    cap_console console = capos_need_console("console");
    (void)cap_timer_sleep(timer, 20000000);
    (void)cap_console_write_line(console, (struct capnp_text){"the child speaks", 16});
    (void)cap_release(timer);
    (void)cap_timer_sleep(timer, 1);
    return 3;
}

/* ---- The parent. */

static int32_t spawn_with(const char *role, bool control, bool paused,
                          struct cap_process_spawner_spawn_results *out)
{
    const struct capnp_text args[] = {{"c-trace", 7}, {role, strlen(role)}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = cap_console_as_any(demo_console)},
        {.name = {"timer", 5}, .capability = cap_timer_as_any(timer)},
        {.name = {"ipc", 3}, .capability = cap_ipc_factory_as_any(capos_need_ipc_factory("ipc"))},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = args[0],
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, sizeof grants / sizeof grants[0]),
        .control = control,
        .paused = paused,
    };
    return cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, out);
}

static int32_t spawn(const char *role, bool paused, struct cap_process_spawner_spawn_results *out)
{
    return spawn_with(role, true, paused, out);
}

static int32_t attach(cap_process_handle process, uint32_t buffer_bytes, cap_trace *out)
{
    struct cap_tracer_attach_results attached = {0};
    process.mode = CAPOS_XFER_COPY;
    int32_t status = cap_tracer_attach(tracer, process, buffer_bytes, MESSAGE_BYTES, &attached);
    *out = attached.trace;
    return status;
}

static bool resume(cap_process_control control)
{
    struct cap_process_control_resume_results resumed = {0};
    return cap_process_control_resume(control, &resumed) >= 0 && resumed.was_paused;
}

static int64_t wait_for(const struct cap_process_spawner_spawn_results *child)
{
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_process_handle_wait_results end;
    return cap_process_handle_wait(child->handle, &end, &buffer) < 0 ? -1 : end.exit_code;
}

static void let_go(const struct cap_process_spawner_spawn_results *child)
{
    (void)cap_release(child->handle);
    (void)cap_release(child->control);
}

static void say_line(void *self, const char *line, size_t len)
{
    (void)self;
    demo_say("| %.*s", (int)len, line);
}

/* Reads until the process has ended; how many records were lost, and of each kind seen. */
static bool read_all(cap_trace trace, uint64_t *lost, unsigned kinds[9], bool show)
{
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_trace_read_results news = {0};
    *lost = 0;
    memset(kinds, 0, 9 * sizeof kinds[0]);
    while (!news.ended) {
        if (cap_trace_read(trace, &news, &buffer) < 0)
            return false;
        *lost += news.lost;
        if (show)
            capos_trace_text_add(&text, news.records.bytes, news.records.len, news.lost);
        for (size_t at = 0; at < news.records.len;) {
            const struct capos_trace_record *record = (const void *)(news.records.bytes + at);
            kinds[record->kind <= CAPOS_TRACE_HOLDS ? record->kind : 0]++;
            at += record->size_bytes;
        }
    }
    return true;
}

static void show_lines(void)
{
    static const char *const names[] = {"console", "timer", "ipc"};
    text = (struct capos_trace_text){.line = say_line,
                                     .show = CAPOS_TRACE_SHOW_CALLS,
                                     .schema = &capnp_schema_built_in,
                                     .grant_names = names,
                                     .grant_count = sizeof names / sizeof names[0]};
}

static void trace_from_the_start(void)
{
    struct cap_process_spawner_spawn_results child;
    cap_trace trace, second;
    uint64_t lost;
    unsigned kinds[9];
    demo_expect(CAPOS_OK, spawn("calls", true, &child), "a paused child");
    demo_expect(CAPOS_OK, attach(child.handle, BUFFER_BYTES, &trace), "attach");
    demo_expect_exception(CAPOS_EXCEPTION_FAILED, attach(child.handle, BUFFER_BYTES, &second),
                          "a second trace");
    demo_check(resume(child.control), "it was paused");
    demo_check(!resume(child.control), "it is not any more");
    show_lines();
    demo_check(read_all(trace, &lost, kinds, true) && lost == 0, "read to the end, nothing lost");
    demo_check(kinds[CAPOS_TRACE_ENTRY] == kinds[CAPOS_TRACE_COMPLETION] && kinds[CAPOS_TRACE_RUNS] >= 1 &&
                   kinds[CAPOS_TRACE_WAITS] >= 1 && kinds[CAPOS_TRACE_EXIT] == 1,
               "each entry was answered; it ran, waited and exited");
    demo_check(wait_for(&child) == 3, "the child ended as it would without");
    (void)cap_release(trace);
    demo_expect_exception(CAPOS_EXCEPTION_FAILED, attach(child.handle, BUFFER_BYTES, &trace),
                          "a process that has ended");
    let_go(&child);
}

static void pipelined_calls(void)
{
    struct cap_process_spawner_spawn_results child;
    cap_trace trace;
    uint64_t lost;
    unsigned kinds[9];
    (void)spawn("pipeline", true, &child);
    (void)attach(child.handle, BUFFER_BYTES, &trace);
    (void)resume(child.control);
    show_lines();
    demo_check(read_all(trace, &lost, kinds, true) && kinds[CAPOS_TRACE_ENTRY] == 3 &&
                   kinds[CAPOS_TRACE_COMPLETION] == 3,
               "pipelined calls: one entry and one answer each");
    demo_check(wait_for(&child) == 3, "which are right");
    (void)cap_release(trace);
    let_go(&child);
}

static void a_small_buffer(void)
{
    struct cap_process_spawner_spawn_results child;
    cap_trace trace;
    uint64_t lost;
    unsigned kinds[9], all = 0;
    (void)spawn("busy", true, &child);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, attach(child.handle, 100, &trace),
                          "a tiny buffer");
    demo_expect(CAPOS_OK, attach(child.handle, CAPOS_TRACE_BUFFER_MIN, &trace), "a small one");
    (void)resume(child.control);
    demo_check(wait_for(&child) == 0, "a child that makes many calls, while nobody reads");
    demo_check(read_all(trace, &lost, kinds, false), "read afterwards");
    for (int i = 1; i < 9; i++)
        all += kinds[i];
    demo_check(lost > 2 * MANY_CALLS - all && all < MANY_CALLS && kinds[CAPOS_TRACE_EXIT] == 1,
               "the oldest are lost and counted, the end is there");
    (void)cap_release(trace);
    let_go(&child);
}

static void a_crash(void)
{
    struct cap_process_spawner_spawn_results child;
    cap_trace trace;
    uint64_t lost;
    unsigned kinds[9];
    (void)spawn("crash", true, &child);
    (void)attach(child.handle, BUFFER_BYTES, &trace);
    (void)resume(child.control);
    demo_check(read_all(trace, &lost, kinds, false) && kinds[CAPOS_TRACE_CRASH] == 1 &&
                   kinds[CAPOS_TRACE_EXIT] == 1,
               "a crash shows before the exit");
    (void)cap_release(trace);
    let_go(&child);
}

static void killed_while_paused(void)
{
    struct cap_process_spawner_spawn_results child;
    struct cap_process_control_kill_results killed = {0};
    (void)spawn("calls", true, &child);
    (void)cap_process_control_kill(child.control, KILL_CODE, &killed);
    demo_check(killed.was_running && wait_for(&child) == KILL_CODE, "a paused child is killed");
    demo_check(!resume(child.control), "and cannot be resumed");
    let_go(&child);
}

/* Whoever could let it begin is gone. */
static void abandoned_while_paused(void)
{
    struct cap_process_spawner_spawn_results child;
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn_with("calls", false, true, &child),
                          "a paused child without control");
    (void)spawn("calls", true, &child);
    (void)cap_release(child.control);
    demo_check(wait_for(&child) == ABANDONED_CODE, "a paused child ends with its last control");
    (void)cap_release(child.handle);
    (void)spawn("busy", true, &child);
    (void)resume(child.control);
    (void)cap_release(child.control);
    demo_check(wait_for(&child) == 0, "one that was resumed does not");
    (void)cap_release(child.handle);
}

/* The trace is released while the child is busy: it goes on without. */
static void let_go_early(void)
{
    struct cap_process_spawner_spawn_results child;
    cap_trace trace;
    (void)spawn("busy", true, &child);
    (void)attach(child.handle, BUFFER_BYTES, &trace);
    (void)resume(child.control);
    (void)cap_release(trace);
    demo_check(wait_for(&child) == 0, "a child whose trace was given up");
    let_go(&child);
}

static void no_process_handles(void)
{
    cap_trace trace;
    demo_expect(CAPOS_ERR_WRONG_INTERFACE,
                attach((cap_process_handle){demo_console.id, 0}, BUFFER_BYTES, &trace), "a foreign handle");
    demo_expect(CAPOS_ERR_BAD_CAP, attach((cap_process_handle){9999, 0}, BUFFER_BYTES, &trace),
                "a forged handle");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          attach((cap_process_handle){CAPNP_CAP_NONE, 0}, BUFFER_BYTES, &trace), "no handle");
    struct cap_tracer_attach_results attached;
    demo_expect(CAPOS_ERR_BAD_CAP,
                cap_tracer_attach((cap_tracer){9999, 0}, (cap_process_handle){demo_console.id, 0},
                                  BUFFER_BYTES, 0, &attached),
                "no tracer");
}

int main(int argc, char **argv)
{
    timer = capos_need_timer("timer");
    if (argc > 1)
        return be_the_child(argv[1]);
    demo_begin("c-trace");
    tracer = capos_need_tracer("tracer");
    trace_from_the_start();
    pipelined_calls();
    no_process_handles();
    a_small_buffer();
    a_crash();
    killed_while_paused();
    abandoned_while_paused();
    let_go_early();
    return demo_end();
}
