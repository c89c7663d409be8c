/*
 * The ring client: calls, blocking and asynchronous, over the calling thread's own ring.
 *
 * The shared page is the truth: this side keeps no copies of indexes, so a program that drives the ring by
 * hand and calls libcapos in between does no harm as long as it takes in its own completions. A completion's
 * user_data is the address of whoever waits for it: a struct waiter on the stack of a blocking call, or
 * (tagged) a struct cap_pending.
 *
 * The kernel accepts an operation only when a completion slot is free for it. Started calls leave the last
 * slot to blocking calls, which therefore always get through, however many calls wait for something that
 * never comes.
 *
 * Order: an entry is complete before sq_tail is stored (release); an entry is read after cq_tail was loaded
 * (acquire) and before cq_head is stored (release). The kernel does the same from its side.
 */
#include "ring_queue.h"

_Thread_local struct ring ring_self;

/* Room for a CapException of a usual length: a call with a smaller results buffer gets this one and a copy,
 * so that the reason is never lost. */
enum { SCRATCH_BYTES = 256, SMALL_BYTES = 512, PENDING_TAG = 1 };

bool ring_attach(struct capos_ring_header *header)
{
    struct ring *ring = &ring_self;
    if (header == NULL || header->magic != CAPOS_RING_MAGIC || header->version != CAPOS_RING_VERSION ||
        header->sq_entries < header->cq_entries)
        return false;
    ring->header = header;
    ring->sq = (struct capos_sqe *)(void *)((char *)header + header->sq_offset);
    ring->cq = (struct capos_cqe *)(void *)((char *)header + header->cq_offset);
    ring->sq_mask = header->sq_entries - 1;
    ring->cq_mask = header->cq_entries - 1;
    ring->started = 0;
    ring->interrupted = false;
    return true;
}

struct capos_ring_header *capos_ring(void)
{
    return ring_self.header;
}

static uint32_t clamp_u32(size_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value; /* the kernel refuses it as too large */
}

/* ---- Completions
 * ---------------------------------------------------------------------------------------------- */

/* Reads the capability records behind a payload. A record that would lie outside the buffer is ignored: the
 * kernel does not make such. */
static void message_take_caps(struct cap_message *message, const void *results, size_t limit,
                              size_t payload_bytes, size_t count)
{
    const struct capos_xfer_result *records =
        (const void *)((const char *)results + round_up_8(payload_bytes));
    size_t taken = 0;
    while (taken < count && taken < CAPOS_XFER_CAPS_MAX &&
           round_up_8(payload_bytes) + (taken + 1) * sizeof *records <= limit) {
        message->caps_in[taken].id = records[taken].cap_id;
        message->caps_in[taken].mode = CAPOS_XFER_COPY;
        message->caps_in[taken].interface_id = records[taken].interface_id;
        taken++;
    }
    message->caps_in_count = taken;
}

static void pending_complete(struct ring *ring, struct cap_pending *pending, const struct capos_cqe *cqe)
{
    struct cap_message *message = &pending->message;
    pending->result = cqe->result;
    pending->exception_kind = cqe->detail;
    message->results_bytes = cqe->payload_len;
    if (cqe->result >= 0)
        message_take_caps(message, message->results, message->results_limit, cqe->payload_len,
                          cqe->cap_count);
    pending->done = 1;
    ring->started--;
}

static void deliver(struct ring *ring, const struct capos_cqe *cqe)
{
    if (cqe->user_data & PENDING_TAG) {
        pending_complete(ring, (struct cap_pending *)(uintptr_t)(cqe->user_data - PENDING_TAG), cqe);
        return;
    }
    struct waiter *waiter = (struct waiter *)(uintptr_t)cqe->user_data;
    waiter->result = cqe->result;
    waiter->payload_bytes = cqe->payload_len;
    waiter->cap_count = cqe->cap_count;
    waiter->detail = cqe->detail;
    waiter->call_id = cqe->call_id;
    waiter->done = 1;
}

/* Takes in every completion that is there. */
void ring_reap(struct ring *ring)
{
    struct capos_ring_header *header = ring->header;
    uint32_t head = header->cq_head;
    while (head != __atomic_load_n(&header->cq_tail, __ATOMIC_ACQUIRE)) {
        deliver(ring, &ring->cq[head & ring->cq_mask]);
        head++;
        __atomic_store_n(&header->cq_head, head, __ATOMIC_RELEASE);
    }
}

