/*
 * Calling capabilities: what the generated client stubs stand on. Programs use the stubs (<capos/timer.h>,
 * ...) and from here only `struct cap_buffer` and `struct cap_pending`.
 */
#pragma once
#include <call.h> /* lib/capnp */
#include "capnp.h"
#include <capos/limits.h>
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

/* One request and its answer. */
struct cap_message {
    /* The request, borrowed for the call. */
    const void *params; /* framed message, 8-byte aligned; null when params_bytes is 0 (all defaults) */
    size_t params_bytes;
    const struct cap_transfer
        *caps; /* capabilities that go along, in the order in which the message counts them */
    size_t cap_count;
    /* Where the answer goes: 8-byte aligned, room for the payload plus 16 bytes per result capability. */
    void *results;
    size_t results_limit;
    /* Filled in. */
    size_t results_bytes; /* payload; after RESULT_TRUNCATED: the bytes it needs */
    struct cap_transfer caps_in[CAPOS_XFER_CAPS_MAX];
    size_t caps_in_count;
};

/* A call under way. Owns the storage of its request and, unless `buffer` is set, of its answer; it must stay
 * where it is until `done`. Zero it before its first use. */
struct cap_pending {
    struct cap_message message;
    int32_t result; /* once done: as cap_invoke returns it */
    uint32_t done;  /* set when the answer is there */
    uint64_t request[64];
    struct cap_transfer caps[CAPOS_XFER_CAPS_MAX];
    uint64_t response[64];
    struct cap_buffer buffer;    /* the caller's, used instead of `response` if bytes is not null */
    struct capnp_message reader; /* what views of the answer refer to */
    uint64_t reserved[4];        /* for the implementation of cap_invoke_start */
};

/*
 * Calls method `method_id` of the capability `cap_id` and blocks the calling thread until the answer is
 * there. Capabilities sent with mode MOVE are gone once the call was accepted. On success the result records
 * were parsed into caps_in, whose handles belong to the caller.
 *
 * >= 0: success. Negative: the capos_error of the completion (abi/capos/errors.h); with CAPOS_ERR_EXCEPTION
 * the serialised CapException is in message->results, results_bytes long.
 */
int32_t cap_invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *message);

/*
 * The same without waiting: submits pending->message and returns. When the answer comes, the library fills in
 * pending->message, sets pending->result and then pending->done.
 *
 * 0: submitted. Negative: not submitted and *pending may be used again at once; CAPOS_ERR_QUOTA when no more
 * calls can be in flight.
 */
int32_t cap_invoke_start(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending);

#ifdef __cplusplus
}
#endif
