/* Validation of a manifest. See plan.h. */
#include "plan.h"
#include <capos/boot.h>
#include <capos/capset.h>
#include <capos/console.h>
#include <capos/entropy.h>
#include <capos/limits.h>
#include <capos/log.h>
#include <capos/memory.h>
#include <capos/print.h>
#include <capos/system.h>
#include <capos/timer.h>
#include <capos/wallclock.h>
#include <stdarg.h>
#include <string.h>

enum { PATH_BYTES = 80, QUOTED_BYTES = 44, HOLDINGS_TEXT_BYTES = 160, MESSAGE_OVERHEAD_BYTES = 1024 };

/* How a manifest names the kernel's objects, and how init passes them on. */
struct kernel_object {
    const char *name;
    uint64_t interface_id;
    bool own; /* made for the child, not passed on: enum cap_own_object in `own_object` */
    enum cap_own_object own_object;
};

static const struct kernel_object kernel_objects[] = {
    [CAP_KERNEL_CAP_CONSOLE] = {.name = "console", .interface_id = CAP_CONSOLE_INTERFACE_ID},
    [CAP_KERNEL_CAP_LOG_READER] = {.name = "logReader", .interface_id = CAP_LOG_READER_INTERFACE_ID},
    [CAP_KERNEL_CAP_LOG_SINK] = {.name = "logSink", .interface_id = CAP_LOG_SINK_INTERFACE_ID},
    [CAP_KERNEL_CAP_TIMER] = {.name = "timer", .interface_id = CAP_TIMER_INTERFACE_ID},
    [CAP_KERNEL_CAP_WALL_CLOCK] = {.name = "wallClock", .interface_id = CAP_WALL_CLOCK_INTERFACE_ID},
    [CAP_KERNEL_CAP_ENTROPY] = {.name = "entropy", .interface_id = CAP_ENTROPY_SOURCE_INTERFACE_ID},
    [CAP_KERNEL_CAP_VIRTUAL_MEMORY] = {.name = "virtualMemory",
                                       .interface_id = CAP_VIRTUAL_MEMORY_INTERFACE_ID,
                                       .own = true,
                                       .own_object = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
    [CAP_KERNEL_CAP_BOOT_PACKAGE] = {.name = "bootPackage", .interface_id = CAP_BOOT_PACKAGE_INTERFACE_ID},
    [CAP_KERNEL_CAP_PROCESS_SPAWNER] = {.name = "processSpawner",
                                        .interface_id = CAP_PROCESS_SPAWNER_INTERFACE_ID},
    [CAP_KERNEL_CAP_SYSTEM_INFO] = {.name = "systemInfo", .interface_id = CAP_SYSTEM_INFO_INTERFACE_ID},
    [CAP_KERNEL_CAP_SYSTEM_CONTROL] = {.name = "systemControl",
                                       .interface_id = CAP_SYSTEM_CONTROL_INTERFACE_ID},
    [CAP_KERNEL_CAP_CAPABILITY_MANAGER] = {.name = "capabilityManager",
                                           .interface_id = CAP_CAPABILITY_MANAGER_INTERFACE_ID,
                                           .own = true,
                                           .own_object = CAP_OWN_OBJECT_CAPABILITY_MANAGER},
    [CAP_KERNEL_CAP_NULL] = {.name = "null", .interface_id = CAP_NULL_CAP_INTERFACE_ID},
};
enum { KERNEL_OBJECTS = sizeof kernel_objects / sizeof kernel_objects[0] };

/* Where in the manifest the checks are, for messages. */
struct place {
    struct plan *plan;
    const struct holdings *holdings;
    char path[PATH_BYTES];
};

static bool fail(const struct place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(const struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int used = capos_snprintf(at->plan->error, sizeof at->plan->error, "%s: ", at->path);
    capos_vsnprintf(at->plan->error + used, sizeof at->plan->error - (size_t)used, format, args);
    va_end(args);
    return false;
}

static void place_set(struct place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void place_set(struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    capos_vsnprintf(at->path, sizeof at->path, format, args);
    va_end(args);
}

/* A text from the manifest as it may be shown: short, and without control characters. */
struct quoted {
    char text[QUOTED_BYTES];
};

static struct quoted quote(struct capnp_text text)
{
    struct quoted quoted;
    size_t len = text.len < QUOTED_BYTES - 4 ? text.len : QUOTED_BYTES - 4;
    for (size_t i = 0; i < len; i++)
        quoted.text[i] = (unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f ? '?' : text.bytes[i];
    const char *end = len < text.len ? "..." : "";
    memcpy(quoted.text + len, end, strlen(end) + 1);
    return quoted;
}

static bool text_equal(struct capnp_text a, struct capnp_text b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

static bool holding_named(const struct holding *holding, struct capnp_text name)
{
    return text_equal(capnp_text_n(holding->name, holding->name_len), name);
}

/* `console, timer` */
static void list_holdings(const struct holdings *holdings, char *out, size_t size)
{
    size_t used = 0;
    capos_snprintf(out, size, "nothing");
    for (size_t i = 0; i < holdings->count && used < size; i++) {
        const struct holding *holding = &holdings->items[i];
        used += (size_t)capos_snprintf(out + used, size - used, "%s%.*s", i == 0 ? "" : ", ",
                                       (int)holding->name_len, holding->name);
    }
}

/* ---- Texts
 * ---------------------------------------------------------------------------------------------------- */

/* A name that goes into a kernel record: 1 to `limit` bytes, no control characters. */
static bool check_name(const struct place *at, const char *field, struct capnp_text name, size_t limit)
{
    if (name.len == 0)
        return fail(at, "%s is empty", field);
    if (name.len > limit)
        return fail(at, "%s \"%s\" is longer than %zu bytes", field, quote(name).text, limit);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.bytes[i] < ' ' || name.bytes[i] == 0x7f)
            return fail(at, "%s \"%s\" has a control character in it", field, quote(name).text);
    return true;
}

/* argv or envp: C strings of limited number; adds up their bytes. */
static bool check_strings(const struct place *at, const char *field, const struct capnp_list *list,
                          bool assignments, size_t *bytes)
{
    if (list->count > CAPOS_ARGS_MAX)
        return fail(at, "%s has %zu entries, at most %u are possible", field, list->count, CAPOS_ARGS_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text text;
        if (capnp_list_get_text(list, i, &text) < 0)
            return fail(at, "%s[%zu] is malformed", field, i);
        if (memchr(text.bytes, '\0', text.len) != NULL)
            return fail(at, "%s[%zu] has a NUL byte in it", field, i);
        if (assignments &&
            (text.len == 0 || text.bytes[0] == '=' || memchr(text.bytes, '=', text.len) == NULL))
            return fail(at, "%s[%zu] \"%s\" is not of the form KEY=value", field, i, quote(text).text);
        *bytes += text.len + 1;
    }
    return true;
}

/* ---- Binaries
 * ------------------------------------------------------------------------------------------------- */

static bool find_binary(const struct plan *plan, struct capnp_text name)
{
    for (size_t i = 0; i < plan->binary_count; i++)
        if (text_equal(plan->binaries[i], name))
            return true;
    return false;
}

static bool check_binaries(struct place *at, const struct cap_system_manifest *manifest)
{
    struct plan *plan = at->plan;
    place_set(at, "binaries");
    if (manifest->binaries.count > PLAN_BINARIES_MAX)
        return fail(at, "%zu entries, at most %d are possible", manifest->binaries.count, PLAN_BINARIES_MAX);
    for (size_t i = 0; i < manifest->binaries.count; i++) {
        struct cap_binary binary;
        place_set(at, "binaries[%zu]", i);
        if (cap_binary_list_get(&manifest->binaries, i, &binary) < 0)
            return fail(at, "malformed");
        if (binary.name.len == 0)
            return fail(at, "name is empty");
        if (find_binary(plan, binary.name))
            return fail(at, "a second binary named \"%s\"", quote(binary.name).text);
        plan->binaries[plan->binary_count++] = binary.name;
    }
    return true;
}

/* ---- Grants
 * --------------------------------------------------------------------------------------------------- */

static void grant_own(struct cap_spawn_grant *out, enum cap_own_object own)
{
    out->which = CAP_SPAWN_GRANT_OWN;
    out->own = own;
}

static void grant_copy(struct cap_spawn_grant *out, const struct holding *holding)
{
    out->which = CAP_SPAWN_GRANT_CAPABILITY;
    out->capability.id = holding->cap_id;
    out->capability.mode = CAPOS_XFER_COPY;
}

static bool resolve_kernel(const struct place *at, enum cap_kernel_cap kernel, struct cap_spawn_grant *out)
{
    char held[HOLDINGS_TEXT_BYTES];
    if ((uint32_t)kernel >= KERNEL_OBJECTS)
        return fail(at, "source.kernel is %u, which is no kernel object that this init knows",
                    (unsigned)kernel);
    const struct kernel_object *object = &kernel_objects[kernel];
    if (object->own) {
        grant_own(out, object->own_object);
        return true;
    }
    for (size_t i = 0; i < at->holdings->count; i++)
        if (at->holdings->items[i].interface_id == object->interface_id) {
            grant_copy(out, &at->holdings->items[i]);
            return true;
        }
    list_holdings(at->holdings, held, sizeof held);
    return fail(at,
                "init was not granted the kernel's %s, so it cannot pass it on (initConfig.init.caps); init "
                "holds: %s",
                object->name, held);
}

static bool resolve_inherit(const struct place *at, struct capnp_text name, struct cap_spawn_grant *out)
{
    char held[HOLDINGS_TEXT_BYTES];
    for (size_t i = 0; i < at->holdings->count; i++) {
        const struct holding *holding = &at->holdings->items[i];
        if (!holding_named(holding, name))
            continue;
        for (size_t k = 0; k < KERNEL_OBJECTS; k++)
            if (kernel_objects[k].own && kernel_objects[k].interface_id == holding->interface_id)
                return fail(at, "\"%s\" is init's own; write kernel = %s to give the service one of its own",
                            quote(name).text, kernel_objects[k].name);
        grant_copy(out, holding);
        return true;
    }
    list_holdings(at->holdings, held, sizeof held);
    return fail(at, "no capability named \"%s\"; init holds: %s", quote(name).text, held);
}

static bool check_grant(const struct place *at, const struct cap_cap_grant *grant)
{
    struct plan *plan = at->plan;
    struct cap_spawn_grant *out = &plan->grants[plan->grant_count];
    if (!check_name(at, "name", grant->name, CAPOS_CAP_NAME_MAX))
        return false;
    for (size_t i = 0; i < plan->grant_count; i++)
        if (text_equal(plan->grants[i].name, grant->name))
            return fail(at, "a second capability named \"%s\"", quote(grant->name).text);
    out->name = grant->name;
    plan->grant_count++;
    switch (grant->source.which) {
    case CAP_CAP_GRANT_SOURCE_KERNEL:
        return resolve_kernel(at, grant->source.kernel, out);
    case CAP_CAP_GRANT_SOURCE_INHERIT:
        return resolve_inherit(at, grant->source.inherit, out);
    }
    return fail(at, "source is of a kind (%u) that this init does not know", (unsigned)grant->source.which);
}

static bool check_grants(struct place *at, size_t index)
{
    const struct capnp_list *caps = &at->plan->services[index].program.caps;
    unsigned sent = 0;
    at->plan->grant_count = 0;
    place_set(at, "initConfig.services[%zu]", index);
    if (caps->count > PLAN_GRANTS_MAX)
        return fail(at, "caps has %zu entries, at most %d are possible", caps->count, PLAN_GRANTS_MAX);
    for (size_t i = 0; i < caps->count; i++) {
        struct cap_cap_grant grant;
        place_set(at, "initConfig.services[%zu].caps[%zu]", index, i);
        if (cap_cap_grant_list_get(caps, i, &grant) < 0)
            return fail(at, "malformed");
        if (!check_grant(at, &grant))
            return false;
        if (at->plan->grants[i].which == CAP_SPAWN_GRANT_CAPABILITY && ++sent > CAPOS_CALL_CAPS_MAX)
            return fail(at,
                        "one more than the %u capabilities that can be passed to a new process (its own "
                        "virtualMemory and capabilityManager do not count)",
                        CAPOS_CALL_CAPS_MAX);
    }
    return true;
}

/* ---- Services
 * ------------------------------------------------------------------------------------------------- */

static bool check_budget(const struct place *at, const struct service *service)
{
    const struct cap_budget *budget = &service->program.budget;
    if (!service->program.has_budget)
        return true;
    if (budget->cap_slots > CAPOS_CAP_SLOTS_MAX)
        return fail(at, "budget.capSlots is %u, at most %u are possible", budget->cap_slots,
                    CAPOS_CAP_SLOTS_MAX);
    size_t grants = service->program.caps.count;
    if (budget->cap_slots != 0 && budget->cap_slots < grants)
        return fail(at, "budget.capSlots is %u, but caps has %zu entries", budget->cap_slots, grants);
    return true;
}

static bool check_texts(const struct place *at, const struct service *service)
{
    const struct cap_program *program = &service->program;
    size_t bytes = 0;
    if (!check_strings(at, "args", &program->args, false, &bytes) ||
        !check_strings(at, "env", &program->env, true, &bytes))
        return false;
    /* Each string costs a pointer and padding in the message too. */
    bytes += 2 * CAPNP_WORD_BYTES * (program->args.count + program->env.count);
    if (bytes > CAPOS_MESSAGE_MAX_BYTES - MESSAGE_OVERHEAD_BYTES - PLAN_GRANTS_MAX * CAPOS_CAP_NAME_MAX)
        return fail(at, "args and env are too long together: one call carries at most %u bytes",
                    CAPOS_MESSAGE_MAX_BYTES);
    return true;
}

static bool check_service(struct place *at, size_t index, struct service *service)
{
    const struct plan *plan = at->plan;
    const struct cap_program *program = &service->program;
    if (program->binary.len == 0)
        return fail(at, "binary is empty");
    if (!find_binary(plan, program->binary))
        return fail(at, "binaries has no \"%s\"", quote(program->binary).text);
    service->name = program->name.len != 0 ? program->name : program->binary;
    if (!check_name(at, "name", service->name, CAPOS_PROCESS_NAME_MAX))
        return false;
    for (size_t i = 0; i < index; i++)
        if (text_equal(plan->services[i].name, service->name))
            return fail(at, "a second service named \"%s\"", quote(service->name).text);
    if (!check_texts(at, service) || !check_grants(at, index))
        return false;
    place_set(at, "initConfig.services[%zu]", index);
    return check_budget(at, service);
}

static bool check_services(struct place *at, const struct cap_init_config *config)
{
    struct plan *plan = at->plan;
    place_set(at, "initConfig.services");
    if (config->services.count == 0)
        return fail(at, "empty: there is nothing to start");
    if (config->services.count > PLAN_SERVICES_MAX)
        return fail(at, "%zu entries, at most %d are possible", config->services.count, PLAN_SERVICES_MAX);
    for (size_t i = 0; i < config->services.count; i++) {
        struct service *service = &plan->services[i];
        place_set(at, "initConfig.services[%zu]", i);
        if (cap_program_list_get(&config->services, i, &service->program) < 0)
            return fail(at, "malformed");
        if (!check_service(at, i, service))
            return false;
        plan->service_count++;
    }
    return true;
}

bool plan_make(struct plan *plan, const struct cap_system_manifest *manifest, const struct holdings *holdings)
{
    struct place at = {.plan = plan, .holdings = holdings};
    plan->binary_count = 0;
    plan->service_count = 0;
    plan->error[0] = '\0';
    plan->motd = capnp_text_n("", 0);
    place_set(&at, "schemaVersion");
    if (manifest->schema_version != CAP_CURRENT_SCHEMA_VERSION)
        return fail(&at, "%u, this init reads version %u", manifest->schema_version,
                    CAP_CURRENT_SCHEMA_VERSION);
    if (!check_binaries(&at, manifest))
        return false;
    place_set(&at, "initConfig");
    if (!manifest->has_init_config)
        return fail(&at, "missing");
    if (!check_services(&at, &manifest->init_config))
        return false;
    if (manifest->has_kernel_params)
        plan->motd = manifest->kernel_params.motd;
    return true;
}

bool plan_grants(struct plan *plan, size_t index, const struct holdings *holdings)
{
    struct place at = {.plan = plan, .holdings = holdings};
    return check_grants(&at, index);
}
