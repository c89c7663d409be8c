#include "object/process_handle.h"
#include "core/call.h"
#include "core/process.h"
#include <base/string.h>
#include <capos/process_server.h>

static struct process *process_of(void *self)
{
    return container_of((struct object *)self, struct process, object);
}

static void encode_crash(const struct process *process, const struct crash_record *crash,
                         struct cap_crash_record *out)
{
    *out = (struct cap_crash_record){
        .process_id = process->id,
        .vector = crash->vector,
        .error_code = crash->error_code,
        .fault_address = crash->fault_address,
        .instruction_pointer = crash->rip,
        .stack_pointer = crash->rsp,
        .registers = CAPNP_LIST(crash->registers, CRASH_REGISTERS),
        .backtrace = CAPNP_LIST(crash->backtrace, crash->backtrace_len),
        .reason = {crash->reason, strlen(crash->reason)},
        .image_base = process->image_base,
    };
}

/* The process has ended: what is read here does not change any more. */
static void encode_outcome(const struct process *process, struct cap_process_handle_wait_results *results)
{
    results->exit_code = process->exit_code;
    results->crashed = process->crashed;
    results->has_crash = process->crash != NULL;
    if (process->crash != NULL)
        encode_crash(process, process->crash, &results->crash);
}

void process_handle_answer(struct process *process, struct pending *waiter)
{
    struct kcall reply;
    struct cap_process_handle_wait_results results = {0};
    encode_outcome(process, &results);
    pending_reply_begin(waiter, &reply);
    pending_reply_end(waiter, &reply, cap_process_handle_wait_reply(&reply.call, &results));
}

static bool wait_cancel(struct pending *pending)
{
    struct process *process = process_of(pending->object);
    spinlock_acquire(&process->lock);
    bool was_waiting = list_is_linked(&pending->in_object);
    if (was_waiting)
        list_remove(&pending->in_object);
    spinlock_release(&process->lock);
    return was_waiting;
}

/* False if the process has ended by now. */
static bool enqueue(struct process *process, struct pending *pending)
{
    spinlock_acquire(&process->lock);
    bool running = process->state != PROCESS_ENDED;
    if (running)
        list_push_back(&process->waiters, &pending->in_object);
    spinlock_release(&process->lock);
    return running;
}

static int32_t process_handle_wait(void *self, struct cap_call *call,
                                   struct cap_process_handle_wait_results *results)
{
    struct process *process = process_of(self);
    if (process->state == PROCESS_ENDED) {
        encode_outcome(process, results);
        return CAPOS_OK;
    }
    struct pending *pending;
    status_t status = pending_create(call, &process->object, wait_cancel, &pending);
    if (status < 0)
        return status;
    if (!enqueue(process, pending))
        process_handle_answer(process, pending);
    return CAP_CALL_PENDING;
}

static int32_t process_handle_info(void *self, struct cap_call *call,
                                   struct cap_process_handle_info_results *results)
{
    struct process *process = process_of(self);
    (void)call;
    results->process_id = process->id;
    results->running = process->state != PROCESS_ENDED;
    results->name = (struct capnp_text){process->name, strlen(process->name)};
    return CAPOS_OK;
}

static const struct cap_process_handle_server server = {.wait = process_handle_wait,
                                                        .info = process_handle_info};
KERNEL_DISPATCH(dispatch, cap_process_handle_dispatch)

const struct object_type process_handle_type = {
    .name = "ProcessHandle",
    .interface_id = CAP_PROCESS_HANDLE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .transfer = CAP_TRANSFER_NEVER,
};
