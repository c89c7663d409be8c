/*
 * Traces: a process' calls, completions and scheduling, recorded for one reader. abi/capos/trace_record.h is what a
 * record holds, docs/trace.md how it fits together.
 *
 * The hooks below ask thread->traced, which is set for all threads of a traced process and no others; a
 * process that is not traced pays a byte compared with zero, and a plain call not even that (struct
 * process.sharers). Recording takes one lock, the last in the order, so it may happen with any other held.
 * Waking the reader may not: that is done where a thread of the traced process passes with no lock held
 * (trace_entry_over, trace_delivered, trace_waiting, trace_runs, trace_ended).
 */
#pragma once
#include "core/thread.h"
#include "object/object.h"
#include <capos/trace_record.h>

struct crash_record;
struct kcall;
struct ledger;
struct process;

/* What a Trace capability names (object/tracer.c). */
struct trace {
    struct object object;    /* first */
    struct process *process; /* referenced */
    struct ledger *ledger;   /* referenced: pays */
    uint32_t capacity;       /* of the buffer: a multiple of 8 */
    uint32_t message_max;

    /* process->trace_lock protects: */
    uint32_t start, used; /* the bytes in the buffer, which goes round */
    uint64_t lost;
    bool ended;
    struct pending *reader; /* waits: then the buffer is empty, or it is about to be woken */
    uint64_t buffer[];
};

enum { TRACE_RECORD_MAX = sizeof(struct capos_trace_record) + CAPOS_TRACE_MESSAGE_MAX +
                          CAPOS_CALL_CAPS_MAX * sizeof(struct capos_trace_cap) };

/* From now on the process' threads are traced. False: it is ending or ended, or has a trace. */
CHECKED bool trace_begin(struct trace *trace);
/* The trace is not used any more when this returns. */
void trace_end(struct trace *trace);
/* Takes whole records, at most `room` bytes (at least TRACE_RECORD_MAX). trace_lock is held. */
size_t trace_take_locked(struct trace *trace, void *out, size_t room);

/* Out of the way of those who are not traced. */
#define TRACE_COLD __attribute__((noinline, cold))
TRACE_COLD void trace_record_entry(struct thread *thread, const struct capos_sqe *sqe);
TRACE_COLD void trace_record_completion(struct thread *thread, uint64_t user_data, uaddr_t result_addr,
                             const struct capos_cqe *cqe);
TRACE_COLD void trace_record_delivered(struct kcall *kcall, uint64_t user_data, const struct capos_cqe *cqe);
TRACE_COLD void trace_record_over(struct thread *thread, uint64_t user_data, int32_t result, size_t cap_count);
TRACE_COLD void trace_record_plain(struct thread *thread, enum capos_trace_kind kind, int64_t value);
TRACE_COLD void trace_wake_reader(struct process *process);

/* The process ends, with a crash or without; nothing has been stopped yet. */
TRACE_COLD void trace_exit(struct process *process, int64_t exit_code, const struct crash_record *crash);
/* It has: there will be no more records. */
TRACE_COLD void trace_ended(struct process *process);

static inline bool trace_wanted(const struct thread *thread)
{
    return __builtin_expect(thread->traced, 0);
}

/* The running thread's next entry, before it is executed. */
static inline void trace_entry(struct thread *thread, const struct capos_sqe *sqe)
{
    if (trace_wanted(thread))
        trace_record_entry(thread, sqe);
}

/* It was executed, and answers this many capabilities; a success without any payload is complete with that,
 * others when they are delivered. */
static inline void trace_entry_over(struct thread *thread, uint64_t user_data, int32_t result,
                                    size_t cap_count)
{
    if (trace_wanted(thread))
        trace_record_over(thread, user_data, result, cap_count);
}

/* Its outcome is in the thread's memory. */
static inline void trace_delivered(struct kcall *kcall, struct thread *thread, uint64_t user_data,
                                   const struct capos_cqe *cqe)
{
    if (trace_wanted(thread))
        trace_record_delivered(kcall, user_data, cqe);
}

/* An operation in flight is answered; its thread's lock is not held. */
static inline void trace_completion(struct pending *pending, const struct capos_cqe *cqe)
{
    if (trace_wanted(pending->thread))
        trace_record_completion(pending->thread, pending->user_data, pending->result_addr, cqe);
}

/* It is BLOCKED, its lock is held; and then: it is not. */
static inline void trace_waits(struct thread *thread)
{
    if (trace_wanted(thread))
        trace_record_plain(thread, CAPOS_TRACE_WAITS, 0);
}
static inline void trace_waiting(struct thread *thread)
{
    if (trace_wanted(thread))
        trace_wake_reader(thread->process);
}

static inline void trace_preempted(struct thread *thread)
{
    if (trace_wanted(thread))
        trace_record_plain(thread, CAPOS_TRACE_PREEMPTED, 0);
}

/* It is this CPU's current thread from now on. */
static inline void trace_runs(struct thread *thread)
{
    if (trace_wanted(thread)) {
        trace_record_plain(thread, CAPOS_TRACE_RUNS, (int64_t)thread->cpu);
        trace_wake_reader(thread->process);
    }
}
