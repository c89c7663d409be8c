/*
 * The ring on the kernel's side: draining submissions and posting completions. abi/capos/ring.h is the
 * contract.
 */
#pragma once
#include "core/thread.h"
#include "object/object.h"

/* Once on each CPU, before the first ring_enter there. */
void ring_scratch_init(void);
/* Makes the header of a fresh, zeroed page. */
void ring_init(struct ring *ring, void *page);
/* Executes submissions while there are any and completions fit; returns the completions that the thread has
 * not taken yet. RING_CORRUPT: the shared indexes made no sense; they were reset, nothing was executed, and
 * unread completions are dropped. For host tests; in the kernel it is the system call cap_enter. */
CHECKED int64_t ring_enter(struct thread *thread);
/* Completions that the thread has not taken yet. */
static inline uint32_t ring_available(const struct thread *thread)
{
    uint32_t available =
        thread->ring.cq_tail - __atomic_load_n(&thread->ring.page->cq_head, __ATOMIC_RELAXED);
    return available <= CAPOS_RING_CQ_ENTRIES ? available : 0;
}
/* Posts the completion of an operation that was in flight, and wakes the thread if it waited for it. */
void ring_post_pending(struct thread *thread, const struct capos_cqe *cqe);
