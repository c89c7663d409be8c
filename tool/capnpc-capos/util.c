/* See util.h. */
#include "util.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("capnpc-capos: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *xcalloc(size_t count, size_t size_bytes)
{
    void *memory = calloc(count == 0 ? 1 : count, size_bytes);
    if (memory == NULL)
        die("out of memory");
    return memory;
}

char *xprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        die("out of memory");
    return text;
}

/* Whether a word begins at `at`: an upper-case letter behind anything else, or before a lower-case one. */
static bool word_begins(const char *start, const char *at)
{
    if (at == start || !isupper((unsigned char)*at) || at[-1] == '_')
        return false;
    return !isupper((unsigned char)at[-1]) || islower((unsigned char)at[1]);
}

char *to_snake(const char *camel)
{
    char *snake = xcalloc(2 * strlen(camel) + 1, 1);
    char *end = snake;
    for (const char *at = camel; *at != 0; at++) {
        if (word_begins(camel, at))
            *end++ = '_';
        *end++ = (char)tolower((unsigned char)*at);
    }
    return snake;
}

char *to_upper(const char *snake)
{
    char *upper = xprintf("%s", snake);
    for (char *at = upper; *at != 0; at++)
        *at = (char)toupper((unsigned char)*at);
    return upper;
}

/* Keywords of C17 and C++17 that a snake-case name can be, and the name of a union's tag. */
static const char *const taken[] = {
    "alignas",     "alignof",  "and",      "and_eq",    "asm",        "auto",         "bitand",
    "bitor",       "bool",     "break",    "case",      "catch",      "char",         "char16_t",
    "char32_t",    "class",    "compl",    "const",     "const_cast", "constexpr",    "continue",
    "decltype",    "default",  "delete",   "do",        "double",     "dynamic_cast", "else",
    "enum",        "explicit", "export",   "extern",    "false",      "float",        "for",
    "friend",      "goto",     "if",       "inline",    "int",        "long",         "mutable",
    "namespace",   "new",      "noexcept", "not",       "not_eq",     "nullptr",      "operator",
    "or",          "or_eq",    "private",  "protected", "public",     "register",     "reinterpret_cast",
    "restrict",    "return",   "short",    "signed",    "sizeof",     "static",       "static_assert",
    "static_cast", "struct",   "switch",   "template",  "this",       "thread_local", "throw",
    "true",        "try",      "typedef",  "typeid",    "typename",   "union",        "unsigned",
    "using",       "virtual",  "void",     "volatile",  "wchar_t",    "while",        "xor",
    "xor_eq",      "typeof",   "linux",    "unix",      "which",
};

char *to_identifier(const char *snake)
{
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++)
        if (strcmp(snake, taken[i]) == 0)
            return xprintf("%s_", snake);
    return xprintf("%s", snake);
}

FILE *out_open(const char *path)
{
    char *copy = xprintf("%s", path);
    for (char *at = copy; *at != 0; at++) {
        if (*at != '/' || at == copy)
            continue;
        *at = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            die("cannot make the directory %s: %s", copy, strerror(errno));
        *at = '/';
    }
    FILE *out = fopen(path, "w");
    if (out == NULL)
        die("cannot write %s: %s", path, strerror(errno));
    return out;
}

void out_close(FILE *out, const char *path)
{
    if (ferror(out) != 0 || fclose(out) != 0)
        die("cannot write %s: %s", path, strerror(errno));
}
