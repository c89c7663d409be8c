/* See dirs.h. */
#include "dirs.h"
#include <stdlib.h>
#include <string.h>

static const char default_name[] = "root", shell_name[] = "host";

/* Cuts `:ro` and `:NAME` off the end; a colon before a slash belongs to the folder. */
static const char *cut_name(char *host, bool *read_only)
{
    char *colon = strrchr(host, ':');
    *read_only = colon != NULL && strcmp(colon, ":ro") == 0;
    if (*read_only) {
        *colon = '\0';
        colon = strrchr(host, ':');
    }
    if (colon == NULL || strchr(colon, '/') != NULL)
        return default_name;
    *colon = '\0';
    return colon + 1;
}

bool dir_add(struct dir_list *list, const char *text, struct sentence *why)
{
    bool read_only;
    char *host = must_copy(text, strlen(text));
    const char *name = cut_name(host, &read_only);
    bool good = grant_name_check(name, why);
    if (good && host[0] == '\0')
        good = sentence_say(why,
                            "--dir '%s' names no folder. Write --dir FOLDER, --dir FOLDER:NAME or --dir "
                            "FOLDER:NAME:ro",
                            text);
    if (good) {
        list->items = must_realloc(list->items, (list->count + 1) * sizeof(struct dir));
        struct dir *dir = &list->items[list->count++];
        *dir = (struct dir){.read_only = read_only, .named = name != default_name};
        strcpy(dir->name, name); /* grant_name_check measured it */
        dir->host = must_copy(host, strlen(host));
    }
    free(host);
    return good;
}

void dir_list_for_shell(struct dir_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].named)
            strcpy(list->items[i].name, shell_name);
    }
}

bool dir_list_check(const struct dir_list *list, const struct grant_list *grants, struct sentence *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i].name;
        bool used = grant_list_has(grants, name);
        for (size_t j = 0; j < i; j++)
            used = used || strcmp(list->items[j].name, name) == 0;
        if (used)
            return sentence_say(
                why, "two capabilities are called '%s'. Give the folder another name: --dir %s:OTHER", name,
                list->items[i].host);
    }
    return true;
}

void dir_list_free(struct dir_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].host);
        buffer_free(&list->items[i].tree);
    }
    free(list->items);
    *list = (struct dir_list){0};
}
