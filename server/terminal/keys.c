/* See keys.h. */
#include "keys.h"
#include <string.h>

enum { CONTROL_A = 0x01, ESCAPE = 0x1b, RUBOUT = 0x7f, SIZE_MAX_CELLS = 9999 };

/* ---- The terminal's own. */

/* ESC [ 8 ; rows ; columns t. */
enum report { REPORT_NONE, REPORT_BEGUN, REPORT_WHOLE };

static enum report number(const uint8_t *bytes, size_t size, size_t *at, uint8_t end, uint16_t *out)
{
    uint32_t value = 0;
    size_t digits = 0;
    for (; *at < size && bytes[*at] >= '0' && bytes[*at] <= '9'; (*at)++, digits++)
        value = value * 10 + (uint32_t)(bytes[*at] - '0');
    if (digits > 4)
        return REPORT_NONE;
    if (*at == size)
        return REPORT_BEGUN;
    if (digits == 0 || bytes[*at] != end)
        return REPORT_NONE;
    (*at)++;
    *out = (uint16_t)(value > SIZE_MAX_CELLS ? SIZE_MAX_CELLS : value);
    return REPORT_WHOLE;
}

static enum report report_parse(const uint8_t *bytes, size_t size, struct input_result *out)
{
    static const uint8_t head[] = {ESCAPE, '[', '8', ';'};
    size_t at = sizeof head;
    if (memcmp(bytes, head, size < sizeof head ? size : sizeof head) != 0)
        return REPORT_NONE;
    if (size <= sizeof head)
        return REPORT_BEGUN;
    enum report rows = number(bytes, size, &at, ';', &out->rows);
    return rows == REPORT_WHOLE ? number(bytes, size, &at, 't', &out->columns) : rows;
}

void input_release(struct input *input, struct input_result *out)
{
    *out = (struct input_result){.event = INPUT_BYTES, .count = input->held};
    memcpy(out->bytes, input->held_bytes, input->held);
    input->held = 0;
}

static void after_control_a(struct input *input, uint8_t byte, struct input_result *out)
{
    input->held = 0;
    *out = (struct input_result){.event = INPUT_BYTES, .bytes = {CONTROL_A, byte}, .count = 2};
    if (byte == 'n')
        out->event = INPUT_SWITCH;
    if (byte == CONTROL_A)
        out->count = 1;
}

void input_feed(struct input *input, uint8_t byte, struct input_result *out)
{
    *out = (struct input_result){.event = INPUT_BYTES};
    if (input->held == 1 && input->held_bytes[0] == CONTROL_A) {
        after_control_a(input, byte, out);
        return;
    }
    input->held_bytes[input->held++] = byte;
    if (input->held == 1 && byte == CONTROL_A)
        return;
    switch (report_parse(input->held_bytes, input->held, out)) {
    case REPORT_WHOLE:
        out->event = INPUT_RESIZE;
        input->held = 0;
        return;
    case REPORT_BEGUN:
        if (input->held < INPUT_HELD_MAX)
            return;
        break;
    case REPORT_NONE:
        break;
    }
    /* Not a report after all. Its last byte may begin another. */
    const bool again = input->held > 1 && (byte == ESCAPE || byte == CONTROL_A);
    input->held -= again ? 1 : 0;
    input_release(input, out);
    if (again)
        input->held_bytes[input->held++] = byte;
}

/* ---- UTF-8. */

