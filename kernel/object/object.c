/* Reference counts of kernel objects. */
#include "object/object.h"
#include "arch/percpu.h"

static uint64_t live_count;

/* Objects whose last reference went on this CPU while another was being destroyed. */
static PERCPU struct {
    struct object *first;
    bool busy;
} dead_here;

void object_init(struct object *object, const struct object_type *type)
{
    object->type = type;
    object->references = 1;
    __atomic_add_fetch(&live_count, 1, __ATOMIC_RELAXED);
}

void object_destroy(struct object *object)
{
    __typeof__(&dead_here) dead = percpu_this(dead_here);
    __atomic_sub_fetch(&live_count, 1, __ATOMIC_RELAXED);
    object->next_dead = dead->first;
    dead->first = object;
    if (dead->busy)
        return;
    dead->busy = true;
    while ((object = dead->first) != NULL) {
        dead->first = object->next_dead;
        object->type->destroy(object);
    }
    dead->busy = false;
}

void object_retire(struct object *object)
{
    object->references = 0;
    __atomic_sub_fetch(&live_count, 1, __ATOMIC_RELAXED);
}

uint64_t object_live_count(void)
{
    return __atomic_load_n(&live_count, __ATOMIC_RELAXED);
}
