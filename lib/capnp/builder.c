/*
 * Writing messages: one segment, filled from front to back. Words are taken with `take`, which zeroes them; a
 * pointer is stored once its object has its place.
 */
#include "capnp.h"
#include "call.h"
#include "internal.h"

static uint64_t list_pointer(int64_t offset, enum capnp_element element, uint64_t count)
{
    return (uint64_t)((uint32_t)offset << 2 | CAPNP_POINTER_LIST) | (uint64_t)element << 32 | count << 35;
}

/* Takes and zeroes `words` words; null if there is no room for them. */
static inline uint8_t *take_as_it_is(struct capnp_builder *builder, size_t words)
{
    if (words > builder->words_limit - builder->words_used)
        return NULL;
    uint8_t *at = builder->segment + builder->words_used * CAPNP_WORD_BYTES;
    builder->words_used += words;
    return at;
}

static uint8_t *take(struct capnp_builder *builder, size_t words)
{
    uint8_t *at = take_as_it_is(builder, words);
    if (at != NULL)
        __builtin_memset(at, 0, words * CAPNP_WORD_BYTES);
    return at;
}

static uint8_t *pointer_at(const struct capnp_struct_builder *to, uint16_t index)
{
    return to->pointers + (size_t)index * CAPNP_WORD_BYTES;
}

static int64_t offset_between(const uint8_t *pointer, const uint8_t *object)
{
    return (object - pointer) / (int64_t)CAPNP_WORD_BYTES - 1;
}

/* Copies `len` bytes into a new list of `count` bytes, one more at most, which is zero: so what the bytes do
 * not fill is part of the last word. */
static int32_t write_bytes(struct capnp_builder *builder, uint8_t *pointer, const void *bytes, size_t len,
                           size_t count)
{
    if (count > CAPNP_LIST_COUNT_MAX || count < len)
        return CAPOS_ERR_TOO_LARGE;
    const size_t words = capnp_words(count);
    uint8_t *object = take_as_it_is(builder, words);
    if (object == NULL)
        return CAPOS_ERR_TOO_LARGE;
    if (words != 0)
        capnp_store_word(object + (words - 1) * CAPNP_WORD_BYTES, 0);
    if (len != 0)
        __builtin_memcpy(object, bytes, len);
    capnp_store_word(pointer, list_pointer(offset_between(pointer, object), CAPNP_ELEMENT_BYTE, count));
    return CAPOS_OK;
}

static int32_t write_text_at(struct capnp_builder *builder, uint8_t *pointer, struct capnp_text text)
{
    return text.bytes == NULL ? CAPOS_OK : write_bytes(builder, pointer, text.bytes, text.len, text.len + 1);
}

static int32_t write_data_at(struct capnp_builder *builder, uint8_t *pointer, struct capnp_data data)
{
    return data.bytes == NULL ? CAPOS_OK : write_bytes(builder, pointer, data.bytes, data.len, data.len);
}

static int32_t write_cap_at(struct capnp_builder *builder, uint8_t *pointer, uint64_t interface_id,
                            cap_any cap)
{
    if (cap.id == CAPNP_CAP_NONE)
        return CAPOS_OK;
    if (builder->cap_count >= builder->cap_limit)
        return CAPOS_ERR_TOO_LARGE;
    struct cap_transfer *record = &builder->caps[builder->cap_count];
    record->id = cap.id;
    record->mode = cap.mode;
    record->interface_id = interface_id;
    capnp_store_word(pointer, CAPNP_POINTER_OTHER | (uint64_t)builder->cap_count << 32);
    builder->cap_count++;
    return CAPOS_OK;
}

int32_t capnp_write_text(const struct capnp_struct_builder *to, uint16_t index, struct capnp_text text)
{
    return write_text_at(to->builder, pointer_at(to, index), text);
}

int32_t capnp_write_data(const struct capnp_struct_builder *to, uint16_t index, struct capnp_data data)
{
    return write_data_at(to->builder, pointer_at(to, index), data);
}

