/* See import.h. */
#include "import.h"
#include <capos/filetree.h>
#include <capos/print.h>
#include "alloc.h"
#include <string.h>

struct import {
    struct fs_quota *quota;
    struct fs_node *
        *nodes; /* nodes[0] is the root, nodes[n] the message's n - 1; borrowed: each has a name */
};

static const char *why_of(enum cap_fs_status status)
{
    switch (status) {
    case CAP_FS_STATUS_EXISTS:
        return "there is one of that name already";
    case CAP_FS_STATUS_BAD_NAME:
        return "a name has 1 to 255 bytes without '/' and NUL, and is neither . nor ..";
    case CAP_FS_STATUS_NOT_DIRECTORY:
        return "what it is to lie in is no directory";
    case CAP_FS_STATUS_TOO_LARGE:
        return "too long";
    default:
        return "there is no room left";
    }
}

static enum cap_fs_status fill(struct fs_node *file, struct capnp_data content)
{
    enum cap_fs_status status = CAP_FS_STATUS_OK;
    for (size_t at = 0; at < content.len && status == CAP_FS_STATUS_OK; at += FS_BLOCK_BYTES) {
        size_t left = content.len - at;
        status = fs_content_write(&file->content, at, content.bytes + at,
                                  left < FS_BLOCK_BYTES ? left : FS_BLOCK_BYTES);
    }
    return status;
}

static enum cap_fs_status make(struct import *import, const struct cap_tree_node *from, struct fs_node **out)
{
    struct fs_node *parent = import->nodes[from->parent];
    int64_t time_ns = from->modified_unix_ns;
    if (parent->kind != CAP_NODE_KIND_DIRECTORY)
        return CAP_FS_STATUS_NOT_DIRECTORY;
    if (from->kind == CAP_NODE_KIND_DIRECTORY)
        return fs_create_directory(parent, import->quota, from->name, time_ns, out);
    if (from->kind == CAP_NODE_KIND_LINK)
        return fs_create_link(parent, import->quota, from->name, from->content, time_ns, out);
    enum cap_fs_status status = fs_create_file(parent, import->quota, from->name, time_ns, out);
    if (status != CAP_FS_STATUS_OK)
        return status;
    (*out)->executable = from->executable;
    return fill(*out, from->content);
}

static bool import_node(struct import *import, const struct capnp_list *list, size_t index, char *why)
{
    struct cap_tree_node node;
    const char *fault = NULL;
    if (cap_tree_node_list_get(list, index, &node) < 0 || node.kind > CAP_NODE_KIND_LINK)
        fault = "malformed";
    else if (node.parent > index)
        fault = "it stands before its parent";
    if (fault == NULL) {
        enum cap_fs_status status = make(import, &node, &import->nodes[index + 1]);
        fault = status == CAP_FS_STATUS_OK ? NULL : why_of(status);
    }
    if (fault != NULL)
        (void)capos_snprintf(why, IMPORT_WHY_BYTES, "nodes[%zu]: %s", index, fault);
    return fault == NULL;
}

/* At the end: what was made in a directory has changed it. */
static void set_times(const struct import *import, const struct capnp_list *list)
{
    struct cap_tree_node node;
    for (size_t i = 0; i < list->count && cap_tree_node_list_get(list, i, &node) >= 0; i++)
        import->nodes[i + 1]->modified_ns = node.modified_unix_ns;
}

bool import_tree(struct fs_node *root, struct fs_quota *quota, const void *bytes, size_t size_bytes,
                 char why[IMPORT_WHY_BYTES])
{
    struct capnp_message message;
    struct cap_file_tree tree;
    if (cap_file_tree_decode(&message, bytes, size_bytes, NULL, 0, &tree) < 0) {
        (void)capos_snprintf(why, IMPORT_WHY_BYTES, "not a FileTree message");
        return false;
    }
    struct import import = {.quota = quota, .nodes = calloc(tree.nodes.count + 1, sizeof(struct fs_node *))};
    bool good = import.nodes != NULL;
    if (good)
        import.nodes[0] = root;
    else
        (void)capos_snprintf(why, IMPORT_WHY_BYTES, "no memory for %zu nodes", tree.nodes.count);
    for (size_t i = 0; i < tree.nodes.count && good; i++)
        good = import_node(&import, &tree.nodes, i, why);
    if (good)
        set_times(&import, &tree.nodes);
    free(import.nodes);
    return good;
}
