/* See package_dirs.h. */
#include "package_dirs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char server_binary[] = "capos-files"; /* no program of a person is called so (package.c) */

/* Room for what is written: twice the snapshot, as a file takes whole blocks, and something. */
#define ROOM_BYTES (UINT64_C(32) << 20)

enum { SERVICE_CAPS = 8, SERVICE_ARGS = 4, SERVICE_BYTES = 2048 };
enum { FRAME_BYTES = 4096, SERVICE_FRAMES = 2048, SERVICE_KERNEL_BYTES = 4000000 };
/* Services without a budget of their own get a quarter each of what is left, whatever it was meant for. */
enum { SHARES = 3 };

struct dir_strings {
    char name[32], tree[40], room[24];
    struct capnp_text args[SERVICE_ARGS];
    struct cap_cap_grant caps[SERVICE_CAPS];
    struct cap_export export;
};

static const struct {
    const char *name;
    enum cap_kernel_cap source;
    bool from_init;
} service_caps[SERVICE_CAPS] = {
    {"console", CAP_KERNEL_CAP_CONSOLE, true},
    {"boot", CAP_KERNEL_CAP_BOOT_PACKAGE, true},
    {"timer", CAP_KERNEL_CAP_TIMER, true},
    {"clock", CAP_KERNEL_CAP_WALL_CLOCK, true},
    {"memory", CAP_KERNEL_CAP_VIRTUAL_MEMORY, false},
    {"threads", CAP_KERNEL_CAP_THREAD_SPAWNER, false},
    {"thread", CAP_KERNEL_CAP_THREAD_CONTROL, false},
    {"park", CAP_KERNEL_CAP_PARK_SPACE, false},
};

bool dir_parts_need(enum cap_kernel_cap source)
{
    for (size_t i = 0; i < SERVICE_CAPS; i++) {
        if (service_caps[i].source == source && service_caps[i].from_init)
            return true;
    }
    return source == CAP_KERNEL_CAP_IPC_FACTORY; /* for the endpoints */
}

static struct capnp_text text_of(const char *text)
{
    return (struct capnp_text){text, strlen(text)};
}

static uint64_t room_bytes(const struct dir *dir)
{
    return 2 * (uint64_t)dir->tree.size + ROOM_BYTES;
}

static void make_service(struct cap_program *service, struct dir_strings *strings, size_t index,
                         const struct dir *dir)
{
    snprintf(strings->name, sizeof strings->name, "capos-files%u", (unsigned)index);
    snprintf(strings->tree, sizeof strings->tree, "capos-files%u.tree", (unsigned)index);
    snprintf(strings->room, sizeof strings->room, "%llu", (unsigned long long)room_bytes(dir));
    const char *args[SERVICE_ARGS] = {strings->name, strings->room, "1", strings->tree};
    for (size_t i = 0; i < SERVICE_ARGS; i++)
        strings->args[i] = text_of(args[i]);
    for (size_t i = 0; i < SERVICE_CAPS; i++) {
        strings->caps[i] = (struct cap_cap_grant){.name = text_of(service_caps[i].name)};
        strings->caps[i].source.which = CAP_CAP_GRANT_SOURCE_KERNEL;
        strings->caps[i].source.kernel = service_caps[i].source;
    }
    strings->export = (struct cap_export){.name = text_of("fs"), .serves = text_of("Directory")};
    *service = (struct cap_program){
        .name = text_of(strings->name),
        .binary = text_of(server_binary),
        .args = CAPNP_LIST(strings->args, SERVICE_ARGS),
        .caps = CAPNP_LIST(strings->caps, SERVICE_CAPS),
        .exports = CAPNP_LIST(&strings->export, 1),
        .has_budget = true,
        .budget = {.frames = room_bytes(dir) / FRAME_BYTES + SERVICE_FRAMES}, /* a share of the rest */
    };
}

/* Tag 1 is the server's root, read-only (server/fs). */
static void make_cap(struct cap_cap_grant *cap, const struct dir_strings *strings, const struct dir *dir)
{
    *cap = (struct cap_cap_grant){.name = text_of(dir->name), .expects = text_of("Directory")};
    cap->source.which = CAP_CAP_GRANT_SOURCE_SERVICE;
    cap->source.has_service = true;
    cap->source.service = (struct cap_export_ref){
        .service = text_of(strings->name), .export_ = text_of("fs"), .tag = dir->read_only ? 1 : 0};
}

void dir_parts_make(struct dir_parts *parts, const struct dir_list *dirs, const struct buffer *server)
{
    size_t count = dirs == NULL ? 0 : dirs->count;
    *parts = (struct dir_parts){.count = count};
    if (count == 0)
        return;
    parts->binaries = must_alloc((count + 1) * sizeof parts->binaries[0]);
    parts->services = must_alloc(count * sizeof parts->services[0]);
    parts->caps = must_alloc(count * sizeof parts->caps[0]);
    parts->strings = must_alloc(count * sizeof parts->strings[0]);
    parts->binaries[0] = (struct cap_binary){.name = text_of(server_binary),
                                             .data = {(const uint8_t *)server->data, server->size}};
    parts->size_bytes = server->size + SERVICE_BYTES;
    for (size_t i = 0; i < count; i++) {
        const struct dir *dir = &dirs->items[i];
        make_service(&parts->services[i], &parts->strings[i], i, dir);
        make_cap(&parts->caps[i], &parts->strings[i], dir);
        parts->binaries[i + 1] =
            (struct cap_binary){.name = text_of(parts->strings[i].tree),
                                .data = {(const uint8_t *)dir->tree.data, dir->tree.size}};
        parts->size_bytes += dir->tree.size + SERVICE_BYTES;
        parts->frames += parts->services[i].budget.frames;
    }
}

