/*
 * Jobs: waiting for what was launched, killing it, saying how it ended.
 */
#include "jobs.h"
#include <capos/print.h>

enum { JOBS_MAX = SYNTAX_NUMBERS_MAX };

static struct job jobs[JOBS_MAX]; /* job N is jobs[N - 1] */

void job_kill(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct cap_process_control_kill_results results = {0};
        if (!job->processes[i].ended)
            (void)cap_process_control_kill(job->processes[i].control, KILLED_CODE, &results);
    }
}

static void job_free(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        (void)cap_release(job->processes[i].handle);
        (void)cap_release(job->processes[i].control);
    }
    job->number = 0;
    job->count = 0;
}

/* ---- Waiting. */

static void process_ended(struct process *process)
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

/* Asks for the end of each process; how many were asked. */
static size_t start_waiting(struct job *job, struct cap_pending **waits)
{
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct process *process = &job->processes[i];
        process->wait = (struct cap_pending){.buffer = {process->words, sizeof process->words}};
        waits[i] = NULL;
        if (process->ended || cap_process_handle_wait_start(process->handle, &process->wait) < 0)
            continue;
        waits[i] = &process->wait;
        count++;
    }
    return count;
}

/* Takes the questions back that were not answered. */
static void stop_waiting(struct job *job, struct cap_pending **waits)
{
    for (size_t i = 0; i < job->count; i++) {
        struct cap_process_handle_wait_results results = {0};
        if (waits[i] == NULL)
            continue;
        (void)cap_pending_cancel(waits[i]);
        (void)cap_process_handle_wait_finish(waits[i], &results);
    }
}

/* Until all have ended. Ctrl-C kills a job of the foreground; of one in the background it ends the waiting.
 * False: there was a Ctrl-C. */
static bool wait_for_job(struct job *job, bool foreground)
{
    struct cap_pending *waits[SYNTAX_STAGES_MAX];
    bool interrupted = false;
    for (size_t left = start_waiting(job, waits); left > 0;) {
        int index = interrupt_wait(waits, job->count);
        if (index >= 0) {
            process_ended(&job->processes[index]);
            waits[index] = NULL;
            left--;
            continue;
        }
        interrupted = true;
        if (!foreground) {
            stop_waiting(job, waits);
            return false;
        }
        job_kill(job);
    }
    return !interrupted;
}

/* A crash was told already. */
static void say_end(const struct job *job)
{
    const struct process *last = &job->processes[job->count - 1];
    if (last->exit_code != 0 && !last->crashed)
        shell_print("%s ended with %lld\n", last->name, (long long)last->exit_code);
}

static void say_background_end(const struct job *job)
{
    const struct process *last = &job->processes[job->count - 1];
    if (last->exit_code != 0 && last->exit_code != KILLED_CODE)
        shell_print("[%u] ended with %lld: %s\n", job->number, (long long)last->exit_code, job->text);
    else
        shell_print("[%u] %s: %s\n", job->number, last->exit_code == 0 ? "done" : "killed", job->text);
}

static bool finish_job(struct job *job)
{
    if (!wait_for_job(job, false))
        return false;
    say_background_end(job);
    job_free(job);
    return true;
}

/* ---- Running. */

static struct job *free_slot(struct eval *eval)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].number == 0)
            return &jobs[i];
    (void)problem_set(&eval->line->problem, 0, eval->line->source_len,
                      "%d jobs are running and no more fit; wait or kill ends some", JOBS_MAX);
    return NULL;
}

/* What the line said, without `&` and the spaces around it. */
static void name_job(struct job *job, const struct line *line)
{
    const char *from = line->source + line->stages[0].at;
    size_t len = line->source_len - line->stages[0].at;
    while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == '&'))
        len--;
    job->number = (uint32_t)(job - jobs) + 1;
    (void)capos_snprintf(job->text, sizeof job->text, "%.*s", (int)len, from);
}

static void set_foreground(struct held io)
{
    if (shell.terminal.id != 0)
        (void)cap_terminal_session_foreground(shell.terminal, (cap_std_io){.id = io.id});
}

