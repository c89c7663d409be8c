/* reflection.c: the whole schema as tables of lib/capnp/schema.h. */
#include "emit.h"
#include "util.h"
#include <inttypes.h>
#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
    uint64_t left = (*(const struct ir_node *const *)a)->id;
    uint64_t right = (*(const struct ir_node *const *)b)->id;
    return left < right ? -1 : left > right ? 1 : 0;
}

/* enum ir_kind and enum capnp_kind count alike. */
static unsigned kind_number(enum ir_kind kind)
{
    return (unsigned)kind;
}

enum { KIND_GROUP = IR_CAPABILITY + 1 };

static void emit_text(FILE *out, const char *text)
{
    if (text == NULL) {
        fputs("NULL", out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void emit_field(FILE *out, const struct ir_field *field)
{
    const struct ir_node *node = field->group != NULL ? field->group : field->type.node;
    fprintf(out, "    {.name = \"%s\", .doc = ", field->name);
    emit_text(out, field->doc);
    fprintf(out, ", .node = UINT64_C(0x%016" PRIx64 "), .default_bits = UINT64_C(0x%" PRIx64 "),\n     ",
            node == NULL ? 0 : node->id, field->default_bits);
    fprintf(out, ".offset = %u, .discriminant = %u, .kind = %u, .element = %u},\n", field->offset,
            field->discriminant, field->group != NULL ? KIND_GROUP : kind_number(field->type.kind),
            field->group == NULL && field->type.kind == IR_LIST ? kind_number(field->type.element) : 0);
}

static void emit_fields(FILE *out, const struct ir_node *node)
{
    fprintf(out, "static const struct capnp_schema_field fields_%016" PRIx64 "[] = {\n", node->id);
    for (size_t i = 0; i < node->field_count; i++)
        emit_field(out, &node->fields[i]);
    fputs("};\n", out);
}

static void emit_enumerants(FILE *out, const struct ir_node *node)
{
    fprintf(out, "static const char *const enumerants_%016" PRIx64 "[] = {", node->id);
    for (size_t i = 0; i < node->enumerant_count; i++)
        fprintf(out, "%s\"%s\"", i == 0 ? "" : ", ", node->enumerants[i].name);
    fputs("};\n", out);
}

static void emit_methods(FILE *out, const struct ir_node *node)
{
    fprintf(out, "static const struct capnp_schema_method methods_%016" PRIx64 "[] = {\n", node->id);
    for (size_t i = 0; i < node->method_count; i++) {
        const struct ir_method *method = &node->methods[i];
        fprintf(out, "    {\"%s\", ", method->name);
        emit_text(out, method->doc);
        fprintf(out, ", UINT64_C(0x%016" PRIx64 "), UINT64_C(0x%016" PRIx64 ")},\n", method->params->id,
                method->results->id);
    }
    fputs("};\n", out);
}

static size_t member_count(const struct ir_node *node)
{
    return node->kind == IR_NODE_STRUCT ? node->field_count
           : node->kind == IR_NODE_ENUM ? node->enumerant_count
                                        : node->method_count;
}

static void emit_members(FILE *out, const struct ir_node *node)
{
    if (member_count(node) == 0)
        return;
    if (node->kind == IR_NODE_STRUCT)
        emit_fields(out, node);
    else if (node->kind == IR_NODE_ENUM)
        emit_enumerants(out, node);
    else
        emit_methods(out, node);
}

static void emit_node(FILE *out, const struct ir_node *node)
{
    static const char *const kinds[] = {
        [IR_NODE_STRUCT] = "STRUCT", [IR_NODE_ENUM] = "ENUM", [IR_NODE_INTERFACE] = "INTERFACE"};
    static const char *const members[] = {
        [IR_NODE_STRUCT] = "fields", [IR_NODE_ENUM] = "enumerants", [IR_NODE_INTERFACE] = "methods"};
    fprintf(out, "    {.id = UINT64_C(0x%016" PRIx64 "), .name = \"%s\", .doc = ", node->id, node->path);
    emit_text(out, node->doc);
    fprintf(out, ",\n     .kind = CAPNP_NODE_%s", kinds[node->kind]);
    if (node->kind == IR_NODE_STRUCT)
        fprintf(
            out,
            ", .data_words = %u, .pointer_count = %u, .discriminant_count = %u, .discriminant_offset = %u",
            node->data_words, node->pointer_count, node->discriminant_count, node->discriminant_offset);
    if (member_count(node) != 0)
        fprintf(out, ",\n     .%s = %s_%016" PRIx64 ", .count = %zu", members[node->kind],
                members[node->kind], node->id, member_count(node));
    fputs("},\n", out);
}

static bool is_described(const struct ir_node *node)
{
    return node->file != NULL && node->file->requested &&
           (node->kind == IR_NODE_STRUCT || node->kind == IR_NODE_ENUM || node->kind == IR_NODE_INTERFACE);
}

void emit_reflection(const struct ir *ir)
{
    const struct ir_node **nodes = xcalloc(ir->node_count, sizeof(*nodes));
    size_t count = 0;
    for (size_t i = 0; i < ir->node_count; i++)
        if (is_described(ir->nodes[i]))
            nodes[count++] = ir->nodes[i];
    qsort(nodes, count, sizeof *nodes, by_id);
    FILE *out = out_open("reflection.c");
    fputs("/* Generated by capnpc-capos: edit schema/ instead. */\n#include <schema.h>\n\n", out);
    for (size_t i = 0; i < count; i++)
        emit_members(out, nodes[i]);
    fputs("\nconst struct capnp_schema_node capnp_schema_nodes[] = {\n", out);
    for (size_t i = 0; i < count; i++)
        emit_node(out, nodes[i]);
    if (count == 0)
        fputs("    {.id = 0},\n", out);
    fprintf(out, "};\nconst size_t capnp_schema_node_count = %zu;\n", count);
    out_close(out, "reflection.c");
}
