/*
 * See sync.h. Everything here rests on one property of PARK and UNPARK (docs/park.md): who stores to a word
 * and then unparks it either finds the waiter, or the waiter's comparison finds the new value.
 */
#include "ring_queue.h"
#include <capos/park.h>
#include <capos/sync.h>

enum { NAP_NS = 20000 };

/* ---- Words. */

/* Ids of the grants; 0: not looked up yet, or not there. Several threads may look at once, with one result.
 */
static uint32_t grants[2];

static uint32_t grant(bool shared)
{
    uint32_t id = __atomic_load_n(&grants[shared], __ATOMIC_RELAXED);
    uint64_t interface_id;
    if (__builtin_expect(id != 0, 1))
        return id;
    const char *name = shared ? "shared-park" : "park";
    if (capos_capset_get(name, __builtin_strlen(name), &id, &interface_id) < 0 ||
        interface_id != (shared ? CAP_SHARED_PARK_SPACE_INTERFACE_ID : CAP_PARK_SPACE_INTERFACE_ID))
        return 0;
    __atomic_store_n(&grants[shared], id, __ATOMIC_RELAXED);
    return id;
}

static int32_t run(struct submission *submission, bool shared)
{
    struct waiter waiter;
    submission->cap_id = grant(shared);
    if (submission->cap_id == 0)
        return CAPOS_ERR_NO_CAPABILITY;
    int32_t status = ring_run(submission, &waiter);
    return status < 0 ? status : waiter.result;
}

int32_t capos_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool shared)
{
    struct submission park = {
        .opcode = CAPOS_OP_PARK, .addr = (uintptr_t)word, .len = expected, .deadline_ns = deadline_ns};
    return run(&park, shared);
}

int32_t capos_unpark(const uint32_t *word, uint32_t count, bool shared)
{
    struct submission unpark = {.opcode = CAPOS_OP_UNPARK, .addr = (uintptr_t)word, .len = count};
    return run(&unpark, shared);
}

int32_t capos_unpark_move(const uint32_t *word, uint32_t count, const uint32_t *to, uint32_t move,
                          bool shared)
{
    struct submission unpark = {.opcode = CAPOS_OP_UNPARK,
                                .addr = (uintptr_t)word,
                                .len = count,
                                .result_addr = (uintptr_t)to,
                                .result_len = move};
    return run(&unpark, shared);
}

/* Something else has completed, or the refusal. */
static __attribute__((noinline)) int32_t await_other_first(struct waiter *waiter)
{
    waiter->done = 0;
    ring_reap(&ring_self);
    int32_t status = ring_await(&ring_self, waiter);
    return status < 0 ? status : waiter->result;
}

static __attribute__((noinline)) int32_t unpark_and_park_first(const uint32_t *wake, const uint32_t *word,
                                                               uint32_t expected, bool shared)
{
    return grant(shared) == 0 ? CAPOS_ERR_NO_CAPABILITY : capos_unpark_and_park(wake, word, expected, shared);
}

int32_t capos_unpark_and_park(const uint32_t *wake, const uint32_t *word, uint32_t expected, bool shared)
{
    const struct ring ring = ring_self; /* for all the compiler knows, what is queued could change it */
    struct capos_ring_header *header = ring.header;
    struct waiter waiter, refusal; /* of the PARK; of the UNPARK, which is silent if it succeeds */
    const uint32_t cap_id = __atomic_load_n(&grants[shared], __ATOMIC_RELAXED);
    if (__builtin_expect(cap_id == 0, 0))
        return unpark_and_park_first(wake, word, expected, shared);
    const struct submission unpark = {.opcode = CAPOS_OP_UNPARK,
                                      .flags = CAPOS_SQE_QUIET,
                                      .user_data = (uintptr_t)&refusal,
                                      .cap_id = cap_id,
                                      .addr = (uintptr_t)wake,
                                      .len = 1};
    const struct submission park = {.opcode = CAPOS_OP_PARK,
                                    .user_data = (uintptr_t)&waiter,
                                    .cap_id = cap_id,
                                    .addr = (uintptr_t)word,
                                    .len = expected};
    ring_queue(&ring, header, &unpark);
    ring_queue(&ring, header, &park);
    int64_t entered = sys_cap_enter(1, CAPOS_TIMEOUT_NEVER);
    header = ring_self.header; /* looked up again rather than kept over the system call */
    const struct capos_cqe *cqe = first_completion(&ring_self, header);
    if (__builtin_expect(entered == 1 && cqe->user_data == (uintptr_t)&waiter, 1)) {
        int32_t result = cqe->result;
        take_completion(header);
        return result;
    }
    return await_other_first(&waiter);
}

/* ---- Inside the objects. */

/* Without a grant: a moment's sleep, in which others get on. It counts completions like any wait, hence the
 * impossible number. */
static int32_t wait_word(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool shared)
{
    int32_t status = capos_park(word, expected, deadline_ns, shared);
    if (status != CAPOS_ERR_NO_CAPABILITY || deadline_ns != 0)
        return status;
    (void)sys_cap_enter(UINT32_MAX, NAP_NS);
    ring_reap(&ring_self);
    return CAPOS_OK;
}

static bool is_final(int32_t status)
{
    return status < 0 && status != CAPOS_ERR_WOULD_BLOCK;
}

/* ---- Mutexes. */

