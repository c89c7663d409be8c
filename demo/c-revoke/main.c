/*
 * Lending a capability and taking it back: copies in other processes die with it, and what was obtained
 * through it, calls that wait in it, and what is mapped with it; nothing else does.
 */
#include "check.h"
#include <capos/sync.h>
#include <string.h>

enum { PAGE = 4096, PROT_READ_WRITE = 3, CRASH_PAGE_FAULT = 128 + 14, PATIENCE = 500 };
enum { BORROWER_DONE = 42, NESTED_MAX = 8, ANSWER_WORDS = 256, MILLISECOND = 1000000 };
#define HOUR_NS (UINT64_C(3600) * 1000 * MILLISECOND)

static uint64_t answer[ANSWER_WORDS];
static struct cap_buffer answer_buffer = {answer, sizeof answer};
static cap_capability_manager manager;

struct lent {
    uint32_t facet; /* capability ids */
    cap_revoker revoker;
};

static int32_t lend(uint32_t id, struct lent *out)
{
    struct cap_capability_manager_make_revocable_results results = {0};
    int32_t result = cap_capability_manager_make_revocable(manager, (cap_any){id, CAPOS_XFER_COPY}, &results);
    *out = (struct lent){results.facet.id, results.revoker};
    return result;
}

static int32_t revoke(const struct lent *lent)
{
    return cap_revoker_revoke(lent->revoker);
}

static void give_back(const struct lent *lent)
{
    cap_release_id(lent->facet);
    cap_release(lent->revoker);
}

static int32_t ask_time(uint32_t timer)
{
    struct cap_timer_now_results now = {0};
    return cap_timer_now((cap_timer){timer, CAPOS_XFER_COPY}, &now);
}

/* ---- The borrower: uses the timer until it is taken away, in a call of its own that would last an hour. */

static int borrow(void)
{
    cap_timer timer = capos_need_timer("timer");
    if (ask_time(timer.id) != CAPOS_OK)
        return 1;
    int32_t waited = cap_timer_sleep(timer, HOUR_NS);
    if (waited != CAPOS_ERR_REVOKED)
        return 2;
    return ask_time(timer.id) == CAPOS_ERR_REVOKED ? BORROWER_DONE : 3;
}

/* ---- The lodger: lives in memory that is lent to it, and waits on a word of it. */

struct room {
    uint32_t moved_in; /* it is about to wait */
    uint32_t word;
    uint32_t steps; /* it was woken, and goes about from then on */
};

static struct room *map_room(cap_memory_object object)
{
    struct cap_memory_object_map_results mapped = {0};
    const struct cap_memory_object_map_params params = {.size = PAGE, .prot = PROT_READ_WRITE};
    return cap_memory_object_map_call(object, &params, &mapped) < 0 ? NULL
                                                                    : (void *)(uintptr_t)mapped.address;
}

static int lodge(void)
{
    struct room *room = map_room(capos_need_memory_object("room"));
    if (room == NULL)
        return 1;
    __atomic_store_n(&room->moved_in, 1, __ATOMIC_RELEASE);
    if (capos_park(&room->word, 0, 0, true) != CAPOS_ERR_REVOKED)
        return 2;
    if (capos_park(&room->word, 0, 0, true) != CAPOS_ERR_REVOKED)
        return 3;
    if (capos_unpark(&room->word, 1, true) != CAPOS_ERR_REVOKED)
        return 4;
    for (;;)
        __atomic_fetch_add(&room->steps, 1, __ATOMIC_RELAXED);
}

