/*
 * Memory in one piece that this process and its clients see: a MemoryObject in the guest (segment.c), plain
 * memory in host tests. With it goes a header page that tells clients the file's size
 * (abi/capos/file_header.h).
 */
#pragma once
#include <capos/memory.h>
#include <stdbool.h>
#include <stdint.h>

#define FS_SEGMENT_BYTES_MAX (UINT64_C(1) << 30)

struct fs_segment {
    uint8_t *bytes;
    uint64_t capacity_bytes; /* a multiple of the page size */
    struct capos_file_header *header;
    cap_memory_object data, header_object;
};

/* Zeroed memory of that capacity, and a header that says `valid`. Null: no memory. */
struct fs_segment *fs_segment_create(uint64_t capacity_bytes);
/* Tells clients that this is not the file's memory any more, and gives up this process' hold on it. */
void fs_segment_retire(struct fs_segment *segment);
/* Capabilities for a client, ready to be returned to it: the memory, read-only unless `writable`, and the
 * header. Negative: a capos_error. */
int32_t fs_segment_share(const struct fs_segment *segment, bool writable, cap_memory_object *data,
                         cap_memory_object *header);
/* What clients see; called after every change of size or content. */
void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes);
