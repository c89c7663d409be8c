/* help: the list, and what there is to say about each command, program and interface. */
#pragma once
#include "eval.h"

/* The line's `help`, `help WORD` or `help @NAME`. False: line->problem. */
bool help_run(struct eval *eval);
/* Every word that has a text, null behind the last; for completion. */
const char *help_topic(size_t index);
/* An interface's methods with types and documentation; `at`, `len`: whom a problem is about. */
bool help_interface(struct eval *eval, uint64_t interface_id, uint32_t at, uint32_t len);
