/* Where cp and mv put things: into a directory if there is one, else under that name. */
#pragma once
#include "app.h"

/* The name `name` in the directory that `text` leads to, if that is a link where it leads to. */
static inline bool place_find_inside(const char *text, struct capnp_data name, struct path *out)
{
    static char inside[CAPOS_PATH_BYTES_MAX];
    const size_t len = strlen(text);
    if (len + 1 + name.len >= sizeof inside) {
        app_complain("%s: too long a path", text);
        return false;
    }
    memcpy(inside, text, len);
    inside[len] = '/';
    memcpy(inside + len + 1, name.bytes, name.len);
    inside[len + 1 + name.len] = '\0';
    return app_walk(inside, true, out);
}

/* What `text` means as a destination for `from`: a directory, also one that a link leads to, has it inside,
 * under its own name; else the name that it is. With `through` it is what a link of that name leads to, also
 * if nothing is there. False: a complaint was made. To be given up with path_done. */
static inline bool place_find(const char *text, const struct path *from, bool must_be_directory, bool through,
                              struct path *out)
{
    cap_directory root;
    if (!app_root(&root))
        return false;
    if (capos_path_directory(root, text, &out->directory) >= 0) {
        if (through && from->name.len > 0) {
            (void)cap_release(out->directory);
            return place_find_inside(text, from->name, out);
        }
        out->owned = true;
        out->name = from->name;
        return true;
    }
    if (must_be_directory)
        app_complain("%s: is no directory, and several things do not fit one name", text);
    return !must_be_directory && app_walk(text, through, out);
}
