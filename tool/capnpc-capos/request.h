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
    REQ_NODES_PTR = 0,           /* at CodeGeneratorRequest.nodes */
    REQ_REQUESTED_FILES_PTR = 1, /* at CodeGeneratorRequest.requestedFiles */
    REQ_SOURCE_INFO_PTR = 3,     /* at CodeGeneratorRequest.sourceInfo */

    REQ_FILE_ID = 0,           /* at CodeGeneratorRequest.RequestedFile.id */
    REQ_FILE_FILENAME_PTR = 0, /* at CodeGeneratorRequest.RequestedFile.filename */

    REQ_NODE_ID = 0,                          /* at Node.id */
    REQ_NODE_DISPLAY_NAME_PTR = 0,            /* at Node.displayName */
    REQ_NODE_TAG = 12,                        /* at Node.$tag */
    REQ_NODE_SCOPE_ID = 16,                   /* at Node.scopeId */
    REQ_NODE_NESTED_NODES_PTR = 1,            /* at Node.nestedNodes */
    REQ_NODE_IS_GENERIC_BIT = 288,            /* at Node.isGeneric */
    REQ_NODE_STRUCT_DATA_WORD_COUNT = 14,     /* at Node.struct.dataWordCount */
    REQ_NODE_STRUCT_POINTER_COUNT = 24,       /* at Node.struct.pointerCount */
    REQ_NODE_STRUCT_IS_GROUP_BIT = 224,       /* at Node.struct.isGroup */
    REQ_NODE_STRUCT_DISCRIMINANT_COUNT = 30,  /* at Node.struct.discriminantCount */
    REQ_NODE_STRUCT_DISCRIMINANT_OFFSET = 32, /* at Node.struct.discriminantOffset */
    REQ_NODE_STRUCT_FIELDS_PTR = 3,           /* at Node.struct.fields */
    REQ_NODE_ENUM_ENUMERANTS_PTR = 3,         /* at Node.enum.enumerants */
    REQ_NODE_INTERFACE_METHODS_PTR = 3,       /* at Node.interface.methods */
    REQ_NODE_INTERFACE_SUPERCLASSES_PTR = 4,  /* at Node.interface.superclasses */
    REQ_NODE_CONST_TYPE_PTR = 3,              /* at Node.const.type */
    REQ_NODE_CONST_VALUE_PTR = 4,             /* at Node.const.value */

    REQ_NESTED_NODE_NAME_PTR = 0, /* at Node.NestedNode.name */
    REQ_NESTED_NODE_ID = 0,       /* at Node.NestedNode.id */

    REQ_SOURCE_INFO_ID = 0,              /* at Node.SourceInfo.id */
    REQ_SOURCE_INFO_DOC_COMMENT_PTR = 0, /* at Node.SourceInfo.docComment */
    REQ_SOURCE_INFO_MEMBERS_PTR = 1,     /* at Node.SourceInfo.members */
    REQ_MEMBER_DOC_COMMENT_PTR = 0,      /* at Node.SourceInfo.Member.docComment */

    REQ_FIELD_NAME_PTR = 0,               /* at Field.name */
    REQ_FIELD_CODE_ORDER = 0,             /* at Field.codeOrder */
    REQ_FIELD_DISCRIMINANT_VALUE = 2,     /* at Field.discriminantValue ; XOR 65535, its default */
    REQ_FIELD_SLOT_OFFSET = 4,            /* at Field.slot.offset */
    REQ_FIELD_TAG = 8,                    /* at Field.$tag */
    REQ_FIELD_ORDINAL_TAG = 10,           /* at Field.ordinal.$tag */
    REQ_FIELD_ORDINAL_EXPLICIT = 12,      /* at Field.ordinal.explicit */
    REQ_FIELD_GROUP_TYPE_ID = 16,         /* at Field.group.typeId */
    REQ_FIELD_SLOT_TYPE_PTR = 2,          /* at Field.slot.type */
    REQ_FIELD_SLOT_DEFAULT_VALUE_PTR = 3, /* at Field.slot.defaultValue */

    REQ_ENUMERANT_NAME_PTR = 0, /* at Enumerant.name */

    REQ_METHOD_NAME_PTR = 0,                /* at Method.name */
    REQ_METHOD_PARAM_STRUCT_TYPE = 8,       /* at Method.paramStructType */
    REQ_METHOD_RESULT_STRUCT_TYPE = 16,     /* at Method.resultStructType */
    REQ_METHOD_IMPLICIT_PARAMETERS_PTR = 4, /* at Method.implicitParameters */

    REQ_TYPE_TAG = 0,                   /* at Type.$tag */
    REQ_TYPE_TYPE_ID = 8,               /* at Type.struct.typeId */
    REQ_TYPE_LIST_ELEMENT_TYPE_PTR = 0, /* at Type.list.elementType */
    REQ_TYPE_ANY_POINTER_TAG = 8,       /* at Type.anyPointer.$tag */
    REQ_TYPE_UNCONSTRAINED_TAG = 10,    /* at Type.anyPointer.unconstrained.$tag */

    REQ_VALUE_TAG = 0,  /* at Value.$tag */
    REQ_VALUE_8_16 = 2, /* at Value.uint16 ; bool, int8 and enum begin there too */
    REQ_VALUE_32 = 4,   /* at Value.uint32 */
    REQ_VALUE_64 = 8,   /* at Value.uint64 */
    REQ_VALUE_PTR = 0,  /* at Value.text */
};

