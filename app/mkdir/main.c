/* Makes directories. */
#include "app.h"

enum { OPTION_PARENTS = 1, TEXT_BYTES = 4096 };

static bool parents;

static void make(const char *text, struct path *path)
{
    struct cap_directory_mkdir_results made = {0};
    int32_t error = cap_directory_mkdir(path->directory, path->name, &made);
    bool there = parents && error >= 0 && made.status == CAP_FS_STATUS_EXISTS;
    if (!there)
        (void)app_good(text, error, made.status);
}

/* a, a/b, a/b/c: what is there already is passed. */
static void make_parents(const char *text)
{
    static char part[TEXT_BYTES];
    size_t len = strlen(text);
    for (size_t end = 1; end < len && end < sizeof part; end++) {
        struct path path;
        if (text[end] != '/' || text[end - 1] == '/')
            continue;
        memcpy(part, text, end);
        part[end] = '\0';
        if (!app_walk(part, false, &path))
            return;
        if (path.name.len != 0)
            make(part, &path);
        path_done(&path);
    }
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "mkdir [-p] PATH...  makes directories\n  -p  also those on the way, and no complaint if it is "
              "there");
    parents = (app_options(&argc, argv, "p") & OPTION_PARENTS) != 0;
    if (argc < 2)
        return app_misused("PATH...");
    for (int i = 1; i < argc; i++) {
        struct path path;
        if (parents)
            make_parents(argv[i]);
        if (!app_walk(argv[i], false, &path))
            continue;
        make(argv[i], &path);
        path_done(&path);
    }
    return app_end();
}
