/* A growing byte buffer. bytes.h says what. */
#include "bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct bytes *b, size_t more)
{
    if (b->capacity - b->size >= more)
        return;
    size_t capacity = (b->capacity + more) * 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) {
        perror("wasm-gen");
        exit(1);
    }
    b->data = data;
    b->capacity = capacity;
}

void bytes_put(struct bytes *b, uint8_t byte)
{
    reserve(b, 1);
    b->data[b->size++] = byte;
}

void bytes_put_u(struct bytes *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes_put(b, (uint8_t)(value | 0x80));
    bytes_put(b, (uint8_t)value);
}

void bytes_put_s(struct bytes *b, int64_t value)
{
    while (value < -64 || value > 63) {
        bytes_put(b, (uint8_t)((uint64_t)value | 0x80));
        /* Shifting right by seven, rounding down, in arithmetic that C defines. */
        value = value < 0 ? -((-(value + 1)) / 128) - 1 : value / 128;
    }
    bytes_put(b, (uint8_t)((uint64_t)value & 0x7f));
}

void bytes_put_le(struct bytes *b, uint64_t value, unsigned size_bytes)
{
    for (unsigned i = 0; i < size_bytes; i++)
        bytes_put(b, (uint8_t)(value >> (8 * i)));
}

void bytes_put_name(struct bytes *b, const char *name)
{
    bytes_put_u(b, strlen(name));
    for (; *name; name++)
        bytes_put(b, (uint8_t)*name);
}

void bytes_append(struct bytes *b, const struct bytes *tail)
{
    if (tail->size == 0)
        return;
    reserve(b, tail->size);
    memcpy(b->data + b->size, tail->data, tail->size);
    b->size += tail->size;
}

void bytes_put_sized(struct bytes *b, struct bytes *tail)
{
    bytes_put_u(b, tail->size);
    bytes_append(b, tail);
    bytes_free(tail);
}

void bytes_put_section(struct bytes *b, uint8_t id, struct bytes *content)
{
    bytes_put(b, id);
    bytes_put_sized(b, content);
}

void bytes_write_file(const struct bytes *b, const char *path)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data, 1, b->size, f) != b->size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}
