/*
 * The CodeGeneratorRequest that `capnp compile` writes to a plugin, seen through the project's own reader.
 *
 * The request is itself a Cap'n Proto message, described by the compiler's schema.capnp. Our generator cannot
 * read it with code that it has yet to generate, so the places of the fields it needs are written down here
 * by hand: byte offsets in the data section (bits for Bool), indexes in the pointer section, union tags. They
 * are what `capnp compile -ocapnp /usr/include/capnp/schema.capnp` prints in its comments; the suite
 * gen-bootstrap compares.
 */
#pragma once
#include "capnp.h"

enum {
    REQ_NODES_PTR = 0,
    REQ_REQUESTED_FILES_PTR = 1,
    REQ_SOURCE_INFO_PTR = 3,

    REQ_FILE_ID = 0,
    REQ_FILE_FILENAME_PTR = 0,

    REQ_NODE_ID = 0,
    REQ_NODE_DISPLAY_NAME_PTR = 0,
    REQ_NODE_TAG = 12,
    REQ_NODE_SCOPE_ID = 16,
    REQ_NODE_NESTED_NODES_PTR = 1,
    REQ_NODE_IS_GENERIC_BIT = 288,
    REQ_NODE_STRUCT_DATA_WORD_COUNT = 14,
    REQ_NODE_STRUCT_POINTER_COUNT = 24,
    REQ_NODE_STRUCT_IS_GROUP_BIT = 224,
    REQ_NODE_STRUCT_DISCRIMINANT_COUNT = 30,
    REQ_NODE_STRUCT_DISCRIMINANT_OFFSET = 32,
    REQ_NODE_STRUCT_FIELDS_PTR = 3,
    REQ_NODE_ENUM_ENUMERANTS_PTR = 3,
    REQ_NODE_INTERFACE_METHODS_PTR = 3,
    REQ_NODE_INTERFACE_SUPERCLASSES_PTR = 4,
    REQ_NODE_CONST_TYPE_PTR = 3,
    REQ_NODE_CONST_VALUE_PTR = 4,

    REQ_NESTED_NODE_NAME_PTR = 0,
    REQ_NESTED_NODE_ID = 0,

    REQ_SOURCE_INFO_ID = 0,
    REQ_SOURCE_INFO_DOC_COMMENT_PTR = 0,
    REQ_SOURCE_INFO_MEMBERS_PTR = 1,
    REQ_MEMBER_DOC_COMMENT_PTR = 0,

    REQ_FIELD_NAME_PTR = 0,
    REQ_FIELD_CODE_ORDER = 0,
    REQ_FIELD_DISCRIMINANT_VALUE = 2, /* XOR 65535, its default */
    REQ_FIELD_SLOT_OFFSET = 4,
    REQ_FIELD_TAG = 8,
    REQ_FIELD_ORDINAL_TAG = 10,
    REQ_FIELD_ORDINAL_EXPLICIT = 12,
    REQ_FIELD_GROUP_TYPE_ID = 16,
    REQ_FIELD_SLOT_TYPE_PTR = 2,
    REQ_FIELD_SLOT_DEFAULT_VALUE_PTR = 3,

    REQ_ENUMERANT_NAME_PTR = 0,

    REQ_METHOD_NAME_PTR = 0,
    REQ_METHOD_PARAM_STRUCT_TYPE = 8,
    REQ_METHOD_RESULT_STRUCT_TYPE = 16,
    REQ_METHOD_IMPLICIT_PARAMETERS_PTR = 4,

    REQ_TYPE_TAG = 0,
    REQ_TYPE_TYPE_ID = 8,
    REQ_TYPE_LIST_ELEMENT_TYPE_PTR = 0,
    REQ_TYPE_ANY_POINTER_TAG = 8,
    REQ_TYPE_UNCONSTRAINED_TAG = 10,

    REQ_VALUE_TAG = 0,
    REQ_VALUE_8_16 = 2, /* bool, 8 and 16 bit values and enumerants */
    REQ_VALUE_32 = 4,
    REQ_VALUE_64 = 8,
    REQ_VALUE_PTR = 0,
};

enum req_node_tag {
    REQ_NODE_FILE = 0,
    REQ_NODE_STRUCT = 1,
    REQ_NODE_ENUM = 2,
    REQ_NODE_INTERFACE = 3,
    REQ_NODE_CONST = 4,
    REQ_NODE_ANNOTATION = 5,
};

enum { REQ_FIELD_SLOT = 0, REQ_FIELD_GROUP = 1 };
enum { REQ_ANY_UNCONSTRAINED = 0, REQ_ANY_CAPABILITY = 3 };

enum req_type_tag {
    REQ_TYPE_VOID = 0,
    REQ_TYPE_BOOL = 1,
    REQ_TYPE_INT8 = 2,
    REQ_TYPE_INT16 = 3,
    REQ_TYPE_INT32 = 4,
    REQ_TYPE_INT64 = 5,
    REQ_TYPE_UINT8 = 6,
    REQ_TYPE_UINT16 = 7,
    REQ_TYPE_UINT32 = 8,
    REQ_TYPE_UINT64 = 9,
    REQ_TYPE_FLOAT32 = 10,
    REQ_TYPE_FLOAT64 = 11,
    REQ_TYPE_TEXT = 12,
    REQ_TYPE_DATA = 13,
    REQ_TYPE_LIST = 14,
    REQ_TYPE_ENUM = 15,
    REQ_TYPE_STRUCT = 16,
    REQ_TYPE_INTERFACE = 17,
    REQ_TYPE_ANY_POINTER = 18,
};

/* Pointer fields and list elements of the request. A request that cannot be read ends the program with a
 * sentence. */
struct capnp_struct req_struct(struct capnp_struct from, uint16_t index);
struct capnp_list req_list(struct capnp_struct from, uint16_t index);
struct capnp_struct req_at(const struct capnp_list *list, size_t index);
/* A NUL-terminated text that lives as long as the request. */
const char *req_text(struct capnp_struct from, uint16_t index);
