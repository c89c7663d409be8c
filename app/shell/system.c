/* What the language stands on: calls that Ctrl-C ends, and the schema as the SchemaRegistry tells it. */
#include "shell.h"
#include <string.h>

enum { NODES_MAX = 600, ANSWER_WORDS = 1200 };

/* ---- Calls. */

static int32_t invoke(void *self, uint32_t cap_id, uint16_t method_id, struct cap_message *message)
{
    static struct cap_pending pending;
    struct cap_pending *waits[] = {&pending};
    (void)self;
    pending.message = *message;
    int32_t result = cap_invoke_start(cap_id, method_id, &pending);
    if (result < 0)
        return result;
    while (!pending.done)
        if (interrupt_wait(waits, 1) < 0)
            (void)cap_pending_cancel(&pending);
    result = cap_pending_wait(&pending);
    *message = pending.message;
    return result;
}

static void release(void *self, uint32_t cap_id)
{
    (void)self;
    (void)cap_release_id(cap_id);
}

static const char *why(void *self, int32_t result)
{
    (void)self;
    return result == CAPOS_ERR_CANCELED ? "interrupted" : cap_why(result);
}

/* ---- The schema. Nodes are fetched once and kept. */

static struct capnp_schema_node *nodes[NODES_MAX];
static size_t node_count;

/* A copy on the heap; null if there is no memory. */
static char *keep(struct capnp_text text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    return copy;
}

static bool keep_fields(const struct cap_schema_node *from, struct capnp_schema_field *to)
{
    for (size_t i = 0; i < from->fields.count; i++) {
        struct cap_schema_field field;
        if (cap_schema_field_list_get(&from->fields, i, &field) < 0)
            return false;
        to[i] = (struct capnp_schema_field){.name = keep(field.name),
                                            .doc = keep(field.doc),
                                            .node = field.node,
                                            .default_bits = field.default_bits,
                                            .offset = field.offset,
                                            .discriminant = field.discriminant,
                                            .kind = field.kind,
                                            .element = field.element};
        if (to[i].name == NULL || to[i].doc == NULL)
            return false;
    }
    return true;
}

static bool keep_methods(const struct cap_schema_node *from, struct capnp_schema_method *to)
{
    for (size_t i = 0; i < from->methods.count; i++) {
        struct cap_schema_method method;
        if (cap_schema_method_list_get(&from->methods, i, &method) < 0)
            return false;
        to[i] =
            (struct capnp_schema_method){keep(method.name), keep(method.doc), method.params, method.results};
        if (to[i].name == NULL || to[i].doc == NULL)
            return false;
    }
    return true;
}

static bool keep_enumerants(const struct cap_schema_node *from, const char **to)
{
    for (size_t i = 0; i < from->enumerants.count; i++) {
        struct capnp_text text;
        if (capnp_list_get_text(&from->enumerants, i, &text) < 0)
            return false;
        to[i] = keep(text);
        if (to[i] == NULL)
            return false;
    }
    return true;
}

/* A node under construction: the memory of its members, of whichever kind. */
struct fetched {
    struct capnp_schema_node node;
    void *members;
    uint32_t have;
};

static size_t member_size(uint8_t kind)
{
    return kind == CAPNP_NODE_STRUCT      ? sizeof(struct capnp_schema_field)
           : kind == CAPNP_NODE_INTERFACE ? sizeof(struct capnp_schema_method)
                                          : sizeof(const char *);
}

static bool begin_node(struct fetched *fetched, const struct cap_schema_node *from, uint32_t total)
{
    enum { MEMBERS_MAX = 4096 };
    fetched->node = (struct capnp_schema_node){.id = from->id,
                                               .name = keep(from->name),
                                               .doc = keep(from->doc),
                                               .kind = (uint8_t)from->kind,
                                               .data_words = from->data_words,
                                               .pointer_count = from->pointer_count,
                                               .discriminant_count = from->discriminant_count,
                                               .discriminant_offset = from->discriminant_offset,
                                               .count = total};
    if (total > MEMBERS_MAX || from->kind > CAP_SCHEMA_NODE_KIND_INTERFACE)
        return false;
    fetched->members = calloc(total + 1, member_size(fetched->node.kind));
    return fetched->members != NULL && fetched->node.name != NULL && fetched->node.doc != NULL;
}

static bool add_portion(struct fetched *fetched, const struct cap_schema_node *from)
{
    uint8_t kind = fetched->node.kind;
    size_t count = kind == CAPNP_NODE_STRUCT      ? from->fields.count
                   : kind == CAPNP_NODE_INTERFACE ? from->methods.count
                                                  : from->enumerants.count;
    char *to = (char *)fetched->members + fetched->have * member_size(kind);
    if (count > fetched->node.count - fetched->have)
        return false;
    fetched->have += (uint32_t)count;
    if (kind == CAPNP_NODE_STRUCT)
        return keep_fields(from, (struct capnp_schema_field *)(void *)to);
    if (kind == CAPNP_NODE_INTERFACE)
        return keep_methods(from, (struct capnp_schema_method *)(void *)to);
    return keep_enumerants(from, (const char **)(void *)to);
}

/* Asks until all members are there. What a broken answer leaves behind is not given back: it will not come
 * twice. */
static bool fetch(uint64_t id, struct fetched *fetched)
{
    static uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    *fetched = (struct fetched){0};
    do {
        struct cap_schema_registry_node_results results = {0};
        uint32_t before = fetched->have;
        if (cap_schema_registry_node(shell.registry, id, before, &results, &buffer) < 0 || !results.found)
            return false;
        if (fetched->members == NULL && !begin_node(fetched, &results.node, results.total))
            return false;
        if (!add_portion(fetched, &results.node) || (fetched->have == before && before < fetched->node.count))
            return false;
    } while (fetched->have < fetched->node.count);
    return true;
}

static const struct capnp_schema_node *find(void *self, uint64_t id)
{
    struct fetched fetched;
    (void)self;
    for (size_t i = 0; i < node_count; i++)
        if (nodes[i]->id == id)
            return nodes[i];
    if (node_count == NODES_MAX || !fetch(id, &fetched))
        return NULL;
    struct capnp_schema_node *node = malloc(sizeof *node);
    if (node == NULL)
        return NULL;
    *node = fetched.node;
    node->id = id;
    node->fields = node->kind == CAPNP_NODE_STRUCT ? fetched.members : NULL;
    node->methods = node->kind == CAPNP_NODE_INTERFACE ? fetched.members : NULL;
    node->enumerants = node->kind == CAPNP_NODE_ENUM ? fetched.members : NULL;
    nodes[node_count++] = node;
    return node;
}

static uint64_t interface_named(void *self, struct capnp_text name)
{
    struct cap_schema_registry_by_name_results results = {0};
    (void)self;
    if (cap_schema_registry_by_name(shell.registry, name, &results) < 0 || !results.found)
        return 0;
    return results.interface_id;
}

void system_init(struct shell_system *system)
{
    *system = (struct shell_system){.schema = {find, NULL},
                                    .interface_named = interface_named,
                                    .invoke = invoke,
                                    .release = release,
                                    .why = why,
                                    .write = shell_write};
}
