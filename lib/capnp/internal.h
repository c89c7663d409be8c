/* Shared by the files of lib/capnp: words and the kinds of pointer. Not for users. */
#pragma once
#include "capnp.h"

/*
 * A pointer word: two bits of kind, then
 *   struct  30 bits signed offset in words from the word behind the pointer; 16 bits data words; 16 bits
 * pointers list    30 bits signed offset; 3 bits element size; 29 bits count (composite: words, tag word not
 * counted) far     1 bit double; 29 bits word offset in the segment; 32 bits segment other   zeros for a
 * capability; 32 bits index
 */
enum capnp_pointer_kind {
    CAPNP_POINTER_STRUCT = 0,
    CAPNP_POINTER_LIST = 1,
    CAPNP_POINTER_FAR = 2,
    CAPNP_POINTER_OTHER = 3,
};

static inline uint64_t capnp_load_word(const uint8_t *at)
{
    uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

static inline void capnp_store_word(uint8_t *at, uint64_t word)
{
    __builtin_memcpy(at, &word, sizeof word);
}

static inline uint32_t capnp_load_u32(const uint8_t *at)
{
    uint32_t value;
    __builtin_memcpy(&value, at, sizeof value);
    return value;
}

static inline enum capnp_pointer_kind capnp_pointer_kind(uint64_t pointer)
{
    return (enum capnp_pointer_kind)(pointer & 3u);
}

/* Bits of one element in a list of this encoding; pointers and composites are the caller's business. */
static inline uint32_t capnp_element_bits(enum capnp_element element)
{
    static const uint8_t bits[8] = {0, 1, 8, 16, 32, 64, 64, 0};
    return bits[element & 7u];
}

/* The address of element `index` of a view. */
static inline const uint8_t *capnp_list_at(const struct capnp_list *list, size_t index)
{
    return list->elements + index * list->step_bytes;
}
