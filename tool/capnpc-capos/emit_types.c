/*
 * NAME_types.c: the codecs. For each struct a static read_, write_ and content_ function that take addresses,
 * and the public functions on top; groups and named unions share their struct's sections and have the static
 * ones only.
 */
#include "emit.h"
#include "util.h"
#include <inttypes.h>

/* `read_cap_x` for structs of this file, the public function otherwise. */
static bool is_local(const struct ir_file *file, const struct ir_node *node)
{
    return node->file == file;
}

/* Whether reading the struct can fail, so that an error variable is needed. */
static bool has_pointer_or_group(const struct ir_node *node)
{
    for (size_t i = 0; i < node->field_count; i++)
        if (node->fields[i].group != NULL || ir_is_pointer(node->fields[i].type.kind))
            return true;
    return false;
}

static const char *literal(const struct ir_field *field)
{
    return xprintf(ir_kind_bits(field->type.kind) == 64 ? "UINT64_C(0x%" PRIx64 ")" : "0x%" PRIx64 "u",
                   field->default_bits);
}

/* ---- Reading ---- */

static void emit_read_scalar(FILE *out, const struct ir_field *field, int indent)
{
    unsigned bits = ir_kind_bits(field->type.kind);
    const char *name = field->c_name;
    if (field->type.kind == IR_VOID)
        return;
    if (field->type.kind == IR_BOOL) {
        fprintf(out, "%*sout->%s = %scapnp_get_bool(from, %u);\n", indent, "", name,
                field->default_bits != 0 ? "!" : "", field->offset);
        return;
    }
    char *load = xprintf("capnp_get_u%u(from, %u)", bits, field->offset * (bits / 8));
    if (field->default_bits != 0)
        load = xprintf("(%s ^ %s)", load, literal(field));
    if (field->type.kind == IR_FLOAT32 || field->type.kind == IR_FLOAT64)
        fprintf(out,
                "%*s{\n%*suint%u_t bits = %s;\n%*s__builtin_memcpy(&out->%s, &bits, sizeof bits);\n%*s}\n",
                indent, "", indent + 4, "", bits, load, indent + 4, "", name, indent, "");
    else
        fprintf(out, "%*sout->%s = (%s)%s;\n", indent, "", name, c_type(&field->type), load);
}

static void emit_check(FILE *out, int indent)
{
    fprintf(out, "%*sif (error < 0)\n%*sreturn error;\n", indent, "", indent + 4, "");
}

static void emit_default_bytes(FILE *out, const struct ir_field *field)
{
    fputc('"', out);
    for (size_t i = 0; i < field->default_bytes.len; i++)
        fprintf(out, "\\%03o", field->default_bytes.bytes[i]);
    fprintf(out, "\", %zu", field->default_bytes.len);
}

static void emit_read_blob(FILE *out, const struct ir_field *field, int indent)
{
    const char *kind = field->type.kind == IR_TEXT ? "read_text" : "take_data";
    if (field->default_bytes.bytes != NULL) {
        fprintf(out, "%*sif (!capnp_has_pointer(from, %u))\n%*sout->%s = capnp_%s(", indent, "",
                field->offset, indent + 4, "", field->c_name,
                field->type.kind == IR_TEXT ? "text_n" : "data_of");
        emit_default_bytes(out, field);
        fprintf(out, ");\n%*selse\n    ", indent, "");
    }
    fprintf(out, "%*serror = capnp_%s(from, %u, &out->%s);\n", indent, "", kind, field->offset,
            field->c_name);
    emit_check(out, indent);
}

static void emit_read_nested(FILE *out, const struct ir_file *file, const struct ir_field *field, int indent)
{
    const char *type = field->type.node->c_name;
    fprintf(out, "%*serror = capnp_read_struct(from, %u, &out->has_%s, &nested);\n", indent, "",
            field->offset, to_snake(field->name));
    emit_check(out, indent);
    if (is_local(file, field->type.node))
        fprintf(out, "%*serror = read_%s(&nested, &out->%s);\n", indent, "", type, field->c_name);
    else
        fprintf(out, "%*serror = %s_read(nested, &out->%s);\n", indent, "", type, field->c_name);
    emit_check(out, indent);
}

