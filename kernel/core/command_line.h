/* The kernel's command line: words separated by spaces, each an option of the form key=value. */
#pragma once
#include "core/types.h"

/* The value of `key` (given with its `=`); the last one counts. Null if there is none. Ends with the word. */
const char *command_line_option(const char *command_line, const char *key, size_t *value_len);
