/*
 * Waiting on words of memory: the ring operations PARK and UNPARK. docs/park.md.
 *
 * Who waits is in the queue of a key: (address space, address) for a ParkSpace, (MemoryObject, offset) for a
 * SharedParkSpace. Keys hash into buckets, each with its own lock (LOCK_PARK), under which PARK compares the
 * word and queues, and UNPARK takes out: so of a PARK and an UNPARK of one word one comes first. If the PARK
 * does, the UNPARK finds it; if the UNPARK does, then what was stored to the word before it is seen by the
 * PARK's comparison. No wake-up is lost, whatever the timing.
 *
 * A waiter is a struct pending of its thread (charged as such, ended by deadline, CANCEL and death like any
 * other). A key keeps its MemoryObject referenced; an address space outlives what is in flight in it.
 * Unmapping the word ends no wait: a waiter holds a key, not memory.
 */
#pragma once
#include "core/call.h"

/* Once, before the first ring_enter. */
void park_init(void);
/* The entry is in kcall->sqe, the running thread in kcall->thread. What to answer, or CAP_CALL_PENDING (also
 * for what was posted here already, and for a QUIET success). */
int32_t park_wait(struct kcall *kcall);
int32_t park_wake(struct kcall *kcall);

/* For a thread that waits for one completion, without a limit, has none now and nothing in flight (hindrances
 * is 0), and whose two entries are an UNPARK and something else: if that is a PARK and somebody waits for the
 * UNPARK, he runs next and this does not come back. Else the general way does what is left in the queue. */
struct thread;
void park_take_turns(struct thread *thread);

/* Which of the two a capability is. */
extern const struct object_type park_space_type, shared_park_space_type;
/* How many waits of the caller's process there are, of one kind. */
uint32_t park_count_waiters(struct cap_call *call, bool shared);