static void emit_read_cap(FILE *out, const struct ir_field *field, int indent)
{
    const char *name = field->c_name;
    if (field->type.kind == IR_CAPABILITY) {
        fprintf(out, "%*serror = capnp_take_cap(from, %u, 0, &out->%s);\n", indent, "", field->offset, name);
        emit_check(out, indent);
        return;
    }
    fprintf(out, "%*serror = capnp_take_cap(from, %u, %s_INTERFACE_ID, &cap);\n", indent, "", field->offset,
            field->type.node->c_upper);
    emit_check(out, indent);
    fprintf(out, "%*sout->%s.id = cap.id;\n%*sout->%s.mode = cap.mode;\n", indent, "", name, indent, "",
            name);
}

static void emit_read_field(FILE *out, const struct ir_file *file, const struct ir_field *field, int indent)
{
    if (field->group != NULL) {
        fprintf(out, "%*serror = read_%s(from, &out->%s);\n", indent, "", field->group->c_name,
                field->c_name);
        emit_check(out, indent);
        return;
    }
    switch (field->type.kind) {
    case IR_TEXT:
    case IR_DATA:
        emit_read_blob(out, field, indent);
        break;
    case IR_STRUCT:
        emit_read_nested(out, file, field, indent);
        break;
    case IR_LIST:
        fprintf(out, "%*serror = capnp_read_list(from, %u, %s, &out->%s);\n", indent, "", field->offset,
                c_element(field->type.element), field->c_name);
        emit_check(out, indent);
        break;
    case IR_INTERFACE:
    case IR_CAPABILITY:
        emit_read_cap(out, field, indent);
        break;
    default:
        emit_read_scalar(out, field, indent);
        break;
    }
}

static bool uses_kind(const struct ir_node *node, enum ir_kind kind)
{
    for (size_t i = 0; i < node->field_count; i++)
        if (node->fields[i].group == NULL && node->fields[i].type.kind == kind)
            return true;
    return false;
}

static void emit_read_union(FILE *out, const struct ir_file *file, const struct ir_node *node)
{
    fprintf(out, "    out->which = (enum %s_tag)capnp_get_u16(from, %u);\n", node->c_name,
            node->discriminant_offset * 2);
    if (ir_union_c_fields(node) == 0)
        return;
    fputs("    switch (out->which) {\n", out);
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        if (field->discriminant == IR_NO_DISCRIMINANT ||
            (field->group == NULL && field->type.kind == IR_VOID))
            continue;
        fprintf(out, "    case %s_%s:\n", node->c_upper, field->c_upper);
        emit_read_field(out, file, field, 8);
        fputs("        break;\n", out);
    }
    fputs("    default:\n        break;\n    }\n", out);
}

/* Few enough fields that their reader is worth repeating where it is used. */
static bool is_brief(const struct ir_node *node)
{
    enum { BRIEF_FIELDS = 4 };
    return node->is_params && !node->is_group && node->discriminant_count == 0 &&
           node->field_count <= BRIEF_FIELDS;
}

static void emit_read(FILE *out, const struct ir_file *file, const struct ir_node *node)
{
    fprintf(out, "static %sint32_t read_%s(const struct capnp_struct *from, struct %s *out)\n{\n",
            is_brief(node) ? "CAPNP_PART_OF_DECODE " : "", node->c_name, node->c_name);
    if (has_pointer_or_group(node))
        fputs("    int32_t error = CAPOS_OK;\n", out);
    if (uses_kind(node, IR_INTERFACE))
        fputs("    cap_any cap;\n", out);
    if (uses_kind(node, IR_STRUCT))
        fputs("    struct capnp_struct nested;\n", out);
    if (!ir_has_c_fields(node))
        fputs("    (void)from;\n    out->no_fields = 0;\n", out);
    if (node->discriminant_count != 0)
        fputs("    __builtin_memset(out, 0, sizeof *out);\n", out);
    for (size_t i = 0; i < node->field_count; i++)
        if (node->fields[i].discriminant == IR_NO_DISCRIMINANT)
            emit_read_field(out, file, &node->fields[i], 4);
    if (node->discriminant_count != 0)
        emit_read_union(out, file, node);
    fputs("    return CAPOS_OK;\n}\n\n", out);
}

