/*
 * Capability tables, transfer and revocation of several processes against a model that is a list per process:
 * what each id names, and which revocations stand before it. Every step is a random operation, done by the
 * real code (ring.c, captable.c, ipc_transfer.c, revocation.c) and by the model; both must answer the same.
 * Now and then the ledger has nothing left, and the operation may only fail without a trace.
 *
 *   MODEL_STEPS=5000000 MODEL_SEED=7 build/unit/model-caps
 */
#include "core/call.h"
#include "core/ipc.h"
#include "core/ring.h"
#include "object/endpoint.h"
#include "object/revocation.h"
#include "world.h"
#include <capos/endpoint.h>
#include <capos/system_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROCESSES = 3,
    OBJECTS = 4,
    ENTRIES_MAX = 60,
    REVOCATIONS = 64,
    BUFFER_WORDS = 128,
    STEPS_DEFAULT = 2000000,
    SMALL_STEPS = 150,
    METHOD_DERIVE = 7,
    METHOD_WHO = 8,
    INTERFACE = 100, /* of object 0; the next one's is one more */
};

/* ---- The model. */

struct model_entry {
    uint32_t id;
    bool live;
    bool is_revoker;
    uint32_t object; /* or, of a revoker, its revocation */
    uint64_t behind; /* revocations that stand before it */
};

static struct {
    struct model_entry entries[PROCESSES][ENTRIES_MAX];
    uint64_t revoked;
    uint32_t revocations;
} model;

static struct process processes[PROCESSES];
static struct world_object *objects[OBJECTS];
static struct world_object *manager;
static uint32_t manager_ids[PROCESSES];
static struct ipc_endpoint *endpoint; /* all hold it */
static uint32_t endpoint_ids[PROCESSES];
static uint64_t params[BUFFER_WORDS], results[BUFFER_WORDS];
static bool starved;
/* What the run has seen: a model test that never gets there proves nothing. */
static struct {
    uint64_t called, revoked, stale, derived, made, too_deep, moved, minted, revocations, starved;
} seen;
static uint64_t random_state;

static uint64_t below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % limit;
}

/* An entry that was used once, or null. */
static struct model_entry *any_entry(uint32_t process)
{
    struct model_entry *entry = &model.entries[process][below(ENTRIES_MAX)];
    return entry->id == 0 ? NULL : entry;
}

/* A place for one more; what it remembers of a dead one is forgotten. Null: all live. */
static struct model_entry *place(uint32_t process)
{
    for (int tries = 0; tries < 8; tries++) {
        struct model_entry *entry = &model.entries[process][below(ENTRIES_MAX)];
        if (!entry->live)
            return entry;
    }
    return NULL;
}

static bool is_revoked(const struct model_entry *entry)
{
    return (entry->behind & model.revoked) != 0;
}

/* What the id of an entry is answered with when it is called. */
static int32_t expected_call(const struct model_entry *entry)
{
    if (!entry->live)
        return CAPOS_ERR_STALE_CAP;
    return is_revoked(entry) ? CAPOS_ERR_REVOKED : CAPOS_OK;
}

static bool is_want(int32_t result)
{
    return result == CAPOS_ERR_NO_MEMORY || result == CAPOS_ERR_QUOTA || result == CAPOS_ERR_NO_SLOTS;
}

/* ---- The real thing. */

static uint32_t object_index(const struct object *object)
{
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (&objects[i]->object == object)
            return i;
    }
    return OBJECTS;
}

/* WHO answers with its number; DERIVE with a capability to the next object. */
static int32_t dispatch(const void *server, void *self, uint16_t method_id, struct cap_call *call)
{
    uint32_t index = object_index(self), id;
    (void)server;
    if (method_id == METHOD_WHO) {
        *(uint64_t *)call->results = index + 1;
        return sizeof(uint64_t);
    }
    struct object *next = &objects[(index + 1) % OBJECTS]->object;
    object_get(next);
    status_t status = kcall_return_capability(call, (struct capability){next, next->type}, &id);
    if (status < 0)
        return status;
    call->caps_out[0] = (struct cap_transfer){.id = id, .interface_id = next->type->interface_id};
    call->caps_out_count = 1;
    return 8;
}

