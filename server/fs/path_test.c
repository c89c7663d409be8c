/* <capos/path.h> and <capos/file.h> on the real file server: where paths lead, and that no path leads out. */
#include "loopback.h"
#include "unit.h"
#include <capos/file.h>
#include <stdio.h>
#include <string.h>

static cap_directory root;

static struct capnp_data data(const char *text)
{
    return capnp_data_of(text, strlen(text));
}

static cap_directory sub(cap_directory directory, const char *name)
{
    uint64_t words[700];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_sub_results found = {0};
    UNIT_OK(cap_directory_sub(directory, data(name), &found, &buffer) >= 0 &&
            found.status == CAP_FS_STATUS_OK);
    return found.directory;
}

static void make_directory(const char *path)
{
    struct capos_place place;
    struct cap_directory_mkdir_results made = {0};
    UNIT_OK(capos_path_find(root, path, false, &place) == 0);
    int32_t result = cap_directory_mkdir(place.directory, capos_place_name(&place), &made);
    capos_place_release(&place);
    UNIT_OK(result >= 0 && made.status == CAP_FS_STATUS_OK);
}

static void make_link(const char *path, const char *text)
{
    struct capos_place place;
    struct cap_directory_symlink_results made = {0};
    UNIT_OK(capos_path_find(root, path, false, &place) == 0);
    int32_t result = cap_directory_symlink(place.directory, capos_place_name(&place), data(text), &made);
    capos_place_release(&place);
    UNIT_OK(result >= 0 && made.status == CAP_FS_STATUS_OK);
}

/* A file that holds its own name. */
static void make_file(const char *path)
{
    const struct cap_open_flags flags = {.create = true};
    struct capos_file file;
    UNIT_OK(capos_file_open(root, path, &flags, &file) == 0);
    int32_t result = capos_file_write(&file, 0, path, strlen(path));
    capos_file_close(&file);
    UNIT_OK(result == 0);
}

static int32_t read_file(cap_directory from, const char *path, char *text, size_t size)
{
    struct capos_file file;
    int32_t result = capos_file_open(from, path, NULL, &file);
    if (result < 0)
        return result;
    int64_t got = capos_file_read(&file, 0, text, size - 1);
    capos_file_close(&file);
    text[got < 0 ? 0 : got] = '\0';
    return (int32_t)got;
}

static void expect_file_from(cap_directory from, const char *path, const char *content)
{
    char text[64] = "";
    size_t held = loopback_held();
    int32_t got = read_file(from, path, text, sizeof text);
    assert_int_equal(loopback_held(), held);
    if (!unit_alloc_failed() && (got < 0 || strcmp(text, content) != 0))
        print_message("%s: %d %s\n", path, got, text);
    UNIT_OK(got >= 0 && strcmp(text, content) == 0);
}

static void expect_file(const char *path, const char *content)
{
    expect_file_from(root, path, content);
}

static void expect_error(const char *path, enum cap_fs_status status)
{
    char text[64];
    size_t held = loopback_held();
    int32_t got = read_file(root, path, text, sizeof text);
    assert_int_equal(loopback_held(), held);
    if (!unit_alloc_failed() && got != CAPOS_FS_ERROR(status))
        print_message("%.60s: %d, not status %d\n", path, got, status);
    UNIT_OK(got == CAPOS_FS_ERROR(status));
}

static void expect_stat(const char *path, bool follow, enum cap_node_kind kind)
{
    struct cap_node_info info;
    size_t held = loopback_held();
    int32_t got = capos_path_stat(root, path, follow, &info);
    assert_int_equal(loopback_held(), held);
    if (!unit_alloc_failed() && (got != 0 || info.kind != kind))
        print_message("%s: %d, kind %d\n", path, got, info.kind);
    UNIT_OK(got == 0 && info.kind == kind);
}

static void make_tree(void)
{
    make_directory("a");
    make_directory("a/b");
    make_directory("a/b/c");
    make_directory("d/");
    make_file("f");
    make_file("a/f");
    make_file("a/b/f");
    make_file("a/b/c/f");
}