static int32_t spawn_lodger(cap_process_spawner spawner, uint32_t room, uint32_t park,
                            cap_process_handle *out)
{
    static const struct capnp_text args[] = {{"c-revoke", 8}, {"lodger", 6}};
    const struct cap_spawn_grant grants[] = {{.name = {"room", 4},
                                              .which = CAP_SPAWN_GRANT_CAPABILITY,
                                              .capability = {room, CAPOS_XFER_COPY},
                                              .interface_id = CAP_MEMORY_OBJECT_INTERFACE_ID},
                                             {.name = {"shared-park", 11},
                                              .which = CAP_SPAWN_GRANT_CAPABILITY,
                                              .capability = {park, CAPOS_XFER_COPY},
                                              .interface_id = CAP_SHARED_PARK_SPACE_INTERFACE_ID}};
    const struct cap_process_spawner_spawn_params params = {.binary_name = {"c-revoke", 8},
                                                            .args = CAPNP_LIST(args, 2),
                                                            .grants = CAPNP_LIST(grants, 2),
                                                            .has_budget = true,
                                                            .budget = {.frames = 100, .cap_slots = 8}};
    struct cap_process_spawner_spawn_results results = {0};
    int32_t result = cap_process_spawner_spawn(spawner, &params, &results);
    *out = results.handle;
    return result;
}

static int32_t spawn_borrower(cap_process_spawner spawner, uint32_t timer, cap_process_handle *out)
{
    static const struct capnp_text args[] = {{"c-revoke", 8}, {"borrower", 8}};
    const struct cap_spawn_grant grants[] = {{.name = {"timer", 5},
                                              .which = CAP_SPAWN_GRANT_CAPABILITY,
                                              .capability = {timer, CAPOS_XFER_COPY},
                                              .interface_id = CAP_TIMER_INTERFACE_ID}};
    const struct cap_process_spawner_spawn_params params = {.binary_name = {"c-revoke", 8},
                                                            .args = CAPNP_LIST(args, 2),
                                                            .grants = CAPNP_LIST(grants, 1),
                                                            .has_budget = true,
                                                            .budget = {.frames = 100, .cap_slots = 8}};
    struct cap_process_spawner_spawn_results results = {0};
    int32_t result = cap_process_spawner_spawn(spawner, &params, &results);
    *out = results.handle;
    return result;
}

/* ---- The lender. */

static void check_copies_elsewhere(cap_process_spawner spawner, cap_timer timer)
{
    struct lent lent, none;
    cap_process_handle borrowers[2];
    demo_expect(CAPOS_OK, lend(timer.id, &lent), "CapabilityManager.makeRevocable");
    demo_expect(CAPOS_OK, ask_time(lent.facet), "the facet does what the timer does");
    for (int i = 0; i < 2; i++)
        demo_expect(CAPOS_OK, spawn_borrower(spawner, lent.facet, &borrowers[i]),
                    "a borrower with the facet");
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE, lend(borrowers[0].id, &none),
                "its handle, which never leaves, cannot be lent");
    (void)cap_timer_sleep(timer, 100 * MILLISECOND); /* they are waiting by then */
    demo_expect(CAPOS_OK, revoke(&lent), "Revoker.revoke");
    demo_expect(CAPOS_ERR_REVOKED, ask_time(lent.facet), "the facet here");
    for (int i = 0; i < 2; i++) {
        struct cap_process_handle_wait_results ended = {0};
        demo_expect(CAPOS_OK, cap_process_handle_wait(borrowers[i], &ended, &answer_buffer),
                    "a borrower's call of an hour ends");
        demo_check(ended.exit_code == BORROWER_DONE, "with REVOKED, as all its later ones");
        cap_release(borrowers[i]);
    }
    demo_expect(CAPOS_OK, ask_time(timer.id), "the timer itself");
    demo_expect(CAPOS_OK, revoke(&lent), "revoking again");
    struct cap_revoker_is_revoked_results is = {0};
    demo_check(cap_revoker_is_revoked(lent.revoker, &is) == 0 && is.revoked, "Revoker.isRevoked");
    give_back(&lent);
}

static void check_call_in_flight(cap_timer timer)
{
    static struct cap_pending through, beside;
    const struct cap_timer_sleep_params hour = {.duration_ns = HOUR_NS};
    struct lent lent;
    demo_expect(CAPOS_OK, lend(timer.id, &lent), "a timer lent for a call in flight");
    demo_expect(CAPOS_OK, cap_timer_sleep_start((cap_timer){lent.facet, CAPOS_XFER_COPY}, &hour, &through),
                "an hour's sleep through it");
    demo_expect(CAPOS_OK, cap_timer_sleep_start(timer, &hour, &beside), "another beside it");
    (void)cap_submit();
    demo_expect(CAPOS_OK, cap_release_id(lent.facet), "releasing the facet leaves the call in flight");
    demo_check(!cap_pending_poll(&through), "it goes on");
    demo_expect(CAPOS_OK, revoke(&lent), "revoking");
    demo_expect(CAPOS_ERR_REVOKED, cap_pending_wait(&through), "the call through it");
    demo_check(!cap_pending_poll(&beside), "the one beside it goes on");
    demo_check(cap_pending_cancel(&beside) == 0, "until it is canceled");
    cap_release(lent.revoker);
}

