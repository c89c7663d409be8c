/*
 * Launching programs with what the line says and nothing else: grants, pipes, files in place of streams.
 */
#include "jobs.h"
#include "suggest.h"
#include <capos/ipc.h>
#include <capos/path.h>
#include <capos/print.h>
#include <string.h>

/* The streams of one stage; id 0: none. */
struct streams {
    struct held in, out, err;
    bool in_written, out_written; /* by the line, as a pipe or a file */
};

static bool add_grant(struct eval *eval, struct grants *grants, struct capnp_text name, struct held held,
                      uint32_t at)
{
    if (grants->count == GRANTS_MAX)
        return problem_set(&eval->line->problem, at, 1, "at most %d grants", GRANTS_MAX);
    for (size_t i = 0; i < grants->count; i++)
        if (grants->items[i].name.len == name.len &&
            memcmp(grants->items[i].name.bytes, name.bytes, name.len) == 0)
            return problem_set(&eval->line->problem, at, (uint32_t)name.len, "%.*s is given twice",
                               (int)name.len, name.bytes);
    grants->items[grants->count++] = (struct cap_spawn_grant){.name = name,
                                                              .which = CAP_SPAWN_GRANT_CAPABILITY,
                                                              .capability = {held.id, CAPOS_XFER_COPY},
                                                              .interface_id = held.interface_id};
    return true;
}

static bool add_stream(struct eval *eval, struct grants *grants, const char *name, struct held held)
{
    return held.id == 0 || add_grant(eval, grants, capnp_text_of(name), held, 0);
}

static bool add_members(struct eval *eval, struct grants *grants, const struct node *first)
{
    for (const struct node *node = first; node != NULL; node = node->next) {
        struct held held;
        if (node->kind != CAPNP_VALUE_CAP)
            return problem_set(&eval->line->problem, node->at, node->len,
                               "only a capability can be given: @name");
        if (!eval_cap(eval, node, &held) || !add_grant(eval, grants, node->name, held, node->at))
            return false;
    }
    return true;
}

/* What the program's description says, evaluated as if the line had said it. */
static bool add_described(struct eval *eval, struct grants *grants, const struct stage *stage)
{
    static struct line described;
    const struct program *program = program_named(stage->name);
    struct line *written = eval->line;
    struct node *members;
    if (program == NULL || program->with[0] == '\0')
        return true;
    if (!syntax_parse_with(&described, program->with, strlen(program->with), &members))
        return problem_set(&written->problem, stage->at, (uint32_t)stage->name.len, "bad description");
    eval->line = &described;
    bool good = add_members(eval, grants, members);
    eval->line = written;
    return good || problem_set(&written->problem, stage->at, (uint32_t)stage->name.len, "%s needs %s: %s",
                               program->name, program->with, described.problem.text);
}

static bool collect_grants(struct eval *eval, const struct stage *stage, const struct streams *streams,
                           struct grants *grants)
{
    const struct program *program = program_named(stage->name);
    grants->count = 0;
    if (stage->has_with)
        return add_members(eval, grants, stage->with) &&
               (!streams->out_written || add_stream(eval, grants, "out", streams->out)) &&
               (!streams->in_written || add_stream(eval, grants, "in", streams->in));
    return add_stream(eval, grants, "out", streams->out) && add_stream(eval, grants, "err", streams->err) &&
           (program == NULL || !program->reads || add_stream(eval, grants, "in", streams->in)) &&
           add_described(eval, grants, stage);
}

/* ---- Launching. */

enum { BINARIES_WORDS = 800 };

/* What one process may use, of what the shell may: small enough for several at once. By default a child gets
 * a share of what is left, and the second of a pipe too little. */
static const struct cap_budget budget = {
    .frames = 512, .cap_slots = 64, .threads = 4, .calls = 64, .kernel_bytes = 131072};

static cap_restricted_launcher held_launcher(const struct eval *eval)
{
    const struct name *name = names_of_interface(eval->names, CAP_RESTRICTED_LAUNCHER_INTERFACE_ID);
    return (cap_restricted_launcher){.id = name == NULL ? 0 : name->held.id};
}

