/*
 * See <capos/path.h>. A walk keeps the directories it came through on a stack, because none of them knows its
 * parent, and what is still to be walked as text, in which a link's text takes the link's place.
 *
 * Most paths are plain names without links. Those go in one batch first, each call on what the one before it
 * will return (docs/ipc.md); if any of them answers something else, the walk does it step by step.
 */
#include <base/string.h>
#include <capos/path.h>

enum {
    /* The largest answer: a link's text, with the message around it. */
    ANSWER_WORDS = 700,
    OPEN_ANSWER_WORDS = 128, /* a file, or the text of a short link */
    BATCH_MAX = 4,           /* directories on the way; each call is about a KiB of stack */
};

struct walk {
    cap_directory root;
    unsigned depth, links;
    cap_directory stack[CAPOS_PATH_DEPTH_MAX];
    size_t rest_at; /* in `rest`: what is left stands at its end */
    char rest[CAPOS_PATH_BYTES_MAX];
    bool want_directory; /* the path, or a link that was its end, ended in a slash */
};

static int32_t status_result(int32_t result, enum cap_fs_status status)
{
    if (result < 0)
        return result;
    return status == CAP_FS_STATUS_OK ? CAPOS_OK : CAPOS_FS_ERROR(status);
}

/* ---- The walk. */

static cap_directory walk_here(const struct walk *walk)
{
    return walk->depth == 0 ? walk->root : walk->stack[walk->depth - 1];
}

static void walk_up(struct walk *walk)
{
    if (walk->depth > 0)
        (void)cap_release(walk->stack[--walk->depth]);
}

static void walk_end(struct walk *walk)
{
    while (walk->depth > 0)
        walk_up(walk);
}

/* Puts text in front of what is left to be walked. */
static int32_t walk_prepend(struct walk *walk, const void *text, size_t len)
{
    if (len > walk->rest_at)
        return CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_MANY_LINKS);
    walk->rest_at -= len;
    memcpy(walk->rest + walk->rest_at, text, len);
    return CAPOS_OK;
}

static int32_t walk_begin(struct walk *walk, cap_directory root, const char *path)
{
    walk->root = root;
    walk->depth = walk->links = 0;
    walk->rest_at = sizeof walk->rest;
    walk->want_directory = false;
    if (path[0] == '\0')
        return CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_FOUND);
    return walk_prepend(walk, path, strlen(path));
}

/* The next name, which is taken off the rest; 0: none is left. "." and slashes are skipped. */
static size_t walk_next_name(struct walk *walk, const char **name)
{
    size_t at = walk->rest_at, end;
    for (;;) {
        while (at < sizeof walk->rest && walk->rest[at] == '/')
            at++;
        for (end = at; end < sizeof walk->rest && walk->rest[end] != '/';)
            end++;
        if (end - at != 1 || walk->rest[at] != '.')
            break;
        at = end;
    }
    *name = walk->rest + at;
    walk->rest_at = end;
    return end - at;
}

static bool walk_is_at_end(const struct walk *walk)
{
    size_t at = walk->rest_at;
    while (at < sizeof walk->rest && walk->rest[at] == '/')
        at++;
    return at == sizeof walk->rest;
}

/* A link was found in the place of a name that has been taken off. */
static int32_t walk_into_link(struct walk *walk, struct capnp_data text)
{
    if (++walk->links > CAPOS_PATH_LINKS_MAX)
        return CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_MANY_LINKS);
    if (text.len == 0)
        return CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_FOUND);
    if (text.bytes[0] == '/')
        walk_end(walk);
    int32_t result = walk->rest_at == sizeof walk->rest ? CAPOS_OK : walk_prepend(walk, "/", 1);
    return result < 0 ? result : walk_prepend(walk, text.bytes, text.len);
}

static int32_t walk_down(struct walk *walk, const char *name, size_t len)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_sub_results found = {0};
    if (walk->depth == CAPOS_PATH_DEPTH_MAX)
        return CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_MANY_LINKS);
    int32_t result = cap_directory_sub(walk_here(walk), capnp_data_of(name, len), &found, &buffer);
    if (result >= 0 && found.status == CAP_FS_STATUS_IS_LINK)
        return walk_into_link(walk, found.link_text);
    result = status_result(result, found.status);
    if (result == CAPOS_OK)
        walk->stack[walk->depth++] = found.directory;
    return result;
}