/* Waits for at least one completion, and takes in all there are. */
static int32_t ring_wait(struct ring *ring, uint64_t timeout_ns)
{
    int64_t entered = sys_cap_enter(1, timeout_ns);
    ring_reap(ring);
    if (entered < 0)
        return (int32_t)entered;
    if (entered > 0)
        return CAPOS_OK;
    /* Without a limit the kernel comes back empty-handed only when nothing is in flight: what was waited for
     * is lost. */
    return timeout_ns == CAPOS_TIMEOUT_NEVER ? CAPOS_ERR_RING_CORRUPT : CAPOS_ERR_TIMEOUT;
}

/* ---- Submissions
 * ---------------------------------------------------------------------------------------------- */

/* Waits for the completion of an operation that was queued with this waiter. */
__attribute__((noinline)) int32_t ring_await(struct ring *ring, struct waiter *waiter)
{
    for (;;) {
        /* Completions arrive through the address in user_data, behind the compiler's back. */
        if (__atomic_load_n(&waiter->done, __ATOMIC_RELAXED) != 0)
            return CAPOS_OK;
        int32_t status = ring_wait(ring, CAPOS_TIMEOUT_NEVER);
        if (status == CAPOS_ERR_INTERRUPTED) /* a call that was begun is ended: kept for the next wait that
                                                may be cut short */
            ring->interrupted = true;
        else if (status < 0 && __atomic_load_n(&waiter->done, __ATOMIC_RELAXED) == 0)
            return status;
    }
}

/* Runs one operation to its completion. `submission->user_data` is filled in here. */
int32_t ring_run(struct submission *submission, struct waiter *waiter)
{
    struct ring *ring = &ring_self;
    waiter->done = 0;
    submission->user_data = (uintptr_t)waiter;
    ring_queue(ring, ring->header, submission);
    return ring_await(ring, waiter);
}

/* ---- Blocking calls
 * ------------------------------------------------------------------------------------------- */

/* Takes over what a completed call brought: payload, capabilities, or an exception. */
static __attribute__((noinline)) int32_t finish_call(struct cap_message *message, const void *results,
                                                     size_t limit, const struct waiter *waiter)
{
    message->results_bytes = waiter->payload_bytes;
    message->caps_in_count = 0;
    if (waiter->result >= 0)
        message_take_caps(message, results, limit, waiter->payload_bytes, waiter->cap_count);
    else if (waiter->result == CAPOS_ERR_EXCEPTION)
        exception_take(results, waiter->payload_bytes, 0);
    else if (waiter->result == CAPOS_ERR_EXCEPTION_TRUNCATED)
        exception_take(NULL, 0, waiter->detail);
    return waiter->result;
}

/* The answer lies in `scratch`, the caller's buffer is smaller: copies it if it fits. If not, the
 * capabilities in it would have no owner. */
static int32_t copy_results(struct cap_message *message, const void *scratch, size_t payload_bytes)
{
    if (payload_bytes <= message->results_limit) {
        if (payload_bytes != 0)
            __builtin_memcpy(message->results, scratch, payload_bytes);
        return (int32_t)payload_bytes;
    }
    for (size_t i = 0; i < message->caps_in_count; i++)
        cap_release_id(message->caps_in[i].id);
    message->caps_in_count = 0;
    return CAPOS_ERR_RESULT_TRUNCATED;
}

/* The general call. `params` are message->params with message->cap_count descriptors behind them. */
static int32_t invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *message, const void *params,
                      uint64_t deadline_ns)
{
    uint64_t scratch[SCRATCH_BYTES / sizeof(uint64_t)];
    bool use_scratch = message->results_limit < sizeof scratch;
    void *results = use_scratch ? scratch : message->results;
    size_t limit = use_scratch ? sizeof scratch : message->results_limit;
    struct waiter waiter;
    struct submission submission = {
        .addr = (uintptr_t)params,
        .result_addr = (uintptr_t)results,
        .deadline_ns = deadline_ns,
        .cap_id = cap_id,
        .len = clamp_u32(message->params_bytes),
        .result_len = clamp_u32(limit),
        .method_id = method_id,
        .xfer_cap_count = (uint16_t)message->cap_count,
        .opcode = CAPOS_OP_CALL,
    };
    int32_t status = ring_run(&submission, &waiter);
    if (status < 0)
        return status;
    status = finish_call(message, results, limit, &waiter);
    return status >= 0 && use_scratch ? copy_results(message, scratch, waiter.payload_bytes) : status;
}

