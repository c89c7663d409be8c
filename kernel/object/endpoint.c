#include "object/endpoint.h"
#include "core/call.h"
#include "core/ipc_inside.h"
#include "core/process.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include <capos/ipc_server.h>

static struct ipc_endpoint *endpoint_of(void *server)
{
    return container_of((struct object *)server, struct ipc_endpoint, server);
}

static status_t charged_alloc(struct ledger *ledger, size_t size_bytes, void **out)
{
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, size_bytes);
    if (status < 0)
        return status;
    *out = heap_alloc(size_bytes);
    if (*out != NULL)
        return CAPOS_OK;
    ledger_refund(ledger, LEDGER_HEAP_BYTES, size_bytes);
    return CAPOS_ERR_NO_MEMORY;
}

/* ---- Client facets. */

static struct ipc_facet *facet_of(struct object *object)
{
    return container_of(object, struct ipc_facet, object);
}

/* A call without parameters. */
static int32_t facet_dispatch(const void *server, void *object, uint16_t method_id, struct cap_call *call)
{
    (void)server;
    (void)method_id;
    return ipc_call(facet_of(object), kcall_of(call), 0, 0, 0);
}

int32_t endpoint_facet_forward(const struct capability *target, struct cap_call *call)
{
    const struct capos_sqe *sqe = &kcall_of(call)->sqe;
    return ipc_call(facet_of(target->object), kcall_of(call), sqe->addr, sqe->len, sqe->xfer_cap_count);
}

static void facet_destroy(struct object *object)
{
    struct ipc_facet *facet = facet_of(object);
    if (facet->unborn)
        ipc_facet_free(facet);
    else
        ipc_facet_dropped(facet);
}

/* Memory that is charged to the endpoint's ledger. */
static void facet_memory_free(struct ipc_endpoint *endpoint, struct ipc_facet *facet)
{
    if (facet == NULL)
        return;
    heap_free(facet, sizeof(*facet));
    ledger_refund(endpoint->ledger, LEDGER_HEAP_BYTES, sizeof(*facet));
}

/* The endpoint keeps one for the next that is minted: most are given up before another is asked for. */
void ipc_facet_free(struct ipc_facet *facet)
{
    struct ipc_endpoint *endpoint = facet->endpoint;
    facet_memory_free(endpoint, __atomic_exchange_n(&endpoint->spare_facet, facet, __ATOMIC_ACQ_REL));
    object_put(&endpoint->core);
}

/* Everything that is the same for all facets of the endpoint, for as long as their memory is. */
static status_t facet_memory_alloc(struct ipc_endpoint *endpoint, struct ipc_facet **out)
{
    void *memory;
    status_t status = charged_alloc(endpoint->ledger, sizeof(struct ipc_facet), &memory);
    if (status < 0)
        return status;
    struct ipc_facet *facet = memory;
    facet->type = (struct object_type){
        .name = "ClientEndpoint",
        .dispatch = facet_dispatch,
        .forward = endpoint_facet_forward,
        .destroy = facet_destroy,
    };
    facet->endpoint = endpoint;
    *out = facet;
    return CAPOS_OK;
}

status_t endpoint_mint_unborn(struct ipc_endpoint *endpoint, uint64_t tag, uint64_t interface_id,
                              struct ipc_facet **out)
{
    struct ipc_facet *facet = __atomic_exchange_n(&endpoint->spare_facet, NULL, __ATOMIC_ACQ_REL);
    status_t status = facet != NULL ? CAPOS_OK : facet_memory_alloc(endpoint, &facet);
    if (status < 0)
        return status;
    facet->type.interface_id = interface_id != 0 ? interface_id : endpoint->interface_id;
    object_init(&facet->object, &facet->type);
    facet->tag = tag;
    facet->unborn = true;
    facet->message.dropped = false;
    facet->ref_process_id = 0;
    object_get(&endpoint->core);
    *out = facet;
    return CAPOS_OK;
}

