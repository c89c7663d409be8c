/*
 * The capability ring: how a thread talks to the kernel.
 *
 * One page per thread, shared between the thread and the kernel: a header, a submission queue (SQ) of 64-byte
 * entries and a completion queue (CQ) of 32-byte entries, at the offsets the header names. Indexes run freely
 * and wrap at 2^32; an entry's place is index modulo the (power of two) number of entries.
 *
 *   thread writes   sq_tail (after filling entries), cq_head (after reading entries)
 *   kernel writes   sq_head, cq_tail, and nothing else after the ring was made
 *
 * The kernel copies each SQE once into its own memory, keeps its own copies of the indexes it owns, and
 * accepts an operation only when a completion slot is free for it, so that the CQ never overflows: with a
 * full CQ it leaves the SQ alone until the thread has advanced cq_head. Every accepted SQE yields exactly one
 * CQE.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* System call numbers, in RAX; arguments in RDI, RSI; result in RAX. `syscall` destroys RCX and R11; RDX, R8,
 * R9 and R10 come back as zero; all other registers are preserved. */
#define CAPOS_SYS_EXIT 0 /* exit(code): ends the process; does not return */
#define CAPOS_SYS_CAP_ENTER \
    1 /* cap_enter(min_complete, timeout_ns): completions available, or a negative capos_error */

#define CAPOS_TIMEOUT_NEVER UINT64_MAX /* cap_enter: wait without limit */

enum capos_opcode {
    CAPOS_OP_NOP = 0,     /* completes with result 0 */
    CAPOS_OP_CALL = 1,    /* call method_id of cap_id */
    CAPOS_OP_RECV = 2,    /* endpoint server: wait for a call */
    CAPOS_OP_RETURN = 3,  /* endpoint server: answer call_id */
    CAPOS_OP_RELEASE = 4, /* drop cap_id */
    CAPOS_OP_PARK = 5,    /* wait while a word has a value */
    CAPOS_OP_UNPARK = 6,  /* wake waiters of a word */
    CAPOS_OP_CANCEL = 7,  /* cancel the operation in flight whose user_data is in `addr` */
};

/* SQE flags. */
#define CAPOS_SQE_PIPELINE \
    0x01u /* CALL: target is a result capability of an earlier CALL of the same batch */
#define CAPOS_SQE_QUIET     0x02u /* NOP, RELEASE, RETURN, UNPARK: no completion if it succeeds */
#define CAPOS_SQE_EXCEPTION 0x04u /* RETURN: the payload is a CapException, its kind is in method_id */
#define CAPOS_SQE_RECEIVE   0x08u /* RETURN: and then RECV; without QUIET */

/*
 * Submission entry.
 *   CALL: parameters are the `len` bytes at `addr`: a Cap'n Proto message with standard framing, 8-byte
 * aligned; len 0 means a message whose root is null, that is, all defaults. `xfer_cap_count` capos_xfer_desc
 * records lie behind the parameters, at addr + len rounded up to 8. Results go to the `result_len` bytes at
 * `result_addr`, 8-byte aligned. Fields an opcode does not use must be zero.
 *   RETURN with CAPOS_SQE_RECEIVE: when the call is answered the entry goes on as a RECV on the same cap_id
 * into the `result_len` bytes at `result_addr`, and has the completion of that. If the answer fails nothing
 * is received; the completion says why, and in call_id which call it was (a RECV that fails has zero there).
 */
struct capos_sqe {
    uint64_t user_data; /* comes back in the completion */
    uint32_t cap_id;
    uint16_t method_id;
    uint8_t opcode;
    uint8_t flags;
    uint64_t addr;
    uint32_t len;
    uint32_t result_len;
    uint64_t result_addr;
    uint32_t call_id; /* RETURN: the call answered, from the RECV's completion */
    uint16_t xfer_cap_count;
    uint16_t pipeline_field; /* PIPELINE: ordinal of the result-capability record */
    uint32_t pipeline_dep;   /* PIPELINE: the answering CALL, counted back in the SQ (1: the one before) */
    uint32_t reserved;
    uint64_t deadline_ns; /* absolute monotonic time at which the call ends with TIMEOUT; 0 = none */
};

/* Completion entry. */
struct capos_cqe {
    uint64_t user_data;
    int32_t result;       /* >= 0: success (CALL: payload bytes); < 0: capos_error */
    uint32_t payload_len; /* bytes written, or needed when RESULT_TRUNCATED */
    uint16_t cap_count;   /* capos_xfer_result records behind the payload, at payload_len rounded up to 8 */
    uint16_t detail;      /* EXCEPTION_TRUNCATED: capos_exception_kind */
    uint32_t call_id;     /* RECV: names the call for RETURN. A RETURN that failed: that call */
    uint64_t reserved;
};

