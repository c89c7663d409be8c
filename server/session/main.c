/*
 * Starts a shell that holds no spawner: makes a RestrictedLauncher for the binaries named, gives it to the
 * shell together with everything else that was granted here, and waits. The spawner stays behind.
 *
 * Grants: "spawner" (ProcessSpawner), "console" for complaints; whatever the shell is to hold. Arguments: the
 * shell's binary, the binaries that it may launch, and behind "--" the shell's arguments. What is launched
 * gets a VirtualMemory of its own as "memory", and what the shell adds under any name. The exit code is the
 * shell's.
 */
#include <capos/lookup.h>
#include <capos/print.h>
#include <capos/process.h>
#include <string.h>

enum { GRANTS_MAX = CAPOS_CALL_CAPS_MAX + 8, TEXTS_MAX = 64, ANSWER_WORDS = 300, CRASHED = 128 };

/* The shell's, for itself and everything it starts; the manifest gives this program a little more. */
static const struct cap_budget budget = {
    .frames = 6000, .cap_slots = 1024, .threads = 48, .calls = 512, .kernel_bytes = UINT64_C(3) << 20};

static struct cap_spawn_grant grants[GRANTS_MAX];
static size_t grant_count;
static struct capnp_text texts[TEXTS_MAX + 1];

static void add(const char *name, size_t len, uint32_t id, uint64_t interface_id, uint32_t mode)
{
    if (grant_count < GRANTS_MAX)
        grants[grant_count++] = (struct cap_spawn_grant){.name = {name, len},
                                                         .which = CAP_SPAWN_GRANT_CAPABILITY,
                                                         .capability = {id, mode},
                                                         .interface_id = interface_id};
}

static void add_own(const char *name, enum cap_own_object own)
{
    if (grant_count < GRANTS_MAX)
        grants[grant_count++] =
            (struct cap_spawn_grant){.name = capnp_text_of(name), .which = CAP_SPAWN_GRANT_OWN, .own = own};
}

/* Everything but what is only for here. */
static void add_grants(void)
{
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        if (entry->interface_id != CAP_PROCESS_SPAWNER_INTERFACE_ID &&
            entry->interface_id != CAP_VIRTUAL_MEMORY_INTERFACE_ID)
            add(entry->name, entry->name_len, entry->cap_id, entry->interface_id, CAPOS_XFER_COPY);
    }
    add_own("memory", CAP_OWN_OBJECT_VIRTUAL_MEMORY);
    add_own("threads", CAP_OWN_OBJECT_THREAD_SPAWNER);
    add_own("thread", CAP_OWN_OBJECT_THREAD_CONTROL);
    add_own("park", CAP_OWN_OBJECT_PARK_SPACE);
    add_own("manager", CAP_OWN_OBJECT_CAPABILITY_MANAGER);
}

static int32_t make_launcher(cap_process_spawner spawner, size_t binary_count)
{
    static const struct cap_allowed_grant any = {{"", 0}, 0};
    const struct cap_spawn_grant memory = {
        .name = {"memory", 6}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY};
    const struct cap_process_spawner_restrict_params params = {.binaries = CAPNP_LIST(texts, binary_count),
                                                               .preset = CAPNP_LIST(&memory, 1),
                                                               .allowed = CAPNP_LIST(&any, 1)};
    struct cap_process_spawner_restrict_results made = {0};
    int32_t result = cap_process_spawner_restrict_call(spawner, &params, &made);
    if (result >= 0)
        add("launcher", 8, made.launcher.id, CAP_RESTRICTED_LAUNCHER_INTERFACE_ID, CAPOS_XFER_MOVE);
    return result;
}

/* Arguments from `first` up to the end or "--"; how many, also if there are more than TEXTS_MAX. */
static size_t take_texts(int argc, char **argv, int first)
{
    size_t count = 0;
    for (int i = first; i < argc && strcmp(argv[i], "--") != 0; i++, count++)
        if (count < TEXTS_MAX)
            texts[count] = capnp_text_of(argv[i]);
    return count;
}

static int64_t wait_for(cap_process_handle shell)
{
    static uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_process_handle_wait_results ended = {0};
    int32_t result = cap_process_handle_wait(shell, &ended, &buffer);
    return result < 0 ? CRASHED : ended.exit_code;
}

static int complain(cap_console console, const char *what, int32_t result)
{
    (void)capos_printf(console, "session: %s: %s\n", what, cap_why(result));
    return 1;
}

int main(int argc, char **argv)
{
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    cap_console console = {0};
    (void)capos_get_console("console", &console);
    if (argc < 2)
        return complain(console, "no shell is named", CAPOS_ERR_NOT_FOUND);
    size_t binary_count = take_texts(argc, argv, 2);
    if (binary_count > TEXTS_MAX)
        return complain(console, "binaries", CAPOS_ERR_TOO_LARGE);
    add_grants();
    int32_t result = make_launcher(spawner, binary_count);
    if (result < 0)
        return complain(console, "no launcher", result);
    size_t shell_args = take_texts(argc, argv, 2 + (int)binary_count + 1);
    if (shell_args > TEXTS_MAX)
        return complain(console, "the shell's arguments", CAPOS_ERR_TOO_LARGE);
    memmove(texts + 1, texts, shell_args * sizeof texts[0]);
    texts[0] = capnp_text_of(argv[1]);
    const struct cap_process_spawner_spawn_params params = {.name = texts[0],
                                                            .binary_name = texts[0],
                                                            .grants = CAPNP_LIST(grants, grant_count),
                                                            .args = CAPNP_LIST(texts, shell_args + 1),
                                                            .has_budget = true,
                                                            .budget = budget};
    struct cap_process_spawner_spawn_results shell = {0};
    result = cap_process_spawner_spawn(spawner, &params, &shell);
    return result < 0 ? complain(console, argv[1], result) : (int)wait_for(shell.handle);
}
