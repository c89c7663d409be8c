/*
 * What --grant can name: one table from the words a person types to the kernel capabilities of the manifest.
 * The interface names come from the schema's tables, nothing is spelled twice.
 */
#pragma once
#include "buffer.h"
#include "sentence.h"
#include <capos/manifest.h>
#include <capos/limits.h>

struct grant_kind {
    const char *word;           /* what is typed, and the name in the CapSet unless another is given */
    enum cap_kernel_cap source; /* what it is in the manifest */
    uint64_t interface_id;
    bool own;           /* made by init for the program itself; not handed on from init's own */
    const char *what;   /* for --help and errors */
    const char *export; /* not null: what the terminal server exports (package_terminal.h) */
};

struct grant {
    const struct grant_kind *kind;
    char name[CAPOS_CAP_NAME_MAX + 1];
};

struct grant_list {
    struct grant *items;
    size_t count;
};

const struct grant_kind *grant_kinds(size_t *count);
/* What comes from the terminal server instead of the kernel. */
const struct grant_kind *grant_terminal_kinds(size_t *count);
/* "Timer", from the generated tables. */
const char *grant_interface_name(const struct grant_kind *kind);
/* Appends `console, timer, ...`. */
void grant_words(struct buffer *out);

/* Whether it can be a name in the CapSet. */
bool grant_name_check(const char *name, struct sentence *why);
bool grant_list_has(const struct grant_list *list, const char *name);
/* Adds `WORD` or `WORD:NAME`. The sentence of a failure names the words there are. */
bool grant_add(struct grant_list *list, const char *text, struct sentence *why);
/* Whether the terminal server has to be started. */
bool grant_needs_terminal(const struct grant_list *list);
/* Puts what every program gets, console and memory, in front, unless a grant of that name is already there.
 */
void grant_add_defaults(struct grant_list *list);
/* More than can be handed to a new process is refused, with what so many folders add; `trace`: to the tracer,
 * too, which is handed each object once. */
bool grant_list_check(const struct grant_list *list, size_t folders, bool trace, struct sentence *why);
void grant_list_free(struct grant_list *list);
