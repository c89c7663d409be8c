/* The ring and the call path: what is accepted, what is refused, and that refused things leave no trace. */
#include "core/ring.h"
#include "core/call.h"
#include "world.h"
#include <string.h>

enum { INTERFACE = 77, BUFFER_WORDS = 64 };

static uint64_t params[BUFFER_WORDS];
static uint64_t results[BUFFER_WORDS];
static uint32_t target; /* capability id of the test object */
static struct world_object *object;

/* What the object's methods do. */
enum {
    METHOD_EMPTY,
    METHOD_ECHO,
    METHOD_CAP,
    METHOD_EXCEPTION,
    METHOD_WAIT,
    METHOD_TAKE,
    METHOD_CAP_THEN_FAIL,
    METHOD_CLOBBER
};
static struct pending *waiting;

static bool wait_cancel(struct pending *pending)
{
    if (waiting == pending)
        waiting = NULL;
    return true;
}

static int32_t give_cap(struct kcall *call, struct object *self)
{
    uint32_t id;
    object_get(self);
    status_t status = kcall_return_capability(&call->call, (struct capability){self, self->type}, &id);
    if (status < 0)
        return status;
    call->call.caps_out[0] = (struct cap_transfer){.id = id, .interface_id = INTERFACE};
    call->call.caps_out_count = 1;
    memset(call->call.results, 0x11, 16);
    return 16;
}

static struct capos_ring_header *header(void)
{
    return world_thread()->ring.page;
}

static struct capos_sqe *entry(uint32_t index)
{
    return &world_thread()->ring.sq[index % CAPOS_RING_SQ_ENTRIES];
}

static int32_t dispatch(const void *server, void *target_object, uint16_t method_id,
                        struct cap_call *cap_call)
{
    struct kcall *call = kcall_of(cap_call);
    struct object *self = target_object;
    (void)server;
    object->calls++;
    switch (method_id) {
    case METHOD_EMPTY:
        return CAPOS_OK;
    case METHOD_ECHO:
        if (call->call.params_bytes > call->call.results_limit) {
            call->call.results_bytes = call->call.params_bytes;
            return CAPOS_ERR_RESULT_TRUNCATED;
        }
        memcpy(call->call.results, call->call.params, call->call.params_bytes);
        return (int32_t)call->call.params_bytes;
    case METHOD_CAP:
        return give_cap(call, self);
    case METHOD_CAP_THEN_FAIL:
        return give_cap(call, self) < 0 ? CAPOS_ERR_NO_SLOTS : CAPOS_ERR_NO_MEMORY;
    case METHOD_EXCEPTION:
        return cap_call_fail(&call->call, CAPOS_EXCEPTION_OVERLOADED, "no room");
    case METHOD_WAIT: {
        status_t status = pending_create(&call->call, self, wait_cancel, &waiting);
        return status < 0 ? status : CAP_CALL_PENDING;
    }
    case METHOD_TAKE:
        return call->call.caps_in_count == 1 && call->call.caps_in[0].interface_id == INTERFACE
                   ? CAPOS_OK
                   : CAPOS_ERR_WRONG_INTERFACE;
    case METHOD_CLOBBER: /* another thread rewrites the entry while the kernel works on it */
        memset(entry(header()->sq_head), 0xff, sizeof(struct capos_sqe));
        return CAPOS_OK;
    default:
        return cap_call_fail(&call->call, CAPOS_EXCEPTION_UNIMPLEMENTED, "no such method");
    }
}

static uint32_t publish(struct object *held)
{
    uint32_t id;
    status_t status = captable_reserve(&world_process()->captable, &id);
    if (status < 0)
        object_put(held);
    UNIT_OK(status == CAPOS_OK);
    captable_publish(&world_process()->captable, id, (struct capability){held, held->type}, CAP_FROM_KERNEL);
    return id;
}

