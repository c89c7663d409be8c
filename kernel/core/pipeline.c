#include "core/pipeline.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/umem.h"

enum { SQ_MASK = CAPOS_RING_SQ_ENTRIES - 1, CQ_MASK = CAPOS_RING_CQ_ENTRIES - 1 };

/* The answer as its completion told it. */
struct answer {
    int32_t result;
    uint32_t payload_len;
    uint16_t cap_count;
    uint16_t detail;
    uaddr_t result_addr;
};

/* What a held entry's struct pending says. */
struct held {
    struct capos_sqe sqe;
    uint64_t depends_on; /* user_data */
    bool answered;
    struct answer answer;
};
_Static_assert(sizeof(struct held) <= sizeof(((struct pending *)0)->ipc), "lies where an IPC call would");

static struct held *held_of(struct pending *pending)
{
    return (struct held *)(void *)&pending->own;
}

static struct pending *pending_of_held_node(struct list_node *node)
{
    return container_of(node, struct pending, in_object);
}

static struct answer answer_of(const struct capos_cqe *cqe, uaddr_t result_addr)
{
    return (struct answer){
        .result = cqe->result,
        .payload_len = cqe->payload_len,
        .cap_count = cqe->cap_count,
        .detail = cqe->detail,
        .result_addr = result_addr,
    };
}

/* ---- Turning an answer into a target. */

static status_t target_of(const struct answer *answer, uint16_t field, uint32_t *out)
{
    struct capos_xfer_result record;
    if (field >= answer->cap_count)
        return CAPOS_ERR_BAD_CAP;
    uaddr_t records = align_up(answer->result_addr + answer->payload_len, 8);
    status_t status = umem_copy_in(&record, records + field * sizeof(record), sizeof(record));
    *out = record.cap_id;
    return status;
}

/* Makes the entry an ordinary CALL, or says what it fails with. */
static int32_t apply(struct kcall *kcall, const struct answer *answer)
{
    struct capos_sqe *sqe = &kcall->sqe;
    uint32_t target = 0;
    if (answer->result == CAPOS_ERR_EXCEPTION || answer->result == CAPOS_ERR_EXCEPTION_TRUNCATED)
        return cap_call_fail(&kcall->call, answer->detail, "the call that it depends on was refused");
    if (answer->result < 0)
        return answer->result;
    status_t status = target_of(answer, sqe->pipeline_field, &target);
    sqe->cap_id = target;
    sqe->flags = 0;
    sqe->pipeline_field = 0;
    sqe->pipeline_dep = 0;
    return status;
}

/* ---- Holding. */

static bool held_cancel(struct pending *pending)
{
    struct thread *thread = pending->thread;
    spinlock_acquire(&thread->lock);
    bool was_held = list_is_linked(&pending->in_object);
    if (was_held) {
        list_remove(&pending->in_object);
        thread->held_answered -= held_of(pending)->answered;
    }
    spinlock_release(&thread->lock);
    return was_held;
}

static bool is_in_flight_locked(const struct thread *thread, uint64_t user_data)
{
    for (const struct list_node *node = list_first(&thread->pending); node != NULL;
         node = list_next(&thread->pending, node)) {
        if (container_of(node, const struct pending, in_thread)->user_data == user_data)
            return true;
    }
    return false;
}

/* The latest completion with that user_data. */
static bool find_completion_locked(const struct thread *thread, uint64_t user_data, struct capos_cqe *out)
{
    const struct ring *ring = &thread->ring;
    for (uint32_t back = 1; back <= CAPOS_RING_CQ_ENTRIES; back++) {
        __builtin_memcpy(out, &ring->cq[(ring->cq_tail - back) & CQ_MASK], sizeof(*out));
        if (out->user_data == user_data)
            return true;
    }
    return false;
}

enum dependency { DEPENDS_ON_NOTHING, DEPENDS_ON_ANSWERED, DEPENDS_ON_IN_FLIGHT };

