/* capos/NAME.h: ids, enums, handles, native structs, and the prototypes of codecs and clients. */
#include "emit.h"
#include "util.h"
#include <inttypes.h>
#include <string.h>

static void emit_const(FILE *out, const struct ir_node *node)
{
    emit_doc(out, node->doc, 0);
    switch (node->const_type.kind) {
    case IR_TEXT:
        fprintf(out, "#define %s \"", node->c_upper);
        for (const char *at = node->const_text; *at != 0; at++)
            fprintf(out, strchr("\"\\", *at) != NULL ? "\\%c" : *at < ' ' ? "\\%03o" : "%c", *at);
        fputs("\"\n", out);
        break;
    case IR_BOOL:
        fprintf(out, "#define %s %s\n", node->c_upper, node->const_bits != 0 ? "true" : "false");
        break;
    case IR_INT8:
    case IR_INT16:
    case IR_INT32:
    case IR_INT64: {
        unsigned shift = 64 - ir_kind_bits(node->const_type.kind);
        int64_t value = (int64_t)(node->const_bits << shift) >> shift;
        if (value == INT64_MIN)
            fprintf(out, "#define %s INT64_MIN\n", node->c_upper);
        else
            fprintf(out, "#define %s %s%" PRId64 "%s\n", node->c_upper, value < 0 ? "(" : "", value,
                    value < 0 ? ")" : "");
        break;
    }
    case IR_ENUM:
        fprintf(out, "#define %s ((enum %s)%" PRIu64 ")\n", node->c_upper, node->const_type.node->c_name,
                node->const_bits);
        break;
    case IR_UINT64:
        fprintf(out, "#define %s UINT64_C(%" PRIu64 ")\n", node->c_upper, node->const_bits);
        break;
    default:
        fprintf(out, "#define %s %" PRIu64 "u\n", node->c_upper, node->const_bits);
        break;
    }
    fputc('\n', out);
}

static void emit_enum(FILE *out, const struct ir_node *node)
{
    emit_doc(out, node->doc, 0);
    fprintf(out, "enum %s {\n", node->c_name);
    for (size_t i = 0; i < node->enumerant_count; i++) {
        emit_doc(out, node->enumerants[i].doc, 4);
        fprintf(out, "    %s_%s = %zu,\n", node->c_upper, node->enumerants[i].c_upper, i);
    }
    fputs("};\n", out);
    fprintf(
        out,
        "static inline int32_t %s_list_get(const struct capnp_list *list, size_t index, enum %s *out)\n{\n"
        "    uint32_t value = 0;\n"
        "    int32_t error = capnp_list_get_enum(list, index, &value);\n"
        "    *out = (enum %s)value;\n"
        "    return error;\n}\n\n",
        node->c_name, node->c_name, node->c_name);
}

static void emit_handle(FILE *out, const struct ir_node *node)
{
    const char *name = node->c_name;
    emit_doc(out, node->doc, 0);
    fprintf(out, "#define %s_INTERFACE_ID UINT64_C(0x%016" PRIx64 ")\n", node->c_upper, node->id);
    if (node->method_count != 0) {
        fputs("enum {\n", out);
        for (size_t i = 0; i < node->method_count; i++)
            fprintf(out, "    %s_%s = %zu,\n", node->c_upper, to_upper(node->methods[i].c_snake), i);
        fputs("};\n", out);
    }
    fprintf(out, "typedef struct {\n    uint32_t id;\n    uint32_t mode;\n} %s;\n", name);
    fprintf(out,
            "static inline cap_any %s_as_any(%s cap)\n{\n"
            "    cap_any any = {cap.id, cap.mode};\n    return any;\n}\n",
            name, name);
    fprintf(out,
            "static inline %s %s_moved(%s cap)\n{\n"
            "    cap.mode = CAPOS_XFER_MOVE;\n    return cap;\n}\n",
            name, name, name);
    fprintf(out,
            "static inline int32_t %s_list_get(const struct capnp_list *list, size_t index, %s *out)\n{\n"
            "    cap_any cap = {CAPNP_CAP_NONE, 0};\n"
            "    int32_t error = capnp_list_get_cap(list, index, %s_INTERFACE_ID, &cap);\n"
            "    out->id = cap.id;\n    out->mode = cap.mode;\n    return error;\n}\n\n",
            name, name, node->c_upper);
}

