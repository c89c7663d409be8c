/* Spawns itself with arguments, environment and a grant, waits, kills, and is refused what does not exist. */
#include "check.h"
#include <capos/process.h>
#include <string.h>

enum { CHILDREN = 4, FIRST_CODE = 10, KILL_CODE = 77 };

static cap_process_spawner spawner;
static uint64_t answer_words[1024];
static struct cap_buffer answer = {answer_words, sizeof answer_words};

static int32_t spawn(const char *binary, const char *what, struct cap_process_spawner_spawn_results *out)
{
    const struct capnp_text args[] = {capnp_text_of("spawn"), capnp_text_of(what)};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = {.id = demo_console.id, .mode = CAPOS_XFER_COPY}},
    };
    const struct cap_process_spawner_spawn_params params = {
        .name = capnp_text_of(what),
        .binary_name = capnp_text_of(binary),
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, 1),
        .has_budget = true,
        .budget = {.frames = 128},
        .control = true,
    };
    return cap_process_spawner_spawn(spawner, &params, out);
}

static void spawn_several(void)
{
    static const char *const names[CHILDREN] = {"0", "1", "2", "3"};
    struct cap_process_spawner_spawn_results children[CHILDREN];
    bool all = true;
    for (int i = 0; i < CHILDREN; i++)
        all = spawn("spawn", names[i], &children[i]) >= 0 && all;
    demo_check(all, "four children run at once");
    for (int i = 0; all && i < CHILDREN; i++) {
        struct cap_process_handle_wait_results end = {0};
        all = cap_process_handle_wait(children[i].handle, &end, &answer) >= 0 && !end.crashed &&
              end.exit_code == FIRST_CODE + i;
        (void)cap_release(children[i].handle);
        (void)cap_release(children[i].control);
    }
    demo_check(all, "each ended with its own exit code");
}

static void kill_one(void)
{
    struct cap_process_spawner_spawn_results child;
    struct cap_process_control_kill_results killed = {0};
    struct cap_process_handle_wait_results end = {0};
    demo_expect(CAPOS_OK, spawn("spawn", "forever", &child), "a child that never ends");
    demo_expect(CAPOS_OK, cap_process_control_kill(child.control, KILL_CODE, &killed), "ProcessControl.kill");
    demo_expect(CAPOS_OK, cap_process_handle_wait(child.handle, &end, &answer), "ProcessHandle.wait");
    demo_check(killed.was_running && end.exit_code == KILL_CODE && !end.crashed,
               "it ended with the killer's code");
}

static int child(const char *what)
{
    if (strcmp(what, "forever") == 0)
        for (volatile unsigned turns = 0;; turns++)
            ;
    return FIRST_CODE + (what[0] - '0');
}

int main(int argc, char **argv)
{
    struct cap_process_spawner_spawn_results none;
    if (argc > 1)
        return child(argv[1]);
    demo_begin("spawn");
    spawner = capos_need_process_spawner("spawner");
    spawn_several();
    kill_one();
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn("spown", "0", &none), "no such binary");
    return demo_end();
}
