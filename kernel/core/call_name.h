/*
 * What a ring entry asks for, in words: for a panic, which says what the kernel was doing.
 */
#pragma once
#include "object/object.h"
#include <capos/ring.h>

/* A name table of the schema's interfaces (tool/kernel-names/names.c makes it: what <interfaces.h> has
 * besides would make the kernel a tenth larger). `names`: the interface's, then its methods' in the order of
 * their ids, each with its NUL; an empty one is the end. By ascending id. */
struct interface_names {
    uint64_t interface_id;
    const char *names;
};
extern const struct interface_names interface_names[];
extern const size_t interface_names_count;

/*
 * Writes for example `call of Timer.sleep on capability 0x4003` into out, NUL-terminated and cut off if need
 * be. `type` is what that capability is, or null. What has no name is said by number. Pure.
 */
void call_describe(const struct capos_sqe *sqe, const struct object_type *type, char *out, size_t size_bytes);

/* The entry that this CPU executes for its current thread, or executed last, in such words, with the thread
 * and its process. False: no thread runs here. Takes no lock and trusts nothing it finds: for panic(). */
bool call_describe_current(char *out, size_t size_bytes);
