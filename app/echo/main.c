/* Writes its arguments. */
#include "app.h"

int main(int argc, char **argv)
{
    app_name = "echo";
    for (int i = 1; i < argc; i++) {
        app_write(argv[i], strlen(argv[i]));
        if (i + 1 < argc)
            app_write(" ", 1);
    }
    app_write("\n", 1);
    return 0;
}
