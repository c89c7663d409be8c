/* Writes its arguments. */
#include "app.h"

int main(int argc, char **argv)
{
    app_begin(argc, argv, "echo [-n] [WORD]...  writes its arguments\n  -n  without a newline behind them");
    bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;
    for (int i = newline ? 1 : 2; i < argc; i++) {
        app_write(argv[i], strlen(argv[i]));
        if (i + 1 < argc)
            app_write(" ", 1);
    }
    if (newline)
        app_write("\n", 1);
    return app_end();
}
