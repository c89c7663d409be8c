/*
 * Processes: an address space, a capability table, a ledger, threads; an end.
 *
 * A process is an object: ProcessHandles refer to it, and it outlives its end as long as they do. Ids grow
 * and are never used again. Ending has one path, process_end: it stops all threads on all CPUs; whoever sees
 * the last of them DEAD returns everything the process held, and answers those who wait. docs/processes.md.
 */
#pragma once
#include "core/captable.h"
#include "core/elf.h"
#include "core/thread.h"
#include "core/types.h"
#include <base/list.h>

struct aspace;
struct ledger;
struct pending;
struct trace;

/* ENDING: its threads are being stopped; no thread can be added. ENDED: everything is returned, waiters are
 * answered. */
enum process_state { PROCESS_STARTING, PROCESS_RUNNING, PROCESS_ENDING, PROCESS_ENDED };

/* How a crash is remembered; CrashRecord in schema/process.capnp. */
enum { CRASH_REGISTERS = 16 };
struct crash_record {
    uint8_t vector;
    uint64_t error_code;
    uint64_t fault_address;
    uint64_t rip, rsp;
    uint64_t registers[CRASH_REGISTERS];
    uint64_t backtrace[CAPOS_BACKTRACE_MAX];
    size_t backtrace_len;
    char reason[96];
};

struct process {
    struct object object; /* first */

    /* Immutable after it started. */
    uint64_t id;
    /* Until `lock`: changed when the program is replaced, while the process has one thread, that being in the
     * kernel. Who is no thread of it may find half of a name (but always an end). */
    char name[CAPOS_PROCESS_NAME_MAX + 1];
    struct ledger
        *ledger; /* this and aspace: there as long as a thread is; null once ended. Others: process_borrow */
    struct ledger *payer; /* the parent's, referenced: pays for this struct and the crash record */
    struct aspace *aspace;
    struct image image; /* for symbols */
    uint64_t image_base;
    uaddr_t capset_address;
    struct captable captable;

    /* lock (LOCK_PROCESS) protects: */
    struct spinlock lock;
    struct list threads; /* that were started and are not gone */
    uint32_t thread_count;
    uint32_t
        sharers; /* thread_count, and one for a trace: at 1 a plain call goes the shortest way (ring.c) */
    struct thread *spare_threads; /* struct thread.next */
    uint32_t spare_thread_count;
    enum process_state state;
    int64_t exit_code;
    bool paused; /* its one thread has not begun */
    bool crashed;
    struct crash_record *crash; /* heap; null unless crashed and there was memory */
    struct list waiters;        /* struct pending.in_object */
    uaddr_t clock_page;         /* where Timer.mapClock mapped it; 0: not yet */

    /* LOCK_TRACE protects; changed with `lock` held as well: */
    struct spinlock trace_lock;
    struct trace *trace; /* trace.h; mostly null */
    uint32_t trace_message_max;

    uint32_t live_threads;       /* atomic: not DEAD, and one while nobody has ended the process */
    uint32_t last_thread_number; /* atomic */

    struct list_node in_table; /* LOCK_PROCESS_TABLE */
    uint64_t cpu_ns_ended;     /* of threads that are gone */

    struct object control; /* has a reference to the process while it is there: object/process_control.h */
};

extern const struct object_type process_type;

/* An empty process with its ledger carved out of parent's (limits: see ledger_create), and no address space:
 * process_set_program. One reference. Not in the table and not counted as running until process_start.
 * NO_MEMORY, QUOTA. */
CHECKED status_t process_create(const char *name, size_t name_len, struct ledger *parent,
                                const uint64_t *limits, struct process **out);
/* What a process runs. */
struct process_program {
    struct aspace *aspace;
    struct image image;
    uint64_t image_base;
    uaddr_t capset_address;
    uaddr_t clock_page;
    const char *name; /* name_len 0: stays as it is */
    size_t name_len;
};
/* Takes over the address space, references the image. What it ran before is released: no thread of it is in
 * the kernel but the running one, and no CPU will enter the old address space. Passes preemption points. */
void process_set_program(struct process *process, const struct process_program *program);
/* Enters it into the table and starts its first thread; `paused`: that runs when process_resume says so. */
void process_start(struct process *process, struct thread *first, bool paused);
/* False: it was not paused (any more), or has ended. */
bool process_resume(struct process *process);
/* Nobody resumes it meanwhile. */
bool process_is_paused(struct process *process);
/* Gives back all that a process that never started holds, and the reference. */
void process_abandon(struct process *process);

/* Ends a process that has started, from any CPU and any thread or none; no lock held. The first caller
 * decides the exit code, and the crash (copied; null: none) of the running thread. Its threads are stopped
 * and the last to be DEAD returns what the process held: that may be within this call, or later on another
 * CPU. If the running thread is one of them it is marked `stopping`: its ring entry, if it is executing one,
 * answers CAP_CALL_PENDING. True: this call ended it. */
bool process_end(struct process *process, int64_t exit_code, const struct crash_record *crash);
/* Ends the running thread's process. Returns to the scheduler, not to the caller. */
_Noreturn void process_end_current(int64_t exit_code, const struct crash_record *crash);
/* Stops all threads but the running one, which is of this process, and waits until they are gone. CANCELED:
 * the running thread is being stopped itself. No lock held; passes preemption points. */
CHECKED status_t process_stop_others(struct process *process);
/* A thread is DEAD and given back; the last one ends the process. The caller has a reference to the process.
 */
void process_thread_gone(struct process *process);
/* Halts the machine if no process is left. Called with no reference to any. */
void process_halt_if_last(void);

/* For who is not a thread of it: its ledger and address space, referenced. False: it has ended. */
CHECKED bool process_borrow(struct process *process, struct ledger **ledger, struct aspace **aspace);

/* The process with the smallest id >= id, referenced; null: none. It may end meanwhile: see process_borrow.
 */
struct process *process_find_from(uint64_t id);
uint32_t process_count(void);
uint64_t process_cpu_ns(struct process *process);
/* Called once before the first process starts: what the leak check compares with at the end. */
void process_leak_baseline(void);

/* It has one thread and no trace. */
static inline bool process_is_alone(const struct process *process)
{
    return process->sharers == 1;
}

/* The running thread's process' capability, where it needs neither the table's lock nor a reference to stay:
 * while a process has one thread, nobody but that thread takes capabilities out of its table. Null: there are
 * more threads, or the id is not one of the first, or stale. */
static inline const struct capability *captable_peek_alone(const struct process *process, uint32_t id)
{
    const struct cap_slot *slots = process->captable.chunks[0];
    uint32_t index = id & CAP_INDEX_MASK;
    return process->thread_count == 1 && index < 1u << CAP_CHUNK0_LOG2 && slots != NULL &&
                   slots[index].live_id == id
               ? &slots[index].capability
               : NULL;
}

/* The same of any id. The table's chunks never move. */
static inline const struct capability *captable_find_alone(const struct process *process, uint32_t id)
{
    const uint32_t index = id & CAP_INDEX_MASK;
    if (process->thread_count != 1 || index >= process->captable.capacity)
        return NULL;
    const struct cap_slot *slot = captable_slot(&process->captable, index);
    return slot->live_id == id ? &slot->capability : NULL;
}
