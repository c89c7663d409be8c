/*
 * Processes: launching them with what the line says and nothing else, pipes, redirection, waiting, killing. A
 * job is what one line started: up to SYNTAX_STAGES_MAX processes.
 */
#include "shell.h"
#include <capos/ipc.h>
#include <capos/path.h>
#include <capos/print.h>
#include <capos/process.h>
#include <string.h>

enum { JOBS_MAX = 8, GRANTS_MAX = 24, WAIT_WORDS = 300, KILLED_CODE = 130, JOB_NAME_BYTES = 24 };

struct process {
    cap_process_handle handle;
    cap_process_control control;
    char name[JOB_NAME_BYTES];
    bool ended;
    int64_t exit_code;
    bool crashed;
    struct cap_pending wait;
    uint64_t words[WAIT_WORDS];
};

struct job {
    uint32_t number; /* 0: free */
    bool said;
    size_t count;
    struct process processes[SYNTAX_STAGES_MAX];
};

static struct job jobs[JOBS_MAX];
static uint32_t next_number = 1;

/* ---- What a process gets. */

struct grants {
    struct cap_spawn_grant items[GRANTS_MAX];
    size_t count;
};

/* The streams of one stage; id 0: none. */
struct streams {
    struct held in, out;
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
    return add_stream(eval, grants, "out", streams->out) &&
           (program == NULL || !program->reads || add_stream(eval, grants, "in", streams->in)) &&
           add_described(eval, grants, stage);
}

/* ---- Launching. */

/* What one process may use, of what the shell may: small enough for several at once. By default a child gets
 * a share of what is left, and the second of a pipe too little. */
static const struct cap_budget budget = {
    .frames = 512, .cap_slots = 64, .threads = 4, .calls = 64, .kernel_bytes = 131072};

static bool launch(struct eval *eval, const struct stage *stage, const struct grants *grants,
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
    };
    int32_t result = cap_restricted_launcher_launch(shell.launcher, &params, &results);
    if (result < 0)
        return problem_set(&eval->line->problem, stage->at, (uint32_t)stage->name.len, "%s", cap_why(result));
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

/* The file behind `>`, made empty. */
static bool open_redirect(struct eval *eval, struct held *out)
{
    struct line *line = eval->line;
    const struct name *root = names_find(eval->names, capnp_text_of("root"));
    const struct cap_open_flags flags = {.create = true, .truncate = true};
    char path[CAPOS_PATH_BYTES_MAX + 1];
    cap_file file = {0};
    if (root == NULL || root->held.interface_id != CAP_DIRECTORY_INTERFACE_ID)
        return problem_set(&line->problem, line->redirect_at, (uint32_t)line->redirect.len,
                           "'>' takes a Directory called @root");
    (void)capos_snprintf(path, sizeof path, "%.*s", (int)line->redirect.len, line->redirect.bytes);
    int32_t result = capos_path_open((cap_directory){.id = root->held.id}, path, &flags, &file);
    if (result < 0)
        return problem_set(&line->problem, line->redirect_at, (uint32_t)line->redirect.len, "%.*s: %s",
                           (int)line->redirect.len, line->redirect.bytes, capos_file_why(result));
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

/* A stage's streams: `next` is the pipe's end for the stage behind it. False: line->problem. */
static bool make_streams(struct eval *eval, size_t index, struct held *io, struct streams *streams,
                         struct held *pipe_in, struct held *own_out)
{
    struct line *line = eval->line;
    bool last = index + 1 == line->stage_count;
    streams->in = *pipe_in;
    streams->in_written = index != 0;
    streams->out_written = !last || line->redirect.len != 0;
    pipe_in->id = 0;
    own_out->id = 0;
    if (!last && !make_pipe(eval, pipe_in, own_out))
        return false;
    if (last && line->redirect.len != 0 && !open_redirect(eval, own_out))
        return false;
    streams->out = own_out->id != 0 ? *own_out : own_stream(eval, io);
    if (index == 0 && line->command == COMMAND_RUN && shell.terminal.id != 0)
        streams->in = own_stream(eval, io);
    return true;
}

static void kill_job(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct cap_process_control_kill_results results = {0};
        if (!job->processes[i].ended)
            (void)cap_process_control_kill(job->processes[i].control, KILLED_CODE, &results);
    }
}

static bool start_stages(struct eval *eval, struct job *job, struct held *io)
{
    static struct grants grants;
    struct held pipe_in = {0}, own_out = {0};
    bool good = true;
    for (size_t i = 0; i < eval->line->stage_count && good; i++) {
        const struct stage *stage = &eval->line->stages[i];
        struct streams streams = {0};
        struct held in = pipe_in; /* a pipe's end is given up here once the process has its own */
        good = make_streams(eval, i, io, &streams, &pipe_in, &own_out) &&
               collect_grants(eval, stage, &streams, &grants) &&
               launch(eval, stage, &grants, &job->processes[i]);
        job->count += good;
        give_up(&own_out);
        give_up(&in);
    }
    give_up(&pipe_in);
    return good;
}

/* ---- Waiting. */

