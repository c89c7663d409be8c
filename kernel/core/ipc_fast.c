/*
 * See ipc_fast.h.
 *
 * Each step first looks whether everything is as it needs it; until then nothing has changed but bytes in the
 * other's buffer that mean nothing yet. From then on nothing can fail. Locks are taken one inside the other
 * as everywhere: endpoint, then the other's address space for the copy; then the running thread, which
 * becomes IN_CALL or IN_RECEIVE before the endpoint is unlocked, so that whoever finds its operation finds a
 * thread that waits; last the other thread, alone. On a machine with one CPU all of that is one step anyway:
 * the functions exist a second time without locks, and then the other thread can be looked at in the
 * beginning.
 */
#include "core/ipc_fast.h"
#include "arch/arch.h"
#include "core/ipc_inside.h"
#include "core/sched.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "object/endpoint.h"
#include <capos/endpoint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* A function that is not called on the fast way, and leaves the registers alone, so that those who might call
 * it may keep what they have in them. (No results: clang 14 would restore that register, too.) */
#if defined(__clang__) && !defined(CAPOS_HOST_TEST)
#define ASIDE static __attribute__((noinline, preserve_most))
#else
#define ASIDE static __attribute__((noinline))
#endif

/* ---- What a thread knows. */

/* Not even CAP_ID_NONE is live there. */
static const struct cap_slot no_slot = {.live_id = CAP_ID_NONE - 1};

void ipc_fast_forget(struct ipc_fast *fast)
{
    fast->facet = NULL;
    fast->endpoint = NULL;
    fast->facet_slot = fast->server_slot = &no_slot;
    fast->facet_id = fast->server_cap_id = CAP_ID_NONE;
}

static const struct cap_slot *slot_of(const struct capability *capability)
{
    return container_of(capability, struct cap_slot, capability);
}

void ipc_learn_facet(struct ipc_fast *fast, uint32_t id, const struct capability *capability)
{
    fast->facet = container_of(capability->object, struct ipc_facet, object);
    fast->facet_slot = slot_of(capability);
    fast->facet_id = id;
}

/* The endpoint that a RECV or RETURN of the running thread names; null: it is no plain server facet, or the
 * thread is not alone. */
static struct ipc_endpoint *served_endpoint(struct thread *thread, uint32_t id)
{
    const struct capability *named = captable_find_alone(thread->process, id);
    if (named == NULL || named->type != &endpoint_type)
        return NULL;
    thread->fast.endpoint = container_of(named->object, struct ipc_endpoint, server);
    thread->fast.server_slot = slot_of(named);
    thread->fast.server_cap_id = id;
    return thread->fast.endpoint;
}

/* ---- Settling. */

/* What pending_begin and the general way would have done. */
void ipc_settle_thread_locked(struct thread *thread)
{
    struct pending *pending = &thread->own_pending[0];
    const struct ipc_fast *fast = &thread->fast;
    const bool calls = thread->state == THREAD_IN_CALL;
    pending->user_data = fast->user_data;
    pending->result_addr = fast->address;
    pending->result_len = fast->size_bytes;
    pending->references = 1;
    pending->cancel = calls ? ipc_call_cancel : ipc_receive_cancel;
    pending->ipc.endpoint = calls ? fast->facet->endpoint : fast->endpoint;
    pending->object = calls ? &fast->facet->object : &fast->endpoint->core;
    object_get(pending->object); /* still in the table of the process, which cannot do anything meanwhile */
    thread->own_pending[1].next_spare = NULL;
    thread->spare_pending = &thread->own_pending[1];
    thread->pending_out = 1;
    list_push_back(&thread->pending, &pending->in_thread);
    thread->ring.in_flight = 1;
    thread->ring.page->in_flight = 1;
    thread->wait_min = 1;
    thread->state = THREAD_BLOCKED;
}

static struct pending *settled_record(struct thread *thread)
{
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread); /* somebody else may have done so before */
    spinlock_release(&thread->lock);
    return &thread->own_pending[0];
}

