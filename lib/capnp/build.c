#include "build.h"
#include "call.h"
#include "internal.h"
#include "show.h"

/* A struct or an element being written, with the sizes that offsets are checked against. */
struct place {
    struct capnp_struct_builder to;
    uint32_t data_bits;
    uint32_t pointer_count;
};

enum { BITS_PER_WORD = 64, INDEX_MAX = 0xffff };

/* Bits of each scalar kind in a struct. */
static const uint8_t kind_bits[CAPNP_KIND_COUNT] = {
    [CAPNP_KIND_BOOL] = 1,    [CAPNP_KIND_INT8] = 8,     [CAPNP_KIND_INT16] = 16,   [CAPNP_KIND_INT32] = 32,
    [CAPNP_KIND_INT64] = 64,  [CAPNP_KIND_UINT8] = 8,    [CAPNP_KIND_UINT16] = 16,  [CAPNP_KIND_UINT32] = 32,
    [CAPNP_KIND_UINT64] = 64, [CAPNP_KIND_FLOAT32] = 32, [CAPNP_KIND_FLOAT64] = 64, [CAPNP_KIND_ENUM] = 16,
};

/* Structs lie in structs and lists: these two call each other, at most CAPNP_BUILD_DEPTH deep. */
static int32_t build_members(struct capnp_build *build, const struct capnp_schema_node *node,
                             const struct place *at, const struct capnp_value *members, unsigned depth);
static int32_t build_slot(struct capnp_build *build, const struct capnp_schema_field *field,
                          const struct place *at, const struct capnp_value *value, unsigned depth);

/* ---- Refusals. */

static void say_bytes(void *self, const char *bytes, size_t len)
{
    struct capnp_build *build = self;
    size_t used = __builtin_strlen(build->error);
    size_t room = sizeof build->error - 1 - used;
    if (len > room)
        len = room;
    __builtin_memcpy(build->error + used, bytes, len);
    build->error[used + len] = '\0';
}

static void say(struct capnp_build *build, const char *text)
{
    say_bytes(build, text, __builtin_strlen(text));
}

static void say_type(struct capnp_build *build, const struct capnp_schema_field *field)
{
    const struct capnp_show show = {.schema = build->schema, .write = say_bytes, .self = build};
    capnp_show_type(&show, field);
}

static int32_t refuse(struct capnp_build *build, const struct capnp_value *wrong, const char *name,
                      const char *why)
{
    build->wrong = wrong;
    build->error[0] = '\0';
    if (name != NULL) {
        say(build, name);
        say(build, ": ");
    }
    say(build, why);
    return CAPOS_ERR_BAD_MESSAGE;
}

static const char *value_name(const struct capnp_value *value)
{
    static const char *const names[] = {
        [CAPNP_VALUE_NULL] = "null",        [CAPNP_VALUE_BOOL] = "true or false",
        [CAPNP_VALUE_INTEGER] = "a number", [CAPNP_VALUE_FLOAT] = "a number with a fraction",
        [CAPNP_VALUE_TEXT] = "a text",      [CAPNP_VALUE_DATA] = "data",
        [CAPNP_VALUE_WORD] = "a word",      [CAPNP_VALUE_LIST] = "a list",
        [CAPNP_VALUE_STRUCT] = "a struct",  [CAPNP_VALUE_CAP] = "a capability",
    };
    return names[value->kind];
}

static int32_t refuse_type(struct capnp_build *build, const struct capnp_schema_field *field,
                           const struct capnp_value *value)
{
    (void)refuse(build, value, field->name, "expected ");
    say_type(build, field);
    say(build, ", not ");
    say(build, value_name(value));
    return CAPOS_ERR_BAD_MESSAGE;
}

static int32_t refuse_room(struct capnp_build *build, const struct capnp_value *value, const char *name,
                           int32_t error)
{
    if (error < 0)
        (void)refuse(build, value, name, "the message becomes too large, or has too many capabilities");
    return error;
}

static int32_t refuse_schema(struct capnp_build *build, const struct capnp_schema_field *field)
{
    return refuse(build, NULL, field->name, "the schema of this field makes no sense");
}

