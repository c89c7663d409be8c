/* Read-only, by every route: nothing that comes out of a read-only Directory or File writes, whatever is
 * asked of it, and what a holder of the writable one does is seen. */
#include "files.h"
#include <capos/file.h>
#include <capos/memory.h>
#include <string.h>

enum { HOLES_BYTES = 1 << 20 };

static cap_directory root, view;
static const cap_directory here = {0};
static const struct cap_open_flags create = {.create = true};

static void prepare(void)
{
    struct cap_directory_read_only_results made = {0};
    cap_directory inner;
    cap_file file;
    (void)files_mkdir(root, "d");
    (void)files_sub(root, "d", &inner);
    (void)files_open(inner, "f", create, &file);
    (void)files_write(file, 0, "content");
    (void)files_symlink(root, "link", "d/f");
    demo_expect(CAPOS_OK, cap_directory_read_only(root, &made), "a read-only view of a directory");
    view = made.directory;
}

static void check_directory(cap_directory directory, const char *what)
{
    static const struct cap_open_flags flags[] = {{.create = true}, {.create = true, .exclusive = true}};
    cap_file file;
    demo_say("of %s:", what);
    files_expect(CAP_FS_STATUS_READ_ONLY, files_open(directory, "new", flags[0], &file), "no new file");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_open(directory, "new", flags[1], &file), "nor exclusively");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_mkdir(directory, "new"), "no new directory");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_symlink(directory, "new", "x"), "no new link");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_remove(directory, "f"), "nothing removed");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_rename(directory, "f", here, "g", true), "nothing renamed");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_rename(directory, "f", root, "g", true), "nor taken out");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_rename(root, "link", directory, "g", true), "nor put in");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_link(directory, "f", root, "g"), "nor linked out");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_link(root, "link", directory, "g"), "nor linked in");
}

static void check_file(cap_file file, const char *what)
{
    struct cap_file_truncate_results cut = {0};
    struct cap_file_set_times_results times = {0};
    struct cap_file_set_executable_results executable = {0};
    struct cap_file_backing_results backing = {0};
    struct cap_file_append_only_results append = {0};
    struct cap_memory_object_map_results mapped = {0};
    demo_say("of %s:", what);
    demo_check(files_content_is(file, "content"), "is read");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_write(file, 0, "X"), "not written");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_append(file, "X"), "not appended to");
    (void)cap_file_truncate(file, 0, &cut);
    files_expect(CAP_FS_STATUS_READ_ONLY, cut.status, "not truncated");
    (void)cap_file_set_times(file, 1, &times);
    files_expect(CAP_FS_STATUS_READ_ONLY, times.status, "its times are not set");
    (void)cap_file_set_executable(file, true, &executable);
    files_expect(CAP_FS_STATUS_READ_ONLY, executable.status, "nor what it is");
    (void)cap_file_backing(file, true, &backing);
    files_expect(CAP_FS_STATUS_READ_ONLY, backing.status, "its memory is not given to write");
    (void)cap_file_append_only(file, &append);
    files_expect(CAP_FS_STATUS_READ_ONLY, files_append(append.file, "X"),
                 "making it append-only makes it no more writable");
    (void)cap_file_backing(file, false, &backing);
    files_expect(CAP_FS_STATUS_OK, backing.status, "its memory is given to read");
    demo_check(cap_memory_object_map(backing.data, 0, 0, 4096, 3, &mapped) < 0,
               "and cannot be mapped writable");
    demo_check(cap_memory_object_map(backing.header, 0, 0, 4096, 3, &mapped) < 0, "nor can its header");
    struct cap_memory_object_read_only_results again = {0};
    (void)cap_memory_object_read_only(backing.data, &again);
    demo_check(cap_memory_object_map(again.object, 0, 0, 4096, 3, &mapped) < 0, "nor what is made of it");
    (void)cap_release(backing.data);
    (void)cap_release(backing.header);
    (void)cap_release(again.object);
    (void)cap_release(append.file);
}