/* What is said to a word that begins a line and is no program. */
static bool refuse_program(struct eval *eval, const struct stage *stage)
{
    struct suggestion meant;
    struct problem *problem = &eval->line->problem;
    int len = (int)stage->name.len;
    const char *bytes = stage->name.bytes;
    const char *dot = len == 0 ? NULL : memchr(bytes, '.', stage->name.len);
    if (names_find(eval->names, capnp_text_n(bytes, dot == NULL ? stage->name.len : (size_t)(dot - bytes))))
        return problem_set(problem, stage->at, (uint32_t)len,
                           "there is no such program; a capability is written @%.*s", len, bytes);
    suggest_begin(&meant, stage->name);
    for (const char *const *command = syntax_commands; *command != NULL; command++)
        suggest_offer(&meant, *command);
    for (const struct program *program = programs; program->name != NULL; program++)
        suggest_offer(&meant, program->name);
    if (meant.best != NULL)
        return problem_set(problem, stage->at, (uint32_t)len,
                           "%.*s: there is no such program or command; did you mean %s?", len, bytes,
                           meant.best);
    return problem_set(problem, stage->at, (uint32_t)len,
                       "%.*s: there is no such program or command; help lists them", len, bytes);
}

static bool is_among(const struct capnp_list *names, struct capnp_text wanted)
{
    for (size_t i = 0; i < names->count; i++) {
        struct capnp_text name;
        if (capnp_list_get_text(names, i, &name) >= 0 && name.len == wanted.len &&
            memcmp(name.bytes, wanted.bytes, name.len) == 0)
            return true;
    }
    return false;
}