/* Puts params and transfer descriptors into `staging`, as the kernel wants them: one behind the other. */
static int32_t stage_request(const struct cap_message *message, void *staging, size_t room)
{
    size_t params_bytes = round_up_8(message->params_bytes);
    if (message->cap_count > CAPOS_CALL_CAPS_MAX || message->params_bytes > CAPOS_MESSAGE_MAX_BYTES ||
        params_bytes + message->cap_count * sizeof(struct capos_xfer_desc) > room)
        return CAPOS_ERR_TOO_LARGE;
    if (staging != message->params && message->params_bytes != 0)
        __builtin_memcpy(staging, message->params, message->params_bytes);
    struct capos_xfer_desc *descriptors = (void *)((char *)staging + params_bytes);
    for (size_t i = 0; i < message->cap_count; i++) {
        descriptors[i].cap_id = message->caps[i].id;
        descriptors[i].mode = message->caps[i].mode;
    }
    return CAPOS_OK;
}

static __attribute__((noinline)) int32_t invoke_with_caps(uint32_t cap_id, uint16_t method_id,
                                                          struct cap_message *message, uint64_t deadline_ns)
{
    uint64_t staging[CAPOS_MESSAGE_MAX_BYTES / 8 + CAPOS_CALL_CAPS_MAX];
    int32_t status = stage_request(message, staging, sizeof staging);
    return status < 0 ? status : invoke(cap_id, method_id, message, staging, deadline_ns);
}

int32_t cap_invoke_until(uint32_t cap_id, uint16_t method_id, struct cap_message *message,
                         uint64_t deadline_ns)
{
    if (message->cap_count != 0)
        return invoke_with_caps(cap_id, method_id, message, deadline_ns);
    return invoke(cap_id, method_id, message, message->params, deadline_ns);
}

/*
 * Nearly every call: no capabilities sent, a results buffer of decent size; and then a single completion,
 * ours, without capabilities or error. The two functions below do that in as few instructions as possible,
 * and leave everything else to the general ones above, which do the same. A completion that is not as hoped
 * for is left where it is, for ring_reap.
 */

static __attribute__((noinline)) int32_t await_and_finish(struct cap_message *message, struct waiter *waiter,
                                                          int64_t entered)
{
    struct ring *ring = &ring_self;
    if (entered == CAPOS_ERR_INTERRUPTED)
        ring->interrupted = true;
    else if (entered < 0)
        return (int32_t)entered;
    waiter->done = 0;
    ring_reap(ring);
    int32_t status = ring_await(ring, waiter);
    return status < 0 ? status : finish_call(message, message->results, message->results_limit, waiter);
}

static __attribute__((noinline)) int32_t
finish_with_caps(struct cap_message *message, const struct capos_cqe *cqe, struct capos_ring_header *header)
{
    const int32_t result = cqe->result;
    message_take_caps(message, message->results, message->results_limit, cqe->payload_len, cqe->cap_count);
    take_completion(header);
    return result;
}

/* The parameters, and the descriptors of `cap_count` capabilities behind them, lie at `params`. */
static inline __attribute__((always_inline)) int32_t invoke_simply(uint32_t cap_id, uint16_t method_id,
                                                                   struct cap_message *message,
                                                                   const void *params, size_t cap_count)
{
    struct ring *ring = &ring_self;
    struct waiter waiter;
    const struct submission submission = {
        .user_data = (uintptr_t)&waiter,
        .addr = (uintptr_t)params,
        .result_addr = (uintptr_t)message->results,
        .cap_id = cap_id,
        .len = (uint32_t)message->params_bytes,
        .result_len = (uint32_t)message->results_limit,
        .method_id = method_id,
        .xfer_cap_count = (uint16_t)cap_count,
        .opcode = CAPOS_OP_CALL,
    };
    struct capos_ring_header *header = ring->header;
    ring_queue(ring, header, &submission);
    int64_t entered = sys_cap_enter(1, CAPOS_TIMEOUT_NEVER);
    const struct capos_cqe *cqe = first_completion(ring, header);
    if (__builtin_expect(entered != 1 || cqe->user_data != (uintptr_t)&waiter, 0) ||
        __builtin_expect(cqe->result < 0, 0))
        return await_and_finish(message, &waiter, entered);
    int32_t result = cqe->result;
    message->results_bytes = cqe->payload_len;
    message->caps_in_count = 0;
    if (__builtin_expect(cqe->cap_count != 0, 0))
        return finish_with_caps(message, cqe, header);
    take_completion(header);
    return result;
}

/* A small message with capabilities. */
static __attribute__((noinline)) int32_t invoke_simply_with_caps(uint32_t cap_id, uint16_t method_id,
                                                                 struct cap_message *message)
{
    uint64_t staging[SMALL_BYTES / sizeof(uint64_t) + CAPOS_CALL_CAPS_MAX];
    if (message->params_bytes > SMALL_BYTES)
        return cap_invoke_until(cap_id, method_id, message, 0);
    int32_t status = stage_request(message, staging, sizeof staging);
    return status < 0 ? status : invoke_simply(cap_id, method_id, message, staging, message->cap_count);
}

