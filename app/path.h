/*
 * Paths below a Directory: "a/b/c" is c in what `sub` gives. "." is nothing, ".." takes back the name before
 * it and never leads out of where the path starts. Links are not followed: whoever meets one is told so.
 */
#pragma once
#include <capos/call.h>
#include <capos/fs.h>
#include <stdbool.h>
#include <string.h>

enum { PATH_NAMES_MAX = 64 };

struct path {
    cap_directory directory; /* that holds `name`; to be given up with path_done */
    bool owned;
    struct capnp_data name; /* len 0: the directory itself */
    enum cap_fs_status status;
    int32_t error; /* negative: a call failed */
};

static inline void path_done(struct path *path)
{
    if (path->owned)
        (void)cap_release(path->directory);
    path->owned = false;
}

static inline size_t path_split(const char *text, size_t len, struct capnp_data *names, size_t limit)
{
    size_t count = 0;
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && text[end] != '/')
            end++;
        bool dot = end - at == 1 && text[at] == '.';
        bool up = end - at == 2 && text[at] == '.' && text[at + 1] == '.';
        if (up)
            count -= count > 0;
        else if (end > at && !dot && count++ < limit)
            names[count - 1] = capnp_data_of(text + at, end - at);
        at = end + 1;
    }
    return count;
}

/* True: path->directory and path->name are what the text means (which may not exist). */
static inline bool path_walk(cap_directory root, const char *text, size_t len, struct path *path)
{
    struct capnp_data names[PATH_NAMES_MAX];
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    size_t count = path_split(text, len, names, PATH_NAMES_MAX);
    *path = (struct path){.directory = root, .status = CAP_FS_STATUS_OK};
    if (count > PATH_NAMES_MAX)
        path->status = CAP_FS_STATUS_BAD_NAME;
    for (size_t i = 0; i + 1 < count && path->status == CAP_FS_STATUS_OK && path->error >= 0; i++) {
        struct cap_directory_sub_results sub = {0};
        path->error = cap_directory_sub(path->directory, names[i], &sub, &buffer);
        path->status = sub.status;
        path_done(path);
        if (path->error < 0 || sub.status != CAP_FS_STATUS_OK)
            return false;
        path->directory = sub.directory;
        path->owned = true;
    }
    path->name = count == 0 ? capnp_data_of("", 0) : names[count - 1];
    return path->status == CAP_FS_STATUS_OK;
}

/* Why not: of a call's result and its status. */
static inline const char *path_why(int32_t error, enum cap_fs_status status)
{
    static const char *const texts[] = {
        [CAP_FS_STATUS_OK] = "no error",
        [CAP_FS_STATUS_NOT_FOUND] = "no such file or directory",
        [CAP_FS_STATUS_EXISTS] = "exists already",
        [CAP_FS_STATUS_NOT_DIRECTORY] = "not a directory",
        [CAP_FS_STATUS_IS_DIRECTORY] = "is a directory",
        [CAP_FS_STATUS_IS_LINK] = "is a symbolic link, which is not followed",
        [CAP_FS_STATUS_NOT_EMPTY] = "the directory is not empty",
        [CAP_FS_STATUS_BAD_NAME] = "not a name",
        [CAP_FS_STATUS_READ_ONLY] = "the capability is read-only",
        [CAP_FS_STATUS_APPEND_ONLY] = "the capability only appends",
        [CAP_FS_STATUS_NO_SPACE] = "no space left",
        [CAP_FS_STATUS_OVER_QUOTA] = "the quota is used up",
        [CAP_FS_STATUS_TOO_LARGE] = "too large",
        [CAP_FS_STATUS_TOO_MANY_LINKS] = "too many links",
        [CAP_FS_STATUS_CROSS_DEVICE] = "on another file system",
        [CAP_FS_STATUS_CLOSED] = "the file was closed",
        [CAP_FS_STATUS_NOT_LINK] = "not a link",
        [CAP_FS_STATUS_BUSY] = "busy",
    };
    if (error < 0)
        return cap_why(error);
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "an unknown status";
}
