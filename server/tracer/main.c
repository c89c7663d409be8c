/*
 * tracer: what `capos run --trace` starts in the program's place. Spawns the program paused, with the grants
 * that its arguments name, traces it from its first instruction, and writes the trace to the kernel's log,
 * whose port is not the program's (tool/capos/trace_lines.c takes it from there). Ends when the program has,
 * and init the servers with it. docs/trace.md.
 *
 * Arguments:
 *
 *     --calls --sched --times       what is shown
 *     --program=BINARY              in the boot package
 *     --cap=HELD:NAME               a grant: a copy of what the tracer holds as HELD
 *     --own=NUMBER:NAME             a grant: an own object, enum cap_own_object
 *     -- ARGV...
 *
 * Grants: spawner, tracer, logsink and what is handed on (tool/capos/package_tracer.c). The environment is
 * handed on.
 */
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <capos/trace_text.h>
#include <string.h>

enum { GRANTS_MAX = 64, TEXTS_MAX = 256, BUFFER_BYTES = 1 << 20, PIECE_BYTES = 240, ANSWER_WORDS = 1100 };

enum { BUFFER_BYTES_MIN = 64 << 10, EXIT_TROUBLE = 125 /* capos' own, tool/capos */ };

static cap_log_sink log_sink;

static struct {
    struct cap_spawn_grant grants[GRANTS_MAX];
    const char *names[GRANTS_MAX];
    size_t grant_count;
    struct capnp_text args[TEXTS_MAX], env[TEXTS_MAX];
    size_t arg_count, env_count;
    struct capnp_text program;
    unsigned show;
} wanted;

static struct capos_trace_text text;

static struct capnp_text text_of(const char *from)
{
    return (struct capnp_text){from, strlen(from)};
}

/* ---- Output: a record of the log takes less than a line, so a line is pieces; the last one ends it. */

static void write_line(void *self, const char *bytes, size_t len)
{
    (void)self;
    do {
        char piece[PIECE_BYTES + 8];
        size_t now = len < PIECE_BYTES ? len : PIECE_BYTES;
        memcpy(piece, now == len ? "trace: " : "trace+ ", 7);
        memcpy(piece + 7, bytes, now);
        (void)cap_log_sink_write(log_sink, CAP_LOG_LEVEL_INFO, (struct capnp_text){piece, 7 + now});
        bytes += now;
        len -= now;
    } while (len != 0);
}

static int fail(const char *what, int32_t status)
{
    char line[PIECE_BYTES];
    int len = capos_snprintf(line, sizeof line, "tracer: %s: %s", what, cap_why(status));
    (void)cap_log_sink_write(log_sink, CAP_LOG_LEVEL_ERROR, (struct capnp_text){line, (size_t)len});
    return 1;
}

/* ---- Arguments. */

static const char *after(const char *argument, const char *option)
{
    size_t len = strlen(option);
    return strncmp(argument, option, len) == 0 ? argument + len : NULL;
}

/* HELD:NAME or NUMBER:NAME. */
static bool add_grant(const char *from, bool own)
{
    const char *colon = strchr(from, ':');
    if (colon == NULL || wanted.grant_count == GRANTS_MAX)
        return false;
    struct cap_spawn_grant *grant = &wanted.grants[wanted.grant_count];
    wanted.names[wanted.grant_count++] = colon + 1;
    grant->name = text_of(colon + 1);
    if (own) {
        uint32_t number = 0;
        for (const char *digit = from; digit < colon; digit++)
            number = number * 10 + (uint32_t)(*digit - '0');
        grant->which = CAP_SPAWN_GRANT_OWN;
        grant->own = (enum cap_own_object)number;
        return true;
    }
    grant->which = CAP_SPAWN_GRANT_CAPABILITY;
    grant->capability.mode = CAPOS_XFER_COPY;
    return capos_capset_get(from, (size_t)(colon - from), &grant->capability.id, NULL) == CAPOS_OK;
}