/* ---- Writing ---- */

static void emit_write_scalar(FILE *out, const struct ir_field *field, int indent)
{
    unsigned bits = ir_kind_bits(field->type.kind);
    const char *name = field->c_name;
    if (field->type.kind == IR_VOID)
        return;
    if (field->type.kind == IR_BOOL) {
        fprintf(out, "%*scapnp_put_bool(to, %u, %svalue->%s);\n", indent, "", field->offset,
                field->default_bits != 0 ? "!" : "", name);
        return;
    }
    const char *mask = field->default_bits != 0 ? xprintf(" ^ %s", literal(field)) : "";
    unsigned offset = field->offset * (bits / 8);
    if (field->type.kind == IR_FLOAT32 || field->type.kind == IR_FLOAT64)
        fprintf(out,
                "%*s{\n%*suint%u_t bits;\n%*s__builtin_memcpy(&bits, &value->%s, sizeof bits);\n"
                "%*scapnp_put_u%u(to, %u, bits%s);\n%*s}\n",
                indent, "", indent + 4, "", bits, indent + 4, "", name, indent + 4, "", bits, offset, mask,
                indent, "");
    else if (field->default_bits != 0)
        fprintf(out, "%*scapnp_put_u%u(to, %u, (uint%u_t)((uint%u_t)value->%s%s));\n", indent, "", bits,
                offset, bits, bits, name, mask);
    else
        fprintf(out, "%*scapnp_put_u%u(to, %u, (uint%u_t)value->%s);\n", indent, "", bits, offset, bits,
                name);
}

static void emit_write_nested(FILE *out, const struct ir_file *file, const struct ir_field *field, int indent)
{
    const struct ir_node *type = field->type.node;
    fprintf(out, "%*sif (value->has_%s) {\n", indent, "", to_snake(field->name));
    indent += 4;
    fprintf(out, "%*serror = capnp_write_struct(to, %u, %u, %u, &nested);\n", indent, "", field->offset,
            type->data_words, type->pointer_count);
    emit_check(out, indent);
    if (is_local(file, type))
        fprintf(out, "%*serror = write_%s(&nested, &value->%s);\n", indent, "", type->c_name, field->c_name);
    else
        fprintf(out, "%*serror = %s_write(nested, &value->%s);\n", indent, "", type->c_name, field->c_name);
    emit_check(out, indent);
    fprintf(out, "%*s}\n", indent - 4, "");
}

static void emit_write_list(FILE *out, const struct ir_field *field, int indent)
{
    const char *name = field->c_name;
    fprintf(out, "%*serror = ", indent, "");
    switch (field->type.element) {
    case IR_STRUCT:
        fprintf(out, "%s_list_write(to, %u, &value->%s);\n", field->type.node->c_name, field->offset, name);
        break;
    case IR_TEXT:
    case IR_DATA:
    case IR_ENUM:
        fprintf(out, "capnp_write_list_%s(to, %u, &value->%s);\n",
                field->type.element == IR_TEXT   ? "text"
                : field->type.element == IR_DATA ? "data"
                                                 : "enum",
                field->offset, name);
        break;
    case IR_INTERFACE:
        fprintf(out, "capnp_write_list_cap(to, %u, %s_INTERFACE_ID, &value->%s);\n", field->offset,
                field->type.node->c_upper, name);
        break;
    case IR_CAPABILITY:
        fprintf(out, "capnp_write_list_cap(to, %u, 0, &value->%s);\n", field->offset, name);
        break;
    default:
        fprintf(out, "capnp_write_list_scalar(to, %u, &value->%s, %s);\n", field->offset, name,
                c_element(field->type.element));
        break;
    }
    emit_check(out, indent);
}

static void emit_write_cap(FILE *out, const struct ir_field *field, int indent)
{
    const char *name = field->c_name;
    if (field->type.kind == IR_CAPABILITY)
        fprintf(out, "%*serror = capnp_add_cap(to, %u, 0, value->%s);\n", indent, "", field->offset, name);
    else
        fprintf(out, "%*serror = capnp_add_cap(to, %u, %s_INTERFACE_ID, %s_as_any(value->%s));\n", indent, "",
                field->offset, field->type.node->c_upper, field->type.node->c_name, name);
    emit_check(out, indent);
}

