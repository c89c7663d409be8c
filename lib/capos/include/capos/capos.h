/*
 * libcapos, the substrate: what a C program needs below the typed interfaces. Capabilities by their raw ids,
 * the two system calls, memory, and the end of the process. There is no errno, no file descriptor and no
 * POSIX here.
 *
 * The layer above is generated from the schema: <capos/timer.h>, <capos/console.h> ... with one handle type
 * per interface; <capos/lookup.h> finds typed handles by name; <capos/call.h> makes asynchronous and batched
 * calls.
 *
 * Every function may be called from any thread unless it says otherwise. None allocates memory unless it says
 * so. docs/libcapos.md tells the whole story.
 */
#pragma once
#include <capos/capset.h>
#include <capos/errors.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CAPOS_NORETURN [[noreturn]]
#else
#define CAPOS_NORETURN _Noreturn
#endif

/* ---- What the process was given
 * ------------------------------------------------------------------------------- */

/*
 * Finds the grant named by the `name_len` bytes at `name` in the CapSet. The first one of that name counts.
 *
 * Returns 0 and stores the capability's id and its interface's id, or CAPOS_ERR_NO_CAPABILITY and stores
 * nothing. Either pointer may be null. Never blocks; no kernel entry. The id belongs to the process and stays
 * valid until it is released, moved away or revoked: looking it up twice gives the same id, not a second
 * capability.
 */
int capos_capset_get(const char *name, size_t name_len, uint32_t *out_cap_id, uint64_t *out_iface_id);

/* The whole CapSet, read-only, for as long as the process lives. */
const struct capos_capset_header *capos_capset(void);
/* The `index`th grant, in the order of the manifest; null when index >= entry_count. */
const struct capos_capset_entry *capos_capset_entry(uint32_t index);

/* This process' id, which no other process ever has. */
uint64_t capos_process_id(void);

/* ---- Calling capabilities
 * ------------------------------------------------------------------------------------- */

/*
 * Calls a method and waits for the answer. `params` is a Cap'n Proto message with standard framing
 * (docs/ring.md), or nothing at all when params_len is 0; the answer's message is written to the result_len
 * bytes at `result`. Both must be 8-byte aligned. They are borrowed until the call returns.
 *
 * Returns the kernel's completion result: the number of bytes in `result` (>= 0), or a negative capos_error:
 *   CAPOS_ERR_BAD_CAP, _STALE_CAP, _REVOKED   cap_id names nothing (any more)
 *   CAPOS_ERR_UNALIGNED, _BAD_ADDRESS         a buffer is not aligned or not in the caller's memory
 *   CAPOS_ERR_TOO_LARGE                       a length is above CAPOS_MESSAGE_MAX_BYTES
 *   CAPOS_ERR_RESULT_TRUNCATED                the answer does not fit result_len
 *   CAPOS_ERR_BAD_MESSAGE                     `params` is not a message of that method
 *   CAPOS_ERR_EXCEPTION, _EXCEPTION_TRUNCATED the capability refused; see cap_exception_last() in
 * <capos/call.h> CAPOS_ERR_NO_MEMORY, _NO_SLOTS, _QUOTA    the process' ledger does not cover it Capabilities
 * in the answer are not delivered through this function: they are released at once. Use cap_invoke.
 */
int32_t capos_cap_call(uint32_t cap_id, uint16_t method_id, const void *params, size_t params_len,
                       void *result, size_t result_len);

/*
 * Console.writeLine: writes the text_len bytes at `text` and a newline. 0, or a negative capos_error as
 * above; CAPOS_ERR_EXCEPTION (invalidArgument) when the text is longer than 1023 bytes.
 */
int32_t capos_console_write_line(uint32_t console_cap, const char *text, size_t text_len);

/* The name of a capos_error ("CAPOS_ERR_BAD_CAP"), and a sentence that explains it. Static text, never null.
 */
const char *capos_error_name(int32_t error);
const char *capos_error_text(int32_t error);

/* ---- The two system calls
 * ------------------------------------------------------------------------------------- */

/* Ends the process, all of its threads, with this exit code. Nothing else runs: no destructors, no flushing.
 */
CAPOS_NORETURN void capos_sys_exit(int64_t code);

/*
 * Hands the submission queue to the kernel and waits until min_complete completions are unread in the
 * completion queue, or timeout_ns nanoseconds have passed (CAPOS_TIMEOUT_NEVER: no limit).
 *
 * Returns the number of unread completions, or a negative capos_error: CAPOS_ERR_RING_CORRUPT if the ring's
 * indexes made no sense. Only for programs that drive the ring themselves: libcapos' own calls do this for
 * you.
 */
int64_t capos_sys_cap_enter(uint32_t min_complete, uint64_t timeout_ns);

/* The calling thread's ring, for programs that drive it themselves (abi/capos/ring.h, docs/ring.md). Whoever
 * takes in completions that are not his own breaks libcapos' calls. */
struct capos_ring_header *capos_ring(void);

/* ---- Memory
 * --------------------------------------------------------------------------------------------------- */

/*
 * The C heap, out of the VirtualMemory capability that the CapSet holds under the name "memory". Without such
 * a grant every allocation returns null. All of the standard's rules hold, and moreover:
 *   - memory is 16-byte aligned; malloc(0) returns a unique pointer;
 *   - when memory runs out the functions return null, and the first time `capos: out of memory: ...` is
 * written to the console if there is one;
 *   - a double free, a free of what is no allocation, and a write past the end of an allocation that is then
 * freed or resized end the process with a sentence (capos_abort). calloc checks the product. realloc(p, 0)
 * frees and returns null. docs/libcapos.md describes the allocator.
 */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void free(void *memory);
/* `alignment` is a power of two, else null. `size` need not be a multiple of it. */
void *aligned_alloc(size_t alignment, size_t size);
/* What `free` takes, as given to malloc and friends; 0 for null. */
size_t capos_malloc_size(const void *memory);

struct capos_heap_stats {
    uint64_t allocated_bytes; /* asked for and not freed */
    uint64_t committed_bytes; /* memory held from the kernel: allocations, caches, bookkeeping */
    uint64_t reserved_bytes;  /* address space */
    uint64_t allocations;     /* not freed */
};
void capos_heap_stats(struct capos_heap_stats *out);

/* ---- The end
 * -------------------------------------------------------------------------------------------------- */

/*
 * Ends the process as a crash: writes `capos: MESSAGE` to the console grant, if there is one, and executes an
 * undefined instruction, so that the kernel leaves a crash record (vector 6) with a backtrace for whoever
 * supervises.
 */
CAPOS_NORETURN void capos_abort(const char *message);

/* The exit code of a program that stops because it lacks a capability it needs (capos_need_...,
 * <capos/lookup.h>). */
#define CAPOS_EXIT_NOT_GRANTED 78

#ifdef __cplusplus
}
#endif
