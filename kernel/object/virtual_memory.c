/*
 * VirtualMemory: checks arguments, then mm/aspace.h does the work.
 *
 * It stands for a process, not for an address space: when the process replaces its program, calls concern the
 * new one. A call by the process itself needs no lock to find it, since a process is only given another
 * address space while none of its threads is in the kernel but the one that asks for it.
 */
#include "object/virtual_memory.h"
#include "core/call.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_calls.h"
#include "object/memory_object.h"
#include <capos/memory_server.h>

struct virtual_memory {
    struct object object;    /* first */
    struct process *process; /* referenced */
    struct ledger *ledger;   /* referenced: pays for this */
};

enum { PROT_ACCESS = PROT_READ | PROT_WRITE | PROT_EXEC };

static const char OCCUPIED[] = "the range is occupied, or no free range is that long";

static struct virtual_memory *of(struct object *object)
{
    return container_of(object, struct virtual_memory, object);
}

static __attribute__((noinline)) int32_t dispatch_for_other(const void *methods, struct process *process,
                                                            uint16_t method_id, struct cap_call *call)
{
    struct ledger *ledger;
    struct aspace *aspace;
    if (!process_borrow(process, &ledger, &aspace))
        return memory_call_result(call, CAPOS_ERR_REVOKED, NULL);
    int32_t result = cap_virtual_memory_dispatch(methods, aspace, method_id, call);
    aspace_put(aspace);
    ledger_put(ledger);
    return result;
}

/* The operation on the address space that is the process' now. */
static int32_t dispatch(const void *methods, void *self, uint16_t method_id, struct cap_call *call)
{
    struct process *process = of(self)->process;
    if (__builtin_expect(process == kcall_process(call), 1))
        return cap_virtual_memory_dispatch(methods, process->aspace, method_id, call);
    return dispatch_for_other(methods, process, method_id, call);
}

static int32_t op_map(void *self, struct cap_call *call, const struct cap_virtual_memory_map_params *params,
                      struct cap_virtual_memory_map_results *results)
{
    int32_t refused =
        memory_call_check(call, params->hint, params->size, params->prot, PROT_ACCESS | PROT_LARGE,
                          cap_virtual_memory_map_results_size(results));
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_map(self, params->hint, params->size, params->prot, &results->address);
    return memory_call_result(call, status, OCCUPIED);
}

static int32_t op_unmap(void *self, struct cap_call *call,
                        const struct cap_virtual_memory_unmap_params *params)
{
    int32_t refused = memory_call_check(call, params->address, params->size, 0, 0, 0);
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_unmap(self, params->address, params->size);
    return memory_call_result(call, status, "the range is not in the user half of the address space");
}

static int32_t op_protect(void *self, struct cap_call *call,
                          const struct cap_virtual_memory_protect_params *params)
{
    int32_t refused = memory_call_check(call, params->address, params->size, params->prot, PROT_ACCESS, 0);
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_protect(self, params->address, params->size, params->prot);
    if (status == CAPOS_ERR_BAD_FLAGS)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "the range maps a read-only MemoryObject, which cannot be made writable");
    return memory_call_result(call, status, "not all of the range is committed or mapped");
}

static int32_t op_reserve(void *self, struct cap_call *call,
                          const struct cap_virtual_memory_reserve_params *params,
                          struct cap_virtual_memory_reserve_results *results)
{
    int32_t refused = memory_call_check(call, params->hint, params->size, 0, 0,
                                        cap_virtual_memory_reserve_results_size(results));
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_reserve(self, params->hint, params->size, &results->address);
    return memory_call_result(call, status, OCCUPIED);
}

static int32_t op_commit(void *self, struct cap_call *call,
                         const struct cap_virtual_memory_commit_params *params)
{
    int32_t refused =
        memory_call_check(call, params->address, params->size, params->prot, PROT_ACCESS | PROT_LARGE, 0);
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_commit(self, params->address, params->size, params->prot);
    if (status == CAPOS_ERR_BAD_FLAGS)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "2 MiB pages need a range of which nothing is committed yet");
    return memory_call_result(call, status, "not all of the range is reserved");
}

static int32_t op_decommit(void *self, struct cap_call *call,
                           const struct cap_virtual_memory_decommit_params *params)
{
    int32_t refused = memory_call_check(call, params->address, params->size, 0, 0, 0);
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_decommit(self, params->address, params->size);
    return memory_call_result(call, status, "not all of the range is reserved or committed");
}

static int32_t op_create_object(void *self, struct cap_call *call,
                                const struct cap_virtual_memory_create_object_params *params,
                                struct cap_virtual_memory_create_object_results *results)
{
    if (aspace_is_dead(self))
        return memory_call_result(call, CAPOS_ERR_REVOKED, NULL);
    int32_t refused = memory_call_check(call, 0, params->size, 0, 0, 0);
    if (refused != CAPOS_OK)
        return refused;
    struct memory_object *object;
    status_t status = memory_object_create(kcall_ledger(call), params->size, &object);
    if (status != CAPOS_OK)
        return memory_call_result(call, status, NULL);
    const struct capability capability = {memory_object_as_object(object), &memory_object_type};
    return kcall_return_capability(call, capability, &results->object.id);
}

static int32_t op_info(void *self, struct cap_call *call, struct cap_virtual_memory_info_results *results)
{
    struct aspace *aspace = self;
    if (aspace_is_dead(aspace))
        return memory_call_result(call, CAPOS_ERR_REVOKED, NULL);
    struct aspace_stats stats;
    aspace_stats(aspace, &stats);
    const struct ledger *ledger = aspace_ledger(aspace);
    results->reserved_bytes = stats.reserved_bytes;
    results->committed_bytes = stats.committed_bytes;
    results->frames_limit = ledger_limit(ledger, LEDGER_FRAMES);
    results->frames_used = ledger_used(ledger, LEDGER_FRAMES);
    return CAPOS_OK;
}

static const struct cap_virtual_memory_server server = {
    .map = op_map,
    .unmap = op_unmap,
    .protect = op_protect,
    .reserve = op_reserve,
    .commit = op_commit,
    .decommit = op_decommit,
    .create_object = op_create_object,
    .info = op_info,
};

static void destroy(struct object *object)
{
    struct virtual_memory *memory = of(object);
    struct process *process = memory->process;
    struct ledger *ledger = memory->ledger;
    heap_free(memory, sizeof *memory);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *memory);
    ledger_put(ledger);
    object_put(&process->object);
}

const struct object_type virtual_memory_type = {
    .name = "VirtualMemory",
    .interface_id = CAP_VIRTUAL_MEMORY_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = destroy,
};

status_t virtual_memory_create(struct process *process, struct object **out)
{
    struct ledger *ledger = process->ledger;
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(struct virtual_memory));
    if (status != CAPOS_OK)
        return status;
    struct virtual_memory *memory = heap_alloc(sizeof *memory);
    if (memory == NULL) {
        ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *memory);
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&memory->object, &virtual_memory_type);
    memory->process = process;
    object_get(&process->object);
    memory->ledger = ledger;
    ledger_get(ledger);
    *out = &memory->object;
    return CAPOS_OK;
}

bool virtual_memory_concerns(const struct object *object, const struct process *process)
{
    return ((const struct virtual_memory *)(const void *)object)->process == process;
}
