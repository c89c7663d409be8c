/*
 * The CapSet: the read-only pages that tell a new process what it was granted, and the entry contract.
 *
 * At entry: RDI = address of the thread's ring, RSI = process id, RDX = address of the CapSet (never 0 in the
 * first thread), RSP 16-byte aligned with no return address pushed, all other registers zero, direction flag
 * clear, x87 and SSE state at their reset values, FS base = the thread control block: its first word holds
 * its own address, and the program's PT_TLS image lies initialised right below it (System V ABI, TLS variant
 * II). A static-PIE program relocates itself (its own _DYNAMIC) before anything else.
 *
 * The CapSet lists the grants in the order of the manifest or spawn call, then points at argv and envp, which
 * lie in the same read-only pages as arrays of capos_string records: offsets from the CapSet's address.
 */
#pragma once
#include <capos/limits.h>
#include <capos/ring.h>

#define CAPOS_CAPSET_MAGIC   0x53706163u /* "capS" */
#define CAPOS_CAPSET_VERSION 1u

struct capos_capset_header {
    uint32_t magic;
    uint16_t version;
    uint16_t header_bytes;
    uint32_t entry_count;
    uint32_t entries_offset; /* of struct capos_capset_entry[entry_count] */
    uint32_t argc;
    uint32_t argv_offset; /* of struct capos_string[argc] */
    uint32_t envc;
    uint32_t envp_offset;
    uint64_t stack_low; /* the first thread's stack: [stack_low, stack_high) may be touched */
    uint64_t stack_high;
    uint64_t image_base; /* load address minus the lowest p_vaddr's page (0 for a fixed-address program) */
    uint64_t tls_image;  /* PT_TLS: address of the initial bytes (0 if none) */
    uint64_t tls_file_bytes;
    uint64_t tls_size_bytes;
    uint64_t tls_align;
    uint64_t total_bytes; /* of the whole CapSet, strings included */
    uint64_t reserved[4];
};

struct capos_capset_entry {
    uint32_t cap_id;
    uint16_t name_len;
    uint16_t reserved;
    uint64_t interface_id;
    char name[CAPOS_CAP_NAME_MAX + 8]; /* NUL-terminated, zero-filled */
};

struct capos_string {
    uint32_t offset; /* of NUL-terminated text */
    uint32_t len;    /* without the NUL */
};

CAPOS_ABI_ASSERT(sizeof(struct capos_capset_header) == 128);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, entry_count) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, entries_offset) == 12);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, argc) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, argv_offset) == 20);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, envc) == 24);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, envp_offset) == 28);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, stack_low) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, stack_high) == 40);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, image_base) == 48);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, tls_image) == 56);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, tls_file_bytes) == 64);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, tls_size_bytes) == 72);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, tls_align) == 80);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_header, total_bytes) == 88);
CAPOS_ABI_ASSERT(sizeof(struct capos_capset_entry) == 64);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_entry, interface_id) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_capset_entry, name) == 16);
CAPOS_ABI_ASSERT(sizeof(struct capos_string) == 8);
