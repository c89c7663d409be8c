/*
 * Several clients of one file server against a deliberately naive model: arrays of nodes, entries and whole
 * contents, and for each capability what it may do. Random operations through capabilities with different
 * rights (writable, read-only, append-only, under quotas), with capabilities handed from one client to
 * another; every status, every byte, every list and what each file takes is compared. Again with clients that
 * die at any moment, and again with a small space and allocations that fail: what fails must change nothing.
 */
#include "loopback.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 4, NODES = 20000, ENTRIES = 200, NAMES = 10, FILE_BYTES = 12000, HELD = 16, NONE = -1 };

enum { BLOCK = 4096, BLOCKS = (FILE_BYTES + BLOCK - 1) / BLOCK };

/* What a file takes: the blocks that were written to (0: a hole), or, once its memory was asked for, that. */
struct room {
    uint32_t blocks[BLOCKS];
    uint64_t capacity; /* of the memory, which has no holes; 0: there is none */
};

struct node {
    enum cap_node_kind kind;
    uint8_t *bytes;
    uint64_t size;
    struct room room;
};

struct entry {
    bool used;
    int directory, node;
    unsigned name;
};

/* A capability of a client's. */
struct held {
    uint32_t id; /* 0: none */
    bool is_file, read_only, append_only;
    int node, quota;
    int opened; /* files: closing the first closes all with the same number */
    bool derived, closed;
};

static struct {
    struct node nodes[NODES];
    int node_count, quota_count, open_count;
    struct entry entries[ENTRIES];
    struct held held[CLIENTS][HELD];
    bool opened_closed[NODES];
    uint64_t random;
    unsigned client;
    unsigned done[32], refused; /* how often each status was compared */
    unsigned holes_kept;        /* File.backing was refused for the holes' sake */
} world;

static uint64_t words[1200];
static struct cap_buffer buffer = {words, sizeof words};

static uint32_t draw(uint32_t below)
{
    world.random = world.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(world.random >> 33) % below;
}

static struct capnp_data name_of(unsigned name)
{
    static char text[NAMES][8];
    return capnp_data_of(text[name], (size_t)snprintf(text[name], sizeof text[name], "n%u", name));
}

/* ---- The model. */

static int find(int directory, unsigned name)
{
    for (int i = 0; i < ENTRIES; i++)
        if (world.entries[i].used && world.entries[i].directory == directory && world.entries[i].name == name)
            return i;
    return NONE;
}

static int free_entry(void)
{
    for (int i = 0; i < ENTRIES; i++)
        if (!world.entries[i].used)
            return i;
    return NONE;
}

static unsigned count_entries(int directory, int node)
{
    unsigned count = 0;
    for (int i = 0; i < ENTRIES; i++)
        count += world.entries[i].used && (directory == NONE || world.entries[i].directory == directory) &&
                 (node == NONE || world.entries[i].node == node);
    return count;
}

static bool is_removed(int directory)
{
    return directory != 0 && count_entries(NONE, directory) == 0;
}

static bool is_below(int node, int top)
{
    while (node != top) {
        int up = NONE;
        for (int i = 0; i < ENTRIES; i++)
            if (world.entries[i].used && world.entries[i].node == node)
                up = world.entries[i].directory;
        if (up == NONE)
            return false;
        node = up;
    }
    return true;
}

static int add_node(enum cap_node_kind kind)
{
    assert_true(world.node_count < NODES);
    world.nodes[world.node_count] =
        (struct node){.kind = kind, .bytes = kind == CAP_NODE_KIND_FILE ? calloc(1, FILE_BYTES) : NULL};
    return world.node_count++;
}

static void enter(int directory, unsigned name, int node)
{
    world.entries[free_entry()] = (struct entry){true, directory, node, name};
}

/* ---- Capabilities. */

static struct held *draw_held(bool is_file)
{
    for (int tries = 0; tries < 12; tries++) {
        struct held *held = &world.held[world.client][draw(HELD)];
        if (held->id != 0 && held->is_file == is_file)
            return held;
    }
    return NULL;
}

/* The first place is the root's and stays. */
static void keep(struct held held)
{
    struct held *place = &world.held[world.client][1 + draw(HELD - 1)];
    if (place->id != 0)
        assert_int_equal(cap_release_id(place->id), CAPOS_OK);
    *place = held;
}

