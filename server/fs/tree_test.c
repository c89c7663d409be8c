/*
 * The tree of files against a deliberately naive model: flat arrays of nodes and entries, whole contents.
 * Random operations with quotas that run out and, in the harness' later runs, allocations that fail; every
 * status, every byte read and the whole tree are compared, and at the end everything must be given back.
 */
#include "tree.h"
#include "fake_memory.h"
#include "segment.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The model. */

enum { NODES = 4096, ENTRIES = 256, FILE_BYTES = 40000, NAMES = 12, ROOTS = 2, STEPS = 6000, HELD = 8 };
enum { NO_NODE = -1 };

struct model_node {
    bool used;
    enum cap_node_kind kind;
    uint8_t *bytes; /* of a file: FILE_BYTES */
    uint64_t size;
    char text[8];
    struct fs_node *real;
};

struct model_entry {
    bool used;
    int directory, node;
    unsigned name;
};

static struct {
    struct model_node nodes[NODES];
    int node_count;
    struct model_entry entries[ENTRIES];
    int roots[ROOTS];
    int held[HELD];
    struct fs_tree tree;
    struct fs_quota *space, *narrow;
    uint64_t random;
} world;

static uint32_t draw(uint32_t below)
{
    world.random = world.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(world.random >> 33) % below;
}

static struct capnp_data name_of(unsigned name)
{
    static char text[NAMES][8];
    snprintf(text[name], sizeof text[name], "n%u", name);
    return capnp_data_of(text[name], strlen(text[name]));
}

static int model_find(int directory, unsigned name)
{
    for (int i = 0; i < ENTRIES; i++)
        if (world.entries[i].used && world.entries[i].directory == directory && world.entries[i].name == name)
            return i;
    return NO_NODE;
}

static int model_free_entry(void)
{
    for (int i = 0; i < ENTRIES; i++)
        if (!world.entries[i].used)
            return i;
    return NO_NODE;
}

static unsigned model_links(int node)
{
    unsigned links = 0;
    for (int i = 0; i < ENTRIES; i++)
        links += world.entries[i].used && world.entries[i].node == node;
    for (int i = 0; i < ROOTS; i++)
        links += world.roots[i] == node;
    return links;
}

static uint64_t model_children(int node)
{
    uint64_t count = 0;
    for (int i = 0; i < ENTRIES; i++)
        count += world.entries[i].used && world.entries[i].directory == node;
    return count;
}

static bool model_is_below(int node, int top)
{
    while (node != top) {
        int up = NO_NODE;
        for (int i = 0; i < ENTRIES; i++)
            if (world.entries[i].used && world.entries[i].node == node)
                up = world.entries[i].directory;
        if (up == NO_NODE)
            return false;
        node = up;
    }
    return true;
}

static int model_add(enum cap_node_kind kind, struct fs_node *real)
{
    assert_true(world.node_count < NODES);
    int index = world.node_count++;
    world.nodes[index] = (struct model_node){.used = true, .kind = kind, .real = real};
    if (kind == CAP_NODE_KIND_FILE)
        world.nodes[index].bytes = calloc(1, FILE_BYTES);
    return index;
}

static void model_enter(int directory, unsigned name, int node)
{
    int entry = model_free_entry();
    assert_true(entry != NO_NODE);
    world.entries[entry] = (struct model_entry){true, directory, node, name};
}

/* A directory that a walk from a root reaches, or one that is held. */
static int draw_directory(void)
{
    int at = draw(4) == 0 ? world.held[draw(HELD)] : world.roots[draw(ROOTS)];
    if (at == NO_NODE || world.nodes[at].kind != CAP_NODE_KIND_DIRECTORY)
        at = world.roots[draw(ROOTS)];
    for (unsigned steps = draw(4); steps > 0; steps--) {
        int entry = model_find(at, draw(NAMES));
        if (entry != NO_NODE && world.nodes[world.entries[entry].node].kind == CAP_NODE_KIND_DIRECTORY)
            at = world.entries[entry].node;
    }
    return at;
}

static struct fs_quota *quota_of(int directory)
{
    return model_is_below(directory, world.roots[1]) ? world.narrow : world.space;
}

/* What only the real one can know: memory and quotas that run out. */
static bool is_shortage(enum cap_fs_status status)
{
    return status == CAP_FS_STATUS_NO_SPACE || status == CAP_FS_STATUS_OVER_QUOTA;
}

