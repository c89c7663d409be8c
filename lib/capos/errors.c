/* Names and explanations of the transport errors (abi/capos/errors.h). */
#include "internal.h"

struct error_words {
    const char *name;
    const char *text;
};

/* Indexed by the negated error. */
static const struct error_words words[] = {
    [0] = {"CAPOS_OK", "no error"},
    [-CAPOS_ERR_BAD_OPCODE] = {"CAPOS_ERR_BAD_OPCODE", "the ring entry's operation does not exist"},
    [-CAPOS_ERR_UNSUPPORTED] = {"CAPOS_ERR_UNSUPPORTED", "this kernel does not do that yet"},
    [-CAPOS_ERR_BAD_FLAGS] = {"CAPOS_ERR_BAD_FLAGS", "a reserved flag or field is not zero"},
    [-CAPOS_ERR_BAD_CAP] = {"CAPOS_ERR_BAD_CAP", "the process holds no such capability"},
    [-CAPOS_ERR_STALE_CAP] = {"CAPOS_ERR_STALE_CAP", "the capability was released or given away"},
    [-CAPOS_ERR_REVOKED] = {"CAPOS_ERR_REVOKED", "the capability was revoked"},
    [-CAPOS_ERR_WRONG_INTERFACE] = {"CAPOS_ERR_WRONG_INTERFACE", "the capability is of another interface"},
    [-CAPOS_ERR_BAD_ADDRESS] = {"CAPOS_ERR_BAD_ADDRESS",
                                "a buffer is not in memory that the process may use so"},
    [-CAPOS_ERR_UNALIGNED] = {"CAPOS_ERR_UNALIGNED", "a buffer is not 8-byte aligned"},
    [-CAPOS_ERR_TOO_LARGE] = {"CAPOS_ERR_TOO_LARGE", "a length or count is above its limit"},
    [-CAPOS_ERR_RESULT_TRUNCATED] = {"CAPOS_ERR_RESULT_TRUNCATED",
                                     "the answer does not fit the buffer for it"},
    [-CAPOS_ERR_BAD_MESSAGE] = {"CAPOS_ERR_BAD_MESSAGE", "the message is not well-formed for the method"},
    [-CAPOS_ERR_NO_MEMORY] = {"CAPOS_ERR_NO_MEMORY",
                              "the process' memory budget or the machine's memory is used up"},
    [-CAPOS_ERR_NO_SLOTS] = {"CAPOS_ERR_NO_SLOTS", "the process' capability table is full"},
    [-CAPOS_ERR_QUOTA] = {"CAPOS_ERR_QUOTA", "a quota of the process is used up"},
    [-CAPOS_ERR_CANCELED] = {"CAPOS_ERR_CANCELED", "the operation was canceled"},
    [-CAPOS_ERR_TIMEOUT] = {"CAPOS_ERR_TIMEOUT", "the time for it has passed"},
    [-CAPOS_ERR_NOT_FOUND] = {"CAPOS_ERR_NOT_FOUND", "no such operation is in flight"},
    [-CAPOS_ERR_NOT_TRANSFERABLE] = {"CAPOS_ERR_NOT_TRANSFERABLE", "the capability cannot leave its process"},
    [-CAPOS_ERR_EXCEPTION] = {"CAPOS_ERR_EXCEPTION", "the capability refused the call"},
    [-CAPOS_ERR_EXCEPTION_TRUNCATED] = {"CAPOS_ERR_EXCEPTION_TRUNCATED", "the capability refused the call"},
    [-CAPOS_ERR_RING_CORRUPT] = {"CAPOS_ERR_RING_CORRUPT",
                                 "the ring's indexes were overwritten; they were reset"},
    [-CAPOS_ERR_BAD_SYSCALL] = {"CAPOS_ERR_BAD_SYSCALL", "there is no such system call"},
    [-CAPOS_ERR_NO_CAPABILITY] = {"CAPOS_ERR_NO_CAPABILITY", "the process was granted nothing of that name"},
    [-CAPOS_ERR_WOULD_BLOCK] = {"CAPOS_ERR_WOULD_BLOCK", "the word to wait on has another value already"},
    [-CAPOS_ERR_INTERRUPTED] = {"CAPOS_ERR_INTERRUPTED",
                                "another thread of the process interrupted the wait"},
};

static const struct error_words *find(int32_t error)
{
    static const struct error_words success = {"success", "no error"};
    static const struct error_words unknown = {"unknown error", "an error that this library does not know"};
    if (error > 0)
        return &success;
    int64_t index = -(int64_t)error;
    if (index >= (int64_t)(sizeof words / sizeof words[0]) || words[index].name == NULL)
        return &unknown;
    return &words[index];
}

const char *capos_error_name(int32_t error)
{
    return find(error)->name;
}

const char *capos_error_text(int32_t error)
{
    return find(error)->text;
}
