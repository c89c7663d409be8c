/* Directories: names, links, paths, renaming, watching; and that nothing leads out of the one that is held.
 */
#include "files.h"
#include <capos/timer.h>

static cap_directory root;
static const cap_directory here = {0};
static const struct cap_open_flags create = {.create = true};

static void check_names(void)
{
    static const char *const bad[] = {"", ".", "..", "/", "a/b", "/a", "a/", "../a"};
    cap_directory found;
    cap_file file;
    char longest[257];
    bool all = true;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        all = all && files_open(root, bad[i], create, &file) == CAP_FS_STATUS_BAD_NAME &&
              files_mkdir(root, bad[i]) == CAP_FS_STATUS_BAD_NAME &&
              files_sub(root, bad[i], &found) == CAP_FS_STATUS_BAD_NAME &&
              files_rename(root, "x", here, bad[i], true) != CAP_FS_STATUS_OK;
    demo_check(all, "a name is not a path: not '..', not '/', not 'a/b'");
    struct cap_directory_mkdir_results made = {0};
    (void)cap_directory_mkdir(root, capnp_data_of("a\0b", 3), &made);
    files_expect(CAP_FS_STATUS_BAD_NAME, made.status, "nor one with a NUL in it");
    memset(longest, 'n', 256);
    longest[256] = '\0';
    files_expect(CAP_FS_STATUS_BAD_NAME, files_mkdir(root, longest), "256 bytes");
    longest[255] = '\0';
    files_expect(CAP_FS_STATUS_OK, files_mkdir(root, longest), "255 bytes are a name");
    files_expect(CAP_FS_STATUS_OK, files_remove(root, longest), "and can be removed");
}

static void check_tree(void)
{
    cap_directory a, b;
    cap_file file;
    files_expect(CAP_FS_STATUS_OK, files_mkdir(root, "a"), "mkdir");
    files_expect(CAP_FS_STATUS_EXISTS, files_mkdir(root, "a"), "twice");
    files_expect(CAP_FS_STATUS_OK, files_sub(root, "a", &a), "the directory below");
    files_expect(CAP_FS_STATUS_OK, files_mkdir(a, "b"), "one below that");
    (void)files_sub(a, "b", &b);
    files_expect(CAP_FS_STATUS_OK, files_open(b, "f", create, &file), "a file in it");
    files_expect(CAP_FS_STATUS_OK, files_write(file, 0, "deep"), "with content");
    files_expect(CAP_FS_STATUS_IS_DIRECTORY, files_open(root, "a", create, &file), "a directory is no file");
    files_expect(CAP_FS_STATUS_NOT_DIRECTORY, files_sub(b, "f", &a), "a file is no directory");
    files_expect(CAP_FS_STATUS_NOT_EMPTY, files_remove(root, "a"), "a directory with something in it stays");
    files_expect(CAP_FS_STATUS_NOT_FOUND, files_remove(root, "z"), "what is not there is not removed");
    (void)files_sub(root, "a", &a);
    files_expect(CAP_FS_STATUS_BUSY, files_rename(root, "a", b, "inside", false), "into itself");
    files_expect(CAP_FS_STATUS_OK, files_rename(b, "f", root, "f", false), "up by rename: both are held");
    files_expect(CAP_FS_STATUS_OK, files_rename(root, "f", b, "f", false), "and down again");
    (void)files_rename(root, "a", here, "a2", false);
    (void)files_mkdir(root, "a");
    files_expect(CAP_FS_STATUS_EXISTS, files_rename(root, "a2", here, "a", false), "not over another");
    files_expect(CAP_FS_STATUS_OK, files_rename(root, "a2", here, "a", true), "unless that is wanted");
    demo_check(files_open(b, "f", (struct cap_open_flags){0}, &file) == CAP_FS_STATUS_OK &&
                   files_content_is(file, "deep"),
               "capabilities go where their directory goes");
}

static void check_links(void)
{
    struct cap_directory_open_results opened = {0};
    const struct cap_open_flags none = {0};
    cap_directory a;
    cap_file file;
    (void)files_sub(root, "a", &a);
    files_expect(CAP_FS_STATUS_OK, files_symlink(root, "link", "a/b/f"), "a link is text");
    (void)cap_directory_open(root, files_data("link"), &none, &opened, &files_answer);
    files_expect(CAP_FS_STATUS_IS_LINK, opened.status, "which the server does not follow");
    demo_check(opened.link_text.len == 5 && memcmp(opened.link_text.bytes, "a/b/f", 5) == 0, "but tells");
    files_expect_path(CAP_FS_STATUS_OK, capos_path_open(root, "link", NULL, &file),
                      "the resolver follows it");
    demo_check(files_content_is(file, "deep"), "to the file");
    (void)files_symlink(a, "out", "../../../../secret");
    (void)files_open(root, "secret", create, &file);
    (void)files_write(file, 0, "not for a");
    files_expect_path(CAP_FS_STATUS_NOT_FOUND, capos_path_open(a, "out", NULL, &file),
                      "a link that wants up stays inside");
    files_expect_path(CAP_FS_STATUS_NOT_FOUND, capos_path_open(a, "/secret", NULL, &file),
                      "an absolute name too");
    files_expect_path(CAP_FS_STATUS_NOT_FOUND, capos_path_open(a, "b/../../secret", NULL, &file), "and '..'");
    files_expect_path(CAP_FS_STATUS_OK, capos_path_open(root, "a/out", NULL, &file),
                      "in the larger root it means the larger root's");
    (void)files_symlink(root, "loop", "loop");
    files_expect_path(CAP_FS_STATUS_TOO_MANY_LINKS, capos_path_open(root, "loop/x", NULL, &file), "a loop");
    files_expect(CAP_FS_STATUS_OK, files_link(root, "secret", a, "hard"), "a second name of a file");
    struct cap_node_info info;
    demo_check(capos_path_stat(root, "a/hard", false, &info) == 0 && info.links == 2, "counts");
    files_expect(CAP_FS_STATUS_IS_DIRECTORY, files_link(root, "a", here, "a2"), "not of a directory");
    files_expect_path(CAP_FS_STATUS_OK, capos_path_open(root, "./a//b/../b/f", NULL, &file),
                      "dots and slashes");
    files_expect_path(CAP_FS_STATUS_NOT_DIRECTORY, capos_path_open(root, "secret/", NULL, &file),
                      "a file with a slash");
}