static enum dependency look_up(struct thread *thread, uint64_t user_data, struct capos_cqe *cqe)
{
    enum dependency found = DEPENDS_ON_NOTHING;
    spinlock_acquire(&thread->lock);
    if (is_in_flight_locked(thread, user_data))
        found = DEPENDS_ON_IN_FLIGHT;
    else if (find_completion_locked(thread, user_data, cqe))
        found = DEPENDS_ON_ANSWERED;
    spinlock_release(&thread->lock);
    return found;
}

/* The dependency may complete on another CPU while this goes on: then the entry is not linked, and the caller
 * looks again. */
static int32_t hold(struct kcall *kcall, uint64_t depends_on, bool *held)
{
    struct thread *thread = kcall->thread;
    struct pending *pending;
    status_t status = pending_begin(thread, &kcall->sqe, NULL, held_cancel, &pending);
    *held = true;
    if (status < 0)
        return status;
    *held_of(pending) = (struct held){.sqe = kcall->sqe, .depends_on = depends_on};
    pending->in_object.next = NULL;
    spinlock_acquire(&thread->lock);
    /* Not found by its own user_data, should that be the same. */
    list_remove(&pending->in_thread);
    *held = is_in_flight_locked(thread, depends_on);
    list_push_back(&thread->pending, &pending->in_thread);
    if (*held)
        list_push_back(&thread->held, &pending->in_object);
    spinlock_release(&thread->lock);
    if (!*held)
        pending_abandon(pending);
    return CAP_CALL_PENDING;
}

int32_t pipeline_target(struct kcall *kcall, uint32_t index)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct thread *thread = kcall->thread;
    struct capos_cqe cqe;
    bool held = false;
    int32_t status = CAPOS_OK;
    if (sqe->cap_id != 0 || sqe->call_id != 0 || sqe->reserved != 0 || sqe->pipeline_dep == 0 ||
        sqe->pipeline_dep >= CAPOS_RING_SQ_ENTRIES)
        return CAPOS_ERR_BAD_FLAGS;
    const volatile struct capos_sqe *earlier = &thread->ring.sq[(index - sqe->pipeline_dep) & SQ_MASK];
    uint64_t depends_on = earlier->user_data;
    enum dependency found;
    while ((found = look_up(thread, depends_on, &cqe)) == DEPENDS_ON_IN_FLIGHT && !held)
        status = hold(kcall, depends_on, &held);
    if (held)
        return status;
    if (found == DEPENDS_ON_NOTHING)
        return CAPOS_ERR_BAD_CAP;
    const struct answer answer = answer_of(&cqe, earlier->result_addr);
    return apply(kcall, &answer);
}

/* ---- Going on. */

void pipeline_answered_locked(struct thread *thread, uint64_t user_data, uaddr_t result_addr,
                              const struct capos_cqe *cqe)
{
    for (struct list_node *node = list_first(&thread->held); node != NULL;
         node = list_next(&thread->held, node)) {
        struct held *held = held_of(pending_of_held_node(node));
        if (held->answered || held->depends_on != user_data)
            continue;
        held->answered = true;
        held->answer = answer_of(cqe, result_addr);
        thread->held_answered++;
    }
}

static struct pending *take_answered(struct thread *thread)
{
    struct pending *found = NULL;
    spinlock_acquire(&thread->lock);
    for (struct list_node *node = list_first(&thread->held); node != NULL && found == NULL;
         node = list_next(&thread->held, node)) {
        if (held_of(pending_of_held_node(node))->answered)
            found = pending_of_held_node(node);
    }
    if (found != NULL) {
        list_remove(&found->in_object);
        thread->held_answered--;
    }
    spinlock_release(&thread->lock);
    return found;
}

bool pipeline_next(struct thread *thread, struct kcall *kcall, int32_t *status)
{
    struct pending *pending = take_answered(thread);
    if (pending == NULL)
        return false;
    kcall->thread = thread;
    kcall->sqe = held_of(pending)->sqe;
    const struct answer answer = held_of(pending)->answer;
    pending_abandon(pending);
    *status = apply(kcall, &answer);
    return true;
}
