/*
 * CapabilityManager: a process' view of its own capability table.
 */
#pragma once
#include "object/object.h"

struct process;

/* For `process`, which is not kept alive by it: behind its end the object answers `disconnected`. NO_MEMORY.
 */
CHECKED status_t capability_manager_create(struct process *process, struct object **out);