static int32_t manager_make(void *self, struct cap_call *call,
                            const struct cap_capability_manager_make_revocable_params *from,
                            struct cap_capability_manager_make_revocable_results *to)
{
    (void)self;
    return revocation_make_revocable(call, from, to);
}

static int32_t manager_dispatch(const void *server, void *self, uint16_t method_id, struct cap_call *call)
{
    static const struct cap_capability_manager_server methods = {.make_revocable = manager_make};
    (void)server;
    return cap_capability_manager_dispatch(&methods, self, method_id, call);
}

static struct captable *table(uint32_t process)
{
    return &processes[process].captable;
}

static uint32_t insert_capability(uint32_t process, struct capability capability)
{
    uint32_t id;
    if (captable_reserve(table(process), &id) < 0)
        return 0;
    object_get(capability.object);
    captable_publish(table(process), id, capability, CAP_FROM_KERNEL);
    return id;
}

static uint32_t insert(uint32_t process, struct world_object *object)
{
    return insert_capability(process, (struct capability){&object->object, &object->type});
}

static struct capos_cqe run(uint32_t process, struct capos_sqe sqe)
{
    struct ring *ring = &world_thread()->ring;
    world_thread()->process = &processes[process];
    ring->sq[ring->page->sq_tail++ % CAPOS_RING_SQ_ENTRIES] = sqe;
    assert_true(ring_enter(world_thread()) == 1);
    struct capos_cqe cqe = ring->cq[ring->page->cq_head++ % CAPOS_RING_CQ_ENTRIES];
    world_thread()->process = &processes[0];
    return cqe;
}

static struct capos_cqe call(uint32_t process, uint32_t id, uint16_t method_id)
{
    return run(process, (struct capos_sqe){.cap_id = id,
                                           .opcode = CAPOS_OP_CALL,
                                           .method_id = method_id,
                                           .result_addr = (uintptr_t)results,
                                           .result_len = sizeof(results)});
}

static const struct capos_xfer_result *records(const struct capos_cqe *cqe)
{
    return (const struct capos_xfer_result *)(const void *)((const char *)results +
                                                            align_up(cqe->payload_len, 8));
}

/* ---- Operations. */

/* Both sides answer as the model says; false: it failed for want of memory, and nothing has changed. */
static bool agree(int32_t expected, int32_t got)
{
    if (is_want(got) && (starved || unit_alloc_failed())) {
        seen.starved++;
        return false;
    }
    seen.called += expected == CAPOS_OK;
    seen.revoked += expected == CAPOS_ERR_REVOKED;
    seen.stale += expected == CAPOS_ERR_STALE_CAP;
    seen.too_deep += expected == CAPOS_ERR_EXCEPTION;
    assert_int_equal(got < 0 ? got : CAPOS_OK, expected);
    return true;
}

static void step_insert(uint32_t process)
{
    struct model_entry *entry = place(process);
    uint32_t object = (uint32_t)below(OBJECTS);
    uint32_t id = entry == NULL ? 0 : insert(process, objects[object]);
    if (id != 0)
        *entry = (struct model_entry){.id = id, .live = true, .object = object};
    else
        assert_true(entry == NULL || starved || unit_alloc_failed());
}

static void step_who(uint32_t process)
{
    const struct model_entry *entry = any_entry(process);
    if (entry == NULL || entry->is_revoker)
        return;
    struct capos_cqe cqe = call(process, entry->id, METHOD_WHO);
    if (agree(expected_call(entry), cqe.result) && cqe.result >= 0)
        assert_int_equal(results[0], entry->object + 1);
}