static bool is_closed(const struct held *held)
{
    return held->closed || world.opened_closed[held->opened];
}

/* What only the server can know: that it has run out of something. */
static bool is_shortage(int32_t result, enum cap_fs_status status)
{
    if (result < 0) {
        assert_true(loopback_fail_every != 0);
        assert_true(result == CAPOS_ERR_NO_SLOTS || result == CAPOS_ERR_EXCEPTION);
        if (result == CAPOS_ERR_EXCEPTION)
            assert_int_equal(cap_exception_last()->kind, CAPOS_EXCEPTION_OVERLOADED);
        return true;
    }
    return status == CAP_FS_STATUS_NO_SPACE || status == CAP_FS_STATUS_OVER_QUOTA;
}

/* True: it was done, and the model follows. */
static bool compare(enum cap_fs_status expected, int32_t result, enum cap_fs_status status)
{
    if (is_shortage(result, status)) {
        world.refused++;
        return false;
    }
    assert_int_equal(status, expected);
    world.done[status]++;
    return status == CAP_FS_STATUS_OK;
}

/* ---- Directories. */

static enum cap_fs_status expect_open(const struct held *held, int entry, const struct cap_open_flags *flags)
{
    if (entry == NONE) {
        if (!flags->create)
            return CAP_FS_STATUS_NOT_FOUND;
        return held->read_only          ? CAP_FS_STATUS_READ_ONLY
               : is_removed(held->node) ? CAP_FS_STATUS_NOT_FOUND
                                        : CAP_FS_STATUS_OK;
    }
    if (flags->create && flags->exclusive)
        return CAP_FS_STATUS_EXISTS;
    enum cap_node_kind kind = world.nodes[world.entries[entry].node].kind;
    if (kind != CAP_NODE_KIND_FILE)
        return kind == CAP_NODE_KIND_LINK ? CAP_FS_STATUS_IS_LINK : CAP_FS_STATUS_IS_DIRECTORY;
    return flags->truncate && (held->read_only || flags->read_only) ? CAP_FS_STATUS_READ_ONLY
                                                                    : CAP_FS_STATUS_OK;
}

static void cut(int node)
{
    memset(world.nodes[node].bytes, 0, FILE_BYTES);
    memset(world.nodes[node].room.blocks, 0, sizeof world.nodes[node].room.blocks);
    world.nodes[node].size = 0;
}

static void do_open(void)
{
    struct held *held = draw_held(false);
    const struct cap_open_flags flags = {
        .create = draw(2), .exclusive = draw(4) == 0, .truncate = draw(4) == 0, .read_only = draw(4) == 0};
    struct cap_directory_open_results opened = {0};
    unsigned name = draw(NAMES);
    if (held == NULL || free_entry() == NONE)
        return;
    int entry = find(held->node, name);
    int32_t result =
        cap_directory_open((cap_directory){.id = held->id}, name_of(name), &flags, &opened, &buffer);
    if (!compare(expect_open(held, entry, &flags), result, opened.status))
        return;
    int node = entry == NONE ? add_node(CAP_NODE_KIND_FILE) : world.entries[entry].node;
    if (entry == NONE)
        enter(held->node, name, node);
    if (flags.truncate)
        cut(node);
    keep((struct held){.id = opened.file.id,
                       .is_file = true,
                       .read_only = held->read_only || flags.read_only,
                       .node = node,
                       .quota = held->quota,
                       .opened = ++world.open_count % NODES});
}

static void do_make(void)
{
    struct held *held = draw_held(false);
    struct cap_directory_mkdir_results made = {0};
    struct cap_directory_symlink_results linked = {0};
    unsigned name = draw(NAMES);
    bool link = draw(4) == 0;
    if (held == NULL || free_entry() == NONE)
        return;
    enum cap_fs_status expected = held->read_only                  ? CAP_FS_STATUS_READ_ONLY
                                  : is_removed(held->node)         ? CAP_FS_STATUS_NOT_FOUND
                                  : find(held->node, name) != NONE ? CAP_FS_STATUS_EXISTS
                                                                   : CAP_FS_STATUS_OK;
    const cap_directory directory = {.id = held->id};
    int32_t result = link ? cap_directory_symlink(directory, name_of(name), name_of(0), &linked)
                          : cap_directory_mkdir(directory, name_of(name), &made);
    if (compare(expected, result, link ? linked.status : made.status))
        enter(held->node, name, add_node(link ? CAP_NODE_KIND_LINK : CAP_NODE_KIND_DIRECTORY));
}

