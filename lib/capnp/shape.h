/*
 * The inline forms that NAME_types.c is made of: the message that nearly every sender writes (one segment,
 * its root first and exactly as large as this schema says) is opened by comparing two words, so that the
 * reads behind it are of constant places; bytes and capabilities of the root are read and written without a
 * call. Whatever is different in any way is left to the general functions of capnp.h, which look again from
 * the start.
 *
 * CAPNP_INLINE_SHAPES turns them on, which costs code: libcapos has them, the kernel's image has no room for
 * them. Without it everything here is the general function of the same purpose. Not for users.
 */
#pragma once
#include "call.h"
#include "internal.h"

#ifdef CAPNP_INLINE_SHAPES

/* For readers of few fields: part of the decoder, where what was compared is known. */
#define CAPNP_PART_OF_DECODE inline __attribute__((always_inline))

/* False: nothing was decided. True: as capnp_message_open with CAPOS_OK. */
static inline bool capnp_open_shape(struct capnp_message *message, const void *bytes, size_t len,
                                    const struct cap_transfer *caps, size_t cap_count, uint16_t data_words,
                                    uint16_t pointer_count, struct capnp_struct *root)
{
    const uint32_t root_words = (uint32_t)data_words + pointer_count;
    const size_t words = len / CAPNP_WORD_BYTES;
    if (((uintptr_t)bytes & (CAPNP_WORD_BYTES - 1)) != 0 || words < 2u + root_words)
        return false;
    const uint8_t *table = (const uint8_t *)__builtin_assume_aligned(bytes, CAPNP_WORD_BYTES);
    /* Halves exchanged: the segment's words, and more than 32 bits unless it is the only one. */
    const uint64_t exchanged = capnp_load_word(table) << 32 | capnp_load_word(table) >> 32;
    const uint64_t least = 1u + root_words;
    if (exchanged - least > words - 1 - least)
        return false;
    const uint64_t pointer = capnp_struct_pointer(root_words == 0 ? -1 : 0, data_words, pointer_count);
    if (exchanged > UINT32_MAX || capnp_load_word(table + CAPNP_WORD_BYTES) != pointer)
        return false;
    message->bytes = table;
    message->segment0 = table + CAPNP_WORD_BYTES;
    message->segment0_words = (uint32_t)exchanged;
    message->segment_count = 1;
    message->words_left = (uint64_t)words * CAPNP_TRAVERSAL_FACTOR + CAPNP_TRAVERSAL_MIN_WORDS - least;
    message->caps = caps;
    message->cap_count = cap_count;
    root->message = message;
    root->data = table + (size_t)2 * CAPNP_WORD_BYTES;
    root->data_bytes = (uint32_t)data_words * CAPNP_WORD_BYTES;
    root->pointers = root->data + root->data_bytes;
    root->segment = 0;
    root->pointer_count = pointer_count;
    root->depth = 1;
    return true;
}

/* The address of pointer `index`; null: none was sent. */
static inline const uint8_t *capnp_pointer_sent(const struct capnp_struct *from, uint16_t index)
{
    if (index >= from->pointer_count)
        return NULL;
    const uint8_t *at = from->pointers + (size_t)index * CAPNP_WORD_BYTES;
    return capnp_load_word(at) == 0 ? NULL : at;
}

/* As capnp_read_data. */
static inline int32_t capnp_take_data(const struct capnp_struct *from, uint16_t index, struct capnp_data *out)
{
    const uint8_t *at = capnp_pointer_sent(from, index);
    if (at == NULL) {
        *out = capnp_data_of("", 0);
        return CAPOS_OK;
    }
    struct capnp_message *message = from->message;
    const uint64_t tag = capnp_load_word(at);
    const uint64_t kind = CAPNP_POINTER_LIST | (uint64_t)CAPNP_ELEMENT_BYTE << 32;
    const uint64_t words = capnp_words((size_t)(tag >> 35));
    if (((tag ^ kind) & (3u | UINT64_C(7) << 32)) == 0 && from->segment == 0 &&
        from->depth < CAPNP_DEPTH_MAX) {
        /* A negative offset becomes too large. */
        const uint64_t start =
            (uint64_t)(at - message->segment0) / CAPNP_WORD_BYTES + 1 + ((uint64_t)(uint32_t)tag >> 2);
        if (start + words <= message->segment0_words && words != 0 && words <= message->words_left) {
            message->words_left -= words;
            out->bytes = message->segment0 + start * CAPNP_WORD_BYTES;
            out->len = (size_t)(tag >> 35);
            return CAPOS_OK;
        }
    }
    const struct capnp_struct copy = *from; /* so that *from can stay in registers */
    return capnp_read_data(&copy, index, out);
}

