/*
 * Timer: monotonic time, sleeping, and the clock page. A sleep waits in no queue but this CPU's timer queue:
 * whoever takes its event out of there (the clock, or a cancel) completes it.
 */
#include "arch/arch.h"
#include "core/call.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "object/clock_page.h"
#include "object/kernel_caps.h"
#include <capos/clockpage.h>
#include <capos/manifest.h>
#include <capos/timer_server.h>

static int32_t timer_now(void *self, struct cap_call *call, struct cap_timer_now_results *results)
{
    (void)self;
    (void)call;
    results->monotonic_ns = clock_now_ns();
    results->tick = results->monotonic_ns / CAPOS_CLOCK_TICK_NS;
    return CAPOS_OK;
}

static bool sleep_cancel(struct pending *pending)
{
    return pending_timer_stop(pending);
}

static void sleep_over(struct timer_event *event)
{
    pending_complete(container_of(event, struct pending, timer), CAPOS_OK);
}

static int32_t sleep_until(void *self, struct cap_call *call, uint64_t deadline_ns)
{
    struct pending *pending;
    if (deadline_ns <= clock_now_ns())
        return CAPOS_OK;
    status_t status = pending_create(call, self, sleep_cancel, &pending);
    if (status < 0)
        return status;
    pending_timer_start(pending, deadline_ns, sleep_over);
    return CAP_CALL_PENDING;
}

static int32_t timer_sleep(void *self, struct cap_call *call, const struct cap_timer_sleep_params *params)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t furthest = UINT64_MAX - 1 - now_ns;
    return sleep_until(self, call,
                       now_ns + (params->duration_ns < furthest ? params->duration_ns : furthest));
}

static int32_t timer_sleep_until(void *self, struct cap_call *call,
                                 const struct cap_timer_sleep_until_params *params)
{
    return sleep_until(self, call, params->deadline_ns < UINT64_MAX ? params->deadline_ns : UINT64_MAX - 1);
}

/* The first mapping wins when two threads map at once. */
static uaddr_t remember_clock_page(struct process *process, uaddr_t address)
{
    spinlock_acquire(&process->lock);
    if (process->clock_page == 0)
        process->clock_page = address;
    uaddr_t kept = process->clock_page;
    for (struct list_node *node = list_first(&process->threads); node != NULL;
         node = list_next(&process->threads, node))
        container_of(node, struct thread, in_process)->context.tsc_allowed = true;
    spinlock_release(&process->lock);
    return kept;
}

static int32_t timer_map_clock(void *self, struct cap_call *call, struct cap_timer_map_clock_results *results)
{
    (void)self;
    struct process *process = kcall_process(call);
    uaddr_t mapped = process->clock_page;
    if (mapped == 0) {
        status_t status =
            aspace_map_object(process->aspace, clock_page(), false, 0, 0, PAGE_SIZE, PROT_READ, &mapped);
        if (status < 0)
            return status;
        results->address = remember_clock_page(process, mapped);
        arch_allow_tsc(&kcall_thread(call)->context);
        if (results->address != mapped)
            return aspace_unmap(process->aspace, mapped, PAGE_SIZE);
    }
    results->address = mapped;
    return CAPOS_OK;
}

static const struct cap_timer_server server = {
    .now = timer_now,
    .sleep = timer_sleep,
    .sleep_until = timer_sleep_until,
    .map_clock = timer_map_clock,
};
KERNEL_DISPATCH(dispatch, cap_timer_dispatch)

static const struct object_type timer_type = {
    .name = "Timer",
    .interface_id = CAP_TIMER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_TIMER, timer_type);
