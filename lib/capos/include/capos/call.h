/*
 * Calls on capabilities: what the generated client stubs are made of, and how a program keeps many calls in
 * flight.
 *
 * A blocking call is one function of a generated header: cap_timer_sleep(timer, ns). An asynchronous call is
 * a struct cap_pending: start it (cap_timer_sleep_start), do other things, finish it
 * (cap_timer_sleep_finish). Started calls gather in the submission queue and go to the kernel together, with
 * the next thing that enters it: a blocking call, a wait, a poll, or cap_submit. They complete in any order.
 *
 * Every thread has its own ring. A pending belongs to the thread that started it; that thread polls, waits
 * and cancels. Nothing here allocates memory. As many calls may be started as the program has pendings: when
 * the queues are full, starting one waits until an earlier call completes.
 */
#pragma once
#include <capnp/call.h>
#include <capnp/capnp.h>
#include <capos/errors.h>
#include <capos/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of the caller's that receives an answer whose size varies. The answer's views (text, data, lists)
 * point into it and live as long as it does. */
struct cap_buffer {
    void *bytes; /* 8-byte aligned */
    size_t size; /* CAP_BUFFER_OVERHEAD_BYTES of it are not the answer's */
};
#define CAP_BUFFER_OVERHEAD_BYTES \
    (sizeof(struct capnp_message) + CAPOS_XFER_CAPS_MAX * sizeof(struct cap_transfer))

struct cap_message {
    /* The request: a framed Cap'n Proto message, 8-byte aligned (or nothing), and the capabilities it refers
     * to. */
    const void *params;
    size_t params_bytes;
    const struct cap_transfer *caps;
    size_t cap_count;
    /* Where the response goes, 8-byte aligned: room for the payload and, behind it, 16 bytes per result
     * capability. */
    void *results;
    size_t results_limit;
    /* Filled in. The capabilities belong to the caller, who releases them. */
    size_t results_bytes; /* payload; after RESULT_TRUNCATED the bytes it needs, after EXCEPTION those of the
                             exception */
    struct cap_transfer caps_in[CAPOS_XFER_CAPS_MAX];
    size_t caps_in_count;
};

/*
 * Calls method_id of cap_id and waits for the answer; calls that were started earlier go along and may
 * complete meanwhile. The message and everything it points at are borrowed until the function returns.
 *
 * Returns the payload's bytes (>= 0) or a negative capos_error (docs/ring.md lists them); after
 * CAPOS_ERR_EXCEPTION and CAPOS_ERR_EXCEPTION_TRUNCATED cap_exception_last() says what the capability had to
 * say. A capability sent with mode CAPOS_XFER_MOVE has left the process on success and is still here after
 * any error.
 */
int32_t cap_invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *message);
/* The same for a method without parameters and results: 0, or a negative capos_error. */
int32_t cap_invoke_empty(uint32_t cap_id, uint16_t method_id);
/* The same with an absolute deadline (monotonic time; 0: none), after which the call ends with
 * CAPOS_ERR_TIMEOUT. */
int32_t cap_invoke_until(uint32_t cap_id, uint16_t method_id, struct cap_message *message,
                         uint64_t deadline_ns);

/* ---- Asynchronous calls
 * --------------------------------------------------------------------------------------- */

#define CAP_PENDING_REQUEST_WORDS  64u
#define CAP_PENDING_RESPONSE_WORDS 64u

/* A call in flight. Zero-initialise it before its first use; from start until it is done it must stay where
 * it is. It holds the request and a response of moderate size, so that nothing else has to outlive the call.
 * Reusable when done. */
struct cap_pending {
    struct cap_message message;
    int32_t result; /* once done: as cap_invoke returns it */
    uint32_t done;  /* 1: completed; what the finish function needs is there */
    uint64_t
        deadline_ns; /* set before the start: absolute time at which the call ends with TIMEOUT; 0: none */
    struct cap_buffer
        buffer; /* set before the start: the caller's, used instead of `response` if bytes is not null */
    /* From here on private to libcapos and the stubs. */
    uint64_t request[CAP_PENDING_REQUEST_WORDS];
    uint64_t response[CAP_PENDING_RESPONSE_WORDS];
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    struct capnp_message reader; /* what views of the answer refer to */
    uint32_t exception_kind;
    uint32_t sq_index;                /* its entry's place */
    const struct cap_pending *target; /* cap_pending_target */
    uint32_t target_field;
};

