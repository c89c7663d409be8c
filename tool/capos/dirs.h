/*
 * What --dir HOST[:NAME[:ro]] names: folders of the host whose snapshots programs get as a Directory. NAME is
 * `root` unless it is given; for the shell, which has a root of its own, `host`.
 */
#pragma once
#include "grants.h"

struct dir {
    char *host;
    char name[CAPOS_CAP_NAME_MAX + 1];
    bool read_only;
    bool named;         /* NAME was given */
    struct buffer tree; /* snapshot_take fills it */
};

struct dir_list {
    struct dir *items;
    size_t count;
};

/* Appends one. The sentence of a failure says how it is written. */
bool dir_add(struct dir_list *list, const char *text, struct sentence *why);
/* Those without a NAME are for the shell. */
void dir_list_for_shell(struct dir_list *list);
/* No name is another's, or a grant's. */
bool dir_list_check(const struct dir_list *list, const struct grant_list *grants, struct sentence *why);
void dir_list_free(struct dir_list *list);