static void make_target(void)
{
    object = world_object(INTERFACE, dispatch);
    target = publish(&object->object);
}

static void setup(void)
{
    world_reset();
    memset(params, 0, sizeof(params));
    memset(results, 0, sizeof(results));
    world_add_user_memory(params, sizeof(params), false);
    world_add_user_memory(results, sizeof(results), true);
    waiting = NULL;
}

static struct capos_sqe *submit(struct capos_sqe sqe)
{
    struct capos_sqe *slot = entry(header()->sq_tail);
    *slot = sqe;
    header()->sq_tail++;
    return slot;
}

static struct capos_cqe take(void)
{
    assert_int_not_equal(header()->cq_tail, header()->cq_head);
    return world_thread()->ring.cq[header()->cq_head++ % CAPOS_RING_CQ_ENTRIES];
}

static struct capos_cqe run(struct capos_sqe sqe)
{
    submit(sqe);
    assert_true(ring_enter(world_thread()) >= 0);
    return take();
}

static struct capos_sqe call(uint16_t method_id, uint32_t len, uint32_t result_len)
{
    return (struct capos_sqe){
        .user_data = 42,
        .cap_id = target,
        .method_id = method_id,
        .opcode = CAPOS_OP_CALL,
        .addr = len == 0 ? 0 : (uintptr_t)params,
        .len = len,
        .result_addr = result_len == 0 ? 0 : (uintptr_t)results,
        .result_len = result_len,
    };
}

static void test_nop_and_empty_call(void)
{
    make_target();
    struct capos_cqe cqe = run((struct capos_sqe){.user_data = 9});
    assert_int_equal(cqe.user_data, 9);
    assert_int_equal(cqe.result, 0);
    cqe = run(call(METHOD_EMPTY, 0, 0));
    assert_int_equal(cqe.user_data, 42);
    assert_int_equal(cqe.result, 0);
    assert_int_equal(object->calls, 1);
}

static void test_parameters_and_results_travel(void)
{
    make_target();
    memset(params, 0x5a, 40);
    struct capos_cqe cqe = run(call(METHOD_ECHO, 40, sizeof(results)));
    assert_int_equal(cqe.result, 40);
    assert_int_equal(cqe.payload_len, 40);
    assert_memory_equal(results, params, 40);
    assert_int_equal(results[5], 0);
}

static void test_short_result_buffer_says_what_it_needs(void)
{
    make_target();
    struct capos_cqe cqe = run(call(METHOD_ECHO, 40, 32));
    assert_int_equal(cqe.result, CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(cqe.payload_len, 40);
}

static int32_t refused(struct capos_sqe sqe)
{
    int before = object->calls;
    struct capos_cqe cqe = run(sqe);
    assert_int_equal(object->calls, before);
    return cqe.result;
}

static void test_malformed_calls_are_refused(void)
{
    make_target();
    struct capos_sqe sqe = call(METHOD_ECHO, 8, 8);
    sqe.addr += 4;
    assert_int_equal(refused(sqe), CAPOS_ERR_UNALIGNED);
    sqe = call(METHOD_ECHO, 8, 8);
    sqe.result_addr += 1;
    assert_int_equal(refused(sqe), CAPOS_ERR_UNALIGNED);
    assert_int_equal(refused(call(METHOD_ECHO, CAPOS_MESSAGE_MAX_BYTES + 1, 8)), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(refused(call(METHOD_ECHO, UINT32_MAX, 8)), CAPOS_ERR_TOO_LARGE);
    sqe = call(METHOD_ECHO, 8, 8);
    sqe.flags = 0x80;
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_FLAGS);
    sqe.flags = CAPOS_SQE_PIPELINE; /* with a target of its own, and no dependency */
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_FLAGS);
    sqe = call(METHOD_ECHO, 8, 8);
    sqe.reserved = 1;
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_FLAGS);
    sqe = call(METHOD_ECHO, 8, 8);
    sqe.xfer_cap_count = CAPOS_CALL_CAPS_MAX + 1;
    assert_int_equal(refused(sqe), CAPOS_ERR_TOO_LARGE);
}

