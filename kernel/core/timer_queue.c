#include "core/timer_queue.h"
#include "arch/arch.h"
#include "core/lock.h"
#include "core/sched.h"

struct timer_queue {
    struct spinlock lock;
    struct rb_root events;      /* by deadline, equal ones in order of starting */
    struct timer_event *firing; /* whose callback this CPU runs; compared, never followed */
};

static struct timer_queue queues[ARCH_CPUS_MAX] = {
    [0 ... ARCH_CPUS_MAX - 1] = {.lock = SPINLOCK_INIT(LOCK_TIMER)},
};

static struct timer_event *event_of(struct rb_node *node)
{
    return container_of(node, struct timer_event, node);
}

static void insert_locked(struct timer_queue *queue, struct timer_event *event)
{
    struct rb_node **link = &queue->events.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = event->deadline_ns < event_of(parent)->deadline_ns ? &parent->left : &parent->right;
    }
    rb_insert(&queue->events, &event->node, parent, link);
    event->queued = true;
}

void timer_event_start(struct timer_event *event, uint64_t deadline_ns,
                       void (*fire)(struct timer_event *event))
{
    uint32_t cpu = arch_cpu_number();
    struct timer_queue *queue = &queues[cpu];
    event->deadline_ns = deadline_ns;
    event->fire = fire;
    event->cpu = cpu;
    spinlock_acquire(&queue->lock);
    insert_locked(queue, event);
    spinlock_release(&queue->lock);
    sched_timer_changed();
}

bool timer_event_stop(struct timer_event *event)
{
    if (event->fire == NULL)
        return false; /* never started */
    struct timer_queue *queue = &queues[event->cpu];
    spinlock_acquire(&queue->lock);
    bool was_queued = event->queued;
    if (was_queued) {
        rb_erase(&queue->events, &event->node);
        event->queued = false;
    }
    spinlock_release(&queue->lock);
    return was_queued;
}

void timer_event_stop_wait(struct timer_event *event)
{
    if (timer_event_stop(event) || event->fire == NULL)
        return;
    const struct timer_queue *queue = &queues[event->cpu];
    while (__atomic_load_n(&queue->firing, __ATOMIC_ACQUIRE) == event)
        arch_relax();
}

static struct timer_event *pop_due(struct timer_queue *queue, uint64_t now_ns)
{
    spinlock_acquire(&queue->lock);
    struct rb_node *node = rb_first(&queue->events);
    struct timer_event *event = node == NULL ? NULL : event_of(node);
    if (event != NULL && event->deadline_ns > now_ns)
        event = NULL;
    if (event != NULL) {
        rb_erase(&queue->events, &event->node);
        event->queued = false;
        __atomic_store_n(&queue->firing, event, __ATOMIC_RELAXED);
    }
    spinlock_release(&queue->lock);
    return event;
}

uint64_t timer_queue_next_ns(void)
{
    struct timer_queue *queue = &queues[arch_cpu_number()];
    spinlock_acquire(&queue->lock);
    struct rb_node *node = rb_first(&queue->events);
    uint64_t deadline_ns = node == NULL ? UINT64_MAX : event_of(node)->deadline_ns;
    spinlock_release(&queue->lock);
    return deadline_ns;
}

/* A callback may come to a preemption point (it gives memory back, say), where the timer interrupts again.
 * Then the outer run goes on with what is due: `firing` names one event, and must until that one's callback
 * is over. */
void timer_queue_run(void)
{
    struct timer_queue *queue = &queues[arch_cpu_number()];
    if (queue->firing != NULL)
        return;
    uint64_t now_ns = clock_now_ns();
    struct timer_event *event;
    while ((event = pop_due(queue, now_ns)) != NULL) {
        event->fire(event);
        __atomic_store_n(&queue->firing, NULL, __ATOMIC_RELEASE);
    }
}