int32_t capnp_write_cap(const struct capnp_struct_builder *to, uint16_t index, uint64_t interface_id,
                        cap_any cap)
{
    return write_cap_at(to->builder, pointer_at(to, index), interface_id, cap);
}

int32_t capnp_write_struct(const struct capnp_struct_builder *to, uint16_t index, uint16_t data_words,
                           uint16_t pointer_count, struct capnp_struct_builder *out)
{
    uint8_t *pointer = pointer_at(to, index);
    size_t words = (size_t)data_words + pointer_count;
    uint8_t *object = take(to->builder, words);
    if (object == NULL)
        return CAPOS_ERR_TOO_LARGE;
    int64_t offset = words == 0 ? -1 : offset_between(pointer, object);
    capnp_store_word(pointer, capnp_struct_pointer(offset, data_words, pointer_count));
    out->builder = to->builder;
    out->data = object;
    out->pointers = object + (size_t)data_words * CAPNP_WORD_BYTES;
    return CAPOS_OK;
}

/* Makes room for a list that is not of structs and points at it. *out is null for the null list. */
static int32_t begin_list(const struct capnp_struct_builder *to, uint16_t index,
                          const struct capnp_list *list, enum capnp_element element, uint8_t **out)
{
    *out = NULL;
    if (list->count == 0 && list->items == NULL && list->message == NULL)
        return CAPOS_OK;
    if (list->count > CAPNP_LIST_COUNT_MAX)
        return CAPOS_ERR_TOO_LARGE;
    uint8_t *pointer = pointer_at(to, index);
    uint8_t *object = take(to->builder, capnp_list_scalar_words(list, element));
    if (object == NULL)
        return CAPOS_ERR_TOO_LARGE;
    capnp_store_word(pointer, list_pointer(offset_between(pointer, object), element, list->count));
    *out = object;
    return CAPOS_OK;
}

static int32_t fill_bits(uint8_t *object, const struct capnp_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        bool value = false;
        if (capnp_list_get_bool(list, i, &value) < 0)
            return CAPOS_ERR_BAD_MESSAGE;
        object[i / 8u] = (uint8_t)(object[i / 8u] | (unsigned)value << (i % 8u));
    }
    return CAPOS_OK;
}

int32_t capnp_write_list_scalar(const struct capnp_struct_builder *to, uint16_t index,
                                const struct capnp_list *list, enum capnp_element element)
{
    uint8_t *object;
    int32_t error = begin_list(to, index, list, element, &object);
    if (error < 0 || object == NULL || list->count == 0 || element == CAPNP_ELEMENT_VOID)
        return error;
    if (element == CAPNP_ELEMENT_BIT)
        return fill_bits(object, list);
    size_t size = capnp_element_bits(element) / 8u;
    if (list->message == NULL) {
        __builtin_memcpy(object, list->items, list->count * size);
        return CAPOS_OK;
    }
    if (list->data_bytes < size)
        return CAPOS_ERR_BAD_MESSAGE;
    for (size_t i = 0; i < list->count; i++)
        __builtin_memcpy(object + i * size, capnp_list_at(list, i), size);
    return CAPOS_OK;
}

int32_t capnp_write_list_enum(const struct capnp_struct_builder *to, uint16_t index,
                              const struct capnp_list *list)
{
    uint8_t *object;
    int32_t error = begin_list(to, index, list, CAPNP_ELEMENT_TWO_BYTES, &object);
    if (error < 0 || object == NULL)
        return error;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t value = 0;
        if (capnp_list_get_enum(list, i, &value) < 0)
            return CAPOS_ERR_BAD_MESSAGE;
        uint16_t wire = (uint16_t)value;
        __builtin_memcpy(object + i * sizeof wire, &wire, sizeof wire);
    }
    return CAPOS_OK;
}

int32_t capnp_write_list_text(const struct capnp_struct_builder *to, uint16_t index,
                              const struct capnp_list *list)
{
    uint8_t *object;
    int32_t error = begin_list(to, index, list, CAPNP_ELEMENT_POINTER, &object);
    for (size_t i = 0; object != NULL && error >= 0 && i < list->count; i++) {
        struct capnp_text text;
        error = capnp_list_get_text(list, i, &text);
        if (error >= 0)
            error = write_text_at(to->builder, object + i * CAPNP_WORD_BYTES, text);
    }
    return error;
}

