/*
 * Serving an endpoint: receive, dispatch, answer. One kernel entry a call: the release of what came with the
 * call, and the answer that goes on as the next receive.
 *
 * A facet's object may be freed when the facet was dropped and nobody works on one of its calls. The kernel
 * reports a facet after its last call has ended, but a call that was cancelled has ended for the kernel while
 * a thread here is still at it (or has not looked at it yet). So each serving thread shows the tag it works
 * on in its `active`, before it asks `find` what the tag stands for; and who is told that a facet is gone
 * takes the service's lock, raises `dropping`, looks for an active one, and either leaves the news with that
 * (whose thread takes it up when it is done) or calls `dropped`. A thread that has shown its tag and then
 * sees `dropping` raised waits for the lock before it calls `find`. Either order of the two is safe: one of
 * them sees the other.
 */
#include "ring_queue.h"
#include <base/string.h>
#include <capos/exception.h>
#include <capos/serve.h>

enum {
    INBOX_BYTES = sizeof(struct capos_ipc_header) + CAPOS_MESSAGE_MAX_BYTES +
                  CAPOS_XFER_CAPS_MAX * sizeof(struct capos_xfer_result),
    OUTBOX_BYTES = CAPOS_OUTBOX_BYTES,
    EXCEPTION_BYTES = 512,
    /* The release of what came, an answer, the next receive. */
    ENTRIES_PER_ROUND = 2 + CAPOS_XFER_CAPS_MAX,
    PAGE_BYTES = 4096,
    MINT_WORDS = 16, /* Endpoint.mint's parameters; its results and the record behind them */
};

/* struct capos_active.state: ACTIVE in the low bits, above them a number that is new for each call. */
enum { IDLE = 0, ACTIVE = 1, DROPPED = 2, STATE_STEP = 4 }; /* DROPPED: the news was left with it */

struct server {
    struct capos_service *service;
    struct capos_active active;
    struct waiter received;
    struct waiter returned; /* done: the last RETURN failed, which did not go on as a receive */
    struct waiter released; /* nobody looks */
    uint32_t returned_call_id;
    struct capos_call current;
    struct cap_transfer caps_in[CAPOS_XFER_CAPS_MAX];
    /* The kernel is fastest with messages that lie in one page. */
    _Alignas(PAGE_BYTES) uint64_t inbox[INBOX_BYTES / sizeof(uint64_t)];
    uint64_t outbox[OUTBOX_BYTES / sizeof(uint64_t)];
};

/* ---- Who works on what. */

static void lock_service(struct capos_service *service)
{
    capos_mutex_lock(&service->lock);
}

static void unlock_service(struct capos_service *service)
{
    capos_mutex_unlock(&service->lock);
}

static void add_active_locked(struct capos_service *service, struct capos_active *active)
{
    active->next = service->active;
    service->active = active;
}

static void remove_active_locked(struct capos_service *service, struct capos_active *active)
{
    struct capos_active **link = &service->active;
    while (*link != active)
        link = &(*link)->next;
    *link = active->next;
}

