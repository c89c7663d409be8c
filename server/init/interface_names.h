/* How manifests call interfaces: by their names in schema/, or by their ids in hexadecimal. */
#pragma once
#include <capnp/capnp.h>
#include <stdbool.h>

/* Reads "Timer" or "0x984b74b4add477b8"; false: it is neither. */
bool interface_named(struct capnp_text text, uint64_t *id);

/* For messages: the name, or null for an interface that is not in schema/. */
const char *interface_name(uint64_t id);