/* The records are for everybody from here on, so the threads are settled, too. */
void ipc_settle_endpoint_locked(struct ipc_endpoint *endpoint)
{
    struct thread *receiver = endpoint->fast_receiver, *caller = endpoint->fast_call;
    endpoint->fast_receiver = NULL;
    endpoint->fast_call = NULL;
    if (receiver != NULL) {
        struct pending *pending = settled_record(receiver);
        pending->ipc.server_cap_id = receiver->fast.server_cap_id;
        add_receiver_locked(endpoint, pending);
    }
    if (caller != NULL) {
        struct ipc_wait *ipc = &settled_record(caller)->ipc;
        ipc->message.dropped = false;
        ipc->cap_count = 0;
        ipc->call_id = endpoint->last_call_id;
        ipc->receiver = endpoint->fast_process;
        add_delivered_locked(endpoint, &caller->own_pending[0]);
    }
}

/* ---- A thread's buffer. */

ASIDE void change_buffer(struct thread *thread, uaddr_t address, uint32_t size_bytes)
{
    struct ipc_fast *fast = &thread->fast;
    const uint32_t to_page_end = (uint32_t)(PAGE_SIZE - (address & PAGE_MASK));
    if (align_down(address, PAGE_SIZE) == align_down(fast->address, PAGE_SIZE))
        fast->place += address - fast->address;
    else
        fast->generation = 0;
    fast->address = address;
    fast->size_bytes = size_bytes;
    fast->room_bytes = size_bytes < to_page_end ? size_bytes : to_page_end;
}

/* Of the running thread: where the answer or the next message is to go, should it come to wait. First of all,
 * so that the entry's words need not be kept. */
ALWAYS_INLINE void set_buffer(struct thread *thread, const struct sqe_words *words)
{
    const uaddr_t address = words->result_addr;
    const uint32_t size_bytes = (uint32_t)(words->lengths >> 32);
    if (__builtin_expect(thread->fast.address != address, 0) ||
        __builtin_expect(thread->fast.size_bytes != size_bytes, 0))
        change_buffer(thread, address, size_bytes);
    thread->fast.user_data = words->user_data;
}

ASIDE void find_place_locked(struct ipc_fast *fast, struct aspace *aspace)
{
    char *page = aspace_page_locked(aspace, fast->address);
    fast->place = page == NULL ? NULL : page + (fast->address & PAGE_MASK);
    fast->generation = page == NULL ? 0 : aspace_front(aspace)->generation;
}

/* `place` is where it is, of a thread that waits, for as long as its address space is locked. False: it is
 * not there. */
ALWAYS_INLINE bool has_place_locked(struct ipc_fast *fast, struct aspace *aspace)
{
    if (__builtin_expect(fast->generation == aspace_front(aspace)->generation, 1))
        return true;
    find_place_locked(fast, aspace);
    return fast->place != NULL;
}

/* ---- The running thread waits. */

/* False: it is to stop, was interrupted, is traced: nothing has changed. */
ALWAYS_INLINE bool begin_wait(struct thread *thread, enum thread_state state, uint32_t sq_head,
                              const bool several)
{
    if (several) {
        spinlock_acquire(&thread->lock);
        if (__builtin_expect(thread->hindrances != 0, 0)) {
            spinlock_release(&thread->lock);
            return false;
        }
    }
    thread->ring.sq_head = sq_head;
    __atomic_store_n(&thread->ring.page->sq_head, sq_head, __ATOMIC_RELEASE);
    thread->state = state;
    if (several)
        spinlock_release(&thread->lock);
    return true;
}

/* ---- The other one goes on: its operation is taken out of the endpoint, and is the running CPU's. */

ALWAYS_INLINE void post(struct thread *thread, uint64_t result_and_length, uint64_t call_id)
{
    struct ring *ring = &thread->ring;
    const uint32_t tail = ring->cq_tail;
    struct capos_cqe *place = &ring_page_cq(ring->page)[tail & (CAPOS_RING_CQ_ENTRIES - 1)];
    uint64_t *words = (uint64_t *)(void *)place;
    words[0] = thread->fast.user_data;
    words[1] = result_and_length;
    words[2] = call_id << 32;
    words[3] = 0;
    ring->cq_tail = tail + 1;
    __atomic_store_n(&ring->page->cq_tail, tail + 1, __ATOMIC_RELEASE);
    thread->state = THREAD_RUNNING;
}

/* Somebody has settled the thread, or it runs elsewhere. */
static __attribute__((noinline)) enum ipc_way end_generally(struct thread *thread, uint32_t bytes,
                                                            uint32_t call_id)
{
    const struct capos_cqe cqe = {.result = (int32_t)bytes, .payload_len = bytes, .call_id = call_id};
    pending_complete_handoff(&thread->own_pending[0], &cqe);
    return IPC_WAITS;
}

