/*
 * The order matters: the ring is copied before the memory (ring_copy), and so is the place of the clock page,
 * which is remembered after it was mapped. The capabilities come last: they need nothing of the rest, but
 * what is exchanged for the child's own must not be made for nothing.
 */
#include "core/fork.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include "object/revocation.h"
#include <base/string.h>

struct fork {
    struct process *from, *child;
};

/* A facet of something about the parent would be one of the parent's for ever. */
static bool stands_before_own(const struct process *process, struct capability capability)
{
    if (capability.type->resolve == NULL)
        return false;
    uint32_t kept = borrows_count();
    bool own =
        capability_resolve(&capability) == CAPOS_OK && own_object_of_capability(capability, process) != NULL;
    borrows_return(kept);
    return own;
}

static status_t choose_capability(void *context, struct capability *capability)
{
    const struct fork *fork = context;
    const struct own_object *own = own_object_of_capability(*capability, fork->from);
    if (own == NULL && capability->type->transfer == CAP_TRANSFER_ANY &&
        !stands_before_own(fork->from, *capability))
        return CAPOS_OK;
    struct object *object = NULL;
    status_t status = own == NULL ? CAPOS_ERR_NOT_FOUND : own->create(fork->child, &object);
    object_put(capability->object);
    if (status == CAPOS_OK)
        *capability = (struct capability){object, object->type};
    return status;
}

static uaddr_t clock_page_of(struct process *process)
{
    spinlock_acquire(&process->lock);
    uaddr_t address = process->clock_page;
    spinlock_release(&process->lock);
    return address;
}

static status_t copy_memory(const struct fork *fork, const struct thread *thread,
                            const struct thread *current)
{
    const struct aspace_substitute own_ring = {current->ring_memory, thread->ring_memory};
    const struct process *from = fork->from;
    struct process_program program = {
        .image = from->image,
        .image_base = from->image_base,
        .capset_address = from->capset_address,
        .clock_page = clock_page_of(fork->from),
    };
    status_t status = aspace_clone(from->aspace, fork->child->ledger, &own_ring, 1, &program.aspace);
    if (status == CAPOS_OK)
        process_set_program(fork->child, &program);
    return status;
}

/* Back to the system call instruction: the copy enters the kernel for itself, where it finds the completion.
 */
static void enter_again(struct thread *thread)
{
    thread->context.frame.rip -= ARCH_SYSCALL_BYTES;
    thread->context.frame.rax = CAPOS_SYS_CAP_ENTER;
}

void fork_abandon(struct thread *thread)
{
    struct process *child = thread->process;
    thread_abandon(thread);
    process_abandon(child);
}

status_t fork_current(const uint64_t limits[LEDGER_RESOURCES], struct thread **out)
{
    struct thread *current = thread_current(), *thread;
    struct fork fork = {.from = current->process};
    status_t status =
        process_create(fork.from->name, strlen(fork.from->name), fork.from->ledger, limits, &fork.child);
    if (status < 0)
        return status;
    status = thread_copy(fork.child, current, &thread);
    if (status < 0) {
        process_abandon(fork.child);
        return status;
    }
    status = copy_memory(&fork, thread, current);
    if (status == CAPOS_OK)
        status = captable_clone(&fork.from->captable, &fork.child->captable, choose_capability, &fork);
    if (status < 0) {
        fork_abandon(thread);
        return status;
    }
    enter_again(thread);
    *out = thread;
    return CAPOS_OK;
}