static void do_remove(void)
{
    struct held *held = draw_held(false);
    struct cap_directory_remove_results removed = {0};
    unsigned name = draw(NAMES);
    if (held == NULL)
        return;
    int entry = find(held->node, name);
    enum cap_fs_status expected = held->read_only ? CAP_FS_STATUS_READ_ONLY
                                  : entry == NONE ? CAP_FS_STATUS_NOT_FOUND
                                  : count_entries(world.entries[entry].node, NONE) != 0
                                      ? CAP_FS_STATUS_NOT_EMPTY
                                      : CAP_FS_STATUS_OK;
    int32_t result = cap_directory_remove((cap_directory){.id = held->id}, name_of(name), &removed);
    if (compare(expected, result, removed.status))
        world.entries[entry].used = false;
}

static enum cap_fs_status expect_replace(int node, int to, int old, bool replace)
{
    bool is_directory = world.nodes[node].kind == CAP_NODE_KIND_DIRECTORY;
    if (is_removed(to))
        return CAP_FS_STATUS_NOT_FOUND;
    if (is_directory && is_below(to, node))
        return CAP_FS_STATUS_BUSY;
    if (old == NONE || world.entries[old].node == node)
        return CAP_FS_STATUS_OK;
    if (!replace)
        return CAP_FS_STATUS_EXISTS;
    int there = world.entries[old].node;
    if ((world.nodes[there].kind == CAP_NODE_KIND_DIRECTORY) != is_directory)
        return is_directory ? CAP_FS_STATUS_NOT_DIRECTORY : CAP_FS_STATUS_IS_DIRECTORY;
    return count_entries(there, NONE) != 0 ? CAP_FS_STATUS_NOT_EMPTY : CAP_FS_STATUS_OK;
}

/* Both directories' rights come before anything else. */
static enum cap_fs_status expect_pair(const struct held *from, const struct held *to, int source)
{
    if (from->read_only || to->read_only)
        return CAP_FS_STATUS_READ_ONLY;
    if (from->quota != to->quota)
        return CAP_FS_STATUS_CROSS_DEVICE;
    return source == NONE ? CAP_FS_STATUS_NOT_FOUND : CAP_FS_STATUS_OK;
}

static void do_rename(void)
{
    struct held *from = draw_held(false), *to = draw_held(false);
    struct cap_directory_rename_results renamed = {0};
    unsigned name = draw(NAMES), new_name = draw(NAMES);
    bool replace = draw(2);
    if (from == NULL || to == NULL)
        return;
    int source = find(from->node, name), old = find(to->node, new_name);
    enum cap_fs_status expected = expect_pair(from, to, source);
    if (expected == CAP_FS_STATUS_OK)
        expected = expect_replace(world.entries[source].node, to->node, old, replace);
    int32_t result =
        cap_directory_rename((cap_directory){.id = from->id}, name_of(name), (cap_directory){.id = to->id},
                             name_of(new_name), replace, &renamed);
    if (!compare(expected, result, renamed.status) ||
        (old != NONE && world.entries[old].node == world.entries[source].node))
        return;
    if (old != NONE)
        world.entries[old].used = false;
    world.entries[source].directory = to->node;
    world.entries[source].name = new_name;
}

static void do_link(void)
{
    struct held *from = draw_held(false), *to = draw_held(false);
    struct cap_directory_link_results linked = {0};
    unsigned name = draw(NAMES), new_name = draw(NAMES);
    if (from == NULL || to == NULL || free_entry() == NONE)
        return;
    int source = find(from->node, name);
    enum cap_fs_status expected = expect_pair(from, to, source);
    if (expected == CAP_FS_STATUS_OK)
        expected = is_removed(to->node)               ? CAP_FS_STATUS_NOT_FOUND
                   : find(to->node, new_name) != NONE ? CAP_FS_STATUS_EXISTS
                   : world.nodes[world.entries[source].node].kind == CAP_NODE_KIND_DIRECTORY
                       ? CAP_FS_STATUS_IS_DIRECTORY
                       : CAP_FS_STATUS_OK;
    int32_t result = cap_directory_link((cap_directory){.id = from->id}, name_of(name),
                                        (cap_directory){.id = to->id}, name_of(new_name), &linked);
    if (compare(expected, result, linked.status))
        enter(to->node, new_name, world.entries[source].node);
}

