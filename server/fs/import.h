/*
 * What a file system begins with: the nodes of a FileTree message (schema/filetree.capnp) below its root.
 *
 * The message may be anything: a node stands behind its parent, which is a directory; names are as name_check
 * has them, and used once. What is wrong is said with the node's number. Before anybody is served.
 */
#pragma once
#include "tree.h"

enum { IMPORT_WHY_BYTES = 160 };

/* False, with a sentence: the message is malformed, a node is, or the quota or memory is used up. What was
 * made before that stays. */
bool import_tree(struct fs_node *root, struct fs_quota *quota, const void *bytes, size_t size_bytes,
                 char why[IMPORT_WHY_BYTES]);

/* The same for one of the boot package's binaries, through the capability "boot"; into the server's root. */
bool import_from_boot_package(const char *binary, char why[IMPORT_WHY_BYTES]);
