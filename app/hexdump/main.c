/* Shows bytes in hexadecimal and as characters, sixteen a line, as elsewhere hexdump -C does. */
#include "app.h"

enum { ROW = 16, HALF = 8, LINE_BYTES = 96 };

static uint8_t row[ROW];
static size_t row_len;
static uint64_t offset;

static void show_row(void)
{
    char line[LINE_BYTES];
    int at = capos_snprintf(line, sizeof line, "%08llx ", (unsigned long long)offset);
    for (size_t i = 0; i < ROW; i++) {
        if (i % HALF == 0)
            line[at++] = ' ';
        at += i < row_len ? capos_snprintf(line + at, sizeof line - (size_t)at, "%02x ", row[i])
                          : capos_snprintf(line + at, sizeof line - (size_t)at, "   ");
    }
    line[at++] = ' ';
    line[at++] = '|';
    for (size_t i = 0; i < row_len; i++)
        line[at++] = row[i] >= ' ' && row[i] < 0x7f ? (char)row[i] : '.';
    line[at++] = '|';
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
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "hexdump [-C] [FILE]...  shows bytes of files, or of what it reads, in hexadecimal\n"
              "  -C  and as characters, which it does anyway");
    (void)app_options(&argc, argv, "C");
    app_each_file(argc, argv, take);
    if (row_len != 0)
        show_row();
    if (offset != 0)
        app_printf("%08llx\n", (unsigned long long)offset);
    return app_end();
}
