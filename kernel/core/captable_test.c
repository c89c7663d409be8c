/* Capability tables: every transition of a slot, every refusal, and random operations against a naive model.
 */
#include "core/captable.h"
#include "world.h"
#include <stdlib.h>

static struct captable *table(void)
{
    return &world_process()->captable;
}

static int32_t no_dispatch(const void *server, void *object, uint16_t method_id, struct cap_call *call)
{
    (void)server;
    (void)object;
    (void)method_id;
    (void)call;
    return CAPOS_OK;
}

static struct capability new_capability(void)
{
    struct world_object *made = world_object(7, no_dispatch);
    return (struct capability){&made->object, &made->type};
}

static uint32_t insert(void)
{
    uint32_t id;
    struct capability capability = new_capability();
    status_t status = captable_reserve(table(), &id);
    if (status < 0)
        object_put(capability.object);
    UNIT_OK(status == CAPOS_OK);
    captable_publish(table(), id, capability, CAP_FROM_KERNEL);
    return id;
}

static void test_insert_get_release(void)
{
    uint32_t id = insert();
    struct capability got;
    assert_int_equal(captable_get(table(), id, &got), CAPOS_OK);
    assert_int_equal(got.object->references, 2);
    object_put(got.object);
    assert_int_equal(captable_release(table(), id), CAPOS_OK);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_STALE_CAP);
    assert_int_equal(captable_release(table(), id), CAPOS_ERR_STALE_CAP);
}

static void test_ids_never_given_out_are_bad(void)
{
    struct capability got;
    uint32_t id = insert();
    assert_int_equal(captable_get(table(), 0, &got), CAPOS_ERR_BAD_CAP);
    assert_int_equal(captable_get(table(), id + 1, &got),
                     CAPOS_ERR_BAD_CAP); /* a free slot's first generation */
    assert_int_equal(captable_get(table(), id + (1u << CAP_INDEX_BITS), &got),
                     CAPOS_ERR_BAD_CAP); /* next generation */
    assert_int_equal(captable_get(table(), UINT32_MAX, &got), CAPOS_ERR_BAD_CAP);
    assert_int_equal(captable_get(table(), id & CAP_INDEX_MASK, &got), CAPOS_ERR_BAD_CAP); /* generation 0 */
}

static void test_reused_slot_has_a_new_id(void)
{
    uint32_t first = insert();
    assert_int_equal(captable_release(table(), first), CAPOS_OK);
    uint32_t second = insert();
    assert_int_equal(first & CAP_INDEX_MASK, second & CAP_INDEX_MASK);
    assert_int_not_equal(first, second);
    struct capability got;
    assert_int_equal(captable_get(table(), first, &got), CAPOS_ERR_STALE_CAP);
}

static void test_reserved_slot_is_invisible(void)
{
    uint32_t id;
    struct capability got;
    UNIT_OK(captable_reserve(table(), &id) == CAPOS_OK);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_BAD_CAP);
    assert_int_equal(world_ledger()->used[LEDGER_CAP_SLOTS], 1);
    captable_cancel(table(), id);
    assert_int_equal(world_ledger()->used[LEDGER_CAP_SLOTS], 0);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_STALE_CAP);
}

static void test_move_hides_then_commits_or_aborts(void)
{
    uint32_t id = insert();
    struct capability moving, got;
    assert_int_equal(captable_move_begin(table(), id, &moving), CAPOS_OK);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_STALE_CAP);
    assert_int_equal(captable_move_begin(table(), id, &got),
                     CAPOS_ERR_STALE_CAP); /* the same id twice in one call */
    assert_int_equal(captable_release(table(), id), CAPOS_ERR_STALE_CAP);
    captable_move_abort(table(), id);
    object_put(moving.object);
    assert_int_equal(captable_move_begin(table(), id, &moving), CAPOS_OK);
    captable_move_commit(table(), id);
    assert_int_equal(moving.object->references, 1);
    object_put(moving.object);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_STALE_CAP);
}

static void test_quota_refuses_and_costs_nothing(void)
{
    uint32_t id;
    insert();
    world_ledger()->limit[LEDGER_CAP_SLOTS] = 1;
    assert_int_equal(captable_reserve(table(), &id), CAPOS_ERR_NO_SLOTS);
    assert_int_equal(world_ledger()->used[LEDGER_CAP_SLOTS], 1);
    world_ledger()->limit[LEDGER_CAP_SLOTS] = 2;
    insert();
}

