/*
 * Messages from values a person wrote, by the schema as data: the other direction of show.h. For shells and
 * whatever else calls methods that it was not compiled for.
 *
 * A value says what it is (a number, a text, a list of values, ...), not what type it is for; here it meets
 * the field's type, and is refused with a sentence if it does not fit. Schema nodes may come from somebody
 * else: nothing in them is believed, an offset outside its struct is refused like a wrong value.
 *
 * Freestanding; allocates nothing; never blocks. Nesting is limited (CAPNP_BUILD_DEPTH).
 */
#pragma once
#include "capnp.h"
#include "schema.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CAPNP_BUILD_DEPTH = 16, CAPNP_BUILD_ERROR_BYTES = 200 };

enum capnp_value_kind {
    CAPNP_VALUE_NULL, /* the field's default */
    CAPNP_VALUE_BOOL,
    CAPNP_VALUE_INTEGER,
    CAPNP_VALUE_FLOAT,
    CAPNP_VALUE_TEXT,   /* "...": also good for Data */
    CAPNP_VALUE_DATA,   /* 0x"..." */
    CAPNP_VALUE_WORD,   /* an enumerant, or `void` */
    CAPNP_VALUE_LIST,   /* also good for a struct of nothing but Bool: the words of those that are true */
    CAPNP_VALUE_STRUCT, /* members, each with a name or, counting from the first field, without */
    CAPNP_VALUE_CAP
};

struct capnp_value {
    enum capnp_value_kind kind;
    bool negative;      /* of an integer */
    uint64_t magnitude; /* of an integer; 0 or 1 of a bool */
    double real;
    struct capnp_text bytes; /* of a text, data or word */
    cap_any cap;
    uint64_t interface_id;     /* of the capability */
    struct capnp_text name;    /* as a member of a struct; len 0: by position */
    struct capnp_value *first; /* of a list's elements or a struct's members */
    struct capnp_value *next;
    uint32_t at; /* where it was written, for the caller's messages */
};

struct capnp_build {
    const struct capnp_schema *schema;
    const struct capnp_value *wrong;     /* after a refusal: which value */
    char error[CAPNP_BUILD_ERROR_BYTES]; /* and why, a sentence that names the field and what was expected */
};

/*
 * Writes the message of the struct `node_id` with these members (a value of kind STRUCT) into the `limit`
 * bytes at `bytes` (8-byte aligned), and what capabilities it refers to into `caps`. *cap_count receives
 * their number.
 *
 * Returns the bytes, or CAPOS_ERR_BAD_MESSAGE: a value does not fit the schema, or CAPOS_ERR_TOO_LARGE: it
 * does not fit the memory, or nests too deep. Then build->error says more; build->wrong is null if no value
 * is to blame.
 */
int32_t capnp_build_message(struct capnp_build *build, uint64_t node_id, const struct capnp_value *members,
                            void *bytes, size_t limit, struct cap_transfer *caps, size_t cap_limit,
                            size_t *cap_count);

/* The field of this name in a struct's node, or null. */
const struct capnp_schema_field *capnp_field_named(const struct capnp_schema_node *node,
                                                   struct capnp_text name);

#ifdef __cplusplus
}
#endif
