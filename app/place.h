/* Where cp and mv put things: into a directory if there is one, else under that name. */
#pragma once
#include "app.h"

/* What `text` means as a destination for `from`: a directory has it inside, under its own name. False: a
 * complaint was made. To be given up with path_done. */
static inline bool place_find(const char *text, const struct path *from, bool must_be_directory,
                              struct path *out)
{
    struct cap_directory_sub_results sub = {0};
    if (!app_walk(text, out))
        return false;
    bool itself = out->name.len == 0;
    int32_t error = itself ? 0 : cap_directory_sub(out->directory, out->name, &sub, &app_buffer);
    if (!itself && (error < 0 || sub.status != CAP_FS_STATUS_OK)) {
        if (!must_be_directory)
            return true;
        app_complain("%s: is no directory, and several things do not fit one name", text);
        path_done(out);
        return false;
    }
    if (!itself) {
        path_done(out);
        out->directory = sub.directory;
        out->owned = true;
    }
    out->name = from->name;
    return true;
}
