/*
 * Capabilities on their way between processes: copied, moved, refused; all of a message's or none. The other
 * side is this program again, with a table of few slots: it takes capabilities (Endpoint.tagOf's interface
 * does for that), keeps them, gives the first one back, or answers with a facet that the answer makes.
 */
#include "child.h"
#include "raw_ring.h"
#include <capos/endpoint.h>
#include <capos/ipc.h>
#include <string.h>

enum {
    KEEPER_SLOTS = 6,
    METHOD_KEEP = 0, /* keeps what comes */
    METHOD_ECHO = 1, /* answers with what came, moved */
    METHOD_STOP = 2,
    METHOD_DIE = 3,   /* ends over the call */
    METHOD_FORGE = 4, /* tries to answer with a capability that it does not have, then with a refusal */
    METHOD_MINT = 5,  /* answers with a facet that did not exist before */
    METHOD_TAG = 6,   /* answers with the tag of the facet that was called */
    METHOD_COUNT = 7, /* answers with how many times it heard that a made facet is gone */
    KEEPER_EXIT = 5,
    MINTED_TAG = 4711,
    MINTED_INTERFACE = 77,
    /* user_data */
    CALL = 1,
    RECEIVE,
    RETURN,
};

static _Alignas(8) unsigned char inbox[1024];
static _Alignas(8) unsigned char outbox[256];
static _Alignas(8) unsigned char answer_box[256];

static uint64_t address_of(const void *memory)
{
    return (uintptr_t)memory;
}

/* ---- The keeper. */

static uint32_t put_descriptors(const struct capos_ipc_header *header, uint32_t mode)
{
    const struct capos_xfer_result *came =
        (const void *)(inbox + sizeof *header + (header->params_len + 7) / 8 * 8);
    struct capos_xfer_desc *sent = (void *)outbox;
    for (uint32_t i = 0; i < header->cap_count; i++)
        sent[i] = (struct capos_xfer_desc){came[i].cap_id, mode};
    return header->cap_count;
}

static uint64_t dropped_count;

/* Whether what cannot be made is refused as it should be, the call being there all the time. */
static bool keeper_mints_badly(const struct capos_sqe *reply)
{
    static const struct {
        uint32_t cap_id, mode;
        int32_t refused;
    } tries[] = {
        {0x12345678, CAPOS_XFER_MINT, CAPOS_ERR_BAD_CAP},
        {0, 3, CAPOS_ERR_BAD_FLAGS},
        {1, CAPOS_XFER_MINT, CAPOS_ERR_WRONG_INTERFACE}, /* the console's */
    };
    struct capos_xfer_desc *descriptor = (void *)outbox;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        *descriptor = (struct capos_xfer_desc){tries[i].cap_id, tries[i].mode};
        if (descriptor->cap_id == 0)
            descriptor->cap_id = reply->cap_id;
        if (descriptor->cap_id == 1)
            descriptor->cap_id = demo_console.id;
        if (raw_run(reply).result != tries[i].refused)
            return false;
    }
    struct capos_sqe elsewhere = *reply;
    elsewhere.addr = 0x1000; /* nothing is there */
    return raw_run(&elsewhere).result == CAPOS_ERR_BAD_ADDRESS;
}

static void keeper_mint(struct capos_sqe *reply)
{
    struct capos_xfer_desc *descriptor = (void *)outbox;
    reply->xfer_cap_count = 1;
    if (!keeper_mints_badly(reply)) {
        reply->flags = CAPOS_SQE_EXCEPTION;
        reply->xfer_cap_count = 0;
        return;
    }
    *descriptor = (struct capos_xfer_desc){reply->cap_id, CAPOS_XFER_MINT};
    *(struct capos_xfer_mint *)(void *)(descriptor + 1) =
        (struct capos_xfer_mint){MINTED_TAG, MINTED_INTERFACE};
}