static void test_full_table_refuses(void)
{
    uint32_t id, count = 0;
    status_t status;
    while ((status = captable_reserve(table(), &id)) == CAPOS_OK)
        count++;
    UNIT_OK(status == CAPOS_ERR_NO_SLOTS);
    assert_in_range(count, CAPOS_CAP_SLOTS_MAX / 2, CAPOS_CAP_SLOTS_MAX);
}

static void test_generations_used_up_retire_the_slot(void)
{
    uint32_t first = insert();
    uint32_t index = first & CAP_INDEX_MASK;
    uint32_t id = first;
    assert_int_equal(captable_release(table(), id), CAPOS_OK);
    for (uint32_t i = 1; i < CAP_GENERATION_MAX; i++) {
        UNIT_OK(captable_reserve(table(), &id) == CAPOS_OK);
        assert_int_equal(id & CAP_INDEX_MASK, index);
        captable_cancel(table(), id);
    }
    struct capability got;
    assert_int_equal(captable_get(table(), id, &got), CAPOS_ERR_STALE_CAP);
    UNIT_OK(captable_reserve(table(), &id) == CAPOS_OK);
    assert_int_not_equal(id & CAP_INDEX_MASK, index);
}

static void test_next_lists_live_slots_in_order(void)
{
    uint32_t ids[3] = {insert(), insert(), insert()};
    assert_int_equal(captable_release(table(), ids[1]), CAPOS_OK);
    uint32_t id, cursor = 0;
    struct cap_slot slot;
    assert_true(captable_next(table(), cursor, &id, &slot, &cursor));
    assert_int_equal(id, ids[0]);
    assert_true(captable_next(table(), cursor, &id, &slot, &cursor));
    assert_int_equal(id, ids[2]);
    assert_false(captable_next(table(), cursor, &id, &slot, &cursor));
}

/* The model: a list of every id ever given out, and whether it is live. Slow and obviously right. */
enum { MODEL_IDS = 4000, MODEL_STEPS = 20000 };
struct model {
    uint32_t ids[MODEL_IDS];
    struct object *objects[MODEL_IDS]; /* null: not live any more */
    size_t count;
};

static void model_check(const struct model *model, size_t i)
{
    struct capability got;
    status_t status = captable_get(table(), model->ids[i], &got);
    assert_int_equal(status, model->objects[i] != NULL ? CAPOS_OK : CAPOS_ERR_STALE_CAP);
    if (status == CAPOS_OK) {
        assert_ptr_equal(got.object, model->objects[i]);
        object_put(got.object);
    }
}

static void model_insert(struct model *model)
{
    uint32_t id = insert();
    struct capability got;
    for (size_t i = 0; i < model->count; i++)
        assert_int_not_equal(model->ids[i], id);
    assert_int_equal(captable_get(table(), id, &got), CAPOS_OK);
    object_put(got.object);
    model->ids[model->count] = id;
    model->objects[model->count++] = got.object;
}

static void model_remove(struct model *model, size_t i, bool move)
{
    struct capability moving;
    status_t expected = model->objects[i] != NULL ? CAPOS_OK : CAPOS_ERR_STALE_CAP;
    if (!move) {
        assert_int_equal(captable_release(table(), model->ids[i]), expected);
    } else {
        assert_int_equal(captable_move_begin(table(), model->ids[i], &moving), expected);
        if (expected == CAPOS_OK) {
            captable_move_commit(table(), model->ids[i]);
            object_put(moving.object);
        }
    }
    model->objects[i] = NULL;
}

static void test_random_operations_match_the_model(void)
{
    static struct model model;
    model.count = 0;
    srand(1);
    for (int step = 0; step < MODEL_STEPS; step++) {
        size_t pick = model.count == 0 ? 0 : (size_t)rand() % model.count;
        int what = rand() % 8;
        if (model.count == 0 || (what < 3 && model.count < MODEL_IDS))
            model_insert(&model);
        else if (what < 5)
            model_remove(&model, pick, what == 4);
        else
            model_check(&model, pick);
    }
    for (size_t i = 0; i < model.count; i++)
        model_check(&model, i);
}

/* ---- Clones. */

struct exchange {
    struct object *taken_out, *exchanged;
    struct capability instead;
    struct object *failing;
};

static status_t exchange_capability(void *context, struct capability *capability)
{
    const struct exchange *exchange = context;
    struct object *object = capability->object;
    status_t status = CAPOS_OK;
    if (object == exchange->taken_out)
        status = CAPOS_ERR_NOT_FOUND;
    if (object == exchange->failing)
        status = CAPOS_ERR_QUOTA;
    if (object == exchange->exchanged) {
        object_get(exchange->instead.object);
        *capability = exchange->instead;
    }
    if (status < 0 || object == exchange->exchanged)
        object_put(object);
    return status;
}