/* ---- Scalars. */

static bool integer_fits(uint8_t kind, const struct capnp_value *value)
{
    unsigned bits = kind_bits[kind];
    uint64_t top = UINT64_C(1) << (bits - 1);
    if (kind >= CAPNP_KIND_UINT8 && kind <= CAPNP_KIND_UINT64)
        return (!value->negative || value->magnitude == 0) && value->magnitude <= top - 1 + top;
    return value->negative ? value->magnitude <= top : value->magnitude < top;
}

static int32_t integer_bits(struct capnp_build *build, const struct capnp_schema_field *field, uint8_t kind,
                            const struct capnp_value *value, uint64_t *out)
{
    if (value->kind != CAPNP_VALUE_INTEGER)
        return refuse_type(build, field, value);
    if (!integer_fits(kind, value)) {
        (void)refuse(build, value, field->name, "the number does not fit ");
        say_type(build, field);
        return CAPOS_ERR_BAD_MESSAGE;
    }
    *out = value->negative ? -value->magnitude : value->magnitude;
    return CAPOS_OK;
}

static int32_t float_bits(struct capnp_build *build, const struct capnp_schema_field *field, uint8_t kind,
                          const struct capnp_value *value, uint64_t *out)
{
    double number = value->real;
    if (value->kind == CAPNP_VALUE_INTEGER)
        number = value->negative ? -(double)value->magnitude : (double)value->magnitude;
    else if (value->kind != CAPNP_VALUE_FLOAT)
        return refuse_type(build, field, value);
    const double largest_single = 3.4028234663852886e38;
    if (kind == CAPNP_KIND_FLOAT64) {
        __builtin_memcpy(out, &number, sizeof number);
        return CAPOS_OK;
    }
    if (number > largest_single || number < -largest_single)
        return refuse(build, value, field->name, "the number does not fit Float32");
    float single = (float)number;
    uint32_t low;
    __builtin_memcpy(&low, &single, sizeof low);
    *out = low;
    return CAPOS_OK;
}

static bool text_is(struct capnp_text text, const char *string)
{
    size_t len = __builtin_strlen(string);
    return text.len == len && __builtin_memcmp(text.bytes, string, len) == 0;
}

static int32_t enum_bits(struct capnp_build *build, const struct capnp_schema_field *field,
                         const struct capnp_value *value, uint64_t *out)
{
    const struct capnp_schema_node *node = build->schema->find(build->schema->self, field->node);
    if (node == NULL || node->kind != CAPNP_NODE_ENUM)
        return refuse_schema(build, field);
    if (value->kind == CAPNP_VALUE_INTEGER)
        return integer_bits(build, field, CAPNP_KIND_UINT16, value, out);
    if (value->kind != CAPNP_VALUE_WORD)
        return refuse_type(build, field, value);
    for (uint32_t i = 0; i < node->count; i++) {
        if (!text_is(value->bytes, node->enumerants[i]))
            continue;
        *out = i;
        return CAPOS_OK;
    }
    (void)refuse(build, value, field->name, "expected one of ");
    for (uint32_t i = 0; i < node->count; i++) {
        say(build, i == 0 ? "" : ", ");
        say(build, node->enumerants[i]);
    }
    return CAPOS_ERR_BAD_MESSAGE;
}

static int32_t scalar_bits(struct capnp_build *build, const struct capnp_schema_field *field, uint8_t kind,
                           const struct capnp_value *value, uint64_t *out)
{
    *out = 0;
    switch (kind) {
    case CAPNP_KIND_VOID:
        if (value->kind != CAPNP_VALUE_WORD || !text_is(value->bytes, "void"))
            return refuse_type(build, field, value);
        return CAPOS_OK;
    case CAPNP_KIND_BOOL:
        if (value->kind != CAPNP_VALUE_BOOL)
            return refuse_type(build, field, value);
        *out = value->magnitude;
        return CAPOS_OK;
    case CAPNP_KIND_FLOAT32:
    case CAPNP_KIND_FLOAT64:
        return float_bits(build, field, kind, value, out);
    case CAPNP_KIND_ENUM:
        return enum_bits(build, field, value, out);
    default:
        return integer_bits(build, field, kind, value, out);
    }
}