static void check_listing(void)
{
    enum { MANY = 200 };
    static struct capos_listing listing;
    struct cap_dir_entry entry;
    cap_directory many;
    cap_file file;
    char name[16];
    int count = 0;
    bool in_order = true;
    (void)files_mkdir(root, "many");
    (void)files_sub(root, "many", &many);
    for (int i = 0; i < MANY; i++) {
        (void)capos_snprintf(name, sizeof name, "n%03d", i);
        if (files_open(many, name, create, &file) == CAP_FS_STATUS_OK)
            (void)cap_release(file);
    }
    listing = (struct capos_listing){.directory = many};
    while (capos_listing_next(&listing, &entry) == 1) {
        (void)capos_snprintf(name, sizeof name, "n%03d", count);
        in_order = in_order && entry.name.len == 4 && memcmp(entry.name.bytes, name, 4) == 0;
        /* Taking away what was listed does not disturb it. */
        (void)files_remove(many, name);
        count++;
    }
    demo_check(count == MANY && in_order, "two hundred names, each once, while they are being removed");
    (void)cap_release(many);
}

static void check_watching(void)
{
    static struct cap_pending watching;
    struct cap_directory_stat_results stat = {0};
    struct cap_directory_watch_results watched = {0};
    (void)cap_directory_stat(root, files_data(""), &stat, &files_answer);
    const struct cap_directory_watch_params now = {.version = stat.info.version};
    (void)cap_directory_watch_start(root, &now, &watching);
    (void)cap_submit();
    demo_check(!cap_pending_poll(&watching), "watching a directory");
    (void)files_mkdir(root, "news");
    (void)cap_pending_wait(&watching);
    demo_check(cap_directory_watch_finish(&watching, &watched) >= 0 && watched.version > stat.info.version,
               "a new name is told");
}

static void check_removed(void)
{
    cap_directory gone;
    cap_file file;
    (void)files_mkdir(root, "gone");
    (void)files_sub(root, "gone", &gone);
    (void)files_remove(root, "gone");
    files_expect(CAP_FS_STATUS_NOT_FOUND, files_open(gone, "f", create, &file),
                 "nothing is made in a directory that was removed");
}

/* What is no Directory of this server, or no Directory at all. */
static void check_forged(void)
{
    const cap_directory console = {.id = demo_console.id, .mode = CAPOS_XFER_COPY};
    const cap_directory invented = {.id = 0x7ffffff0};
    struct cap_directory_stat_results stat = {0};
    cap_directory stale;
    demo_check(files_rename(root, "secret", console, "x", false) != CAP_FS_STATUS_OK,
               "a Console is nowhere to rename to");
    demo_check(cap_directory_stat(invented, files_data(""), &stat, &files_answer) == CAPOS_ERR_BAD_CAP,
               "an invented capability is none");
    (void)files_sub(root, "a", &stale);
    (void)cap_release(stale);
    int32_t result = cap_directory_stat(stale, files_data(""), &stat, &files_answer);
    demo_check(result == CAPOS_ERR_STALE_CAP || result == CAPOS_ERR_BAD_CAP, "nor one that was given up");
    result = cap_invoke_empty(root.id, 999);
    demo_check(result < 0, "a method that there is not is refused");
    cap_file wrong = {.id = root.id};
    struct cap_file_stat_results misread = {0};
    (void)cap_file_stat(wrong, &misread, &files_answer);
    demo_check(files_mkdir(root, "still") == CAP_FS_STATUS_OK, "and the server serves on");
}

/* A tree of its own: nothing of the other is seen, and it goes with its last capability. */
static void check_new_tree(void)
{
    cap_file_system admin = capos_need_file_system("admin");
    struct cap_file_system_new_tree_results tree = {0};
    cap_directory found;
    cap_file file;
    demo_check(cap_file_system_new_tree(admin, 100000, 10, &tree) >= 0 && tree.status == CAP_FS_STATUS_OK,
               "a new tree");
    files_expect(CAP_FS_STATUS_NOT_FOUND, files_sub(tree.directory, "a", &found), "is empty");
    files_expect(CAP_FS_STATUS_CROSS_DEVICE, files_rename(root, "secret", tree.directory, "s", false),
                 "and another file system");
    files_expect(CAP_FS_STATUS_OK, files_open(tree.directory, "f", create, &file), "with files of its own");
    files_expect(CAP_FS_STATUS_OK, files_write(file, 0, "x"), "that can be written");
    (void)cap_release(file);
    (void)cap_release(tree.directory);
}

int main(void)
{
    demo_begin("c-directory");
    root = capos_need_directory("root");
    check_names();
    check_tree();
    check_links();
    check_listing();
    check_watching();
    check_removed();
    check_forged();
    check_new_tree();
    return demo_end();
}