static void emit_write_field(FILE *out, const struct ir_file *file, const struct ir_field *field, int indent)
{
    if (field->group != NULL) {
        fprintf(out, "%*serror = write_%s(to, &value->%s);\n", indent, "", field->group->c_name,
                field->c_name);
        emit_check(out, indent);
        return;
    }
    switch (field->type.kind) {
    case IR_TEXT:
    case IR_DATA:
        fprintf(out, "%*serror = capnp_%s(to, %u, value->%s);\n", indent, "",
                field->type.kind == IR_TEXT ? "write_text" : "add_data", field->offset, field->c_name);
        emit_check(out, indent);
        break;
    case IR_STRUCT:
        emit_write_nested(out, file, field, indent);
        break;
    case IR_LIST:
        emit_write_list(out, field, indent);
        break;
    case IR_INTERFACE:
    case IR_CAPABILITY:
        emit_write_cap(out, field, indent);
        break;
    default:
        emit_write_scalar(out, field, indent);
        break;
    }
}

static void emit_write_union(FILE *out, const struct ir_file *file, const struct ir_node *node)
{
    fprintf(out, "    capnp_put_u16(to, %u, (uint16_t)value->which);\n", node->discriminant_offset * 2);
    if (ir_union_c_fields(node) == 0)
        return;
    fputs("    switch (value->which) {\n", out);
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        if (field->discriminant == IR_NO_DISCRIMINANT ||
            (field->group == NULL && field->type.kind == IR_VOID))
            continue;
        fprintf(out, "    case %s_%s:\n", node->c_upper, field->c_upper);
        emit_write_field(out, file, field, 8);
        fputs("        break;\n", out);
    }
    fputs("    default:\n        break;\n    }\n", out);
}

static void emit_write(FILE *out, const struct ir_file *file, const struct ir_node *node)
{
    fprintf(out,
            "static int32_t write_%s(const struct capnp_struct_builder *to, const struct %s *value)\n{\n",
            node->c_name, node->c_name);
    if (has_pointer_or_group(node))
        fputs("    int32_t error = CAPOS_OK;\n", out);
    if (uses_kind(node, IR_STRUCT))
        fputs("    struct capnp_struct_builder nested;\n", out);
    if (!ir_has_c_fields(node))
        fputs("    (void)to;\n    (void)value;\n", out);
    for (size_t i = 0; i < node->field_count; i++)
        if (node->fields[i].discriminant == IR_NO_DISCRIMINANT)
            emit_write_field(out, file, &node->fields[i], 4);
    if (node->discriminant_count != 0)
        emit_write_union(out, file, node);
    fputs("    return CAPOS_OK;\n}\n\n", out);
}

/* ---- Sizes ---- */

static void emit_words_list(FILE *out, const struct ir_field *field, int indent)
{
    fprintf(out, "%*swords += ", indent, "");
    if (field->type.element == IR_STRUCT)
        fprintf(out, "%s_list_words(&value->%s);\n", field->type.node->c_name, field->c_name);
    else if (field->type.element == IR_TEXT || field->type.element == IR_DATA)
        fprintf(out, "capnp_list_%s_words(&value->%s);\n", field->type.element == IR_TEXT ? "text" : "data",
                field->c_name);
    else
        fprintf(out, "capnp_list_scalar_words(&value->%s, %s);\n", field->c_name,
                c_element(field->type.element));
}

static void emit_words_field(FILE *out, const struct ir_field *field, int indent)
{
    const char *name = field->c_name;
    if (field->group != NULL) {
        if (ir_has_content(field->group))
            fprintf(out, "%*swords += content_%s(&value->%s);\n", indent, "", field->group->c_name, name);
        return;
    }
    switch (field->type.kind) {
    case IR_TEXT:
    case IR_DATA:
        fprintf(out, "%*swords += capnp_%s_words(value->%s);\n", indent, "",
                field->type.kind == IR_TEXT ? "text" : "data", name);
        break;
    case IR_STRUCT:
        fprintf(out, "%*sif (value->has_%s)\n%*swords += %uu + %s_content_words(&value->%s);\n", indent, "",
                to_snake(field->name), indent + 4, "",
                field->type.node->data_words + field->type.node->pointer_count, field->type.node->c_name,
                name);
        break;
    case IR_LIST:
        emit_words_list(out, field, indent);
        break;
    default:
        break;
    }
}

