/*
 * Taking turns, the short way: an UNPARK of one private waiter and a PARK behind it, after which the thread
 * waits, as one step that ends in the woken thread.
 *
 * It is the two operations one after the other, each under its bucket's lock as park_space.c has them,
 * without what they do not need here. Where something is not as it has to be, nothing has been done yet and
 * both go the general way; or the waiter was taken out already, then it is woken, and the PARK alone does.
 */
#include "arch/arch.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "object/park_inside.h"
#include "object/park_space.h"

#ifndef CAPOS_HOST_TEST

/* Wakes one, moves none, answers nothing. */
static inline bool is_plain_unpark(const struct sqe_words *words)
{
    const uint64_t target =
        (uint64_t)CAPOS_SQE_QUIET << 56 | (uint64_t)CAPOS_OP_UNPARK << 48 | (uint32_t)words->target;
    return ((words->target ^ target) | (words->lengths ^ 1) | words->result_addr | words->transfer |
            words->pipeline | words->deadline_ns | (words->addr & 3)) == 0;
}

/* Through the same capability, without a deadline. */
static inline bool is_plain_park(const struct sqe_words *words, const struct sqe_words *unpark)
{
    const uint64_t target = (uint64_t)CAPOS_OP_PARK << 48 | (uint32_t)unpark->target;
    return ((words->target ^ target) | words->lengths >> 32 | words->result_addr | words->transfer |
            words->pipeline | words->deadline_ns | (words->addr & 3)) == 0;
}

static inline bool is_user_word(uaddr_t address)
{
    return address - CAPOS_USER_MIN <= CAPOS_USER_MAX - CAPOS_USER_MIN - sizeof(uint32_t);
}

/* One of the first capabilities, as held, with nothing in between. */
static inline bool is_park_space(struct captable *table, uint32_t id)
{
    const uint32_t index = id & CAP_INDEX_MASK;
    if (__builtin_expect(index >= 1u << CAP_CHUNK0_LOG2, 0))
        return false;
    spinlock_acquire(&table->lock);
    const struct cap_slot *slot = &table->chunks[0][index];
    bool is = slot->live_id == id && slot->capability.type == &park_space_type;
    spinlock_release(&table->lock);
    return is;
}

/* The first who waits under the key, or null. */
static inline struct pending *take_first(struct bucket *bucket, const struct key *key)
{
    struct pending *found = NULL;
    spinlock_acquire(&bucket->lock);
    for (struct list_node *node = list_first(&bucket->waiters); node != NULL;
         node = list_next(&bucket->waiters, node)) {
        struct pending *pending = container_of(node, struct pending, in_object);
        if (__builtin_expect(key_is(waiter_of(pending), key), 1)) {
            dequeue_locked(pending);
            found = pending;
            break;
        }
    }
    spinlock_release(&bucket->lock);
    return found;
}

/* The record is under way, both entries are executed, and the thread waits. False: it is to stop, its wait
 * was interrupted, or it is traced, and nothing has changed. */
static inline bool begin_and_block(struct thread *thread, struct pending *pending)
{
    struct ring *ring = &thread->ring;
    struct capos_ring_header *page = ring->page;
    spinlock_acquire(&thread->lock);
    if (__builtin_expect(thread->hindrances != 0, 0)) {
        spinlock_release(&thread->lock);
        return false;
    }
    const uint32_t sq_head = ring->sq_head + 2;
    thread->spare_pending = pending->next_spare;
    thread->pending_out = 1;
    thread->pending.head = (struct list_node){&pending->in_thread, &pending->in_thread}; /* the only one */
    pending->in_thread = (struct list_node){&thread->pending.head, &thread->pending.head};
    ring->in_flight = 1;
    ring->sq_head = sq_head;
    __atomic_store_n(&page->sq_head, sq_head, __ATOMIC_RELEASE);
    page->in_flight = 1;
    thread->wait_min = 1;
    thread->state = THREAD_BLOCKED;
    spinlock_release(&thread->lock);
    return true;
}

/* PARK: compares and queues in one step. The thread waits before the bucket is unlocked: who finds the
 * operation finds a thread that waits. */
