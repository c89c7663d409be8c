/* Lists a directory: names, one a line; -l: with kind, size, and where a link leads. */
#include "app.h"

static bool details;

static void show(cap_directory directory, const struct cap_dir_entry *entry)
{
    static const char marks[] = {'-', 'd', 'l'};
    struct cap_directory_stat_results stat = {0};
    struct cap_directory_read_link_results link = {0};
    if (details && cap_directory_stat(directory, entry->name, &stat, &app_buffer) >= 0)
        app_printf("%c %10llu ", (size_t)entry->kind < sizeof marks ? marks[entry->kind] : '?',
                   (unsigned long long)stat.info.size);
    app_printf("%.*s%s", (int)entry->name.len, (const char *)entry->name.bytes,
               entry->kind == CAP_NODE_KIND_DIRECTORY ? "/" : "");
    if (details && entry->kind == CAP_NODE_KIND_LINK &&
        cap_directory_read_link(directory, entry->name, &link, &app_buffer) >= 0)
        app_printf(" -> %.*s", (int)link.text.len, (const char *)link.text.bytes);
    app_printf("\n");
}

static void list(const char *text, cap_directory directory)
{
    static struct capos_listing listing;
    struct cap_dir_entry entry;
    int32_t result;
    listing = (struct capos_listing){.directory = directory};
    while ((result = capos_listing_next(&listing, &entry)) > 0)
        show(directory, &entry);
    (void)app_good(text, result);
}

static void list_path(const char *text)
{
    cap_directory root, directory;
    if (!app_root(text, &root))
        return;
    int32_t result = capos_path_directory(root, text, &directory);
    if (result == CAPOS_FS_ERROR(CAP_FS_STATUS_NOT_DIRECTORY)) {
        struct cap_node_info info;
        if (app_good(text, capos_path_stat(root, text, true, &info)))
            app_printf("%s\n", text);
    } else if (app_good(text, result)) {
        list(text, directory);
        (void)cap_release(directory);
    }
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
        list_path("/");
    for (int i = first; i < argc; i++)
        list_path(argv[i]);
    return app_failures;
}
