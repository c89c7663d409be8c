/* PARK and UNPARK through the ring, with one thread that keeps several waits in flight. */
#include "core/ring.h"
#include "object/memory_object.h"
#include "object/park_space.h"
#include "world.h"
#include <string.h>

enum { WORDS = 1024, UNMAPPED = 0x20000 };

static _Alignas(4096) uint32_t words[WORDS];
static uint32_t own_space, shared_space;
static struct object own_object, shared_object;

static uint32_t publish(struct object *object, const struct object_type *type)
{
    uint32_t id;
    *object = (struct object){.type = type, .references = 2};
    UNIT_OK(captable_reserve(&world_process()->captable, &id) == CAPOS_OK);
    captable_publish(&world_process()->captable, id, (struct capability){object, type}, CAP_FROM_KERNEL);
    return id;
}

static void setup(void)
{
    world_reset();
    park_init();
    memset(words, 0, sizeof(words));
    world_add_user_memory(words, sizeof(words), true);
    world_map_memory(NULL);
}

static void make_spaces(void)
{
    own_space = publish(&own_object, &park_space_type);
    shared_space = publish(&shared_object, &shared_park_space_type);
}

static struct capos_ring_header *header(void)
{
    return world_thread()->ring.page;
}

static void submit(struct capos_sqe sqe)
{
    world_thread()->ring.sq[header()->sq_tail++ % CAPOS_RING_SQ_ENTRIES] = sqe;
    assert_true(ring_enter(world_thread()) >= 0);
}

static uint32_t completions(void)
{
    return header()->cq_tail - header()->cq_head;
}

static struct capos_cqe take(void)
{
    assert_int_not_equal(completions(), 0);
    return world_thread()->ring.cq[header()->cq_head++ % CAPOS_RING_CQ_ENTRIES];
}

static int32_t run(struct capos_sqe sqe)
{
    submit(sqe);
    assert_int_equal(completions(), 1);
    return take().result;
}

static struct capos_sqe park(uint32_t space, const uint32_t *word, uint32_t expected, uint64_t user_data)
{
    return (struct capos_sqe){.opcode = CAPOS_OP_PARK,
                              .cap_id = space,
                              .addr = (uintptr_t)word,
                              .len = expected,
                              .user_data = user_data};
}

static struct capos_sqe unpark(uint32_t space, const uint32_t *word, uint32_t count)
{
    return (struct capos_sqe){
        .opcode = CAPOS_OP_UNPARK, .cap_id = space, .addr = (uintptr_t)word, .len = count, .user_data = 99};
}

static struct capos_sqe move(uint32_t space, const uint32_t *word, uint32_t count, const uint32_t *to,
                             uint32_t most)
{
    struct capos_sqe sqe = unpark(space, word, count);
    sqe.result_addr = (uintptr_t)to;
    sqe.result_len = most;
    return sqe;
}

/* Waits with user_data 1 to count; false: an allocation failed on the way. */
static bool wait_times(uint32_t space, const uint32_t *word, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        submit(park(space, word, *word, i));
        if (completions() != 0) {
            assert_int_equal(take().result, CAPOS_ERR_NO_MEMORY);
            return false;
        }
    }
    return true;
}

