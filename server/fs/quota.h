/*
 * Limits on a sub-tree. Quotas are nested: what is charged to one is charged to all it lies in, so a tree
 * never holds more than the narrowest of them allows. The outermost is the file system's own memory. Not
 * thread-safe: the file system's lock protects them.
 */
#pragma once
#include <capos/fs.h>
#include <stdbool.h>
#include <stdint.h>

enum { FS_QUOTA_DEPTH_MAX = 16 };

struct fs_quota {
    struct fs_quota *outer; /* referenced; null: the outermost */
    uint32_t references;
    uint64_t used_bytes, limit_bytes;
    uint64_t used_nodes, limit_nodes;
};

/* Limits of 0 mean none of its own. One reference. Null: no memory. */
struct fs_quota *fs_quota_create(struct fs_quota *outer, uint64_t limit_bytes, uint64_t limit_nodes);
/* How many it lies in, itself counted. */
unsigned fs_quota_depth(const struct fs_quota *quota);
/* Whether what is charged to `quota` is charged to `outer` as well; also if they are the same. */
bool fs_quota_is_within(const struct fs_quota *quota, const struct fs_quota *outer);
void fs_quota_get(struct fs_quota *quota);
void fs_quota_put(struct fs_quota *quota);

/* All or nothing: OK, OVER_QUOTA, or NO_SPACE when it is the outermost that is used up. */
enum cap_fs_status fs_quota_charge(struct fs_quota *quota, uint64_t bytes, uint64_t nodes);
/* The same for the quotas from this one up to, and without, `outer`, which it is within and which has been
 * charged before. */
enum cap_fs_status fs_quota_charge_below(struct fs_quota *quota, const struct fs_quota *outer, uint64_t bytes,
                                         uint64_t nodes);
/* What was charged. */
void fs_quota_refund(struct fs_quota *quota, uint64_t bytes, uint64_t nodes);
