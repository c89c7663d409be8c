/*
 * Transport errors: the negative `result` of a completion, and what cap_enter returns when it is refused.
 *
 * Three layers of error exist (docs/ring.md): these transport codes; capability exceptions, which arrive as
 * CAPOS_ERR_EXCEPTION with a serialised CapException (schema/exception.capnp) in the result buffer; and
 * ordinary outcomes in the method's own result union. The values are this implementation's own and never
 * change meaning.
 */
#pragma once
#include <stdint.h>

enum capos_error {
    CAPOS_OK = 0,
    CAPOS_ERR_BAD_OPCODE = -1,      /* the opcode is not one of CAPOS_OP_* */
    CAPOS_ERR_UNSUPPORTED = -2,     /* a known opcode or flag that this kernel does not accept yet */
    CAPOS_ERR_BAD_FLAGS = -3,       /* a reserved flag bit or a reserved field is not zero */
    CAPOS_ERR_BAD_CAP = -4,         /* the capability id was never valid here */
    CAPOS_ERR_STALE_CAP = -5,       /* the id named a capability that was released or moved away */
    CAPOS_ERR_REVOKED = -6,         /* the capability's object was revoked */
    CAPOS_ERR_WRONG_INTERFACE = -7, /* a transferred capability is not of the interface the method asks for */
    CAPOS_ERR_BAD_ADDRESS = -8,     /* a buffer is not wholly in mapped, suitably accessible user memory */
    CAPOS_ERR_UNALIGNED = -9,       /* a buffer that must be 8-byte aligned is not */
    CAPOS_ERR_TOO_LARGE = -10,      /* a length or count above its limit */
    CAPOS_ERR_RESULT_TRUNCATED = -11, /* the result buffer is too small; payload_len: bytes it needs */
    CAPOS_ERR_BAD_MESSAGE = -12, /* the parameters are not a well-formed Cap'n Proto message for the method */
    CAPOS_ERR_NO_MEMORY = -13,   /* the caller's ledger or the machine has no frames left */
    CAPOS_ERR_NO_SLOTS = -14,    /* the caller's capability table or its slot quota is full */
    CAPOS_ERR_QUOTA = -15,       /* another quota of the caller's ledger is used up */
    CAPOS_ERR_CANCELED = -16,    /* a CANCEL reached the operation first */
    CAPOS_ERR_TIMEOUT = -17,     /* the operation's deadline passed */
    CAPOS_ERR_NOT_FOUND = -18,   /* CANCEL: nothing in flight has that user_data */
    CAPOS_ERR_NOT_TRANSFERABLE = -19,    /* the capability must stay in its process */
    CAPOS_ERR_EXCEPTION = -20,           /* a CapException of payload_len bytes is in the result buffer */
    CAPOS_ERR_EXCEPTION_TRUNCATED = -21, /* an exception that did not fit; its kind is in `detail` */
    CAPOS_ERR_RING_CORRUPT = -22,        /* the ring's indexes made no sense; they were reset */
    CAPOS_ERR_BAD_SYSCALL = -23,         /* the system call number is not one of CAPOS_SYS_* */
    CAPOS_ERR_NO_CAPABILITY = -24,       /* user space only: the CapSet holds nothing of that name */
    CAPOS_ERR_WOULD_BLOCK = -25,         /* PARK: the word does not have that value */
    CAPOS_ERR_INTERRUPTED = -26,         /* cap_enter: another thread of the process interrupted the wait */
};

/* Kinds of capability exception; equal to the enumerants of CapException.Kind in schema/exception.capnp. */
enum capos_exception_kind {
    CAPOS_EXCEPTION_FAILED = 0,
    CAPOS_EXCEPTION_OVERLOADED = 1,
    CAPOS_EXCEPTION_DISCONNECTED = 2,
    CAPOS_EXCEPTION_UNIMPLEMENTED = 3,
    CAPOS_EXCEPTION_INVALID_ARGUMENT = 4,
};
