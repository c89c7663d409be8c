#include "core/trace.h"
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/ipc.h"
#include "core/process.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "object/tracer.h"
#include <base/string.h>

_Static_assert(sizeof(struct capos_trace_record) % 8 == 0 && sizeof(struct capos_trace_cap) % 8 == 0,
               "records follow each other without gaps");
_Static_assert(TRACE_RECORD_MAX < CAPOS_TRACE_BUFFER_MIN, "any record fits an empty buffer");

/* What is being put together on a CPU: nothing of it is left when the function that does so returns. */
static PERCPU struct draft {
    struct capos_trace_record record;
    uint8_t payload[CAPOS_TRACE_MESSAGE_MAX];
    struct capos_trace_cap caps[CAPOS_CALL_CAPS_MAX];
} draft_of_cpu;

/* ---- The buffer. */

static __attribute__((noinline)) void copy_in_locked(struct trace *trace, const void *bytes,
                                                     uint32_t size_bytes)
{
    uint32_t at = (trace->start + trace->used) % trace->capacity;
    uint32_t first = trace->capacity - at < size_bytes ? trace->capacity - at : size_bytes;
    memcpy((uint8_t *)trace->buffer + at, bytes, first);
    memcpy(trace->buffer, (const uint8_t *)bytes + first, size_bytes - first);
    trace->used += size_bytes;
}

static void copy_out_locked(struct trace *trace, void *out, uint32_t size_bytes)
{
    uint32_t at = trace->start;
    uint32_t first = trace->capacity - at < size_bytes ? trace->capacity - at : size_bytes;
    memcpy(out, (const uint8_t *)trace->buffer + at, first);
    memcpy((uint8_t *)out + first, trace->buffer, size_bytes - first);
    trace->start = (at + size_bytes) % trace->capacity;
    trace->used -= size_bytes;
}

/* A record's size is its first word, and words never straddle the end. */
static uint32_t oldest_bytes(const struct trace *trace)
{
    return (uint32_t)trace->buffer[trace->start / sizeof(trace->buffer[0])];
}

static void make_room_locked(struct trace *trace, uint32_t size_bytes)
{
    while (trace->capacity - trace->used < size_bytes) {
        uint32_t oldest = oldest_bytes(trace);
        trace->start = (trace->start + oldest) % trace->capacity;
        trace->used -= oldest;
        trace->lost++;
    }
}

size_t trace_take_locked(struct trace *trace, void *out, size_t room)
{
    size_t taken = 0;
    while (trace->used != 0 && oldest_bytes(trace) <= room - taken) {
        uint32_t oldest = oldest_bytes(trace);
        copy_out_locked(trace, (uint8_t *)out + taken, oldest);
        taken += oldest;
    }
    return taken;
}

static __attribute__((noinline)) void commit(struct process *process, struct draft *draft)
{
    struct capos_trace_record *record = &draft->record;
    uint32_t payload = (uint32_t)align_up(record->payload_kept, 8);
    uint32_t caps = record->cap_count * (uint32_t)sizeof(draft->caps[0]);
    record->size_bytes = (uint32_t)sizeof(*record) + payload + caps;
    memset(draft->payload + record->payload_kept, 0, payload - record->payload_kept);
    spinlock_acquire(&process->trace_lock);
    struct trace *trace = process->trace;
    if (trace != NULL) {
        record->time_ns = clock_now_ns();
        make_room_locked(trace, record->size_bytes);
        copy_in_locked(trace, record, (uint32_t)sizeof(*record));
        copy_in_locked(trace, draft->payload, payload);
        copy_in_locked(trace, draft->caps, caps);
    }
    spinlock_release(&process->trace_lock);
}

static __attribute__((noinline)) struct draft *begin(enum capos_trace_kind kind, uint32_t thread_number)
{
    struct draft *draft = percpu_this(draft_of_cpu);
    draft->record = (struct capos_trace_record){.kind = (uint8_t)kind, .thread = thread_number};
    return draft;
}

/* ---- What the thread's memory holds. */

static __attribute__((noinline)) status_t user_read(const struct thread *thread, void *out, uaddr_t address,
                                                    size_t size_bytes)
{
    const struct thread *current = thread_current();
    return current != NULL && current->process == thread->process
               ? umem_copy_in(out, address, size_bytes)
               : aspace_read(thread->process->aspace, address, out, size_bytes);
}

static __attribute__((noinline)) void keep_payload(struct draft *draft, const struct thread *thread,
                                                   uaddr_t address, uint32_t len)
{
    uint32_t limit = thread->process->trace_message_max;
    uint32_t kept = len < limit ? len : limit;
    draft->record.payload_bytes = len;
    if (kept != 0 && user_read(thread, draft->payload, address, kept) == CAPOS_OK)
        draft->record.payload_kept = kept;
}

