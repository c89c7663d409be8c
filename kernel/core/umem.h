/*
 * User memory of the running thread's address space: the one file of the kernel that touches it.
 *
 * Every function checks the range against the user half first, then copies with instructions that may fault;
 * a fault on a page that is committed but not there yet is resolved on the way. Never blocks, never panics,
 * whatever the address.
 */
#pragma once
#include "core/types.h"

/* BAD_ADDRESS: part of the range is not user memory that may be accessed so; the copy may have been done in
 * part. */
CHECKED status_t umem_copy_in(void *kernel, uaddr_t user, size_t size_bytes);
CHECKED status_t umem_copy_out(uaddr_t user, const void *kernel, size_t size_bytes);
/* BAD_ADDRESS unless the whole range can be written now. Changes nothing. */
CHECKED status_t umem_probe_write(uaddr_t user, size_t size_bytes);

/* True if [user, user + size_bytes) lies in the user half. */
static inline bool umem_range_ok(uaddr_t user, uint64_t size_bytes)
{
    return user >= CAPOS_USER_MIN && user <= CAPOS_USER_MAX && size_bytes <= CAPOS_USER_MAX - user;
}
