/* The Store and Namespace interfaces. */
#include "segment.h"
#include "server.h"
#include "store.h"
#include <capos/fs_server.h>
#include "alloc.h"
#include <string.h>

enum { PROT_READ = 1, PAGE_BYTES = 4096, LIST_NAMES_MAX = 64, LIST_NAME_BYTES = 3072, LIST_LOOKS_MAX = 1024 };

/* Answers of a call are encoded after the lock was released: what they point at is the thread's own. */
static _Thread_local struct {
    uint8_t hash[SHA256_BYTES];
    uint8_t piece[FS_BLOCK_BYTES];
    struct capnp_data names[LIST_NAMES_MAX];
    uint8_t name_bytes[LIST_NAME_BYTES];
} answer;

static struct capnp_data answer_hash(const uint8_t *hash)
{
    memcpy(answer.hash, hash, SHA256_BYTES);
    return (struct capnp_data){answer.hash, SHA256_BYTES};
}

static int32_t refuse_memory(struct cap_call *call)
{
    return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
}

/* ---- Putting. First the hash, to see whether it is there. What is not is copied in a second pass, with the
 * lock held for one piece at a time: an object may be large. Whoever gave the memory may be writing to it, so
 * each piece is hashed from a copy, and the second pass's hash is the object's: what is hashed is what is
 * stored. */

static uint64_t piece_bytes(uint64_t at, uint64_t size)
{
    return size - at < FS_BLOCK_BYTES ? size - at : FS_BLOCK_BYTES;
}

/* Goes through the bytes; with an object it is filled. The hash is in answer.hash, and the last piece in
 * answer.piece. */
static enum cap_fs_status read_pieces(const uint8_t *bytes, uint64_t size, struct fs_object *object)
{
    enum cap_fs_status status = CAP_FS_STATUS_OK;
    struct sha256 hash;
    sha256_init(&hash);
    for (uint64_t at = 0; at < size && status == CAP_FS_STATUS_OK; at += FS_BLOCK_BYTES) {
        size_t len = (size_t)piece_bytes(at, size);
        memcpy(answer.piece, bytes + at, len);
        sha256_add(&hash, answer.piece, len);
        if (object == NULL)
            continue;
        fs_lock();
        status = fs_object_add(object, answer.piece, len);
        fs_unlock();
    }
    sha256_finish(&hash, answer.hash);
    return status;
}

/* With the lock: the object's end, or the put's that did not get so far. */
static enum cap_fs_status finish_put(struct fs_account *account, struct fs_object *object, uint64_t size,
                                     enum cap_fs_status status)
{
    if (status == CAP_FS_STATUS_OK)
        return fs_put_finish(&fs.store, account, object, answer.hash);
    fs_put_abandon(&fs.store, account, object, size);
    return status;
}

/* The facet, and so its account, is there until the call is answered. */
static enum cap_fs_status put_bytes(const struct facet *facet, const uint8_t *bytes, uint64_t size,
                                    struct capnp_data *out)
{
    struct fs_object *object;
    (void)read_pieces(bytes, size, NULL);
    fs_lock();
    enum cap_fs_status status = fs_put_begin(&fs.store, facet->account, answer.hash, size, &object);
    bool is_new = status == CAP_FS_STATUS_OK && object != NULL;
    if (is_new && size <= FS_BLOCK_BYTES) {
        status = fs_object_add(object, answer.piece, (size_t)size);
        status = finish_put(facet->account, object, size, status);
        is_new = false;
    }
    fs_unlock();
    if (is_new) {
        status = read_pieces(bytes, size, object);
        fs_lock();
        status = finish_put(facet->account, object, size, status);
        fs_unlock();
    }
    if (status == CAP_FS_STATUS_OK)
        *out = (struct capnp_data){answer.hash, SHA256_BYTES};
    return status;
}

static int32_t store_put(void *self, struct cap_call *call, const struct cap_store_put_params *params,
                         struct cap_store_put_results *results)
{
    const struct facet *facet = self;
    struct cap_memory_object_info_results info = {0};
    struct cap_memory_object_map_results mapped = {0};
    uint64_t pages = (params->size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    results->status = facet->read_only ? CAP_FS_STATUS_READ_ONLY : CAP_FS_STATUS_OK;
    if (facet->read_only)
        return CAPOS_OK;
    if (cap_memory_object_info(params->content, &info) < 0 || params->size > info.size)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "`content` is no MemoryObject of that many bytes");
    if (params->size > FS_SEGMENT_BYTES_MAX) {
        results->status = CAP_FS_STATUS_TOO_LARGE;
        return CAPOS_OK;
    }
    if (pages != 0 && cap_memory_object_map(params->content, 0, 0, pages, PROT_READ, &mapped) < 0)
        return refuse_memory(call);
    results->status =
        put_bytes(facet, (const uint8_t *)(uintptr_t)mapped.address, params->size, &results->hash);
    if (pages != 0)
        (void)cap_memory_object_unmap(params->content, mapped.address, pages);
    return CAPOS_OK;
}

