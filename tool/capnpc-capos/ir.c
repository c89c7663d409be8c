/*
 * Building the IR: nodes, then names and files (from the scopes down), then contents, then the order in which
 * C wants structs declared. Questions about the finished IR are in ir_query.c.
 */
#include "ir.h"
#include "request.h"
#include "util.h"
#include <string.h>

struct build {
    struct ir *ir;
    struct capnp_struct *raw; /* of ir->nodes[i] */
};

static struct ir_node *find_node(const struct ir *ir, uint64_t id)
{
    for (size_t i = 0; i < ir->node_count; i++)
        if (ir->nodes[i]->id == id)
            return ir->nodes[i];
    return NULL;
}

static struct ir_node *must_find(const struct ir *ir, uint64_t id, const char *user)
{
    struct ir_node *node = find_node(ir, id);
    if (node == NULL)
        die("%s: refers to the type 0x%016llx, which the request does not describe", user,
            (unsigned long long)id);
    return node;
}

static struct capnp_struct raw_of(const struct build *build, const struct ir_node *node)
{
    for (size_t i = 0; i < build->ir->node_count; i++)
        if (build->ir->nodes[i] == node)
            return build->raw[i];
    die("internal: a node without its request");
}

static enum ir_node_kind kind_of(uint16_t tag)
{
    switch (tag) {
    case REQ_NODE_STRUCT:
        return IR_NODE_STRUCT;
    case REQ_NODE_ENUM:
        return IR_NODE_ENUM;
    case REQ_NODE_INTERFACE:
        return IR_NODE_INTERFACE;
    case REQ_NODE_CONST:
        return IR_NODE_CONST;
    default:
        return IR_NODE_OTHER;
    }
}

/* "schema/timer.capnp: Timer.now" for messages. */
static const char *where(const struct ir_node *node, const char *member)
{
    const char *path = node->path == NULL ? "(unnamed)" : node->path;
    const char *file = node->file == NULL ? "(unknown file)" : node->file->path;
    return member == NULL ? xprintf("%s: %s", file, path) : xprintf("%s: %s.%s", file, path, member);
}

/* ---- Nodes and files ---- */

static void read_nodes(struct build *build, struct capnp_struct request)
{
    struct capnp_list nodes = req_list(request, REQ_NODES_PTR);
    struct ir *ir = build->ir;
    ir->node_count = nodes.count;
    ir->nodes = xcalloc(nodes.count, sizeof *ir->nodes);
    build->raw = xcalloc(nodes.count, sizeof *build->raw);
    for (size_t i = 0; i < nodes.count; i++) {
        build->raw[i] = req_at(&nodes, i);
        ir->nodes[i] = xcalloc(1, sizeof *ir->nodes[i]);
        ir->nodes[i]->id = capnp_get_u64(&build->raw[i], REQ_NODE_ID);
        ir->nodes[i]->kind = kind_of(capnp_get_u16(&build->raw[i], REQ_NODE_TAG));
        ir->nodes[i]->doc = "";
    }
}

/* `schema/timer.capnp` -> `timer` */
static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = xprintf("%s", slash == NULL ? path : slash + 1);
    char *dot = strrchr(name, '.');
    if (dot != NULL)
        *dot = 0;
    return name;
}

static void read_files(struct build *build, struct capnp_struct request)
{
    struct ir *ir = build->ir;
    ir->files = xcalloc(ir->node_count, sizeof *ir->files);
    for (size_t i = 0; i < ir->node_count; i++) {
        if (capnp_get_u16(&build->raw[i], REQ_NODE_TAG) != REQ_NODE_FILE)
            continue;
        struct ir_file *file = &ir->files[ir->file_count++];
        file->id = ir->nodes[i]->id;
        file->path = req_text(build->raw[i], REQ_NODE_DISPLAY_NAME_PTR);
        file->doc = "";
        ir->nodes[i]->file = file;
    }
    struct capnp_list requested = req_list(request, REQ_REQUESTED_FILES_PTR);
    for (size_t i = 0; i < requested.count; i++) {
        struct capnp_struct raw = req_at(&requested, i);
        for (size_t j = 0; j < ir->file_count; j++) {
            if (ir->files[j].id != capnp_get_u64(&raw, REQ_FILE_ID))
                continue;
            ir->files[j].requested = true;
            ir->files[j].path = req_text(raw, REQ_FILE_FILENAME_PTR);
        }
    }
    for (size_t i = 0; i < ir->file_count; i++)
        ir->files[i].name = file_name(ir->files[i].path);
}

