/*
 * ProcessControl: authority over a process' life.
 */
#pragma once
#include "object/object.h"

struct process;

/* Over the object `control` in struct process. When the last capability to it is gone, a process that is
 * paused still ends with PROCESS_EXIT_ABANDONED. */
extern const struct object_type process_control_type;
enum { PROCESS_EXIT_ABANDONED = -1 };
/* The first capability to it, with a reference for the caller. Once for a process. Cannot fail. */
struct capability process_control_create(struct process *process);
