#include "schema.h"

static const struct capnp_schema_node *find_built_in(void *self, uint64_t id)
{
    size_t low = 0;
    size_t high = capnp_schema_node_count;
    (void)self;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (capnp_schema_nodes[middle].id == id)
            return &capnp_schema_nodes[middle];
        if (capnp_schema_nodes[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct capnp_schema capnp_schema_built_in = {find_built_in, NULL};
