/*
 * Evaluating what was parsed: names to capabilities, calls of any method, values into messages and back. It
 * knows no interface; what it knows comes from the schema. The system below it is struct shell_system, so all
 * of this also runs on the build machine.
 *
 * Capabilities that come up while a line is evaluated belong to the evaluation (`temporary`) and are given up
 * with eval_end, unless they were bound to a name by then.
 */
#pragma once
#include "names.h"
#include "syntax.h"
#include <capnp/schema.h>
#include <capos/call.h>

enum {
    EVAL_TEMPORARY_MAX = 64,
    EVAL_MESSAGE_WORDS = (CAPOS_MESSAGE_MAX_BYTES + CAPOS_CALL_CAPS_MAX * 16) / 8,
};

struct shell_system {
    struct capnp_schema schema;
    /* 0: no interface of that name. */
    uint64_t (*interface_named)(void *self, struct capnp_text name);
    int32_t (*invoke)(void *self, uint32_t cap_id, uint16_t method_id, struct cap_message *message);
    void (*release)(void *self, uint32_t cap_id);
    /* A sentence about the last negative result. */
    const char *(*why)(void *self, int32_t result);
    void (*write)(void *self, const char *bytes, size_t len);
    void *self;
};

struct eval {
    const struct shell_system *system;
    struct names *names;
    struct line *line; /* of the problem, too */
    struct held temporary[EVAL_TEMPORARY_MAX];
    size_t temporary_count;
    /* The last call's results. */
    uint64_t results_node;
    char called[80]; /* "Directory.open" */
    struct cap_message message;
    /* Private. */
    struct capnp_value values[SYNTAX_NODES_MAX];
    struct capnp_build build;
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    uint64_t params[EVAL_MESSAGE_WORDS];
    uint64_t results[EVAL_MESSAGE_WORDS];
};

void eval_begin(struct eval *eval, const struct shell_system *system, struct names *names, struct line *line);
void eval_end(struct eval *eval);

/* The capability that an expression means; it is a temporary or a name's. False: line->problem. */
bool eval_cap(struct eval *eval, const struct node *node, struct held *out);
/* The same, but if the expression's last step is a call, that call's results stay in eval->message instead of
 * one capability being taken out of them: *called is true then. */
bool eval_call(struct eval *eval, const struct node *node, struct held *out, bool *called);
/* A value for building messages: capabilities in it are evaluated. Lives until the line is evaluated. */
bool eval_value(struct eval *eval, const struct node *node, struct capnp_value **out);
/* Calls a method by name with these members (a STRUCT), for commands that need one. Results as eval_call. */
bool eval_method(struct eval *eval, struct held target, struct capnp_text method,
                 const struct capnp_value *members, uint32_t at, uint32_t len);

/* Of the last results: the nth capability, in the order of the fields; false: there is none (id NONE counts
 * as none). It becomes a temporary. */
size_t eval_result_caps(struct eval *eval, struct held *out, size_t limit);
/* Of the last results: false with a problem at this place if there is a `status` that is not the first of its
 * enum. */
bool eval_result_good(struct eval *eval, uint32_t at, uint32_t len);

/* A temporary becomes somebody's own: eval_end leaves it alone. */
void eval_keep(struct eval *eval, uint32_t cap_id);

/* Text to the shell's user. */
void eval_print(const struct eval *eval, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An interface's name, or its id. Valid until the next call. */
const char *eval_interface_name(struct eval *eval, uint64_t interface_id);
