/* Formatted printing: the parser of format strings, and printing into memory. See <capos/print.h>. */
#include "format.h"
#include <base/string.h>
#include <capos/print.h>
#include <limits.h>
#include <stdbool.h>

struct spec {
    bool left, plus, space, zero, alternate;
    bool has_precision;
    int width;
    int precision;
    char length; /* 'H': hh, 'h', 'l': l ll z j t, which are all 64 bits, or 0 */
};

struct cursor {
    const char *at;
    va_list args;
};

static void put(struct sink *sink, char byte)
{
    sink->total++;
    if (sink->used == sink->room && sink->flush != NULL)
        sink->flush(sink);
    if (sink->used < sink->room)
        sink->bytes[sink->used++] = byte;
}

static void put_repeated(struct sink *sink, char byte, int64_t count)
{
    for (; count > 0; count--)
        put(sink, byte);
}

static void put_bytes(struct sink *sink, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(sink, bytes[i]);
}

static void put_padded(struct sink *sink, const struct spec *spec, const char *bytes, size_t len)
{
    int64_t padding = spec->width - (int64_t)len;
    if (!spec->left)
        put_repeated(sink, ' ', padding);
    put_bytes(sink, bytes, len);
    if (spec->left)
        put_repeated(sink, ' ', padding);
}

/* A sign or base prefix, zeros up to the precision or width, then the digits. */
static void put_number(struct sink *sink, const struct spec *spec, const char *prefix, uint64_t value,
                       unsigned base, bool upper)
{
    const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[24];
    size_t count = 0;
    for (; value != 0; value /= base)
        digits[sizeof digits - ++count] = alphabet[value % base];
    int64_t wanted = spec->has_precision ? spec->precision : 1;
    if (base == 8 && spec->alternate && wanted <= (int64_t)count)
        wanted = (int64_t)count + 1; /* `#o` is a leading zero digit */
    size_t prefix_len = strlen(prefix);
    if (spec->zero && !spec->left && !spec->has_precision && wanted < spec->width - (int64_t)prefix_len)
        wanted = spec->width - (int64_t)prefix_len;
    int64_t zeros = wanted > (int64_t)count ? wanted - (int64_t)count : 0;
    int64_t padding = spec->width - ((int64_t)prefix_len + zeros + (int64_t)count);
    if (!spec->left)
        put_repeated(sink, ' ', padding);
    put_bytes(sink, prefix, prefix_len);
    put_repeated(sink, '0', zeros);
    put_bytes(sink, digits + sizeof digits - count, count);
    if (spec->left)
        put_repeated(sink, ' ', padding);
}

static int64_t next_signed(struct cursor *cursor, char length)
{
    switch (length) {
    case 'H':
        return (signed char)va_arg(cursor->args, int);
    case 'h':
        return (short)va_arg(cursor->args, int);
    case 0:
        return va_arg(cursor->args, int);
    default:
        return va_arg(cursor->args, int64_t);
    }
}

static uint64_t next_unsigned(struct cursor *cursor, char length)
{
    switch (length) {
    case 'H':
        return (unsigned char)va_arg(cursor->args, unsigned);
    case 'h':
        return (unsigned short)va_arg(cursor->args, unsigned);
    case 0:
        return va_arg(cursor->args, unsigned);
    default:
        return va_arg(cursor->args, uint64_t);
    }
}

static void put_signed(struct sink *sink, const struct spec *spec, int64_t value)
{
    const char *sign = value < 0 ? "-" : (spec->plus ? "+" : (spec->space ? " " : ""));
    put_number(sink, spec, sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, false);
}

static void put_hex(struct sink *sink, const struct spec *spec, uint64_t value, bool upper)
{
    const char *prefix = !spec->alternate || value == 0 ? "" : (upper ? "0X" : "0x");
    put_number(sink, spec, prefix, value, 16, upper);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL)
        text = "(null)";
    size_t limit = spec->has_precision && spec->precision >= 0 ? (size_t)spec->precision : SIZE_MAX;
    put_padded(sink, spec, text, strnlen(text, limit));
}