static void emit_tags(FILE *out, const struct ir_node *node)
{
    fprintf(out, "enum %s_tag {\n", node->c_name);
    for (unsigned tag = 0; tag < node->discriminant_count; tag++)
        for (size_t i = 0; i < node->field_count; i++)
            if (node->fields[i].discriminant == tag)
                fprintf(out, "    %s_%s = %u,\n", node->c_upper, node->fields[i].c_upper, tag);
    fputs("};\n", out);
}

static void emit_member(FILE *out, const struct ir_field *field, int indent)
{
    if (field->group == NULL && field->type.kind == IR_VOID)
        return;
    emit_doc(out, field->doc, indent);
    if (field->group != NULL)
        fprintf(out, "%*sstruct %s %s;\n", indent, "", field->group->c_name, field->c_name);
    else if (field->type.kind == IR_LIST)
        fprintf(out, "%*sstruct capnp_list %s; /* of %s */\n", indent, "", field->c_name,
                field->type.node != NULL ? field->type.node->path : ir_kind_name(field->type.element));
    else
        fprintf(out, "%*s%s %s;\n", indent, "", c_type(&field->type), field->c_name);
}

static void emit_presence(FILE *out, const struct ir_field *field)
{
    if (field->group == NULL && field->type.kind == IR_STRUCT)
        fprintf(out, "    bool has_%s;\n", to_snake(field->name));
}

/* Members outside of the union, then the union. What says that a struct in the union is there cannot itself
 * lie in the union. */
static void emit_members(FILE *out, const struct ir_node *node)
{
    for (size_t i = 0; i < node->field_count; i++) {
        emit_presence(out, &node->fields[i]);
        if (node->fields[i].discriminant == IR_NO_DISCRIMINANT)
            emit_member(out, &node->fields[i], 4);
    }
    if (node->discriminant_count != 0)
        fprintf(out, "    enum %s_tag which;\n", node->c_name);
    if (ir_union_c_fields(node) != 0) {
        fputs("    union {\n", out);
        for (size_t i = 0; i < node->field_count; i++)
            if (node->fields[i].discriminant != IR_NO_DISCRIMINANT)
                emit_member(out, &node->fields[i], 8);
        fputs("    };\n", out);
    }
    if (!ir_has_c_fields(node))
        fputs("    uint8_t no_fields; /* C has no empty structs */\n", out);
}

static void emit_codec_prototypes(FILE *out, const struct ir_node *node)
{
    const char *name = node->c_name;
    fprintf(out, "#define %s_DATA_WORDS %uu\n", node->c_upper, node->data_words);
    fprintf(out, "#define %s_POINTERS   %uu\n", node->c_upper, node->pointer_count);
    fprintf(out,
            "int32_t %s_decode(struct capnp_message *message, const void *bytes, size_t len,\n"
            "        const struct cap_transfer *caps, size_t cap_count, struct %s *out);\n",
            name, name);
    fprintf(out,
            "int32_t %s_encode(const struct %s *value, void *bytes, size_t limit,\n"
            "        struct cap_transfer *caps_out, size_t *cap_count);\n",
            name, name);
    fprintf(out, "size_t %s_size(const struct %s *value);\n", name, name);
    fprintf(out, "int32_t %s_read(struct capnp_struct from, struct %s *out);\n", name, name);
    fprintf(out, "int32_t %s_write(struct capnp_struct_builder to, const struct %s *value);\n", name, name);
    fprintf(out, "size_t %s_content_words(const struct %s *value);\n", name, name);
    if (!node->is_params) {
        fprintf(out, "int32_t %s_list_get(const struct capnp_list *list, size_t index, struct %s *out);\n",
                name, name);
        fprintf(out,
                "int32_t %s_list_write(const struct capnp_struct_builder *to, uint16_t index, "
                "const struct capnp_list *list);\n",
                name);
        fprintf(out, "size_t %s_list_words(const struct capnp_list *list);\n", name);
    }
    fputc('\n', out);
}

static void emit_struct(FILE *out, const struct ir_node *node)
{
    if (node->is_params && !ir_has_c_fields(node))
        return;
    if (node->discriminant_count != 0)
        emit_tags(out, node);
    if (!node->is_group)
        emit_doc(out, node->doc, 0);
    fprintf(out, "struct %s {\n", node->c_name);
    emit_members(out, node);
    fputs("};\n", out);
    if (node->is_group)
        fputc('\n', out);
    else
        emit_codec_prototypes(out, node);
}

