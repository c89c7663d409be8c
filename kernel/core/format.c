/* See format.h. */
#include "core/format.h"
#include <stdbool.h>
#include <stdint.h>

enum { DIGITS_MAX = 20, WIDTH_MAX = 256 };

struct output {
    char *text;
    size_t used, limit; /* limit leaves room for the NUL */
};

struct conversion {
    bool left, zero, is_long; /* is_long: 64-bit argument */
    bool has_precision;
    int width, precision;
    char kind;
};

static void put(struct output *out, char character)
{
    if (out->used < out->limit)
        out->text[out->used++] = character;
}

static void put_repeated(struct output *out, char character, int count)
{
    for (; count > 0; count--)
        put(out, character);
}

static void put_field(struct output *out, const struct conversion *conversion, const char *text, int len)
{
    if (!conversion->left)
        put_repeated(out, ' ', conversion->width - len);
    for (int i = 0; i < len; i++)
        put(out, text[i]);
    if (conversion->left)
        put_repeated(out, ' ', conversion->width - len);
}

static void put_number(struct output *out, const struct conversion *conversion, uint64_t value, unsigned base,
                       const char *prefix)
{
    char digits[DIGITS_MAX];
    int count = 0, prefix_len = 0;
    do {
        digits[DIGITS_MAX - ++count] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (prefix[prefix_len] != '\0')
        prefix_len++;
    const int padding = conversion->width - count - prefix_len;
    if (!conversion->left && !conversion->zero)
        put_repeated(out, ' ', padding);
    for (int i = 0; i < prefix_len; i++)
        put(out, prefix[i]);
    if (!conversion->left && conversion->zero)
        put_repeated(out, '0', padding);
    for (int i = 0; i < count; i++)
        put(out, digits[DIGITS_MAX - count + i]);
    if (conversion->left)
        put_repeated(out, ' ', padding);
}

static void put_string(struct output *out, const struct conversion *conversion, const char *text)
{
    int len = 0;
    if (text == NULL)
        text = "(null)";
    while ((!conversion->has_precision || len < conversion->precision) && len < INT32_MAX &&
           text[len] != '\0')
        len++;
    put_field(out, conversion, text, len);
}

/* A number of the format, or of the arguments for `*`. */
static const char *read_count(const char *format, va_list *arguments, int *count)
{
    if (*format == '*') {
        *count = va_arg(*arguments, int);
        return format + 1;
    }
    for (*count = 0; *format >= '0' && *format <= '9'; format++)
        *count = *count > WIDTH_MAX ? *count : *count * 10 + (*format - '0');
    return format;
}

/* Reads what stands behind the `%`; returns the character behind the conversion. */
static const char *read_conversion(const char *format, va_list *arguments, struct conversion *out)
{
    *out = (struct conversion){.kind = '\0'};
    for (; *format == '-' || *format == '0'; format++) {
        out->left |= *format == '-';
        out->zero |= *format == '0';
    }
    format = read_count(format, arguments, &out->width);
    if (*format == '.') {
        out->has_precision = true;
        format = read_count(format + 1, arguments, &out->precision);
    }
    for (; *format == 'l' || *format == 'z'; format++)
        out->is_long = true;
    out->kind = *format;
    return *format == '\0' ? format : format + 1;
}

static uint64_t unsigned_argument(const struct conversion *conversion, va_list *arguments)
{
    return conversion->is_long ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
}

static void put_signed(struct output *out, const struct conversion *conversion, va_list *arguments)
{
    const int64_t value = conversion->is_long ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
    const uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(out, conversion, magnitude, 10, value < 0 ? "-" : "");
}

static void put_conversion(struct output *out, const struct conversion *conversion, va_list *arguments)
{
    switch (conversion->kind) {
    case 's':
        put_string(out, conversion, va_arg(*arguments, const char *));
        return;
    case 'c': {
        const char character = (char)va_arg(*arguments, int);
        put_field(out, conversion, &character, 1);
        return;
    }
    case 'd':
    case 'i':
        put_signed(out, conversion, arguments);
        return;
    case 'u':
        put_number(out, conversion, unsigned_argument(conversion, arguments), 10, "");
        return;
    case 'x':
        put_number(out, conversion, unsigned_argument(conversion, arguments), 16, "");
        return;
    case 'p':
        put_number(out, conversion, (uint64_t)(uintptr_t)va_arg(*arguments, void *), 16, "0x");
        return;
    default:
        put(out, '%');
        if (conversion->kind != '%' && conversion->kind != '\0')
            put(out, conversion->kind);
        return;
    }
}

size_t format_text(char *text, size_t size_bytes, const char *format, va_list arguments)
{
    struct output out = {text, 0, size_bytes - 1};
    va_list rest;
    va_copy(rest, arguments);
    while (*format != '\0') {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        struct conversion conversion;
        format = read_conversion(format + 1, &rest, &conversion);
        put_conversion(&out, &conversion, &rest);
    }
    va_end(rest);
    text[out.used] = '\0';
    return out.used;
}
