/*
 * SchemaRegistry: answers what interfaces look like, out of the schema that was compiled into it
 * (build/gen/reflection.c). Grants: "registry" (an Endpoint). Everything it says is constant, so one thread
 * that keeps no state serves all.
 */
#include <capnp/schema.h>
#include <capos/lookup.h>
#include <capos/registry_server.h>
#include <capos/serve.h>
#include <string.h>

/* A reply leaves room for a node's head and for one member of any length that the schema has. */
enum { MEMBERS_MAX = 128, LIST_MAX = 64, REPLY_BUDGET_BYTES = 6000, MEMBER_BYTES = 96 };

static const struct capnp_schema_node *find_node(uint64_t id)
{
    return capnp_schema_built_in.find(capnp_schema_built_in.self, id);
}

static const struct capnp_schema_node *find_interface(uint64_t id)
{
    const struct capnp_schema_node *node = find_node(id);
    return node != NULL && node->kind == CAPNP_NODE_INTERFACE ? node : NULL;
}

static int32_t find(void *self, struct cap_call *call, const struct cap_schema_registry_find_params *params,
                    struct cap_schema_registry_find_results *results)
{
    const struct capnp_schema_node *node = find_interface(params->interface_id);
    (void)self;
    (void)call;
    if (node == NULL)
        return CAPOS_OK;
    results->found = true;
    results->name = capnp_text_of(node->name);
    results->method_count = (uint16_t)node->count;
    return CAPOS_OK;
}

static int32_t by_name(void *self, struct cap_call *call,
                       const struct cap_schema_registry_by_name_params *params,
                       struct cap_schema_registry_by_name_results *results)
{
    (void)self;
    (void)call;
    for (size_t i = 0; i < capnp_schema_node_count && !results->found; i++) {
        const struct capnp_schema_node *node = &capnp_schema_nodes[i];
        bool same = node->kind == CAPNP_NODE_INTERFACE && strlen(node->name) == params->name.len &&
                    memcmp(node->name, params->name.bytes, params->name.len) == 0;
        results->found = same;
        results->interface_id = same ? node->id : 0;
    }
    return CAPOS_OK;
}

static int32_t list(void *self, struct cap_call *call, const struct cap_schema_registry_list_params *params,
                    struct cap_schema_registry_list_results *results)
{
    static uint64_t ids[LIST_MAX];
    size_t count = 0;
    (void)self;
    (void)call;
    size_t i = params->cursor;
    for (; i < capnp_schema_node_count && count < LIST_MAX; i++)
        if (capnp_schema_nodes[i].kind == CAPNP_NODE_INTERFACE)
            ids[count++] = capnp_schema_nodes[i].id;
    results->interface_ids = CAPNP_LIST(ids, count);
    results->next_cursor = i < capnp_schema_node_count ? (uint32_t)i : 0;
    return CAPOS_OK;
}

/* ---- Nodes, in portions. */

static union {
    struct cap_schema_field fields[MEMBERS_MAX];
    struct cap_schema_method methods[MEMBERS_MAX];
    struct capnp_text enumerants[MEMBERS_MAX];
} portion;

/* Converts member `i` to portion place `n`; the bytes that its text takes. */
static size_t put_member(const struct capnp_schema_node *node, uint32_t i, size_t n)
{
    if (node->kind == CAPNP_NODE_ENUM) {
        portion.enumerants[n] = capnp_text_of(node->enumerants[i]);
        return portion.enumerants[n].len;
    }
    if (node->kind == CAPNP_NODE_INTERFACE) {
        const struct capnp_schema_method *method = &node->methods[i];
        portion.methods[n] = (struct cap_schema_method){.name = capnp_text_of(method->name),
                                                        .doc = capnp_text_of(method->doc),
                                                        .params = method->params,
                                                        .results = method->results};
        return portion.methods[n].name.len + portion.methods[n].doc.len;
    }
    const struct capnp_schema_field *field = &node->fields[i];
    portion.fields[n] = (struct cap_schema_field){.name = capnp_text_of(field->name),
                                                  .doc = capnp_text_of(field->doc),
                                                  .node = field->node,
                                                  .default_bits = field->default_bits,
                                                  .offset = field->offset,
                                                  .discriminant = field->discriminant,
                                                  .kind = field->kind,
                                                  .element = field->element};
    return portion.fields[n].name.len + portion.fields[n].doc.len;
}

static size_t fill_portion(const struct capnp_schema_node *node, uint32_t first)
{
    size_t bytes = 0, count = 0;
    for (uint32_t i = first; i < node->count && count < MEMBERS_MAX && bytes < REPLY_BUDGET_BYTES; i++)
        bytes += MEMBER_BYTES + put_member(node, i, count++);
    return count;
}

static int32_t node(void *self, struct cap_call *call, const struct cap_schema_registry_node_params *params,
                    struct cap_schema_registry_node_results *results)
{
    const struct capnp_schema_node *found = find_node(params->node_id);
    (void)self;
    (void)call;
    if (found == NULL)
        return CAPOS_OK;
    size_t count = fill_portion(found, params->first);
    results->found = true;
    results->total = found->count;
    results->has_node = true;
    results->node = (struct cap_schema_node){
        .id = found->id,
        .name = capnp_text_of(found->name),
        .doc = capnp_text_of(params->first == 0 ? found->doc : NULL),
        .kind = (enum cap_schema_node_kind)found->kind,
        .data_words = found->data_words,
        .pointer_count = found->pointer_count,
        .discriminant_count = found->discriminant_count,
        .discriminant_offset = found->discriminant_offset,
    };
    if (found->kind == CAPNP_NODE_ENUM)
        results->node.enumerants = CAPNP_LIST(portion.enumerants, count);
    else if (found->kind == CAPNP_NODE_INTERFACE)
        results->node.methods = CAPNP_LIST(portion.methods, count);
    else
        results->node.fields = CAPNP_LIST(portion.fields, count);
    return CAPOS_OK;
}

static const struct cap_schema_registry_server ops = {
    .find = find, .by_name = by_name, .list = list, .node = node};
CAPOS_DISPATCH(dispatch, cap_schema_registry_dispatch)

int main(void)
{
    struct capos_service service = {
        .endpoint = capos_need_endpoint("registry"),
        .target = {.dispatch = dispatch, .ops = &ops},
    };
    return capos_serve(&service) < 0 ? 1 : 0;
}
