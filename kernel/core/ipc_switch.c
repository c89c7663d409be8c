/*
 * The shortest way between two processes: a call that a receiver waits for, and an answer together with the
 * next receive, as one step that ends in the other thread.
 *
 * Both functions first look whether everything is as they need it, with the endpoint locked; until then
 * nothing has changed but bytes in the other's buffer, and the caller goes the general way (ipc.c), which
 * also finds out what is wrong. From then on nothing can fail. The states, their order and the locks under
 * which they change are those of ipc.c; the running thread becomes BLOCKED before the endpoint is unlocked,
 * so whoever finds its operation finds a thread that waits.
 */
#include "arch/arch.h"
#include "core/ipc_inside.h"
#include "core/ring.h"
#include "core/sched.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "object/revocation.h"
#include <capos/endpoint.h>

#ifndef CAPOS_HOST_TEST

/* The entry being executed is the last one, and then the thread waits for one completion, without a limit; it
 * has none now and none under way. Then its records are all its own. */
static inline bool is_last_before_wait(const struct thread *thread, uint32_t sq_head)
{
    const struct user_frame *frame = &thread->context.frame;
    const struct capos_ring_header *page = thread->ring.page;
    if ((uint32_t)frame->rdi != 1 || frame->rsi != CAPOS_TIMEOUT_NEVER)
        return false;
    if (thread->pending_out != 0 || thread->wait_timer.fire != NULL)
        return false;
    return __atomic_load_n(&page->sq_tail, __ATOMIC_RELAXED) == sq_head &&
           __atomic_load_n(&page->cq_head, __ATOMIC_RELAXED) == thread->ring.cq_tail;
}

/* The thread's spare record, as pending_begin makes one; nobody else sees it yet. */
static inline struct pending *prepare_record(struct thread *thread, uint64_t user_data, uaddr_t result_addr,
                                             uint32_t result_len, struct object *object,
                                             bool (*cancel)(struct pending *))
{
    struct pending *pending = thread->spare_pending;
    pending->user_data = user_data;
    pending->result_addr = result_addr;
    pending->result_len = result_len;
    pending->references = 1;
    pending->cancel = cancel;
    pending->object = object;
    pending->deadline.fire = NULL;
    pending->timer.fire = NULL;
    pending->membrane = NULL;
    return pending;
}

/* The record is under way and its thread waits for it. False: the thread is to stop, its wait was
 * interrupted, or it is traced, and nothing has changed. */
static inline bool begin_and_block(struct thread *thread, struct pending *pending, uint32_t sq_head)
{
    struct capos_ring_header *page = thread->ring.page;
    spinlock_acquire(&thread->lock);
    if (__builtin_expect(thread->stopping, 0) || __builtin_expect(thread->interrupted, 0) ||
        __builtin_expect(thread->traced, 0)) {
        spinlock_release(&thread->lock);
        return false;
    }
    object_get(pending->object);
    thread->spare_pending = pending->next_spare;
    thread->pending_out = 1;
    thread->pending.head = (struct list_node){&pending->in_thread, &pending->in_thread}; /* the only one */
    pending->in_thread = (struct list_node){&thread->pending.head, &thread->pending.head};
    thread->ring.in_flight = 1;
    thread->ring.sq_head = sq_head;
    __atomic_store_n(&page->sq_head, sq_head, __ATOMIC_RELEASE);
    page->in_flight = 1;
    thread->wait_min = 1;
    thread->state = THREAD_BLOCKED;
    spinlock_release(&thread->lock);
    return true;
}

/* Whoever waits with that record alone, one of its own, can run at once on this CPU. Its thread's lock is
 * held. */
static inline bool may_run_at_once_locked(const struct thread *thread, const struct pending *pending)
{
    const size_t own_offset = (size_t)((const char *)pending - (const char *)thread->own_pending);
    return thread->state == THREAD_BLOCKED && !thread->traced && thread->pending_out == 1 && pending->references == 1 &&
           own_offset < sizeof(thread->own_pending) && pending->membrane == NULL &&
           pending->deadline.fire == NULL && pending->timer.fire == NULL && sched_may_switch_to(thread);
}

/* The record is DONE and the caller's. Ends it, and runs its thread next if that now can. What is special
 * about it is left to the general way. */
