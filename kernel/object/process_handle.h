/*
 * ProcessHandle: a process as its spawner sees it. It can wait; it cannot kill.
 */
#pragma once
#include "object/object.h"

struct process;
struct pending;

/* A facet over struct process' object. */
extern const struct object_type process_handle_type;

/* Answers one waiter of a process that has ended. */
void process_handle_answer(struct process *process, struct pending *waiter);
