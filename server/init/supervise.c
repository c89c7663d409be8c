/*
 * See supervise.h. One thread, one loop: every running service has a ProcessHandle.wait in flight, and at
 * most one Timer.sleepUntil is, for the restart that is due first. Nothing else blocks for long.
 */
#include "supervise_internal.h"
#include "holdings.h"
#include "package.h"
#include "report.h"
#include "wiring.h"
#include <capos/print.h>

enum { EXIT_NOT_STARTED = 1, EXIT_KILLED = 137, WAIT_ANSWER_WORDS = 1024 };

static uint64_t now_ns(const struct supervisor *sup)
{
    struct cap_timer_now_results now;
    return sup->timer.id != CAPNP_CAP_NONE && cap_timer_now(sup->timer, &now) >= 0 ? now.monotonic_ns : 0;
}

/* ---- Starting
 * ------------------------------------------------------------------------------------------------- */

static void watch(struct run *run)
{
    run->wait = (struct cap_pending){0};
    if (cap_process_handle_wait_start(run->handle, &run->wait) < 0)
        run->wait.done = 1; /* handle_end asks again and reports */
}

/* Null, or why it was not started. */
static const char *spawn(struct supervisor *sup, size_t index)
{
    struct plan *plan = sup->plan;
    const struct service *service = &plan->services[index];
    struct cap_process_spawner_spawn_results started;
    struct wiring_grants grants;
    const char *why;
    package_read_again();
    if (!plan_grants(plan, index, &holdings))
        return plan->error;
    if (!wiring_bind(plan, &grants, &why))
        return why;
    struct cap_process_spawner_spawn_params params = {
        .name = service->name,
        .binary_name = service->program.binary,
        .grants = CAPNP_LIST(grants.grants, grants.count),
        .args = service->program.args.count != 0 ? service->program.args : CAPNP_LIST(&service->name, 1),
        .env = service->program.env,
        .has_budget = service->program.has_budget,
        .budget = service->program.budget,
        .control = plan->kills,
    };
    int32_t status = cap_process_spawner_spawn(sup->spawner, &params, &started);
    if (status < 0) {
        why = cap_why(status);
        wiring_unbind(&grants);
        return why;
    }
    sup->runs[index].handle = started.handle;
    sup->runs[index].control = started.control;
    sup->runs[index].process_id = started.process_id;
    return NULL;
}

static bool start(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    const char *why = spawn(sup, index);
    if (why != NULL) {
        report_not_started(sup->plan, index, why);
        return false;
    }
    run->state = RUNNING;
    if (sup->plan->services[index].restart.mode == RESTART_NEVER)
        wiring_done(sup->plan, index, false);
    watch(run);
    return true;
}

static void finish(struct supervisor *sup, size_t index, enum run_state state);

/* A service that was not started stops the start; those before it run on. */
static void start_all(struct supervisor *sup)
{
    const struct plan *plan = sup->plan;
    for (size_t i = 0; i < plan->service_count; i++) {
        size_t index = plan->order[i];
        if (!sup->start_failed && !sup->ending && start(sup, index))
            continue;
        sup->start_failed = true;
        sup->runs[index].exit_code = EXIT_NOT_STARTED;
        finish(sup, index, ENDED);
    }
}

/* ---- Ending
 * --------------------------------------------------------------------------------------------------- */

/* In the opposite order of their start; each end is waited for in the loop, like any other. */
static void kill_all(struct supervisor *sup)
{
    struct cap_process_control_kill_results killed;
    for (size_t i = sup->plan->service_count; i-- > 0;) {
        struct run *run = &sup->runs[sup->plan->order[i]];
        if (run->state == RESTARTING)
            run->state = ENDED;
        if (run->state == RUNNING && run->control.id != CAPNP_CAP_NONE)
            (void)cap_process_control_kill(run->control, EXIT_KILLED, &killed);
    }
}

/* It will not run again. */
static void finish(struct supervisor *sup, size_t index, enum run_state state)
{
    struct run *run = &sup->runs[index];
    const struct service *service = &sup->plan->services[index];
    run->state = state;
    wiring_done(sup->plan, index, true);
    if (!service->program.essential || sup->ending)
        return;
    sup->ending = true;
    sup->ending_code = run->exit_code;
    report_ending(sup->plan, index);
    kill_all(sup);
}

