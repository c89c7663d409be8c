/*
 * Building a CapSet (abi/capos/capset.h): first planned, so that everything that can be wrong with names and
 * arguments is found before a process exists, then written.
 */
#pragma once
#include "core/launch.h"
#include <capos/capset.h>

struct aspace;

struct capset_layout {
    uint32_t entries_offset, argv_offset, envp_offset, text_offset;
    uint32_t argc, envc;
    uint64_t total_bytes;
};

/* BAD_MESSAGE or TOO_LARGE with *why. */
CHECKED status_t capset_plan(const struct launch *launch, struct capset_layout *out, const char **why);
/* Writes it at `address`, where layout->total_bytes are mapped writable and zero. `header` brings the fields
 * that this module does not know. */
CHECKED status_t capset_write(struct aspace *aspace, uaddr_t address, const struct launch *launch,
                              const struct capset_layout *layout, struct capos_capset_header *header,
                              const uint32_t *cap_ids, const uint64_t *interface_ids);