static int32_t ask_size(cap_memory_object object)
{
    struct cap_memory_object_info_results info = {0};
    return cap_memory_object_info(object, &info);
}

static void check_what_is_derived(cap_virtual_memory memory)
{
    struct lent lent;
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_memory_object_read_only_results again = {0};
    demo_expect(CAPOS_OK, lend(memory.id, &lent), "an address space lent");
    cap_virtual_memory facet = {lent.facet, CAPOS_XFER_COPY};
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(facet, 8192, &made), "an object made through it");
    demo_expect(CAPOS_OK, cap_memory_object_read_only(made.object, &again),
                "an object obtained through that");
    demo_expect(CAPOS_OK, ask_size(again.object), "which works");
    demo_expect(CAPOS_OK, revoke(&lent), "revoking the first");
    demo_expect(CAPOS_ERR_REVOKED, ask_size(made.object), "the second");
    demo_expect(CAPOS_ERR_REVOKED, ask_size(again.object), "the third");
    cap_release(made.object);
    cap_release(again.object);
    give_back(&lent);
}

static bool becomes_true(const uint32_t *word, cap_timer timer)
{
    for (int i = 0; i < PATIENCE && __atomic_load_n(word, __ATOMIC_ACQUIRE) == 0; i++)
        (void)cap_timer_sleep(timer, 10 * MILLISECOND);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0;
}

/* What another process maps and waits on through facets. */
static void check_mapping_and_wait(cap_process_spawner spawner, cap_virtual_memory memory, cap_timer timer)
{
    struct lent lent_room, lent_park;
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_process_handle_wait_results ended = {0};
    cap_process_handle lodger;
    cap_shared_park_space park = capos_need_shared_park_space("shared-park");
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(memory, PAGE, &made), "memory to be lived in");
    struct room *room = map_room(made.object);
    demo_expect(CAPOS_OK, lend(made.object.id, &lent_room), "it is lent");
    demo_expect(CAPOS_OK, lend(park.id, &lent_park), "and a SharedParkSpace");
    demo_expect(CAPOS_OK, spawn_lodger(spawner, lent_room.facet, lent_park.facet, &lodger), "to a lodger");
    demo_check(becomes_true(&room->moved_in, timer), "who maps the one and waits through the other");
    (void)cap_timer_sleep(timer, 50 * MILLISECOND); /* it is waiting by then */
    demo_check(room->steps == 0, "for nobody to come");
    demo_expect(CAPOS_OK, revoke(&lent_park), "revoking the second");
    demo_check(becomes_true(&room->steps, timer), "ends the wait and all later ones with REVOKED");
    demo_expect(CAPOS_OK, revoke(&lent_room), "revoking the first");
    uint32_t steps = room->steps;
    demo_expect(CAPOS_OK, cap_process_handle_wait(lodger, &ended, &answer_buffer), "ends the lodger");
    demo_check(ended.crashed && ended.exit_code == CRASH_PAGE_FAULT, "by a fault: the page is gone from it");
    demo_check(room->steps == steps, "since it was revoked");
    room->word = 1;
    demo_check(room->word == 1, "and is here as before");
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_park(&room->word, 0, 0, true), "as is the park space");
    demo_expect(CAPOS_OK, cap_memory_object_unmap(made.object, (uintptr_t)room, PAGE), "unmapping it");
    cap_release(lodger);
    cap_release(made.object);
    give_back(&lent_room);
    give_back(&lent_park);
}

static int32_t spawn_image(cap_process_spawner spawner, uint32_t image)
{
    const struct cap_process_spawner_spawn_params params = {.name = {"x", 1},
                                                            .image = {image, CAPOS_XFER_COPY}};
    struct cap_process_spawner_spawn_results results = {0};
    return cap_process_spawner_spawn(spawner, &params, &results);
}

