/* Writes files, or what it reads. */
#include "app.h"

enum { OPTION_NUMBER = 1 };

static bool numbered, in_line;
static unsigned line_number;

static void take(const char *name, const uint8_t *bytes, size_t len)
{
    (void)name;
    for (size_t at = 0; at < len && bytes != NULL;) {
        const uint8_t *newline = numbered ? memchr(bytes + at, '\n', len - at) : NULL;
        size_t end = newline == NULL ? len : (size_t)(newline - bytes) + 1;
        if (numbered && !in_line)
            app_printf("%6u  ", ++line_number);
        app_write(bytes + at, end - at);
        in_line = newline == NULL;
        at = end;
    }
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "cat [-n] [FILE]...  writes files one after the other, or what it reads (also as -) to out\n"
              "  -n  with line numbers");
    numbered = (app_options(&argc, argv, "n") & OPTION_NUMBER) != 0;
    app_each_file(argc, argv, take);
    return app_end();
}
