/*
 * A capability call inside the kernel: the generated code's struct cap_call, and whose call it is.
 *
 * The ring fills one in per CALL. An operation that cannot answer yet makes a struct pending from it and
 * returns CAP_CALL_PENDING; whoever ends the wait completes the pending, from any thread's context, exactly
 * once.
 *
 * Results are all or nothing: result capabilities sit in reserved slots until the payload has reached the
 * caller's memory, then appear together; on any failure they are taken back.
 */
#pragma once
#include <capnp/call.h>
#include <capos/ring.h>
#include "core/pending.h"
#include "core/types.h"
#include "object/object.h"

struct thread;
struct process;
struct aspace;
struct ledger;
struct membrane;
struct pending;

/* A result capability in its reserved slot. Owns a reference to the object. */
struct call_result_cap {
    uint32_t id;
    struct capability capability;
    struct membrane *blank; /* owned: to be put around it, since the call went through a membrane; or null */
};

struct kcall {
    struct cap_call call; /* first: generated code hands this back to operations */
    struct thread *thread;
    struct capos_sqe sqe; /* the kernel's copy of the entry; in a reply only what a reply needs */
    struct capability caps_in[CAPOS_CALL_CAPS_MAX]; /* referenced for the time of the call */
    struct call_result_cap caps_out[CAPOS_XFER_CAPS_MAX];
    size_t caps_out_count;
    struct membrane *membrane; /* what the call goes through, object/revocation.h; mostly null */
    struct pending *pending;   /* made by a call through a membrane: referenced */
    /* The operation wrote its results into the caller's buffer itself, and returned how many bytes. */
    bool results_in_place;
    uint32_t borrowed_before;
    uint8_t
        scratch_bytes[64]; /* the operation's own, for small results that must live until they are encoded */
};

static inline struct kcall *kcall_of(struct cap_call *call)
{
    return (struct kcall *)(void *)call;
}

/* The caller. */
struct thread *kcall_thread(const struct cap_call *call);
struct process *kcall_process(const struct cap_call *call);
struct aspace *kcall_aspace(const struct cap_call *call);
struct ledger *kcall_ledger(const struct cap_call *call);

/* What a mapping of memory that this call asks for is to be made with (mm/aspace.h): null unless the call
 * goes through a membrane, whose revocation takes the mapping back. Borrowed. REVOKED, NO_MEMORY. */
struct mapping_token;
CHECKED status_t kcall_mapping_token(const struct cap_call *call, struct mapping_token **out);

/* A capability that came with the call, by the (non-zero) id that its handle in the parameters has; borrowed.
 */
static inline struct capability kcall_capability_in(const struct cap_call *call, uint32_t handle_id)
{
    return ((const struct kcall *)(const void *)call)->caps_in[handle_id - 1];
}

/* An object_type's dispatch function over a generated one. */
#define KERNEL_DISPATCH(function, generated_dispatch)                                                     \
    static int32_t function(const void *methods, void *object, uint16_t method_id, struct cap_call *call) \
    {                                                                                                     \
        return generated_dispatch(methods, object, method_id, call);                                      \
    }

/* Result capabilities. Reserve takes a slot in the caller's table; its id is what the operation writes into
 * the handle of its results; the operation then stores the capability, with a reference, in *out (left empty,
 * the slot is given back when the call fails). Return is both at once and consumes the reference on failure
 * too. NO_SLOTS, NO_MEMORY; RESULT_TRUNCATED, BAD_ADDRESS when the caller's result buffer could not take the
 * answer: so that an operation can be refused before it has happened. */
CHECKED status_t kcall_reserve_result(struct cap_call *call, struct call_result_cap **out);
CHECKED status_t kcall_return_capability(struct cap_call *call, struct capability capability,
                                         uint32_t *out_id);

/* Brings the outcome of a dispatch (`encoded`: what it returned) to the caller: payload, capability records
 * or exception into its memory, capabilities into its table. Fills in everything of *cqe but user_data. */
void kcall_deliver(struct kcall *kcall, int32_t encoded, struct capos_cqe *cqe);