/* Writes the low bits of a value at a place that was checked. */
static void store(const struct capnp_struct_builder *to, unsigned bits, uint32_t offset, uint64_t value)
{
    if (bits == 1)
        capnp_put_bool(to, offset, value != 0);
    else
        __builtin_memcpy(to->data + (size_t)offset * (bits / 8), &value, bits / 8);
}

static bool is_scalar(uint8_t kind)
{
    return kind <= CAPNP_KIND_FLOAT64 || kind == CAPNP_KIND_ENUM;
}

static int32_t build_scalar(struct capnp_build *build, const struct capnp_schema_field *field,
                            const struct place *at, const struct capnp_value *value)
{
    unsigned bits = kind_bits[field->kind];
    uint64_t content;
    int32_t error = scalar_bits(build, field, field->kind, value, &content);
    if (error < 0 || bits == 0)
        return error;
    if (((uint64_t)field->offset + 1) * bits > at->data_bits)
        return refuse_schema(build, field);
    store(&at->to, bits, field->offset, content ^ field->default_bits);
    return CAPOS_OK;
}

/* ---- Lists. */

static uint32_t length_of(const struct capnp_value *list)
{
    uint32_t count = 0;
    for (const struct capnp_value *item = list->first; item != NULL; item = item->next)
        count++;
    return count;
}

static enum capnp_element element_of(uint8_t kind)
{
    switch (kind_bits[kind]) {
    case 1:
        return CAPNP_ELEMENT_BIT;
    case 8:
        return CAPNP_ELEMENT_BYTE;
    case 16:
        return CAPNP_ELEMENT_TWO_BYTES;
    case 32:
        return CAPNP_ELEMENT_FOUR_BYTES;
    case 64:
        return CAPNP_ELEMENT_EIGHT_BYTES;
    default:
        return kind == CAPNP_KIND_VOID ? CAPNP_ELEMENT_VOID : CAPNP_ELEMENT_POINTER;
    }
}

/* What stands for an element of the list `field` in messages and checks: a field of the element's type at
 * `index`. */
static struct capnp_schema_field element_field(const struct capnp_schema_field *field, uint32_t index)
{
    return (struct capnp_schema_field){.name = field->name,
                                       .node = field->node,
                                       .offset = index,
                                       .discriminant = CAPNP_NO_DISCRIMINANT,
                                       .kind = field->element};
}

static int32_t build_struct_list(struct capnp_build *build, const struct capnp_schema_field *field,
                                 const struct place *at, const struct capnp_value *value, unsigned depth)
{
    const struct capnp_schema_node *node = build->schema->find(build->schema->self, field->node);
    struct capnp_list_builder list;
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
        return refuse_schema(build, field);
    uint32_t data_bits = (uint32_t)node->data_words * BITS_PER_WORD;
    uint16_t pointer_count = node->pointer_count;
    int32_t error = capnp_write_list_struct(&at->to, (uint16_t)field->offset, length_of(value),
                                            node->data_words, node->pointer_count, &list);
    if (error < 0)
        return refuse_room(build, value, field->name, error);
    size_t index = 0;
    for (const struct capnp_value *item = value->first; item != NULL; item = item->next, index++) {
        const struct place element = {capnp_list_builder_at(&list, index), data_bits, pointer_count};
        if (item->kind != CAPNP_VALUE_STRUCT)
            return refuse_type(build, field, item);
        /* The node may have gone meanwhile: a source of nodes keeps one only until the next is asked for. */
        node = build->schema->find(build->schema->self, field->node);
        if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
            return refuse_schema(build, field);
        error = build_members(build, node, &element, item, depth + 1);
        if (error < 0)
            return error;
    }
    return CAPOS_OK;
}

