/* The ring driven by hand, past libcapos: entries as they come, and whatever completions they get. */
#pragma once
#include <capos/capos.h>
#include <stdbool.h>

/* Puts an entry into the queue as it is. */
void raw_put(const struct capos_sqe *sqe);
/* Enters the kernel, waiting for nothing; what cap_enter answered. */
int64_t raw_enter(void);
/* Takes one completion; false if there is none. */
bool raw_take(struct capos_cqe *out);
/* Puts one entry, enters, and returns its completion's result; then the same again, waiting for a completion,
 * which the kernel has shorter ways for. INT32_MIN: not exactly one completion came, or another's, or the two
 * differ. */
int32_t raw_run(const struct capos_sqe *sqe);
/* True if the ring works: a NOP completes with 0. */
bool raw_works(void);
/* A system call of any number. */
int64_t raw_syscall(uint64_t number, uint64_t arg0, uint64_t arg1);
