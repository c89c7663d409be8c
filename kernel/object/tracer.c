#include "object/tracer.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/process.h"
#include "core/trace.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/kernel_caps.h"
#include "object/process_handle.h"
#include <capos/manifest.h>
#include <capos/trace_server.h>

/* Room that an answer takes besides the records: segment table, root, three fields. */
enum { ANSWER_BYTES = 64 };

/* Records between the buffer and an answer: one is put together at a time on a CPU. */
static PERCPU uint64_t records_of_cpu[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];

static struct trace *trace_of(void *self)
{
    return container_of((struct object *)self, struct trace, object);
}

static size_t size_of(uint32_t capacity)
{
    return sizeof(struct trace) + capacity;
}

/* ---- Trace. */

static void release(struct trace *trace)
{
    struct ledger *ledger = trace->ledger;
    size_t size_bytes = size_of(trace->capacity);
    object_put(&trace->process->object);
    heap_free(trace, size_bytes);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, size_bytes);
    ledger_put(ledger);
}

static void trace_destroy(struct object *object)
{
    struct trace *trace = trace_of(object);
    trace_end(trace);
    release(trace);
}

static bool has_news_locked(const struct trace *trace)
{
    return trace->used != 0 || trace->ended;
}

static void take_locked(struct trace *trace, const struct cap_call *call,
                        struct cap_trace_read_results *results)
{
    uint8_t *records = (uint8_t *)*percpu_this(records_of_cpu);
    results->lost = trace->lost;
    results->records =
        (struct capnp_data){records, trace_take_locked(trace, records, call->results_limit - ANSWER_BYTES)};
    results->ended = trace->ended && trace->used == 0;
    trace->lost = 0;
}

void tracer_answer(struct trace *trace, struct pending *reader)
{
    struct cap_trace_read_results results = {0};
    struct kcall reply;
    pending_reply_begin(reader, &reply);
    spinlock_acquire(&trace->process->trace_lock);
    take_locked(trace, &reply.call, &results);
    spinlock_release(&trace->process->trace_lock);
    pending_reply_end(reader, &reply, cap_trace_read_reply(&reply.call, &results));
}

static bool read_cancel(struct pending *pending)
{
    struct trace *trace = trace_of(pending->object);
    spinlock_acquire(&trace->process->trace_lock);
    bool waits = trace->reader == pending;
    if (waits)
        trace->reader = NULL;
    spinlock_release(&trace->process->trace_lock);
    return waits;
}

enum outcome { OUTCOME_NEWS, OUTCOME_NOTHING, OUTCOME_BUSY };

static enum outcome try_read(struct trace *trace, const struct cap_call *call,
                             struct cap_trace_read_results *results)
{
    enum outcome outcome = OUTCOME_NOTHING;
    spinlock_acquire(&trace->process->trace_lock);
    if (trace->reader != NULL) {
        outcome = OUTCOME_BUSY;
    } else if (has_news_locked(trace)) {
        outcome = OUTCOME_NEWS;
        take_locked(trace, call, results);
    }
    spinlock_release(&trace->process->trace_lock);
    return outcome;
}

/* NEWS: something came in the meantime. */
static enum outcome enqueue(struct trace *trace, struct pending *reader)
{
    enum outcome outcome = OUTCOME_NOTHING;
    spinlock_acquire(&trace->process->trace_lock);
    if (trace->reader != NULL)
        outcome = OUTCOME_BUSY;
    else if (has_news_locked(trace))
        outcome = OUTCOME_NEWS;
    else
        trace->reader = reader;
    spinlock_release(&trace->process->trace_lock);
    return outcome;
}

static int32_t wait_for_news(struct trace *trace, struct cap_call *call)
{
    struct pending *reader;
    status_t status = pending_create(call, &trace->object, read_cancel, &reader);
    if (status < 0)
        return status;
    switch (enqueue(trace, reader)) {
    case OUTCOME_NEWS:
        tracer_answer(trace, reader);
        break;
    case OUTCOME_BUSY:
        pending_complete(reader, CAPOS_ERR_CANCELED);
        break;
    case OUTCOME_NOTHING:
        break;
    }
    return CAP_CALL_PENDING;
}

