/*
 * Calls between processes: random operations of clients and servers against what must hold. Every call is
 * answered exactly once, with its own answer or with an error that it may get; what a server receives is what
 * was sent; and a capability that is moved about is in exactly one table whenever nothing is on its way.
 */
#include "core/ipc_fast.h"
#include "core/lock.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "object/endpoint.h"
#include "object/revocation.h"
#include "world.h"
#include <capos/endpoint.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVERS = 2,
    CLIENTS = 3,
    ACTORS = SERVERS + CLIENTS,
    SLOTS = 2, /* a thread's own records: more would come from the heap */
    TOKENS = 3,
    HELD_MAX = 8,
    STEPS = 60000,
    QUEUE_MAX = 3,
    TAG = 99,
    ANSWER_BYTES = 16,
    /* user_data; a call's is its value */
    RECEIVE = 1,
    RETURN,
    CANCEL,
    FIRST_VALUE = 100,
    /* Tags of facets that answers make. */
    MINT_TAG = 1000,
    MINTS_MAX = STEPS,
};

struct call {
    uint64_t value; /* 0: none is outstanding */
    bool delivered;
    bool small;     /* no room for the answer */
    uint32_t token; /* moved with it; 0: none */
    bool no_slots;  /* for what the answer brings */
    bool minted;    /* the answer makes a facet, the last of `mints` */
};

struct delivered {
    uint32_t call_id;
    uint64_t value;
};

struct actor {
    struct process process;
    struct thread thread;
    _Alignas(4096) uint8_t ring_page[4096];
    _Alignas(8) uint8_t memory[SLOTS + 2][512]; /* calls' parameters, a server's inbox and answer */
    _Alignas(8) uint8_t results[SLOTS][64];
    uint32_t endpoint; /* the server or client facet */
    uint32_t tokens[HELD_MAX];
    size_t token_count;
    struct call calls[SLOTS];
    bool receiving;
    struct delivered delivered[CLIENTS * SLOTS * 4];
    size_t delivered_count;
    uint32_t answering; /* the call that the last RETURN was for */
    int32_t returned;
};

static struct actor actors[ACTORS];
/* What became of each facet that an answer was to make. */
static enum { NEVER_MINTED, MINTED, MINTED_AND_DROPPED } mints[MINTS_MAX];
static size_t mint_count, mints_dropped;
static uint64_t last_value;
static uint64_t now_ns;
static struct ipc_endpoint *endpoint;

static bool is_server(const struct actor *actor)
{
    return actor < actors + SERVERS;
}

static uint32_t give(struct actor *to, struct capability capability)
{
    uint32_t id;
    status_t status = captable_reserve(&to->process.captable, &id);
    if (status < 0)
        object_put(capability.object);
    UNIT_OK(status == CAPOS_OK);
    captable_publish(&to->process.captable, id, capability, CAP_FROM_KERNEL);
    return id;
}

static bool holds(struct actor *actor, uint32_t id)
{
    struct capability capability;
    if (captable_get(&actor->process.captable, id, &capability) != CAPOS_OK)
        return false;
    object_put(capability.object);
    return true;
}

static void make_actor(struct actor *actor, uint64_t id)
{
    memset(actor, 0, sizeof(*actor));
    actor->process.object = world_process()->object;
    actor->process.id = id;
    actor->process.ledger = world_ledger();
    actor->process.aspace = world_aspace();
    actor->process.thread_count = 1 + (id == 2); /* one takes the way of processes with threads */
    actor->process.sharers = actor->process.thread_count;
    captable_init(&actor->process.captable, world_ledger());
    actor->thread.process = &actor->process;
    actor->thread.state = THREAD_RUNNING;
    spinlock_init(&actor->thread.lock, LOCK_PENDING);
    pending_init_thread(&actor->thread);
    ipc_fast_forget(&actor->thread.fast);
    ring_init(&actor->thread.ring, actor->ring_page);
}

static void setup(void)
{
    world_reset();
    world_let_switch(true);
    spinlock_several_cpus = true;
    memset(actors, 0, sizeof(actors));
    for (size_t i = 0; i < ACTORS; i++)
        make_actor(&actors[i], i + 1);
    world_add_user_memory(actors, sizeof(actors), true);
    last_value = FIRST_VALUE;
    mint_count = mints_dropped = 0;
    now_ns = 1;
    srand(7);
}

static void teardown(void)
{
    for (size_t i = 0; i < ACTORS; i++) {
        world_set_current(&actors[i].thread);
        pending_discard_all(&actors[i].thread);
        captable_fini(&actors[i].process.captable);
    }
    world_check_empty();
}

static void make_world(void)
{
    struct ipc_facet *facet;
    UNIT_OK(endpoint_create(world_ledger(), 1, QUEUE_MAX, &endpoint) == CAPOS_OK);
    const struct capability server = {&endpoint->server, &endpoint_type};
    actors[0].endpoint = give(&actors[0], server);
    for (size_t i = 1; i < SERVERS; i++) {
        object_get(server.object);
        actors[i].endpoint = give(&actors[i], server);
    }
    for (size_t i = SERVERS; i < ACTORS; i++) {
        UNIT_OK(endpoint_mint(endpoint, TAG + i, 0, &facet) == CAPOS_OK);
        actors[i].endpoint = give(&actors[i], (struct capability){&facet->object, &facet->type});
    }
    for (size_t i = 0; i < TOKENS; i++) {
        struct world_object *token = world_object(7, NULL);
        struct actor *owner = &actors[SERVERS + i % CLIENTS];
        owner->tokens[owner->token_count++] = give(owner, (struct capability){&token->object, &token->type});
    }
}

/* ---- Completions. */

static struct call *find_call(uint64_t value, struct actor **caller)
{
    for (struct actor *actor = actors + SERVERS; actor < actors + ACTORS; actor++) {
        for (size_t i = 0; i < SLOTS; i++) {
            *caller = actor;
            if (actor->calls[i].value == value)
                return &actor->calls[i];
        }
    }
    return NULL;
}

static void take_token(struct actor *actor, uint32_t id)
{
    assert_true(holds(actor, id));
    assert_true(actor->token_count < HELD_MAX);
    actor->tokens[actor->token_count++] = id;
}

static void give_minted_up(struct actor *actor, const struct capos_xfer_result *record)
{
    assert_int_equal(record->interface_id, 8);
    mints[mint_count - 1] = MINTED;
    assert_int_equal(captable_release(&actor->process.captable, record->cap_id), CAPOS_OK);
}

/* Nobody hears of a facet that never was, or twice of one. */
static void check_dropped(uint64_t tag)
{
    if (tag < MINT_TAG)
        return;
    assert_true(tag - MINT_TAG < mint_count);
    assert_int_equal(mints[tag - MINT_TAG], MINTED);
    mints[tag - MINT_TAG] = MINTED_AND_DROPPED;
    mints_dropped++;
}

static void call_completed(struct actor *actor, const struct capos_cqe *cqe)
{
    struct actor *caller;
    struct call *call = find_call(cqe->user_data, &caller);
    assert_non_null(call); /* once and not twice */
    assert_ptr_equal(caller, actor);
    const uint8_t *results = actor->results[call - actor->calls];
    switch (cqe->result) {
    case ANSWER_BYTES:
        assert_true(call->delivered && !call->small);
        assert_int_equal(*(const uint64_t *)(const void *)results, call->value + 1);
        if (cqe->cap_count != 0 && call->minted)
            give_minted_up(actor, (const void *)(results + ANSWER_BYTES));
        else if (cqe->cap_count != 0)
            take_token(actor,
                       ((const struct capos_xfer_result *)(const void *)(results + ANSWER_BYTES))->cap_id);
        break;
    case CAPOS_ERR_RESULT_TRUNCATED:
        assert_true(call->delivered && call->small);
        break;
    case CAPOS_ERR_EXCEPTION:
        assert_true(cqe->detail == CAPOS_EXCEPTION_OVERLOADED || cqe->detail == CAPOS_EXCEPTION_DISCONNECTED);
        break;
    case CAPOS_ERR_EXCEPTION_TRUNCATED:
        assert_true(call->small);
        break;
    case CAPOS_ERR_NO_SLOTS:
        assert_true(call->no_slots);
        break;
    default:
        assert_true(cqe->result == CAPOS_ERR_CANCELED || cqe->result == CAPOS_ERR_TIMEOUT);
    }
    if (call->token != 0) {
        assert_true(holds(actor, call->token) ==
                    !call->delivered); /* it went with the delivery, or not at all */
        if (!call->delivered)
            take_token(actor, call->token);
    }
    call->value = 0;
}