/* ---- Operations: what the model expects, what happened, and the change to the model. */

static void do_create(void)
{
    static enum cap_fs_status (*const makers[])(struct fs_node *, struct fs_quota *, struct capnp_data,
                                                int64_t,
                                                struct fs_node **) = {fs_create_file, fs_create_directory};
    int directory = draw_directory();
    unsigned name = draw(NAMES);
    unsigned kind = draw(3);
    struct fs_node *real = world.nodes[directory].real, *made = NULL;
    enum cap_fs_status expected = model_links(directory) == 0              ? CAP_FS_STATUS_NOT_FOUND
                                  : model_find(directory, name) != NO_NODE ? CAP_FS_STATUS_EXISTS
                                                                           : CAP_FS_STATUS_OK;
    if (model_free_entry() == NO_NODE || world.node_count == NODES)
        return;
    struct capnp_data text = capnp_data_of("../x", 4);
    enum cap_fs_status status = kind == 2
                                    ? fs_create_link(real, quota_of(directory), name_of(name), text, 1, &made)
                                    : makers[kind](real, quota_of(directory), name_of(name), 1, &made);
    if (expected == CAP_FS_STATUS_OK && is_shortage(status))
        return;
    assert_int_equal(status, expected);
    if (status != CAP_FS_STATUS_OK)
        return;
    static const enum cap_node_kind kinds[] = {CAP_NODE_KIND_FILE, CAP_NODE_KIND_DIRECTORY,
                                               CAP_NODE_KIND_LINK};
    model_enter(directory, name, model_add(kinds[kind], made));
}

static void do_remove(void)
{
    int directory = draw_directory();
    unsigned name = draw(NAMES);
    int entry = model_find(directory, name);
    enum cap_fs_status expected = entry == NO_NODE                                 ? CAP_FS_STATUS_NOT_FOUND
                                  : model_children(world.entries[entry].node) != 0 ? CAP_FS_STATUS_NOT_EMPTY
                                                                                   : CAP_FS_STATUS_OK;
    assert_int_equal(fs_remove(world.nodes[directory].real, name_of(name), 2), expected);
    if (expected == CAP_FS_STATUS_OK)
        world.entries[entry].used = false;
}

static enum cap_fs_status expect_rename(int node, int to, int old, bool replace)
{
    bool is_directory = world.nodes[node].kind == CAP_NODE_KIND_DIRECTORY;
    if (model_links(to) == 0)
        return CAP_FS_STATUS_NOT_FOUND;
    if (is_directory && model_is_below(to, node))
        return CAP_FS_STATUS_BUSY;
    if (old == NO_NODE || world.entries[old].node == node)
        return CAP_FS_STATUS_OK;
    if (!replace)
        return CAP_FS_STATUS_EXISTS;
    int there = world.entries[old].node;
    if ((world.nodes[there].kind == CAP_NODE_KIND_DIRECTORY) != is_directory)
        return is_directory ? CAP_FS_STATUS_NOT_DIRECTORY : CAP_FS_STATUS_IS_DIRECTORY;
    return model_children(there) != 0 ? CAP_FS_STATUS_NOT_EMPTY : CAP_FS_STATUS_OK;
}

static void do_rename(void)
{
    int from = draw_directory(), to = draw_directory();
    unsigned name = draw(NAMES), new_name = draw(NAMES);
    bool replace = draw(2) != 0;
    int source = model_find(from, name);
    int old = model_find(to, new_name);
    enum cap_fs_status expected = source == NO_NODE
                                      ? CAP_FS_STATUS_NOT_FOUND
                                      : expect_rename(world.entries[source].node, to, old, replace);
    enum cap_fs_status status = fs_rename(world.nodes[from].real, name_of(name), world.nodes[to].real,
                                          quota_of(to), name_of(new_name), replace, 3);
    if (expected == CAP_FS_STATUS_OK && is_shortage(status))
        return;
    assert_int_equal(status, expected);
    if (status != CAP_FS_STATUS_OK ||
        (old != NO_NODE && world.entries[old].node == world.entries[source].node))
        return;
    if (old != NO_NODE)
        world.entries[old].used = false;
    world.entries[source].directory = to;
    world.entries[source].name = new_name;
}