/* Up to the last name, which is stored in *name; length 0: the path leads to where the walk is. */
static int32_t walk_to_last(struct walk *walk, const char **name, size_t *len)
{
    for (;;) {
        int32_t result = CAPOS_OK;
        *len = walk_next_name(walk, name);
        if (*len == 0)
            return CAPOS_OK;
        if (*len > CAPOS_NAME_BYTES_MAX)
            return CAPOS_FS_ERROR(CAP_FS_STATUS_BAD_NAME);
        if (*len == 2 && (*name)[0] == '.' && (*name)[1] == '.') {
            walk_up(walk);
            continue;
        }
        if (walk->rest_at == sizeof walk->rest)
            return CAPOS_OK;
        if (walk_is_at_end(walk)) { /* "name/" */
            walk->want_directory = true;
            walk->rest_at = sizeof walk->rest;
            return CAPOS_OK;
        }
        result = walk_down(walk, *name, *len);
        if (result < 0)
            return result;
    }
}

/* ---- The quick way: plain names in one batch. */

struct batch {
    struct cap_pending subs[BATCH_MAX];
    size_t sub_count;
};

/* The next plain name; 0: there is none, or something that has to be walked. */
static size_t plain_name(const char *path, size_t *at)
{
    size_t len = 0;
    while (path[*at + len] != '\0' && path[*at + len] != '/')
        len++;
    if (path[*at] == '.' && (len == 1 || (len == 2 && path[*at + 1] == '.')))
        return 0;
    return len <= CAPOS_NAME_BYTES_MAX ? len : 0;
}

/* For a call on what `answer` will return, or on something that is there. What is left out is never looked at
 * before it is written. */
static void pending_init(struct cap_pending *pending, const struct cap_pending *answer)
{
    memset(pending, 0, offsetof(struct cap_pending, request));
    cap_pending_target(pending, answer, 0);
}

/* Starts the way to the last name, and says where in the path that is; 0 bytes long: not a plain path. */
static size_t batch_start(struct batch *batch, cap_directory root, const char *path, size_t *last_at)
{
    size_t at = path[0] == '/', len, lens[BATCH_MAX], starts[BATCH_MAX], count = 0;
    while ((len = plain_name(path, &at)) != 0 && path[at + len] == '/') {
        if (count == BATCH_MAX)
            return 0;
        starts[count] = at;
        lens[count++] = len;
        at += len + 1;
    }
    if (len == 0)
        return 0;
    batch->sub_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cap_directory_sub_params params = {.name = capnp_data_of(path + starts[i], lens[i])};
        struct cap_pending *sub = &batch->subs[i];
        pending_init(sub, i == 0 ? NULL : &batch->subs[i - 1]);
        if (cap_directory_sub_start(i == 0 ? root : CAP_NOT_YET(cap_directory), &params, sub) < 0)
            break;
        batch->sub_count++;
    }
    *last_at = at;
    return batch->sub_count == count ? len : 0;
}

/* Gives up the directories on the way. Every started call must have been waited for or be waited for here. */
static void batch_end(struct batch *batch)
{
    for (size_t i = 0; i < batch->sub_count; i++) {
        struct cap_directory_sub_results found = {0};
        (void)cap_pending_wait(&batch->subs[i]);
        if (cap_directory_sub_finish(&batch->subs[i], &found) >= 0 && found.status == CAP_FS_STATUS_OK)
            (void)cap_release(found.directory);
    }
}

/* What is left out means the same to the server, and there is less to send. */
static bool says_something(const struct cap_open_flags *flags)
{
    return flags->create || flags->exclusive || flags->truncate || flags->read_only;
}

