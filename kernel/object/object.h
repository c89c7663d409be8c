/*
 * Kernel objects and the capabilities to them.
 *
 * An object is anything a capability can name: a reference count and a type. A type is one facet of an
 * object: its interface and what each method does; two types over one object are two different amounts of
 * authority over it. A `struct capability` is an object seen through a type. Calls run under the caller's
 * thread, with interrupts off and no lock held; an operation validates everything, then acts, and either
 * answers, or keeps a struct pending (call.h).
 */
#pragma once
#include "core/types.h"

struct object;
struct cap_call;
struct capability;
struct process;

/* How a capability may travel to another process. */
enum cap_transferability {
    CAP_TRANSFER_ANY,
    CAP_TRANSFER_MOVE_ONLY,
    CAP_TRANSFER_NEVER, /* stays home */
};

#define CALL_NOT_FORWARDED INT32_MIN

struct object_type {
    const char *name;
    uint64_t interface_id;
    /* Runs one call: KERNEL_DISPATCH's function over the generated one. Returns as a cap_x_dispatch does. */
    int32_t (*dispatch)(const void *server, void *object, uint16_t method_id, struct cap_call *call);
    const void *server; /* the struct cap_x_server that dispatch is given */
    /* Null, or: takes a call whose parameters and transfer descriptors are still in the caller's memory, as
     * the entry in its struct kcall says; or answers CALL_NOT_FORWARDED, and they are brought and it is
     * dispatched. A call without either goes to dispatch all the same. */
    int32_t (*forward)(const struct capability *target, struct cap_call *call);
    uint32_t params_max_bytes; /* what `forward` takes if that is more than CAPOS_MESSAGE_MAX_BYTES; else 0 */
    /* The last reference is gone: release everything, free the memory. Never fails, takes bounded time. */
    void (*destroy)(struct object *object);
    uint8_t transfer; /* enum cap_transferability */
    /* Null, or: the process has ended, or gives up this capability of its table. Called with no lock held,
     * before the table's reference is put. */
    void (*holder_ended)(struct object *object, struct process *process);
    /* Null, or: the capability stands for another (a revocable facet): puts that into *capability, borrowed
     * until the entry that is being executed on this CPU is answered. REVOKED; TOO_LARGE: too many at once.
     */
    status_t (*resolve)(struct capability *capability);
};

struct object {
    const struct object_type *type; /* the type that owns `destroy` */
    uint32_t references;            /* atomic */
    struct object *next_dead;       /* while it waits for its destruction: object.c */
};

struct capability {
    struct object *object; /* null: no capability */
    const struct object_type *type;
};

/* What a capability really is, through any facets that stand before it; for code that takes a capability it
 * was sent for an object of one kind, while it executes a ring entry. Borrowed as before, and at most until
 * that entry is answered: what stays behind takes a reference. REVOKED; TOO_LARGE: too many at once. */
CHECKED static inline status_t capability_resolve(struct capability *capability)
{
    return __builtin_expect(capability->type->resolve == NULL, 1) ? CAPOS_OK
                                                                  : capability->type->resolve(capability);
}

/* One reference, counted in object_live_count. */
void object_init(struct object *object, const struct object_type *type);
static inline void object_get(struct object *object)
{
    __atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
}
/* For lists that hold no references: false if the object's last reference is gone and its destruction on the
 * way. */
CHECKED static inline bool object_get_if_alive(struct object *object)
{
    uint32_t references = __atomic_load_n(&object->references, __ATOMIC_RELAXED);
    while (references != 0) {
        if (__atomic_compare_exchange_n(&object->references, &references, references + 1, true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}
/* Calls the type's destroy: the last reference is gone. */
void object_destroy(struct object *object);
/* The last put destroys, at once or, from within the destruction of another object, right after that: so that
 * objects that keep objects, however many, never nest on the stack. With no lock held unless the caller knows
 * that it is not the last. */
static inline void object_put(struct object *object)
{
    if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0)
        object_destroy(object);
}
/* For one who knows that his is the only reference, and does himself what the type's destroy would. */
void object_retire(struct object *object);
/* Objects that were initialised and not destroyed: back where it was after everything was released. */
uint64_t object_live_count(void);
