#include "commands.h"
#include "help.h"
#include <capnp/show.h>
#include <capos/print.h>
#include <capos/system.h>
#include <string.h>

enum { CAPS_SHOWN = CAPOS_XFER_CAPS_MAX };

static struct capnp_show show_to_user(const struct eval *eval)
{
    return (struct capnp_show){.schema = &eval->system->schema,
                               .write = eval->system->write,
                               .self = eval->system->self,
                               .show_defaults = true};
}

/* ---- caps */

static bool run_caps(struct eval *eval)
{
    for (size_t i = 0; i < eval->names->count; i++) {
        const struct name *name = &eval->names->items[i];
        eval_print(eval, "@%-12s %-20s %s%s\n", name->name,
                   eval_interface_name(eval, name->held.interface_id), name->origin,
                   name->revoked             ? ", revoked"
                   : name->held.revoker != 0 ? ", revocable"
                                             : "");
    }
    return true;
}

/* ---- inspect */

static bool run_inspect(struct eval *eval)
{
    struct held held;
    if (eval->line->cap != NULL)
        return eval_cap(eval, eval->line->cap, &held) &&
               help_interface(eval, held.interface_id, eval->line->cap->at, eval->line->cap->len);
    uint64_t id = eval->system->interface_named(eval->system->self, eval->line->word);
    if (id == 0)
        return problem_set(&eval->line->problem, eval->line->word_at, eval->line->word_len,
                           "no interface of that name; a capability is @%.*s", (int)eval->line->word.len,
                           eval->line->word.bytes);
    return help_interface(eval, id, eval->line->word_at, eval->line->word_len);
}

/* ---- call and let */

static void print_results(struct eval *eval)
{
    const struct capnp_schema_node *node =
        eval->system->schema.find(eval->system->schema.self, eval->results_node);
    struct capnp_show show = show_to_user(eval);
    if (node == NULL || node->count == 0) {
        eval_print(eval, "ok\n");
        return;
    }
    capnp_show_message(&show, eval->results_node, eval->results, eval->message.results_bytes,
                       eval->message.caps_in, eval->message.caps_in_count);
    eval_print(eval, "\n");
}

static void release_held(struct eval *eval, struct held held)
{
    if (held.id != CAPNP_CAP_NONE)
        eval->system->release(eval->system->self, held.id);
    if (held.revoker != CAPNP_CAP_NONE)
        eval->system->release(eval->system->self, held.revoker);
}

/* A name's own capability under another name would be given up twice, so it cannot be. */
static bool is_owned(const struct eval *eval, struct held held)
{
    for (size_t i = 0; i < eval->temporary_count; i++)
        if (eval->temporary[i].id == held.id)
            return true;
    return false;
}

/* What the shell itself works with. */
static bool refuse_needed(struct eval *eval, const struct name *name, uint32_t at, uint32_t len)
{
    return problem_set(&eval->line->problem, at, len, "the shell itself works with @%s", name->name);
}

/* `made`: by which call; empty: by none. */
static bool bind(struct eval *eval, size_t index, struct held held, const char *made)
{
    struct line *line = eval->line;
    char origin[ORIGIN_BYTES];
    (void)capos_snprintf(origin, sizeof origin, "%s%sfrom @%.*s", made, made[0] == '\0' ? "" : " ",
                         (int)line->cap->text.len, line->cap->text.bytes);
    const struct name *taken = names_find(eval->names, line->names[index]);
    struct held old;
    if (taken != NULL && taken->needed)
        return refuse_needed(eval, taken, line->names_at, 3);
    if (!is_owned(eval, held))
        return problem_set(&line->problem, line->names_at, 3, "this capability has a name already");
    if (!names_bind(eval->names, line->names[index], held, origin, &old))
        return problem_set(&line->problem, line->names_at, 3, "no room for another name, or it is too long");
    eval_keep(eval, held.id);
    release_held(eval, old);
    const char *interface = eval_interface_name(eval, held.interface_id);
    eval_print(eval, "@%.*s is %s %s\n", (int)line->names[index].len, line->names[index].bytes,
               capos_article(interface), interface);
    return true;
}

static bool bind_results(struct eval *eval)
{
    struct line *line = eval->line;
    struct held caps[CAPS_SHOWN];
    if (!eval_result_good(eval, 0, line->source_len))
        return false;
    size_t count = eval_result_caps(eval, caps, CAPS_SHOWN);
    if (count < line->name_count)
        return problem_set(&line->problem, line->names_at, 3,
                           "%s gives %zu capabilities, and there are %zu names", eval->called, count,
                           line->name_count);
    for (size_t i = 0; i < line->name_count; i++)
        if (!bind(eval, i, caps[i], eval->called))
            return false;
    return true;
}