static void test_bad_buffers_are_refused(void)
{
    make_target();
    static const uint64_t bad[] = {0,
                                   8,
                                   UINT64_C(0xffffffff80000000),
                                   UINT64_C(0xffff800000000000),
                                   CAPOS_USER_MAX - 8,
                                   UINT64_MAX - 7,
                                   UINT64_C(0x0000800000000000)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct capos_sqe sqe = call(METHOD_ECHO, 16, 16);
        sqe.addr = bad[i];
        assert_int_equal(refused(sqe), CAPOS_ERR_BAD_ADDRESS);
        sqe = call(METHOD_ECHO, 16, 16);
        sqe.result_addr = bad[i];
        assert_int_equal(run(sqe).result, CAPOS_ERR_BAD_ADDRESS);
    }
    struct capos_sqe sqe = call(METHOD_ECHO, 16, 16);
    sqe.result_addr = (uintptr_t)params; /* readable, not writable */
    assert_int_equal(run(sqe).result, CAPOS_ERR_BAD_ADDRESS);
}

static void test_bad_ids_and_opcodes(void)
{
    make_target();
    struct capos_sqe sqe = call(METHOD_EMPTY, 0, 0);
    sqe.cap_id = 0;
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_CAP);
    sqe.cap_id = target + 1;
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_CAP);
    static const uint8_t parking[] = {CAPOS_OP_PARK, CAPOS_OP_UNPARK};
    for (size_t i = 0; i < sizeof(parking); i++)
        assert_int_equal(refused((struct capos_sqe){.opcode = parking[i]}), CAPOS_ERR_BAD_CAP);
    for (unsigned opcode = CAPOS_OP_CANCEL + 1; opcode <= UINT8_MAX; opcode++)
        assert_int_equal(refused((struct capos_sqe){.opcode = (uint8_t)opcode}), CAPOS_ERR_BAD_OPCODE);
    assert_int_equal(refused((struct capos_sqe){.opcode = CAPOS_OP_NOP, .len = 1}), CAPOS_ERR_BAD_FLAGS);
    assert_int_equal(refused((struct capos_sqe){.opcode = CAPOS_OP_RELEASE, .cap_id = target, .flags = 1}),
                     CAPOS_ERR_BAD_FLAGS);
}

static void test_release_makes_stale(void)
{
    make_target();
    struct capos_sqe release = {.opcode = CAPOS_OP_RELEASE, .cap_id = target};
    assert_int_equal(run(release).result, CAPOS_OK);
    assert_int_equal(run(release).result, CAPOS_ERR_STALE_CAP);
    assert_int_equal(run(call(METHOD_EMPTY, 0, 0)).result, CAPOS_ERR_STALE_CAP);
}

static void test_exception_arrives_or_is_named(void)
{
    make_target();
    struct capos_cqe cqe = run(call(METHOD_EXCEPTION, 0, sizeof(results)));
    assert_int_equal(cqe.result, CAPOS_ERR_EXCEPTION);
    assert_int_equal(cqe.detail, CAPOS_EXCEPTION_OVERLOADED);
    assert_non_null(memmem(results, cqe.payload_len, "no room", 8));
    cqe = run(call(METHOD_EXCEPTION, 0, 8));
    assert_int_equal(cqe.result, CAPOS_ERR_EXCEPTION_TRUNCATED);
    assert_int_equal(cqe.detail, CAPOS_EXCEPTION_OVERLOADED);
    assert_int_equal(run(call(999, 0, 8)).detail, CAPOS_EXCEPTION_UNIMPLEMENTED);
}

