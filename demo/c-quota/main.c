/*
 * A process that takes all it can of everything: only it fails. For each resource a greedy process takes
 * until it is refused and stays there; meanwhile the sibling, which calls, allocates, makes threads and
 * spawns from its own budget, must come round twice more. Then the greedy one gives back, takes again, and
 * ends; and the director's ledger is as it was.
 */
#include "quota.h"
#include <capos/clock.h>
#include <capos/system.h>
#include <string.h>

cap_notification quota_gate;
static uint64_t words[QUOTA_WORDS];
struct cap_buffer quota_answer = {words, sizeof words};

int32_t quota_spawn(const char *role, const char *argument, const struct cap_budget *budget, bool paused,
                    struct cap_process_spawner_spawn_results *out)
{
    static const struct {
        const char *name;
        enum cap_own_object own;
    } own[] = {
        {"memory", CAP_OWN_OBJECT_VIRTUAL_MEMORY},  {"manager", CAP_OWN_OBJECT_CAPABILITY_MANAGER},
        {"threads", CAP_OWN_OBJECT_THREAD_SPAWNER}, {"thread", CAP_OWN_OBJECT_THREAD_CONTROL},
        {"park", CAP_OWN_OBJECT_PARK_SPACE},
    };
    static const char *const copied[] = {"console", "timer", "ipc", "spawner", "tracer", "log", "gate"};
    enum { COPIED = sizeof copied / sizeof copied[0], OWN = sizeof own / sizeof own[0] };
    struct cap_spawn_grant grants[COPIED + OWN] = {0};
    for (size_t i = 0; i < COPIED; i++) {
        uint32_t id = quota_gate.id;
        if (strcmp(copied[i], "gate") != 0)
            (void)capos_capset_get(copied[i], strlen(copied[i]), &id, NULL);
        grants[i].name = (struct capnp_text){copied[i], strlen(copied[i])};
        grants[i].capability = (cap_any){.id = id, .mode = CAPOS_XFER_COPY};
    }
    for (size_t i = 0; i < OWN; i++) {
        grants[COPIED + i].name = (struct capnp_text){own[i].name, strlen(own[i].name)};
        grants[COPIED + i].which = CAP_SPAWN_GRANT_OWN;
        grants[COPIED + i].own = own[i].own;
    }
    const struct capnp_text args[] = {{"c-quota", 7}, {role, strlen(role)}, {argument, strlen(argument)}};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = args[0],
        .args = CAPNP_LIST(args, 3),
        .grants = CAPNP_LIST(grants, COPIED + OWN),
        .has_budget = true,
        .budget = *budget,
        .control = paused,
        .paused = paused,
    };
    return cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, out);
}

bool quota_wait(uint64_t bits)
{
    while (bits != 0) {
        struct cap_notification_wait_results got = {0};
        if (cap_notification_wait(quota_gate, bits, &got) < 0)
            return false;
        bits &= ~got.bits;
    }
    return true;
}

/* ---- The director. */

/* Milliseconds. An emulated processor stands still while a busy host runs others. */
enum { PATIENCE = 5000, SETTLED = 20 };

struct figures {
    struct cap_process_stats own;
    uint64_t frames_free, objects;
};

static struct figures look(void)
{
    const cap_system_info info = capos_need_system_info("info");
    struct cap_system_info_process_results process = {0};
    struct cap_system_info_stats_results stats = {0};
    struct figures figures = {0};
    if (cap_system_info_process(info, capos_process_id(), &process, &quota_answer) < 0 ||
        process.stats.process_id != capos_process_id())
        demo_check(false, "SystemInfo.process");
    figures.own = process.stats;
    if (cap_system_info_stats(info, &stats, &quota_answer) < 0)
        demo_check(false, "SystemInfo.stats");
    figures.frames_free = stats.memory.frames_free;
    figures.objects = stats.objects;
    return figures;
}

static bool same_ledger(const struct cap_process_stats *a, const struct cap_process_stats *b)
{
    return a->frames_used == b->frames_used && a->cap_slots_used == b->cap_slots_used &&
           a->threads_used == b->threads_used && a->calls_used == b->calls_used &&
           a->reserved_pages_used == b->reserved_pages_used && a->heap_bytes_used == b->heap_bytes_used;
}

static int64_t wait_end(cap_process_handle child)
{
    struct cap_process_handle_wait_results ended = {0};
    int32_t status = cap_process_handle_wait(child, &ended, &quota_answer);
    (void)cap_release(child);
    return status < 0 ? status : ended.exit_code;
}

