/*
 * The reader against messages made by hand, word by word: framing, every kind of pointer, and each bound from
 * both sides. A hostile message is refused with BAD_MESSAGE; AddressSanitizer sees to it that nothing is read
 * outside (each message is copied to memory of exactly its size first).
 */
#include "call.h"
#include <capos/ring.h>
#include "capnp.h"
#include "shape.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

enum { DATA_WORDS_SHIFT = 32, POINTERS_SHIFT = 48, WORDS_MAX = 4096 };

static uint8_t *message_bytes; /* the message under test, exactly as long as it is */
static struct capnp_message message;

static uint64_t struct_word(int32_t offset, uint16_t data_words, uint16_t pointers)
{
    return (uint64_t)((uint32_t)offset << 2) | (uint64_t)data_words << DATA_WORDS_SHIFT |
           (uint64_t)pointers << POINTERS_SHIFT;
}

static uint64_t list_word(int32_t offset, enum capnp_element element, uint32_t count)
{
    return (uint64_t)((uint32_t)offset << 2 | 1u) | (uint64_t)element << 32 | (uint64_t)count << 35;
}

static uint64_t far_word(bool is_double, uint32_t offset, uint32_t segment)
{
    return (uint64_t)(offset << 3 | (is_double ? 4u : 0u) | 2u) | (uint64_t)segment << 32;
}

static uint64_t cap_word(uint32_t index)
{
    return 3u | (uint64_t)index << 32;
}

static void forget(void)
{
    free(message_bytes);
    message_bytes = NULL;
}

/* Opens exactly `len` bytes. */
static int32_t open_bytes(const void *bytes, size_t len, struct capnp_struct *root)
{
    forget();
    message_bytes = malloc(len == 0 ? 1 : len);
    assert_non_null(message_bytes);
    if (len != 0)
        memcpy(message_bytes, bytes, len);
    return capnp_message_open(&message, message_bytes, len, NULL, 0, root);
}

/* Opens a message of one segment. */
static int32_t open_words(const uint64_t *words, uint32_t count, struct capnp_struct *root)
{
    uint64_t framed[WORDS_MAX];
    assert_true(count < WORDS_MAX);
    framed[0] = (uint64_t)count << 32;
    memcpy(framed + 1, words, count * sizeof *words);
    return open_bytes(framed, (count + 1) * sizeof *words, root);
}
#define OPEN(words, root) open_words((words), (uint32_t)(sizeof(words) / sizeof((words)[0])), (root))

/* ---- Framing ---- */