static void test_result_capability_arrives(void)
{
    make_target();
    struct capos_cqe cqe = run(call(METHOD_CAP, 0, sizeof(results)));
    UNIT_OK(cqe.result == 16);
    assert_int_equal(cqe.cap_count, 1);
    struct capos_xfer_result record;
    memcpy(&record, (char *)results + 16, sizeof(record));
    assert_int_equal(record.interface_id, INTERFACE);
    struct capability got;
    assert_int_equal(captable_get(&world_process()->captable, record.cap_id, &got), CAPOS_OK);
    object_put(got.object);
}

static void test_result_capability_is_taken_back(void)
{
    make_target();
    uint32_t used = world_process()->captable.used;
    uint32_t references = object->object.references;
    static const uint32_t too_small[] = {0, 8, 16, 31, 64};
    for (size_t i = 0; i < sizeof(too_small) / sizeof(too_small[0]); i++)
        assert_int_equal(run(call(METHOD_CAP, 0, too_small[i])).result, CAPOS_ERR_RESULT_TRUNCATED);
    struct capos_sqe sqe = call(METHOD_CAP, 0, 256);
    sqe.result_addr = (uintptr_t)params; /* not writable */
    assert_int_equal(run(sqe).result, CAPOS_ERR_BAD_ADDRESS);
    int32_t result = run(call(METHOD_CAP_THEN_FAIL, 0, sizeof(results))).result;
    UNIT_OK(result == CAPOS_ERR_NO_MEMORY);
    assert_int_equal(world_process()->captable.used, used);
    assert_int_equal(object->object.references, references);
}

static struct capos_sqe call_with_cap(uint16_t method_id, uint32_t id, uint32_t mode)
{
    struct capos_xfer_desc desc = {.cap_id = id, .mode = mode};
    memcpy(&params[2], &desc, sizeof(desc));
    struct capos_sqe sqe = call(method_id, 16, 64);
    sqe.xfer_cap_count = 1;
    return sqe;
}