static void step_derive(uint32_t process)
{
    const struct model_entry *entry = any_entry(process);
    struct model_entry *to = place(process);
    if (entry == NULL || entry->is_revoker || to == NULL || to == entry)
        return;
    struct capos_cqe cqe = call(process, entry->id, METHOD_DERIVE);
    if (!agree(expected_call(entry), cqe.result) || cqe.result < 0)
        return;
    struct model_entry derived = {.id = records(&cqe)->cap_id,
                                  .live = true,
                                  .object = (entry->object + 1) % OBJECTS,
                                  .behind = entry->behind};
    assert_int_equal(records(&cqe)->interface_id, INTERFACE + derived.object);
    *to = derived;
    seen.derived += derived.behind != 0;
}

static void step_release(uint32_t process)
{
    struct model_entry *entry = any_entry(process);
    if (entry == NULL)
        return;
    struct capos_cqe cqe = run(process, (struct capos_sqe){.opcode = CAPOS_OP_RELEASE, .cap_id = entry->id});
    assert_int_equal(cqe.result, entry->live ? CAPOS_OK : CAPOS_ERR_STALE_CAP);
    entry->live = false;
}

/* A revocation that nothing refers to is free for a new one. */
static uint32_t new_revocation(void)
{
    for (uint32_t bit = 0; bit < REVOCATIONS; bit++) {
        bool used = false;
        for (uint32_t p = 0; p < PROCESSES; p++) {
            for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
                const struct model_entry *entry = &model.entries[p][i];
                used = used || (entry->live && ((entry->behind >> bit & 1) != 0 ||
                                                (entry->is_revoker && entry->object == bit)));
            }
        }
        if (!used)
            return bit;
    }
    return REVOCATIONS;
}

static int32_t make_revocable(uint32_t process, uint32_t id, uint32_t mode, struct capos_cqe *cqe)
{
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    size_t count = 0;
    const struct cap_capability_manager_make_revocable_params ask = {.capability = {id, mode}};
    int32_t bytes =
        cap_capability_manager_make_revocable_params_encode(&ask, params, sizeof(params), caps, &count);
    assert_true(bytes > 0 && count == 1);
    params[(uint32_t)bytes / 8] = (uint64_t)mode << 32 | id;
    *cqe = run(process, (struct capos_sqe){.cap_id = manager_ids[process],
                                           .opcode = CAPOS_OP_CALL,
                                           .method_id = CAP_CAPABILITY_MANAGER_MAKE_REVOCABLE,
                                           .addr = (uintptr_t)params,
                                           .len = (uint32_t)bytes,
                                           .xfer_cap_count = 1,
                                           .result_addr = (uintptr_t)results,
                                           .result_len = sizeof(results)});
    return cqe->result;
}

/* Of several entries the one behind most revocations: so that their number reaches its limit. */
static struct model_entry *deep_entry(uint32_t process)
{
    struct model_entry *deepest = any_entry(process);
    for (int i = 0; i < 8; i++) {
        struct model_entry *other = any_entry(process);
        if (other != NULL && other->live && !is_revoked(other) &&
            (deepest == NULL || __builtin_popcountll(other->behind) > __builtin_popcountll(deepest->behind)))
            deepest = other;
    }
    return deepest;
}

static void step_make_revocable(uint32_t process)
{
    struct model_entry *entry = below(2) == 0 ? any_entry(process) : deep_entry(process);
    struct model_entry *facet = place(process), *revoker = place(process);
    uint32_t bit = new_revocation();
    uint32_t mode = below(3) == 0 ? CAPOS_XFER_MOVE : CAPOS_XFER_COPY;
    struct capos_cqe cqe;
    if (entry == NULL || entry->is_revoker || facet == NULL || revoker == NULL || facet == revoker ||
        facet == entry || revoker == entry || bit == REVOCATIONS)
        return;
    int32_t expected = expected_call(entry);
    if (expected == CAPOS_OK && __builtin_popcountll(entry->behind) == REVOCATIONS_MAX)
        expected = CAPOS_ERR_EXCEPTION;
    if (!agree(expected, make_revocable(process, entry->id, mode, &cqe)) || cqe.result < 0)
        return;
    assert_int_equal(cqe.cap_count, 2);
    *facet = (struct model_entry){.id = records(&cqe)[0].cap_id,
                                  .live = true,
                                  .object = entry->object,
                                  .behind = entry->behind | UINT64_C(1) << bit};
    *revoker =
        (struct model_entry){.id = records(&cqe)[1].cap_id, .live = true, .is_revoker = true, .object = bit};
    model.revoked &= ~(UINT64_C(1) << bit);
    seen.made++;
    if (mode == CAPOS_XFER_MOVE)
        entry->live = false;
}

