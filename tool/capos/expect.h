/*
 * Transcripts: what a run must print. One expectation a line, in order:
 *
 *   some text        a line of the output equals it or holds it
 *   /regex/          a line matches it (POSIX extended)
 *   !text !/regex/   no line may hold it, anywhere
 *   # ...            a comment; blank lines are ignored too
 *
 * and at the top, before the first expectation: %exit N (of init; default 0), %cpus N, %memory SIZE, %timeout
 * S. A line matches behind the line that the expectation before it matched. Whatever it says, a run with
 * `panic:` in its output fails.
 */
#pragma once
#include "buffer.h"
#include "sentence.h"
#include <regex.h>

struct expectation {
    char *text; /* as written, without the ! */
    unsigned line_number;
    bool forbidden;
    bool is_regex;
    regex_t regex;
};

struct expect {
    struct expectation *items;
    size_t count;
    int64_t exit_code;
    unsigned cpus;       /* 0: not said */
    unsigned memory_mib; /* 0: not said */
    unsigned timeout_s;
};

enum { EXPECT_TIMEOUT_DEFAULT_S = 60 };

/* On failure the sentence begins with FILE:LINE. expect_free in both cases. */
bool expect_parse(const char *file, const char *text, size_t size, struct expect *out, struct sentence *why);
/* Compares. On failure `report` says what is missing or forbidden and what came nearest. */
bool expect_compare(const struct expect *expect, const char *output, size_t size, struct buffer *report);
void expect_free(struct expect *expect);
