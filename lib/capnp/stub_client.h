/* What generated client stubs share. Not for users, who include <capos/NAME.h> and <capos/call.h>. */
#pragma once
#include "capnp.h"
#include <capos/call.h>
#include <capos/errors.h>

static inline void cap_message_params(struct cap_message *message, const void *params, size_t params_bytes,
                                      const struct cap_transfer *caps, size_t cap_count)
{
    message->params = params;
    message->params_bytes = params_bytes;
    message->caps = caps;
    message->cap_count = cap_count;
}

static inline void cap_message_empty(struct cap_message *message)
{
    cap_message_params(message, NULL, 0, NULL, 0);
}

static inline void cap_message_results(struct cap_message *message, void *results, size_t results_limit)
{
    message->results = results;
    message->results_limit = results_limit;
    message->results_bytes = 0;
    message->caps_in_count = 0;
}

/* Lies at the start of a caller's cap_buffer, with the answer behind it: what views of the answer refer to
 * must live as long as the buffer does. */
struct cap_reply {
    struct capnp_message reader;
    struct cap_transfer caps_in[CAPOS_XFER_CAPS_MAX];
};

#ifdef __cplusplus
static_assert(sizeof(struct cap_reply) == CAP_BUFFER_OVERHEAD_BYTES, "what <capos/call.h> promises");
#else
_Static_assert(sizeof(struct cap_reply) == CAP_BUFFER_OVERHEAD_BYTES, "what <capos/call.h> promises");
#endif

/* Lays out `buffer` for the answer to `message`; null if it has no room even for the fixed part. */
static inline struct cap_reply *cap_reply_in(struct cap_buffer *buffer, struct cap_message *message)
{
    if (buffer == NULL || buffer->bytes == NULL || buffer->size < sizeof(struct cap_reply))
        return NULL;
    uint8_t *bytes = (uint8_t *)buffer->bytes;
    cap_message_results(message, bytes + sizeof(struct cap_reply), buffer->size - sizeof(struct cap_reply));
    return (struct cap_reply *)buffer->bytes;
}

static inline void cap_reply_keep_caps(struct cap_reply *reply, const struct cap_message *message)
{
    for (size_t i = 0; i < message->caps_in_count && i < CAPOS_XFER_CAPS_MAX; i++)
        reply->caps_in[i] = message->caps_in[i];
}

/* Readies a pending call for cap_invoke_start, its parameters being in place. */
static inline void cap_pending_prepare(struct cap_pending *pending)
{
    bool own = pending->buffer.bytes == NULL;
    cap_message_results(&pending->message, own ? pending->response : pending->buffer.bytes,
                        own ? sizeof pending->response : pending->buffer.size);
    pending->result = 0;
    pending->done = 0;
}