/* To its end, with the terminal. False: line->problem. */
static bool run_in_foreground(struct eval *eval, struct job *job, struct held io, const struct grants *grants)
{
    if (io.id != 0)
        set_foreground(io);
    bool good = eval->line->command != COMMAND_TRACE || trace_run(eval, job, grants);
    if (!good)
        job_kill(job);
    if (wait_for_job(job, true) && good)
        say_end(job);
    if (io.id != 0)
        set_foreground((struct held){0});
    job_free(job);
    return good;
}

static bool run_programs(struct eval *eval)
{
    static struct grants grants;
    struct held io = {0};
    struct job *job = free_slot(eval);
    if (job == NULL)
        return false;
    bool good = launch_stages(eval, job, eval->line->command == COMMAND_TRACE, &io, &grants);
    if (!good) {
        job_kill(job);
        (void)wait_for_job(job, true);
        job_free(job);
    } else if (eval->line->command == COMMAND_SPAWN) {
        name_job(job, eval->line);
        shell_print("[%u] %s\n", job->number, job->text);
    } else {
        good = run_in_foreground(eval, job, io, &grants);
    }
    if (io.id != 0)
        (void)cap_release_id(io.id);
    return good;
}

/* ---- Commands about jobs. */

/* The jobs that the line names, in its order. False: one is not there, and then nothing is done. */
static bool named_jobs(struct eval *eval, struct job **chosen)
{
    struct line *line = eval->line;
    for (size_t i = 0; i < line->number_count; i++) {
        const struct number_word *number = &line->numbers[i];
        chosen[i] = NULL;
        for (size_t j = 0; j < JOBS_MAX; j++)
            if (jobs[j].number != 0 && jobs[j].number == number->value)
                chosen[i] = &jobs[j];
        if (chosen[i] == NULL)
            return problem_set(&line->problem, number->at, number->len,
                               "there is no job %llu; jobs lists them", (unsigned long long)number->value);
    }
    return true;
}

static struct job *last_job(struct eval *eval)
{
    struct job *last = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].number != 0)
            last = &jobs[i];
    if (last == NULL)
        (void)problem_set(&eval->line->problem, 0, eval->line->source_len, "nothing runs in the background");
    return last;
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
    bool any = false;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (jobs[i].number != 0)
            shell_print("[%u] %s: %s\n", jobs[i].number, job_is_running(&jobs[i]) ? "running" : "ended",
                        jobs[i].text);
        any = any || jobs[i].number != 0;
    }
    if (!any)
        shell_print("Nothing runs in the background; PROGRAM & starts something there.\n");
    return true;
}

void jobs_report(void)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].number != 0 && !job_is_running(&jobs[i]))
            (void)finish_job(&jobs[i]);
}

/* Until all of them have ended, or a Ctrl-C. One that was named twice is gone the second time. */
static void finish_jobs(struct job *const *chosen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (chosen[i]->number != 0 && !finish_job(chosen[i]))
            break;
}

/* Those that are named, or all. */
static bool run_wait(struct eval *eval)
{
    struct job *chosen[JOBS_MAX];
    size_t count = eval->line->number_count;
    if (count == 0) {
        if (last_job(eval) == NULL)
            return false;
        for (; count < JOBS_MAX; count++)
            chosen[count] = &jobs[count];
    } else if (!named_jobs(eval, chosen)) {
        return false;
    }
    finish_jobs(chosen, count);
    return true;
}

/* Those that are named, or the last. */
static bool run_kill(struct eval *eval)
{
    struct job *chosen[JOBS_MAX];
    size_t count = eval->line->number_count;
    if (count == 0) {
        chosen[count++] = last_job(eval);
        if (chosen[0] == NULL)
            return false;
    } else if (!named_jobs(eval, chosen)) {
        return false;
    }
    for (size_t i = 0; i < count; i++)
        job_kill(chosen[i]);
    finish_jobs(chosen, count);
    return true;
}

bool jobs_run(struct eval *eval, bool *handled)
{
    *handled = true;
    switch (eval->line->command) {
    case COMMAND_RUN:
    case COMMAND_SPAWN:
    case COMMAND_TRACE:
        return run_programs(eval);
    case COMMAND_JOBS:
        return run_jobs();
    case COMMAND_WAIT:
        return run_wait(eval);
    case COMMAND_KILL:
        return run_kill(eval);
    default:
        *handled = false;
        return true;
    }
}
