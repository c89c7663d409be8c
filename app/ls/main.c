/* Lists a directory: names, one a line; -l: with kind and size. */
#include "app.h"

enum { ENTRIES = 32 };

static bool details;

static void show(cap_directory directory, const struct cap_dir_entry *entry)
{
    static const char marks[] = {'-', 'd', 'l'};
    static uint64_t words[128];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_stat_results stat = {0};
    if (details && cap_directory_stat(directory, entry->name, &stat, &buffer) >= 0)
        app_printf("%c %10llu ", (size_t)entry->kind < sizeof marks ? marks[entry->kind] : '?',
                   (unsigned long long)stat.info.size);
    app_printf("%.*s%s\n", (int)entry->name.len, (const char *)entry->name.bytes,
               entry->kind == CAP_NODE_KIND_DIRECTORY ? "/" : "");
}

static void list(const char *text, cap_directory directory)
{
    struct cap_directory_list_results results = {0};
    uint64_t cookie = 0;
    do {
        int32_t error = cap_directory_list(directory, cookie, ENTRIES, &results, &app_buffer);
        if (!app_good(text, error, results.status))
            return;
        for (size_t i = 0; i < results.entries.count; i++) {
            struct cap_dir_entry entry;
            if (cap_dir_entry_list_get(&results.entries, i, &entry) < 0)
                return;
            cookie = entry.cookie;
            show(directory, &entry);
        }
    } while (!results.end && results.entries.count != 0);
}

static void list_path(const char *text)
{
    struct path path;
    struct cap_directory_sub_results sub = {0};
    if (!app_walk(text, &path))
        return;
    if (path.name.len == 0) {
        list(text, path.directory);
    } else {
        int32_t error = cap_directory_sub(path.directory, path.name, &sub, &app_buffer);
        if (error >= 0 && sub.status == CAP_FS_STATUS_NOT_DIRECTORY)
            app_printf("%s\n", text);
        else if (app_good(text, error, sub.status))
            list(text, sub.directory);
    }
    path_done(&path);
}

int main(int argc, char **argv)
{
    int first = 1;
    app_name = "ls";
    if (argc > 1 && strcmp(argv[1], "-l") == 0) {
        details = true;
        first++;
    }
    if (first == argc)
        list_path("");
    for (int i = first; i < argc; i++)
        list_path(argv[i]);
    return app_failures;
}
