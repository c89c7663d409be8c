/*
 * A launcher that may start one binary, gives it a console of its own, and lets its holder add a timer. It is
 * passed on to a process that holds nothing else, which then starts others with it.
 */
#include "check.h"
#include <string.h>

enum { USER_DONE = 7, MANY = CAPOS_CALL_CAPS_MAX, ANSWER_WORDS = 256 };

static uint64_t answer[ANSWER_WORDS];
static struct cap_buffer answer_buffer = {answer, sizeof answer};

static struct capnp_text text(const char *string)
{
    return (struct capnp_text){string, strlen(string)};
}

static struct cap_spawn_grant grant(const char *name, uint32_t id, uint64_t interface_id)
{
    return (struct cap_spawn_grant){.name = text(name),
                                    .which = CAP_SPAWN_GRANT_CAPABILITY,
                                    .capability = {id, CAPOS_XFER_COPY},
                                    .interface_id = interface_id};
}

/* The exit code of the child, or -1. */
static int64_t wait_for(cap_process_handle child)
{
    struct cap_process_handle_wait_results ended = {0};
    int32_t result = cap_process_handle_wait(child, &ended, &answer_buffer);
    cap_release(child);
    if (result < 0)
        demo_say("FAIL ProcessHandle.wait: %s", capos_error_name(result));
    return result < 0 ? -1 : ended.exit_code;
}

/* ---- As a child. */

/* What it holds, as its exit code: 1 console, 2 timer, 4 memory. */
static int report_held(void)
{
    cap_console console;
    cap_timer timer;
    cap_virtual_memory memory;
    int held = capos_get_console("console", &console) == 0 ? 1 : 0;
    held += capos_get_timer("timer", &timer) == 0 ? 2 : 0;
    held += capos_get_virtual_memory("memory", &memory) == 0 ? 4 : 0;
    return held;
}

static int32_t launch(cap_restricted_launcher launcher, const char *binary, struct cap_spawn_grant *grants,
                      size_t count, struct cap_restricted_launcher_launch_results *out)
{
    static const struct capnp_text args[] = {{"c-launcher", 10}, {"held", 4}};
    const struct cap_restricted_launcher_launch_params params = {
        .binary_name = text(binary),
        .grants = CAPNP_LIST(grants, count),
        .args = CAPNP_LIST(args, 2),
        .has_budget = true,
        .budget = {.frames = 128, .cap_slots = 8, .threads = 1, .calls = 8, .kernel_bytes = 65536},
    };
    return cap_restricted_launcher_launch(launcher, &params, out);
}

static void refuse(cap_restricted_launcher launcher, const char *binary, struct cap_spawn_grant *grants,
                   size_t count, const char *what)
{
    struct cap_restricted_launcher_launch_results results = {0};
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, launch(launcher, binary, grants, count, &results),
                          what);
}

static void check_refusals(cap_restricted_launcher launcher)
{
    uint32_t console = capos_need_console("console").id, timer = capos_need_timer("timer").id;
    struct cap_spawn_grant grants[2];
    refuse(launcher, "c-hello", grants, 0, "another binary");
    refuse(launcher, "", grants, 0, "no binary");
    grants[0] = grant("extra", console, 0);
    refuse(launcher, "c-launcher", grants, 1, "a grant by another name");
    grants[0] = grant("timer", console, 0);
    refuse(launcher, "c-launcher", grants, 1, "a console where a timer is allowed");
    grants[0] = grant("timer", timer, CAP_CONSOLE_INTERFACE_ID);
    refuse(launcher, "c-launcher", grants, 1, "a timer that the child expects to be a console");
    grants[0] = grant("console", console, 0);
    refuse(launcher, "c-launcher", grants, 1, "a grant in place of a preset one");
    grants[0] = (struct cap_spawn_grant){
        .name = text("timer"), .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY};
    refuse(launcher, "c-launcher", grants, 1, "an own object where a timer is allowed");
}

/* Holds a launcher, a console and a timer. */
static int use_launcher(void)
{
    demo_begin("c-launcher");
    cap_restricted_launcher launcher = capos_need_restricted_launcher("launcher");
    struct cap_restricted_launcher_launch_results child = {0};
    struct cap_restricted_launcher_binaries_results binaries = {0};
    struct cap_spawn_grant timer = grant("timer", capos_need_timer("timer").id, CAP_TIMER_INTERFACE_ID);
    demo_expect(CAPOS_OK, launch(launcher, "c-launcher", NULL, 0, &child), "launch with the presets");
    demo_check(wait_for(child.handle) == 1 + 4, "the child holds what is preset");
    demo_expect(CAPOS_OK, launch(launcher, "c-launcher", &timer, 1, &child), "launch with a timer added");
    demo_check(wait_for(child.handle) == 1 + 2 + 4, "the child holds it too");
    check_refusals(launcher);
    demo_expect(CAPOS_OK, cap_restricted_launcher_binaries(launcher, &binaries, &answer_buffer),
                "asking what it may start");
    demo_check(binaries.names.count == 1, "it is one binary");
    return demo_end() == 0 ? USER_DONE : 1;
}

