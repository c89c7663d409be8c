#include "object/process_control.h"
#include "core/call.h"
#include "core/process.h"
#include <capos/process_server.h>

/* A process that kills itself does not get an answer: the ring sees that its thread is stopping. */
static int32_t process_kill(void *self, struct cap_call *call,
                            const struct cap_process_control_kill_params *params,
                            struct cap_process_control_kill_results *results)
{
    struct process *process = container_of((struct object *)self, struct process, object);
    results->was_running = process_end(process, params->exit_code, NULL);
    return process == kcall_process(call) && results->was_running ? CAP_CALL_PENDING : CAPOS_OK;
}

static int32_t resume(void *self, struct cap_call *call, struct cap_process_control_resume_results *results)
{
    (void)call;
    results->was_paused = process_resume(container_of((struct object *)self, struct process, object));
    return CAPOS_OK;
}

static const struct cap_process_control_server server = {.kill = process_kill, .resume = resume};
KERNEL_DISPATCH(dispatch, cap_process_control_dispatch)

const struct object_type process_control_type = {
    .name = "ProcessControl",
    .interface_id = CAP_PROCESS_CONTROL_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};

struct capability process_control_create(struct process *process)
{
    object_get(&process->object);
    return (struct capability){&process->object, &process_control_type};
}
