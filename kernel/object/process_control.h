/*
 * ProcessControl: authority over a process' life.
 */
#pragma once
#include "object/object.h"

struct process;

/* A facet over struct process' object. */
extern const struct object_type process_control_type;
/* The process through that facet, with a reference for the caller. Cannot fail. */
struct capability process_control_create(struct process *process);