/* Less in use than before is as good: then something that had ended was not gone yet at the first look. */
static bool all_is_back(const struct figures *before, const struct figures *after)
{
    return same_ledger(&before->own, &after->own) && after->frames_free >= before->frames_free &&
           after->objects <= before->objects;
}

/* Another processor may still be in the last instructions of giving something back (docs/processes.md). */
static struct figures look_later(void)
{
    (void)cap_timer_sleep(capos_need_timer("timer"), 1000000);
    return look();
}

/* When nothing has been given back for a while. */
static struct figures look_when_settled(void)
{
    struct figures last = look();
    for (int unchanged = 0; unchanged < SETTLED;) {
        const struct figures now = look_later();
        unchanged = now.frames_free == last.frames_free && now.objects == last.objects ? unchanged + 1 : 0;
        last = now;
    }
    return last;
}

/* Says GREEDY_OK if the greedy one ended well; nothing of it may be left on the director's ledger. */
static void check_resource(const char *resource)
{
    struct cap_process_spawner_spawn_results child = {0};
    const struct figures before = look();
    int32_t status = quota_spawn("greedy", resource, quota_budget(resource), false, &child);
    if (status < 0) { /* said only then: which of the two would be the first to say something is open */
        demo_expect(CAPOS_OK, status, resource);
        return;
    }
    bool full = quota_wait(BIT_FULL);
    bool progress = quota_wait(BIT_PROGRESS) && quota_wait(BIT_PROGRESS) && quota_wait(BIT_PROGRESS);
    demo_check(full && progress, "the sibling goes on");
    (void)cap_notification_signal(quota_gate, BIT_GIVE);
    demo_check(wait_end(child.handle) == GREEDY_OK, "the greedy one went on, too");
    struct figures after = look();
    for (int i = 0; i < PATIENCE && !same_ledger(&before.own, &after.own); i++)
        after = look_later();
    demo_check(same_ledger(&before.own, &after.own), "all is back in the director's ledger");
}

static void direct(void)
{
    static const struct cap_budget sibling_budget = {
        .frames = 1500, .cap_slots = 120, .threads = 8, .calls = 16, .kernel_bytes = 300000};
    struct cap_process_spawner_spawn_results sibling = {0};
    struct cap_ipc_factory_create_notification_results made = {0};
    demo_expect(CAPOS_OK, cap_ipc_factory_create_notification(capos_need_ipc_factory("ipc"), &made),
                "IpcFactory.createNotification");
    quota_gate = made.notification;
    (void)look(); /* what the program touches for the first time is on its ledger then */
    demo_expect(CAPOS_OK, quota_spawn("idle", "", &sibling_budget, false, &sibling), "a child that ends");
    demo_check(wait_end(sibling.handle) == IDLE_CODE, "and is waited for");
    (void)cap_notification_signal(quota_gate, BIT_FULL);
    (void)quota_wait(BIT_FULL);
    const struct figures before = look_when_settled();
    demo_expect(CAPOS_OK, quota_spawn("sibling", "", &sibling_budget, false, &sibling),
                "a sibling that minds its own budget");
    for (size_t i = 0; quota_resources[i] != NULL; i++)
        check_resource(quota_resources[i]);
    (void)cap_notification_signal(quota_gate, BIT_STOP);
    demo_check(wait_end(sibling.handle) == SIBLING_OK, "the sibling never saw a failure");
    struct figures after = look();
    for (int i = 0; i < PATIENCE && !all_is_back(&before, &after); i++)
        after = look_later();
    if (!all_is_back(&before, &after))
        demo_say("free frames %lu, then %lu; objects %lu, then %lu", (unsigned long)before.frames_free,
                 (unsigned long)after.frames_free, (unsigned long)before.objects,
                 (unsigned long)after.objects);
    demo_check(all_is_back(&before, &after), "every frame and object of the machine is back");
}

int main(int argc, char **argv)
{
    demo_begin("c-quota");
    if (argc > 2)
        quota_gate = capos_need_notification("gate");
    if (argc > 2 && strcmp(argv[1], "idle") == 0)
        return IDLE_CODE;
    if (argc > 2 && strcmp(argv[1], "sibling") == 0)
        return quota_sibling();
    if (argc > 2 && strcmp(argv[1], "greedy") == 0)
        return quota_greedy(argv[2]);
    direct();
    return demo_end();
}
