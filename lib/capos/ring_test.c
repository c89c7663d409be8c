/*
 * The ring client against a simulated kernel: it takes submissions only while completion slots are free,
 * answers some methods at once, keeps others until it is told or until the client blocks, and completes those
 * newest first.
 */
#include "internal.h"
#include "unit.h"
#include <capos/exception.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES = 8,
    HELD_MAX = 64,
    METHOD_ECHO = 1,
    METHOD_HOLD = 2,
    METHOD_FAIL = 3,
    METHOD_CAPS = 4,
    CAP = 77
};

static struct {
    _Alignas(64) struct capos_ring_header header;
    struct capos_sqe sq[ENTRIES];
    struct capos_cqe cq[ENTRIES];
} memory;

static struct {
    struct capos_sqe held[HELD_MAX];
    size_t held_count;
    struct capos_sqe last; /* the last CALL taken */
    unsigned entered;      /* system calls */
    unsigned released;     /* RELEASE operations */
    uint32_t released_id;
    int64_t refuse;      /* cap_enter's answer, when not 0 */
    bool never_complete; /* blocking completes nothing: a timeout */
} kernel;

static uint32_t unread(void)
{
    return memory.header.cq_tail - memory.header.cq_head;
}

static void complete(const struct capos_sqe *sqe, int32_t result, uint32_t payload_len, uint16_t cap_count)
{
    assert_true(unread() < ENTRIES);
    memory.cq[memory.header.cq_tail % ENTRIES] = (struct capos_cqe){
        .user_data = sqe->user_data, .result = result, .payload_len = payload_len, .cap_count = cap_count};
    memory.header.cq_tail++;
}

static void fail_call(const struct capos_sqe *sqe)
{
    struct cap_cap_exception exception = {.kind = CAP_CAP_EXCEPTION_KIND_OVERLOADED,
                                          .reason = capnp_text_of("too much of it")};
    int32_t bytes = cap_cap_exception_encode(&exception, (void *)(uintptr_t)sqe->result_addr, sqe->result_len,
                                             NULL, NULL);
    if (bytes >= 0) {
        complete(sqe, CAPOS_ERR_EXCEPTION, (uint32_t)bytes, 0);
        return;
    }
    complete(sqe, CAPOS_ERR_EXCEPTION_TRUNCATED, 0, 0);
    memory.cq[(memory.header.cq_tail - 1) % ENTRIES].detail = CAPOS_EXCEPTION_OVERLOADED;
}

/* Answers with the parameters, and with two capabilities if asked for. */
static void echo(const struct capos_sqe *sqe, bool with_caps)
{
    uint32_t payload = (sqe->len + 7) & ~7u, caps = with_caps ? 2 : 0;
    if (payload + caps * sizeof(struct capos_xfer_result) > sqe->result_len) {
        complete(sqe, CAPOS_ERR_RESULT_TRUNCATED, payload, 0);
        return;
    }
    uintptr_t results = sqe->result_addr;
    if (sqe->len != 0)
        memcpy((void *)results, (const void *)(uintptr_t)sqe->addr, sqe->len);
    struct capos_xfer_result *records = (struct capos_xfer_result *)(results + payload);
    for (uint32_t i = 0; i < caps; i++)
        records[i] = (struct capos_xfer_result){.cap_id = 100 + i, .interface_id = 1000 + i};
    complete(sqe, (int32_t)payload, payload, (uint16_t)caps);
}

static void cancel(const struct capos_sqe *sqe)
{
    for (size_t i = 0; i < kernel.held_count; i++) {
        if (kernel.held[i].user_data != sqe->addr)
            continue;
        complete(&kernel.held[i], CAPOS_ERR_CANCELED, 0, 0);
        kernel.held[i] = kernel.held[--kernel.held_count];
        complete(sqe, 0, 0, 0);
        return;
    }
    complete(sqe, CAPOS_ERR_NOT_FOUND, 0, 0);
}

