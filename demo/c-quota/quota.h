/*
 * c-quota: a director (main.c), its well-behaved sibling (sibling.c) and one greedy process after another
 * (greedy.c), all of one program. They keep step by the bits of one notification.
 */
#pragma once
#include "../check.h"
#include <capos/ipc.h>
#include <capos/process.h>

enum {
    BIT_FULL = 1,     /* greedy: I hold all I can get */
    BIT_GIVE = 2,     /* director: give it back */
    BIT_PROGRESS = 4, /* sibling: one more round without a failure */
    BIT_STOP = 8,     /* director: sibling, end */
    GREEDY_OK = 11,
    SIBLING_OK = 12,
    IDLE_CODE = 13,
    QUOTA_WORDS = 512,
};

extern cap_notification quota_gate;
extern struct cap_buffer quota_answer; /* for answers that are looked at before the next call */

/* Spawns this program in a role, with all that any role needs. `paused`: it runs nothing, and has a control.
 */
int32_t quota_spawn(const char *role, const char *argument, const struct cap_budget *budget, bool paused,
                    struct cap_process_spawner_spawn_results *out);
/* Returns when all of these bits were set at least once; false: the wait failed. */
bool quota_wait(uint64_t bits);

/* What there is to take. */
extern const char *const quota_resources[];
const struct cap_budget *quota_budget(const char *resource);
int quota_greedy(const char *resource);
int quota_sibling(void);
