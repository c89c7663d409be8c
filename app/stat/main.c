/* Says what is known of files and directories. */
#include "app.h"
#include "calendar.h"

static void show_time(const char *what, int64_t unix_ns)
{
    struct calendar at = calendar_of(unix_ns);
    app_printf("  %-9s %lld-%02u-%02u %02u:%02u:%02u.%09u\n", what, (long long)at.year, at.month, at.day,
               at.hour, at.minute, at.second, at.nanosecond);
}

static void act(const char *text, struct path *path)
{
    static const char *const kinds[] = {"file", "directory", "link"};
    struct cap_directory_stat_results stat = {0};
    int32_t error = cap_directory_stat(path->directory, path->name, &stat, &app_buffer);
    if (!app_good(text, error, stat.status))
        return;
    const struct cap_node_info *info = &stat.info;
    bool directory = info->kind == CAP_NODE_KIND_DIRECTORY;
    app_printf("%s: %s%s\n", text, (size_t)info->kind < 3 ? kinds[info->kind] : "something",
               info->executable ? ", executable" : "");
    app_printf("  %-9s %llu%s\n", directory ? "entries" : "size", (unsigned long long)info->size,
               directory || info->size == 1 ? "" : " bytes");
    app_printf("  %-9s %llu bytes\n", "in memory", (unsigned long long)info->allocated_bytes);
    app_printf("  %-9s %llu, version %llu, links %u\n", "node", (unsigned long long)info->node,
               (unsigned long long)info->version, info->links);
    show_time("modified", info->modified_unix_ns);
    show_time("changed", info->changed_unix_ns);
    show_time("created", info->created_unix_ns);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv, "stat PATH...  says what is known of files and directories; times are UTC");
    (void)app_options(&argc, argv, "");
    if (argc < 2)
        return app_misused("PATH...");
    app_each_path(argc, argv, act);
    return app_end();
}
