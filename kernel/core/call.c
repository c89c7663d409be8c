#include "core/call.h"
#include "arch/arch.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "mm/ledger.h"
#include "object/revocation.h"
#include <base/string.h>
#include <capos/exception.h>

/* Room that a refused-in-advance check asks for: no result with capabilities has more payload than this. */
enum { CAPABILITY_RESULT_PAYLOAD_MAX = 64 };

struct thread *kcall_thread(const struct cap_call *call)
{
    return ((const struct kcall *)(const void *)call)->thread;
}

struct process *kcall_process(const struct cap_call *call)
{
    return kcall_thread(call)->process;
}

struct aspace *kcall_aspace(const struct cap_call *call)
{
    return kcall_process(call)->aspace;
}

struct ledger *kcall_ledger(const struct cap_call *call)
{
    return kcall_process(call)->ledger;
}

status_t kcall_mapping_token(const struct cap_call *call, struct mapping_token **out)
{
    struct membrane *membrane = ((const struct kcall *)(const void *)call)->membrane;
    *out = NULL;
    return membrane == NULL ? CAPOS_OK : membrane_mapping_token(membrane, out);
}

/* Writes to the caller's memory, whichever address space the CPU is in. */
static status_t caller_write(const struct kcall *kcall, uint64_t offset, const void *bytes, size_t size_bytes)
{
    uaddr_t address = kcall->sqe.result_addr + offset;
    if (size_bytes == 0)
        return CAPOS_OK;
    if (kcall->thread == thread_current())
        return umem_copy_out(address, bytes, size_bytes);
    return aspace_write(kcall->thread->process->aspace, address, bytes, size_bytes);
}

static status_t check_result_room(const struct kcall *kcall)
{
    uint64_t wanted =
        CAPABILITY_RESULT_PAYLOAD_MAX + (kcall->caps_out_count + 1) * sizeof(struct capos_xfer_result);
    if (kcall->sqe.result_len < wanted)
        return CAPOS_ERR_RESULT_TRUNCATED;
    return kcall->thread == thread_current() ? umem_probe_write(kcall->sqe.result_addr, wanted) : CAPOS_OK;
}

status_t kcall_reserve_result(struct cap_call *call, struct call_result_cap **out)
{
    struct kcall *kcall = kcall_of(call);
    status_t status =
        kcall->caps_out_count < CAPOS_XFER_CAPS_MAX ? check_result_room(kcall) : CAPOS_ERR_TOO_LARGE;
    struct process *process = kcall->thread->process;
    struct membrane *blank = NULL;
    uint32_t id;
    if (status == CAPOS_OK && kcall->membrane != NULL)
        status = membrane_blank(kcall->membrane, process->ledger, &blank);
    if (status == CAPOS_OK)
        status = captable_reserve(&process->captable, &id);
    if (status == CAPOS_OK) {
        *out = &kcall->caps_out[kcall->caps_out_count++];
        **out = (struct call_result_cap){.id = id, .blank = blank};
    } else if (blank != NULL) {
        membrane_discard(blank);
    }
    return status;
}

status_t kcall_return_capability(struct cap_call *call, struct capability capability, uint32_t *out_id)
{
    struct call_result_cap *reserved;
    status_t status = kcall_reserve_result(call, &reserved);
    if (status < 0) {
        object_put(capability.object);
        return status;
    }
    reserved->capability = capability;
    *out_id = reserved->id;
    return CAPOS_OK;
}

static void take_back_capabilities(struct kcall *kcall)
{
    for (size_t i = 0; i < kcall->caps_out_count; i++) {
        const struct call_result_cap *out = &kcall->caps_out[i];
        captable_cancel(&kcall->thread->process->captable, out->id);
        if (out->capability.object != NULL)
            object_put(out->capability.object);
        if (out->blank != NULL)
            membrane_discard(out->blank);
    }
    kcall->caps_out_count = 0;
}

/* What was obtained through a membrane goes behind one. */
static status_t wrap_capabilities(struct kcall *kcall)
{
    for (size_t i = 0; i < kcall->caps_out_count; i++) {
        struct call_result_cap *out = &kcall->caps_out[i];
        if (out->blank == NULL)
            continue;
        status_t status = membrane_wrap(out->blank, &out->capability, false);
        if (status < 0)
            return status;
        out->blank = NULL;
    }
    return CAPOS_OK;
}

