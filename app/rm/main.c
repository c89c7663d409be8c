/* Removes files, links and empty directories. */
#include "app.h"

static void act(const char *text, struct path *path)
{
    struct cap_directory_remove_results removed = {0};
    int32_t error = cap_directory_remove(path->directory, path->name, &removed);
    (void)app_good(text, error, removed.status);
}

int main(int argc, char **argv)
{
    app_name = "rm";
    app_each_path(argc, argv, act);
    return app_failures;
}