static void emit_client_prototypes(FILE *out, const struct ir_node *interface)
{
    fprintf(out, "/* ---- Calls of %s ---- */\n\n", interface->path);
    for (size_t i = 0; i < interface->method_count; i++) {
        const struct ir_method *method = &interface->methods[i];
        emit_doc(out, method->doc, 0);
        fprintf(out, "int32_t %s_%s(", interface->c_name, method->c_snake);
        emit_call_params(out, interface, method, method_is_flat(method));
        fprintf(out, ");\nint32_t %s_%s_call(", interface->c_name, method->c_snake);
        emit_call_params(out, interface, method, false);
        fprintf(out, ");\nint32_t %s_%s_start(%s self", interface->c_name, method->c_snake,
                interface->c_name);
        if (ir_has_c_fields(method->params))
            fprintf(out, ", const struct %s *params", method->params->c_name);
        fprintf(out, ", struct cap_pending *pending);\n");
        fprintf(out, "int32_t %s_%s_finish(struct cap_pending *pending", interface->c_name, method->c_snake);
        if (ir_has_c_fields(method->results))
            fprintf(out, ", struct %s *results", method->results->c_name);
        fputs(");\n\n", out);
    }
}

static const char overview[] =
    "/*\n"
    " * For every struct T:\n"
    " *   T_decode   a framed message (len 0: all defaults) to native form. Views in *out point into `bytes` "
    "and at\n"
    " *              *message, which must outlive them; capability ids are those of `caps`. 0 or a negative\n"
    " *              capos_error: BAD_MESSAGE, UNALIGNED, WRONG_INTERFACE; *out is unspecified after an "
    "error.\n"
    " *   T_encode   native form to a framed message; bytes used, or TOO_LARGE (more than `limit` bytes, or "
    "more than\n"
    " *              that many capabilities), or BAD_MESSAGE (a list that is a view of a broken "
    "message).\n"
    " *              caps_out (CAPOS_CALL_CAPS_MAX records for a method's parameters, else "
    "CAPOS_XFER_CAPS_MAX;\n"
    " *              null: none allowed) and *cap_count (may be null with it) receive the capabilities in "
    "the "
    "order\n"
    " *              in which the message counts them.\n"
    " *   T_size     the bytes that T_encode needs.\n"
    " *   T_list_get element `index` of a list of T; TOO_LARGE if there is none.\n"
    " *   T_read, T_write, T_content_words, T_list_write, T_list_words: the same for a T inside a message.\n"
    " * Codecs never block and allocate nothing. A struct in a struct counts only if its has_ member is "
    "true; an unknown\n"
    " * union tag or enumerant is kept as its number, with the union zeroed.\n"
    " *\n"
    " * For every method m of an interface X (user space; X_m blocks the thread until the answer is there):\n"
    " *   X_m, X_m_call  0, or a negative capos_error: what cap_invoke answered, or what T_encode and "
    "T_decode refuse.\n"
    " *                  Parameters are borrowed for the call; handles with mode MOVE are gone if the call "
    "went out.\n"
    " *                  Handles in *results belong to the caller. `buffer` receives the answer: views in "
    "*results\n"
    " *                  point into it and live as long as it does (lib/capnp/stub_client.h: its fixed "
    "overhead).\n"
    " *   X_m_start      the same without waiting: *pending keeps everything until X_m_finish has run. Zero "
    "it before\n"
    " *                  its first use. TOO_LARGE: the parameters do not fit its request storage.\n"
    " *   X_m_finish     once pending->done is set: the results; views in them point into *pending. "
    "NOT_FOUND: not done.\n"
    " */\n";

void emit_header(const struct ir_file *file)
{
    char *path = xprintf("capos/%s.h", file->name);
    FILE *out = out_open(path);
    emit_banner(out, file);
    emit_doc(out, file->doc, 0);
    fputs(overview, out);
    fputs("#pragma once\n#include \"capnp.h\"\n#include <capos/ring.h>\n", out);
    for (size_t i = 0; i < file->import_count; i++)
        fprintf(out, "#include <capos/%s.h>\n", file->imports[i]->name);
    fputs("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nstruct cap_buffer;\nstruct cap_pending;\n\n", out);
    EACH_NODE(node, file, IR_NODE_ENUM)
    emit_enum(out, node);
    EACH_NODE(node, file, IR_NODE_CONST)
    emit_const(out, node);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    emit_handle(out, node);
    EACH_NODE(node, file, IR_NODE_STRUCT)
    emit_struct(out, node);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    emit_client_prototypes(out, node);
    fputs("#ifdef __cplusplus\n}\n#endif\n", out);
    out_close(out, path);
}