static bool field_has_content(const struct ir_field *field)
{
    if (field->group != NULL)
        return ir_has_content(field->group);
    enum ir_kind kind = field->type.kind;
    return kind == IR_TEXT || kind == IR_DATA || kind == IR_LIST || kind == IR_STRUCT;
}

static void emit_content(FILE *out, const struct ir_node *node)
{
    fprintf(out, "static size_t content_%s(const struct %s *value)\n{\n    size_t words = 0;\n", node->c_name,
            node->c_name);
    bool in_union = false;
    for (size_t i = 0; i < node->field_count; i++) {
        if (node->fields[i].discriminant == IR_NO_DISCRIMINANT)
            emit_words_field(out, &node->fields[i], 4);
        else
            in_union = in_union || field_has_content(&node->fields[i]);
    }
    if (in_union) {
        fputs("    switch (value->which) {\n", out);
        for (size_t i = 0; i < node->field_count; i++) {
            const struct ir_field *field = &node->fields[i];
            if (field->discriminant == IR_NO_DISCRIMINANT || !field_has_content(field))
                continue;
            fprintf(out, "    case %s_%s:\n", node->c_upper, field->c_upper);
            emit_words_field(out, field, 8);
            fputs("        break;\n", out);
        }
        fputs("    default:\n        break;\n    }\n", out);
    }
    fputs("    return words;\n}\n\n", out);
}

/* ---- Public functions ---- */

/* Structs of scalars only: nearly every message of one is written in the same shape, and is then read where
 * it lies. */
static bool is_flat(const struct ir_node *node)
{
    return node->data_words != 0 && node->pointer_count == 0 && !has_pointer_or_group(node);
}

static void emit_decode(FILE *out, const struct ir_node *node)
{
    const char *name = node->c_name;
    fprintf(out,
            "int32_t %s_decode(struct capnp_message *message, const void *bytes, size_t len,\n"
            "        const struct cap_transfer *caps, size_t cap_count, struct %s *out)\n{\n"
            "    struct capnp_struct root;\n",
            name, name);
    if (is_flat(node))
        fprintf(out,
                "    if (__builtin_expect(capnp_message_is_flat(bytes, len, %u), 1)) {\n"
                "        capnp_flat_root(bytes, %u, &root);\n"
                "        return read_%s(&root, out);\n    }\n",
                node->data_words, node->data_words, name);
    else
        fprintf(out,
                "    struct capnp_struct shaped; /* another one, whose address goes nowhere */\n"
                "    if (__builtin_expect(capnp_open_shape(message, bytes, len, caps, cap_count, %u, %u, "
                "&shaped), 1))\n"
                "        return read_%s(&shaped, out);\n",
                node->data_words, node->pointer_count, name);
    fprintf(out,
            "    int32_t error = capnp_message_open(message, bytes, len, caps, cap_count, &root);\n"
            "    return error < 0 ? error : read_%s(&root, out);\n}\n\n",
            name);
}