/* Another capability: to a directory below, or to the same with fewer rights. */
static void do_derive_directory(void)
{
    struct held *held = draw_held(false);
    if (held == NULL)
        return;
    const cap_directory directory = {.id = held->id};
    struct held made = *held;
    unsigned name = draw(NAMES);
    int entry = find(held->node, name);
    struct cap_directory_sub_results sub = {0};
    struct cap_directory_read_only_results read_only = {0};
    struct cap_directory_with_quota_results limited = {0};
    switch (draw(6)) {
    case 0: {
        int32_t result = cap_directory_read_only(directory, &read_only);
        if (!compare(CAP_FS_STATUS_OK, result, CAP_FS_STATUS_OK))
            return;
        made.id = read_only.directory.id;
        made.read_only = true;
        break;
    }
    case 1: {
        int32_t result = cap_directory_with_quota(directory, 3000 + draw(30000), draw(20), &limited);
        if (!compare(CAP_FS_STATUS_OK, result, limited.status))
            return;
        made.id = limited.directory.id;
        made.quota = ++world.quota_count;
        break;
    }
    default: {
        enum cap_fs_status expected = CAP_FS_STATUS_NOT_FOUND;
        if (entry != NONE) {
            enum cap_node_kind kind = world.nodes[world.entries[entry].node].kind;
            expected = kind == CAP_NODE_KIND_DIRECTORY ? CAP_FS_STATUS_OK
                       : kind == CAP_NODE_KIND_LINK    ? CAP_FS_STATUS_IS_LINK
                                                       : CAP_FS_STATUS_NOT_DIRECTORY;
        }
        int32_t result = cap_directory_sub(directory, name_of(name), &sub, &buffer);
        if (!compare(expected, result, sub.status))
            return;
        made.id = sub.directory.id;
        made.node = world.entries[entry].node;
    }
    }
    keep(made);
}

static void check_list(const struct held *held)
{
    struct cap_directory_list_results list = {0};
    int32_t result = cap_directory_list((cap_directory){.id = held->id}, 0, 64, &list, &buffer);
    assert_true(result >= 0 && list.end);
    assert_int_equal(list.entries.count, count_entries(held->node, NONE));
    for (size_t i = 0; i < list.entries.count; i++) {
        struct cap_dir_entry entry;
        assert_true(cap_dir_entry_list_get(&list.entries, i, &entry) >= 0);
        int at = find(held->node, (unsigned)entry.name.bytes[1] - '0');
        assert_true(at != NONE);
        assert_int_equal(entry.kind, world.nodes[world.entries[at].node].kind);
    }
}

static void do_list(void)
{
    struct held *held = draw_held(false);
    if (held != NULL)
        check_list(held);
}

/* ---- What files take. */

static uint64_t pages(uint64_t size)
{
    return size == 0 ? BLOCK : (size + BLOCK - 1) / BLOCK * BLOCK;
}

static uint64_t room_bytes(const struct room *room)
{
    uint64_t sum = room->capacity == 0 ? 0 : room->capacity + BLOCK; /* a page for the header */
    for (int i = 0; i < BLOCKS; i++)
        sum += room->blocks[i];
    return sum;
}

/* Memory that has to grow is made half as large again. */
static void room_grow(struct room *room, uint64_t size)
{
    if (room->capacity != 0 && room->capacity < size)
        room->capacity = pages(size + size / 2);
}

/* For bytes from `offset` to `end`. A file's first block may be small; `limit`: the first so many of the
 * blocks that are needed. */
static void room_write(struct room *room, uint64_t offset, uint64_t end, unsigned limit)
{
    if (room->capacity != 0 && end > offset)
        room_grow(room, end);
    if (room->capacity != 0)
        return;
    for (uint64_t at = offset; at < end && limit > 0; at = (at / BLOCK + 1) * BLOCK, limit--) {
        uint64_t used =
            (end < (at / BLOCK + 1) * BLOCK ? end : (at / BLOCK + 1) * BLOCK) - at / BLOCK * BLOCK;
        uint32_t capacity = at < BLOCK ? 64 : BLOCK, *block = &room->blocks[at / BLOCK];
        while (capacity < used)
            capacity *= 2;
        if (*block < capacity)
            *block = capacity;
    }
}