static void print_what_it_is(struct eval *eval, uint64_t interface_id)
{
    const char *interface = eval_interface_name(eval, interface_id);
    eval_print(eval, "%s %s; inspect shows its methods\n", capos_article(interface), interface);
}

static bool run_call(struct eval *eval)
{
    struct line *line = eval->line;
    struct held held;
    bool called;
    if (!eval_call(eval, line->cap, &held, &called))
        return false;
    if (called && line->name_count == 0)
        print_results(eval);
    if (line->name_count != 0 && called)
        return bind_results(eval);
    if (line->name_count == 1)
        return bind(eval, 0, held, "");
    if (line->name_count > 1)
        return problem_set(&line->problem, line->names_at, 3, "there is one capability, and %zu names",
                           line->name_count);
    struct held caps[CAPS_SHOWN];
    if (!called)
        print_what_it_is(eval, held.interface_id);
    else if (eval_result_caps(eval, caps, CAPS_SHOWN) != 0)
        eval_print(eval, "(dropped: let NAME = ... keeps a capability)\n");
    return true;
}

/* ---- revoke and drop */

static struct name *only_a_name(struct eval *eval, const char *verb)
{
    const struct node *node = eval->line->cap;
    struct name *name = names_find(eval->names, node->text);
    struct held held;
    bool called;
    if (node->steps != NULL)
        (void)problem_set(&eval->line->problem, node->steps->at, node->steps->len, "%s takes a name alone",
                          verb);
    else if (name == NULL)
        (void)eval_call(eval, node, &held, &called); /* says what there is */
    return node->steps != NULL ? NULL : name;
}

static bool run_revoke(struct eval *eval)
{
    struct name *name = only_a_name(eval, "revoke");
    const struct node *node = eval->line->cap;
    if (name == NULL)
        return false;
    if (name->held.revoker == CAPNP_CAP_NONE)
        return problem_set(&eval->line->problem, node->at, node->len,
                           "nothing to revoke it with: let x = @%s revocable makes one that can be",
                           name->name);
    const struct held revoker = {.id = name->held.revoker, .interface_id = CAP_REVOKER_INTERFACE_ID};
    const struct capnp_value nothing = {.kind = CAPNP_VALUE_STRUCT};
    if (!eval_method(eval, revoker, capnp_text_of("revoke"), &nothing, node->at, node->len))
        return false;
    name->revoked = true;
    eval_print(eval, "@%s and every copy of it are revoked\n", name->name);
    return true;
}

static bool run_drop(struct eval *eval)
{
    struct name *name = only_a_name(eval, "drop");
    if (name == NULL)
        return false;
    if (name->needed)
        return refuse_needed(eval, name, eval->line->cap->at, eval->line->cap->len);
    release_held(eval, name->held);
    eval_print(eval, "@%s is gone\n", name->name);
    names_remove(eval->names, name);
    return true;
}

/* ---- */

bool commands_run(struct eval *eval, bool *handled)
{
    *handled = true;
    switch (eval->line->command) {
    case COMMAND_EMPTY:
        return true;
    case COMMAND_CAPS:
        return run_caps(eval);
    case COMMAND_INSPECT:
        return run_inspect(eval);
    case COMMAND_CALL:
        return run_call(eval);
    case COMMAND_REVOKE:
        return run_revoke(eval);
    case COMMAND_DROP:
        return run_drop(eval);
    case COMMAND_HELP:
        return help_run(eval);
    default:
        *handled = false;
        return true;
    }
}

void commands_show_problem(const struct eval *eval)
{
    const struct problem *problem = &eval->line->problem;
    char marks[80];
    uint32_t at = problem->at < sizeof marks - 1 ? problem->at : (uint32_t)sizeof marks - 1;
    uint32_t len = problem->len == 0 ? 1 : problem->len;
    size_t end = at;
    memset(marks, ' ', sizeof marks);
    while (end < sizeof marks && end < (size_t)at + len)
        marks[end++] = '^';
    eval_print(eval, "  %.*s\n  %.*s\n%s\n", (int)eval->line->source_len, eval->line->source, (int)end, marks,
               problem->text);
}