static void step_revoke(uint32_t process)
{
    const struct model_entry *entry = any_entry(process);
    if (entry == NULL || !entry->is_revoker)
        return;
    struct capos_cqe cqe = call(process, entry->id, CAP_REVOKER_REVOKE);
    if (!agree(entry->live ? CAPOS_OK : CAPOS_ERR_STALE_CAP, cqe.result) || cqe.result < 0)
        return;
    model.revoked |= UINT64_C(1) << entry->object;
    seen.revocations++;
}

/* What a CALL to another process or a RETURN does with the capabilities that go along. */
static void step_transfer(uint32_t process)
{
    uint32_t to = (uint32_t)below(PROCESSES);
    struct model_entry *entry = any_entry(process), *copy = place(to);
    struct ipc_cap caps[1];
    struct ipc_slot slots[1];
    if (entry == NULL || copy == NULL || copy == entry)
        return;
    uint32_t mode = below(2) == 0 ? CAPOS_XFER_MOVE : CAPOS_XFER_COPY;
    params[0] = (uint64_t)mode << 32 | entry->id;
    status_t status = ipc_caps_begin(table(process), (uintptr_t)params, 1, false, caps);
    assert_int_equal(status, entry->live ? CAPOS_OK : CAPOS_ERR_STALE_CAP);
    if (status < 0)
        return;
    if (mode == CAPOS_XFER_MOVE)
        assert_int_equal(call(process, entry->id, METHOD_WHO).result, CAPOS_ERR_STALE_CAP);
    bool undone = below(4) == 0 || ipc_caps_reserve(&processes[to], NULL, caps, 1, slots) < 0;
    if (!undone) {
        ipc_caps_publish(table(to), 1, slots);
        *copy = *entry;
        copy->id = slots[0].id;
        entry->live = entry->live && mode == CAPOS_XFER_COPY;
        seen.moved++;
    }
    ipc_caps_end(table(process), caps, 1, !undone);
}

/* What a RETURN does that makes a facet and sends another capability besides, to a process that drops the
 * facet: that is told once, if there ever was one. */
