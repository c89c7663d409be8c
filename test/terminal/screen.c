/* See screen.h. */
#include "screen.h"
#include <stdlib.h>
#include <string.h>

void screen_start(struct screen *screen, unsigned rows, unsigned columns)
{
    memset(screen, 0, sizeof(*screen));
    screen->rows = rows;
    screen->columns = columns;
}

static void erase_below(struct screen *screen, unsigned row, unsigned column)
{
    for (; row < screen->rows; row++, column = 0)
        for (; column < screen->columns; column++)
            screen->cells[row][column][0] = '\0';
}

static void line_feed(struct screen *screen)
{
    if (screen->row + 1 < screen->rows) {
        screen->row++;
        return;
    }
    memmove(screen->cells[0], screen->cells[1], (screen->rows - 1) * sizeof(screen->cells[0]));
    erase_below(screen, screen->rows - 1, 0);
}

static void put(struct screen *screen, const char *text)
{
    if (screen->column >= screen->columns) {
        line_feed(screen);
        screen->column = 0;
    }
    strcpy(screen->cells[screen->row][screen->column++], text);
}

static void sequence_end(struct screen *screen, char final)
{
    unsigned count = (unsigned)atoi(screen->sequence + 2);
    unsigned step = count == 0 ? 1 : count;
    switch (final) {
    case 'A':
        screen->row -= step < screen->row ? step : screen->row;
        break;
    case 'C':
        screen->column =
            screen->column + step < screen->columns ? screen->column + step : screen->columns - 1;
        break;
    case 'H':
        screen->row = screen->column = 0;
        break;
    case 'J':
        erase_below(screen, count == 2 ? 0 : screen->row, count == 2 ? 0 : screen->column);
        break;
    case 'm':
        break;
    default:
        screen->unknown = true;
    }
    screen->sequence_len = 0;
}

static void sequence_byte(struct screen *screen, char byte)
{
    if (screen->sequence_len + 1 >= sizeof(screen->sequence)) {
        screen->unknown = true;
        screen->sequence_len = 0;
        return;
    }
    screen->sequence[screen->sequence_len++] = byte;
    screen->sequence[screen->sequence_len] = '\0';
    if (screen->sequence_len > 2 && byte >= '@')
        sequence_end(screen, byte);
}

static void text_byte(struct screen *screen, char byte)
{
    if (screen->character_len == 0)
        screen->character_want = (byte & 0x80) == 0      ? 1
                                 : (byte & 0xe0) == 0xc0 ? 2
                                 : (byte & 0xf0) == 0xe0 ? 3
                                                         : 4;
    screen->character[screen->character_len++] = byte;
    if (screen->character_len < screen->character_want)
        return;
    screen->character[screen->character_len] = '\0';
    screen->character_len = 0;
    put(screen, screen->character);
}

void screen_feed(struct screen *screen, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (screen->sequence_len > 0 || bytes[i] == '\033')
            sequence_byte(screen, bytes[i]);
        else if (bytes[i] == '\r')
            screen->column = 0;
        else if (bytes[i] == '\n')
            line_feed(screen);
        else if (bytes[i] == '\a')
            screen->bells++;
        else
            text_byte(screen, bytes[i]);
    }
}

const char *screen_row(const struct screen *screen, unsigned row)
{
    static char text[SCREEN_COLUMNS_MAX * SCREEN_CELL_BYTES + 1];
    size_t len = 0, end = 0;
    for (unsigned column = 0; column < screen->columns; column++) {
        const char *cell = screen->cells[row][column];
        const char *shown = cell[0] == '\0' ? " " : cell;
        memcpy(text + len, shown, strlen(shown));
        len += strlen(shown);
        if (shown[0] != ' ')
            end = len;
    }
    text[end] = '\0';
    return text;
}

int screen_find(const struct screen *screen, const char *text)
{
    for (unsigned row = screen->rows; row-- > 0;)
        if (strcmp(screen_row(screen, row), text) == 0)
            return (int)row;
    return -1;
}
