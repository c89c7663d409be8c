/*
 * The schema as data: what a program needs that reads or writes messages of interfaces it was not compiled
 * for. The code generator writes all of schema/ as a table of these (build/gen/reflection.c); a shell gets
 * them from a SchemaRegistry. Read-only; freestanding.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum capnp_kind {
    CAPNP_KIND_VOID,
    CAPNP_KIND_BOOL,
    CAPNP_KIND_INT8,
    CAPNP_KIND_INT16,
    CAPNP_KIND_INT32,
    CAPNP_KIND_INT64,
    CAPNP_KIND_UINT8,
    CAPNP_KIND_UINT16,
    CAPNP_KIND_UINT32,
    CAPNP_KIND_UINT64,
    CAPNP_KIND_FLOAT32,
    CAPNP_KIND_FLOAT64,
    CAPNP_KIND_TEXT,
    CAPNP_KIND_DATA,
    CAPNP_KIND_LIST,
    CAPNP_KIND_ENUM,
    CAPNP_KIND_STRUCT,
    CAPNP_KIND_INTERFACE,
    CAPNP_KIND_CAPABILITY, /* of any interface */
    CAPNP_KIND_GROUP,      /* fields that share their struct's sections; `node` describes them */
    CAPNP_KIND_COUNT
};

#define CAPNP_NO_DISCRIMINANT 0xffffu

struct capnp_schema_field {
    const char *name;
    const char *doc;       /* null: none */
    uint64_t node;         /* of an enum, struct, interface or group, or of a list's elements; 0: none */
    uint64_t default_bits; /* scalars */
    uint32_t offset;       /* scalars: in units of their size (bool: bits); pointers: index */
    uint16_t discriminant; /* CAPNP_NO_DISCRIMINANT: not a union member */
    uint8_t kind;          /* enum capnp_kind */
    uint8_t element;       /* of a list: enum capnp_kind */
};

struct capnp_schema_method {
    const char *name;
    const char *doc;
    uint64_t params; /* nodes */
    uint64_t results;
};

enum capnp_node_kind { CAPNP_NODE_STRUCT, CAPNP_NODE_ENUM, CAPNP_NODE_INTERFACE };

struct capnp_schema_node {
    uint64_t id;
    const char *name; /* `CapInfo.Origin`; of a parameter list `Timer.nowResults` */
    const char *doc;
    uint8_t kind;        /* enum capnp_node_kind */
    uint16_t data_words; /* structs */
    uint16_t pointer_count;
    uint16_t discriminant_count;
    uint32_t discriminant_offset; /* in 16 bit units */
    const struct capnp_schema_field *fields;
    const char *const *enumerants;
    const struct capnp_schema_method *methods; /* by method id */
    uint32_t count;                            /* of whichever of the three it has */
};

/* Where nodes come from. */
struct capnp_schema {
    /* The node, which lives at least until the next call; null: unknown. */
    const struct capnp_schema_node *(*find)(void *self, uint64_t id);
    void *self;
};

/* Everything in schema/, by ascending id. */
extern const struct capnp_schema_node capnp_schema_nodes[];
extern const size_t capnp_schema_node_count;
/* The same as a source of nodes (schema.c). */
extern const struct capnp_schema capnp_schema_built_in;

#ifdef __cplusplus
}
#endif
