/* See package.h. The message itself is the generated codec's work. */
#include "package.h"
#include "elf_file.h"
#include "package_dirs.h"
#include "package_terminal.h"
#include "package_tracer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char init_name[] = "init", part_prefix[] = "capos-";

enum { OWN_BINARIES_MAX = 4, OWN_SERVICES_MAX = 2 }; /* beside the folders' */

/* PROGRAM_FRAMES: what init and the program have beside file servers; else a share of the machine. */
enum { PROGRAM_FRAMES = 16384, ENCODING_SLACK_BYTES = 65536, PACKAGE_TRAVERSAL_WORDS = 1 << 30 };

/* The arrays that the native manifest points to. */
struct parts {
    struct cap_cap_grant *init_caps;
    size_t init_cap_count;
    struct cap_cap_grant *program_caps;
    struct capnp_text *args;
    struct capnp_text *env;
    struct tracer_parts tracer;
    struct dir_parts dirs;
    char name[CAPOS_PROCESS_NAME_MAX + 1];
};

static struct capnp_text text_of(const char *text)
{
    return (struct capnp_text){text, strlen(text)};
}

static struct capnp_text *texts_of(const struct words *words)
{
    struct capnp_text *texts = must_alloc(words->count * sizeof(*texts));
    for (size_t i = 0; i < words->count; i++)
        texts[i] = text_of(words->items[i]);
    return texts;
}

/* init holds one capability per kernel object, under the object's word, however often it is handed on. */
static void init_caps_add(struct parts *parts, const struct grant_kind *kind)
{
    for (size_t i = 0; i < parts->init_cap_count; i++) {
        if (parts->init_caps[i].source.kernel == kind->source)
            return;
    }
    struct cap_cap_grant *grant = &parts->init_caps[parts->init_cap_count++];
    *grant = (struct cap_cap_grant){.name = text_of(kind->word)};
    grant->source.which = CAP_CAP_GRANT_SOURCE_KERNEL;
    grant->source.kernel = kind->source;
}

/* What init needs, the tracer, and the servers. */
static bool is_needed(enum cap_kernel_cap source, bool tracer, bool dirs, bool terminal)
{
    return (dirs && dir_parts_need(source)) || (terminal && terminal_part_needs(source)) ||
           source == CAP_KERNEL_CAP_BOOT_PACKAGE || source == CAP_KERNEL_CAP_PROCESS_SPAWNER ||
           source == CAP_KERNEL_CAP_VIRTUAL_MEMORY || (tracer && tracer_part_needs(source));
}

static void init_caps_make(struct parts *parts, const struct grant_list *grants, bool tracer, bool dirs)
{
    size_t kind_count;
    const struct grant_kind *kinds = grant_kinds(&kind_count);
    parts->init_caps = must_alloc(kind_count * sizeof(struct cap_cap_grant));
    for (size_t i = 0; i < kind_count; i++) {
        if (is_needed(kinds[i].source, tracer, dirs, grant_needs_terminal(grants)))
            init_caps_add(parts, &kinds[i]);
    }
    for (size_t i = 0; i < grants->count; i++) {
        if (!grants->items[i].kind->own && grants->items[i].kind->export == NULL)
            init_caps_add(parts, grants->items[i].kind);
    }
}

static void program_caps_make(struct parts *parts, const struct grant_list *grants)
{
    parts->program_caps = must_alloc((grants->count + parts->dirs.count) * sizeof(struct cap_cap_grant));
    if (parts->dirs.count > 0)
        memcpy(parts->program_caps + grants->count, parts->dirs.caps,
               parts->dirs.count * sizeof(struct cap_cap_grant));
    for (size_t i = 0; i < grants->count; i++) {
        const struct grant *from = &grants->items[i];
        struct cap_cap_grant *to = &parts->program_caps[i];
        *to = (struct cap_cap_grant){.name = text_of(from->name)};
        if (from->kind->export != NULL) {
            to->source = terminal_part_source(from->kind);
        } else if (from->kind->own) {
            to->source.which = CAP_CAP_GRANT_SOURCE_KERNEL;
            to->source.kernel = from->kind->source;
        } else {
            to->source.which = CAP_CAP_GRANT_SOURCE_INHERIT;
            to->source.inherit = text_of(from->kind->word);
        }
    }
}

