/*
 * Capabilities and bytes on their way between two processes. Nothing here knows of endpoints or takes their
 * lock: the order of the steps (begin, reserve, copy, publish, end) is ipc.c's.
 */
#include "core/ipc.h"
#include "core/captable.h"
#include "core/process.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "object/endpoint.h"
#include "object/revocation.h"

/* ---- Capabilities. */

static bool may_travel(const struct capability *capability, uint32_t mode)
{
    switch (capability->type->transfer) {
    case CAP_TRANSFER_ANY:
        return true;
    case CAP_TRANSFER_MOVE_ONLY:
        return mode == CAPOS_XFER_MOVE;
    default:
        return false;
    }
}

static void end_one(struct captable *from, const struct ipc_cap *cap, bool moved)
{
    if (cap->mode == CAPOS_XFER_MOVE) {
        if (moved)
            captable_move_commit(from, cap->id);
        else
            captable_move_abort(from, cap->id);
    }
    object_put(cap->capability.object);
}

void ipc_caps_end(struct captable *from, struct ipc_cap *caps, uint32_t count, bool moved)
{
    for (uint32_t i = 0; i < count; i++)
        end_one(from, &caps[i], moved);
}

void ipc_caps_take_out(struct captable *from, const struct ipc_cap *caps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (caps[i].mode == CAPOS_XFER_MOVE)
            captable_move_take_out(from, caps[i].id);
    }
}

void ipc_caps_give_up(struct process *from, const struct ipc_cap *caps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (caps[i].mode == CAPOS_XFER_MOVE)
            captable_give_up(from, caps[i].capability);
        object_put(caps[i].capability.object);
    }
}

/* The facet that the record at `record` describes, of the endpoint with that id. */
static status_t mint(struct captable *from, uint32_t id, uaddr_t record, struct capability *out)
{
    struct capos_xfer_mint wanted;
    struct capability named = {NULL, NULL};
    struct ipc_facet *facet;
    status_t status = umem_copy_in(&wanted, record, sizeof(wanted));
    if (status == CAPOS_OK)
        status = captable_get(from, id, &named);
    if (status < 0)
        return status;
    status = CAPOS_ERR_WRONG_INTERFACE;
    if (named.type == &endpoint_type)
        status = endpoint_mint_unborn(container_of(named.object, struct ipc_endpoint, server), wanted.tag,
                                      wanted.interface_id, &facet);
    if (status == CAPOS_OK)
        *out = (struct capability){&facet->object, &facet->type};
    object_put(named.object);
    return status;
}

static status_t begin_one(struct captable *from, const struct capos_xfer_desc *descriptor,
                          struct ipc_cap *cap)
{
    if (descriptor->mode != CAPOS_XFER_COPY && descriptor->mode != CAPOS_XFER_MOVE)
        return CAPOS_ERR_BAD_FLAGS;
    cap->id = descriptor->cap_id;
    cap->mode = descriptor->mode;
    status_t status = cap->mode == CAPOS_XFER_MOVE ? captable_move_begin(from, cap->id, &cap->capability)
                                                   : captable_get(from, cap->id, &cap->capability);
    if (status < 0)
        return status;
    if (may_travel(&cap->capability, cap->mode))
        return CAPOS_OK;
    end_one(from, cap, false);
    return CAPOS_ERR_NOT_TRANSFERABLE;
}

status_t ipc_caps_begin(struct captable *from, uaddr_t descriptors, uint32_t count, bool may_mint,
                        struct ipc_cap *caps)
{
    struct capos_xfer_desc copied[CAPOS_XFER_CAPS_MAX];
    uaddr_t record = descriptors + count * sizeof(copied[0]);
    status_t status = umem_copy_in(copied, descriptors, count * sizeof(copied[0]));
    for (uint32_t i = 0; i < count && status == CAPOS_OK; i++) {
        if (may_mint && copied[i].mode == CAPOS_XFER_MINT) {
            caps[i] = (struct ipc_cap){.id = copied[i].cap_id, .mode = CAPOS_XFER_MINT};
            status = mint(from, copied[i].cap_id, record, &caps[i].capability);
            record += sizeof(struct capos_xfer_mint);
        } else {
            status = begin_one(from, &copied[i], &caps[i]);
        }
        if (status < 0)
            ipc_caps_end(from, caps, i, false);
    }
    return status;
}

void ipc_caps_born(const struct ipc_cap *caps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (caps[i].mode == CAPOS_XFER_MINT)
            container_of(caps[i].capability.object, struct ipc_facet, object)->unborn = false;
    }
}

