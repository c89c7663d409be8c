/* Makes directories. */
#include "app.h"

static void act(const char *text, const struct capos_place *place)
{
    struct cap_directory_mkdir_results made = {0};
    int32_t result = cap_directory_mkdir(place->directory, capos_place_name(place), &made);
    (void)app_good(text, app_result(result, made.status));
}

int main(int argc, char **argv)
{
    app_name = "mkdir";
    app_each_path(argc, argv, act);
    return app_failures;
}
