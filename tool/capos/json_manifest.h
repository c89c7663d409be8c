/*
 * JSON manifests. A JSON text is turned, token by token and each token in its place, into a constant in Cap'n
 * Proto's own text form, and the real compiler judges that: field names, types and enumerants come from the
 * schema alone, and its error positions are positions in the JSON file. Only three things are different from
 * one form to the other:
 *
 *   {"name": value}       (name = value)
 *   {"embed": "FILE"}     embed "/FILE"     the bytes of a file, as in .capnp
 *   "console"             console           where the schema wants an enumerant or a number:
 * json_manifest_unquote
 *
 * No recursion; nesting is limited.
 */
#pragma once
#include "buffer.h"
#include "sentence.h"

enum { JSON_DEPTH_MAX = 64 };

/* Which part of the file belongs to which field. */
struct json_place {
    size_t start;
    size_t end;
    char *path; /* initConfig.services[0].name */
};

struct json_manifest {
    struct buffer text; /* as long as the JSON was, line for line and column for column */
    struct json_place *places;
    size_t place_count;
};

/* On failure the sentence is `LINE:COLUMN: what`. json_manifest_free in both cases. */
bool json_manifest_read(const char *json, size_t size, struct json_manifest *out, struct sentence *why);

/* Takes the quotes off the string at this place; false if it is no string or could not stand without them. */
bool json_manifest_unquote(struct json_manifest *manifest, size_t line, size_t column);

/* The innermost field at this place; "" if there is none. Lines and columns count from 1. */
const char *json_manifest_field(const struct json_manifest *manifest, size_t line, size_t column);

/* The word (letters, digits, - and .) at this place, inside quotes or not; the caller frees it. */
char *json_manifest_word(const struct json_manifest *manifest, size_t line, size_t column);

void json_manifest_free(struct json_manifest *manifest);