ALWAYS_INLINE enum ipc_way end_wait(struct thread *thread, enum thread_state state, uint32_t bytes,
                                    uint32_t call_id, const bool several)
{
    if (several) {
        spinlock_acquire(&thread->lock);
        if (__builtin_expect(thread->state != state, 0) ||
            __builtin_expect(!sched_may_switch_to(thread), 0)) {
            spinlock_release(&thread->lock);
            return end_generally(thread, bytes, call_id);
        }
    }
    post(thread, (uint64_t)bytes << 32 | bytes, call_id);
    if (several)
        spinlock_release(&thread->lock);
    return IPC_SWITCH;
}

/* Whoever has its record by now, to cancel it, finds that it is too late. */
ALWAYS_INLINE void set_done_locked(struct thread *thread)
{
    thread->own_pending[0].ipc.state = IPC_DONE;
}

/* ---- CALL. */

ASIDE void remember_this_caller(struct ipc_facet *facet, const struct thread *caller)
{
    ipc_remember_caller(facet, caller);
}

/* Into the receiver's buffer. False: it does not fit, or one of the two is not there. */
ALWAYS_INLINE bool deliver_locked(struct ipc_facet *facet, const struct thread *caller, struct thread *server,
                                  const struct sqe_words *words, uint32_t call_id, const bool several)
{
    struct aspace *aspace = server->process->aspace;
    const uint32_t len = (uint32_t)words->lengths;
    bool copied = true;
    if (__builtin_expect(sizeof(struct capos_ipc_header) + len > server->fast.room_bytes, 0))
        return false;
    if (several)
        spinlock_acquire(&aspace_front(aspace)->lock);
    const bool there = has_place_locked(&server->fast, aspace);
    uint64_t *header = (uint64_t *)(void *)server->fast.place;
    if (__builtin_expect(!there, 0))
        copied = false;
    else if (len != 0)
        copied =
            umem_range_ok(words->addr, len) &&
            arch_user_try_copy_in_place((char *)header + sizeof(struct capos_ipc_header), words->addr, len);
    if (__builtin_expect(copied, 1)) {
        if (__builtin_expect(facet->ref_process_id != caller->process->id, 0))
            remember_this_caller(facet, caller);
        header[0] = (words->target & UINT64_C(0xffff00000000)) | call_id; /* and the method's number */
        header[1] = len;
        header[2] = facet->tag;
        header[3] = facet->caller_ref[0];
        header[4] = facet->caller_ref[1];
        header[5] = 0;
    }
    if (several)
        spinlock_release(&aspace_front(aspace)->lock);
    return copied;
}
_Static_assert(offsetof(struct capos_ipc_header, method_id) == 4 &&
                   offsetof(struct capos_ipc_header, params_len) == 8 &&
                   offsetof(struct capos_ipc_header, deadline_ns) == 40,
               "as the words above have it");

ALWAYS_INLINE bool call_locked(struct thread *caller, const struct sqe_words *words, struct thread *server,
                               uint32_t call_id, const bool several)
{
    struct ipc_fast *fast = &caller->fast;
    struct ipc_endpoint *endpoint = fast->facet->endpoint;
    if (__builtin_expect(server == NULL, 0) ||
        __builtin_expect(endpoint->calls[call_id % IPC_DELIVERED_BUCKETS] != NULL, 0))
        return false;
    if (!several && __builtin_expect(server->state != THREAD_IN_RECEIVE, 0))
        return false;
    if (__builtin_expect(!deliver_locked(fast->facet, caller, server, words, call_id, several), 0))
        return false;
    if (!begin_wait(caller, THREAD_IN_CALL, caller->ring.sq_head + 1, several))
        return false;
    endpoint->last_call_id = call_id;
    endpoint->fast_receiver = NULL;
    endpoint->fast_call = caller;
    return true;
}

/* Zero names no call. */
ALWAYS_INLINE uint32_t call_id_after(uint32_t last)
{
    uint32_t next;
    const bool wrapped = __builtin_add_overflow(last, 1u, &next);
    return next + wrapped;
}

