/* Removes files, links and directories. */
#include "walk.h"

enum { OPTION_RECURSIVE = 1, OPTION_FORCE = 2 };

static unsigned options;
static struct walk walk;

static bool remove_one(const char *text, cap_directory directory, struct capnp_data name)
{
    struct cap_directory_remove_results removed = {0};
    int32_t error = cap_directory_remove(directory, name, &removed);
    bool absent = error >= 0 && removed.status == CAP_FS_STATUS_NOT_FOUND && (options & OPTION_FORCE) != 0;
    return absent || app_good(text, error, removed.status);
}

static bool enter(const char *text, cap_directory directory, struct capnp_data name)
{
    struct cap_directory_sub_results sub = {0};
    static uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    int32_t error = cap_directory_sub(directory, name, &sub, &buffer);
    return app_good(text, error, sub.status) &&
           walk_push(&walk, text, sub.directory, (cap_directory){0}, name);
}

/* What is below goes first: always the first entry of the deepest directory. */
static void remove_tree(const char *text, struct path *path)
{
    struct cap_dir_entry entry;
    bool good = enter(text, path->directory, path->name);
    while (good && walk.depth > 0) {
        int found = walk_next(&walk, text, 0, &app_buffer, &entry);
        struct walk_level *top = walk_top(&walk);
        if (found > 0 && entry.kind == CAP_NODE_KIND_DIRECTORY) {
            good = enter(text, top->from, entry.name);
        } else if (found > 0) {
            good = remove_one(text, top->from, entry.name);
        } else {
            cap_directory above = walk.depth > 1 ? walk.levels[walk.depth - 2].from : path->directory;
            good = found == 0 && remove_one(text, above, capnp_data_of(top->name, top->name_len));
            walk_pop(&walk);
        }
    }
    while (walk.depth > 0)
        walk_pop(&walk);
}

static void act(const char *text, struct path *path)
{
    struct cap_directory_stat_results stat = {0};
    bool deep = (options & OPTION_RECURSIVE) != 0;
    if (path->name.len == 0) {
        app_complain("%s: the directory that it was given is not removed", text);
        return;
    }
    if (deep && cap_directory_stat(path->directory, path->name, &stat, &app_buffer) >= 0 &&
        stat.status == CAP_FS_STATUS_OK && stat.info.kind == CAP_NODE_KIND_DIRECTORY)
        remove_tree(text, path);
    else
        (void)remove_one(text, path->directory, path->name);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "rm [-rf] PATH...  removes files, links and empty directories\n"
              "  -r  directories with everything in them\n"
              "  -f  no complaint about what is not there");
    options = app_options(&argc, argv, "rf");
    if (argc < 2)
        return app_misused("PATH...");
    app_each_path(argc, argv, act);
    return app_end();
}
