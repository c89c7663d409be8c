#include "candidates.h"
#include "commands.h"
#include <string.h>

void candidates_offer(struct candidates *candidates, struct capnp_text begin, const char *name, size_t len,
                      const char *suffix)
{
    size_t total = len + strlen(suffix);
    if (len < begin.len || memcmp(name, begin.bytes, begin.len) != 0 || candidates->count == CANDIDATES_MAX ||
        total > sizeof candidates->text - candidates->text_len)
        return;
    char *to = candidates->text + candidates->text_len;
    memcpy(to, name, len);
    memcpy(to + len, suffix, total - len);
    candidates->items[candidates->count++] = capnp_text_n(to, total);
    candidates->text_len += total;
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static void offer_commands(struct candidates *candidates, struct capnp_text begin)
{
    for (const char *const *command = syntax_commands; *command != NULL; command++)
        candidates_offer(candidates, begin, *command, strlen(*command), " ");
    for (const struct program *program = programs; program->name != NULL; program++)
        candidates_offer(candidates, begin, program->name, strlen(program->name), " ");
}

static void offer_names(struct candidates *candidates, const struct names *names, struct capnp_text begin)
{
    for (size_t i = 0; i < names->count; i++)
        candidates_offer(candidates, begin, names->items[i].name, strlen(names->items[i].name), "");
}

/* `name` is what stands between '@' and '.'. */
static void offer_methods(struct candidates *candidates, const struct candidate_sources *sources,
                          struct capnp_text name, struct capnp_text begin)
{
    for (size_t i = 0; i < sources->names->count; i++) {
        const struct name *item = &sources->names->items[i];
        if (!syntax_text_is(name, item->name))
            continue;
        const struct capnp_schema_node *node =
            sources->schema->find(sources->schema->self, item->held.interface_id);
        for (uint32_t j = 0; node != NULL && node->kind == CAPNP_NODE_INTERFACE && j < node->count; j++)
            candidates_offer(candidates, begin, node->methods[j].name, strlen(node->methods[j].name), "(");
    }
}

static bool ends_word(char c)
{
    return c == ' ' || c == '|' || c == '>' || c == '"' || c == '{' || c == '(' || c == ',';
}

static void offer_files(struct candidates *candidates, const struct candidate_sources *sources,
                        const char *line, size_t cursor)
{
    size_t start = cursor, slash;
    while (start > 0 && !ends_word(line[start - 1]))
        start--;
    slash = cursor;
    while (slash > start && line[slash - 1] != '/')
        slash--;
    candidates->start = (uint32_t)slash;
    if (sources->list_directory != NULL)
        sources->list_directory(candidates, line + start, slash - start,
                                capnp_text_n(line + slash, cursor - slash));
}

/* The word before the spaces before `at`. */
static struct capnp_text word_before(const char *line, size_t at)
{
    while (at > 0 && line[at - 1] == ' ')
        at--;
    size_t end = at;
    while (at > 0 && in_word(line[at - 1]))
        at--;
    return capnp_text_n(line + at, end - at);
}

/* Whether a command's first word begins here. */
static bool begins_command(const char *line, size_t at)
{
    struct capnp_text before = word_before(line, at);
    size_t end = (size_t)(before.bytes - line) + before.len;
    return end == 0 || line[end - 1] == '|' || line[end - 1] == '=' || syntax_text_is(before, "help") ||
           syntax_text_is(before, "run") || syntax_text_is(before, "spawn") ||
           syntax_text_is(before, "trace");
}

void candidates_find(struct candidates *candidates, const struct candidate_sources *sources, const char *line,
                     size_t cursor)
{
    size_t start = cursor;
    candidates->count = candidates->text_len = 0;
    while (start > 0 && in_word(line[start - 1]))
        start--;
    struct capnp_text begin = capnp_text_n(line + start, cursor - start);
    candidates->start = (uint32_t)start;
    if (start > 0 && line[start - 1] == '@') {
        offer_names(candidates, sources->names, begin);
        return;
    }
    if (start > 1 && line[start - 1] == '.') {
        size_t name = start - 1;
        while (name > 0 && in_word(line[name - 1]))
            name--;
        if (name > 0 && line[name - 1] == '@') {
            offer_methods(candidates, sources, capnp_text_n(line + name, start - 1 - name), begin);
            return;
        }
    }
    struct capnp_text before = word_before(line, start);
    bool about = syntax_text_is(before, "help") || syntax_text_is(before, "inspect");
    bool first = begins_command(line, start);
    if (first)
        offer_commands(candidates, begin);
    if (about && sources->list_interfaces != NULL)
        sources->list_interfaces(candidates, begin);
    if (!first && !about)
        offer_files(candidates, sources, line, cursor);
}
