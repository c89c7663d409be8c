#include "tree.h"
#include "alloc.h"
#include <string.h>

/* ---- Nodes. */

static void notify(struct fs_node *node)
{
    if (node->tree->changed != NULL)
        node->tree->changed(node);
}

void fs_node_touch(struct fs_node *node, int64_t now_ns)
{
    node->changed_ns = now_ns;
    node->version++;
    notify(node);
}

void fs_node_touch_content(struct fs_node *node, int64_t now_ns)
{
    node->modified_ns = now_ns;
    fs_node_touch(node, now_ns);
}

static uint64_t node_cost(const struct fs_node *node)
{
    return FS_NODE_COST_BYTES + node->link.len;
}

static enum cap_fs_status node_create(struct fs_tree *tree, struct fs_quota *quota, enum cap_node_kind kind,
                                      struct capnp_data link_text, int64_t now_ns, struct fs_node **out)
{
    enum cap_fs_status status = fs_quota_charge(quota, FS_NODE_COST_BYTES + link_text.len, 1);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_node *node = calloc(1, sizeof(*node));
    uint8_t *text = link_text.len == 0 ? NULL : malloc(link_text.len);
    if (node == NULL || (link_text.len != 0 && text == NULL)) {
        free(node);
        free(text);
        fs_quota_refund(quota, FS_NODE_COST_BYTES + link_text.len, 1);
        return CAP_FS_STATUS_NO_SPACE;
    }
    if (link_text.len != 0)
        memcpy(text, link_text.bytes, link_text.len);
    node->id = ++tree->last_id;
    node->kind = kind;
    node->references = 1;
    node->created_ns = node->modified_ns = node->changed_ns = now_ns;
    node->version = 1;
    node->quota = quota;
    node->tree = tree;
    node->link = (struct fs_link){text, link_text.len};
    list_init(&node->watchers);
    fs_content_init(&node->content, quota);
    fs_quota_get(quota);
    tree->node_count++;
    *out = node;
    return CAP_FS_STATUS_OK;
}

/* Nothing leads to it any more, and if it is a directory it is empty. */
static void node_free(struct fs_node *node)
{
    fs_content_fini(&node->content);
    fs_quota_refund(node->quota, node_cost(node), 1);
    fs_quota_put(node->quota);
    node->tree->node_count--;
    free(node->link.text);
    free(node);
}

enum cap_fs_status fs_node_charge_to(struct fs_node *node, struct fs_quota *quota)
{
    struct fs_quota *old = node->quota;
    if (quota == old || !fs_quota_is_within(quota, old))
        return CAP_FS_STATUS_OK;
    uint64_t bytes = node_cost(node) + node->content.allocated_bytes;
    enum cap_fs_status status = fs_quota_charge_below(quota, old, bytes, 1);
    if (status != CAP_FS_STATUS_OK)
        return status;
    fs_quota_get(quota);
    node->quota = node->content.quota = quota;
    fs_quota_put(old);
    return CAP_FS_STATUS_OK;
}

void fs_node_info(const struct fs_node *node, struct cap_node_info *out)
{
    *out = (struct cap_node_info){
        .node = node->id,
        .kind = node->kind,
        .size = node->kind == CAP_NODE_KIND_FILE        ? node->content.size
                : node->kind == CAP_NODE_KIND_DIRECTORY ? node->directory.count
                                                        : node->link.len,
        .allocated_bytes = node->content.allocated_bytes,
        .links = node->links,
        .modified_unix_ns = node->modified_ns,
        .changed_unix_ns = node->changed_ns,
        .created_unix_ns = node->created_ns,
        .version = node->version,
        .executable = node->executable,
    };
}

/* ---- Entries. */

static struct fs_entry *entry_by_name(struct rb_node *node)
{
    return rb_entry(node, struct fs_entry, by_name);
}

static struct fs_entry *entry_by_cookie(struct rb_node *node)
{
    return rb_entry(node, struct fs_entry, by_cookie);
}

static int compare(struct capnp_data a, const struct fs_entry *entry)
{
    size_t shorter = a.len < entry->name_len ? a.len : entry->name_len;
    int order = memcmp(a.bytes, entry->name, shorter);
    if (order != 0)
        return order;
    return a.len < entry->name_len ? -1 : a.len > entry->name_len;
}

