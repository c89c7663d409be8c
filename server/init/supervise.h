/*
 * The services at run time: started in the plan's order, watched all at once, started again as their policies
 * have it. docs/supervision.md tells what comes of each end.
 */
#pragma once
#include "plan.h"

/* Starts everything in the plan and returns when nothing runs any more and nothing is due to be started: the
 * exit code for the whole system. */
int64_t supervise(struct plan *plan);