static void receive_completed(struct actor *actor, const struct capos_cqe *cqe)
{
    const struct capos_ipc_header *header = (const void *)actor->memory[SLOTS];
    struct actor *caller;
    actor->receiving = false;
    if (cqe->result == CAPOS_ERR_RESULT_TRUNCATED || cqe->result == CAPOS_ERR_BAD_ADDRESS ||
        cqe->result == CAPOS_ERR_STALE_CAP || cqe->result == CAPOS_ERR_CANCELED)
        return;
    assert_true(cqe->result > 0);
    if ((header->flags & CAPOS_IPC_ALSO_DROPPED) != 0)
        check_dropped(header->dropped_tag);
    if ((header->flags & CAPOS_IPC_DROPPED) != 0) {
        check_dropped(header->tag);
        return;
    }
    uint64_t value = *(const uint64_t *)(const void *)(header + 1);
    struct call *call = find_call(value, &caller);
    assert_non_null(call);
    assert_false(call->delivered);
    assert_int_equal(header->tag, TAG + (size_t)(caller - actors));
    assert_int_equal(header->cap_count, call->token != 0);
    call->delivered = true;
    if (header->cap_count != 0)
        take_token(
            actor,
            ((const struct capos_xfer_result *)(const void *)((const uint8_t *)(header + 1) + 8))->cap_id);
    actor->delivered[actor->delivered_count++] = (struct delivered){header->call_id, value};
}

/* One that was to go on as a receive: there is none. */
static void return_failed(struct actor *actor, const struct capos_cqe *cqe)
{
    assert_int_equal(cqe->call_id, actor->answering);
    actor->receiving = false;
    actor->returned = cqe->result;
}

static void reap(struct actor *actor)
{
    struct ring *ring = &actor->thread.ring;
    while (ring->page->cq_head != ring->page->cq_tail) {
        struct capos_cqe cqe = ring->cq[ring->page->cq_head++ % CAPOS_RING_CQ_ENTRIES];
        if (cqe.user_data >= FIRST_VALUE)
            call_completed(actor, &cqe);
        else if (cqe.user_data == RECEIVE && cqe.result < 0 && cqe.call_id != 0)
            return_failed(actor, &cqe);
        else if (cqe.user_data == RECEIVE)
            receive_completed(actor, &cqe);
        else if (cqe.user_data == RETURN)
            actor->returned = cqe.result;
    }
}

/* Servers first: a call may be delivered and ended in one step. */
static void reap_all(void)
{
    for (size_t i = 0; i < ACTORS; i++)
        reap(&actors[i]);
}

static void run(struct actor *actor, const struct capos_sqe *sqe)
{
    struct ring *ring = &actor->thread.ring;
    world_set_current(&actor->thread);
    ring->sq[ring->page->sq_tail++ % CAPOS_RING_SQ_ENTRIES] = *sqe;
    assert_true(ring_enter(&actor->thread) >= 0);
    reap_all();
}

/* ---- What they do. */

static void do_call(struct actor *actor)
{
    size_t slot = (size_t)rand() % SLOTS;
    struct call *call = &actor->calls[slot];
    uint8_t *params = actor->memory[slot];
    if (call->value != 0)
        return;
    *call = (struct call){.value = ++last_value, .small = rand() % 8 == 0};
    *(uint64_t *)(void *)params = call->value;
    if (actor->token_count != 0 && rand() % 2 == 0) {
        call->token = actor->tokens[--actor->token_count];
        *(struct capos_xfer_desc *)(void *)(params + 8) =
            (struct capos_xfer_desc){call->token, CAPOS_XFER_MOVE};
    }
    run(actor, &(struct capos_sqe){
                   .user_data = call->value,
                   .opcode = CAPOS_OP_CALL,
                   .cap_id = actor->endpoint,
                   .addr = (uintptr_t)params,
                   .len = 8,
                   .xfer_cap_count = call->token != 0,
                   .result_addr = (uintptr_t)actor->results[slot],
                   .result_len = call->small ? 8 : sizeof(actor->results[slot]),
                   .deadline_ns = rand() % 4 == 0 ? now_ns + 1 + (uint64_t)rand() % 8 : 0,
               });
}

static void do_cancel(struct actor *actor)
{
    uint64_t user_data = is_server(actor) ? RECEIVE : actor->calls[rand() % SLOTS].value;
    run(actor, &(struct capos_sqe){.user_data = CANCEL, .opcode = CAPOS_OP_CANCEL, .addr = user_data});
}

static bool may_receive(const struct actor *actor)
{
    return !actor->receiving && actor->delivered_count < array_count(actor->delivered);
}

static void describe_receive(struct actor *actor, struct capos_sqe *sqe)
{
    actor->receiving = true;
    sqe->user_data = RECEIVE;
    sqe->result_addr = rand() % 16 == 0 ? 0x1000 : (uintptr_t)actor->memory[SLOTS];
    sqe->result_len = rand() % 16 == 0 ? sizeof(struct capos_ipc_header) : sizeof(actor->memory[SLOTS]);
}

static void do_receive(struct actor *actor)
{
    struct capos_sqe sqe = {.opcode = CAPOS_OP_RECV, .cap_id = actor->endpoint};
    if (!may_receive(actor))
        return;
    describe_receive(actor, &sqe);
    run(actor, &sqe);
}

static void describe_mint(const struct actor *actor, void *descriptors)
{
    struct capos_xfer_desc *descriptor = descriptors;
    *descriptor = (struct capos_xfer_desc){actor->endpoint, CAPOS_XFER_MINT};
    *(struct capos_xfer_mint *)(void *)(descriptor + 1) = (struct capos_xfer_mint){MINT_TAG + mint_count, 8};
    mints[mint_count++] = NEVER_MINTED;
}

/* Answers, with a token if it has one, or with a facet that the answer makes; and may go on as a receive. */
static void do_return(struct actor *actor)
{
    uint8_t *answer = actor->memory[SLOTS + 1];
    struct actor *caller;
    if (actor->delivered_count == 0)
        return;
    size_t pick = (size_t)rand() % actor->delivered_count;
    const struct delivered served = actor->delivered[pick];
    struct call *call = find_call(served.value, &caller);
    bool expected = call != NULL && !call->small;
    uint32_t token = actor->token_count != 0 ? actor->tokens[--actor->token_count] : 0;
    *(uint64_t *)(void *)answer = served.value + 1;
    *(struct capos_xfer_desc *)(void *)(answer + ANSWER_BYTES) =
        (struct capos_xfer_desc){token, CAPOS_XFER_MOVE};
    bool mint = token == 0 && mint_count < MINTS_MAX && rand() % 2 == 0;
    if (mint)
        describe_mint(actor, answer + ANSWER_BYTES);
    if (call != NULL)
        call->minted = mint;
    struct capos_sqe sqe = {
        .user_data = RETURN,
        .opcode = CAPOS_OP_RETURN,
        .cap_id = actor->endpoint,
        .call_id = served.call_id,
        .addr = (uintptr_t)answer,
        .len = ANSWER_BYTES,
        .xfer_cap_count = token != 0 || mint,
    };
    actor->answering = served.call_id;
    actor->returned = CAPOS_OK;
    if (may_receive(actor) && rand() % 2 == 0) {
        sqe.flags = CAPOS_SQE_RECEIVE;
        describe_receive(actor, &sqe);
    }
    run(actor, &sqe);
    if (mint && unit_alloc_failed() && actor->returned == CAPOS_ERR_NO_MEMORY)
        return; /* it is still there to be answered */
    assert_int_equal(actor->returned, expected ? CAPOS_OK : CAPOS_ERR_NOT_FOUND);
    if (token != 0) {
        assert_true(holds(actor, token) == !expected);
        if (!expected)
            take_token(actor, token);
    }
    actor->delivered[pick] = actor->delivered[--actor->delivered_count];
}

