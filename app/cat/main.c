/* Writes files, or what it reads. */
#include "app.h"

static void take(const char *name, const uint8_t *bytes, size_t len)
{
    (void)name;
    if (bytes != NULL)
        app_write(bytes, len);
}

int main(int argc, char **argv)
{
    app_name = "cat";
    app_each_file(argc, argv, take);
    return app_failures;
}
