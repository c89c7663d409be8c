#include "quota.h"
#include "alloc.h"

struct fs_quota *fs_quota_create(struct fs_quota *outer, uint64_t limit_bytes, uint64_t limit_nodes)
{
    struct fs_quota *quota = malloc(sizeof(*quota));
    if (quota == NULL)
        return NULL;
    *quota = (struct fs_quota){
        .outer = outer,
        .references = 1,
        .limit_bytes = limit_bytes == 0 ? UINT64_MAX : limit_bytes,
        .limit_nodes = limit_nodes == 0 ? UINT64_MAX : limit_nodes,
    };
    if (outer != NULL)
        fs_quota_get(outer);
    return quota;
}

void fs_quota_get(struct fs_quota *quota)
{
    quota->references++;
}

void fs_quota_put(struct fs_quota *quota)
{
    while (quota != NULL && --quota->references == 0) {
        struct fs_quota *outer = quota->outer;
        free(quota);
        quota = outer;
    }
}

static bool fits(const struct fs_quota *quota, uint64_t bytes, uint64_t nodes)
{
    return bytes <= quota->limit_bytes - quota->used_bytes && nodes <= quota->limit_nodes - quota->used_nodes;
}

unsigned fs_quota_depth(const struct fs_quota *quota)
{
    unsigned depth = 0;
    for (; quota != NULL; quota = quota->outer)
        depth++;
    return depth;
}

bool fs_quota_is_within(const struct fs_quota *quota, const struct fs_quota *outer)
{
    while (quota != NULL && quota != outer)
        quota = quota->outer;
    return quota == outer;
}

enum cap_fs_status fs_quota_charge_below(struct fs_quota *quota, const struct fs_quota *outer, uint64_t bytes,
                                         uint64_t nodes)
{
    for (const struct fs_quota *at = quota; at != outer; at = at->outer) {
        if (!fits(at, bytes, nodes))
            return at->outer == NULL ? CAP_FS_STATUS_NO_SPACE : CAP_FS_STATUS_OVER_QUOTA;
    }
    for (; quota != outer; quota = quota->outer) {
        quota->used_bytes += bytes;
        quota->used_nodes += nodes;
    }
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_quota_charge(struct fs_quota *quota, uint64_t bytes, uint64_t nodes)
{
    return fs_quota_charge_below(quota, NULL, bytes, nodes);
}

void fs_quota_refund(struct fs_quota *quota, uint64_t bytes, uint64_t nodes)
{
    for (; quota != NULL; quota = quota->outer) {
        quota->used_bytes -= bytes;
        quota->used_nodes -= nodes;
    }
}