static struct fs_entry *entry_find(const struct fs_node *directory, struct capnp_data name)
{
    struct rb_node *at = directory->directory.by_name.node;
    while (at != NULL) {
        int order = compare(name, entry_by_name(at));
        if (order == 0)
            return entry_by_name(at);
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

static uint64_t entry_cost(size_t name_len)
{
    return sizeof(struct fs_entry) + name_len;
}

/* An entry that leads nowhere yet and is in no directory. */
static enum cap_fs_status entry_create(struct fs_quota *quota, struct capnp_data name, struct fs_entry **out)
{
    enum cap_fs_status status = fs_quota_charge(quota, entry_cost(name.len), 0);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_entry *entry = malloc(sizeof(*entry) + name.len);
    if (entry == NULL) {
        fs_quota_refund(quota, entry_cost(name.len), 0);
        return CAP_FS_STATUS_NO_SPACE;
    }
    entry->node = NULL;
    entry->quota = quota;
    fs_quota_get(quota);
    entry->name_len = name.len;
    memcpy(entry->name, name.bytes, name.len);
    *out = entry;
    return CAP_FS_STATUS_OK;
}

static void entry_free(struct fs_entry *entry)
{
    fs_quota_refund(entry->quota, entry_cost(entry->name_len), 0);
    fs_quota_put(entry->quota);
    free(entry);
}

static void insert_by_name(struct fs_directory *directory, struct fs_entry *entry)
{
    const struct capnp_data name = {entry->name, entry->name_len};
    struct rb_node *parent = NULL, **link = &directory->by_name.node;
    while (*link != NULL) {
        parent = *link;
        link = compare(name, entry_by_name(parent)) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&directory->by_name, &entry->by_name, parent, link);
}

/* Cookies grow, so the newest belongs at the right end. */
static void insert_by_cookie(struct fs_directory *directory, struct fs_entry *entry)
{
    struct rb_node *last = rb_last(&directory->by_cookie);
    rb_insert(&directory->by_cookie, &entry->by_cookie, last,
              last == NULL ? &directory->by_cookie.node : &last->right);
}

static void entry_attach(struct fs_node *directory, struct fs_entry *entry, struct fs_node *node)
{
    entry->node = node;
    entry->cookie = ++directory->directory.last_cookie;
    insert_by_name(&directory->directory, entry);
    insert_by_cookie(&directory->directory, entry);
    directory->directory.count++;
    node->links++;
    if (node->kind == CAP_NODE_KIND_DIRECTORY)
        node->directory.parent = directory;
}

/* Takes the entry out; the node loses a link and nothing else. */
static struct fs_node *entry_detach(struct fs_node *directory, struct fs_entry *entry)
{
    struct fs_node *node = entry->node;
    rb_erase(&directory->directory.by_name, &entry->by_name);
    rb_erase(&directory->directory.by_cookie, &entry->by_cookie);
    directory->directory.count--;
    node->links--;
    if (node->kind == CAP_NODE_KIND_DIRECTORY)
        node->directory.parent = NULL;
    entry_free(entry);
    return node;
}

/* ---- Freeing. A tree without names or references goes leaf by leaf, going down by first entries and up by
 * the parents: no recursion, however deep somebody has made it. */

static bool is_unreachable(const struct fs_node *node)
{
    return node->references == 0 && node->links == 0;
}

/* Empties a directory by one entry. The node that was below it and now has to be emptied first, or null. */
static struct fs_node *shed_entry(struct fs_node *directory)
{
    struct fs_entry *entry = entry_by_name(rb_first(&directory->directory.by_name));
    struct fs_node *node = entry_detach(directory, entry);
    if (!is_unreachable(node))
        return NULL;
    if (node->kind != CAP_NODE_KIND_DIRECTORY) {
        node_free(node);
        return NULL;
    }
    node->directory.parent = directory; /* the way back up */
    return node;
}

static void free_below(struct fs_node *top)
{
    struct fs_node *at = top;
    while (at != NULL) {
        if (at->directory.count > 0) {
            struct fs_node *below = shed_entry(at);
            at = below != NULL ? below : at;
            continue;
        }
        struct fs_node *up = at == top ? NULL : at->directory.parent;
        node_free(at);
        at = up;
    }
}

void fs_node_put(struct fs_node *node)
{
    node->references--;
    if (!is_unreachable(node))
        return;
    if (node->kind == CAP_NODE_KIND_DIRECTORY)
        free_below(node);
    else
        node_free(node);
}

/* The node lost a name. */
static void unlinked(struct fs_node *node, int64_t now_ns)
{
    fs_node_get(node);
    fs_node_touch(node, now_ns);
    fs_node_put(node);
}

enum cap_fs_status fs_root_create(struct fs_tree *tree, struct fs_quota *quota, int64_t now_ns,
                                  struct fs_node **out)
{
    const struct capnp_data none = {NULL, 0};
    enum cap_fs_status status = node_create(tree, quota, CAP_NODE_KIND_DIRECTORY, none, now_ns, out);
    if (status == CAP_FS_STATUS_OK)
        (*out)->directory.is_root = true;
    return status;
}

/* ---- Names. */

enum cap_fs_status fs_name_check(struct capnp_data name)
{
    if (name.len == 0 || name.len > FS_NAME_BYTES_MAX)
        return CAP_FS_STATUS_BAD_NAME;
    if (memchr(name.bytes, '/', name.len) != NULL || memchr(name.bytes, '\0', name.len) != NULL)
        return CAP_FS_STATUS_BAD_NAME;
    bool dots = name.bytes[0] == '.' && (name.len == 1 || (name.len == 2 && name.bytes[1] == '.'));
    return dots ? CAP_FS_STATUS_BAD_NAME : CAP_FS_STATUS_OK;
}

static enum cap_fs_status check_directory(const struct fs_node *directory, struct capnp_data name)
{
    return directory->kind == CAP_NODE_KIND_DIRECTORY ? fs_name_check(name) : CAP_FS_STATUS_NOT_DIRECTORY;
}

static inline enum cap_fs_status find_entry(struct fs_node *directory, struct capnp_data name,
                                            struct fs_entry **out)
{
    const bool may_be_there = directory->kind == CAP_NODE_KIND_DIRECTORY && name.len != 0;
    *out = may_be_there ? entry_find(directory, name) : NULL;
    if (*out != NULL) /* then it is a good name */
        return CAP_FS_STATUS_OK;
    enum cap_fs_status status = check_directory(directory, name);
    return status != CAP_FS_STATUS_OK ? status : CAP_FS_STATUS_NOT_FOUND;
}

enum cap_fs_status fs_lookup(struct fs_node *directory, struct capnp_data name, struct fs_node **out)
{
    struct fs_entry *entry;
    enum cap_fs_status status = find_entry(directory, name, &entry);
    if (status == CAP_FS_STATUS_OK)
        *out = entry->node;
    return status;
}

/* Whether a new name may be made there. */
static enum cap_fs_status check_new(struct fs_node *directory, struct capnp_data name)
{
    enum cap_fs_status status = check_directory(directory, name);
    if (status != CAP_FS_STATUS_OK)
        return status;
    if (directory->links == 0 && !directory->directory.is_root)
        return CAP_FS_STATUS_NOT_FOUND; /* removed while somebody held it */
    return entry_find(directory, name) != NULL ? CAP_FS_STATUS_EXISTS : CAP_FS_STATUS_OK;
}

static enum cap_fs_status create(struct fs_node *directory, struct fs_quota *quota, struct capnp_data name,
                                 enum cap_node_kind kind, struct capnp_data link_text, int64_t now_ns,
                                 struct fs_node **out)
{
    struct fs_entry *entry;
    enum cap_fs_status status = check_new(directory, name);
    if (status == CAP_FS_STATUS_OK)
        status = entry_create(quota, name, &entry);
    if (status != CAP_FS_STATUS_OK)
        return status;
    status = node_create(directory->tree, quota, kind, link_text, now_ns, out);
    if (status != CAP_FS_STATUS_OK) {
        entry_free(entry);
        return status;
    }
    entry_attach(directory, entry, *out);
    (*out)->references--; /* the name is what keeps it */
    fs_node_touch_content(directory, now_ns);
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_create_file(struct fs_node *directory, struct fs_quota *quota, struct capnp_data name,
                                  int64_t now_ns, struct fs_node **out)
{
    const struct capnp_data none = {NULL, 0};
    return create(directory, quota, name, CAP_NODE_KIND_FILE, none, now_ns, out);
}

enum cap_fs_status fs_create_directory(struct fs_node *directory, struct fs_quota *quota,
                                       struct capnp_data name, int64_t now_ns, struct fs_node **out)
{
    const struct capnp_data none = {NULL, 0};
    return create(directory, quota, name, CAP_NODE_KIND_DIRECTORY, none, now_ns, out);
}

enum cap_fs_status fs_create_link(struct fs_node *directory, struct fs_quota *quota, struct capnp_data name,
                                  struct capnp_data text, int64_t now_ns, struct fs_node **out)
{
    if (text.len > FS_LINK_BYTES_MAX)
        return CAP_FS_STATUS_TOO_LARGE;
    return create(directory, quota, name, CAP_NODE_KIND_LINK, text, now_ns, out);
}

static void remove_entry(struct fs_node *directory, struct fs_entry *entry, int64_t now_ns)
{
    unlinked(entry_detach(directory, entry), now_ns);
}

enum cap_fs_status fs_remove(struct fs_node *directory, struct capnp_data name, int64_t now_ns)
{
    struct fs_entry *entry;
    enum cap_fs_status status = find_entry(directory, name, &entry);
    if (status != CAP_FS_STATUS_OK)
        return status;
    if (entry->node->kind == CAP_NODE_KIND_DIRECTORY && entry->node->directory.count > 0)
        return CAP_FS_STATUS_NOT_EMPTY;
    remove_entry(directory, entry, now_ns);
    fs_node_touch_content(directory, now_ns);
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_link_node(struct fs_node *directory, struct capnp_data name, struct fs_node *to,
                                struct fs_quota *quota, struct capnp_data new_name, int64_t now_ns)
{
    struct fs_node *node;
    struct fs_entry *entry;
    enum cap_fs_status status = fs_lookup(directory, name, &node);
    if (status == CAP_FS_STATUS_OK)
        status = check_new(to, new_name);
    if (status != CAP_FS_STATUS_OK)
        return status;
    if (node->kind == CAP_NODE_KIND_DIRECTORY)
        return CAP_FS_STATUS_IS_DIRECTORY;
    if (to->tree != node->tree)
        return CAP_FS_STATUS_CROSS_DEVICE;
    if (node->links >= FS_LINKS_MAX)
        return CAP_FS_STATUS_TOO_MANY_LINKS;
    status = entry_create(quota, new_name, &entry);
    if (status != CAP_FS_STATUS_OK)
        return status;
    entry_attach(to, entry, node);
    fs_node_touch(node, now_ns);
    fs_node_touch_content(to, now_ns);
    return CAP_FS_STATUS_OK;
}

/* ---- Renaming. */

static bool is_below(const struct fs_node *directory, const struct fs_node *top)
{
    while (directory != NULL && directory != top)
        directory = directory->directory.parent;
    return directory == top;
}

/* Whether `node` may take the place of `old`. */
static enum cap_fs_status check_replace(const struct fs_node *node, const struct fs_node *old, bool replace)
{
    if (!replace)
        return CAP_FS_STATUS_EXISTS;
    bool is_directory = node->kind == CAP_NODE_KIND_DIRECTORY;
    if ((old->kind == CAP_NODE_KIND_DIRECTORY) != is_directory)
        return is_directory ? CAP_FS_STATUS_NOT_DIRECTORY : CAP_FS_STATUS_IS_DIRECTORY;
    return is_directory && old->directory.count > 0 ? CAP_FS_STATUS_NOT_EMPTY : CAP_FS_STATUS_OK;
}

static enum cap_fs_status check_rename(struct fs_node *node, struct fs_node *to, struct capnp_data new_name,
                                       bool replace, struct fs_entry **old)
{
    enum cap_fs_status status = check_new(to, new_name);
    *old = NULL;
    if (status != CAP_FS_STATUS_OK && status != CAP_FS_STATUS_EXISTS)
        return status;
    if (to->tree != node->tree)
        return CAP_FS_STATUS_CROSS_DEVICE;
    if (node->kind == CAP_NODE_KIND_DIRECTORY && is_below(to, node))
        return CAP_FS_STATUS_BUSY;
    if (status == CAP_FS_STATUS_OK)
        return CAP_FS_STATUS_OK;
    *old = entry_find(to, new_name);
    return (*old)->node == node ? CAP_FS_STATUS_OK : check_replace(node, (*old)->node, replace);
}

enum cap_fs_status fs_rename(struct fs_node *from, struct capnp_data name, struct fs_node *to,
                             struct fs_quota *quota, struct capnp_data new_name, bool replace, int64_t now_ns)
{
    struct fs_entry *source, *old, *entry;
    enum cap_fs_status status = find_entry(from, name, &source);
    if (status == CAP_FS_STATUS_OK)
        status = check_rename(source->node, to, new_name, replace, &old);
    if (status != CAP_FS_STATUS_OK)
        return status;
    if (old != NULL && old->node == source->node)
        return CAP_FS_STATUS_OK; /* two names of one file: POSIX has it do nothing */
    status = entry_create(quota, new_name, &entry);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_node *node = source->node;
    fs_node_get(node);
    entry_detach(from, source);
    if (old != NULL)
        remove_entry(to, old, now_ns);
    entry_attach(to, entry, node);
    fs_node_touch(node, now_ns);
    fs_node_put(node);
    fs_node_touch_content(from, now_ns);
    if (to != from)
        fs_node_touch_content(to, now_ns);
    return CAP_FS_STATUS_OK;
}

const struct fs_entry *fs_list_next(const struct fs_node *directory, uint64_t cookie)
{
    struct rb_node *at = directory->directory.by_cookie.node;
    const struct fs_entry *found = NULL;
    while (at != NULL) {
        if (entry_by_cookie(at)->cookie > cookie) {
            found = entry_by_cookie(at);
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return found;
}
