/* Endpoints as objects: making them and their facets. What they do is in core/ipc.h. */
#pragma once
#include "core/ipc.h"

struct ledger;

/* One reference, to the server facet. Charged to the ledger. NO_MEMORY. */
CHECKED status_t endpoint_create(struct ledger *ledger, uint64_t interface_id, uint32_t queue_max,
                                 struct ipc_endpoint **out);
/* object_type.forward of client facets, by which they are told from other objects. */
int32_t endpoint_facet_forward(const struct capability *target, struct cap_call *call);
/* A client facet with that tag, one reference; charged to the endpoint's ledger. interface_id 0: the
 * endpoint's. NO_MEMORY. */
CHECKED status_t endpoint_mint(struct ipc_endpoint *endpoint, uint64_t tag, uint64_t interface_id,
                               struct ipc_facet **out);
/* The same, but if it ends before `unborn` was cleared, then nobody is told. */
CHECKED status_t endpoint_mint_unborn(struct ipc_endpoint *endpoint, uint64_t tag, uint64_t interface_id,
                                      struct ipc_facet **out);
