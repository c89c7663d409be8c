#include "core/ipc.h"
#include "arch/arch.h"
#include "core/captable.h"
#include "core/ipc_inside.h"
#include "core/process.h"
#include "core/ring.h"
#include "mm/ledger.h"
#include "object/revocation.h"
#include <capos/endpoint.h>

static const char receiver_has_no_slots[] = "the server's capability table is full";
static const char endpoint_is_dead[] = "the server is gone";
static const char queue_is_full[] = "the server's queue is full";

static struct captable *table_of(const struct pending *pending)
{
    return &pending->thread->process->captable;
}

void ipc_endpoint_init(struct ipc_endpoint *endpoint)
{
    spinlock_init(&endpoint->lock, LOCK_OBJECT);
    list_init(&endpoint->queue);
    list_init(&endpoint->receivers);
}

/* ---- Ends. The record is BUSY and the caller's of these functions; it is gone afterwards. */

static void set_done(struct pending *pending)
{
    struct ipc_endpoint *endpoint = pending->ipc.endpoint;
    ipc_lock(endpoint);
    pending->ipc.state = IPC_DONE;
    spinlock_release(&endpoint->lock);
}

static void end_with(struct pending *pending, int32_t result, uint32_t payload_len)
{
    struct capos_cqe cqe = {.result = result, .payload_len = payload_len};
    set_done(pending);
    pending_complete_handoff(pending, &cqe);
}

static void end_with_exception(struct pending *call, enum capos_exception_kind kind, const char *reason)
{
    struct kcall reply;
    set_done(call);
    pending_reply_begin(call, &reply);
    pending_reply_end(call, &reply, cap_call_fail(&reply.call, kind, reason));
}

/* A call that no receiver has got: what it brought stays with the caller. */
static void undeliverable(struct pending *call)
{
    ipc_caps_end(table_of(call), call->ipc.caps, call->ipc.cap_count, false);
    call->ipc.cap_count = 0;
}

static void refuse(struct pending *call, enum capos_exception_kind kind, const char *reason)
{
    set_done(call); /* references go */
    undeliverable(call);
    end_with_exception(call, kind, reason);
}

/* ---- Holders. */

/* Ends what the process has at the endpoint if it does not hold the capability any more: a sibling of the
 * thread that receives or answers released it while the call (the receive) was in no list, so that
 * ipc_holder_ended did not see it. After it was put into one: then either the sibling's does, or it is seen
 * here that the capability is gone. */
static void check_still_held(struct ipc_endpoint *endpoint, struct process *process, uint32_t server_cap_id)
{
    struct capability held = {NULL, NULL};
    if (captable_get(&process->captable, server_cap_id, &held) == CAPOS_OK)
        object_put(held.object);
    else
        ipc_holder_ended(&endpoint->server, process);
}

/* ---- Delivery: a claimed message to a claimed receiver. Each of the two is ended, or put back. */