static void step_mint(uint32_t process)
{
    uint32_t to = (uint32_t)below(PROCESSES);
    struct model_entry *entry = any_entry(process);
    struct ipc_cap caps[2];
    struct ipc_slot slots[2];
    bool is_endpoint = below(8) != 0;
    if (entry == NULL)
        return;
    const uint32_t minting = is_endpoint ? endpoint_ids[process] : entry->id;
    const uint64_t tag = below(UINT32_MAX);
    params[0] = (uint64_t)CAPOS_XFER_MINT << 32 | minting;
    params[1] = (uint64_t)CAPOS_XFER_COPY << 32 | entry->id;
    params[2] = tag;
    params[3] = INTERFACE;
    const int32_t refused = is_endpoint || !entry->live ? CAPOS_ERR_STALE_CAP : CAPOS_ERR_WRONG_INTERFACE;
    status_t status = ipc_caps_begin(table(process), (uintptr_t)params, 2, false, caps);
    assert_int_equal(status, CAPOS_ERR_BAD_FLAGS); /* a CALL's */
    status = ipc_caps_begin(table(process), (uintptr_t)params, 2, true, caps);
    if (!agree(is_endpoint && entry->live ? CAPOS_OK : refused, status) || status < 0)
        return;
    bool undone = below(4) == 0 || ipc_caps_reserve(&processes[to], NULL, caps, 2, slots) < 0;
    if (!undone) {
        ipc_caps_born(caps, 2);
        ipc_caps_publish(table(to), 2, slots);
        assert_int_equal(slots[0].capability.type->interface_id, INTERFACE);
        assert_int_equal(captable_release(table(to), slots[1].id), CAPOS_OK);
        seen.minted++;
    }
    ipc_caps_end(table(process), caps, 2, !undone);
    assert_true(list_is_empty(&endpoint->queue));
    if (undone)
        return;
    assert_int_equal(captable_release(table(to), slots[0].id), CAPOS_OK);
    assert_false(list_is_empty(&endpoint->queue));
    struct capos_cqe cqe = run(0, (struct capos_sqe){.cap_id = endpoint_ids[0],
                                                     .opcode = CAPOS_OP_RECV,
                                                     .result_addr = (uintptr_t)results,
                                                     .result_len = sizeof(results)});
    const struct capos_ipc_header *header = (const void *)results;
    assert_int_equal(cqe.result, sizeof(*header)); /* a thread's own record is free */
    assert_int_equal(header->flags, CAPOS_IPC_DROPPED);
    assert_true(header->tag == tag);
    assert_true(list_is_empty(&endpoint->queue));
}

/* A clone holds the same under the same ids, and is dropped again. */
static void step_clone(uint32_t process)
{
    static struct process child;
    child = (struct process){.ledger = world_ledger()};
    captable_init(&child.captable, world_ledger());
    status_t status = captable_clone(table(process), &child.captable, NULL, NULL);
    for (uint32_t i = 0; i < ENTRIES_MAX && status == CAPOS_OK; i++) {
        const struct model_entry *entry = &model.entries[process][i];
        struct capability here = {NULL, NULL}, there = {NULL, NULL};
        status_t a = captable_get(table(process), entry->id, &here);
        status_t b = captable_get(&child.captable, entry->id, &there);
        assert_int_equal(a, b);
        assert_ptr_equal(here.object, there.object);
        if (a == CAPOS_OK) {
            object_put(here.object);
            object_put(there.object);
        }
    }
    assert_true(status == CAPOS_OK || (is_want(status) && (starved || unit_alloc_failed())));
    captable_fini(&child.captable);
}

static void step(void)
{
    static void (*const steps[])(uint32_t process) = {
        step_insert,   step_insert,   step_who,
        step_who,      step_who,      step_derive,
        step_release,  step_release,  step_make_revocable,
        step_revoke,   step_transfer, step_transfer,
        step_transfer, step_mint,     step_make_revocable,
        step_derive,
    };
    uint64_t limit = world_ledger()->limit[LEDGER_HEAP_BYTES];
    starved = below(16) == 0;
    if (starved)
        world_ledger()->limit[LEDGER_HEAP_BYTES] = world_ledger()->used[LEDGER_HEAP_BYTES] + below(700);
    uint32_t process = (uint32_t)below(PROCESSES);
    if (below(200) == 0)
        step_clone(process);
    else
        steps[below(array_count(steps))](process);
    world_ledger()->limit[LEDGER_HEAP_BYTES] = limit;
}

/* ---- Runs. */

static void begin(uint64_t seed)
{
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    memset(&model, 0, sizeof(model));
    for (uint32_t i = 0; i < OBJECTS; i++)
        objects[i] = world_object(INTERFACE + i, dispatch);
    manager = world_object(CAP_CAPABILITY_MANAGER_INTERFACE_ID, manager_dispatch);
}

/* The other processes have no threads of their own: the one thread acts for each in turn. */
static void make_processes(void)
{
    UNIT_OK(endpoint_create(world_ledger(), INTERFACE, 1, &endpoint) == CAPOS_OK);
    for (uint32_t p = 0; p < PROCESSES; p++) {
        processes[p].ledger = world_ledger();
        captable_init(&processes[p].captable, world_ledger());
        list_init(&processes[p].threads);
        manager_ids[p] = insert(p, manager);
        endpoint_ids[p] = insert_capability(p, (struct capability){&endpoint->server, &endpoint_type});
    }
    object_put(&endpoint->server);
}