static struct object *object_of(uint32_t id)
{
    struct capability got;
    assert_int_equal(captable_get(table(), id, &got), CAPOS_OK);
    object_put(got.object);
    return got.object;
}

static status_t id_in(struct captable *clone, uint32_t id, struct object **out)
{
    struct capability got = {NULL, NULL};
    status_t status = captable_get(clone, id, &got);
    *out = got.object;
    if (status == CAPOS_OK)
        object_put(got.object);
    return status;
}

static struct captable *clone_into(struct process *child)
{
    *child = (struct process){.ledger = world_ledger()};
    captable_init(&child->captable, world_ledger());
    return &child->captable;
}

/* What cannot be copied stays out unless something is put in its place; the rest is under the same ids. */
static void test_clone_exchanges_and_leaves_out(void)
{
    static struct process child;
    struct object *found;
    uint32_t kept = insert(), out = insert(), exchanged = insert();
    struct world_object *bound = world_object(8, no_dispatch);
    bound->type.transfer = CAP_TRANSFER_NEVER;
    uint32_t home;
    status_t status = captable_reserve(table(), &home);
    if (status < 0)
        object_put(&bound->object);
    UNIT_OK(status == CAPOS_OK);
    captable_publish(table(), home, (struct capability){&bound->object, &bound->type}, CAP_FROM_KERNEL);
    struct exchange exchange = {
        .taken_out = object_of(out), .exchanged = &bound->object, .instead = new_capability()};
    (void)exchanged;
    struct captable *clone = clone_into(&child);
    status = captable_clone(table(), clone, exchange_capability, &exchange);
    object_put(exchange.instead.object);
    if (status == CAPOS_OK) {
        assert_int_equal(id_in(clone, kept, &found), CAPOS_OK);
        assert_ptr_equal(found, object_of(kept));
        assert_int_equal(id_in(clone, out, &found), CAPOS_ERR_STALE_CAP);
        assert_int_equal(id_in(clone, home, &found), CAPOS_OK);
        assert_ptr_equal(found, exchange.instead.object);
    }
    captable_fini(clone);
    UNIT_OK(status == CAPOS_OK);
    clone = clone_into(&child);
    status = captable_clone(table(), clone, NULL, NULL);
    if (status == CAPOS_OK)
        assert_int_equal(id_in(clone, home, &found), CAPOS_ERR_STALE_CAP);
    captable_fini(clone);
    UNIT_OK(status == CAPOS_OK);
}

static void test_failed_clone_is_given_back(void)
{
    static struct process child;
    struct exchange exchange = {0};
    for (int i = 0; i < 40; i++) {
        uint32_t id = insert();
        if (i == 20)
            exchange.failing = object_of(id);
    }
    uint64_t used = world_ledger()->used[LEDGER_CAP_SLOTS];
    struct captable *clone = clone_into(&child);
    status_t status = captable_clone(table(), clone, exchange_capability, &exchange);
    captable_fini(clone);
    assert_int_equal(world_ledger()->used[LEDGER_CAP_SLOTS], used);
    UNIT_OK(status == CAPOS_ERR_QUOTA);
}

static void test_clear_leaves_what_is_reserved(void)
{
    uint32_t kept, ids[20];
    struct capability got;
    for (int i = 0; i < 20; i++)
        ids[i] = insert();
    UNIT_OK(captable_reserve(table(), &kept) == CAPOS_OK);
    captable_clear(table());
    for (int i = 0; i < 20; i++)
        assert_int_equal(captable_get(table(), ids[i], &got), CAPOS_ERR_STALE_CAP);
    captable_publish(table(), kept, new_capability(), CAP_FROM_SPAWN);
    assert_int_equal(captable_get(table(), kept, &got), CAPOS_OK);
    object_put(got.object);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_insert_get_release),
        UNIT_TEST(test_ids_never_given_out_are_bad),
        UNIT_TEST(test_reused_slot_has_a_new_id),
        UNIT_TEST(test_reserved_slot_is_invisible),
        UNIT_TEST(test_move_hides_then_commits_or_aborts),
        UNIT_TEST(test_quota_refuses_and_costs_nothing),
        UNIT_TEST(test_full_table_refuses),
        UNIT_TEST(test_generations_used_up_retire_the_slot),
        UNIT_TEST(test_next_lists_live_slots_in_order),
        UNIT_TEST(test_random_operations_match_the_model),
        UNIT_TEST(test_clone_exchanges_and_leaves_out),
        UNIT_TEST(test_failed_clone_is_given_back),
        UNIT_TEST(test_clear_leaves_what_is_reserved),
    };
    return UNIT_MAIN(tests, world_reset, world_check_empty);
}
