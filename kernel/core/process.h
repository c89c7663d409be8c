/*
 * Processes: an address space, a capability table, a ledger, threads; an end.
 *
 * A process is an object: ProcessHandles refer to it, and it outlives its end as long as they do. Ids grow
 * and are never used again. Ending has one path, process_end: it takes the process off the CPU, returns
 * everything it held, and answers those who wait.
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

enum process_state { PROCESS_STARTING, PROCESS_RUNNING, PROCESS_ENDED };

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
    char name[CAPOS_PROCESS_NAME_MAX + 1];
    struct ledger *ledger; /* null once ended */
    struct ledger *payer;  /* the parent's, referenced: pays for this struct and the crash record */
    struct aspace *aspace; /* null once ended */
    struct image image;    /* for symbols */
    uint64_t image_base;
    struct captable captable;

    /* lock (LOCK_PROCESS) protects: */
    struct spinlock lock;
    struct list threads;
    uint32_t thread_count;
    uint32_t next_thread_number;
    enum process_state state;
    int64_t exit_code;
    bool crashed;
    struct crash_record *crash; /* heap; null unless crashed and there was memory */
    struct list waiters;        /* struct pending.in_object */
    uaddr_t clock_page;         /* where Timer.mapClock mapped it; 0: not yet */

    struct list_node in_table; /* LOCK_PROCESS_TABLE */
    uint64_t cpu_ns_ended;     /* of threads that are gone */
};

extern const struct object_type process_type;

/* An empty process with its ledger carved out of parent's (limits: see ledger_create). One reference. Not in
 * the table and not counted as running until process_start. NO_MEMORY, QUOTA. */
CHECKED status_t process_create(const char *name, size_t name_len, struct ledger *parent,
                                const uint64_t *limits, struct process **out);
/* Enters it into the table and makes its first thread ready. */
void process_start(struct process *process, struct thread *first);
/* Gives back all that a process that never started holds, and the reference. */
void process_abandon(struct process *process);
/* Ends the running thread's process; `crash` (copied) when it crashed. Returns to the scheduler, not to the
 * caller. */
_Noreturn void process_end_current(int64_t exit_code, const struct crash_record *crash);

/* The process with the smallest id >= id, referenced; null: none. */
struct process *process_find_from(uint64_t id);
uint32_t process_count(void);
uint64_t process_cpu_ns(struct process *process);
/* Called once before the first process starts: what the leak check compares with at the end. */
void process_leak_baseline(void);
