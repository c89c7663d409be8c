/*
 * Properties of the codec on random values: what is written is read back as the same value, in exactly the
 * bytes that T_size said; and no mutation of a message makes the reader leave it (AddressSanitizer watches)
 * or disagree with the writer (test/exercise.h). The seeds are fixed: a failure repeats.
 */
#include "test/exercise.h"
#include "test/support.h"
#include "unit.h"
#include <capos/all_types.h>
#include <capos/errors.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 20, VALUES = 2000, MUTATED_VALUES = 300, MUTATIONS = 40, OUTPUT_MAX = 1 << 15 };

static uint64_t written[OUTPUT_MAX / 8];
static uint64_t rewritten[OUTPUT_MAX / 8];

/* Storage for the lists of one random value. */
static struct {
    bool flags[ITEMS_MAX];
    uint64_t numbers[ITEMS_MAX];
    enum cap_colour colours[ITEMS_MAX];
    struct capnp_text texts[ITEMS_MAX];
    struct capnp_data datas[ITEMS_MAX];
    struct cap_point points[ITEMS_MAX];
    struct cap_empty empties[ITEMS_MAX];
    struct cap_size sizes[ITEMS_MAX];
} items;

static char letters[64];

static bool random_bool(void)
{
    return random_below(2) != 0;
}

/* Small and extreme numbers more often than others. */
static uint64_t random_number(void)
{
    switch (random_below(4)) {
    case 0:
        return random_below(4);
    case 1:
        return UINT64_MAX - random_below(4);
    case 2:
        return UINT64_C(1) << random_below(64);
    default:
        return random_next();
    }
}

static struct capnp_text random_text(void)
{
    return random_below(4) == 0 ? capnp_text_n(NULL, 0) : capnp_text_n(letters, random_below(sizeof letters));
}

static struct capnp_data random_data(void)
{
    return random_below(4) == 0 ? capnp_data_of(NULL, 0)
                                : capnp_data_of(letters, random_below(sizeof letters));
}

static struct capnp_list random_list(const void *array)
{
    return random_below(4) == 0 ? CAPNP_LIST(NULL, 0) : CAPNP_LIST(array, random_below(ITEMS_MAX + 1));
}

static struct cap_point random_point(void)
{
    struct cap_point point = {(int32_t)random_number(), (int32_t)random_number(), random_text()};
    return point;
}

static void random_items(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)random_next();
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        items.flags[i] = random_bool();
        items.numbers[i] = random_number();
        items.colours[i] = (enum cap_colour)random_below(UINT16_MAX + 1);
        items.texts[i] = random_text();
        items.datas[i] = random_data();
        items.points[i] = random_point();
        items.sizes[i].width = (uint16_t)random_number();
        items.sizes[i].height = (uint16_t)random_number();
    }
}

static struct cap_scalars random_scalars(void)
{
    struct cap_scalars value = {
        .flag = random_bool(),
        .i8 = (int8_t)random_number(),
        .i16 = (int16_t)random_number(),
        .i32 = (int32_t)random_number(),
        .i64 = (int64_t)random_number(),
        .u8 = (uint8_t)random_number(),
        .u16 = (uint16_t)random_number(),
        .u32 = (uint32_t)random_number(),
        .u64 = random_number(),
        .f32 = (float)random_below(1000) / 8,
        .f64 = (double)random_below(1000) / -8,
        .colour = (enum cap_colour)random_below(UINT16_MAX + 1),
        .flag2 = random_bool(),
    };
    return value;
}

static struct cap_defaults random_defaults(void)
{
    struct cap_scalars scalars = random_scalars();
    struct cap_defaults value = {
        .flag = scalars.flag,
        .i8 = scalars.i8,
        .i16 = scalars.i16,
        .i32 = scalars.i32,
        .i64 = scalars.i64,
        .u8 = scalars.u8,
        .u16 = scalars.u16,
        .u32 = scalars.u32,
        .u64 = scalars.u64,
        .f32 = scalars.f32,
        .f64 = scalars.f64,
        .colour = scalars.colour,
        .text = capnp_text_n(letters, random_below(sizeof letters)),
        .data = capnp_data_of(letters, random_below(sizeof letters)),
    };
    return value;
}

static struct cap_lists random_lists(void)
{
    struct cap_lists value = {
        .flags = random_list(items.flags),
        .i8s = random_list(items.numbers),
        .u16s = random_list(items.numbers),
        .i32s = random_list(items.numbers),
        .u64s = random_list(items.numbers),
        .f32s = random_list(items.numbers),
        .f64s = random_list(items.numbers),
        .colours = random_list(items.colours),
        .texts = random_list(items.texts),
        .datas = random_list(items.datas),
        .points = random_list(items.points),
        .voids = random_list(items.empties),
        .empties = random_list(items.empties),
        .sizes = random_list(items.sizes),
    };
    return value;
}