static void empty_message_is_all_defaults(void)
{
    struct capnp_struct root;
    struct capnp_text text;
    struct capnp_list list;
    cap_any cap = {7, 7};
    assert_int_equal(capnp_message_open(&message, NULL, 0, NULL, 0, &root), 0);
    assert_int_equal(capnp_get_u64(&root, 0), 0);
    assert_false(capnp_get_bool(&root, 100));
    assert_int_equal(capnp_read_text(&root, 0, &text), 0);
    assert_string_equal(text.bytes, "");
    assert_int_equal(capnp_read_list(&root, 0, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(capnp_read_cap(&root, 0, 1, &cap), 0);
    assert_int_equal(cap.id, CAPNP_CAP_NONE);
}

static void null_root_is_all_defaults(void)
{
    const uint64_t words[] = {0};
    struct capnp_struct root;
    assert_int_equal(OPEN(words, &root), 0);
    assert_int_equal(root.data_bytes, 0);
}

static void misaligned_message_is_refused(void)
{
    uint64_t words[4] = {0, 0, 0, 0};
    struct capnp_struct root;
    for (size_t shift = 1; shift < 8; shift++)
        assert_int_equal(capnp_message_open(&message, (uint8_t *)words + shift, 16, NULL, 0, &root),
                         CAPOS_ERR_UNALIGNED);
}

static void short_framing_is_refused(void)
{
    const uint64_t words[] = {(uint64_t)1 << 32, 0};
    struct capnp_struct root;
    for (size_t len = 1; len < sizeof words; len++)
        assert_int_equal(open_bytes(words, len, &root), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(open_bytes(words, sizeof words, &root), 0);
    assert_int_equal(capnp_message_check(message_bytes, sizeof words), 0);
    assert_int_equal(capnp_message_check(message_bytes, sizeof words - 8), CAPOS_ERR_BAD_MESSAGE);
}

static void bytes_behind_the_message_are_ignored(void)
{
    const uint64_t words[] = {(uint64_t)1 << 32, 0, UINT64_MAX, 0};
    struct capnp_struct root;
    assert_int_equal(open_bytes(words, sizeof words, &root), 0);
    assert_int_equal(open_bytes(words, sizeof words - 3, &root), 0);
}

static void segment_table_that_lies_is_refused(void)
{
    struct capnp_struct root;
    const uint64_t too_long[] = {(uint64_t)2 << 32, 0};
    assert_int_equal(open_bytes(too_long, sizeof too_long, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t huge[] = {(uint64_t)UINT32_MAX << 32, 0};
    assert_int_equal(open_bytes(huge, sizeof huge, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t no_words[] = {0, 0};
    assert_int_equal(open_bytes(no_words, sizeof no_words, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t many_segments[] = {UINT32_MAX, 0};
    assert_int_equal(open_bytes(many_segments, sizeof many_segments, &root), CAPOS_ERR_BAD_MESSAGE);
    /* Sizes whose sum overflows 32 bits. */
    const uint64_t sum[] = {1 | (uint64_t)0x80000000u << 32, 0x80000001u, 0, 0};
    assert_int_equal(open_bytes(sum, sizeof sum, &root), CAPOS_ERR_BAD_MESSAGE);
    /* One word too many, which the root struct lies in. */
    const uint64_t one_too_many[] = {(uint64_t)2 << 32, struct_word(0, 1, 0)};
    assert_int_equal(open_bytes(one_too_many, sizeof one_too_many, &root), CAPOS_ERR_BAD_MESSAGE);
    /* A table longer than the message. */
    const uint64_t table[] = {100, 0};
    assert_int_equal(open_bytes(table, sizeof table, &root), CAPOS_ERR_BAD_MESSAGE);
}

/* A message of `count` segments of one word, the first of which points at the last. */
static int32_t open_many_segments(uint32_t count, struct capnp_struct *root)
{
    static uint64_t words[WORDS_MAX];
    size_t table = count / 2 + 1;
    memset(words, 0, sizeof words);
    uint32_t *sizes = (uint32_t *)words;
    sizes[0] = count - 1;
    for (uint32_t i = 0; i < count; i++)
        sizes[1 + i] = 1;
    words[table] = far_word(false, 0, count - 1);
    words[table + count - 1] = struct_word(-1, 0, 0);
    return open_bytes(words, (table + count) * 8, root);
}

static void segments_up_to_the_limit(void)
{
    struct capnp_struct root;
    assert_int_equal(open_many_segments(2, &root), 0);
    assert_int_equal(open_many_segments(3, &root), 0);
    assert_int_equal(open_many_segments(CAPNP_SEGMENTS_MAX, &root), 0);
    assert_int_equal(root.segment, CAPNP_SEGMENTS_MAX - 1);
    assert_int_equal(open_many_segments(CAPNP_SEGMENTS_MAX + 1, &root), CAPOS_ERR_BAD_MESSAGE);
}

/* ---- Structs ---- */

static void struct_within_its_segment(void)
{
    struct capnp_struct root;
    const uint64_t good[] = {struct_word(0, 1, 1), 0x1122334455667788u, 0};
    assert_int_equal(OPEN(good, &root), 0);
    assert_int_equal(capnp_get_u64(&root, 0), 0x1122334455667788u);
    assert_int_equal(capnp_get_u32(&root, 4), 0x11223344u);
    assert_int_equal(capnp_get_u16(&root, 2), 0x5566u);
    assert_int_equal(capnp_get_u8(&root, 7), 0x11u);
    assert_true(capnp_get_bool(&root, 3));
    assert_false(capnp_get_bool(&root, 0));
    assert_int_equal(capnp_get_u64(&root, 8), 0);
    assert_int_equal(capnp_get_u8(&root, 8), 0);
    assert_false(capnp_get_bool(&root, 64));

    const uint64_t one_too_many[] = {struct_word(0, 1, 2), 0, 0};
    assert_int_equal(OPEN(one_too_many, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t one_too_far[] = {struct_word(1, 1, 1), 0, 0};
    assert_int_equal(OPEN(one_too_far, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t largest[] = {struct_word(0, UINT16_MAX, UINT16_MAX), 0};
    assert_int_equal(OPEN(largest, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t empty_at_the_end[] = {struct_word(1, 0, 0), 0};
    assert_int_equal(OPEN(empty_at_the_end, &root), 0);
    const uint64_t empty_behind_the_end[] = {struct_word(2, 0, 0), 0};
    assert_int_equal(OPEN(empty_behind_the_end, &root), CAPOS_ERR_BAD_MESSAGE);
}

static void negative_offsets(void)
{
    struct capnp_struct root;
    const uint64_t at_itself[] = {struct_word(-1, 0, 0)};
    assert_int_equal(OPEN(at_itself, &root), 0);
    const uint64_t before[] = {struct_word(-2, 0, 0)};
    assert_int_equal(OPEN(before, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t far_before[] = {struct_word(-(1 << 29), 1, 0), 0};
    assert_int_equal(OPEN(far_before, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t far_behind[] = {struct_word((1 << 29) - 1, 1, 0), 0};
    assert_int_equal(OPEN(far_behind, &root), CAPOS_ERR_BAD_MESSAGE);
    /* Backwards within the segment is allowed: the second pointer's struct is the data of the first. */
    const uint64_t backwards[] = {struct_word(0, 1, 1), 42, struct_word(-2, 1, 0)};
    struct capnp_struct inner;
    bool present;
    assert_int_equal(OPEN(backwards, &root), 0);
    assert_int_equal(capnp_read_struct(&root, 0, &present, &inner), 0);
    assert_true(present);
    assert_int_equal(capnp_get_u64(&inner, 0), 42);
}

static void pointers_of_the_wrong_kind(void)
{
    struct capnp_struct root, inner;
    struct capnp_text text;
    struct capnp_data data;
    struct capnp_list list;
    cap_any cap;
    bool present;
    const uint64_t words[] = {struct_word(0, 0, 3), struct_word(-1, 0, 0),
                              list_word(1, CAPNP_ELEMENT_BYTE, 0), cap_word(0)};
    assert_int_equal(OPEN(words, &root), 0);
    assert_int_equal(capnp_read_text(&root, 0, &text), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_data(&root, 0, &data), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_list(&root, 0, CAPNP_ELEMENT_BYTE, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_cap(&root, 0, 0, &cap), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_struct(&root, 1, &present, &inner), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_cap(&root, 1, 0, &cap), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_struct(&root, 2, &present, &inner), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_data(&root, 2, &data), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t list_root[] = {list_word(0, CAPNP_ELEMENT_BYTE, 0)};
    assert_int_equal(OPEN(list_root, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t cap_root[] = {cap_word(0)};
    assert_int_equal(OPEN(cap_root, &root), CAPOS_ERR_BAD_MESSAGE);
}

/* ---- Text and data ---- */

static int32_t read_text_word(uint64_t pointer, uint64_t content, struct capnp_text *out)
{
    const uint64_t words[] = {struct_word(0, 0, 1), pointer, content};
    struct capnp_struct root;
    assert_int_equal(OPEN(words, &root), 0);
    return capnp_read_text(&root, 0, out);
}

static void text_needs_its_nul(void)
{
    struct capnp_text text;
    uint64_t abc = 'a' | 'b' << 8 | 'c' << 16;
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 4), abc, &text), 0);
    assert_int_equal(text.len, 3);
    assert_string_equal(text.bytes, "abc");
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 3), abc, &text), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 0), abc, &text), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 1), 0, &text), 0);
    assert_int_equal(text.len, 0);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 8), abc, &text), 0);
    assert_int_equal(text.len, 7);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, 9), abc, &text), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_FOUR_BYTES, 1), 0, &text),
                     CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(read_text_word(list_word(0, CAPNP_ELEMENT_BYTE, CAPNP_LIST_COUNT_MAX), 0, &text),
                     CAPOS_ERR_BAD_MESSAGE);
}

/* ---- Lists ---- */

static int32_t read_list_words(const uint64_t *words, uint32_t count, enum capnp_element expected,
                               struct capnp_list *out)
{
    struct capnp_struct root;
    assert_int_equal(open_words(words, count, &root), 0);
    return capnp_read_list(&root, 0, expected, out);
}
#define READ_LIST(words, expected, out) \
    read_list_words((words), (uint32_t)(sizeof(words) / sizeof((words)[0])), (expected), (out))

static void scalar_lists(void)
{
    struct capnp_list list;
    const uint64_t words[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_TWO_BYTES, 3),
                              0x000300020001u};
    uint16_t value = 0;
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_TWO_BYTES, &list), 0);
    assert_int_equal(list.count, 3);
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(capnp_list_get_u16(&list, i, &value), 0);
        assert_int_equal(value, i + 1);
    }
    assert_int_equal(capnp_list_get_u16(&list, 3, &value), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_list_get_u16(&list, SIZE_MAX, &value), CAPOS_ERR_TOO_LARGE);
    uint32_t wide;
    struct capnp_text text;
    bool bit;
    assert_int_equal(capnp_list_get_u32(&list, 0, &wide), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_list_get_bool(&list, 0, &bit), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_list_get_text(&list, 0, &text), 0); /* a struct without pointers: the default */
    assert_int_equal(text.len, 0);
}

static void element_counts_that_overflow(void)
{
    struct capnp_list list;
    static const enum capnp_element elements[] = {CAPNP_ELEMENT_BIT,         CAPNP_ELEMENT_BYTE,
                                                  CAPNP_ELEMENT_TWO_BYTES,   CAPNP_ELEMENT_FOUR_BYTES,
                                                  CAPNP_ELEMENT_EIGHT_BYTES, CAPNP_ELEMENT_POINTER};
    static const uint32_t fit[] = {64, 8, 4, 2, 1, 1};
    for (size_t i = 0; i < 6; i++) {
        uint64_t words[] = {struct_word(0, 0, 1), list_word(0, elements[i], fit[i]), 0};
        assert_int_equal(READ_LIST(words, elements[i], &list), 0);
        words[1] = list_word(0, elements[i], fit[i] + 1);
        assert_int_equal(READ_LIST(words, elements[i], &list), CAPOS_ERR_BAD_MESSAGE);
        words[1] = list_word(0, elements[i], CAPNP_LIST_COUNT_MAX);
        assert_int_equal(READ_LIST(words, elements[i], &list), CAPOS_ERR_BAD_MESSAGE);
    }
}

static void composite_lists_and_their_tag(void)
{
    struct capnp_list list;
    struct capnp_struct element;
    uint64_t words[] = {
        struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_COMPOSITE, 4), struct_word(2, 1, 1), 11, 0, 22, 0};
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(capnp_list_get_struct(&list, 1, &element), 0);
    assert_int_equal(capnp_get_u64(&element, 0), 22);
    assert_int_equal(capnp_list_get_struct(&list, 2, &element), CAPOS_ERR_TOO_LARGE);

    words[2] = struct_word(3, 1, 1); /* more elements than words */
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[2] = struct_word(0x3fffffff, UINT16_MAX, UINT16_MAX);
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[2] = list_word(2, CAPNP_ELEMENT_BYTE, 1); /* the tag is not a struct */
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[2] = list_word(0, CAPNP_ELEMENT_BYTE, 0);
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[2] = struct_word(1, 1, 1); /* fewer elements than words: allowed */
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(list.count, 1);
    words[1] = list_word(0, CAPNP_ELEMENT_COMPOSITE, 5); /* the words leave the segment */
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[1] = list_word(4, CAPNP_ELEMENT_COMPOSITE, 0); /* its tag is the last word */
    words[6] = struct_word(0, 1, 1);
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(list.count, 0);
    words[1] = list_word(5, CAPNP_ELEMENT_COMPOSITE, 0); /* its tag would lie behind the segment */
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
}

/* What a reader that expects one kind of list makes of another. */
static void list_upgrades(void)
{
    struct capnp_list list;
    struct capnp_struct element;
    uint32_t value = 0;
    const uint64_t numbers[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_FOUR_BYTES, 2),
                                (uint64_t)8 << 32 | 7};
    assert_int_equal(READ_LIST(numbers, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(capnp_list_get_struct(&list, 1, &element), 0);
    assert_int_equal(capnp_get_u32(&element, 0), 8);
    assert_int_equal(capnp_get_u32(&element, 4), 0);
    assert_int_equal(capnp_get_u64(&element, 0), 0);
    assert_false(capnp_has_pointer(&element, 0));
    assert_int_equal(READ_LIST(numbers, CAPNP_ELEMENT_TWO_BYTES, &list), 0);
    assert_int_equal(READ_LIST(numbers, CAPNP_ELEMENT_EIGHT_BYTES, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(numbers, CAPNP_ELEMENT_POINTER, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(numbers, CAPNP_ELEMENT_BIT, &list), CAPOS_ERR_BAD_MESSAGE);

    const uint64_t structs[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_COMPOSITE, 2),
                                struct_word(2, 1, 0), 7, 8};
    assert_int_equal(READ_LIST(structs, CAPNP_ELEMENT_FOUR_BYTES, &list), 0);
    assert_int_equal(capnp_list_get_u32(&list, 1, &value), 0);
    assert_int_equal(value, 8);
    assert_int_equal(READ_LIST(structs, CAPNP_ELEMENT_POINTER, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(structs, CAPNP_ELEMENT_BIT, &list), CAPOS_ERR_BAD_MESSAGE);

    const uint64_t no_data[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_COMPOSITE, 1),
                                struct_word(1, 0, 1), 0};
    assert_int_equal(READ_LIST(no_data, CAPNP_ELEMENT_BYTE, &list), CAPOS_ERR_BAD_MESSAGE);

    const uint64_t bits[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_BIT, 9), 0x101};
    bool bit = false;
    assert_int_equal(READ_LIST(bits, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(bits, CAPNP_ELEMENT_BYTE, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(bits, CAPNP_ELEMENT_BIT, &list), 0);
    assert_int_equal(capnp_list_get_bool(&list, 8, &bit), 0);
    assert_true(bit);
    assert_int_equal(capnp_list_get_struct(&list, 0, &element), CAPOS_ERR_BAD_MESSAGE);

    /* A list of structs read as a list of texts: the struct's first pointer, behind its data. */
    const uint64_t named[] = {struct_word(0, 0, 1),
                              list_word(0, CAPNP_ELEMENT_COMPOSITE, 2),
                              struct_word(1, 1, 1),
                              99,
                              list_word(0, CAPNP_ELEMENT_BYTE, 2),
                              'x'};
    struct capnp_text text;
    assert_int_equal(READ_LIST(named, CAPNP_ELEMENT_POINTER, &list), 0);
    assert_int_equal(capnp_list_get_text(&list, 0, &text), 0);
    assert_string_equal(text.bytes, "x");
}

/* ---- Far pointers ---- */

/* Two segments: `first` words of the first, the rest in the second. */
static int32_t open_two(const uint64_t *words, uint32_t count, uint32_t first, struct capnp_struct *root)
{
    uint64_t framed[64];
    framed[0] = 1 | (uint64_t)first << 32;
    framed[1] = count - first;
    memcpy(framed + 2, words, count * sizeof *words);
    return open_bytes(framed, (count + 2) * sizeof *words, root);
}
#define OPEN_TWO(words, first, root) \
    open_two((words), (uint32_t)(sizeof(words) / sizeof((words)[0])), (first), (root))

static void far_pointers(void)
{
    struct capnp_struct root;
    const uint64_t single[] = {far_word(false, 0, 1), struct_word(0, 1, 0), 5};
    assert_int_equal(OPEN_TWO(single, 1, &root), 0);
    assert_int_equal(capnp_get_u64(&root, 0), 5);
    /* The landing pad lies in the second segment, the struct in the first. */
    const uint64_t twofold[] = {far_word(true, 0, 1), 6, far_word(false, 1, 0), struct_word(0, 1, 0)};
    assert_int_equal(OPEN_TWO(twofold, 2, &root), 0);
    assert_int_equal(capnp_get_u64(&root, 0), 6);
    const uint64_t own_segment[] = {far_word(false, 1, 0), struct_word(0, 1, 0), 7, 0};
    assert_int_equal(OPEN_TWO(own_segment, 3, &root), 0);
    assert_int_equal(capnp_get_u64(&root, 0), 7);
}

static void far_pointers_astray(void)
{
    struct capnp_struct root;
    const uint64_t no_segment[] = {far_word(false, 0, 2), struct_word(-1, 0, 0)};
    assert_int_equal(OPEN_TWO(no_segment, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    for (uint32_t segment = 3; segment < CAPNP_SEGMENTS_MAX; segment += 7) { /* and the table is not left */
        const uint64_t beyond[] = {far_word(false, 0, segment), struct_word(-1, 0, 0)};
        assert_int_equal(OPEN_TWO(beyond, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    }
    const uint64_t last_segment[] = {far_word(false, 0, UINT32_MAX), struct_word(-1, 0, 0)};
    assert_int_equal(OPEN_TWO(last_segment, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t no_pad[] = {far_word(false, 1, 1), struct_word(-1, 0, 0)};
    assert_int_equal(OPEN_TWO(no_pad, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t far_pad[] = {far_word(false, 0x1fffffff, 1), 0};
    assert_int_equal(OPEN_TWO(far_pad, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t half_pad[] = {far_word(true, 0, 1), far_word(false, 0, 0)};
    assert_int_equal(OPEN_TWO(half_pad, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t object_outside[] = {far_word(true, 0, 1), far_word(false, 1, 0), struct_word(0, 1, 0)};
    assert_int_equal(OPEN_TWO(object_outside, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t tag_with_offset[] = {far_word(true, 0, 1), far_word(false, 0, 0), struct_word(1, 0, 0)};
    assert_int_equal(OPEN_TWO(tag_with_offset, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t first_not_far[] = {far_word(true, 0, 1), struct_word(0, 0, 0), struct_word(0, 0, 0)};
    assert_int_equal(OPEN_TWO(first_not_far, 1, &root), CAPOS_ERR_BAD_MESSAGE);
}

static void far_pointer_cycles_end(void)
{
    struct capnp_struct root;
    const uint64_t itself[] = {far_word(false, 0, 0), 0};
    assert_int_equal(OPEN_TWO(itself, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t each_other[] = {far_word(false, 0, 1), far_word(false, 0, 0)};
    assert_int_equal(OPEN_TWO(each_other, 1, &root), CAPOS_ERR_BAD_MESSAGE);
    const uint64_t twice_double[] = {far_word(true, 0, 1), far_word(true, 0, 1), far_word(true, 0, 1)};
    assert_int_equal(OPEN_TWO(twice_double, 1, &root), CAPOS_ERR_BAD_MESSAGE);
}

/* Far pointers to late segments cost more traversal than near ones, as finding the segment takes longer. */
static void segment_lookups_are_charged(void)
{
    struct capnp_struct root;
    assert_int_equal(open_many_segments(CAPNP_SEGMENTS_MAX, &root), 0);
    uint64_t start = (uint64_t)(CAPNP_SEGMENTS_MAX + CAPNP_SEGMENTS_MAX / 2 + 1) * CAPNP_TRAVERSAL_FACTOR +
                     CAPNP_TRAVERSAL_MIN_WORDS;
    assert_true(start - message.words_left >= CAPNP_SEGMENTS_MAX / 8);
}

/* ---- Limits ---- */

static void depth_is_limited(void)
{
    /* A struct whose only pointer points at itself. */
    const uint64_t words[] = {struct_word(0, 0, 1), struct_word(-1, 0, 1)};
    struct capnp_struct at;
    struct capnp_list list;
    struct capnp_text text;
    bool present;
    assert_int_equal(OPEN(words, &at), 0);
    for (unsigned depth = 1; depth < CAPNP_DEPTH_MAX; depth++)
        assert_int_equal(capnp_read_struct(&at, 0, &present, &at), 0);
    assert_int_equal(capnp_read_list(&at, 0, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_text(&at, 0, &text), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_struct(&at, 0, &present, &at), CAPOS_ERR_BAD_MESSAGE);
}

static void traversal_is_limited(void)
{
    uint64_t words[1024] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_EIGHT_BYTES, 1022)};
    struct capnp_struct root;
    struct capnp_list list;
    unsigned times = 0;
    assert_int_equal(OPEN(words, &root), 0);
    while (capnp_read_list(&root, 0, CAPNP_ELEMENT_EIGHT_BYTES, &list) == 0)
        assert_true(++times <= CAPNP_TRAVERSAL_FACTOR + 2);
    assert_true(times >= CAPNP_TRAVERSAL_FACTOR);
    message.words_left = 1023;
    assert_int_equal(capnp_read_list(&root, 0, CAPNP_ELEMENT_EIGHT_BYTES, &list), 0);
    assert_int_equal(message.words_left, 0);
}

static void lists_of_nothing_are_charged(void)
{
    struct capnp_list list;
    uint64_t words[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_VOID, CAPNP_LIST_COUNT_MAX)};
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_VOID, &list), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    words[1] = list_word(0, CAPNP_ELEMENT_VOID, 100);
    assert_int_equal(READ_LIST(words, CAPNP_ELEMENT_VOID, &list), 0);
    assert_int_equal(list.count, 100);
    uint64_t composite[] = {struct_word(0, 0, 1), list_word(0, CAPNP_ELEMENT_COMPOSITE, 0),
                            struct_word(0x1fffffff, 0, 0)};
    assert_int_equal(READ_LIST(composite, CAPNP_ELEMENT_COMPOSITE, &list), CAPOS_ERR_BAD_MESSAGE);
    composite[2] = struct_word(100, 0, 0);
    assert_int_equal(READ_LIST(composite, CAPNP_ELEMENT_COMPOSITE, &list), 0);
    assert_int_equal(list.count, 100);
}

/* ---- Capabilities ---- */

static void capabilities_are_checked(void)
{
    const struct cap_transfer caps[] = {{10, CAPOS_XFER_COPY, 0xaaaa}, {11, CAPOS_XFER_MOVE, 0xbbbb}};
    const uint64_t words[] = {(uint64_t)5 << 32, struct_word(0, 0, 4), cap_word(0),
                              cap_word(1),       cap_word(2),          cap_word(1) | 4};
    struct capnp_struct root;
    cap_any cap;
    assert_int_equal(capnp_message_open(&message, words, sizeof words, caps, 2, &root), 0);
    assert_int_equal(capnp_read_cap(&root, 0, 0xaaaa, &cap), 0);
    assert_int_equal(cap.id, 10);
    assert_int_equal(cap.mode, CAPOS_XFER_COPY);
    assert_int_equal(capnp_read_cap(&root, 1, 0, &cap), 0);
    assert_int_equal(cap.id, 11);
    assert_int_equal(cap.mode, CAPOS_XFER_MOVE);
    assert_int_equal(capnp_read_cap(&root, 1, 0xaaaa, &cap), CAPOS_ERR_WRONG_INTERFACE);
    assert_int_equal(capnp_read_cap(&root, 2, 0, &cap), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_cap(&root, 3, 0, &cap), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(capnp_read_cap(&root, 4, 0, &cap), 0); /* beyond the section: null */
    assert_int_equal(cap.id, CAPNP_CAP_NONE);
}

/* ---- Builder ---- */

static void builder_stays_within_its_memory(void)
{
    uint64_t memory[8];
    struct capnp_builder builder;
    struct capnp_struct_builder root, nested;
    struct capnp_list_builder list;
    for (size_t words = 0; words < 4; words++)
        assert_int_equal(capnp_builder_open(&builder, memory, words * 8, NULL, 0, 1, 1, &root),
                         CAPOS_ERR_TOO_LARGE);
    memset(memory, 0xee, sizeof memory);
    assert_int_equal(capnp_builder_open(&builder, memory, 7 * 8, NULL, 0, 1, 1, &root), 0);
    assert_int_equal(capnp_write_text(&root, 0, capnp_text_of("twenty-four bytes, no nul")),
                     CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_write_struct(&root, 0, 2, 2, &nested), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_write_struct(&root, 0, UINT16_MAX, UINT16_MAX, &nested), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_write_list_struct(&root, 0, SIZE_MAX / 8, 1, 0, &list), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_write_list_struct(&root, 0, SIZE_MAX, 0, 0, &list), CAPOS_ERR_TOO_LARGE);
    struct capnp_list numbers = capnp_list_native(memory, SIZE_MAX);
    assert_int_equal(capnp_write_list_scalar(&root, 0, &numbers, CAPNP_ELEMENT_BYTE), CAPOS_ERR_TOO_LARGE);
    struct capnp_data huge = {(const uint8_t *)memory, SIZE_MAX};
    assert_int_equal(capnp_write_data(&root, 0, huge), CAPOS_ERR_TOO_LARGE);
    struct capnp_text huge_text = {(const char *)memory, SIZE_MAX};
    assert_int_equal(capnp_write_text(&root, 0, huge_text), CAPOS_ERR_TOO_LARGE);
    cap_any cap = {3, 0};
    assert_int_equal(capnp_write_cap(&root, 0, 1, cap), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(capnp_write_text(&root, 0, capnp_text_of("twenty-three bytes long")), 0);
    assert_int_equal(capnp_builder_close(&builder), 7 * 8);
    assert_int_equal(memory[7], 0xeeeeeeeeeeeeeeeeu);
}

static void builder_zeroes_what_it_hands_out(void)
{
    uint64_t memory[16];
    struct capnp_builder builder;
    struct capnp_struct_builder root;
    struct capnp_list_builder list;
    memset(memory, 0xee, sizeof memory);
    assert_int_equal(capnp_builder_open(&builder, memory, sizeof memory, NULL, 0, 2, 2, &root), 0);
    assert_int_equal(capnp_write_list_struct(&root, 0, 2, 1, 1, &list), 0);
    assert_int_equal(capnp_write_data(&root, 1, capnp_data_of("x", 1)), 0);
    size_t words = capnp_builder_close(&builder) / 8;
    const uint64_t expected[] = {(uint64_t)11 << 32,
                                 struct_word(0, 2, 2),
                                 0,
                                 0,
                                 list_word(1, CAPNP_ELEMENT_COMPOSITE, 4),
                                 list_word(5, CAPNP_ELEMENT_BYTE, 1),
                                 struct_word(2, 1, 1),
                                 0,
                                 0,
                                 0,
                                 0,
                                 'x'};
    assert_int_equal(words, sizeof expected / 8);
    assert_memory_equal(memory, expected, sizeof expected);
}

/* ---- The inline forms (shape.h) against the general functions. */

enum { SHAPE_DATA = 1, SHAPE_POINTERS = 2, SHAPE_WORDS = 8 };

/* Copies `len` bytes to memory of that size, and opens them both ways: the inline one takes exactly the
 * message that it is for, and then says the same. */
static bool shape_agrees(const uint64_t *words, size_t len, bool expected, struct capnp_struct *root,
                         struct capnp_message *reader)
{
    struct capnp_struct general = {0};
    int32_t opened = open_bytes(words, len, &general);
    bool taken = capnp_open_shape(reader, message_bytes, len, NULL, 0, SHAPE_DATA, SHAPE_POINTERS, root);
    assert_int_equal(taken, expected);
    if (!taken)
        return false;
    assert_int_equal(opened, 0);
    assert_ptr_equal(root->data, general.data);
    assert_ptr_equal(root->pointers, general.pointers);
    assert_int_equal(root->data_bytes, general.data_bytes);
    assert_int_equal(root->pointer_count, general.pointer_count);
    assert_int_equal(root->segment, general.segment);
    assert_int_equal(root->depth, general.depth);
    assert_int_equal(reader->words_left, message.words_left);
    assert_int_equal(reader->segment0_words, message.segment0_words);
    assert_int_equal(reader->segment_count, message.segment_count);
    assert_ptr_equal(reader->segment0, message.segment0);
    return true;
}

static void shape_is_taken_at_its_bounds_only(void)
{
    const uint64_t exact = struct_word(0, SHAPE_DATA, SHAPE_POINTERS);
    const uint64_t roots[] = {exact,
                              struct_word(0, SHAPE_DATA - 1, SHAPE_POINTERS),
                              struct_word(0, SHAPE_DATA + 1, SHAPE_POINTERS),
                              struct_word(0, SHAPE_DATA, SHAPE_POINTERS - 1),
                              struct_word(0, SHAPE_DATA, SHAPE_POINTERS + 1),
                              struct_word(1, SHAPE_DATA, SHAPE_POINTERS),
                              struct_word(-1, SHAPE_DATA, SHAPE_POINTERS),
                              list_word(0, CAPNP_ELEMENT_BYTE, 8),
                              far_word(false, 0, 0),
                              cap_word(0),
                              0};
    const uint32_t claims[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x80000000u, UINT32_MAX};
    const uint32_t counts[] = {0, 1, 2, 0x80000000u, UINT32_MAX};
    struct capnp_struct root;
    struct capnp_message reader;
    for (size_t r = 0; r < sizeof roots / sizeof roots[0]; r++)
        for (size_t c = 0; c < sizeof claims / sizeof claims[0]; c++)
            for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++)
                for (size_t len = 0; len <= SHAPE_WORDS * 8; len++) {
                    const uint64_t words[SHAPE_WORDS] = {(uint64_t)claims[c] << 32 | counts[n], roots[r]};
                    bool expected = roots[r] == exact && counts[n] == 0 &&
                                    claims[c] >= 1 + SHAPE_DATA + SHAPE_POINTERS && claims[c] < len / 8;
                    (void)shape_agrees(words, len, expected, &root, &reader);
                }
    uint64_t shifted[SHAPE_WORDS] = {0};
    for (uintptr_t shift = 1; shift < 8; shift++)
        assert_false(capnp_open_shape(&reader, (uint8_t *)shifted + shift, 48, NULL, 0, SHAPE_DATA,
                                      SHAPE_POINTERS, &root));
}

/* Every pointer to bytes that ends near a bound, of the right kind and not. */
static void taken_data_is_what_would_be_read(void)
{
    struct capnp_struct root;
    struct capnp_message reader;
    for (int32_t offset = -6; offset <= 6; offset++)
        for (uint32_t len = 0; len <= 40; len++)
            for (uint32_t element = 0; element < 8; element++)
                for (uint16_t index = 0; index < 3; index++) {
                    const uint64_t pointer = list_word(offset, (enum capnp_element)element, len);
                    const uint64_t words[SHAPE_WORDS] = {(uint64_t)(SHAPE_WORDS - 1) << 32,
                                                         struct_word(0, SHAPE_DATA, SHAPE_POINTERS), 5,
                                                         index == 0 ? pointer : 0, index == 1 ? pointer : 0};
                    assert_true(shape_agrees(words, sizeof words, true, &root, &reader));
                    struct capnp_struct again = root;
                    struct capnp_data taken, read;
                    again.message = &message;
                    reader.words_left = message.words_left = len % 5; /* the limit too */
                    int32_t error = capnp_take_data(&root, index, &taken);
                    assert_int_equal(error, capnp_read_data(&again, index, &read));
                    assert_int_equal(reader.words_left, message.words_left);
                    if (error < 0)
                        continue;
                    assert_int_equal(taken.len, read.len);
                    if (capnp_has_pointer(&root, index))
                        assert_ptr_equal(taken.bytes, read.bytes);
                }
}

static void taken_capabilities_are_what_would_be_read(void)
{
    static const struct cap_transfer caps[] = {{7, CAPOS_XFER_COPY, 70}, {8, CAPOS_XFER_MOVE, 80}};
    const uint64_t pointers[] = {0,
                                 cap_word(0),
                                 cap_word(1),
                                 cap_word(2),
                                 cap_word(UINT32_MAX),
                                 cap_word(0) | 4u,
                                 struct_word(0, 0, 0),
                                 far_word(false, 3, 0)};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
        for (uint64_t interface = 0; interface <= 80; interface += 10) {
            const uint64_t words[5] = {UINT64_C(4) << 32, struct_word(0, SHAPE_DATA, SHAPE_POINTERS), 0,
                                       pointers[i]};
            struct capnp_message reader;
            struct capnp_struct root;
            cap_any taken, read;
            assert_true(
                capnp_open_shape(&reader, words, sizeof words, caps, 2, SHAPE_DATA, SHAPE_POINTERS, &root));
            int32_t error = capnp_take_cap(&root, 0, interface, &taken);
            assert_int_equal(error, capnp_read_cap(&root, 0, interface, &read));
            assert_int_equal(taken.id, read.id);
            assert_int_equal(taken.mode, read.mode);
        }
}

/* Both ways, with too little room for the bytes and just enough. */
static void added_data_is_what_would_be_written(void)
{
    static const uint8_t bytes[] = "seventeen bytes..";
    for (size_t len = 0; len < sizeof bytes; len++)
        for (size_t limit = 40; limit <= 80; limit++) {
            uint64_t memory[2][10];
            int32_t errors[2], sizes[2];
            memset(memory, 0xa5, sizeof memory);
            for (int way = 0; way < 2; way++) {
                struct capnp_builder builder;
                struct capnp_struct_builder root;
                const struct capnp_data data = {bytes, len};
                assert_int_equal(capnp_builder_open(&builder, memory[way], limit, NULL, 0, SHAPE_DATA,
                                                    SHAPE_POINTERS, &root),
                                 0);
                errors[way] = way == 0 ? capnp_add_data(&root, 1, data) : capnp_write_data(&root, 1, data);
                sizes[way] = capnp_builder_end(&builder, errors[way], NULL);
                assert_int_equal(capnp_add_cap(&root, 0, 1, (cap_any){1, 0}), CAPOS_ERR_TOO_LARGE);
                assert_int_equal(capnp_add_cap(&root, 0, 1, (cap_any){CAPNP_CAP_NONE, 0}), 0);
            }
            assert_int_equal(errors[0], errors[1]);
            assert_int_equal(sizes[0], sizes[1]);
            assert_memory_equal(memory[0], memory[1], sizeof memory[0]);
        }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(empty_message_is_all_defaults),
        UNIT_TEST(null_root_is_all_defaults),
        UNIT_TEST(misaligned_message_is_refused),
        UNIT_TEST(short_framing_is_refused),
        UNIT_TEST(bytes_behind_the_message_are_ignored),
        UNIT_TEST(segment_table_that_lies_is_refused),
        UNIT_TEST(segments_up_to_the_limit),
        UNIT_TEST(struct_within_its_segment),
        UNIT_TEST(negative_offsets),
        UNIT_TEST(pointers_of_the_wrong_kind),
        UNIT_TEST(text_needs_its_nul),
        UNIT_TEST(scalar_lists),
        UNIT_TEST(element_counts_that_overflow),
        UNIT_TEST(composite_lists_and_their_tag),
        UNIT_TEST(list_upgrades),
        UNIT_TEST(far_pointers),
        UNIT_TEST(far_pointers_astray),
        UNIT_TEST(far_pointer_cycles_end),
        UNIT_TEST(segment_lookups_are_charged),
        UNIT_TEST(depth_is_limited),
        UNIT_TEST(traversal_is_limited),
        UNIT_TEST(lists_of_nothing_are_charged),
        UNIT_TEST(capabilities_are_checked),
        UNIT_TEST(builder_stays_within_its_memory),
        UNIT_TEST(builder_zeroes_what_it_hands_out),
        UNIT_TEST(shape_is_taken_at_its_bounds_only),
        UNIT_TEST(taken_data_is_what_would_be_read),
        UNIT_TEST(taken_capabilities_are_what_would_be_read),
        UNIT_TEST(added_data_is_what_would_be_written),
    };
    return UNIT_MAIN(tests, NULL, forget);
}
