/* Files through a Directory capability: every operation of File, and every refusal. */
#include "check.h"
#include <capos/file_header.h>
#include <capos/fs.h>
#include <capos/timer.h>
#include <string.h>

enum { PROT_READ_ONLY = 1, PROT_READ_WRITE = 3 };

static uint64_t answer_words[1200];
static struct cap_buffer answer = {answer_words, sizeof answer_words};
static cap_directory root;

static struct capnp_data data(const char *text)
{
    return capnp_data_of(text, strlen(text));
}

static void expect_status(enum cap_fs_status expected, int32_t result, enum cap_fs_status got,
                          const char *what)
{
    if (result >= 0 && got == expected) {
        demo_check(true, what);
    } else {
        demo_say("FAIL %s: %s, status %d, not %d", what, capos_error_name(result), (int)got, (int)expected);
        demo_failures++;
    }
}

static enum cap_fs_status open_file(cap_directory directory, const char *name, struct cap_open_flags flags,
                                    cap_file *out)
{
    struct cap_directory_open_results opened = {0};
    int32_t result = cap_directory_open(directory, data(name), &flags, &opened, &answer);
    *out = opened.file;
    return result < 0 ? CAP_FS_STATUS_BUSY : opened.status;
}

static bool content_is(cap_file file, uint64_t offset, const char *expected)
{
    struct cap_file_read_results read = {0};
    int32_t result = cap_file_read(file, offset, 4096, &read, &answer);
    return result >= 0 && read.status == CAP_FS_STATUS_OK && read.data.len == strlen(expected) &&
           memcmp(read.data.bytes, expected, read.data.len) == 0;
}

static enum cap_fs_status write_file(cap_file file, uint64_t offset, const char *text)
{
    struct cap_file_write_results written = {0};
    int32_t result = cap_file_write(file, offset, data(text), &written);
    return result < 0 ? CAP_FS_STATUS_BUSY : written.status;
}

static void check_opening(cap_file *out)
{
    cap_file other;
    demo_check(open_file(root, "a", (struct cap_open_flags){0}, out) == CAP_FS_STATUS_NOT_FOUND,
               "no such file");
    demo_check(open_file(root, "..", (struct cap_open_flags){.create = true}, out) == CAP_FS_STATUS_BAD_NAME,
               "there is no way up");
    demo_check(open_file(root, "x/y", (struct cap_open_flags){.create = true}, out) == CAP_FS_STATUS_BAD_NAME,
               "a name is not a path");
    demo_check(open_file(root, "a", (struct cap_open_flags){.create = true, .exclusive = true}, out) ==
                   CAP_FS_STATUS_OK,
               "a file is made");
    demo_check(open_file(root, "a", (struct cap_open_flags){.create = true, .exclusive = true}, &other) ==
                   CAP_FS_STATUS_EXISTS,
               "once");
}

static void check_reading_and_writing(cap_file file)
{
    struct cap_file_append_results appended = {0};
    struct cap_file_stat_results stat = {0};
    struct cap_file_truncate_results cut = {0};
    demo_check(write_file(file, 0, "hello world") == CAP_FS_STATUS_OK, "write");
    demo_check(content_is(file, 0, "hello world") && content_is(file, 6, "world"), "read");
    demo_check(content_is(file, 11, "") && content_is(file, UINT64_MAX, ""), "read behind the end");
    demo_check(write_file(file, 5, "\n") == CAP_FS_STATUS_OK && content_is(file, 0, "hello\nworld"),
               "write in the middle");
    (void)cap_file_append(file, data("!"), &appended);
    demo_check(appended.offset == 11 && content_is(file, 10, "d!"), "append");
    demo_check(write_file(file, 1000000000, "x") == CAP_FS_STATUS_OK, "a sparse file");
    (void)cap_file_stat(file, &stat, &answer);
    demo_check(stat.info.size == 1000000001 && stat.info.allocated_bytes < 16384,
               "takes no memory for the gap");
    demo_check(stat.info.modified_unix_ns > 0 && stat.info.links == 1, "stat");
    (void)cap_file_truncate(file, 5, &cut);
    demo_check(cut.status == CAP_FS_STATUS_OK && content_is(file, 0, "hello"), "truncate");
    (void)cap_file_truncate(file, 7, &cut);
    struct cap_file_read_results read = {0};
    (void)cap_file_read(file, 0, 16, &read, &answer);
    demo_check(read.data.len == 7 && memcmp(read.data.bytes, "hello\0\0", 7) == 0,
               "what comes back is zeros");
    (void)cap_file_truncate(file, UINT64_MAX, &cut);
    demo_check(cut.status == CAP_FS_STATUS_TOO_LARGE, "too large");
    demo_check(write_file(file, UINT64_MAX, "x") == CAP_FS_STATUS_TOO_LARGE, "an offset that overflows");
}

