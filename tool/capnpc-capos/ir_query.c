/* Questions about the IR, and its dump. See ir.h. */
#include "ir.h"
#include "util.h"

struct kind_info {
    const char *name;
    uint8_t bits;
    bool is_pointer;
};

static const struct kind_info kinds[] = {
    [IR_VOID] = {"Void", 0, false},
    [IR_BOOL] = {"Bool", 1, false},
    [IR_INT8] = {"Int8", 8, false},
    [IR_INT16] = {"Int16", 16, false},
    [IR_INT32] = {"Int32", 32, false},
    [IR_INT64] = {"Int64", 64, false},
    [IR_UINT8] = {"UInt8", 8, false},
    [IR_UINT16] = {"UInt16", 16, false},
    [IR_UINT32] = {"UInt32", 32, false},
    [IR_UINT64] = {"UInt64", 64, false},
    [IR_FLOAT32] = {"Float32", 32, false},
    [IR_FLOAT64] = {"Float64", 64, false},
    [IR_TEXT] = {"Text", 64, true},
    [IR_DATA] = {"Data", 64, true},
    [IR_LIST] = {"List", 64, true},
    [IR_ENUM] = {"enum", 16, false},
    [IR_STRUCT] = {"struct", 64, true},
    [IR_INTERFACE] = {"interface", 64, true},
    [IR_CAPABILITY] = {"Capability", 64, true},
};

const char *ir_kind_name(enum ir_kind kind)
{
    return kinds[kind].name;
}

bool ir_is_pointer(enum ir_kind kind)
{
    return kinds[kind].is_pointer;
}

unsigned ir_kind_bits(enum ir_kind kind)
{
    return kinds[kind].bits;
}

const char *ir_type_name(const struct ir_type *type)
{
    if (type->kind == IR_LIST)
        return xprintf("List(%s)", type->node != NULL ? type->node->path : kinds[type->element].name);
    return type->node != NULL ? type->node->path : kinds[type->kind].name;
}

bool ir_has_c_fields(const struct ir_node *node)
{
    for (size_t i = 0; i < node->field_count; i++)
        if (node->fields[i].group != NULL || node->fields[i].type.kind != IR_VOID)
            return true;
    return node->discriminant_count != 0;
}

bool ir_has_content(const struct ir_node *node)
{
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        if (field->group != NULL) {
            if (ir_has_content(field->group)) /* groups nest as deep as the schema's text does */
                return true;
            continue;
        }
        enum ir_kind kind = field->type.kind;
        if (kind == IR_TEXT || kind == IR_DATA || kind == IR_LIST || kind == IR_STRUCT)
            return true;
    }
    return false;
}

size_t ir_union_c_fields(const struct ir_node *node)
{
    size_t count = 0;
    for (size_t i = 0; i < node->field_count; i++) {
        const struct ir_field *field = &node->fields[i];
        if (field->discriminant != IR_NO_DISCRIMINANT &&
            (field->group != NULL || field->type.kind != IR_VOID))
            count++;
    }
    return count;
}

static void dump_field(const struct ir_field *field, FILE *out)
{
    fprintf(out, "    field %s @%d %s", field->name, field->ordinal, field->c_name);
    if (field->group != NULL)
        fprintf(out, " group %s", field->group->c_name);
    else
        fprintf(out, " %s offset %u default 0x%llx", ir_type_name(&field->type), field->offset,
                (unsigned long long)field->default_bits);
    if (field->discriminant != IR_NO_DISCRIMINANT)
        fprintf(out, " tag %u", field->discriminant);
    fputc('\n', out);
}

static void dump_node(const struct ir_node *node, FILE *out)
{
    static const char *const names[] = {"other", "struct", "enum", "interface", "const"};
    fprintf(out, "  %s%s %s 0x%016llx %s",
            node->is_group    ? "group "
            : node->is_params ? "params "
                              : "",
            names[node->kind], node->path, (unsigned long long)node->id, node->c_name);
    if (node->kind == IR_NODE_STRUCT)
        fprintf(out, " data %u pointers %u", node->data_words, node->pointer_count);
    if (node->discriminant_count != 0)
        fprintf(out, " union of %u at %u", node->discriminant_count, node->discriminant_offset);
    if (node->kind == IR_NODE_CONST)
        fprintf(out, " %s 0x%llx", ir_type_name(&node->const_type), (unsigned long long)node->const_bits);
    fputc('\n', out);
    for (size_t i = 0; i < node->field_count; i++)
        dump_field(&node->fields[i], out);
    for (size_t i = 0; i < node->enumerant_count; i++)
        fprintf(out, "    enumerant %s = %zu\n", node->enumerants[i].name, i);
    for (size_t i = 0; i < node->method_count; i++)
        fprintf(out, "    method %s @%zu %s -> %s\n", node->methods[i].name, i,
                node->methods[i].params->c_name, node->methods[i].results->c_name);
}

void ir_dump(const struct ir *ir, FILE *out)
{
    for (size_t i = 0; i < ir->file_count; i++) {
        const struct ir_file *file = &ir->files[i];
        fprintf(out, "file %s 0x%016llx%s\n", file->path, (unsigned long long)file->id,
                file->requested ? "" : " (only imported)");
        for (size_t k = 0; k < file->import_count; k++)
            fprintf(out, "  import %s\n", file->imports[k]->path);
        for (const struct ir_node *node = file->first; node != NULL; node = node->next_in_file)
            dump_node(node, out);
    }
}
