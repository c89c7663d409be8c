/* reference/NAME.md: what a schema file says, for reading. */
#include "emit.h"
#include "util.h"
#include <inttypes.h>
#include <string.h>

/* A documentation comment as a paragraph. */
static void emit_text(FILE *out, const char *doc)
{
    size_t len = strlen(doc);
    while (len != 0 && doc[len - 1] == '\n')
        len--;
    if (len != 0)
        fprintf(out, "%.*s\n\n", (int)len, doc);
}

/* The same inside of a table cell. */
static void emit_cell(FILE *out, const char *doc)
{
    size_t len = strlen(doc);
    while (len != 0 && doc[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (doc[i] == '|')
            fputc('\\', out);
        fputc(doc[i] == '\n' ? ' ' : doc[i], out);
    }
}

static const char *default_text(const struct ir_field *field)
{
    if (field->default_bytes.bytes != NULL)
        return xprintf("\"%.*s\"", (int)field->default_bytes.len, (const char *)field->default_bytes.bytes);
    if (field->default_bits == 0)
        return "";
    switch (field->type.kind) {
    case IR_BOOL:
        return "true";
    case IR_ENUM:
        if (field->default_bits < field->type.node->enumerant_count)
            return field->type.node->enumerants[field->default_bits].name;
        return "";
    case IR_INT8:
    case IR_INT16:
    case IR_INT32:
    case IR_INT64: {
        unsigned shift = 64 - ir_kind_bits(field->type.kind);
        return xprintf("%" PRId64, (int64_t)(field->default_bits << shift) >> shift);
    }
    case IR_FLOAT32: {
        float value;
        uint32_t bits = (uint32_t)field->default_bits;
        memcpy(&value, &bits, sizeof value);
        return xprintf("%g", (double)value);
    }
    case IR_FLOAT64: {
        double value;
        memcpy(&value, &field->default_bits, sizeof value);
        return xprintf("%g", value);
    }
    default:
        return xprintf("%" PRIu64, field->default_bits);
    }
}

static void emit_field_rows(FILE *out, const struct ir_node *node, const char *prefix)
{
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        const char *name = xprintf("%s%s", prefix, field->name);
        if (field->group == NULL)
            fprintf(out, "| `%s` | %s | %s | ", name, ir_type_name(&field->type), default_text(field));
        else
            fprintf(out, "| `%s` | %s |  | ", name,
                    field->group->discriminant_count != 0 ? "union" : "group");
        if (field->discriminant != IR_NO_DISCRIMINANT)
            fputs("*one of.* ", out);
        emit_cell(out, field->doc);
        fputs(" |\n", out);
        if (field->group != NULL)
            emit_field_rows(out, field->group, xprintf("%s.", name));
    }
}

static void emit_struct(FILE *out, const struct ir_node *node)
{
    fprintf(out, "## struct %s\n\n", node->path);
    emit_text(out, node->doc);
    fprintf(out, "`struct %s`\n\n| field | type | default | |\n|---|---|---|---|\n", node->c_name);
    emit_field_rows(out, node, "");
    fputc('\n', out);
}

static void emit_enum(FILE *out, const struct ir_node *node)
{
    fprintf(out, "## enum %s\n\n", node->path);
    emit_text(out, node->doc);
    fprintf(out, "`enum %s`\n\n| value | name | |\n|---|---|---|\n", node->c_name);
    for (size_t i = 0; i < node->enumerant_count; i++) {
        fprintf(out, "| %zu | `%s` | ", i, node->enumerants[i].name);
        emit_cell(out, node->enumerants[i].doc);
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void emit_signature(FILE *out, const struct ir_node *list)
{
    fputc('(', out);
    for (size_t i = 0; i < list->field_count; i++) {
        const struct ir_field *field = &list->fields[i];
        bool is_group = field->group != NULL;
        const char *value = is_group ? "" : default_text(field);
        fprintf(out, "%s%s :%s%s%s", i == 0 ? "" : ", ", field->name,
                is_group ? "group" : ir_type_name(&field->type), value[0] != 0 ? " = " : "", value);
    }
    fputc(')', out);
}

static void emit_interface(FILE *out, const struct ir_node *node)
{
    fprintf(out, "## interface %s\n\n", node->path);
    emit_text(out, node->doc);
    fprintf(out, "Handle `%s`, interface id `0x%016" PRIx64 "`.\n\n", node->c_name, node->id);
    for (size_t i = 0; i < node->method_count; i++) {
        const struct ir_method *method = &node->methods[i];
        fprintf(out, "### %s.%s\n\n`%s @%zu ", node->path, method->name, method->name, i);
        emit_signature(out, method->params);
        fputs(" -> ", out);
        emit_signature(out, method->results);
        fputs("`\n\n", out);
        emit_text(out, method->doc);
        fprintf(out, "```c\nint32_t %s_%s(", node->c_name, method->c_snake);
        emit_call_params(out, node, method, method_is_flat(method));
        fputs(");\n```\n\n", out);
    }
}

static void emit_const(FILE *out, const struct ir_node *node)
{
    fprintf(out, "## const %s\n\n", node->path);
    emit_text(out, node->doc);
    if (node->const_type.kind == IR_TEXT)
        fprintf(out, "`%s` = \"%s\"\n\n", node->c_upper, node->const_text);
    else
        fprintf(out, "`%s` = %" PRIu64 "\n\n", node->c_upper, node->const_bits);
}

void emit_reference(const struct ir_file *file)
{
    char *path = xprintf("reference/%s.md", file->name);
    FILE *out = out_open(path);
    fprintf(out, "<!-- Generated by capnpc-capos: edit %s instead. -->\n# %s\n\n", file->path, file->name);
    emit_text(out, file->doc);
    fprintf(out, "C: `#include <capos/%s.h>`; servers: `#include <capos/%s_server.h>`.\n\n", file->name,
            file->name);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    emit_interface(out, node);
    EACH_NODE(node, file, IR_NODE_STRUCT)
    if (!node->is_group && !node->is_params)
        emit_struct(out, node);
    EACH_NODE(node, file, IR_NODE_ENUM)
    emit_enum(out, node);
    EACH_NODE(node, file, IR_NODE_CONST)
    emit_const(out, node);
    out_close(out, path);
}
