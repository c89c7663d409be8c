/*
 * What a second processor brings, in percent of the work done with one: 200 is all there is to gain. The
 * guest is booted in turn with one processor and with SCALE_CPUS, without -icount, so that QEMU runs each on
 * a thread of its own; it does the same work on each of its processors and prints how long that took
 * (`KEY_ns`, per operation of one worker), with several also how long one worker alone takes (`KEY_alone`):
 * what having them costs by itself. What else the host does only adds to a time, so of several runs the
 * fastest counts, for each row by itself.
 */
#pragma once
#include "figures.h"
#include "machine.h"

enum { SCALE_CPUS = 2 };

/* Runs the machine with so many processors and adds what it prints to *out. False, after a sentence, if it
 * did not finish. */
bool scale_run(struct machine machine, unsigned cpus, struct figures *out);

/* Measures; adds to *out for each row KEY, in percent, and the times: KEY_ns_1, KEY_ns_2, KEY_alone. False as
 * above.
 */
bool scale_measure(struct machine machine, struct figures *out);

/* The parts of it that are arithmetic. Lowers each of *best to the one of *run, adding those that are not
 * there. */
void scale_keep_fastest(struct figures *best, const struct figures *run);
/* The figures of scale_measure from the times with one processor and with SCALE_CPUS. */
void scale_figures(const struct figures *one, const struct figures *several, struct figures *out);
