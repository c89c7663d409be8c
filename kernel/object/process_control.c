#include "object/process_control.h"
#include "core/call.h"
#include "core/process.h"
#include <capos/process_server.h>

static struct process *process_of(void *self)
{
    return container_of((struct object *)self, struct process, control);
}

/* A process that kills itself does not get an answer: the ring sees that its thread is stopping. */
static int32_t process_kill(void *self, struct cap_call *call,
                            const struct cap_process_control_kill_params *params,
                            struct cap_process_control_kill_results *results)
{
    struct process *process = process_of(self);
    results->was_running = process_end(process, params->exit_code, NULL);
    return process == kcall_process(call) && results->was_running ? CAP_CALL_PENDING : CAPOS_OK;
}

static int32_t resume(void *self, struct cap_call *call, struct cap_process_control_resume_results *results)
{
    (void)call;
    results->was_paused = process_resume(process_of(self));
    return CAPOS_OK;
}

static const struct cap_process_control_server server = {.kill = process_kill, .resume = resume};
KERNEL_DISPATCH(dispatch, cap_process_control_dispatch)

/* Nobody can let it begin any more. */
static void destroy(struct object *object)
{
    struct process *process = process_of(object);
    if (process_is_paused(process))
        (void)process_end(process, PROCESS_EXIT_ABANDONED, NULL);
    object_put(&process->object);
}

const struct object_type process_control_type = {
    .name = "ProcessControl",
    .interface_id = CAP_PROCESS_CONTROL_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = destroy,
};

struct capability process_control_create(struct process *process)
{
    object_get(&process->object);
    object_init(&process->control, &process_control_type);
    return (struct capability){&process->control, &process_control_type};
}