static int32_t build_list(struct capnp_build *build, const struct capnp_schema_field *field,
                          const struct place *at, const struct capnp_value *value, unsigned depth)
{
    uint32_t count = length_of(value);
    uint8_t *elements;
    if (value->kind != CAPNP_VALUE_LIST)
        return refuse_type(build, field, value);
    if (field->element >= CAPNP_KIND_COUNT || field->element == CAPNP_KIND_LIST ||
        field->element == CAPNP_KIND_GROUP)
        return refuse(build, value, field->name, "lists of that type cannot be written here");
    if (field->element == CAPNP_KIND_STRUCT)
        return build_struct_list(build, field, at, value, depth);
    if (count > INDEX_MAX)
        return refuse_room(build, value, field->name, CAPOS_ERR_TOO_LARGE);
    int32_t error = capnp_write_list_blank(&at->to, (uint16_t)field->offset, element_of(field->element),
                                           count, &elements);
    if (error < 0)
        return refuse_room(build, value, field->name, error);
    struct place inside = {{at->to.builder, elements, elements}, count * kind_bits[field->element], count};
    uint32_t index = 0;
    for (const struct capnp_value *item = value->first; item != NULL; item = item->next, index++) {
        struct capnp_schema_field element = element_field(field, index);
        if (item->kind == CAPNP_VALUE_NULL)
            continue;
        error = build_slot(build, &element, &inside, item, depth + 1);
        if (error < 0)
            return error;
    }
    return CAPOS_OK;
}

/* ---- Pointers. */

static int32_t build_blob(struct capnp_build *build, const struct capnp_schema_field *field,
                          const struct place *at, const struct capnp_value *value)
{
    struct capnp_text bytes = value->bytes;
    uint16_t index = (uint16_t)field->offset;
    bool text = value->kind == CAPNP_VALUE_TEXT;
    if (!text && (value->kind != CAPNP_VALUE_DATA || field->kind != CAPNP_KIND_DATA))
        return refuse_type(build, field, value);
    if (bytes.bytes == NULL)
        bytes = capnp_text_n("", 0);
    int32_t error = field->kind == CAPNP_KIND_TEXT
                        ? capnp_write_text(&at->to, index, bytes)
                        : capnp_write_data(&at->to, index, capnp_data_of(bytes.bytes, bytes.len));
    return refuse_room(build, value, field->name, error);
}

static int32_t build_cap(struct capnp_build *build, const struct capnp_schema_field *field,
                         const struct place *at, const struct capnp_value *value)
{
    if (value->kind != CAPNP_VALUE_CAP)
        return refuse_type(build, field, value);
    if (field->kind == CAPNP_KIND_INTERFACE && field->node != value->interface_id) {
        const struct capnp_schema_field held = {.kind = CAPNP_KIND_INTERFACE, .node = value->interface_id};
        (void)refuse(build, value, field->name, "expected ");
        say_type(build, field);
        say(build, ", and this is ");
        say_type(build, &held);
        return CAPOS_ERR_BAD_MESSAGE;
    }
    return refuse_room(build, value, field->name,
                       capnp_write_cap(&at->to, (uint16_t)field->offset, value->interface_id, value->cap));
}

/* Flags: a struct of nothing but Bool, which may also be written as the list of the fields that are true. */
static bool is_flags(const struct capnp_schema_node *node)
{
    for (uint32_t i = 0; i < node->count; i++)
        if (node->fields[i].kind != CAPNP_KIND_BOOL || node->fields[i].discriminant != CAPNP_NO_DISCRIMINANT)
            return false;
    return node->count != 0;
}

static int32_t refuse_flag(struct capnp_build *build, const struct capnp_schema_node *node,
                           const struct capnp_value *item)
{
    (void)refuse(build, item, NULL, "no flag ");
    say_bytes(build, item->bytes.bytes, item->bytes.len);
    for (uint32_t i = 0; i < node->count; i++) {
        say(build, i == 0 ? "; there are " : ", ");
        say(build, node->fields[i].name);
    }
    return CAPOS_ERR_BAD_MESSAGE;
}

