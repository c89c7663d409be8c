/* VirtualMemory: an address space as its owner sees it (schema/memory.capnp). */
#pragma once
#include "core/types.h"
#include "object/object.h"

struct aspace;

extern const struct object_type virtual_memory_type;

/* Keeps a reference to the address space; once that is dead, calls answer `disconnected`. Charged to nobody:
 * made once per process. NO_MEMORY. */
CHECKED status_t virtual_memory_create(struct aspace *aspace, struct object **out);
