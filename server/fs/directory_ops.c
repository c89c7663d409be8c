/* The Directory interface. */
#include "server.h"
#include <capos/fs_server.h>
#include "alloc.h"
#include <string.h>

enum { LIST_ENTRIES_MAX = 64, LIST_NAME_BYTES = 4096 };

/* Answers of a call are encoded after the lock was released: what they point at is the thread's own. */
static _Thread_local struct {
    struct cap_dir_entry entries[LIST_ENTRIES_MAX];
    uint8_t names[LIST_NAME_BYTES];
    uint8_t link[FS_LINK_BYTES_MAX];
} answer;

static struct capnp_data copy_link(const struct fs_node *node)
{
    if (node->link.len > 0)
        memcpy(answer.link, node->link.text, node->link.len);
    return (struct capnp_data){answer.link, node->link.len};
}

static enum cap_fs_status check_writable(const struct facet *facet)
{
    return facet->read_only ? CAP_FS_STATUS_READ_ONLY : CAP_FS_STATUS_OK;
}

/* ---- Opening. */

static enum cap_fs_status open_existing(const struct facet *facet, struct fs_node *node,
                                        const struct cap_open_flags *flags, struct capnp_data *link_text)
{
    if (flags->create && flags->exclusive)
        return CAP_FS_STATUS_EXISTS;
    if (node->kind == CAP_NODE_KIND_DIRECTORY)
        return CAP_FS_STATUS_IS_DIRECTORY;
    if (node->kind == CAP_NODE_KIND_LINK) {
        *link_text = copy_link(node);
        return CAP_FS_STATUS_IS_LINK;
    }
    bool wrong = flags->truncate && (facet->read_only || flags->read_only);
    return wrong ? CAP_FS_STATUS_READ_ONLY : CAP_FS_STATUS_OK;
}

/* The node is borrowed. */
static enum cap_fs_status open_node(const struct facet *facet, struct capnp_data name,
                                    const struct cap_open_flags *flags, struct fs_node **node, bool *created,
                                    struct capnp_data *link_text)
{
    enum cap_fs_status status = fs_lookup(facet->node, name, node);
    if (status == CAP_FS_STATUS_OK)
        return open_existing(facet, *node, flags, link_text);
    if (status != CAP_FS_STATUS_NOT_FOUND || !flags->create)
        return status;
    if (facet->read_only)
        return CAP_FS_STATUS_READ_ONLY;
    status = fs_create_file(facet->node, facet->quota, name, fs_now_ns(), node);
    *created = status == CAP_FS_STATUS_OK;
    return status;
}