/* Also what refused writes have left behind the end goes. */
static void room_truncate(struct room *room, uint64_t size)
{
    room_grow(room, size);
    for (uint64_t i = 0; i < BLOCKS; i++)
        if (i * BLOCK >= size)
            room->blocks[i] = 0;
}

/* What the server says, asked through a file that is open. */
static uint64_t allocated_bytes(const struct held *held)
{
    struct cap_file_stat_results stat = {0};
    unsigned fail_every = loopback_fail_every;
    loopback_fail_every = UINT32_MAX;
    assert_true(cap_file_stat((cap_file){.id = held->id}, &stat, &buffer) >= 0);
    loopback_fail_every = fail_every;
    assert_int_equal(stat.status, CAP_FS_STATUS_OK);
    assert_int_equal(stat.info.size, world.nodes[held->node].size);
    return stat.info.allocated_bytes;
}

/* A write that was refused may have got some of its blocks, and they stay: how many only the server knows. */
static void room_write_refused(const struct held *held, uint64_t offset, uint64_t end)
{
    struct room *room = &world.nodes[held->node].room;
    const uint64_t actual = allocated_bytes(held);
    for (unsigned got = 0; room->capacity == 0 && got < BLOCKS && room_bytes(room) != actual; got++)
        room_write(room, offset, end, got + 1);
    assert_int_equal(room_bytes(room), actual);
}

/* ---- Files. */

static enum cap_fs_status expect_write(const struct held *held, bool append)
{
    return is_closed(held)                ? CAP_FS_STATUS_CLOSED
           : held->read_only              ? CAP_FS_STATUS_READ_ONLY
           : held->append_only && !append ? CAP_FS_STATUS_APPEND_ONLY
                                          : CAP_FS_STATUS_OK;
}

static void do_write(void)
{
    static uint8_t bytes[4096];
    struct held *held = draw_held(true);
    struct cap_file_write_results written = {0};
    struct cap_file_append_results appended = {0};
    size_t len = draw(3) == 0 ? draw(sizeof bytes) : draw(60);
    bool append = draw(2);
    if (held == NULL)
        return;
    struct node *node = &world.nodes[held->node];
    uint64_t offset = append ? node->size : draw(FILE_BYTES - sizeof bytes);
    if (offset > FILE_BYTES - sizeof bytes)
        return;
    memset(bytes, (int)(1 + draw(255)), sizeof bytes);
    const struct capnp_data data = {bytes, len};
    int32_t result = append ? cap_file_append((cap_file){.id = held->id}, data, &appended)
                            : cap_file_write((cap_file){.id = held->id}, offset, data, &written);
    enum cap_fs_status expected = expect_write(held, append);
    if (!compare(expected, result, append ? appended.status : written.status)) {
        if (expected == CAP_FS_STATUS_OK)
            room_write_refused(held, offset, offset + len);
        return;
    }
    room_write(&node->room, offset, offset + len, BLOCKS);
    memcpy(node->bytes + offset, bytes, len);
    if (len > 0 && offset + len > node->size)
        node->size = offset + len;
    if (append)
        assert_int_equal(appended.offset, offset);
}

static void do_truncate(void)
{
    struct held *held = draw_held(true);
    struct cap_file_truncate_results results = {0};
    uint64_t size = draw(FILE_BYTES);
    if (held == NULL)
        return;
    int32_t result = cap_file_truncate((cap_file){.id = held->id}, size, &results);
    if (!compare(expect_write(held, false), result, results.status))
        return;
    struct node *node = &world.nodes[held->node];
    if (size < node->size)
        memset(node->bytes + size, 0, (size_t)(node->size - size));
    room_truncate(&node->room, size);
    node->size = size;
}