status_t endpoint_mint(struct ipc_endpoint *endpoint, uint64_t tag, uint64_t interface_id,
                       struct ipc_facet **out)
{
    status_t status = endpoint_mint_unborn(endpoint, tag, interface_id, out);
    if (status == CAPOS_OK)
        (*out)->unborn = false;
    return status;
}

/* ---- The server facet. */

static int32_t endpoint_method_mint(void *self, struct cap_call *call,
                                    const struct cap_endpoint_mint_params *params,
                                    struct cap_endpoint_mint_results *results)
{
    struct ipc_facet *facet;
    status_t status = endpoint_mint(endpoint_of(self), params->tag, params->interface_id, &facet);
    if (status < 0)
        return status;
    return kcall_return_capability(call, (struct capability){&facet->object, &facet->type},
                                   &results->client.id);
}

static int32_t endpoint_method_tag_of(void *self, struct cap_call *call,
                                      const struct cap_endpoint_tag_of_params *params,
                                      struct cap_endpoint_tag_of_results *results)
{
    if (params->facet.id == 0)
        return CAPOS_OK;
    struct capability sent = kcall_capability_in(call, params->facet.id);
    if (capability_resolve(&sent) < 0 || sent.type->dispatch != facet_dispatch)
        return CAPOS_OK;
    const struct ipc_facet *facet = facet_of(sent.object);
    results->mine = facet->endpoint == endpoint_of(self);
    results->tag = results->mine ? facet->tag : 0;
    return CAPOS_OK;
}

static int32_t endpoint_method_info(void *self, struct cap_call *call,
                                    struct cap_endpoint_info_results *results)
{
    struct ipc_endpoint *endpoint = endpoint_of(self);
    (void)call;
    ipc_lock(endpoint);
    results->interface_id = endpoint->interface_id;
    results->queued = endpoint->queued;
    results->delivered = endpoint->delivered;
    results->receivers = endpoint->receiving;
    spinlock_release(&endpoint->lock);
    return CAPOS_OK;
}

static const struct cap_endpoint_server server = {
    .mint = endpoint_method_mint,
    .tag_of = endpoint_method_tag_of,
    .info = endpoint_method_info,
};
KERNEL_DISPATCH(dispatch, cap_endpoint_dispatch)

/* The last server facet is gone. */
static void server_destroy(struct object *object)
{
    struct ipc_endpoint *endpoint = endpoint_of(object);
    ipc_endpoint_kill(endpoint);
    object_put(&endpoint->core);
}

const struct object_type endpoint_type = {
    .name = "Endpoint",
    .interface_id = CAP_ENDPOINT_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = server_destroy,
    .holder_ended = ipc_holder_ended,
};

static void core_destroy(struct object *object)
{
    struct ipc_endpoint *endpoint = container_of(object, struct ipc_endpoint, core);
    struct ledger *ledger = endpoint->ledger;
    facet_memory_free(endpoint, endpoint->spare_facet);
    heap_free(endpoint, sizeof(*endpoint));
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*endpoint));
    ledger_put(ledger);
}

static const struct object_type core_type = {.name = "endpoint", .destroy = core_destroy};

status_t endpoint_create(struct ledger *ledger, uint64_t interface_id, uint32_t queue_max,
                         struct ipc_endpoint **out)
{
    static uint64_t last_id;
    void *memory;
    status_t status = charged_alloc(ledger, sizeof(struct ipc_endpoint), &memory);
    if (status < 0)
        return status;
    struct ipc_endpoint *endpoint = memory;
    object_init(&endpoint->server, &endpoint_type);
    object_init(&endpoint->core, &core_type);
    ledger_get(ledger);
    endpoint->ledger = ledger;
    endpoint->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    endpoint->interface_id = interface_id;
    endpoint->queue_max = queue_max;
    ipc_endpoint_init(endpoint);
    *out = endpoint;
    return CAPOS_OK;
}
