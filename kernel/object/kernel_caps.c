#include "object/kernel_caps.h"

/* The linker collects the section and names its ends. */
extern const struct kernel_cap __start_kernel_caps[], __stop_kernel_caps[];

struct object *kernel_cap_find(uint64_t kind)
{
    for (const struct kernel_cap *cap = __start_kernel_caps; cap < __stop_kernel_caps; cap++) {
        if (cap->kind == kind)
            return cap->object;
    }
    return NULL;
}

extern const struct own_object __start_own_objects[], __stop_own_objects[];

const struct own_object *own_object_find(uint64_t own_kind)
{
    for (const struct own_object *own = __start_own_objects; own < __stop_own_objects; own++) {
        if (own->own_kind == own_kind)
            return own;
    }
    return NULL;
}

const struct own_object *own_object_of_kernel_cap(uint64_t kernel_kind)
{
    for (const struct own_object *own = __start_own_objects; own < __stop_own_objects; own++) {
        if (own->kernel_kind == kernel_kind)
            return own;
    }
    return NULL;
}

const struct own_object *own_object_of_capability(struct capability capability, const struct process *process)
{
    for (const struct own_object *own = __start_own_objects; own < __stop_own_objects; own++) {
        if (own->type == capability.type &&
            (own->concerns == NULL || own->concerns(capability.object, process)))
            return own;
    }
    return NULL;
}
