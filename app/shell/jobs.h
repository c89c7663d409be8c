/*
 * Processes that the shell has started, between the files that start, wait for and trace them. A job is what
 * one line started: up to SYNTAX_STAGES_MAX processes.
 */
#pragma once
#include "shell.h"
#include <capos/process.h>

enum { WAIT_WORDS = 300, JOB_NAME_BYTES = 24, JOB_TEXT_BYTES = 64, GRANTS_MAX = 24, KILLED_CODE = 130 };

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
    uint32_t number; /* 0: free, or in the foreground */
    char text[JOB_TEXT_BYTES];
    size_t count;
    struct process processes[SYNTAX_STAGES_MAX];
};

/* What a process gets, in this order, behind what the launcher gives to all. */
struct grants {
    struct cap_spawn_grant items[GRANTS_MAX];
    size_t count;
};

/* launch.c: the line's programs become the job's processes, each with what the line says or its description.
 * *io: the terminal's stream that was made for them (id 0: none); the caller's to give up. `paused`: they
 * wait for ProcessControl.resume. *last: what the last of them was given. False: line->problem; what was
 * started before is in the job. */
bool launch_stages(struct eval *eval, struct job *job, bool paused, struct held *io, struct grants *last);

/* jobs.c: ends all of its processes that run. */
void job_kill(struct job *job);

/* trace.c: lets the job's one paused process run and shows what it asks of the system until it has ended; it
 * is to be waited for then. `grants`: what it was given, for their names. False: line->problem. */
bool trace_run(struct eval *eval, struct job *job, const struct grants *grants);
