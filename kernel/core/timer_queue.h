/*
 * Timer events: functions to be called at a time, kept per CPU in a tree sorted by deadline.
 * Lock: LOCK_TIMER. Callbacks run with no lock held and interrupts off.
 */
#pragma once
#include "core/types.h"
#include <base/rbtree.h>

struct timer_event {
    struct rb_node node;
    uint64_t deadline_ns;
    void (*fire)(struct timer_event *event);
    uint32_t cpu;
    bool queued;
};

void timer_event_start(struct timer_event *event, uint64_t deadline_ns,
                       void (*fire)(struct timer_event *event));
/* True if it was queued and will not fire; false if it fires, fired or was never started. */
bool timer_event_stop(struct timer_event *event);
/* After it the event is in no queue and its callback runs on no CPU: its memory may go. Not from callbacks.
 * No lock held that the callback takes. */
void timer_event_stop_wait(struct timer_event *event);

/* This CPU: runs what is due; the deadline of the next event (UINT64_MAX: none). */
void timer_queue_run(void);
uint64_t timer_queue_next_ns(void);