static void note_end(struct process *process)
{
    struct cap_process_handle_wait_results results = {0};
    int32_t result = cap_process_handle_wait_finish(&process->wait, &results);
    process->ended = true;
    process->exit_code = result < 0 ? -1 : results.exit_code;
    process->crashed = result == CAPOS_ERR_RESULT_TRUNCATED || (result >= 0 && results.crashed);
    if (process->crashed)
        shell_print("%s crashed: %.*s\n", process->name, (int)results.crash.reason.len,
                    results.crash.reason.bytes == NULL ? "" : results.crash.reason.bytes);
}

static void free_job(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        (void)cap_release(job->processes[i].handle);
        (void)cap_release(job->processes[i].control);
    }
    job->number = 0;
    job->count = 0;
}

/* Until all have ended; Ctrl-C kills those that have not. */
static void wait_for_job(struct job *job)
{
    struct cap_pending *waits[SYNTAX_STAGES_MAX] = {NULL};
    size_t left = 0;
    interrupt_forget();
    for (size_t i = 0; i < job->count; i++) {
        struct process *process = &job->processes[i];
        process->wait = (struct cap_pending){.buffer = {process->words, sizeof process->words}};
        if (!process->ended && cap_process_handle_wait_start(process->handle, &process->wait) >= 0) {
            waits[i] = &process->wait;
            left++;
        }
    }
    while (left > 0) {
        int index = interrupt_wait(waits, job->count);
        if (index < 0) {
            kill_job(job);
            shell_print("^C\n");
            continue;
        }
        note_end(&job->processes[index]);
        waits[index] = NULL;
        left--;
    }
}

static void say_end(const struct job *job, bool always)
{
    const struct process *last = &job->processes[job->count - 1];
    if (job->count != 0 && (always || last->exit_code != 0))
        shell_print("%s ended with %lld\n", last->name, (long long)last->exit_code);
}

/* ---- Commands. */

static struct job *free_slot(struct eval *eval)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].number == 0)
            return &jobs[i];
    (void)problem_set(&eval->line->problem, 0, eval->line->source_len, "at most %d jobs", JOBS_MAX);
    return NULL;
}

static bool run_programs(struct eval *eval)
{
    struct held io = {0};
    struct job *job = free_slot(eval);
    bool foreground = eval->line->command == COMMAND_RUN;
    if (job == NULL)
        return false;
    job->count = 0;
    bool good = start_stages(eval, job, &io);
    if (!good) {
        kill_job(job);
        wait_for_job(job);
        free_job(job);
        give_up(&io);
        return false;
    }
    job->number = next_number++;
    if (foreground && io.id != 0)
        (void)cap_terminal_session_foreground(shell.terminal, (cap_std_io){.id = io.id});
    if (foreground) {
        wait_for_job(job);
        if (io.id != 0)
            (void)cap_terminal_session_foreground(shell.terminal, (cap_std_io){0});
        say_end(job, false);
        free_job(job);
    } else {
        shell_print("[%u] %s\n", job->number, job->processes[0].name);
    }
    give_up(&io);
    return true;
}

/* The job of that number; without one the newest. */
static struct job *chosen_job(struct eval *eval)
{
    struct job *found = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        bool fits = jobs[i].number != 0 && (!eval->line->has_number || jobs[i].number == eval->line->number);
        if (fits && (found == NULL || jobs[i].number > found->number))
            found = &jobs[i];
    }
    if (found == NULL)
        (void)problem_set(&eval->line->problem, 0, eval->line->source_len, "there is no such job");
    return found;
}

static bool is_running(const struct process *process)
{
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_process_handle_info_results info = {0};
    return !process->ended && cap_process_handle_info(process->handle, &info, &buffer) >= 0 && info.running;
}

static bool job_is_running(const struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (is_running(&job->processes[i]))
            return true;
    return false;
}

static bool run_jobs(void)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].number != 0)
            shell_print("[%u] %s %s\n", jobs[i].number, jobs[i].processes[0].name,
                        job_is_running(&jobs[i]) ? "running" : "ended");
    return true;
}

void jobs_report(void)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (jobs[i].number == 0 || job_is_running(&jobs[i]))
            continue;
        wait_for_job(&jobs[i]);
        shell_print("[%u] ", jobs[i].number);
        say_end(&jobs[i], true);
        free_job(&jobs[i]);
    }
}

static bool run_wait(struct eval *eval)
{
    struct job *job = chosen_job(eval);
    if (job == NULL)
        return false;
    if (eval->line->command == COMMAND_KILL)
        kill_job(job);
    wait_for_job(job);
    say_end(job, true);
    free_job(job);
    return true;
}

bool jobs_run(struct eval *eval, bool *handled)
{
    *handled = true;
    switch (eval->line->command) {
    case COMMAND_RUN:
    case COMMAND_SPAWN:
        return run_programs(eval);
    case COMMAND_JOBS:
        return run_jobs();
    case COMMAND_WAIT:
    case COMMAND_KILL:
        return run_wait(eval);
    default:
        *handled = false;
        return true;
    }
}
