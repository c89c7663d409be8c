/*
 * ConsoleInput: what the first serial port receives.
 *
 * Bytes go from the port into a buffer when they come, and from there to readers. Readers wait only while the
 * buffer is empty, in order of asking, so that whatever comes serves the first of them at once. When the
 * buffer is full the port keeps what comes (and QEMU what the port does not take) until somebody reads.
 *
 * The port is listened to from the first read on. A machine whose port cannot interrupt is looked at every
 * POLL_NS while somebody waits: each waiter's own timer does that.
 */
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/lock.h"
#include "core/process.h"
#include "core/sched.h"
#include "object/kernel_caps.h"
#include <base/list.h>
#include <base/string.h>
#include <capos/manifest.h>
#include <capos/terminal_server.h>

enum { BUFFER_BYTES = 4096, READ_MAX_BYTES = 1024, WAITERS_MAX = 16, WAIT_BYTES = 48 };
static const uint64_t POLL_NS = 10000000;

static struct {
    struct spinlock lock; /* LOCK_OBJECT; protects: */
    uint32_t start, queued;
    uint32_t lost;
    bool full; /* the port is quiet until there is room */
    uint32_t waiter_count;
    struct list waiters; /* struct pending.in_object; only while nothing is queued */
} input = {.lock = SPINLOCK_INIT(LOCK_OBJECT), .waiters = LIST_INIT(input.waiters)};

static char buffer[BUFFER_BYTES]; /* under its lock */

/* struct pending.own of a read that waits: what it gets is little, since it waited for a first byte. */
struct wait {
    uint32_t max_bytes;
    uint32_t lost; /* these once served */
    uint8_t got;
    bool waiting;
    char bytes[WAIT_BYTES];
};
_Static_assert(sizeof(struct wait) <= sizeof(((struct pending *)NULL)->own), "fits the object's part");

