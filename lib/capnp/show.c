#include "show.h"

static const char *const kind_names[CAPNP_KIND_COUNT] = {
    "Void",    "Bool",    "Int8", "Int16", "Int32", "Int64", "UInt8",  "UInt16",    "UInt32",     "UInt64",
    "Float32", "Float64", "Text", "Data",  "List",  "Enum",  "Struct", "Interface", "Capability", "group",
};

enum { HEX_DIGITS_MAX = 16, DECIMAL_DIGITS_MAX = 20, FRACTION_DIGITS = 6 };
enum { SIGN_BIT = 63 };

/* Structs lie in structs: this calls itself, at most CAPNP_SHOW_DEPTH deep. */
static void show_fields(const struct capnp_show *show, uint64_t node_id, const struct capnp_struct *from,
                        unsigned depth);

/* ---- Pieces. */

static void put(const struct capnp_show *show, const char *text)
{
    show->write(show->self, text, __builtin_strlen(text));
}

static void put_unsigned(const struct capnp_show *show, uint64_t value)
{
    char digits[DECIMAL_DIGITS_MAX];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    show->write(show->self, digits + at, sizeof digits - at);
}

static void put_signed(const struct capnp_show *show, int64_t value)
{
    if (value < 0)
        put(show, "-");
    put_unsigned(show, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void put_hex(const struct capnp_show *show, uint64_t value, unsigned digits)
{
    char text[HEX_DIGITS_MAX];
    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15];
    show->write(show->self, text, digits);
}

static void put_unknown(const struct capnp_show *show, uint64_t id)
{
    put(show, "<unknown 0x");
    put_hex(show, id, HEX_DIGITS_MAX);
    put(show, ">");
}

/* Six digits behind the point; numbers too large for that as their bits. */
static void put_float(const struct capnp_show *show, double value)
{
    const double limit = 9e15;
    if (value != value) {
        put(show, "nan");
        return;
    }
    if (value < 0) {
        put(show, "-");
        value = -value;
    }
    if (value > limit) {
        uint64_t bits;
        __builtin_memcpy(&bits, &value, sizeof bits);
        put(show, "float 0x");
        put_hex(show, bits, HEX_DIGITS_MAX);
        return;
    }
    uint64_t scaled = (uint64_t)(value * 1e6 + 0.5);
    char fraction[FRACTION_DIGITS + 1] = ".";
    put_unsigned(show, scaled / 1000000);
    size_t len = 0;
    for (uint64_t rest = scaled % 1000000, unit = 100000; rest != 0; rest %= unit, unit /= 10) {
        fraction[++len] = (char)('0' + rest / unit);
        if (unit == 1)
            break;
    }
    if (len > 0)
        show->write(show->self, fraction, len + 1);
}

static void put_escaped(const struct capnp_show *show, uint8_t byte)
{
    char plain = (char)byte;
    if (byte == '\n')
        put(show, "\\n");
    else if (byte == '\t')
        put(show, "\\t");
    else if (byte == '"' || byte == '\\') {
        put(show, "\\");
        show->write(show->self, &plain, 1);
    } else if (byte < ' ' || byte == 0x7f) {
        put(show, "\\x");
        put_hex(show, byte, 2);
    } else {
        show->write(show->self, &plain, 1);
    }
}

static void put_text(const struct capnp_show *show, const uint8_t *bytes, size_t len)
{
    size_t shown = show->blob_limit != 0 && len > show->blob_limit ? show->blob_limit : len;
    put(show, "\"");
    for (size_t i = 0; i < shown; i++)
        put_escaped(show, bytes[i]);
    put(show, shown < len ? "\"..." : "\"");
}

static bool is_printable(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool plain = (bytes[i] >= ' ' && bytes[i] < 0x7f) || bytes[i] == '\n' || bytes[i] == '\t';
        if (!plain)
            return false;
    }
    return true;
}

static void put_data(const struct capnp_show *show, const uint8_t *bytes, size_t len)
{
    size_t shown = show->blob_limit != 0 && len > show->blob_limit ? show->blob_limit : len;
    if (is_printable(bytes, shown)) {
        put_text(show, bytes, len);
        return;
    }
    put(show, "0x\"");
    for (size_t i = 0; i < shown; i++)
        put_hex(show, bytes[i], 2);
    put(show, shown < len ? "\"..." : "\"");
}

