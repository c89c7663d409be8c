/* Gives a file or directory another name, in place of what has that name already. */
#include "app.h"

int main(int argc, char **argv)
{
    struct path from, to;
    struct cap_directory_rename_results renamed = {0};
    app_name = "mv";
    if (argc != 3) {
        app_complain("FROM TO");
        return 1;
    }
    if (!app_walk(argv[1], &from))
        return 1;
    if (app_walk(argv[2], &to)) {
        int32_t error =
            cap_directory_rename(from.directory, from.name, to.directory, to.name, true, &renamed);
        (void)app_good(argv[1], error, renamed.status);
        path_done(&to);
    }
    path_done(&from);
    return app_failures;
}
