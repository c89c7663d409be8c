/* The exception that the last refused call of this thread ended with, and sentences about errors. */
#include "internal.h"
#include <base/string.h>
#include <capos/exception.h>

static _Thread_local struct cap_exception last;

void exception_take(const void *bytes, size_t len, uint16_t kind)
{
    struct capnp_message message;
    struct cap_cap_exception exception;
    last.kind = (enum capos_exception_kind)kind;
    last.reason[0] = '\0';
    if (bytes == NULL || cap_cap_exception_decode(&message, bytes, len, NULL, 0, &exception) < 0)
        return;
    size_t reason_len = exception.reason.len;
    if (reason_len > sizeof last.reason - 1)
        reason_len = sizeof last.reason - 1;
    memcpy(last.reason, exception.reason.bytes, reason_len);
    last.reason[reason_len] = '\0';
    last.kind = (enum capos_exception_kind)exception.kind;
}

const struct cap_exception *cap_exception_last(void)
{
    return &last;
}

const char *cap_exception_kind_name(enum capos_exception_kind kind)
{
    switch (kind) {
    case CAPOS_EXCEPTION_FAILED:
        return "failed";
    case CAPOS_EXCEPTION_OVERLOADED:
        return "overloaded";
    case CAPOS_EXCEPTION_DISCONNECTED:
        return "disconnected";
    case CAPOS_EXCEPTION_UNIMPLEMENTED:
        return "unimplemented";
    case CAPOS_EXCEPTION_INVALID_ARGUMENT:
        return "invalidArgument";
    }
    return "unknown";
}

const char *cap_why(int32_t result)
{
    bool excepted = result == CAPOS_ERR_EXCEPTION || result == CAPOS_ERR_EXCEPTION_TRUNCATED;
    if (!excepted)
        return capos_error_text(result);
    return last.reason[0] != '\0' ? last.reason : cap_exception_kind_name(last.kind);
}
