#include "core/ring.h"
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/ipc_fast.h"
#include "core/launch.h"
#include "core/pipeline.h"
#include "core/process.h"
#include "core/sched.h"
#include "core/trace.h"
#include "core/umem.h"
#include "object/endpoint.h"
#include "object/park_space.h"
#include "object/revocation.h"
#include <base/string.h>

enum {
    SQ_MASK = CAPOS_RING_SQ_ENTRIES - 1,
    CQ_MASK = CAPOS_RING_CQ_ENTRIES - 1,
};
_Static_assert(RING_CQ_OFFSET + CAPOS_RING_CQ_ENTRIES * sizeof(struct capos_cqe) <= CAPOS_PAGE_SIZE,
               "the ring is one page");
_Static_assert((CAPOS_RING_SQ_ENTRIES & SQ_MASK) == 0 && (CAPOS_RING_CQ_ENTRIES & CQ_MASK) == 0,
               "powers of two");

/* What one operation works in; the kernel runs one at a time on a CPU. Between calls it holds no parameters
 * and no capabilities (the counts are zero), so that a call without them sets nothing. The buffers' addresses
 * never change, so the parts of `kcall` that say where they are are filled in once. */
struct call_scratch {
    struct kcall kcall;
    struct cap_transfer transfers[CAPOS_CALL_CAPS_MAX];
    struct capos_xfer_desc descriptors[CAPOS_CALL_CAPS_MAX];
    uint64_t params[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];
    uint64_t results[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];
};
static PERCPU struct call_scratch scratch_of_cpu;

void ring_init(struct ring *ring, void *page)
{
    struct capos_ring_header *header = page;
    *ring = (struct ring){
        .page = header,
        .sq = ring_page_sq(header),
        .cq = ring_page_cq(header),
    };
    memset(header, 0, sizeof(*header)); /* of an earlier thread */
    header->magic = CAPOS_RING_MAGIC;
    header->version = CAPOS_RING_VERSION;
    header->header_bytes = sizeof(*header);
    header->sq_entries = CAPOS_RING_SQ_ENTRIES;
    header->cq_entries = CAPOS_RING_CQ_ENTRIES;
    header->sq_offset = RING_SQ_OFFSET;
    header->cq_offset = RING_CQ_OFFSET;
}

void ring_copy(struct ring *copy, struct thread *from)
{
    const struct ring *ring = &from->ring;
    spinlock_acquire(&from->lock);
    memcpy(copy->page, ring->page, CAPOS_PAGE_SIZE);
    copy->sq_head = ring->sq_head;
    copy->cq_tail = ring->cq_tail;
    spinlock_release(&from->lock);
    copy->page->sq_head = copy->sq_head;
    copy->page->cq_tail = copy->cq_tail;
    copy->page->in_flight = 0;
}

/* The short ways advance the ring's head at once or at their end, and publish it then; draining publishes it
 * last. */
void ring_entry_at_work(const struct thread *thread, struct capos_sqe *out)
{
    const struct ring *ring = &thread->ring;
    const struct kcall *kcall = &percpu_this(scratch_of_cpu)->kcall;
    const uint32_t head = ring->sq_head;
    const bool taken = ring->page->sq_head != head || ring->page->sq_tail == head;
    *out = ring->sq[(taken ? head - 1 : head) & SQ_MASK];
    if (taken && kcall->thread == thread && kcall->sqe.user_data == out->user_data)
        *out = kcall->sqe; /* the program cannot have changed this one */
}

/* Answers RING_CORRUPT. */
static __attribute__((noinline)) int64_t reset_corrupt(struct thread *thread)
{
    struct ring *ring = &thread->ring;
    spinlock_acquire(&thread->lock);
    ring->page->sq_head = ring->sq_head;
    ring->page->sq_tail = ring->sq_head;
    ring->page->cq_tail = ring->cq_tail;
    ring->page->cq_head = ring->cq_tail;
    ring->page->corrupt_count++;
    spinlock_release(&thread->lock);
    return CAPOS_ERR_RING_CORRUPT;
}

static void post_shared(struct thread *thread, const struct capos_cqe *cqe)
{
    spinlock_acquire(&thread->lock);
    ring_post_locked(&thread->ring, cqe, cqe->user_data);
    spinlock_release(&thread->lock);
}

static __attribute__((noinline)) void post_result_shared(struct thread *thread, uint64_t user_data,
                                                         int32_t result)
{
    const struct capos_cqe cqe = {.user_data = user_data, .result = result};
    post_shared(thread, &cqe);
}

/* Posts the bare result of an entry just executed. Without operations in flight nobody else posts to this
 * ring. */
static inline void post(struct thread *thread, uint64_t user_data, int32_t result)
{
    const struct capos_cqe cqe = {.user_data = user_data, .result = result};
    /* Another CPU only ever lowers it, after it has posted: so this comes before the CQ's tail is read. */
    if (__builtin_expect(__atomic_load_n(&thread->ring.in_flight, __ATOMIC_ACQUIRE) != 0, 0))
        post_result_shared(thread, user_data, result);
    else
        ring_post_locked(&thread->ring, &cqe, user_data);
}

static __attribute__((noinline)) void deliver_and_post(struct thread *thread, struct kcall *kcall,
                                                       uint64_t user_data, int32_t encoded)
{
    struct capos_cqe cqe = {.user_data = user_data};
    kcall_deliver(kcall, encoded, &cqe);
    trace_delivered(kcall, thread, user_data, &cqe);
    post_shared(thread, &cqe);
}