/*
 * Starts the call that pending->message describes. What the message points at is borrowed until the call is
 * done; a message without a results buffer gets the pending's own. Blocks only while the queues are full.
 * Returns 0, or a negative capos_error, in which case nothing was started and pending->result is that error:
 *   CAPOS_ERR_TOO_LARGE     more than CAPOS_CALL_CAPS_MAX capabilities, or no room for them behind the
 * parameters CAPOS_ERR_RING_CORRUPT  something has overwritten the ring
 */
int32_t cap_invoke_start(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending);

/*
 * Makes the call that is started next with `pending` go to a capability that another call will return: number
 * `field` (from 0, in the order of the results' capabilities) of the answer to `answer`. What is then passed
 * to the start function as the handle does not matter. So a file is opened, read and closed with one kernel
 * entry:
 *
 *     cap_directory_open_start(directory, &open_params, &open);
 *     cap_pending_target(&read, &open, 0);
 *     cap_file_read_start(CAP_NOT_YET(cap_file), &read_params, &read);
 *
 * `answer` was started by this thread, at most 31 operations ago, and its finish function has not run. If it
 * fails, this call fails alike; if it returns no such capability, with CAPOS_ERR_BAD_CAP. Holds for one
 * start.
 */
static inline void cap_pending_target(struct cap_pending *pending, const struct cap_pending *answer,
                                      uint32_t field)
{
    pending->target = answer;
    pending->target_field = field;
}
#define CAP_NOT_YET(type) ((type){0})

/* Hands everything started so far to the kernel; does not wait. 0 or a negative capos_error. */
int32_t cap_submit(void);

/* True when done; the generated finish function then has the results. Submits what is still queued, takes in
 * what has completed, and never blocks. */
bool cap_pending_poll(struct cap_pending *pending);

/* Waits until it is done and returns its result. */
int32_t cap_pending_wait(struct cap_pending *pending);

/* The same, but gives up with CAPOS_ERR_TIMEOUT when nothing at all has completed for timeout_ns; the call
 * stays in flight then. For a limit on the call itself set pending->deadline_ns. */
int32_t cap_pending_wait_timeout(struct cap_pending *pending, uint64_t timeout_ns);

/* Waits until at least one of them is done and returns its index; -1 when count is 0 or the ring is broken.
 * Null entries are skipped (all null: -1). */
int cap_pending_wait_any(struct cap_pending *const *pending, size_t count);

/* Asks the kernel to end it early and returns when it is done, either way: CAPOS_OK if it was canceled
 * (pending->result is CAPOS_ERR_CANCELED), CAPOS_ERR_NOT_FOUND if it had completed (pending->result is its
 * result). */
int32_t cap_pending_cancel(struct cap_pending *pending);

/* ---- Exceptions
 * ----------------------------------------------------------------------------------------------- */

#define CAP_EXCEPTION_REASON_MAX 200u

struct cap_exception {
    enum capos_exception_kind kind;
    char reason[CAP_EXCEPTION_REASON_MAX]; /* NUL-terminated, cut if need be; empty if the server gave none */
};

/* The last exception that a call of this thread ended with. Never null; overwritten by the next. */
const struct cap_exception *cap_exception_last(void);
/* "failed", "overloaded", "disconnected", "unimplemented", "invalidArgument". */
const char *cap_exception_kind_name(enum capos_exception_kind kind);
/* One sentence for a person about the negative result of a call that this thread just made: the exception's
 * reason, or what the transport error means. Never null; valid until the next call. */
const char *cap_why(int32_t result);

/* ---- Handles
 * -------------------------------------------------------------------------------------------------- */

/* Drops a capability. 0, or CAPOS_ERR_BAD_CAP or _STALE_CAP. Blocks for a kernel entry. */
int32_t cap_release_id(uint32_t cap_id);
/* The same without waiting for it: the kernel does it when this thread next enters it (for whatever reason,
 * its end included), before anything that is asked for later. Nobody is told of an error. Does not block. */
void cap_release_id_soon(uint32_t cap_id);
/* The same for a handle of any type. */
#define cap_release(handle) cap_release_id((handle).id)

#ifdef __cplusplus
}
#endif
