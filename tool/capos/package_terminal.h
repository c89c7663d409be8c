/*
 * The part of a boot package that is there for --grant terminal and stdio: a terminal server beside the
 * program. What it is granted is as in system/parts.capnp.
 */
#pragma once
#include "buffer.h"
#include <capos/manifest.h>

struct grant_kind;

enum { TERMINAL_PART_FRAMES = 1024, TERMINAL_PART_KERNEL_BYTES = 400000 };

/* The service and its binary; `server` is its ELF file, borrowed. */
struct cap_program terminal_part_service(void);
struct cap_binary terminal_part_binary(const struct buffer *server);
/* Where such a grant of the program comes from. */
struct cap_cap_grant_source terminal_part_source(const struct grant_kind *kind);
/* Whether init must hold it for the service. */
bool terminal_part_needs(enum cap_kernel_cap source);