static inline bool wait_while_equal(struct thread *thread, const struct sqe_words *park,
                                    struct bucket *bucket, const struct key *key)
{
    const uint64_t equal = ARCH_USER_LOADED | (uint32_t)park->lengths;
    struct pending *pending = thread->spare_pending;
    pending->user_data = park->user_data;
    pending->result_addr = 0;
    pending->result_len = 0;
    pending->references = 1;
    pending->cancel = park_cancel;
    pending->object = NULL;
    struct waiter *waiter = waiter_of(pending);
    waiter->key = *key;
    waiter->bucket = bucket;
    waiter->shared = false;
    spinlock_acquire(&bucket->lock);
    bool waits = arch_user_try_load32(park->addr) == equal && begin_and_block(thread, pending);
    if (__builtin_expect(waits, 1))
        enqueue_locked(bucket, pending);
    spinlock_release(&bucket->lock);
    return waits;
}

/* Its thread waits for that record alone, one of its own, and can run at once on this CPU. Its lock is held.
 */
static inline bool may_run_at_once_locked(const struct thread *thread, const struct pending *pending)
{
    const size_t own_offset = (size_t)((const char *)pending - (const char *)thread->own_pending);
    return thread->state == THREAD_BLOCKED && thread->wait_min == 1 &&
           thread->hindrances == 1 && /* pending_out alone */
           pending->references == 1 && own_offset < sizeof(thread->own_pending) &&
           pending->membrane == NULL && pending->deadline.fire == NULL && pending->timer.fire == NULL &&
           list_is_empty(&thread->held) && ring_available(thread) == 0 && sched_may_switch_to(thread);
}

static __attribute__((noinline)) void wake(struct pending *pending)
{
    const struct capos_cqe cqe = {0};
    pending_complete_handoff(pending, &cqe);
}

/* The record is in no bucket any more. Ends it, and runs its thread next if that now can. */
static inline __attribute__((always_inline)) _Noreturn void complete_and_switch(struct pending *pending)
{
    struct thread *thread = pending->thread;
    struct ring *ring = &thread->ring;
    spinlock_acquire(&thread->lock);
    if (__builtin_expect(!may_run_at_once_locked(thread, pending), 0)) {
        spinlock_release(&thread->lock);
        wake(pending);
        sched_next();
    }
    ring_post_locked(ring, &(const struct capos_cqe){0}, pending->user_data);
    list_init(&thread->pending);
    pending->next_spare = thread->spare_pending;
    thread->spare_pending = pending;
    thread->pending_out = 0;
    __atomic_store_n(&ring->in_flight, 0, __ATOMIC_RELEASE); /* after the completion: ring.h */
    ring->page->in_flight = 0;
    thread->state = THREAD_RUNNING;
    spinlock_release(&thread->lock);
    sched_hand_over(thread_current(), thread);
}

/* The PARK is left to the general way. */
static __attribute__((noinline)) void unpark_alone(struct thread *thread, struct pending *woken)
{
    struct ring *ring = &thread->ring;
    __atomic_store_n(&ring->page->sq_head, ++ring->sq_head, __ATOMIC_RELEASE);
    wake(woken);
}

__attribute__((noinline)) void park_take_turns(struct thread *thread)
{
    const struct ring *ring = &thread->ring;
    const void *space = thread->process->aspace;
    struct sqe_words unpark, park;
    __builtin_memcpy(&unpark, &ring->sq[ring->sq_head & (CAPOS_RING_SQ_ENTRIES - 1)], sizeof(unpark));
    __builtin_memcpy(&park, &ring->sq[(ring->sq_head + 1) & (CAPOS_RING_SQ_ENTRIES - 1)], sizeof(park));
    __asm__ volatile("" ::: "memory"); /* read once */
    if (__builtin_expect(!is_plain_unpark(&unpark) || !is_plain_park(&park, &unpark), 0) ||
        __builtin_expect(!is_user_word(unpark.addr) || !is_user_word(park.addr), 0) ||
        __builtin_expect(!is_park_space(&thread->process->captable, (uint32_t)unpark.target), 0))
        return;
    const struct key wakes = {space, unpark.addr}, waits = {space, park.addr};
    struct bucket *waits_bucket = bucket_of(&waits);
    struct pending *woken = take_first(bucket_of(&wakes), &wakes);
    if (__builtin_expect(woken == NULL, 0))
        return;
    if (__builtin_expect(wait_while_equal(thread, &park, waits_bucket, &waits), 1))
        complete_and_switch(woken);
    unpark_alone(thread, woken);
}

#endif
