/*
 * Generated codecs against the real `capnp` tool, in both directions: what it encodes we read, what we write
 * it decodes. Every field type, defaults, unions, lists, and schemas that grew in between.
 */
#include "unit.h"
#include "test/support.h"
#include <capos/all_types.h>
#include <capos/errors.h>
#include <capos/new.h>
#include <capos/old.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 8192 };

static struct capnp_message message;
static void *input; /* of the test that is running */
static char *output;
static uint64_t written[MESSAGE_MAX / 8];

static void forget(void)
{
    free(input);
    free(output);
    input = NULL;
    output = NULL;
}

static size_t encode_by_tool(const char *file, const char *type, const char *text)
{
    size_t len;
    forget();
    input = tool_encode(file, type, text, &len);
    return len;
}

/* What the tool reads from the `len` bytes written, or fails when `len` is an error. */
static const char *decode_by_tool(const char *file, const char *type, int32_t len)
{
    assert_true(len > 0);
    free(output);
    output = tool_decode(file, type, written, (size_t)len);
    return output;
}

/* Reads `text`, encoded by the tool as `name`, into *out. */
#define READ(file, type, name, text, out)                                          \
    do {                                                                           \
        size_t len_ = encode_by_tool(file, type, text);                            \
        assert_int_equal(name##_decode(&message, input, len_, NULL, 0, (out)), 0); \
    } while (0)

/* Writes *value and has the tool print it. T_size must be exact. */
#define WRITE(file, type, name, value, expected)                                           \
    do {                                                                                   \
        int32_t len_ = name##_encode((value), written, sizeof written, NULL, NULL);        \
        assert_string_equal(decode_by_tool(file, type, len_), expected);                   \
        assert_int_equal(name##_size(value), len_);                                        \
        assert_int_equal(name##_encode((value), written, (size_t)len_, NULL, NULL), len_); \
        assert_int_equal(name##_encode((value), written, (size_t)len_ - 1, NULL, NULL),    \
                         CAPOS_ERR_TOO_LARGE);                                             \
    } while (0)

#define SCALARS_TEXT                                                                                         \
    "(flag = true, i8 = -128, i16 = -32768, i32 = -2147483648, i64 = -9223372036854775808, u8 = 255, u16 = " \
    "65535, "                                                                                                \
    "u32 = 4294967295, u64 = 18446744073709551615, f32 = 1.25, f64 = -1e300, colour = blueGreen, nothing = " \
    "void, "                                                                                                 \
    "flag2 = true)"

static const struct cap_scalars scalars_value = {
    .flag = true,
    .i8 = INT8_MIN,
    .i16 = INT16_MIN,
    .i32 = INT32_MIN,
    .i64 = INT64_MIN,
    .u8 = UINT8_MAX,
    .u16 = UINT16_MAX,
    .u32 = UINT32_MAX,
    .u64 = UINT64_MAX,
    .f32 = 1.25f,
    .f64 = -1e300,
    .colour = CAP_COLOUR_BLUE_GREEN,
    .flag2 = true,
};

static void assert_scalars_equal(const struct cap_scalars *a, const struct cap_scalars *b)
{
    assert_int_equal(a->flag, b->flag);
    assert_int_equal(a->i8, b->i8);
    assert_int_equal(a->i16, b->i16);
    assert_int_equal(a->i32, b->i32);
    assert_true(a->i64 == b->i64);
    assert_int_equal(a->u8, b->u8);
    assert_int_equal(a->u16, b->u16);
    assert_int_equal(a->u32, b->u32);
    assert_true(a->u64 == b->u64);
    assert_true(a->f32 == b->f32);
    assert_true(a->f64 == b->f64);
    assert_int_equal(a->colour, b->colour);
    assert_int_equal(a->flag2, b->flag2);
}

static void scalars(void)
{
    struct cap_scalars got;
    READ("all_types.capnp", "Scalars", cap_scalars, SCALARS_TEXT, &got);
    assert_scalars_equal(&got, &scalars_value);
    WRITE("all_types.capnp", "Scalars", cap_scalars, &scalars_value, SCALARS_TEXT);
}

static void scalars_at_zero(void)
{
    const struct cap_scalars zero = {0};
    struct cap_scalars got;
    READ("all_types.capnp", "Scalars", cap_scalars, "()", &got);
    assert_scalars_equal(&got, &zero);
    assert_int_equal(cap_scalars_decode(&message, NULL, 0, NULL, 0, &got), 0);
    assert_scalars_equal(&got, &zero);
    WRITE("all_types.capnp", "Scalars", cap_scalars, &zero,
          "(flag = false, i8 = 0, i16 = 0, i32 = 0, i64 = 0, u8 = 0, u16 = 0, u32 = 0, u64 = 0, f32 = 0, f64 "
          "= 0, "
          "colour = red, nothing = void, flag2 = false)");
}

#define DEFAULTS_TEXT                                                                                      \
    "(flag = true, i8 = -8, i16 = -1600, i32 = -320000, i64 = -64000000000, u8 = 200, u16 = 60000, u32 = " \
    "4000000000, u64 = 18000000000000000000, f32 = 1.5, f64 = -2.25, colour = blueGreen, text = \"dflt "   \
    "\\\"quoted\\\"\", data = \"\\000\\377\\020\")"

static void assert_defaults(const struct cap_defaults *got)
{
    assert_true(got->flag);
    assert_int_equal(got->i8, -8);
    assert_int_equal(got->i16, -1600);
    assert_int_equal(got->i32, -320000);
    assert_true(got->i64 == -INT64_C(64000000000));
    assert_int_equal(got->u8, 200);
    assert_int_equal(got->u16, 60000);
    assert_int_equal(got->u32, 4000000000u);
    assert_true(got->u64 == UINT64_C(18000000000000000000));
    assert_true(got->f32 == 1.5f);
    assert_true(got->f64 == -2.25);
    assert_int_equal(got->colour, CAP_COLOUR_BLUE_GREEN);
    assert_string_equal(got->text.bytes, "dflt \"quoted\"");
    assert_int_equal(got->data.len, 3);
    assert_memory_equal(got->data.bytes, "\x00\xff\x10", 3);
}

static void defaults(void)
{
    struct cap_defaults got;
    READ("all_types.capnp", "Defaults", cap_defaults, "()", &got);
    assert_defaults(&got);
    assert_int_equal(cap_defaults_decode(&message, NULL, 0, NULL, 0, &got), 0);
    assert_defaults(&got);
    got.text.bytes = NULL; /* null text and data are written as null pointers, which mean the default */
    got.data.bytes = NULL;
    int32_t len = cap_defaults_encode(&got, written, sizeof written, NULL, NULL);
    for (size_t i = 2; i < (size_t)len / 8; i++)
        assert_int_equal(written[i], 0);
    /* The tool leaves null pointers out. */
    static const char all[] = DEFAULTS_TEXT;
    const char *end = strstr(all, ", text");
    const char *text = decode_by_tool("all_types.capnp", "Defaults", len);
    assert_int_equal(strlen(text), (size_t)(end - all) + 1);
    assert_memory_equal(text, all, (size_t)(end - all));
}

static void defaults_overridden(void)
{
    const struct cap_defaults zero = {.text = capnp_text_of(""), .data = capnp_data_of("", 0)};
    struct cap_defaults got;
    WRITE("all_types.capnp", "Defaults", cap_defaults, &zero,
          "(flag = false, i8 = 0, i16 = 0, i32 = 0, i64 = 0, u8 = 0, u16 = 0, u32 = 0, u64 = 0, f32 = 0, f64 "
          "= 0, "
          "colour = red, text = \"\", data = \"\")");
    READ("all_types.capnp", "Defaults", cap_defaults,
         "(flag = false, i8 = 0, i16 = 0, i32 = 0, i64 = 0, u8 = 0, u16 = 0, u32 = 0, u64 = 0, f32 = 0, f64 "
         "= 0, "
         "colour = red, text = \"\", data = \"\")",
         &got);
    assert_false(got.flag);
    assert_int_equal(got.u32, 0);
    assert_true(got.f64 == 0);
    assert_int_equal(got.colour, CAP_COLOUR_RED);
    assert_int_equal(got.text.len, 0);
    assert_int_equal(got.data.len, 0);
}

#define LISTS_TEXT                                                                                           \
    "(flags = [true, false, true, true, false, false, false, false, true], i8s = [-1, 2], u16s = [65535], "  \
    "i32s = "                                                                                                \
    "[-3, 4, 5], u64s = [18446744073709551615, 0], f32s = [0.5, -0.25], f64s = [1e100], colours = [green, "  \
    "red], "                                                                                                 \
    "texts = [\"one\", \"\", \"three\"], datas = [\"\\001\\002\", \"\"], points = [(x = 1, y = -1, label = " \
    "\"a\"), "                                                                                               \
    "(x = 2, y = -2, label = \"\")], voids = [void, void], empties = [(), (), ()], sizes = [(width = 1, "    \
    "height = "                                                                                              \
    "480)])"

static const bool flag_items[] = {true, false, true, true, false, false, false, false, true};
static const int8_t i8_items[] = {-1, 2};
static const uint16_t u16_items[] = {65535};
static const int32_t i32_items[] = {-3, 4, 5};
static const uint64_t u64_items[] = {UINT64_MAX, 0};
static const float f32_items[] = {0.5f, -0.25f};
static const double f64_items[] = {1e100};
static const enum cap_colour colour_items[] = {CAP_COLOUR_GREEN, CAP_COLOUR_RED};

#define COUNT_OF(items) (sizeof(items) / sizeof((items)[0]))

/* Compares a list of either kind with an array of numbers. */
#define ASSERT_LIST(type, get, list, items)               \
    do {                                                  \
        assert_int_equal((list).count, COUNT_OF(items));  \
        for (size_t i_ = 0; i_ < COUNT_OF(items); i_++) { \
            type got_;                                    \
            assert_int_equal(get(&(list), i_, &got_), 0); \
            assert_true(got_ == (items)[i_]);             \
        }                                                 \
    } while (0)

/* `lists` is compared with the values in LISTS_TEXT. */
static void assert_lists(const struct cap_lists *lists)
{
    static const char *const texts[] = {"one", "", "three"};
    ASSERT_LIST(bool, capnp_list_get_bool, lists->flags, flag_items);
    ASSERT_LIST(int8_t, capnp_list_get_i8, lists->i8s, i8_items);
    ASSERT_LIST(uint16_t, capnp_list_get_u16, lists->u16s, u16_items);
    ASSERT_LIST(int32_t, capnp_list_get_i32, lists->i32s, i32_items);
    ASSERT_LIST(uint64_t, capnp_list_get_u64, lists->u64s, u64_items);
    ASSERT_LIST(float, capnp_list_get_f32, lists->f32s, f32_items);
    ASSERT_LIST(double, capnp_list_get_f64, lists->f64s, f64_items);
    ASSERT_LIST(enum cap_colour, cap_colour_list_get, lists->colours, colour_items);
    assert_int_equal(lists->texts.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct capnp_text text;
        assert_int_equal(capnp_list_get_text(&lists->texts, i, &text), 0);
        assert_string_equal(text.bytes, texts[i]);
    }
    struct capnp_data data;
    assert_int_equal(lists->datas.count, 2);
    assert_int_equal(capnp_list_get_data(&lists->datas, 0, &data), 0);
    assert_int_equal(data.len, 2);
    assert_memory_equal(data.bytes, "\x01\x02", 2);
    assert_int_equal(capnp_list_get_data(&lists->datas, 1, &data), 0);
    assert_int_equal(data.len, 0);
    assert_int_equal(lists->points.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct cap_point point;
        assert_int_equal(cap_point_list_get(&lists->points, i, &point), 0);
        assert_int_equal(point.x, (int)i + 1);
        assert_int_equal(point.y, -(int)i - 1);
        assert_string_equal(point.label.bytes, i == 0 ? "a" : "");
    }
    struct cap_point none;
    assert_int_equal(cap_point_list_get(&lists->points, 2, &none), CAPOS_ERR_TOO_LARGE);
    assert_int_equal(lists->voids.count, 2);
    assert_int_equal(lists->empties.count, 3);
    struct cap_size size;
    assert_int_equal(lists->sizes.count, 1);
    assert_int_equal(cap_size_list_get(&lists->sizes, 0, &size), 0);
    assert_int_equal(size.width, 1);
    assert_int_equal(size.height, 480);
}

static const struct capnp_text text_items[] = {{"one", 3}, {"", 0}, {"three", 5}};
static const struct capnp_data data_items[] = {{(const uint8_t *)"\x01\x02", 2}, {(const uint8_t *)"", 0}};
static const struct cap_point point_items[] = {{1, -1, {"a", 1}}, {2, -2, {"", 0}}};
static const struct cap_empty empty_items[3];
static const struct cap_size size_items[] = {{1, 480}};

static struct cap_lists native_lists(void)
{
    struct cap_lists lists = {
        .flags = CAPNP_LIST(flag_items, COUNT_OF(flag_items)),
        .i8s = CAPNP_LIST(i8_items, COUNT_OF(i8_items)),
        .u16s = CAPNP_LIST(u16_items, COUNT_OF(u16_items)),
        .i32s = CAPNP_LIST(i32_items, COUNT_OF(i32_items)),
        .u64s = CAPNP_LIST(u64_items, COUNT_OF(u64_items)),
        .f32s = CAPNP_LIST(f32_items, COUNT_OF(f32_items)),
        .f64s = CAPNP_LIST(f64_items, COUNT_OF(f64_items)),
        .colours = CAPNP_LIST(colour_items, COUNT_OF(colour_items)),
        .texts = CAPNP_LIST(text_items, COUNT_OF(text_items)),
        .datas = CAPNP_LIST(data_items, COUNT_OF(data_items)),
        .points = CAPNP_LIST(point_items, COUNT_OF(point_items)),
        .voids = CAPNP_LIST(empty_items, 2), /* only their number counts */
        .empties = CAPNP_LIST(empty_items, COUNT_OF(empty_items)),
        .sizes = CAPNP_LIST(size_items, COUNT_OF(size_items)),
    };
    return lists;
}

static void lists(void)
{
    struct cap_lists got;
    struct cap_lists native = native_lists();
    READ("all_types.capnp", "Lists", cap_lists, LISTS_TEXT, &got);
    assert_lists(&got);
    assert_lists(&native);
    WRITE("all_types.capnp", "Lists", cap_lists, &native, LISTS_TEXT);
}

/* Lists that are views of another message are copied element by element. */
static void lists_passed_on(void)
{
    struct cap_lists got;
    READ("all_types.capnp", "Lists", cap_lists, LISTS_TEXT, &got);
    WRITE("all_types.capnp", "Lists", cap_lists, &got, LISTS_TEXT);
}

static void empty_lists(void)
{
    struct cap_lists none = {.flags = CAPNP_LIST(NULL, 0)};
    struct cap_lists got;
    WRITE("all_types.capnp", "Lists", cap_lists, &none, "()");
    READ("all_types.capnp", "Lists", cap_lists,
         "(points = [], texts = [], flags = [], voids = [], empties = [])", &got);
    assert_int_equal(got.points.count, 0);
    WRITE("all_types.capnp", "Lists", cap_lists, &got,
          "(flags = [], texts = [], points = [], voids = [], empties = [])");
    struct cap_lists of_none = {.u64s = CAPNP_LIST(u64_items, 0), .points = CAPNP_LIST(point_items, 0)};
    WRITE("all_types.capnp", "Lists", cap_lists, &of_none, "(u64s = [], points = [])");
}

/* ---- Unions and groups ---- */

static const char *const union_texts[] = {
    "(before = 7, none = void, inner = (a = false), place = (row = 0, column = 3))",
    "(before = 0, number = 99, inner = (a = true), place = (row = 1, column = 0))",
    "(before = 0, text = \"t\", inner = (b = void), place = (row = 0, column = 3))",
    "(before = 0, point = (x = 4, y = 5, label = \"p\"), inner = (c = (deep = (d = -6))), place = (row = 0, "
    "column = "
    "3))",
    "(before = 0, points = [(x = 1, y = -1, label = \"a\")], inner = (c = (deep = (e = \"z\"))), place = "
    "(row = 0, "
    "column = 3))",
    "(before = 0, pair = (left = 8, right = \"r\"), inner = (a = false), place = (row = 0, column = 3))",
};

static void unions(void)
{
    struct cap_unions got;
    for (size_t i = 0; i < COUNT_OF(union_texts); i++) {
        READ("all_types.capnp", "Unions", cap_unions, union_texts[i], &got);
        assert_int_equal(got.which, i);
        WRITE("all_types.capnp", "Unions", cap_unions, &got, union_texts[i]);
    }
}

static void union_members(void)
{
    struct cap_unions got;
    READ("all_types.capnp", "Unions", cap_unions, union_texts[1], &got);
    assert_int_equal(got.number, 99);
    assert_true(got.inner.a);
    assert_int_equal(got.place.row, 1);
    assert_int_equal(got.place.column, 0);
    READ("all_types.capnp", "Unions", cap_unions, union_texts[3], &got);
    assert_int_equal(got.which, CAP_UNIONS_POINT);
    assert_true(got.has_point);
    assert_int_equal(got.point.y, 5);
    assert_int_equal(got.inner.which, CAP_UNIONS_INNER_C);
    assert_int_equal(got.inner.c.deep.which, CAP_UNIONS_INNER_C_DEEP_D);
    assert_int_equal(got.inner.c.deep.d, -6);
    READ("all_types.capnp", "Unions", cap_unions, union_texts[5], &got);
    assert_int_equal(got.pair.left, 8);
    assert_string_equal(got.pair.right.bytes, "r");
}

static void unknown_tag_is_kept(void)
{
    struct cap_unions value = {.which = (enum cap_unions_tag)77, .before = 5};
    struct cap_unions got;
    int32_t len = cap_unions_encode(&value, written, sizeof written, NULL, NULL);
    assert_true(len > 0);
    memset(&got, 0xee, sizeof got);
    assert_int_equal(cap_unions_decode(&message, written, (size_t)len, NULL, 0, &got), 0);
    assert_int_equal(got.which, 77);
    assert_int_equal(got.before, 5);
    assert_int_equal(got.pair.left, 0);
}

static void unknown_enumerant_is_kept(void)
{
    struct cap_scalars value = {.colour = (enum cap_colour)1234};
    struct cap_scalars got;
    int32_t len = cap_scalars_encode(&value, written, sizeof written, NULL, NULL);
    assert_int_equal(cap_scalars_decode(&message, written, (size_t)len, NULL, 0, &got), 0);
    assert_int_equal(got.colour, 1234);
}

/* ---- Everything at once ---- */

#define ALL_TEXT                                                                                        \
    "(scalars = " SCALARS_TEXT ", defaults = " DEFAULTS_TEXT ", lists = " LISTS_TEXT                    \
    ", unions = (before = 0, text = \"t\", inner = (b = void), place = (row = 0, column = 3)), text = " \
    "\"all\", "                                                                                         \
    "data = \"\\000\", empty = (), size = (width = 640, height = 9), nested = (class = 3, which = \"w\"))"

static void all_types(void)
{
    struct cap_all_types got;
    READ("all_types.capnp", "AllTypes", cap_all_types, ALL_TEXT, &got);
    assert_true(got.has_scalars && got.has_defaults && got.has_lists && got.has_unions && got.has_empty);
    assert_scalars_equal(&got.scalars, &scalars_value);
    assert_defaults(&got.defaults);
    assert_lists(&got.lists);
    assert_string_equal(got.unions.text.bytes, "t");
    assert_int_equal(got.size.width, 640);
    assert_int_equal(got.size.height, 9);
    assert_int_equal(got.nested.class_, 3);
    assert_string_equal(got.nested.which_.bytes, "w");
    WRITE("all_types.capnp", "AllTypes", cap_all_types, &got, ALL_TEXT);
}

static void absent_structs(void)
{
    struct cap_all_types got;
    READ("all_types.capnp", "AllTypes", cap_all_types, "()", &got);
    assert_false(got.has_scalars || got.has_defaults || got.has_lists || got.has_unions || got.has_empty);
    assert_defaults(&got.defaults); /* absent means all defaults, not zeros */
    assert_int_equal(got.size.width, 640);
    got.text.bytes = NULL;
    got.data.bytes = NULL;
    WRITE("all_types.capnp", "AllTypes", cap_all_types, &got, "()");
}

static void constants(void)
{
    assert_int_equal(CAP_ANSWER, 42);
    assert_true(CAP_LOWEST == INT64_MIN);
    assert_string_equal(CAP_GREETING, "hello \"there\"");
    assert_int_equal(CAP_FAVOURITE, CAP_COLOUR_GREEN);
}

/* ---- Evolution ---- */

#define OLD_TEXT                                                                                           \
    "(id = 1, name = \"n\", choice = (number = 6), numbers = [10, 20], names = [\"a\", \"b\"], records = " \
    "[(value = 3), (value = 4)])"

/* A newer reader of an older message: what is missing is its default. */
static void old_message_new_reader(void)
{
    struct cap_new_record got;
    struct cap_new_number number;
    struct cap_new_name name;
    struct cap_new_item item;
    READ("old.capnp", "OldRecord", cap_new_record, OLD_TEXT, &got);
    assert_int_equal(got.id, 1);
    assert_int_equal(got.choice.which, CAP_NEW_RECORD_CHOICE_NUMBER);
    assert_int_equal(got.choice.number, 6);
    assert_int_equal(got.extra, 77);
    assert_int_equal(got.more.len, 0);
    assert_int_equal(got.numbers.count, 2);
    assert_int_equal(cap_new_number_list_get(&got.numbers, 1, &number), 0);
    assert_int_equal(number.value, 20);
    assert_int_equal(number.weight, 5);
    assert_int_equal(cap_new_name_list_get(&got.names, 1, &name), 0);
    assert_string_equal(name.text.bytes, "b");
    assert_int_equal(name.length, 0);
    assert_int_equal(cap_new_item_list_get(&got.records, 1, &item), 0);
    assert_int_equal(item.value, 4);
    assert_int_equal(item.factor, 9);
    assert_int_equal(item.comment.len, 0);
    /* And written out again by the newer program it is a message that the tool reads as new. */
    got.more.bytes = NULL;
    int32_t len = cap_new_record_encode(&got, written, sizeof written, NULL, NULL);
    assert_string_equal(
        decode_by_tool("new.capnp", "NewRecord", len),
        "(id = 1, name = \"n\", choice = (number = 6), numbers = [(value = 10, weight = 5), (value = "
        "20, weight = 5)], names = [(text = \"a\", length = 0), (text = \"b\", length = 0)], records = "
        "[(value = 3, comment = \"\", factor = 9), (value = 4, comment = \"\", factor = 9)], extra = "
        "77)");
}

/* An older reader of a newer message: what it does not know is ignored. */
static void new_message_old_reader(void)
{
    struct cap_old_record got;
    struct cap_old_item item;
    struct capnp_text text;
    uint32_t number;
    READ("new.capnp", "NewRecord", cap_old_record,
         "(id = 9, name = \"m\", choice = (words = \"unknown\"), numbers = [(value = 1), (value = 2)], names "
         "= [(text = "
         "\"x\", length = 4)], records = [(value = 5, comment = \"c\")], extra = 1, more = \"yes\")",
         &got);
    assert_int_equal(got.id, 9);
    assert_int_equal(got.choice.which, 2);
    assert_int_equal(got.numbers.count, 2);
    assert_int_equal(capnp_list_get_u32(&got.numbers, 1, &number), 0);
    assert_int_equal(number, 2);
    assert_int_equal(capnp_list_get_text(&got.names, 0, &text), 0);
    assert_string_equal(text.bytes, "x");
    assert_int_equal(cap_old_item_list_get(&got.records, 0, &item), 0);
    assert_int_equal(item.value, 5);
}

/* ---- Many segments: the tool never writes them, so ours are made by hand from a message it wrote. ---- */

/* Moves the root struct's only far-away part, everything behind the root pointer, into a second segment. */
static void second_segment(void)
{
    struct cap_lists got;
    size_t len = encode_by_tool("all_types.capnp", "Lists", LISTS_TEXT);
    uint64_t words[MESSAGE_MAX / 8];
    uint64_t *single = input;
    size_t segment_words = len / 8 - 1;
    words[0] = 1 | (uint64_t)1 << 32;                 /* two segments, the first of one word */
    words[1] = (uint32_t)segment_words;               /* the second: a landing pad and the rest */
    words[2] = 2 | (uint64_t)1 << 32;                 /* far pointer to word 0 of segment 1 */
    memcpy(words + 3, single + 1, segment_words * 8); /* the old root pointer is the landing pad */
    void *copy = exact_copy(words, (segment_words + 3) * 8);
    free(input);
    input = copy;
    assert_int_equal(cap_lists_decode(&message, copy, (segment_words + 3) * 8, NULL, 0, &got), 0);
    assert_lists(&got);
    memcpy(written, copy, (segment_words + 3) * 8);
    assert_string_equal(decode_by_tool("all_types.capnp", "Lists", (int32_t)(segment_words + 3) * 8),
                        LISTS_TEXT);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(scalars),
        UNIT_TEST(scalars_at_zero),
        UNIT_TEST(defaults),
        UNIT_TEST(defaults_overridden),
        UNIT_TEST(lists),
        UNIT_TEST(lists_passed_on),
        UNIT_TEST(empty_lists),
        UNIT_TEST(unions),
        UNIT_TEST(union_members),
        UNIT_TEST(unknown_tag_is_kept),
        UNIT_TEST(unknown_enumerant_is_kept),
        UNIT_TEST(all_types),
        UNIT_TEST(absent_structs),
        UNIT_TEST(constants),
        UNIT_TEST(old_message_new_reader),
        UNIT_TEST(new_message_old_reader),
        UNIT_TEST(second_segment),
    };
    return UNIT_MAIN(tests, NULL, forget);
}
