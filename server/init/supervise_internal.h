/* The state of the services at run time, for the loop (supervise.c) and for those who ask
 * (serve_supervisor.c). */
#pragma once
#include "restart.h"
#include "supervise.h"
#include <capos/call.h>
#include <capos/ipc.h>
#include <capos/serve.h>
#include <capos/timer.h>

enum { REASON_BYTES = 100 };

enum run_state { WAITING, RUNNING, RESTARTING, ENDED, STOPPED, GIVEN_UP };

struct run {
    enum run_state state;
    cap_process_handle handle;
    cap_process_control control; /* NONE unless the plan kills */
    struct restart_history history;
    uint64_t process_id;
    uint64_t due_ns; /* RESTARTING */
    uint32_t restarts;
    bool stopping; /* the Supervisor's stop: its end is not followed by a restart */
    bool crashed;  /* at its last end */
    char reason[REASON_BYTES];
    int64_t exit_code;
    struct cap_pending wait; /* RUNNING: in flight */
};

/* On the stack of supervise(): memory that is touched when a service is started, not before. */
struct supervisor {
    struct plan *plan;
    cap_process_spawner spawner;
    cap_timer timer;
    bool ending;         /* an essential service has ended: nothing is started any more */
    int64_t ending_code; /* its exit code */
    bool start_failed;
    struct cap_pending alarm;
    bool alarm_set;
    uint64_t alarm_ns;
    cap_endpoint endpoint; /* the Supervisor's; NONE: not served */
    bool receiving;
    struct cap_pending receive;
    struct capos_inbox inbox;
    struct capos_outbox outbox;
    struct run runs[PLAN_SERVICES_MAX];
};

/* Starts a service that is not running, at once. Null, or why it was not started. */
const char *supervise_start(struct supervisor *sup, size_t index);
/* Ends a service that is running or due to be restarted, for good. Null, or why not. */
const char *supervise_stop(struct supervisor *sup, size_t index);
/* Ends its process. Null, or why not. */
const char *supervise_kill(struct supervisor *sup, size_t index, int64_t exit_code);

/* serve_supervisor.c: keeps a receive in flight; answers the call that has come. */
void serve_receive(struct supervisor *sup);
void serve_answer(struct supervisor *sup);