static void put_enumerant(const struct capnp_show *show, uint64_t node_id, uint64_t value)
{
    const struct capnp_schema_node *node = show->schema->find(show->schema->self, node_id);
    if (node != NULL && node->kind == CAPNP_NODE_ENUM && value < node->count)
        put(show, node->enumerants[value]);
    else
        put_unsigned(show, value);
}

static void put_cap(const struct capnp_show *show, cap_any cap)
{
    if (cap.id == CAPNP_CAP_NONE) {
        put(show, "null");
        return;
    }
    put(show, "cap#");
    put_unsigned(show, cap.id);
}

/* ---- Scalars. */

static const uint8_t kind_bytes[CAPNP_KIND_COUNT] = {
    [CAPNP_KIND_INT8] = 1,    [CAPNP_KIND_INT16] = 2,   [CAPNP_KIND_INT32] = 4,  [CAPNP_KIND_INT64] = 8,
    [CAPNP_KIND_UINT8] = 1,   [CAPNP_KIND_UINT16] = 2,  [CAPNP_KIND_UINT32] = 4, [CAPNP_KIND_UINT64] = 8,
    [CAPNP_KIND_FLOAT32] = 4, [CAPNP_KIND_FLOAT64] = 8, [CAPNP_KIND_ENUM] = 2,
};

/* The bits of a scalar as they lie in the message. */
static uint64_t load(const struct capnp_struct *from, uint8_t kind, uint32_t offset)
{
    switch (kind_bytes[kind]) {
    case 1:
        return capnp_get_u8(from, offset);
    case 2:
        return capnp_get_u16(from, offset * 2);
    case 4:
        return capnp_get_u32(from, offset * 4);
    case 8:
        return capnp_get_u64(from, offset * 8);
    default:
        return kind == CAPNP_KIND_BOOL ? capnp_get_bool(from, offset) : 0;
    }
}

static void put_scalar(const struct capnp_show *show, uint8_t kind, uint64_t node_id, uint64_t bits)
{
    unsigned shift = 64 - 8u * kind_bytes[kind];
    float single;
    double value;
    uint32_t low = (uint32_t)bits;
    switch (kind) {
    case CAPNP_KIND_VOID:
        put(show, "void");
        break;
    case CAPNP_KIND_BOOL:
        put(show, bits != 0 ? "true" : "false");
        break;
    case CAPNP_KIND_INT8:
    case CAPNP_KIND_INT16:
    case CAPNP_KIND_INT32:
    case CAPNP_KIND_INT64:
        put_signed(show, (int64_t)(bits << shift) >> shift);
        break;
    case CAPNP_KIND_FLOAT32:
        __builtin_memcpy(&single, &low, sizeof single);
        put_float(show, (double)single);
        break;
    case CAPNP_KIND_FLOAT64:
        __builtin_memcpy(&value, &bits, sizeof value);
        put_float(show, value);
        break;
    case CAPNP_KIND_ENUM:
        put_enumerant(show, node_id, bits);
        break;
    default:
        put_unsigned(show, bits);
        break;
    }
}

/* ---- Lists. */

/* Elements of a list of pointers or structs are shown as a field of that kind would be. */
static void put_element(const struct capnp_show *show, const struct capnp_schema_field *field,
                        const struct capnp_list *list, size_t index, unsigned depth)
{
    struct capnp_text text;
    struct capnp_data data;
    struct capnp_struct nested;
    cap_any cap;
    int32_t error = CAPOS_ERR_BAD_MESSAGE;
    switch (field->element) {
    case CAPNP_KIND_TEXT:
        error = capnp_list_get_text(list, index, &text);
        if (error >= 0)
            put_text(show, (const uint8_t *)text.bytes, text.len);
        break;
    case CAPNP_KIND_DATA:
        error = capnp_list_get_data(list, index, &data);
        if (error >= 0)
            put_data(show, data.bytes, data.len);
        break;
    case CAPNP_KIND_INTERFACE:
    case CAPNP_KIND_CAPABILITY:
        error = capnp_list_get_cap(list, index, 0, &cap);
        if (error >= 0)
            put_cap(show, cap);
        break;
    case CAPNP_KIND_STRUCT:
        error = capnp_list_get_struct(list, index, &nested);
        if (error >= 0) {
            put(show, "(");
            show_fields(show, field->node, &nested, depth + 1);
            put(show, ")");
        }
        break;
    default:
        break;
    }
    if (error < 0)
        put(show, "<malformed>");
}