static void do_read(void)
{
    struct held *held = draw_held(true);
    struct cap_file_read_results read = {0};
    if (held == NULL)
        return;
    const struct node *node = &world.nodes[held->node];
    uint64_t offset = draw(FILE_BYTES);
    int32_t result = cap_file_read((cap_file){.id = held->id}, offset, 4096, &read, &buffer);
    if (!compare(is_closed(held) ? CAP_FS_STATUS_CLOSED : CAP_FS_STATUS_OK, result, read.status))
        return;
    uint64_t there = offset < node->size ? node->size - offset : 0;
    assert_int_equal(read.data.len, there < 4096 ? there : 4096);
    assert_memory_equal(read.data.bytes, node->bytes + offset, read.data.len);
    assert_int_equal(allocated_bytes(held), room_bytes(&node->room));
}

/* Who may only look gets memory that takes two pages more at most. */
static enum cap_fs_status expect_backing(const struct held *held, bool writable)
{
    const struct node *node = &world.nodes[held->node];
    if (writable)
        return expect_write(held, false);
    if (is_closed(held))
        return CAP_FS_STATUS_CLOSED;
    return held->read_only && node->room.capacity == 0 &&
                   pages(node->size) + BLOCK > room_bytes(&node->room) + 2 * BLOCK
               ? CAP_FS_STATUS_READ_ONLY
               : CAP_FS_STATUS_OK;
}

static bool ask_backing(const struct held *held, bool writable, enum cap_fs_status expected)
{
    struct cap_file_backing_results backing = {0};
    struct node *node = &world.nodes[held->node];
    int32_t result = cap_file_backing((cap_file){.id = held->id}, writable, &backing);
    if (!compare(expected, result, backing.status))
        return false;
    (void)cap_release(backing.data);
    (void)cap_release(backing.header);
    if (node->room.capacity == 0) {
        memset(node->room.blocks, 0, sizeof node->room.blocks);
        node->room.capacity = pages(writable ? node->size + node->size / 2 : node->size);
    }
    return true;
}

/* Rather who may not write a file that has no memory yet: of those there are few. */
static struct held *draw_reader(void)
{
    struct held *held = draw_held(true);
    for (int tries = 0; tries < HELD && draw(4) != 0; tries++) {
        struct held *other = draw_held(true);
        if (other != NULL && other->read_only && world.nodes[other->node].room.capacity == 0)
            return other;
    }
    return held;
}

/* The memory may have been made and not the capabilities to it: asked again without failures, both are. */
static void do_backing(void)
{
    struct held *held = draw_reader();
    bool writable = draw(4) == 0;
    if (held == NULL)
        return;
    enum cap_fs_status expected = expect_backing(held, writable);
    world.holes_kept += !writable && expected == CAP_FS_STATUS_READ_ONLY;
    if (ask_backing(held, writable, expected) || expected != CAP_FS_STATUS_OK)
        return;
    unsigned fail_every = loopback_fail_every;
    loopback_fail_every = UINT32_MAX;
    (void)ask_backing(held, writable, expected);
    loopback_fail_every = fail_every;
}

static void do_derive_file(void)
{
    struct held *held = draw_held(true);
    struct cap_file_read_only_results read_only = {0};
    struct cap_file_append_only_results append_only = {0};
    bool append = draw(2);
    if (held == NULL)
        return;
    int32_t result = append ? cap_file_append_only((cap_file){.id = held->id}, &append_only)
                            : cap_file_read_only((cap_file){.id = held->id}, &read_only);
    if (!compare(is_closed(held) ? CAP_FS_STATUS_CLOSED : CAP_FS_STATUS_OK, result,
                 append ? append_only.status : read_only.status))
        return;
    struct held made = *held;
    made.id = append ? append_only.file.id : read_only.file.id;
    made.append_only |= append;
    made.read_only |= !append;
    made.derived = true;
    keep(made);
}

static void do_close(void)
{
    struct held *held = draw_held(true);
    struct cap_file_close_results closed = {0};
    if (held == NULL || draw(4) != 0)
        return;
    int32_t result = cap_file_close((cap_file){.id = held->id}, &closed);
    (void)compare(is_closed(held) ? CAP_FS_STATUS_CLOSED : CAP_FS_STATUS_OK, result, closed.status);
    if (!held->derived) {
        world.opened_closed[held->opened] = true;
        return;
    }
    /* The same facet may be held under other ids. */
    held->closed = true;
    assert_int_equal(cap_release_id(held->id), CAPOS_OK);
    held->id = 0;
}

