/* Copies a file. What cannot be copied wholly is left as far as it came, and said. */
#include "app.h"

static bool copy(const char *from_name, struct capos_file *from, const char *to_name, struct capos_file *to)
{
    static uint8_t piece[APP_READ_BYTES];
    uint64_t offset = 0;
    int32_t got;
    while ((got = app_read_file(from_name, from, offset, piece, sizeof piece)) > 0) {
        if (!app_good(to_name, capos_file_write(to, offset, piece, (size_t)got)))
            return false;
        offset += (uint64_t)got;
    }
    return got == 0;
}

int main(int argc, char **argv)
{
    struct capos_file from, to;
    app_name = "cp";
    if (argc != 3) {
        app_complain("FROM TO");
        return 1;
    }
    if (!app_open(argv[1], (struct cap_open_flags){.read_only = true}, &from) ||
        !app_open(argv[2], (struct cap_open_flags){.create = true, .truncate = true}, &to))
        return 1;
    return copy(argv[1], &from, argv[2], &to) ? 0 : 1;
}