enum req_node_tag {
    REQ_NODE_FILE = 0,       /* tag Node.file */
    REQ_NODE_STRUCT = 1,     /* tag Node.struct */
    REQ_NODE_ENUM = 2,       /* tag Node.enum */
    REQ_NODE_INTERFACE = 3,  /* tag Node.interface */
    REQ_NODE_CONST = 4,      /* tag Node.const */
    REQ_NODE_ANNOTATION = 5, /* tag Node.annotation */
};

enum {
    REQ_FIELD_SLOT = 0,  /* tag Field.slot */
    REQ_FIELD_GROUP = 1, /* tag Field.group */

    REQ_ANY_UNCONSTRAINED = 0, /* tag Type.anyPointer.unconstrained */
    REQ_ANY_CAPABILITY = 3,    /* tag Type.anyPointer.unconstrained.capability */
};

enum req_type_tag {
    REQ_TYPE_VOID = 0,         /* tag Type.void */
    REQ_TYPE_BOOL = 1,         /* tag Type.bool */
    REQ_TYPE_INT8 = 2,         /* tag Type.int8 */
    REQ_TYPE_INT16 = 3,        /* tag Type.int16 */
    REQ_TYPE_INT32 = 4,        /* tag Type.int32 */
    REQ_TYPE_INT64 = 5,        /* tag Type.int64 */
    REQ_TYPE_UINT8 = 6,        /* tag Type.uint8 */
    REQ_TYPE_UINT16 = 7,       /* tag Type.uint16 */
    REQ_TYPE_UINT32 = 8,       /* tag Type.uint32 */
    REQ_TYPE_UINT64 = 9,       /* tag Type.uint64 */
    REQ_TYPE_FLOAT32 = 10,     /* tag Type.float32 */
    REQ_TYPE_FLOAT64 = 11,     /* tag Type.float64 */
    REQ_TYPE_TEXT = 12,        /* tag Type.text */
    REQ_TYPE_DATA = 13,        /* tag Type.data */
    REQ_TYPE_LIST = 14,        /* tag Type.list */
    REQ_TYPE_ENUM = 15,        /* tag Type.enum */
    REQ_TYPE_STRUCT = 16,      /* tag Type.struct */
    REQ_TYPE_INTERFACE = 17,   /* tag Type.interface */
    REQ_TYPE_ANY_POINTER = 18, /* tag Type.anyPointer */
};

/* Pointer fields and list elements of the request. A request that cannot be read ends the program with a
 * sentence. */
struct capnp_struct req_struct(struct capnp_struct from, uint16_t index);
struct capnp_list req_list(struct capnp_struct from, uint16_t index);
struct capnp_struct req_at(const struct capnp_list *list, size_t index);
/* A NUL-terminated text that lives as long as the request. */
const char *req_text(struct capnp_struct from, uint16_t index);