/* A path that is one plain name: a single call. Otherwise as open_quickly. */
static bool open_here(cap_directory root, const char *path, const struct cap_open_flags *flags, cap_file *out,
                      int32_t *result)
{
    size_t at = path[0] == '/', len = plain_name(path, &at);
    uint64_t words[OPEN_ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_open_results opened;
    if (len == 0 || path[at + len] != '\0')
        return false;
    const struct cap_directory_open_params params = {
        .name = capnp_data_of(path + at, len), .has_flags = says_something(flags), .flags = *flags};
    int32_t answer = cap_directory_open_call(root, &params, &opened, &buffer);
    if (answer == CAPOS_ERR_RESULT_TRUNCATED || (answer >= 0 && opened.status == CAP_FS_STATUS_IS_LINK))
        return false;
    *result = answer < 0 ? answer : status_result(CAPOS_OK, opened.status);
    if (answer >= 0)
        *out = opened.file;
    return true;
}

/* True: *result is what the path's file answers. False: it has to be walked, step by step. */
static bool open_quickly(cap_directory root, const char *path, const struct cap_open_flags *flags,
                         cap_file *out, int32_t *result)
{
    struct batch batch;
    struct cap_pending open;
    struct cap_directory_open_results opened = {0};
    size_t last_at = 0;
    bool is_final = false;
    batch.sub_count = 0;
    size_t len = batch_start(&batch, root, path, &last_at);
    if (len != 0) {
        const struct cap_directory_open_params params = {
            .name = capnp_data_of(path + last_at, len), .has_flags = says_something(flags), .flags = *flags};
        pending_init(&open, batch.sub_count == 0 ? NULL : &batch.subs[batch.sub_count - 1]);
        if (cap_directory_open_start(batch.sub_count == 0 ? root : CAP_NOT_YET(cap_directory), &params,
                                     &open) == 0) {
            (void)cap_pending_wait(&open);
            is_final =
                cap_directory_open_finish(&open, &opened) >= 0 && opened.status != CAP_FS_STATUS_IS_LINK;
        }
    }
    batch_end(&batch);
    *result = status_result(CAPOS_OK, opened.status);
    *out = opened.file;
    return is_final;
}

/* ---- What is asked for. */

static int32_t open_last(struct walk *walk, const char *name, size_t len, const struct cap_open_flags *flags,
                         cap_file *out, bool *again)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_open_results opened = {0};
    if (len == 0 || (walk->want_directory && flags->create))
        return CAPOS_FS_ERROR(CAP_FS_STATUS_IS_DIRECTORY);
    int32_t result = cap_directory_open(walk_here(walk), capnp_data_of(name, len), flags, &opened, &buffer);
    if (result >= 0 && opened.status == CAP_FS_STATUS_IS_LINK) {
        *again = true;
        return walk_into_link(walk, opened.link_text);
    }
    result = status_result(result, opened.status);
    if (result < 0)
        return result;
    if (walk->want_directory) {
        (void)cap_release(opened.file);
        return CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_DIRECTORY);
    }
    *out = opened.file;
    return CAPOS_OK;
}

static int32_t open_slowly(cap_directory root, const char *path, const struct cap_open_flags *flags,
                           cap_file *out)
{
    struct walk walk;
    const char *name;
    size_t len;
    bool again = true;
    int32_t result = walk_begin(&walk, root, path);
    while (result >= 0 && again) {
        again = false;
        result = walk_to_last(&walk, &name, &len);
        if (result >= 0)
            result = open_last(&walk, name, len, flags, out, &again);
    }
    walk_end(&walk);
    return result;
}

int32_t capos_path_open(cap_directory root, const char *path, const struct cap_open_flags *flags,
                        cap_file *out)
{
    static const struct cap_open_flags none;
    flags = flags == NULL ? &none : flags;
    int32_t result;
    return open_here(root, path, flags, out, &result) || open_quickly(root, path, flags, out, &result)
               ? result
               : open_slowly(root, path, flags, out);
}

/* At the last name: OK, or with *again set a link was put in its place. */
static int32_t follow_last(struct walk *walk, const char *name, size_t len, bool *again)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_read_link_results link = {0};
    int32_t result = cap_directory_read_link(walk_here(walk), capnp_data_of(name, len), &link, &buffer);
    if (result < 0)
        return result;
    if (link.status == CAP_FS_STATUS_OK) {
        *again = true;
        return walk_into_link(walk, link.text);
    }
    return link.status == CAP_FS_STATUS_NOT_LINK || link.status == CAP_FS_STATUS_NOT_FOUND
               ? CAPOS_OK
               : CAPOS_FS_ERROR(link.status);
}

/* "name/" may not be there, but if it is, it is a directory. */
static int32_t check_directory(const struct walk *walk, const char *name, size_t len)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_stat_results stat = {0};
    int32_t result = cap_directory_stat(walk_here(walk), capnp_data_of(name, len), &stat, &buffer);
    bool is_other =
        result >= 0 && stat.status == CAP_FS_STATUS_OK && stat.info.kind != CAP_NODE_KIND_DIRECTORY;
    return is_other ? CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_DIRECTORY) : result < 0 ? result : CAPOS_OK;
}

static int32_t find_last(struct walk *walk, bool follow, const char **name, size_t *len)
{
    bool again = true;
    int32_t result = CAPOS_OK;
    while (result >= 0 && again) {
        again = false;
        result = walk_to_last(walk, name, len);
        if (result >= 0 && *len > 0 && (follow || walk->want_directory))
            result = follow_last(walk, *name, *len, &again);
    }
    return result >= 0 && *len > 0 && walk->want_directory ? check_directory(walk, *name, *len) : result;
}

