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
#define KERNEL_CAP(kind_value, object_type_name)                             \
    static struct object object_type_name##_object = {&object_type_name, 1}; \
    static const struct kernel_cap object_type_name##_kernel_cap             \
        __attribute__((used, section("kernel_caps"), aligned(8))) = {kind_value, &object_type_name##_object}

/* Borrowed; null if no object registered for the kind. */
struct object *kernel_cap_find(uint64_t kind);
