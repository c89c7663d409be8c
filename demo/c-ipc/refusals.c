/*
 * What the kernel refuses. Caller and server are one thread here, which drives its ring by hand: so that
 * every state of a call can be looked at.
 */
#include "refusals.h"
#include "check.h"
#include "raw_ring.h"
#include <capos/console.h>
#include <capos/ipc.h>
#include <capos/timer.h>
#include <string.h>

enum {
    QUEUE_MAX = 2,
    INTERFACE = 0x1234,
    TAG = 77,
    METHOD = 3,
    /* user_data */
    CALL = 1,
    OTHER_CALL,
    RECEIVE,
    RETURN,
    CANCEL,
};

#define KERNEL_ADDRESS UINT64_C(0xffffffff80000000)

static cap_endpoint endpoint;
static uint32_t facet;
static _Alignas(8) unsigned char inbox[16384];
static _Alignas(8) unsigned char answer_box[512];
static _Alignas(8) unsigned char params[256] = "parameters";
static const struct capos_ipc_header *const header = (const void *)inbox;

static uint64_t address_of(const void *memory)
{
    return (uintptr_t)memory;
}

static struct capos_sqe call_entry(uint64_t user_data)
{
    return (struct capos_sqe){
        .user_data = user_data,
        .opcode = CAPOS_OP_CALL,
        .cap_id = facet,
        .method_id = METHOD,
        .addr = address_of(params),
        .len = 16,
        .result_addr = address_of(answer_box),
        .result_len = sizeof answer_box,
    };
}

static struct capos_sqe receive_entry(void)
{
    return (struct capos_sqe){
        .user_data = RECEIVE,
        .opcode = CAPOS_OP_RECV,
        .cap_id = endpoint.id,
        .result_addr = address_of(inbox),
        .result_len = sizeof inbox,
    };
}

static struct capos_sqe return_entry(uint32_t call_id)
{
    return (struct capos_sqe){
        .user_data = RETURN,
        .opcode = CAPOS_OP_RETURN,
        .cap_id = endpoint.id,
        .call_id = call_id,
        .addr = address_of(params),
        .len = 16,
    };
}

static void start_call(uint64_t user_data)
{
    const struct capos_sqe call = call_entry(user_data);
    raw_queue(&call);
    raw_submit();
}

static struct capos_cqe receive(void)
{
    const struct capos_sqe entry = receive_entry();
    return raw_run(&entry);
}

static int32_t answer(uint32_t call_id)
{
    const struct capos_sqe entry = return_entry(call_id);
    return raw_run(&entry).result;
}

static int32_t result_of(uint64_t user_data)
{
    return raw_wait(user_data).result;
}

static bool is_exception(uint64_t user_data, enum capos_exception_kind kind)
{
    struct capos_cqe cqe = raw_wait(user_data);
    return cqe.result == CAPOS_ERR_EXCEPTION && cqe.detail == kind;
}

static void check_a_call(void)
{
    start_call(CALL);
    struct capos_cqe cqe = receive();
    demo_check(cqe.result == (int32_t)sizeof *header + 16 && header->tag == TAG &&
                   header->method_id == METHOD && header->params_len == 16 &&
                   strcmp((const char *)(header + 1), "parameters") == 0,
               "a call arrives with its tag, method and parameters");
    demo_check(header->caller_ref != 0 && header->call_id == cqe.call_id,
               "and says who calls, and which call it is");
    demo_expect(CAPOS_OK, answer(cqe.call_id), "RETURN");
    demo_check(result_of(CALL) == 16 && strcmp((const char *)answer_box, "parameters") == 0,
               "the answer arrives");
    demo_expect(CAPOS_ERR_NOT_FOUND, answer(cqe.call_id), "RETURN of the same call once more");
    demo_expect(CAPOS_ERR_NOT_FOUND, answer(cqe.call_id + 1000), "RETURN of a call that never was");
}

static void check_queue(void)
{
    start_call(CALL);
    start_call(OTHER_CALL);
    start_call(CANCEL);
    demo_check(is_exception(CANCEL, CAPOS_EXCEPTION_OVERLOADED),
               "a third call into a queue of two: overloaded");
    (void)answer(receive().call_id);
    (void)answer(receive().call_id);
    demo_check(result_of(CALL) == 16 && result_of(OTHER_CALL) == 16, "the two before it are answered");
}

static void check_ends(void)
{
    const struct capos_sqe cancel = {.user_data = CANCEL, .opcode = CAPOS_OP_CANCEL, .addr = CALL};
    start_call(CALL);
    demo_expect(CAPOS_OK, raw_run(&cancel).result, "CANCEL of a queued call");
    demo_expect(CAPOS_ERR_CANCELED, result_of(CALL), "it ends");
    start_call(CALL);
    uint32_t call_id = receive().call_id;
    demo_expect(CAPOS_OK, raw_run(&cancel).result, "CANCEL of a call that the server has");
    demo_expect(CAPOS_ERR_CANCELED, result_of(CALL), "it ends");
    demo_expect(CAPOS_ERR_NOT_FOUND, answer(call_id), "RETURN for a caller that is gone");
    struct capos_sqe late = call_entry(CALL);
    late.deadline_ns = 1;
    raw_queue(&late);
    demo_expect(CAPOS_ERR_TIMEOUT, result_of(CALL), "a deadline that has passed");
}

static void check_exception(void)
{
    start_call(CALL);
    struct capos_sqe entry = return_entry(receive().call_id);
    entry.flags = CAPOS_SQE_EXCEPTION;
    entry.method_id = CAPOS_EXCEPTION_INVALID_ARGUMENT + 1;
    demo_expect(CAPOS_ERR_BAD_FLAGS, raw_run(&entry).result, "an exception of an unknown kind");
    entry.method_id = CAPOS_EXCEPTION_INVALID_ARGUMENT;
    demo_expect(CAPOS_OK, raw_run(&entry).result, "an exception");
    demo_check(is_exception(CALL, CAPOS_EXCEPTION_INVALID_ARGUMENT), "reaches the caller");
}