int32_t capos_path_find(cap_directory root, const char *path, bool follow, struct capos_place *out)
{
    struct walk walk;
    const char *name;
    size_t len;
    int32_t result = walk_begin(&walk, root, path);
    if (result >= 0)
        result = find_last(&walk, follow, &name, &len);
    if (result < 0) {
        walk_end(&walk);
        return result;
    }
    out->directory = walk_here(&walk);
    out->is_owned = walk.depth > 0;
    out->name_len = len;
    memcpy(out->name, name, len);
    if (walk.depth > 0)
        walk.depth--; /* that one is the caller's now */
    walk_end(&walk);
    return CAPOS_OK;
}

void capos_place_release(struct capos_place *place)
{
    if (place->is_owned)
        (void)cap_release(place->directory);
    place->is_owned = false;
}

/* A capability of the caller's own to the directory that the place is: the one that was found on the way, or
 * another to the root. */
static int32_t directory_itself(struct capos_place *place, cap_directory *out)
{
    struct cap_directory_clone_results copy = {0};
    if (place->is_owned) {
        *out = place->directory;
        place->is_owned = false;
        return CAPOS_OK;
    }
    int32_t result = cap_directory_clone(place->directory, &copy);
    *out = copy.directory;
    return result < 0 ? result : CAPOS_OK;
}

int32_t capos_path_directory(cap_directory root, const char *path, cap_directory *out)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_sub_results found = {0};
    struct capos_place place;
    int32_t result = capos_path_find(root, path, true, &place);
    if (result < 0)
        return result;
    if (place.name_len == 0) {
        result = directory_itself(&place, out);
    } else {
        result = status_result(cap_directory_sub(place.directory, capos_place_name(&place), &found, &buffer),
                               found.status);
        *out = found.directory;
    }
    capos_place_release(&place);
    return result;
}

int32_t capos_path_stat(cap_directory root, const char *path, bool follow, struct cap_node_info *out)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_stat_results stat = {0};
    struct capos_place place;
    int32_t result = capos_path_find(root, path, follow, &place);
    if (result < 0)
        return result;
    result = status_result(cap_directory_stat(place.directory, capos_place_name(&place), &stat, &buffer),
                           stat.status);
    if (result >= 0)
        *out = stat.info;
    capos_place_release(&place);
    return result;
}

/* ---- Listing. */

int32_t capos_listing_next(struct capos_listing *listing, struct cap_dir_entry *out)
{
    struct cap_buffer buffer = {listing->words, sizeof listing->words};
    if (!listing->has_answer || (listing->index == listing->answer.entries.count && !listing->is_last)) {
        int32_t result =
            cap_directory_list(listing->directory, listing->cookie, UINT32_MAX, &listing->answer, &buffer);
        result = status_result(result, listing->answer.status);
        if (result < 0)
            return result;
        listing->has_answer = true;
        listing->is_last = listing->answer.end || listing->answer.entries.count == 0;
        listing->index = 0;
    }
    if (listing->index == listing->answer.entries.count)
        return 0;
    int32_t result = cap_dir_entry_list_get(&listing->answer.entries, listing->index, out);
    if (result < 0)
        return result;
    listing->index++;
    listing->cookie = out->cookie;
    return 1;
}

/* ---- Words. */

const char *capos_file_why(int64_t result)
{
    static const char *const why[] = {
        [CAP_FS_STATUS_OK] = "no error",
        [CAP_FS_STATUS_NOT_FOUND] = "no such file or directory",
        [CAP_FS_STATUS_EXISTS] = "exists already",
        [CAP_FS_STATUS_NOT_DIRECTORY] = "not a directory",
        [CAP_FS_STATUS_IS_DIRECTORY] = "is a directory",
        [CAP_FS_STATUS_IS_LINK] = "is a symbolic link",
        [CAP_FS_STATUS_NOT_EMPTY] = "the directory is not empty",
        [CAP_FS_STATUS_BAD_NAME] = "not a name",
        [CAP_FS_STATUS_READ_ONLY] = "the capability is read-only",
        [CAP_FS_STATUS_APPEND_ONLY] = "the capability only appends",
        [CAP_FS_STATUS_NO_SPACE] = "no space left",
        [CAP_FS_STATUS_OVER_QUOTA] = "the quota is used up",
        [CAP_FS_STATUS_TOO_LARGE] = "too large",
        [CAP_FS_STATUS_TOO_MANY_LINKS] = "too many links, or too deep a path",
        [CAP_FS_STATUS_CROSS_DEVICE] = "on another file system, or under another quota",
        [CAP_FS_STATUS_CLOSED] = "the file was closed",
        [CAP_FS_STATUS_NOT_LINK] = "not a symbolic link",
        [CAP_FS_STATUS_BUSY] = "a directory cannot go below itself",
    };
    enum cap_fs_status status = capos_fs_status_of(result);
    return status == CAP_FS_STATUS_OK ? cap_why((int32_t)result) : why[status];
}