int32_t capnp_write_list_data(const struct capnp_struct_builder *to, uint16_t index,
                              const struct capnp_list *list)
{
    uint8_t *object;
    int32_t error = begin_list(to, index, list, CAPNP_ELEMENT_POINTER, &object);
    for (size_t i = 0; object != NULL && error >= 0 && i < list->count; i++) {
        struct capnp_data data;
        error = capnp_list_get_data(list, i, &data);
        if (error >= 0)
            error = write_data_at(to->builder, object + i * CAPNP_WORD_BYTES, data);
    }
    return error;
}

int32_t capnp_write_list_cap(const struct capnp_struct_builder *to, uint16_t index, uint64_t interface_id,
                             const struct capnp_list *list)
{
    uint8_t *object;
    int32_t error = begin_list(to, index, list, CAPNP_ELEMENT_POINTER, &object);
    for (size_t i = 0; object != NULL && error >= 0 && i < list->count; i++) {
        cap_any cap;
        error = capnp_list_get_cap(list, i, interface_id, &cap);
        if (error >= 0)
            error = write_cap_at(to->builder, object + i * CAPNP_WORD_BYTES, interface_id, cap);
    }
    return error;
}

int32_t capnp_write_list_struct(const struct capnp_struct_builder *to, uint16_t index, size_t count,
                                uint16_t data_words, uint16_t pointer_count, struct capnp_list_builder *out)
{
    size_t element_words = (size_t)data_words + pointer_count;
    if (count > CAPNP_LIST_COUNT_MAX || (element_words != 0 && count > CAPNP_LIST_COUNT_MAX / element_words))
        return CAPOS_ERR_TOO_LARGE;
    uint8_t *pointer = pointer_at(to, index);
    uint8_t *object = take(to->builder, 1 + count * element_words);
    if (object == NULL)
        return CAPOS_ERR_TOO_LARGE;
    int64_t offset = offset_between(pointer, object);
    capnp_store_word(pointer, list_pointer(offset, CAPNP_ELEMENT_COMPOSITE, count * element_words));
    capnp_store_word(object, capnp_struct_pointer((int64_t)count, data_words, pointer_count));
    out->builder = to->builder;
    out->elements = object + CAPNP_WORD_BYTES;
    out->data_words = data_words;
    out->pointer_count = pointer_count;
    return CAPOS_OK;
}

size_t capnp_list_scalar_words(const struct capnp_list *list, enum capnp_element element)
{
    return (list->count * capnp_element_bits(element) + 63u) / 64u;
}

size_t capnp_list_text_words(const struct capnp_list *list)
{
    size_t words = capnp_list_scalar_words(list, CAPNP_ELEMENT_POINTER);
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text text;
        if (capnp_list_get_text(list, i, &text) >= 0)
            words += capnp_text_words(text);
    }
    return words;
}

size_t capnp_list_data_words(const struct capnp_list *list)
{
    size_t words = capnp_list_scalar_words(list, CAPNP_ELEMENT_POINTER);
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_data data;
        if (capnp_list_get_data(list, i, &data) >= 0)
            words += capnp_data_words(data);
    }
    return words;
}

int32_t capnp_write_list_blank(const struct capnp_struct_builder *to, uint16_t index,
                               enum capnp_element element, size_t count, uint8_t **out)
{
    const struct capnp_list shape = {.items = "", .count = count};
    uint8_t *pointer = pointer_at(to, index);
    if (count > CAPNP_LIST_COUNT_MAX)
        return CAPOS_ERR_TOO_LARGE;
    uint8_t *object = take(to->builder, capnp_list_scalar_words(&shape, element));
    if (object == NULL)
        return CAPOS_ERR_TOO_LARGE;
    capnp_store_word(pointer, list_pointer(offset_between(pointer, object), element, count));
    *out = object;
    return CAPOS_OK;
}
