/*
 * What the parts of libcapos share with each other and with no program. Everything here has hidden
 * visibility.
 */
#pragma once
#include <capos/call.h>
#include <capos/capos.h>
#include <stdbool.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* ---- sys.c: the system call itself, also inline for the shortest calls. Host tests put a simulated kernel
 * behind capos_sys_cap_enter. */
#ifdef CAPOS_HOST_TEST
#define sys_cap_enter capos_sys_cap_enter
#else
static inline int64_t sys_cap_enter(uint32_t min_complete, uint64_t timeout_ns)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((uint64_t)CAPOS_SYS_CAP_ENTER), "D"((uint64_t)min_complete), "S"(timeout_ns)
                     : "rcx", "r11", "rdx", "r8", "r9", "r10", "memory");
    return result;
}
#endif

/* ---- ring.c: this thread's side of its ring. */
struct ring {
    struct capos_ring_header *header;
    struct capos_sqe *sq;
    struct capos_cqe *cq;
    uint32_t sq_mask; /* entries - 1 */
    uint32_t cq_mask;
    uint32_t started; /* asynchronous calls not done */
    bool interrupted; /* while a blocking call waited, which does not give up: for cap_pending_wait */
};
extern HIDDEN _Thread_local struct ring ring_self;

/* Takes over the ring at `header` for the calling thread. False: it is no ring of this version. */
HIDDEN bool ring_attach(struct capos_ring_header *header);

/* ---- exception.c */
/* Remembers the CapException in the `len` bytes at `bytes`; `bytes` null: only its kind is known. */
HIDDEN void exception_take(const void *bytes, size_t len, uint16_t kind);

/* ---- capset.c */
HIDDEN void capset_attach(const struct capos_capset_header *capset, uint64_t process_id);

/* ---- For fork.c: from begin to end no other thread is in what they protect; `child`: we are the copy, and
 * the only thread. */
HIDDEN void heap_fork_begin(void);
HIDDEN void heap_fork_end(void);
HIDDEN void threads_fork_begin(void);
HIDDEN void threads_fork_end(bool child);

/* ---- abort.c: `capos: TEXT` on the console grant, without allocating; nothing if there is none. */
HIDDEN void emergency_line(const char *text);

/* ---- start.c, from crt0.S: the first C code of a process. */
struct elf_dynamic;
HIDDEN _Noreturn void capos_start(struct capos_ring_header *ring, uint64_t process_id,
                                  const struct capos_capset_header *capset,
                                  const struct elf_dynamic *dynamic);
