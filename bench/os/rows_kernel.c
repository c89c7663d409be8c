/* What a call into the kernel costs by itself, singly and in batches, and what reading the time costs. */
#include "guest.h"
#include <capos/capos.h>
#include <capos/clock.h>

enum { BATCH = 32 };
_Static_assert(BATCH <= CAPOS_RING_SQ_ENTRIES && BATCH <= CAPOS_RING_CQ_ENTRIES, "a batch is one entry");

static void run_null_call(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        cap_null_cap_nop(guest.null);
}

static void run_time_read(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        capos_clock_ns(guest.timer);
}

/* Fills in 32 NOPs, enters once, and reads the 32 completions, as io_uring is driven in the Linux rows. */
static void run_batch(struct capos_ring_header *ring)
{
    struct capos_sqe *sq = (void *)((char *)ring + ring->sq_offset);
    const struct capos_cqe *cq = (const void *)((char *)ring + ring->cq_offset);
    uint32_t tail = ring->sq_tail, sq_mask = ring->sq_entries - 1, cq_mask = ring->cq_entries - 1;
    for (uint32_t i = 0; i < BATCH; i++, tail++)
        sq[tail & sq_mask] = (struct capos_sqe){.opcode = CAPOS_OP_NOP, .user_data = i};
    __atomic_store_n(&ring->sq_tail, tail, __ATOMIC_RELEASE);
    guest_require((int32_t)capos_sys_cap_enter(BATCH, CAPOS_TIMEOUT_NEVER), "cap_enter");
    uint32_t head = ring->cq_head, end = __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE);
    int32_t results = end - head == BATCH ? 0 : -1;
    for (; head != end; head++)
        results |= cq[head & cq_mask].result;
    __atomic_store_n(&ring->cq_head, head, __ATOMIC_RELEASE);
    guest_require(results, "a batch of NOPs");
}

static void run_batches(void *context, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += BATCH)
        run_batch(context);
}

void rows_kernel(void)
{
    guest_row(&(struct measure_task){.key = "null_call", .count = 2000, .run = run_null_call}, 1);
    guest_row(
        &(struct measure_task){
            .key = "batch_op", .count = 64 * BATCH, .run = run_batches, .context = guest.ring},
        BATCH);
    guest_row(&(struct measure_task){.key = "time_read", .count = 2000, .run = run_time_read}, 1);
}
