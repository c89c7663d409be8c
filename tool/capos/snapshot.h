/*
 * A folder of the host as a FileTree message: files, folders and links as they are at this moment.
 *
 * Links are kept as links: none is followed, also not `host` below its last name. What is neither file,
 * folder nor link is refused by name, and so is what cannot be read. A folder that says it is a cache
 * (CACHEDIR.TAG, bford.info/cachedir) is left out, and that is said on stderr. The same folder gives the same
 * message.
 */
#pragma once
#include "buffer.h"
#include "sentence.h"

enum { SNAPSHOT_BYTES_MAX = 64 << 20, SNAPSHOT_NODES_MAX = 65536, SNAPSHOT_DEPTH_MAX = 256 };

/* Appends the message. False, with a sentence that names the place: no folder, an unreadable or odd file, or
 * more than the limits above. */
bool snapshot_take(const char *host, struct buffer *out, struct sentence *why);
