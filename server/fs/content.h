/*
 * The bytes of one file. Sparse: only blocks that were written take memory, and what was never written reads
 * as zeros. Bytes behind the end are always zero, so growing a file never shows old ones.
 *
 * A file whose memory was asked for (File.backing) lies in one piece instead, a "segment" that comes from
 * segment.h and that clients have mapped. It grows by moving to a longer one. Not thread-safe: the file
 * system's lock protects it.
 */
#pragma once
#include "quota.h"
#include <base/rbtree.h>
#include <stdbool.h>
#include <stddef.h>

enum { FS_BLOCK_BYTES = 4096 };
#define FS_FILE_BYTES_MAX (UINT64_C(1) << 40) /* sparse files can be longer than any memory */

struct fs_segment;

struct fs_content {
    struct rb_root blocks; /* struct fs_block by index; empty while there is a segment */
    struct fs_segment *segment;
    uint64_t size;
    uint64_t allocated_bytes; /* = charged to the quota */
    struct fs_quota *quota;   /* borrowed from the node */
};

void fs_content_init(struct fs_content *content, struct fs_quota *quota);
/* Gives everything back. */
void fs_content_fini(struct fs_content *content);

/* As many of `len` bytes as there are from `offset` on; how many. */
size_t fs_content_read(const struct fs_content *content, uint64_t offset, void *out, size_t len);
/* All or nothing: OK, TOO_LARGE, NO_SPACE, OVER_QUOTA. At most FS_BLOCK_BYTES. */
enum cap_fs_status fs_content_write(struct fs_content *content, uint64_t offset, const void *bytes,
                                    size_t len);
/* OK, TOO_LARGE; also NO_SPACE, OVER_QUOTA for a file with a segment that has to grow. */
enum cap_fs_status fs_content_truncate(struct fs_content *content, uint64_t size);
/* Who wants a segment: one who may write, and will or will not make the file longer; one who may only look,
 * and for whom the file does not take more than FS_SEGMENT_EXTRA_BYTES that it did not take before: a page
 * that was not full, the header's. */
enum fs_segment_use { FS_SEGMENT_WRITES, FS_SEGMENT_GROWS, FS_SEGMENT_LOOKS };
enum { FS_SEGMENT_EXTRA_BYTES = 2 * FS_BLOCK_BYTES };
/* From now on the file has a segment, with room to grow if that is wanted. OK, NO_SPACE, OVER_QUOTA;
 * TOO_LARGE: longer than FS_SEGMENT_BYTES_MAX. READ_ONLY: that would fill holes for one who may not write. */
enum cap_fs_status fs_content_make_segment(struct fs_content *content, enum fs_segment_use use);