ALWAYS_INLINE enum ipc_way call_step(struct thread *caller, const struct sqe_words *words,
                                     struct thread **next, const bool several)
{
    struct ipc_endpoint *endpoint = caller->fast.facet->endpoint;
    set_buffer(caller, words);
    if (several)
        spinlock_acquire(&endpoint->lock);
    struct thread *server = endpoint->fast_receiver;
    const uint32_t call_id = call_id_after(endpoint->last_call_id);
    bool called = call_locked(caller, words, server, call_id, several);
    if (several) {
        if (called)
            set_done_locked(server);
        spinlock_release(&endpoint->lock);
    }
    if (__builtin_expect(!called, 0))
        return IPC_GENERAL_WAY;
    *next = server;
    return end_wait(server, THREAD_IN_RECEIVE,
                    (uint32_t)sizeof(struct capos_ipc_header) + (uint32_t)words->lengths, call_id, several);
}

/* An entry whose address is known elsewhere cannot stay in registers. */
ALWAYS_INLINE void copy_words(struct sqe_words *copy, const struct sqe_words *words)
{
    copy->user_data = words->user_data;
    copy->target = words->target;
    copy->addr = words->addr;
    copy->lengths = words->lengths;
    copy->result_addr = words->result_addr;
    copy->transfer = words->transfer;
    copy->pipeline = words->pipeline;
    copy->deadline_ns = words->deadline_ns;
}

static __attribute__((noinline)) enum ipc_way
call_among_several(struct thread *caller, const struct sqe_words *words, struct thread **next)
{
    return call_step(caller, words, next, true);
}

INLINE_ACROSS_FILES enum ipc_way ipc_fast_call(struct thread *caller, const struct sqe_words *words,
                                               struct thread **next)
{
    if (__builtin_expect((uint32_t)words->lengths > SHORT_BYTES, 0))
        return IPC_GENERAL_WAY;
    if (spinlock_needed()) {
        struct sqe_words copy;
        struct thread *chosen = NULL;
        copy_words(&copy, words);
        enum ipc_way way = call_among_several(caller, &copy, &chosen);
        *next = chosen;
        return way;
    }
    return call_step(caller, words, next, false);
}

/* One copy for all but the plain calls, which come here on a machine with one CPU only. */
static __attribute__((noinline)) enum ipc_way
call_step_late(struct thread *caller, const struct sqe_words *words, struct thread **next)
{
    return call_step(caller, words, next, false);
}

/* ---- CALL with a capability. */

/* The one that the entry's descriptor names, borrowed; null: it is not simply copied. */
static const struct capability *capability_to_copy(const struct process *process,
                                                   const struct sqe_words *words)
{
    struct capos_xfer_desc descriptor;
    const uaddr_t behind = align_up(words->addr + (uint32_t)words->lengths, 8);
    if (!umem_range_ok(behind, sizeof(descriptor)) ||
        !arch_user_try_copy_in_place(&descriptor, behind, sizeof(descriptor)) ||
        descriptor.mode != CAPOS_XFER_COPY)
        return NULL;
    const struct capability *sent = captable_find_alone(process, descriptor.cap_id);
    return sent != NULL && sent->type->transfer == CAP_TRANSFER_ANY ? sent : NULL;
}

/* What a call or an answer without capabilities has put into the other's buffer, `behind` its payload, and
 * into its queue becomes one with this, which is in its table as `id`. */
static void add_capability(struct thread *to, size_t behind, uint32_t id, const struct capability *sent)
{
    const struct ring *ring = &to->ring;
    struct capos_xfer_result *record = (void *)(to->fast.place + align_up(behind, 8));
    *record = (struct capos_xfer_result){.cap_id = id, .interface_id = sent->type->interface_id};
    ring->cq[(ring->cq_tail - 1) & (CAPOS_RING_CQ_ENTRIES - 1)].cap_count = 1;
}

enum ipc_way ipc_fast_call_with_capability(struct thread *caller, const struct sqe_words *words,
                                           struct thread **next)
{
    const uint32_t len = (uint32_t)words->lengths;
    uint32_t id;
    /* Where others could run meanwhile, the table of a process that is not this one can only be worked on
     * while the receive is claimed. */
    if (spinlock_needed() || len > SHORT_BYTES)
        return IPC_GENERAL_WAY;
    struct thread *server = caller->fast.facet->endpoint->fast_receiver;
    const struct capability *sent = capability_to_copy(caller->process, words);
    if (server == NULL || sent == NULL ||
        align_up(sizeof(struct capos_ipc_header) + len, 8) + sizeof(struct capos_xfer_result) >
            server->fast.room_bytes ||
        captable_insert_alone(&server->process->captable, *sent, CAP_FROM_IPC, &id) < 0)
        return IPC_GENERAL_WAY;
    enum ipc_way way = call_step_late(caller, words, next);
    if (way == IPC_GENERAL_WAY)
        captable_take_out_alone(&server->process->captable, id); /* nobody has seen it */
    else {
        ((struct capos_ipc_header *)(void *)server->fast.place)->cap_count = 1;
        object_get(sent->object);
        add_capability(server, sizeof(struct capos_ipc_header) + len, id, sent);
    }
    return way;
}