static int32_t build_flags(struct capnp_build *build, const struct capnp_schema_field *field,
                           const struct capnp_schema_node *node, const struct place *at,
                           const struct capnp_value *list)
{
    const struct capnp_value yes = {.kind = CAPNP_VALUE_BOOL, .magnitude = 1};
    for (const struct capnp_value *item = list->first; item != NULL; item = item->next) {
        if (item->kind != CAPNP_VALUE_WORD)
            return refuse(build, item, field->name, "in this list stand the names of flags");
        const struct capnp_schema_field *flag = capnp_field_named(node, item->bytes);
        if (flag == NULL)
            return refuse_flag(build, node, item);
        int32_t error = build_scalar(build, flag, at, &yes);
        if (error < 0)
            return error;
    }
    return CAPOS_OK;
}

static int32_t refuse_struct(struct capnp_build *build, const struct capnp_schema_field *field,
                             const struct capnp_schema_node *node, const struct capnp_value *value)
{
    (void)refuse_type(build, field, value);
    say(build, is_flags(node) ? "; write [" : "; write (");
    say(build, node->count == 0 ? "" : node->fields[0].name);
    say(build, is_flags(node) ? "]" : " = ...)");
    return CAPOS_ERR_BAD_MESSAGE;
}

static int32_t build_struct(struct capnp_build *build, const struct capnp_schema_field *field,
                            const struct place *at, const struct capnp_value *value, unsigned depth)
{
    const struct capnp_schema_node *node = build->schema->find(build->schema->self, field->node);
    struct place inside;
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
        return refuse_schema(build, field);
    bool flags = value->kind == CAPNP_VALUE_LIST && is_flags(node);
    if (value->kind != CAPNP_VALUE_STRUCT && !flags)
        return refuse_struct(build, field, node, value);
    if (field->kind == CAPNP_KIND_GROUP)
        return build_members(build, node, at, value, depth + 1);
    inside.data_bits = (uint32_t)node->data_words * BITS_PER_WORD;
    inside.pointer_count = node->pointer_count;
    int32_t error = capnp_write_struct(&at->to, (uint16_t)field->offset, node->data_words,
                                       node->pointer_count, &inside.to);
    if (error < 0)
        return refuse_room(build, value, field->name, error);
    if (flags)
        return build_flags(build, field, node, &inside, value);
    return build_members(build, node, &inside, value, depth + 1);
}

static int32_t build_slot(struct capnp_build *build, const struct capnp_schema_field *field,
                          const struct place *at, const struct capnp_value *value, unsigned depth)
{
    if (field->kind >= CAPNP_KIND_COUNT)
        return refuse_schema(build, field);
    if (is_scalar(field->kind))
        return build_scalar(build, field, at, value);
    if (field->kind != CAPNP_KIND_GROUP && field->offset >= at->pointer_count)
        return refuse_schema(build, field);
    switch (field->kind) {
    case CAPNP_KIND_TEXT:
    case CAPNP_KIND_DATA:
        return build_blob(build, field, at, value);
    case CAPNP_KIND_LIST:
        return build_list(build, field, at, value, depth);
    case CAPNP_KIND_INTERFACE:
    case CAPNP_KIND_CAPABILITY:
        return build_cap(build, field, at, value);
    default:
        return build_struct(build, field, at, value, depth);
    }
}

/* ---- Structs. */

const struct capnp_schema_field *capnp_field_named(const struct capnp_schema_node *node,
                                                   struct capnp_text name)
{
    for (uint32_t i = 0; i < node->count; i++)
        if (text_is(name, node->fields[i].name))
            return &node->fields[i];
    return NULL;
}

static int32_t refuse_name(struct capnp_build *build, const struct capnp_schema_node *node,
                           const struct capnp_value *member)
{
    (void)refuse(build, member, NULL, node->count == 0 ? "there are no fields here" : "no field ");
    if (node->count == 0)
        return CAPOS_ERR_BAD_MESSAGE;
    say_bytes(build, member->name.bytes, member->name.len);
    say(build, member->name.len == 0 ? "for this; the fields are " : "; there are ");
    for (uint32_t i = 0; i < node->count; i++) {
        say(build, i == 0 ? "" : ", ");
        say(build, node->fields[i].name);
    }
    return CAPOS_ERR_BAD_MESSAGE;
}

