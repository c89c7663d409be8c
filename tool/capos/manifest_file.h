/*
 * From a manifest file to the bytes of a boot package: .capnp and .json through the real Cap'n Proto
 * compiler, .cue through cue and then as .json, .package as it is. Mistakes are reported on stderr with file,
 * line and field.
 */
#pragma once
#include "buffer.h"

/* False if it was reported. */
bool manifest_load(const char *path, struct buffer *package);