static void step(void)
{
    struct actor *server = &actors[rand() % SERVERS];
    struct actor *client = &actors[SERVERS + rand() % CLIENTS];
    switch (rand() % 16) {
    case 0:
        do_cancel(rand() % 4 == 0 ? server : client);
        break;
    case 1:
        world_set_time(++now_ns);
        reap_all();
        break;
    case 2:
        assert_true(endpoint->queued <= QUEUE_MAX);
        assert_true(list_is_empty(&endpoint->queue) || list_is_empty(&endpoint->receivers));
        break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
        do_call(client);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        do_receive(server);
        break;
    default:
        do_return(server);
    }
}

static size_t tokens_held(void)
{
    size_t count = 0;
    for (size_t i = 0; i < ACTORS; i++) {
        for (size_t k = 0; k < actors[i].token_count; k++)
            assert_true(holds(&actors[i], actors[i].tokens[k]));
        count += actors[i].token_count;
    }
    return count;
}

static void give_up(struct actor *server)
{
    run(server,
        &(struct capos_sqe){.user_data = CANCEL, .opcode = CAPOS_OP_RELEASE, .cap_id = server->endpoint});
    server->delivered_count = 0;
}

static void test_random_operations(void)
{
    make_world();
    for (int i = 0; i < STEPS; i++)
        step();
    for (size_t i = 0; i < SERVERS; i++)
        give_up(&actors[i]);
    for (size_t i = SERVERS; i < ACTORS; i++) {
        for (size_t k = 0; k < SLOTS; k++)
            assert_int_equal(actors[i].calls[k].value, 0);
    }
    assert_int_equal(tokens_held(), TOKENS);
    assert_true(mints_dropped > STEPS / 100);
}

/* One of two holders of the server facet gives it up: its calls end, the other's do not. */
static void test_one_of_two_holders_leaves(void)
{
    make_world();
    struct actor *first = &actors[0], *second = &actors[1];
    while (first->delivered_count == 0) {
        do_receive(first);
        do_call(&actors[SERVERS]);
    }
    while (second->delivered_count == 0) {
        do_receive(second);
        do_call(&actors[SERVERS + 1]);
    }
    uint64_t stays = second->delivered[0].value;
    uint64_t ends = first->delivered[0].value;
    struct actor *caller;
    give_up(first);
    assert_null(find_call(ends, &caller));
    const struct call *call = find_call(stays, &caller);
    assert_true(call != NULL && call->delivered);
}

/* A caller that dies leaves nothing behind, wherever its call is; what it moved is gone or still its own. */
static void test_callers_die(void)
{
    make_world();
    struct actor *queued = &actors[SERVERS], *delivered = &actors[SERVERS + 1];
    while (delivered->calls[0].value == 0 && delivered->calls[1].value == 0)
        do_call(delivered);
    while (actors[0].delivered_count == 0)
        do_receive(&actors[0]);
    while (queued->calls[0].value == 0 && queued->calls[1].value == 0)
        do_call(queued);
    assert_int_equal(endpoint->queued, 1);
    assert_int_equal(endpoint->delivered, 1);
    pending_discard_all(&queued->thread);
    pending_discard_all(&delivered->thread);
    assert_int_equal(endpoint->queued, 0);
    assert_int_equal(endpoint->delivered, 0);
    for (size_t i = 0; i < SLOTS; i++) {
        if (queued->calls[i].token != 0)
            assert_true(holds(queued, queued->calls[i].token));
        queued->calls[i].value = 0;
        delivered->calls[i].value = 0;
    }
    do_return(&actors[0]); /* NOT_FOUND, as nobody waits */
}

/* ---- What another CPU does in the middle. actors[1]'s process has two threads. */

static void make_two_servers_and_a_delivered_call(void)
{
    make_world();
    do_receive(&actors[1]);
    while (actors[1].delivered_count == 0) {
        do_receive(&actors[1]);
        do_call(&actors[SERVERS]);
    }
}

static bool sibling_releases_the_endpoint(void)
{
    UNIT_OK(captable_release(&actors[1].process.captable, actors[1].endpoint) == CAPOS_OK);
    return true;
}

static void test_endpoint_released_while_a_receive_begins(void)
{
    make_world();
    world_on_release(LOCK_CAPTABLE, sibling_releases_the_endpoint); /* the facet was looked up just now */
    do_receive(&actors[1]);
    assert_false(actors[1].receiving);
    assert_int_equal(endpoint->receiving, 0);
}

static void test_endpoint_released_while_an_answer_fails(void)
{
    make_two_servers_and_a_delivered_call();
    struct actor *server = &actors[1], *caller;
    const struct delivered served = server->delivered[--server->delivered_count];
    world_on_release(LOCK_OBJECT, sibling_releases_the_endpoint); /* the call was claimed just now */
    run(server, &(struct capos_sqe){
                    .user_data = RETURN,
                    .opcode = CAPOS_OP_RETURN,
                    .cap_id = server->endpoint,
                    .call_id = served.call_id,
                    .addr = 0x1000,
                    .len = ANSWER_BYTES,
                });
    assert_int_equal(server->returned, CAPOS_ERR_BAD_ADDRESS);
    assert_null(find_call(served.value, &caller)); /* answered */
    assert_int_equal(endpoint->delivered, 0);
}

/* A capability whose end takes long: deadlines fire in its middle, as at a preemption point. */
static void destroy_slowly(struct object *object)
{
    now_ns += 1000;
    world_set_time(now_ns);
    free(container_of(object, struct world_object, object));
}

static uint32_t give_slow_token(struct actor *actor)
{
    struct world_object *token = world_object(8, NULL);
    token->type.destroy = destroy_slowly;
    return give(actor, (struct capability){&token->object, &token->type});
}

static void call_with_slow_token(struct actor *actor, uint32_t mode)
{
    uint8_t *params = actor->memory[0];
    uint32_t token = give_slow_token(actor);
    actor->calls[0] = (struct call){.value = ++last_value, .small = true}; /* for a long exception */
    *(uint64_t *)(void *)params = last_value;
    *(struct capos_xfer_desc *)(void *)(params + 8) = (struct capos_xfer_desc){token, mode};
    run(actor, &(struct capos_sqe){
                   .user_data = last_value,
                   .opcode = CAPOS_OP_CALL,
                   .cap_id = actor->endpoint,
                   .addr = (uintptr_t)params,
                   .len = 8,
                   .xfer_cap_count = 1,
                   .result_addr = (uintptr_t)actor->results[0],
                   .result_len = sizeof(actor->results[0]),
                   .deadline_ns = now_ns + 500,
               });
    if (mode == CAPOS_XFER_COPY)
        UNIT_OK(captable_release(&actor->process.captable, token) == CAPOS_OK);
}