static void keeper_answer(uint32_t endpoint, const struct capos_ipc_header *header)
{
    struct capos_sqe reply = {
        .user_data = RETURN,
        .opcode = CAPOS_OP_RETURN,
        .cap_id = endpoint,
        .call_id = header->call_id,
        .addr = address_of(outbox),
    };
    if (header->method_id == METHOD_ECHO)
        reply.xfer_cap_count = (uint16_t)put_descriptors(header, CAPOS_XFER_MOVE);
    if (header->method_id == METHOD_FORGE) {
        *(struct capos_xfer_desc *)(void *)outbox = (struct capos_xfer_desc){0x12345678, CAPOS_XFER_COPY};
        reply.xfer_cap_count = 1;
        if (raw_run(&reply).result == CAPOS_ERR_BAD_CAP)
            reply.flags = CAPOS_SQE_EXCEPTION; /* the call is still there */
        reply.xfer_cap_count = 0;
    }
    if (header->method_id == METHOD_MINT)
        keeper_mint(&reply);
    if (header->method_id == METHOD_TAG || header->method_id == METHOD_COUNT) {
        *(uint64_t *)(void *)outbox = header->method_id == METHOD_TAG ? header->tag : dropped_count;
        reply.len = sizeof(uint64_t);
    }
    (void)raw_run(&reply);
}

/* Whether there is something to answer; *goes_on: the first facet is still held. */
static bool keeper_heard(const struct capos_ipc_header *header, bool *goes_on)
{
    bool alone = (header->flags & CAPOS_IPC_DROPPED) != 0;
    uint64_t dropped = alone ? header->tag : header->dropped_tag;
    if (header->flags != 0 && dropped == MINTED_TAG)
        dropped_count++;
    *goes_on = !alone || dropped == MINTED_TAG;
    return !alone;
}

static int keep(void)
{
    const uint32_t endpoint = capos_need_endpoint("endpoint").id;
    const struct capos_ipc_header *header = (const void *)inbox;
    const struct capos_sqe receive = {
        .user_data = RECEIVE,
        .opcode = CAPOS_OP_RECV,
        .cap_id = endpoint,
        .result_addr = address_of(inbox),
        .result_len = sizeof inbox,
    };
    bool goes_on = true;
    demo_console = capos_need_console("console"); /* to have something that is no endpoint */
    while (goes_on && raw_run(&receive).result > 0) {
        if (!keeper_heard(header, &goes_on))
            continue;
        if (header->method_id == METHOD_DIE)
            return KEEPER_EXIT;
        keeper_answer(endpoint, header);
        if (header->method_id == METHOD_STOP)
            return 0;
    }
    return 0;
}

/* ---- This side. */

static uint32_t keeper_facet;

/* A call with capabilities of these ids and modes; the completion. */
static struct capos_cqe send(uint16_t method_id, const struct capos_xfer_desc *descriptors, uint16_t count)
{
    memcpy(outbox, descriptors, count * sizeof *descriptors);
    const struct capos_sqe call = {
        .user_data = CALL,
        .opcode = CAPOS_OP_CALL,
        .cap_id = keeper_facet,
        .method_id = method_id,
        .addr = address_of(outbox),
        .result_addr = address_of(answer_box),
        .result_len = sizeof answer_box,
        .xfer_cap_count = count,
    };
    return raw_run(&call);
}

static int32_t send_one(uint16_t method_id, uint32_t cap_id, uint32_t mode)
{
    const struct capos_xfer_desc descriptor = {cap_id, mode};
    return send(method_id, &descriptor, 1).result;
}

/* A capability of this process' own to play with: a fresh endpoint. */
static uint32_t make_cap(void)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    (void)cap_ipc_factory_create_endpoint(capos_need_ipc_factory("ipc"), 0, 0, &made);
    return made.endpoint.id;
}

static bool is_there(uint32_t cap_id)
{
    struct cap_endpoint_info_results info;
    return cap_endpoint_info((cap_endpoint){.id = cap_id}, &info) >= 0;
}

static void check_copy_and_move(void)
{
    uint32_t cap = make_cap();
    demo_expect(CAPOS_OK, send_one(METHOD_KEEP, cap, CAPOS_XFER_COPY), "a capability is copied");
    demo_check(is_there(cap), "it is still here");
    demo_expect(CAPOS_OK, send_one(METHOD_KEEP, cap, CAPOS_XFER_MOVE), "it is moved");
    demo_check(!is_there(cap), "it is not here any more");
    demo_expect(CAPOS_ERR_STALE_CAP, send_one(METHOD_KEEP, cap, CAPOS_XFER_MOVE), "moving it once more");
    demo_expect(CAPOS_ERR_STALE_CAP, send_one(METHOD_KEEP, cap, CAPOS_XFER_COPY), "copying it");
}

