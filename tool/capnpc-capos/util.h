/*
 * What every file of the generator uses: dying with a sentence, memory that is never freed (the program runs
 * for milliseconds), strings, and output files.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints "capnpc-capos: " and the sentence, and exits with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed; dies when there is none. */
void *xcalloc(size_t count, size_t size_bytes);
/* A formatted string. */
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `camelCase` -> `camel_case`; an abbreviation counts as one word (`URLList` -> `url_list`). */
char *to_snake(const char *camel);
/* `camel_case` -> `CAMEL_CASE`. */
char *to_upper(const char *snake);
/* Makes a name usable as a C and C++ identifier: keywords and names this generator uses itself get a trailing
 * `_`. */
char *to_identifier(const char *snake);

/* Opens a file below the output directory for writing, creating the directories in between. */
FILE *out_open(const char *path);
/* Closes it; dies if anything could not be written. */
void out_close(FILE *out, const char *path);