static bool sibling_leaves_no_room_and_the_endpoint(void)
{
    struct ledger *ledger = world_ledger();
    if (endpoint->receiving != 0) /* the receive is not claimed yet */
        return false;
    sibling_releases_the_endpoint();
    ledger->limit[LEDGER_CAP_SLOTS] = ledger->used[LEDGER_CAP_SLOTS];
    return true;
}

static void test_endpoint_released_while_a_delivery_fails(void)
{
    make_world();
    struct actor *client = &actors[SERVERS];
    do_receive(&actors[1]);
    while (!actors[1].receiving)
        do_receive(&actors[1]);
    world_on_release(LOCK_OBJECT, sibling_leaves_no_room_and_the_endpoint);
    call_with_slow_token(client, CAPOS_XFER_MOVE);
    world_ledger()->limit[LEDGER_CAP_SLOTS] = UINT64_MAX / 2;
    assert_false(actors[1].receiving);
    assert_int_equal(endpoint->receiving, 0);
}

/* The endpoint ends; the queued call has the last reference to what it brought. */
static void test_last_reference_goes_with_a_refused_call(void)
{
    make_world();
    call_with_slow_token(&actors[SERVERS], CAPOS_XFER_COPY);
    give_up(&actors[0]);
    give_up(&actors[1]);
    assert_int_equal(actors[SERVERS].calls[0].value, 0);
}

/* The receiver's sibling, who has guessed the id, drops what was moved before the delivery is over. */
static bool sibling_drops_the_token(void)
{
    uint32_t id, cursor = 0;
    struct cap_slot slot;
    while (captable_next(&actors[0].process.captable, cursor, &id, &slot, &cursor)) {
        if (slot.capability.type->destroy == destroy_slowly)
            return captable_release(&actors[0].process.captable, id) == CAPOS_OK;
    }
    return false;
}

static void test_last_reference_goes_with_a_delivery(void)
{
    make_world();
    actors[0].receiving = true;
    run(&actors[0], &(struct capos_sqe){
                        .user_data = FIRST_VALUE - 1, /* nobody looks at what it brings */
                        .opcode = CAPOS_OP_RECV,
                        .cap_id = actors[0].endpoint,
                        .result_addr = (uintptr_t)actors[0].memory[SLOTS],
                        .result_len = sizeof(actors[0].memory[SLOTS]),
                        .deadline_ns = now_ns + 500,
                    });
    world_on_release(LOCK_CAPTABLE, sibling_drops_the_token);
    call_with_slow_token(&actors[SERVERS], CAPOS_XFER_MOVE);
    assert_int_equal(actors[SERVERS].calls[0].value, 0); /* by its deadline, once the delivery was over */
}

/* ---- The fast way. */

enum { FAST_SERVER = 0, FAST_CLIENT = SERVERS, INBOX_BYTES = 256, FAST_ROUNDS = 100 };

static struct actor *fast_server(void)
{
    return &actors[FAST_SERVER];
}

static struct actor *fast_client(void)
{
    return &actors[FAST_CLIENT];
}

static struct sqe_words words_of_entry(struct capos_sqe sqe)
{
    struct sqe_words words;
    memcpy(&words, &sqe, sizeof(words));
    return words;
}

static struct sqe_words receive_entry(void)
{
    struct actor *server = fast_server();
    return words_of_entry((struct capos_sqe){.user_data = RECEIVE,
                                             .opcode = CAPOS_OP_RECV,
                                             .cap_id = server->endpoint,
                                             .result_addr = (uintptr_t)server->memory[SLOTS],
                                             .result_len = INBOX_BYTES});
}

static struct sqe_words call_entry(uint64_t value)
{
    struct actor *client = fast_client();
    *(uint64_t *)(void *)client->memory[0] = value;
    client->calls[0] = (struct call){.value = value};
    return words_of_entry((struct capos_sqe){.user_data = value,
                                             .opcode = CAPOS_OP_CALL,
                                             .cap_id = client->endpoint,
                                             .method_id = 7,
                                             .addr = (uintptr_t)client->memory[0],
                                             .len = 8,
                                             .result_addr = (uintptr_t)client->results[0],
                                             .result_len = sizeof(client->results[0])});
}

/* A RETURN that goes on as a RECV. */
static struct sqe_words return_entry(uint32_t call_id, uint64_t value)
{
    struct actor *server = fast_server();
    uint64_t *answer = (uint64_t *)(void *)server->memory[SLOTS + 1];
    answer[0] = value + 1;
    answer[1] = 0;
    return words_of_entry((struct capos_sqe){.user_data = RECEIVE,
                                             .opcode = CAPOS_OP_RETURN,
                                             .flags = CAPOS_SQE_RECEIVE,
                                             .cap_id = server->endpoint,
                                             .call_id = call_id,
                                             .addr = (uintptr_t)answer,
                                             .len = ANSWER_BYTES,
                                             .result_addr = (uintptr_t)server->memory[SLOTS],
                                             .result_len = INBOX_BYTES});
}

static struct ipc_facet *client_facet(void)
{
    return container_of(captable_peek_alone(&fast_client()->process, fast_client()->endpoint)->object,
                        struct ipc_facet, object);
}

/* As the system call finds it out. */
static void learn(void)
{
    const struct actor *client = fast_client();
    ipc_learn_facet(&fast_client()->thread.fast, client->endpoint,
                    captable_peek_alone(&client->process, client->endpoint));
}

/* The entries that were consumed had been in the queue. */
static void were_queued(const struct actor *actor)
{
    actor->thread.ring.page->sq_tail = actor->thread.ring.sq_head;
}

static void expect_receive(void)
{
    const struct sqe_words receive = receive_entry();
    world_set_current(&fast_server()->thread);
    assert_int_equal(
        ipc_fast_receive(&fast_server()->thread, &receive, fast_server()->thread.ring.sq_head + 1),
        IPC_WAITS);
    assert_int_equal(fast_server()->thread.state, THREAD_IN_RECEIVE);
    fast_server()->receiving = true;
    were_queued(fast_server());
}

static enum ipc_way try_call(const struct sqe_words *words, struct thread **next)
{
    world_set_current(&fast_client()->thread);
    learn();
    return ipc_fast_call(&fast_client()->thread, words, next);
}

static uint32_t expect_call(uint64_t value)
{
    struct actor *server = fast_server();
    const struct sqe_words call = call_entry(value);
    struct thread *next = NULL;
    assert_int_equal(try_call(&call, &next), IPC_SWITCH);
    assert_ptr_equal(next, &server->thread);
    assert_int_equal(server->thread.state, THREAD_RUNNING);
    assert_int_equal(fast_client()->thread.state, THREAD_IN_CALL);
    were_queued(fast_client());
    reap(server);
    assert_int_equal(server->delivered_count, 1);
    const struct capos_ipc_header *header = (const void *)server->memory[SLOTS];
    assert_int_equal(header->method_id, 7);
    assert_int_equal(header->params_len, 8);
    return server->delivered[--server->delivered_count].call_id;
}

static void expect_return(uint32_t call_id, uint64_t value)
{
    const struct sqe_words returned = return_entry(call_id, value);
    struct thread *next = NULL;
    world_set_current(&fast_server()->thread);
    assert_int_equal(ipc_fast_return(&fast_server()->thread, &returned, &next), IPC_SWITCH);
    assert_ptr_equal(next, &fast_client()->thread);
    assert_int_equal(fast_client()->thread.state, THREAD_RUNNING);
    assert_int_equal(fast_server()->thread.state, THREAD_IN_RECEIVE);
    fast_server()->receiving = true;
    were_queued(fast_server());
    reap(fast_client());
    assert_int_equal(fast_client()->calls[0].value, 0);
}

