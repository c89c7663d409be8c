/*
 * Paths inside a Directory. The kernel knows none, and a Directory has no parent: a path is walked here, name
 * by name, from the Directory that the caller gives, and cannot leave it.
 *
 *   /a/b     the same as a/b: a `/` at the beginning means the caller's Directory
 *   ./a, a//b, a/./b    empty names and `.` are skipped
 *   a/..     back to where the walk came from (a must be there and be a directory); at the caller's Directory
 *            `..` stays there
 *   a/       a, which must not be anything but a directory, if it is there at all
 *   a link   is text, which the walk puts in the link's place; its `/` and `..` mean what they mean above.
 *            So a link that was made in another root means something else here, or nothing
 *
 * All functions block for calls of the file server. They return 0 or more, or
 *   a negative capos_error       the call itself failed: cap_why says why
 *   CAPOS_FS_ERROR(status)       the file system's answer, a `status` of enum cap_fs_status;
 *                                capos_file_why has a sentence for both
 * Besides what schema/fs.capnp says of each method, any of them returns CAPOS_FS_ERROR of
 *   NOT_FOUND         the path is empty, or a name on the way is not there
 *   NOT_DIRECTORY     a name on the way, or one with a slash behind it, is something else
 *   BAD_NAME          a name of more than CAPOS_NAME_BYTES_MAX bytes
 *   TOO_MANY_LINKS    more than CAPOS_PATH_LINKS_MAX links (a loop, for example), deeper than
 *                     CAPOS_PATH_DEPTH_MAX directories, or longer than CAPOS_PATH_BYTES_MAX with the links'
 *                     texts
 *
 * Nothing is atomic about a walk: others may rename what it goes through, and it goes on from where it is.
 * They use up to 32 KiB of the caller's stack and no heap. Thread-safe; after an error nothing is held.
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

/* Opens the file; the capability is the caller's to release. Links are followed, also to make with
 * flags.create what a link leads to; flags.exclusive with a link answers EXISTS. `flags` null: none. One
 * kernel entry for a path of up to four plain names. IS_DIRECTORY: also for ".", "/", and "a/" with
 * flags.create. */
int32_t capos_path_open(cap_directory root, const char *path, const struct cap_open_flags *flags,
                        cap_file *out);
/* The directory there; links are followed. The capability is the caller's to release, also for "." and "/".
 */
int32_t capos_path_directory(cap_directory root, const char *path, cap_directory *out);
/* With `follow` what a link leads to, else the link. */
int32_t capos_path_stat(cap_directory root, const char *path, bool follow, struct cap_node_info *out);

/* A directory's entries, one after the other, in the order in which they came: zero but for `directory`. Many
 * are fetched with one call, so what came or went since then may be seen or not (see Directory.list). About
 * 10 KiB. */
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
