/*
 * ELF64 executables, read with suspicion: static ET_EXEC and static-PIE ET_DYN for x86-64.
 *
 * elf_parse looks at the headers only and accepts nothing that loading could trip over: all sizes and sums
 * are checked, segments are sorted, do not share pages, are never writable and executable at once, and lie in
 * user space.
 */
#pragma once
#include "core/types.h"

struct memory_object;

/* A program file: a part of a memory object. The holder keeps a reference to `memory`. */
struct image {
    struct memory_object *memory; /* null: none */
    uint64_t offset;
    uint64_t size_bytes;
};

/* BAD_ADDRESS if the range is not inside the image. */
CHECKED status_t image_read(const struct image *image, uint64_t offset, void *out, size_t size_bytes);

enum { ELF_SEGMENTS_MAX = 16 };
struct elf_segment {
    uint64_t address; /* p_vaddr, not relocated */
    uint64_t memory_bytes;
    uint64_t file_offset;
    uint64_t file_bytes;
    uint32_t prot; /* enum aspace_prot */
};

struct elf {
    bool position_independent;
    uint64_t entry;
    uint64_t low, high; /* page-aligned bounds of all segments */
    uint64_t align;     /* what the load address must be a multiple of: a power of two from a page to 2 MiB */
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    size_t segment_count;
    uint64_t tls_address, tls_file_bytes, tls_memory_bytes, tls_align; /* all 0 without PT_TLS */
};

/* BAD_MESSAGE with *why set to a sentence ("segment 2 is writable and executable"). */
CHECKED status_t elf_parse(const struct image *image, struct elf *out, const char **why);

/* The function symbol that holds a (file, not relocated) address: its name into `name` and the distance into
 * it. False when the image has no usable symbol table or no such function. Reads hostile tables safely;
 * bounded work. */
bool elf_symbol(const struct image *image, uint64_t address, char *name, size_t name_size,
                uint64_t *out_offset);