/* The endpoint may have died meanwhile; then nothing is put back. */
static void put_back_message(struct ipc_endpoint *endpoint, struct ipc_message *message)
{
    ipc_lock(endpoint);
    bool dead = endpoint->dead;
    if (!dead)
        add_message_locked(endpoint, message, true);
    spinlock_release(&endpoint->lock);
    if (!dead)
        return;
    if (message->dropped)
        ipc_facet_free(facet_of_message(message));
    else
        refuse(pending_of_message(message), CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
}

/* Nothing else may be BUSY. `departures_before`: when the receiver was claimed. */
static void put_back_receiver(struct ipc_endpoint *endpoint, struct pending *receiver,
                              uint32_t departures_before)
{
    struct process *process = receiver->thread->process;
    uint32_t server_cap_id = receiver->ipc.server_cap_id;
    object_get(&process->object); /* when it waits again it may end at once, and the process with it */
    ipc_lock(endpoint);
    bool dead = endpoint->dead, left = endpoint->departures != departures_before;
    if (!dead)
        add_receiver_locked(endpoint, receiver);
    spinlock_release(&endpoint->lock);
    if (dead)
        end_with(receiver, CAPOS_ERR_STALE_CAP, 0);
    else if (left)
        check_still_held(endpoint, process, server_cap_id);
    object_put(&process->object);
}

static uint64_t message_bytes(const struct pending *call)
{
    uint64_t payload = sizeof(struct capos_ipc_header) + call->ipc.params_len;
    return call->ipc.cap_count == 0
               ? payload
               : align_up(payload, 8) + call->ipc.cap_count * sizeof(struct capos_xfer_result);
}

static inline status_t copy_header(const struct pending *call, struct process *to, uaddr_t target)
{
    const struct ipc_wait *ipc = &call->ipc;
    const struct capos_ipc_header header = {
        .call_id = ipc->call_id,
        .method_id = ipc->method_id,
        .cap_count = ipc->cap_count,
        .params_len = ipc->params_len,
        .tag = ipc->tag,
        .caller_ref = ipc->caller_ref[0],
        .caller_ref_hi = ipc->caller_ref[1],
        .deadline_ns = ipc->deadline_ns,
    };
    return ipc_write(to, target, &header, sizeof(header));
}

static enum ipc_side copy_message(struct pending *call, struct pending *receiver,
                                  const struct ipc_slot *slots)
{
    const struct ipc_wait *ipc = &call->ipc;
    struct process *to = receiver->thread->process;
    uaddr_t target = receiver->result_addr;
    if (copy_header(call, to, target) < 0)
        return IPC_SIDE_RECEIVER;
    target += sizeof(struct capos_ipc_header);
    enum ipc_side failed = ipc_copy(call->thread->process, ipc->params, to, target, ipc->params_len);
    if (failed != IPC_SIDE_NONE)
        return failed;
    return ipc_write_records(to, target + ipc->params_len, ipc->cap_count, slots) < 0 ? IPC_SIDE_RECEIVER
                                                                                      : IPC_SIDE_NONE;
}

/* The call is the receiver's now, whatever becomes of the endpoint. False: that has died, and the call with
 * it. */
static bool hand_over(struct ipc_endpoint *endpoint, struct pending *call, struct pending *receiver,
                      uint32_t *departures)
{
    ipc_lock(endpoint);
    bool alive = !endpoint->dead;
    if (alive) {
        call->ipc.receiver = receiver->thread->process;
        add_delivered_locked(endpoint, call);
    }
    receiver->ipc.state = IPC_DONE;
    *departures = endpoint->departures;
    spinlock_release(&endpoint->lock);
    return alive;
}

static inline void complete_receive(struct pending *receiver, uint32_t call_id, uint32_t payload_bytes,
                                    uint32_t cap_count)
{
    struct capos_cqe cqe = {
        .result = (int32_t)payload_bytes,
        .payload_len = payload_bytes,
        .cap_count = (uint16_t)cap_count,
        .call_id = call_id,
    };
    pending_complete_handoff(receiver, &cqe);
}

/* Both sides learn of a delivery. Afterwards neither record is the caller's. */
static void conclude(struct ipc_endpoint *endpoint, struct pending *call, struct pending *receiver,
                     uint32_t cap_count, uint32_t departures_before)
{
    uint32_t call_id = call->ipc.call_id;
    uint32_t bytes = (uint32_t)sizeof(struct capos_ipc_header) + call->ipc.params_len;
    uint32_t departures;
    if (!hand_over(endpoint, call, receiver, &departures))
        end_with_exception(call, CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
    else if (departures != departures_before)
        check_still_held(endpoint, receiver->thread->process, receiver->ipc.server_cap_id);
    complete_receive(receiver, call_id, bytes, cap_count);
}

/* Everything is copied: the capabilities change hands. The sender's table is there while its call is BUSY, so
 * they leave it before; what that leaves of references goes when nothing is BUSY. */
static void conclude_with_caps(struct ipc_endpoint *endpoint, struct pending *call, struct pending *receiver,
                               const struct ipc_slot *slots, uint32_t departures_before)
{
    struct ipc_cap caps[CAPOS_XFER_CAPS_MAX];
    struct process *sender = call->thread->process;
    uint32_t count = call->ipc.cap_count;
    for (uint32_t i = 0; i < count; i++)
        caps[i] = call->ipc.caps[i];
    object_get(&sender->object);
    ipc_caps_publish(table_of(receiver), count, slots);
    ipc_caps_take_out(table_of(call), caps, count);
    call->ipc.cap_count = 0;
    conclude(endpoint, call, receiver, count, departures_before);
    ipc_caps_give_up(sender, caps, count);
    object_put(&sender->object);
}

/* Bad memory on one side: that one is ended, the other waits again. */
static void cannot_deliver(struct ipc_endpoint *endpoint, struct pending *call, struct pending *receiver,
                           const struct ipc_slot *slots, enum ipc_side failed, uint32_t departures)
{
    ipc_slots_cancel(table_of(receiver), call->ipc.cap_count, slots);
    ipc_slots_put(call->ipc.cap_count, slots); /* not the last: those of the call are there */
    if (failed == IPC_SIDE_SENDER) {
        set_done(call);
        put_back_receiver(endpoint, receiver, departures);
        undeliverable(call);
        end_with(call, CAPOS_ERR_BAD_ADDRESS, 0);
    } else {
        set_done(receiver);
        put_back_message(endpoint, &call->ipc.message);
        end_with(receiver, CAPOS_ERR_BAD_ADDRESS, 0);
    }
}

static void deliver_call(struct ipc_endpoint *endpoint, struct pending *call, struct pending *receiver,
                         uint32_t departures)
{
    struct ipc_slot slots[CAPOS_XFER_CAPS_MAX];
    uint64_t needed = message_bytes(call);
    if (needed > receiver->result_len) {
        set_done(receiver);
        put_back_message(endpoint, &call->ipc.message);
        end_with(receiver, CAPOS_ERR_RESULT_TRUNCATED, (uint32_t)needed);
        return;
    }
    if (ipc_caps_reserve(receiver->thread->process, NULL, call->ipc.caps, call->ipc.cap_count, slots) < 0) {
        set_done(call);
        put_back_receiver(endpoint, receiver, departures);
        refuse(call, CAPOS_EXCEPTION_OVERLOADED, receiver_has_no_slots);
        return;
    }
    enum ipc_side failed = copy_message(call, receiver, slots);
    if (failed == IPC_SIDE_NONE && call->ipc.cap_count == 0)
        conclude(endpoint, call, receiver, 0, departures);
    else if (failed == IPC_SIDE_NONE)
        conclude_with_caps(endpoint, call, receiver, slots, departures);
    else
        cannot_deliver(endpoint, call, receiver, slots, failed, departures);
}

static void deliver_dropped(struct ipc_endpoint *endpoint, struct ipc_facet *facet, struct pending *receiver)
{
    const struct capos_ipc_header header = {.flags = CAPOS_IPC_DROPPED, .tag = facet->tag};
    if (ipc_write(receiver->thread->process, receiver->result_addr, &header, sizeof(header)) < 0) {
        put_back_message(endpoint, &facet->message);
        end_with(receiver, CAPOS_ERR_BAD_ADDRESS, 0);
        return;
    }
    ipc_facet_free(facet); /* the receiver holds the core: the endpoint is still there */
    set_done(receiver);
    complete_receive(receiver, 0, sizeof(header), 0);
}

/* Claims the first message and a receiver for it. */
static bool claim(struct ipc_endpoint *endpoint, struct ipc_message **message, struct pending **receiver,
                  uint32_t *departures)
{
    ipc_lock(endpoint);
    struct list_node *node = list_first(&endpoint->receivers);
    *message = first_message(endpoint);
    bool both = node != NULL && *message != NULL;
    if (both) {
        *receiver = pending_of_node(node);
        take_receiver_locked(endpoint, *receiver, IPC_BUSY);
        take_message_locked(endpoint, *message, IPC_BUSY);
        if (!(*message)->dropped)
            pending_of_message(*message)->ipc.call_id = new_call_id_locked(endpoint);
        *departures = endpoint->departures_over;
    }
    spinlock_release(&endpoint->lock);
    return both;
}

/* Joins messages and receivers until one of them is used up. Whoever calls it holds a reference to the
 * endpoint. Every round ends a call, a receive or a facet, so it ends. */
static void ipc_pump(struct ipc_endpoint *endpoint)
{
    struct ipc_message *message;
    struct pending *receiver;
    uint32_t departures;
    while (claim(endpoint, &message, &receiver, &departures)) {
        if (message->dropped)
            deliver_dropped(endpoint, facet_of_message(message), receiver);
        else
            deliver_call(endpoint, pending_of_message(message), receiver, departures);
    }
}

/* ---- Cancelling: CANCEL, deadline, the death of the thread. */

static bool take_if_call_locked(struct ipc_endpoint *endpoint, struct pending *call)
{
    if (call->ipc.state == IPC_WAITING) {
        take_message_locked(endpoint, &call->ipc.message, IPC_DONE);
        return true;
    }
    if (call->ipc.state == IPC_DELIVERED) {
        take_delivered_locked(endpoint, find_delivered_locked(endpoint, call->ipc.call_id), IPC_DONE);
        return true;
    }
    return false;
}

static bool take_if_receive_locked(struct ipc_endpoint *endpoint, struct pending *receiver)
{
    if (receiver->ipc.state != IPC_WAITING)
        return false;
    take_receiver_locked(endpoint, receiver, IPC_DONE);
    return true;
}

/* Waits out a claim. True: the record is now the caller's, DONE. */
static bool take(struct pending *pending, bool (*take_locked)(struct ipc_endpoint *, struct pending *))
{
    struct ipc_endpoint *endpoint = pending->ipc.endpoint;
    for (;;) {
        ipc_lock(endpoint);
        bool taken = take_locked(endpoint, pending);
        bool busy = pending->ipc.state == IPC_BUSY;
        spinlock_release(&endpoint->lock);
        if (!busy)
            return taken;
        arch_relax();
    }
}

bool ipc_call_cancel(struct pending *call)
{
    if (!take(call, take_if_call_locked))
        return false;
    undeliverable(call); /* does nothing for one that was delivered */
    return true;
}

bool ipc_receive_cancel(struct pending *receiver)
{
    return take(receiver, take_if_receive_locked);
}

/* ---- CALL. */

enum admission { ADMITTED, ENDPOINT_DEAD, QUEUE_FULL };

static enum admission enqueue(struct ipc_facet *facet, struct pending *call)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    enum admission admission = ADMITTED;
    ipc_lock(endpoint);
    if (endpoint->dead)
        admission = ENDPOINT_DEAD;
    else if (endpoint->queued >= endpoint->queue_max && endpoint->receiving == 0)
        admission = QUEUE_FULL;
    if (admission == ADMITTED) {
        remember_caller(facet, call);
        add_message_locked(endpoint, &call->ipc.message, false);
    }
    spinlock_release(&endpoint->lock);
    return admission;
}

/* The short way: a receiver waits, nothing but bytes is sent, and they go straight into its buffer. False:
 * not so, or a page was not there; nothing has happened then. The receive is the caller's to complete. */
static inline bool deliver_short_locked(struct ipc_endpoint *endpoint, struct ipc_facet *facet,
                                        struct pending *call, struct pending *receiver)
{
    struct ipc_wait *ipc = &call->ipc;
    struct process *to = receiver->thread->process;
    uint32_t len = ipc->params_len;
    if (__builtin_expect(endpoint->dead || len > SHORT_BYTES ||
                             len + sizeof(struct capos_ipc_header) > receiver->result_len,
                         0))
        return false;
    remember_caller(facet, call);
    ipc->call_id = new_call_id_locked(endpoint);
    if (__builtin_expect(copy_header(call, to, receiver->result_addr) < 0, 0))
        return false;
    if (len != 0 && __builtin_expect(ipc_copy(call->thread->process, ipc->params, to,
                                              receiver->result_addr + sizeof(struct capos_ipc_header),
                                              len) != IPC_SIDE_NONE,
                                     0))
        return false;
    take_receiver_locked(endpoint, receiver, IPC_DONE);
    ipc->receiver = to;
    add_delivered_locked(endpoint, call);
    return true;
}

static inline bool try_short_way(struct ipc_facet *facet, struct pending *call)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    struct pending *receiver = NULL;
    bool delivered = false;
    ipc_lock(endpoint);
    struct list_node *node = list_first(&endpoint->receivers);
    uint32_t len = call->ipc.params_len;
    uint32_t call_id = 0;
    if (__builtin_expect(node != NULL, 1)) {
        receiver = pending_of_node(node);
        delivered = deliver_short_locked(endpoint, facet, call, receiver);
        call_id = call->ipc.call_id;
    }
    spinlock_release(&endpoint->lock);
    if (delivered)
        complete_receive(receiver, call_id, (uint32_t)sizeof(struct capos_ipc_header) + len, 0);
    return delivered;
}

