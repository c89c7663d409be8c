/* The FileSystem interface: the administrator's side. */
#include "server.h"
#include <capos/fs_server.h>

static int32_t mint(struct cap_call *call, const struct facet *like, cap_directory *out)
{
    cap_any minted = {0};
    int32_t status = facet_derive(call, like, false, false, CAP_DIRECTORY_INTERFACE_ID, &minted);
    *out = (cap_directory){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t admin_root(void *self, struct cap_call *call, struct cap_file_system_root_results *results)
{
    (void)self;
    const struct facet like = {.kind = FACET_DIRECTORY, .node = fs.root, .quota = fs.space};
    fs_lock();
    int32_t status = mint(call, &like, &results->directory);
    fs_unlock();
    return status;
}

/* The tree lives as long as its root's facets. */
static int32_t new_tree(struct cap_call *call, const struct cap_file_system_new_tree_params *params,
                        struct cap_file_system_new_tree_results *results)
{
    struct facet facet = {.kind = FACET_DIRECTORY};
    cap_any minted = {0};
    facet.quota = fs_quota_create(fs.space, params->max_bytes, params->max_nodes);
    if (facet.quota == NULL) {
        results->status = CAP_FS_STATUS_NO_SPACE;
        return CAPOS_OK;
    }
    results->status = fs_root_create(&fs.tree, facet.quota, fs_now_ns(), &facet.node);
    if (results->status != CAP_FS_STATUS_OK) {
        fs_quota_put(facet.quota);
        return CAPOS_OK;
    }
    int32_t status = facet_create(call, &facet, CAP_DIRECTORY_INTERFACE_ID, &minted);
    if (status < 0) {
        fs_node_put(facet.node);
        fs_quota_put(facet.quota);
    }
    results->directory = (cap_directory){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t admin_new_tree(void *self, struct cap_call *call,
                              const struct cap_file_system_new_tree_params *params,
                              struct cap_file_system_new_tree_results *results)
{
    (void)self;
    fs_lock();
    int32_t status = new_tree(call, params, results);
    fs_unlock();
    return status;
}

static int32_t admin_store(void *self, struct cap_call *call, struct cap_file_system_store_results *results)
{
    const struct facet like = {.kind = FACET_STORE, .account = fs.account};
    cap_any minted = {0};
    (void)self;
    fs_lock();
    int32_t status = facet_derive(call, &like, false, false, CAP_STORE_INTERFACE_ID, &minted);
    fs_unlock();
    results->store = (cap_store){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t admin_namespace(void *self, struct cap_call *call,
                               struct cap_file_system_namespace_results *results)
{
    const struct facet like = {.kind = FACET_NAMESPACE, .quota = fs.names};
    cap_any minted = {0};
    (void)self;
    fs_lock();
    int32_t status = facet_derive(call, &like, false, false, CAP_NAMESPACE_INTERFACE_ID, &minted);
    fs_unlock();
    results->namespace_ = (cap_namespace){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t admin_stats(void *self, struct cap_call *call, struct cap_file_system_stats_results *results)
{
    (void)self;
    (void)call;
    fs_lock();
    results->used_bytes = fs.space->used_bytes;
    results->limit_bytes = fs.space->limit_bytes;
    results->nodes = fs.tree.node_count;
    results->open_files = fs.facet_count;
    results->clients = fs.client_count;
    fs_unlock();
    return CAPOS_OK;
}

const struct cap_file_system_server admin_ops = {
    .root = admin_root,
    .new_tree = admin_new_tree,
    .store = admin_store,
    .namespace_ = admin_namespace,
    .stats = admin_stats,
};