static void run(const struct capos_sqe *sqe)
{
    assert_int_equal(sqe->flags, 0);
    assert_int_equal(sqe->reserved, 0);
    assert_int_equal(sqe->call_id, 0);
    assert_int_equal(sqe->addr % 8, 0 + (sqe->opcode == CAPOS_OP_CANCEL));
    assert_int_equal(sqe->result_addr % 8, 0);
    if (sqe->opcode == CAPOS_OP_RELEASE) {
        kernel.released++;
        kernel.released_id = sqe->cap_id;
        complete(sqe, 0, 0, 0);
        return;
    }
    if (sqe->opcode == CAPOS_OP_CANCEL) {
        cancel(sqe);
        return;
    }
    assert_int_equal(sqe->opcode, CAPOS_OP_CALL);
    kernel.last = *sqe;
    if (sqe->cap_id != CAP)
        complete(sqe, CAPOS_ERR_BAD_CAP, 0, 0);
    else if (sqe->method_id == METHOD_HOLD)
        kernel.held[kernel.held_count++] = *sqe;
    else if (sqe->method_id == METHOD_FAIL)
        fail_call(sqe);
    else
        echo(sqe, sqe->method_id == METHOD_CAPS);
}

static void take_submissions(void)
{
    while (memory.header.sq_head != memory.header.sq_tail && unread() + kernel.held_count < ENTRIES) {
        struct capos_sqe sqe = memory.sq[memory.header.sq_head % ENTRIES];
        memset(&memory.sq[memory.header.sq_head % ENTRIES], 0xee,
               sizeof sqe); /* the client may not read it again */
        memory.header.sq_head++;
        run(&sqe);
    }
}

int64_t capos_sys_cap_enter(uint32_t min_complete, uint64_t timeout_ns)
{
    kernel.entered++;
    if (kernel.refuse != 0)
        return kernel.refuse;
    assert_true(memory.header.sq_tail - memory.header.sq_head <= ENTRIES);
    take_submissions();
    while (unread() < min_complete) {
        if (kernel.never_complete) {
            assert_true(timeout_ns != CAPOS_TIMEOUT_NEVER);
            return unread();
        }
        assert_true(kernel.held_count > 0); /* else the client waits for what cannot come */
        struct capos_sqe newest = kernel.held[--kernel.held_count];
        echo(&newest, false);
    }
    return unread();
}

static void setup_at(uint32_t index)
{
    memset(&memory, 0, sizeof memory);
    memset(&kernel, 0, sizeof kernel);
    memory.header.magic = CAPOS_RING_MAGIC;
    memory.header.version = CAPOS_RING_VERSION;
    memory.header.header_bytes = sizeof memory.header;
    memory.header.sq_entries = memory.header.cq_entries = ENTRIES;
    memory.header.sq_offset = (uint32_t)((char *)memory.sq - (char *)&memory);
    memory.header.cq_offset = (uint32_t)((char *)memory.cq - (char *)&memory);
    memory.header.sq_head = memory.header.sq_tail = index;
    memory.header.cq_head = memory.header.cq_tail = index;
    assert_true(ring_attach(&memory.header));
}

static void setup(void)
{
    setup_at(UINT32_MAX - 10); /* the indexes wrap in the middle of every longer test */
}

static struct cap_message echo_message(const uint64_t *words, size_t count, uint64_t *results, size_t limit)
{
    return (struct cap_message){
        .params = words, .params_bytes = count * 8, .results = results, .results_limit = limit};
}

static void a_call_brings_its_answer(void)
{
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t words[3] = {i, i + 1, i + 2}, results[64] = {0};
        struct cap_message message = echo_message(words, 3, results, sizeof results);
        assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 24);
        assert_int_equal(message.results_bytes, 24);
        assert_memory_equal(results, words, 24);
        assert_int_equal(kernel.entered, i + 1);
    }
    assert_int_equal(unread(), 0);
}

