/*
 * Three services out of one program. `store` serves a Timer whose `now` tells how many calls this process has
 * answered (monotonicNs) and the tag of the facet (tick), and whose `sleep` is never answered: a call in
 * flight. `broken` crashes at once. `client` uses both, and has init kill the first.
 */
#include "check.h"
#include <capos/serve.h>
#include <capos/supervisor.h>
#include <capos/timer.h>
#include <capos/timer_server.h>
#include <string.h>

enum { KILLS = 5, KILL_CODE = 9, TAG = 7, ASLEEP_MAX = 8, STEP_NS = 10000000, STEPS_MAX = 500 };

/* ---- store */

static struct {
    uint64_t answered;
    struct capos_deferred asleep[ASLEEP_MAX];
    size_t asleep_count;
} store;

static int32_t store_now(void *self, struct cap_call *call, struct cap_timer_now_results *results)
{
    (void)self;
    results->monotonic_ns = ++store.answered;
    results->tick = capos_call_of(call)->header->tag;
    return CAPOS_OK;
}

static int32_t store_sleep(void *self, struct cap_call *call, const struct cap_timer_sleep_params *params)
{
    (void)self;
    (void)params;
    if (store.asleep_count == ASLEEP_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many sleepers");
    capos_call_defer(call, &store.asleep[store.asleep_count++]);
    return CAP_CALL_PENDING;
}

CAPOS_DISPATCH(dispatch_timer, cap_timer_dispatch)

static int run_store(void)
{
    static const struct cap_timer_server ops = {.now = store_now, .sleep = store_sleep};
    static struct capos_service service = {.target = {dispatch_timer, &ops, NULL}};
    service.endpoint = capos_need_endpoint("clock");
    return capos_serve(&service) < 0;
}

/* ---- client */

static cap_timer timer, clock;
static cap_supervisor supervisor;
static uint64_t answer_words[1024];
static struct cap_buffer answer = {answer_words, sizeof answer_words};

static struct cap_service_info service_info(const char *name)
{
    struct cap_supervisor_find_results found = {0};
    if (cap_supervisor_find(supervisor, capnp_text_of(name), &found, &answer) < 0)
        demo_check(false, "Supervisor.find");
    return found.service;
}

static bool wait_until(const char *name, enum cap_service_state state)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        if (service_info(name).state == state)
            return true;
        (void)cap_timer_sleep(timer, STEP_NS);
    }
    return false;
}

/* Answers with the number of calls before it in the life of the process that answers. */
static int32_t use_store(uint64_t *calls)
{
    struct cap_timer_now_results now = {0};
    int32_t status = cap_timer_now(clock, &now);
    *calls = now.monotonic_ns;
    return status >= 0 && now.tick != TAG ? CAPOS_ERR_BAD_MESSAGE : status;
}

static void kill_once(int round)
{
    static struct cap_pending in_flight;
    struct cap_timer_sleep_params forever = {.duration_ns = 1};
    struct cap_supervisor_kill_results killed = {0};
    uint64_t calls = 0, process = service_info("store").process_id;
    char what[80];
    memset(&in_flight, 0, sizeof in_flight);
    (void)cap_timer_sleep_start(clock, &forever, &in_flight);
    bool worked = use_store(&calls) >= 0 &&
                  calls == (round == 1 ? 1 : 3); /* behind the sleep: that one has been delivered */
    if (!worked || cap_supervisor_kill(supervisor, capnp_text_of("store"), KILL_CODE, &killed) < 0) {
        demo_check(false, "the service works and can be killed");
        (void)cap_pending_cancel(&in_flight);
        return;
    }
    (void)cap_pending_wait(&in_flight);
    int32_t status = cap_timer_sleep_finish(&in_flight);
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, status, "the call that was being worked on");
    /* This one waits in the endpoint's queue until the next process is there. */
    worked =
        killed.was_running && use_store(&calls) >= 0 && calls == 1 && use_store(&calls) >= 0 && calls == 2;
    capos_snprintf(what, sizeof what, "killed %d times, and another process goes on", round);
    worked = worked && service_info("store").process_id != process;
    demo_check(worked && service_info("store").restarts == (uint32_t)round, what);
}

static void check_broken(void)
{
    struct cap_timer_now_results now;
    cap_timer broken = capos_need_timer("broken");
    demo_check(wait_until("broken", CAP_SERVICE_STATE_GIVEN_UP),
               "the service that always crashes is given up");
    struct cap_service_info info = service_info("broken");
    demo_check(info.restarts == 3 && info.crashed && info.exit_code == 134, "after three restarts");
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, cap_timer_now(broken, &now), "a call to it");
}

static void check_stop_and_start(void)
{
    struct cap_supervisor_stop_results stopped = {0};
    struct cap_supervisor_start_results started = {0};
    struct capnp_text name = capnp_text_of("store");
    uint64_t calls;
    demo_expect(CAPOS_OK, cap_supervisor_stop(supervisor, name, &stopped), "Supervisor.stop");
    demo_check(wait_until("store", CAP_SERVICE_STATE_STOPPED), "it is not started again");
    demo_expect(CAPOS_OK, cap_supervisor_start(supervisor, name, &started), "Supervisor.start");
    demo_expect(CAPOS_OK, use_store(&calls), "its old clients use it");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, cap_supervisor_start(supervisor, name, &started),
                          "starting what runs");
}

static void check_refusals(void)
{
    struct cap_supervisor_kill_results killed;
    struct cap_supervisor_list_results all = {0};
    cap_supervisor observer = capos_need_supervisor("observer");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_supervisor_kill(observer, capnp_text_of("store"), 0, &killed),
                          "killing as an observer");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_supervisor_kill(supervisor, capnp_text_of("sture"), 0, &killed),
                          "killing what does not exist");
    demo_check(cap_supervisor_list(observer, &all, &answer) >= 0 && all.services.count == 3,
               "an observer sees all three services");
}

static int run_client(void)
{
    demo_begin("c-supervise");
    timer = capos_need_timer("timer");
    clock = capos_need_timer("store");
    supervisor = capos_need_supervisor("supervisor");
    for (int round = 1; round <= KILLS; round++)
        kill_once(round);
    check_broken();
    check_refusals();
    check_stop_and_start();
    return demo_end(); /* it is essential: store ends with it */
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    if (strcmp(role, "store") == 0)
        return run_store();
    if (strcmp(role, "broken") == 0)
        capos_abort("broken, as always");
    return run_client();
}
