/*
 * Crash records: what a process was doing when an exception ended it, for whoever waits for it and for the
 * log.
 */
#pragma once
#include "core/process.h"
#include "mm/aspace.h"

enum { VECTOR_PAGE_FAULT = 14 };

/* What a page fault was trying to do, from its error code (Intel SDM volume 3, section 4.7). */
enum aspace_access fault_access(const struct fault_info *fault);

/* The clock was mapped by a thread of the process while this one was running elsewhere: its CPU did not know
 * yet that it may read the TSC, and does now. */
bool crash_is_forgivable(struct thread *thread, const struct fault_info *fault);

/* Fills in a record of the running thread's fault. Reads its memory with suspicion. */
void crash_describe(struct thread *thread, const struct fault_info *fault, struct crash_record *out);
/* Writes it to the log, with names from the program's symbol table. */
void crash_log(const struct thread *thread, const struct crash_record *crash);