static int32_t mint_file(const struct facet *directory, struct cap_call *call, struct fs_node *node,
                         bool read_only, bool at_once, cap_file *out)
{
    struct open_file *open = open_file_create();
    if (open == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
    const struct facet like = {.kind = FACET_FILE,
                               .read_only = directory->read_only || read_only,
                               .node = node,
                               .quota = directory->quota,
                               .open = open};
    cap_any minted = {0};
    int32_t status = facet_copy(call, &like, CAP_FILE_INTERFACE_ID, at_once, &minted);
    if (status < 0)
        return status; /* with the last reference `open` is gone */
    *out = (cap_file){.id = minted.id, .mode = minted.mode};
    return CAPOS_OK;
}

/* An open that fails leaves everything as it was: what was made for it goes, and nothing is cut before. */
static void finish_open(const struct facet *facet, const struct cap_directory_open_params *params,
                        struct fs_node *node, bool created, int32_t status)
{
    if (status < 0 && created)
        (void)fs_remove(facet->node, params->name, fs_now_ns());
    if (status < 0 || created || !params->flags.truncate)
        return;
    (void)fs_content_truncate(&node->content, 0); /* to nothing: takes nothing */
    fs_node_touch_content(node, fs_now_ns());
}

static int32_t directory_open(void *self, struct cap_call *call,
                              const struct cap_directory_open_params *params,
                              struct cap_directory_open_results *results)
{
    const struct facet *facet = self;
    struct fs_node *node = NULL;
    int32_t status = CAPOS_OK;
    bool created = false;
    fs_lock();
    results->status = open_node(facet, params->name, &params->flags, &node, &created, &results->link_text);
    if (results->status == CAP_FS_STATUS_OK) {
        status = mint_file(facet, call, node, params->flags.read_only, created || params->flags.truncate,
                           &results->file);
        finish_open(facet, params, node, created, status);
    }
    fs_unlock();
    return status;
}

static int32_t mint_directory(struct cap_call *call, const struct facet *like, cap_directory *out)
{
    cap_any minted = {0};
    int32_t status = facet_derive(call, like, false, false, CAP_DIRECTORY_INTERFACE_ID, &minted);
    *out = (cap_directory){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t directory_sub(void *self, struct cap_call *call, const struct cap_directory_sub_params *params,
                             struct cap_directory_sub_results *results)
{
    struct facet like = *(struct facet *)self;
    int32_t status = CAPOS_OK;
    fs_lock();
    results->status = fs_lookup(like.node, params->name, &like.node);
    if (results->status == CAP_FS_STATUS_OK && like.node->kind == CAP_NODE_KIND_LINK) {
        results->status = CAP_FS_STATUS_IS_LINK;
        results->link_text = copy_link(like.node);
    } else if (results->status == CAP_FS_STATUS_OK && like.node->kind == CAP_NODE_KIND_FILE) {
        results->status = CAP_FS_STATUS_NOT_DIRECTORY;
    }
    if (results->status == CAP_FS_STATUS_OK)
        status = mint_directory(call, &like, &results->directory);
    fs_unlock();
    return status;
}

static int32_t directory_clone(void *self, struct cap_call *call, struct cap_directory_clone_results *results)
{
    fs_lock();
    int32_t status = mint_directory(call, self, &results->directory);
    fs_unlock();
    return status;
}

static int32_t directory_read_only(void *self, struct cap_call *call,
                                   struct cap_directory_read_only_results *results)
{
    struct facet like = *(struct facet *)self;
    like.read_only = true;
    fs_lock();
    int32_t status = mint_directory(call, &like, &results->directory);
    fs_unlock();
    return status;
}

/* Limits within limits within limits: each charge goes through all of them, so there is an end to it. */
static int32_t with_quota(struct cap_call *call, const struct facet *facet,
                          const struct cap_directory_with_quota_params *params,
                          struct cap_directory_with_quota_results *results)
{
    struct facet like = *facet;
    results->status = CAP_FS_STATUS_OVER_QUOTA;
    if (fs_quota_depth(facet->quota) >= FS_QUOTA_DEPTH_MAX)
        return CAPOS_OK;
    results->status = CAP_FS_STATUS_OK;
    like.quota = fs_quota_create(facet->quota, params->max_bytes, params->max_nodes);
    if (like.quota == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
    int32_t status = mint_directory(call, &like, &results->directory);
    fs_quota_put(like.quota);
    return status;
}

static int32_t directory_with_quota(void *self, struct cap_call *call,
                                    const struct cap_directory_with_quota_params *params,
                                    struct cap_directory_with_quota_results *results)
{
    fs_lock();
    int32_t status = with_quota(call, self, params, results);
    fs_unlock();
    return status;
}

/* ---- Looking. */

/* False: no room for it any more. */
static bool list_one(const struct fs_entry *entry, size_t index, size_t *name_bytes)
{
    if (entry->name_len > sizeof answer.names - *name_bytes)
        return false;
    uint8_t *name = answer.names + *name_bytes;
    memcpy(name, entry->name, entry->name_len);
    *name_bytes += entry->name_len;
    answer.entries[index] = (struct cap_dir_entry){
        .name = {name, entry->name_len},
        .kind = entry->node->kind,
        .node = entry->node->id,
        .cookie = entry->cookie,
    };
    return true;
}

static int32_t directory_list(void *self, struct cap_call *call,
                              const struct cap_directory_list_params *params,
                              struct cap_directory_list_results *results)
{
    const struct facet *facet = self;
    size_t limit = params->max_entries < LIST_ENTRIES_MAX ? params->max_entries : LIST_ENTRIES_MAX;
    size_t count = 0, name_bytes = 0;
    uint64_t cookie = params->cookie;
    (void)call;
    fs_lock();
    const struct fs_entry *entry = fs_list_next(facet->node, cookie);
    while (entry != NULL && count < limit && list_one(entry, count, &name_bytes)) {
        cookie = entry->cookie;
        count++;
        entry = fs_list_next(facet->node, cookie);
    }
    results->entries = (struct capnp_list)CAPNP_LIST(answer.entries, count);
    results->end = entry == NULL;
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_stat(void *self, struct cap_call *call,
                              const struct cap_directory_stat_params *params,
                              struct cap_directory_stat_results *results)
{
    const struct facet *facet = self;
    struct fs_node *node = facet->node;
    (void)call;
    fs_lock();
    if (params->name.len > 0)
        results->status = fs_lookup(facet->node, params->name, &node);
    results->has_info = results->status == CAP_FS_STATUS_OK;
    if (results->has_info)
        fs_node_info(node, &results->info);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_read_link(void *self, struct cap_call *call,
                                   const struct cap_directory_read_link_params *params,
                                   struct cap_directory_read_link_results *results)
{
    const struct facet *facet = self;
    struct fs_node *node;
    (void)call;
    fs_lock();
    results->status = fs_lookup(facet->node, params->name, &node);
    if (results->status == CAP_FS_STATUS_OK && node->kind != CAP_NODE_KIND_LINK)
        results->status = CAP_FS_STATUS_NOT_LINK;
    if (results->status == CAP_FS_STATUS_OK)
        results->text = copy_link(node);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_usage(void *self, struct cap_call *call, struct cap_directory_usage_results *results)
{
    const struct facet *facet = self;
    (void)call;
    fs_lock();
    results->used_bytes = facet->quota->used_bytes;
    results->limit_bytes = facet->quota->limit_bytes;
    results->used_nodes = facet->quota->used_nodes;
    results->limit_nodes = facet->quota->limit_nodes;
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_watch(void *self, struct cap_call *call,
                               const struct cap_directory_watch_params *params,
                               struct cap_directory_watch_results *results)
{
    struct facet *facet = self;
    struct watcher *watcher = watch_begin(call, true);
    (void)results;
    if (watcher == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
    fs_lock();
    if (facet->node->version == params->version)
        watch_wait(watcher, facet->node);
    else
        watch_answer(watcher, CAP_FS_STATUS_OK, facet->node);
    fs_unlock();
    return CAP_CALL_PENDING;
}

/* ---- Changing. */

static int32_t directory_mkdir(void *self, struct cap_call *call,
                               const struct cap_directory_mkdir_params *params,
                               struct cap_directory_mkdir_results *results)
{
    const struct facet *facet = self;
    struct fs_node *node;
    (void)call;
    fs_lock();
    results->status = check_writable(facet);
    if (results->status == CAP_FS_STATUS_OK)
        results->status = fs_create_directory(facet->node, facet->quota, params->name, fs_now_ns(), &node);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_symlink(void *self, struct cap_call *call,
                                 const struct cap_directory_symlink_params *params,
                                 struct cap_directory_symlink_results *results)
{
    const struct facet *facet = self;
    struct fs_node *node;
    (void)call;
    fs_lock();
    results->status = check_writable(facet);
    if (results->status == CAP_FS_STATUS_OK)
        results->status =
            fs_create_link(facet->node, facet->quota, params->name, params->text, fs_now_ns(), &node);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_remove(void *self, struct cap_call *call,
                                const struct cap_directory_remove_params *params,
                                struct cap_directory_remove_results *results)
{
    const struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_writable(facet);
    if (results->status == CAP_FS_STATUS_OK)
        results->status = fs_remove(facet->node, params->name, fs_now_ns());
    fs_unlock();
    return CAPOS_OK;
}

/* The directory that a name goes to: this one, or another of this server's. Null: not a Directory of this
 * server. */
static struct facet *destination(struct facet *facet, cap_directory to)
{
    return to.id == CAPNP_CAP_NONE ? facet : facet_of_capability(to.id, FACET_DIRECTORY);
}

/* Both sides writable and under one quota: a name cannot carry a file out of the limits it was made under. */
static enum cap_fs_status check_pair(const struct facet *from, const struct facet *to)
{
    if (from->read_only || to->read_only)
        return CAP_FS_STATUS_READ_ONLY;
    return from->quota == to->quota ? CAP_FS_STATUS_OK : CAP_FS_STATUS_CROSS_DEVICE;
}

static int32_t directory_rename(void *self, struct cap_call *call,
                                const struct cap_directory_rename_params *params,
                                struct cap_directory_rename_results *results)
{
    struct facet *facet = self;
    struct facet *to = destination(facet, params->to);
    (void)call;
    results->status = CAP_FS_STATUS_CROSS_DEVICE;
    if (to == NULL)
        return CAPOS_OK;
    fs_lock();
    results->status = check_pair(facet, to);
    if (results->status == CAP_FS_STATUS_OK)
        results->status = fs_rename(facet->node, params->name, to->node, to->quota, params->new_name,
                                    params->replace, fs_now_ns());
    fs_unlock();
    return CAPOS_OK;
}

static int32_t directory_link(void *self, struct cap_call *call,
                              const struct cap_directory_link_params *params,
                              struct cap_directory_link_results *results)
{
    struct facet *facet = self;
    struct facet *to = destination(facet, params->to);
    (void)call;
    results->status = CAP_FS_STATUS_CROSS_DEVICE;
    if (to == NULL)
        return CAPOS_OK;
    fs_lock();
    results->status = check_pair(facet, to);
    if (results->status == CAP_FS_STATUS_OK)
        results->status =
            fs_link_node(facet->node, params->name, to->node, to->quota, params->new_name, fs_now_ns());
    fs_unlock();
    return CAPOS_OK;
}

const struct cap_directory_server directory_ops = {
    .open = directory_open,
    .list = directory_list,
    .stat = directory_stat,
    .mkdir = directory_mkdir,
    .remove = directory_remove,
    .rename = directory_rename,
    .link = directory_link,
    .symlink = directory_symlink,
    .read_link = directory_read_link,
    .sub = directory_sub,
    .read_only = directory_read_only,
    .with_quota = directory_with_quota,
    .usage = directory_usage,
    .watch = directory_watch,
    .clone = directory_clone,
};
