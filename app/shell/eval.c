#include "eval.h"
#include "suggest.h"
#include <capnp/show.h>
#include <capos/print.h>
#include <capos/system.h>
#include <stdarg.h>
#include <string.h>

enum { PRINT_BYTES = 1024 };

void eval_print(const struct eval *eval, const char *format, ...)
{
    char text[PRINT_BYTES];
    va_list args;
    va_start(args, format);
    int len = capos_vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t shown = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    eval->system->write(eval->system->self, text, shown);
}

static const struct capnp_schema_node *find_node(const struct eval *eval, uint64_t id)
{
    return eval->system->schema.find(eval->system->schema.self, id);
}

const char *eval_interface_name(struct eval *eval, uint64_t interface_id)
{
    static char unknown[24];
    const struct capnp_schema_node *node = find_node(eval, interface_id);
    if (node != NULL)
        return node->name;
    (void)capos_snprintf(unknown, sizeof unknown, "0x%016llx", (unsigned long long)interface_id);
    return unknown;
}

/* ---- Temporaries. */

void eval_begin(struct eval *eval, const struct shell_system *system, struct names *names, struct line *line)
{
    eval->system = system;
    eval->names = names;
    eval->line = line;
    eval->temporary_count = 0;
    eval->results_node = 0;
    eval->called[0] = '\0';
    eval->message = (struct cap_message){0};
    eval->build.schema = &system->schema;
}

static void give_up(const struct eval *eval, struct held held)
{
    if (held.id != CAPNP_CAP_NONE)
        eval->system->release(eval->system->self, held.id);
    if (held.revoker != CAPNP_CAP_NONE)
        eval->system->release(eval->system->self, held.revoker);
}

void eval_end(struct eval *eval)
{
    for (size_t i = 0; i < eval->temporary_count; i++)
        give_up(eval, eval->temporary[i]);
    eval->temporary_count = 0;
}

void eval_keep(struct eval *eval, uint32_t cap_id)
{
    for (size_t i = 0; i < eval->temporary_count; i++)
        if (eval->temporary[i].id == cap_id)
            eval->temporary[i] = (struct held){0};
}

static bool add_temporary(struct eval *eval, struct held held)
{
    if (eval->temporary_count == EVAL_TEMPORARY_MAX) {
        give_up(eval, held);
        return false;
    }
    eval->temporary[eval->temporary_count++] = held;
    return true;
}

/* What a call brought belongs to the evaluation at once, whatever becomes of it. */
static bool take_in_caps(struct eval *eval)
{
    bool all = true;
    for (size_t i = 0; i < eval->message.caps_in_count; i++)
        all = add_temporary(eval, (struct held){.id = eval->message.caps_in[i].id,
                                                .interface_id = eval->message.caps_in[i].interface_id}) &&
              all;
    return all;
}

/* ---- Results. */

size_t eval_result_caps(struct eval *eval, struct held *out, size_t limit)
{
    const struct capnp_schema_node *node = find_node(eval, eval->results_node);
    struct capnp_message message;
    struct capnp_struct root;
    cap_any cap;
    size_t count = 0;
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT ||
        capnp_message_open(&message, eval->results, eval->message.results_bytes, eval->message.caps_in,
                           eval->message.caps_in_count, &root) < 0)
        return 0;
    for (uint32_t i = 0; i < node->count && count < limit; i++) {
        const struct capnp_schema_field *field = &node->fields[i];
        if ((field->kind != CAPNP_KIND_INTERFACE && field->kind != CAPNP_KIND_CAPABILITY) ||
            capnp_read_cap(&root, (uint16_t)field->offset, 0, &cap) < 0 || cap.id == CAPNP_CAP_NONE)
            continue;
        out[count] = (struct held){.id = cap.id, .interface_id = field->node};
        for (size_t j = 0; j < eval->message.caps_in_count; j++)
            if (eval->message.caps_in[j].id == cap.id)
                out[count].interface_id = eval->message.caps_in[j].interface_id;
        count++;
    }
    return count;
}

bool eval_result_good(struct eval *eval, uint32_t at, uint32_t len)
{
    const struct capnp_schema_node *node = find_node(eval, eval->results_node);
    struct capnp_message message;
    struct capnp_struct root;
    if (node == NULL || node->kind != CAPNP_NODE_STRUCT)
        return true;
    const struct capnp_schema_field *field = capnp_field_named(node, capnp_text_of("status"));
    if (field == NULL || field->kind != CAPNP_KIND_ENUM ||
        capnp_message_open(&message, eval->results, eval->message.results_bytes, eval->message.caps_in,
                           eval->message.caps_in_count, &root) < 0)
        return true;
    uint16_t status = (uint16_t)(capnp_get_u16(&root, field->offset * 2) ^ field->default_bits);
    if (status == 0)
        return true;
    node = find_node(eval, field->node);
    const char *name = node != NULL && node->kind == CAPNP_NODE_ENUM && status < node->count
                           ? node->enumerants[status]
                           : "not ok";
    return problem_set(&eval->line->problem, at, len, "%s: %s", eval->called, name);
}