static inline __attribute__((always_inline)) _Noreturn void complete_and_switch(struct pending *pending,
                                                                                const struct capos_cqe *cqe)
{
    struct thread *thread = pending->thread;
    struct object *object = pending->object;
    spinlock_acquire(&thread->lock);
    if (__builtin_expect(!may_run_at_once_locked(thread, pending), 0)) {
        spinlock_release(&thread->lock);
        pending_complete_handoff(pending, cqe);
        sched_next();
    }
    struct ring *ring = &thread->ring;
    ring_post_locked(ring, cqe, pending->user_data);
    list_init(&thread->pending);
    pending->next_spare = thread->spare_pending;
    thread->spare_pending = pending;
    thread->pending_out = 0;
    __atomic_store_n(&ring->in_flight, 0, __ATOMIC_RELEASE); /* after the completion: ring.h */
    ring->page->in_flight = 0;
    thread->context.frame.rax = ring_available(thread);
    thread->state = THREAD_RUNNING;
    spinlock_release(&thread->lock);
    object_put(object);
    sched_switch_to(thread);
}

/* ---- CALL. */

static inline void write_header(struct capos_ipc_header *header, const struct ipc_wait *ipc)
{
    header->call_id = ipc->call_id;
    header->method_id = ipc->method_id;
    header->cap_count = 0;
    header->params_len = ipc->params_len;
    header->flags = 0;
    header->tag = ipc->tag;
    header->caller_ref = ipc->caller_ref[0];
    header->caller_ref_hi = ipc->caller_ref[1];
    header->deadline_ns = 0;
}

/* Into the receiver's buffer. */
static inline bool deliver_locked(struct ipc_facet *facet, struct pending *call,
                                  const struct pending *receiver)
{
    struct ipc_wait *ipc = &call->ipc;
    struct aspace *aspace = receiver->thread->process->aspace;
    const uint32_t len = ipc->params_len;
    const uint64_t size_bytes = sizeof(struct capos_ipc_header) + len;
    bool copied = true;
    if (__builtin_expect(size_bytes > receiver->result_len, 0))
        return false;
    struct capos_ipc_header *header = aspace_lock_window(aspace, receiver->result_addr, size_bytes);
    if (__builtin_expect(header == NULL, 0))
        return false;
    if (len != 0)
        copied = umem_range_ok(ipc->params, len) && arch_user_try_copy_in(header + 1, ipc->params, len);
    if (__builtin_expect(copied, 1)) {
        remember_caller(facet, call);
        ipc->call_id = new_call_id_locked(facet->endpoint);
        write_header(header, ipc);
    }
    aspace_unlock_window(aspace);
    return copied;
}

static inline struct pending *call_locked(struct ipc_facet *facet, struct pending *call)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    struct list_node *node = list_first(&endpoint->receivers);
    struct thread *caller = call->thread;
    if (__builtin_expect(node == NULL || endpoint->dead, 0))
        return NULL;
    struct pending *receiver = pending_of_node(node);
    if (__builtin_expect(!deliver_locked(facet, call, receiver), 0) ||
        __builtin_expect(!begin_and_block(caller, call, caller->ring.sq_head), 0))
        return NULL;
    take_receiver_locked(endpoint, receiver, IPC_DONE);
    call->ipc.receiver = receiver->thread->process;
    add_delivered_locked(endpoint, call);
    return receiver;
}

__attribute__((noinline)) void ipc_call_and_switch(struct ipc_facet *facet, struct thread *caller,
                                                   const struct capos_sqe *sqe, uaddr_t params, uint32_t len)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    if (__builtin_expect(len > SHORT_BYTES || sqe->deadline_ns != 0, 0) ||
        __builtin_expect(!is_last_before_wait(caller, caller->ring.sq_head), 0))
        return;
    struct pending *call = prepare_record(caller, sqe->user_data, sqe->result_addr, sqe->result_len,
                                          &facet->object, ipc_call_cancel);
    struct ipc_wait *ipc = &call->ipc;
    ipc->endpoint = endpoint;
    ipc->message.dropped = false;
    ipc->cap_count = 0;
    ipc->method_id = sqe->method_id;
    ipc->params_len = len;
    ipc->params = params;
    ipc->deadline_ns = 0;
    ipc->tag = facet->tag;
    spinlock_acquire(&endpoint->lock);
    struct pending *receiver = call_locked(facet, call);
    uint32_t call_id = ipc->call_id;
    spinlock_release(&endpoint->lock);
    if (__builtin_expect(receiver == NULL, 0))
        return;
    const uint32_t bytes = (uint32_t)sizeof(struct capos_ipc_header) + len;
    const struct capos_cqe cqe = {.result = (int32_t)bytes, .payload_len = bytes, .call_id = call_id};
    complete_and_switch(receiver, &cqe);
}