static void check_wrong_things(void)
{
    struct capos_sqe entry = receive_entry();
    entry.cap_id = facet;
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, raw_run(&entry).result, "RECV with a client facet");
    entry.cap_id = demo_console.id;
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, raw_run(&entry).result, "RECV with something else");
    entry = return_entry(1);
    entry.cap_id = facet;
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, raw_run(&entry).result, "RETURN with a client facet");
    entry = call_entry(CALL);
    entry.len = CAPOS_MESSAGE_MAX_BYTES + 8;
    demo_expect(CAPOS_ERR_TOO_LARGE, raw_run(&entry).result, "an oversize message");
    entry = receive_entry();
    entry.result_len = sizeof(struct capos_ipc_header) - 1;
    demo_expect(CAPOS_ERR_RESULT_TRUNCATED, raw_run(&entry).result, "RECV without room for a header");
}

static void check_small_buffers(void)
{
    struct capos_sqe entry = receive_entry();
    start_call(CALL);
    entry.result_len = sizeof(struct capos_ipc_header) + 8;
    struct capos_cqe cqe = raw_run(&entry);
    demo_check(cqe.result == CAPOS_ERR_RESULT_TRUNCATED &&
                   cqe.payload_len == sizeof(struct capos_ipc_header) + 16,
               "RECV with too small a buffer is told how much it takes");
    (void)answer(receive().call_id);
    demo_check(result_of(CALL) == 16, "and the call waits for the next");
    entry = call_entry(CALL);
    entry.result_len = 8;
    raw_queue(&entry);
    raw_submit();
    demo_expect(CAPOS_ERR_NOT_FOUND, answer(receive().call_id), "RETURN to a caller without room");
    demo_expect(CAPOS_ERR_RESULT_TRUNCATED, result_of(CALL), "who learns it");
}

static void check_hostile_buffers(void)
{
    struct capos_sqe entry = call_entry(CALL);
    struct capos_sqe waiting = receive_entry();
    raw_queue(&waiting);
    raw_submit();
    entry.addr = KERNEL_ADDRESS;
    demo_expect(CAPOS_ERR_BAD_ADDRESS, raw_run(&entry).result, "parameters in the kernel");
    start_call(CALL);
    demo_check(raw_wait(RECEIVE).result > 0, "the receiver went on waiting, and gets the next call");
    struct capos_sqe reply = return_entry(header->call_id);
    reply.addr = KERNEL_ADDRESS;
    demo_expect(CAPOS_ERR_BAD_ADDRESS, raw_run(&reply).result, "an answer in the kernel");
    demo_expect(CAPOS_OK, answer(header->call_id), "the call is still there to be answered");
    demo_check(result_of(CALL) == 16, "and is");
    entry = call_entry(CALL);
    entry.result_addr = KERNEL_ADDRESS;
    raw_queue(&entry);
    raw_submit();
    demo_expect(CAPOS_ERR_NOT_FOUND, answer(receive().call_id),
                "RETURN to a caller whose buffer is in the kernel");
    demo_expect(CAPOS_ERR_BAD_ADDRESS, result_of(CALL), "who learns it");
    start_call(CALL);
    waiting.result_addr = KERNEL_ADDRESS;
    demo_expect(CAPOS_ERR_BAD_ADDRESS, raw_run(&waiting).result, "RECV into the kernel");
    demo_expect(CAPOS_OK, answer(receive().call_id), "the call was not lost");
    demo_check(result_of(CALL) == 16, "and is answered");
}

static void check_death(void)
{
    const struct capos_sqe release = {.user_data = CANCEL, .opcode = CAPOS_OP_RELEASE, .cap_id = endpoint.id};
    start_call(CALL);
    (void)receive();
    start_call(OTHER_CALL);
    demo_expect(CAPOS_OK, raw_run(&release).result, "the last server facet is released");
    demo_check(is_exception(CALL, CAPOS_EXCEPTION_DISCONNECTED), "the call that it had: disconnected");
    demo_check(is_exception(OTHER_CALL, CAPOS_EXCEPTION_DISCONNECTED), "the one in the queue: disconnected");
    start_call(CALL);
    demo_check(is_exception(CALL, CAPOS_EXCEPTION_DISCONNECTED), "a later one: disconnected");
    demo_expect(CAPOS_ERR_STALE_CAP, receive().result, "RECV with the released capability");
    demo_expect(CAPOS_OK, cap_release_id(facet), "the facet is released");
}

int check_refusals(cap_ipc_factory factory)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    demo_begin("c-ipc"); /* check.h is this file's own */
    demo_expect_exception(
        CAPOS_EXCEPTION_INVALID_ARGUMENT,
        cap_ipc_factory_create_endpoint(factory, INTERFACE, CAPOS_ENDPOINT_QUEUE_MAX + 1, &made),
        "an endpoint with too long a queue");
    demo_expect(CAPOS_OK, cap_ipc_factory_create_endpoint(factory, INTERFACE, QUEUE_MAX, &made),
                "an endpoint with a queue of two");
    endpoint = made.endpoint;
    demo_expect(CAPOS_OK, cap_endpoint_mint(endpoint, TAG, 0, &minted), "Endpoint.mint");
    facet = minted.client.id;
    check_a_call();
    check_queue();
    check_ends();
    check_exception();
    check_wrong_things();
    check_small_buffers();
    check_hostile_buffers();
    check_death();
    return demo_failures;
}