/* ---- Values. */

static bool eval_list(struct eval *eval, const struct node *first, struct capnp_value **out)
{
    *out = NULL;
    for (const struct node *node = first; node != NULL; node = node->next) {
        if (!eval_value(eval, node, out))
            return false;
        out = &(*out)->next;
    }
    return true;
}

/* Values nest, and capabilities have arguments: calls itself as deep as the parser lets a line nest. */
bool eval_value(struct eval *eval, const struct node *node, struct capnp_value **out)
{
    struct capnp_value *value = &eval->values[node - eval->line->nodes];
    struct held held = {0};
    struct capnp_value *first = NULL;
    if (node->kind == CAPNP_VALUE_CAP && !eval_cap(eval, node, &held))
        return false;
    if (!eval_list(eval, node->first, &first))
        return false;
    *value = (struct capnp_value){.kind = node->kind,
                                  .negative = node->negative,
                                  .magnitude = node->magnitude,
                                  .real = node->real,
                                  .bytes = node->text,
                                  .cap = {held.id, CAPOS_XFER_COPY},
                                  .interface_id = held.interface_id,
                                  .name = node->name,
                                  .first = first,
                                  .at = node->at};
    *out = value;
    return true;
}

/* ---- Calls. */

/* "a, b, c" into the problem's text. */
static bool refuse_method(struct eval *eval, const struct capnp_schema_node *interface,
                          struct capnp_text method, uint32_t at, uint32_t len)
{
    struct problem *problem = &eval->line->problem;
    (void)problem_set(problem, at, len, "%s has no method %.*s; it has", interface->name, (int)method.len,
                      method.bytes);
    for (uint32_t i = 0; i < interface->count; i++) {
        size_t used = strlen(problem->text);
        (void)capos_snprintf(problem->text + used, sizeof problem->text - used, "%s %s", i == 0 ? "" : ",",
                             interface->methods[i].name);
    }
    return false;
}

static bool find_method(struct eval *eval, struct held target, struct capnp_text method, uint32_t at,
                        uint32_t len, uint16_t *number, struct capnp_schema_method *out)
{
    const struct capnp_schema_node *interface = find_node(eval, target.interface_id);
    if (interface == NULL || interface->kind != CAPNP_NODE_INTERFACE)
        return problem_set(&eval->line->problem, at, len, "the registry does not know interface 0x%016llx",
                           (unsigned long long)target.interface_id);
    for (uint32_t i = 0; i < interface->count; i++) {
        if (!syntax_text_is(method, interface->methods[i].name))
            continue;
        *number = (uint16_t)i;
        *out = interface->methods[i];
        (void)capos_snprintf(eval->called, sizeof eval->called, "%s.%s", interface->name, out->name);
        return true;
    }
    return refuse_method(eval, interface, method, at, len);
}

static bool build_params(struct eval *eval, const struct capnp_schema_method *method,
                         const struct capnp_value *members, uint32_t at, uint32_t len, size_t *bytes,
                         size_t *caps)
{
    int32_t built = capnp_build_message(&eval->build, method->params, members, eval->params,
                                        CAPOS_MESSAGE_MAX_BYTES, eval->caps, CAPOS_CALL_CAPS_MAX, caps);
    if (built < 0) {
        const struct capnp_value *wrong = eval->build.wrong;
        return problem_set(&eval->line->problem, wrong == NULL || wrong == members ? at : wrong->at,
                           wrong == NULL || wrong == members ? len : 1, "%s: %s", eval->called,
                           eval->build.error);
    }
    *bytes = (size_t)built;
    return true;
}

static bool invoke(struct eval *eval, struct held target, uint16_t number, uint32_t at, uint32_t len)
{
    const struct shell_system *system = eval->system;
    int32_t result = system->invoke(system->self, target.id, number, &eval->message);
    if (result < 0) {
        eval->message.results_bytes = 0;
        eval->message.caps_in_count = 0;
        return problem_set(&eval->line->problem, at, len, "%s: %s", eval->called,
                           system->why(system->self, result));
    }
    return take_in_caps(eval) ||
           problem_set(&eval->line->problem, at, len, "too many capabilities in one line");
}

bool eval_method(struct eval *eval, struct held target, struct capnp_text method,
                 const struct capnp_value *members, uint32_t at, uint32_t len)
{
    struct capnp_schema_method found;
    uint16_t number;
    size_t bytes = 0, caps = 0;
    if (!find_method(eval, target, method, at, len, &number, &found) ||
        !build_params(eval, &found, members, at, len, &bytes, &caps))
        return false;
    eval->results_node = found.results;
    eval->message = (struct cap_message){.params = eval->params,
                                         .params_bytes = bytes,
                                         .caps = eval->caps,
                                         .cap_count = caps,
                                         .results = eval->results,
                                         .results_limit = sizeof eval->results};
    return invoke(eval, target, number, at, len);
}

