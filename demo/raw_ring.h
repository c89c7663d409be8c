/*
 * The ring driven by hand, for demos that want what libcapos does not do: entries that are wrong, and both
 * sides of a call in one thread. Completions are kept until they are asked for; nothing of libcapos' may be
 * in flight meanwhile.
 */
#pragma once
#include <capos/capos.h>
#include <capos/endpoint.h>
#include <capos/ring.h>
#include <stdbool.h>

enum { RAW_KEPT_MAX = 64 };

static struct capos_cqe raw_kept[RAW_KEPT_MAX];
static uint32_t raw_kept_count;

static inline void raw_queue(const struct capos_sqe *sqe)
{
    struct capos_ring_header *header = capos_ring();
    struct capos_sqe *sq = (struct capos_sqe *)(void *)((char *)header + header->sq_offset);
    sq[header->sq_tail % header->sq_entries] = *sqe;
    __atomic_store_n(&header->sq_tail, header->sq_tail + 1, __ATOMIC_RELEASE);
}

static inline void raw_reap(void)
{
    struct capos_ring_header *header = capos_ring();
    const struct capos_cqe *cq =
        (const struct capos_cqe *)(const void *)((const char *)header + header->cq_offset);
    while (header->cq_head != __atomic_load_n(&header->cq_tail, __ATOMIC_ACQUIRE) &&
           raw_kept_count < RAW_KEPT_MAX) {
        raw_kept[raw_kept_count++] = cq[header->cq_head % header->cq_entries];
        __atomic_store_n(&header->cq_head, header->cq_head + 1, __ATOMIC_RELEASE);
    }
}

/* Submits what is queued; what completes at once can be taken afterwards. */
static inline void raw_submit(void)
{
    (void)capos_sys_cap_enter(0, 0);
    raw_reap();
}

/* The completion with that user_data, if it is there. */
static inline bool raw_take(uint64_t user_data, struct capos_cqe *out)
{
    for (uint32_t i = 0; i < raw_kept_count; i++) {
        if (raw_kept[i].user_data != user_data)
            continue;
        *out = raw_kept[i];
        raw_kept[i] = raw_kept[--raw_kept_count];
        return true;
    }
    return false;
}

/* The same, waiting for it; a completion with result INT32_MIN if nothing more can come. */
static inline struct capos_cqe raw_wait(uint64_t user_data)
{
    struct capos_cqe cqe = {.result = INT32_MIN};
    raw_submit();
    while (!raw_take(user_data, &cqe)) {
        if (capos_sys_cap_enter(1, CAPOS_TIMEOUT_NEVER) <= 0)
            break;
        raw_reap();
    }
    return cqe;
}

/* One entry, to its completion. */
static inline struct capos_cqe raw_run(const struct capos_sqe *sqe)
{
    raw_queue(sqe);
    return raw_wait(sqe->user_data);
}
