/* A Directory of nothing: `usage` answers, `sub` returns a new facet, `link` takes a capability and drops it,
 * `watch` answers later. Two threads; killed at any moment. */
#include "soak.h"
#include <capos/fs_server.h>
#include <capos/serve.h>
#include <capos/threads.h>

enum { THREADS = 2 };

static struct capos_service service;
static uint64_t last_tag = 1000;

static int32_t usage(void *self, struct cap_call *call, struct cap_directory_usage_results *results)
{
    (void)self;
    (void)call;
    results->used_bytes = 42;
    return CAPOS_OK;
}

static int32_t sub(void *self, struct cap_call *call, const struct cap_directory_sub_params *params,
                   struct cap_directory_sub_results *results)
{
    cap_any facet = {0};
    (void)self;
    (void)params;
    int32_t status = capos_mint(&service, __atomic_add_fetch(&last_tag, 1, __ATOMIC_RELAXED), 0, &facet);
    results->directory = (cap_directory){.id = facet.id, .mode = facet.mode};
    return status < 0 ? cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "no facet left") : CAPOS_OK;
}

static int32_t link(void *self, struct cap_call *call, const struct cap_directory_link_params *params,
                    struct cap_directory_link_results *results)
{
    (void)self;
    (void)call;
    results->status = params->to.id == CAPNP_CAP_NONE ? CAP_FS_STATUS_NOT_FOUND : CAP_FS_STATUS_OK;
    return CAPOS_OK;
}

static const struct cap_directory_server ops = {.usage = usage, .sub = sub, .link = link};
CAPOS_DISPATCH(dispatch, cap_directory_dispatch)

static uint64_t serve(void *unused)
{
    (void)unused;
    return (uint64_t)capos_serve(&service);
}

int soak_server(void)
{
    capos_thread thread;
    service =
        (struct capos_service){.endpoint = capos_need_endpoint("endpoint"), .target = {dispatch, &ops, NULL}};
    for (int i = 1; i < THREADS; i++)
        (void)capos_thread_create(NULL, serve, NULL, &thread);
    return capos_serve(&service) < 0;
}