static int32_t store_put_small(void *self, struct cap_call *call,
                               const struct cap_store_put_small_params *params,
                               struct cap_store_put_small_results *results)
{
    const struct facet *facet = self;
    (void)call;
    results->status = facet->read_only
                          ? CAP_FS_STATUS_READ_ONLY
                          : put_bytes(facet, params->content.bytes, params->content.len, &results->hash);
    return CAPOS_OK;
}

/* ---- Getting. */

static int32_t store_get(void *self, struct cap_call *call, const struct cap_store_get_params *params,
                         struct cap_store_get_results *results)
{
    cap_memory_object header = {0};
    int32_t status = CAPOS_OK;
    (void)self;
    fs_lock();
    struct fs_object *object = fs_store_find(&fs.store, params->hash);
    results->status = object == NULL ? CAP_FS_STATUS_NOT_FOUND
                                     : fs_content_make_segment(&object->content, FS_SEGMENT_LOOKS);
    if (results->status == CAP_FS_STATUS_OK) {
        results->size = object->content.size;
        status = fs_segment_share(object->content.segment, false, &results->content, &header);
    }
    fs_unlock();
    if (header.id != 0)
        (void)cap_release(header); /* an object never moves */
    return status < 0 ? refuse_memory(call) : CAPOS_OK;
}

static int32_t store_info(void *self, struct cap_call *call, const struct cap_store_info_params *params,
                          struct cap_store_info_results *results)
{
    (void)self;
    (void)call;
    fs_lock();
    const struct fs_object *object = fs_store_find(&fs.store, params->hash);
    results->status = object == NULL ? CAP_FS_STATUS_NOT_FOUND : CAP_FS_STATUS_OK;
    if (object != NULL) {
        results->size = object->content.size;
        results->references = object->puts + object->names;
    }
    fs_unlock();
    return CAPOS_OK;
}

static int32_t store_release(void *self, struct cap_call *call, const struct cap_store_release_params *params,
                             struct cap_store_release_results *results)
{
    const struct facet *facet = self;
    (void)call;
    results->status = CAP_FS_STATUS_READ_ONLY;
    if (facet->read_only)
        return CAPOS_OK;
    fs_lock();
    struct fs_object *object = fs_store_find(&fs.store, params->hash);
    bool released = object != NULL && fs_store_release(&fs.store, facet->account, object);
    results->status = released ? CAP_FS_STATUS_OK : CAP_FS_STATUS_NOT_FOUND;
    fs_unlock();
    return CAPOS_OK;
}