/* Of a capability of the process; of an endpoint's server facet, what it serves. */
static __attribute__((noinline)) uint64_t interface_of(struct process *process, uint32_t id, bool served)
{
    struct capability capability = {NULL, NULL};
    if (captable_get(&process->captable, id, &capability) < 0)
        return 0;
    uint64_t interface_id = capability.type->interface_id;
    if (served && capability.type == &endpoint_type)
        interface_id = container_of(capability.object, struct ipc_endpoint, server)->interface_id;
    object_put(capability.object);
    return interface_id;
}

static void keep_sent(struct draft *draft, const struct thread *thread, uaddr_t address, uint32_t count)
{
    struct capos_xfer_desc descriptors[CAPOS_CALL_CAPS_MAX];
    if (count == 0 || count > CAPOS_CALL_CAPS_MAX ||
        user_read(thread, descriptors, address, count * sizeof(descriptors[0])) < 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        draft->caps[i] = (struct capos_trace_cap){
            .cap_id = descriptors[i].cap_id,
            .mode =
                descriptors[i].mode == CAPOS_XFER_MINT ? (uint32_t)CAPOS_TRACE_MINTED : descriptors[i].mode,
            .interface_id =
                interface_of(thread->process, descriptors[i].cap_id, descriptors[i].mode == CAPOS_XFER_MINT),
        };
    draft->record.cap_count = (uint8_t)count;
}

static void keep_received(struct draft *draft, const struct thread *thread, uaddr_t address, uint32_t count)
{
    struct capos_xfer_result records[CAPOS_XFER_CAPS_MAX];
    if (count == 0 || count > CAPOS_XFER_CAPS_MAX ||
        user_read(thread, records, address, count * sizeof(records[0])) < 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        draft->caps[i] = (struct capos_trace_cap){
            .cap_id = records[i].cap_id,
            .mode = CAPOS_TRACE_RECEIVED,
            .interface_id = records[i].interface_id,
        };
    draft->record.cap_count = (uint8_t)count;
}

/* What a pipelined CALL is called on: an answer that there need not be yet. The entry is the last one that
 * was taken; the one before it is the program's memory and may say anything. */
static void keep_dependency(struct draft *draft, const struct thread *thread, const struct capos_sqe *sqe)
{
    uint32_t index = thread->ring.sq_head - 1 - sqe->pipeline_dep;
    const volatile struct capos_sqe *earlier = &thread->ring.sq[index & (CAPOS_RING_SQ_ENTRIES - 1)];
    draft->record.value = (int64_t)earlier->user_data;
    draft->record.detail = sqe->pipeline_field;
}

/* ---- Records. */

void trace_record_entry(struct thread *thread, const struct capos_sqe *sqe)
{
    struct draft *draft = begin(CAPOS_TRACE_ENTRY, thread->number);
    struct capos_trace_record *record = &draft->record;
    bool serves = sqe->opcode == CAPOS_OP_RECV || sqe->opcode == CAPOS_OP_RETURN;
    record->opcode = sqe->opcode;
    record->flags = sqe->flags;
    record->cap_id = sqe->cap_id;
    record->method_id = sqe->method_id;
    record->user_data = sqe->user_data;
    record->call_id = sqe->opcode == CAPOS_OP_RETURN ? sqe->call_id : 0;
    if ((sqe->flags & CAPOS_SQE_PIPELINE) == 0)
        record->interface_id = interface_of(thread->process, sqe->cap_id, serves);
    else if (sqe->opcode == CAPOS_OP_CALL)
        keep_dependency(draft, thread, sqe);
    if (sqe->opcode == CAPOS_OP_CALL || sqe->opcode == CAPOS_OP_RETURN) {
        keep_payload(draft, thread, sqe->addr, sqe->len);
        if (sqe->len != 0) /* of a plain call only the lengths are there (ring.c), and the target */
            keep_sent(draft, thread, align_up(sqe->addr + sqe->len, 8), sqe->xfer_cap_count);
    } else {
        record->value = (int64_t)sqe->addr;
    }
    commit(thread->process, draft);
}

void trace_record_completion(struct thread *thread, uint64_t user_data, uaddr_t result_addr,
                             const struct capos_cqe *cqe)
{
    struct draft *draft = begin(CAPOS_TRACE_COMPLETION, thread->number);
    struct capos_trace_record *record = &draft->record;
    record->user_data = user_data;
    record->value = cqe->result;
    record->detail = cqe->detail;
    record->call_id = cqe->call_id;
    if (cqe->result != CAPOS_ERR_RESULT_TRUNCATED) /* then it says what would be needed */
        keep_payload(draft, thread, result_addr, cqe->payload_len);
    if (cqe->result >= 0)
        keep_received(draft, thread, align_up(result_addr + cqe->payload_len, 8), cqe->cap_count);
    commit(thread->process, draft);
}

static bool is_over(int32_t result, size_t cap_count)
{
    return result == CAPOS_OK && cap_count == 0;
}

void trace_record_over(struct thread *thread, uint64_t user_data, int32_t result, size_t cap_count)
{
    const struct capos_cqe cqe = {.result = result};
    if (is_over(result, cap_count))
        trace_record_completion(thread, user_data, 0, &cqe);
    if (is_over(result, cap_count) || result == CAP_CALL_PENDING)
        trace_wake_reader(thread->process);
}

void trace_record_delivered(struct kcall *kcall, uint64_t user_data, const struct capos_cqe *cqe)
{
    if (is_over(cqe->result, cqe->cap_count))
        return; /* trace_record_over has seen it */
    trace_record_completion(kcall->thread, user_data, kcall->sqe.result_addr, cqe);
    trace_wake_reader(kcall->thread->process);
}

void trace_record_plain(struct thread *thread, enum capos_trace_kind kind, int64_t value)
{
    struct draft *draft = begin(kind, thread->number);
    draft->record.value = value;
    commit(thread->process, draft);
}

/* ---- The process. */

static void record_crash(struct process *process, uint32_t thread_number, const struct crash_record *crash)
{
    struct draft *draft = begin(CAPOS_TRACE_CRASH, thread_number);
    size_t len = strlen(crash->reason);
    draft->record.value = crash->vector;
    draft->record.user_data = crash->fault_address;
    draft->record.interface_id = crash->rip;
    memcpy(draft->payload, crash->reason, len);
    draft->record.payload_bytes = draft->record.payload_kept = (uint32_t)len;
    commit(process, draft);
}

void trace_exit(struct process *process, int64_t exit_code, const struct crash_record *crash)
{
    const struct thread *thread = thread_current();
    uint32_t number = thread != NULL && thread->process == process ? thread->number : 0;
    if (__atomic_load_n(&process->trace, __ATOMIC_RELAXED) == NULL)
        return;
    if (crash != NULL)
        record_crash(process, number, crash);
    struct draft *draft = begin(CAPOS_TRACE_EXIT, number);
    draft->record.value = exit_code;
    commit(process, draft);
    trace_wake_reader(process);
}

void trace_ended(struct process *process)
{
    spinlock_acquire(&process->trace_lock);
    if (process->trace != NULL)
        process->trace->ended = true;
    spinlock_release(&process->trace_lock);
    trace_wake_reader(process);
}

void trace_wake_reader(struct process *process)
{
    struct pending *reader = NULL;
    spinlock_acquire(&process->trace_lock);
    struct trace *trace = process->trace;
    if (trace != NULL && (trace->used != 0 || trace->ended)) {
        reader = trace->reader;
        trace->reader = NULL;
    }
    spinlock_release(&process->trace_lock);
    if (reader != NULL) /* it references the trace */
        tracer_answer(trace, reader);
}

/* Who waits the fast way, which records nothing, goes on as any other. */
static void mark_thread(struct thread *thread, bool traced)
{
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    __atomic_store_n(&thread->traced, traced, __ATOMIC_RELAXED);
    spinlock_release(&thread->lock);
}

/* process->lock is held. The flag is read without. */
static void mark_threads(struct process *process, bool traced)
{
    for (struct list_node *node = list_first(&process->threads); node != NULL;
         node = list_next(&process->threads, node))
        mark_thread(container_of(node, struct thread, in_process), traced);
}

static void set_trace(struct process *process, struct trace *trace)
{
    spinlock_acquire(&process->trace_lock);
    process->trace = trace;
    spinlock_release(&process->trace_lock);
    mark_threads(process, trace != NULL);
}

/* What it holds when the trace begins, in the order of the table: of a new process, that of its grants. */
static void record_holdings(struct process *process)
{
    uint32_t cursor = 0;
    bool more = true;
    while (more) {
        struct draft *draft = begin(CAPOS_TRACE_HOLDS, 0);
        uint32_t count = 0, id;
        struct cap_slot slot;
        while (count < CAPOS_CALL_CAPS_MAX &&
               (more = captable_next(&process->captable, cursor, &id, &slot, &cursor)))
            draft->caps[count++] = (struct capos_trace_cap){
                .cap_id = id, .mode = CAPOS_TRACE_RECEIVED, .interface_id = interface_of(process, id, false)};
        draft->record.cap_count = (uint8_t)count;
        if (count != 0)
            commit(process, draft);
    }
}

bool trace_begin(struct trace *trace)
{
    struct process *process = trace->process;
    spinlock_acquire(&process->lock);
    bool may = process->state <= PROCESS_RUNNING && process->trace == NULL;
    if (may) {
        process->trace_message_max = trace->message_max;
        process->sharers++;
        set_trace(process, trace);
    }
    spinlock_release(&process->lock);
    if (may)
        record_holdings(process);
    return may;
}

void trace_end(struct trace *trace)
{
    struct process *process = trace->process;
    spinlock_acquire(&process->lock);
    process->sharers--;
    set_trace(process, NULL);
    spinlock_release(&process->lock);
}