static int32_t trace_read(void *self, struct cap_call *call, struct cap_trace_read_results *results)
{
    struct trace *trace = trace_of(self);
    if (call->results_limit < ANSWER_BYTES + TRACE_RECORD_MAX) {
        call->results_bytes = ANSWER_BYTES + TRACE_RECORD_MAX;
        return CAPOS_ERR_RESULT_TRUNCATED;
    }
    switch (try_read(trace, call, results)) {
    case OUTCOME_NEWS:
        return CAPOS_OK;
    case OUTCOME_BUSY:
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED, "another read waits for this trace");
    case OUTCOME_NOTHING:
        break;
    }
    return wait_for_news(trace, call);
}

static const struct cap_trace_server trace_server = {.read = trace_read};
KERNEL_DISPATCH(trace_dispatch, cap_trace_dispatch)

static const struct object_type trace_type = {
    .name = "Trace",
    .interface_id = CAP_TRACE_INTERFACE_ID,
    .dispatch = trace_dispatch,
    .server = &trace_server,
    .destroy = trace_destroy,
};

/* ---- Tracer. */

static status_t trace_create(struct process *process, struct ledger *payer, uint32_t capacity,
                             uint32_t message_max, struct trace **out)
{
    size_t size_bytes = size_of(capacity);
    status_t status = ledger_charge(payer, LEDGER_HEAP_BYTES, size_bytes);
    if (status < 0)
        return status;
    struct trace *trace = heap_alloc(size_bytes);
    if (trace == NULL) {
        ledger_refund(payer, LEDGER_HEAP_BYTES, size_bytes);
        return CAPOS_ERR_NO_MEMORY;
    }
    ledger_get(payer);
    object_get(&process->object);
    trace->ledger = payer;
    trace->process = process;
    trace->capacity = capacity;
    trace->message_max = message_max;
    *out = trace;
    return CAPOS_OK;
}

static int32_t begin_trace(struct cap_call *call, struct process *process,
                           const struct cap_tracer_attach_params *params, struct call_result_cap *reserved)
{
    uint32_t message_max = params->message_bytes_max < CAPOS_TRACE_MESSAGE_MAX ? params->message_bytes_max
                                                                                : CAPOS_TRACE_MESSAGE_MAX;
    struct trace *trace;
    status_t status = trace_create(process, kcall_ledger(call), (uint32_t)align_up(params->buffer_bytes, 8),
                                   message_max, &trace);
    if (status < 0)
        return status;
    if (!trace_begin(trace)) {
        release(trace);
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED,
                             "the process has ended or is being traced already");
    }
    object_init(&trace->object, &trace_type);
    reserved->capability = (struct capability){&trace->object, &trace_type};
    return CAPOS_OK;
}

static int32_t attach(void *self, struct cap_call *call, const struct cap_tracer_attach_params *params,
                      struct cap_tracer_attach_results *results)
{
    struct call_result_cap *reserved;
    (void)self;
    if (params->process.id == CAPNP_CAP_NONE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "no process was named");
    if (params->buffer_bytes < CAPOS_TRACE_BUFFER_MIN || params->buffer_bytes > CAPOS_TRACE_BUFFER_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "a trace's buffer has from 4 KiB to 2 MiB");
    struct capability named = kcall_capability_in(call, params->process.id);
    int32_t status = capability_resolve(&named);
    if (status == CAPOS_OK && named.type != &process_handle_type)
        status = CAPOS_ERR_WRONG_INTERFACE;
    if (status == CAPOS_OK)
        status = kcall_reserve_result(call, &reserved);
    if (status < 0)
        return status;
    results->trace.id = reserved->id;
    return begin_trace(call, container_of(named.object, struct process, object), params, reserved);
}

static const struct cap_tracer_server tracer_server = {.attach = attach};
KERNEL_DISPATCH(tracer_dispatch, cap_tracer_dispatch)

static const struct object_type tracer_type = {
    .name = "Tracer",
    .interface_id = CAP_TRACER_INTERFACE_ID,
    .dispatch = tracer_dispatch,
    .server = &tracer_server,
};
KERNEL_CAP(CAP_KERNEL_CAP_TRACER, tracer_type);
