/* NAME_client.c: what a program calls. Encode, cap_invoke, decode; lib/capnp/stub_client.h has what all stubs
 * share. */
#include "emit.h"
#include "util.h"

enum {
    ROOT_WORDS = 2,            /* framing and the root pointer */
    RECORD_WORDS = 2,          /* one capability record behind the results */
    SPARE_RESPONSE_WORDS = 32, /* for an exception's reason, or results of a newer server */
};

static bool has_params(const struct ir_method *method)
{
    return ir_has_c_fields(method->params);
}

static bool has_results(const struct ir_method *method)
{
    return ir_has_c_fields(method->results);
}

/* Words for the request: exact if its size does not vary, otherwise the largest message there is. */
static const char *request_words(const struct ir_node *params)
{
    if (ir_has_content(params))
        return "CAPOS_MESSAGE_MAX_BYTES / CAPNP_WORD_BYTES";
    return xprintf("%u", (unsigned)(ROOT_WORDS + params->data_words + params->pointer_count));
}

static unsigned response_words(const struct ir_node *results)
{
    return (unsigned)(ROOT_WORDS + results->data_words + results->pointer_count + SPARE_RESPONSE_WORDS +
                      RECORD_WORDS * struct_cap_count(results));
}

static void emit_send(FILE *out, const struct ir_method *method)
{
    if (!has_params(method)) {
        fputs("    struct cap_message message;\n    cap_message_empty(&message);\n", out);
        return;
    }
    fprintf(out,
            "    struct cap_message message;\n    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];\n"
            "    uint64_t request[%s];\n    size_t cap_count = 0;\n"
            "    int32_t bytes = %s_encode(params, request, sizeof request, caps, &cap_count);\n"
            "    if (bytes < 0)\n        return bytes;\n"
            "    cap_message_params(&message, request, (size_t)bytes, caps, cap_count);\n",
            request_words(method->params), method->params->c_name);
}

static void emit_receive(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    bool in_buffer = ir_has_content(method->results);
    const char *method_id = xprintf("%s_%s", interface->c_upper, to_upper(method->c_snake));
    if (in_buffer)
        fputs("    struct cap_reply *reply = cap_reply_in(buffer, &message);\n"
              "    if (reply == NULL)\n        return CAPOS_ERR_RESULT_TRUNCATED;\n",
              out);
    else
        fprintf(out,
                "    uint64_t response[%u];\n    cap_message_results(&message, response, sizeof response);\n",
                response_words(method->results));
    fprintf(out, "    int32_t result = cap_invoke(self.id, %s, &message);\n", method_id);
    if (!has_results(method)) {
        fputs("    return result < 0 ? result : CAPOS_OK;\n", out);
        return;
    }
    fputs("    if (result < 0)\n        return result;\n", out);
    if (in_buffer)
        fprintf(
            out,
            "    cap_reply_keep_caps(reply, &message);\n"
            "    return %s_decode(&reply->reader, message.results, message.results_bytes, reply->caps_in,\n"
            "            message.caps_in_count, results);\n",
            method->results->c_name);
    else
        fprintf(out,
                "    struct capnp_message reader;\n"
                "    return %s_decode(&reader, message.results, message.results_bytes, message.caps_in,\n"
                "            message.caps_in_count, results);\n",
                method->results->c_name);
}

static void emit_call(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    fprintf(out, "int32_t %s_%s_call(", interface->c_name, method->c_snake);
    emit_call_params(out, interface, method, false);
    fputs(")\n{\n", out);
    if (!has_params(method) && !has_results(method)) {
        fprintf(out, "    return cap_invoke_empty(self.id, %s_%s);\n", interface->c_upper,
                to_upper(method->c_snake));
    } else {
        emit_send(out, method);
        emit_receive(out, interface, method);
    }
    fputs("}\n\n", out);
}