static void test_plain_paths(void)
{
    make_tree();
    expect_file("f", "f");
    expect_file("/f", "f");
    expect_file("a/b/c/f", "a/b/c/f");
    expect_file("//a///b//c/f", "a/b/c/f");
    expect_file("./f", "f");
    expect_file("./a/./b/././f", "a/b/f");
    expect_error("a/b/x", CAP_FS_STATUS_NOT_FOUND);
    expect_error("x/b/f", CAP_FS_STATUS_NOT_FOUND);
    expect_error("a/f/x", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_error("f/", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_error("f/.", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_error("a", CAP_FS_STATUS_IS_DIRECTORY);
    expect_error("a/", CAP_FS_STATUS_IS_DIRECTORY);
    expect_error("/", CAP_FS_STATUS_IS_DIRECTORY);
    expect_error(".", CAP_FS_STATUS_IS_DIRECTORY);
    expect_error("", CAP_FS_STATUS_NOT_FOUND);
}

static void test_up(void)
{
    make_tree();
    expect_file("..//f", "f");
    expect_file("../../../../f", "f");
    expect_file("/../a/../f", "f");
    expect_file("a/b/../f", "a/f");
    expect_file("a/b/c/../../../../../a/f", "a/f");
    expect_error("x/../f", CAP_FS_STATUS_NOT_FOUND);
    expect_error("f/../f", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_stat("..", true, CAP_NODE_KIND_DIRECTORY);
    /* In a smaller root the same words lead nowhere else. */
    cap_directory inner = sub(root, "a");
    expect_file_from(inner, "../../f", "a/f");
    expect_file_from(inner, "/f", "a/f");
    expect_file_from(inner, "b/../../../b/f", "a/b/f");
}

static void test_links(void)
{
    make_tree();
    make_link("file", "a/b/f");
    make_link("a/back", "../f");
    make_link("a/absolute", "/a/b/c");
    make_link("far", "../../../a/f");
    make_link("dir", "a/b/");
    make_link("chain", "dir/c");
    make_link("dangling", "d/new");
    make_link("d/dot", ".");
    expect_file("file", "a/b/f");
    expect_file("a/back", "f");
    expect_file("a/absolute/f", "a/b/c/f");
    expect_file("far", "a/f");
    expect_file("dir/f", "a/b/f");
    expect_file("dir/../f", "a/f");
    expect_file("chain/f", "a/b/c/f");
    expect_file("d/dot/dot/dot/../f", "f");
    expect_error("dangling", CAP_FS_STATUS_NOT_FOUND);
    expect_error("file/", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_error("file/x", CAP_FS_STATUS_NOT_DIRECTORY);
    expect_stat("file", false, CAP_NODE_KIND_LINK);
    expect_stat("file", true, CAP_NODE_KIND_FILE);
    expect_stat("dir", false, CAP_NODE_KIND_LINK);
    expect_stat("dir/", false, CAP_NODE_KIND_DIRECTORY);
    expect_stat("dir/.", false, CAP_NODE_KIND_DIRECTORY);
    make_file("dangling"); /* through the link */
    expect_file("d/new", "dangling");
    const struct cap_open_flags exclusive = {.create = true, .exclusive = true};
    cap_file file;
    UNIT_OK(capos_path_open(root, "file", &exclusive, &file) == CAPOS_FS_ERROR(CAP_FS_STATUS_EXISTS));
    /* A link means what it says in the root that it is read in. */
    cap_directory inner = sub(root, "a");
    expect_file_from(inner, "back", "a/f");
    UNIT_OK(read_file(inner, "absolute/f", (char[8]){0}, 8) == CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_FOUND));
}

static void test_loops_and_limits(void)
{
    char text[CAPOS_PATH_BYTES_MAX + 2];
    make_link("self", "self");
    make_link("ping", "pong");
    make_link("pong", "./ping");
    make_link("grow", "grow/grow");
    make_file("end");
    expect_error("self", CAP_FS_STATUS_TOO_MANY_LINKS);
    expect_error("ping/x", CAP_FS_STATUS_TOO_MANY_LINKS);
    expect_error("grow", CAP_FS_STATUS_TOO_MANY_LINKS);
    make_link("l0", "end");
    for (int i = 1; i <= CAPOS_PATH_LINKS_MAX; i++) {
        char name[16], to[16];
        snprintf(name, sizeof name, "l%d", i);
        snprintf(to, sizeof to, "l%d", i - 1);
        make_link(name, to);
    }
    expect_file("l31", "end"); /* 32 links */
    expect_error("l32", CAP_FS_STATUS_TOO_MANY_LINKS);
    memset(text, 'n', sizeof text);
    text[CAPOS_NAME_BYTES_MAX] = '\0';
    make_file(text);
    expect_stat(text, false, CAP_NODE_KIND_FILE);
    text[CAPOS_NAME_BYTES_MAX] = 'n';
    text[CAPOS_NAME_BYTES_MAX + 1] = '\0';
    expect_error(text, CAP_FS_STATUS_BAD_NAME);
    text[CAPOS_NAME_BYTES_MAX + 1] = '/';
    text[CAPOS_NAME_BYTES_MAX + 3] = '\0';
    expect_error(text, CAP_FS_STATUS_BAD_NAME);
    memset(text, '/', sizeof text);
    text[CAPOS_PATH_BYTES_MAX + 1] = '\0';
    expect_error(text, CAP_FS_STATUS_TOO_MANY_LINKS);
}

static void test_depth(void)
{
    char path[CAPOS_PATH_BYTES_MAX] = "";
    for (int i = 0; i < CAPOS_PATH_DEPTH_MAX; i++) {
        strcat(path, i == 0 ? "d" : "/d");
        make_directory(path);
    }
    strcat(path, "/f");
    make_file(path); /* within 64 directories */
    expect_stat(path, true, CAP_NODE_KIND_FILE);
    path[strlen(path) - 1] = 'd';
    make_directory(path);
    strcat(path, "/f");
    expect_error(path, CAP_FS_STATUS_TOO_MANY_LINKS);
}

static void test_directories_and_lists(void)
{
    static struct capos_listing listing;
    char name[16];
    cap_directory found;
    make_directory("d");
    make_directory("d/e");
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "d/e/%d", i);
        make_file(name);
    }
    UNIT_OK(capos_path_directory(root, "d/../d/e", &found) == 0);
    memset(&listing, 0, sizeof listing);
    listing.directory = found;
    for (int i = 0; i < 150; i++) {
        struct cap_dir_entry entry;
        snprintf(name, sizeof name, "%d", i);
        UNIT_OK(capos_listing_next(&listing, &entry) == 1 && entry.name.len == strlen(name) &&
                memcmp(entry.name.bytes, name, entry.name.len) == 0 && entry.kind == CAP_NODE_KIND_FILE);
    }
    struct cap_dir_entry entry;
    UNIT_OK(capos_listing_next(&listing, &entry) == 0);
    UNIT_OK(capos_listing_next(&listing, &entry) == 0);
    UNIT_OK(cap_release(found) == 0);
    UNIT_OK(capos_path_directory(root, "/", &found) == 0);
    UNIT_OK(cap_release(found) == 0);
    UNIT_OK(capos_path_directory(root, "d/e/1", &found) == CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_DIRECTORY));
}

/* Reading through memory sees what others write, shorten and outgrow. */
static void test_files(void)
{
    static uint8_t bytes[70000], got[70000];
    const struct cap_open_flags create = {.create = true};
    struct capos_file reader, writer;
    UNIT_OK(capos_file_open(root, "f", &create, &writer) == 0);
    UNIT_OK(capos_file_open(root, "f", NULL, &reader) == 0);
    memset(bytes, 1, sizeof bytes);
    UNIT_OK(capos_file_write(&writer, 0, bytes, 1000) == 0);
    for (int i = 0; i < 10; i++)
        UNIT_OK(capos_file_read(&reader, 0, got, sizeof got) == 1000);
    if (!unit_alloc_failed())
        assert_non_null(reader.header);
    unsigned calls = loopback_calls;
    UNIT_OK(capos_file_read(&reader, 990, got, 100) == 10);
    UNIT_OK(capos_file_read(&reader, UINT64_MAX, got, 100) == 0);
    if (!unit_alloc_failed())
        assert_int_equal(loopback_calls, calls); /* without a call */
    bytes[5] = 2;
    UNIT_OK(capos_file_write(&writer, 0, bytes, 10) == 0);
    UNIT_OK(capos_file_read(&reader, 0, got, 10) == 10 && got[5] == 2);
    UNIT_OK(capos_file_write(&writer, 60000, bytes, 10000) == 0); /* it moves */
    UNIT_OK(capos_file_read(&reader, 0, got, sizeof got) == 70000);
    UNIT_OK(got[999] == 1 && got[1000] == 0 && got[59999] == 0 && got[60005] == 2);
    UNIT_OK(capos_file_truncate(&writer, 3) == 0);
    UNIT_OK(capos_file_read(&reader, 0, got, sizeof got) == 3);
    UNIT_OK(capos_file_append(&writer, "xyz", 3) == 3);
    UNIT_OK(capos_file_read(&reader, 3, got, 9) == 3 && memcmp(got, "xyz", 3) == 0);
    UNIT_OK(capos_file_append(&writer, bytes, 4097) == CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_LARGE));
    struct cap_node_info info;
    UNIT_OK(capos_file_stat(&writer, &info) == 0 && info.size == 6);
    UNIT_OK(capos_file_write(&writer, UINT64_MAX - 5, bytes, 9000) ==
            CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_LARGE));
    UNIT_OK(capos_file_stat(&writer, &info) == 0 && info.size == 6);
    capos_file_close(&writer);
    capos_file_close(&reader);
}

