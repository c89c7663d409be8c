/*
 * The fair queue of one CPU: threads that are ready, ordered by virtual runtime. Pure: no clock, no locks, no
 * CPUs; sched.c has those.
 *
 * Virtual time of an entity is its processor time divided by its weight (weight 100: 1 ns is 1 ns), charged
 * only while others waited: who runs alone takes nothing from anybody. The smallest goes first, so that
 * over time all get processor time in proportion to their weights. `floor_ns` follows the smallest and never
 * goes back. Who comes back from sleep with less than the floor is lifted to the floor but for a bounded
 * credit: sleeping saves up no more than that. 2^64 ns of virtual time are 5.8 years of weight 1.
 */
#pragma once
#include "core/types.h"
#include <base/rbtree.h>

enum { SCHED_WEIGHT_MIN = 1, SCHED_WEIGHT_DEFAULT = 100, SCHED_WEIGHT_MAX = 10000 };
/* As enum LatencyClass in schema/sched.capnp. */
enum sched_class { SCHED_NORMAL, SCHED_INTERACTIVE, SCHED_BATCH, SCHED_CLASSES };

enum {
    SCHED_SLICE_NS = 10000000, /* of class normal among equals */
    SCHED_SLICE_INTERACTIVE_NS = 2000000,
    SCHED_SLICE_BATCH_NS = 40000000,
    SCHED_SLICE_MIN_NS = 1000000,
    SCHED_SLICE_MAX_NS = 100000000,
    SCHED_CREDIT_NS = 5000000, /* of virtual time */
};

struct sched_entity {
    struct rb_node node;
    uint64_t virtual_ns;
    uint64_t runtime_ticks;    /* sched.c's: processor time, all of it, in ticks of the TSC */
    uint64_t charged_at_ticks; /* and when it ran last */
    uint64_t affinity;         /* bit n: CPU n */
    uint32_t weight;
    uint32_t inverse; /* virtual ns per ns, times 2^SCHED_INVERSE_SHIFT */
    enum sched_class latency;
    bool queued;
    bool placed; /* has been in a queue: virtual_ns means something */
};
enum { SCHED_INVERSE_SHIFT = 20 };

struct fair_queue {
    struct rb_root tree;
    struct rb_node *first; /* the smallest virtual time; null: empty */
    uint64_t floor_ns;
    uint64_t weight; /* of all that wait */
    uint32_t count;
};

void fair_queue_init(struct fair_queue *queue);
/* Weight 100, class normal, any CPU, nothing used. */
void sched_entity_init(struct sched_entity *entity);

/* Waits from now on. The first time it starts at max(floor, start_ns). */
void fair_queue_add(struct fair_queue *queue, struct sched_entity *entity, uint64_t start_ns);
void fair_queue_remove(struct fair_queue *queue, struct sched_entity *entity);
static inline struct sched_entity *fair_queue_first(const struct fair_queue *queue)
{
    return queue->first == NULL ? NULL : rb_entry(queue->first, struct sched_entity, node);
}
/* It slept while somebody ran alone and was charged nothing: so much of what it is ahead of the floor is made
 * good, and at most the credit of a sleeper besides. Not while it waits. */
void fair_queue_rested(const struct fair_queue *queue, struct sched_entity *entity, uint64_t asleep_ns);
/* The one behind, in order of virtual time. */
struct sched_entity *fair_queue_after(const struct sched_entity *entity);

/* The floor follows the first in the queue and the one that runs (null: none). */
void fair_queue_raise_floor(struct fair_queue *queue, const struct sched_entity *running);
/* How long `entity`, which does not wait, may run beside those that do: its class' slice, longer or shorter
 * as its weight is above or below the average. */
uint64_t fair_queue_slice_ns(const struct fair_queue *queue, const struct sched_entity *entity);
/* True if one that waits is of a more urgent class than `running` and has had less. */
bool fair_queue_preempts(const struct fair_queue *queue, const struct sched_entity *running);
/* `weight` within SCHED_WEIGHT_MIN to MAX. `queue`: where it waits, or null. */
void fair_queue_set_weight(struct fair_queue *queue, struct sched_entity *entity, uint32_t weight);

/* Virtual time of `ns` of processor time. */
static inline uint64_t sched_virtual_ns(const struct sched_entity *entity, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * entity->inverse >> SCHED_INVERSE_SHIFT);
}

/* Earlier in virtual time; right across the wrap-around. */
static inline bool sched_before(uint64_t left_ns, uint64_t right_ns)
{
    return (int64_t)(left_ns - right_ns) < 0;
}

/* Takes its place relative to the floor to another queue. */
static inline void sched_entity_rebase(struct sched_entity *entity, uint64_t from_floor_ns,
                                       uint64_t to_floor_ns)
{
    entity->virtual_ns += to_floor_ns - from_floor_ns;
}
