/*
 * A bounds-checked cursor over a module's bytes: LEB128 numbers, names, and the error that stops it all.
 * Every function returns false once something is wrong and leaves the sentence in reader->error; the first
 * error wins.
 */
#pragma once
#include "wasm.h"

struct wasm_reader {
    const uint8_t *start; /* of the module: offsets in errors count from here */
    const uint8_t *at;
    const uint8_t *end;
    const char *section;
    struct wasm_error *error;
};

/* Writes the error, unless there is one already. The format understands %s, %u, and %n for a struct wasm_name
 * *. */
void wasm_reader_set_error(struct wasm_reader *reader, enum wasm_status status, const uint8_t *at,
                           const char *format, ...) __attribute__((cold));
/* The same as expressions that are false: `return wasm_reader_fail(...)`. */
#define wasm_reader_fail_at(...) (wasm_reader_set_error(__VA_ARGS__), false)
#define wasm_reader_fail(reader, status, ...) \
    wasm_reader_fail_at((reader), (status), (reader)->at, __VA_ARGS__)

/* The same formatter for errors that are not about bytes. */
void wasm_error_set(struct wasm_error *error, enum wasm_status status, const char *format, ...)
    __attribute__((cold));

bool wasm_read_byte(struct wasm_reader *reader, uint8_t *value);
bool wasm_read_bytes(struct wasm_reader *reader, uint32_t size_bytes, const uint8_t **bytes);
bool wasm_read_u32_slow(struct wasm_reader *reader, uint32_t *value);
bool wasm_read_s32(struct wasm_reader *reader, int32_t *value);
bool wasm_read_s64(struct wasm_reader *reader, int64_t *value);
/* A block type's 33-bit signed number. */
bool wasm_read_s33(struct wasm_reader *reader, int64_t *value);
/* A length and that many bytes of UTF-8. */
bool wasm_read_name(struct wasm_reader *reader, struct wasm_name *name);

static inline bool wasm_read_u32(struct wasm_reader *reader, uint32_t *value)
{
    if (__builtin_expect(reader->at < reader->end && *reader->at < 0x80, 1)) {
        *value = *reader->at++;
        return true;
    }
    return wasm_read_u32_slow(reader, value);
}
