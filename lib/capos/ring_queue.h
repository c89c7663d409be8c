/*
 * The two ends of the calling thread's ring, for ring.c (calls) and serve.c (receiving and answering).
 */
#pragma once
#include "internal.h"

/* Who waits for an operation; its address is the user_data. */
struct waiter {
    int32_t result;
    uint32_t done;
    uint32_t payload_bytes;
    uint16_t cap_count;
    uint16_t detail;
    uint32_t call_id;
};

/* What an entry says beyond its zeros. */
struct submission {
    uint64_t user_data;
    uint64_t addr;
    uint64_t result_addr;
    uint64_t deadline_ns;
    uint32_t cap_id;
    uint32_t len;
    uint32_t result_len;
    uint16_t method_id;
    uint16_t xfer_cap_count;
    uint8_t opcode;
    uint8_t flags;
    uint32_t call_id;
    uint32_t pipeline_dep;
    uint16_t pipeline_field;
};

static inline size_t round_up_8(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* The entry in the units in which it is written: the compiler would store field by field. */
struct sqe_words {
    uint64_t user_data;
    uint32_t cap_id;
    uint32_t method_and_opcode;
    uint64_t addr;
    uint32_t len;
    uint32_t result_len;
    uint64_t result_addr;
    uint64_t call_id_and_caps;
    uint64_t pipeline;
    uint64_t deadline_ns;
};
_Static_assert(sizeof(struct sqe_words) == sizeof(struct capos_sqe), "all of the entry");

/* Puts one entry into the queue; the kernel sees it when it is next entered. There is always room: the calls
 * started, and a release before them, leave one place, and a thread has one blocking operation at a time.
 */
static inline void ring_queue(const struct ring *ring, struct capos_ring_header *header,
                              const struct submission *from)
{
    uint32_t tail = header->sq_tail;
    const struct sqe_words words = {
        .user_data = from->user_data,
        .cap_id = from->cap_id,
        .method_and_opcode = from->method_id | (uint32_t)from->opcode << 16 | (uint32_t)from->flags << 24,
        .addr = from->addr,
        .len = from->len,
        .result_len = from->result_len,
        .result_addr = from->result_addr,
        .call_id_and_caps =
            from->call_id | (uint64_t)from->xfer_cap_count << 32 | (uint64_t)from->pipeline_field << 48,
        .pipeline = from->pipeline_dep,
        .deadline_ns = from->deadline_ns,
    };
    __builtin_memcpy(&ring->sq[tail & ring->sq_mask], &words, sizeof words);
    __atomic_store_n(&header->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static inline uint32_t ring_queued(const struct ring *ring)
{
    return ring->header->sq_tail - __atomic_load_n(&ring->header->sq_head, __ATOMIC_ACQUIRE);
}

static inline const struct capos_cqe *first_completion(const struct ring *ring,
                                                       const struct capos_ring_header *header)
{
    return &ring->cq[header->cq_head & ring->cq_mask];
}

static inline void take_completion(struct capos_ring_header *header)
{
    __atomic_store_n(&header->cq_head, header->cq_head + 1, __ATOMIC_RELEASE);
}

/* Takes in every completion that is there. */
HIDDEN void ring_reap(struct ring *ring);
/* Waits for the completion of an operation that was queued with this waiter; takes in whatever completes
 * meanwhile. RING_CORRUPT: it will never come. */
HIDDEN int32_t ring_await(struct ring *ring, struct waiter *waiter);
/* Queues one operation and waits for it. `submission->user_data` is filled in. */
HIDDEN int32_t ring_run(struct submission *submission, struct waiter *waiter);
/* Queues one operation that completes as a pending does. The pending's message says where results go. */
HIDDEN int32_t ring_start(struct cap_pending *pending, struct submission *submission);
