/*
 * Messages as text a person can read, by the schema as data: `monotonicNs = 12000, tick = 1`. For traces and
 * shells.
 *
 * Freestanding; allocates nothing; never blocks. Nesting is limited (CAPNP_SHOW_DEPTH), lengths by the
 * caller: what is left out shows as `...`. A malformed part shows as `<malformed>` and the rest goes on,
 * since whoever looks at a message wants to see what is there.
 */
#pragma once
#include "capnp.h"
#include "schema.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CAPNP_SHOW_DEPTH = 16 };

struct capnp_show {
    const struct capnp_schema *schema;
    void (*write)(void *self, const char *bytes, size_t len);
    void *self;
    size_t blob_limit;  /* bytes of a text or data that are shown; 0: all */
    size_t list_limit;  /* elements of a list that are shown; 0: all */
    bool show_defaults; /* also fields that have their default value */
};

/* The fields of a struct, separated by commas, without parentheses; of a union the member that is set.
 * `node_id` unknown to the schema: `<unknown 0x...>`. */
void capnp_show_fields(const struct capnp_show *show, uint64_t node_id, const struct capnp_struct *from);
/* The root of a framed message: `fields`, or `<malformed>`. `len` 0 is the message of all defaults. */
void capnp_show_message(const struct capnp_show *show, uint64_t node_id, const void *bytes, size_t len,
                        const struct cap_transfer *caps, size_t cap_count);
/* The name of a type, `List(Text)`. */
void capnp_show_type(const struct capnp_show *show, const struct capnp_schema_field *field);

#ifdef __cplusplus
}
#endif