static void a_small_buffer_gets_a_copy_or_a_refusal(void)
{
    uint64_t words[3] = {1, 2, 3}, results[3] = {0};
    struct cap_message message = echo_message(words, 3, results, sizeof results);
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 24);
    assert_memory_equal(results, words, 24);
    message.results_limit = 16;
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(message.results_bytes, 24);
    assert_int_equal(cap_invoke(CAP, METHOD_CAPS, &message), CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(kernel.released, 2); /* nobody would know of them */
    assert_int_equal(capos_cap_call(CAP, METHOD_ECHO, words, 24, results, 24), 24);
    assert_int_equal(capos_cap_call(CAP, METHOD_CAPS, words, 24, results, 24), 24);
    assert_int_equal(kernel.released, 4);
}

static void errors_and_exceptions(void)
{
    struct cap_message message = {0};
    assert_int_equal(cap_invoke(CAP + 1, METHOD_ECHO, &message), CAPOS_ERR_BAD_CAP);
    assert_string_equal(cap_why(CAPOS_ERR_BAD_CAP), "the process holds no such capability");
    assert_int_equal(cap_invoke(CAP, METHOD_FAIL, &message),
                     CAPOS_ERR_EXCEPTION); /* no buffer, and yet a reason */
    assert_int_equal(cap_exception_last()->kind, CAPOS_EXCEPTION_OVERLOADED);
    assert_string_equal(cap_exception_last()->reason, "too much of it");
    assert_string_equal(cap_why(CAPOS_ERR_EXCEPTION), "too much of it");
    assert_string_equal(capos_error_name(CAPOS_ERR_NO_CAPABILITY), "CAPOS_ERR_NO_CAPABILITY");
    assert_string_equal(capos_error_name(INT32_MIN), "unknown error");
    assert_string_equal(capos_error_name(5), "success");
}

static void empty_calls(void)
{
    static struct cap_pending pending;
    memset(&pending, 0, sizeof pending);
    assert_int_equal(cap_invoke_empty(CAP, METHOD_ECHO), 0);
    assert_int_equal(kernel.last.len, 0);
    assert_int_equal(cap_invoke_empty(CAP + 1, METHOD_ECHO), CAPOS_ERR_BAD_CAP);
    assert_int_equal(cap_invoke_empty(CAP, METHOD_FAIL), CAPOS_ERR_EXCEPTION);
    assert_string_equal(cap_exception_last()->reason, "too much of it");
    assert_int_equal(cap_invoke_start(CAP, METHOD_ECHO, &pending), 0); /* its completion comes first */
    assert_int_equal(cap_invoke_empty(CAP, METHOD_ECHO), 0);
    assert_true(pending.done);
    assert_int_equal(cap_invoke_empty(CAP, METHOD_HOLD), 0);
    assert_int_equal(unread(), 0);
}

static void capabilities_go_and_come(void)
{
    uint64_t words[2] = {1, 2}, results[64];
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX + 1] = {{5, CAPOS_XFER_COPY, 0}, {6, CAPOS_XFER_MOVE, 0}};
    struct cap_message message = echo_message(words, 2, results, sizeof results);
    message.params_bytes = 12; /* the descriptors are aligned behind it */
    message.caps = caps;
    message.cap_count = 2;
    assert_int_equal(cap_invoke(CAP, METHOD_CAPS, &message), 16);
    assert_int_equal(kernel.last.xfer_cap_count, 2);
    assert_int_equal(message.caps_in_count, 2);
    assert_int_equal(message.caps_in[1].id, 101);
    assert_int_equal(message.caps_in[1].interface_id, 1001);
    message.cap_count = CAPOS_CALL_CAPS_MAX + 1;
    assert_int_equal(cap_invoke(CAP, METHOD_CAPS, &message), CAPOS_ERR_TOO_LARGE);
    message.cap_count = 1;
    message.params_bytes = CAPOS_MESSAGE_MAX_BYTES + 8;
    assert_int_equal(cap_invoke(CAP, METHOD_CAPS, &message), CAPOS_ERR_TOO_LARGE);
}

