/*
 * MemoryObject: memory that can be held, passed on and mapped by several address spaces; frames come on first
 * touch. Charged to the ledger it was made with, which it keeps alive. Lock: LOCK_MEMOBJ, its page list. The
 * last reference is dropped with no lock held: freeing many pages passes preemption points.
 */
#pragma once
#include "mm/frame.h"
#include "object/object.h"

struct ledger;
struct memory_object;

extern const struct object_type memory_object_type;           /* read-write facet */
extern const struct object_type memory_object_read_only_type; /* cannot be mapped writable */

/* Zeroed, size rounded up to pages internally, `size_bytes` kept exactly; 0 is allowed. The whole size is
 * charged now, with the tables that list the pages. NO_MEMORY; TOO_LARGE: above all of user space. */
CHECKED status_t memory_object_create(struct ledger *ledger, uint64_t size_bytes, struct memory_object **out);
/* Over existing physical memory that is never freed (the boot package, the clock page). Nothing is charged.
 */
CHECKED status_t memory_object_create_physical(paddr_t base, uint64_t size_bytes, struct memory_object **out);
struct object *memory_object_as_object(struct memory_object *object);
/* Null if the capability is not a memory object; *writable says which facet. */
struct memory_object *memory_object_from(struct capability capability, bool *writable);
uint64_t memory_object_size(const struct memory_object *object);
/* The frame of a page, made and zeroed if need be; no reference is added. BAD_ADDRESS behind the end;
 * NO_MEMORY. */
CHECKED status_t memory_object_frame(struct memory_object *object, uint64_t page_index, paddr_t *out);
/* Copies of address spaces do not map it (a thread's ring); called before it is mapped. */
void memory_object_stay_home(struct memory_object *object);
bool memory_object_stays_home(const struct memory_object *object);
/* False: aspace_map_object refuses it. */
bool memory_object_is_mappable(const struct memory_object *object);
/* Copies out of it from the kernel; pages not yet there read as zero; BAD_ADDRESS if the range is not inside.
 */
CHECKED status_t memory_object_read(struct memory_object *object, uint64_t offset, void *out,
                                    size_t size_bytes);