/* NOP, RELEASE and CANCEL use little; what they do not use must be zero. */
static bool unused_fields_zero(const struct capos_sqe *sqe, uint8_t flags_allowed)
{
    return (sqe->method_id | (sqe->flags & ~flags_allowed) | sqe->len | sqe->result_len | sqe->result_addr |
            sqe->call_id | sqe->xfer_cap_count | sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved |
            sqe->deadline_ns) == 0;
}

static int32_t check_call(const struct capos_sqe *sqe)
{
    if ((sqe->flags | sqe->call_id | sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    if (((sqe->addr | sqe->result_addr) & 7) != 0)
        return CAPOS_ERR_UNALIGNED;
    return sqe->xfer_cap_count > CAPOS_CALL_CAPS_MAX ? CAPOS_ERR_TOO_LARGE : CAPOS_OK;
}

/* The target may say that it takes longer parameters itself. */
static int32_t check_length(const struct capos_sqe *sqe, const struct object_type *type)
{
    return sqe->len <= CAPOS_MESSAGE_MAX_BYTES || sqe->len <= type->params_max_bytes ? CAPOS_OK
                                                                                     : CAPOS_ERR_TOO_LARGE;
}

/* ---- Capabilities sent along: copies are referenced, moves hidden, until the call's outcome is known. */

static void drop_transfer(struct captable *table, const struct capos_xfer_desc *descriptor,
                          struct capability capability, bool moved)
{
    if (descriptor->mode == CAPOS_XFER_MOVE) {
        if (moved)
            captable_move_commit(table, descriptor->cap_id);
        else
            captable_move_abort(table, descriptor->cap_id);
    }
    object_put(capability.object);
}

static void end_transfers(struct call_scratch *scratch, struct captable *table, size_t count, bool moved)
{
    for (size_t i = 0; i < count; i++)
        drop_transfer(table, &scratch->descriptors[i], scratch->kcall.caps_in[i], moved);
}

static status_t begin_transfer(struct captable *table, const struct capos_xfer_desc *descriptor,
                               struct capability *out)
{
    if (descriptor->mode == CAPOS_XFER_MOVE)
        return captable_move_begin(table, descriptor->cap_id, out);
    return descriptor->mode == CAPOS_XFER_COPY ? captable_get(table, descriptor->cap_id, out)
                                               : CAPOS_ERR_BAD_FLAGS;
}

static status_t begin_transfers(struct call_scratch *scratch, struct captable *table,
                                const struct capos_sqe *sqe)
{
    size_t bytes = sqe->xfer_cap_count * sizeof(scratch->descriptors[0]);
    status_t status = umem_copy_in(scratch->descriptors, align_up(sqe->addr + sqe->len, 8), bytes);
    if (status < 0)
        return status;
    for (size_t i = 0; i < sqe->xfer_cap_count; i++) {
        struct capability *capability = &scratch->kcall.caps_in[i];
        status = begin_transfer(table, &scratch->descriptors[i], capability);
        if (status < 0) {
            end_transfers(scratch, table, i, false);
            return status;
        }
        scratch->transfers[i] = (struct cap_transfer){
            .id = (uint32_t)i + 1, /* 0 is the null capability */
            .mode = scratch->descriptors[i].mode,
            .interface_id = capability->type->interface_id,
        };
    }
    return CAPOS_OK;
}

/* ---- CALL. */

/* Parameters and capabilities into the kernel. OK: end_transfers is due. */
static status_t bring_params(struct call_scratch *scratch, struct captable *table)
{
    const struct capos_sqe *sqe = &scratch->kcall.sqe;
    status_t status = sqe->len == 0 ? CAPOS_OK : umem_copy_in(scratch->params, sqe->addr, sqe->len);
    if (status == CAPOS_OK && sqe->xfer_cap_count != 0)
        status = begin_transfers(scratch, table, sqe);
    return status;
}

static inline void prepare(struct thread *thread, struct kcall *kcall)
{
    uint32_t room = kcall->sqe.result_len;
    kcall->thread = thread;
    kcall->call.params_bytes = kcall->sqe.len;
    kcall->call.caps_in_count = kcall->sqe.xfer_cap_count;
    kcall->call.results_limit = room < CAPOS_MESSAGE_MAX_BYTES ? room : CAPOS_MESSAGE_MAX_BYTES;
}

static inline int32_t run_method(const struct capability *target, struct call_scratch *scratch)
{
    return target->type->dispatch(target->type->server, target->object, scratch->kcall.sqe.method_id,
                                  &scratch->kcall.call);
}

/* Any CALL. */
static __attribute__((noinline)) int32_t call_with_params(struct thread *thread, struct call_scratch *scratch)
{
    struct captable *table = &thread->process->captable;
    const struct capos_sqe *sqe = &scratch->kcall.sqe;
    struct capability target = {NULL, NULL};
    status_t status = CAPOS_OK;
    scratch->kcall.thread = thread;
    if (__builtin_expect(sqe->flags == CAPOS_SQE_PIPELINE, 0))
        status = pipeline_target(&scratch->kcall, thread->ring.sq_head - 1);
    if (status != CAPOS_OK)
        return status;
    status = check_call(sqe);
    if (status == CAPOS_OK)
        status = captable_get(table, sqe->cap_id, &target);
    if (status < 0)
        return status;
    prepare(thread, &scratch->kcall);
    status = check_length(sqe, target.type);
    if (status == CAPOS_OK && target.type->forward == NULL)
        status = CALL_NOT_FORWARDED;
    else if (status == CAPOS_OK)
        status = sqe->xfer_cap_count > CAPOS_XFER_CAPS_MAX
                     ? CAPOS_ERR_TOO_LARGE
                     : target.type->forward(&target, &scratch->kcall.call);
    if (status != CALL_NOT_FORWARDED) {
        object_put(target.object);
        return status;
    }
    status = sqe->len <= CAPOS_MESSAGE_MAX_BYTES ? bring_params(scratch, table) : CAPOS_ERR_TOO_LARGE;
    if (status == CAPOS_OK) {
        status = run_method(&target, scratch);
        end_transfers(scratch, table, sqe->xfer_cap_count, status >= 0);
    }
    object_put(target.object);
    return status;
}

static __attribute__((noinline)) int32_t call_plain_shared(struct thread *thread,
                                                           struct call_scratch *scratch)
{
    struct capability target = {NULL, NULL};
    const struct capos_sqe *sqe = &scratch->kcall.sqe;
    status_t status = captable_get(&thread->process->captable, sqe->cap_id, &target);
    trace_entry(thread, sqe);
    if (status < 0)
        return status;
    status = run_method(&target, scratch);
    trace_entry_over(thread, sqe->user_data, status, scratch->kcall.caps_out_count);
    object_put(target.object);
    return status;
}

/* Of a plain CALL's entry only what later steps read is kept. */
static inline void keep_plain(struct thread *thread, struct kcall *kcall, const struct sqe_words *words)
{
    struct sqe_words *kept = (struct sqe_words *)(void *)&kcall->sqe;
    kept->user_data = words->user_data;
    kept->target = words->target;
    kept->lengths = words->lengths;
    kept->result_addr = words->result_addr;
    kept->deadline_ns = words->deadline_ns;
    kcall->thread = thread;
    kcall->call.results_limit = words->lengths >> 32; /* below the maximum: PLAIN_LENGTHS */
}

/* While a process has one thread, nobody but that thread takes capabilities out of its table, so one found
 * there needs neither the lock nor a reference to stay. Null: not so, or it is traced, or the id is not one
 * of the first, or stale. One condition a line: as one expression the compiler collects flags instead of
 * jumping. */
static inline __attribute__((always_inline)) const struct capability *
peek_alone(const struct process *process, uint32_t id)
{
    const uint32_t index = id & CAP_INDEX_MASK;
    const struct cap_slot *slots = process->captable.chunks[0];
    if (__builtin_expect(process->sharers != 1, 0))
        return NULL;
    if (__builtin_expect(index >= 1u << CAP_CHUNK0_LOG2, 0))
        return NULL;
    if (__builtin_expect(slots == NULL, 0))
        return NULL;
    if (__builtin_expect(slots[index].live_id != id, 0))
        return NULL;
    return &slots[index].capability;
}

/* A CALL that brings nothing with it: the shortest way to a method. */
static inline int32_t call_plain(struct thread *thread, struct call_scratch *scratch,
                                 const struct sqe_words *words)
{
    keep_plain(thread, &scratch->kcall, words);
    const struct capability *target = peek_alone(thread->process, (uint32_t)words->target);
    return __builtin_expect(target == NULL, 0) ? call_plain_shared(thread, scratch)
                                               : run_method(target, scratch);
}

/* A success that wants no completion is answered by none. */
static int32_t unless_quiet(const struct capos_sqe *sqe, status_t status)
{
    return status == CAPOS_OK && (sqe->flags & CAPOS_SQE_QUIET) != 0 ? CAP_CALL_PENDING : status;
}

static __attribute__((noinline)) int32_t execute_other(struct thread *thread, struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    switch (sqe->opcode) {
    case CAPOS_OP_NOP: /* with something in it: a plain one does not come here */
        return unused_fields_zero(sqe, CAPOS_SQE_QUIET) && (sqe->cap_id | sqe->addr) == 0
                   ? unless_quiet(sqe, CAPOS_OK)
                   : CAPOS_ERR_BAD_FLAGS;
    case CAPOS_OP_RELEASE:
        return unused_fields_zero(sqe, CAPOS_SQE_QUIET) && sqe->addr == 0
                   ? unless_quiet(sqe, captable_release(&thread->process->captable, sqe->cap_id))
                   : CAPOS_ERR_BAD_FLAGS;
    case CAPOS_OP_CANCEL:
        return unused_fields_zero(sqe, 0) && sqe->cap_id == 0 ? pending_cancel_by_user_data(thread, sqe->addr)
                                                              : CAPOS_ERR_BAD_FLAGS;
    case CAPOS_OP_PARK:
        return park_wait(kcall);
    case CAPOS_OP_UNPARK:
        return park_wake(kcall);
    default:
        return CAPOS_ERR_BAD_OPCODE;
    }
}

/* Lengths of a plain CALL: no parameters, and room for results that needs no cutting. */
#define PLAIN_LENGTHS ((uint64_t)(CAPOS_MESSAGE_MAX_BYTES - 1) << 32)

/* Entries that bring nothing with them and have nothing to be suspicious about, found out while the words are
 * in registers. */
static inline bool is_plain_call(const struct sqe_words *words)
{
    return (((words->target >> 48) ^ CAPOS_OP_CALL) | (words->lengths & ~PLAIN_LENGTHS) | words->transfer |
            words->pipeline | (words->result_addr & 7) | words->addr) == 0;
}

static inline bool is_plain_nop(const struct sqe_words *words)
{
    return (words->target | words->addr | words->lengths | words->result_addr | words->transfer |
            words->pipeline | words->deadline_ns) == 0;
}

/* The running thread was stopped while it executed an entry, whose outcome still has to be brought to an end.
 */
static __attribute__((noinline)) _Noreturn void stop_after(struct kcall *kcall, int32_t result)
{
    struct capos_cqe cqe;
    if (result != CAP_CALL_PENDING)
        kcall_deliver(kcall, result, &cqe);
    thread_stop_current();
}

/* What is due after anything but a plain call, which finds the record as this leaves it. */
static inline void after_method(struct thread *thread, struct kcall *kcall, int32_t result)
{
    kcall->call.params_bytes = 0;
    kcall->call.caps_in_count = 0;
    borrows_return(0);
    if (__builtin_expect(thread->replacing, 0))
        launch_replacement_begin(thread);
    if (__builtin_expect(thread->stopping,
                         0)) /* it may have been a long one, and the kick came in its middle */
        stop_after(kcall, result);
}

/* Not twice in the image: its parts are inlined here. */
static __attribute__((noinline)) int32_t execute_kind(struct thread *thread, struct call_scratch *scratch)
{
    struct kcall *kcall = &scratch->kcall;
    int32_t result;
    switch (kcall->sqe.opcode) {
    case CAPOS_OP_CALL:
        result = call_with_params(thread, scratch);
        break;
    case CAPOS_OP_RECV:
        result = ipc_receive(kcall);
        break;
    case CAPOS_OP_RETURN:
        result = ipc_return(kcall);
        break;
    default:
        result = execute_other(thread, kcall);
    }
    trace_entry_over(thread, kcall->sqe.user_data, result, kcall->caps_out_count);
    after_method(thread, kcall, result);
    return result;
}

static __attribute__((noinline, cold)) int32_t execute_traced(struct thread *thread,
                                                              struct call_scratch *scratch)
{
    trace_record_entry(thread, &scratch->kcall.sqe);
    return execute_kind(thread, scratch);
}

/* Any other entry, in scratch->kcall.sqe: what to answer, or CAP_CALL_PENDING for nothing yet. For who is not
 * traced this is a jump. */
static __attribute__((noinline)) int32_t execute_any(struct thread *thread, struct call_scratch *scratch)
{
    scratch->kcall.thread = thread;
    return trace_wanted(thread) ? execute_traced(thread, scratch) : execute_kind(thread, scratch);
}

/* A RETURN that goes on as a RECV, in scratch->kcall.sqe: one entry here, two for what executes them and for
 * a trace. Pending: the call is answered, and the RECV is in kcall.sqe; else what to answer. */
static __attribute__((noinline)) int32_t answer_before_receive(struct thread *thread,
                                                               struct call_scratch *scratch)
{
    struct capos_sqe *sqe = &scratch->kcall.sqe;
    const struct capos_sqe receive = {
        .user_data = sqe->user_data,
        .cap_id = sqe->cap_id,
        .opcode = CAPOS_OP_RECV,
        .result_addr = sqe->result_addr,
        .result_len = sqe->result_len,
    };
    if ((sqe->flags & CAPOS_SQE_QUIET) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    sqe->flags ^= CAPOS_SQE_RECEIVE | CAPOS_SQE_QUIET;
    sqe->result_addr = 0;
    sqe->result_len = 0;
    const int32_t result = execute_any(thread, scratch);
    if (result == CAP_CALL_PENDING)
        *sqe = receive;
    return result;
}

static __attribute__((noinline)) int32_t execute_both(struct thread *thread, struct call_scratch *scratch)
{
    const int32_t result = answer_before_receive(thread, scratch);
    return result == CAP_CALL_PENDING ? execute_any(thread, scratch) : result;
}

/* Takes the next entry, which is read this once: from here on only the copy counts. */
static inline void execute_next(struct thread *thread, struct call_scratch *scratch)
{
    struct ring *ring = &thread->ring;
    struct sqe_words words;
    int32_t result = CAPOS_OK;
    __builtin_memcpy(&words, &ring->sq[ring->sq_head & SQ_MASK], sizeof(words));
    __asm__ volatile("" ::: "memory");
    ring->sq_head++;
    if (__builtin_expect(is_plain_call(&words), 1)) {
        result = call_plain(thread, scratch, &words);
    } else if (!is_plain_nop(&words)) {
        __builtin_memcpy(&scratch->kcall.sqe, &words, sizeof(words));
        result = ipc_receives_again(&words) ? execute_both(thread, scratch) : execute_any(thread, scratch);
    }
    if (__builtin_expect((result | (int32_t)scratch->kcall.caps_out_count) == 0, 1))
        post(thread, words.user_data, 0);
    else if (result != CAP_CALL_PENDING)
        deliver_and_post(thread, &scratch->kcall, words.user_data, result);
    else if (__builtin_expect(thread->stopping, 0)) /* by itself */
        thread_stop_current();
}

void ring_scratch_init(void)
{
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    scratch->kcall.call.params = scratch->params;
    scratch->kcall.call.caps_in = scratch->transfers;
    scratch->kcall.call.results = scratch->results;
}

/* Executes `count` entries; there is one at least, and completions fit for all of them. */
static inline void drain(struct thread *thread, uint32_t count)
{
    struct ring *ring = &thread->ring;
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    do
        execute_next(thread, scratch);
    while (--count > 0);
    struct capos_ring_header *page = ring->page;
    __atomic_store_n(&page->sq_head, ring->sq_head, __ATOMIC_RELEASE);
    page->in_flight = __atomic_load_n(&ring->in_flight, __ATOMIC_RELAXED);
}

/* An entry that is held no longer, and what depends on it in turn. A trace has seen it when it was taken. */
static void execute_held(struct thread *thread, struct call_scratch *scratch, int32_t status)
{
    struct kcall *kcall = &scratch->kcall;
    int32_t result = status == CAPOS_OK ? execute_kind(thread, scratch) : status;
    if (result == CAP_CALL_PENDING)
        return;
    struct capos_cqe cqe = {.user_data = kcall->sqe.user_data};
    kcall_deliver(kcall, result, &cqe);
    trace_delivered(kcall, thread, cqe.user_data, &cqe);
    spinlock_acquire(&thread->lock);
    ring_post_locked(&thread->ring, &cqe, cqe.user_data);
    pipeline_answered_locked(thread, cqe.user_data, kcall->sqe.result_addr, &cqe);
    spinlock_release(&thread->lock);
}

static void run_held(struct thread *thread)
{
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    int32_t status;
    while (pipeline_next(thread, &scratch->kcall, &status))
        execute_held(thread, scratch, status);
}

/* Completions there are after what is held no longer was executed. */
static __attribute__((noinline)) int64_t enter_with_held(struct thread *thread)
{
    run_held(thread);
    return ring_available(thread);
}

static inline __attribute__((always_inline)) int64_t enter(struct thread *thread)
{
    struct ring *ring = &thread->ring;
    uint32_t waiting = __atomic_load_n(&ring->page->sq_tail, __ATOMIC_ACQUIRE) - ring->sq_head;
    uint32_t head = __atomic_load_n(&ring->page->cq_head, __ATOMIC_RELAXED);
    /* In this order: an operation that completes in between counts twice, never not at all. */
    uint32_t in_flight = __atomic_load_n(&ring->in_flight, __ATOMIC_ACQUIRE);
    uint32_t taken = __atomic_load_n(&ring->cq_tail, __ATOMIC_RELAXED) - head;
    if (__builtin_expect(waiting > CAPOS_RING_SQ_ENTRIES, 0))
        return reset_corrupt(thread);
    if (__builtin_expect(taken > CAPOS_RING_CQ_ENTRIES, 0))
        return reset_corrupt(thread);
    /* An entry takes one place in the CQ whether it completes at once or stays in flight, so the room is
     * worked out once. */
    uint32_t used = taken + in_flight;
    if (waiting != 0 && used < CAPOS_RING_CQ_ENTRIES) {
        if (__builtin_expect(used + waiting > CAPOS_RING_CQ_ENTRIES, 0))
            waiting = CAPOS_RING_CQ_ENTRIES - used;
        drain(thread, waiting);
    } else if (__builtin_expect(thread->held_answered != 0, 0)) {
        return enter_with_held(thread);
    }
    return ring->cq_tail - head;
}

#ifndef CAPOS_HOST_TEST
/* Waits, but not while something that is held may go on. */
static __attribute__((noinline)) int64_t wait_with_held(struct thread *thread)
{
    const struct user_frame *frame = &thread->context.frame;
    int64_t value = THREAD_WAIT_AGAIN;
    while (value == THREAD_WAIT_AGAIN) {
        run_held(thread);
        value = ring_available(thread);
        if (value < (uint32_t)frame->rdi)
            value = thread_wait_completions(thread, (uint32_t)frame->rdi, frame->rsi);
    }
    return value;
}

/* After all entries were executed. The arguments lie in the caller's frame. */
static inline int64_t wait_and_leave(struct thread *thread, int64_t available)
{
    const struct user_frame *frame = &thread->context.frame;
    if (__builtin_expect(available >= 0 && available < (uint32_t)frame->rdi && frame->rsi != 0, 0))
        available = __builtin_expect(list_is_empty(&thread->held), 1)
                        ? thread_wait_completions(thread, (uint32_t)frame->rdi, frame->rsi)
                        : wait_with_held(thread);
    return __builtin_expect(sched_has_left_work(), 0) ? sched_leave(thread, available) : available;
}

/* ---- One entry or two, and a wait for one completion where none is and nothing is in flight: what a
 * synchronous call and a server's round are. Each function comes back with nothing changed if its entries are
 * not what it is for. */

static inline void read_page_entry(const struct capos_ring_header *page, uint32_t index,
                                   struct sqe_words *out)
{
    const volatile struct sqe_words *entry = (const void *)&ring_page_sq(page)[index & SQ_MASK];
    out->user_data = entry->user_data; /* each once */
    out->target = entry->target;
    out->addr = entry->addr;
    out->lengths = entry->lengths;
    out->result_addr = entry->result_addr;
    out->transfer = entry->transfer;
    out->pipeline = entry->pipeline;
    out->deadline_ns = entry->deadline_ns;
}

static inline void read_entry(const struct ring *ring, uint32_t index, struct sqe_words *out)
{
    read_page_entry(ring->page, index, out);
}

static inline bool waits_for_one(const struct thread *thread, uint32_t cq_head, uint32_t min_complete,
                                 uint64_t timeout_ns)
{
    if (cq_head != thread->ring.cq_tail)
        return false;
    if (thread->hindrances != 0)
        return false;
    return min_complete == 1 && timeout_ns == CAPOS_TIMEOUT_NEVER;
}

/* The rest of a plain call that was not answered by nothing at once. */
static __attribute__((noinline)) int64_t finish_one(struct thread *thread, struct call_scratch *scratch,
                                                    int32_t result)
{
    struct ring *ring = &thread->ring;
    if (result != CAP_CALL_PENDING)
        deliver_and_post(thread, &scratch->kcall, scratch->kcall.sqe.user_data, result);
    else if (thread->stopping)
        thread_stop_current();
    ring->page->in_flight = __atomic_load_n(&ring->in_flight, __ATOMIC_RELAXED);
    return wait_and_leave(thread, ring_available(thread));
}

static inline __attribute__((always_inline)) int64_t
call_one(struct thread *thread, const struct capability *target, const struct sqe_words *words)
{
    struct ring *ring = &thread->ring;
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    keep_plain(thread, &scratch->kcall, words);
    const uint32_t head = ring->sq_head + 1;
    ring->sq_head = head;
    __atomic_store_n(&ring->page->sq_head, head, __ATOMIC_RELEASE);
    int32_t result = run_method(target, scratch);
    if (__builtin_expect((result | (int32_t)scratch->kcall.caps_out_count) != 0, 0))
        return finish_one(thread, scratch, result);
    post(thread, words->user_data, 0);
    return __builtin_expect(sched_has_left_work(), 0) ? sched_leave(thread, 1) : 1;
}

/* Results that lie in the kernel go to the caller and are told of in one completion, if nothing is out of the
 * ordinary; false: nothing was done. */
static inline bool answer_at_once(struct thread *thread, const struct kcall *kcall, int32_t result)
{
    struct ring *ring = &thread->ring;
    const struct capos_cqe cqe = {.result = result, .payload_len = (uint32_t)result};
    if (__builtin_expect(result < 0 || (uint32_t)result > kcall->sqe.result_len, 0))
        return false;
    if (__builtin_expect((kcall->caps_out_count | kcall->results_in_place) != 0, 0))
        return false;
    if (__builtin_expect(__atomic_load_n(&ring->in_flight, __ATOMIC_ACQUIRE) != 0, 0))
        return false;
    if (result != 0 && umem_copy_out(kcall->sqe.result_addr, kcall->call.results, (size_t)result) < 0)
        return false; /* finish_one copies again, and answers the failure */
    ring_post_locked(ring, &cqe, kcall->sqe.user_data);
    return true;
}

/* A CALL with parameters, without capabilities, that the object itself answers. The method may change the
 * table, or make a thread that does: so the target is held. 0: it is something else, and nothing was done.
 * (The words that are not zero come one by one: the address of all would keep them in memory on every way.)
 */
static __attribute__((noinline)) int64_t call_one_bringing(struct thread *thread, const struct capability *at,
                                                           uint64_t user_data, uint64_t target_word,
                                                           uint64_t addr, uint64_t lengths,
                                                           uint64_t result_addr)
{
    struct ring *ring = &thread->ring;
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    struct kcall *kcall = &scratch->kcall;
    const struct capability target = *at;
    const uint32_t len = (uint32_t)lengths;
    const struct sqe_words words = {.user_data = user_data,
                                    .target = target_word,
                                    .addr = addr,
                                    .lengths = lengths,
                                    .result_addr = result_addr};
    if (target.type->forward != NULL || len > CAPOS_MESSAGE_MAX_BYTES)
        return 0;
    __builtin_memcpy(&kcall->sqe, &words, sizeof(kcall->sqe));
    prepare(thread, kcall);
    const uint32_t head = ring->sq_head + 1;
    ring->sq_head = head;
    __atomic_store_n(&ring->page->sq_head, head, __ATOMIC_RELEASE);
    int32_t result = len == 0 ? CAPOS_OK : umem_copy_in(scratch->params, addr, len);
    if (result == CAPOS_OK) {
        object_get(target.object);
        result = run_method(&target, scratch);
        object_put(target.object);
    }
    after_method(thread, kcall, result);
    if (!answer_at_once(thread, kcall, result))
        return finish_one(thread, scratch, result);
    return __builtin_expect(sched_has_left_work(), 0) ? sched_leave(thread, 1) : 1;
}

static inline __attribute__((always_inline)) void go_on(struct thread *thread, enum ipc_way way,
                                                        struct thread *next)
{
    if (way == IPC_SWITCH)
        sched_hand_over(thread, next);
    if (way == IPC_WAITS)
        sched_next();
}

/* One copy for all but the shortest ways. */
static __attribute__((noinline)) void go_on_late(struct thread *thread, enum ipc_way way, struct thread *next)
{
    go_on(thread, way, next);
}

/* False: the id is no client facet. Its thread knows it otherwise. */
static bool learn_facet(struct thread *thread, uint32_t id)
{
    const struct capability *target = captable_find_alone(thread->process, id);
    if (target == NULL || target->type->forward != endpoint_facet_forward)
        return false;
    ipc_learn_facet(&thread->fast, id, target);
    return true;
}

/* A CALL on a client facet with one capability. */
static __attribute__((noinline)) void try_call_with_capability(struct thread *thread)
{
    struct sqe_words words;
    struct thread *next = NULL;
    read_entry(&thread->ring, thread->ring.sq_head, &words);
    if (words.transfer != UINT64_C(1) << 32 ||
        (((words.target >> 48) ^ CAPOS_OP_CALL) | words.pipeline | words.deadline_ns |
         ((words.result_addr | words.addr) & 7)) != 0)
        return;
    if (learn_facet(thread, (uint32_t)words.target))
        go_on_late(thread, ipc_fast_call_with_capability(thread, &words, &next), next);
}

/* No capabilities, no deadline, nothing to wait for. */
static inline bool is_simple_call(const struct sqe_words *words)
{
    return (((words->target >> 48) ^ CAPOS_OP_CALL) | words->transfer | words->pipeline | words->deadline_ns |
            ((words->result_addr | words->addr) & 7)) == 0;
}

/* Such a CALL on a client facet, with news for its endpoint. */
static enum ipc_way call_with_news(struct thread *thread, const struct sqe_words *words,
                                   struct ipc_facet *news, struct thread **next)
{
    return learn_facet(thread, (uint32_t)words->target) ? ipc_fast_call_late(thread, words, news, next)
                                                        : IPC_GENERAL_WAY;
}

/* A RETURN, if it is simple and there is no news, which goes before it. */
static enum ipc_way return_after(struct thread *thread, const struct sqe_words *words,
                                 const struct ipc_facet *news, struct thread **next)
{
    if (news != NULL || !ipc_is_simple_return(words))
        return IPC_GENERAL_WAY;
    return ipc_fast_return_late(thread, words, next);
}

/* A simple CALL whose target is not one of the first, or a long one on a facet. As enter_one. */
static __attribute__((noinline)) int64_t enter_one_late(struct thread *thread)
{
    struct sqe_words words;
    struct thread *next = NULL;
    read_entry(&thread->ring, thread->ring.sq_head, &words);
    const struct capability *target = captable_find_alone(thread->process, (uint32_t)words.target);
    if (target == NULL || !is_simple_call(&words))
        return 0;
    if (target->type->forward != endpoint_facet_forward)
        return call_one_bringing(thread, target, words.user_data, words.target, words.addr, words.lengths,
                                 words.result_addr);
    ipc_learn_facet(&thread->fast, (uint32_t)words.target, target);
    go_on_late(thread, ipc_fast_call_late(thread, &words, NULL, &next), next);
    return 0;
}

/* Results that are not plain. */
static __attribute__((noinline)) void return_late(struct thread *thread)
{
    struct sqe_words words;
    struct thread *next = NULL;
    read_entry(&thread->ring, thread->ring.sq_head, &words);
    if (ipc_is_simple_return(&words))
        go_on_late(thread, ipc_fast_return_late(thread, &words, &next), next);
}

/* A CALL, or a server's round. 0: it is something else. */
static inline __attribute__((always_inline)) int64_t enter_one(struct thread *thread,
                                                               const struct capos_ring_header *page)
{
    struct thread *next = NULL;
    struct sqe_words words;
    read_page_entry(page, thread->ring.sq_head, &words);
    if ((words.target & (uint64_t)CAPOS_SQE_RECEIVE << 56) != 0) {
        if (__builtin_expect(ipc_is_plain_return(&words), 1))
            go_on(thread, ipc_fast_return(thread, &words, &next), next);
        else
            return_late(thread);
        return 0;
    }
    if (__builtin_expect(!is_simple_call(&words), 0)) {
        try_call_with_capability(thread);
        return 0;
    }
    const uint32_t id = (uint32_t)words.target;
    if (!ipc_knows_facet(&thread->fast, id)) {
        const struct capability *target = peek_alone(thread->process, id);
        if (__builtin_expect(target == NULL, 0))
            return enter_one_late(thread);
        if (target->type->forward != endpoint_facet_forward) {
            if (((words.lengths & ~PLAIN_LENGTHS) | words.addr) != 0)
                return call_one_bringing(thread, target, words.user_data, words.target, words.addr,
                                         words.lengths, words.result_addr);
            return call_one(thread, target, &words);
        }
        ipc_learn_facet(&thread->fast, id, target);
    }
    go_on(thread, ipc_fast_call(thread, &words, &next), next);
    return enter_one_late(thread);
}

static inline bool still_waits_for_one(const struct thread *thread)
{
    const struct user_frame *frame = &thread->context.frame;
    return waits_for_one(thread, __atomic_load_n(&thread->ring.page->cq_head, __ATOMIC_RELAXED),
                         (uint32_t)frame->rdi, frame->rsi);
}

/* Does the first entry if it is a RELEASE that wants no completion and gets none. *news as in ipc_fast.h. */
static bool release_first(struct thread *thread, struct ipc_facet **news)
{
    struct ring *ring = &thread->ring;
    struct sqe_words words;
    read_entry(ring, ring->sq_head, &words);
    if (!ipc_is_quiet_release(&words) || !ipc_fast_give_up(thread->process, (uint32_t)words.target, news))
        return false;
    const uint32_t head = ring->sq_head + 1;
    ring->sq_head = head;
    __atomic_store_n(&ring->page->sq_head, head, __ATOMIC_RELEASE);
    return true;
}

/* A RELEASE, and a CALL or a RETURN that goes on as a RECV. */
static __attribute__((noinline)) void release_and(struct thread *thread)
{
    struct ipc_facet *news = NULL;
    struct thread *next = NULL;
    struct sqe_words words;
    enum ipc_way way = IPC_GENERAL_WAY;
    if (!release_first(thread, &news))
        return;
    read_entry(&thread->ring, thread->ring.sq_head, &words);
    if (still_waits_for_one(thread)) /* what was released may have been much */
        way = is_simple_call(&words) ? call_with_news(thread, &words, news, &next)
                                     : return_after(thread, &words, news, &next);
    if (way == IPC_GENERAL_WAY && news != NULL)
        ipc_facet_dropped(news);
    go_on_late(thread, way, next);
}

static uint8_t opcode_at(const struct ring *ring, uint32_t index)
{
    return __atomic_load_n(&ring->sq[index & SQ_MASK].opcode, __ATOMIC_RELAXED);
}

/* An UNPARK and a PARK, or a RELEASE and something else. */
static __attribute__((noinline)) void enter_two(struct thread *thread)
{
    const struct ring *ring = &thread->ring;
    const uint8_t first = opcode_at(ring, ring->sq_head);
    if (first == CAPOS_OP_UNPARK)
        park_take_turns(thread);
    else if (first == CAPOS_OP_RELEASE)
        release_and(thread);
}

/* The only entry is a RECV: waits the fast way if it can, so that the call it gets may come by it. */
static void receive_alone(struct thread *thread, const struct sqe_words *words, uint32_t sq_head)
{
    if (still_waits_for_one(thread) && process_is_alone(thread->process) &&
        ipc_fast_receive(thread, words, sq_head) == IPC_WAITS)
        sched_next();
}

/* The only entry is a RETURN that goes on as a RECV: the fast way if it can, else at least the RECV. */
static void return_alone(struct thread *thread, const struct sqe_words *words)
{
    struct ring *ring = &thread->ring;
    struct call_scratch *scratch = percpu_this(scratch_of_cpu);
    struct capos_sqe *sqe = &scratch->kcall.sqe;
    struct thread *next = NULL;
    if (still_waits_for_one(thread) && ipc_is_simple_return(words))
        go_on_late(thread, ipc_fast_return_late(thread, words, &next), next);
    ring->sq_head++;
    __builtin_memcpy(sqe, words, sizeof(*sqe));
    int32_t result = answer_before_receive(thread, scratch);
    if (result == CAP_CALL_PENDING) {
        struct sqe_words receive;
        __builtin_memcpy(&receive, sqe, sizeof(receive));
        receive_alone(thread, &receive, ring->sq_head);
        result = execute_any(thread, scratch);
    }
    if (result != CAP_CALL_PENDING)
        deliver_and_post(thread, &scratch->kcall, words->user_data, result);
    __atomic_store_n(&ring->page->sq_head, ring->sq_head, __ATOMIC_RELEASE);
    ring->page->in_flight = __atomic_load_n(&ring->in_flight, __ATOMIC_RELAXED);
}

/* A server's round: whatever it is, and last a RECV, or a RETURN that goes on as one. */
static __attribute__((noinline)) void enter_and_receive(struct thread *thread, uint32_t waiting)
{
    const struct ring *ring = &thread->ring;
    struct ipc_facet *news = NULL;
    struct sqe_words words;
    while (waiting > 1 && release_first(thread, &news)) {
        waiting--;
        if (news != NULL)
            ipc_facet_dropped(news);
    }
    if (waiting > 1)
        drain(thread, waiting - 1);
    read_entry(ring, ring->sq_head, &words);
    if (ipc_receives_again(&words))
        return_alone(thread, &words);
    else
        receive_alone(thread, &words, ring->sq_head + 1);
}

static inline bool ends_with_receive(const struct thread *thread, uint32_t waiting)
{
    const struct ring *ring = &thread->ring;
    if (waiting - 1 >= CAPOS_RING_SQ_ENTRIES)
        return false;
    const uint8_t last = opcode_at(ring, ring->sq_head + waiting - 1);
    return last == CAPOS_OP_RECV || last == CAPOS_OP_RETURN;
}

static __attribute__((noinline)) int64_t enter_any(struct thread *thread)
{
    const struct ring *ring = &thread->ring;
    uint32_t waiting = __atomic_load_n(&ring->page->sq_tail, __ATOMIC_ACQUIRE) - ring->sq_head;
    if (still_waits_for_one(thread) && ends_with_receive(thread, waiting))
        enter_and_receive(thread, waiting);
    return wait_and_leave(thread, enter(thread));
}

int64_t syscall_cap_enter(uint32_t min_complete, uint64_t timeout_ns)
{
    struct thread *thread = thread_current();
    const struct ring *ring = &thread->ring;
    const struct capos_ring_header *page = ring->page;
    const uint32_t waiting = __atomic_load_n(&page->sq_tail, __ATOMIC_ACQUIRE) - ring->sq_head;
    if (__builtin_expect(waits_for_one(thread, __atomic_load_n(&page->cq_head, __ATOMIC_RELAXED),
                                       min_complete, timeout_ns),
                         1)) {
        if (__builtin_expect(waiting == 1, 1)) {
            int64_t available = enter_one(thread, page);
            if (__builtin_expect(available != 0, 1))
                return available;
        } else if (waiting == 2) {
            enter_two(thread);
        }
    }
    return enter_any(thread);
}
#else
int64_t ring_enter(struct thread *thread)
{
    return enter(thread);
}
#endif
