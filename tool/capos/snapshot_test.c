/* Unit tests of snapshot.c: real folders in a temporary directory, the message decoded again. */
#include "snapshot.h"
#include "unit.h"
#include <capos/filetree.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char *top;
static struct buffer message;
static struct sentence why;
static struct capnp_message reader;
static struct cap_file_tree tree;

static void begin(void)
{
    static char path[] = "/tmp/capos-folder-XXXXXX";
    strcpy(path + sizeof path - 7, "XXXXXX");
    top = mkdtemp(path);
    assert_non_null(top);
}

static void end(void)
{
    char command[100];
    buffer_free(&message);
    if (top != NULL) {
        snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -rf %s", top, top);
        assert_int_equal(system(command), 0);
    }
    top = NULL;
}

static char *at(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool take(void)
{
    message.size = 0;
    return snapshot_take(top, &message, &why) &&
           cap_file_tree_decode(&reader, message.data, message.size, NULL, 0, &tree) >= 0;
}

static void assert_refused(const char *first, const char *second)
{
    assert_false(take());
    if (strstr(why.text, first) == NULL || strstr(why.text, second) == NULL)
        fail_msg("'%s' does not say '%s' and '%s'", why.text, first, second);
}

static struct cap_tree_node node_at(size_t index)
{
    struct cap_tree_node node;
    assert_int_equal(cap_tree_node_list_get(&tree.nodes, index, &node), 0);
    return node;
}

static void assert_node(size_t index, const char *name, uint32_t parent, enum cap_node_kind kind)
{
    struct cap_tree_node node = node_at(index);
    assert_int_equal(node.name.len, strlen(name));
    assert_memory_equal(node.name.bytes, name, node.name.len);
    assert_int_equal(node.parent, parent);
    assert_int_equal(node.kind, kind);
}

/* ---- */

static void files_directories_and_links_are_taken_in_order(void)
{
    const struct timespec times[2] = {{.tv_sec = -1, .tv_nsec = 5}, {.tv_sec = -1, .tv_nsec = 5}};
    begin();
    put("b", "hello");
    assert_int_equal(mkdir(at("a"), 0755), 0);
    put("a/x", "");
    assert_int_equal(chmod(at("a/x"), 0755), 0);
    assert_int_equal(symlink("/etc/passwd", at("a/out")), 0);
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_int_equal(symlink(".", at("a/self")), 0);
    assert_int_equal(utimensat(AT_FDCWD, at("b"), times, 0), 0);
    assert_true(take());
    assert_int_equal(tree.nodes.count, 6);
    assert_node(0, "a", 0, CAP_NODE_KIND_DIRECTORY);
    assert_node(1, "out", 1, CAP_NODE_KIND_LINK);
    assert_node(2, "self", 1, CAP_NODE_KIND_LINK);
    assert_node(3, "x", 1, CAP_NODE_KIND_FILE);
    assert_node(4, "b", 0, CAP_NODE_KIND_FILE);
    assert_node(5, "loop", 0, CAP_NODE_KIND_LINK);
    assert_int_equal(node_at(1).content.len, 11);
    assert_memory_equal(node_at(1).content.bytes, "/etc/passwd", 11);
    assert_true(node_at(3).executable);
    assert_false(node_at(4).executable);
    assert_memory_equal(node_at(4).content.bytes, "hello", 5);
    assert_int_equal(node_at(4).modified_unix_ns, -999999995);
}

static void a_link_to_a_folder_may_be_given(void)
{
    begin();
    assert_int_equal(mkdir(at("real"), 0755), 0);
    put("real/f", "x");
    assert_int_equal(symlink("real", at("link")), 0);
    assert_true(snapshot_take(at("link"), &message, &why));
    assert_true(cap_file_tree_decode(&reader, message.data, message.size, NULL, 0, &tree) >= 0);
    assert_int_equal(tree.nodes.count, 1);
}

static void names_are_bytes(void)
{
    char long_name[256];
    memset(long_name, 'n', 255);
    long_name[255] = '\0';
    begin();
    put("\n", "1");
    put("\xff\xfe", "2");
    put("\xc3\xa4", "3");
    put(" ", "4");
    put(long_name, "5");
    assert_true(take());
    assert_node(0, "\n", 0, CAP_NODE_KIND_FILE);
    assert_node(1, " ", 0, CAP_NODE_KIND_FILE);
    assert_node(2, long_name, 0, CAP_NODE_KIND_FILE);
    assert_node(3, "\xc3\xa4", 0, CAP_NODE_KIND_FILE);
    assert_node(4, "\xff\xfe", 0, CAP_NODE_KIND_FILE);
}

static void what_is_no_file_is_named(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    begin();
    assert_int_equal(mkdir(at("in\nside"), 0755), 0);
    assert_int_equal(mkfifo(at("in\nside/pipe"), 0644), 0);
    assert_refused("in\\x0aside/pipe", "is a device, socket or pipe");
    assert_int_equal(unlink(at("in\nside/pipe")), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", at("sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_refused("/sock", "is a device, socket or pipe");
    assert_int_equal(unlink(at("sock")), 0);
    if (mknod(at("null"), S_IFCHR | 0644, 0x103) == 0) /* as root */
        assert_refused("/null", "is a device, socket or pipe");
}

static void missing_folders_and_files_are_told_apart(void)
{
    begin();
    put("file", "x");
    assert_false(snapshot_take(at("nothing"), &message, &why));
    assert_non_null(strstr(why.text, "/nothing (No such file or directory)"));
    assert_false(snapshot_take(at("file"), &message, &why));
    assert_non_null(strstr(why.text, "/file (Not a directory)"));
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_false(snapshot_take(at("loop"), &message, &why));
    assert_non_null(strstr(why.text, "/loop (Too many levels"));
}

static void unreadable_files_are_named(void)
{
    begin();
    put("secret", "x");
    assert_int_equal(chmod(at("secret"), 0), 0);
    assert_int_equal(chmod(top, 0755), 0);
    const bool is_root = geteuid() == 0; /* who may read everything */
    if (is_root)
        assert_int_equal(seteuid(NOBODY), 0);
    assert_refused("/secret", "Permission denied");
    if (is_root)
        assert_int_equal(seteuid(0), 0);
}

static void a_deep_tree_is_taken(void)
{
    enum { LEVELS = 200, NAME = 25 };
    static char name[] = "a_directory_of_25_letters";
    begin();
    int fd = open(top, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdirat(fd, name, 0755), 0);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
    }
    assert_true(take()); /* deeper than PATH_MAX */
    assert_int_equal(tree.nodes.count, LEVELS);
    assert_int_equal(node_at(LEVELS - 1).parent, LEVELS - 1);
    for (int i = LEVELS; i < SNAPSHOT_DEPTH_MAX; i++) {
        assert_int_equal(mkdirat(fd, name, 0755), 0);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_refused("/", "lies too deep");
}

static void too_much_is_refused(void)
{
    begin();
    put("a", "x");
    assert_int_equal(truncate(at("a"), (off_t)SNAPSHOT_BYTES_MAX + 1), 0);
    assert_refused("/a", "64 MiB");
}

static const struct unit_test tests[] = {
    UNIT_TEST(files_directories_and_links_are_taken_in_order),
    UNIT_TEST(a_link_to_a_folder_may_be_given),
    UNIT_TEST(names_are_bytes),
    UNIT_TEST(what_is_no_file_is_named),
    UNIT_TEST(missing_folders_and_files_are_told_apart),
    UNIT_TEST(unreadable_files_are_named),
    UNIT_TEST(a_deep_tree_is_taken),
    UNIT_TEST(too_much_is_refused),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, end);
}
