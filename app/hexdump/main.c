/* Shows bytes in hexadecimal, sixteen a line. */
#include "app.h"

enum { ROW = 16, LINE_BYTES = 96 };

static uint8_t row[ROW];
static size_t row_len;
static uint64_t offset;

static void show_row(void)
{
    char line[LINE_BYTES];
    int at = capos_snprintf(line, sizeof line, "%08llx ", (unsigned long long)offset);
    for (size_t i = 0; i < ROW; i++)
        at += i < row_len ? capos_snprintf(line + at, sizeof line - (size_t)at, " %02x", row[i])
                          : capos_snprintf(line + at, sizeof line - (size_t)at, "   ");
    at += capos_snprintf(line + at, sizeof line - (size_t)at, "  ");
    for (size_t i = 0; i < row_len; i++)
        line[at++] = row[i] >= ' ' && row[i] < 0x7f ? (char)row[i] : '.';
    line[at++] = '\n';
    app_write(line, (size_t)at);
    offset += row_len;
    row_len = 0;
}

static void take(const char *name, const uint8_t *bytes, size_t len)
{
    (void)name;
    for (size_t i = 0; i < len; i++) {
        row[row_len++] = bytes[i];
        if (row_len == ROW)
            show_row();
    }
    if (bytes == NULL && row_len != 0)
        show_row();
    if (bytes == NULL)
        offset = 0;
}

int main(int argc, char **argv)
{
    app_name = "hexdump";
    app_each_file(argc, argv, take);
    return app_failures;
}
