/* FileTree messages, good and bad, into a tree. */
#include "import.h"
#include "loopback.h"
#include "server.h"
#include <capos/filetree.h>
#include "unit.h"
#include <string.h>

enum { MESSAGE_BYTES = 65536, CONTENT_BYTES = 10000 };

static uint64_t message[MESSAGE_BYTES / 8];
static char why[IMPORT_WHY_BYTES];
static struct fs_node *root;
static struct fs_quota *space;

static struct capnp_data data_of(const char *text)
{
    return (struct capnp_data){(const uint8_t *)text, strlen(text)};
}

static bool import(const struct cap_tree_node *nodes, size_t count)
{
    const struct cap_file_tree tree = {.nodes = CAPNP_LIST(nodes, count)};
    size_t caps = 0;
    int32_t used = cap_file_tree_encode(&tree, message, sizeof message, NULL, &caps);
    assert_true(used > 0);
    why[0] = '\0';
    return import_tree(root, space, message, (size_t)used, why);
}

static struct cap_tree_node node(uint32_t parent, enum cap_node_kind kind, const char *name,
                                 const char *content)
{
    return (struct cap_tree_node){.parent = parent,
                                  .kind = kind,
                                  .name = data_of(name),
                                  .content = data_of(content),
                                  .modified_unix_ns = 5};
}

static void begin(uint64_t bytes)
{
    static struct fs_tree tree;
    tree = (struct fs_tree){.space = NULL};
    space = fs_quota_create(NULL, bytes, 0);
    UNIT_OK(space != NULL);
    tree.space = space;
    UNIT_OK(fs_root_create(&tree, space, 1, &root) == CAP_FS_STATUS_OK);
}

/* Also of a test that was given up in the middle. */
static void end(void)
{
    if (root != NULL)
        fs_node_put(root);
    if (space != NULL)
        fs_quota_put(space);
    root = NULL;
    space = NULL;
}

static void a_tree_comes_in(void)
{
    static char content[CONTENT_BYTES + 1];
    memset(content, 'x', CONTENT_BYTES);
    const struct cap_tree_node nodes[] = {
        node(0, CAP_NODE_KIND_DIRECTORY, "d", ""),
        node(1, CAP_NODE_KIND_FILE, "f", content),
        node(1, CAP_NODE_KIND_LINK, "l", "../d/f"),
        node(0, CAP_NODE_KIND_FILE, "empty", ""),
    };
    struct fs_node *found = NULL;
    char read[CONTENT_BYTES + 1] = "";
    begin(UINT64_C(1) << 20);
    UNIT_OK(import(nodes, 4));
    UNIT_OK(fs_lookup(root, data_of("d"), &found) == CAP_FS_STATUS_OK);
    assert_true(fs_lookup(found, data_of("l"), &found) == CAP_FS_STATUS_OK);
    assert_int_equal(found->kind, CAP_NODE_KIND_LINK);
    assert_memory_equal(found->link.text, "../d/f", 6);
    assert_true(fs_lookup(root, data_of("d"), &found) == CAP_FS_STATUS_OK);
    assert_true(fs_lookup(found, data_of("f"), &found) == CAP_FS_STATUS_OK);
    assert_int_equal(fs_content_read(&found->content, 0, read, sizeof read), CONTENT_BYTES);
    assert_string_equal(read, content);
    assert_int_equal(found->created_ns, 5);
    end();
}

static void directories_keep_their_times(void)
{
    struct cap_tree_node nodes[] = {node(0, CAP_NODE_KIND_DIRECTORY, "d", ""),
                                    node(1, CAP_NODE_KIND_FILE, "f", "x")};
    struct fs_node *found = NULL;
    nodes[0].modified_unix_ns = 1000;
    nodes[1].modified_unix_ns = 2000;
    begin(UINT64_C(1) << 20);
    UNIT_OK(import(nodes, 2));
    UNIT_OK(fs_lookup(root, data_of("d"), &found) == CAP_FS_STATUS_OK);
    assert_int_equal(found->modified_ns, 1000);
    UNIT_OK(fs_lookup(found, data_of("f"), &found) == CAP_FS_STATUS_OK);
    assert_int_equal(found->modified_ns, 2000);
    end();
}

static void refused(const struct cap_tree_node *nodes, size_t count, const char *words)
{
    begin(20000);
    UNIT_OK(!import(nodes, count) && (unit_alloc_failed() || strstr(why, words) != NULL));
    end();
}

static void bad_trees_are_refused(void)
{
    const struct cap_tree_node dir = node(0, CAP_NODE_KIND_DIRECTORY, "d", ""),
                               file = node(0, CAP_NODE_KIND_FILE, "f", "content");
    static char large[30001];
    memset(large, 'y', sizeof large - 1);
    refused((const struct cap_tree_node[]){node(1, CAP_NODE_KIND_FILE, "x", "")}, 1, "before its parent");
    refused((const struct cap_tree_node[]){dir, node(3, CAP_NODE_KIND_FILE, "x", "")}, 2,
            "before its parent");
    refused((const struct cap_tree_node[]){file, node(1, CAP_NODE_KIND_FILE, "x", "")}, 2, "no directory");
    refused((const struct cap_tree_node[]){dir, dir}, 2, "already");
    refused((const struct cap_tree_node[]){node(0, CAP_NODE_KIND_FILE, "..", "")}, 1, "neither . nor ..");
    refused((const struct cap_tree_node[]){node(0, CAP_NODE_KIND_FILE, "a/b", "")}, 1, "neither . nor ..");
    refused((const struct cap_tree_node[]){node(0, CAP_NODE_KIND_FILE, "", "")}, 1, "neither . nor ..");
    refused((const struct cap_tree_node[]){node(0, (enum cap_node_kind)7, "k", "")}, 1, "malformed");
    refused((const struct cap_tree_node[]){node(0, CAP_NODE_KIND_FILE, "big", large)}, 1, "no room");
}

static void damaged_messages_are_refused(void)
{
    const struct cap_tree_node nodes[] = {node(0, CAP_NODE_KIND_DIRECTORY, "d", ""),
                                          node(1, CAP_NODE_KIND_FILE, "f", "content")};
    const struct cap_file_tree tree = {.nodes = CAPNP_LIST(nodes, 2)};
    size_t caps = 0;
    int32_t used = cap_file_tree_encode(&tree, message, sizeof message, NULL, &caps);
    begin(UINT64_C(1) << 20);
    for (size_t cut = 8; cut < (size_t)used; cut += 8) /* no bytes at all are an empty tree */
        assert_false(import_tree(root, space, message, cut, why));
    end();
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(a_tree_comes_in),
        UNIT_TEST(directories_keep_their_times),
        UNIT_TEST(bad_trees_are_refused),
        UNIT_TEST(damaged_messages_are_refused),
    };
    return UNIT_MAIN(tests, NULL, end);
}