/* ---- Names ---- */

static void name_node(struct ir_node *node, const struct ir_file *file, const char *path, const char *c_name)
{
    node->file = file;
    node->path = path;
    node->c_name = c_name;
    node->c_upper = to_upper(c_name);
}

/* A child of `scope`; a scope that is a file has no name of its own. */
static void name_child(struct ir_node *child, const struct ir_node *scope, const char *name)
{
    const char *snake = to_snake(name);
    if (scope->path == NULL)
        name_node(child, scope->file, name, xprintf("cap_%s", snake));
    else
        name_node(child, scope->file, xprintf("%s.%s", scope->path, name),
                  xprintf("%s_%s", scope->c_name, snake));
}

static void name_nested(const struct build *build, const struct ir_node *scope, struct ir_node **queue,
                        size_t *tail)
{
    struct capnp_list nested = req_list(raw_of(build, scope), REQ_NODE_NESTED_NODES_PTR);
    for (size_t i = 0; i < nested.count; i++) {
        struct capnp_struct entry = req_at(&nested, i);
        struct ir_node *child = find_node(build->ir, capnp_get_u64(&entry, REQ_NESTED_NODE_ID));
        if (child == NULL || child->c_name != NULL)
            continue;
        name_child(child, scope, req_text(entry, REQ_NESTED_NODE_NAME_PTR));
        queue[(*tail)++] = child;
    }
}

static void name_groups(const struct build *build, const struct ir_node *scope, struct ir_node **queue,
                        size_t *tail)
{
    struct capnp_list fields = req_list(raw_of(build, scope), REQ_NODE_STRUCT_FIELDS_PTR);
    for (size_t i = 0; i < fields.count; i++) {
        struct capnp_struct field = req_at(&fields, i);
        if (capnp_get_u16(&field, REQ_FIELD_TAG) != REQ_FIELD_GROUP)
            continue;
        const char *name = req_text(field, REQ_FIELD_NAME_PTR);
        struct ir_node *group =
            must_find(build->ir, capnp_get_u64(&field, REQ_FIELD_GROUP_TYPE_ID), where(scope, name));
        if (group->c_name != NULL)
            continue;
        name_child(group, scope, name);
        group->is_group = true;
        queue[(*tail)++] = group;
    }
}

/* Parameter lists that the compiler made have no scope; structs that a method names have names already or get
 * them. */
static void name_method_structs(const struct build *build, const struct ir_node *scope,
                                struct ir_node **queue, size_t *tail)
{
    struct capnp_list methods = req_list(raw_of(build, scope), REQ_NODE_INTERFACE_METHODS_PTR);
    for (size_t i = 0; i < methods.count; i++) {
        struct capnp_struct method = req_at(&methods, i);
        const char *name = req_text(method, REQ_METHOD_NAME_PTR);
        const uint64_t ids[2] = {capnp_get_u64(&method, REQ_METHOD_PARAM_STRUCT_TYPE),
                                 capnp_get_u64(&method, REQ_METHOD_RESULT_STRUCT_TYPE)};
        static const char *const suffixes[2] = {"Params", "Results"};
        for (size_t k = 0; k < 2; k++) {
            struct ir_node *node = must_find(build->ir, ids[k], where(scope, name));
            struct capnp_struct raw = raw_of(build, node);
            if (node->c_name != NULL || capnp_get_u64(&raw, REQ_NODE_SCOPE_ID) != 0)
                continue;
            name_child(node, scope, xprintf("%s%s", name, suffixes[k]));
            node->is_params = true;
            node->is_sent = k == 0;
            queue[(*tail)++] = node;
        }
    }
}

static void name_nodes(const struct build *build)
{
    const struct ir *ir = build->ir;
    struct ir_node **queue = xcalloc(ir->node_count, sizeof *queue);
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < ir->node_count; i++)
        if (ir->nodes[i]->file != NULL)
            queue[tail++] = ir->nodes[i];
    for (; head < tail; head++) {
        const struct ir_node *scope = queue[head];
        name_nested(build, scope, queue, &tail);
        if (scope->kind == IR_NODE_STRUCT)
            name_groups(build, scope, queue, &tail);
        if (scope->kind == IR_NODE_INTERFACE)
            name_method_structs(build, scope, queue, &tail);
    }
}

