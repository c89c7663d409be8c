/* See package_tracer.h. */
#include "package_tracer.h"
#include "grants.h"
#include "package_terminal.h"
#include <capos/process.h>
#include <stdlib.h>
#include <string.h>

static const char server_name[] = "capos-tracer"; /* no program of a person is called so (package.c) */

/* Under the names that server/tracer asks for; as grants they are called so too, and shared. */
static const struct {
    const char *name;
    enum cap_kernel_cap source;
} own_caps[] = {
    {"spawner", CAP_KERNEL_CAP_PROCESS_SPAWNER},
    {"tracer", CAP_KERNEL_CAP_TRACER},
    {"logsink", CAP_KERNEL_CAP_LOG_SINK},
};
enum { OWN_CAPS = sizeof own_caps / sizeof own_caps[0] };

enum { FRAME_BYTES = 4096, KERNEL_BYTES = 8 << 20 };
/* The kernel keeps one part in so many for its heap (kernel/mm/ledger.c); of that, and of the rest, half is
 * the tracer's and a sixteenth is init's own. */
enum { HEAP_SHARE = 8, TRACER_SHARE = 2, INIT_SHARE = 16 };

bool tracer_part_needs(enum cap_kernel_cap source)
{
    for (size_t i = 0; i < OWN_CAPS; i++) {
        if (own_caps[i].source == source)
            return true;
    }
    return false;
}

static enum cap_own_object own_object_of(enum cap_kernel_cap source)
{
    switch (source) {
    case CAP_KERNEL_CAP_CAPABILITY_MANAGER:
        return CAP_OWN_OBJECT_CAPABILITY_MANAGER;
    case CAP_KERNEL_CAP_THREAD_SPAWNER:
        return CAP_OWN_OBJECT_THREAD_SPAWNER;
    case CAP_KERNEL_CAP_THREAD_CONTROL:
        return CAP_OWN_OBJECT_THREAD_CONTROL;
    case CAP_KERNEL_CAP_PARK_SPACE:
        return CAP_OWN_OBJECT_PARK_SPACE;
    case CAP_KERNEL_CAP_SCHEDULING_POLICY:
        return CAP_OWN_OBJECT_SCHEDULING_POLICY;
    default:
        return CAP_OWN_OBJECT_VIRTUAL_MEMORY;
    }
}

/* ---- What it holds: each object once, however often it is handed on. */

static void hold(struct tracer_parts *parts, const char *name, struct cap_cap_grant_source source)
{
    struct capnp_text text = capnp_text_of(name);
    for (size_t i = 0; i < parts->cap_count; i++) {
        const struct capnp_text held = parts->caps[i].name;
        if (held.len == text.len && memcmp(held.bytes, text.bytes, text.len) == 0)
            return;
    }
    parts->caps[parts->cap_count++] = (struct cap_cap_grant){.name = text, .source = source};
}

static struct cap_cap_grant_source from_init(const char *word)
{
    return (struct cap_cap_grant_source){.which = CAP_CAP_GRANT_SOURCE_INHERIT,
                                         .inherit = capnp_text_of(word)};
}

static void add_grant(struct tracer_parts *parts, const struct grant *grant)
{
    const struct grant_kind *kind = grant->kind;
    if (kind->own) {
        words_addf(&parts->words, "--own=%u:%s", (unsigned)own_object_of(kind->source), grant->name);
        return;
    }
    words_addf(&parts->words, "--cap=%s:%s", kind->word, grant->name);
    hold(parts, kind->word, kind->export != NULL ? terminal_part_source(kind) : from_init(kind->word));
}

/* A folder is called like its server here: no grant's word is. */
static void add_folder(struct tracer_parts *parts, const struct cap_program *server,
                       const struct cap_cap_grant *folder)
{
    words_addf(&parts->words, "--cap=%.*s:%.*s", (int)server->name.len, server->name.bytes,
               (int)folder->name.len, folder->name.bytes);
    hold(parts, server->name.bytes, folder->source);
}

static void add_wishes(struct words *out, const struct trace_wishes *wishes)
{
    if (wishes->calls)
        words_add(out, "--calls");
    if (wishes->sched)
        words_add(out, "--sched");
    if (wishes->times)
        words_add(out, "--times");
}

void tracer_parts_make(struct tracer_parts *parts, const struct trace_wishes *wishes, const char *binary,
                       const struct words *args, const struct grant_list *grants,
                       const struct dir_parts *dirs)
{
    *parts = (struct tracer_parts){0};
    parts->caps = must_alloc((OWN_CAPS + grants->count + dirs->count) * sizeof parts->caps[0]);
    for (size_t i = 0; i < OWN_CAPS; i++)
        hold(parts, own_caps[i].name, from_init(own_caps[i].name));
    words_add(&parts->words, server_name);
    add_wishes(&parts->words, wishes);
    words_addf(&parts->words, "--program=%s", binary);
    for (size_t i = 0; i < grants->count; i++)
        add_grant(parts, &grants->items[i]);
    for (size_t i = 0; i < dirs->count; i++)
        add_folder(parts, &dirs->services[i], &dirs->caps[i]);
    words_add(&parts->words, "--");
    for (size_t i = 0; i < args->count; i++)
        words_add(&parts->words, args->items[i]);
    parts->args = must_alloc(parts->words.count * sizeof parts->args[0]);
    for (size_t i = 0; i < parts->words.count; i++)
        parts->args[i] = capnp_text_of(parts->words.items[i]);
}

void tracer_parts_free(struct tracer_parts *parts)
{
    words_free(&parts->words);
    free(parts->args);
    free(parts->caps);
}

/* ---- What it may use. */

struct cap_budget tracer_budgets(struct tracer_parts *parts, const struct tracer_room *room)
{
    uint64_t taken = KERNEL_BYTES + room->package_bytes;
    uint64_t left = room->machine_bytes > taken ? room->machine_bytes - taken : FRAME_BYTES * HEAP_SHARE;
    uint64_t heap_bytes = left / HEAP_SHARE, frames = (left - heap_bytes) / FRAME_BYTES;
    parts->budget =
        (struct cap_budget){.frames = frames / TRACER_SHARE, .kernel_bytes = heap_bytes / TRACER_SHARE};
    return (struct cap_budget){
        .frames = frames / TRACER_SHARE + frames / INIT_SHARE + room->server_frames,
        .kernel_bytes = heap_bytes / TRACER_SHARE + heap_bytes / INIT_SHARE + room->server_kernel_bytes,
    };
}

/* ---- In the manifest. */

struct cap_program tracer_part_service(const struct tracer_parts *parts, const struct capnp_text *env,
                                       size_t env_count)
{
    return (struct cap_program){
        .name = capnp_text_of(server_name),
        .binary = capnp_text_of(server_name),
        .caps = CAPNP_LIST(parts->caps, parts->cap_count),
        .args = CAPNP_LIST(parts->args, parts->words.count),
        .env = CAPNP_LIST(env, env_count),
        .has_budget = true,
        .budget = parts->budget,
    };
}

struct cap_binary tracer_part_binary(const struct buffer *tracer)
{
    return (struct cap_binary){.name = capnp_text_of(server_name),
                               .data = {(const uint8_t *)tracer->data, tracer->size}};
}
