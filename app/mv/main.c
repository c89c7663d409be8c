/* Gives a file or directory another name, in place of what has that name already. */
#include "app.h"

int main(int argc, char **argv)
{
    struct capos_place from, to;
    struct cap_directory_rename_results renamed = {0};
    app_name = "mv";
    if (argc != 3) {
        app_complain("FROM TO");
        return 1;
    }
    if (!app_find(argv[1], &from))
        return 1;
    if (app_find(argv[2], &to)) {
        int32_t result = cap_directory_rename(from.directory, capos_place_name(&from), to.directory,
                                              capos_place_name(&to), true, &renamed);
        (void)app_good(argv[1], app_result(result, renamed.status));
        capos_place_release(&to);
    }
    capos_place_release(&from);
    return app_failures;
}