static struct cap_unions random_unions(void)
{
    struct cap_unions value;
    memset(&value, 0, sizeof value);
    value.before = (uint16_t)random_number();
    value.which = (enum cap_unions_tag)random_below(8); /* 6 and 7 are unknown */
    switch (value.which) {
    case CAP_UNIONS_NUMBER:
        value.number = (uint32_t)random_number();
        break;
    case CAP_UNIONS_TEXT:
        value.text = random_text();
        break;
    case CAP_UNIONS_POINT:
        value.has_point = random_bool();
        value.point = random_point();
        break;
    case CAP_UNIONS_POINTS:
        value.points = random_list(items.points);
        break;
    case CAP_UNIONS_PAIR:
        value.pair.left = random_number();
        value.pair.right = random_text();
        break;
    default:
        break;
    }
    value.inner.which = (enum cap_unions_inner_tag)random_below(3);
    if (value.inner.which == CAP_UNIONS_INNER_A)
        value.inner.a = random_bool();
    if (value.inner.which == CAP_UNIONS_INNER_C) {
        value.inner.c.deep.which = CAP_UNIONS_INNER_C_DEEP_E;
        value.inner.c.deep.e = random_data();
    }
    value.place.row = (uint8_t)random_number();
    value.place.column = (uint8_t)random_number();
    return value;
}

static struct cap_all_types random_all_types(void)
{
    random_items();
    struct cap_all_types value;
    memset(&value, 0, sizeof value);
    value.has_scalars = random_bool();
    value.scalars = random_scalars();
    value.has_defaults = random_bool();
    value.defaults = random_defaults();
    value.has_lists = random_bool();
    value.lists = random_lists();
    value.has_unions = random_bool();
    value.unions = random_unions();
    value.text = random_text();
    value.data = random_data();
    value.has_empty = random_bool();
    value.has_size = random_bool();
    value.size = items.sizes[0];
    value.has_nested = random_bool();
    value.nested.class_ = (uint32_t)random_number();
    value.nested.which_ = random_text();
    return value;
}

/* The number of mismatches between a list that was written and what was read. */
static void assert_same_points(const struct capnp_list *a, const struct capnp_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        struct cap_point left, right;
        assert_int_equal(cap_point_list_get(a, i, &left), 0);
        assert_int_equal(cap_point_list_get(b, i, &right), 0);
        assert_int_equal(left.x, right.x);
        assert_int_equal(left.y, right.y);
        assert_int_equal(left.label.len, right.label.len);
        assert_memory_equal(left.label.len == 0 ? "" : left.label.bytes, right.label.bytes, left.label.len);
    }
}

static void random_values_survive(void)
{
    random_seed(1);
    for (unsigned i = 0; i < VALUES; i++) {
        struct cap_all_types value = random_all_types();
        struct cap_all_types got;
        struct capnp_message message;
        int32_t len = cap_all_types_encode(&value, written, sizeof written, NULL, NULL);
        assert_true(len > 0);
        assert_int_equal(cap_all_types_size(&value), len);
        void *copy = exact_copy(written, (size_t)len);
        assert_int_equal(cap_all_types_decode(&message, copy, (size_t)len, NULL, 0, &got), 0);
        assert_int_equal(got.has_lists, value.has_lists);
        if (value.has_scalars)
            assert_true(got.scalars.u64 == value.scalars.u64 && got.scalars.colour == value.scalars.colour);
        if (value.has_lists)
            assert_same_points(&value.lists.points, &got.lists.points);
        free(copy);
    }
}

/* A message written from views of itself reaches a fixed point: everything that was in it was read. */
static void messages_pass_on_unchanged(void)
{
    random_seed(2);
    for (unsigned i = 0; i < VALUES; i++) {
        struct cap_all_types value = random_all_types();
        int32_t len = cap_all_types_encode(&value, written, sizeof written, NULL, NULL);
        void *copy = exact_copy(written, (size_t)len);
        exercise(copy, (size_t)len);
        free(copy);
        int32_t exact = cap_all_types_encode(&value, rewritten, (size_t)len, NULL, NULL);
        assert_int_equal(exact, len);
        assert_memory_equal(written, rewritten, (size_t)len);
        assert_int_equal(cap_all_types_encode(&value, rewritten, random_below((uint32_t)len), NULL, NULL),
                         CAPOS_ERR_TOO_LARGE);
    }
}

/* Changes bits, words (to pointers, often) or the length. */
static size_t mutate(uint8_t *bytes, size_t len)
{
    for (unsigned n = 1 + random_below(4); n != 0; n--) {
        size_t word = random_below((uint32_t)(len / 8)) * 8;
        uint64_t value = random_number();
        switch (random_below(4)) {
        case 0:
            bytes[random_below((uint32_t)len)] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            memcpy(bytes + word, &value, sizeof value);
            break;
        case 2:
            bytes[word] = (uint8_t)(bytes[word] + random_below(16));
            break;
        default:
            memcpy(bytes + word, bytes + random_below((uint32_t)(len / 8)) * 8, 8);
            break;
        }
    }
    return random_below(8) == 0 ? random_below((uint32_t)len + 1) : len;
}

static void mutations_stay_inside(void)
{
    random_seed(3);
    for (unsigned i = 0; i < MUTATED_VALUES; i++) {
        struct cap_all_types value = random_all_types();
        int32_t len = cap_all_types_encode(&value, written, sizeof written, NULL, NULL);
        for (unsigned k = 0; k < MUTATIONS; k++) {
            memcpy(rewritten, written, (size_t)len);
            size_t mutated_len = mutate((uint8_t *)rewritten, (size_t)len);
            void *copy = exact_copy(rewritten, mutated_len);
            exercise(copy, mutated_len);
            free(copy);
        }
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(random_values_survive),
        UNIT_TEST(messages_pass_on_unchanged),
        UNIT_TEST(mutations_stay_inside),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
