/* Makes directories. */
#include "app.h"

static void act(const char *text, struct path *path)
{
    struct cap_directory_mkdir_results made = {0};
    int32_t error = cap_directory_mkdir(path->directory, path->name, &made);
    (void)app_good(text, error, made.status);
}

int main(int argc, char **argv)
{
    app_name = "mkdir";
    app_each_path(argc, argv, act);
    return app_failures;
}