static void check_both_ways(void)
{
    const struct capos_xfer_result *back = (const void *)answer_box;
    const struct capos_xfer_desc sent = {make_cap(), CAPOS_XFER_MOVE};
    struct capos_cqe cqe = send(METHOD_ECHO, &sent, 1);
    demo_check(cqe.result == 0 && cqe.cap_count == 1,
               "a capability moves there and comes back with the answer");
    demo_check(back->interface_id == CAP_ENDPOINT_INTERFACE_ID && back->cap_id != sent.cap_id &&
                   is_there(back->cap_id),
               "under a new id, and works");
    demo_expect(CAPOS_OK, cap_release_id(back->cap_id), "it is released");
}

static void check_refused(cap_process_handle handle)
{
    uint32_t cap = make_cap();
    const struct capos_xfer_desc twice[] = {{cap, CAPOS_XFER_MOVE}, {cap, CAPOS_XFER_MOVE}};
    const struct capos_xfer_desc with_bad[] = {{cap, CAPOS_XFER_MOVE}, {0x7654321, CAPOS_XFER_COPY}};
    const struct capos_xfer_desc with_home[] = {{cap, CAPOS_XFER_MOVE}, {handle.id, CAPOS_XFER_COPY}};
    demo_expect(CAPOS_ERR_BAD_CAP, send_one(METHOD_KEEP, 0x7654321, CAPOS_XFER_COPY),
                "an id that was never valid");
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE, send_one(METHOD_KEEP, handle.id, CAPOS_XFER_COPY),
                "a ProcessHandle, which stays home");
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE, send_one(METHOD_KEEP, handle.id, CAPOS_XFER_MOVE),
                "and does not move");
    demo_expect(CAPOS_ERR_BAD_FLAGS, send_one(METHOD_KEEP, cap, 3), "a mode that does not exist");
    demo_expect(CAPOS_ERR_BAD_FLAGS, send_one(METHOD_KEEP, cap, CAPOS_XFER_MINT),
                "a call that makes a facet");
    demo_expect(CAPOS_ERR_STALE_CAP, send(METHOD_KEEP, twice, 2).result,
                "one capability moved twice in a message");
    demo_check(is_there(cap), "it has not moved");
    demo_expect(CAPOS_ERR_BAD_CAP, send(METHOD_KEEP, with_bad, 2).result, "a good one with a bad one");
    demo_check(is_there(cap), "the good one has not moved");
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE, send(METHOD_KEEP, with_home, 2).result,
                "a good one with one that stays home");
    demo_check(is_there(cap), "the good one has not moved");
    demo_expect(CAPOS_OK, cap_release_id(cap), "it is released");
}

/* The keeper holds its console, its endpoint and two that it was given: two slots are left of six. */
static void check_full_table(void)
{
    const struct capos_xfer_desc three[] = {
        {make_cap(), CAPOS_XFER_MOVE}, {make_cap(), CAPOS_XFER_MOVE}, {make_cap(), CAPOS_XFER_MOVE}};
    struct capos_cqe cqe = send(METHOD_KEEP, three, 3);
    demo_check(cqe.result == CAPOS_ERR_EXCEPTION && cqe.detail == CAPOS_EXCEPTION_OVERLOADED,
               "three capabilities to one who has two slots left: overloaded");
    demo_check(is_there(three[0].cap_id) && is_there(three[1].cap_id) && is_there(three[2].cap_id),
               "all three are still here");
    demo_expect(CAPOS_OK, send(METHOD_KEEP, three, 2).result, "two of them fit: so no slot was lost");
    demo_check(!is_there(three[0].cap_id) && !is_there(three[1].cap_id), "and have moved");
    demo_expect(CAPOS_OK, cap_release_id(three[2].cap_id), "the third is released");
}

static void check_failing_answers(void)
{
    struct capos_cqe cqe = send(METHOD_FORGE, NULL, 0);
    demo_check(cqe.result == CAPOS_ERR_EXCEPTION,
               "an answer with a capability that the server does not have is refused to it");
}

/* A call without capabilities on the facet, after what else is queued; the number that it answers. */
static uint64_t ask(uint32_t facet, uint16_t method_id)
{
    const struct capos_sqe call = {
        .user_data = CALL,
        .opcode = CAPOS_OP_CALL,
        .cap_id = facet,
        .method_id = method_id,
        .result_addr = address_of(answer_box),
        .result_len = sizeof answer_box,
    };
    return raw_run(&call).result == sizeof(uint64_t) ? *(const uint64_t *)(const void *)answer_box
                                                     : UINT64_MAX;
}

