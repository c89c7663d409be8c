/* Removes files, links and empty directories. */
#include "app.h"

static void act(const char *text, const struct capos_place *place)
{
    struct cap_directory_remove_results removed = {0};
    int32_t result = cap_directory_remove(place->directory, capos_place_name(place), &removed);
    (void)app_good(text, app_result(result, removed.status));
}

int main(int argc, char **argv)
{
    app_name = "rm";
    app_each_path(argc, argv, act);
    return app_failures;
}