static void test_refusals(void)
{
    make_spaces();
    words[0] = 7;
    assert_int_equal(run(park(own_space, words, 8, 1)), CAPOS_ERR_WOULD_BLOCK);
    assert_int_equal(run(park(own_space, (uint32_t *)((char *)words + 1), 7, 1)), CAPOS_ERR_UNALIGNED);
    assert_int_equal(run(park(own_space, (uint32_t *)UNMAPPED, 0, 1)), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(run(park(own_space, NULL, 0, 1)), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(run(park(own_space + 5, words, 7, 1)), CAPOS_ERR_BAD_CAP);
    assert_int_equal(run(park(shared_space, words, 7, 1)), CAPOS_ERR_BAD_ADDRESS);
    struct capos_sqe sqe = park(own_space, words, 7, 1);
    sqe.result_len = 1;
    assert_int_equal(run(sqe), CAPOS_ERR_BAD_FLAGS);
    sqe = unpark(own_space, words, 1);
    sqe.deadline_ns = 1;
    assert_int_equal(run(sqe), CAPOS_ERR_BAD_FLAGS);
    assert_int_equal(run(move(own_space, words, 1, NULL, 1)), CAPOS_ERR_BAD_ADDRESS);
    sqe = move(own_space, words, 1, words + 1, 0);
    assert_int_equal(run(sqe), CAPOS_ERR_BAD_FLAGS);
}

static void test_first_come_first_woken(void)
{
    make_spaces();
    UNIT_OK(wait_times(own_space, words, 4));
    assert_int_equal(run(unpark(own_space, words + 1, 9)), 0);
    struct capos_sqe quiet = unpark(own_space, words, 2);
    quiet.flags = CAPOS_SQE_QUIET;
    submit(quiet);
    assert_int_equal(completions(), 2);
    assert_int_equal(take().user_data, 1);
    assert_int_equal(take().user_data, 2);
    submit(unpark(own_space, words, UINT32_MAX));
    assert_int_equal(take().user_data, 3);
    assert_int_equal(take().user_data, 4);
    assert_int_equal(take().result, 2);
}

static void test_moved_waiters_are_found_where_they_went(void)
{
    make_spaces();
    UNIT_OK(wait_times(own_space, words, 5));
    submit(move(own_space, words, 1, words + 700, 2));
    assert_int_equal(take().user_data, 1);
    assert_int_equal(take().result, 3);
    submit(unpark(own_space, words + 700, UINT32_MAX));
    assert_int_equal(take().user_data, 2);
    assert_int_equal(take().user_data, 3);
    assert_int_equal(take().result, 2);
    assert_int_equal(run((struct capos_sqe){.opcode = CAPOS_OP_CANCEL, .addr = 17}), CAPOS_ERR_NOT_FOUND);
    submit((struct capos_sqe){.opcode = CAPOS_OP_CANCEL, .addr = 5, .user_data = 98});
    assert_int_equal(take().result, CAPOS_ERR_CANCELED);
    assert_int_equal(take().result, CAPOS_OK);
    submit(move(own_space, words, 0, words + 3, UINT32_MAX));
    assert_int_equal(take().result, 1);
    submit((struct capos_sqe){.opcode = CAPOS_OP_CANCEL, .addr = 4, .user_data = 98});
    assert_int_equal(take().result, CAPOS_ERR_CANCELED);
    assert_int_equal(take().result, CAPOS_OK);
}

static void test_deadline(void)
{
    make_spaces();
    struct capos_sqe sqe = park(own_space, words, 0, 1);
    sqe.deadline_ns = 50;
    submit(sqe);
    world_set_time(49);
    assert_int_equal(completions(), 0);
    world_set_time(50);
    assert_int_equal(take().result, CAPOS_ERR_TIMEOUT);
    assert_int_equal(run(unpark(own_space, words, 1)), 0);
}

static void test_shared_words_are_known_by_their_place(void)
{
    make_spaces();
    struct memory_object *memory = world_memory(words, sizeof(words));
    memory_object_as_object(memory)->references = 1;
    world_map_memory(memory);
    assert_int_equal(run(park(shared_space, words + 2, 1, 9)), CAPOS_ERR_WOULD_BLOCK);
    UNIT_OK(wait_times(shared_space, words + 2, 2));
    assert_int_equal(memory_object_as_object(memory)->references, 3);
    assert_int_equal(run(unpark(own_space, words + 2, 9)), 0);
    submit(unpark(shared_space, words + 2, 9));
    assert_int_equal(take().user_data, 1);
    assert_int_equal(take().user_data, 2);
    assert_int_equal(take().result, 2);
    assert_int_equal(memory_object_as_object(memory)->references, 1);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_refusals),
        UNIT_TEST(test_first_come_first_woken),
        UNIT_TEST(test_moved_waiters_are_found_where_they_went),
        UNIT_TEST(test_deadline),
        UNIT_TEST(test_shared_words_are_known_by_their_place),
    };
    return UNIT_MAIN(tests, setup, world_check_empty);
}
