/* A growing byte buffer and the number encodings of the WebAssembly binary format. Running out of memory
 * exits. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

void bytes_put(struct bytes *b, uint8_t byte);
void bytes_put_u(struct bytes *b, uint64_t value); /* unsigned LEB128 */
void bytes_put_s(struct bytes *b, int64_t value);  /* signed LEB128 */
void bytes_put_le(struct bytes *b, uint64_t value, unsigned size_bytes);
void bytes_put_name(struct bytes *b, const char *name);
void bytes_append(struct bytes *b, const struct bytes *tail);
/* Appends tail's size and bytes, and empties tail. */
void bytes_put_sized(struct bytes *b, struct bytes *tail);
/* Section id, size, content; empties content. */
void bytes_put_section(struct bytes *b, uint8_t id, struct bytes *content);
/* Replaces the file's content; a failure exits with a message. */
void bytes_write_file(const struct bytes *b, const char *path);
void bytes_free(struct bytes *b);