static void publish_capabilities(struct kcall *kcall)
{
    for (size_t i = 0; i < kcall->caps_out_count; i++)
        captable_publish(&kcall->thread->process->captable, kcall->caps_out[i].id,
                         kcall->caps_out[i].capability, CAP_FROM_RESULT);
    kcall->caps_out_count = 0;
}

/* Of an untyped result the message does not say what it is; the capability knows. */
static uint64_t interface_of(const struct kcall *kcall, const struct cap_transfer *out)
{
    for (size_t i = 0; i < kcall->caps_out_count && out->interface_id == 0; i++) {
        if (kcall->caps_out[i].id == out->id)
            return kcall->caps_out[i].capability.type->interface_id;
    }
    return out->interface_id;
}

static status_t write_capability_records(const struct kcall *kcall, size_t payload_bytes)
{
    struct capos_xfer_result records[CAPOS_XFER_CAPS_MAX];
    size_t count = kcall->call.caps_out_count;
    uint64_t offset = align_up(payload_bytes, 8);
    if (count == 0)
        return CAPOS_OK;
    if (offset + count * sizeof(records[0]) > kcall->sqe.result_len)
        return CAPOS_ERR_RESULT_TRUNCATED;
    for (size_t i = 0; i < count; i++) {
        const struct cap_transfer *out = &kcall->call.caps_out[i];
        records[i] = (struct capos_xfer_result){.cap_id = out->id, .interface_id = interface_of(kcall, out)};
    }
    return caller_write(kcall, offset, records, count * sizeof(records[0]));
}

static void deliver_exception(struct kcall *kcall, struct capos_cqe *cqe)
{
    uint64_t message[48];
    const char *reason = kcall->call.exception_reason;
    struct cap_cap_exception exception = {
        .kind = (enum cap_cap_exception_kind)kcall->call.exception_kind,
        .reason = {reason, reason == NULL ? 0 : strlen(reason)},
    };
    struct cap_transfer none[1];
    size_t none_count = 0;
    int32_t bytes = cap_cap_exception_encode(&exception, message, sizeof(message), none, &none_count);
    cqe->detail = (uint16_t)kcall->call.exception_kind;
    cqe->result = CAPOS_ERR_EXCEPTION_TRUNCATED;
    if (bytes < 0 || (uint32_t)bytes > kcall->sqe.result_len ||
        caller_write(kcall, 0, message, (size_t)bytes) < 0)
        return;
    cqe->result = CAPOS_ERR_EXCEPTION;
    cqe->payload_len = (uint32_t)bytes;
}

static status_t deliver_results(struct kcall *kcall, size_t payload_bytes)
{
    if (kcall->results_in_place) {
        kcall->results_in_place = false;
        return CAPOS_OK;
    }
    if (payload_bytes > kcall->sqe.result_len)
        return CAPOS_ERR_RESULT_TRUNCATED;
    status_t status = wrap_capabilities(kcall);
    if (status == CAPOS_OK)
        status = caller_write(kcall, 0, kcall->call.results, payload_bytes);
    return status < 0 ? status : write_capability_records(kcall, payload_bytes);
}

void kcall_deliver(struct kcall *kcall, int32_t encoded, struct capos_cqe *cqe)
{
    cqe->result = encoded;
    if (encoded == 0 && kcall->caps_out_count == 0)
        return; /* the fast path: nothing to bring */
    if (encoded >= 0)
        cqe->result = deliver_results(kcall, (size_t)encoded);
    if (cqe->result < 0) {
        if (kcall->sqe.opcode == CAPOS_OP_RETURN)
            cqe->call_id = kcall->sqe.call_id;
        take_back_capabilities(kcall);
        kcall->results_in_place = false;
        if (cqe->result == CAPOS_ERR_EXCEPTION)
            deliver_exception(kcall, cqe);
        else if (cqe->result == CAPOS_ERR_RESULT_TRUNCATED)
            cqe->payload_len = (uint32_t)kcall->call.results_bytes;
        return;
    }
    publish_capabilities(kcall);
    cqe->result = encoded;
    cqe->payload_len = (uint32_t)encoded;
    cqe->cap_count = (uint16_t)kcall->call.caps_out_count;
}