static void refuse_collisions(const struct ir *ir)
{
    for (size_t i = 0; i < ir->node_count; i++) {
        const struct ir_node *a = ir->nodes[i];
        for (size_t j = 0; a->c_name != NULL && j < i; j++) {
            const struct ir_node *b = ir->nodes[j];
            if (b->c_name != NULL && a->kind != IR_NODE_OTHER && b->kind != IR_NODE_OTHER &&
                strcmp(a->c_name, b->c_name) == 0)
                die("%s and %s would both be called %s in C; rename one", where(a, NULL), where(b, NULL),
                    a->c_name);
        }
    }
}

/* ---- Contents ---- */

static struct ir_type read_type(const struct build *build, struct capnp_struct raw, const char *user);

static enum ir_kind simple_kind(uint16_t tag)
{
    static const enum ir_kind kinds[] = {IR_VOID,    IR_BOOL,    IR_INT8,   IR_INT16,  IR_INT32,
                                         IR_INT64,   IR_UINT8,   IR_UINT16, IR_UINT32, IR_UINT64,
                                         IR_FLOAT32, IR_FLOAT64, IR_TEXT,   IR_DATA};
    return kinds[tag];
}

static struct ir_type read_list_type(const struct build *build, struct capnp_struct raw, const char *user)
{
    struct capnp_struct element = req_struct(raw, REQ_TYPE_LIST_ELEMENT_TYPE_PTR);
    if (capnp_get_u16(&element, REQ_TYPE_TAG) == REQ_TYPE_LIST)
        die("%s: a list of lists is not supported; put the inner list into a struct", user);
    struct ir_type inner = read_type(build, element, user);
    struct ir_type type = {IR_LIST, inner.kind, inner.node};
    return type;
}

static struct ir_type read_type(const struct build *build, struct capnp_struct raw, const char *user)
{
    uint16_t tag = capnp_get_u16(&raw, REQ_TYPE_TAG);
    struct ir_type type = {IR_VOID, IR_VOID, NULL};
    if (tag <= REQ_TYPE_DATA) {
        type.kind = simple_kind(tag);
        return type;
    }
    switch (tag) {
    case REQ_TYPE_LIST:
        return read_list_type(build, raw, user);
    case REQ_TYPE_ENUM:
        type.kind = IR_ENUM;
        break;
    case REQ_TYPE_STRUCT:
        type.kind = IR_STRUCT;
        break;
    case REQ_TYPE_INTERFACE:
        type.kind = IR_INTERFACE;
        break;
    case REQ_TYPE_ANY_POINTER:
        if (capnp_get_u16(&raw, REQ_TYPE_ANY_POINTER_TAG) != REQ_ANY_UNCONSTRAINED)
            die("%s: type parameters are not supported", user);
        if (capnp_get_u16(&raw, REQ_TYPE_UNCONSTRAINED_TAG) != REQ_ANY_CAPABILITY)
            die("%s: AnyPointer, AnyStruct and AnyList are not supported; Capability is", user);
        type.kind = IR_CAPABILITY;
        return type;
    default:
        die("%s: a type that this generator does not know (%u)", user, tag);
    }
    type.node = must_find(build->ir, capnp_get_u64(&raw, REQ_TYPE_TYPE_ID), user);
    return type;
}

/* The bits of a scalar value. */
static uint64_t read_scalar(struct capnp_struct value)
{
    switch (capnp_get_u16(&value, REQ_VALUE_TAG)) {
    case REQ_TYPE_BOOL:
    case REQ_TYPE_INT8:
    case REQ_TYPE_UINT8:
        return capnp_get_u8(&value, REQ_VALUE_8_16);
    case REQ_TYPE_INT16:
    case REQ_TYPE_UINT16:
    case REQ_TYPE_ENUM:
        return capnp_get_u16(&value, REQ_VALUE_8_16);
    case REQ_TYPE_INT32:
    case REQ_TYPE_UINT32:
    case REQ_TYPE_FLOAT32:
        return capnp_get_u32(&value, REQ_VALUE_32);
    case REQ_TYPE_INT64:
    case REQ_TYPE_UINT64:
    case REQ_TYPE_FLOAT64:
        return capnp_get_u64(&value, REQ_VALUE_64);
    default:
        return 0;
    }
}