static void emit_public(FILE *out, const struct ir_node *node)
{
    const char *name = node->c_name;
    fprintf(out,
            "int32_t %s_read(struct capnp_struct from, struct %s *out)\n{\n    return read_%s(&from, "
            "out);\n}\n\n",
            name, name, name);
    fprintf(out,
            "int32_t %s_write(struct capnp_struct_builder to, const struct %s *value)\n{\n"
            "    return write_%s(&to, value);\n}\n\n",
            name, name, name);
    if (ir_has_content(node))
        fprintf(out,
                "size_t %s_content_words(const struct %s *value)\n{\n    return content_%s(value);\n}\n\n",
                name, name, name);
    else
        fprintf(out,
                "size_t %s_content_words(const struct %s *value)\n{\n    (void)value;\n    return 0;\n}\n\n",
                name, name);
    fprintf(out,
            "size_t %s_size(const struct %s *value)\n{\n"
            "    return (%uu + %s_content_words(value)) * CAPNP_WORD_BYTES;\n}\n\n",
            name, name, 2u + node->data_words + node->pointer_count, name);
    emit_decode(out, node);
    fprintf(out,
            "int32_t %s_encode(const struct %s *value, void *bytes, size_t limit,\n"
            "        struct cap_transfer *caps_out, size_t *cap_count)\n{\n"
            "    struct capnp_builder builder;\n    struct capnp_struct_builder root;\n"
            "    int32_t error = capnp_builder_open(&builder, bytes, limit, caps_out,\n"
            "            caps_out == NULL ? 0 : %s, %u, %u, &root);\n"
            "    if (error >= 0)\n        error = write_%s(&root, value);\n"
            "    return capnp_builder_end(&builder, error, cap_count);\n}\n\n",
            name, name, node->is_sent ? "CAPOS_CALL_CAPS_MAX" : "CAPOS_XFER_CAPS_MAX", node->data_words,
            node->pointer_count, name);
}

static void emit_list_functions(FILE *out, const struct ir_node *node)
{
    const char *name = node->c_name;
    fprintf(out,
            "int32_t %s_list_get(const struct capnp_list *list, size_t index, struct %s *out)\n{\n"
            "    if (index >= list->count)\n        return CAPOS_ERR_TOO_LARGE;\n"
            "    if (list->message == NULL) {\n        *out = ((const struct %s *)list->items)[index];\n"
            "        return CAPOS_OK;\n    }\n"
            "    struct capnp_struct from;\n"
            "    int32_t error = capnp_list_get_struct(list, index, &from);\n"
            "    return error < 0 ? error : read_%s(&from, out);\n}\n\n",
            name, name, name, name);
    fprintf(out,
            "int32_t %s_list_write(const struct capnp_struct_builder *to, uint16_t index, "
            "const struct capnp_list *list)\n{\n"
            "    if (list->count == 0 && list->items == NULL && list->message == NULL)\n        return "
            "CAPOS_OK;\n"
            "    struct capnp_list_builder elements;\n"
            "    int32_t error = capnp_write_list_struct(to, index, list->count, %u, %u, &elements);\n"
            "    for (size_t i = 0; error >= 0 && i < list->count; i++) {\n"
            "        struct %s element;\n"
            "        struct capnp_struct_builder at = capnp_list_builder_at(&elements, i);\n"
            "        error = %s_list_get(list, i, &element);\n"
            "        if (error >= 0)\n            error = write_%s(&at, &element);\n"
            "    }\n    return error;\n}\n\n",
            name, node->data_words, node->pointer_count, name, name, name);
    fprintf(out, "size_t %s_list_words(const struct capnp_list *list)\n{\n", name);
    fprintf(out,
            "    if (list->count == 0 && list->items == NULL && list->message == NULL)\n        return 0;\n"
            "    size_t words = 1 + list->count * %uu;\n",
            node->data_words + node->pointer_count);
    if (ir_has_content(node))
        fprintf(out,
                "    for (size_t i = 0; i < list->count; i++) {\n        struct %s element;\n"
                "        if (%s_list_get(list, i, &element) >= 0)\n            words += "
                "content_%s(&element);\n    }\n",
                name, name, name);
    fputs("    return words;\n}\n\n", out);
}

void emit_types(const struct ir_file *file)
{
    char *path = xprintf("%s_types.c", file->name);
    FILE *out = out_open(path);
    emit_banner(out, file);
    fprintf(out,
            "#include <capos/%s.h>\n#include <capos/errors.h>\n#include <capos/limits.h>\n"
            "#include \"shape.h\"\n\n",
            file->name);
    EACH_NODE(node, file, IR_NODE_STRUCT)
    {
        if (node->is_params && !ir_has_c_fields(node))
            continue;
        emit_read(out, file, node);
        emit_write(out, file, node);
        if (ir_has_content(node))
            emit_content(out, node);
        if (node->is_group)
            continue;
        emit_public(out, node);
        if (!node->is_params)
            emit_list_functions(out, node);
    }
    out_close(out, path);
}
