/*
 * The shell's language: a line of text to a tree. Pure; allocates nothing: everything lies in a struct line,
 * which limits what one line can hold. docs/shell.md describes the language.
 *
 *     line    := [ "let" NAME { "," NAME } "=" ] command
 *     command := "caps" | "inspect" (cap | NAME) | [ "call" ] cap | "revoke" cap | "drop" cap | "jobs"
 *              | ("wait" | "kill") { NUMBER } | "help" [ cap | WORD ] | "exit" [ NUMBER ] | program
 *     program := [ "run" | "spawn" | "trace" ] stage { "|" stage } [ "&" ]
 *     stage   := NAME { WORD | ("<" | ">" | ">>") WORD } [ "with" "{" [ NAME ":" value { "," ... } ] "}" ]
 *     cap     := "@" NAME { "." NAME "(" [ [ NAME "=" ] value { "," ... } ] ")" | "readonly" | "revocable" }
 *     value   := NUMBER | TEXT | 0x"HEX" | "true" | "false" | "null" | WORD | cap | "[" ... "]" | "(" ... ")"
 *     WORD    := anything up to a space or one of | < > & { }, or a text in "..." or '...'
 */
#pragma once
#include <capnp/build.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SYNTAX_LINE_MAX = 2000,
    SYNTAX_NODES_MAX = 300,
    SYNTAX_STEPS_MAX = 60,
    SYNTAX_DEPTH_MAX = 16,
    SYNTAX_STAGES_MAX = 4,
    SYNTAX_ARGS_MAX = 32,
    SYNTAX_NAMES_MAX = 4,
    SYNTAX_NUMBERS_MAX = 8, /* as many as there are jobs */
    PROBLEM_TEXT_BYTES = 300,
};

/* What is wrong, and where in the line. */
struct problem {
    uint32_t at, len;
    char text[PROBLEM_TEXT_BYTES];
};

enum step_kind { STEP_CALL, STEP_READONLY, STEP_REVOCABLE };

struct step {
    enum step_kind kind;
    uint32_t at, len;
    struct capnp_text method;
    struct node *args; /* the members in parentheses, linked by `next` */
    struct step *next;
};

/* A value. Literals, lists and structs as in lib/capnp/build.h; a capability is a name and what is done to
 * it. */
struct node {
    enum capnp_value_kind kind;
    uint32_t at, len;
    struct capnp_text name; /* as a member */
    bool negative;
    uint64_t magnitude;
    double real;
    struct capnp_text text; /* of texts, data, words; of a capability its name */
    struct node *first, *next;
    struct step *steps;
};

struct stage {
    struct capnp_text name;
    uint32_t at;
    struct capnp_text args[SYNTAX_ARGS_MAX];
    size_t arg_count;
    bool has_with;
    struct node *with; /* members, linked */
};

enum command {
    COMMAND_EMPTY,
    COMMAND_CAPS,
    COMMAND_INSPECT,
    COMMAND_CALL,
    COMMAND_RUN,
    COMMAND_SPAWN,
    COMMAND_TRACE,
    COMMAND_JOBS,
    COMMAND_WAIT,
    COMMAND_KILL,
    COMMAND_REVOKE,
    COMMAND_DROP,
    COMMAND_HELP,
    COMMAND_EXIT,
};

/* A file in place of a stream. */
struct redirect {
    struct capnp_text path; /* len 0: none */
    uint32_t at;
    bool append;
};

/* One line, parsed. Texts point into it or into the source, which must both live as long as it is used. */
struct line {
    const char *source;
    uint32_t source_len;
    enum command command;
    struct capnp_text names[SYNTAX_NAMES_MAX]; /* of `let` */
    uint32_t names_at;
    size_t name_count;
    struct node *cap;           /* inspect, call, revoke, drop */
    struct capnp_text word;     /* help, inspect; not in the source itself if it was quoted */
    uint32_t word_at, word_len; /* where it stands there, with its quotes */
    struct number_word {
        uint64_t value;
        uint32_t at, len;
    } numbers[SYNTAX_NUMBERS_MAX]; /* exit, wait, kill */
    size_t number_count;
    struct stage stages[SYNTAX_STAGES_MAX];
    size_t stage_count;
    struct redirect input, output; /* of the first stage, of the last */
    struct problem problem;

    /* Private: where the tree lies. */
    struct node nodes[SYNTAX_NODES_MAX];
    size_t node_count;
    struct step steps[SYNTAX_STEPS_MAX];
    size_t step_count;
    char text[SYNTAX_LINE_MAX + 1];
    size_t text_len;
    uint32_t at;
};

/* Parses a line. False: line->problem says why. */
bool syntax_parse(struct line *line, const char *source, size_t len);
/* Parses members as they stand between the braces of `with`: what a program's description says it needs. */
bool syntax_parse_with(struct line *line, const char *source, size_t len, struct node **out);

/* The words that begin commands, null behind the last. */
extern const char *const syntax_commands[];

bool syntax_text_is(struct capnp_text text, const char *string);
/* Fills in a problem; always returns false. */
bool problem_set(struct problem *problem, uint32_t at, uint32_t len, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
