/* See json_manifest.h. */
#include "json_manifest.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum wanted {
    WANT_VALUE,
    WANT_VALUE_OR_END,
    WANT_KEY,
    WANT_KEY_OR_END,
    WANT_COLON,
    WANT_COMMA,
    WANT_NOTHING
};

/* An object or a list that is still open. */
struct level {
    char closer;     /* '}' or ']' */
    size_t path_len; /* of the path of the container itself */
    size_t index;    /* elements so far */
    size_t place;    /* of the container */
    struct words keys;
};

struct reader {
    char *text;
    size_t size;
    size_t at;
    enum wanted wanted;
    struct level levels[JSON_DEPTH_MAX];
    size_t depth;
    struct buffer path;
    struct json_manifest *out;
    struct sentence *why;
};

static void find_line(const char *text, size_t offset, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        *column = text[i] == '\n' ? 1 : *column + 1;
        *line += text[i] == '\n';
    }
}

static bool fail(struct reader *r, size_t at, const char *what)
{
    size_t line, column;
    find_line(r->text, at, &line, &column);
    return sentence_say(r->why, "%zu:%zu: %s%s%s", line, column, what, r->path.size > 0 ? ", at field " : "",
                        buffer_string(&r->path));
}

static void path_cut(struct reader *r, size_t len)
{
    r->path.size = len;
    if (r->path.data != NULL)
        r->path.data[len] = '\0';
}

static struct level *top(struct reader *r)
{
    return &r->levels[r->depth - 1];
}

static size_t place_add(struct reader *r, size_t start, size_t end)
{
    struct json_manifest *out = r->out;
    out->places = must_realloc(out->places, (out->place_count + 1) * sizeof(struct json_place));
    out->places[out->place_count] =
        (struct json_place){start, end, must_copy(buffer_string(&r->path), r->path.size)};
    return out->place_count++;
}

/* A value has ended: what may follow it. */
static void value_done(struct reader *r)
{
    r->wanted = r->depth == 0 ? WANT_NOTHING : WANT_COMMA;
    if (r->depth > 0)
        path_cut(r, top(r)->path_len);
}

/* --- strings
 * ------------------------------------------------------------------------------------------------- */

