/* Reference counts of kernel objects. */
#include "object/object.h"

static uint64_t live_count;

void object_init(struct object *object, const struct object_type *type)
{
    object->type = type;
    object->references = 1;
    __atomic_add_fetch(&live_count, 1, __ATOMIC_RELAXED);
}

void object_destroy(struct object *object)
{
    __atomic_sub_fetch(&live_count, 1, __ATOMIC_RELAXED);
    object->type->destroy(object);
}

uint64_t object_live_count(void)
{
    return __atomic_load_n(&live_count, __ATOMIC_RELAXED);
}