static void test_words(void)
{
    for (int status = CAP_FS_STATUS_NOT_FOUND; status <= CAP_FS_STATUS_BUSY; status++) {
        assert_int_equal(capos_fs_status_of(CAPOS_FS_ERROR(status)), status);
        assert_non_null(capos_file_why(CAPOS_FS_ERROR(status)));
    }
    assert_int_equal(capos_fs_status_of(CAPOS_FS_ERROR(60000)), CAP_FS_STATUS_OK); /* a server's invention */
    assert_non_null(capos_file_why(CAPOS_FS_ERROR(60000)));
    assert_int_equal(capos_fs_status_of(CAPOS_ERR_BAD_CAP), CAP_FS_STATUS_OK);
    assert_int_equal(capos_fs_status_of(5), CAP_FS_STATUS_OK);
}

static void setup(void)
{
    UNIT_OK(loopback_begin(4u << 20));
    root = loopback_root();
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_plain_paths), UNIT_TEST(test_up),
        UNIT_TEST(test_links),       UNIT_TEST(test_loops_and_limits),
        UNIT_TEST(test_depth),       UNIT_TEST(test_directories_and_lists),
        UNIT_TEST(test_files),       UNIT_TEST(test_words),
    };
    return UNIT_MAIN(tests, setup, loopback_end);
}