/* The keeper's table is full by now. */
static uint32_t ask_for_facet(void)
{
    const struct capos_xfer_result *made = (const void *)answer_box;
    struct capos_cqe cqe = send(METHOD_MINT, NULL, 0);
    return cqe.result == 0 && cqe.cap_count == 1 && made->interface_id == MINTED_INTERFACE ? made->cap_id : 0;
}

static void check_minting(void)
{
    const struct capos_sqe short_call = {
        .user_data = CALL,
        .opcode = CAPOS_OP_CALL,
        .cap_id = keeper_facet,
        .method_id = METHOD_MINT,
        .result_addr = address_of(answer_box),
        .result_len = 8,
    };
    uint32_t facet = ask_for_facet();
    demo_check(facet != 0, "an answer makes a facet, for which its server needs no slot");
    demo_check(ask(facet, METHOD_TAG) == MINTED_TAG, "it can be called, and has the tag that was asked for");
    demo_expect(CAPOS_OK, cap_release_id(facet), "it is released");
    demo_check(ask(keeper_facet, METHOD_COUNT) == 1, "the server has heard of it");
    facet = ask_for_facet();
    raw_queue(&(const struct capos_sqe){
        .user_data = RETURN, .opcode = CAPOS_OP_RELEASE, .flags = CAPOS_SQE_QUIET, .cap_id = facet});
    demo_check(ask(keeper_facet, METHOD_COUNT) == 2,
               "released and another called in one go: heard of before the call");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_release_id(facet), "released once more");
    demo_expect(CAPOS_ERR_RESULT_TRUNCATED, raw_run(&short_call).result,
                "an answer that makes a facet, for which there is no room");
    demo_check(ask(keeper_facet, METHOD_COUNT) == 2, "there never was one");
}

static void check_death(void)
{
    struct capos_xfer_desc moved = {make_cap(), CAPOS_XFER_COPY};
    struct capos_cqe cqe = send(METHOD_DIE, NULL, 0);
    demo_check(cqe.result == CAPOS_ERR_EXCEPTION && cqe.detail == CAPOS_EXCEPTION_DISCONNECTED,
               "the keeper dies over a call: disconnected");
    moved.mode = CAPOS_XFER_MOVE;
    cqe = send(METHOD_KEEP, &moved, 1);
    demo_check(cqe.result == CAPOS_ERR_EXCEPTION && cqe.detail == CAPOS_EXCEPTION_DISCONNECTED,
               "a capability moved to the dead: disconnected");
    demo_check(is_there(moved.cap_id), "it is still here");
    demo_expect(CAPOS_OK, cap_release_id(moved.cap_id), "it is released");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return keep();
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    struct cap_endpoint_tag_of_results tag = {0};
    cap_process_handle keeper;
    demo_begin("c-transfer");
    (void)cap_ipc_factory_create_endpoint(capos_need_ipc_factory("ipc"), 0, 0, &made);
    (void)cap_endpoint_mint(made.endpoint, 9, 0, &minted);
    demo_expect(CAPOS_OK, cap_endpoint_tag_of(made.endpoint, minted.client, &tag),
                "Endpoint.tagOf of a facet");
    demo_check(tag.mine && tag.tag == 9, "knows it");
    demo_expect(CAPOS_OK, cap_endpoint_tag_of(made.endpoint, cap_console_as_any(demo_console), &tag),
                "of a Console");
    demo_check(!tag.mine, "does not");
    keeper_facet = minted.client.id;
    const cap_any moved = {.id = made.endpoint.id, .mode = CAPOS_XFER_MOVE};
    demo_expect(CAPOS_OK, demo_spawn("c-transfer", "keeper", "endpoint", moved, KEEPER_SLOTS, &keeper),
                "a keeper is spawned");
    check_both_ways();
    check_copy_and_move();
    check_refused(keeper);
    check_full_table();
    check_failing_answers();
    check_minting();
    check_death();
    demo_check(demo_wait_exit(keeper) == KEEPER_EXIT, "it has exited, and what it kept with it");
    return demo_end();
}