static void fast_rounds(void)
{
    make_world();
    expect_receive();
    for (uint64_t i = 0; i < FAST_ROUNDS; i++)
        expect_return(expect_call(FIRST_VALUE + i), FIRST_VALUE + i);
    assert_int_equal(fast_client()->thread.pending_out, 0);
    assert_int_equal(fast_client()->thread.ring.in_flight, 0);
}

static void test_fast_way_among_several_cpus(void)
{
    fast_rounds();
}

static void test_fast_way_on_one_cpu(void)
{
    spinlock_several_cpus = false;
    fast_rounds();
    spinlock_several_cpus = true;
}

/* Nothing has changed, and the same call goes the general way to the same receiver. */
static void expect_general_call(const struct sqe_words *call)
{
    struct thread *next = NULL;
    const uint32_t head = fast_client()->thread.ring.sq_head;
    assert_int_equal(try_call(call, &next), IPC_GENERAL_WAY);
    assert_int_equal(fast_client()->thread.ring.sq_head, head);
    assert_int_equal(fast_client()->thread.pending_out, 0);
    assert_int_equal(fast_client()->thread.state, THREAD_RUNNING);
    assert_null(endpoint->fast_call);
}

/* Reasons to go the general way, each on the receiver that waits the fast way and stays so. */
static void test_calls_that_go_the_general_way(void)
{
    make_world();
    struct sqe_words call = call_entry(FIRST_VALUE);
    expect_general_call(&call); /* nobody waits */
    expect_receive();
    struct sqe_words other = call;
    other.lengths = (call.lengths & ~(uint64_t)UINT32_MAX) | (INBOX_BYTES - 40); /* the inbox is too small */
    expect_general_call(&other);
    other.lengths = (call.lengths & ~(uint64_t)UINT32_MAX) | (SHORT_BYTES + 8); /* too long */
    expect_general_call(&other);
    other = call;
    other.addr = 0x1000; /* faults */
    expect_general_call(&other);
    struct thread *client = &fast_client()->thread;
    client->traced = true;
    expect_general_call(&call);
    client->traced = false;
    client->stopping = true;
    expect_general_call(&call);
    client->stopping = false;
    client->interrupted = true;
    expect_general_call(&call);
    client->interrupted = false;
    assert_ptr_equal(endpoint->fast_receiver, &fast_server()->thread);
    expect_return(expect_call(FIRST_VALUE), FIRST_VALUE); /* and now it goes */
}

/* The receiver's buffer is found again when its address space has changed, and missed when it is gone. */
static void test_buffers_come_and_go(void)
{
    make_world();
    expect_receive();
    expect_return(expect_call(FIRST_VALUE), FIRST_VALUE);
    aspace_front(world_aspace())->generation++;
    expect_return(expect_call(FIRST_VALUE + 1), FIRST_VALUE + 1);
    const uint32_t call_id = expect_call(FIRST_VALUE + 2);
    struct sqe_words returned = return_entry(call_id, FIRST_VALUE + 2);
    returned.result_addr = 0x1000;
    struct thread *next = NULL;
    world_set_current(&fast_server()->thread);
    assert_int_equal(ipc_fast_return(&fast_server()->thread, &returned, &next), IPC_SWITCH);
    reap(fast_client());
    const struct sqe_words call = call_entry(FIRST_VALUE + 3);
    expect_general_call(&call);
    fast_client()->calls[0].value = 0;
}

static void test_returns_that_go_the_general_way(void)
{
    make_world();
    expect_receive();
    const uint32_t call_id = expect_call(FIRST_VALUE);
    struct thread *server = &fast_server()->thread, *next = NULL;
    struct sqe_words returned = return_entry(call_id + 1, FIRST_VALUE); /* there is no such call */
    world_set_current(server);
    assert_int_equal(ipc_fast_return(server, &returned, &next), IPC_GENERAL_WAY);
    returned = return_entry(call_id, FIRST_VALUE);
    returned.lengths += 72 - ANSWER_BYTES; /* more than the caller has room for */
    assert_int_equal(ipc_fast_return(server, &returned, &next), IPC_GENERAL_WAY);
    returned = return_entry(call_id, FIRST_VALUE);
    returned.addr = 0x1000;
    assert_int_equal(ipc_fast_return(server, &returned, &next), IPC_GENERAL_WAY);
    returned = return_entry(call_id, FIRST_VALUE);
    server->stopping = true;
    assert_int_equal(ipc_fast_return(server, &returned, &next), IPC_GENERAL_WAY);
    server->stopping = false;
    assert_ptr_equal(endpoint->fast_call, &fast_client()->thread);
    do_call(&actors[FAST_CLIENT + 1]); /* settles everything; it waits in the queue */
    while (endpoint->queued == 0)
        do_call(&actors[FAST_CLIENT + 1]);
    assert_null(endpoint->fast_call);
    assert_int_equal(ipc_fast_return(server, &returned, &next), IPC_GENERAL_WAY);
    fast_server()->delivered[0] = (struct delivered){call_id, FIRST_VALUE};
    fast_server()->delivered_count = 1;
    fast_client()->calls[0].delivered = true;
    do_return(fast_server());
    reap_all();
    assert_int_equal(fast_client()->calls[0].value, 0);
}

/* The general way of an answer that goes on as a receive: one completion, of what failed or of the receive.
 */
static const struct capos_cqe *answer_and_receive(struct sqe_words words)
{
    struct actor *server = fast_server();
    struct ring *ring = &server->thread.ring;
    struct capos_sqe sqe;
    memcpy(&sqe, &words, sizeof(sqe));
    const uint32_t tail = ring->cq_tail;
    world_set_current(&server->thread);
    ring->sq[ring->page->sq_tail++ % CAPOS_RING_SQ_ENTRIES] = sqe;
    assert_true(ring_enter(&server->thread) >= 0);
    assert_in_range(ring->cq_tail - tail, 0, 1);
    ring->page->cq_head = ring->cq_tail;
    return ring->cq_tail == tail ? NULL : &ring->cq[tail % CAPOS_RING_CQ_ENTRIES];
}

static void test_answers_that_do_not_go_on(void)
{
    make_world();
    expect_receive();
    uint32_t call_id = expect_call(FIRST_VALUE);
    struct sqe_words words = return_entry(call_id, FIRST_VALUE);
    words.target |= (uint64_t)CAPOS_SQE_QUIET << 56;
    const struct capos_cqe *cqe = answer_and_receive(words);
    assert_true(cqe->result == CAPOS_ERR_BAD_FLAGS && cqe->call_id == call_id);
    cqe = answer_and_receive(return_entry(call_id + 1, FIRST_VALUE));
    assert_true(cqe->result == CAPOS_ERR_NOT_FOUND && cqe->call_id == call_id + 1);
    assert_int_equal(fast_server()->thread.pending_out, 0); /* and does not wait */
    words = return_entry(call_id, FIRST_VALUE);
    words.result_addr++;
    cqe = answer_and_receive(words); /* the answer is on its way */
    assert_true(cqe->result == CAPOS_ERR_UNALIGNED && cqe->call_id == 0);
    fast_client()->calls[0].delivered = true;
    reap(fast_client());
    assert_int_equal(fast_client()->calls[0].value, 0);
    expect_receive();
    call_id = expect_call(FIRST_VALUE);
    assert_null(answer_and_receive(return_entry(call_id, FIRST_VALUE)));
    assert_int_equal(fast_server()->thread.pending_out, 1); /* it waits */
    reap(fast_client());
    assert_int_equal(fast_client()->calls[0].value, 0);
}

