/*
 * Serving: answering the calls that come to an endpoint. docs/ipc.md has a whole server.
 *
 * A service is an endpoint and a way from a facet's tag to an object. The object's methods are a generated
 * ops struct
 * (<capos/NAME_server.h>); a null slot answers `unimplemented`. Fill in a struct capos_service and call
 * capos_serve, from one thread or from several at once.
 *
 *     CAPOS_DISPATCH(dispatch_counter, cap_counter_dispatch)
 *     static const struct cap_counter_server ops = {.increment = increment};
 *     struct capos_service service = {.endpoint = endpoint, .target = {dispatch_counter, &ops, &counter}};
 *     capos_serve(&service);
 *
 * Inside a method `call` is also a struct capos_call (capos_call_of): who calls, which facet, by when. What a
 * method returns is what the generated header says: 0, CAP_CALL_PENDING (capos_call_defer first), a negative
 * capos_error, or cap_call_fail(...).
 */
#pragma once
#include <capos/call.h>
#include <capos/endpoint.h>
#include <capos/ipc.h>
#include <capos/sync.h>

#ifdef __cplusplus
#define CAPOS_ALIGNAS(bytes) alignas(bytes)
extern "C" {
#else
#define CAPOS_ALIGNAS(bytes) _Alignas(bytes)
#endif

struct capos_service;
struct capos_call;

/* Runs one call: what CAPOS_DISPATCH makes of a generated dispatch function. */
typedef int32_t (*capos_dispatch)(const void *ops, void *self, uint16_t method_id, struct cap_call *call);

#define CAPOS_DISPATCH(function, generated_dispatch)                                                    \
    static int32_t function(const void *methods, void *self, uint16_t method_id, struct cap_call *call) \
    {                                                                                                   \
        return generated_dispatch(methods, self, method_id, call);                                      \
    }

/* The one tag that a service may not mint a facet with: the library wakes its threads with it. */
#define CAPOS_TAG_RESERVED UINT64_MAX

/* What a facet stands for. */
struct capos_target {
    capos_dispatch dispatch;
    const void *ops;
    void *self;
};

struct capos_service {
    /* Filled in before the first capos_serve, constant afterwards. */
    cap_endpoint endpoint;
    struct capos_target target; /* for every facet, if `find` is null */
    /* Null, or: which object the facet with this tag stands for. False: none any more; the call answers
     * `disconnected`. May be called by several threads at once. */
    bool (*find)(void *context, uint64_t tag, struct capos_target *out);
    /* Null, or: nobody holds the facet with this tag any more, and none of its calls is being worked on or
     * deferred: its object may be freed. Called once per facet, by one of
     * the serving threads; meanwhile no call on this service is begun. It must not answer deferred calls. */
    void (*dropped)(void *context, uint64_t tag);
    void *context;
    /* Private; zero before the first use. */
    struct capos_active *active;
    struct capos_mutex lock;
    uint32_t dropping;
    uint32_t threads;
    uint32_t stopping;
};

/*
 * Receives and answers calls until the service is stopped (0) or cannot go on (negative capos_error: the
 * endpoint's capability is not there or was given up). Any number of threads may be in it for one service.
 * Uses about 20 KiB of the calling thread's stack. Blocks.
 */
int32_t capos_serve(struct capos_service *service);

/* Makes every capos_serve of the service return, after the call that it is working on. Calls that wait in the
 * queue stay there (they end when the endpoint's last capability is released). From any thread, also from a
 * method. */
void capos_serve_stop(struct capos_service *service);

/* ---- One call at a time, for a thread that waits for other things besides.
 *
 *     capos_receive_start(endpoint, &pending, &inbox);          ... cap_pending_wait_any(...) ...
 *     if (pending.done && pending.result >= 0)
 *         capos_answer(endpoint, &inbox, &target, outbox);
 *
 * capos_receive_start: 0, or a negative capos_error, and nothing is started. Once the pending is done its
 * result is negative when the endpoint cannot be received from (any more); otherwise the inbox holds a call,
 * which capos_answer must be given, or the news of a dropped facet (capos_ipc_header.flags), which it
 * ignores. Both stay the caller's. Methods cannot defer (they answer `failed`), and capabilities that come
 * with a call are released. */
#define CAPOS_INBOX_BYTES \
    (sizeof(struct capos_ipc_header) + CAPOS_MESSAGE_MAX_BYTES + CAPOS_XFER_CAPS_MAX * 16)
#define CAPOS_OUTBOX_BYTES (CAPOS_MESSAGE_MAX_BYTES + CAPOS_XFER_CAPS_MAX * 24)
struct capos_inbox {
    CAPOS_ALIGNAS(8) char bytes[CAPOS_INBOX_BYTES];
};
struct capos_outbox {
    CAPOS_ALIGNAS(8) char bytes[CAPOS_OUTBOX_BYTES];
};

int32_t capos_receive_start(cap_endpoint endpoint, struct cap_pending *pending, struct capos_inbox *inbox);
/* Runs the method and answers. Blocks for a kernel entry. 0, or what RETURN answered: NOT_FOUND: the caller
 * is gone. */
int32_t capos_answer(cap_endpoint endpoint, struct capos_inbox *inbox, const struct capos_target *target,
                     struct capos_outbox *outbox);

/* ---- Inside a method. */

struct capos_call {
    struct cap_call call;                  /* first */
    const struct capos_ipc_header *header; /* tag, caller_ref, deadline_ns */
    struct capos_service *service;
    uint32_t kept; /* bit i: caps_in[i] is the method's now */
    /* Private: the facets that the answer to the call with this id makes, or made. */
    uint32_t mint_call_id;
    uint32_t mint_count;
    struct capos_xfer_mint mints[CAPOS_XFER_CAPS_MAX];
};

static inline struct capos_call *capos_call_of(struct cap_call *call)
{
    return (struct capos_call *)(void *)call;
}

/* Capabilities that come with a call are released after it is answered or deferred. This keeps the one with
 * this id: the method's to release. */
void capos_call_keep(struct cap_call *call, uint32_t cap_id);

/* A new facet of the service's endpoint. *out is ready to be put into results: it moves to the caller with
 * them, and is released if the caller is gone by then. interface_id 0: the endpoint's. Negative: as
 * Endpoint.mint. */
int32_t capos_mint(struct capos_service *service, uint64_t tag, uint64_t interface_id, cap_any *out);

/* The same for a facet that only the caller is to have: it is made by the answer, in which *out must be,
 * without a kernel entry of its own. Only for methods that answer at once. Exactly one `dropped` follows for
 * the tag: when the last capability to it is gone, or soon if the answer fails (the method's own failure, the
 * caller gone, no memory); so the method undoes nothing. TOO_LARGE: an answer takes CAPOS_XFER_CAPS_MAX;
 * nothing follows then. */
int32_t capos_mint_result(struct cap_call *call, uint64_t tag, uint64_t interface_id, cap_any *out);

/* ---- Answering later, from any thread.
 *
 *     method:   capos_call_defer(call, &request->deferred); return CAP_CALL_PENDING;
 *     later:    struct cap_call *reply = capos_deferred_begin(&request->deferred, buffer, sizeof buffer);
 *               capos_deferred_end(&request->deferred, cap_x_m_reply(reply, &results));
 *
 * or, to fail it, capos_deferred_end(&d, cap_call_fail(reply, kind, "why")) or with a negative capos_error.
 */
struct capos_active { /* private: a call that is being worked on */
    struct capos_active *next;
    uint64_t tag;
    uint64_t state;
};

struct capos_deferred {
    struct cap_call call;
    struct capos_service *service;
    uint32_t call_id;
    struct capos_active active;
};

/* Must stay where it is until capos_deferred_end. */
void capos_call_defer(struct cap_call *call, struct capos_deferred *deferred);
/* `results`: 8-byte aligned, with room for CAPOS_XFER_CAPS_MAX * 8 bytes more than the answer takes. */
struct cap_call *capos_deferred_begin(struct capos_deferred *deferred, void *results, size_t size);
/* OK; NOT_FOUND: the caller is gone (what was to move to it was released). */
int32_t capos_deferred_end(struct capos_deferred *deferred, int32_t encoded);

#ifdef __cplusplus
}
#endif