/* The program must not stand in for init among the binaries, or for what is started beside it. `out` is
 * zeroed. */
static void binary_name(const struct package_request *request, char *out)
{
    const char *name = request->program_name;
    if (strcmp(name, init_name) == 0 || strncmp(name, part_prefix, sizeof part_prefix - 1) == 0)
        name = "program";
    memcpy(out, name, strnlen(name, CAPOS_PROCESS_NAME_MAX));
}

static void parts_make(struct parts *parts, const struct package_request *request)
{
    *parts = (struct parts){0};
    dir_parts_make(&parts->dirs, request->dirs, &request->files);
    init_caps_make(parts, request->grants, request->trace != NULL, parts->dirs.count > 0);
    program_caps_make(parts, request->grants);
    parts->args = texts_of(request->args);
    parts->env = texts_of(request->env);
    binary_name(request, parts->name);
    if (request->trace == NULL)
        return;
    tracer_parts_make(&parts->tracer, request->trace, parts->name, request->args, request->grants,
                      &parts->dirs);
    dir_parts_limit(&parts->dirs);
}

static void parts_free(struct parts *parts)
{
    free(parts->init_caps);
    free(parts->program_caps);
    free(parts->args);
    free(parts->env);
    tracer_parts_free(&parts->tracer);
    dir_parts_free(&parts->dirs);
}

static struct capnp_data data_of(const struct buffer *bytes)
{
    return (struct capnp_data){(const uint8_t *)bytes->data, bytes->size};
}

static size_t size_bound(const struct package_request *request)
{
    size_t bytes = request->init.size + request->program.size + request->terminal.size +
                   request->tracer.size + ENCODING_SLACK_BYTES;
    for (size_t i = 0; i < request->args->count; i++)
        bytes += strlen(request->args->items[i]) + 32;
    for (size_t i = 0; i < request->env->count; i++)
        bytes += strlen(request->env->items[i]) + 32;
    return (bytes + request->grants->count * 256) & ~(size_t)7; /* twice, with a tracer */
}

/* `own` and behind it `more`, which may be empty. */
static void *joined(const void *own, size_t own_count, const void *more, size_t more_count, size_t item_bytes)
{
    char *both = must_alloc((own_count + more_count) * item_bytes);
    memcpy(both, own, own_count * item_bytes);
    if (more_count > 0)
        memcpy(both + own_count * item_bytes, more, more_count * item_bytes);
    return both;
}

static bool encode(const struct cap_system_manifest *manifest, size_t bound, struct buffer *out,
                   struct sentence *why)
{
    size_t cap_count = 0;
    void *bytes = must_alloc(bound);
    int32_t used = cap_system_manifest_encode(manifest, bytes, bound, NULL, &cap_count);
    if (used > 0)
        buffer_append(out, bytes, (size_t)used);
    free(bytes);
    return used > 0 ||
           sentence_say(why, "the program and its arguments do not fit into a boot package (error %d)", used);
}

static bool has_terminal(const struct package_request *request)
{
    return request->program.size > 0 && grant_needs_terminal(request->grants);
}

size_t package_services_before(const struct package_request *request)
{
    return (request->dirs == NULL ? 0 : request->dirs->count) + (has_terminal(request) ? 1 : 0) +
           (request->trace != NULL ? 1 : 0);
}

/* What is there for the program's sake alone: the program itself, or the tracer that starts it. */
static struct cap_program main_service(const struct parts *parts, const struct package_request *request)
{
    if (request->trace != NULL)
        return tracer_part_service(&parts->tracer, parts->env, request->env->count);
    return (struct cap_program){
        .name = text_of(parts->name),
        .binary = text_of(parts->name),
        .caps = CAPNP_LIST(parts->program_caps, request->grants->count + parts->dirs.count),
        .args = CAPNP_LIST(parts->args, request->args->count),
        .env = CAPNP_LIST(parts->env, request->env->count),
    };
}

/* Everything but the folders'. Returns how many. */
static size_t make_binaries(const struct parts *parts, const struct package_request *request,
                            struct cap_binary *out)
{
    size_t count = 0;
    out[count++] = (struct cap_binary){.name = text_of(init_name), .data = data_of(&request->init)};
    if (request->program.size > 0)
        out[count++] = (struct cap_binary){.name = text_of(parts->name), .data = data_of(&request->program)};
    if (request->trace != NULL)
        out[count++] = tracer_part_binary(&request->tracer);
    if (has_terminal(request))
        out[count++] = terminal_part_binary(&request->terminal);
    return count;
}