static void read_default(struct ir_field *field, struct capnp_struct value, const char *user)
{
    field->default_bits = read_scalar(value);
    if (!ir_is_pointer(field->type.kind) || !capnp_has_pointer(&value, REQ_VALUE_PTR))
        return;
    if (field->type.kind == IR_TEXT) {
        const char *text = req_text(value, REQ_VALUE_PTR);
        field->default_bytes = capnp_data_of(text, strlen(text));
    } else if (field->type.kind == IR_DATA) {
        if (capnp_read_data(&value, REQ_VALUE_PTR, &field->default_bytes) < 0)
            die("%s: unreadable default", user);
    } else {
        die("%s: a default for a %s is not supported", user, ir_kind_name(field->type.kind));
    }
    if (field->default_bytes.len == 0)
        field->default_bytes.bytes = NULL; /* the empty value is what a null pointer means anyway */
}

static void read_field(const struct build *build, const struct ir_node *node, struct capnp_struct raw,
                       struct ir_field *field)
{
    field->name = req_text(raw, REQ_FIELD_NAME_PTR);
    field->c_name = to_identifier(to_snake(field->name));
    field->c_upper = to_upper(to_snake(field->name));
    field->doc = "";
    field->discriminant = (uint16_t)(capnp_get_u16(&raw, REQ_FIELD_DISCRIMINANT_VALUE) ^ IR_NO_DISCRIMINANT);
    field->code_order = capnp_get_u16(&raw, REQ_FIELD_CODE_ORDER);
    field->ordinal = -1;
    if (capnp_get_u16(&raw, REQ_FIELD_ORDINAL_TAG) == 1)
        field->ordinal = capnp_get_u16(&raw, REQ_FIELD_ORDINAL_EXPLICIT);
    const char *user = where(node, field->name);
    if (capnp_get_u16(&raw, REQ_FIELD_TAG) == REQ_FIELD_GROUP) {
        field->group = must_find(build->ir, capnp_get_u64(&raw, REQ_FIELD_GROUP_TYPE_ID), user);
        return;
    }
    field->offset = capnp_get_u32(&raw, REQ_FIELD_SLOT_OFFSET);
    field->type = read_type(build, req_struct(raw, REQ_FIELD_SLOT_TYPE_PTR), user);
    read_default(field, req_struct(raw, REQ_FIELD_SLOT_DEFAULT_VALUE_PTR), user);
}

static void read_struct_node(const struct build *build, struct ir_node *node, struct capnp_struct raw)
{
    node->data_words = capnp_get_u16(&raw, REQ_NODE_STRUCT_DATA_WORD_COUNT);
    node->pointer_count = capnp_get_u16(&raw, REQ_NODE_STRUCT_POINTER_COUNT);
    node->is_group = capnp_get_bool(&raw, REQ_NODE_STRUCT_IS_GROUP_BIT);
    node->discriminant_count = capnp_get_u16(&raw, REQ_NODE_STRUCT_DISCRIMINANT_COUNT);
    node->discriminant_offset = capnp_get_u32(&raw, REQ_NODE_STRUCT_DISCRIMINANT_OFFSET);
    struct capnp_list fields = req_list(raw, REQ_NODE_STRUCT_FIELDS_PTR);
    node->field_count = fields.count;
    node->fields = xcalloc(fields.count, sizeof *node->fields);
    for (size_t i = 0; i < fields.count; i++)
        read_field(build, node, req_at(&fields, i), &node->fields[i]);
}

static void read_enum_node(struct ir_node *node, struct capnp_struct raw)
{
    struct capnp_list enumerants = req_list(raw, REQ_NODE_ENUM_ENUMERANTS_PTR);
    node->enumerant_count = enumerants.count;
    node->enumerants = xcalloc(enumerants.count, sizeof *node->enumerants);
    for (size_t i = 0; i < enumerants.count; i++) {
        node->enumerants[i].name = req_text(req_at(&enumerants, i), REQ_ENUMERANT_NAME_PTR);
        node->enumerants[i].c_upper = to_upper(to_snake(node->enumerants[i].name));
        node->enumerants[i].doc = "";
    }
}

