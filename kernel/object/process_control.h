/*
 * ProcessControl: authority over a process' life.
 */
#pragma once
#include "object/object.h"

struct process;

/* A facet over the process' object, with a reference for the caller. Cannot fail. */
struct capability process_control_create(struct process *process);
