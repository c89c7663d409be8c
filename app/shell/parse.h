/* What the parser's two files share: the values inside a line. Not for others. */
#pragma once
#include "scan.h"

/* `@name` and what is done to it. */
bool parse_cap(struct line *line, struct node **out, unsigned depth);
/* `a = 1, 2, b = [3]` up to `closing` (0: the line's end). What separates a name from its value: '=' in
 * arguments and structs, ':' in `with`, 0 in lists. */
bool parse_members(struct line *line, char separator, char closing, struct node **out, unsigned depth);
