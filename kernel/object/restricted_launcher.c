/*
 * RestrictedLauncher: a spawner for some binaries of the boot package, with grants that it holds itself
 * (`preset`) and names under which whoever launches may add his own (`allowed`).
 *
 * One block of memory, charged to who made it and never changed: the struct, its three tables, and behind
 * them the text that they point at.
 */
#include "core/call.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/kernel_caps.h"
#include "object/process_spawner.h"
#include <base/string.h>
#include <capos/process_server.h>

enum { BINARIES_MAX = 64, ALLOWED_MAX = 64 };

struct restricted_launcher {
    struct object object;  /* first */
    struct ledger *ledger; /* referenced */
    size_t size_bytes;     /* of the block */
    size_t binary_count, preset_count, allowed_count;
    struct capnp_text *binaries;
    struct launch_grant *presets; /* the capabilities are referenced */
    struct cap_allowed_grant *allowed;
};

static struct restricted_launcher *of(void *self)
{
    return container_of((struct object *)self, struct restricted_launcher, object);
}

static void launcher_destroy(struct object *object)
{
    struct restricted_launcher *launcher = of(object);
    struct ledger *ledger = launcher->ledger;
    size_t size_bytes = launcher->size_bytes;
    for (size_t i = 0; i < launcher->preset_count; i++) {
        if (launcher->presets[i].own == NULL)
            object_put(launcher->presets[i].capability.object);
    }
    heap_free(launcher, size_bytes);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, size_bytes);
    ledger_put(ledger);
}

static const struct object_type restricted_launcher_type;

/* ---- Making one: what the message says, checked; then the block. */

struct plan {
    struct capnp_text binaries[BINARIES_MAX];
    struct launch_grant presets[LAUNCH_GRANTS_MAX];
    struct cap_allowed_grant allowed[ALLOWED_MAX];
    size_t binary_count, preset_count, allowed_count;
    size_t text_bytes;
};

static int32_t plan_binaries(struct cap_call *call, const struct capnp_list *list, struct plan *plan)
{
    if (list->count > BINARIES_MAX)
        return spawn_refuse(call, "more than %u binaries", BINARIES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct image image;
        int32_t status = capnp_list_get_text(list, i, &plan->binaries[i]);
        if (status >= 0)
            status = spawn_find_binary(call, plan->binaries[i], &image);
        if (status < 0)
            return status;
        plan->text_bytes += plan->binaries[i].len;
    }
    plan->binary_count = list->count;
    return CAPOS_OK;
}

/* Every child gets them: so they are copied, and must be such as may be. */
static int32_t plan_presets(struct cap_call *call, const struct capnp_list *list, struct plan *plan)
{
    int32_t status = spawn_read_grants(call, list, plan->presets, &plan->preset_count);
    for (size_t i = 0; i < plan->preset_count && status >= 0; i++) {
        const struct launch_grant *grant = &plan->presets[i];
        plan->text_bytes += grant->name.len;
        if (grant->name.len == 0 || grant->name.len > CAPOS_CAP_NAME_MAX)
            status = spawn_refuse(call, "a grant's name is empty or longer than 40 bytes");
        else if (grant->own == NULL && grant->capability.type->transfer != CAP_TRANSFER_ANY)
            status = spawn_refuse(call, "grant \"%.*s\": the capability cannot be copied",
                                  (int)grant->name.len, grant->name.bytes);
    }
    return status;
}

static int32_t plan_allowed(struct cap_call *call, const struct capnp_list *list, struct plan *plan)
{
    if (list->count > ALLOWED_MAX)
        return spawn_refuse(call, "more than %u allowed grants", ALLOWED_MAX);
    for (size_t i = 0; i < list->count; i++) {
        int32_t status = cap_allowed_grant_list_get(list, i, &plan->allowed[i]);
        if (status < 0)
            return status;
        plan->text_bytes += plan->allowed[i].name.len;
    }
    plan->allowed_count = list->count;
    return CAPOS_OK;
}