static void do_link(void)
{
    int from = draw_directory(), to = draw_directory();
    unsigned name = draw(NAMES), new_name = draw(NAMES);
    int source = model_find(from, name);
    enum cap_fs_status expected = CAP_FS_STATUS_OK;
    if (source == NO_NODE || model_links(to) == 0)
        expected = CAP_FS_STATUS_NOT_FOUND;
    else if (model_find(to, new_name) != NO_NODE)
        expected = CAP_FS_STATUS_EXISTS;
    else if (world.nodes[world.entries[source].node].kind == CAP_NODE_KIND_DIRECTORY)
        expected = CAP_FS_STATUS_IS_DIRECTORY;
    if (model_free_entry() == NO_NODE)
        return;
    enum cap_fs_status status = fs_link_node(world.nodes[from].real, name_of(name), world.nodes[to].real,
                                             quota_of(to), name_of(new_name), 4);
    if (expected == CAP_FS_STATUS_OK && is_shortage(status))
        return;
    assert_int_equal(status, expected);
    if (status == CAP_FS_STATUS_OK)
        model_enter(to, new_name, world.entries[source].node);
}

static int draw_file(void)
{
    int held = world.held[draw(HELD)];
    if (draw(3) == 0 && held != NO_NODE)
        return world.nodes[held].kind == CAP_NODE_KIND_FILE ? held : NO_NODE;
    int entry = model_find(draw_directory(), draw(NAMES));
    if (entry == NO_NODE || world.nodes[world.entries[entry].node].kind != CAP_NODE_KIND_FILE)
        return NO_NODE;
    return world.entries[entry].node;
}

static void do_write(void)
{
    uint8_t bytes[FS_BLOCK_BYTES];
    int file = draw_file();
    size_t len = draw(4) == 0 ? draw(sizeof bytes) : draw(100);
    uint64_t offset = draw(FILE_BYTES - sizeof bytes);
    if (file == NO_NODE)
        return;
    struct model_node *model = &world.nodes[file];
    if (draw(2) == 0)
        offset = model->size < FILE_BYTES - sizeof bytes ? model->size : offset;
    memset(bytes, (int)(1 + draw(255)), sizeof bytes);
    enum cap_fs_status status = fs_content_write(&model->real->content, offset, bytes, len);
    if (is_shortage(status))
        return;
    assert_int_equal(status, CAP_FS_STATUS_OK);
    memcpy(model->bytes + offset, bytes, len);
    if (len > 0 && offset + len > model->size)
        model->size = offset + len;
}

static void do_truncate(void)
{
    int file = draw_file();
    uint64_t size = draw(FILE_BYTES);
    if (file == NO_NODE)
        return;
    struct model_node *model = &world.nodes[file];
    enum cap_fs_status status = fs_content_truncate(&model->real->content, size);
    if (is_shortage(status))
        return;
    assert_int_equal(status, CAP_FS_STATUS_OK);
    if (size < model->size)
        memset(model->bytes + size, 0, (size_t)(model->size - size));
    model->size = size;
}

static void do_make_segment(void)
{
    int file = draw_file();
    if (file == NO_NODE)
        return;
    struct fs_content *content = &world.nodes[file].real->content;
    enum cap_fs_status status = fs_content_make_segment(content, FS_SEGMENT_GROWS);
    if (is_shortage(status))
        return;
    assert_int_equal(status, CAP_FS_STATUS_OK);
    /* A client that writes behind the end: never to be seen. */
    if (content->size < content->segment->capacity_bytes)
        memset(content->segment->bytes + content->size, 0xee,
               (size_t)(content->segment->capacity_bytes - content->size));
}

static void check_file(int file)
{
    static uint8_t bytes[FILE_BYTES];
    const struct model_node *model = &world.nodes[file];
    assert_int_equal(model->real->content.size, model->size);
    assert_int_equal(fs_content_read(&model->real->content, 0, bytes, sizeof bytes), model->size);
    assert_memory_equal(bytes, model->bytes, model->size);
}

static void do_read(void)
{
    int file = draw_file();
    if (file != NO_NODE)
        check_file(file);
}