static struct wait *wait_of(struct pending *pending)
{
    return (struct wait *)(void *)pending->own;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- The buffer. */

static void arrived(void);

static void fill_locked(void)
{
    while (input.queued < BUFFER_BYTES) {
        const uint32_t end = (input.start + input.queued) % BUFFER_BYTES;
        const uint32_t room = least(BUFFER_BYTES - input.queued, BUFFER_BYTES - end);
        const uint32_t got = (uint32_t)console_port_read(buffer + end, room, &input.lost);
        input.queued += got;
        if (got < room)
            return;
    }
    console_port_quiet();
    input.full = true;
}

static uint32_t take_locked(char *out, uint32_t max_bytes, uint32_t *lost)
{
    uint32_t got = 0;
    for (; got < max_bytes && input.queued > 0; got++, input.queued--) {
        out[got] = buffer[input.start];
        input.start = (input.start + 1) % BUFFER_BYTES;
    }
    *lost = input.lost;
    input.lost = 0;
    if (input.full && got > 0) {
        input.full = false;
        (void)console_port_listen(arrived);
    }
    return got;
}

/* ---- Waiting. */

static void leave_locked(struct pending *pending)
{
    list_remove(&pending->in_object);
    wait_of(pending)->waiting = false;
    input.waiter_count--;
}

static void serve_locked(struct list *done)
{
    struct list_node *node;
    while (input.queued > 0 && (node = list_first(&input.waiters)) != NULL) {
        struct pending *pending = container_of(node, struct pending, in_object);
        struct wait *wait = wait_of(pending);
        leave_locked(pending);
        wait->got = (uint8_t)take_locked(wait->bytes, wait->max_bytes, &wait->lost);
        list_push_back(done, node);
    }
}

/* No lock held. */
static void answer_all(struct list *done)
{
    struct list_node *node;
    while ((node = list_pop_front(done)) != NULL) {
        struct kcall reply;
        struct pending *pending = container_of(node, struct pending, in_object);
        const struct wait *wait = wait_of(pending);
        const struct cap_console_input_read_results results = {
            .data = {(const uint8_t *)wait->bytes, wait->got},
            .lost = wait->lost,
        };
        pending_reply_begin(pending, &reply);
        pending_reply_end(pending, &reply, cap_console_input_read_reply(&reply.call, &results));
    }
}

static void arrived(void)
{
    struct list done = LIST_INIT(done);
    spinlock_acquire(&input.lock);
    fill_locked();
    serve_locked(&done);
    spinlock_release(&input.lock);
    answer_all(&done);
    sched_timer_changed(); /* at a preemption point of a long operation nobody else would */
}

static bool cancel(struct pending *pending)
{
    spinlock_acquire(&input.lock);
    const bool waited = wait_of(pending)->waiting;
    if (waited)
        leave_locked(pending);
    spinlock_release(&input.lock);
    return waited;
}

static void poll(struct timer_event *event)
{
    struct pending *pending = container_of(event, struct pending, timer);
    arrived();
    spinlock_acquire(&input.lock);
    if (wait_of(pending)->waiting)
        pending_timer_start(pending, clock_now_ns() + POLL_NS, poll);
    spinlock_release(&input.lock);
}

/* What came meanwhile serves it at once, in its turn. */
static int32_t wait_for(struct object *object, struct cap_call *call, uint32_t max_bytes)
{
    struct pending *pending;
    struct list done = LIST_INIT(done);
    status_t status = pending_create(call, object, cancel, &pending);
    if (status < 0)
        return status;
    *wait_of(pending) = (struct wait){.max_bytes = least(max_bytes, WAIT_BYTES)};
    const bool polled = !console_port_listen(arrived);
    spinlock_acquire(&input.lock);
    const bool queued = input.waiter_count < WAITERS_MAX;
    if (queued) {
        wait_of(pending)->waiting = true;
        input.waiter_count++;
        list_push_back(&input.waiters, &pending->in_object);
        if (polled)
            pending_timer_start(pending, clock_now_ns() + POLL_NS, poll);
        fill_locked();
        serve_locked(&done);
    }
    spinlock_release(&input.lock);
    answer_all(&done);
    if (queued)
        return CAP_CALL_PENDING;
    pending_abandon(pending);
    return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many wait for the console");
}

/* ---- The interface. */

/* How many bytes the caller's buffer takes: those taken for an answer that does not fit would be lost. */
static uint32_t limit_of(struct cap_call *call, uint32_t max_bytes)
{
    struct cap_console_input_read_results results = {.data = {NULL, 1}};
    const size_t least_bytes = cap_console_input_read_results_size(&results);
    if (call->results_limit < least_bytes) {
        call->results_bytes = least_bytes;
        return 0;
    }
    const size_t room = call->results_limit - least_bytes + sizeof(uint64_t);
    return least(least(max_bytes, READ_MAX_BYTES), (uint32_t)room & ~7u);
}

static PERCPU char taken_by_cpu[READ_MAX_BYTES]; /* until it is encoded */

static int32_t console_input_read(void *self, struct cap_call *call,
                                  const struct cap_console_input_read_params *params,
                                  struct cap_console_input_read_results *results)
{
    char *bytes = *percpu_this(taken_by_cpu);
    const uint32_t max_bytes = limit_of(call, params->max_bytes);
    if (params->max_bytes == 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "maxBytes: 0 would wait for ever");
    if (max_bytes == 0)
        return CAPOS_ERR_RESULT_TRUNCATED;
    spinlock_acquire(&input.lock);
    fill_locked();
    const uint32_t got = input.waiter_count == 0 ? take_locked(bytes, max_bytes, &results->lost) : 0;
    spinlock_release(&input.lock);
    results->data = (struct capnp_data){(const uint8_t *)bytes, got};
    return got > 0 ? CAPOS_OK : wait_for(self, call, max_bytes);
}

static const struct cap_console_input_server server = {.read = console_input_read};
KERNEL_DISPATCH(dispatch, cap_console_input_dispatch)

static const struct object_type console_input_type = {
    .name = "ConsoleInput",
    .interface_id = CAP_CONSOLE_INPUT_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_CONSOLE_INPUT, console_input_type);
