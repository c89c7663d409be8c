/*
 * Numbers that a person types, with a sentence for those that are none.
 */
#pragma once
#include "sentence.h"

/* "64M", "1G", "65536K", or a plain number of MiB. */
bool memory_size_parse(const char *text, unsigned *out_mib, struct sentence *why);
/* A whole number from min to max; `what` names it in the sentence. */
bool number_parse(const char *text, const char *what, unsigned min, unsigned max, unsigned *out,
                  struct sentence *why);
