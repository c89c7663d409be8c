/*
 * What a Trace (schema/trace.capnp) records. Trace.read answers whole records, one behind the other, each
 *
 *   struct capos_trace_record
 *   payload_kept bytes of the message, padded to 8
 *   cap_count times struct capos_trace_cap
 *
 * size_bytes long in all. C11 and C++ clean; no code.
 */
#pragma once
#include <stdint.h>

enum capos_trace_kind {
    CAPOS_TRACE_ENTRY = 1,      /* the kernel takes an entry of the thread's submission queue */
    CAPOS_TRACE_COMPLETION = 2, /* an entry is answered */
    CAPOS_TRACE_RUNS = 3,       /* the thread begins to run; value: on which CPU */
    CAPOS_TRACE_WAITS = 4,      /* it waits for completions */
    CAPOS_TRACE_PREEMPTED = 5,  /* it has to let another run */
    CAPOS_TRACE_CRASH = 6,      /* value: vector; address, instruction; the payload is a sentence */
    CAPOS_TRACE_EXIT = 7,       /* the process ends; value: exit code. A crash comes before */
    CAPOS_TRACE_HOLDS = 8,      /* capabilities that the process had when the trace began, in order */
};

/* An entry that says CAPOS_SQE_QUIET and succeeds has no completion; nor has one whose thread ends first. An
 * entry and its completion belong together by thread and user_data, the oldest first. An empty NOP leaves no
 * record. */
struct capos_trace_record {
    uint32_t size_bytes;
    uint8_t kind;      /* enum capos_trace_kind */
    uint8_t opcode;    /* entry: enum capos_opcode */
    uint8_t flags;     /* entry: CAPOS_SQE_... */
    uint8_t cap_count; /* sent with an entry, or received with a completion */
    uint64_t time_ns;  /* monotonic */
    uint32_t thread;   /* number within the process, from 1 */
    uint32_t cap_id;   /* entry: the capability it is about */
    /* Entry: that capability's interface; for RECV and RETURN what the endpoint serves; 0: unknown, as it is
     * of a pipelined CALL. */
    uint64_t interface_id;
    uint64_t user_data; /* crash: the address that was accessed */
    /* Completion: result. Entry: its `addr` where there is no message; of a pipelined CALL the user_data of
     * the entry that it depends on. */
    int64_t value;
    uint16_t method_id; /* entry */
    uint16_t detail;    /* completion: as in struct capos_cqe. Pipelined CALL: its pipeline_field */
    uint32_t call_id;   /* RETURN, and a RECV's completion */
    uint32_t payload_bytes;
    uint32_t payload_kept;
};

enum capos_trace_transfer {
    CAPOS_TRACE_COPIED = 0, /* CAPOS_XFER_COPY */
    CAPOS_TRACE_MOVED = 1,  /* CAPOS_XFER_MOVE */
    CAPOS_TRACE_RECEIVED = 2,
    CAPOS_TRACE_MINTED = 3, /* CAPOS_XFER_MINT: of the endpoint cap_id */
};

struct capos_trace_cap {
    uint32_t cap_id;       /* in the table of the traced process */
    uint32_t mode;         /* enum capos_trace_transfer */
    uint64_t interface_id; /* 0: unknown */
};

#define CAPOS_TRACE_BUFFER_MIN  4096u
#define CAPOS_TRACE_BUFFER_MAX  0x200000u
#define CAPOS_TRACE_MESSAGE_MAX 1024u