static struct capnp_text keep_text(char **at, struct capnp_text text)
{
    struct capnp_text kept = {*at, text.len};
    memcpy(*at, text.bytes, text.len);
    *at += text.len;
    return kept;
}

static size_t plan_bytes(const struct plan *plan)
{
    return sizeof(struct restricted_launcher) + plan->binary_count * sizeof(plan->binaries[0]) +
           plan->preset_count * sizeof(plan->presets[0]) + plan->allowed_count * sizeof(plan->allowed[0]) +
           plan->text_bytes;
}

static void fill(struct restricted_launcher *launcher, const struct plan *plan)
{
    launcher->binaries = (struct capnp_text *)(void *)(launcher + 1);
    launcher->presets = (struct launch_grant *)(void *)(launcher->binaries + plan->binary_count);
    launcher->allowed = (struct cap_allowed_grant *)(void *)(launcher->presets + plan->preset_count);
    char *text = (char *)(launcher->allowed + plan->allowed_count);
    for (size_t i = 0; i < plan->binary_count; i++)
        launcher->binaries[i] = keep_text(&text, plan->binaries[i]);
    for (size_t i = 0; i < plan->preset_count; i++) {
        launcher->presets[i] = plan->presets[i];
        launcher->presets[i].name = keep_text(&text, plan->presets[i].name);
        if (plan->presets[i].own == NULL)
            object_get(plan->presets[i].capability.object);
    }
    for (size_t i = 0; i < plan->allowed_count; i++)
        launcher->allowed[i] = (struct cap_allowed_grant){keep_text(&text, plan->allowed[i].name),
                                                          plan->allowed[i].interface_id};
    launcher->binary_count = plan->binary_count;
    launcher->preset_count = plan->preset_count;
    launcher->allowed_count = plan->allowed_count;
}

static status_t launcher_alloc(struct ledger *payer, size_t size_bytes, struct restricted_launcher **out)
{
    status_t status = ledger_charge(payer, LEDGER_HEAP_BYTES, size_bytes);
    if (status < 0)
        return status;
    struct restricted_launcher *launcher = heap_alloc(size_bytes);
    if (launcher == NULL) {
        ledger_refund(payer, LEDGER_HEAP_BYTES, size_bytes);
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&launcher->object, &restricted_launcher_type);
    launcher->ledger = payer;
    launcher->size_bytes = size_bytes;
    ledger_get(payer);
    *out = launcher;
    return CAPOS_OK;
}

int32_t restricted_launcher_create(struct cap_call *call,
                                   const struct cap_process_spawner_restrict_params *params,
                                   struct capability *out)
{
    struct plan plan;
    struct restricted_launcher *launcher;
    plan.preset_count = 0;
    plan.text_bytes = 0;
    int32_t status = plan_binaries(call, &params->binaries, &plan);
    if (status >= 0)
        status = plan_presets(call, &params->preset, &plan);
    if (status >= 0)
        status = plan_allowed(call, &params->allowed, &plan);
    if (status >= 0)
        status = launcher_alloc(kcall_ledger(call), plan_bytes(&plan), &launcher);
    if (status < 0)
        return status;
    fill(launcher, &plan);
    *out = (struct capability){&launcher->object, &restricted_launcher_type};
    return CAPOS_OK;
}

/* ---- Launching. */

