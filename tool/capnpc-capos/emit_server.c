/* capos/NAME_server.h and NAME_server.c: the ops struct of an interface, its dispatch function, deferred
 * replies. */
#include "emit.h"
#include "util.h"

static bool has_params(const struct ir_method *method)
{
    return ir_has_c_fields(method->params);
}

static bool has_results(const struct ir_method *method)
{
    return ir_has_c_fields(method->results);
}

static void emit_reply_prototype(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    fprintf(out, "int32_t %s_%s_reply(struct cap_call *call", interface->c_name, method->c_snake);
    if (has_results(method))
        fprintf(out, ", const struct %s *results", method->results->c_name);
    fputc(')', out);
}

static void emit_dispatch_prototype(FILE *out, const struct ir_node *interface)
{
    fprintf(out,
            "int32_t %s_dispatch(const struct %s_server *server, void *self, uint16_t method_id,\n"
            "        struct cap_call *call)",
            interface->c_name, interface->c_name);
}

static void emit_ops(FILE *out, const struct ir_node *interface)
{
    fprintf(out, "struct %s_server {\n", interface->c_name);
    for (size_t i = 0; i < interface->method_count; i++) {
        const struct ir_method *method = &interface->methods[i];
        emit_doc(out, method->doc, 4);
        fprintf(out, "    int32_t (*%s)(void *self, struct cap_call *call", method->c_name);
        if (has_params(method))
            fprintf(out, ", const struct %s *params", method->params->c_name);
        if (has_results(method))
            fprintf(out, ", struct %s *results", method->results->c_name);
        fputs(");\n", out);
    }
    if (interface->method_count == 0)
        fputs("    uint8_t no_methods; /* C has no empty structs */\n", out);
    fputs("};\n\n", out);
}

static const char overview[] =
    "/*\n"
    " * For every interface X: fill a struct X_server with functions (null: the method answers "
    "`unimplemented`) and hand\n"
    " * calls to X_dispatch. It decodes the parameters, so that a function only ever sees well-formed ones "
    "with\n"
    " * capabilities of the right interfaces, runs the function, and encodes its results. A function "
    "returns\n"
    " *   0                 done; *results (zeroed before) is encoded at once, so what it points at must "
    "live until then\n"
    " *   CAP_CALL_PENDING  it will answer later with X_m_reply; nothing is encoded. *params and all its "
    "views end with\n"
    " *                     the function: copy what is still needed\n"
    " *   negative          the call fails with this capos_error; cap_call_fail makes an exception\n"
    " * X_dispatch returns that, or the number of bytes encoded, or BAD_MESSAGE, UNALIGNED, WRONG_INTERFACE "
    "(bad\n"
    " * parameters), RESULT_TRUNCATED (results_bytes says how many bytes were needed), TOO_LARGE (too many "
    "capabilities).\n"
    " * X_m_reply returns what dispatch would have. Neither blocks nor allocates.\n"
    " */\n";

void emit_server_header(const struct ir_file *file)
{
    char *path = xprintf("capos/%s_server.h", file->name);
    FILE *out = out_open(path);
    emit_banner(out, file);
    fputs(overview, out);
    fprintf(out, "#pragma once\n#include <call.h>\n#include <capos/%s.h>\n\n", file->name);
    fputs("#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", out);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    {
        emit_ops(out, node);
        emit_dispatch_prototype(out, node);
        fputs(";\n", out);
        for (size_t i = 0; i < node->method_count; i++) {
            emit_reply_prototype(out, node, &node->methods[i]);
            fputs(";\n", out);
        }
        fputc('\n', out);
    }
    fputs("#ifdef __cplusplus\n}\n#endif\n", out);
    out_close(out, path);
}

static void emit_reply(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    emit_reply_prototype(out, interface, method);
    if (!has_results(method)) {
        fputs("\n{\n    return cap_call_answer(call, 0, 0);\n}\n\n", out);
        return;
    }
    const char *results = method->results->c_name;
    fprintf(out,
            "\n{\n    size_t cap_count = 0;\n"
            "    int32_t bytes = %s_encode(results, call->results, call->results_limit, call->caps_out, "
            "&cap_count);\n"
            "    if (bytes < 0)\n        return cap_call_unanswered(call, bytes, %s_size(results));\n"
            "    return cap_call_answer(call, bytes, cap_count);\n}\n\n",
            results, results);
}

/* A method without parameters and results: nothing but the operation, as a tail call; a message that came
 * nevertheless is looked at elsewhere. */