/* Somebody opens a node, or drops one. */
static void do_hold(void)
{
    unsigned slot = draw(HELD);
    if (world.held[slot] != NO_NODE) {
        fs_node_put(world.nodes[world.held[slot]].real);
        world.held[slot] = NO_NODE;
        return;
    }
    int entry = model_find(draw_directory(), draw(NAMES));
    if (entry == NO_NODE)
        return;
    world.held[slot] = world.entries[entry].node;
    fs_node_get(world.nodes[world.held[slot]].real);
}

static void check_directory(int directory)
{
    uint64_t count = 0, cookie = 0;
    const struct fs_entry *at;
    while ((at = fs_list_next(world.nodes[directory].real, cookie)) != NULL) {
        unsigned name = (unsigned)strtoul(
            (const char[]){(char)at->name[1], at->name_len > 2 ? (char)at->name[2] : 0, 0}, NULL, 10);
        int entry = model_find(directory, name);
        assert_true(entry != NO_NODE);
        assert_ptr_equal(at->node, world.nodes[world.entries[entry].node].real);
        assert_true(at->cookie > cookie);
        cookie = at->cookie;
        count++;
    }
    assert_int_equal(count, model_children(directory));
    assert_true(rb_check(&world.nodes[directory].real->directory.by_name));
    assert_true(rb_check(&world.nodes[directory].real->directory.by_cookie));
}

static void check_everything(void)
{
    for (int i = 0; i < ENTRIES; i++) {
        if (!world.entries[i].used || model_links(world.entries[i].directory) == 0)
            continue;
        int node = world.entries[i].node;
        assert_int_equal(world.nodes[node].real->links, model_links(node));
        if (world.nodes[node].kind == CAP_NODE_KIND_DIRECTORY)
            check_directory(node);
        else if (world.nodes[node].kind == CAP_NODE_KIND_FILE)
            check_file(node);
    }
}

static void test_random_operations(void)
{
    static void (*const operations[])(void) = {do_create,       do_create, do_remove, do_rename,
                                               do_link,         do_write,  do_write,  do_truncate,
                                               do_make_segment, do_read,   do_hold};
    for (unsigned step = 0; step < STEPS; step++) {
        operations[draw(sizeof operations / sizeof operations[0])]();
        if (step % 500 == 0)
            check_everything();
    }
    check_everything();
}

static void test_names(void)
{
    char longest[FS_NAME_BYTES_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(fs_name_check(capnp_data_of("", 0)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of(".", 1)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of("..", 2)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of("a/b", 3)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of("a\0b", 3)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of(longest, sizeof longest)), CAP_FS_STATUS_BAD_NAME);
    assert_int_equal(fs_name_check(capnp_data_of(longest, FS_NAME_BYTES_MAX)), CAP_FS_STATUS_OK);
    assert_int_equal(fs_name_check(capnp_data_of("...", 3)), CAP_FS_STATUS_OK);
    assert_int_equal(fs_name_check(capnp_data_of("\xff\x01", 2)), CAP_FS_STATUS_OK);
}

/* A chain of directories far deeper than any stack would bear. */
static void test_deep_trees_are_freed(void)
{
    enum { DEPTH = 20000 };
    struct fs_node *at = world.nodes[world.roots[0]].real;
    for (int i = 0; i < DEPTH; i++) {
        enum cap_fs_status status = fs_create_directory(at, world.space, name_of(0), 1, &at);
        if (is_shortage(status))
            break;
        assert_int_equal(status, CAP_FS_STATUS_OK);
    }
}

static void test_sparse_files(void)
{
    struct fs_node *file;
    struct fs_node *root = world.nodes[world.roots[0]].real;
    UNIT_OK(fs_create_file(root, world.space, name_of(0), 1, &file) == CAP_FS_STATUS_OK);
    UNIT_OK(fs_content_write(&file->content, UINT64_C(1) << 39, "x", 1) == CAP_FS_STATUS_OK);
    assert_int_equal(file->content.size, (UINT64_C(1) << 39) + 1);
    assert_true(file->content.allocated_bytes <= FS_BLOCK_BYTES);
    assert_int_equal(fs_content_write(&file->content, FS_FILE_BYTES_MAX, "x", 1), CAP_FS_STATUS_TOO_LARGE);
    assert_int_equal(fs_content_write(&file->content, UINT64_MAX, "x", 1), CAP_FS_STATUS_TOO_LARGE);
    assert_int_equal(fs_content_make_segment(&file->content, FS_SEGMENT_GROWS), CAP_FS_STATUS_TOO_LARGE);
    uint8_t bytes[3] = {1, 1, 1};
    assert_int_equal(fs_content_read(&file->content, (UINT64_C(1) << 39) - 1, bytes, 3), 2);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1], 'x');
}

