/*
 * Limits that both sides of the kernel boundary agree on. C11 and C++ clean; no code; includes only
 * <stdint.h>. The values are this implementation's own.
 */
#pragma once
#include <stdint.h>

#define CAPOS_PAGE_SIZE       4096u
#define CAPOS_PAGE_SHIFT      12u
#define CAPOS_LARGE_PAGE_SIZE 0x200000u

/* User addresses lie in [CAPOS_USER_MIN, CAPOS_USER_MAX): nothing is ever mapped in the first 64 KiB, and the
 * last page below the non-canonical hole stays empty so that a return to it cannot fault in the kernel. */
#define CAPOS_USER_MIN UINT64_C(0x0000000000010000)
#define CAPOS_USER_MAX UINT64_C(0x00007ffffffff000)

/* Ring geometry as the kernel makes it today. Programs read it from the ring header. */
#define CAPOS_RING_SQ_ENTRIES 32u
#define CAPOS_RING_CQ_ENTRIES 32u

/* Capabilities on one message between processes (CALL of an endpoint's facet, RETURN), and behind any result.
 */
#define CAPOS_XFER_CAPS_MAX 8u
/* Capabilities on one CALL of a kernel object: a spawn brings all that the child is to hold. */
#define CAPOS_CALL_CAPS_MAX 32u
/* One message (parameters or results) of a kernel object. Larger data travels in MemoryObjects. */
#define CAPOS_MESSAGE_MAX_BYTES 8192u

#define CAPOS_CAP_NAME_MAX     40u /* a grant's name, without the terminating NUL */
#define CAPOS_PROCESS_NAME_MAX 32u
#define CAPOS_ARGS_MAX         256u   /* argv entries; the same for envp */
#define CAPOS_ARGS_BYTES_MAX   65536u /* argv and envp text together, NULs included */
#define CAPOS_CAP_SLOTS_MAX    16384u /* capabilities in one process */

#define CAPOS_CONSOLE_WRITE_MAX_BYTES 1024u
#define CAPOS_ENTROPY_FILL_MAX_BYTES  64u
#define CAPOS_BACKTRACE_MAX           32u

/* Calls that may wait in one endpoint's queue: what createEndpoint takes for 0, and at most. */
#define CAPOS_ENDPOINT_QUEUE_DEFAULT 64u
#define CAPOS_ENDPOINT_QUEUE_MAX     1024u
/* Weights of the fair scheduler. */
#define CAPOS_WEIGHT_MIN     1u
#define CAPOS_WEIGHT_DEFAULT 100u
#define CAPOS_WEIGHT_MAX     10000u
/* A pipe's buffer when nothing else is asked for, and at most; what one read or write moves at most: the one
 * parameter and result that may be longer than CAPOS_MESSAGE_MAX_BYTES. */
#define CAPOS_PIPE_BYTES     65536u
#define CAPOS_PIPE_BYTES_MAX 0x100000u
#define CAPOS_PIPE_DATA_MAX  65536u