int32_t cap_invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *message)
{
    if (__builtin_expect(message->results_limit - SCRATCH_BYTES > INT32_MAX, 0) ||
        __builtin_expect(message->params_bytes > INT32_MAX, 0))
        return cap_invoke_until(cap_id, method_id, message, 0);
    if (__builtin_expect(message->cap_count != 0, 0))
        return invoke_simply_with_caps(cap_id, method_id, message);
    return invoke_simply(cap_id, method_id, message, message->params, 0);
}

static __attribute__((noinline)) int32_t finish_empty(struct waiter *waiter, void *exception, int64_t entered)
{
    struct cap_message message;
    message.results = exception;
    message.results_limit = SCRATCH_BYTES;
    int32_t result = await_and_finish(&message, waiter, entered);
    return result < 0 ? result : CAPOS_OK;
}

int32_t cap_invoke_empty(uint32_t cap_id, uint16_t method_id)
{
    struct ring *ring = &ring_self;
    struct waiter waiter;
    uint64_t exception[SCRATCH_BYTES / sizeof(uint64_t)];
    const struct submission submission = {
        .user_data = (uintptr_t)&waiter,
        .result_addr = (uintptr_t)exception,
        .cap_id = cap_id,
        .result_len = sizeof exception,
        .method_id = method_id,
        .opcode = CAPOS_OP_CALL,
    };
    struct capos_ring_header *header = ring->header;
    ring_queue(ring, header, &submission);
    int64_t entered = sys_cap_enter(1, CAPOS_TIMEOUT_NEVER);
    const struct capos_cqe *cqe = first_completion(ring, header);
    if (__builtin_expect(entered != 1 || cqe->user_data != (uintptr_t)&waiter || cqe->result != CAPOS_OK, 0))
        return finish_empty(&waiter, exception, entered);
    take_completion(header);
    return CAPOS_OK;
}

int32_t capos_cap_call(uint32_t cap_id, uint16_t method_id, const void *params, size_t params_len,
                       void *result, size_t result_len)
{
    struct cap_message message;
    message.params = params;
    message.params_bytes = params_len;
    message.cap_count = 0;
    message.results = result;
    message.results_limit = result_len;
    int32_t status = invoke(cap_id, method_id, &message, params, 0);
    for (size_t i = 0; status >= 0 && i < message.caps_in_count; i++)
        cap_release_id(message.caps_in[i].id);
    return status;
}

int32_t cap_release_id(uint32_t cap_id)
{
    struct waiter waiter;
    struct submission submission = {.cap_id = cap_id, .opcode = CAPOS_OP_RELEASE};
    int32_t status = ring_run(&submission, &waiter);
    return status < 0 ? status : waiter.result;
}

/* Where such an error of a quiet entry goes. */
static struct waiter nobody_looks;

/*
 * With calls in flight the places in the CQ may all be spoken for, so that the release would keep the next
 * entry waiting; with none it is out of the way when the kernel has taken it.
 */
void cap_release_id_soon(uint32_t cap_id)
{
    struct ring *ring = &ring_self;
    const struct submission submission = {
        .user_data = (uintptr_t)&nobody_looks,
        .cap_id = cap_id,
        .opcode = CAPOS_OP_RELEASE,
        .flags = CAPOS_SQE_QUIET,
    };
    if (ring->started != 0 || ring_queued(ring) != 0)
        (void)cap_release_id(cap_id);
    else
        ring_queue(ring, ring->header, &submission);
}

/* ---- Asynchronous calls
 * --------------------------------------------------------------------------------------- */

static int32_t pending_fail(struct cap_pending *pending, int32_t error)
{
    pending->result = error;
    pending->done = 1;
    return error;
}