static inline void describe_call(struct ipc_wait *ipc, const struct ipc_facet *facet,
                                 const struct kcall *kcall, uaddr_t params, uint32_t params_len)
{
    ipc->endpoint = facet->endpoint;
    ipc->message.dropped = false;
    ipc->state = IPC_NEW;
    ipc->cap_count = 0;
    ipc->method_id = kcall->sqe.method_id;
    ipc->params = params;
    ipc->params_len = params_len;
    ipc->deadline_ns = kcall->sqe.deadline_ns;
    ipc->tag = facet->tag;
}

static __attribute__((noinline)) int32_t call_by_queue(struct ipc_facet *facet, struct pending *call)
{
    switch (enqueue(facet, call)) {
    case ADMITTED:
        ipc_pump(facet->endpoint);
        break;
    case ENDPOINT_DEAD:
        refuse(call, CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
        break;
    case QUEUE_FULL:
        refuse(call, CAPOS_EXCEPTION_OVERLOADED, queue_is_full);
        break;
    }
    return CAP_CALL_PENDING;
}

static __attribute__((noinline)) int32_t call_with_caps(struct ipc_facet *facet, struct kcall *kcall,
                                                        uaddr_t params, uint32_t params_len,
                                                        uint32_t cap_count)
{
    struct captable *table = &kcall->thread->process->captable;
    struct ipc_cap caps[CAPOS_XFER_CAPS_MAX];
    struct pending *call;
    if (cap_count > CAPOS_XFER_CAPS_MAX)
        return CAPOS_ERR_TOO_LARGE;
    status_t status = ipc_caps_begin(table, align_up(params + params_len, 8), cap_count, false, caps);
    if (status < 0)
        return status;
    status = pending_create(&kcall->call, &facet->object, ipc_call_cancel, &call);
    if (status < 0) {
        ipc_caps_end(table, caps, cap_count, false);
        return status;
    }
    describe_call(&call->ipc, facet, kcall, params, params_len);
    call->ipc.cap_count = (uint8_t)cap_count;
    for (uint32_t i = 0; i < cap_count; i++)
        call->ipc.caps[i] = caps[i];
    return call_by_queue(facet, call);
}

int32_t ipc_call(struct ipc_facet *facet, struct kcall *kcall, uaddr_t params, uint32_t params_len,
                 uint32_t cap_count)
{
    struct pending *call;
    if (__builtin_expect(cap_count != 0, 0))
        return call_with_caps(facet, kcall, params, params_len, cap_count);
    status_t status = pending_create(&kcall->call, &facet->object, ipc_call_cancel, &call);
    if (__builtin_expect(status < 0, 0))
        return status;
    describe_call(&call->ipc, facet, kcall, params, params_len);
    if (__builtin_expect(try_short_way(facet, call), 1))
        return CAP_CALL_PENDING;
    return call_by_queue(facet, call);
}

/* ---- RECV. */

static inline struct sqe_words words_of(const struct capos_sqe *sqe)
{
    struct sqe_words words;
    __builtin_memcpy(&words, sqe, sizeof(words));
    return words;
}

static inline status_t check_receive(const struct capos_sqe *sqe)
{
    const struct sqe_words words = words_of(sqe);
    const uint64_t target = (uint64_t)CAPOS_OP_RECV << 48 | sqe->cap_id;
    if (__builtin_expect(((words.target ^ target) | words.addr | (uint32_t)words.lengths | words.transfer |
                          words.pipeline | (words.result_addr & 7)) == 0,
                         1))
        return CAPOS_OK;
    if ((sqe->method_id | sqe->flags | sqe->addr | sqe->len | sqe->call_id | sqe->xfer_cap_count |
         sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    return (sqe->result_addr & 7) != 0 ? CAPOS_ERR_UNALIGNED : CAPOS_OK;
}

/* The running process' capability that the entry names, referenced, and the endpoint behind it, borrowed.
 * WRONG_INTERFACE: it is no server facet. */
static __attribute__((noinline)) status_t
server_facet_shared(const struct kcall *kcall, struct capability *named, struct ipc_endpoint **out)
{
    status_t status = captable_get(&kcall->thread->process->captable, kcall->sqe.cap_id, named);
    if (status < 0)
        return status;
    struct capability resolved = *named;
    status = capability_resolve(&resolved);
    if (status == CAPOS_OK && resolved.type != &endpoint_type)
        status = CAPOS_ERR_WRONG_INTERFACE;
    if (status < 0)
        object_put(named->object);
    *out = container_of(resolved.object, struct ipc_endpoint, server);
    return status;
}

static void start_receiving(struct ipc_endpoint *endpoint, struct pending *receiver)
{
    ipc_lock(endpoint);
    add_receiver_locked(endpoint, receiver);
    bool messages = !list_is_empty(&endpoint->queue);
    spinlock_release(&endpoint->lock);
    if (__builtin_expect(messages, 0))
        ipc_pump(endpoint);
}

static inline int32_t receive(struct kcall *kcall, struct ipc_endpoint *endpoint)
{
    struct pending *receiver;
    status_t status = pending_create(&kcall->call, &endpoint->core, ipc_receive_cancel, &receiver);
    if (status < 0)
        return status;
    receiver->ipc.endpoint = endpoint;
    receiver->ipc.state = IPC_NEW;
    receiver->ipc.server_cap_id = kcall->sqe.cap_id;
    start_receiving(endpoint, receiver);
    return CAP_CALL_PENDING;
}

/* Any server facet. The receive ends when it was a revocable one and is revoked. */
static __attribute__((noinline)) int32_t receive_shared(struct kcall *kcall)
{
    struct capability named;
    struct ipc_endpoint *endpoint;
    status_t status = server_facet_shared(kcall, &named, &endpoint);
    if (status < 0)
        return status;
    struct membrane *membrane = membrane_of(named);
    int32_t result = membrane == NULL ? CAPOS_OK : membrane_call_begin(membrane, kcall);
    if (result == CAPOS_OK)
        result = receive(kcall, endpoint);
    if (result == CAP_CALL_PENDING)
        check_still_held(endpoint, kcall->thread->process, kcall->sqe.cap_id);
    if (membrane != NULL && kcall->membrane != NULL)
        result = membrane_call_end(kcall, result);
    object_put(named.object);
    return result;
}

int32_t ipc_receive(struct kcall *kcall)
{
    status_t status = check_receive(&kcall->sqe);
    if (status == CAPOS_OK && kcall->sqe.result_len < sizeof(struct capos_ipc_header)) {
        kcall->call.results_bytes = sizeof(struct capos_ipc_header);
        status = CAPOS_ERR_RESULT_TRUNCATED;
    }
    if (status < 0)
        return status;
    struct ipc_endpoint *endpoint = server_facet_alone(kcall->thread->process, kcall->sqe.cap_id);
    return __builtin_expect(endpoint != NULL, 1) ? receive(kcall, endpoint) : receive_shared(kcall);
}

/* ---- RETURN. */

static inline status_t check_return(const struct capos_sqe *sqe)
{
    const struct sqe_words words = words_of(sqe);
    const uint64_t target = (uint64_t)CAPOS_SQE_QUIET << 56 | (uint64_t)CAPOS_OP_RETURN << 48 | sqe->cap_id;
    if (__builtin_expect(((words.target ^ target) |
                          (words.lengths & ~(uint64_t)(CAPOS_MESSAGE_MAX_BYTES - 1)) | words.result_addr |
                          words.transfer >> 32 | words.pipeline | words.deadline_ns | (words.addr & 7)) == 0,
                         1))
        return CAPOS_OK;
    bool exception = (sqe->flags & CAPOS_SQE_EXCEPTION) != 0;
    if ((sqe->flags & ~(CAPOS_SQE_QUIET | CAPOS_SQE_EXCEPTION)) != 0 ||
        (sqe->result_len | sqe->result_addr | sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved |
         sqe->deadline_ns) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    if (exception ? sqe->xfer_cap_count != 0 || sqe->method_id > CAPOS_EXCEPTION_INVALID_ARGUMENT
                  : sqe->method_id != 0)
        return CAPOS_ERR_BAD_FLAGS;
    if ((sqe->addr & 7) != 0)
        return CAPOS_ERR_UNALIGNED;
    if (sqe->len > CAPOS_MESSAGE_MAX_BYTES || sqe->xfer_cap_count > CAPOS_XFER_CAPS_MAX)
        return CAPOS_ERR_TOO_LARGE;
    return CAPOS_OK;
}

/* The call that the process has to answer, claimed; null: it never was one, or its caller is gone. */
static struct pending *claim_delivered(struct ipc_endpoint *endpoint, uint32_t call_id,
                                       const struct process *process)
{
    ipc_lock(endpoint);
    struct pending **link = find_delivered_locked(endpoint, call_id);
    struct pending *call = *link;
    if (call != NULL && call->ipc.receiver != process)
        call = NULL;
    if (call != NULL)
        take_delivered_locked(endpoint, link, IPC_BUSY);
    spinlock_release(&endpoint->lock);
    return call;
}

static void put_back_delivered(struct ipc_endpoint *endpoint, struct pending *call, const struct kcall *kcall)
{
    ipc_lock(endpoint);
    bool dead = endpoint->dead;
    if (!dead)
        add_delivered_locked(endpoint, call);
    spinlock_release(&endpoint->lock);
    if (dead)
        end_with_exception(call, CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
    else
        check_still_held(endpoint, kcall->thread->process, kcall->sqe.cap_id);
}

/* The caller's side could not take the answer: it learns why, and for the server the call is over. */
static status_t cannot_take(struct pending *call, int32_t why, uint32_t payload_len)
{
    end_with(call, why, payload_len);
    return CAPOS_ERR_NOT_FOUND;
}

static status_t answer_exception(struct ipc_endpoint *endpoint, struct pending *call,
                                 const struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct capos_cqe cqe = {.result = CAPOS_ERR_EXCEPTION_TRUNCATED, .detail = sqe->method_id};
    if (sqe->len <= call->result_len) {
        enum ipc_side failed =
            ipc_copy(kcall->thread->process, sqe->addr, call->thread->process, call->result_addr, sqe->len);
        if (failed == IPC_SIDE_SENDER) {
            put_back_delivered(endpoint, call, kcall);
            return CAPOS_ERR_BAD_ADDRESS;
        }
        if (failed == IPC_SIDE_NONE) {
            cqe.result = CAPOS_ERR_EXCEPTION;
            cqe.payload_len = sqe->len;
        }
    }
    set_done(call);
    pending_complete_handoff(call, &cqe);
    return CAPOS_OK;
}

static enum ipc_side copy_answer(struct pending *call, const struct kcall *kcall,
                                 const struct ipc_slot *slots)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct process *to = call->thread->process;
    enum ipc_side failed = ipc_copy(kcall->thread->process, sqe->addr, to, call->result_addr, sqe->len);
    if (failed != IPC_SIDE_NONE)
        return failed;
    return ipc_write_records(to, call->result_addr + sqe->len, sqe->xfer_cap_count, slots) < 0
               ? IPC_SIDE_RECEIVER
               : IPC_SIDE_NONE;
}

/* Bad memory on one side. The slots' references (of membranes, perhaps) go when the call is not BUSY. */
static status_t not_answered(struct ipc_endpoint *endpoint, struct pending *call, const struct kcall *kcall,
                             const struct ipc_slot *slots, enum ipc_side failed)
{
    uint32_t count = kcall->sqe.xfer_cap_count;
    status_t status = CAPOS_ERR_BAD_ADDRESS;
    ipc_slots_cancel(table_of(call), count, slots);
    if (failed == IPC_SIDE_SENDER)
        put_back_delivered(endpoint, call, kcall);
    else
        status = cannot_take(call, CAPOS_ERR_BAD_ADDRESS, 0);
    ipc_slots_put(count, slots);
    return status;
}

/* OK: the capabilities have been published in the caller's table. */
static status_t answer_results(struct ipc_endpoint *endpoint, struct pending *call, const struct kcall *kcall,
                               struct ipc_cap *caps)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    uint32_t count = sqe->xfer_cap_count;
    struct ipc_slot slots[CAPOS_XFER_CAPS_MAX];
    uint64_t needed =
        count == 0 ? sqe->len : align_up(sqe->len, 8) + count * sizeof(struct capos_xfer_result);
    if (needed > call->result_len)
        return cannot_take(call, CAPOS_ERR_RESULT_TRUNCATED, sqe->len);
    status_t status = ipc_caps_reserve(call->thread->process, call->membrane, caps, count, slots);
    if (status < 0)
        return cannot_take(call, status, 0);
    enum ipc_side failed = copy_answer(call, kcall, slots);
    if (failed != IPC_SIDE_NONE)
        return not_answered(endpoint, call, kcall, slots, failed);
    ipc_caps_born(caps, count);
    ipc_caps_publish(table_of(call), count, slots);
    struct capos_cqe cqe = {
        .result = (int32_t)sqe->len, .payload_len = sqe->len, .cap_count = (uint16_t)count};
    set_done(call);
    pending_complete_handoff(call, &cqe);
    return CAPOS_OK;
}

static status_t answer(struct ipc_endpoint *endpoint, const struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct process *process = kcall->thread->process;
    struct ipc_cap caps[CAPOS_XFER_CAPS_MAX];
    status_t status = sqe->xfer_cap_count == 0
                          ? CAPOS_OK
                          : ipc_caps_begin(&process->captable, align_up(sqe->addr + sqe->len, 8),
                                           sqe->xfer_cap_count, true, caps);
    if (status < 0)
        return status;
    struct pending *call = claim_delivered(endpoint, sqe->call_id, process);
    if (call == NULL)
        status = CAPOS_ERR_NOT_FOUND;
    else if ((sqe->flags & CAPOS_SQE_EXCEPTION) != 0)
        status = answer_exception(endpoint, call, kcall);
    else
        status = answer_results(endpoint, call, kcall, caps);
    ipc_caps_end(&process->captable, caps, sqe->xfer_cap_count, status == CAPOS_OK);
    return status;
}

/* The short way: results that are nothing but bytes go straight into the caller's buffer. NULL: not so. */
static inline struct pending *answer_short_locked(struct ipc_endpoint *endpoint, const struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct process *process = kcall->thread->process;
    struct pending **link = find_delivered_locked(endpoint, sqe->call_id);
    struct pending *call = *link;
    if (__builtin_expect(call == NULL || call->ipc.receiver != process || sqe->len > call->result_len, 0))
        return NULL;
    if (sqe->len != 0 && __builtin_expect(ipc_copy(process, sqe->addr, call->thread->process,
                                                   call->result_addr, sqe->len) != IPC_SIDE_NONE,
                                          0))
        return NULL;
    take_delivered_locked(endpoint, link, IPC_DONE);
    return call;
}

static inline bool answer_short(struct ipc_endpoint *endpoint, const struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    if (__builtin_expect(
            sqe->len > SHORT_BYTES || sqe->xfer_cap_count != 0 || (sqe->flags & CAPOS_SQE_EXCEPTION) != 0, 0))
        return false;
    ipc_lock(endpoint);
    struct pending *call = answer_short_locked(endpoint, kcall);
    spinlock_release(&endpoint->lock);
    if (__builtin_expect(call == NULL, 0))
        return false;
    const struct capos_cqe cqe = {.result = (int32_t)sqe->len, .payload_len = sqe->len};
    pending_complete_handoff(call, &cqe);
    return true;
}

static __attribute__((noinline)) status_t return_shared(const struct kcall *kcall)
{
    struct capability named;
    struct ipc_endpoint *endpoint;
    status_t status = server_facet_shared(kcall, &named, &endpoint);
    if (status < 0)
        return status;
    status = answer(endpoint, kcall);
    object_put(named.object);
    return status;
}

int32_t ipc_return(struct kcall *kcall)
{
    status_t status = check_return(&kcall->sqe);
    if (__builtin_expect(status < 0, 0))
        return status;
    struct ipc_endpoint *endpoint = server_facet_alone(kcall->thread->process, kcall->sqe.cap_id);
    if (__builtin_expect(endpoint == NULL, 0))
        status = return_shared(kcall);
    else if (__builtin_expect(!answer_short(endpoint, kcall), 0))
        status = answer(endpoint, kcall);
    return status == CAPOS_OK && (kcall->sqe.flags & CAPOS_SQE_QUIET) != 0 ? CAP_CALL_PENDING : status;
}

/* ---- Ends of endpoints, holders and facets. */

/* Something that has to end now, claimed; false: nothing is left. */
static bool take_any_call(struct ipc_endpoint *endpoint, const struct process *of, struct pending **out)
{
    *out = NULL;
    ipc_lock(endpoint);
    for (size_t i = 0; i < IPC_DELIVERED_BUCKETS && *out == NULL && endpoint->delivered != 0; i++) {
        struct pending **link = &endpoint->calls[i];
        while (*link != NULL && of != NULL && (*link)->ipc.receiver != of)
            link = &(*link)->ipc.next_delivered;
        *out = *link;
        if (*link != NULL)
            take_delivered_locked(endpoint, link, IPC_BUSY);
    }
    spinlock_release(&endpoint->lock);
    return *out != NULL;
}

static bool take_any_receiver(struct ipc_endpoint *endpoint, const struct process *of, struct pending **out)
{
    *out = NULL;
    ipc_lock(endpoint);
    for (struct list_node *node = list_first(&endpoint->receivers); node != NULL && *out == NULL;
         node = list_next(&endpoint->receivers, node)) {
        if (of == NULL || pending_of_node(node)->thread->process == of)
            *out = pending_of_node(node);
    }
    if (*out != NULL)
        take_receiver_locked(endpoint, *out, IPC_BUSY);
    spinlock_release(&endpoint->lock);
    return *out != NULL;
}

static struct ipc_message *take_any_message(struct ipc_endpoint *endpoint)
{
    ipc_lock(endpoint);
    struct ipc_message *message = first_message(endpoint);
    if (message != NULL)
        take_message_locked(endpoint, message, IPC_BUSY);
    spinlock_release(&endpoint->lock);
    return message;
}

static void end_delivered_and_receiving(struct ipc_endpoint *endpoint, const struct process *of)
{
    struct pending *pending;
    while (take_any_receiver(endpoint, of, &pending))
        end_with(pending, CAPOS_ERR_STALE_CAP, 0);
    while (take_any_call(endpoint, of, &pending))
        end_with_exception(pending, CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
}

void ipc_endpoint_kill(struct ipc_endpoint *endpoint)
{
    struct ipc_message *message;
    ipc_lock(endpoint);
    endpoint->dead = true;
    spinlock_release(&endpoint->lock);
    end_delivered_and_receiving(endpoint, NULL);
    while ((message = take_any_message(endpoint)) != NULL) {
        if (message->dropped)
            ipc_facet_free(facet_of_message(message));
        else
            refuse(pending_of_message(message), CAPOS_EXCEPTION_DISCONNECTED, endpoint_is_dead);
    }
}

void ipc_holder_ended(struct object *server, struct process *process)
{
    struct ipc_endpoint *endpoint = container_of(server, struct ipc_endpoint, server);
    ipc_lock(endpoint);
    endpoint->departures++;
    spinlock_release(&endpoint->lock);
    end_delivered_and_receiving(endpoint, process);
    spinlock_acquire(&endpoint->lock);
    endpoint->departures_over++;
    spinlock_release(&endpoint->lock);
}

void ipc_facet_dropped(struct ipc_facet *facet)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    object_get(&endpoint->core); /* the facet may be freed on the way */
    facet->message.dropped = true;
    ipc_lock(endpoint);
    bool dead = endpoint->dead;
    if (!dead)
        add_message_locked(endpoint, &facet->message, false);
    spinlock_release(&endpoint->lock);
    if (dead)
        ipc_facet_free(facet);
    else
        ipc_pump(endpoint);
    object_put(&endpoint->core);
}