/* ---- As the maker of the launcher. */

static int32_t restrict_to(cap_process_spawner spawner, const char *binary,
                           struct cap_process_spawner_restrict_results *out)
{
    const struct capnp_text binaries[] = {text(binary)};
    const struct cap_spawn_grant preset[] = {
        grant("console", capos_need_console("console").id, CAP_CONSOLE_INTERFACE_ID),
        {.name = text("memory"), .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
    };
    const struct cap_allowed_grant allowed[] = {{text("timer"), CAP_TIMER_INTERFACE_ID}};
    const struct cap_process_spawner_restrict_params params = {.binaries = CAPNP_LIST(binaries, 1),
                                                               .preset = CAPNP_LIST(preset, 2),
                                                               .allowed = CAPNP_LIST(allowed, 1)};
    return cap_process_spawner_restrict_call(spawner, &params, out);
}

static int32_t spawn_self(cap_process_spawner spawner, const char *role, struct cap_spawn_grant *grants,
                          size_t count, struct cap_process_spawner_spawn_results *out)
{
    const struct capnp_text args[] = {text("c-launcher"), text(role)};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = text("c-launcher"), .grants = CAPNP_LIST(grants, count), .args = CAPNP_LIST(args, 2)};
    return cap_process_spawner_spawn(spawner, &params, out);
}

/* As many capabilities as one call carries. */
static void check_many_grants(cap_process_spawner spawner)
{
    static char names[MANY + 1][8];
    static struct cap_spawn_grant grants[MANY + 1];
    struct cap_process_spawner_spawn_results child = {0};
    uint32_t timer = capos_need_timer("timer").id;
    for (int i = 0; i <= MANY; i++) {
        capos_snprintf(names[i], sizeof names[i], "t%d", i);
        grants[i] = grant(names[i], timer, CAP_TIMER_INTERFACE_ID);
    }
    grants[MANY - 1] = grant("timer", timer, 0);
    demo_expect(CAPOS_OK, spawn_self(spawner, "held", grants, MANY, &child),
                "32 capabilities with one spawn");
    demo_check(wait_for(child.handle) == 2, "they arrive");
    demo_expect(CAPOS_ERR_TOO_LARGE, spawn_self(spawner, "held", grants, MANY + 1, &child), "33");
}

static void check_moves(cap_process_spawner spawner, cap_restricted_launcher launcher)
{
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_restricted_launcher_binaries_results binaries = {0};
    struct cap_spawn_grant grants[] = {
        grant("launcher", launcher.id, CAP_RESTRICTED_LAUNCHER_INTERFACE_ID),
        grant("console", capos_need_console("console").id, 0),
        grant("timer", capos_need_timer("timer").id, 0),
        grant("timer", capos_need_timer("timer").id, CAP_CONSOLE_INTERFACE_ID),
    };
    grants[0].capability.mode = CAPOS_XFER_MOVE;
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn_self(spawner, "user", grants, 4, &child),
                          "spawn with a grant of another interface");
    demo_expect(CAPOS_OK, cap_restricted_launcher_binaries(launcher, &binaries, &answer_buffer),
                "what it would have moved is still here");
    int32_t spawned =
        spawn_self(spawner, "user", grants, 3, &child); /* said when the child has had its say */
    int32_t asked = cap_restricted_launcher_binaries(launcher, &binaries, &answer_buffer);
    bool used = spawned >= 0 && wait_for(child.handle) == USER_DONE;
    demo_expect(CAPOS_OK, spawned, "spawn, moving the launcher");
    demo_expect(CAPOS_ERR_STALE_CAP, asked, "it is gone from here");
    demo_check(used, "the new holder used it");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "held") == 0)
        return report_held();
    if (argc > 1 && strcmp(argv[1], "user") == 0)
        return use_launcher();
    demo_begin("c-launcher");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    struct cap_process_spawner_restrict_results made = {0};
    check_many_grants(spawner);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, restrict_to(spawner, "no-such", &made),
                          "a launcher of a binary that does not exist");
    demo_expect(CAPOS_OK, restrict_to(spawner, "c-launcher", &made), "ProcessSpawner.restrict");
    check_moves(spawner, made.launcher);
    return demo_end();
}