void ipc_slots_cancel(struct captable *to, uint32_t count, const struct ipc_slot *slots)
{
    for (uint32_t i = 0; i < count; i++)
        captable_cancel(to, slots[i].id);
}

void ipc_slots_put(uint32_t count, const struct ipc_slot *slots)
{
    for (uint32_t i = 0; i < count; i++)
        object_put(slots[i].capability.object);
}

static void unreserve(struct captable *to, uint32_t count, const struct ipc_slot *slots)
{
    ipc_slots_cancel(to, count, slots);
    ipc_slots_put(count, slots);
}

/* What is obtained through a membrane goes behind one, which whoever gets it pays for. */
static status_t wrap(struct process *process, const struct membrane *through, struct capability *capability)
{
    struct membrane *blank;
    status_t status = membrane_blank(through, process->ledger, &blank);
    if (status < 0)
        return status;
    status = membrane_wrap(blank, capability, true);
    if (status < 0)
        membrane_discard(blank);
    return status;
}

static status_t reserve_one(struct process *to, const struct membrane *through, const struct ipc_cap *cap,
                            struct ipc_slot *slot)
{
    status_t status = captable_reserve(&to->captable, &slot->id);
    if (status < 0)
        return status;
    slot->capability = cap->capability;
    object_get(slot->capability.object);
    status = through == NULL ? CAPOS_OK : wrap(to, through, &slot->capability);
    if (status < 0)
        unreserve(&to->captable, 1, slot);
    return status;
}

status_t ipc_caps_reserve(struct process *to, const struct membrane *through, const struct ipc_cap *caps,
                          uint32_t count, struct ipc_slot *slots)
{
    for (uint32_t i = 0; i < count; i++) {
        status_t status = reserve_one(to, through, &caps[i], &slots[i]);
        if (status < 0) {
            unreserve(&to->captable, i, slots);
            return status;
        }
    }
    return CAPOS_OK;
}

void ipc_caps_publish(struct captable *to, uint32_t count, const struct ipc_slot *slots)
{
    for (uint32_t i = 0; i < count; i++)
        captable_publish(to, slots[i].id, slots[i].capability, CAP_FROM_IPC);
}

/* ---- Bytes. */

status_t ipc_write(struct process *to, uaddr_t target, const void *bytes, size_t size_bytes)
{
    return aspace_write(to->aspace, target, bytes, size_bytes);
}

enum { BOUNCE_BYTES = 512 };

/* Neither side is this CPU's. */
static __attribute__((noinline)) enum ipc_side
copy_between(struct process *from, uaddr_t source, struct process *to, uaddr_t target, size_t size_bytes)
{
    uint64_t bounce[BOUNCE_BYTES / sizeof(uint64_t)];
    for (size_t done = 0; done < size_bytes;) {
        size_t part = size_bytes - done < BOUNCE_BYTES ? size_bytes - done : BOUNCE_BYTES;
        if (aspace_read(from->aspace, source + done, bounce, part) < 0)
            return IPC_SIDE_SENDER;
        if (aspace_write(to->aspace, target + done, bounce, part) < 0)
            return IPC_SIDE_RECEIVER;
        done += part;
    }
    return IPC_SIDE_NONE;
}

enum ipc_side ipc_copy(struct process *from, uaddr_t source, struct process *to, uaddr_t target,
                       size_t size_bytes)
{
    const struct thread *thread = thread_current();
    const struct process *current = thread == NULL ? NULL : thread->process;
    enum aspace_copied copied;
    if (current == from) {
        copied = aspace_copy_from_current(to->aspace, target, source, size_bytes);
        if (__builtin_expect(copied == ASPACE_COPIED, 1))
            return IPC_SIDE_NONE;
        return copied == ASPACE_COPY_CURRENT_BAD ? IPC_SIDE_SENDER : IPC_SIDE_RECEIVER;
    }
    if (current == to) {
        copied = aspace_copy_to_current(from->aspace, source, target, size_bytes);
        if (__builtin_expect(copied == ASPACE_COPIED, 1))
            return IPC_SIDE_NONE;
        return copied == ASPACE_COPY_CURRENT_BAD ? IPC_SIDE_RECEIVER : IPC_SIDE_SENDER;
    }
    return copy_between(from, source, to, target, size_bytes);
}

status_t ipc_write_records(struct process *to, uaddr_t behind, uint32_t count, const struct ipc_slot *slots)
{
    struct capos_xfer_result records[CAPOS_XFER_CAPS_MAX];
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct capos_xfer_result){.cap_id = slots[i].id,
                                                .interface_id = slots[i].capability.type->interface_id};
    return count == 0 ? CAPOS_OK : ipc_write(to, align_up(behind, 8), records, count * sizeof(records[0]));
}
