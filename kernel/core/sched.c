#include "core/sched.h"
#include "arch/arch.h"
#include "core/process.h"
#include "mm/aspace.h"

struct run_queue {
    struct spinlock lock;
    struct list ready; /* struct thread.run_node, longest waiting first */
    /* Only this CPU: */
    struct thread *current; /* whose context is loaded; null: none */
    uint64_t slice_end_ns;
};

static struct run_queue run_queues[ARCH_CPUS_MAX];

static struct run_queue *my_queue(void)
{
    return &run_queues[arch_cpu_number()];
}

void sched_init(void)
{
    for (size_t i = 0; i < array_count(run_queues); i++) {
        spinlock_init(&run_queues[i].lock, LOCK_RUNQUEUE);
        list_init(&run_queues[i].ready);
    }
}

void sched_make_ready(struct thread *thread)
{
    struct run_queue *queue = my_queue();
    spinlock_acquire(&queue->lock);
    thread->state = THREAD_READY;
    list_push_back(&queue->ready, &thread->run_node);
    spinlock_release(&queue->lock);
    sched_timer_changed();
}

static struct thread *take_ready(struct run_queue *queue)
{
    spinlock_acquire(&queue->lock);
    struct list_node *node = list_pop_front(&queue->ready);
    spinlock_release(&queue->lock);
    return node == NULL ? NULL : container_of(node, struct thread, run_node);
}

bool sched_should_yield(void)
{
    struct run_queue *queue = my_queue();
    return !list_is_empty(&queue->ready) && clock_now_ns() >= queue->slice_end_ns;
}

void sched_program_timer(void)
{
    struct run_queue *queue = my_queue();
    uint64_t deadline_ns = timer_queue_next_ns();
    if (!list_is_empty(&queue->ready)) {
        uint64_t now_ns = clock_now_ns();
        uint64_t slice_ns = queue->slice_end_ns > now_ns ? queue->slice_end_ns : now_ns + SCHED_OVERDUE_NS;
        deadline_ns = slice_ns < deadline_ns ? slice_ns : deadline_ns;
    }
    arch_timer_set(deadline_ns);
}

void sched_timer_changed(void)
{
    const struct thread *current = my_queue()->current;
    if (current != NULL && current->state == THREAD_RUNNING)
        sched_program_timer();
}

static void account(struct thread *thread, uint64_t now_ns)
{
    if (thread != NULL)
        thread->cpu_ns += now_ns - thread->scheduled_at_ns;
}

static void run(struct run_queue *queue, struct thread *next)
{
    struct thread *previous = queue->current;
    uint64_t now_ns = clock_now_ns();
    account(previous, now_ns);
    next->scheduled_at_ns = now_ns;
    next->state = THREAD_RUNNING;
    queue->slice_end_ns = now_ns + SCHED_SLICE_NS;
    if (next == previous)
        return;
    queue->current = next;
    arch_context_switch(previous == NULL ? NULL : &previous->context, &next->context,
                        aspace_page_table(next->process->aspace),
                        aspace_resident_cpus(next->process->aspace));
}

void sched_forget_current(void)
{
    struct run_queue *queue = my_queue();
    account(queue->current, clock_now_ns());
    queue->current = NULL;
}

void sched_next(void)
{
    struct run_queue *queue = my_queue();
    struct thread *next = take_ready(queue);
    spinlock_assert_none_held();
    if (next == NULL) {
        sched_program_timer();
        arch_idle();
    }
    run(queue, next);
    sched_program_timer();
    arch_enter_user();
}

void sched_resume(void)
{
    struct run_queue *queue = my_queue();
    if (queue->current == NULL || queue->current->state != THREAD_RUNNING)
        sched_next();
    if (sched_should_yield()) {
        sched_make_ready(queue->current);
        sched_next();
    }
    sched_program_timer();
    spinlock_assert_none_held();
    arch_enter_user();
}
