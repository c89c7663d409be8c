/*
 * The intermediate representation: the request with its ids resolved to pointers, its names made C names, and
 * everything refused that the emitters cannot express. Built once, then read only. `capnpc-capos --dump`
 * prints it.
 */
#pragma once
#include "capnp.h"
#include <stdio.h>

enum ir_kind {
    IR_VOID,
    IR_BOOL,
    IR_INT8,
    IR_INT16,
    IR_INT32,
    IR_INT64,
    IR_UINT8,
    IR_UINT16,
    IR_UINT32,
    IR_UINT64,
    IR_FLOAT32,
    IR_FLOAT64,
    IR_TEXT,
    IR_DATA,
    IR_LIST,
    IR_ENUM,
    IR_STRUCT,
    IR_INTERFACE,
    IR_CAPABILITY, /* the schema's `Capability`: of any interface */
};

struct ir_type {
    enum ir_kind kind;
    enum ir_kind element;       /* of a list */
    const struct ir_node *node; /* of an enum, struct or interface, or of a list's elements of these kinds */
};

struct ir_field {
    const char *name; /* as in the schema */
    const char *c_name;
    const char *c_upper;
    const char *doc;
    struct ir_type type;
    const struct ir_node *group;     /* a group or named union; then `type` means nothing */
    uint32_t offset;                 /* scalars: in units of their size; pointers: index */
    uint64_t default_bits;           /* scalars */
    struct capnp_data default_bytes; /* Text and Data; null bytes: empty */
    uint16_t discriminant;           /* IR_NO_DISCRIMINANT: not a union member */
    uint16_t code_order;
    int ordinal; /* -1: a group has none */
};
#define IR_NO_DISCRIMINANT 0xffffu

struct ir_method {
    const char *name;
    const char *c_name;  /* as a member of the ops struct */
    const char *c_snake; /* as a part of a longer name */
    const char *doc;
    const struct ir_node *params;
    const struct ir_node *results;
};

struct ir_enumerant {
    const char *name;
    const char *c_upper;
    const char *doc;
};

enum ir_node_kind {
    IR_NODE_OTHER, /* files, annotations */
    IR_NODE_STRUCT,
    IR_NODE_ENUM,
    IR_NODE_INTERFACE,
    IR_NODE_CONST,
};

struct ir_node {
    enum ir_node_kind kind;
    uint64_t id;
    const char *path;   /* `CapInfo.Origin` */
    const char *c_name; /* `cap_cap_info_origin` */
    const char *c_upper;
    const char *doc;
    const struct ir_file *file;
    struct ir_node *next_in_file; /* in the order in which C wants them declared */

    /* Structs, groups and parameter lists. */
    bool is_group;
    bool is_params; /* made by the compiler from a method's parameters or results */
    bool is_sent;   /* of those, parameters */
    uint16_t data_words;
    uint16_t pointer_count;
    uint16_t discriminant_count;
    uint32_t discriminant_offset; /* in 16 bit units */
    struct ir_field *fields;
    size_t field_count;

    struct ir_enumerant *enumerants;
    size_t enumerant_count;

    struct ir_method *methods;
    size_t method_count;

    struct ir_type const_type;
    uint64_t const_bits;
    const char *const_text;
};

struct ir_file {
    uint64_t id;
    const char *path; /* `schema/timer.capnp` */
    const char *name; /* `timer` */
    const char *doc;
    bool requested;
    struct ir_node *first;          /* this file's nodes, groups and parameter lists included */
    const struct ir_file **imports; /* files whose types are used, without repetition */
    size_t import_count;
};

struct ir {
    struct ir_file *files;
    size_t file_count;
    struct ir_node **nodes; /* all, in the request's order */
    size_t node_count;
};

/* Reads a request; dies with a sentence if it is malformed or asks for what is not supported. */
struct ir *ir_build(struct capnp_struct request);
void ir_dump(const struct ir *ir, FILE *out);

/* The schema's name of a kind or a type, `List(Text)`. */
const char *ir_kind_name(enum ir_kind kind);
const char *ir_type_name(const struct ir_type *type);
/* Whether values of this kind lie in the pointer section. */
bool ir_is_pointer(enum ir_kind kind);
/* Bits a value takes in the data section. */
unsigned ir_kind_bits(enum ir_kind kind);
/* Whether a struct has any C field: something other than Void. */
bool ir_has_c_fields(const struct ir_node *node);
/* Whether messages of this struct vary in size or hold views: it has a text, data, list or struct somewhere.
 */
bool ir_has_content(const struct ir_node *node);
/* Members of the struct's own union that have a C field. */
size_t ir_union_c_fields(const struct ir_node *node);