/* ---- RETURN that goes on as RECV. */

ALWAYS_INLINE bool copy_answer(struct thread *caller, uaddr_t from, uint32_t len, const bool several)
{
    struct aspace *aspace = caller->process->aspace;
    if (len == 0)
        return true;
    if (__builtin_expect(len > caller->fast.room_bytes || !umem_range_ok(from, len), 0))
        return false;
    if (several)
        spinlock_acquire(&aspace_front(aspace)->lock);
    bool copied =
        has_place_locked(&caller->fast, aspace) && arch_user_try_copy_in_place(caller->fast.place, from, len);
    if (several)
        spinlock_release(&aspace_front(aspace)->lock);
    return copied;
}

ALWAYS_INLINE bool receive_locked(struct thread *server, struct ipc_endpoint *endpoint, uint32_t sq_head,
                                  const bool several)
{
    struct ipc_fast *fast = &server->fast;
    if (__builtin_expect(!list_is_empty(&endpoint->queue), 0))
        return false;
    fast->endpoint = endpoint;
    if (!begin_wait(server, THREAD_IN_RECEIVE, sq_head, several))
        return false;
    endpoint->fast_receiver = server;
    return true;
}

ALWAYS_INLINE bool return_locked(struct thread *server, struct ipc_endpoint *endpoint,
                                 const struct sqe_words *words, struct thread *caller, const bool several)
{
    if (__builtin_expect(caller == NULL, 0) ||
        __builtin_expect(endpoint->last_call_id != (uint32_t)words->transfer, 0) ||
        __builtin_expect(endpoint->fast_process != server->process, 0))
        return false;
    if (!several && __builtin_expect(caller->state != THREAD_IN_CALL, 0))
        return false;
    if (!copy_answer(caller, words->addr, (uint32_t)words->lengths, several) ||
        !receive_locked(server, endpoint, server->ring.sq_head + 1, several))
        return false;
    endpoint->fast_call = NULL;
    return true;
}

ALWAYS_INLINE enum ipc_way return_step(struct thread *server, struct ipc_endpoint *endpoint,
                                       const struct sqe_words *words, struct thread **next,
                                       const bool several)
{
    set_buffer(server, words);
    if (several)
        spinlock_acquire(&endpoint->lock);
    struct thread *caller = endpoint->fast_call;
    bool returned = return_locked(server, endpoint, words, caller, several);
    if (several) {
        if (returned)
            set_done_locked(caller);
        spinlock_release(&endpoint->lock);
    }
    if (__builtin_expect(!returned, 0))
        return IPC_GENERAL_WAY;
    *next = caller;
    return end_wait(caller, THREAD_IN_CALL, (uint32_t)words->lengths, 0, several);
}

static __attribute__((noinline)) enum ipc_way return_among_several(struct thread *server,
                                                                   struct ipc_endpoint *endpoint,
                                                                   const struct sqe_words *words,
                                                                   struct thread **next)
{
    return return_step(server, endpoint, words, next, true);
}

INLINE_ACROSS_FILES enum ipc_way ipc_fast_return(struct thread *server, const struct sqe_words *words,
                                                 struct thread **next)
{
    struct ipc_endpoint *endpoint = server->fast.endpoint;
    if (__builtin_expect(!ipc_knows_endpoint(&server->fast, (uint32_t)words->target), 0))
        return IPC_GENERAL_WAY;
    if (spinlock_needed()) {
        struct sqe_words copy;
        struct thread *chosen = NULL;
        copy_words(&copy, words);
        enum ipc_way way = return_among_several(server, endpoint, &copy, &chosen);
        *next = chosen;
        return way;
    }
    return return_step(server, endpoint, words, next, false);
}

