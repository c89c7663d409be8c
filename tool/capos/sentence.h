/*
 * A sentence for the user, carried up from where a mistake is found to where it is printed. Fixed size:
 * longer text is cut.
 */
#pragma once
#include <stdbool.h>

enum { SENTENCE_MAX = 1024 };

struct sentence {
    char text[SENTENCE_MAX];
};

/* Writes the sentence and returns false, so that a check can end with `return sentence_say(why, ...)`. */
bool sentence_say(struct sentence *sentence, const char *format, ...) __attribute__((format(printf, 2, 3)));
