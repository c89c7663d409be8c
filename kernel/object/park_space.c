/* PARK and UNPARK (park_space.h), and the capability ParkSpace. */
#include "object/park_space.h"
#include "arch/arch.h"
#include "core/entropy.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include "object/park_inside.h"
#include "object/revocation.h"
#include <capos/manifest.h>
#include <capos/park_server.h>
#include <capos/process.h>

enum { BATCH = 64 }; /* waiters that one UNPARK wakes or moves in one go under the locks */

struct bucket park_buckets[1 << PARK_BUCKETS_LOG2];
uint64_t park_hash_key[2];

void park_init(void)
{
    for (size_t i = 0; i < array_count(park_buckets); i++) {
        spinlock_init(&park_buckets[i].lock, LOCK_PARK);
        list_init(&park_buckets[i].waiters);
    }
    park_hash_key[0] = entropy_random_u64() | 1;
    park_hash_key[1] = entropy_random_u64() | 1;
}

/* ---- What a word is known by. */

/* WRONG_INTERFACE: it is no park space. */
static status_t which_space(const struct object_type *type, bool *shared)
{
    *shared = type == &shared_park_space_type;
    return *shared || type == &park_space_type ? CAPOS_OK : CAPOS_ERR_WRONG_INTERFACE;
}

/* BAD_CAP, STALE_CAP, REVOKED, WRONG_INTERFACE. Holding it is all that counts. */
static status_t check_authority(struct thread *thread, uint32_t cap_id, bool *shared)
{
    struct capability held;
    status_t status = captable_get(&thread->process->captable, cap_id, &held);
    if (status < 0)
        return status;
    struct capability real = held;
    status = capability_resolve(&real);
    if (status == CAPOS_OK)
        status = which_space(real.type, shared);
    object_put(held.object);
    return status;
}

/* *object: null, or referenced. UNALIGNED; BAD_ADDRESS: not in user space, or (shared) no MemoryObject is
 * mapped there. */
static status_t key_make(const struct thread *thread, uaddr_t address, bool shared, struct key *key,
                         struct memory_object **object)
{
    *object = NULL;
    if ((address & (sizeof(uint32_t) - 1)) != 0)
        return CAPOS_ERR_UNALIGNED;
    if (!umem_range_ok(address, sizeof(uint32_t)))
        return CAPOS_ERR_BAD_ADDRESS;
    *key = (struct key){thread->process->aspace, address};
    if (!shared)
        return CAPOS_OK;
    status_t status = aspace_object_at(thread->process->aspace, address, object, &key->place);
    key->space = *object;
    return status;
}

static void key_drop(struct memory_object *object)
{
    if (object != NULL)
        object_put(memory_object_as_object(object));
}

/* The word's value, by one access: through the running thread's page tables, or, so that it is that word and
 * no other whatever is mapped there by now, in the memory object itself. */
static status_t read_word(const struct key *key, struct memory_object *object, uint32_t *out)
{
    paddr_t frame;
    if (object == NULL)
        return umem_copy_in(out, key->place, sizeof(*out));
    status_t status = memory_object_frame(object, key->place >> CAPOS_PAGE_SHIFT, &frame);
    if (status == CAPOS_OK)
        *out =
            __atomic_load_n((const uint32_t *)(void *)((char *)direct_map(frame) + (key->place & PAGE_MASK)),
                            __ATOMIC_SEQ_CST);
    return status;
}

/* ---- Waiting. */

/* The waiter may be moved to another bucket as long as its own is not locked. */
static struct bucket *lock_bucket_of(const struct waiter *waiter)
{
    for (;;) {
        struct bucket *bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_ACQUIRE);
        spinlock_acquire(&bucket->lock);
        if (waiter->bucket == bucket)
            return bucket;
        spinlock_release(&bucket->lock);
    }
}

bool park_cancel(struct pending *pending)
{
    struct waiter *waiter = waiter_of(pending);
    struct bucket *bucket = lock_bucket_of(waiter);
    bool was_queued = waiter->queued;
    if (was_queued)
        dequeue_locked(pending);
    spinlock_release(&bucket->lock);
    return was_queued;
}

/* Compares and queues in one step. */
static int32_t wait_while_equal(struct kcall *kcall, const struct key *key, struct memory_object *object)
{
    struct pending *pending;
    struct bucket *bucket = bucket_of(key);
    uint32_t value = 0;
    status_t status =
        pending_begin(kcall->thread, &kcall->sqe, object == NULL ? NULL : memory_object_as_object(object),
                      park_cancel, &pending);
    if (status < 0)
        return status;
    if (kcall->membrane != NULL)
        membrane_pending_begun(kcall, pending);
    *waiter_of(pending) = (struct waiter){.key = *key, .bucket = bucket, .shared = object != NULL};
    spinlock_acquire(&bucket->lock);
    status = read_word(key, object, &value);
    if (status == CAPOS_OK && value != kcall->sqe.len)
        status = CAPOS_ERR_WOULD_BLOCK;
    if (status == CAPOS_OK)
        enqueue_locked(bucket, pending);
    spinlock_release(&bucket->lock);
    if (status == CAPOS_OK)
        return CAP_CALL_PENDING;
    pending_abandon(pending);
    return status;
}