static bool hex4(const char *text, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return false;
        int c = tolower((unsigned char)text[i]);
        *out = *out * 16 + (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static size_t utf8_encode(unsigned code, char *out)
{
    if (code == 0) {
        memcpy(out, "\\x00", 4);
        return 4;
    }
    if (code < 0x80) {
        bool special = code == '"' || code == '\\';
        out[0] = '\\';
        out[special ? 1 : 0] = (char)code;
        return special ? 2 : 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[len] | code);
    return len;
}

/* \uXXXX, or two of them for one character: how many bytes of JSON it is; 0 if malformed. */
static size_t unicode_escape(const char *text, size_t left, unsigned *code)
{
    unsigned low;
    if (left < 6 || !hex4(text + 2, code))
        return 0;
    if (*code < 0xd800 || *code > 0xdfff)
        return 6;
    if (*code > 0xdbff || left < 12 || text[6] != '\\' || text[7] != 'u' || !hex4(text + 8, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* One escape sequence at `from`, rewritten at `to`, never longer than it was. */
static bool rewrite_escape(struct reader *r, size_t *from, size_t *to)
{
    char next = *from + 1 < r->size ? r->text[*from + 1] : '\0';
    if (next == 'u') {
        unsigned code;
        size_t used = unicode_escape(r->text + *from, r->size - *from, &code);
        if (used == 0)
            return fail(r, *from, "this \\u escape is not four hexadecimal digits of a character");
        *from += used;
        *to += utf8_encode(code, r->text + *to);
        return true;
    }
    if (next == '\0' || strchr("\"\\/bfnrt", next) == NULL)
        return fail(r, *from, "JSON has no such escape; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    if (next != '/')
        r->text[(*to)++] = '\\';
    r->text[(*to)++] = next;
    *from += 2;
    return true;
}

/* The string at r->at becomes one in Cap'n Proto's syntax, filled up with spaces behind. *content_len is what
 * lies between its quotes now. */
static bool read_string(struct reader *r, size_t *content_len)
{
    size_t start = r->at, from = start + 1, to = start + 1;
    for (;;) {
        if (from >= r->size || r->text[from] == '\n')
            return fail(r, start, "this string does not end on its line");
        if (r->text[from] == '"')
            break;
        if ((unsigned char)r->text[from] < 0x20)
            return fail(r, from, "a control character inside a string must be written as an escape");
        if (r->text[from] != '\\')
            r->text[to++] = r->text[from++];
        else if (!rewrite_escape(r, &from, &to))
            return false;
    }
    *content_len = to - start - 1;
    r->text[to++] = '"';
    while (to <= from)
        r->text[to++] = ' ';
    r->at = from + 1;
    return true;
}

/* --- objects and lists
 * --------------------------------------------------------------------------------------- */

static void skip_space(struct reader *r)
{
    while (r->at < r->size && strchr(" \t\r\n", r->text[r->at]) != NULL && r->text[r->at] != '\0')
        r->at++;
}

static bool accept(struct reader *r, char c)
{
    skip_space(r);
    if (r->at >= r->size || r->text[r->at] != c)
        return false;
    r->at++;
    return true;
}

/* `{"embed": "FILE"}`: true if it is one, and then rewritten (or *bad). Otherwise nothing has changed. */
static bool read_embed(struct reader *r, bool *bad)
{
    static const char key[] = "\"embed\"";
    size_t start = r->at, content_len;
    r->at++;
    skip_space(r);
    size_t key_at = r->at;
    if (r->size - r->at < sizeof(key) || memcmp(r->text + r->at, key, sizeof(key) - 1) != 0) {
        r->at = start;
        return false;
    }
    r->at += sizeof(key) - 1;
    if (!accept(r, ':') || (skip_space(r), r->at >= r->size) || r->text[r->at] != '"') {
        r->at = start;
        return false;
    }
    size_t colon_from = key_at + sizeof(key) - 1, string_at = r->at;
    if (!read_string(r, &content_len)) {
        *bad = true;
        return true;
    }
    if (!accept(r, '}') || r->text[string_at - 1] == '\n') {
        *bad = !fail(r, start,
                     "an embedded file is written {\"embed\": \"FILE\"}, with nothing else in the braces");
        return true;
    }
    r->text[start] = ' ';
    r->text[r->at - 1] = ' ';
    r->text[key_at] = ' ';
    r->text[key_at + sizeof(key) - 2] = ' ';
    for (size_t i = colon_from; i < string_at; i++)
        r->text[i] = r->text[i] == ':' ? ' ' : r->text[i];
    /* The compiler looks for names that begin with a slash on its import path; ours are all meant so. */
    if (r->text[string_at + 1] != '/') {
        r->text[string_at - 1] = '"';
        r->text[string_at] = '/';
    }
    place_add(r, start, r->at);
    value_done(r);
    return true;
}

static bool open_level(struct reader *r, char closer)
{
    if (r->depth == JSON_DEPTH_MAX)
        return fail(r, r->at, "this is nested too deeply");
    size_t place = place_add(r, r->at, r->at + 1);
    r->levels[r->depth++] = (struct level){.closer = closer, .path_len = r->path.size, .place = place};
    if (closer == '}')
        r->text[r->at] = '(';
    r->at++;
    r->wanted = closer == '}' ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return true;
}

static bool close_level(struct reader *r)
{
    struct level *level = top(r);
    if (r->text[r->at] != level->closer)
        return fail(r, r->at,
                    level->closer == '}' ? "a } is missing before this" : "a ] is missing before this");
    if (level->closer == '}')
        r->text[r->at] = ')';
    r->at++;
    r->out->places[level->place].end = r->at;
    words_free(&level->keys);
    path_cut(r, level->path_len);
    r->depth--;
    value_done(r);
    return true;
}

static bool check_key(struct reader *r, size_t at, const char *key, size_t len)
{
    bool good = len > 0 && key[0] >= 'a' && key[0] <= 'z';
    for (size_t i = 0; i < len; i++)
        good = good && isalnum((unsigned char)key[i]);
    if (!good)
        return fail(r, at, "a field's name is made of letters and digits and begins with a small letter");
    struct level *level = top(r);
    for (size_t i = 0; i < level->keys.count; i++) {
        if (strlen(level->keys.items[i]) == len && memcmp(level->keys.items[i], key, len) == 0)
            return fail(r, at, "this field is given twice");
    }
    words_addf(&level->keys, "%.*s", (int)len, key);
    return true;
}

static bool read_key(struct reader *r)
{
    size_t start = r->at, len;
    if (r->text[start] != '"')
        return fail(r, start, "a field's name in quotes is missing here");
    if (!read_string(r, &len))
        return false;
    const char *key = r->text + start + 1;
    if (r->path.size > 0)
        buffer_text(&r->path, ".");
    buffer_append(&r->path, key, len);
    if (!check_key(r, start, key, len))
        return false;
    place_add(r, start, r->at);
    r->text[start] = ' ';
    r->text[start + 1 + len] = ' ';
    r->wanted = WANT_COLON;
    return true;
}

/* --- values
 * -------------------------------------------------------------------------------------------------- */

static bool read_word(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->size &&
           (isalnum((unsigned char)r->text[r->at]) || strchr("+-.", r->text[r->at]) != NULL) &&
           r->text[r->at] != '\0')
        r->at++;
    size_t len = r->at - start;
    const char *word = r->text + start;
    bool number = len > 0 && (isdigit((unsigned char)word[0]) || (word[0] == '-' && len > 1));
    if (len == 4 && memcmp(word, "null", 4) == 0)
        memcpy(r->text + start, "void", 4);
    else if (!number && !(len == 4 && memcmp(word, "true", 4) == 0) &&
             !(len == 5 && memcmp(word, "false", 5) == 0))
        return fail(r, start,
                    "a value is missing here: a string in quotes, a number, true, false, null, [ or {");
    place_add(r, start, r->at);
    value_done(r);
    return true;
}

static bool read_value(struct reader *r)
{
    size_t start = r->at, len;
    bool bad = false;
    if (r->depth > 0 && top(r)->closer == ']')
        buffer_printf(&r->path, "[%zu]", top(r)->index++);
    switch (r->text[start]) {
    case '{':
        if (read_embed(r, &bad))
            return !bad;
        return open_level(r, '}');
    case '[':
        return open_level(r, ']');
    case '"':
        if (!read_string(r, &len))
            return false;
        place_add(r, start, r->at);
        value_done(r);
        return true;
    default:
        return read_word(r);
    }
}

static bool read_colon(struct reader *r)
{
    if (r->text[r->at] != ':')
        return fail(r, r->at, "a : is missing here");
    r->text[r->at++] = '=';
    r->wanted = WANT_VALUE;
    return true;
}

static bool read_comma(struct reader *r)
{
    if (r->text[r->at] != ',')
        return close_level(r);
    r->at++;
    r->wanted = top(r)->closer == '}' ? WANT_KEY : WANT_VALUE;
    return true;
}

static bool read_token(struct reader *r)
{
    char c = r->text[r->at];
    bool end = c == '}' || c == ']';
    switch (r->wanted) {
    case WANT_KEY_OR_END:
        return end ? close_level(r) : read_key(r);
    case WANT_KEY:
        return read_key(r);
    case WANT_VALUE_OR_END:
        return end ? close_level(r) : read_value(r);
    case WANT_VALUE:
        return read_value(r);
    case WANT_COLON:
        return read_colon(r);
    case WANT_COMMA:
        return read_comma(r);
    default:
        return fail(r, r->at, "nothing may follow the end of the manifest");
    }
}

static bool read_document(struct reader *r)
{
    skip_space(r);
    if (r->at >= r->size || r->text[r->at] != '{')
        return fail(r, r->at, "a manifest is an object and begins with {");
    for (; r->at < r->size; skip_space(r)) {
        if (!read_token(r))
            return false;
    }
    return r->wanted == WANT_NOTHING || fail(r, r->size, "the file ends in the middle of a value");
}

bool json_manifest_read(const char *json, size_t size, struct json_manifest *out, struct sentence *why)
{
    *out = (struct json_manifest){0};
    buffer_append(&out->text, json, size);
    struct reader reader = {
        .text = out->text.data, .size = size, .wanted = WANT_VALUE, .out = out, .why = why};
    bool ok = read_document(&reader);
    while (reader.depth > 0)
        words_free(&reader.levels[--reader.depth].keys);
    buffer_free(&reader.path);
    return ok;
}

/* --- afterwards
 * ---------------------------------------------------------------------------------------------- */

/* False behind the end of the text. */
static bool find_offset(const struct json_manifest *manifest, size_t line, size_t column, size_t *out)
{
    const char *at = manifest->text.data, *end = at + manifest->text.size;
    for (; line > 1; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return false;
        at++;
    }
    *out = (size_t)(at - manifest->text.data) + column - 1;
    return *out < manifest->text.size;
}

static size_t alphanumeric_len(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]))
        len++;
    return len;
}

/* An enumerant is a word, a number an optional minus and digits. */
bool json_manifest_unquote(struct json_manifest *manifest, size_t line, size_t column)
{
    size_t start;
    if (!find_offset(manifest, line, column, &start) || manifest->text.data[start] != '"')
        return false;
    char *text = manifest->text.data;
    const char *digits = "0123456789";
    const char *content = text + start + 1;
    size_t len = isalpha((unsigned char)content[0])
                     ? alphanumeric_len(content)
                     : (content[0] == '-') + strspn(content + (content[0] == '-'), digits);
    size_t end = start + 1 + len;
    if (len == 0 || text[end] != '"')
        return false;
    text[start] = ' ';
    text[end] = ' ';
    return true;
}

const char *json_manifest_field(const struct json_manifest *manifest, size_t line, size_t column)
{
    size_t offset;
    const char *path = "";
    if (!find_offset(manifest, line, column, &offset))
        return path;
    /* Places are in the order of their starts, so the last one that holds the offset is the innermost. */
    for (size_t i = 0; i < manifest->place_count; i++) {
        const struct json_place *place = &manifest->places[i];
        if (place->start <= offset && offset < place->end)
            path = place->path;
    }
    return path;
}

char *json_manifest_word(const struct json_manifest *manifest, size_t line, size_t column)
{
    size_t start;
    if (!find_offset(manifest, line, column, &start))
        return must_copy("", 0);
    const char *at = manifest->text.data + start;
    at += *at == '"';
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '-' || at[len] == '.')
        len++;
    return must_copy(at, len);
}

void json_manifest_free(struct json_manifest *manifest)
{
    for (size_t i = 0; i < manifest->place_count; i++)
        free(manifest->places[i].path);
    free(manifest->places);
    buffer_free(&manifest->text);
    *manifest = (struct json_manifest){0};
}