static int32_t element_bits(const struct capnp_list *list, uint8_t kind, size_t index, uint64_t *out)
{
    uint8_t byte = 0;
    uint16_t two = 0;
    uint32_t four = 0;
    bool flag = false;
    int32_t error = CAPOS_OK;
    *out = 0;
    switch (kind_bytes[kind]) {
    case 1:
        error = capnp_list_get_u8(list, index, &byte);
        *out = byte;
        break;
    case 2:
        error = capnp_list_get_u16(list, index, &two);
        *out = two;
        break;
    case 4:
        error = capnp_list_get_u32(list, index, &four);
        *out = four;
        break;
    case 8:
        error = capnp_list_get_u64(list, index, out);
        break;
    default:
        if (kind == CAPNP_KIND_BOOL)
            error = capnp_list_get_bool(list, index, &flag);
        *out = flag;
        break;
    }
    return error;
}

static enum capnp_element element_of(uint8_t kind)
{
    switch (kind) {
    case CAPNP_KIND_VOID:
        return CAPNP_ELEMENT_VOID;
    case CAPNP_KIND_BOOL:
        return CAPNP_ELEMENT_BIT;
    case CAPNP_KIND_STRUCT:
        return CAPNP_ELEMENT_COMPOSITE;
    default:
        break;
    }
    switch (kind_bytes[kind]) {
    case 1:
        return CAPNP_ELEMENT_BYTE;
    case 2:
        return CAPNP_ELEMENT_TWO_BYTES;
    case 4:
        return CAPNP_ELEMENT_FOUR_BYTES;
    case 8:
        return CAPNP_ELEMENT_EIGHT_BYTES;
    default:
        return CAPNP_ELEMENT_POINTER;
    }
}

static bool is_scalar(uint8_t kind)
{
    return kind <= CAPNP_KIND_FLOAT64 || kind == CAPNP_KIND_ENUM;
}

static void put_list(const struct capnp_show *show, const struct capnp_schema_field *field,
                     const struct capnp_struct *from, unsigned depth)
{
    struct capnp_list list;
    uint64_t bits;
    if (capnp_read_list(from, (uint16_t)field->offset, element_of(field->element), &list) < 0) {
        put(show, "<malformed>");
        return;
    }
    put(show, "[");
    for (size_t i = 0; i < list.count; i++) {
        put(show, i == 0 ? "" : ", ");
        if (show->list_limit != 0 && i == show->list_limit) {
            put(show, "...");
            break;
        }
        if (!is_scalar(field->element))
            put_element(show, field, &list, i, depth);
        else if (element_bits(&list, field->element, i, &bits) >= 0)
            put_scalar(show, field->element, field->node, bits);
    }
    put(show, "]");
}

/* ---- Structs. */

static void put_struct(const struct capnp_show *show, const struct capnp_schema_field *field,
                       const struct capnp_struct *from, unsigned depth)
{
    struct capnp_struct nested;
    bool present;
    if (capnp_read_struct(from, (uint16_t)field->offset, &present, &nested) < 0) {
        put(show, "<malformed>");
        return;
    }
    put(show, "(");
    show_fields(show, field->node, &nested, depth + 1);
    put(show, ")");
}

static void put_blob(const struct capnp_show *show, const struct capnp_schema_field *field,
                     const struct capnp_struct *from)
{
    struct capnp_text text;
    struct capnp_data data;
    if (field->kind == CAPNP_KIND_TEXT && capnp_read_text(from, (uint16_t)field->offset, &text) >= 0)
        put_text(show, (const uint8_t *)text.bytes, text.len);
    else if (field->kind == CAPNP_KIND_DATA && capnp_read_data(from, (uint16_t)field->offset, &data) >= 0)
        put_data(show, data.bytes, data.len);
    else
        put(show, "<malformed>");
}