/* ---- RETURN and RECV. */

/* Results that are nothing but bytes, answered without a completion. */
static inline bool is_plain_return(const struct sqe_words *words)
{
    const uint64_t target =
        (uint64_t)CAPOS_SQE_QUIET << 56 | (uint64_t)CAPOS_OP_RETURN << 48 | (uint32_t)words->target;
    return ((words->target ^ target) | words->lengths >> 32 | words->result_addr | words->transfer >> 32 |
            words->pipeline | words->deadline_ns | (words->addr & 7)) == 0 &&
           (uint32_t)words->lengths <= SHORT_BYTES;
}

/* On the same endpoint, without a deadline. */
static inline bool is_plain_receive(const struct sqe_words *words, const struct sqe_words *returned)
{
    const uint64_t target = (uint64_t)CAPOS_OP_RECV << 48 | (uint32_t)returned->target;
    return ((words->target ^ target) | words->addr | (uint32_t)words->lengths | words->transfer |
            words->pipeline | (words->result_addr & 7) | words->deadline_ns) == 0 &&
           words->lengths >> 32 >= sizeof(struct capos_ipc_header);
}

static inline bool copy_answer(const struct pending *call, uaddr_t from, uint32_t len)
{
    struct aspace *aspace = call->thread->process->aspace;
    if (len == 0)
        return true;
    if (__builtin_expect(len > call->result_len || !umem_range_ok(from, len), 0))
        return false;
    void *results = aspace_lock_window(aspace, call->result_addr, len);
    if (__builtin_expect(results == NULL, 0))
        return false;
    bool copied = arch_user_try_copy_in(results, from, len);
    aspace_unlock_window(aspace);
    return copied;
}

/* The call that was answered. */
static inline struct pending *return_locked(struct ipc_endpoint *endpoint, struct pending *receiver,
                                            const struct sqe_words *words)
{
    struct thread *server = receiver->thread;
    struct pending **link = find_delivered_locked(endpoint, (uint32_t)words->transfer);
    struct pending *call = *link;
    if (__builtin_expect(call == NULL || !list_is_empty(&endpoint->queue), 0))
        return NULL;
    if (__builtin_expect(call->ipc.receiver != server->process || endpoint->dead, 0))
        return NULL;
    if (__builtin_expect(!copy_answer(call, words->addr, (uint32_t)words->lengths), 0) ||
        __builtin_expect(!begin_and_block(server, receiver, server->ring.sq_head + 1), 0))
        return NULL;
    take_delivered_locked(endpoint, link, IPC_DONE);
    add_receiver_locked(endpoint, receiver);
    return call;
}

__attribute__((noinline)) void ipc_return_and_switch(struct thread *server, const struct sqe_words *words)
{
    struct ring *ring = &server->ring;
    struct sqe_words next;
    if (__builtin_expect(!is_plain_return(words) || !is_last_before_wait(server, ring->sq_head + 1), 0))
        return;
    __builtin_memcpy(&next, &ring->sq[ring->sq_head & (CAPOS_RING_SQ_ENTRIES - 1)], sizeof(next));
    __asm__ volatile("" ::: "memory"); /* read once */
    struct ipc_endpoint *endpoint = server_facet_alone(server->process, (uint32_t)words->target);
    if (__builtin_expect(endpoint == NULL || !is_plain_receive(&next, words), 0))
        return;
    struct pending *receiver =
        prepare_record(server, next.user_data, next.result_addr, (uint32_t)(next.lengths >> 32),
                       &endpoint->core, ipc_receive_cancel);
    receiver->ipc.endpoint = endpoint;
    receiver->ipc.server_cap_id = (uint32_t)words->target;
    spinlock_acquire(&endpoint->lock);
    struct pending *call = return_locked(endpoint, receiver, words);
    spinlock_release(&endpoint->lock);
    if (__builtin_expect(call == NULL, 0))
        return;
    const uint32_t len = (uint32_t)words->lengths;
    const struct capos_cqe cqe = {.result = (int32_t)len, .payload_len = len};
    complete_and_switch(call, &cqe);
}

#endif
