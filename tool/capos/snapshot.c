/* See snapshot.h. Depth first with a stack of open folders, parents before what is in them. */
#include "snapshot.h"
#include "host.h"
#include <capos/filetree.h>
#include <capos/fs.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NODE_BYTES = 128, LINK_BYTES_MAX = 4095, PATH_SHOWN_MAX = 200 };
#define NS_PER_S INT64_C(1000000000)

struct level {
    int fd;
    uint32_t node; /* as TreeNode.parent has it */
    struct words names;
    size_t next;
    size_t path_len; /* of what comes before a name in this folder */
};

struct snapshot {
    struct level levels[SNAPSHOT_DEPTH_MAX];
    size_t depth;
    struct cap_tree_node *nodes;
    size_t count;
    size_t bytes;
    struct buffer path; /* for sentences */
    struct sentence *why;
};

/* The path for a person: of a long one its end, and nothing in it that a terminal would obey. */
static void show_path(const struct snapshot *snapshot, struct buffer *out)
{
    size_t from = snapshot->path.size > PATH_SHOWN_MAX ? snapshot->path.size - PATH_SHOWN_MAX : 0;
    buffer_text(out, from > 0 ? "..." : "");
    for (size_t i = from; i < snapshot->path.size; i++) {
        const unsigned char byte = (unsigned char)snapshot->path.data[i];
        if (byte < ' ' || byte == 0x7f)
            buffer_printf(out, "\\x%02x", byte);
        else
            buffer_append(out, &snapshot->path.data[i], 1);
    }
}

static bool refuse(struct snapshot *snapshot, const char *what)
{
    struct buffer path = {0};
    show_path(snapshot, &path);
    sentence_say(snapshot->why, "--dir: %s %s", buffer_string(&path), what);
    buffer_free(&path);
    return false;
}

static void path_set(struct snapshot *snapshot, size_t len, const char *name)
{
    snapshot->path.size = len;
    if (snapshot->path.data != NULL)
        snapshot->path.data[len] = '\0';
    buffer_text(&snapshot->path, name);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The folder's names in order. The stream has its own descriptor; fd stays open. */
static bool list_names(struct snapshot *snapshot, int fd, struct words *names)
{
    int other = dup(fd);
    DIR *stream = other < 0 ? NULL : fdopendir(other);
    if (stream == NULL) {
        if (other >= 0)
            close(other);
        return refuse(snapshot, strerror(errno));
    }
    int error = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            error = errno; /* 0: the end */
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            words_add(names, entry->d_name);
    }
    closedir(stream);
    if (error != 0)
        return refuse(snapshot, strerror(error));
    if (names->count > 0)
        qsort(names->items, names->count, sizeof names->items[0], compare_names);
    return true;
}

static bool is_cache(int fd)
{
    static const char signature[] = "Signature: 8a477f597d28d172789f06886806bc55";
    char start[sizeof signature - 1];
    int tag = openat(fd, "CACHEDIR.TAG", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool is = tag >= 0 && read(tag, start, sizeof start) == (ssize_t)sizeof start &&
              memcmp(start, signature, sizeof start) == 0;
    if (tag >= 0)
        close(tag);
    return is;
}

/* Takes the descriptor. */
static bool enter(struct snapshot *snapshot, int fd, uint32_t node)
{
    if (snapshot->depth == SNAPSHOT_DEPTH_MAX) {
        close(fd);
        return refuse(snapshot, "lies too deep: at most 256 folders inside one another");
    }
    struct level *level = &snapshot->levels[snapshot->depth++];
    *level = (struct level){.fd = fd, .node = node};
    if (!list_names(snapshot, fd, &level->names))
        return false;
    buffer_text(&snapshot->path, "/");
    level->path_len = snapshot->path.size;
    return true;
}

static void leave(struct snapshot *snapshot)
{
    struct level *level = &snapshot->levels[--snapshot->depth];
    close(level->fd);
    words_free(&level->names);
}

static bool add_bytes(struct snapshot *snapshot, size_t bytes)
{
    snapshot->bytes += bytes;
    return snapshot->bytes <= SNAPSHOT_BYTES_MAX ||
           refuse(snapshot, "is one too many: a snapshot may have 64 MiB. Name a smaller folder");
}

/* The node owns its name and content. */
static struct cap_tree_node *add_node(struct snapshot *snapshot, const struct stat *info, const char *name)
{
    if (snapshot->count == SNAPSHOT_NODES_MAX) {
        refuse(snapshot, "is one too many: a snapshot may have 65,536 files and folders");
        return NULL;
    }
    snapshot->nodes = must_realloc(snapshot->nodes, (snapshot->count + 1) * sizeof snapshot->nodes[0]);
    struct cap_tree_node *node = &snapshot->nodes[snapshot->count++];
    size_t len = strlen(name);
    *node = (struct cap_tree_node){
        .parent = snapshot->levels[snapshot->depth - 1].node,
        .name = {(const uint8_t *)must_copy(name, len), len},
        .modified_unix_ns = (int64_t)info->st_mtim.tv_sec * NS_PER_S + info->st_mtim.tv_nsec,
        .executable = (info->st_mode & S_IXUSR) != 0,
    };
    return add_bytes(snapshot, len + NODE_BYTES) ? node : NULL;
}

static bool add_folder(struct snapshot *snapshot, int at, const char *name, const struct stat *info)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse(snapshot, strerror(errno));
    if (is_cache(fd)) {
        close(fd);
        struct buffer path = {0};
        show_path(snapshot, &path);
        complain("--dir: %s is left out: it is marked as a cache (CACHEDIR.TAG)", buffer_string(&path));
        buffer_free(&path);
        return true;
    }
    struct cap_tree_node *node = add_node(snapshot, info, name);
    if (node == NULL) {
        close(fd);
        return false;
    }
    node->kind = CAP_NODE_KIND_DIRECTORY;
    node->executable = false;
    return enter(snapshot, fd, (uint32_t)snapshot->count);
}