static void start_hold(struct cap_pending *pending, uint64_t value)
{
    pending->request[0] = value;
    pending->message.params = pending->request;
    pending->message.params_bytes = 8;
    pending->message.cap_count = 0;
    assert_int_equal(cap_invoke_start(CAP, METHOD_HOLD, pending), 0);
}

static void many_calls_in_flight(void)
{
    enum { COUNT = 40 }; /* five times what the queues hold */
    struct cap_pending *pending = unit_malloc(COUNT * sizeof *pending);
    UNIT_OK(pending != NULL);
    memset(pending, 0, COUNT * sizeof *pending);
    for (uint64_t i = 0; i < COUNT; i++)
        start_hold(&pending[i], i);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(cap_pending_wait(&pending[i]), 8);
        assert_int_equal(pending[i].response[0], i);
    }
    assert_int_equal(ring_self.started, 0);
    unit_free(pending);
}

static void started_calls_leave_room_for_a_blocking_one(void)
{
    static struct cap_pending pending[ENTRIES - 1];
    struct cap_message message = {0};
    memset(pending, 0, sizeof pending);
    for (size_t i = 0; i < ENTRIES - 1; i++)
        start_hold(&pending[i], i);
    assert_int_equal(kernel.entered, 0); /* they are a batch */
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 0);
    assert_int_equal(kernel.entered, 1);
    assert_int_equal(kernel.held_count, ENTRIES - 1); /* none of them had to end for it */
    for (size_t i = 0; i < ENTRIES - 1; i++)
        assert_int_equal(cap_pending_wait(&pending[i]), 8);
}

static void polling_and_waiting_for_any(void)
{
    static struct cap_pending a, b;
    struct cap_pending *const both[] = {NULL, &a, &b};
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    start_hold(&a, 1);
    start_hold(&b, 2);
    assert_false(cap_pending_poll(&a));
    assert_int_equal(kernel.held_count, 2);
    assert_int_equal(cap_pending_wait_any(both, 3), 2); /* the newest first */
    assert_int_equal(b.response[0], 2);
    kernel.never_complete = true;
    assert_int_equal(cap_pending_wait_timeout(&a, 1000), CAPOS_ERR_TIMEOUT);
    kernel.never_complete = false;
    assert_int_equal(cap_pending_wait(&a), 8);
    assert_true(cap_pending_poll(&a));
    assert_int_equal(cap_pending_wait_any(both, 1), -1);
}

static void canceling(void)
{
    static struct cap_pending a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    start_hold(&a, 1); /* not even submitted yet */
    start_hold(&b, 2);
    assert_int_equal(cap_pending_cancel(&a), 0);
    assert_int_equal(a.result, CAPOS_ERR_CANCELED);
    assert_int_equal(cap_pending_wait(&b), 8);
    assert_int_equal(cap_pending_cancel(&b), CAPOS_ERR_NOT_FOUND);
    assert_int_equal(b.result, 8);
}

