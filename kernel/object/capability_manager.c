/* CapabilityManager: a process' view of its own capability table. */
#include "arch/percpu.h"
#include "core/call.h"
#include "core/process.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/kernel_caps.h"
#include "object/revocation.h"
#include <capos/manifest.h>
#include <capos/process.h>
#include <capos/system_server.h>

enum { LIST_MAX = 64 };

struct capability_manager {
    struct object object;  /* first */
    struct ledger *ledger; /* referenced */
    uint64_t process_id;   /* by id: a reference would be a cycle through the process' own table */
};

static void capability_manager_destroy(struct object *object)
{
    struct capability_manager *manager = container_of(object, struct capability_manager, object);
    struct ledger *ledger = manager->ledger;
    heap_free(manager, sizeof(*manager));
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*manager));
    ledger_put(ledger);
}

/* The process behind the object, referenced; null once it has ended. */
static struct process *subject(const struct capability_manager *manager, const struct cap_call *call)
{
    struct process *caller = kcall_process(call);
    if (caller->id == manager->process_id) {
        object_get(&caller->object);
        return caller;
    }
    struct process *process = process_find_from(manager->process_id);
    if (process != NULL && process->id != manager->process_id) {
        object_put(&process->object);
        return NULL;
    }
    return process;
}

static size_t list_slots(struct captable *table, uint32_t *cursor, size_t limit, struct cap_cap_info *out)
{
    struct cap_slot slot;
    size_t count = 0;
    while (count < limit && captable_next(table, *cursor, &out[count].cap_id, &slot, cursor)) {
        out[count].interface_id = slot.capability.type->interface_id;
        out[count].transferable = slot.capability.type->transfer != CAP_TRANSFER_NEVER;
        out[count].origin = (enum cap_cap_info_origin)slot.origin;
        count++;
    }
    return count;
}

static int32_t capability_manager_list(void *self, struct cap_call *call,
                                       const struct cap_capability_manager_list_params *params,
                                       struct cap_capability_manager_list_results *results)
{
    static PERCPU struct cap_cap_info entries_of_cpu[LIST_MAX];
    struct cap_cap_info *entries = *percpu_this(entries_of_cpu);
    struct process *process =
        subject(container_of((struct object *)self, struct capability_manager, object), call);
    if (process == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_DISCONNECTED, "the process has ended");
    size_t limit = params->max_entries < LIST_MAX ? params->max_entries : LIST_MAX;
    uint32_t cursor = params->cursor;
    size_t count = list_slots(&process->captable, &cursor, limit, entries);
    uint32_t id, behind;
    struct cap_slot slot;
    bool more = count == limit && captable_next(&process->captable, cursor, &id, &slot, &behind);
    object_put(&process->object);
    results->entries = (struct capnp_list)CAPNP_LIST(entries, count);
    results->next_cursor = more ? cursor : 0;
    return CAPOS_OK;
}

static int32_t
capability_manager_make_revocable(void *self, struct cap_call *call,
                                  const struct cap_capability_manager_make_revocable_params *params,
                                  struct cap_capability_manager_make_revocable_results *results)
{
    (void)self;
    return revocation_make_revocable(call, params, results);
}

static const struct cap_capability_manager_server server = {
    .list = capability_manager_list,
    .make_revocable = capability_manager_make_revocable,
};
KERNEL_DISPATCH(dispatch, cap_capability_manager_dispatch)

static const struct object_type capability_manager_type = {
    .name = "CapabilityManager",
    .interface_id = CAP_CAPABILITY_MANAGER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = capability_manager_destroy,
};

static status_t capability_manager_create(struct process *process, struct object **out)
{
    status_t status = ledger_charge(process->ledger, LEDGER_HEAP_BYTES, sizeof(struct capability_manager));
    if (status < 0)
        return status;
    struct capability_manager *manager = heap_alloc(sizeof(*manager));
    if (manager == NULL) {
        ledger_refund(process->ledger, LEDGER_HEAP_BYTES, sizeof(*manager));
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&manager->object, &capability_manager_type);
    manager->ledger = process->ledger;
    ledger_get(manager->ledger);
    manager->process_id = process->id;
    *out = &manager->object;
    return CAPOS_OK;
}

static bool manages(const struct object *object, const struct process *process)
{
    const struct capability_manager *manager = (const struct capability_manager *)(const void *)object;
    return manager->process_id == process->id;
}

OWN_OBJECT(CAP_OWN_OBJECT_CAPABILITY_MANAGER, CAP_KERNEL_CAP_CAPABILITY_MANAGER, capability_manager_create,
           &capability_manager_type, manages);
