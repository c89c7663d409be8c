/* IpcFactory: what processes talk through, made out of the caller's budget. */
#include "core/call.h"
#include "core/process.h"
#include "object/endpoint.h"
#include "object/kernel_caps.h"
#include "object/notification.h"
#include "object/pipe.h"
#include <capos/ipc_server.h>
#include <capos/manifest.h>

static int32_t ipc_factory_create_endpoint(void *self, struct cap_call *call,
                                           const struct cap_ipc_factory_create_endpoint_params *params,
                                           struct cap_ipc_factory_create_endpoint_results *results)
{
    struct ipc_endpoint *endpoint;
    uint32_t queue_max = params->max_queued != 0 ? params->max_queued : CAPOS_ENDPOINT_QUEUE_DEFAULT;
    (void)self;
    if (queue_max > CAPOS_ENDPOINT_QUEUE_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "maxQueued: above 1024");
    status_t status = endpoint_create(kcall_ledger(call), params->interface_id, queue_max, &endpoint);
    if (status < 0)
        return status;
    return kcall_return_capability(call, (struct capability){&endpoint->server, &endpoint_type},
                                   &results->endpoint.id);
}

static int32_t ipc_factory_create_notification(void *self, struct cap_call *call,
                                               struct cap_ipc_factory_create_notification_results *results)
{
    struct capability notification;
    (void)self;
    status_t status = notification_create(kcall_ledger(call), &notification);
    return status < 0 ? status : kcall_return_capability(call, notification, &results->notification.id);
}

static int32_t ipc_factory_create_pipe(void *self, struct cap_call *call,
                                       const struct cap_ipc_factory_create_pipe_params *params,
                                       struct cap_ipc_factory_create_pipe_results *results)
{
    (void)self;
    return pipe_create_results(call, params->capacity_bytes, &results->reader.id, &results->writer.id);
}

static const struct cap_ipc_factory_server server = {
    .create_endpoint = ipc_factory_create_endpoint,
    .create_notification = ipc_factory_create_notification,
    .create_pipe = ipc_factory_create_pipe,
};
KERNEL_DISPATCH(dispatch, cap_ipc_factory_dispatch)

static const struct object_type ipc_factory_type = {
    .name = "IpcFactory",
    .interface_id = CAP_IPC_FACTORY_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_IPC_FACTORY, ipc_factory_type);