/* The answer to wait; a crash record may be too long for the pending's own buffer. */
static int32_t take_end(struct run *run, struct cap_process_handle_wait_results *end)
{
    static uint64_t answer[WAIT_ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof answer};
    int32_t status = cap_process_handle_wait_finish(&run->wait, end);
    if (status < 0)
        status = cap_process_handle_wait(run->handle, end, &buffer); /* it has ended: at once */
    return status;
}

static void release_run(struct run *run)
{
    (void)cap_release(run->handle);
    if (run->control.id != CAPNP_CAP_NONE)
        (void)cap_release(run->control);
}

static void remember(struct run *run, const struct ending *ending)
{
    run->crashed = ending->crash != NULL;
    run->reason[0] = '\0';
    if (run->crashed)
        capos_snprintf(run->reason, sizeof run->reason, "%.*s", (int)ending->crash->reason.len,
                       ending->crash->reason.bytes);
}

/* Its end was asked for: not a failure. */
static void stopped(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    run->stopping = false;
    run->exit_code = 0;
    if (sup->plan->services[index].program.essential)
        finish(sup, index, STOPPED);
    run->state = STOPPED; /* the endpoints of its exports keep their queues until it is started */
}

static void decide(struct supervisor *sup, size_t index, const struct ending *ending)
{
    struct run *run = &sup->runs[index];
    const struct service *service = &sup->plan->services[index];
    uint64_t now = service->restart.mode == RESTART_NEVER ? 0 : now_ns(sup), delay_ns = 0;
    enum restart_decision decision =
        sup->ending ? RESTART_LEAVE
                    : restart_decide(&service->restart, &run->history, ending->failed, now, &delay_ns);
    if (!sup->ending)
        report_end(sup->plan, index, ending, decision, delay_ns, run->history.count);
    if (decision == RESTART_AFTER) {
        run->state = RESTARTING;
        run->due_ns = now + delay_ns;
        return;
    }
    if (decision == RESTART_GIVE_UP && run->exit_code == 0)
        run->exit_code = EXIT_NOT_STARTED;
    finish(sup, index, decision == RESTART_GIVE_UP ? GIVEN_UP : ENDED);
}

static void handle_end(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    struct cap_process_handle_wait_results end;
    int32_t status = take_end(run, &end);
    struct ending ending = {.why = status < 0 ? cap_why(status) : NULL};
    run->exit_code = status < 0 ? EXIT_NOT_STARTED : end.exit_code;
    ending.exit_code = run->exit_code;
    ending.crash = status >= 0 && end.crashed && end.has_crash ? &end.crash : NULL;
    ending.failed = status < 0 || end.crashed || end.exit_code != 0;
    remember(run, &ending);
    release_run(run);
    if (run->stopping)
        stopped(sup, index);
    else
        decide(sup, index, &ending);
}

/* ---- Restarts
 * ------------------------------------------------------------------------------------------------- */

static void restart_one(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    const char *why = spawn(sup, index);
    if (why == NULL) {
        run->restarts++;
        run->state = RUNNING;
        watch(run);
        return;
    }
    run->exit_code = EXIT_NOT_STARTED;
    decide(sup, index, &(struct ending){.failed = true, .exit_code = EXIT_NOT_STARTED, .why = why});
}

/* Starts what is due; true if something is to be started later, at *next_ns. */
static bool restart_due(struct supervisor *sup, uint64_t *next_ns)
{
    bool later = false;
    uint64_t now = 0;
    for (size_t i = 0; i < sup->plan->service_count; i++) {
        struct run *run = &sup->runs[i];
        if (run->state != RESTARTING)
            continue;
        now = now != 0 ? now : now_ns(sup);
        if (run->due_ns <= now)
            restart_one(sup, i);
        if (run->state != RESTARTING)
            continue;
        *next_ns = later && *next_ns < run->due_ns ? *next_ns : run->due_ns;
        later = true;
    }
    return later;
}

static void clear_alarm(struct supervisor *sup)
{
    if (sup->alarm_set)
        (void)cap_pending_cancel(&sup->alarm);
    sup->alarm_set = false;
}

static void set_alarm(struct supervisor *sup, uint64_t at_ns)
{
    if (sup->alarm_set && sup->alarm_ns == at_ns)
        return;
    clear_alarm(sup);
    sup->alarm = (struct cap_pending){0};
    struct cap_timer_sleep_until_params params = {.deadline_ns = at_ns};
    if (cap_timer_sleep_until_start(sup->timer, &params, &sup->alarm) < 0)
        sup->alarm.done = 1;
    sup->alarm_set = true;
    sup->alarm_ns = at_ns;
}

