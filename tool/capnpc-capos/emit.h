/* The emitters, one file each, and what they share (emit.c). Paths are relative to the output directory. */
#pragma once
#include "ir.h"

void emit_header(const struct ir_file *file);        /* capos/NAME.h */
void emit_server_header(const struct ir_file *file); /* capos/NAME_server.h */
void emit_types(const struct ir_file *file);         /* NAME_types.c */
void emit_server(const struct ir_file *file);        /* NAME_server.c */
void emit_client(const struct ir_file *file);        /* NAME_client.c */
void emit_reference(const struct ir_file *file);     /* reference/NAME.md */
void emit_interfaces(const struct ir *ir);           /* interfaces.h, interfaces.c */
void emit_reflection(const struct ir *ir);           /* reflection.c */
void emit_lock(const struct ir *ir);                 /* abi.lock */

/* ---- Shared ---- */

/* "/" "* Generated ... edit schema/timer.capnp instead. *" "/" */
void emit_banner(FILE *out, const struct ir_file *file);
/* A documentation comment as a C comment, indented; nothing if there is none. */
void emit_doc(FILE *out, const char *doc, int indent);
/* The C type of a field's value: `uint64_t`, `struct capnp_text`, `cap_timer`. */
const char *c_type(const struct ir_type *type);
/* The enum capnp_element constant with which lists of this kind are read and written. */
const char *c_element(enum ir_kind kind);
/* Methods with this many parameters or fewer get a client function that takes them one by one. */
enum { FLAT_PARAMS_MAX = 4 };
bool method_is_flat(const struct ir_method *method);
/* What a field is called as a parameter of a flat call: not as the parameters that every call has. */
const char *flat_name(const struct ir_field *field);
/* Parameter lists of a client function: `cap_timer self, uint64_t duration_ns`. */
void emit_call_params(FILE *out, const struct ir_node *interface, const struct ir_method *method, bool flat);
/* Pointer fields of struct, groups included, that are capabilities: how many records a message of it can
 * need, for structs without lists or nested structs. */
size_t struct_cap_count(const struct ir_node *node);

#define EACH_NODE(node, file, wanted)                                                         \
    for (const struct ir_node *node = (file)->first; node != NULL; node = node->next_in_file) \
        if (node->kind == (wanted))