static bool add_option(const char *argument)
{
    const char *value;
    if (strcmp(argument, "--calls") == 0)
        wanted.show |= CAPOS_TRACE_SHOW_CALLS;
    else if (strcmp(argument, "--sched") == 0)
        wanted.show |= CAPOS_TRACE_SHOW_SCHED;
    else if (strcmp(argument, "--times") == 0)
        wanted.show |= CAPOS_TRACE_SHOW_TIMES;
    else if ((value = after(argument, "--program=")) != NULL)
        wanted.program = text_of(value);
    else if ((value = after(argument, "--cap=")) != NULL)
        return add_grant(value, false);
    else if ((value = after(argument, "--own=")) != NULL)
        return add_grant(value, true);
    else
        return false;
    return true;
}

static bool read_arguments(int argc, char **argv, char **envp)
{
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!add_option(argv[i]))
            return false;
    }
    for (i++; i < argc && wanted.arg_count < TEXTS_MAX; i++)
        wanted.args[wanted.arg_count++] = text_of(argv[i]);
    for (; *envp != NULL && wanted.env_count < TEXTS_MAX; envp++)
        wanted.env[wanted.env_count++] = text_of(*envp);
    return true;
}

/* ---- The trace. */

static int32_t spawn(struct cap_process_spawner_spawn_results *out)
{
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = wanted.program,
        .grants = CAPNP_LIST(wanted.grants, wanted.grant_count),
        .args = CAPNP_LIST(wanted.args, wanted.arg_count),
        .env = CAPNP_LIST(wanted.env, wanted.env_count),
        .control = true,
        .paused = true,
    };
    return cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, out);
}

/* What it held for the program alone: a server learns of the program's letting go, not of the tracer's end.
 */
static void let_go(void)
{
    static const char *const own[] = {"spawner", "tracer", "logsink"};
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        bool keep = false;
        for (size_t j = 0; j < sizeof own / sizeof own[0]; j++)
            keep = keep || strcmp(entry->name, own[j]) == 0;
        if (!keep)
            (void)cap_release_id(entry->cap_id);
    }
}

static int32_t show_all(cap_trace trace)
{
    static uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_trace_read_results news = {0};
    while (!news.ended) {
        int32_t status = cap_trace_read(trace, &news, &buffer);
        if (status < 0)
            return status;
        capos_trace_text_add(&text, news.records.bytes, news.records.len, news.lost);
    }
    capos_trace_text_end(&text);
    return CAPOS_OK;
}

/* With a small machine's memory a small buffer must do. */
static int32_t attach(cap_process_handle process, struct cap_tracer_attach_results *out)
{
    int32_t status = CAPOS_ERR_NO_MEMORY;
    process.mode = CAPOS_XFER_COPY;
    for (uint32_t bytes = BUFFER_BYTES; status == CAPOS_ERR_NO_MEMORY && bytes >= BUFFER_BYTES_MIN;
         bytes /= 2)
        status = cap_tracer_attach(capos_need_tracer("tracer"), process, bytes, CAPOS_TRACE_MESSAGE_MAX, out);
    return status;
}

/* The program is not to stay, paused or unseen. */
static int give_up(cap_process_control control, const char *what, int32_t status)
{
    struct cap_process_control_kill_results killed;
    (void)fail(what, status);
    (void)cap_process_control_kill(control, EXIT_TROUBLE, &killed);
    return 1;
}

int main(int argc, char **argv, char **envp)
{
    struct cap_process_spawner_spawn_results child;
    struct cap_process_control_resume_results resumed;
    struct cap_tracer_attach_results attached;
    log_sink = capos_need_log_sink("logsink");
    if (!read_arguments(argc, argv, envp))
        return fail("its arguments make no sense", CAPOS_ERR_BAD_FLAGS);
    int32_t status = spawn(&child);
    if (status < 0)
        return fail("the program was not started", status);
    let_go();
    status = attach(child.handle, &attached);
    if (status < 0)
        return give_up(child.control, "it cannot be traced", status);
    text.line = write_line;
    text.show = wanted.show;
    text.schema = &capnp_schema_built_in;
    text.grant_names = wanted.names;
    text.grant_count = wanted.grant_count;
    status = cap_process_control_resume(child.control, &resumed);
    if (status >= 0)
        status = show_all(attached.trace);
    return status < 0 ? give_up(child.control, "the trace broke off", status) : 0;
}
