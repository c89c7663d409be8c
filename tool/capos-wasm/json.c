/* See json.h. Iterative: the stack of open arrays and objects is an array of fixed size. */
#include "json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at, *end;
    struct json *open[JSON_DEPTH_MAX];
    struct json *last[JSON_DEPTH_MAX]; /* the newest child of each */
    unsigned depth;
    const char *error;
};

static void skip_space(struct parser *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) != NULL)
        p->at++;
}

static bool fail(struct parser *p, const char *error)
{
    if (p->error == NULL)
        p->error = error;
    return false;
}

/* One \u escape: wast2json escapes bytes, not characters. */
static bool parse_escape(struct parser *p, char *to)
{
    static const char plain[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    char c = p->at < p->end ? *p->at++ : 0;
    const char *found = c == 0 ? NULL : strchr(plain, c);
    if (found != NULL) {
        *to = meaning[found - plain];
        return true;
    }
    if (c != 'u' || p->end - p->at < 4)
        return fail(p, "bad escape");
    char digits[5] = {p->at[0], p->at[1], p->at[2], p->at[3], 0};
    *to = (char)strtoul(digits, NULL, 16);
    p->at += 4;
    return true;
}

static bool parse_string(struct parser *p, char **text, size_t *size_bytes)
{
    const char *scan = ++p->at;
    while (scan < p->end && *scan != '"')
        scan += *scan == '\\' ? 2 : 1;
    if (scan >= p->end)
        return fail(p, "string without end");
    char *to = *text = malloc((size_t)(scan - p->at) + 1);
    if (to == NULL)
        return fail(p, "no memory");
    while (*p->at != '"') {
        if (*p->at != '\\')
            *to++ = *p->at++;
        else if (p->at++, !parse_escape(p, to++))
            return false;
    }
    p->at++;
    *to = 0;
    *size_bytes = (size_t)(to - *text);
    return true;
}

static bool parse_word(struct parser *p, struct json *json)
{
    size_t length = 0;
    while (p->at + length < p->end &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", p->at[length]) != NULL)
        length++;
    if (length == 0)
        return fail(p, "value expected");
    json->type = *p->at == 'n' ? JSON_NULL : *p->at == 't' || *p->at == 'f' ? JSON_BOOL : JSON_NUMBER;
    json->text = strndup(p->at, length);
    json->size_bytes = length;
    p->at += length;
    return json->text != NULL || fail(p, "no memory");
}

static bool parse_key(struct parser *p, struct json *json)
{
    char *key = NULL;
    size_t size_bytes;
    skip_space(p);
    if (p->at == p->end || *p->at != '"' || !parse_string(p, &key, &size_bytes)) {
        free(key);
        return fail(p, "member name expected");
    }
    json->key = key;
    skip_space(p);
    if (p->at == p->end || *p->at++ != ':')
        return fail(p, "':' expected");
    return true;
}

static struct json *add_child(struct parser *p)
{
    struct json *json = calloc(1, sizeof(*json));
    if (json == NULL || p->depth == 0)
        return json;
    struct json **link =
        p->last[p->depth - 1] == NULL ? &p->open[p->depth - 1]->child : &p->last[p->depth - 1]->next;
    *link = json;
    p->last[p->depth - 1] = json;
    return json;
}

/* A value, or the opening of an array or object. */
static bool parse_value(struct parser *p, struct json *json)
{
    skip_space(p);
    if (p->at == p->end)
        return fail(p, "value expected");
    if (*p->at == '"') {
        json->type = JSON_STRING;
        return parse_string(p, &json->text, &json->size_bytes);
    }
    if (*p->at != '[' && *p->at != '{')
        return parse_word(p, json);
    if (p->depth == JSON_DEPTH_MAX)
        return fail(p, "nested too deeply");
    json->type = *p->at++ == '[' ? JSON_ARRAY : JSON_OBJECT;
    p->open[p->depth] = json;
    p->last[p->depth++] = NULL;
    return true;
}

/* One step inside the innermost open array or object: its end, or a comma and a child. */
static bool parse_step(struct parser *p)
{
    struct json *parent = p->open[p->depth - 1];
    skip_space(p);
    if (p->at == p->end)
        return fail(p, "unexpected end");
    if (*p->at == (parent->type == JSON_ARRAY ? ']' : '}')) {
        p->at++;
        p->depth--;
        return true;
    }
    if (parent->child != NULL && *p->at++ != ',')
        return fail(p, "',' expected");
    struct json *json = add_child(p);
    if (json == NULL)
        return fail(p, "no memory");
    return (parent->type == JSON_ARRAY || parse_key(p, json)) && parse_value(p, json);
}

struct json *json_parse(const char *path, const uint8_t *bytes, size_t size_bytes)
{
    struct parser p = {.at = (const char *)bytes, .end = (const char *)bytes + size_bytes};
    struct json *root = add_child(&p);
    bool good = root != NULL && parse_value(&p, root);
    while (good && p.depth > 0)
        good = parse_step(&p);
    if (good)
        return root;
    fprintf(stderr, "%s: offset %zu: not JSON: %s\n", path, (size_t)(p.at - (const char *)bytes),
            p.error == NULL ? "no memory" : p.error);
    json_destroy(root);
    return NULL;
}

/* Children are spliced into the list that is being freed: no recursion. */
void json_destroy(struct json *json)
{
    while (json != NULL) {
        struct json *next = json->next;
        if (json->child != NULL) {
            struct json *last = json->child;
            while (last->next != NULL)
                last = last->next;
            last->next = next;
            next = json->child;
        }
        free(json->text);
        free((void *)(uintptr_t)json->key);
        free(json);
        json = next;
    }
}

const struct json *json_member(const struct json *json, const char *key)
{
    if (json == NULL || json->type != JSON_OBJECT)
        return NULL;
    for (const struct json *child = json->child; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}

const char *json_text(const struct json *json, const char *key)
{
    const struct json *member = json_member(json, key);
    return member == NULL ? NULL : member->text;
}