static void finish(void)
{
    world_thread()->process = world_process();
    for (uint32_t p = 0; p < PROCESSES; p++)
        captable_fini(table(p));
    for (uint32_t i = 0; i < OBJECTS; i++)
        object_put(&objects[i]->object);
    object_put(&manager->object);
}

static void setup(void)
{
    world_reset();
    memset(processes, 0, sizeof(processes));
    world_add_user_memory(params, sizeof(params), true);
    world_add_user_memory(results, sizeof(results), true);
    begin(1);
}

static void teardown(void)
{
    finish();
    world_check_empty();
}

static void test_short_runs(void)
{
    make_processes();
    for (uint32_t p = 0; p < PROCESSES; p++)
        UNIT_OK(manager_ids[p] != 0);
    for (int i = 0; i < SMALL_STEPS; i++)
        step();
}

/* ---- Revoked by another CPU while a facet around a result is being made. */

static struct capability revoker;
static uint32_t locks_released;

static bool revoke_meanwhile(void)
{
    static struct kcall kcall;
    if (++locks_released <
        2) /* the first is of the facet that is called; the second: the new one is in the list */
        return false;
    kcall = (struct kcall){.thread = world_thread()};
    assert_int_equal(
        revoker.type->dispatch(revoker.type->server, revoker.object, CAP_REVOKER_REVOKE, &kcall.call), 0);
    return true;
}

static void test_revoked_while_a_facet_is_made(void)
{
    struct capos_cqe cqe;
    make_processes();
    uint32_t id = insert(0, objects[0]);
    UNIT_OK(id != 0 && manager_ids[0] != 0);
    UNIT_OK(make_revocable(0, id, CAPOS_XFER_COPY, &cqe) >= 0);
    const uint32_t facet = records(&cqe)[0].cap_id;
    assert_int_equal(captable_get(table(0), records(&cqe)[1].cap_id, &revoker), CAPOS_OK);
    locks_released = 0;
    world_on_release(LOCK_OBJECT, revoke_meanwhile);
    cqe = call(0, facet, METHOD_DERIVE);
    world_on_release(LOCK_OBJECT, NULL);
    object_put(revoker.object);
    UNIT_OK(cqe.result >= 0); /* it was let in before */
    assert_int_equal(call(0, records(&cqe)->cap_id, METHOD_WHO).result, CAPOS_ERR_REVOKED);
    assert_int_equal(call(0, facet, METHOD_WHO).result, CAPOS_ERR_REVOKED);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value == NULL ? otherwise : strtoull(value, NULL, 0);
}

/* Once, not again for each of its many allocations: those fail by the starved ledger. */
static void test_long_run(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    random_state = from_environment("MODEL_SEED", 20261123) * 2 + 1;
    make_processes();
    for (uint64_t i = from_environment("MODEL_STEPS", STEPS_DEFAULT); i > 0; i--)
        step();
    printf("# called %lu revoked %lu stale %lu derived %lu made %lu too deep %lu moved %lu minted %lu "
           "revocations %lu starved %lu\n",
           seen.called, seen.revoked, seen.stale, seen.derived, seen.made, seen.too_deep, seen.moved,
           seen.minted, seen.revocations, seen.starved);
    assert_true(seen.revoked > 0 && seen.minted > 0 && seen.derived > 0 && seen.too_deep > 0 &&
                seen.starved > 0);
}

int main(void)
{
    static const struct unit_test tests[] = {UNIT_TEST(test_revoked_while_a_facet_is_made),
                                             UNIT_TEST(test_short_runs), UNIT_TEST(test_long_run)};
    return UNIT_MAIN(tests, setup, teardown);
}