/* Waits until a completion slot is free for one more started call. */
static __attribute__((noinline)) int32_t wait_for_slot(struct ring *ring)
{
    ring_reap(ring);
    while (ring->started >= ring->cq_mask) {
        int32_t status = ring_wait(ring, CAPOS_TIMEOUT_NEVER);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

/* The target is a capability of another answer; too far back the kernel refuses it. */
static void aim(const struct ring *ring, struct cap_pending *pending, struct submission *submission)
{
    uint32_t back = ring->header->sq_tail - pending->target->sq_index;
    submission->cap_id = 0;
    submission->flags = CAPOS_SQE_PIPELINE;
    submission->pipeline_dep = back;
    submission->pipeline_field = (uint16_t)pending->target_field;
    pending->target = NULL;
}

int32_t ring_start(struct cap_pending *pending, struct submission *submission)
{
    struct ring *ring = &ring_self;
    pending->message.results_bytes = 0;
    pending->message.caps_in_count = 0;
    pending->done = 0;
    int32_t status = ring->started >= ring->cq_mask ? wait_for_slot(ring) : CAPOS_OK;
    if (status < 0)
        return pending_fail(pending, status);
    if (__builtin_expect(ring_queued(ring) >= ring->sq_mask, 0)) /* a release before them all */
        (void)cap_submit();
    if (pending->target != NULL)
        aim(ring, pending, submission);
    submission->user_data = (uintptr_t)pending + PENDING_TAG;
    pending->sq_index = ring->header->sq_tail;
    ring_queue(ring, ring->header, submission);
    ring->started++;
    return CAPOS_OK;
}

int32_t cap_invoke_start(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending)
{
    struct cap_message *message = &pending->message;
    const void *params = message->params;
    if (message->cap_count != 0) {
        int32_t staged = stage_request(message, pending->request, sizeof pending->request);
        if (staged < 0)
            return pending_fail(pending, staged);
        params = pending->request;
    }
    if (message->results_limit == 0) {
        message->results = pending->response;
        message->results_limit = sizeof pending->response;
    }
    struct submission submission = {
        .addr = (uintptr_t)params,
        .result_addr = (uintptr_t)message->results,
        .deadline_ns = pending->deadline_ns,
        .cap_id = cap_id,
        .len = clamp_u32(message->params_bytes),
        .result_len = clamp_u32(message->results_limit),
        .method_id = method_id,
        .xfer_cap_count = (uint16_t)message->cap_count,
        .opcode = CAPOS_OP_CALL,
    };
    return ring_start(pending, &submission);
}

int32_t cap_submit(void)
{
    struct ring *ring = &ring_self;
    if (ring_queued(ring) == 0)
        return CAPOS_OK;
    int64_t entered = sys_cap_enter(0, 0);
    ring_reap(ring);
    return entered < 0 ? (int32_t)entered : CAPOS_OK;
}

static bool pending_is_done(const struct cap_pending *pending)
{
    return __atomic_load_n(&pending->done, __ATOMIC_RELAXED) != 0;
}

/* The result of a done call; its exception, if it ended with one, becomes the thread's last. */
static int32_t pending_result(const struct cap_pending *pending)
{
    if (pending->result == CAPOS_ERR_EXCEPTION)
        exception_take(pending->message.results, pending->message.results_bytes, 0);
    else if (pending->result == CAPOS_ERR_EXCEPTION_TRUNCATED)
        exception_take(NULL, 0, (uint16_t)pending->exception_kind);
    return pending->result;
}

bool cap_pending_poll(struct cap_pending *pending)
{
    ring_reap(&ring_self);
    if (!pending_is_done(pending))
        cap_submit();
    if (!pending_is_done(pending))
        return false;
    (void)pending_result(pending);
    return true;
}

int32_t cap_pending_wait(struct cap_pending *pending)
{
    return cap_pending_wait_timeout(pending, CAPOS_TIMEOUT_NEVER);
}

int32_t cap_pending_wait_timeout(struct cap_pending *pending, uint64_t timeout_ns)
{
    while (!pending_is_done(pending)) {
        if (ring_self.interrupted) {
            ring_self.interrupted = false;
            return CAPOS_ERR_INTERRUPTED;
        }
        int32_t status = ring_wait(&ring_self, timeout_ns);
        if (status < 0 && !pending_is_done(pending))
            return status;
    }
    return pending_result(pending);
}

int cap_pending_wait_any(struct cap_pending *const *pending, size_t count)
{
    ring_reap(&ring_self);
    for (;;) {
        bool any = false;
        for (size_t i = 0; i < count; i++) {
            if (pending[i] == NULL)
                continue;
            any = true;
            if (pending_is_done(pending[i])) {
                (void)pending_result(pending[i]);
                return (int)i;
            }
        }
        if (!any || ring_wait(&ring_self, CAPOS_TIMEOUT_NEVER) < 0)
            return -1;
    }
}

int32_t cap_pending_cancel(struct cap_pending *pending)
{
    struct waiter waiter;
    struct submission submission = {.addr = (uintptr_t)pending + PENDING_TAG, .opcode = CAPOS_OP_CANCEL};
    if (pending_is_done(pending))
        return CAPOS_ERR_NOT_FOUND;
    int32_t status = ring_run(&submission, &waiter);
    if (status < 0)
        return status;
    cap_pending_wait(pending);
    return waiter.result;
}
