/*
 * Objects that the kernel itself provides, one of each, for the manifest's `kernel = ...` grants. An object's
 * file registers it with KERNEL_CAP; there is no list elsewhere.
 */
#pragma once
#include "object/object.h"

struct kernel_cap {
    uint64_t kind; /* enum cap_kernel_cap, schema/manifest.capnp */
    struct object *object;
};

/* Defines the one object of `object_type_name`, which lives for ever. */
#define KERNEL_CAP(kind_value, object_type_name)                                   \
    static struct object object_type_name##_object = {&object_type_name, 1, NULL}; \
    static const struct kernel_cap object_type_name##_kernel_cap                   \
        __attribute__((used, section("kernel_caps"), aligned(8))) = {kind_value, &object_type_name##_object}

/*
 * Objects about one process, made for it when it is launched: what OwnObject (schema/process.capnp) and the
 * kernel grants of the same names (schema/manifest.capnp) ask for. Registered with OWN_OBJECT in the object's
 * file.
 */
struct process;
struct own_object {
    uint32_t own_kind;    /* enum cap_own_object */
    uint32_t kernel_kind; /* enum cap_kernel_cap */
    /* A new object for the process, which is not running yet; one reference. It must not keep the process
     * alive: it lies in the process' own table. NO_MEMORY, QUOTA. */
    status_t (*create)(struct process *process, struct object **out);
    /* What a fork exchanges for the child's own: objects of this type (null: none; they are copied) that
     * concern the process (null: all, since they are about whoever calls them). */
    const struct object_type *type;
    bool (*concerns)(const struct object *object, const struct process *process);
};

#define OWN_OBJECT(own_kind_value, kernel_kind_value, create_function, type_pointer, concerns_function) \
    static const struct own_object create_function##_own_object                                         \
        __attribute__((used, section("own_objects"), aligned(8))) = {                                   \
            own_kind_value, kernel_kind_value, create_function, type_pointer, concerns_function}

/* The same for an object that holds nothing, since all it does is about whoever calls it: one for all
 * processes. */
#define OWN_SINGLETON(own_kind_value, kernel_kind_value, object_type_name)                         \
    static struct object object_type_name##_object = {.type = &object_type_name, .references = 1}; \
    static status_t object_type_name##_create(struct process *process, struct object **out)        \
    {                                                                                              \
        (void)process;                                                                             \
        object_get(&object_type_name##_object);                                                    \
        *out = &object_type_name##_object;                                                         \
        return 0;                                                                                  \
    }                                                                                              \
    OWN_OBJECT(own_kind_value, kernel_kind_value, object_type_name##_create, &object_type_name, NULL)

/* Null: none registered. */
const struct own_object *own_object_find(uint64_t own_kind);
const struct own_object *own_object_of_kernel_cap(uint64_t kernel_kind);
/* Which one of this process' a capability is; null: it is no own object, or another process'. */
const struct own_object *own_object_of_capability(struct capability capability,
                                                  const struct process *process);

/* Borrowed; null if no object registered for the kind. */
struct object *kernel_cap_find(uint64_t kind);