static void pendings_with_capabilities_and_exceptions(void)
{
    static struct cap_pending pending;
    static const struct cap_transfer caps[2] = {{5, 0, 0}, {6, 0, 0}};
    uint64_t words[1] = {9};
    memset(&pending, 0, sizeof pending);
    pending.message = (struct cap_message){.params = words, .params_bytes = 8, .caps = caps, .cap_count = 2};
    assert_int_equal(cap_invoke_start(CAP, METHOD_CAPS, &pending), 0);
    assert_int_equal(cap_pending_wait(&pending), 8);
    assert_int_equal(pending.message.caps_in_count, 2);
    assert_int_equal(kernel.last.xfer_cap_count, 2);
    pending.message.params_bytes = sizeof pending.request - 8; /* no room behind it for two descriptors */
    assert_int_equal(cap_invoke_start(CAP, METHOD_CAPS, &pending), CAPOS_ERR_TOO_LARGE);
    assert_true(pending.done);
    memset(&pending, 0, sizeof pending);
    assert_int_equal(cap_invoke_start(CAP, METHOD_FAIL, &pending), 0);
    assert_int_equal(cap_pending_wait(&pending), CAPOS_ERR_EXCEPTION);
    assert_string_equal(cap_exception_last()->reason, "too much of it");
    memset(&pending, 0, sizeof pending);
    pending.message.results = words;
    pending.message.results_limit = sizeof words;
    assert_int_equal(cap_invoke_start(CAP, METHOD_FAIL, &pending), 0);
    assert_int_equal(cap_pending_wait(&pending), CAPOS_ERR_EXCEPTION_TRUNCATED);
    assert_int_equal(cap_exception_last()->kind, CAPOS_EXCEPTION_OVERLOADED);
    assert_string_equal(cap_why(CAPOS_ERR_EXCEPTION_TRUNCATED), "overloaded");
}

static void deadlines_travel(void)
{
    struct cap_message message = {0};
    assert_int_equal(cap_invoke_until(CAP, METHOD_ECHO, &message, 12345), 0);
    assert_int_equal(kernel.last.deadline_ns, 12345);
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 0);
    assert_int_equal(kernel.last.deadline_ns, 0);
}

static void releasing(void)
{
    const cap_any handle = {31, 0};
    assert_int_equal(cap_release(handle), 0);
    assert_int_equal(kernel.released_id, 31);
}

static void a_broken_ring_is_an_error(void)
{
    static struct cap_pending pending;
    struct cap_message message = {0};
    memset(&pending, 0, sizeof pending);
    kernel.refuse = CAPOS_ERR_RING_CORRUPT;
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), CAPOS_ERR_RING_CORRUPT);
    assert_int_equal(cap_submit(), CAPOS_ERR_RING_CORRUPT);
    assert_int_equal(cap_invoke_empty(CAP, METHOD_ECHO), CAPOS_ERR_RING_CORRUPT);
    for (int i = 0; i < 3 * ENTRIES && !pending.done; i++) {
        memset(&pending, 0, sizeof pending);
        (void)cap_invoke_start(CAP, METHOD_ECHO, &pending);
    }
    assert_int_equal(pending.result, CAPOS_ERR_RING_CORRUPT);
    struct capos_ring_header wrong = {.magic = 1};
    assert_false(ring_attach(NULL));
    assert_false(ring_attach(&wrong));
}

static void the_ring_by_hand_in_between(void)
{
    struct cap_message message = {0};
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 0);
    memory.sq[memory.header.sq_tail % ENTRIES] =
        (struct capos_sqe){.user_data = 3, .opcode = CAPOS_OP_CALL, .cap_id = CAP, .method_id = METHOD_ECHO};
    memory.header.sq_tail++;
    assert_int_equal(capos_sys_cap_enter(1, CAPOS_TIMEOUT_NEVER), 1);
    assert_int_equal(memory.cq[memory.header.cq_head % ENTRIES].user_data, 3);
    memory.header.cq_head++;
    assert_int_equal(cap_invoke(CAP, METHOD_ECHO, &message), 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(a_call_brings_its_answer),
        UNIT_TEST(a_small_buffer_gets_a_copy_or_a_refusal),
        UNIT_TEST(errors_and_exceptions),
        UNIT_TEST(empty_calls),
        UNIT_TEST(capabilities_go_and_come),
        UNIT_TEST(many_calls_in_flight),
        UNIT_TEST(started_calls_leave_room_for_a_blocking_one),
        UNIT_TEST(polling_and_waiting_for_any),
        UNIT_TEST(canceling),
        UNIT_TEST(pendings_with_capabilities_and_exceptions),
        UNIT_TEST(deadlines_travel),
        UNIT_TEST(releasing),
        UNIT_TEST(a_broken_ring_is_an_error),
        UNIT_TEST(the_ring_by_hand_in_between),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
