#include "core/sched_queue.h"

static const struct {
    uint64_t slice_ns;
    uint64_t credit_ns;
    uint32_t urgency;
} classes[SCHED_CLASSES] = {
    [SCHED_NORMAL] = {SCHED_SLICE_NS, SCHED_CREDIT_NS, 1},
    [SCHED_INTERACTIVE] = {SCHED_SLICE_INTERACTIVE_NS, SCHED_CREDIT_NS, 2},
    [SCHED_BATCH] = {SCHED_SLICE_BATCH_NS, 0, 0},
};

static struct sched_entity *entity_of(struct rb_node *node)
{
    return rb_entry(node, struct sched_entity, node);
}

void fair_queue_init(struct fair_queue *queue)
{
    *queue = (struct fair_queue){.first = NULL};
}

static void set_weight(struct sched_entity *entity, uint32_t weight)
{
    entity->weight = weight;
    entity->inverse = (uint32_t)(((uint64_t)SCHED_WEIGHT_DEFAULT << SCHED_INVERSE_SHIFT) / weight);
}

void sched_entity_init(struct sched_entity *entity)
{
    *entity = (struct sched_entity){.affinity = UINT64_MAX, .latency = SCHED_NORMAL};
    set_weight(entity, SCHED_WEIGHT_DEFAULT);
}

/* Where it begins to wait. */
static void place(const struct fair_queue *queue, struct sched_entity *entity, uint64_t start_ns)
{
    uint64_t least_ns = queue->floor_ns - classes[entity->latency].credit_ns;
    if (!entity->placed) {
        entity->placed = true;
        entity->virtual_ns = start_ns;
        least_ns =
            queue->floor_ns; /* no credit for being new, or a chain of short-lived threads had it all */
    }
    if (sched_before(entity->virtual_ns, least_ns))
        entity->virtual_ns = least_ns;
}

/* Equal ones in order of coming. */
static void insert(struct fair_queue *queue, struct sched_entity *entity)
{
    struct rb_node *parent = NULL, **link = &queue->tree.node;
    bool first = true;
    while (*link != NULL) {
        parent = *link;
        if (sched_before(entity->virtual_ns, entity_of(parent)->virtual_ns)) {
            link = &parent->left;
        } else {
            link = &parent->right;
            first = false;
        }
    }
    rb_insert(&queue->tree, &entity->node, parent, link);
    if (first)
        queue->first = &entity->node;
}

void fair_queue_add(struct fair_queue *queue, struct sched_entity *entity, uint64_t start_ns)
{
    place(queue, entity, start_ns);
    insert(queue, entity);
    entity->queued = true;
    queue->count++;
    queue->weight += entity->weight;
}

void fair_queue_rested(const struct fair_queue *queue, struct sched_entity *entity, uint64_t asleep_ns)
{
    if (!sched_before(queue->floor_ns, entity->virtual_ns))
        return;
    uint64_t ahead_ns = entity->virtual_ns - queue->floor_ns + classes[entity->latency].credit_ns;
    uint64_t rested_ns = sched_virtual_ns(entity, asleep_ns);
    entity->virtual_ns -= rested_ns < ahead_ns ? rested_ns : ahead_ns;
}

void fair_queue_remove(struct fair_queue *queue, struct sched_entity *entity)
{
    if (queue->first == &entity->node)
        queue->first = rb_next(&entity->node);
    rb_erase(&queue->tree, &entity->node);
    entity->queued = false;
    queue->count--;
    queue->weight -= entity->weight;
}

struct sched_entity *fair_queue_after(const struct sched_entity *entity)
{
    struct rb_node *next = rb_next(&entity->node);
    return next == NULL ? NULL : entity_of(next);
}

void fair_queue_raise_floor(struct fair_queue *queue, const struct sched_entity *running)
{
    const struct sched_entity *first = fair_queue_first(queue);
    if (first == NULL || (running != NULL && sched_before(running->virtual_ns, first->virtual_ns)))
        first = running;
    if (first != NULL && sched_before(queue->floor_ns, first->virtual_ns))
        queue->floor_ns = first->virtual_ns;
}

uint64_t fair_queue_slice_ns(const struct fair_queue *queue, const struct sched_entity *entity)
{
    uint64_t slice_ns = classes[entity->latency].slice_ns;
    uint64_t total = queue->weight + entity->weight;
    uint64_t fair = (uint64_t)entity->weight * (queue->count + 1);
    if (fair == total) /* all alike, or alone: no division */
        return slice_ns;
    slice_ns = slice_ns * fair / total;
    if (slice_ns < SCHED_SLICE_MIN_NS)
        return SCHED_SLICE_MIN_NS;
    return slice_ns > SCHED_SLICE_MAX_NS ? SCHED_SLICE_MAX_NS : slice_ns;
}

bool fair_queue_preempts(const struct fair_queue *queue, const struct sched_entity *running)
{
    const struct sched_entity *first = fair_queue_first(queue);
    return first != NULL && classes[first->latency].urgency > classes[running->latency].urgency &&
           sched_before(first->virtual_ns, running->virtual_ns);
}

void fair_queue_set_weight(struct fair_queue *queue, struct sched_entity *entity, uint32_t weight)
{
    if (entity->queued)
        queue->weight += (uint64_t)weight - entity->weight;
    set_weight(entity, weight);
}
