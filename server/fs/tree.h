/*
 * The file system's nodes and names: files, directories, links, and the directory entries that lead to them.
 *
 * A node lives as long as a name or a reference (an open file, a directory capability) leads to it.
 * Directories know their parent, for two things only: a directory cannot be moved below itself, and freeing a
 * whole tree needs no recursion. No method hands the parent out. Names are bytes; see name_check.
 *
 * Every change is all or nothing: what it needs is allocated and charged first. Not thread-safe: the file
 * system's lock protects everything here. No function blocks. Times are the caller's, in nanoseconds since
 * 1970.
 */
#pragma once
#include "content.h"
#include <base/list.h>

enum { FS_NAME_BYTES_MAX = 255, FS_LINK_BYTES_MAX = 4095, FS_LINKS_MAX = 65535 };
/* What a node and an entry count as, on top of content and names. */
enum { FS_NODE_COST_BYTES = 256 };

struct fs_tree;

struct fs_node {
    uint64_t id; /* never used again */
    enum cap_node_kind kind;
    uint32_t references;
    uint32_t links; /* names that lead here */
    bool executable;
    int64_t created_ns, modified_ns, changed_ns;
    uint64_t version;
    struct fs_quota *quota; /* referenced: what it was charged to */
    struct fs_tree *tree;
    struct list watchers; /* the server's, told through fs_tree.changed */
    struct fs_content content;
    struct fs_directory {
        struct rb_root by_name, by_cookie; /* struct fs_entry */
        uint64_t count, last_cookie;
        struct fs_node *parent; /* null: a root, or removed */
        bool is_root;           /* never had a name */
    } directory;
    struct fs_link {
        uint8_t *text;
        size_t len;
    } link;
};

struct fs_entry {
    struct rb_node by_name, by_cookie;
    uint64_t cookie;
    struct fs_node *node; /* counted in its links */
    struct fs_quota *quota;
    size_t name_len;
    uint8_t name[];
};

/* All trees of one server: the numbering, and who wants to hear of changes. */
struct fs_tree {
    uint64_t last_id;
    uint64_t node_count;
    struct fs_quota *space;                /* the outermost quota; borrowed */
    void (*changed)(struct fs_node *node); /* after a node's version went up; may be null */
};

/* A directory without a name. One reference; with its last one everything below it goes. */
enum cap_fs_status fs_root_create(struct fs_tree *tree, struct fs_quota *quota, int64_t now_ns,
                                  struct fs_node **out);

static inline void fs_node_get(struct fs_node *node)
{
    node->references++;
}
/* The last reference to a node without a name frees it and what is below it. */
void fs_node_put(struct fs_node *node);
void fs_node_info(const struct fs_node *node, struct cap_node_info *out);
/* Who makes a file grow through narrower limits than it was made under pays for all of it from now on:
 * charges it to `quota` if that lies within the node's own. OK, OVER_QUOTA. */
enum cap_fs_status fs_node_charge_to(struct fs_node *node, struct fs_quota *quota);
/* Content, times or names have changed: a new version. */
void fs_node_touch(struct fs_node *node, int64_t now_ns);
void fs_node_touch_content(struct fs_node *node, int64_t now_ns);

/* OK or BAD_NAME: 1 to FS_NAME_BYTES_MAX bytes without '/' and NUL, and neither "." nor "..". */
enum cap_fs_status fs_name_check(struct capnp_data name);

/* Borrowed. NOT_FOUND, BAD_NAME, NOT_DIRECTORY. */
enum cap_fs_status fs_lookup(struct fs_node *directory, struct capnp_data name, struct fs_node **out);

/* New nodes under a new name; charged to `quota`, which `directory` is under. The node is borrowed. EXISTS,
 * BAD_NAME, NOT_DIRECTORY, NO_SPACE, OVER_QUOTA; NOT_FOUND: the directory itself was removed. */
enum cap_fs_status fs_create_file(struct fs_node *directory, struct fs_quota *quota, struct capnp_data name,
                                  int64_t now_ns, struct fs_node **out);
enum cap_fs_status fs_create_directory(struct fs_node *directory, struct fs_quota *quota,
                                       struct capnp_data name, int64_t now_ns, struct fs_node **out);
/* TOO_LARGE: more than FS_LINK_BYTES_MAX bytes of text. */
enum cap_fs_status fs_create_link(struct fs_node *directory, struct fs_quota *quota, struct capnp_data name,
                                  struct capnp_data text, int64_t now_ns, struct fs_node **out);

/* NOT_FOUND, NOT_EMPTY, BAD_NAME. */
enum cap_fs_status fs_remove(struct fs_node *directory, struct capnp_data name, int64_t now_ns);
/* Another name for a file or link. IS_DIRECTORY, TOO_MANY_LINKS, CROSS_DEVICE (another tree), EXISTS. */
enum cap_fs_status fs_link_node(struct fs_node *directory, struct capnp_data name, struct fs_node *to,
                                struct fs_quota *quota, struct capnp_data new_name, int64_t now_ns);
/* EXISTS without `replace`; with it what was there goes as by fs_remove, if it is of the same kind
 * (NOT_DIRECTORY, IS_DIRECTORY, NOT_EMPTY). CROSS_DEVICE: another tree. BUSY: a directory would come to lie
 * below itself. */
enum cap_fs_status fs_rename(struct fs_node *from, struct capnp_data name, struct fs_node *to,
                             struct fs_quota *quota, struct capnp_data new_name, bool replace,
                             int64_t now_ns);

/* The first entry with a cookie > `cookie`, borrowed; null: none. */
const struct fs_entry *fs_list_next(const struct fs_node *directory, uint64_t cookie);
