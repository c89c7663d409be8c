/* Where cp and mv put things: into a directory if there is one, else under that name. */
#pragma once
#include "app.h"

/* What `text` means as a destination for `from`: a directory, also one that a link leads to, has it inside,
 * under its own name; else the name that it is, or with `through` what a link of that name leads to. False: a
 * complaint was made. To be given up with path_done. */
static inline bool place_find(const char *text, const struct path *from, bool must_be_directory, bool through,
                              struct path *out)
{
    cap_directory root;
    if (!app_root(&root))
        return false;
    if (capos_path_directory(root, text, &out->directory) >= 0) {
        out->owned = true;
        out->name = from->name;
        return true;
    }
    if (must_be_directory)
        app_complain("%s: is no directory, and several things do not fit one name", text);
    return !must_be_directory && app_walk(text, through, out);
}
