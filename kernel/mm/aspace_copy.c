/*
 * Copies into and out of address spaces that are not the CPU's own, and between those and the running
 * thread's memory.
 *
 * Page by page, each under the lock: no page can go away while it is copied. The page is looked up in the
 * page tables first, as the processor would; only where that is not enough (not there yet, not permitted) the
 * regions are asked.
 *
 * The running thread's side is accessed by instructions whose faults are not resolved, since a lock is held:
 * such a fault ends the attempt, and that page's worth goes through a buffer without the lock.
 */
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/umem.h"
#include "mm/aspace_internal.h"
#include <base/string.h>

enum { BOUNCE_BYTES = 1024 };
static PERCPU char bounce[BOUNCE_BYTES];

/* ---- One page of the other side. */

/* True if [address, address + size) is not empty and lies in one page of user space: nearly all messages. */
static inline bool is_in_one_page(uaddr_t address, size_t size_bytes)
{
    return size_bytes - 1 < PAGE_SIZE - (address & PAGE_MASK) &&
           address - CAPOS_USER_MIN < CAPOS_USER_MAX - CAPOS_USER_MIN;
}

/* Locked. */
static inline status_t window(struct aspace *aspace, uaddr_t address, bool write, char **out)
{
    char *found = paging_window(&aspace->tables, address, write);
    if (__builtin_expect(found == NULL, 0))
        return aspace_window(aspace, address, write ? ACCESS_WRITE : ACCESS_READ, out);
    *out = found;
    return CAPOS_OK;
}

static inline status_t read_in_page(struct aspace *aspace, uaddr_t address, void *out, size_t size_bytes)
{
    char *from;
    spinlock_acquire(&aspace->lock);
    status_t status = window(aspace, address, false, &from);
    if (__builtin_expect(status == CAPOS_OK, 1))
        memcpy(out, from, size_bytes);
    spinlock_release(&aspace->lock);
    return status;
}

static inline status_t write_in_page(struct aspace *aspace, uaddr_t address, const void *bytes,
                                     size_t size_bytes)
{
    char *to;
    spinlock_acquire(&aspace->lock);
    status_t status = window(aspace, address, true, &to);
    if (__builtin_expect(status == CAPOS_OK, 1))
        memcpy(to, bytes, size_bytes);
    spinlock_release(&aspace->lock);
    return status;
}

struct ranges {
    struct aspace *other;
    uaddr_t other_address;
    uaddr_t current;
};

/* Through the buffer, with the current side's faults resolved. */
static __attribute__((noinline)) enum aspace_copied bounce_from_current(const struct ranges *at,
                                                                        size_t size_bytes)
{
    char *buffer = *percpu_this(bounce);
    for (size_t done = 0, part; done < size_bytes; done += part) {
        part = size_bytes - done < BOUNCE_BYTES ? size_bytes - done : BOUNCE_BYTES;
        if (umem_copy_in(buffer, at->current + done, part) != CAPOS_OK)
            return ASPACE_COPY_CURRENT_BAD;
        if (write_in_page(at->other, at->other_address + done, buffer, part) != CAPOS_OK)
            return ASPACE_COPY_OTHER_BAD;
    }
    return ASPACE_COPIED;
}

static __attribute__((noinline)) enum aspace_copied bounce_to_current(const struct ranges *at,
                                                                      size_t size_bytes)
{
    char *buffer = *percpu_this(bounce);
    for (size_t done = 0, part; done < size_bytes; done += part) {
        part = size_bytes - done < BOUNCE_BYTES ? size_bytes - done : BOUNCE_BYTES;
        if (read_in_page(at->other, at->other_address + done, buffer, part) != CAPOS_OK)
            return ASPACE_COPY_OTHER_BAD;
        if (umem_copy_out(at->current + done, buffer, part) != CAPOS_OK)
            return ASPACE_COPY_CURRENT_BAD;
    }
    return ASPACE_COPIED;
}

static inline enum aspace_copied copy_in_page(struct ranges at, size_t size_bytes, bool to_other)
{
    char *there;
    spinlock_acquire(&at.other->lock);
    bool found = window(at.other, at.other_address, to_other, &there) == CAPOS_OK;
    bool copied = found && (to_other ? arch_user_try_copy_in(there, at.current, size_bytes)
                                     : arch_user_try_copy_out(at.current, there, size_bytes));
    spinlock_release(&at.other->lock);
    if (__builtin_expect(copied, 1))
        return ASPACE_COPIED;
    if (!found)
        return ASPACE_COPY_OTHER_BAD;
    return to_other ? bounce_from_current(&at, size_bytes) : bounce_to_current(&at, size_bytes);
}

