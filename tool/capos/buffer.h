/*
 * Growing bytes and word lists for the host program. Running out of memory ends the program with a sentence:
 * a command line tool has nothing better to do. Owners release with buffer_free / words_free.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data; /* always followed by a NUL once anything was appended */
    size_t size;
    size_t capacity;
};

void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_free(struct buffer *buffer);
/* The text so far; never null. */
const char *buffer_string(const struct buffer *buffer);

/* A list of owned strings; `items` ends with a null pointer, so that it serves as an argv. */
struct words {
    char **items;
    size_t count;
};

void words_add(struct words *words, const char *word);
void words_addf(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_free(struct words *words);

/* malloc/realloc/strdup that do not return null. */
void *must_alloc(size_t size);
void *must_realloc(void *memory, size_t size);
char *must_copy(const char *text, size_t len);
char *must_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