void dir_parts_limit(struct dir_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        parts->services[i].budget.kernel_bytes = SERVICE_KERNEL_BYTES;
        parts->kernel_bytes += SERVICE_KERNEL_BYTES;
    }
}

void dir_parts_free(struct dir_parts *parts)
{
    free(parts->binaries);
    free(parts->services);
    free(parts->caps);
    free(parts->strings);
}

/* ---- Into a package that is there already. */

struct extended {
    struct cap_binary *binaries;
    struct cap_program *services;
    struct cap_cap_grant *caps; /* of the service that gets the folders */
    size_t cap_count;
};

static bool extend_binaries(struct extended *to, const struct cap_system_manifest *from,
                            const struct dir_parts *parts)
{
    size_t count = from->binaries.count;
    to->binaries = must_alloc((count + parts->count + 1) * sizeof to->binaries[0]);
    for (size_t i = 0; i < count; i++) {
        if (cap_binary_list_get(&from->binaries, i, &to->binaries[i]) < 0)
            return false;
    }
    memcpy(to->binaries + count, parts->binaries, (parts->count + 1) * sizeof to->binaries[0]);
    return true;
}

static bool extend_caps(struct extended *to, struct cap_program *service, const struct dir_parts *parts)
{
    size_t count = service->caps.count;
    to->caps = must_alloc((count + parts->count) * sizeof to->caps[0]);
    for (size_t i = 0; i < count; i++) {
        if (cap_cap_grant_list_get(&service->caps, i, &to->caps[i]) < 0)
            return false;
    }
    memcpy(to->caps + count, parts->caps, parts->count * sizeof to->caps[0]);
    to->cap_count = count + parts->count;
    service->caps = CAPNP_LIST(to->caps, to->cap_count);
    return true;
}

static bool extend_services(struct extended *to, const struct cap_init_config *from, const char *name,
                            const struct dir_parts *parts)
{
    size_t count = from->services.count;
    bool found = false;
    to->services = must_alloc((count + parts->count) * sizeof to->services[0]);
    for (size_t i = 0; i < count; i++) {
        struct cap_program *service = &to->services[i];
        if (cap_program_list_get(&from->services, i, service) < 0)
            return false;
        if (service->name.len != strlen(name) || memcmp(service->name.bytes, name, service->name.len) != 0)
            continue;
        found = true;
        if (!extend_caps(to, service, parts))
            return false;
    }
    memcpy(to->services + count, parts->services, parts->count * sizeof to->services[0]);
    return found;
}

static bool encode(const struct cap_system_manifest *manifest, size_t bound, struct buffer *out)
{
    size_t caps = 0;
    void *bytes = must_alloc(bound);
    int32_t used = cap_system_manifest_encode(manifest, bytes, bound, NULL, &caps);
    if (used > 0)
        buffer_append(out, bytes, (size_t)used);
    free(bytes);
    return used > 0;
}

/* The folder whose name something else has already; null: none. Folders stand behind what was there. */
static const struct dir *taken_name(const struct extended *extended, const struct dir_list *dirs)
{
    size_t held = extended->cap_count - dirs->count;
    for (size_t i = 0; i < dirs->count; i++) {
        const struct capnp_text name = extended->caps[held + i].name;
        for (size_t j = 0; j < held + i; j++) {
            const struct capnp_text other = extended->caps[j].name;
            if (name.len == other.len && memcmp(name.bytes, other.bytes, name.len) == 0)
                return &dirs->items[i];
        }
    }
    return NULL;
}

bool package_add_dirs(const struct buffer *package, const char *service, const struct dir_list *dirs,
                      const struct buffer *server, struct buffer *out, struct sentence *why)
{
    struct capnp_message message;
    struct cap_system_manifest manifest;
    struct extended extended = {0};
    struct dir_parts parts;
    dir_parts_make(&parts, dirs, server);
    bool good = cap_system_manifest_decode(&message, package->data, package->size, NULL, 0, &manifest) >= 0 &&
                extend_binaries(&extended, &manifest, &parts) &&
                extend_services(&extended, &manifest.init_config, service, &parts);
    const struct dir *taken = good ? taken_name(&extended, dirs) : NULL;
    if (!good)
        sentence_say(why, "the default system's package has no service %s; make builds it anew", service);
    else if (taken != NULL)
        good = sentence_say(why,
                            "the shell holds something called '%s' already. Give the folder another name: "
                            "--dir %s:OTHER",
                            taken->name, taken->host);
    if (good) {
        manifest.binaries = CAPNP_LIST(extended.binaries, manifest.binaries.count + parts.count + 1);
        if (manifest.init_config.init.has_budget) {
            manifest.init_config.init.budget.frames += SHARES * parts.frames;
            manifest.init_config.init.budget.kernel_bytes += parts.count * SERVICE_KERNEL_BYTES;
        }
        manifest.init_config.services =
            CAPNP_LIST(extended.services, manifest.init_config.services.count + parts.count);
        good = encode(&manifest, (package->size + parts.size_bytes + 65536) & ~(size_t)7, out) ||
               sentence_say(why, "the folders do not fit into the boot package");
    }
    free(extended.binaries);
    free(extended.services);
    free(extended.caps);
    dir_parts_free(&parts);
    return good;
}