/* Fills `values`, the parameter struct, from the parameters of a flat call. */
static void emit_gather(FILE *out, const struct ir_node *params)
{
    fprintf(out, "    struct %s values;\n", params->c_name);
    for (size_t i = 0; i < params->field_count; i++) {
        const struct ir_field *field = &params->fields[i];
        const char *from = flat_name(field);
        if (field->type.kind == IR_VOID)
            continue;
        if (field->type.kind == IR_STRUCT)
            fprintf(out, "    values.has_%s = %s != NULL;\n    if (%s != NULL)\n        values.%s = *%s;\n",
                    to_snake(field->name), from, from, field->c_name, from);
        else
            fprintf(out, "    values.%s = %s;\n", field->c_name, from);
    }
}

static void emit_plain(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    bool flat = method_is_flat(method);
    fprintf(out, "int32_t %s_%s(", interface->c_name, method->c_snake);
    emit_call_params(out, interface, method, flat);
    fputs(")\n{\n", out);
    if (flat && has_params(method))
        emit_gather(out, method->params);
    fprintf(out, "    return %s_%s_call(self%s%s%s);\n}\n\n", interface->c_name, method->c_snake,
            !has_params(method) ? ""
            : flat              ? ", &values"
                                : ", params",
            has_results(method) ? ", results" : "", ir_has_content(method->results) ? ", buffer" : "");
}

static void emit_start(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    fprintf(out, "int32_t %s_%s_start(%s self%s%s%s, struct cap_pending *pending)\n{\n", interface->c_name,
            method->c_snake, interface->c_name, has_params(method) ? ", const struct " : "",
            has_params(method) ? method->params->c_name : "", has_params(method) ? " *params" : "");
    if (has_params(method))
        fprintf(out,
                "    size_t cap_count = 0;\n"
                "    int32_t bytes = %s_encode(params, pending->request, sizeof pending->request, "
                "pending->caps,\n"
                "            &cap_count);\n"
                "    if (bytes < 0)\n        return bytes;\n"
                "    cap_message_params(&pending->message, pending->request, (size_t)bytes, pending->caps, "
                "cap_count);\n",
                method->params->c_name);
    else
        fputs("    cap_message_empty(&pending->message);\n", out);
    fprintf(out,
            "    cap_pending_prepare(pending);\n"
            "    return cap_invoke_start(self.id, %s_%s, pending);\n}\n\n",
            interface->c_upper, to_upper(method->c_snake));
}

static void emit_finish(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    fprintf(out, "int32_t %s_%s_finish(struct cap_pending *pending%s%s%s)\n{\n", interface->c_name,
            method->c_snake, has_results(method) ? ", struct " : "",
            has_results(method) ? method->results->c_name : "", has_results(method) ? " *results" : "");
    fputs("    if (pending->done == 0)\n        return CAPOS_ERR_NOT_FOUND;\n", out);
    if (!has_results(method)) {
        fputs("    return pending->result < 0 ? pending->result : CAPOS_OK;\n}\n\n", out);
        return;
    }
    fprintf(
        out,
        "    if (pending->result < 0)\n        return pending->result;\n"
        "    return %s_decode(&pending->reader, pending->message.results, pending->message.results_bytes,\n"
        "            pending->message.caps_in, pending->message.caps_in_count, results);\n}\n\n",
        method->results->c_name);
}

void emit_client(const struct ir_file *file)
{
    char *path = xprintf("%s_client.c", file->name);
    FILE *out = out_open(path);
    emit_banner(out, file);
    fprintf(out, "#include <capos/%s.h>\n#include \"stub_client.h\"\n\n", file->name);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    {
        for (size_t i = 0; i < node->method_count; i++) {
            emit_call(out, node, &node->methods[i]);
            emit_plain(out, node, &node->methods[i]);
            emit_start(out, node, &node->methods[i]);
            emit_finish(out, node, &node->methods[i]);
        }
    }
    out_close(out, path);
}
