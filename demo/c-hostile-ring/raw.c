/* See raw.h. */
#include "raw.h"

static struct capos_sqe *sq(void)
{
    return (struct capos_sqe *)(void *)((char *)capos_ring() + 256);
}

static struct capos_cqe *cq(void)
{
    return (struct capos_cqe *)(void *)((char *)capos_ring() + 256 +
                                        CAPOS_RING_SQ_ENTRIES * sizeof(struct capos_sqe));
}

void raw_put(const struct capos_sqe *sqe)
{
    struct capos_ring_header *ring = capos_ring();
    sq()[ring->sq_tail % CAPOS_RING_SQ_ENTRIES] = *sqe;
    __atomic_store_n(&ring->sq_tail, ring->sq_tail + 1, __ATOMIC_RELEASE);
}

int64_t raw_enter(void)
{
    return capos_sys_cap_enter(0, 0);
}

bool raw_take(struct capos_cqe *out)
{
    struct capos_ring_header *ring = capos_ring();
    if (ring->cq_head == __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE))
        return false;
    *out = cq()[ring->cq_head % CAPOS_RING_CQ_ENTRIES];
    __atomic_store_n(&ring->cq_head, ring->cq_head + 1, __ATOMIC_RELEASE);
    return true;
}

static int32_t run(const struct capos_sqe *sqe, uint32_t min_complete, uint64_t timeout_ns)
{
    struct capos_cqe cqe, more;
    raw_put(sqe);
    if (capos_sys_cap_enter(min_complete, timeout_ns) != 1 || !raw_take(&cqe) || raw_take(&more) ||
        cqe.user_data != sqe->user_data)
        return INT32_MIN;
    return cqe.result;
}

int32_t raw_run(const struct capos_sqe *sqe)
{
    const int32_t drained = run(sqe, 0, 0), waited_for = run(sqe, 1, CAPOS_TIMEOUT_NEVER);
    return drained == waited_for ? drained : INT32_MIN;
}

bool raw_works(void)
{
    const struct capos_sqe nop = {.user_data = 0x5eed, .opcode = CAPOS_OP_NOP};
    return raw_run(&nop) == CAPOS_OK;
}

int64_t raw_syscall(uint64_t number, uint64_t arg0, uint64_t arg1)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(arg0), "S"(arg1)
                     : "rcx", "r11", "rdx", "r8", "r9", "r10", "memory");
    return result;
}