/* As capnp_read_cap. */
static inline int32_t capnp_take_cap(const struct capnp_struct *from, uint16_t index, uint64_t interface_id,
                                     cap_any *out)
{
    const uint8_t *at = capnp_pointer_sent(from, index);
    out->id = CAPNP_CAP_NONE;
    out->mode = 0;
    if (at == NULL)
        return CAPOS_OK;
    const uint64_t tag = capnp_load_word(at);
    if ((uint32_t)tag != CAPNP_POINTER_OTHER || tag >> 32 >= from->message->cap_count) {
        const struct capnp_struct copy = *from;
        return capnp_read_cap(&copy, index, interface_id, out);
    }
    const struct cap_transfer *cap = &from->message->caps[tag >> 32];
    if (interface_id != 0 && cap->interface_id != interface_id)
        return CAPOS_ERR_WRONG_INTERFACE;
    out->id = cap->id;
    out->mode = cap->mode;
    return CAPOS_OK;
}

/* As capnp_write_data. */
static inline int32_t capnp_add_data(const struct capnp_struct_builder *to, uint16_t index,
                                     struct capnp_data data)
{
    struct capnp_builder *builder = to->builder;
    const size_t words = capnp_words(data.len);
    if (data.bytes == NULL)
        return CAPOS_OK;
    if (data.len > CAPNP_LIST_COUNT_MAX || words > builder->words_limit - builder->words_used)
        return CAPOS_ERR_TOO_LARGE;
    uint8_t *pointer = to->pointers + (size_t)index * CAPNP_WORD_BYTES;
    uint8_t *object = builder->segment + builder->words_used * CAPNP_WORD_BYTES;
    builder->words_used += words;
    if (words != 0) { /* what the bytes do not fill is part of the last word */
        capnp_store_word(object + (words - 1) * CAPNP_WORD_BYTES, 0);
        __builtin_memcpy(object, data.bytes, data.len);
    }
    const uint64_t offset = (uint64_t)(object - pointer) / CAPNP_WORD_BYTES - 1;
    capnp_store_word(pointer, (uint64_t)((uint32_t)offset << 2 | CAPNP_POINTER_LIST) |
                                  (uint64_t)CAPNP_ELEMENT_BYTE << 32 | (uint64_t)data.len << 35);
    return CAPOS_OK;
}

/* As capnp_write_cap. */
static inline int32_t capnp_add_cap(const struct capnp_struct_builder *to, uint16_t index,
                                    uint64_t interface_id, cap_any cap)
{
    struct capnp_builder *builder = to->builder;
    if (cap.id == CAPNP_CAP_NONE)
        return CAPOS_OK;
    if (builder->cap_count >= builder->cap_limit)
        return CAPOS_ERR_TOO_LARGE;
    struct cap_transfer *record = &builder->caps[builder->cap_count];
    record->id = cap.id;
    record->mode = cap.mode;
    record->interface_id = interface_id;
    capnp_store_word(to->pointers + (size_t)index * CAPNP_WORD_BYTES,
                     CAPNP_POINTER_OTHER | (uint64_t)builder->cap_count << 32);
    builder->cap_count++;
    return CAPOS_OK;
}

#else

#define CAPNP_PART_OF_DECODE
#define capnp_open_shape(message, bytes, len, caps, cap_count, data_words, pointer_count, root) \
    ((void)(root), false)
#define capnp_take_data capnp_read_data
#define capnp_take_cap  capnp_read_cap
#define capnp_add_data  capnp_write_data
#define capnp_add_cap   capnp_write_cap

#endif
