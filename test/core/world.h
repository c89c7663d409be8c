/*
 * A small world for host tests of kernel/core: the machine and the memory system replaced by counters and
 * host memory, so that each test says exactly what the machine does. (Tests of kernel/mm use test/kernel
 * instead, where the memory system is real and physical memory is simulated.)
 */
#pragma once
#include "arch/arch.h"
#include "core/call.h"
#include "core/process.h"
#include "mm/ledger.h"
#include "unit.h"

struct ledger {
    uint64_t limit[LEDGER_RESOURCES];
    uint64_t used[LEDGER_RESOURCES];
    uint64_t references; /* of objects that are charged to it */
};

/* Empties the world: time 0, nothing allocated, no user memory, entropy there. */
void world_reset(void);
/* Nothing is allocated, charged or referenced any more. For teardown. */
void world_check_empty(void);

struct ledger *world_ledger(void);
void world_set_time(uint64_t now_ns); /* and runs due timers */
void world_set_entropy(bool available);
/* Declares host memory to be user memory; readable, and writable or not. */
void world_add_user_memory(const void *memory, size_t size_bytes, bool writable);

/* One process with one running thread and a ring in host memory. */
struct process *world_process(void);
struct thread *world_thread(void);
/* Who runs on the one CPU; at first the thread above. */
void world_set_current(struct thread *thread);
void world_let_switch(bool may);    /* sched_may_switch_to */
uint32_t world_ready_count(void);   /* times sched_make_ready was called */
uint32_t world_timer_changes(void); /* times the scheduler was told to look at the timer again */

/* Another CPU: `run` is called whenever a lock of the class (enum lock_class) has been released, until it
 * says that it has done what it is for. It enters no ring: what an entry works in is one CPU's. */
void world_on_release(uint32_t lock_class, bool (*run)(void));
/* For struct process.aspace; its struct aspace_front is the test's to change. */
struct aspace *world_aspace(void);

/* A memory object over host bytes. */
struct memory_object *world_memory(const void *bytes, size_t size_bytes);
/* It is what aspace_object_at finds at the addresses of its bytes; null: nothing is. */
void world_map_memory(struct memory_object *memory);

/* An object that counts itself; dispatch is the test's. */
struct world_object {
    struct object object;
    struct object_type type;
    int calls;
};
struct world_object *world_object(uint64_t interface_id,
                                  int32_t (*dispatch)(const void *, void *, uint16_t, struct cap_call *));