static void check_routes(void)
{
    struct cap_directory_clone_results copy = {0};
    struct cap_directory_with_quota_results limited = {0};
    struct cap_directory_read_only_results twice = {0};
    struct cap_file_read_only_results lent = {0};
    cap_directory inner, inner_of;
    cap_file file;
    (void)files_sub(view, "d", &inner);
    check_directory(inner, "what is below it");
    (void)cap_directory_clone(inner, &copy);
    check_directory(copy.directory, "a copy of that");
    (void)cap_directory_with_quota(inner, 1 << 20, 100, &limited);
    check_directory(limited.directory, "that with a quota");
    (void)cap_directory_read_only(copy.directory, &twice);
    check_directory(twice.directory, "a read-only one's read-only one");
    files_expect(CAP_FS_STATUS_READ_ONLY,
                 files_open(inner, "f", (struct cap_open_flags){.truncate = true}, &file),
                 "opening a file to be truncated");
    (void)files_open(inner, "f", (struct cap_open_flags){0}, &file);
    check_file(file, "a file opened through it");
    (void)files_open(inner, "f", create, &file);
    check_file(file, "one opened to be made, but there");
    files_expect_path(CAP_FS_STATUS_OK, capos_path_open(view, "link", NULL, &file), "through a link");
    check_file(file, "that");
    (void)files_sub(root, "d", &inner_of);
    (void)files_open(inner_of, "f", (struct cap_open_flags){.read_only = true}, &file);
    check_file(file, "one opened read-only in a writable directory");
    (void)files_open(inner_of, "f", (struct cap_open_flags){0}, &file);
    (void)cap_file_read_only(file, &lent);
    check_file(lent.file, "a writable File's read-only one");
    files_expect(CAP_FS_STATUS_OK, files_write(file, 0, "CON"), "who may write, writes");
    demo_check(files_content_is(lent.file, "CONtent"), "and the reader sees it");
}

/* Memory has no holes: who may only read does not fill a file's by asking for it. */
static void check_holes(void)
{
    struct cap_file_truncate_results longer = {0};
    struct cap_file_read_only_results lent = {0};
    struct cap_file_backing_results backing = {0};
    struct capos_file reader;
    cap_file file;
    char end[8];
    (void)files_open(root, "holes", create, &file);
    (void)cap_file_truncate(file, HOLES_BYTES, &longer);
    (void)files_write(file, HOLES_BYTES - 3, "end");
    (void)cap_file_read_only(file, &lent);
    demo_say("of a file with holes:");
    (void)cap_file_backing(lent.file, false, &backing);
    files_expect(CAP_FS_STATUS_READ_ONLY, backing.status, "its memory is not made for one who reads");
    capos_file_init(&reader, lent.file);
    demo_check(capos_file_read(&reader, HOLES_BYTES - 3, end, sizeof end) == 3 && memcmp(end, "end", 3) == 0,
               "but it is read");
    (void)cap_file_backing(file, false, &backing);
    files_expect(CAP_FS_STATUS_OK, backing.status, "who may write has it made");
    (void)cap_release(backing.data);
    (void)cap_release(backing.header);
    (void)cap_file_backing(lent.file, false, &backing);
    files_expect(CAP_FS_STATUS_OK, backing.status, "and then there is one to read");
    (void)cap_release(backing.data);
    (void)cap_release(backing.header);
}

int main(void)
{
    demo_begin("c-readonly");
    root = capos_need_directory("root");
    prepare();
    check_routes();
    check_holes();
    demo_say("of what the manifest granted read-only:");
    cap_directory viewer = capos_need_directory("viewer");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_mkdir(viewer, "new"), "no new directory");
    files_expect(CAP_FS_STATUS_READ_ONLY, files_remove(viewer, "link"), "nothing removed");
    return demo_end();
}
