/*
 * The soak: a director (director.c), a server (server.c) and workers (worker.c), all of one program. What is
 * random comes from one seed a process; with several processors the order of events is still the machine's.
 */
#pragma once
#include "../check.h"
#include <capos/clock.h>
#include <capos/fs.h>
#include <capos/ipc.h>
#include <capos/process.h>
#include <capos/thread.h>

extern cap_timer soak_timer;

/* xorshift64*; seeded once in each process. */
void soak_seed(uint64_t seed);
uint64_t soak_below(uint64_t limit);
static inline bool soak_one_in(uint64_t limit)
{
    return soak_below(limit) == 0;
}

/* Starts this program in a role ("server", "worker") with what both need, and one capability more. */
int32_t soak_spawn(const char *role, uint64_t seed, const char *grant, cap_any capability,
                   struct cap_process_spawner_spawn_results *out);

int soak_server(void);
int soak_worker(uint64_t seed);
int soak_director(uint64_t seconds);