static void emit_empty_method(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    const char *name = interface->c_name;
    fprintf(out,
            "static __attribute__((noinline)) int32_t check_%s_%s(const struct %s_server *server, void "
            "*self, struct cap_call *call)\n{\n"
            "    int32_t error = capnp_message_check(call->params, call->params_bytes);\n"
            "    return error < 0 ? error : server->%s(self, call);\n}\n\n",
            name, method->c_snake, name, method->c_name);
    fprintf(out,
            "static int32_t run_%s_%s(const struct %s_server *server, void *self, struct cap_call *call)\n{\n"
            "    if (server->%s == NULL)\n        return no_such_method_%s(call);\n"
            "    if (__builtin_expect(call->params_bytes != 0, 0))\n        return check_%s_%s(server, self, "
            "call);\n"
            "    return server->%s(self, call);\n}\n\n",
            name, method->c_snake, name, method->c_name, name, name, method->c_snake, method->c_name);
}

/* The function of one method: decode, run, reply. */
static void emit_method(FILE *out, const struct ir_node *interface, const struct ir_method *method)
{
    if (!has_params(method) && !has_results(method)) {
        emit_empty_method(out, interface, method);
        return;
    }
    fprintf(out,
            "static int32_t run_%s_%s(const struct %s_server *server, void *self, struct cap_call *call)\n{\n"
            "    if (server->%s == NULL)\n        return no_such_method_%s(call);\n",
            interface->c_name, method->c_snake, interface->c_name, method->c_name, interface->c_name);
    if (has_params(method))
        fprintf(out,
                "    struct capnp_message message;\n    struct %s params;\n"
                "    int32_t error = %s_decode(&message, call->params, call->params_bytes, call->caps_in,\n"
                "            call->caps_in_count, &params);\n"
                "    if (error < 0)\n        return error;\n",
                method->params->c_name, method->params->c_name);
    else
        fputs("    if (__builtin_expect(call->params_bytes != 0, 0)) {\n"
              "        int32_t error = capnp_message_check(call->params, call->params_bytes);\n"
              "        if (error < 0)\n            return error;\n    }\n",
              out);
    const char *params = has_params(method) ? ", &params" : "";
    if (!has_results(method)) { /* dispatch has already answered with nothing */
        fprintf(out, "    return server->%s(self, call%s);\n}\n\n", method->c_name, params);
        return;
    }
    fprintf(out,
            "    struct %s results;\n    __builtin_memset(&results, 0, sizeof results);\n"
            "    int32_t result = server->%s(self, call%s, &results);\n"
            "    return result != CAPOS_OK ? result : %s_%s_reply(call, &results);\n}\n\n",
            method->results->c_name, method->c_name, params, interface->c_name, method->c_snake);
}

static void emit_dispatch(FILE *out, const struct ir_node *interface)
{
    fprintf(
        out,
        "static int32_t no_such_method_%s(struct cap_call *call)\n{\n"
        "    return cap_call_fail(call, CAPOS_EXCEPTION_UNIMPLEMENTED, \"%s has no such method\");\n}\n\n",
        interface->c_name, interface->path);
    for (size_t i = 0; i < interface->method_count; i++) {
        emit_reply(out, interface, &interface->methods[i]);
        emit_method(out, interface, &interface->methods[i]);
    }
    emit_dispatch_prototype(out, interface);
    fputs("\n{\n    call->results_bytes = 0;\n    call->caps_out_count = 0;\n", out);
    if (interface->method_count == 0)
        fputs("    (void)server;\n    (void)self;\n", out);
    fputs("    switch (method_id) {\n", out);
    for (size_t i = 0; i < interface->method_count; i++) {
        const struct ir_method *method = &interface->methods[i];
        fprintf(out, "    case %s_%s:\n        return run_%s_%s(server, self, call);\n", interface->c_upper,
                to_upper(method->c_snake), interface->c_name, method->c_snake);
    }
    fprintf(out, "    default:\n        return no_such_method_%s(call);\n    }\n}\n\n", interface->c_name);
}

void emit_server(const struct ir_file *file)
{
    char *path = xprintf("%s_server.c", file->name);
    FILE *out = out_open(path);
    emit_banner(out, file);
    fprintf(out, "#include <capos/%s_server.h>\n#include \"stub_server.h\"\n\n", file->name);
    EACH_NODE(node, file, IR_NODE_INTERFACE)
    emit_dispatch(out, node);
    out_close(out, path);
}
