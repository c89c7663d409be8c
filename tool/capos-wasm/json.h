/*
 * JSON as wast2json writes it, read into a tree in one array. Nesting beyond JSON_DEPTH_MAX is refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 16 };
enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    char *text;        /* strings decoded, numbers as written; zero-terminated, but may hold zeroes */
    size_t size_bytes; /* of text */
    const char *key;   /* in an object: its name */
    struct json *child, *next;
};

/* Parses a whole document. Null, and a printed reason, if it is none. Freed with json_destroy. */
struct json *json_parse(const char *path, const uint8_t *bytes, size_t size_bytes);
void json_destroy(struct json *json);

/* A member of an object; null if json is none or has no such member. */
const struct json *json_member(const struct json *json, const char *key);
/* The text of a string or number member; null if there is none. */
const char *json_text(const struct json *json, const char *key);
