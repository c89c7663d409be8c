/*
 * What a server finds in its RECV buffer: this header, the call's parameters, and the records of the
 * capabilities that came along. docs/ipc.md tells the whole story.
 *
 *   result_addr + 0                      struct capos_ipc_header
 *   result_addr + sizeof header          params_len bytes: a Cap'n Proto message with standard framing
 *   ... rounded up to 8                  cap_count struct capos_xfer_result, already in the receiver's table
 *
 * The values are this implementation's own.
 */
#pragma once
#include <capos/ring.h>

struct capos_ipc_header {
    uint32_t call_id; /* for RETURN; the completion's call_id too. 0: nothing to answer (DROPPED) */
    uint16_t method_id;
    uint16_t cap_count;
    uint32_t params_len;
    uint32_t flags;         /* CAPOS_IPC_* */
    uint64_t tag;           /* the server's own number for the facet that was called */
    uint64_t caller_ref;    /* 128 bits that stand for the calling process towards this endpoint and mean */
    uint64_t caller_ref_hi; /* nothing to any other; equal for all calls of one process */
    uint64_t deadline_ns;   /* the caller's; 0: none */
    uint64_t dropped_tag;   /* with CAPOS_IPC_ALSO_DROPPED; means nothing otherwise */
};

/* The last capability to the facet with this tag is gone; nobody can call it any more. No call to answer. */
#define CAPOS_IPC_DROPPED 0x01u
/* A call, and before it the same news of the facet with the tag `dropped_tag`, which is not the one called. A
 * program that gives a facet up and calls in one go makes such a message. */
#define CAPOS_IPC_ALSO_DROPPED 0x02u

CAPOS_ABI_ASSERT(sizeof(struct capos_ipc_header) == 56);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, call_id) == 0);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, method_id) == 4);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, cap_count) == 6);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, params_len) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, flags) == 12);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, tag) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, caller_ref) == 24);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, caller_ref_hi) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, deadline_ns) == 40);
CAPOS_ABI_ASSERT(offsetof(struct capos_ipc_header, dropped_tag) == 48);