/* ---- Clients. */

static void do_give(void)
{
    struct held *held = &world.held[world.client][1 + draw(HELD - 1)];
    unsigned to = draw(CLIENTS);
    if (held->id == 0 || to == world.client || (held->is_file && held->derived))
        return;
    struct held copy = *held;
    copy.id = loopback_give(held->id, to);
    world.client = to;
    loopback_become(to);
    keep(copy);
}

static void start_client(unsigned client)
{
    memset(world.held[client], 0, sizeof world.held[client]);
    loopback_become(client);
    world.held[client][0] = (struct held){.id = loopback_root().id};
}

/* Somebody dies, in the middle of whatever the others do, and another begins. */
static void kill_one(void)
{
    unsigned client = draw(CLIENTS);
    loopback_kill(client);
    start_client(client);
}

/* Every tree that anybody can see, from the root. */
static void check_everything(void)
{
    unsigned fail_every = loopback_fail_every;
    loopback_fail_every = UINT32_MAX;
    for (unsigned client = 0; client < CLIENTS; client++) {
        loopback_become(client);
        for (int i = 0; i < HELD; i++) {
            const struct held *held = &world.held[client][i];
            if (held->id != 0 && !held->is_file)
                check_list(held);
        }
    }
    loopback_fail_every = fail_every;
}

static void run(unsigned steps, unsigned kill_every)
{
    static void (*const operations[])(void) = {do_open,
                                               do_open,
                                               do_open,
                                               do_make,
                                               do_make,
                                               do_remove,
                                               do_rename,
                                               do_link,
                                               do_derive_directory,
                                               do_derive_directory,
                                               do_list,
                                               do_write,
                                               do_write,
                                               do_write,
                                               do_truncate,
                                               do_read,
                                               do_read,
                                               do_backing,
                                               do_derive_file,
                                               do_close,
                                               do_give};
    for (unsigned client = 0; client < CLIENTS; client++)
        start_client(client);
    for (unsigned step = 0; step < steps && world.node_count < NODES - 1; step++) {
        world.client = draw(CLIENTS);
        loopback_become(world.client);
        operations[draw(sizeof operations / sizeof operations[0])]();
        if (kill_every != 0 && draw(kill_every) == 0)
            kill_one();
        if (step % 200 == 0)
            check_everything();
    }
    check_everything();
    print_message("%u done, %u refused for want of room, %u read-only, %u of them for holes, %u closed\n",
                  world.done[CAP_FS_STATUS_OK], world.refused, world.done[CAP_FS_STATUS_READ_ONLY],
                  world.holes_kept, world.done[CAP_FS_STATUS_CLOSED]);
    assert_true(world.done[CAP_FS_STATUS_OK] > steps / 10);
    assert_true(world.holes_kept >= 5);
}

enum { STEPS = 40000 };

static void begin(uint64_t space_bytes, unsigned fail_every)
{
    memset(&world, 0, sizeof world);
    world.random = 20261123 + fail_every;
    world.nodes[world.node_count++].kind = CAP_NODE_KIND_DIRECTORY;
    loopback_fail_every =
        UINT32_MAX; /* the harness does not rerun what takes so long: failures are drawn here */
    assert_true(loopback_begin(space_bytes));
    loopback_fail_every = fail_every;
}

static void test_clients(void)
{
    begin(64u << 20, UINT32_MAX);
    run(STEPS, 0);
}

static void test_clients_that_die(void)
{
    begin(64u << 20, UINT32_MAX);
    run(STEPS, 40);
}

static void test_out_of_space(void)
{
    begin(150000, UINT32_MAX);
    run(STEPS, 300);
    assert_true(world.refused > 100);
}

static void test_failing_allocations(void)
{
    begin(300000, 7);
    run(STEPS, 100);
    assert_true(world.refused > 100);
}

static void teardown(void)
{
    loopback_end();
    for (int i = 0; i < world.node_count; i++)
        free(world.nodes[i].bytes);
    world.node_count = 0;
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_clients),
        UNIT_TEST(test_clients_that_die),
        UNIT_TEST(test_out_of_space),
        UNIT_TEST(test_failing_allocations),
    };
    return UNIT_MAIN(tests, NULL, teardown);
}