static bool add_link(struct snapshot *snapshot, int at, const char *name, const struct stat *info)
{
    char text[LINK_BYTES_MAX + 1];
    ssize_t len = readlinkat(at, name, text, sizeof text);
    if (len < 0 || (size_t)len == sizeof text)
        return refuse(snapshot, len < 0 ? strerror(errno) : "is a link of more than 4,095 bytes");
    struct cap_tree_node *node = add_node(snapshot, info, name);
    if (node == NULL)
        return false;
    node->kind = CAP_NODE_KIND_LINK;
    node->executable = false;
    node->content = (struct capnp_data){(const uint8_t *)must_copy(text, (size_t)len), (size_t)len};
    return add_bytes(snapshot, (size_t)len);
}

/* What there is of the file now, whatever its size was. */
static bool read_all(struct snapshot *snapshot, int fd, struct buffer *out)
{
    char piece[65536];
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0) {
        if (!add_bytes(snapshot, (size_t)got))
            return false;
        buffer_append(out, piece, (size_t)got);
    }
    return got == 0 || refuse(snapshot, strerror(errno));
}

static bool add_file(struct snapshot *snapshot, int at, const char *name, const struct stat *info)
{
    struct stat opened;
    struct buffer content = {0};
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(snapshot, strerror(errno));
    bool good = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode);
    good = good ? read_all(snapshot, fd, &content) : refuse(snapshot, "has changed meanwhile");
    close(fd);
    struct cap_tree_node *node = good ? add_node(snapshot, info, name) : NULL;
    if (node == NULL) {
        buffer_free(&content);
        return false;
    }
    node->kind = CAP_NODE_KIND_FILE;
    node->content = (struct capnp_data){(const uint8_t *)content.data, content.size};
    return true;
}

static bool add(struct snapshot *snapshot, int at, const char *name)
{
    struct stat info;
    if (fstatat(at, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(snapshot, strerror(errno));
    switch (info.st_mode & S_IFMT) {
    case S_IFREG:
        return add_file(snapshot, at, name, &info);
    case S_IFDIR:
        return add_folder(snapshot, at, name, &info);
    case S_IFLNK:
        return add_link(snapshot, at, name, &info);
    default:
        return refuse(snapshot, "is a device, socket or pipe: only files, folders and links come along");
    }
}

static bool walk(struct snapshot *snapshot)
{
    while (snapshot->depth > 0) {
        struct level *level = &snapshot->levels[snapshot->depth - 1];
        if (level->next == level->names.count) {
            leave(snapshot);
            continue;
        }
        const char *name = level->names.items[level->next++];
        path_set(snapshot, level->path_len, name);
        if (!add(snapshot, level->fd, name))
            return false;
    }
    return true;
}

static bool encode(const struct snapshot *snapshot, struct buffer *out)
{
    const struct cap_file_tree tree = {.nodes = CAPNP_LIST(snapshot->nodes, snapshot->count)};
    size_t bound = (snapshot->bytes + snapshot->count * NODE_BYTES + 4096) & ~(size_t)7, caps = 0;
    void *bytes = must_alloc(bound);
    int32_t used = cap_file_tree_encode(&tree, bytes, bound, NULL, &caps);
    if (used > 0)
        buffer_append(out, bytes, (size_t)used);
    free(bytes);
    return used > 0 ||
           sentence_say(snapshot->why, "--dir: the snapshot does not fit into a message (error %d)", used);
}

static void free_all(struct snapshot *snapshot)
{
    while (snapshot->depth > 0)
        leave(snapshot);
    for (size_t i = 0; i < snapshot->count; i++) {
        free((void *)(uintptr_t)snapshot->nodes[i].name.bytes);
        free((void *)(uintptr_t)snapshot->nodes[i].content.bytes);
    }
    free(snapshot->nodes);
    buffer_free(&snapshot->path);
    free(snapshot);
}

bool snapshot_take(const char *host, struct buffer *out, struct sentence *why)
{
    struct snapshot *snapshot = must_alloc(sizeof *snapshot);
    *snapshot = (struct snapshot){.why = why};
    buffer_text(&snapshot->path, host);
    int fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 ? enter(snapshot, fd, 0)
                        : sentence_say(why, "--dir: there is no folder %s (%s)", host, strerror(errno));
    good = good && walk(snapshot) && encode(snapshot, out);
    free_all(snapshot);
    return good;
}
