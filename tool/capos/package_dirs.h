/*
 * The part of a boot package that is there for --dir: for each folder a file server of its own that starts
 * with the snapshot, and the capability to its root for whoever is to have it.
 */
#pragma once
#include "dirs.h"
#include <capos/manifest.h>

/* Arrays for the native manifest; what they point to lives as long as this and the list. */
struct dir_parts {
    size_t count;
    struct cap_binary *binaries; /* count + 1: the server's in front */
    struct cap_program *services;
    struct cap_cap_grant *caps; /* for the program */
    struct dir_strings *strings;
    size_t size_bytes;     /* of the message, at most */
    uint64_t frames;       /* what the services take */
    uint64_t kernel_bytes; /* the same; 0: a share */
};

void dir_parts_make(struct dir_parts *parts, const struct dir_list *dirs, const struct buffer *server);
/* Without this the services take a share of what init has of the kernel's heap, and then of the rest, ... */
void dir_parts_limit(struct dir_parts *parts);
void dir_parts_free(struct dir_parts *parts);
/* Whether init must hold it for such services. */
bool dir_parts_need(enum cap_kernel_cap source);

/* The package of a system with a service named `service`, which gets the folders besides. False: it has none,
 * or is malformed. */
bool package_add_dirs(const struct buffer *package, const char *service, const struct dir_list *dirs,
                      const struct buffer *server, struct buffer *out, struct sentence *why);
