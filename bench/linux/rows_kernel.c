/* What a call into the kernel costs by itself, singly and in batches, and what reading the time costs. */
#include "guest.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32 };

struct uring {
    int fd;
    uint32_t *sq_tail, *sq_array, *cq_head, *cq_tail;
    uint32_t sq_mask;
    struct io_uring_sqe *sqes;
};

static void run_getpid(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        getpid(); /* not cached by the C library */
}

static void run_time_read(void *context, uint32_t count)
{
    (void)context;
    struct timespec now;
    for (uint32_t i = 0; i < count; i++)
        clock_gettime(CLOCK_MONOTONIC, &now);
}

static void *map_ring(int fd, size_t size_bytes, off_t offset)
{
    void *at = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    guest_require(at != MAP_FAILED, "mmap io_uring");
    return at;
}

static void uring_init(struct uring *ring)
{
    struct io_uring_params params = {0};
    ring->fd = (int)syscall(SYS_io_uring_setup, BATCH, &params);
    guest_require(ring->fd >= 0, "io_uring_setup");
    char *sq =
        map_ring(ring->fd, params.sq_off.array + params.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    char *cq = map_ring(ring->fd, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
                        IORING_OFF_CQ_RING);
    ring->sqes = map_ring(ring->fd, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    ring->sq_tail = (void *)(sq + params.sq_off.tail);
    ring->sq_array = (void *)(sq + params.sq_off.array);
    ring->sq_mask = *(uint32_t *)(void *)(sq + params.sq_off.ring_mask);
    ring->cq_head = (void *)(cq + params.cq_off.head);
    ring->cq_tail = (void *)(cq + params.cq_off.tail);
}

static void submit_batch(struct uring *ring)
{
    uint32_t tail = *ring->sq_tail;
    for (uint32_t i = 0; i < BATCH; i++, tail++) {
        uint32_t place = tail & ring->sq_mask;
        ring->sqes[place] = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = i};
        ring->sq_array[place] = place;
    }
    __atomic_store_n(ring->sq_tail, tail, __ATOMIC_RELEASE);
    long done = syscall(SYS_io_uring_enter, ring->fd, BATCH, BATCH, IORING_ENTER_GETEVENTS, NULL, 0);
    guest_require(done == BATCH, "io_uring_enter");
    __atomic_store_n(ring->cq_head, __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static void run_batches(void *context, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += BATCH)
        submit_batch(context);
}

void rows_kernel(void)
{
    struct uring ring;
    uring_init(&ring);
    guest_row(&(struct measure_task){.key = "null_call", .count = 2000, .run = run_getpid});
    guest_row(
        &(struct measure_task){.key = "batch_op", .count = 64 * BATCH, .run = run_batches, .context = &ring});
    guest_row(&(struct measure_task){.key = "time_read", .count = 2000, .run = run_time_read});
    close(ring.fd);
}