static int32_t wait_on_word(struct kcall *kcall, const struct object_type *space)
{
    struct memory_object *object;
    struct key key;
    bool shared;
    status_t status = which_space(space, &shared);
    if (status == CAPOS_OK)
        status = key_make(kcall->thread, kcall->sqe.addr, shared, &key, &object);
    if (status < 0)
        return status;
    int32_t result = wait_while_equal(kcall, &key, object);
    key_drop(object);
    return result;
}

/* A revocation ends the wait like a call. */
static int32_t wait_through(struct membrane *membrane, struct kcall *kcall)
{
    status_t status = membrane_call_begin(membrane, kcall);
    return status < 0 ? status : membrane_call_end(kcall, wait_on_word(kcall, membrane->real.type));
}

int32_t park_wait(struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct capability held;
    if ((sqe->method_id | sqe->flags | sqe->result_len | sqe->result_addr | sqe->call_id |
         sqe->xfer_cap_count | sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    status_t status = captable_get(&kcall->thread->process->captable, sqe->cap_id, &held);
    if (status < 0)
        return status;
    struct membrane *membrane = membrane_of(held);
    int32_t result = membrane == NULL ? wait_on_word(kcall, held.type) : wait_through(membrane, kcall);
    object_put(held.object);
    return result;
}

/* ---- Waking. */

/* What one UNPARK has to do, and has done. */
struct wake {
    struct key from, to;
    struct bucket *from_bucket, *to_bucket; /* to_bucket null: nothing is moved */
    uint32_t wake_max, move_max;
    uint32_t woken, moved;
    uint64_t last_arrival; /* who came later than this UNPARK is none of its business: so it ends */
};

static void lock_both(struct bucket *a, struct bucket *b)
{
    if (b == NULL || a == b) {
        spinlock_acquire(&a->lock);
        return;
    }
    spinlock_acquire(a < b ? &a->lock : &b->lock);
    spinlock_acquire(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct bucket *a, struct bucket *b)
{
    if (b != NULL && a != b)
        spinlock_release(&b->lock);
    spinlock_release(&a->lock);
}

/* The waiter is in one queue or the other whenever anybody looks. */
static void move_locked(struct wake *wake, struct pending *pending)
{
    struct waiter *waiter = waiter_of(pending);
    dequeue_locked(pending);
    waiter->key = wake->to;
    __atomic_store_n(&waiter->bucket, wake->to_bucket, __ATOMIC_RELEASE);
    enqueue_locked(wake->to_bucket, pending);
    wake->moved++;
}

/* False: there was nothing more to do for this waiter's key. */
static bool act_on_locked(struct wake *wake, struct pending *pending, struct list *done)
{
    if (wake->woken < wake->wake_max) {
        dequeue_locked(pending);
        list_push_back(done, &pending->in_object);
        wake->woken++;
        return true;
    }
    if (wake->to_bucket == NULL || wake->moved >= wake->move_max)
        return false;
    move_locked(wake, pending);
    return true;
}

/* At most BATCH waiters. True: there may be more. */
static bool wake_batch(struct wake *wake, struct list *done)
{
    uint32_t acted = 0;
    bool more = true;
    lock_both(wake->from_bucket, wake->to_bucket);
    struct list *waiters = &wake->from_bucket->waiters;
    if (wake->last_arrival == 0)
        wake->last_arrival = wake->from_bucket->arrivals;
    struct list_node *node = list_first(waiters);
    while (node != NULL && more && acted < BATCH) {
        struct pending *pending = container_of(node, struct pending, in_object);
        node = list_next(waiters, node);
        if (waiter_of(pending)->arrival > wake->last_arrival)
            break;
        if (!key_is(waiter_of(pending), &wake->from))
            continue;
        more = act_on_locked(wake, pending, done);
        acted++;
    }
    unlock_both(wake->from_bucket, wake->to_bucket);
    return more && acted == BATCH;
}

/* The first to be woken is the one to run when the caller now waits itself. */
static void complete_all(struct list *done, bool *first)
{
    const struct capos_cqe cqe = {0};
    struct list_node *node;
    while ((node = list_pop_front(done)) != NULL) {
        struct pending *pending = container_of(node, struct pending, in_object);
        if (*first)
            pending_complete_handoff(pending, &cqe);
        else
            pending_complete_cqe(pending, &cqe);
        *first = false;
    }
}

/* Where others are moved, those who are woken run only after that: they may be the ones who will wake the
 * others in the end, and must find them (test/model/park.pml). */
static void wake_all(struct wake *wake)
{
    struct list done = LIST_INIT(done);
    bool first = true, more = true;
    while (more) {
        more = wake_batch(wake, &done);
        if (wake->to_bucket != NULL)
            continue;
        complete_all(&done, &first);
        if (more)
            arch_preemption_point();
    }
    complete_all(&done, &first);
}

/* A number of waiters is no payload, so it is posted here. */
static int32_t answer_count(struct kcall *kcall, const struct wake *wake)
{
    const struct capos_cqe cqe = {.result = (int32_t)(wake->woken + wake->moved)};
    if ((kcall->sqe.flags & CAPOS_SQE_QUIET) != 0)
        return CAP_CALL_PENDING;
    spinlock_acquire(&kcall->thread->lock);
    ring_post_locked(&kcall->thread->ring, &cqe, kcall->sqe.user_data);
    spinlock_release(&kcall->thread->lock);
    return CAP_CALL_PENDING;
}

/* The word that waiters are moved to: of the same address space or the same object. */
static status_t prepare_move(const struct kcall *kcall, bool shared, struct wake *wake)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct memory_object *object;
    wake->move_max = sqe->result_len;
    if (sqe->result_len == 0)
        return sqe->result_addr == 0 ? CAPOS_OK : CAPOS_ERR_BAD_FLAGS;
    status_t status = key_make(kcall->thread, sqe->result_addr, shared, &wake->to, &object);
    if (status < 0)
        return status;
    if (wake->to.space != wake->from.space)
        status = CAPOS_ERR_UNSUPPORTED;
    key_drop(object); /* the waiters' reference to it stays */
    wake->to_bucket = key_is(&(struct waiter){.key = wake->to}, &wake->from) ? NULL : bucket_of(&wake->to);
    return status;
}

int32_t park_wake(struct kcall *kcall)
{
    const struct capos_sqe *sqe = &kcall->sqe;
    struct wake wake = {.wake_max = sqe->len};
    struct memory_object *object;
    bool shared;
    if ((sqe->method_id | (sqe->flags & ~CAPOS_SQE_QUIET) | sqe->call_id | sqe->xfer_cap_count |
         sqe->pipeline_field | sqe->pipeline_dep | sqe->reserved | sqe->deadline_ns) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    status_t status = check_authority(kcall->thread, sqe->cap_id, &shared);
    if (status == CAPOS_OK)
        status = key_make(kcall->thread, sqe->addr, shared, &wake.from, &object);
    if (status < 0)
        return status;
    wake.from_bucket = bucket_of(&wake.from);
    if ((sqe->result_addr | sqe->result_len) != 0)
        status = prepare_move(kcall, shared, &wake);
    if (status == CAPOS_OK)
        wake_all(&wake);
    key_drop(object);
    return status < 0 ? status : answer_count(kcall, &wake);
}

/* ---- The capability. */

static uint32_t count_of_thread(struct thread *thread, bool shared)
{
    uint32_t count = 0;
    spinlock_acquire(&thread->lock);
    for (struct list_node *node = list_first(&thread->pending); node != NULL;
         node = list_next(&thread->pending, node)) {
        struct pending *pending = container_of(node, struct pending, in_thread);
        count += pending->cancel == park_cancel && waiter_of(pending)->shared == shared;
    }
    spinlock_release(&thread->lock);
    return count;
}

uint32_t park_count_waiters(struct cap_call *call, bool shared)
{
    struct process *process = kcall_process(call);
    uint32_t count = 0;
    spinlock_acquire(&process->lock);
    for (struct list_node *node = list_first(&process->threads); node != NULL;
         node = list_next(&process->threads, node))
        count += count_of_thread(container_of(node, struct thread, in_process), shared);
    spinlock_release(&process->lock);
    return count;
}

static int32_t park_space_info(void *self, struct cap_call *call, struct cap_park_space_info_results *results)
{
    (void)self;
    results->waiters = park_count_waiters(call, false);
    return CAPOS_OK;
}

static const struct cap_park_space_server server = {.info = park_space_info};
KERNEL_DISPATCH(dispatch, cap_park_space_dispatch)

const struct object_type park_space_type = {
    .name = "ParkSpace",
    .interface_id = CAP_PARK_SPACE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
OWN_SINGLETON(CAP_OWN_OBJECT_PARK_SPACE, CAP_KERNEL_CAP_PARK_SPACE, park_space_type);