static void test_capabilities_sent_along(void)
{
    make_target();
    uint32_t references = object->object.references;
    assert_int_equal(run(call_with_cap(METHOD_TAKE, target, CAPOS_XFER_COPY)).result, CAPOS_OK);
    assert_int_equal(object->object.references, references);
    assert_int_equal(refused(call_with_cap(METHOD_TAKE, 0, CAPOS_XFER_COPY)), CAPOS_ERR_BAD_CAP);
    assert_int_equal(refused(call_with_cap(METHOD_TAKE, target, 2)), CAPOS_ERR_BAD_FLAGS);
    struct capos_sqe sqe = call_with_cap(METHOD_TAKE, target, CAPOS_XFER_COPY);
    sqe.addr = (uintptr_t)params + sizeof(params) - 16; /* the descriptors lie behind readable memory */
    assert_int_equal(refused(sqe), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(object->object.references, references);
}

static void test_move_happens_only_on_success(void)
{
    make_target();
    object_get(&object->object);
    uint32_t second = publish(&object->object);
    struct capability got;
    assert_int_equal(run(call_with_cap(METHOD_EXCEPTION, second, CAPOS_XFER_MOVE)).result,
                     CAPOS_ERR_EXCEPTION);
    assert_int_equal(captable_get(&world_process()->captable, second, &got), CAPOS_OK);
    object_put(got.object);
    assert_int_equal(run(call_with_cap(METHOD_TAKE, second, CAPOS_XFER_MOVE)).result, CAPOS_OK);
    assert_int_equal(captable_get(&world_process()->captable, second, &got), CAPOS_ERR_STALE_CAP);
}

static void test_one_capability_moved_twice_is_refused(void)
{
    make_target();
    struct capos_xfer_desc desc[2] = {{target, CAPOS_XFER_MOVE}, {target, CAPOS_XFER_MOVE}};
    struct capos_sqe sqe = call_with_cap(METHOD_TAKE, target, CAPOS_XFER_MOVE);
    memcpy(&params[2], desc, sizeof(desc));
    sqe.xfer_cap_count = 2;
    assert_int_equal(refused(sqe), CAPOS_ERR_STALE_CAP);
    assert_int_equal(run(call(METHOD_EMPTY, 0, 0)).result, CAPOS_OK);
}

static void begin_wait(uint64_t user_data, uint64_t deadline_ns)
{
    struct capos_sqe sqe = call(METHOD_WAIT, 0, 0);
    sqe.user_data = user_data;
    sqe.deadline_ns = deadline_ns;
    waiting = NULL;
    submit(sqe);
    assert_true(ring_enter(world_thread()) >= 0);
    UNIT_OK(waiting != NULL);
}

static void test_operation_in_flight_completes_later(void)
{
    make_target();
    begin_wait(1, 0);
    assert_int_equal(header()->in_flight, 1);
    assert_int_equal(ring_available(world_thread()), 0);
    pending_complete(waiting, CAPOS_OK);
    struct capos_cqe cqe = take();
    assert_int_equal(cqe.user_data, 1);
    assert_int_equal(cqe.result, CAPOS_OK);
    assert_int_equal(header()->in_flight, 0);
}

static void test_completion_wakes_a_blocked_thread(void)
{
    make_target();
    begin_wait(1, 0);
    world_thread()->state = THREAD_BLOCKED;
    world_thread()->wait_min = 1;
    pending_complete(waiting, CAPOS_OK);
    assert_int_equal(world_ready_count(), 1);
    assert_int_equal(world_thread()->context.frame.rax, 1);
}

/* A result written over the ring's own indexes must not make its thread wait for ever. */
static void test_last_completion_wakes_whatever_the_ring_says(void)
{
    make_target();
    begin_wait(1, 0);
    world_thread()->state = THREAD_BLOCKED;
    world_thread()->wait_min = 1;
    header()->cq_head += 1000;
    pending_complete(waiting, CAPOS_OK);
    assert_int_equal(world_ready_count(), 1);
}

static void test_cancel(void)
{
    make_target();
    begin_wait(5, 0);
    struct capos_sqe cancel = {.opcode = CAPOS_OP_CANCEL, .addr = 6, .user_data = 100};
    assert_int_equal(run(cancel).result, CAPOS_ERR_NOT_FOUND);
    cancel.addr = 5;
    submit(cancel);
    assert_true(ring_enter(world_thread()) >= 0);
    struct capos_cqe canceled = take(), done = take();
    assert_int_equal(canceled.user_data, 5);
    assert_int_equal(canceled.result, CAPOS_ERR_CANCELED);
    assert_int_equal(done.user_data, 100);
    assert_int_equal(done.result, CAPOS_OK);
}

/* ---- Promise pipelining. */

static struct capos_sqe pipelined(uint64_t user_data, uint32_t back, uint16_t field)
{
    struct capos_sqe sqe = call(METHOD_EMPTY, 0, 0);
    sqe.user_data = user_data;
    sqe.cap_id = 0;
    sqe.flags = CAPOS_SQE_PIPELINE;
    sqe.pipeline_dep = back;
    sqe.pipeline_field = field;
    return sqe;
}

static void test_call_on_a_result_of_the_same_batch(void)
{
    make_target();
    submit(call(METHOD_CAP, 0, sizeof(results)));
    submit(pipelined(1, 1, 0));
    submit(pipelined(2, 2, 1));
    assert_true(ring_enter(world_thread()) >= 0);
    UNIT_OK(take().result >= 0);
    assert_int_equal(take().result, CAPOS_OK);
    assert_int_equal(take().result, CAPOS_ERR_BAD_CAP); /* it has one capability */
    assert_int_equal(object->calls, 2);
    assert_int_equal(run(pipelined(3, 9, 0)).result, CAPOS_ERR_BAD_CAP);
    assert_int_equal(run(pipelined(3, 0, 0)).result, CAPOS_ERR_BAD_FLAGS);
    assert_int_equal(run(pipelined(3, CAPOS_RING_SQ_ENTRIES, 0)).result, CAPOS_ERR_BAD_FLAGS);
}

static void test_failures_reach_what_depends_on_them(void)
{
    make_target();
    submit(call(METHOD_EXCEPTION, 0, sizeof(results)));
    submit(pipelined(1, 1, 0));
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(take().result, CAPOS_ERR_EXCEPTION);
    struct capos_cqe cqe = take();
    assert_int_equal(cqe.result, CAPOS_ERR_EXCEPTION_TRUNCATED); /* no room for its reason */
    assert_int_equal(cqe.detail, CAPOS_EXCEPTION_OVERLOADED);
}

/* A chain is held until the first call is answered, and goes on when the thread enters. */
static void test_what_depends_on_a_call_in_flight_is_held(void)
{
    make_target();
    begin_wait(70, 0);
    submit(pipelined(71, 1, 0));
    submit(pipelined(72, 1, 0));
    assert_true(ring_enter(world_thread()) >= 0);
    UNIT_OK(world_thread()->ring.in_flight == 3); /* the third is not the thread's own */
    assert_int_equal(ring_available(world_thread()), 0);
    pending_complete(waiting, CAPOS_ERR_TIMEOUT);
    assert_int_equal(take().user_data, 70);
    assert_int_equal(ring_available(world_thread()), 0);
    assert_true(ring_enter(world_thread()) >= 0);
    struct capos_cqe second = take(), third = take();
    assert_int_equal(second.user_data, 71);
    assert_int_equal(second.result, CAPOS_ERR_TIMEOUT);
    assert_int_equal(third.user_data, 72);
    assert_int_equal(third.result, CAPOS_ERR_TIMEOUT);
    assert_int_equal(world_thread()->ring.in_flight, 0);
    assert_int_equal(world_thread()->held_answered, 0);
}

static void test_a_held_call_can_be_cancelled(void)
{
    make_target();
    begin_wait(70, 0);
    submit(pipelined(71, 1, 0));
    assert_true(ring_enter(world_thread()) >= 0);
    UNIT_OK(world_thread()->ring.in_flight == 2);
    submit((struct capos_sqe){.opcode = CAPOS_OP_CANCEL, .addr = 71, .user_data = 100});
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(take().result, CAPOS_ERR_CANCELED);
    assert_int_equal(take().result, CAPOS_OK);
    pending_complete(waiting, CAPOS_OK);
    assert_int_equal(take().user_data, 70);
}

static void test_deadline(void)
{
    make_target();
    begin_wait(1, 1000);
    world_set_time(999);
    assert_int_equal(ring_available(world_thread()), 0);
    world_set_time(1000);
    assert_int_equal(take().result, CAPOS_ERR_TIMEOUT);
    begin_wait(2, 5000);
    pending_complete(waiting, CAPOS_OK);
    assert_int_equal(take().result, CAPOS_OK);
    world_set_time(6000);
    assert_int_equal(ring_available(world_thread()), 0);
}

/* A thread's first two operations in flight cost nothing; each further one is charged while it lasts. */
static void test_quota_of_calls_in_flight(void)
{
    struct pending *own[2];
    make_target();
    world_ledger()->limit[LEDGER_CALLS] = 1;
    uint64_t heap_before = world_ledger()->used[LEDGER_HEAP_BYTES];
    for (unsigned i = 0; i < 2; i++) {
        begin_wait(i, 0);
        own[i] = waiting;
        assert_int_equal(world_ledger()->used[LEDGER_CALLS], 0);
        assert_int_equal(world_ledger()->used[LEDGER_HEAP_BYTES], heap_before);
    }
    begin_wait(2, 0);
    struct pending *third = waiting;
    assert_int_equal(world_ledger()->used[LEDGER_CALLS], 1);
    assert_int_equal(run(call(METHOD_WAIT, 0, 0)).result, CAPOS_ERR_QUOTA);
    pending_complete(third, CAPOS_OK);
    assert_int_equal(world_ledger()->used[LEDGER_CALLS], 0);
    pending_complete(own[1], CAPOS_OK);
    begin_wait(3, 0);
    pending_complete(waiting, CAPOS_OK);
    pending_complete(own[0], CAPOS_OK);
    static const uint64_t order[] = {2, 1, 3, 0};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(take().user_data, order[i]);
}

static void test_completion_with_everything_in_it(void)
{
    const struct capos_cqe cqe = {
        .result = 16, .payload_len = 16, .cap_count = 2, .detail = 3, .call_id = 77};
    make_target();
    begin_wait(9, 0);
    pending_complete_cqe(waiting, &cqe);
    struct capos_cqe got = take();
    assert_int_equal(got.user_data, 9);
    assert_int_equal(got.result, 16);
    assert_int_equal(got.payload_len, 16);
    assert_int_equal(got.cap_count, 2);
    assert_int_equal(got.detail, 3);
    assert_int_equal(got.call_id, 77);
}

static void test_full_cq_leaves_submissions_alone(void)
{
    for (unsigned i = 0; i < CAPOS_RING_SQ_ENTRIES; i++)
        submit((struct capos_sqe){.user_data = i});
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(ring_available(world_thread()), CAPOS_RING_CQ_ENTRIES);
    submit((struct capos_sqe){.user_data = 99});
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(header()->sq_tail - header()->sq_head, 1);
    for (unsigned i = 0; i < CAPOS_RING_CQ_ENTRIES; i++)
        assert_int_equal(take().user_data, i);
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(take().user_data, 99);
}

static void test_operations_in_flight_keep_their_completion_slots(void)
{
    make_target();
    begin_wait(1, 0);
    for (unsigned i = 0; i < CAPOS_RING_SQ_ENTRIES; i++)
        submit((struct capos_sqe){.user_data = i});
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(ring_available(world_thread()), CAPOS_RING_CQ_ENTRIES - 1);
    pending_complete(waiting, CAPOS_OK);
    assert_int_equal(ring_available(world_thread()), CAPOS_RING_CQ_ENTRIES);
}

static void test_corrupt_indexes_are_reset(void)
{
    static const uint32_t lies[] = {CAPOS_RING_SQ_ENTRIES + 1, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        header()->sq_tail = header()->sq_head + lies[i];
        assert_int_equal(ring_enter(world_thread()), CAPOS_ERR_RING_CORRUPT);
        assert_int_equal(header()->sq_tail, header()->sq_head);
        header()->cq_head = header()->cq_tail - lies[i];
        assert_int_equal(ring_enter(world_thread()), CAPOS_ERR_RING_CORRUPT);
        assert_int_equal(header()->cq_head, header()->cq_tail);
        assert_int_equal(run((struct capos_sqe){.user_data = 3}).user_data, 3); /* it works again */
    }
    assert_int_equal(header()->corrupt_count, 2 * sizeof(lies) / sizeof(lies[0]));
}

static void test_kernel_indexes_in_the_page_are_not_believed(void)
{
    header()->sq_head = 12345;
    header()->cq_tail = 54321;
    submit((struct capos_sqe){.user_data = 1});
    assert_true(ring_enter(world_thread()) >= 0);
    assert_int_equal(header()->cq_tail, 1);
    assert_int_equal(header()->sq_head, 1);
}

static void test_changing_an_entry_while_it_runs_changes_nothing(void)
{
    make_target();
    struct capos_cqe cqe = run(call(METHOD_CLOBBER, 0, 0));
    assert_int_equal(cqe.result, CAPOS_OK);
    assert_int_equal(cqe.user_data, 42);
}

static void test_indexes_wrap(void)
{
    for (unsigned i = 0; i < 5 * CAPOS_RING_SQ_ENTRIES + 3; i++)
        assert_int_equal(run((struct capos_sqe){.user_data = i}).user_data, i);
}

/* The copy has what was completed and not taken, and what was queued; nothing in flight, and indexes of the
 * kernel's, whatever the page says. */
static void test_copy_of_a_ring(void)
{
    static _Alignas(CAPOS_PAGE_SIZE) unsigned char page[CAPOS_PAGE_SIZE];
    struct ring copy;
    make_target();
    submit((struct capos_sqe){.user_data = 5});
    assert_int_equal(ring_enter(world_thread()), 1);
    submit((struct capos_sqe){.user_data = 6});
    world_thread()->ring.in_flight = 3;
    header()->in_flight = 3;
    header()->sq_head = 999;
    header()->cq_tail = 888;
    ring_init(&copy, page);
    ring_copy(&copy, world_thread());
    world_thread()->ring.in_flight = 0;
    assert_int_equal(copy.page->sq_head, world_thread()->ring.sq_head);
    assert_int_equal(copy.page->cq_tail, world_thread()->ring.cq_tail);
    assert_int_equal(copy.page->in_flight, 0);
    assert_int_equal(copy.in_flight, 0);
    assert_int_equal(copy.cq[copy.page->cq_head % CAPOS_RING_CQ_ENTRIES].user_data, 5);
    assert_int_equal(copy.sq[copy.sq_head % CAPOS_RING_SQ_ENTRIES].user_data, 6);
    ring_post_locked(&copy, &(struct capos_cqe){.result = 1}, 7);
    assert_int_equal(copy.page->cq_tail, world_thread()->ring.cq_tail + 1);
    assert_int_equal(header()->cq_tail, 888);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_nop_and_empty_call),
        UNIT_TEST(test_parameters_and_results_travel),
        UNIT_TEST(test_short_result_buffer_says_what_it_needs),
        UNIT_TEST(test_malformed_calls_are_refused),
        UNIT_TEST(test_bad_buffers_are_refused),
        UNIT_TEST(test_bad_ids_and_opcodes),
        UNIT_TEST(test_release_makes_stale),
        UNIT_TEST(test_exception_arrives_or_is_named),
        UNIT_TEST(test_result_capability_arrives),
        UNIT_TEST(test_result_capability_is_taken_back),
        UNIT_TEST(test_capabilities_sent_along),
        UNIT_TEST(test_move_happens_only_on_success),
        UNIT_TEST(test_one_capability_moved_twice_is_refused),
        UNIT_TEST(test_operation_in_flight_completes_later),
        UNIT_TEST(test_completion_wakes_a_blocked_thread),
        UNIT_TEST(test_last_completion_wakes_whatever_the_ring_says),
        UNIT_TEST(test_cancel),
        UNIT_TEST(test_call_on_a_result_of_the_same_batch),
        UNIT_TEST(test_failures_reach_what_depends_on_them),
        UNIT_TEST(test_what_depends_on_a_call_in_flight_is_held),
        UNIT_TEST(test_a_held_call_can_be_cancelled),
        UNIT_TEST(test_deadline),
        UNIT_TEST(test_quota_of_calls_in_flight),
        UNIT_TEST(test_completion_with_everything_in_it),
        UNIT_TEST(test_full_cq_leaves_submissions_alone),
        UNIT_TEST(test_operations_in_flight_keep_their_completion_slots),
        UNIT_TEST(test_corrupt_indexes_are_reset),
        UNIT_TEST(test_kernel_indexes_in_the_page_are_not_believed),
        UNIT_TEST(test_changing_an_entry_while_it_runs_changes_nothing),
        UNIT_TEST(test_indexes_wrap),
        UNIT_TEST(test_copy_of_a_ring),
    };
    return UNIT_MAIN(tests, setup, world_check_empty);
}
