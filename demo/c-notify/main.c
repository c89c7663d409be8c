/*
 * Notifications: bits that are kept, waits with different masks, a signal from another process, every
 * refusal. The program spawns itself: as a child it has a Signaler and nothing else.
 */
#include "check.h"
#include <capos/clock.h>
#include <string.h>

enum { MILLISECOND = 1000000, WAITS = 4, ANSWER_WORDS = 512 };

static cap_notification bits;
static struct cap_pending waits[WAITS];

static uint64_t poll(uint64_t mask)
{
    struct cap_notification_poll_results results = {0};
    return cap_notification_poll(bits, mask, &results) < 0 ? UINT64_MAX : results.bits;
}

static uint64_t wait_now(uint64_t mask)
{
    struct cap_notification_wait_results results = {0};
    return cap_notification_wait(bits, mask, &results) < 0 ? UINT64_MAX : results.bits;
}

static void start_wait(int index, uint64_t mask, uint64_t deadline_ns)
{
    const struct cap_notification_wait_params params = {.mask = mask};
    waits[index].deadline_ns = deadline_ns;
    (void)cap_notification_wait_start(bits, &params, &waits[index]);
    (void)cap_submit();
}

/* What the wait took; 0: it still waits. */
static uint64_t taken(int index)
{
    struct cap_notification_wait_results results = {0};
    if (!cap_pending_poll(&waits[index]))
        return 0;
    return cap_notification_wait_finish(&waits[index], &results) < 0 ? UINT64_MAX : results.bits;
}

static void check_bits(void)
{
    demo_check(poll(UINT64_MAX) == 0, "a new notification has no bits");
    demo_expect(CAPOS_OK, cap_notification_signal(bits, 0xf0), "Notification.signal");
    demo_check(poll(0x30) == 0x30 && poll(0x30) == 0, "poll takes what it asks for, once");
    demo_check(wait_now(0xff) == 0xc0, "bits set before anybody waits are kept");
    demo_check(poll(UINT64_MAX) == 0, "and then they are gone");
}

static void check_waits(cap_timer timer)
{
    static const uint64_t masks[WAITS] = {0x1, 0x2, 0x3, 0xc};
    for (int i = 0; i < WAITS; i++)
        start_wait(i, masks[i], 0);
    demo_expect(CAPOS_OK, cap_notification_signal(bits, 0x10), "a bit that nobody waits for");
    demo_check(taken(0) == 0 && taken(1) == 0 && taken(2) == 0 && taken(3) == 0, "answers nobody");
    demo_expect(CAPOS_OK, cap_notification_signal(bits, 0x2), "bit 1");
    demo_check(taken(0) == 0 && taken(1) == 0x2 && taken(2) == 0, "goes to the first who waits for it");
    demo_expect(CAPOS_OK, cap_notification_signal(bits, 0xf), "bits 0 to 3");
    demo_check(taken(0) == 0x1 && taken(2) == 0x2 && taken(3) == 0xc, "are divided in order of arrival");
    demo_check(poll(UINT64_MAX) == 0x10, "what is left is kept");
    start_wait(0, 1, capos_clock_ns(timer) + 3 * MILLISECOND);
    demo_expect(CAPOS_ERR_TIMEOUT, cap_pending_wait(&waits[0]), "a deadline passes");
    start_wait(0, 1, 0);
    demo_expect(CAPOS_OK, cap_pending_cancel(&waits[0]), "a wait is canceled");
    demo_expect(CAPOS_ERR_CANCELED, waits[0].result, "and says so");
    (void)cap_notification_signal(bits, 1);
    demo_check(poll(1) == 1, "neither took a bit");
}

static void check_other_process(cap_process_spawner spawner, cap_signaler signaler)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof answer};
    static const struct capnp_text args[] = {{"c-notify", 8}, {"child", 5}};
    const struct cap_spawn_grant grant = {.name = {"signaler", 8},
                                          .which = CAP_SPAWN_GRANT_CAPABILITY,
                                          .capability = cap_signaler_as_any(signaler),
                                          .interface_id = CAP_SIGNALER_INTERFACE_ID};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-notify", 8},
        .grants = CAPNP_LIST(&grant, 1),
        .args = CAPNP_LIST(args, 2),
        .has_budget = true,
        .budget = {.frames = 64, .cap_slots = 4, .threads = 1},
    };
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_process_handle_wait_results ended = {0};
    demo_expect(CAPOS_OK, cap_process_spawner_spawn(spawner, &params, &child), "a child with a Signaler");
    demo_check(wait_now(UINT64_C(1) << 63) == UINT64_C(1) << 63, "its signal arrives");
    demo_expect(CAPOS_OK, cap_process_handle_wait(child.handle, &ended, &buffer), "it ends");
    demo_check(ended.exit_code == 0, "and could do nothing but signal");
}

static int run_child(void)
{
    cap_signaler signaler;
    struct cap_notification_poll_results results;
    if (capos_get_signaler("signaler", &signaler) < 0)
        return 1;
    /* The same object through the narrower facet: the wider one's methods are not there. */
    if (cap_notification_poll((cap_notification){signaler.id, 0}, 1, &results) != CAPOS_ERR_EXCEPTION)
        return 2;
    return cap_signaler_signal(signaler, UINT64_C(1) << 63) < 0 ? 3 : 0;
}

static void check_refusals(cap_ipc_factory ipc)
{
    struct cap_notification_wait_results results;
    int32_t result = CAPOS_OK;
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, cap_notification_wait(bits, 0, &results),
                          "a wait for no bit");
    demo_check(poll(0) == 0, "a poll for none takes none");
    start_wait(0, 1, 0);
    demo_expect(CAPOS_OK, cap_release(bits), "released while a wait is in flight");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_notification_signal(bits, 1), "a released notification");
    demo_expect(CAPOS_ERR_BAD_CAP, cap_notification_signal((cap_notification){0, 0}, 1), "one never granted");
    demo_expect(CAPOS_OK, cap_pending_cancel(&waits[0]), "the wait can still be canceled");
    struct cap_ipc_factory_create_notification_results made = {0};
    int count = 0;
    for (; result >= 0 && count < 100000; count++)
        result = cap_ipc_factory_create_notification(ipc, &made);
    demo_expect(CAPOS_ERR_NO_SLOTS, result, "notifications until the budget is used up");
    demo_check(count > 100, "that was more than a hundred");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return run_child();
    demo_begin("c-notify");
    cap_ipc_factory ipc = capos_need_ipc_factory("ipc");
    struct cap_ipc_factory_create_notification_results made = {0};
    struct cap_notification_signaler_results facet = {0};
    demo_expect(CAPOS_OK, cap_ipc_factory_create_notification(ipc, &made), "IpcFactory.createNotification");
    bits = made.notification;
    check_bits();
    check_waits(capos_need_timer("timer"));
    demo_expect(CAPOS_OK, cap_notification_signaler(bits, &facet), "Notification.signaler");
    check_other_process(capos_need_process_spawner("spawner"), facet.signaler);
    check_refusals(ipc);
    return demo_end();
}