/* All of the line's programs, before any of them starts. */
static bool check_programs(struct eval *eval)
{
    static uint64_t words[BINARIES_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_restricted_launcher_binaries_results binaries = {0};
    const struct stage *stages = eval->line->stages;
    cap_restricted_launcher launcher = held_launcher(eval);
    if (launcher.id == 0)
        return problem_set(&eval->line->problem, stages[0].at, (uint32_t)stages[0].name.len,
                           "the shell holds no RestrictedLauncher, so it can start nothing");
    int32_t result = cap_restricted_launcher_binaries(launcher, &binaries, &buffer);
    if (result < 0)
        return problem_set(&eval->line->problem, stages[0].at, (uint32_t)stages[0].name.len, "launcher: %s",
                           cap_why(result));
    for (size_t i = 0; i < eval->line->stage_count; i++)
        if (!is_among(&binaries.names, stages[i].name))
            return refuse_program(eval, &stages[i]);
    return true;
}

static bool launch(struct eval *eval, const struct stage *stage, const struct grants *grants, bool paused,
                   struct process *process)
{
    struct capnp_text args[SYNTAX_ARGS_MAX + 1];
    struct cap_restricted_launcher_launch_results results = {0};
    args[0] = stage->name;
    for (size_t i = 0; i < stage->arg_count; i++)
        args[i + 1] = stage->args[i];
    const struct cap_restricted_launcher_launch_params params = {
        .name = stage->name,
        .binary_name = stage->name,
        .grants = CAPNP_LIST(grants->items, grants->count),
        .args = CAPNP_LIST(args, stage->arg_count + 1),
        .has_budget = true,
        .budget = budget,
        .control = true,
        .paused = paused,
    };
    int32_t result = cap_restricted_launcher_launch(held_launcher(eval), &params, &results);
    if (result < 0)
        return problem_set(&eval->line->problem, stage->at, (uint32_t)stage->name.len, "%.*s: %s",
                           (int)stage->name.len, stage->name.bytes, cap_why(result));
    *process = (struct process){.handle = results.handle, .control = results.control};
    (void)capos_snprintf(process->name, sizeof process->name, "%.*s", (int)stage->name.len,
                         stage->name.bytes);
    return true;
}

static bool make_pipe(struct eval *eval, struct held *reader, struct held *writer)
{
    const struct name *factory = names_of_interface(eval->names, CAP_IPC_FACTORY_INTERFACE_ID);
    struct cap_ipc_factory_create_pipe_results made = {0};
    if (factory == NULL)
        return problem_set(&eval->line->problem, 0, eval->line->source_len,
                           "a pipe takes an IpcFactory, which the shell does not hold");
    int32_t result = cap_ipc_factory_create_pipe((cap_ipc_factory){.id = factory->held.id}, 0, &made);
    if (result < 0)
        return problem_set(&eval->line->problem, 0, eval->line->source_len, "%s", cap_why(result));
    *reader = (struct held){.id = made.reader.id, .interface_id = CAP_PIPE_READER_INTERFACE_ID};
    *writer = (struct held){.id = made.writer.id, .interface_id = CAP_PIPE_WRITER_INTERFACE_ID};
    return true;
}

static void give_up(struct held *held)
{
    if (held->id != 0)
        (void)cap_release_id(held->id);
    held->id = 0;
}

/* The file that a line names in place of a stream. */
static bool open_redirect(struct eval *eval, const struct redirect *redirect, struct cap_open_flags flags,
                          struct held *out)
{
    struct problem *problem = &eval->line->problem;
    const struct name *root = names_find(eval->names, capnp_text_of("root"));
    char path[CAPOS_PATH_BYTES_MAX + 1];
    cap_file file;
    uint32_t len = (uint32_t)redirect->path.len;
    if (root == NULL || root->held.interface_id != CAP_DIRECTORY_INTERFACE_ID)
        return problem_set(problem, redirect->at, len,
                           "files are looked for in a Directory called @root, and the shell holds none");
    (void)capos_snprintf(path, sizeof path, "%.*s", (int)len, redirect->path.bytes);
    int32_t result = capos_path_open((cap_directory){.id = root->held.id}, path, &flags, &file);
    if (result < 0)
        return problem_set(problem, redirect->at, len, "%.*s: %s", (int)len, redirect->path.bytes,
                           capos_file_why(result));
    *out = (struct held){.id = file.id, .interface_id = CAP_FILE_INTERFACE_ID};
    return true;
}

/* The terminal's stream for this job, or the console. */
static struct held own_stream(struct eval *eval, struct held *io)
{
    struct cap_terminal_session_stdio_results made = {0};
    if (shell.terminal.id == 0)
        return (struct held){.id = shell.console.id, .interface_id = CAP_CONSOLE_INTERFACE_ID};
    if (io->id == 0 && cap_terminal_session_stdio(shell.terminal, eval->line->stages[0].name, &made) >= 0)
        *io = (struct held){.id = made.io.id, .interface_id = CAP_STD_IO_INTERFACE_ID};
    return *io;
}

/* What a stage reads. *own, if it is something, is given up when it has been passed on. */
static bool make_input(struct eval *eval, size_t index, struct held *io, struct held *own,
                       struct streams *streams)
{
    const struct line *line = eval->line;
    bool typed = index == 0 && line->command != COMMAND_SPAWN && shell.terminal.id != 0;
    if (index == 0 && line->input.path.len != 0 &&
        !open_redirect(eval, &line->input, (struct cap_open_flags){.read_only = true}, own))
        return false;
    streams->in_written = own->id != 0;
    streams->in = own->id == 0 && typed ? own_stream(eval, io) : *own;
    return true;
}

/* What it writes to: a pipe, whose other end is *next then, a file, or the terminal. */
static bool make_output(struct eval *eval, size_t index, struct held *io, struct held *own, struct held *next,
                        struct streams *streams)
{
    const struct line *line = eval->line;
    bool last = index + 1 == line->stage_count;
    const struct cap_open_flags flags = {.create = true, .truncate = !line->output.append};
    if (!last && !make_pipe(eval, next, own))
        return false;
    if (last && line->output.path.len != 0 && !open_redirect(eval, &line->output, flags, own))
        return false;
    streams->out_written = own->id != 0;
    streams->out = own->id != 0 ? *own : own_stream(eval, io);
    streams->err = own->id != 0 ? own_stream(eval, io) : (struct held){0}; /* complaints stay out of files */
    return true;
}

bool launch_stages(struct eval *eval, struct job *job, bool paused, struct held *io, struct grants *last)
{
    struct held next = {0};
    job->count = 0;
    bool good = check_programs(eval);
    for (size_t i = 0; i < eval->line->stage_count && good; i++) {
        const struct stage *stage = &eval->line->stages[i];
        struct streams streams = {0};
        struct held in = next, out = {0}; /* given up here once the process has its own */
        next.id = 0;
        good = make_input(eval, i, io, &in, &streams) && make_output(eval, i, io, &out, &next, &streams) &&
               collect_grants(eval, stage, &streams, last) &&
               launch(eval, stage, last, paused, &job->processes[i]);
        job->count += good;
        give_up(&out);
        give_up(&in);
    }
    give_up(&next);
    return good;
}