/* Leaves the news with a call on that tag that is being worked on. False: there is none. */
static bool leave_news_locked(struct capos_service *service, uint64_t tag)
{
    for (struct capos_active *active = service->active; active != NULL; active = active->next) {
        uint64_t state = __atomic_load_n(&active->state, __ATOMIC_SEQ_CST);
        if ((state & ACTIVE) == 0 || __atomic_load_n(&active->tag, __ATOMIC_RELAXED) != tag)
            continue;
        if (__atomic_compare_exchange_n(&active->state, &state, state | DROPPED, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

static void facet_dropped(struct capos_service *service, uint64_t tag)
{
    lock_service(service);
    (void)__atomic_exchange_n(&service->dropping, 1, __ATOMIC_SEQ_CST);
    if (!leave_news_locked(service, tag) && service->dropped != NULL)
        service->dropped(service->context, tag);
    __atomic_store_n(&service->dropping, 0, __ATOMIC_RELEASE);
    unlock_service(service);
}

static void begin_active(struct capos_active *active, uint64_t tag)
{
    __atomic_store_n(&active->tag, tag, __ATOMIC_RELAXED);
    __atomic_fetch_add(&active->state, STATE_STEP + ACTIVE, __ATOMIC_SEQ_CST);
}

/* True: the news was left with it. */
static bool end_active(struct capos_active *active)
{
    uint64_t ended = (active->state & ~(uint64_t)(ACTIVE | DROPPED));
    return (__atomic_exchange_n(&active->state, ended, __ATOMIC_SEQ_CST) & DROPPED) != 0;
}

/* ---- The ring. */

/* The method may have released it already; that completion goes to `released`. */
static void queue_release(struct ring *ring, struct server *server, uint32_t cap_id)
{
    const struct submission release = {
        .cap_id = cap_id,
        .opcode = CAPOS_OP_RELEASE,
        .flags = CAPOS_SQE_QUIET,
        .user_data = (uintptr_t)&server->released,
    };
    ring_queue(ring, ring->header, &release);
}

/*
 * A plain answer's entry is the same in each round but for two words, and the kernel writes to no entry:
 * where the queue's place still holds such a one of an earlier round, known by its opcode and flags, only
 * those words are written. forget_entries sees to it that none is of another capos_serve of this thread.
 */
static void forget_entries(struct ring *ring)
{
    const uint32_t tail = ring->header->sq_tail;
    for (uint32_t i = ring_queued(ring); i <= ring->sq_mask; i++)
        ring->sq[(tail + i) & ring->sq_mask].opcode = CAPOS_OP_NOP;
}

static void queue_receive(struct ring *ring, struct server *server)
{
    const struct submission receive = {
        .user_data = (uintptr_t)&server->received,
        .result_addr = (uintptr_t)server->inbox,
        .result_len = sizeof server->inbox,
        .cap_id = server->service->endpoint.id,
        .opcode = CAPOS_OP_RECV,
    };
    ring_queue(ring, ring->header, &receive);
}

static bool is_stopping(const struct capos_service *service)
{
    return __atomic_load_n(&service->stopping, __ATOMIC_ACQUIRE) != 0;
}

/* An answer, whose payload lies in the outbox. True: it goes on as the next receive, unless something is to
 * come behind it (`alone`), or there is none. */
static bool queue_answer(struct ring *ring, struct server *server, struct submission *answer, bool alone)
{
    answer->addr = (uintptr_t)server->outbox;
    answer->cap_id = server->service->endpoint.id;
    answer->opcode = CAPOS_OP_RETURN;
    alone = alone || is_stopping(server->service);
    if (alone) {
        answer->user_data = (uintptr_t)&server->returned;
        answer->flags |= CAPOS_SQE_QUIET;
        server->returned_call_id = answer->call_id;
    } else {
        answer->user_data = (uintptr_t)&server->received;
        answer->result_addr = (uintptr_t)server->inbox;
        answer->result_len = sizeof server->inbox;
        answer->flags |= CAPOS_SQE_RECEIVE;
    }
    ring_queue(ring, ring->header, answer);
    return !alone;
}

static __attribute__((noinline)) bool queue_first_answer(struct ring *ring, struct server *server,
                                                         uint32_t call_id, uint32_t len)
{
    struct submission answer = {.call_id = call_id, .len = len};
    return queue_answer(ring, server, &answer, false);
}

/* The answer in the outbox, of nothing but bytes. */
static inline bool queue_plain_answer(struct ring *ring, struct server *server, uint32_t call_id,
                                      uint32_t len)
{
    struct capos_ring_header *header = ring->header;
    const uint32_t tail = header->sq_tail;
    struct sqe_words *words = (struct sqe_words *)(void *)&ring->sq[tail & ring->sq_mask];
    const uint32_t usual = (uint32_t)CAPOS_OP_RETURN << 16 | (uint32_t)CAPOS_SQE_RECEIVE << 24;
    if (__builtin_expect(words->method_and_opcode != usual, 0) ||
        __builtin_expect(is_stopping(server->service), 0))
        return queue_first_answer(ring, server, call_id, len);
    words->len = len;
    words->call_id_and_caps = call_id;
    __atomic_store_n(&header->sq_tail, tail + 1, __ATOMIC_RELEASE);
    return true;
}

/* Calls that the program has started and not yet submitted may fill the queue. */
static void make_room(const struct ring *ring)
{
    if (__builtin_expect(ring_queued(ring) + ENTRIES_PER_ROUND > ring->sq_mask + 1, 0))
        (void)cap_submit();
}

/* ---- Answers. */

static size_t add_descriptors(void *results, size_t bytes, const struct cap_call *call)
{
    struct capos_xfer_desc *descriptors = (void *)((char *)results + round_up_8(bytes));
    for (size_t i = 0; i < call->caps_out_count; i++)
        descriptors[i] = (struct capos_xfer_desc){call->caps_out[i].id, call->caps_out[i].mode};
    return call->caps_out_count;
}

/* Until here the id of one to be made was its number among the call's. */
static void add_mints(void *results, size_t bytes, const struct capos_call *current)
{
    struct capos_xfer_desc *descriptors = (void *)((char *)results + round_up_8(bytes));
    struct capos_xfer_mint *mint = (void *)(descriptors + current->call.caps_out_count);
    for (size_t i = 0; i < current->call.caps_out_count; i++) {
        if (descriptors[i].mode != CAPOS_XFER_MINT)
            continue;
        *mint++ = current->mints[descriptors[i].cap_id - 1];
        descriptors[i].cap_id = current->service->endpoint.id;
    }
}

/* What a transport error of the server's own is to its caller. */
static enum capos_exception_kind exception_of_error(int32_t error)
{
    switch (error) {
    case CAPOS_ERR_BAD_MESSAGE:
    case CAPOS_ERR_UNALIGNED:
    case CAPOS_ERR_WRONG_INTERFACE:
        return CAPOS_EXCEPTION_INVALID_ARGUMENT;
    case CAPOS_ERR_NO_MEMORY:
    case CAPOS_ERR_NO_SLOTS:
    case CAPOS_ERR_QUOTA:
        return CAPOS_EXCEPTION_OVERLOADED;
    default:
        return CAPOS_EXCEPTION_FAILED;
    }
}

/* The entry that answers `call_id` with what dispatch returned; `exception` is room for EXCEPTION_BYTES. */
static struct submission make_answer(const struct cap_call *call, uint32_t call_id, int32_t encoded,
                                     void *exception)
{
    struct submission answer = {.call_id = call_id, .opcode = CAPOS_OP_RETURN};
    if (encoded >= 0) {
        answer.addr = (uintptr_t)call->results;
        answer.len = (uint32_t)encoded;
        answer.xfer_cap_count = (uint16_t)add_descriptors(call->results, (size_t)encoded, call);
        return answer;
    }
    bool excepted = encoded == CAPOS_ERR_EXCEPTION;
    enum capos_exception_kind kind = excepted ? call->exception_kind : exception_of_error(encoded);
    const char *reason = excepted ? call->exception_reason : capos_error_text(encoded);
    size_t length = reason == NULL ? 0 : strlen(reason);
    struct cap_cap_exception value = {
        .kind = (enum cap_cap_exception_kind)kind,
        .reason = {reason, length < CAP_EXCEPTION_REASON_MAX ? length : CAP_EXCEPTION_REASON_MAX},
    };
    struct cap_transfer none[1];
    size_t none_count = 0;
    int32_t bytes = cap_cap_exception_encode(&value, exception, EXCEPTION_BYTES, none, &none_count);
    answer.addr = (uintptr_t)exception;
    answer.len = bytes < 0 ? 0 : (uint32_t)bytes;
    answer.method_id = (uint16_t)kind;
    answer.flags = CAPOS_SQE_EXCEPTION;
    return answer;
}

/* The answer did not get to the caller; what was to move to it is still here. */
static void release_unsent(const struct cap_call *call)
{
    for (size_t i = 0; i < call->caps_out_count; i++) {
        if (call->caps_out[i].mode == CAPOS_XFER_MOVE)
            cap_release_id(call->caps_out[i].id);
    }
}

/* A RETURN has failed. NOT_FOUND: the caller is gone, or could not take the answer. Anything else is this
 * server's mistake (a capability that it does not have, say), and the caller still waits. */
static void return_failed(struct capos_service *service, const struct cap_call *call, uint32_t call_id,
                          int32_t result)
{
    uint64_t exception[EXCEPTION_BYTES / sizeof(uint64_t)];
    struct waiter waiter;
    release_unsent(call);
    if (result == CAPOS_ERR_NOT_FOUND)
        return;
    struct cap_call failed = {0};
    int32_t encoded =
        cap_call_fail(&failed, exception_of_error(result), "the server could not send its answer");
    struct submission answer = make_answer(&failed, call_id, encoded, exception);
    answer.cap_id = service->endpoint.id;
    (void)ring_run(&answer, &waiter);
}

/* What the answer to the call was to make is not there. */
static void forget_mints(struct capos_call *current, uint32_t call_id)
{
    const uint32_t count = current->mint_call_id == call_id ? current->mint_count : 0;
    current->mint_call_id = 0;
    for (uint32_t i = 0; i < count; i++)
        facet_dropped(current->service, current->mints[i].tag);
}

/* ---- One call. */

static inline bool find_target(struct capos_service *service, uint64_t tag, struct capos_target *target)
{
    if (service->find == NULL) {
        *target = service->target;
        return true;
    }
    if (__builtin_expect(__atomic_load_n(&service->dropping, __ATOMIC_SEQ_CST) != 0, 0)) {
        lock_service(service);
        unlock_service(service);
    }
    return service->find(service->context, tag, target);
}

/* What is the same for every call: where things are. */
static void prepare_calls(struct server *server)
{
    struct capos_call *current = &server->current;
    const struct capos_ipc_header *header = (const void *)server->inbox;
    current->call.params = header + 1;
    current->call.caps_in = server->caps_in;
    current->call.results = server->outbox;
    current->call.results_limit = CAPOS_MESSAGE_MAX_BYTES;
    current->mint_call_id = 0;
    current->header = header;
    current->service = server->service;
}

static __attribute__((noinline)) void take_caps(struct server *server, const struct capos_ipc_header *header)
{
    const char *params = (const char *)(header + 1);
    const struct capos_xfer_result *records = (const void *)(params + round_up_8(header->params_len));
    server->current.kept = 0;
    for (size_t i = 0; i < header->cap_count; i++)
        server->caps_in[i] =
            (struct cap_transfer){records[i].cap_id, CAPOS_XFER_COPY, records[i].interface_id};
}

/* dispatch fills in the rest. */
static inline void prepare_call(struct server *server, const struct capos_ipc_header *header)
{
    struct capos_call *current = &server->current;
    current->call.params_bytes = header->params_len;
    current->call.caps_in_count = header->cap_count;
    if (__builtin_expect(header->cap_count != 0, 0))
        take_caps(server, header);
}

static inline int32_t run_call(struct server *server, const struct capos_ipc_header *header)
{
    struct capos_call *current = &server->current;
    struct capos_target target;
    if (__builtin_expect(!find_target(server->service, header->tag, &target), 0)) {
        current->call.caps_out_count = 0;
        return cap_call_fail(&current->call, CAPOS_EXCEPTION_DISCONNECTED, "the object is gone");
    }
    return target.dispatch(target.ops, target.self, header->method_id, &current->call);
}

static void release_call_caps(struct ring *ring, struct server *server)
{
    for (size_t i = 0; i < server->current.call.caps_in_count; i++) {
        if ((server->current.kept & 1u << i) == 0)
            queue_release(ring, server, server->caps_in[i].id);
    }
}

/* Of the call in the inbox. Its object may go from here on, so what the method left there has been encoded;
 * and what that news leads to may enter the kernel, so the next receive is not queued yet. */
static inline void finish_active(struct server *server)
{
    if (__builtin_expect(end_active(&server->active), 0))
        facet_dropped(server->service, server->current.header->tag);
}

/* Results with capabilities, in the outbox. They may be some that came with the call: those are released
 * behind the answer. */
static bool queue_answer_with_caps(struct ring *ring, struct server *server, uint32_t len)
{
    struct capos_call *current = &server->current;
    const uint32_t call_id = current->header->call_id;
    const bool alone = current->call.caps_in_count != 0;
    struct submission answer = {
        .len = len,
        .xfer_cap_count = (uint16_t)add_descriptors(server->outbox, len, &current->call),
        .call_id = call_id,
    };
    if (current->mint_call_id == call_id)
        add_mints(server->outbox, len, current);
    finish_active(server);
    const bool receives = queue_answer(ring, server, &answer, alone);
    release_call_caps(ring, server);
    return receives;
}

static bool queue_exception(struct ring *ring, struct server *server, int32_t encoded)
{
    uint64_t exception[EXCEPTION_BYTES / sizeof(uint64_t)];
    struct capos_call *current = &server->current;
    forget_mints(current, current->header->call_id);
    struct submission answer = make_answer(&current->call, current->header->call_id, encoded, exception);
    __builtin_memcpy(server->outbox, exception, answer.len); /* what it says lies on this stack */
    finish_active(server);
    release_call_caps(ring, server);
    return queue_answer(ring, server, &answer, false);
}

static __attribute__((noinline)) bool queue_other_answer(struct ring *ring, struct server *server,
                                                         int32_t encoded)
{
    if (encoded < 0)
        return queue_exception(ring, server, encoded);
    if (encoded != CAP_CALL_PENDING)
        return queue_answer_with_caps(ring, server, (uint32_t)encoded);
    server->current.call.caps_out_count = 0;
    finish_active(server);
    release_call_caps(ring, server);
    return false;
}

/* Works on the call in the inbox and queues its answer. True: that goes on as the next receive. */
static inline bool serve_call(struct ring *ring, struct server *server, const struct capos_ipc_header *header)
{
    struct capos_call *current = &server->current;
    const uint32_t tail = ring->header->sq_tail; /* the queue is empty */
    prepare_call(server, header);
    begin_active(&server->active, header->tag);
    int32_t encoded = run_call(server, header);
    if (__builtin_expect(ring->header->sq_tail != tail, 0))
        make_room(ring); /* the method has started something */
    if (__builtin_expect(encoded < 0 || encoded == CAP_CALL_PENDING, 0))
        return queue_other_answer(ring, server, encoded);
    if (__builtin_expect((current->call.caps_out_count | current->call.caps_in_count) != 0, 0)) {
        if (current->call.caps_out_count != 0)
            return queue_other_answer(ring, server, encoded);
        release_call_caps(ring, server);
    }
    finish_active(server);
    return queue_plain_answer(ring, server, header->call_id, (uint32_t)encoded);
}

/* ---- The loop. */

/* An answer that failed, and that there was no receive behind. */
static void answer_failed(struct server *server, uint32_t call_id, int32_t result)
{
    return_failed(server->service, &server->current.call, call_id, result);
    forget_mints(&server->current, call_id);
}

static void check_returned(struct server *server)
{
    struct waiter *failed = &server->returned;
    if (__atomic_load_n(&failed->done, __ATOMIC_RELAXED) == 0)
        return;
    failed->done = 0;
    answer_failed(server, server->returned_call_id, failed->result);
}

static __attribute__((noinline)) int32_t await_message(struct ring *ring, struct server *server)
{
    server->received.done = 0;
    ring_reap(ring);
    check_returned(server);
    int32_t status = ring_await(ring, &server->received);
    if (status < 0)
        return status;
    return server->received.result < 0 ? server->received.result : CAPOS_OK;
}

/* What the receive answered, or the answer that was to go on as one: then received.call_id says so. */
static inline int32_t wait_for_message(struct ring *ring, struct server *server)
{
    int64_t entered = sys_cap_enter(1, CAPOS_TIMEOUT_NEVER);
    struct capos_ring_header *header = ring->header;
    const struct capos_cqe *cqe = first_completion(ring, header);
    if (__builtin_expect(entered != 1, 0) ||
        __builtin_expect(cqe->user_data != (uintptr_t)&server->received, 0) ||
        __builtin_expect(cqe->result < 0, 0))
        return await_message(ring, server);
    take_completion(header);
    return CAPOS_OK;
}

/* Wakes one thread that receives: with the news of a facet that nobody ever held. */
static void wake_one(struct capos_service *service)
{
    struct cap_endpoint_mint_results minted;
    if (cap_endpoint_mint(service->endpoint, CAPOS_TAG_RESERVED, 0, &minted) >= 0)
        cap_release(minted.client);
}

/* True: there is a call besides. */
static __attribute__((noinline)) bool take_news(struct ring *ring, struct server *server,
                                                const struct capos_ipc_header *header)
{
    const bool with_call = (header->flags & CAPOS_IPC_DROPPED) == 0;
    const uint64_t tag = with_call ? header->dropped_tag : header->tag;
    server->current.call.caps_out_count = 0;
    if (tag != CAPOS_TAG_RESERVED)
        facet_dropped(server->service, tag);
    make_room(ring);
    return with_call;
}

static inline int32_t serve_loop(struct ring *ring, struct server *server)
{
    const struct capos_ipc_header *header = (const void *)server->inbox;
    bool receives = false;
    make_room(ring);
    for (;;) { /* there is room: an answer makes some for the next receive too */
        if (__builtin_expect(!receives, 0)) {
            if (is_stopping(server->service))
                return CAPOS_OK;
            queue_receive(ring, server);
        }
        int32_t result = wait_for_message(ring, server);
        receives = false;
        if (__builtin_expect(result < 0, 0)) {
            if (server->received.call_id == 0)
                return result;
            answer_failed(server, server->received.call_id, result);
        } else if (__builtin_expect(header->flags == 0, 1) || take_news(ring, server, header)) {
            receives = serve_call(ring, server, header);
        }
    }
}

int32_t capos_serve(struct capos_service *service)
{
    struct server server;
    struct ring *ring = &ring_self;
    __asm__("" : "+r"(ring)); /* an address in a register, not one to be worked out at each use */
    server.service = service;
    server.returned.done = 0;
    server.received.call_id = 0;
    server.active.state = IDLE;
    server.current.call.caps_out_count = 0;
    prepare_calls(&server);
    forget_entries(ring);
    lock_service(service);
    add_active_locked(service, &server.active);
    service->threads++;
    unlock_service(service);
    int32_t status = serve_loop(ring, &server);
    (void)cap_submit(); /* the last answer */
    check_returned(&server);
    forget_entries(ring); /* a method may have served something else, and goes on */
    lock_service(service);
    remove_active_locked(service, &server.active);
    bool others = --service->threads != 0;
    unlock_service(service);
    if (others && is_stopping(service))
        wake_one(service);
    return status;
}

void capos_serve_stop(struct capos_service *service)
{
    __atomic_store_n(&service->stopping, 1, __ATOMIC_RELEASE);
    wake_one(service);
}

/* ---- For methods. */

void capos_call_keep(struct cap_call *call, uint32_t cap_id)
{
    struct capos_call *current = capos_call_of(call);
    for (size_t i = 0; i < call->caps_in_count; i++) {
        if (call->caps_in[i].id == cap_id)
            current->kept |= 1u << i;
    }
}

static __attribute__((noinline)) int32_t mint_by_stub(struct capos_service *service, uint64_t tag,
                                                      uint64_t interface_id, cap_any *out)
{
    struct cap_endpoint_mint_results minted;
    int32_t status = cap_endpoint_mint(service->endpoint, tag, interface_id, &minted);
    if (status < 0)
        return status;
    *out = (cap_any){.id = minted.client.id, .mode = CAPOS_XFER_MOVE};
    return CAPOS_OK;
}

/* The stub's work without the stub: of the answer only the capability's record matters, which lies behind it.
 */
int32_t capos_mint(struct capos_service *service, uint64_t tag, uint64_t interface_id, cap_any *out)
{
    const struct cap_endpoint_mint_params params = {tag, interface_id};
    uint64_t request[MINT_WORDS], results[MINT_WORDS];
    struct cap_transfer none[1];
    size_t none_count = 0;
    struct waiter waiter;
    int32_t bytes = cap_endpoint_mint_params_encode(&params, request, sizeof request, none, &none_count);
    if (bytes < 0)
        return bytes;
    struct submission mint = {
        .addr = (uintptr_t)request,
        .len = (uint32_t)bytes,
        .result_addr = (uintptr_t)results,
        .result_len = sizeof results,
        .cap_id = service->endpoint.id,
        .method_id = CAP_ENDPOINT_MINT,
        .opcode = CAPOS_OP_CALL,
    };
    int32_t status = ring_run(&mint, &waiter);
    if (status < 0)
        return status;
    /* What went wrong the stub tells in full. */
    if (waiter.result < 0 || waiter.cap_count != 1)
        return mint_by_stub(service, tag, interface_id, out);
    const struct capos_xfer_result *record =
        (const void *)((char *)results + round_up_8(waiter.payload_bytes));
    *out = (cap_any){.id = record->cap_id, .mode = CAPOS_XFER_MOVE};
    return CAPOS_OK;
}

int32_t capos_mint_result(struct cap_call *call, uint64_t tag, uint64_t interface_id, cap_any *out)
{
    struct capos_call *current = capos_call_of(call);
    if (current->mint_call_id != current->header->call_id)
        current->mint_count = 0;
    if (current->mint_count == CAPOS_XFER_CAPS_MAX)
        return CAPOS_ERR_TOO_LARGE;
    current->mint_call_id = current->header->call_id;
    current->mints[current->mint_count++] = (struct capos_xfer_mint){tag, interface_id};
    *out = (cap_any){.id = current->mint_count, .mode = CAPOS_XFER_MINT};
    return CAPOS_OK;
}

void capos_call_defer(struct cap_call *call, struct capos_deferred *deferred)
{
    struct capos_call *current = capos_call_of(call);
    *deferred = (struct capos_deferred){.service = current->service, .call_id = current->header->call_id};
    begin_active(&deferred->active, current->header->tag);
    lock_service(current->service);
    add_active_locked(current->service, &deferred->active);
    unlock_service(current->service);
}

struct cap_call *capos_deferred_begin(struct capos_deferred *deferred, void *results, size_t size)
{
    const size_t behind = CAPOS_XFER_CAPS_MAX * sizeof(struct capos_xfer_desc);
    size_t room = size < behind ? 0 : size - behind;
    deferred->call.results = results;
    deferred->call.results_limit = room < CAPOS_MESSAGE_MAX_BYTES ? room : CAPOS_MESSAGE_MAX_BYTES;
    return &deferred->call;
}

int32_t capos_deferred_end(struct capos_deferred *deferred, int32_t encoded)
{
    uint64_t exception[EXCEPTION_BYTES / sizeof(uint64_t)];
    struct capos_service *service = deferred->service;
    struct waiter waiter;
    struct submission answer = make_answer(&deferred->call, deferred->call_id, encoded, exception);
    answer.cap_id = service->endpoint.id;
    int32_t status = ring_run(&answer, &waiter);
    if (status >= 0 && waiter.result < 0)
        return_failed(service, &deferred->call, deferred->call_id, waiter.result);
    uint64_t tag = deferred->active.tag;
    lock_service(service);
    remove_active_locked(service, &deferred->active);
    unlock_service(service);
    if (end_active(&deferred->active))
        facet_dropped(service, tag);
    return status < 0 ? status : waiter.result;
}

/* ---- One call at a time
 * --------------------------------------------------------------------------------------- */

int32_t capos_receive_start(cap_endpoint endpoint, struct cap_pending *pending, struct capos_inbox *inbox)
{
    struct submission receive = {
        .result_addr = (uintptr_t)inbox->bytes,
        .result_len = sizeof inbox->bytes,
        .cap_id = endpoint.id,
        .opcode = CAPOS_OP_RECV,
    };
    pending->target = NULL;
    pending->message.results = inbox->bytes;
    pending->message.results_limit = 0; /* the records lie elsewhere than behind an answer */
    return ring_start(pending, &receive);
}

static int32_t answer_one(cap_endpoint endpoint, struct cap_call *call, uint32_t call_id, int32_t encoded)
{
    uint64_t exception[EXCEPTION_BYTES / sizeof(uint64_t)];
    struct waiter waiter;
    if (encoded == CAP_CALL_PENDING)
        encoded = cap_call_fail(call, CAPOS_EXCEPTION_FAILED, "this server cannot answer later");
    struct submission answer = make_answer(call, call_id, encoded, exception);
    answer.cap_id = endpoint.id;
    int32_t status = ring_run(&answer, &waiter);
    return status < 0 ? status : waiter.result;
}

int32_t capos_answer(cap_endpoint endpoint, struct capos_inbox *inbox, const struct capos_target *target,
                     struct capos_outbox *outbox)
{
    const struct capos_ipc_header *header = (const void *)inbox->bytes;
    const char *params = (const char *)(header + 1);
    const struct capos_xfer_result *records = (const void *)(params + round_up_8(header->params_len));
    struct cap_transfer caps_in[CAPOS_XFER_CAPS_MAX];
    if (header->flags & CAPOS_IPC_DROPPED)
        return CAPOS_OK;
    for (size_t i = 0; i < header->cap_count; i++)
        caps_in[i] = (struct cap_transfer){records[i].cap_id, CAPOS_XFER_COPY, records[i].interface_id};
    struct capos_call current = {
        .call = {.params = params,
                 .params_bytes = header->params_len,
                 .caps_in = caps_in,
                 .caps_in_count = header->cap_count,
                 .results = outbox->bytes,
                 .results_limit = CAPOS_MESSAGE_MAX_BYTES},
        .header = header,
    };
    int32_t encoded = target->dispatch(target->ops, target->self, header->method_id, &current.call);
    if (current.mint_call_id != 0 && encoded >= 0)
        encoded =
            cap_call_fail(&current.call, CAPOS_EXCEPTION_FAILED, "this server's answers make no facets");
    int32_t status = answer_one(endpoint, &current.call, header->call_id, encoded);
    for (size_t i = 0; i < header->cap_count; i++)
        cap_release_id(caps_in[i].id);
    return status;
}