/* One conversion, its letter at cursor->at; false if there is none of that letter. */
static bool convert(struct sink *sink, struct spec *spec, struct cursor *cursor)
{
    char byte;
    switch (*cursor->at) {
    case 'd':
    case 'i':
        put_signed(sink, spec, next_signed(cursor, spec->length));
        return true;
    case 'u':
        put_number(sink, spec, "", next_unsigned(cursor, spec->length), 10, false);
        return true;
    case 'o':
        put_number(sink, spec, "", next_unsigned(cursor, spec->length), 8, false);
        return true;
    case 'x':
    case 'X':
        put_hex(sink, spec, next_unsigned(cursor, spec->length), *cursor->at == 'X');
        return true;
    case 'p':
        put_number(sink, spec, "0x", (uintptr_t)va_arg(cursor->args, void *), 16, false);
        return true;
    case 'c':
        byte = (char)va_arg(cursor->args, int);
        put_padded(sink, spec, &byte, 1);
        return true;
    case 's':
        put_string(sink, spec, va_arg(cursor->args, const char *));
        return true;
    case '%':
        put(sink, '%');
        return true;
    default:
        return false;
    }
}

static void parse_flags(struct spec *spec, struct cursor *cursor)
{
    for (;; cursor->at++) {
        switch (*cursor->at) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        default:
            return;
        }
    }
}

/* Digits, or `*` for an argument. */
static int parse_count(struct cursor *cursor)
{
    enum { COUNT_MAX = 1000000 }; /* keeps the sums in range */
    int value = 0;
    if (*cursor->at == '*') {
        cursor->at++;
        value = va_arg(cursor->args, int);
        return value > COUNT_MAX ? COUNT_MAX : (value < -COUNT_MAX ? -COUNT_MAX : value);
    }
    for (; *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        value = value >= COUNT_MAX ? COUNT_MAX : value * 10 + (*cursor->at - '0');
    return value > COUNT_MAX ? COUNT_MAX : value;
}

static char parse_length(struct cursor *cursor)
{
    char first = *cursor->at;
    if (first == 'l' || first == 'z' || first == 'j' || first == 't') {
        cursor->at += first == 'l' && cursor->at[1] == 'l' ? 2 : 1;
        return 'l';
    }
    if (first != 'h')
        return 0;
    bool twice = cursor->at[1] == 'h';
    cursor->at += twice ? 2 : 1;
    return twice ? 'H' : 'h';
}

static void parse_spec(struct spec *spec, struct cursor *cursor)
{
    parse_flags(spec, cursor);
    spec->width = parse_count(cursor);
    if (spec->width < 0) { /* from `*` */
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*cursor->at == '.') {
        cursor->at++;
        spec->precision = parse_count(cursor);
        spec->has_precision = spec->precision >= 0;
    }
    spec->length = parse_length(cursor);
}

void format_into(struct sink *sink, const char *format, va_list args)
{
    struct cursor cursor = {.at = format};
    va_copy(cursor.args, args);
    while (*cursor.at != '\0') {
        if (*cursor.at != '%') {
            put(sink, *cursor.at++);
            continue;
        }
        const char *start = cursor.at++;
        struct spec spec = {0};
        parse_spec(&spec, &cursor);
        if (*cursor.at != '\0' && convert(sink, &spec, &cursor))
            cursor.at++;
        else /* as it stands, so that the mistake is seen */
            put_bytes(sink, start, (size_t)(cursor.at - start));
    }
    va_end(cursor.args);
}

int capos_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
    struct sink sink = {.bytes = out, .room = size == 0 ? 0 : size - 1};
    format_into(&sink, format, args);
    if (size != 0)
        out[sink.used] = '\0';
    return sink.total > INT_MAX ? INT_MAX : (int)sink.total;
}

int capos_snprintf(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = capos_vsnprintf(out, size, format, args);
    va_end(args);
    return len;
}

const char *capos_article(const char *noun)
{
    return noun[0] != '\0' && strchr("AEIOUaeiou", noun[0]) != NULL ? "an" : "a";
}