static bool text_equal(struct capnp_text a, struct capnp_text b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

static int32_t check_binary(const struct restricted_launcher *launcher, struct cap_call *call,
                            struct capnp_text name)
{
    int shown = (int)(name.len < CAPOS_CAP_NAME_MAX ? name.len : CAPOS_CAP_NAME_MAX);
    for (size_t i = 0; i < launcher->binary_count; i++) {
        if (text_equal(launcher->binaries[i], name))
            return CAPOS_OK;
    }
    return spawn_refuse(call, "binary \"%.*s\": not one that this launcher may start", shown, name.bytes);
}

/* Without a name: whatever the launching process calls what it holds, but no objects about the child. */
static bool is_for(const struct cap_allowed_grant *allowed, const struct launch_grant *grant)
{
    return text_equal(allowed->name, grant->name) || (allowed->name.len == 0 && grant->own == NULL);
}

/* An own object's interface is compared when it has been made. */
static int32_t check_grant(const struct restricted_launcher *launcher, struct cap_call *call,
                           struct launch_grant *grant)
{
    int shown = (int)(grant->name.len < CAPOS_CAP_NAME_MAX ? grant->name.len : CAPOS_CAP_NAME_MAX);
    for (size_t i = 0; i < launcher->allowed_count; i++) {
        uint64_t interface_id = launcher->allowed[i].interface_id;
        if (!is_for(&launcher->allowed[i], grant))
            continue;
        if (grant->own != NULL && grant->interface_id == 0)
            grant->interface_id = interface_id;
        uint64_t is = grant->own != NULL ? grant->interface_id : grant->capability.type->interface_id;
        if (interface_id == 0 || is == interface_id)
            return CAPOS_OK;
        return spawn_refuse(call, "grant \"%.*s\": not of the interface that this launcher allows there",
                            shown, grant->name.bytes);
    }
    return spawn_refuse(call, "grant \"%.*s\": not a name that this launcher allows", shown,
                        grant->name.bytes);
}

static int32_t read_grants(const struct restricted_launcher *launcher, struct cap_call *call,
                           const struct capnp_list *list, struct launch_grant *grants, size_t *count)
{
    for (size_t i = 0; i < launcher->preset_count; i++)
        grants[i] = launcher->presets[i];
    *count = launcher->preset_count;
    int32_t status = spawn_read_grants(call, list, grants, count);
    for (size_t i = launcher->preset_count; i < *count && status >= 0; i++)
        status = check_grant(launcher, call, &grants[i]);
    return status;
}

static int32_t launch(void *self, struct cap_call *call,
                      const struct cap_restricted_launcher_launch_params *params,
                      struct cap_restricted_launcher_launch_results *results)
{
    struct launch_grant grants[LAUNCH_GRANTS_MAX];
    struct spawn_outcome outcome = {0};
    struct spawn_request request = {
        .name = params->name.len > 0 ? params->name : params->binary_name,
        .grants = grants,
        .args = params->args,
        .env = params->env,
        .budget = &params->budget,
        .control = params->control,
        .paused = params->paused,
    };
    int32_t status = check_binary(of(self), call, params->binary_name);
    if (status >= 0)
        status = spawn_find_binary(call, params->binary_name, &request.image);
    if (status >= 0)
        status = read_grants(of(self), call, &params->grants, grants, &request.grant_count);
    if (status >= 0)
        status = spawn_for_call(call, &request, &outcome);
    if (status < 0)
        return status;
    results->handle = outcome.handle;
    results->control = outcome.control;
    results->process_id = outcome.process_id;
    return CAPOS_OK;
}

static int32_t binaries(void *self, struct cap_call *call,
                        struct cap_restricted_launcher_binaries_results *results)
{
    const struct restricted_launcher *launcher = of(self);
    (void)call;
    results->names = (struct capnp_list)CAPNP_LIST(launcher->binaries, launcher->binary_count);
    return CAPOS_OK;
}

static int32_t allowed(void *self, struct cap_call *call,
                       struct cap_restricted_launcher_allowed_results *results)
{
    const struct restricted_launcher *launcher = of(self);
    (void)call;
    results->grants = (struct capnp_list)CAPNP_LIST(launcher->allowed, launcher->allowed_count);
    return CAPOS_OK;
}

static const struct cap_restricted_launcher_server server = {
    .launch = launch,
    .binaries = binaries,
    .allowed = allowed,
};
KERNEL_DISPATCH(dispatch, cap_restricted_launcher_dispatch)

static const struct object_type restricted_launcher_type = {
    .name = "RestrictedLauncher",
    .interface_id = CAP_RESTRICTED_LAUNCHER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = launcher_destroy,
};