/* The earlier member that fills the same field, or any member of the same union. */
static const struct capnp_value *clash(const struct capnp_schema_node *node,
                                       const struct capnp_value *members, const struct capnp_value *member,
                                       const struct capnp_schema_field *field)
{
    uint32_t position = 0;
    for (const struct capnp_value *other = members->first; other != member; other = other->next) {
        const struct capnp_schema_field *taken =
            other->name.len == 0 ? &node->fields[position] : capnp_field_named(node, other->name);
        position += other->name.len == 0;
        if (taken == field || (taken != NULL && taken->discriminant != CAPNP_NO_DISCRIMINANT &&
                               field->discriminant != CAPNP_NO_DISCRIMINANT))
            return other;
    }
    return NULL;
}

/* The field is copied out of its node, which may be gone after the first question to the schema. */
static int32_t find_field(struct capnp_build *build, const struct capnp_schema_node *node,
                          const struct capnp_value *members, const struct capnp_value *member,
                          uint32_t position, struct capnp_schema_field *out)
{
    const struct capnp_schema_field *field = NULL;
    if (member->name.len != 0)
        field = capnp_field_named(node, member->name);
    else if (position < node->count)
        field = &node->fields[position];
    if (field == NULL)
        return refuse_name(build, node, member);
    if (clash(node, members, member, field) != NULL)
        return refuse(build, member, field->name,
                      field->discriminant == CAPNP_NO_DISCRIMINANT
                          ? "given twice"
                          : "only one member of a union can be given");
    *out = *field;
    return CAPOS_OK;
}

static int32_t set_discriminant(struct capnp_build *build, const struct capnp_schema_field *field,
                                uint32_t discriminant_offset, const struct place *at)
{
    if (field->discriminant == CAPNP_NO_DISCRIMINANT)
        return CAPOS_OK;
    if (((uint64_t)discriminant_offset + 1) * 16 > at->data_bits)
        return refuse_schema(build, field);
    store(&at->to, 16, discriminant_offset, field->discriminant);
    return CAPOS_OK;
}

static int32_t build_members(struct capnp_build *build, const struct capnp_schema_node *node,
                             const struct place *at, const struct capnp_value *members, unsigned depth)
{
    uint64_t node_id = node->id;
    uint32_t position = 0;
    if (depth >= CAPNP_BUILD_DEPTH) {
        (void)refuse(build, members, NULL, "nested too deep");
        return CAPOS_ERR_TOO_LARGE;
    }
    for (const struct capnp_value *member = members->first; member != NULL; member = member->next) {
        struct capnp_schema_field field;
        node = build->schema->find(build->schema->self, node_id);
        if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
            return refuse(build, member, NULL, "the schema of this struct is gone");
        int32_t error = find_field(build, node, members, member, position, &field);
        position += member->name.len == 0;
        if (error >= 0)
            error = set_discriminant(build, &field, node->discriminant_offset, at);
        if (error >= 0 && member->kind != CAPNP_VALUE_NULL)
            error = build_slot(build, &field, at, member, depth);
        if (error < 0)
            return error;
    }
    return CAPOS_OK;
}

int32_t capnp_build_message(struct capnp_build *build, uint64_t node_id, const struct capnp_value *members,
                            void *bytes, size_t limit, struct cap_transfer *caps, size_t cap_limit,
                            size_t *cap_count)
{
    struct capnp_builder builder;
    struct place root;
    const struct capnp_schema_node *node = build->schema->find(build->schema->self, node_id);
    *cap_count = 0;
    build->wrong = NULL;
    build->error[0] = '\0';
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
        return refuse(build, NULL, NULL, "the schema of this struct is not known");
    root.data_bits = (uint32_t)node->data_words * BITS_PER_WORD;
    root.pointer_count = node->pointer_count;
    int32_t error = capnp_builder_open(&builder, bytes, limit, caps, cap_limit, node->data_words,
                                       node->pointer_count, &root.to);
    if (error < 0)
        return refuse_room(build, members, NULL, error);
    error = build_members(build, node, &root, members, 0);
    return capnp_builder_end(&builder, error, cap_count);
}