struct capos_ring_header {
    uint32_t magic;   /* CAPOS_RING_MAGIC */
    uint16_t version; /* CAPOS_RING_VERSION */
    uint16_t header_bytes;
    uint32_t sq_entries; /* powers of two */
    uint32_t cq_entries;
    uint32_t sq_offset; /* from the header's address */
    uint32_t cq_offset;
    uint64_t reserved0[5];
    uint32_t sq_head; /* offset 64: kernel's line */
    uint32_t cq_tail;
    uint32_t corrupt_count; /* times the kernel found and reset impossible indexes */
    uint32_t in_flight;     /* operations accepted and not completed, as of the last kernel exit */
    uint64_t reserved1[6];
    uint32_t sq_tail; /* offset 128: the thread's line */
    uint32_t cq_head;
    uint64_t reserved2[7];
};

#define CAPOS_RING_MAGIC   0x52706163u /* "capR" */
#define CAPOS_RING_VERSION 1u

/* A capability sent with a CALL or RETURN. */
struct capos_xfer_desc {
    uint32_t cap_id;
    uint32_t mode; /* CAPOS_XFER_* */
};
#define CAPOS_XFER_COPY 0u
#define CAPOS_XFER_MOVE 1u
/*
 * RETURN only (elsewhere BAD_FLAGS): a client facet that is made for the caller, as Endpoint.mint would, and
 * never is in the sender's own table. cap_id is an Endpoint's server facet of the sender, itself and not
 * behind a revocable facet (WRONG_INTERFACE otherwise); a struct capos_xfer_mint for each lies behind all
 * descriptors, in their order. The facet comes into being when the answer gets to the caller. If the RETURN
 * fails, with whatever error, there never was one, and nobody is told that it is gone. NO_MEMORY: the
 * endpoint's owner cannot pay for it, and the call is still there to be answered.
 */
#define CAPOS_XFER_MINT 2u
struct capos_xfer_mint {
    uint64_t tag;
    uint64_t interface_id; /* 0: the endpoint's own */
};

/* A capability received: behind the payload, in the order in which the message's capability pointers count.
 */
struct capos_xfer_result {
    uint32_t cap_id; /* in the receiver's table */
    uint32_t reserved;
    uint64_t interface_id;
};

#ifdef __cplusplus
#define CAPOS_ABI_ASSERT(what) static_assert(what, #what)
#else
#define CAPOS_ABI_ASSERT(what) _Static_assert(what, #what)
#endif

CAPOS_ABI_ASSERT(sizeof(struct capos_sqe) == 64);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, user_data) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, cap_id) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, method_id) == 12);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, opcode) == 14);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, flags) == 15);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, addr) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, len) == 24);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, result_len) == 28);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, result_addr) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, call_id) == 40);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, xfer_cap_count) == 44);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, pipeline_field) == 46);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, pipeline_dep) == 48);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, reserved) == 52);
CAPOS_ABI_ASSERT(offsetof(struct capos_sqe, deadline_ns) == 56);
CAPOS_ABI_ASSERT(sizeof(struct capos_cqe) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, user_data) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, result) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, payload_len) == 12);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, cap_count) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, detail) == 18);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, call_id) == 20);
CAPOS_ABI_ASSERT(offsetof(struct capos_cqe, reserved) == 24);
CAPOS_ABI_ASSERT(sizeof(struct capos_ring_header) == 192);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, magic) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, version) == 4);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, header_bytes) == 6);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, sq_entries) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, cq_entries) == 12);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, sq_offset) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, cq_offset) == 20);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, sq_head) == 64);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, cq_tail) == 68);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, corrupt_count) == 72);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, in_flight) == 76);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, sq_tail) == 128);
CAPOS_ABI_ASSERT(offsetof(struct capos_ring_header, cq_head) == 132);
CAPOS_ABI_ASSERT(sizeof(struct capos_xfer_desc) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_desc, cap_id) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_desc, mode) == 4);
CAPOS_ABI_ASSERT(sizeof(struct capos_xfer_mint) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_mint, tag) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_mint, interface_id) == 8);
CAPOS_ABI_ASSERT(sizeof(struct capos_xfer_result) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_result, cap_id) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_xfer_result, interface_id) == 8);