static size_t make_services(const struct parts *parts, const struct package_request *request,
                            struct cap_program *out)
{
    size_t count = 0;
    if (request->program.size > 0) {
        out[count] = main_service(parts, request);
        out[count++].main = package_services_before(request) > 0; /* the servers would go on */
    }
    if (has_terminal(request))
        out[count++] = terminal_part_service();
    return count;
}

/* Else a share of the machine. */
static bool init_budget(struct parts *parts, const struct package_request *request, size_t bound,
                        struct cap_budget *out)
{
    const struct tracer_room room = {
        .machine_bytes = request->machine_bytes,
        .package_bytes = bound,
        .server_frames = parts->dirs.frames + (has_terminal(request) ? TERMINAL_PART_FRAMES : 0),
        .server_kernel_bytes =
            parts->dirs.kernel_bytes + (has_terminal(request) ? TERMINAL_PART_KERNEL_BYTES : 0),
    };
    *out = (struct cap_budget){.frames = room.server_frames + PROGRAM_FRAMES};
    if (request->trace != NULL)
        *out = tracer_budgets(&parts->tracer, &room);
    return request->trace != NULL || parts->dirs.count > 0;
}

bool package_build(const struct package_request *request, struct buffer *out, struct sentence *why)
{
    struct parts parts;
    struct cap_binary binaries[OWN_BINARIES_MAX];
    struct cap_program services[OWN_SERVICES_MAX];
    struct cap_budget budget;
    parts_make(&parts, request);
    const size_t dir_count = parts.dirs.count, dir_binaries = dir_count == 0 ? 0 : dir_count + 1;
    const size_t bound = size_bound(request) + ((parts.dirs.size_bytes + 7) & ~(size_t)7);
    const bool has_budget = init_budget(&parts, request, bound, &budget);
    const size_t binary_count = make_binaries(&parts, request, binaries);
    const size_t service_count = make_services(&parts, request, services);
    void *all_binaries =
        joined(binaries, binary_count, parts.dirs.binaries, dir_binaries, sizeof binaries[0]);
    void *all_services = joined(services, service_count, parts.dirs.services, dir_count, sizeof services[0]);
    struct cap_system_manifest manifest = {
        .schema_version = CAP_CURRENT_SCHEMA_VERSION,
        .binaries = CAPNP_LIST(all_binaries, binary_count + dir_binaries),
        .has_init_config = true,
        .init_config =
            {
                .has_init = true,
                .init = {.name = text_of(init_name),
                         .binary = text_of(init_name),
                         .has_budget = has_budget,
                         .budget = budget,
                         .caps = CAPNP_LIST(parts.init_caps, parts.init_cap_count)},
                .services = CAPNP_LIST(all_services, service_count + dir_count),
            },
    };
    bool ok = encode(&manifest, bound, out, why);
    free(all_binaries);
    free(all_services);
    parts_free(&parts);
    return ok;
}

/* --- looking at a package
 * ------------------------------------------------------------------------------------ */

struct opened {
    struct capnp_message message;
    struct cap_system_manifest manifest;
};

static bool open_package(const struct buffer *package, struct opened *out)
{
    return cap_system_manifest_decode(&out->message, package->data, package->size, NULL, 0, &out->manifest) >=
           0;
}

static bool text_equals(struct capnp_text text, const char *other, size_t len)
{
    return text.len == len && memcmp(text.bytes, other, len) == 0;
}

static bool find_binary(const struct cap_system_manifest *manifest, const char *name, size_t len,
                        struct capnp_data *out)
{
    for (size_t i = 0; i < manifest->binaries.count; i++) {
        struct cap_binary binary;
        if (cap_binary_list_get(&manifest->binaries, i, &binary) < 0)
            return false;
        if (!text_equals(binary.name, name, len))
            continue;
        *out = binary.data;
        return true;
    }
    return false;
}

/* "initConfig.init" or "initConfig.services[2]" */
struct field_name {
    char text[64];
};

static struct field_name field_of(size_t index)
{
    struct field_name field;
    if (index == 0)
        snprintf(field.text, sizeof(field.text), "initConfig.init");
    else
        snprintf(field.text, sizeof(field.text), "initConfig.services[%zu]", index - 1);
    return field;
}

