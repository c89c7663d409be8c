/* Gives files and directories other names, in place of what has that name already. */
#include "place.h"

static void move(const char *from_text, const char *to_text, bool several)
{
    struct path from, to;
    struct cap_directory_rename_results renamed = {0};
    if (!app_walk(from_text, false, &from))
        return;
    if (place_find(to_text, &from, several, false, &to)) {
        int32_t error =
            cap_directory_rename(from.directory, from.name, to.directory, to.name, true, &renamed);
        (void)app_good(from_text, error, renamed.status);
        path_done(&to);
    }
    path_done(&from);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "mv FROM TO, mv FROM... DIRECTORY  gives files and directories another name or place\n"
              "What has that name already is replaced, unless it is a directory.");
    (void)app_options(&argc, argv, "f");
    if (argc < 3)
        return app_misused("FROM and TO");
    for (int i = 1; i + 1 < argc; i++)
        move(argv[i], argv[argc - 1], argc > 3);
    return app_end();
}
