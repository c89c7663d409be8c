/*
 * init: the first process. Reads the manifest through BootPackage, checks all of it (plan.c), starts the
 * services in order, waits for them, and ends with the first exit code, in the manifest's order, that is not
 * zero. Says nothing when all is well, but for the manifest's message of the day.
 *
 * Exit codes of its own: 1 if the manifest is refused or something could not be started. init needs a
 * bootPackage and a processSpawner, under any names; a console to complain on is wise.
 */
#include "plan.h"
#include <capos/boot.h>
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/console.h>
#include <capos/memory.h>
#include <capos/print.h>
#include <string.h>

enum { EXIT_REFUSED = 1, READ_CHUNK_BYTES = 4096, PROT_READ = 1 };

static struct holdings holdings;
static struct plan plan;
static cap_process_handle handles[PLAN_SERVICES_MAX];

/* ---- What init holds
 * ------------------------------------------------------------------------------------------ */

static void collect_holdings(void)
{
    uint32_t granted = capos_capset()->entry_count;
    for (uint32_t i = 0; i < granted && holdings.count < PLAN_HOLDINGS_MAX; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        holdings.items[holdings.count++] =
            (struct holding){entry->name, entry->name_len, entry->interface_id, entry->cap_id};
    }
}

/* The first capability of an interface; CAPNP_CAP_NONE if there is none. */
static uint32_t held(uint64_t interface_id)
{
    for (size_t i = 0; i < holdings.count; i++)
        if (holdings.items[i].interface_id == interface_id)
            return holdings.items[i].cap_id;
    return CAPNP_CAP_NONE;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    cap_console console = {held(CAP_CONSOLE_INTERFACE_ID), 0};
    char line[PLAN_ERROR_BYTES + 100];
    va_list args;
    if (console.id == CAPNP_CAP_NONE)
        return;
    va_start(args, format);
    capos_vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)capos_printf(console, "init: %s\n", line);
}

/* ---- Reading the manifest
 * ------------------------------------------------------------------------------------- */

/* Maps the whole package; null if that is not possible. */
static const void *map_manifest(cap_boot_package package, size_t *size_bytes)
{
    struct cap_boot_package_manifest_results manifest;
    struct cap_memory_object_info_results info;
    struct cap_memory_object_map_results mapped;
    if (cap_boot_package_manifest(package, &manifest) < 0)
        return NULL;
    if (cap_memory_object_info(manifest.object, &info) < 0 ||
        cap_memory_object_map(manifest.object, 0, 0, info.size, PROT_READ, &mapped) < 0) {
        (void)cap_release(manifest.object);
        return NULL;
    }
    *size_bytes = info.size;
    return (const void *)(uintptr_t)mapped.address; /* the mapping outlives the capability */
}

static bool read_pieces(cap_boot_package package, uint8_t *bytes, size_t size_bytes)
{
    static uint64_t piece[(READ_CHUNK_BYTES + CAP_BUFFER_OVERHEAD_BYTES + 256) / sizeof(uint64_t)];
    struct cap_buffer buffer = {piece, sizeof piece};
    for (size_t have = 0; have < size_bytes;) {
        struct cap_boot_package_read_manifest_results read;
        int32_t status = cap_boot_package_read_manifest(package, have, READ_CHUNK_BYTES, &read, &buffer);
        if (status < 0 || read.data.len == 0 || read.data.len > size_bytes - have) {
            say("the manifest cannot be read at byte %zu: %s", have,
                status < 0 ? cap_why(status) : "it is cut short");
            return false;
        }
        memcpy(bytes + have, read.data.bytes, read.data.len);
        have += read.data.len;
    }
    return true;
}

/* Reads the package into memory of init's own, for a kernel or a budget that will not map it. */
static const void *copy_manifest(cap_boot_package package, size_t *size_bytes)
{
    struct cap_boot_package_manifest_size_results size;
    int32_t status = cap_boot_package_manifest_size(package, &size);
    if (status < 0) {
        say("the manifest cannot be read: %s", cap_why(status));
        return NULL;
    }
    uint8_t *bytes = malloc(size.size);
    if (bytes == NULL) {
        say("no memory for the manifest's %llu bytes", (unsigned long long)size.size);
        return NULL;
    }
    *size_bytes = size.size;
    return read_pieces(package, bytes, size.size) ? bytes : NULL;
}

