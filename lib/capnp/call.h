/*
 * One call as a server sees it, in the kernel and in user space alike. Generated dispatch functions decode
 * `params`, run the operation, and encode its results; whoever carries the message (the kernel's ring,
 * libcapos' serve loop) fills in the upper half before and takes the lower half after.
 *
 * Freestanding; no allocation; nothing here blocks.
 */
#pragma once
#include <capos/errors.h>
#include <capos/limits.h>
#include <stddef.h>
#include <stdint.h>

/* A capability travelling with a message. In a server's hands `id` is whatever its carrier uses to name it: a
 * table id in user space, an index into the call's resolved capabilities (in) or a reserved slot's id (out)
 * in the kernel. */
struct cap_transfer {
    uint32_t id;
    uint32_t mode; /* CAPOS_XFER_COPY or CAPOS_XFER_MOVE */
    uint64_t interface_id;
};

struct cap_call {
    /* Filled in by the carrier; constant during the call. */
    const void *params;  /* framed Cap'n Proto message, 8-byte aligned; may be null when params_bytes is 0 */
    size_t params_bytes; /* 0: the root is null */
    const struct cap_transfer *caps_in;
    size_t caps_in_count;
    void *results;        /* where the results are encoded, 8-byte aligned */
    size_t results_limit; /* bytes there */

    /* Filled in by dispatch. */
    size_t results_bytes; /* 0 when the results have no fields or all are default */
    struct cap_transfer caps_out[CAPOS_XFER_CAPS_MAX];
    size_t caps_out_count;
    enum capos_exception_kind exception_kind; /* valid when the operation returned CAPOS_ERR_EXCEPTION */
    const char *exception_reason;             /* static text or text that lives as long as the call */
};

/* An operation returns this when it will answer later; the carrier then keeps the call until it is completed.
 */
#define CAP_CALL_PENDING INT32_MAX

/* Makes the call answer a capability exception: `return cap_call_fail(call, CAPOS_EXCEPTION_..., "why");`
 * `reason` is borrowed and must outlive the call. Always returns CAPOS_ERR_EXCEPTION. */
static inline int32_t cap_call_fail(struct cap_call *call, enum capos_exception_kind kind, const char *reason)
{
    call->exception_kind = kind;
    call->exception_reason = reason;
    return CAPOS_ERR_EXCEPTION;
}
