/* See reader.h. */
#include "reader.h"
#include <stdarg.h>

/* ---- sentences -------------------------------------------------------------------------------------------
 */

struct text {
    char *at;
    char *last; /* room for the terminating zero */
};

static void text_put(struct text *text, char c)
{
    if (text->at < text->last)
        *text->at++ = c;
}

static void text_put_string(struct text *text, const char *string)
{
    while (*string != 0)
        text_put(text, *string++);
}

static void text_put_u32(struct text *text, uint32_t value)
{
    char digits[10];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0)
        text_put(text, digits[--count]);
}

/* %n takes a struct wasm_name pointer: bytes that print as they are, others as '?'. */
static void text_put_name(struct text *text, const struct wasm_name *name)
{
    for (uint32_t i = 0; i < name->size_bytes; i++)
        text_put(text, name->bytes[i] >= ' ' && name->bytes[i] < 0x7f ? name->bytes[i] : '?');
}

static void text_format(char *rule, const char *format, va_list arguments)
{
    struct text text = {rule, rule + WASM_RULE_MAX - 1};
    for (const char *f = format; *f != 0; f++) {
        if (*f != '%') {
            text_put(&text, *f);
            continue;
        }
        switch (*++f) {
        case 's':
            text_put_string(&text, va_arg(arguments, const char *));
            break;
        case 'u':
            text_put_u32(&text, va_arg(arguments, uint32_t));
            break;
        case 'n':
            text_put_name(&text, va_arg(arguments, const struct wasm_name *));
            break;
        default:
            text_put(&text, *f);
        }
    }
    *text.at = 0;
}

void wasm_reader_set_error(struct wasm_reader *reader, enum wasm_status status, const uint8_t *at,
                           const char *format, ...)
{
    va_list arguments;
    if (reader->error->status != WASM_OK)
        return;
    reader->error->status = status;
    reader->error->offset = (uint64_t)(at - reader->start);
    reader->error->section = reader->section;
    va_start(arguments, format);
    text_format(reader->error->rule, format, arguments);
    va_end(arguments);
}

void wasm_error_set(struct wasm_error *error, enum wasm_status status, const char *format, ...)
{
    va_list arguments;
    error->status = status;
    error->offset = 0;
    error->section = NULL;
    va_start(arguments, format);
    text_format(error->rule, format, arguments);
    va_end(arguments);
}

/* ---- bytes and numbers -----------------------------------------------------------------------------------
 */

bool wasm_read_byte(struct wasm_reader *reader, uint8_t *value)
{
    if (reader->at == reader->end)
        return wasm_reader_fail(reader, WASM_MALFORMED, "unexpected end of section or function");
    *value = *reader->at++;
    return true;
}

bool wasm_read_bytes(struct wasm_reader *reader, uint32_t size_bytes, const uint8_t **bytes)
{
    if ((uint64_t)(reader->end - reader->at) < size_bytes)
        return wasm_reader_fail(reader, WASM_MALFORMED, "unexpected end: %u bytes wanted, %u left",
                                size_bytes, (uint32_t)(reader->end - reader->at));
    *bytes = reader->at;
    reader->at += size_bytes;
    return true;
}

/* LEB128 of at most `bits` bits. The unused bits of a last byte must be zero (unsigned) or copies of the
 * sign. */
static bool read_leb(struct wasm_reader *reader, unsigned bits, bool is_signed, uint64_t *value)
{
    const uint8_t *first = reader->at;
    uint64_t result = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte;
        if (!wasm_read_byte(reader, &byte))
            return false;
        result |= (uint64_t)(byte & 0x7f) << shift;
        unsigned left = bits - shift; /* bits of the number that this byte can hold */
        if (left <= 7 && (byte & 0x80) != 0)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, first, "integer representation too long");
        if (left < 7) {
            unsigned spare = (byte & 0x7fu) >> (is_signed ? left - 1 : left);
            unsigned ones = 0x7fu >> (is_signed ? left - 1 : left);
            if (spare != 0 && !(is_signed && spare == ones))
                return wasm_reader_fail_at(reader, WASM_MALFORMED, first, "integer too large");
        }
        if ((byte & 0x80) == 0) {
            if (is_signed && (byte & 0x40) != 0 && shift + 7 < 64)
                result |= ~UINT64_C(0) << (shift + 7);
            *value = result;
            return true;
        }
    }
    return wasm_reader_fail_at(reader, WASM_MALFORMED, first, "integer representation too long");
}

bool wasm_read_u32_slow(struct wasm_reader *reader, uint32_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 32, false, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool wasm_read_s32(struct wasm_reader *reader, int32_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 32, true, &wide))
        return false;
    *value = (int32_t)(uint32_t)wide;
    return true;
}

bool wasm_read_s64(struct wasm_reader *reader, int64_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 64, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

bool wasm_read_s33(struct wasm_reader *reader, int64_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 33, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

/* ---- names -----------------------------------------------------------------------------------------------
 */

/* Length of the well-formed UTF-8 sequence at `at`, 0 if it is none: no overlong forms, no surrogates,
 * nothing above U+10FFFF. */
static unsigned utf8_sequence(const uint8_t *at, const uint8_t *end)
{
    if (at[0] < 0x80)
        return 1;
    unsigned length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || (unsigned long)(end - at) < length)
        return 0;
    uint8_t low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (unsigned i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

bool wasm_read_name(struct wasm_reader *reader, struct wasm_name *name)
{
    uint32_t size_bytes;
    const uint8_t *bytes;
    if (!wasm_read_u32(reader, &size_bytes) || !wasm_read_bytes(reader, size_bytes, &bytes))
        return false;
    for (const uint8_t *at = bytes; at < reader->at;) {
        unsigned length = utf8_sequence(at, reader->at);
        if (length == 0)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed UTF-8 encoding");
        at += length;
    }
    name->bytes = (const char *)bytes;
    name->size_bytes = size_bytes;
    return true;
}
