/* Reference counts of kernel objects. */
#include "object/object.h"
#include "core/panic.h"

static uint64_t live_count;

void object_init(struct object *object, const struct object_type *type)
{
    object->type = type;
    object->references = 1;
    __atomic_add_fetch(&live_count, 1, __ATOMIC_RELAXED);
}

void object_get(struct object *object)
{
    uint32_t references = __atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
    kassert(references > 1); /* it was dead, or has 2^32 references */
}

void object_put(struct object *object)
{
    uint32_t references = __atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL);
    kassert(references != UINT32_MAX);
    if (references != 0)
        return;
    __atomic_sub_fetch(&live_count, 1, __ATOMIC_RELAXED);
    object->type->destroy(object);
}

uint64_t object_live_count(void)
{
    return __atomic_load_n(&live_count, __ATOMIC_RELAXED);
}