/* ---- Steps. */

static bool step_call(struct eval *eval, const struct step *step, struct held target)
{
    struct capnp_value members = {.kind = CAPNP_VALUE_STRUCT};
    return eval_list(eval, step->args, &members.first) &&
           eval_method(eval, target, step->method, &members, step->at, step->len);
}

/* The one capability that the results hold. */
static bool take_result(struct eval *eval, const struct step *step, struct held *out)
{
    struct held caps[2];
    if (!eval_result_good(eval, step->at, step->len))
        return false;
    size_t count = eval_result_caps(eval, caps, 2);
    if (count != 1)
        return problem_set(&eval->line->problem, step->at, step->len,
                           count == 0 ? "%s gives no capability"
                                      : "%s gives several capabilities: name them with let a, b = ...",
                           eval->called);
    *out = caps[0];
    return true;
}

static bool step_readonly(struct eval *eval, const struct step *step, struct held *held)
{
    const struct capnp_schema_node *interface = find_node(eval, held->interface_id);
    bool has = false;
    for (uint32_t i = 0; interface != NULL && interface->kind == CAPNP_NODE_INTERFACE && i < interface->count;
         i++)
        has = has || strcmp(interface->methods[i].name, "readOnly") == 0;
    if (!has)
        return problem_set(&eval->line->problem, step->at, step->len,
                           "%s has no readOnly: it cannot be narrowed so",
                           eval_interface_name(eval, held->interface_id));
    const struct capnp_value nothing = {.kind = CAPNP_VALUE_STRUCT};
    return eval_method(eval, *held, capnp_text_of("readOnly"), &nothing, step->at, step->len) &&
           take_result(eval, step, held);
}

/* A facet of it, and the means to revoke that. */
static bool step_revocable(struct eval *eval, const struct step *step, struct held *held)
{
    const struct name *manager = names_of_interface(eval->names, CAP_CAPABILITY_MANAGER_INTERFACE_ID);
    if (manager == NULL)
        return problem_set(&eval->line->problem, step->at, step->len,
                           "the shell holds no CapabilityManager to make it revocable with");
    struct capnp_value cap = {.kind = CAPNP_VALUE_CAP,
                              .cap = {held->id, CAPOS_XFER_COPY},
                              .interface_id = held->interface_id,
                              .at = step->at};
    const struct capnp_value members = {.kind = CAPNP_VALUE_STRUCT, .first = &cap};
    struct held caps[2] = {{0}};
    if (!eval_method(eval, manager->held, capnp_text_of("makeRevocable"), &members, step->at, step->len))
        return false;
    if (eval_result_caps(eval, caps, 2) != 2)
        return problem_set(&eval->line->problem, step->at, step->len, "makeRevocable gave no facet");
    eval_keep(eval, caps[0].id);
    eval_keep(eval, caps[1].id);
    *held = (struct held){caps[0].id, held->interface_id, caps[1].id};
    return add_temporary(eval, *held) ||
           problem_set(&eval->line->problem, step->at, step->len, "too many capabilities in one line");
}

static bool refuse_name(struct eval *eval, const struct node *node)
{
    struct suggestion meant;
    suggest_begin(&meant, node->text);
    for (size_t i = 0; i < eval->names->count; i++)
        suggest_offer(&meant, eval->names->items[i].name);
    return problem_set(&eval->line->problem, node->at, node->len,
                       "the shell holds nothing called %.*s; %s%s%s", (int)node->text.len, node->text.bytes,
                       meant.best == NULL ? "caps lists what it holds" : "did you mean @",
                       meant.best == NULL ? "" : meant.best, meant.best == NULL ? "" : "?");
}

bool eval_call(struct eval *eval, const struct node *node, struct held *out, bool *called)
{
    const struct name *name = names_find(eval->names, node->text);
    *called = false;
    if (name == NULL)
        return refuse_name(eval, node);
    *out = name->held;
    out->revoker = CAPNP_CAP_NONE; /* stays with the name */
    for (const struct step *step = node->steps; step != NULL; step = step->next) {
        if (step->kind == STEP_CALL) {
            if (!step_call(eval, step, *out))
                return false;
            *called = step->next == NULL;
            if (!*called && !take_result(eval, step, out))
                return false;
        } else if (!(step->kind == STEP_READONLY ? step_readonly : step_revocable)(eval, step, out)) {
            return false;
        }
    }
    return true;
}

static const struct step *last_step(const struct node *node)
{
    const struct step *step = node->steps;
    while (step != NULL && step->next != NULL)
        step = step->next;
    return step;
}

bool eval_cap(struct eval *eval, const struct node *node, struct held *out)
{
    bool called;
    return eval_call(eval, node, out, &called) && (!called || take_result(eval, last_step(node), out));
}