/* ---- The Supervisor's wishes
 * ------------------------------------------------------------------------------------------------- */

const char *supervise_start(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    if (sup->ending)
        return "the system is ending";
    run->history.count = 0;
    if (!wiring_again(sup->plan, index))
        return "an endpoint for its exports could not be made";
    const char *why = spawn(sup, index);
    if (why != NULL)
        return why;
    run->restarts++;
    run->state = RUNNING;
    watch(run);
    return NULL;
}

const char *supervise_kill(struct supervisor *sup, size_t index, int64_t exit_code)
{
    struct cap_process_control_kill_results killed;
    struct run *run = &sup->runs[index];
    if (run->control.id == CAPNP_CAP_NONE)
        return "the kernel gave no control over the process";
    int32_t status = cap_process_control_kill(run->control, exit_code, &killed);
    return status < 0 ? cap_why(status) : NULL;
}

const char *supervise_stop(struct supervisor *sup, size_t index)
{
    struct run *run = &sup->runs[index];
    if (run->state == RESTARTING) {
        stopped(sup, index);
        return NULL;
    }
    const char *why = supervise_kill(sup, index, EXIT_KILLED);
    run->stopping = why == NULL;
    return why;
}

/* ---- The loop
 * ------------------------------------------------------------------------------------------------- */

static int wait_any(struct supervisor *sup)
{
    struct cap_pending *pending[PLAN_SERVICES_MAX + 2];
    size_t count = 0;
    for (size_t i = 0; i < sup->plan->service_count; i++)
        if (sup->runs[i].state == RUNNING)
            pending[count++] = &sup->runs[i].wait;
    if (sup->alarm_set)
        pending[count++] = &sup->alarm;
    if (sup->receiving)
        pending[count++] = &sup->receive;
    return cap_pending_wait_any(pending, count);
}

static void handle_completions(struct supervisor *sup)
{
    if (sup->alarm_set && sup->alarm.done)
        sup->alarm_set = false;
    for (size_t i = 0; i < sup->plan->service_count; i++)
        if (sup->runs[i].state == RUNNING && sup->runs[i].wait.done)
            handle_end(sup, i);
    if (sup->receiving && sup->receive.done)
        serve_answer(sup);
}

/* Somebody runs or will: otherwise nobody could ask for anything either. */
static bool is_alive(const struct supervisor *sup)
{
    for (size_t i = 0; i < sup->plan->service_count; i++)
        if (sup->runs[i].state == RUNNING || sup->runs[i].state == RESTARTING)
            return true;
    return false;
}

static int64_t exit_code(const struct supervisor *sup)
{
    if (sup->ending)
        return sup->ending_code;
    for (size_t i = 0; i < sup->plan->service_count; i++)
        if (sup->runs[i].exit_code != 0)
            return sup->runs[i].exit_code;
    return 0;
}

static void begin(struct supervisor *sup, struct plan *plan)
{
    sup->plan = plan;
    sup->spawner = (cap_process_spawner){held(CAP_PROCESS_SPAWNER_INTERFACE_ID), 0};
    sup->timer = (cap_timer){held(CAP_TIMER_INTERFACE_ID), 0};
    sup->ending = false;
    sup->ending_code = 0;
    sup->start_failed = false;
    sup->alarm_set = false;
    sup->endpoint = wiring_supervisor();
    sup->receiving = false;
    for (size_t i = 0; i < plan->service_count; i++) {
        struct run *run = &sup->runs[i];
        run->state = WAITING;
        run->control.id = CAPNP_CAP_NONE;
        run->history.count = 0;
        run->process_id = 0;
        run->restarts = 0;
        run->stopping = false;
        run->crashed = false;
        run->reason[0] = '\0';
        run->exit_code = 0;
    }
}

int64_t supervise(struct plan *plan)
{
    struct supervisor sup;
    begin(&sup, plan);
    start_all(&sup);
    while (is_alive(&sup)) {
        uint64_t next_ns = 0;
        if (restart_due(&sup, &next_ns))
            set_alarm(&sup, next_ns);
        else
            clear_alarm(&sup);
        serve_receive(&sup);
        if (is_alive(&sup) && wait_any(&sup) < 0)
            break;
        handle_completions(&sup);
    }
    return exit_code(&sup);
}