/* Entries that are not plain, which the system call does not even try. */
static void test_plain_entries(void)
{
    make_world();
    const uint32_t cap_id = fast_server()->endpoint;
    struct sqe_words words = return_entry(1, FIRST_VALUE);
    assert_true(ipc_is_plain_return(&words));
    assert_true(ipc_receives_again(&words));
    words.target ^= (uint64_t)(CAPOS_SQE_QUIET | CAPOS_SQE_RECEIVE) << 56;
    assert_false(ipc_is_plain_return(&words));
    assert_false(ipc_receives_again(&words));
    words = return_entry(1, FIRST_VALUE);
    words.transfer |= UINT64_C(1) << 32; /* with a capability */
    assert_false(ipc_is_plain_return(&words));
    words = return_entry(1, FIRST_VALUE);
    words.target |= (uint64_t)CAPOS_SQE_EXCEPTION << 56;
    assert_false(ipc_is_plain_return(&words));
    assert_true(ipc_receives_again(&words));
    words = return_entry(1, FIRST_VALUE);
    words.lengths = ANSWER_BYTES | (uint64_t)(sizeof(struct capos_ipc_header) - 1) << 32; /* nothing fits */
    assert_false(ipc_is_plain_return(&words));
    words = return_entry(1, FIRST_VALUE);
    words.result_addr++;
    assert_false(ipc_is_plain_return(&words));
    words = receive_entry();
    assert_true(ipc_is_plain_receive(&words, cap_id));
    assert_false(ipc_is_plain_receive(&words, cap_id + 1));
    words.deadline_ns = 1;
    assert_false(ipc_is_plain_receive(&words, cap_id));
    words = receive_entry();
    words.lengths = (uint64_t)(sizeof(struct capos_ipc_header) - 1) << 32;
    assert_false(ipc_is_plain_receive(&words, cap_id));
}

/* The other thread may not run on this CPU, or was interrupted meanwhile: the call is made all the same. */
static void test_fast_call_to_who_cannot_run_here(void)
{
    make_world();
    expect_receive();
    world_let_switch(false);
    const struct sqe_words call = call_entry(FIRST_VALUE);
    struct thread *next = NULL;
    assert_int_equal(try_call(&call, &next), IPC_WAITS);
    assert_int_equal(fast_server()->thread.state, THREAD_READY);
    assert_int_equal(fast_client()->thread.state, THREAD_IN_CALL);
    reap(fast_server());
    assert_int_equal(fast_server()->delivered_count, 1);
    world_let_switch(true);
    expect_return(fast_server()->delivered[--fast_server()->delivered_count].call_id, FIRST_VALUE);
}

static void test_cancelled_receive(void)
{
    make_world();
    expect_receive();
    assert_true(pending_cancel_by_user_data(&fast_server()->thread, RECEIVE) == CAPOS_OK);
    reap(fast_server());
    assert_false(fast_server()->receiving);
    assert_null(endpoint->fast_receiver);
    assert_true(list_is_empty(&endpoint->receivers));
    assert_int_equal(fast_server()->thread.state, THREAD_READY);
    assert_int_equal(fast_server()->thread.pending_out, 0);
}

/* A caller dies while its call is delivered: the answer finds nobody. */
static void test_caller_dies_in_a_fast_call(void)
{
    make_world();
    expect_receive();
    const uint32_t call_id = expect_call(FIRST_VALUE);
    pending_discard_all(&fast_client()->thread);
    assert_int_equal(endpoint->delivered, 0);
    assert_null(endpoint->fast_call);
    fast_client()->calls[0].value = 0;
    fast_server()->delivered[0] = (struct delivered){call_id, FIRST_VALUE};
    fast_server()->delivered_count = 1;
    do_return(fast_server());
    assert_int_equal(fast_server()->returned, CAPOS_ERR_NOT_FOUND);
}

/* The server gives up its endpoint with a fast call delivered to it: the caller learns of it. */
static void test_server_leaves_in_a_fast_call(void)
{
    make_world();
    expect_receive();
    expect_call(FIRST_VALUE);
    fast_client()->calls[0].delivered = true;
    give_up(fast_server());
    reap_all();
    assert_int_equal(fast_client()->calls[0].value, 0);
    assert_int_equal(fast_client()->thread.state, THREAD_READY);
}

/* A capability comes along, on a machine with one CPU; with a full table the call goes the general way. */
static void test_fast_call_with_capability(void)
{
    make_world();
    expect_receive();
    learn();
    struct actor *client = fast_client(), *server = fast_server();
    struct sqe_words call = call_entry(FIRST_VALUE);
    struct capos_xfer_desc *descriptor = (void *)(client->memory[0] + 8);
    struct thread *next = NULL;
    *descriptor = (struct capos_xfer_desc){client->tokens[0], CAPOS_XFER_COPY};
    call.transfer = UINT64_C(1) << 32;
    world_set_current(&client->thread);
    assert_int_equal(ipc_fast_call_with_capability(&client->thread, &call, &next),
                     IPC_GENERAL_WAY); /* several CPUs */
    spinlock_several_cpus = false;
    descriptor->mode = CAPOS_XFER_MOVE;
    assert_int_equal(ipc_fast_call_with_capability(&client->thread, &call, &next), IPC_GENERAL_WAY);
    descriptor->mode = CAPOS_XFER_COPY;
    const uint64_t limit = world_ledger()->limit[LEDGER_CAP_SLOTS];
    world_ledger()->limit[LEDGER_CAP_SLOTS] = world_ledger()->used[LEDGER_CAP_SLOTS];
    assert_int_equal(ipc_fast_call_with_capability(&client->thread, &call, &next), IPC_GENERAL_WAY);
    world_ledger()->limit[LEDGER_CAP_SLOTS] = limit;
    assert_int_equal(ipc_fast_call_with_capability(&client->thread, &call, &next), IPC_SWITCH);
    const struct capos_ipc_header *header = (const void *)server->memory[SLOTS];
    const struct capos_xfer_result *record = (const void *)((const uint8_t *)(header + 1) + 8);
    const struct ring *ring = &server->thread.ring;
    assert_int_equal(header->cap_count, 1);
    assert_int_equal(ring->cq[(ring->cq_tail - 1) % CAPOS_RING_CQ_ENTRIES].cap_count, 1);
    assert_int_equal(record->interface_id, 7);
    assert_true(holds(server, record->cap_id));
    assert_true(holds(client, client->tokens[0]));
    assert_true(captable_release(&server->process.captable, record->cap_id) == CAPOS_OK);
    ring->page->cq_head = ring->page->cq_tail;
    server->receiving = false;
    client->calls[0].delivered = true;
    expect_return(header->call_id, FIRST_VALUE);
    spinlock_several_cpus = true;
}

/* ---- Facets that answers make. */

/* The RETURN, with these descriptors behind an answer of ANSWER_BYTES. */
static int32_t return_with(uint32_t call_id, const struct capos_xfer_desc *descriptors, uint16_t count)
{
    struct actor *server = fast_server();
    uint8_t *answer = server->memory[SLOTS + 1];
    struct capos_xfer_mint *mint = (void *)(answer + ANSWER_BYTES + count * sizeof(*descriptors));
    *(uint64_t *)(void *)answer = FIRST_VALUE + 1;
    memcpy(answer + ANSWER_BYTES, descriptors, count * sizeof(*descriptors));
    for (uint16_t i = 0; i < count; i++)
        mint[i] = (struct capos_xfer_mint){MINT_TAG + i, 8};
    run(server, &(struct capos_sqe){.user_data = RETURN,
                                    .opcode = CAPOS_OP_RETURN,
                                    .cap_id = server->endpoint,
                                    .call_id = call_id,
                                    .addr = (uintptr_t)answer,
                                    .len = ANSWER_BYTES,
                                    .xfer_cap_count = count});
    return server->returned;
}

static bool nothing_is_queued(void)
{
    return list_is_empty(&endpoint->queue);
}