/* One copy for all but the plainest: on a machine with one CPU only. */
static __attribute__((noinline)) enum ipc_way return_step_late(struct thread *server,
                                                               struct ipc_endpoint *endpoint,
                                                               const struct sqe_words *words,
                                                               struct thread **next)
{
    return return_step(server, endpoint, words, next, false);
}

/* ---- The same with a capability. */

/* One capability on its way in an answer. */
struct answered_cap {
    uint32_t mode, id;
    struct capability capability; /* MINT: unborn, with its reference; else borrowed from the table */
};

/* Whether that can be done: as ipc_caps_begin, but nothing is hidden, since nobody else runs meanwhile. */
static bool begin_answered_cap(const struct process *process, uaddr_t descriptors, struct answered_cap *out)
{
    struct {
        struct capos_xfer_desc descriptor;
        struct capos_xfer_mint mint;
    } entry;
    struct ipc_facet *facet;
    /* What lies behind the descriptor of another mode is not looked at. */
    if (!umem_range_ok(descriptors, sizeof(entry)) ||
        !arch_user_try_copy_in_place(&entry, descriptors, sizeof(entry)))
        return false;
    const struct capability *named = captable_find_alone(process, entry.descriptor.cap_id);
    if (named == NULL)
        return false;
    out->mode = entry.descriptor.mode;
    out->id = entry.descriptor.cap_id;
    out->capability = *named;
    if (out->mode == CAPOS_XFER_COPY)
        return named->type->transfer == CAP_TRANSFER_ANY;
    if (out->mode == CAPOS_XFER_MOVE)
        return named->type->transfer != CAP_TRANSFER_NEVER && named->type->holder_ended == NULL;
    if (out->mode != CAPOS_XFER_MINT || named->type != &endpoint_type ||
        endpoint_mint_unborn(container_of(named->object, struct ipc_endpoint, server), entry.mint.tag,
                             entry.mint.interface_id, &facet) < 0)
        return false;
    out->capability = (struct capability){&facet->object, &facet->type};
    return true;
}

static void undo_answered_cap(const struct answered_cap *cap)
{
    if (cap->mode == CAPOS_XFER_MINT)
        object_put(cap->capability.object);
}

/* The reference is the receiver's to have. */
static void end_answered_cap(struct process *from, const struct answered_cap *cap)
{
    if (cap->mode == CAPOS_XFER_MINT)
        container_of(cap->capability.object, struct ipc_facet, object)->unborn = false;
    else if (cap->mode == CAPOS_XFER_COPY)
        object_get(cap->capability.object);
    else
        captable_take_out_alone(&from->captable, cap->id);
}

static enum ipc_way return_with_capability(struct thread *server, struct ipc_endpoint *endpoint,
                                           const struct sqe_words *words, struct thread **next)
{
    const uint32_t len = (uint32_t)words->lengths;
    struct answered_cap cap;
    uint32_t id;
    struct thread *caller = endpoint->fast_call;
    if (caller == NULL || align_up(len, 8) + sizeof(struct capos_xfer_result) > caller->fast.room_bytes ||
        !begin_answered_cap(server->process, align_up(words->addr + len, 8), &cap))
        return IPC_GENERAL_WAY;
    enum ipc_way way = IPC_GENERAL_WAY;
    if (captable_insert_alone(&caller->process->captable, cap.capability, CAP_FROM_IPC, &id) == CAPOS_OK) {
        way = return_step_late(server, endpoint, words, next);
        if (way == IPC_GENERAL_WAY)
            captable_take_out_alone(&caller->process->captable, id); /* nobody has seen it */
    }
    if (way == IPC_GENERAL_WAY) {
        undo_answered_cap(&cap);
        return way;
    }
    end_answered_cap(server->process, &cap);
    add_capability(caller, len, id, &cap.capability);
    return way;
}

enum ipc_way ipc_fast_return_late(struct thread *server, const struct sqe_words *words, struct thread **next)
{
    struct ipc_endpoint *endpoint = served_endpoint(server, (uint32_t)words->target);
    const bool plain = words->transfer >> 32 == 0;
    if (endpoint == NULL)
        return IPC_GENERAL_WAY;
    if (spinlock_needed())
        return plain ? return_among_several(server, endpoint, words, next) : IPC_GENERAL_WAY;
    return plain ? return_step_late(server, endpoint, words, next)
                 : return_with_capability(server, endpoint, words, next);
}

/* ---- RELEASE of a facet, and CALL on another of the same endpoint. */

