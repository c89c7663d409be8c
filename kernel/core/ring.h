/*
 * The ring on the kernel's side: draining submissions and posting completions. abi/capos/ring.h is the
 * contract.
 */
#pragma once
#include "core/thread.h"
#include "object/object.h"

/* Once on each CPU, before the first ring_enter there. */
void ring_scratch_init(void);
/* Makes the header of a page that is the process' own. */
void ring_init(struct ring *ring, void *page);
/* The ring of a copy of the running thread, on a page of its own: the completions that `from` has not taken,
 * and the entries behind the one that is being executed; nothing is in flight. What completes later is not in
 * it, so whoever copies the memory afterwards copies all that these completions tell of. */
void ring_copy(struct ring *copy, struct thread *from);
/* The entry that is being executed for the thread, which is this CPU's, or was executed last: good enough for
 * a report, when nothing is known for certain. */
void ring_entry_at_work(const struct thread *thread, struct capos_sqe *out);
/* Executes submissions while there are any and completions fit; returns the completions that the thread has
 * not taken yet. RING_CORRUPT: the shared indexes made no sense; they were reset, nothing was executed, and
 * unread completions are dropped. For host tests; in the kernel it is the system call cap_enter. */
CHECKED int64_t ring_enter(struct thread *thread);
/* An entry as the eight words that it is in memory: what must be zero is found out by word, not by field. */
struct sqe_words {
    uint64_t user_data, target, addr, lengths, result_addr, transfer, pipeline, deadline_ns;
};
_Static_assert(sizeof(struct sqe_words) == sizeof(struct capos_sqe), "an entry is eight words");

enum {
    RING_SQ_OFFSET = 256,
    RING_CQ_OFFSET = RING_SQ_OFFSET + CAPOS_RING_SQ_ENTRIES * sizeof(struct capos_sqe),
};
/* Where ring->sq and ring->cq point, for who has the page at hand. */
static inline struct capos_sqe *ring_page_sq(const struct capos_ring_header *page)
{
    return (struct capos_sqe *)((uint64_t)page + RING_SQ_OFFSET);
}
static inline struct capos_cqe *ring_page_cq(const struct capos_ring_header *page)
{
    return (struct capos_cqe *)((uint64_t)page + RING_CQ_OFFSET);
}

/* Completions that the thread has not taken yet. */
static inline uint32_t ring_available(const struct thread *thread)
{
    uint32_t available =
        thread->ring.cq_tail - __atomic_load_n(&thread->ring.page->cq_head, __ATOMIC_RELAXED);
    return available <= CAPOS_RING_CQ_ENTRIES ? available : 0;
}
/* Posts a completion, for which there is room; the caller holds the thread's lock, or nobody else posts. */
static inline __attribute__((always_inline)) void
ring_post_locked(struct ring *ring, const struct capos_cqe *cqe, uint64_t user_data)
{
    uint32_t tail = ring->cq_tail; /* a local: for all the compiler knows the stores below could change it */
    struct capos_ring_header *page = ring->page;
    struct capos_cqe *place = &ring->cq[tail & (CAPOS_RING_CQ_ENTRIES - 1)];
    *place = *cqe;
    place->user_data = user_data;
    ring->cq_tail = ++tail;
    __atomic_store_n(&page->cq_tail, tail, __ATOMIC_RELEASE);
}
/* One operation in flight less, after its completion was posted: who reads in_flight first and the
 * completions then never counts it in neither. The caller holds the thread's lock. */
static inline void ring_end_in_flight_locked(struct ring *ring)
{
    uint32_t in_flight = ring->in_flight - 1;
    __atomic_store_n(&ring->in_flight, in_flight, __ATOMIC_RELEASE);
    ring->page->in_flight = in_flight;
}
