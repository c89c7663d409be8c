/*
 * One time for all CPUs. clock_now_ns must not go back for anybody who reads it on one CPU after having seen
 * what another CPU did after reading it there.
 *
 * So the two CPUs pass a word to and fro, each reading its TSC in its turn. The boot CPU's readings t0 and t1
 * enclose the other's s: if t0 <= s <= t1 in every round then nothing that travels between them as fast as
 * that word can see time go back. If not, the rounds say how far the other is off; it corrects its TSC and
 * the test begins again. The TSCs themselves are corrected, and not the readings, because programs may read
 * them directly with one clock page for all CPUs.
 */
#pragma once
#include "core/types.h"

/* On the boot CPU. False: the other CPU's TSC cannot be brought in step, or it went silent. */
bool tsc_sync_lead(void);
/* On the other CPU, meanwhile. The verdict. */
bool tsc_sync_follow(void);
