/* VirtualMemory: an address space as its owner sees it (schema/memory.capnp). */
#pragma once
#include "core/types.h"
#include "object/object.h"

struct process;

extern const struct object_type virtual_memory_type;

/* Keeps a reference to the process, not to what it holds; once that has ended, calls answer `disconnected`.
 * Charged to it. NO_MEMORY. */
CHECKED status_t virtual_memory_create(struct process *process, struct object **out);
/* True if it is this process' memory. */
bool virtual_memory_concerns(const struct object *object, const struct process *process);