static void read_interface_node(const struct build *build, struct ir_node *node, struct capnp_struct raw)
{
    if (req_list(raw, REQ_NODE_INTERFACE_SUPERCLASSES_PTR).count != 0)
        die("%s: interfaces that extend others are not supported", where(node, NULL));
    struct capnp_list methods = req_list(raw, REQ_NODE_INTERFACE_METHODS_PTR);
    node->method_count = methods.count;
    node->methods = xcalloc(methods.count, sizeof *node->methods);
    for (size_t i = 0; i < methods.count; i++) {
        struct capnp_struct from = req_at(&methods, i);
        struct ir_method *method = &node->methods[i];
        method->name = req_text(from, REQ_METHOD_NAME_PTR);
        method->c_snake = to_snake(method->name);
        method->c_name = to_identifier(method->c_snake);
        method->doc = "";
        const char *user = where(node, method->name);
        if (req_list(from, REQ_METHOD_IMPLICIT_PARAMETERS_PTR).count != 0)
            die("%s: type parameters are not supported", user);
        method->params = must_find(build->ir, capnp_get_u64(&from, REQ_METHOD_PARAM_STRUCT_TYPE), user);
        method->results = must_find(build->ir, capnp_get_u64(&from, REQ_METHOD_RESULT_STRUCT_TYPE), user);
        if (method->results->c_name == NULL)
            die("%s: streaming methods are not supported", user);
    }
}

static void read_const_node(const struct build *build, struct ir_node *node, struct capnp_struct raw)
{
    struct capnp_struct value = req_struct(raw, REQ_NODE_CONST_VALUE_PTR);
    node->const_type = read_type(build, req_struct(raw, REQ_NODE_CONST_TYPE_PTR), where(node, NULL));
    node->const_bits = read_scalar(value);
    enum ir_kind kind = node->const_type.kind;
    if (kind == IR_TEXT)
        node->const_text = req_text(value, REQ_VALUE_PTR);
    else if (ir_is_pointer(kind) || kind == IR_VOID || kind == IR_FLOAT32 || kind == IR_FLOAT64)
        die("%s: a constant of type %s is not supported", where(node, NULL), ir_kind_name(kind));
}

static void read_contents(const struct build *build)
{
    for (size_t i = 0; i < build->ir->node_count; i++) {
        struct ir_node *node = build->ir->nodes[i];
        if (node->c_name == NULL)
            continue;
        if (capnp_get_bool(&build->raw[i], REQ_NODE_IS_GENERIC_BIT))
            die("%s: generic types are not supported", where(node, NULL));
        if (node->kind == IR_NODE_STRUCT)
            read_struct_node(build, node, build->raw[i]);
        else if (node->kind == IR_NODE_ENUM)
            read_enum_node(node, build->raw[i]);
        else if (node->kind == IR_NODE_INTERFACE)
            read_interface_node(build, node, build->raw[i]);
        else if (node->kind == IR_NODE_CONST)
            read_const_node(build, node, build->raw[i]);
    }
}

static void set_member_doc(struct ir_node *node, size_t index, const char *doc)
{
    if (node->kind == IR_NODE_STRUCT && index < node->field_count)
        node->fields[index].doc = doc;
    else if (node->kind == IR_NODE_ENUM && index < node->enumerant_count)
        node->enumerants[index].doc = doc;
    else if (node->kind == IR_NODE_INTERFACE && index < node->method_count)
        node->methods[index].doc = doc;
}

static void read_docs(struct ir *ir, struct capnp_struct request)
{
    struct capnp_list infos = req_list(request, REQ_SOURCE_INFO_PTR);
    for (size_t i = 0; i < infos.count; i++) {
        struct capnp_struct info = req_at(&infos, i);
        uint64_t id = capnp_get_u64(&info, REQ_SOURCE_INFO_ID);
        struct ir_node *node = find_node(ir, id);
        if (node == NULL)
            continue;
        node->doc = req_text(info, REQ_SOURCE_INFO_DOC_COMMENT_PTR);
        struct capnp_list members = req_list(info, REQ_SOURCE_INFO_MEMBERS_PTR);
        for (size_t j = 0; j < members.count; j++)
            set_member_doc(node, j, req_text(req_at(&members, j), REQ_MEMBER_DOC_COMMENT_PTR));
        for (size_t j = 0; j < ir->file_count; j++)
            if (ir->files[j].id == id)
                ir->files[j].doc = node->doc;
    }
}

/* ---- Order ---- */

