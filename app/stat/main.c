/* Says what is known of files, directories, and links themselves. */
#include "app.h"

static void act(const char *text, const struct capos_place *place)
{
    static const char *const kinds[] = {"file", "directory", "link"};
    struct cap_directory_stat_results stat = {0};
    int32_t result = cap_directory_stat(place->directory, capos_place_name(place), &stat, &app_buffer);
    if (!app_good(text, app_result(result, stat.status)))
        return;
    const struct cap_node_info *info = &stat.info;
    app_printf("%s: %s, %llu bytes (%llu in memory), %u links, node %llu, version %llu%s\n", text,
               (size_t)info->kind < 3 ? kinds[info->kind] : "something", (unsigned long long)info->size,
               (unsigned long long)info->allocated_bytes, info->links, (unsigned long long)info->node,
               (unsigned long long)info->version, info->executable ? ", executable" : "");
}

int main(int argc, char **argv)
{
    app_name = "stat";
    app_each_path(argc, argv, act);
    return app_failures;
}