static void test_mint_refused(void)
{
    make_world();
    struct actor *client = fast_client(), *server = fast_server();
    expect_receive();
    const uint32_t call_id = expect_call(FIRST_VALUE);
    const uint64_t live = object_live_count();
    const struct capos_xfer_desc good = {server->endpoint, CAPOS_XFER_MINT};
    struct capos_xfer_desc pair[2] = {good, {0x12345678, CAPOS_XFER_MINT}};
    const int32_t result = return_with(call_id, pair, 2);
    UNIT_OK(result != CAPOS_ERR_NO_MEMORY);
    assert_int_equal(result, CAPOS_ERR_BAD_CAP); /* and the first is gone again */
    pair[1] = (struct capos_xfer_desc){server->endpoint, 3};
    assert_int_equal(return_with(call_id, pair, 2), CAPOS_ERR_BAD_FLAGS);
    object_get(&client_facet()->object);
    const uint32_t facet = give(server, (struct capability){&client_facet()->object, &client_facet()->type});
    pair[0].cap_id = facet;
    assert_int_equal(return_with(call_id, pair, 1), CAPOS_ERR_WRONG_INTERFACE);
    assert_int_equal(captable_release(&server->process.captable, facet), CAPOS_OK);
    const uint64_t limit = world_ledger()->limit[LEDGER_HEAP_BYTES];
    world_ledger()->limit[LEDGER_HEAP_BYTES] = world_ledger()->used[LEDGER_HEAP_BYTES];
    if (endpoint->spare_facet == NULL)                                     /* of the pair that failed */
        assert_int_equal(return_with(call_id, &good, 1), CAPOS_ERR_QUOTA); /* the test's ledger says that */
    pair[0] = pair[1] = good;
    assert_int_equal(return_with(call_id, pair, 2), CAPOS_ERR_QUOTA);
    world_ledger()->limit[LEDGER_HEAP_BYTES] = limit;
    const uint64_t slots = world_ledger()->limit[LEDGER_CAP_SLOTS];
    assert_int_equal(object_live_count(), live);
    assert_true(nothing_is_queued());
    world_ledger()->limit[LEDGER_CAP_SLOTS] = world_ledger()->used[LEDGER_CAP_SLOTS];
    client->calls[0].no_slots = true;
    assert_int_equal(return_with(call_id, &good, 1), CAPOS_ERR_NOT_FOUND); /* the caller has no slot for it */
    assert_int_equal(client->calls[0].value, 0);
    world_ledger()->limit[LEDGER_CAP_SLOTS] = slots;
    assert_int_equal(return_with(call_id, &good, 1),
                     CAPOS_ERR_NOT_FOUND); /* there is no such call any more */
    assert_int_equal(object_live_count(), live);
    assert_true(nothing_is_queued());
}

static const struct capos_xfer_result *answered_record(void)
{
    const struct ring *ring = &fast_client()->thread.ring;
    assert_int_equal(ring->cq[(ring->cq_tail - 1) % CAPOS_RING_CQ_ENTRIES].cap_count, 1);
    return (const void *)(fast_client()->results[0] + ANSWER_BYTES);
}

/* Gives up what the client got of a RETURN with MINT; the server, which waits, hears of it. */
static void expect_dropped(uint32_t cap_id, uint64_t tag)
{
    struct actor *server = fast_server();
    const struct capos_ipc_header *header = (const void *)server->memory[SLOTS];
    run(fast_client(),
        &(struct capos_sqe){.user_data = CANCEL, .opcode = CAPOS_OP_RELEASE, .cap_id = cap_id});
    assert_false(server->receiving);
    assert_int_equal(header->flags, CAPOS_IPC_DROPPED);
    assert_int_equal(header->tag, tag);
    assert_int_equal(header->call_id, 0);
}

static void test_minted_facet(void)
{
    make_world();
    struct actor *server = fast_server(), *client = fast_client();
    const struct capos_xfer_desc good = {server->endpoint, CAPOS_XFER_MINT};
    expect_receive();
    const uint32_t call_id = expect_call(FIRST_VALUE);
    client->calls[0].minted = true;
    mint_count = 1; /* call_completed gives it up */
    const int32_t result = return_with(call_id, &good, 1);
    UNIT_OK(result != CAPOS_ERR_NO_MEMORY);
    assert_int_equal(result, CAPOS_OK);
    assert_false(nothing_is_queued());
    do_receive(server);
    for (int i = 0; i < 100 && !nothing_is_queued(); i++) /* it makes its buffer bad now and then */
        do_receive(server);
    assert_int_equal(mints[0], MINTED_AND_DROPPED);
}

static enum ipc_way try_return_with_capability(const struct sqe_words *returned, struct thread **next)
{
    world_set_current(&fast_server()->thread);
    return ipc_fast_return_late(&fast_server()->thread, returned, next);
}

/* On a machine with one CPU; what cannot be done so leaves no trace. */
static void test_fast_return_with_capability(void)
{
    struct thread *next = NULL;
    make_world();
    struct actor *client = fast_client(), *server = fast_server();
    const uint32_t token = client->tokens[0];
    struct capability moved;
    assert_int_equal(captable_move_begin(&client->process.captable, token, &moved), CAPOS_OK);
    captable_move_take_out(&client->process.captable, token);
    object_put(moved.object); /* the table's */
    uint32_t sent = give(server, moved);
    static const uint32_t modes[] = {CAPOS_XFER_COPY, CAPOS_XFER_MOVE, CAPOS_XFER_MINT};
    expect_receive();
    for (size_t i = 0; i < array_count(modes); i++) {
        const uint32_t mode = modes[i];
        const uint32_t call_id = expect_call(FIRST_VALUE);
        struct sqe_words returned = return_entry(call_id, FIRST_VALUE);
        struct capos_xfer_desc *descriptor = (void *)(server->memory[SLOTS + 1] + ANSWER_BYTES);
        *(struct capos_xfer_mint *)(void *)(descriptor + 1) = (struct capos_xfer_mint){MINT_TAG, 0};
        *descriptor = (struct capos_xfer_desc){mode == CAPOS_XFER_MINT ? server->endpoint : sent, mode};
        returned.transfer |= UINT64_C(1) << 32;
        assert_true(ipc_is_simple_return(&returned));
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY); /* several CPUs */
        spinlock_several_cpus = false;
        const uint64_t live = object_live_count(), slots = world_ledger()->limit[LEDGER_CAP_SLOTS];
        world_ledger()->limit[LEDGER_CAP_SLOTS] = world_ledger()->used[LEDGER_CAP_SLOTS];
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY);
        world_ledger()->limit[LEDGER_CAP_SLOTS] = slots;
        server->thread.stopping = true;
        returned.transfer += 1; /* no such call */
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY);
        returned.transfer -= 1;
        server->thread.stopping = false;
        descriptor->cap_id ^= 1u << 20;
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY);
        descriptor->cap_id ^= 1u << 20;
        descriptor->mode = 3;
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY);
        descriptor->mode = mode == CAPOS_XFER_MINT ? CAPOS_XFER_MOVE : CAPOS_XFER_MINT; /* neither can be */
        assert_int_equal(try_return_with_capability(&returned, &next), IPC_GENERAL_WAY);
        descriptor->mode = mode;
        assert_int_equal(object_live_count(), live);
        assert_true(nothing_is_queued());
        const enum ipc_way way = try_return_with_capability(&returned, &next);
        if (way == IPC_GENERAL_WAY)
            spinlock_several_cpus = true;
        UNIT_OK(way != IPC_GENERAL_WAY);
        assert_int_equal(way, IPC_SWITCH);
        server->receiving = true;
        were_queued(server);
        const struct capos_xfer_result *record = answered_record();
        assert_int_equal(record->interface_id, mode == CAPOS_XFER_MINT ? 1 : 7);
        assert_true(holds(client, record->cap_id));
        assert_true(holds(server, sent) == (mode == CAPOS_XFER_COPY));
        client->thread.ring.page->cq_head = client->thread.ring.page->cq_tail;
        client->calls[0].value = 0;
        if (mode == CAPOS_XFER_MINT) {
            mint_count = 1;
            mints[0] = MINTED;
            expect_dropped(record->cap_id, MINT_TAG);
            server->receiving = false;
        } else {
            assert_int_equal(captable_release(&client->process.captable, record->cap_id), CAPOS_OK);
        }
        spinlock_several_cpus = true;
    }
}