static void put_field(const struct capnp_show *show, const struct capnp_schema_field *field,
                      const struct capnp_struct *from, unsigned depth)
{
    cap_any cap;
    put(show, field->name);
    put(show, " = ");
    switch (field->kind) {
    case CAPNP_KIND_TEXT:
    case CAPNP_KIND_DATA:
        put_blob(show, field, from);
        break;
    case CAPNP_KIND_LIST:
        put_list(show, field, from, depth);
        break;
    case CAPNP_KIND_STRUCT:
        put_struct(show, field, from, depth);
        break;
    case CAPNP_KIND_GROUP:
        put(show, "(");
        show_fields(show, field->node, from, depth + 1);
        put(show, ")");
        break;
    case CAPNP_KIND_INTERFACE:
    case CAPNP_KIND_CAPABILITY:
        if (capnp_read_cap(from, (uint16_t)field->offset, 0, &cap) >= 0)
            put_cap(show, cap);
        else
            put(show, "<malformed>");
        break;
    default:
        put_scalar(show, field->kind, field->node,
                   load(from, field->kind, field->offset) ^ field->default_bits);
        break;
    }
}

static bool has_default(const struct capnp_schema_field *field, const struct capnp_struct *from)
{
    if (field->kind == CAPNP_KIND_GROUP)
        return false;
    return is_scalar(field->kind) ? load(from, field->kind, field->offset) == 0
                                  : !capnp_has_pointer(from, (uint16_t)field->offset);
}

/* Members of a union are there if they are the one that is set. */
static bool is_shown(const struct capnp_show *show, const struct capnp_schema_node *node,
                     const struct capnp_schema_field *field, const struct capnp_struct *from)
{
    if (field->discriminant != CAPNP_NO_DISCRIMINANT)
        return field->discriminant == capnp_get_u16(from, node->discriminant_offset * 2);
    return show->show_defaults || !has_default(field, from);
}

static void show_fields(const struct capnp_show *show, uint64_t node_id, const struct capnp_struct *from,
                        unsigned depth)
{
    const struct capnp_schema_node *node = show->schema->find(show->schema->self, node_id);
    const char *separator = "";
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT) {
        put_unknown(show, node_id);
        return;
    }
    if (depth >= CAPNP_SHOW_DEPTH) {
        put(show, "...");
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct capnp_schema_field *field = &node->fields[i];
        /* Tables that came in a message may say anything. */
        if (field->kind >= CAPNP_KIND_COUNT || field->element >= CAPNP_KIND_COUNT)
            continue;
        if (!is_shown(show, node, field, from))
            continue;
        put(show, separator);
        separator = ", ";
        put_field(show, field, from, depth);
    }
}

void capnp_show_fields(const struct capnp_show *show, uint64_t node_id, const struct capnp_struct *from)
{
    show_fields(show, node_id, from, 0);
}

void capnp_show_message(const struct capnp_show *show, uint64_t node_id, const void *bytes, size_t len,
                        const struct cap_transfer *caps, size_t cap_count)
{
    struct capnp_message message;
    struct capnp_struct root;
    if (capnp_message_open(&message, bytes, len, caps, cap_count, &root) < 0)
        put(show, "<malformed>");
    else
        show_fields(show, node_id, &root, 0);
}

static void put_type(const struct capnp_show *show, uint8_t kind, uint64_t node_id)
{
    bool named = kind == CAPNP_KIND_ENUM || kind == CAPNP_KIND_STRUCT || kind == CAPNP_KIND_INTERFACE;
    const struct capnp_schema_node *node = named ? show->schema->find(show->schema->self, node_id) : NULL;
    if (node != NULL)
        put(show, node->name);
    else
        put(show, kind < CAPNP_KIND_COUNT ? kind_names[kind] : "?");
}

void capnp_show_type(const struct capnp_show *show, const struct capnp_schema_field *field)
{
    if (field->kind != CAPNP_KIND_LIST) {
        put_type(show, field->kind, field->node);
        return;
    }
    put(show, "List(");
    put_type(show, field->element, field->node);
    put(show, ")");
}