static uint8_t sequence_length(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* Not overlong, no surrogate, not beyond U+10FFFF: all of it shows in the second byte. */
static bool second_is_good(uint8_t first, uint8_t second)
{
    const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

size_t utf8_length(const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t len = size == 0 ? 0 : sequence_length(bytes[0]);
    if (len < 2 || len > size || !second_is_good(bytes[0], bytes[1]))
        return size == 0 ? 0 : 1;
    for (size_t i = 2; i < len; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 1;
    return len;
}

static uint32_t code_point(const uint8_t *bytes, size_t len)
{
    uint32_t value = len == 1 ? bytes[0] : bytes[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        value = value << 6 | (bytes[i] & 0x3f);
    return value;
}

/* The large blocks: single characters that are wide by themselves are off by one column. */
unsigned utf8_columns(const char *text, size_t len)
{
    static const struct {
        uint32_t first, last;
        unsigned columns;
    } ranges[] = {
        {0x0300, 0x036f, 0}, {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x200b, 0x200f, 0},
        {0x20d0, 0x20ff, 0}, {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
        {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
        {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    const uint32_t code = code_point((const uint8_t *)text, len);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

/* ---- Keys. */

static void character(struct key *out, const void *bytes, size_t len)
{
    out->kind = KEY_CHARACTER;
    memcpy(out->text, bytes, len);
    out->len = (uint8_t)len;
}

static void utf8_next(struct key_decoder *decoder, uint8_t byte, struct key *out)
{
    decoder->utf8[decoder->utf8_len++] = byte;
    if (decoder->utf8_len < decoder->utf8_want)
        return;
    const size_t len = decoder->utf8_len;
    decoder->utf8_len = decoder->utf8_want = 0;
    if (utf8_length((const char *)decoder->utf8, len) == len)
        character(out, decoder->utf8, len);
    else
        character(out, "\xef\xbf\xbd", 3);
}

static void plain(struct key_decoder *decoder, uint8_t byte, struct key *out)
{
    if (byte == ESCAPE) {
        decoder->state = KEYS_ESCAPE;
    } else if (byte == '\r' || byte == '\n') {
        out->kind = KEY_ENTER;
    } else if (byte == '\t') {
        out->kind = KEY_TAB;
    } else if (byte == '\b' || byte == RUBOUT) {
        out->kind = KEY_BACKSPACE;
    } else if (byte < ' ') {
        out->kind = KEY_CONTROL;
        out->text[0] = (char)(byte + '@');
        out->len = 1;
    } else if (byte < 0x80) {
        character(out, &byte, 1);
    } else if (sequence_length(byte) >= 2) {
        decoder->utf8[0] = byte;
        decoder->utf8_len = 1;
        decoder->utf8_want = sequence_length(byte);
    } else {
        character(out, "\xef\xbf\xbd", 3);
    }
}

static void after_escape(struct key_decoder *decoder, uint8_t byte, struct key *out)
{
    decoder->state = KEYS_PLAIN;
    switch (byte) {
    case '[':
        decoder->state = KEYS_CSI;
        decoder->parameters[0] = decoder->parameters[1] = 0;
        decoder->parameter = 0;
        return;
    case 'O':
        decoder->state = KEYS_SS3;
        return;
    case 'b':
        out->kind = KEY_WORD_LEFT;
        return;
    case 'f':
        out->kind = KEY_WORD_RIGHT;
        return;
    case 'd':
        out->kind = KEY_KILL_WORD;
        return;
    case RUBOUT:
    case '\b':
        out->kind = KEY_BACKSPACE_WORD;
        return;
    case ESCAPE:
        decoder->state = KEYS_ESCAPE;
        return;
    case '\r':
    case '\n':
        out->kind = KEY_ENTER;
        return;
    default:
        if (byte < ' ') /* a control character counts, whatever came before */
            plain(decoder, byte, out);
    }
}

static enum key_kind arrow(uint8_t final, bool word)
{
    switch (final) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return word ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return word ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    default:
        return KEY_NONE;
    }
}

static void control_sequence(struct key_decoder *decoder, uint8_t byte, struct key *out)
{
    if (byte >= '0' && byte <= '9') {
        uint16_t *parameter = &decoder->parameters[decoder->parameter];
        *parameter = (uint16_t)(*parameter > 999 ? 999 : *parameter * 10 + (byte - '0'));
        return;
    }
    if (byte == ';') {
        decoder->parameter = 1;
        return;
    }
    if (byte >= 0x20 && byte < 0x40)
        return;
    decoder->state = KEYS_PLAIN;
    if (byte < 0x20) { /* broken off */
        plain(decoder, byte, out);
        return;
    }
    const bool modified = decoder->parameters[1] >= 2;
    if (byte != '~')
        out->kind = arrow(byte, modified);
    else if (decoder->parameters[0] == 1 || decoder->parameters[0] == 7)
        out->kind = KEY_HOME;
    else if (decoder->parameters[0] == 4 || decoder->parameters[0] == 8)
        out->kind = KEY_END;
    else if (decoder->parameters[0] == 3)
        out->kind = modified ? KEY_KILL_WORD : KEY_DELETE;
}

void key_feed(struct key_decoder *decoder, uint8_t byte, struct key *out)
{
    *out = (struct key){.kind = KEY_NONE};
    if (decoder->utf8_len > 0) {
        if ((byte & 0xc0) == 0x80) {
            utf8_next(decoder, byte, out);
            return;
        }
        decoder->utf8_len = decoder->utf8_want = 0; /* broken off: what comes counts */
    }
    switch (decoder->state) {
    case KEYS_PLAIN:
        plain(decoder, byte, out);
        break;
    case KEYS_ESCAPE:
        after_escape(decoder, byte, out);
        break;
    case KEYS_CSI:
        control_sequence(decoder, byte, out);
        break;
    case KEYS_SS3:
        decoder->state = KEYS_PLAIN;
        out->kind = arrow(byte, false);
        break;
    }
}