/* Reads and writes as memory accesses, and both ways see each other. */
static void check_backing(cap_file file)
{
    struct cap_file_backing_results backing = {0};
    struct cap_memory_object_map_results bytes = {0}, header = {0};
    struct cap_memory_object_info_results info = {0};
    int32_t result = cap_file_backing(file, true, &backing);
    expect_status(CAP_FS_STATUS_OK, result, backing.status, "the file's memory");
    (void)cap_memory_object_info(backing.data, &info);
    demo_expect(CAPOS_OK, cap_memory_object_map(backing.data, 0, 0, info.size, PROT_READ_WRITE, &bytes),
                "is mapped");
    demo_expect(CAPOS_OK, cap_memory_object_map(backing.header, 0, 0, 4096, PROT_READ_ONLY, &header),
                "and its header");
    demo_check(cap_memory_object_map(backing.header, 0, 0, 4096, PROT_READ_WRITE, &header) < 0,
               "which is read-only");
    const struct capos_file_header *seen = (const void *)(uintptr_t)header.address;
    char *memory = (char *)(uintptr_t)bytes.address;
    demo_check(seen->magic == CAPOS_FILE_MAGIC && seen->size_bytes == 7 &&
                   memcmp(memory, "hello\0\0", 7) == 0,
               "it holds the content");
    memory[0] = 'J';
    demo_check(write_file(file, 5, "!!") == CAP_FS_STATUS_OK && content_is(file, 0, "Jello!!"),
               "both see each other");
    demo_check(memcmp(memory, "Jello!!", 7) == 0, "at once");
    demo_check(write_file(file, 500000, "far") == CAP_FS_STATUS_OK && seen->valid == 0,
               "a file that outgrows it says so");
}

static void check_rights(cap_file file)
{
    struct cap_file_read_only_results read_only = {0};
    struct cap_file_append_only_results append_only = {0};
    struct cap_file_append_results appended = {0};
    struct cap_file_backing_results backing = {0};
    cap_file seen;
    (void)cap_file_read_only(file, &read_only);
    (void)cap_file_append_only(file, &append_only);
    demo_check(write_file(read_only.file, 0, "x") == CAP_FS_STATUS_READ_ONLY,
               "a read-only File does not write");
    (void)cap_file_append(read_only.file, data("x"), &appended);
    demo_check(appended.status == CAP_FS_STATUS_READ_ONLY, "nor append");
    (void)cap_file_backing(read_only.file, true, &backing);
    demo_check(backing.status == CAP_FS_STATUS_READ_ONLY, "nor give writable memory");
    demo_check(write_file(append_only.file, 0, "x") == CAP_FS_STATUS_APPEND_ONLY,
               "an append-only File does not overwrite");
    (void)cap_file_append(append_only.file, data("x"), &appended);
    demo_check(appended.status == CAP_FS_STATUS_OK, "but appends");
    cap_directory viewer = capos_need_directory("viewer");
    demo_check(open_file(viewer, "a", (struct cap_open_flags){0}, &seen) == CAP_FS_STATUS_OK &&
                   write_file(seen, 0, "x") == CAP_FS_STATUS_READ_ONLY,
               "what a read-only Directory opens is read-only");
    demo_check(open_file(viewer, "b", (struct cap_open_flags){.create = true}, &seen) ==
                   CAP_FS_STATUS_READ_ONLY,
               "and nothing is made in it");
}

static void check_watching(cap_file file)
{
    static struct cap_pending watching[2];
    struct cap_file_stat_results stat = {0};
    struct cap_file_watch_results watched = {0};
    (void)cap_file_stat(file, &stat, &answer);
    const struct cap_file_watch_params old = {.version = stat.info.version - 1};
    const struct cap_file_watch_params now = {.version = stat.info.version};
    (void)cap_file_watch_start(file, &old, &watching[0]);
    (void)cap_pending_wait(&watching[0]);
    demo_expect(CAPOS_OK, cap_file_watch_finish(&watching[0], &watched),
                "an old version is answered at once");
    (void)cap_file_watch_start(file, &now, &watching[0]);
    (void)cap_file_watch_start(file, &now, &watching[1]);
    (void)cap_submit();
    demo_check(!cap_pending_poll(&watching[0]), "watching");
    (void)cap_pending_cancel(&watching[1]);
    demo_check(write_file(file, 0, "K") == CAP_FS_STATUS_OK,
               "a change, when one of two watchers has given up");
    (void)cap_pending_wait(&watching[0]);
    demo_expect(CAPOS_OK, cap_file_watch_finish(&watching[0], &watched), "is told");
    demo_check(watched.info.version == stat.info.version + 1, "with the new version");
}