/* Whoever has waited takes the mutex as one that others may wait for: he cannot know that they do not. */
static int32_t lock_contended(struct capos_mutex *mutex, uint64_t deadline_ns)
{
    while (__atomic_exchange_n(&mutex->state, 2, __ATOMIC_ACQUIRE) != 0) {
        int32_t status = wait_word(&mutex->state, 2, deadline_ns, mutex->shared != 0);
        if (is_final(status))
            return status;
    }
    return CAPOS_OK;
}

bool capos_mutex_try_lock(struct capos_mutex *mutex)
{
    uint32_t expected = 0;
    return __atomic_compare_exchange_n(&mutex->state, &expected, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

int32_t capos_mutex_lock_until(struct capos_mutex *mutex, uint64_t deadline_ns)
{
    return capos_mutex_try_lock(mutex) ? CAPOS_OK : lock_contended(mutex, deadline_ns);
}

void capos_mutex_lock(struct capos_mutex *mutex)
{
    if (!capos_mutex_try_lock(mutex) && lock_contended(mutex, 0) < 0)
        capos_abort("a mutex cannot be waited for");
}

void capos_mutex_unlock(struct capos_mutex *mutex)
{
    if (__atomic_exchange_n(&mutex->state, 0, __ATOMIC_RELEASE) == 2)
        (void)capos_unpark(&mutex->state, 1, mutex->shared != 0);
}

/* ---- Conditions. */

int32_t capos_cond_wait(struct capos_cond *cond, struct capos_mutex *mutex, uint64_t deadline_ns)
{
    const uint32_t sequence = __atomic_load_n(&cond->sequence, __ATOMIC_RELAXED);
    if (cond->shared == 0)
        __atomic_store_n(&cond->mutex, mutex, __ATOMIC_RELAXED);
    __atomic_add_fetch(&cond->waiters, 1, __ATOMIC_SEQ_CST);
    capos_mutex_unlock(mutex);
    int32_t status = wait_word(&cond->sequence, sequence, deadline_ns, cond->shared != 0);
    __atomic_sub_fetch(&cond->waiters, 1, __ATOMIC_SEQ_CST);
    if (lock_contended(mutex, 0) < 0)
        capos_abort("a mutex cannot be waited for");
    return is_final(status) ? status : CAPOS_OK;
}

static bool anybody(struct capos_cond *cond)
{
    __atomic_add_fetch(&cond->sequence, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&cond->waiters, __ATOMIC_SEQ_CST) != 0;
}

void capos_cond_signal(struct capos_cond *cond)
{
    if (anybody(cond))
        (void)capos_unpark(&cond->sequence, 1, cond->shared != 0);
}

/* Only one could get the mutex anyway: the others wait for it instead, each woken by the unlocking of the one
 * before. Between processes the mutex may lie at different addresses, so there all are woken. */
void capos_cond_broadcast(struct capos_cond *cond)
{
    if (!anybody(cond))
        return;
    const struct capos_mutex *mutex = __atomic_load_n(&cond->mutex, __ATOMIC_RELAXED);
    if (mutex == NULL)
        (void)capos_unpark(&cond->sequence, CAPOS_UNPARK_ALL, cond->shared != 0);
    else
        (void)capos_unpark_move(&cond->sequence, 1, &mutex->state, CAPOS_UNPARK_ALL, cond->shared != 0);
}

/* ---- Once. */

enum once_state { ONCE_NEW, ONCE_RUNNING, ONCE_AWAITED, ONCE_DONE };

static __attribute__((noinline)) void once_slow(struct capos_once *once, void (*fn)(void *argument),
                                                void *argument)
{
    uint32_t state = ONCE_NEW;
    if (__atomic_compare_exchange_n(&once->state, &state, ONCE_RUNNING, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        fn(argument);
        if (__atomic_exchange_n(&once->state, ONCE_DONE, __ATOMIC_RELEASE) == ONCE_AWAITED)
            (void)capos_unpark(&once->state, CAPOS_UNPARK_ALL, false);
        return;
    }
    while (state != ONCE_DONE) {
        uint32_t running = ONCE_RUNNING;
        (void)__atomic_compare_exchange_n(&once->state, &running, ONCE_AWAITED, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_ACQUIRE);
        (void)wait_word(&once->state, ONCE_AWAITED, 0, false);
        state = __atomic_load_n(&once->state, __ATOMIC_ACQUIRE);
    }
}

void capos_once(struct capos_once *once, void (*fn)(void *argument), void *argument)
{
    if (__builtin_expect(__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != ONCE_DONE, 0))
        once_slow(once, fn, argument);
}

/* ---- Semaphores. */

bool capos_semaphore_try_take(struct capos_semaphore *semaphore)
{
    uint32_t count = __atomic_load_n(&semaphore->count, __ATOMIC_RELAXED);
    while (count != 0) {
        if (__atomic_compare_exchange_n(&semaphore->count, &count, count - 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

int32_t capos_semaphore_take(struct capos_semaphore *semaphore, uint64_t deadline_ns)
{
    while (!capos_semaphore_try_take(semaphore)) {
        __atomic_add_fetch(&semaphore->waiters, 1, __ATOMIC_SEQ_CST);
        int32_t status = wait_word(&semaphore->count, 0, deadline_ns, semaphore->shared != 0);
        __atomic_sub_fetch(&semaphore->waiters, 1, __ATOMIC_SEQ_CST);
        if (is_final(status))
            return status;
    }
    return CAPOS_OK;
}

void capos_semaphore_give(struct capos_semaphore *semaphore)
{
    __atomic_add_fetch(&semaphore->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&semaphore->waiters, __ATOMIC_SEQ_CST) != 0)
        (void)capos_unpark(&semaphore->count, 1, semaphore->shared != 0);
}
