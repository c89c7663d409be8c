/*
 * Paths inside a Directory. The kernel knows none, and a Directory has no parent: a path is walked here, name
 * by name, from the Directory that the caller gives, and cannot leave it. `/` at its beginning means that
 * Directory; `..` goes back to where the walk came from, and at that Directory stays there; a symbolic link
 * is text, which the walk puts in its own place, also with `/` meaning the caller's Directory.
 *
 * All functions block for calls of the file server. They return 0 or more, or
 *   a negative capos_error       the call itself failed: cap_why says why
 *   CAPOS_FS_ERROR(status)       the file system's answer, a `status` of enum cap_fs_status;
 *                                capos_file_why has a sentence for both
 * Besides what schema/fs.capnp says of each method, any of them returns CAPOS_FS_ERROR of NOT_FOUND,
 * NOT_DIRECTORY (a name on the way), BAD_NAME (NUL, or a name longer than 255 bytes), and TOO_MANY_LINKS:
 * more than CAPOS_PATH_LINKS_MAX links, deeper than CAPOS_PATH_DEPTH_MAX directories, or longer than
 * CAPOS_PATH_BYTES_MAX with the links' texts.
 *
 * They use up to 16 KiB of the caller's stack and no heap.
 */
#pragma once
#include <capos/call.h>
#include <capos/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CAPOS_PATH_LINKS_MAX = 32,
    CAPOS_PATH_DEPTH_MAX = 64,
    CAPOS_PATH_BYTES_MAX = 4096,
    CAPOS_NAME_BYTES_MAX = 255,
};

#define CAPOS_FS_ERROR_BASE    (-1000)
#define CAPOS_FS_ERROR(status) (CAPOS_FS_ERROR_BASE - (int32_t)(status))

/* The status in such a result; CAP_FS_STATUS_OK for anything else. */
static inline enum cap_fs_status capos_fs_status_of(int64_t result)
{
    return result < CAPOS_FS_ERROR_BASE && result >= CAPOS_FS_ERROR(CAP_FS_STATUS_BUSY)
               ? (enum cap_fs_status)(CAPOS_FS_ERROR_BASE - result)
               : CAP_FS_STATUS_OK;
}

/* One sentence for a person about a negative result of these functions. Never null; valid until the next
 * call. */
const char *capos_file_why(int64_t result);

/* Where a path leads: a name in a directory, which need not exist. */
struct capos_place {
    cap_directory directory;
    bool is_owned;   /* the directory was obtained on the way: capos_place_release gives it up */
    size_t name_len; /* 0: the path leads to `directory` itself */
    char name[CAPOS_NAME_BYTES_MAX];
};

static inline struct capnp_data capos_place_name(const struct capos_place *place)
{
    return capnp_data_of(place->name, place->name_len);
}

/* Finds the place: for mkdir, remove, rename, symlink, readLink, link. With `follow`, if there is a link, the
 * place it leads to. After success the place is the caller's to release. */
int32_t capos_path_find(cap_directory root, const char *path, bool follow, struct capos_place *out);
void capos_place_release(struct capos_place *place);

/* Opens the file; the capability is the caller's. Links are followed; flags.exclusive makes a link `exists`.
 */
int32_t capos_path_open(cap_directory root, const char *path, const struct cap_open_flags *flags,
                        cap_file *out);
/* The directory there; the capability is the caller's, also for "." and "/". */
int32_t capos_path_directory(cap_directory root, const char *path, cap_directory *out);
/* With `follow` what a link leads to, else the link. */
int32_t capos_path_stat(cap_directory root, const char *path, bool follow, struct cap_node_info *out);

/* A directory's entries, one after the other: zero but for `directory`. */
struct capos_listing {
    cap_directory directory; /* borrowed */
    /* Private. */
    uint64_t cookie;
    size_t index;
    bool is_last, has_answer;
    struct cap_directory_list_results answer;
    uint64_t words[1200];
};
/* 1: *out, whose name is good until the next call; 0: no more; negative. */
int32_t capos_listing_next(struct capos_listing *listing, struct cap_dir_entry *out);

#ifdef __cplusplus
}
#endif
