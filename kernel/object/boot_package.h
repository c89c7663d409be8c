/*
 * The boot package: the one boot module, a framed SystemManifest, kept where the boot loader put it.
 */
#pragma once
#include "core/elf.h"
#include "core/types.h"
#include <capos/manifest.h>

struct boot_info;

/* Decodes and keeps it. BAD_MESSAGE with *why: not exactly one module, unaligned, malformed, or of another
 * version. */
CHECKED status_t boot_package_init(const struct boot_info *boot, const char **why);
const struct cap_system_manifest *boot_package_manifest(void);
/* NOT_FOUND. The image borrows the package's memory object. */
CHECKED status_t boot_package_binary(struct capnp_text name, struct image *out);