/* Who may only look does not fill holes; who may write can, and pays for them and for the header. */
static void test_segments_of_sparse_files(void)
{
    struct fs_node *file;
    struct fs_node *root = world.nodes[world.roots[0]].real;
    UNIT_OK(fs_create_file(root, world.space, name_of(0), 1, &file) == CAP_FS_STATUS_OK);
    UNIT_OK(fs_content_write(&file->content, 0, "x", 1) == CAP_FS_STATUS_OK);
    struct fs_content *content = &file->content;
    const uint64_t used = world.space->used_bytes, allocated = content->allocated_bytes;
    UNIT_OK(fs_content_truncate(content, 3 * FS_BLOCK_BYTES) == CAP_FS_STATUS_OK);
    assert_int_equal(fs_content_make_segment(content, FS_SEGMENT_LOOKS), CAP_FS_STATUS_READ_ONLY);
    assert_null(content->segment);
    assert_int_equal(world.space->used_bytes, used);
    UNIT_OK(fs_content_make_segment(content, FS_SEGMENT_WRITES) == CAP_FS_STATUS_OK);
    assert_int_equal(content->segment->capacity_bytes, 3 * FS_BLOCK_BYTES);
    assert_int_equal(world.space->used_bytes, used - allocated + 4 * FS_BLOCK_BYTES);
    assert_int_equal(fs_content_make_segment(content, FS_SEGMENT_LOOKS), CAP_FS_STATUS_OK);
    /* A small one costs a page that is not full, and the header. */
    UNIT_OK(fs_create_file(root, world.space, name_of(1), 1, &file) == CAP_FS_STATUS_OK);
    UNIT_OK(fs_content_write(&file->content, 0, "x", 1) == CAP_FS_STATUS_OK);
    UNIT_OK(fs_content_make_segment(&file->content, FS_SEGMENT_LOOKS) == CAP_FS_STATUS_OK);
    assert_int_equal(file->content.allocated_bytes, 2 * FS_BLOCK_BYTES);
}

static void setup(void)
{
    memset(&world, 0, sizeof world);
    world.random = 20261123;
    world.space = fs_quota_create(NULL, 8u << 20, 50000);
    UNIT_OK(world.space != NULL);
    world.narrow = fs_quota_create(world.space, 20000, 20);
    if (world.narrow == NULL) {
        fs_quota_put(world.space);
        world.space = NULL;
    }
    UNIT_OK(world.narrow != NULL);
    world.tree.space = world.space;
    for (int i = 0; i < HELD; i++)
        world.held[i] = NO_NODE;
    for (int i = 0; i < ROOTS; i++)
        world.roots[i] = NO_NODE;
    for (int i = 0; i < ROOTS; i++) {
        struct fs_node *root;
        struct fs_quota *quota = i == 0 ? world.space : world.narrow;
        UNIT_OK(fs_root_create(&world.tree, quota, 1, &root) == CAP_FS_STATUS_OK);
        world.roots[i] = model_add(CAP_NODE_KIND_DIRECTORY, root);
    }
}

static void teardown(void)
{
    for (int i = 0; i < HELD && world.space != NULL; i++)
        if (world.held[i] != NO_NODE)
            fs_node_put(world.nodes[world.held[i]].real);
    for (int i = 0; i < ROOTS && world.space != NULL; i++)
        if (world.roots[i] != NO_NODE)
            fs_node_put(world.nodes[world.roots[i]].real);
    for (int i = 0; i < world.node_count; i++)
        free(world.nodes[i].bytes);
    if (world.space == NULL)
        return;
    assert_int_equal(world.tree.node_count, 0);
    assert_int_equal(world.space->used_bytes, 0);
    assert_int_equal(world.space->used_nodes, 0);
    fs_quota_put(world.narrow);
    fs_quota_put(world.space);
    world.space = NULL;
    assert_int_equal(fake_live_allocations, 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_names),
        UNIT_TEST(test_sparse_files),
        UNIT_TEST(test_segments_of_sparse_files),
        UNIT_TEST(test_random_operations),
        UNIT_TEST(test_deep_trees_are_freed),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