static void check_closing(cap_file file)
{
    struct cap_file_read_only_results copy = {0};
    struct cap_file_close_results closed = {0};
    struct cap_file_read_results read = {0};
    (void)cap_file_read_only(file, &copy);
    (void)cap_file_close(copy.file, &closed);
    (void)cap_file_read(copy.file, 0, 1, &read, &answer);
    demo_check(read.status == CAP_FS_STATUS_CLOSED && write_file(file, 0, "J") == CAP_FS_STATUS_OK,
               "who was lent a file closes it for himself only");
    (void)cap_file_read_only(file, &copy);
    (void)cap_file_close(file, &closed);
    (void)cap_file_read(copy.file, 0, 1, &read, &answer);
    demo_check(closed.status == CAP_FS_STATUS_OK && read.status == CAP_FS_STATUS_CLOSED,
               "a closed file is closed for all");
    demo_check(write_file(file, 0, "x") == CAP_FS_STATUS_CLOSED, "also for who closed it");
}

static void check_removal(void)
{
    struct cap_directory_remove_results removed = {0};
    cap_file file, again;
    demo_check(open_file(root, "gone", (struct cap_open_flags){.create = true}, &file) == CAP_FS_STATUS_OK &&
                   write_file(file, 0, "still here") == CAP_FS_STATUS_OK,
               "a file");
    (void)cap_directory_remove(root, data("gone"), &removed);
    demo_check(removed.status == CAP_FS_STATUS_OK && content_is(file, 0, "still here"),
               "that is removed can still be read");
    demo_check(open_file(root, "gone", (struct cap_open_flags){0}, &again) == CAP_FS_STATUS_NOT_FOUND,
               "but not found");
}

/* Everything that is there is used up: a clear answer, and nothing that was written before is lost. */
static void check_space(void)
{
    static const char block[4096] = {'x'};
    struct cap_file_write_results written = {0};
    cap_file file;
    uint64_t offset = 0;
    (void)open_file(root, "big", (struct cap_open_flags){.create = true}, &file);
    while (written.status == CAP_FS_STATUS_OK &&
           cap_file_write(file, offset, capnp_data_of(block, sizeof block), &written) >= 0 &&
           offset < UINT64_C(1) << 30)
        offset += sizeof block;
    demo_check(written.status == CAP_FS_STATUS_NO_SPACE, "until there is no space");
    struct cap_file_stat_results stat = {0};
    (void)cap_file_stat(file, &stat, &answer);
    demo_check(stat.info.size == offset - sizeof block && stat.info.size > 1000000,
               "all that was acknowledged is there");
    struct cap_directory_remove_results removed = {0};
    (void)cap_directory_remove(root, data("big"), &removed);
    (void)cap_release(file);
    demo_check(open_file(root, "small", (struct cap_open_flags){.create = true}, &file) == CAP_FS_STATUS_OK &&
                   write_file(file, 0, "ok") == CAP_FS_STATUS_OK,
               "removing it makes room again");
}

/* The news of a dropped file is the server's to read when its threads get to run: how soon nobody promises.
 * So: until the number has stood still for a while, or is the one expected. */
static uint64_t open_files_settled(cap_file_system admin, uint64_t expected)
{
    enum { STILL_LONG_ENOUGH = 20, PATIENCE = 2000, NAP_NS = 1000000 };
    cap_timer timer = capos_need_timer("timer");
    struct cap_file_system_stats_results stats = {0};
    uint64_t last = UINT64_MAX - 1;
    for (int i = 0, still = 0; i < PATIENCE && still < STILL_LONG_ENOUGH && last != expected; i++) {
        (void)cap_timer_sleep(timer, NAP_NS);
        (void)cap_file_system_stats(admin, &stats);
        still = stats.open_files == last ? still + 1 : 0;
        last = stats.open_files;
    }
    return last;
}

static void check_clients(void)
{
    struct cap_file_system_stats_results held = {0};
    cap_file_system admin = capos_need_file_system("admin");
    enum { MANY = 200 };
    static cap_file files[MANY];
    uint64_t before = open_files_settled(admin, UINT64_MAX);
    bool all = true;
    for (int i = 0; i < MANY; i++)
        all = open_file(root, "small", (struct cap_open_flags){0}, &files[i]) == CAP_FS_STATUS_OK && all;
    (void)cap_file_system_stats(admin, &held);
    demo_check(all && held.open_files == before + MANY, "two hundred open files");
    for (int i = 0; i < MANY; i++)
        (void)cap_release(files[i]);
    demo_check(open_files_settled(admin, before) == before, "are gone when they are dropped");
}

int main(void)
{
    cap_file file;
    demo_begin("c-file");
    root = capos_need_directory("root");
    check_opening(&file);
    check_reading_and_writing(file);
    check_backing(file);
    check_rights(file);
    check_watching(file);
    check_closing(file);
    check_removal();
    check_space();
    check_clients();
    return demo_end();
}
