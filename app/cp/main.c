/* Copies files, and with -r directories. What cannot be copied wholly is left as far as it came, and said. */
#include "place.h"
#include "walk.h"

enum { OPTION_RECURSIVE = 1 };

static struct walk walk;

static bool copy_bytes(const char *text, cap_file from, cap_file to)
{
    static uint8_t piece[APP_READ_BYTES];
    uint64_t offset = 0;
    int32_t got;
    while ((got = app_read_file(text, from, offset, piece, sizeof piece)) > 0) {
        struct cap_file_write_results written = {0};
        int32_t error = cap_file_write(to, offset, capnp_data_of(piece, (size_t)got), &written);
        if (!app_good(text, error, written.status))
            return false;
        offset += written.written;
    }
    return got == 0;
}

/* 0: there is none of that name. */
static uint64_t node_of(cap_directory directory, struct capnp_data name)
{
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_stat_results stat = {0};
    int32_t error = cap_directory_stat(directory, name, &stat, &buffer);
    return error < 0 || stat.status != CAP_FS_STATUS_OK ? 0 : stat.info.node;
}

static bool copy_file(const char *text, cap_directory from, struct capnp_data name, cap_directory to,
                      struct capnp_data new_name)
{
    const struct cap_open_flags reading = {.read_only = true}, writing = {.create = true, .truncate = true};
    struct cap_directory_open_results source = {0}, target = {0};
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    uint64_t node = node_of(from, name);
    if (node != 0 && node == node_of(to, new_name)) { /* or it would be emptied before it is read */
        app_complain("%s: is the same file as its copy", text);
        return false;
    }
    int32_t error = cap_directory_open(from, name, &reading, &source, &buffer);
    if (!app_good(text, error, source.status))
        return false;
    error = cap_directory_open(to, new_name, &writing, &target, &buffer);
    bool good = app_good(text, error, target.status);
    if (good) {
        good = copy_bytes(text, source.file, target.file);
        (void)cap_release(target.file);
    }
    (void)cap_release(source.file);
    return good;
}

static bool copy_link(const char *text, cap_directory from, struct capnp_data name, cap_directory to,
                      struct capnp_data new_name)
{
    static uint64_t words[600];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_read_link_results link = {0};
    struct cap_directory_symlink_results made = {0};
    int32_t error = cap_directory_read_link(from, name, &link, &buffer);
    if (!app_good(text, error, link.status))
        return false;
    error = cap_directory_symlink(to, new_name, link.text, &made);
    if (error >= 0 && made.status == CAP_FS_STATUS_EXISTS)
        app_complain("%s: its copy exists already", text);
    return made.status != CAP_FS_STATUS_EXISTS && app_good(text, error, made.status);
}

/* The directory and its copy, which may be there already, become the walk's next level. */
static bool enter(const char *text, cap_directory from, struct capnp_data name, cap_directory to,
                  struct capnp_data new_name)
{
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_mkdir_results made = {0};
    struct cap_directory_sub_results source = {0}, target = {0};
    int32_t error = cap_directory_mkdir(to, new_name, &made);
    if (made.status != CAP_FS_STATUS_EXISTS && !app_good(text, error, made.status))
        return false;
    error = cap_directory_sub(to, new_name, &target, &buffer);
    if (target.status == CAP_FS_STATUS_IS_LINK || target.status == CAP_FS_STATUS_NOT_DIRECTORY) {
        app_complain("%s: its copy exists already, and is no directory", text);
        return false;
    }
    if (!app_good(text, error, target.status))
        return false;
    error = cap_directory_sub(from, name, &source, &buffer);
    if (!app_good(text, error, source.status)) {
        (void)cap_release(target.directory);
        return false;
    }
    return walk_push(&walk, text, source.directory, target.directory, name);
}

static bool copy_any(const char *text, enum cap_node_kind kind, cap_directory from, struct capnp_data name,
                     cap_directory to, struct capnp_data new_name)
{
    if (kind == CAP_NODE_KIND_DIRECTORY)
        return enter(text, from, name, to, new_name);
    return kind == CAP_NODE_KIND_LINK ? copy_link(text, from, name, to, new_name)
                                      : copy_file(text, from, name, to, new_name);
}

/* Everything below the walk's first level. The copy itself is passed over where it comes up. */
static void copy_below(const char *text)
{
    static uint64_t words[100];
    struct cap_buffer buffer = {words, sizeof words};
    uint64_t copy = node_of(walk.levels[0].to, capnp_data_of("", 0));
    while (walk.depth > 0) {
        struct cap_dir_entry entry;
        struct walk_level *top = walk_top(&walk);
        int found = walk_next(&walk, text, top->cookie, &buffer, &entry);
        if (found <= 0) {
            walk_pop(&walk);
            continue;
        }
        top->cookie = entry.cookie;
        if (entry.node != copy)
            (void)copy_any(text, entry.kind, top->from, entry.name, top->to, entry.name);
    }
}

static void copy_to(const char *from_text, const struct path *from, const char *to_text, bool several,
                    bool deep)
{
    struct path source, to;
    struct cap_directory_stat_results stat = {0};
    if (!app_walk(from_text, !deep, &source))
        return;
    int32_t error = cap_directory_stat(source.directory, source.name, &stat, &app_buffer);
    bool good = app_good(from_text, error, stat.status);
    if (good && stat.info.kind == CAP_NODE_KIND_DIRECTORY && (!deep || source.name.len == 0)) {
        app_complain("%s: %s", from_text,
                     deep ? "is what it was given itself; name what is in it"
                          : "is a directory; cp -r copies it");
        good = false;
    }
    /* A file goes where a link leads to, also if nothing is there yet; a link or directory is made as a name.
     */
    const bool through = stat.info.kind == CAP_NODE_KIND_FILE;
    if (good && place_find(to_text, from, several, through, &to)) {
        if (copy_any(from_text, stat.info.kind, source.directory, source.name, to.directory, to.name) &&
            walk.depth > 0)
            copy_below(from_text);
        path_done(&to);
    }
    path_done(&source);
}

/* In a directory the copy has the name that stands on the line, also if that is a link's. */
static void copy(const char *from_text, const char *to_text, bool several, bool deep)
{
    struct path from;
    if (!app_walk(from_text, false, &from))
        return;
    copy_to(from_text, &from, to_text, several, deep);
    path_done(&from);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "cp [-r] FROM TO, cp [-r] FROM... DIRECTORY  copies files\n"
              "  -r  directories too, with everything in them; links are copied as links, and not followed");
    bool deep = (app_options(&argc, argv, "r") & OPTION_RECURSIVE) != 0;
    if (argc < 3)
        return app_misused("FROM and TO");
    for (int i = 1; i + 1 < argc; i++)
        copy(argv[i], argv[argc - 1], argc > 3, deep);
    return app_end();
}
