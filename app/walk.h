/*
 * Trees of directories, walked with a stack of WALK_DEPTH_MAX levels of its own: nobody's files decide how
 * deep this program's calls nest.
 */
#pragma once
#include "app.h"

enum { WALK_DEPTH_MAX = 64, WALK_NAME_BYTES = 256 };

struct walk_level {
    cap_directory from, to; /* owned; `to` only where the walk copies */
    uint64_t cookie;
    uint8_t name[WALK_NAME_BYTES]; /* of this directory in the level above */
    size_t name_len;
};

struct walk {
    struct walk_level levels[WALK_DEPTH_MAX];
    size_t depth;
};

static inline struct walk_level *walk_top(struct walk *walk)
{
    return &walk->levels[walk->depth - 1];
}

/* One level deeper; the capabilities are the walk's then, also when it is too deep. */
static inline bool walk_push(struct walk *walk, const char *text, cap_directory from, cap_directory to,
                             struct capnp_data name)
{
    if (walk->depth == WALK_DEPTH_MAX || name.len > WALK_NAME_BYTES) {
        app_complain("%s: more than %d directories deep", text, WALK_DEPTH_MAX);
        (void)cap_release(from);
        if (to.id != 0)
            (void)cap_release(to);
        return false;
    }
    struct walk_level *level = &walk->levels[walk->depth++];
    *level = (struct walk_level){.from = from, .to = to, .name_len = name.len};
    memcpy(level->name, name.bytes, name.len);
    return true;
}

static inline void walk_pop(struct walk *walk)
{
    struct walk_level *level = walk_top(walk);
    (void)cap_release(level->from);
    if (level->to.id != 0)
        (void)cap_release(level->to);
    walk->depth--;
}

/* The next entry of the top directory behind `cookie`. 1: there is one, whose name stays good until the next
 * call with `buffer`; 0: no more; -1: a complaint was made. */
static inline int walk_next(struct walk *walk, const char *text, uint64_t cookie, struct cap_buffer *buffer,
                            struct cap_dir_entry *entry)
{
    struct cap_directory_list_results list = {0};
    int32_t error = cap_directory_list(walk_top(walk)->from, cookie, 1, &list, buffer);
    if (!app_good(text, error, list.status))
        return -1;
    if (list.entries.count == 0)
        return 0;
    return cap_dir_entry_list_get(&list.entries, 0, entry) < 0 ? -1 : 1;
}