/* RELEASE of the last capability to a facet, and CALL on another: one message. */
static void test_call_with_news(void)
{
    struct ipc_facet *facet, *news, *also;
    struct thread *next = NULL;
    make_world();
    struct actor *client = fast_client(), *server = fast_server();
    const struct capos_ipc_header *header = (const void *)server->memory[SLOTS];
    UNIT_OK(endpoint_mint(endpoint, MINT_TAG, 0, &facet) == CAPOS_OK);
    object_get(&facet->object);
    const uint32_t id = give(client, (struct capability){&facet->object, &facet->type});
    const uint32_t again = give(client, (struct capability){&facet->object, &facet->type});
    mint_count = 1;
    mints[0] = MINTED;
    world_set_current(&client->thread);
    spinlock_several_cpus = false;
    assert_true(ipc_fast_give_up(&client->process, id, &news)); /* not the last */
    assert_null(news);
    assert_false(ipc_fast_give_up(&client->process, id, &news)); /* stale */
    expect_receive();
    const struct sqe_words call = call_entry(FIRST_VALUE);
    world_set_current(&client->thread);
    const uint64_t live = object_live_count();
    assert_true(ipc_fast_give_up(&client->process, again, &news));
    assert_ptr_equal(news, facet);
    assert_int_equal(object_live_count(), live - 1);
    assert_true(!holds(client, again));
    struct ipc_endpoint other = {.fast_receiver = NULL};
    also = news;
    news->endpoint = &other; /* as if it were another's */
    learn();
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, news, &next), IPC_GENERAL_WAY);
    news->endpoint = endpoint;
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, also, &next), IPC_SWITCH);
    assert_ptr_equal(next, &server->thread);
    assert_int_equal(header->flags, CAPOS_IPC_ALSO_DROPPED);
    assert_int_equal(header->dropped_tag, MINT_TAG);
    assert_int_equal(header->tag, TAG + FAST_CLIENT);
    were_queued(client);
    reap(server);
    assert_int_equal(mints[0], MINTED_AND_DROPPED);
    expect_return(server->delivered[--server->delivered_count].call_id, FIRST_VALUE);
    assert_true(nothing_is_queued());
    spinlock_several_cpus = true;
}

/* More than a page, into a buffer that begins close to the end of one. */
static void test_long_fast_call(void)
{
    enum { LONG_BYTES = 5000 };
    static _Alignas(4096) uint8_t inbox[3 * 4096];
    static _Alignas(8) uint8_t params[LONG_BYTES];
    struct thread *next = NULL;
    make_world();
    world_add_user_memory(inbox, sizeof(inbox), true);
    world_add_user_memory(params, sizeof(params), true);
    struct actor *client = fast_client(), *server = fast_server();
    const struct capos_ipc_header *header = (const void *)(inbox + 4000);
    struct sqe_words receive = receive_entry();
    receive.result_addr = (uintptr_t)header;
    receive.lengths = (uint64_t)(sizeof(*header) + LONG_BYTES) << 32;
    world_set_current(&server->thread);
    assert_int_equal(ipc_fast_receive(&server->thread, &receive, server->thread.ring.sq_head + 1), IPC_WAITS);
    were_queued(server);
    for (size_t i = 0; i < LONG_BYTES; i++)
        params[i] = (uint8_t)(i % 251);
    struct sqe_words call = call_entry(FIRST_VALUE);
    call.addr = (uintptr_t)params;
    call.lengths = (call.lengths >> 32 << 32) | LONG_BYTES;
    world_set_current(&client->thread);
    learn();
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, NULL, &next),
                     IPC_GENERAL_WAY); /* several CPUs */
    spinlock_several_cpus = false;
    call.lengths += 8; /* more than there is room for */
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, NULL, &next), IPC_GENERAL_WAY);
    call.lengths += CAPOS_MESSAGE_MAX_BYTES;
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, NULL, &next), IPC_GENERAL_WAY);
    call.lengths -= CAPOS_MESSAGE_MAX_BYTES + 8;
    call.addr = 0x1000;
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, NULL, &next), IPC_GENERAL_WAY);
    call.addr = (uintptr_t)params;
    assert_int_equal(server->thread.state, THREAD_IN_RECEIVE);
    assert_int_equal(ipc_fast_call_late(&client->thread, &call, NULL, &next), IPC_SWITCH);
    assert_ptr_equal(next, &server->thread);
    were_queued(client);
    const struct ring *ring = &server->thread.ring;
    const struct capos_cqe *cqe = &ring->cq[(ring->cq_tail - 1) % CAPOS_RING_CQ_ENTRIES];
    assert_int_equal(cqe->result, sizeof(*header) + LONG_BYTES);
    assert_int_equal(cqe->payload_len, sizeof(*header) + LONG_BYTES);
    assert_int_equal(cqe->call_id, header->call_id);
    assert_int_equal(header->params_len, LONG_BYTES);
    assert_int_equal(header->flags, 0);
    assert_int_equal(header->method_id, 7);
    assert_memory_equal(header + 1, params, LONG_BYTES);
    ring->page->cq_head = ring->page->cq_tail;
    client->calls[0].delivered = true;
    expect_return(header->call_id, FIRST_VALUE);
    spinlock_several_cpus = true;
}

static void test_published_hash(void)
{
    /* SipHash-2-4-128 of the bytes 0 to 15 under the key 0 to 15, from the reference implementation's
     * vectors. */
    static const uint8_t expected[16] = {0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb,
                                         0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23, 0x05, 0x77};
    uint8_t bytes[16];
    uint64_t words[2], out[2];
    for (uint8_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i;
    memcpy(words, bytes, sizeof(words));
    ipc_caller_hash(words, words, out);
    assert_memory_equal(out, expected, sizeof(expected));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_random_operations),
        UNIT_TEST(test_one_of_two_holders_leaves),
        UNIT_TEST(test_callers_die),
        UNIT_TEST(test_endpoint_released_while_a_receive_begins),
        UNIT_TEST(test_endpoint_released_while_an_answer_fails),
        UNIT_TEST(test_endpoint_released_while_a_delivery_fails),
        UNIT_TEST(test_last_reference_goes_with_a_refused_call),
        UNIT_TEST(test_last_reference_goes_with_a_delivery),
        UNIT_TEST(test_fast_way_among_several_cpus),
        UNIT_TEST(test_fast_way_on_one_cpu),
        UNIT_TEST(test_calls_that_go_the_general_way),
        UNIT_TEST(test_buffers_come_and_go),
        UNIT_TEST(test_returns_that_go_the_general_way),
        UNIT_TEST(test_answers_that_do_not_go_on),
        UNIT_TEST(test_plain_entries),
        UNIT_TEST(test_fast_call_to_who_cannot_run_here),
        UNIT_TEST(test_cancelled_receive),
        UNIT_TEST(test_caller_dies_in_a_fast_call),
        UNIT_TEST(test_server_leaves_in_a_fast_call),
        UNIT_TEST(test_fast_call_with_capability),
        UNIT_TEST(test_mint_refused),
        UNIT_TEST(test_minted_facet),
        UNIT_TEST(test_fast_return_with_capability),
        UNIT_TEST(test_call_with_news),
        UNIT_TEST(test_long_fast_call),
        UNIT_TEST(test_published_hash),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
