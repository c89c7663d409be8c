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