static bool check_caps(const struct cap_program *program, const struct field_name *field,
                       struct sentence *why)
{
    for (size_t i = 0; i < program->caps.count; i++) {
        struct cap_cap_grant grant;
        if (cap_cap_grant_list_get(&program->caps, i, &grant) < 0)
            return sentence_say(why, "%s.caps[%zu] is malformed", field->text, i);
        if (grant.name.len == 0 || grant.name.len > CAPOS_CAP_NAME_MAX)
            return sentence_say(why, "%s.caps[%zu].name: '%.*s' must have from 1 to %u bytes", field->text, i,
                                (int)grant.name.len, grant.name.bytes, CAPOS_CAP_NAME_MAX);
        for (size_t j = 0; j < i; j++) {
            struct cap_cap_grant other;
            if (cap_cap_grant_list_get(&program->caps, j, &other) >= 0 &&
                text_equals(other.name, grant.name.bytes, grant.name.len))
                return sentence_say(why, "%s.caps[%zu].name: '%.*s' is already the name of caps[%zu]",
                                    field->text, i, (int)grant.name.len, grant.name.bytes, j);
        }
    }
    return true;
}

static bool check_program(const struct cap_system_manifest *manifest, const struct cap_program *program,
                          size_t index, struct sentence *why)
{
    struct field_name field = field_of(index);
    struct capnp_data data;
    if (program->binary.len == 0)
        return sentence_say(why, "%s.binary is missing: it names one of `binaries`", field.text);
    if (!find_binary(manifest, program->binary.bytes, program->binary.len, &data))
        return sentence_say(why, "%s.binary: there is no '%.*s' in `binaries`", field.text,
                            (int)program->binary.len, program->binary.bytes);
    struct sentence elf;
    if (!elf_check_program(data.bytes, data.len, &elf))
        return sentence_say(why, "%s.binary: '%.*s' %.800s", field.text, (int)program->binary.len,
                            program->binary.bytes, elf.text);
    if (program->name.len > CAPOS_PROCESS_NAME_MAX)
        return sentence_say(why, "%s.name: '%.*s' is longer than %u bytes", field.text,
                            (int)program->name.len, program->name.bytes, CAPOS_PROCESS_NAME_MAX);
    return check_caps(program, &field, why);
}

/* Program 0 is init, then the services. */
static bool get_program(const struct cap_system_manifest *manifest, size_t index, struct cap_program *out)
{
    if (index == 0)
        *out = manifest->init_config.init;
    return index == 0 || cap_program_list_get(&manifest->init_config.services, index - 1, out) >= 0;
}

bool package_check(const struct buffer *package, struct sentence *why)
{
    struct opened opened;
    if (!open_package(package, &opened))
        return sentence_say(why, "is not a well-formed SystemManifest message");
    const struct cap_system_manifest *manifest = &opened.manifest;
    if (manifest->schema_version != CAP_CURRENT_SCHEMA_VERSION)
        return sentence_say(why, "schemaVersion: must be %u, not %u", (unsigned)CAP_CURRENT_SCHEMA_VERSION,
                            manifest->schema_version);
    if (!manifest->has_init_config || !manifest->init_config.has_init)
        return sentence_say(why, "initConfig.init is missing: it is the program that the kernel starts");
    for (size_t i = 0; i <= manifest->init_config.services.count; i++) {
        struct cap_program program;
        /* Each program may look at every binary; the limit is meant for messages that are read once. */
        opened.message.words_left = PACKAGE_TRAVERSAL_WORDS;
        if (!get_program(manifest, i, &program))
            return sentence_say(why, "%s is malformed", field_of(i).text);
        if (!check_program(manifest, &program, i, why))
            return false;
    }
    return true;
}

bool package_program(const struct buffer *package, size_t index, const char **name, const void **bytes,
                     size_t *size)
{
    struct opened opened;
    struct cap_program program;
    struct capnp_data data;
    if (!open_package(package, &opened) || !opened.manifest.has_init_config ||
        !get_program(&opened.manifest, index, &program) ||
        !find_binary(&opened.manifest, program.binary.bytes, program.binary.len, &data))
        return false;
    *name = program.binary.bytes;
    *bytes = data.bytes;
    *size = data.len;
    return true;
}