/* ---- Any range. */

static inline size_t chunk_at(uaddr_t address, size_t left_bytes)
{
    size_t to_page_end = (size_t)(PAGE_SIZE - (address & PAGE_MASK));
    return left_bytes < to_page_end ? left_bytes : to_page_end;
}

static __attribute__((noinline)) status_t read_pages(struct aspace *aspace, uaddr_t address, char *out,
                                                     size_t size_bytes)
{
    if (!umem_range_ok(address, size_bytes))
        return size_bytes == 0 ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
    for (size_t done = 0, chunk; done < size_bytes; done += chunk) {
        chunk = chunk_at(address + done, size_bytes - done);
        status_t status = read_in_page(aspace, address + done, out + done, chunk);
        if (status != CAPOS_OK)
            return status;
    }
    return CAPOS_OK;
}

static __attribute__((noinline)) status_t write_pages(struct aspace *aspace, uaddr_t address,
                                                      const char *bytes, size_t size_bytes)
{
    if (!umem_range_ok(address, size_bytes))
        return size_bytes == 0 ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
    for (size_t done = 0, chunk; done < size_bytes; done += chunk) {
        chunk = chunk_at(address + done, size_bytes - done);
        status_t status = write_in_page(aspace, address + done, bytes + done, chunk);
        if (status != CAPOS_OK)
            return status;
    }
    return CAPOS_OK;
}

static __attribute__((noinline)) enum aspace_copied copy_pages(struct ranges at, size_t size_bytes,
                                                               bool to_other)
{
    if (size_bytes == 0)
        return ASPACE_COPIED;
    if (!umem_range_ok(at.other_address, size_bytes))
        return ASPACE_COPY_OTHER_BAD;
    if (!umem_range_ok(at.current, size_bytes))
        return ASPACE_COPY_CURRENT_BAD;
    while (size_bytes > 0) {
        size_t chunk = chunk_at(at.other_address, size_bytes);
        enum aspace_copied copied = to_other ? copy_in_page(at, chunk, true) : copy_in_page(at, chunk, false);
        if (copied != ASPACE_COPIED)
            return copied;
        at.other_address += chunk;
        at.current += chunk;
        size_bytes -= chunk;
    }
    return ASPACE_COPIED;
}

static inline bool is_short_way(const struct ranges *at, size_t size_bytes)
{
    return __builtin_expect(
        is_in_one_page(at->other_address, size_bytes) && umem_range_ok(at->current, size_bytes), 1);
}

/* ---- Interface. */

status_t aspace_read(struct aspace *aspace, uaddr_t address, void *out, size_t size_bytes)
{
    if (__builtin_expect(!is_in_one_page(address, size_bytes), 0))
        return read_pages(aspace, address, out, size_bytes);
    return read_in_page(aspace, address, out, size_bytes);
}

status_t aspace_write(struct aspace *aspace, uaddr_t address, const void *bytes, size_t size_bytes)
{
    if (__builtin_expect(!is_in_one_page(address, size_bytes), 0))
        return write_pages(aspace, address, bytes, size_bytes);
    return write_in_page(aspace, address, bytes, size_bytes);
}

void *aspace_page_locked(struct aspace *aspace, uaddr_t address)
{
    return is_in_one_page(address, 1) ? paging_window(&aspace->tables, align_down(address, PAGE_SIZE), true)
                                      : NULL;
}

enum aspace_copied aspace_copy_from_current(struct aspace *to, uaddr_t to_address, uaddr_t from,
                                            size_t size_bytes)
{
    const struct ranges at = {to, to_address, from};
    return is_short_way(&at, size_bytes) ? copy_in_page(at, size_bytes, true)
                                         : copy_pages(at, size_bytes, true);
}

enum aspace_copied aspace_copy_to_current(struct aspace *from, uaddr_t from_address, uaddr_t to,
                                          size_t size_bytes)
{
    const struct ranges at = {from, from_address, to};
    return is_short_way(&at, size_bytes) ? copy_in_page(at, size_bytes, false)
                                         : copy_pages(at, size_bytes, false);
}
