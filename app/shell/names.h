/*
 * What the shell holds: names for capabilities. Pure; a fixed table.
 */
#pragma once
#include <capnp/capnp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAMES_MAX = 64, NAME_BYTES = 41, ORIGIN_BYTES = 64 };

struct held {
    uint32_t id; /* CAPNP_CAP_NONE: nothing */
    uint64_t interface_id;
    uint32_t revoker; /* CAPNP_CAP_NONE: it cannot be revoked from here */
};

struct name {
    char name[NAME_BYTES];
    char origin[ORIGIN_BYTES];
    struct held held;
    bool revoked;
    bool needed; /* by the shell itself: it stays */
};

struct names {
    struct name items[NAMES_MAX];
    size_t count;
};

/* Null: there is none. */
struct name *names_find(struct names *names, struct capnp_text name);
/* The first that is of this interface. */
struct name *names_of_interface(struct names *names, uint64_t interface_id);
/* A new name, or the same with another capability: what it stood for is then in *old, for the caller to give
 * up (id CAPNP_CAP_NONE: nothing). False: the table is full, or the name too long. */
bool names_bind(struct names *names, struct capnp_text name, struct held held, const char *origin,
                struct held *old);
void names_remove(struct names *names, struct name *name);