static bool read_plan(void)
{
    static struct capnp_message message; /* the plan's texts are views that refer to it */
    static struct cap_system_manifest manifest;
    cap_boot_package package = {held(CAP_BOOT_PACKAGE_INTERFACE_ID), 0};
    size_t size_bytes = 0;
    if (package.id == CAPNP_CAP_NONE) {
        say("initConfig.init.caps: init needs the kernel's bootPackage");
        return false;
    }
    const void *bytes = map_manifest(package, &size_bytes);
    if (bytes == NULL)
        bytes = copy_manifest(package, &size_bytes);
    if (bytes == NULL)
        return false;
    int32_t status = cap_system_manifest_decode(&message, bytes, size_bytes, NULL, 0, &manifest);
    if (status < 0) {
        say("the boot package is not a SystemManifest: %s", capos_error_text(status));
        return false;
    }
    if (!plan_make(&plan, &manifest, &holdings)) {
        say("%s", plan.error);
        return false;
    }
    return true;
}

/* ---- Starting and waiting
 * ------------------------------------------------------------------------------------- */

static void print_motd(void)
{
    cap_console console = {held(CAP_CONSOLE_INTERFACE_ID), 0};
    if (plan.motd.len != 0 && console.id != CAPNP_CAP_NONE)
        (void)capos_printf(console, "%.*s\n", (int)plan.motd.len, plan.motd.bytes);
}

static bool start(cap_process_spawner spawner, size_t index)
{
    struct service *service = &plan.services[index];
    struct cap_process_spawner_spawn_results started;
    if (!plan_grants(&plan, index, &holdings)) {
        say("%s", plan.error);
        return false;
    }
    struct cap_process_spawner_spawn_params params = {
        .name = service->name,
        .binary_name = service->program.binary,
        .grants = CAPNP_LIST(plan.grants, plan.grant_count),
        .args = service->program.args.count != 0 ? service->program.args : CAPNP_LIST(&service->name, 1),
        .env = service->program.env,
        .has_budget = service->program.has_budget,
        .budget = service->program.budget,
    };
    int32_t status = cap_process_spawner_spawn(spawner, &params, &started);
    if (status < 0) {
        say("initConfig.services[%zu]: \"%.*s\" was not started: %s", index, (int)service->name.len,
            service->name.bytes, cap_why(status));
        return false;
    }
    handles[index] = started.handle;
    return true;
}

/* Its exit code; a service whose end cannot be learned counts as failed. */
static int64_t wait_for(size_t index)
{
    static uint64_t answer[1024];
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_process_handle_wait_results ended;
    int32_t status = cap_process_handle_wait(handles[index], &ended, &buffer);
    (void)cap_release(handles[index]);
    if (status < 0) {
        say("initConfig.services[%zu]: waiting for it failed: %s", index, cap_why(status));
        return EXIT_REFUSED;
    }
    return ended.exit_code;
}

int main(void)
{
    int64_t code = 0;
    size_t started = 0;
    collect_holdings();
    if (!read_plan())
        return EXIT_REFUSED;
    cap_process_spawner spawner = {held(CAP_PROCESS_SPAWNER_INTERFACE_ID), 0};
    if (spawner.id == CAPNP_CAP_NONE) {
        say("initConfig.init.caps: init needs the kernel's processSpawner");
        return EXIT_REFUSED;
    }
    print_motd();
    while (started < plan.service_count && start(spawner, started))
        started++;
    for (size_t i = 0; i < started; i++) {
        int64_t ended = wait_for(i);
        code = code == 0 ? ended : code;
    }
    if (started < plan.service_count && code == 0)
        code = EXIT_REFUSED;
    capos_sys_exit(code);
}
