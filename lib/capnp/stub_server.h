/* What generated dispatch functions share. Not for users, who include <capos/NAME_server.h>. */
#pragma once
#include "call.h"
#include "capnp.h"

/* Records what was encoded at call->results; returns the bytes. */
static inline int32_t cap_call_answer(struct cap_call *call, int32_t bytes, size_t cap_count)
{
    call->results_bytes = (size_t)bytes;
    call->caps_out_count = cap_count;
    return bytes;
}

/* Encoding failed with `error`: if more room would have helped, says so and how much. */
static inline int32_t cap_call_unanswered(struct cap_call *call, int32_t error, size_t needed_bytes)
{
    call->caps_out_count = 0;
    if (error != CAPOS_ERR_TOO_LARGE || needed_bytes <= call->results_limit)
        return error;
    call->results_bytes = needed_bytes;
    return CAPOS_ERR_RESULT_TRUNCATED;
}
