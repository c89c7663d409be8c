/*
 * Paths below a Directory, by <capos/path.h>, for programs that work on names: the directory that holds the
 * last one, and that name. Links on the way are followed; one at the end if that is asked for.
 */
#pragma once
#include <capos/path.h>
#include <stdbool.h>
#include <string.h>

struct path {
    cap_directory directory; /* that holds `name`; to be given up with path_done */
    struct capnp_data name;  /* len 0: the directory itself */
    enum cap_fs_status status;
    int32_t error; /* negative: a call failed */
    bool owned;
    struct capos_place place;
};

static inline void path_done(struct path *path)
{
    if (path->owned)
        (void)cap_release(path->directory);
    path->owned = false;
}

/* True: path->directory and path->name are what the text means (which may not exist), with `follow` where a
 * link there leads to. The path must stay where it is. */
static inline bool path_walk(cap_directory root, const char *text, size_t len, bool follow, struct path *path)
{
    char whole[CAPOS_PATH_BYTES_MAX + 1];
    path->owned = false;
    path->status = len > CAPOS_PATH_BYTES_MAX - 1 ? CAP_FS_STATUS_BAD_NAME : CAP_FS_STATUS_OK;
    path->error = CAPOS_OK;
    if (path->status != CAP_FS_STATUS_OK)
        return false;
    whole[0] = '/'; /* so that no text at all is the root */
    memcpy(whole + 1, text, len);
    whole[len + 1] = '\0';
    int32_t result = capos_path_find(root, whole, follow, &path->place);
    path->status = capos_fs_status_of(result);
    path->error = result < 0 && path->status == CAP_FS_STATUS_OK ? result : CAPOS_OK;
    if (result < 0)
        return false;
    path->directory = path->place.directory;
    path->owned = path->place.is_owned;
    path->name = capos_place_name(&path->place);
    return true;
}

/* Why not: of a call's result and its status. */
static inline const char *path_why(int32_t error, enum cap_fs_status status)
{
    return capos_file_why(error < 0 ? error : CAPOS_FS_ERROR(status));
}
