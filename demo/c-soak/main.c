/* Everything at once, on all processors, for a while: argument 1 is the number of seconds. */
#include "soak.h"
#include <string.h>

enum { SECONDS_DEFAULT = 6 };

cap_timer soak_timer;
static uint64_t random_state = 1;

void soak_seed(uint64_t seed)
{
    random_state = seed | 1;
}

uint64_t soak_below(uint64_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * UINT64_C(2685821657736338717)) % limit;
}

int32_t soak_spawn(const char *role, uint64_t seed, const char *grant, cap_any capability,
                   struct cap_process_spawner_spawn_results *out)
{
    char number[24];
    capos_snprintf(number, sizeof number, "%lu", (unsigned long)seed);
    const struct capnp_text args[] = {{"c-soak", 6}, {role, strlen(role)}, {number, strlen(number)}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = cap_console_as_any(capos_need_console("console"))},
        {.name = {"timer", 5}, .capability = cap_timer_as_any(soak_timer)},
        {.name = {"ipc", 3}, .capability = cap_ipc_factory_as_any(capos_need_ipc_factory("ipc"))},
        {.name = {"spawner", 7},
         .capability = cap_process_spawner_as_any(capos_need_process_spawner("spawner"))},
        {.name = {grant, strlen(grant)}, .capability = capability},
        {.name = {"memory", 6}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
        {.name = {"thread", 6}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_THREAD_CONTROL},
        {.name = {"threads", 7}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_THREAD_SPAWNER},
        {.name = {"park", 4}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_PARK_SPACE},
        {.name = {"manager", 7}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_CAPABILITY_MANAGER},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-soak", 6},
        .args = CAPNP_LIST(args, 3),
        .grants = CAPNP_LIST(grants, sizeof grants / sizeof grants[0]),
        .has_budget = true,
        .budget = {.frames = 900, .cap_slots = 200, .threads = 16, .calls = 100, .kernel_bytes = 1 << 20},
        .control = true,
    };
    return cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, out);
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

int main(int argc, char **argv)
{
    soak_timer = capos_need_timer("timer");
    if (argc > 2 && strcmp(argv[1], "server") == 0)
        return soak_server();
    if (argc > 2 && strcmp(argv[1], "worker") == 0)
        return soak_worker(number(argv[2]));
    soak_seed(capos_clock_ns(soak_timer));
    return soak_director(argc > 1 ? number(argv[1]) : SECONDS_DEFAULT);
}
