/* What the demos of the file server share: calls that say their status in one word. */
#pragma once
#include "check.h"
#include <capos/file.h>
#include <string.h>

static uint64_t files_words[1200];
static struct cap_buffer files_answer = {files_words, sizeof files_words};

static inline struct capnp_data files_data(const char *text)
{
    return capnp_data_of(text, strlen(text));
}

/* A failed call as a status that no method answers with. */
#define FILES_FAILED ((enum cap_fs_status)UINT16_MAX)

static inline enum cap_fs_status files_status(int32_t result, enum cap_fs_status status)
{
    return result < 0 ? FILES_FAILED : status;
}

static inline void files_expect(enum cap_fs_status expected, enum cap_fs_status got, const char *what)
{
    if (got == expected) {
        demo_say("ok %s%s%s", what, got == CAP_FS_STATUS_OK ? "" : ": ",
                 got == CAP_FS_STATUS_OK ? "" : capos_file_why(CAPOS_FS_ERROR(got)));
        return;
    }
    demo_failures++;
    demo_say("FAIL %s: status %d, not %d", what, (int)got, (int)expected);
}

/* The same of what <capos/path.h> returns. */
static inline void files_expect_path(enum cap_fs_status expected, int64_t got, const char *what)
{
    files_expect(expected,
                 got >= 0                                      ? CAP_FS_STATUS_OK
                 : capos_fs_status_of(got) == CAP_FS_STATUS_OK ? FILES_FAILED
                                                               : capos_fs_status_of(got),
                 what);
}

static inline enum cap_fs_status files_open(cap_directory directory, const char *name,
                                            struct cap_open_flags flags, cap_file *out)
{
    struct cap_directory_open_results opened = {0};
    int32_t result = cap_directory_open(directory, files_data(name), &flags, &opened, &files_answer);
    *out = opened.file;
    return files_status(result, opened.status);
}

static inline enum cap_fs_status files_write(cap_file file, uint64_t offset, const char *text)
{
    struct cap_file_write_results written = {0};
    int32_t result = cap_file_write(file, offset, files_data(text), &written);
    return files_status(result, written.status);
}

static inline enum cap_fs_status files_append(cap_file file, const char *text)
{
    struct cap_file_append_results appended = {0};
    int32_t result = cap_file_append(file, files_data(text), &appended);
    return files_status(result, appended.status);
}

static inline bool files_content_is(cap_file file, const char *expected)
{
    struct cap_file_read_results read = {0};
    int32_t result = cap_file_read(file, 0, 4096, &read, &files_answer);
    return result >= 0 && read.status == CAP_FS_STATUS_OK && read.data.len == strlen(expected) &&
           memcmp(read.data.bytes, expected, read.data.len) == 0;
}

static inline enum cap_fs_status files_mkdir(cap_directory directory, const char *name)
{
    struct cap_directory_mkdir_results made = {0};
    int32_t result = cap_directory_mkdir(directory, files_data(name), &made);
    return files_status(result, made.status);
}

static inline enum cap_fs_status files_remove(cap_directory directory, const char *name)
{
    struct cap_directory_remove_results removed = {0};
    int32_t result = cap_directory_remove(directory, files_data(name), &removed);
    return files_status(result, removed.status);
}

static inline enum cap_fs_status files_symlink(cap_directory directory, const char *name, const char *text)
{
    struct cap_directory_symlink_results made = {0};
    int32_t result = cap_directory_symlink(directory, files_data(name), files_data(text), &made);
    return files_status(result, made.status);
}

static inline enum cap_fs_status files_rename(cap_directory directory, const char *name, cap_directory to,
                                              const char *new_name, bool replace)
{
    struct cap_directory_rename_results renamed = {0};
    int32_t result =
        cap_directory_rename(directory, files_data(name), to, files_data(new_name), replace, &renamed);
    return files_status(result, renamed.status);
}

static inline enum cap_fs_status files_link(cap_directory directory, const char *name, cap_directory to,
                                            const char *new_name)
{
    struct cap_directory_link_results linked = {0};
    int32_t result = cap_directory_link(directory, files_data(name), to, files_data(new_name), &linked);
    return files_status(result, linked.status);
}

static inline enum cap_fs_status files_sub(cap_directory directory, const char *name, cap_directory *out)
{
    struct cap_directory_sub_results found = {0};
    int32_t result = cap_directory_sub(directory, files_data(name), &found, &files_answer);
    *out = found.directory;
    return files_status(result, found.status);
}