bool ipc_fast_give_up(struct process *process, uint32_t id, struct ipc_facet **news)
{
    struct captable *table = &process->captable;
    const struct capability *named = captable_find_alone(process, id);
    *news = NULL;
    if (spinlock_needed() || named == NULL || named->type->holder_ended != NULL)
        return captable_release(table, id) == CAPOS_OK;
    struct object *object = named->object;
    if (object->references != 1) {
        captable_take_out_alone(table, id);
        object_put(object); /* not the last */
        return true;
    }
    if (named->type->forward != endpoint_facet_forward)
        return captable_release(table, id) == CAPOS_OK;
    *news = container_of(object, struct ipc_facet, object);
    captable_take_out_alone(table, id);
    object_retire(object);
    return true;
}

/* Parameters into the receiver's buffer, page by page. False: there is no room, or a page is not there. */
static bool deliver_params(struct thread *server, uaddr_t from, uint32_t len)
{
    uaddr_t to = server->fast.address + sizeof(struct capos_ipc_header);
    if (sizeof(struct capos_ipc_header) + (uint64_t)len > server->fast.size_bytes ||
        !umem_range_ok(from, len))
        return false;
    while (len != 0) {
        const uint32_t to_page_end = (uint32_t)(PAGE_SIZE - (to & PAGE_MASK));
        const uint32_t part = len < to_page_end ? len : to_page_end;
        char *page = aspace_page_locked(server->process->aspace, to);
        if (page == NULL || !arch_user_try_copy_in_place(page + (to & PAGE_MASK), from, part))
            return false;
        to += part;
        from += part;
        len -= part;
    }
    return true;
}

/* A call without parameters that has just been made was one with these. */
static void add_params(struct thread *server, uint32_t len)
{
    struct ring *ring = &server->ring;
    struct capos_cqe *cqe = &ring->cq[(ring->cq_tail - 1) & (CAPOS_RING_CQ_ENTRIES - 1)];
    ((struct capos_ipc_header *)(void *)server->fast.place)->params_len = len;
    cqe->payload_len = (uint32_t)sizeof(struct capos_ipc_header) + len;
    cqe->result = (int32_t)cqe->payload_len;
}

/* What came with the call besides. */
static void add_news(struct thread *server, struct ipc_facet *news)
{
    struct capos_ipc_header *header = (struct capos_ipc_header *)(void *)server->fast.place;
    header->flags = CAPOS_IPC_ALSO_DROPPED;
    header->dropped_tag = news->tag;
    ipc_facet_free(news);
}

enum ipc_way ipc_fast_call_late(struct thread *caller, const struct sqe_words *words, struct ipc_facet *news,
                                struct thread **next)
{
    struct ipc_endpoint *endpoint = caller->fast.facet->endpoint;
    const uint32_t len = (uint32_t)words->lengths;
    struct sqe_words without;
    if (spinlock_needed() || (news != NULL && news->endpoint != endpoint) ||
        !list_is_empty(&endpoint->queue) || endpoint->fast_receiver == NULL || len > CAPOS_MESSAGE_MAX_BYTES)
        return IPC_GENERAL_WAY;
    const bool is_long = len > SHORT_BYTES;
    if (is_long) {
        if (!deliver_params(endpoint->fast_receiver, words->addr, len))
            return IPC_GENERAL_WAY;
        without = *words;
        without.lengths -= len;
        words = &without;
    }
    enum ipc_way way = call_step_late(caller, words, next);
    if (way == IPC_GENERAL_WAY)
        return way;
    if (is_long)
        add_params(*next, len);
    if (news != NULL)
        add_news(*next, news);
    return way;
}

enum ipc_way ipc_fast_receive(struct thread *server, const struct sqe_words *words, uint32_t sq_head)
{
    struct ipc_endpoint *endpoint = served_endpoint(server, (uint32_t)words->target);
    if (endpoint == NULL || !ipc_is_plain_receive(words, (uint32_t)words->target))
        return IPC_GENERAL_WAY;
    set_buffer(server, words);
    ipc_lock(endpoint); /* another receiver takes its place in the list, an unanswered call in the table */
    bool waits = receive_locked(server, endpoint, sq_head, true);
    if (waits)
        endpoint->fast_process = server->process;
    spinlock_release(&endpoint->lock);
    return waits ? IPC_WAITS : IPC_GENERAL_WAY;
}