static int32_t store_read_only(void *self, struct cap_call *call, struct cap_store_read_only_results *results)
{
    cap_any minted = {0};
    fs_lock();
    int32_t status = facet_derive(call, self, true, false, CAP_STORE_INTERFACE_ID, &minted);
    fs_unlock();
    results->store = (cap_store){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t with_quota(struct cap_call *call, const struct facet *facet,
                          const struct cap_store_with_quota_params *params,
                          struct cap_store_with_quota_results *results)
{
    struct facet like = *facet;
    cap_any minted = {0};
    results->status = CAP_FS_STATUS_OVER_QUOTA;
    if (fs_quota_depth(facet->account->quota) >= FS_QUOTA_DEPTH_MAX)
        return CAPOS_OK;
    results->status = CAP_FS_STATUS_OK;
    like.account = fs_account_create(facet->account, params->max_bytes, params->max_objects);
    if (like.account == NULL)
        return refuse_memory(call);
    int32_t status = facet_derive(call, &like, false, false, CAP_STORE_INTERFACE_ID, &minted);
    fs_account_put(&fs.store, like.account);
    results->store = (cap_store){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t store_with_quota(void *self, struct cap_call *call,
                                const struct cap_store_with_quota_params *params,
                                struct cap_store_with_quota_results *results)
{
    fs_lock();
    int32_t status = with_quota(call, self, params, results);
    fs_unlock();
    return status;
}

static int32_t store_usage(void *self, struct cap_call *call, struct cap_store_usage_results *results)
{
    const struct facet *facet = self;
    (void)call;
    fs_lock();
    const struct fs_quota *quota = facet->account->quota;
    results->used_bytes = quota->used_bytes;
    results->limit_bytes = quota->limit_bytes;
    results->used_objects = quota->used_nodes;
    results->limit_objects = quota->limit_nodes;
    fs_unlock();
    return CAPOS_OK;
}

const struct cap_store_server store_ops = {
    .put = store_put,
    .put_small = store_put_small,
    .get = store_get,
    .info = store_info,
    .release = store_release,
    .read_only = store_read_only,
    .with_quota = store_with_quota,
    .usage = store_usage,
};

/* ---- Names. */

/* The whole of a name that is seen through a view, in `bytes` (room for the longest); len 0: a bad one. */
static struct capnp_data whole_name(const struct facet *facet, struct capnp_data name, uint8_t *bytes)
{
    const struct namespace_view *view = facet->view;
    size_t before = view == NULL ? 0 : view->len;
    if (fs_store_name_check(name) != CAP_FS_STATUS_OK || name.len > FS_STORE_NAME_BYTES_MAX - before)
        return (struct capnp_data){bytes, 0};
    if (before > 0)
        memcpy(bytes, view->prefix, before);
    memcpy(bytes + before, name.bytes, name.len);
    return (struct capnp_data){bytes, before + name.len};
}

static int32_t namespace_resolve(void *self, struct cap_call *call,
                                 const struct cap_namespace_resolve_params *params,
                                 struct cap_namespace_resolve_results *results)
{
    uint8_t bytes[FS_STORE_NAME_BYTES_MAX];
    struct capnp_data name = whole_name(self, params->name, bytes);
    (void)call;
    results->status = CAP_FS_STATUS_BAD_NAME;
    if (name.len == 0)
        return CAPOS_OK;
    fs_lock();
    const struct fs_name *entry = fs_store_resolve(&fs.store, name);
    results->status = entry == NULL ? CAP_FS_STATUS_NOT_FOUND : CAP_FS_STATUS_OK;
    if (entry != NULL) {
        results->hash = answer_hash(entry->object->hash);
        results->version = entry->version;
    }
    fs_unlock();
    return CAPOS_OK;
}

static enum cap_fs_status compare_and_set(const struct facet *facet,
                                          const struct cap_namespace_compare_and_set_params *params,
                                          uint64_t *version)
{
    uint8_t bytes[FS_STORE_NAME_BYTES_MAX];
    struct capnp_data name = whole_name(facet, params->name, bytes);
    if (facet->read_only)
        return CAP_FS_STATUS_READ_ONLY;
    struct fs_object *object = fs_store_find(&fs.store, params->hash);
    if (params->hash.len != 0 && object == NULL)
        return CAP_FS_STATUS_NOT_FOUND;
    return fs_store_set(&fs.store, facet->quota, name, params->expected_version, object, version);
}

static int32_t namespace_compare_and_set(void *self, struct cap_call *call,
                                         const struct cap_namespace_compare_and_set_params *params,
                                         struct cap_namespace_compare_and_set_results *results)
{
    (void)call;
    fs_lock();
    results->status = compare_and_set(self, params, &results->version);
    fs_unlock();
    return CAPOS_OK;
}

static bool is_in_view(const struct namespace_view *view, const struct fs_name *entry)
{
    return view == NULL || (entry->len > view->len && memcmp(entry->bytes, view->prefix, view->len) == 0);
}

/* Looks at so many names at most, so that the lock is not held for long by who sees few of many. */
static int32_t namespace_list(void *self, struct cap_call *call,
                              const struct cap_namespace_list_params *params,
                              struct cap_namespace_list_results *results)
{
    const struct facet *facet = self;
    size_t limit = params->max_entries < LIST_NAMES_MAX ? params->max_entries : LIST_NAMES_MAX;
    size_t count = 0, used = 0, before = facet->view == NULL ? 0 : facet->view->len;
    uint64_t cookie = params->cookie;
    (void)call;
    fs_lock();
    const struct fs_name *entry = fs_store_name_next(&fs.store, cookie);
    for (unsigned looks = 0; entry != NULL && looks < LIST_LOOKS_MAX; looks++) {
        if (is_in_view(facet->view, entry)) {
            size_t len = entry->len - before;
            if (count == limit || len > sizeof answer.name_bytes - used)
                break;
            memcpy(answer.name_bytes + used, entry->bytes + before, len);
            answer.names[count++] = (struct capnp_data){answer.name_bytes + used, len};
            used += len;
        }
        cookie = entry->cookie;
        entry = fs_store_name_next(&fs.store, cookie);
    }
    results->names = (struct capnp_list)CAPNP_LIST(answer.names, count);
    results->next_cookie = entry == NULL ? 0 : cookie;
    fs_unlock();
    return CAPOS_OK;
}

/* The view through `prefix` in `from`'s; one reference. */
static struct namespace_view *view_create(const struct facet *from, struct capnp_data prefix)
{
    size_t before = from->view == NULL ? 0 : from->view->len;
    struct namespace_view *view = malloc(sizeof(*view) + before + prefix.len + 1);
    if (view == NULL)
        return NULL;
    view->references = 1;
    view->len = before + prefix.len + 1;
    if (before > 0)
        memcpy(view->prefix, from->view->prefix, before);
    memcpy(view->prefix + before, prefix.bytes, prefix.len);
    view->prefix[view->len - 1] = '/';
    return view;
}

static int32_t namespace_sub(void *self, struct cap_call *call, const struct cap_namespace_sub_params *params,
                             struct cap_namespace_sub_results *results)
{
    struct facet like = *(const struct facet *)self;
    uint8_t bytes[FS_STORE_NAME_BYTES_MAX];
    cap_any minted = {0};
    size_t len = whole_name(&like, params->prefix, bytes).len;
    results->status = len == 0 || len >= FS_STORE_NAME_BYTES_MAX ? CAP_FS_STATUS_BAD_NAME : CAP_FS_STATUS_OK;
    if (results->status != CAP_FS_STATUS_OK)
        return CAPOS_OK;
    fs_lock();
    struct namespace_view *view = view_create(&like, params->prefix);
    int32_t status = CAPOS_OK;
    if (view != NULL) {
        like.view = view;
        status = facet_derive(call, &like, false, false, CAP_NAMESPACE_INTERFACE_ID, &minted);
        if (--view->references == 0)
            free(view);
    }
    fs_unlock();
    results->namespace_ = (cap_namespace){.id = minted.id, .mode = minted.mode};
    return view == NULL ? refuse_memory(call) : status;
}

static int32_t namespace_read_only(void *self, struct cap_call *call,
                                   struct cap_namespace_read_only_results *results)
{
    cap_any minted = {0};
    fs_lock();
    int32_t status = facet_derive(call, self, true, false, CAP_NAMESPACE_INTERFACE_ID, &minted);
    fs_unlock();
    results->namespace_ = (cap_namespace){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t limit_names(struct cap_call *call, const struct facet *facet,
                           const struct cap_namespace_with_quota_params *params,
                           struct cap_namespace_with_quota_results *results)
{
    struct facet like = *facet;
    cap_any minted = {0};
    results->status = CAP_FS_STATUS_OVER_QUOTA;
    if (fs_quota_depth(facet->quota) >= FS_QUOTA_DEPTH_MAX)
        return CAPOS_OK;
    results->status = CAP_FS_STATUS_OK;
    like.quota = fs_quota_create(facet->quota, params->max_bytes, params->max_names);
    if (like.quota == NULL)
        return refuse_memory(call);
    int32_t status = facet_derive(call, &like, false, false, CAP_NAMESPACE_INTERFACE_ID, &minted);
    fs_quota_put(like.quota);
    results->namespace_ = (cap_namespace){.id = minted.id, .mode = minted.mode};
    return status;
}

static int32_t namespace_with_quota(void *self, struct cap_call *call,
                                    const struct cap_namespace_with_quota_params *params,
                                    struct cap_namespace_with_quota_results *results)
{
    fs_lock();
    int32_t status = limit_names(call, self, params, results);
    fs_unlock();
    return status;
}

static int32_t namespace_usage(void *self, struct cap_call *call, struct cap_namespace_usage_results *results)
{
    const struct facet *facet = self;
    (void)call;
    fs_lock();
    results->used_bytes = facet->quota->used_bytes;
    results->limit_bytes = facet->quota->limit_bytes;
    results->used_names = facet->quota->used_nodes;
    results->limit_names = facet->quota->limit_nodes;
    fs_unlock();
    return CAPOS_OK;
}

const struct cap_namespace_server namespace_ops = {
    .resolve = namespace_resolve,
    .compare_and_set = namespace_compare_and_set,
    .list = namespace_list,
    .sub = namespace_sub,
    .read_only = namespace_read_only,
    .with_quota = namespace_with_quota,
    .usage = namespace_usage,
};