/* Something that a struct holds, directly or in lists, and that has not been placed yet; null if there is
 * nothing. */
static const struct ir_node *missing(const struct ir_node *node, const struct ir *ir, const bool *placed)
{
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        const struct ir_node *needs = field->group != NULL ? field->group : field->type.node;
        if (needs == NULL || needs->kind != IR_NODE_STRUCT)
            continue;
        for (size_t j = 0; j < ir->node_count; j++)
            if (ir->nodes[j] == needs && !placed[j])
                return needs;
    }
    return NULL;
}

/* A struct that holds itself, found by following what keeps `node` from its place. */
static const struct ir_node *in_circle(const struct ir_node *node, const struct ir *ir, const bool *placed)
{
    for (size_t i = 0; i < ir->node_count; i++)
        node = missing(node, ir, placed);
    return node;
}

static void append_to_file(struct ir *ir, struct ir_node *node)
{
    for (size_t i = 0; i < ir->file_count; i++) {
        if (&ir->files[i] != node->file)
            continue;
        struct ir_node **end = &ir->files[i].first;
        while (*end != NULL)
            end = &(*end)->next_in_file;
        *end = node;
    }
}

/* Places structs behind what they hold. What cannot be placed holds itself. */
static void order_structs(struct ir *ir)
{
    bool *placed = xcalloc(ir->node_count, sizeof *placed);
    size_t left = 0;
    for (size_t i = 0; i < ir->node_count; i++) {
        struct ir_node *node = ir->nodes[i];
        placed[i] = node->kind != IR_NODE_STRUCT || node->c_name == NULL;
        if (!placed[i])
            left++;
        else if (node->kind != IR_NODE_OTHER && node->c_name != NULL)
            append_to_file(ir, node);
    }
    while (left != 0) {
        size_t before = left;
        const struct ir_node *stuck = NULL;
        for (size_t i = 0; i < ir->node_count; i++) {
            if (placed[i])
                continue;
            stuck = ir->nodes[i];
            if (missing(stuck, ir, placed) != NULL)
                continue;
            placed[i] = true;
            left--;
            append_to_file(ir, ir->nodes[i]);
        }
        if (left == before)
            die("%s: recursive structs are not supported (it holds itself, if only in a list)",
                where(in_circle(stuck, ir, placed), NULL));
    }
}

static void add_import(struct ir_file *file, const struct ir_node *node)
{
    if (node == NULL || node->file == file || node->file == NULL)
        return;
    for (size_t i = 0; i < file->import_count; i++)
        if (file->imports[i] == node->file)
            return;
    file->imports[file->import_count++] = node->file;
}

static void find_imports(struct ir *ir, struct ir_file *file)
{
    file->imports = xcalloc(ir->file_count, sizeof(*file->imports));
    for (const struct ir_node *node = file->first; node != NULL; node = node->next_in_file) {
        for (size_t i = 0; i < node->field_count; i++)
            add_import(file, node->fields[i].type.node);
        for (size_t i = 0; i < node->method_count; i++) {
            add_import(file, node->methods[i].params);
            add_import(file, node->methods[i].results);
        }
        add_import(file, node->const_type.node);
    }
}

/* Headers cannot include each other in a circle. */
static void refuse_circles(const struct ir *ir)
{
    bool *done = xcalloc(ir->file_count, sizeof *done);
    for (size_t pass = 0; pass < ir->file_count; pass++) {
        for (size_t i = 0; i < ir->file_count; i++) {
            bool ready = true;
            for (size_t k = 0; k < ir->files[i].import_count; k++)
                ready = ready && done[ir->files[i].imports[k] - ir->files];
            done[i] = done[i] || ready;
        }
    }
    for (size_t i = 0; i < ir->file_count; i++)
        if (!done[i])
            die("%s: its imports lead back to it; move the shared types into a file of their own",
                ir->files[i].path);
}

struct ir *ir_build(struct capnp_struct request)
{
    struct build build = {xcalloc(1, sizeof(struct ir)), NULL};
    read_nodes(&build, request);
    read_files(&build, request);
    name_nodes(&build);
    refuse_collisions(build.ir);
    read_contents(&build);
    read_docs(build.ir, request);
    order_structs(build.ir);
    for (size_t i = 0; i < build.ir->file_count; i++)
        find_imports(build.ir, &build.ir->files[i]);
    refuse_circles(build.ir);
    return build.ir;
}
