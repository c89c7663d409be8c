#include "store.h"
#include "alloc.h"
#include <string.h>

static struct fs_object *object_of(struct rb_node *node)
{
    return rb_entry(node, struct fs_object, by_hash);
}

static struct fs_name *name_of(struct rb_node *node)
{
    return rb_entry(node, struct fs_name, by_name);
}

static struct fs_name *name_by_cookie(struct rb_node *node)
{
    return rb_entry(node, struct fs_name, by_cookie);
}

/* ---- Objects. */

static enum cap_fs_status object_create(struct fs_store *store, struct fs_object **out)
{
    enum cap_fs_status status = fs_quota_charge(store->quota, FS_OBJECT_COST_BYTES, 1);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_object *object = calloc(1, sizeof(*object));
    if (object == NULL) {
        fs_quota_refund(store->quota, FS_OBJECT_COST_BYTES, 1);
        return CAP_FS_STATUS_NO_SPACE;
    }
    fs_content_init(&object->content, store->quota);
    *out = object;
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_object_add(struct fs_object *object, const void *bytes, size_t len)
{
    return fs_content_write(&object->content, object->content.size, bytes, len);
}

static void object_free(struct fs_store *store, struct fs_object *object)
{
    fs_content_fini(&object->content);
    fs_quota_refund(store->quota, FS_OBJECT_COST_BYTES, 1);
    free(object);
}

struct fs_object *fs_store_find(const struct fs_store *store, struct capnp_data hash)
{
    struct rb_node *at = hash.len == SHA256_BYTES ? store->objects.node : NULL;
    while (at != NULL) {
        int order = memcmp(hash.bytes, object_of(at)->hash, SHA256_BYTES);
        if (order == 0)
            return object_of(at);
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

static void insert_object(struct fs_store *store, struct fs_object *object)
{
    struct rb_node *parent = NULL, **link = &store->objects.node;
    while (*link != NULL) {
        parent = *link;
        link =
            memcmp(object->hash, object_of(parent)->hash, SHA256_BYTES) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&store->objects, &object->by_hash, parent, link);
}

static void free_unless_counted_on(struct fs_store *store, struct fs_object *object)
{
    if (object->puts != 0 || object->names != 0)
        return;
    rb_erase(&store->objects, &object->by_hash);
    object_free(store, object);
}

/* ---- Accounts. */

static struct fs_put *put_of(struct rb_node *node)
{
    return rb_entry(node, struct fs_put, node);
}

struct fs_account *fs_account_create(const struct fs_account *outer, uint64_t limit_bytes,
                                     uint64_t limit_objects)
{
    struct fs_account *account = calloc(1, sizeof(*account));
    if (account == NULL)
        return NULL;
    account->references = 1;
    account->quota = fs_quota_create(outer == NULL ? NULL : outer->quota, limit_bytes, limit_objects);
    if (account->quota == NULL) {
        free(account);
        return NULL;
    }
    return account;
}

void fs_account_get(struct fs_account *account)
{
    account->references++;
}

/* The account's put of the object, or where it would be; *parent as rb_insert wants it. */
static struct rb_node **find_put(struct fs_account *account, const struct fs_object *object,
                                 struct rb_node **parent)
{
    struct rb_node **link = &account->puts.node;
    *parent = NULL;
    while (*link != NULL && put_of(*link)->object != object) {
        *parent = *link;
        link = (uintptr_t)object < (uintptr_t)put_of(*link)->object ? &(*parent)->left : &(*parent)->right;
    }
    return link;
}

/* One put more of what the account has put before. False: it has not. */
static bool count_again(struct fs_account *account, struct fs_object *object)
{
    struct rb_node *parent, **link = find_put(account, object, &parent);
    if (*link == NULL)
        return false;
    put_of(*link)->count++;
    object->puts++;
    return true;
}

/* Its first put of the object, for which it was charged. */
static enum cap_fs_status count_first(struct fs_store *store, struct fs_account *account,
                                      struct fs_object *object)
{
    enum cap_fs_status status = fs_quota_charge(store->quota, sizeof(struct fs_put), 0);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_put *put = malloc(sizeof(*put));
    if (put == NULL) {
        fs_quota_refund(store->quota, sizeof(*put), 0);
        return CAP_FS_STATUS_NO_SPACE;
    }
    struct rb_node *parent, **link = find_put(account, object, &parent);
    *put = (struct fs_put){.object = object, .count = 1};
    rb_insert(&account->puts, &put->node, parent, link);
    object->puts++;
    return CAP_FS_STATUS_OK;
}

/* So many of its puts less, or all. */
static void drop_put(struct fs_store *store, struct fs_account *account, struct fs_put *put, uint64_t count)
{
    struct fs_object *object = put->object;
    put->count -= count;
    object->puts -= count;
    if (put->count == 0) {
        rb_erase(&account->puts, &put->node);
        free(put);
        fs_quota_refund(store->quota, sizeof(*put), 0);
        fs_quota_refund(account->quota, object->content.size, 1);
    }
    free_unless_counted_on(store, object);
}

void fs_account_put(struct fs_store *store, struct fs_account *account)
{
    struct rb_node *node;
    if (--account->references != 0)
        return;
    while ((node = rb_first(&account->puts)) != NULL)
        drop_put(store, account, put_of(node), put_of(node)->count);
    fs_quota_put(account->quota);
    free(account);
}

enum cap_fs_status fs_put_begin(struct fs_store *store, struct fs_account *account, const uint8_t *hash,
                                uint64_t size_bytes, struct fs_object **out)
{
    struct fs_object *there = fs_store_find(store, (struct capnp_data){hash, SHA256_BYTES});
    *out = NULL;
    if (there != NULL && count_again(account, there))
        return CAP_FS_STATUS_OK;
    enum cap_fs_status status = fs_quota_charge(account->quota, size_bytes, 1);
    if (status != CAP_FS_STATUS_OK)
        return status;
    status = there != NULL ? count_first(store, account, there) : object_create(store, out);
    if (status != CAP_FS_STATUS_OK)
        fs_quota_refund(account->quota, size_bytes, 1);
    return status;
}

void fs_put_abandon(struct fs_store *store, struct fs_account *account, struct fs_object *object,
                    uint64_t size_bytes)
{
    object_free(store, object);
    fs_quota_refund(account->quota, size_bytes, 1);
}

enum cap_fs_status fs_put_finish(struct fs_store *store, struct fs_account *account, struct fs_object *object,
                                 const uint8_t *hash)
{
    struct fs_object *there = fs_store_find(store, (struct capnp_data){hash, SHA256_BYTES});
    const uint64_t size_bytes = object->content.size;
    if (there != NULL && count_again(account, there)) {
        fs_put_abandon(store, account, object, size_bytes);
        return CAP_FS_STATUS_OK;
    }
    enum cap_fs_status status = count_first(store, account, there != NULL ? there : object);
    if (status != CAP_FS_STATUS_OK) {
        fs_put_abandon(store, account, object, size_bytes);
    } else if (there != NULL) {
        object_free(store, object);
    } else {
        memcpy(object->hash, hash, SHA256_BYTES);
        insert_object(store, object);
    }
    return status;
}

bool fs_store_release(struct fs_store *store, struct fs_account *account, struct fs_object *object)
{
    struct rb_node *parent, **link = find_put(account, object, &parent);
    if (*link == NULL)
        return false;
    drop_put(store, account, put_of(*link), 1);
    return true;
}

/* ---- Names. */

enum cap_fs_status fs_store_name_check(struct capnp_data name)
{
    if (name.len == 0 || name.len > FS_STORE_NAME_BYTES_MAX || memchr(name.bytes, '\0', name.len) != NULL)
        return CAP_FS_STATUS_BAD_NAME;
    return CAP_FS_STATUS_OK;
}

static int compare(struct capnp_data name, const struct fs_name *entry)
{
    size_t shorter = name.len < entry->len ? name.len : entry->len;
    int order = memcmp(name.bytes, entry->bytes, shorter);
    if (order != 0)
        return order;
    return name.len < entry->len ? -1 : name.len > entry->len;
}

struct fs_name *fs_store_resolve(const struct fs_store *store, struct capnp_data name)
{
    struct rb_node *at = store->names.node;
    while (at != NULL) {
        int order = compare(name, name_of(at));
        if (order == 0)
            return name_of(at);
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

_Static_assert(sizeof(struct fs_name) <= FS_NAME_COST_BYTES, "a name takes no more than it counts");

/* The memory of the name itself. */
static uint64_t name_cost(size_t len)
{
    return FS_NAME_COST_BYTES + len;
}

/* What it counts in its quota. */
static uint64_t name_weight(size_t len, const struct fs_object *object)
{
    return name_cost(len) + object->content.size;
}

static void insert_name(struct fs_store *store, struct fs_name *entry)
{
    const struct capnp_data name = {entry->bytes, entry->len};
    struct rb_node *parent = NULL, **link = &store->names.node;
    while (*link != NULL) {
        parent = *link;
        link = compare(name, name_of(parent)) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&store->names, &entry->by_name, parent, link);
    struct rb_node *last = rb_last(&store->names_by_cookie); /* cookies grow */
    rb_insert(&store->names_by_cookie, &entry->by_cookie, last,
              last == NULL ? &store->names_by_cookie.node : &last->right);
}

/* An entry that is charged to the store; null: no space. */
static struct fs_name *name_alloc(struct fs_store *store, struct capnp_data name)
{
    if (fs_quota_charge(store->quota, name_cost(name.len), 0) != CAP_FS_STATUS_OK)
        return NULL;
    struct fs_name *entry = malloc(sizeof(*entry) + name.len);
    if (entry == NULL) {
        fs_quota_refund(store->quota, name_cost(name.len), 0);
        return NULL;
    }
    entry->len = name.len;
    memcpy(entry->bytes, name.bytes, name.len);
    return entry;
}

static enum cap_fs_status name_create(struct fs_store *store, struct fs_quota *quota, struct capnp_data name,
                                      struct fs_object *object, uint64_t *version)
{
    const uint64_t weight = name_weight(name.len, object);
    enum cap_fs_status status = fs_quota_charge(quota, weight, 1);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_name *entry = name_alloc(store, name);
    if (entry == NULL) {
        fs_quota_refund(quota, weight, 1);
        return CAP_FS_STATUS_NO_SPACE;
    }
    entry->cookie = ++store->last_cookie;
    entry->version = *version = ++store->last_version;
    entry->object = object;
    entry->quota = quota;
    fs_quota_get(quota);
    object->names++;
    insert_name(store, entry);
    return CAP_FS_STATUS_OK;
}

static void name_remove(struct fs_store *store, struct fs_name *entry)
{
    rb_erase(&store->names, &entry->by_name);
    rb_erase(&store->names_by_cookie, &entry->by_cookie);
    fs_quota_refund(store->quota, name_cost(entry->len), 0);
    fs_quota_refund(entry->quota, name_weight(entry->len, entry->object), 1);
    fs_quota_put(entry->quota);
    entry->object->names--;
    free_unless_counted_on(store, entry->object);
    free(entry);
}

/* The old one's weight goes first: there may be room for the new one only then. What went can come back. */
static enum cap_fs_status name_move_to(struct fs_name *entry, struct fs_quota *quota,
                                       const struct fs_object *object)
{
    const uint64_t old_weight = name_weight(entry->len, entry->object);
    fs_quota_refund(entry->quota, old_weight, 1);
    enum cap_fs_status status = fs_quota_charge(quota, name_weight(entry->len, object), 1);
    if (status != CAP_FS_STATUS_OK) {
        (void)fs_quota_charge(entry->quota, old_weight, 1);
        return status;
    }
    fs_quota_get(quota);
    fs_quota_put(entry->quota);
    entry->quota = quota;
    return CAP_FS_STATUS_OK;
}

static enum cap_fs_status name_change(struct fs_store *store, struct fs_quota *quota, struct fs_name *entry,
                                      struct fs_object *object)
{
    enum cap_fs_status status = name_move_to(entry, quota, object);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_object *old = entry->object;
    object->names++; /* first: it may be the same */
    old->names--;
    entry->object = object;
    entry->version = ++store->last_version;
    free_unless_counted_on(store, old);
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_store_set(struct fs_store *store, struct fs_quota *quota, struct capnp_data name,
                                uint64_t expected, struct fs_object *object, uint64_t *version)
{
    enum cap_fs_status status = fs_store_name_check(name);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_name *entry = fs_store_resolve(store, name);
    *version = entry == NULL ? 0 : entry->version;
    if (*version != expected)
        return CAP_FS_STATUS_EXISTS;
    if (entry == NULL)
        return object == NULL ? CAP_FS_STATUS_NOT_FOUND : name_create(store, quota, name, object, version);
    if (object == NULL) {
        name_remove(store, entry);
        *version = 0;
        return CAP_FS_STATUS_OK;
    }
    status = name_change(store, quota, entry, object);
    *version = entry->version;
    return status;
}

const struct fs_name *fs_store_name_next(const struct fs_store *store, uint64_t cookie)
{
    struct rb_node *at = store->names_by_cookie.node;
    const struct fs_name *found = NULL;
    while (at != NULL) {
        if (name_by_cookie(at)->cookie > cookie) {
            found = name_by_cookie(at);
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return found;
}