/* A kernel object that is given a facet finds what is behind it. */
static void check_as_parameter(cap_process_spawner spawner, cap_virtual_memory memory)
{
    struct lent lent;
    struct cap_virtual_memory_create_object_results made = {0};
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(memory, 8192, &made), "memory that is no program");
    demo_expect(CAPOS_OK, lend(made.object.id, &lent), "lent");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn_image(spawner, lent.facet),
                          "spawn from the facet looks into it");
    demo_expect(CAPOS_OK, revoke(&lent), "revoking");
    demo_expect(CAPOS_ERR_REVOKED, spawn_image(spawner, lent.facet), "spawn from it now");
    cap_release(made.object);
    give_back(&lent);
}

static void check_nesting(cap_timer timer)
{
    struct lent lent[NESTED_MAX + 1];
    bool made = true, dead = true, alive = true;
    uint32_t id = timer.id;
    for (int i = 0; i < NESTED_MAX; i++) {
        made = made && lend(id, &lent[i]) >= 0;
        id = lent[i].facet;
    }
    demo_check(made && ask_time(id) == CAPOS_OK, "a facet of a facet, and so on, 8 deep");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, lend(id, &lent[NESTED_MAX]), "9 deep");
    demo_expect(CAPOS_OK, revoke(&lent[3]), "revoking the fourth");
    for (int i = 0; i < NESTED_MAX; i++) {
        if (i < 3)
            alive = alive && ask_time(lent[i].facet) == CAPOS_OK;
        else
            dead = dead && ask_time(lent[i].facet) == CAPOS_ERR_REVOKED;
    }
    demo_check(alive, "the three before it live");
    demo_check(dead, "it and the four made from it do not");
    demo_expect(CAPOS_ERR_REVOKED, lend(lent[7].facet, &lent[NESTED_MAX]), "making one from a dead one");
    for (int i = 0; i < NESTED_MAX; i++)
        give_back(&lent[i]);
}

static void check_who_may_revoke(cap_timer timer)
{
    struct lent lent;
    struct cap_capability_manager_make_revocable_results none = {0};
    demo_expect(CAPOS_OK, lend(timer.id, &lent), "a facet whose revoker is released");
    cap_release(lent.revoker);
    demo_expect(CAPOS_OK, ask_time(lent.facet), "it lives on");
    demo_expect(CAPOS_ERR_STALE_CAP, revoke(&lent), "nobody can revoke it any more");
    cap_release_id(lent.facet);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_capability_manager_make_revocable(manager, (cap_any){0, 0}, &none),
                          "a facet of nothing");
}

/* What each facet costs is on the account of who made it, and comes back. */
static void check_account(cap_timer timer, cap_system_info info)
{
    struct cap_system_info_process_results before = {0}, between = {0}, after = {0};
    struct lent lent;
    int32_t result = cap_system_info_process(info, 1, &before, &answer_buffer);
    result |= lend(timer.id, &lent);
    result |= cap_system_info_process(info, 1, &between, &answer_buffer);
    give_back(&lent);
    result |= cap_system_info_process(info, 1, &after, &answer_buffer);
    demo_check(result >= 0 && between.stats.heap_bytes_used > before.stats.heap_bytes_used,
               "a facet is charged to who makes it");
    demo_check(after.stats.heap_bytes_used == before.stats.heap_bytes_used, "and refunded");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "borrower") == 0)
        return borrow();
    if (argc > 1 && strcmp(argv[1], "lodger") == 0)
        return lodge();
    demo_begin("c-revoke");
    manager = capos_need_capability_manager("capabilities");
    cap_timer timer = capos_need_timer("timer");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    check_copies_elsewhere(spawner, timer);
    check_call_in_flight(timer);
    check_what_is_derived(memory);
    check_mapping_and_wait(spawner, memory, timer);
    check_as_parameter(spawner, memory);
    check_nesting(timer);
    check_account(timer, capos_need_system_info("info"));
    check_who_may_revoke(timer);
    return demo_end();
}
