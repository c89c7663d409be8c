/* What could stand in a line at the cursor: commands, programs, capability names, methods, file names. Pure
 * but for the questions it asks the schema and `list_directory`. */
#pragma once
#include "names.h"
#include "syntax.h"
#include <capnp/schema.h>

enum { CANDIDATES_MAX = 64, CANDIDATE_TEXT_BYTES = 4096 };

struct candidates {
    uint32_t start; /* of the bytes that they stand for */
    struct capnp_text items[CANDIDATES_MAX];
    size_t count;
    char text[CANDIDATE_TEXT_BYTES];
    size_t text_len;
};

struct candidate_sources {
    const struct names *names;
    const struct capnp_schema *schema;
    /* Offers each interface's name with candidates_offer. May be null. */
    void (*list_interfaces)(struct candidates *candidates, struct capnp_text begin);
    /* Offers each name in the directory `path` below @root with candidates_offer. May be null. */
    void (*list_directory)(struct candidates *candidates, const char *path, size_t path_len,
                           struct capnp_text begin);
};

void candidates_find(struct candidates *candidates, const struct candidate_sources *sources, const char *line,
                     size_t cursor);
/* Adds `name` and `suffix` if it begins so, as long as there is room. */
void candidates_offer(struct candidates *candidates, struct capnp_text begin, const char *name, size_t len,
                      const char *suffix);
