/*
 * SIMD loads and stores against a model of memory: every kind at aligned and unaligned addresses, with
 * offsets, at the last place that fits and the first that does not; a store that traps must leave memory as
 * it was.
 */
#include "wast.h"
#include <inttypes.h>
#include <string.h>

enum { PAGE_BYTES = 65536, PATTERN_BYTES = 64 };

enum kind { LOAD, STORE, LOAD_SPLAT, LOAD_ZERO, LOAD_EXTEND, LOAD_LANE, STORE_LANE };

struct access {
    const char *name;
    enum kind kind;
    unsigned size_bytes;
    enum shape shape; /* of the lanes in memory */
    bool is_signed;
};

static const struct access accesses[] = {
    {"v128.load", LOAD, 16, SHAPE_I8X16, false},
    {"v128.store", STORE, 16, SHAPE_I8X16, false},
    {"v128.load8_splat", LOAD_SPLAT, 1, SHAPE_I8X16, false},
    {"v128.load16_splat", LOAD_SPLAT, 2, SHAPE_I16X8, false},
    {"v128.load32_splat", LOAD_SPLAT, 4, SHAPE_I32X4, false},
    {"v128.load64_splat", LOAD_SPLAT, 8, SHAPE_I64X2, false},
    {"v128.load32_zero", LOAD_ZERO, 4, SHAPE_I32X4, false},
    {"v128.load64_zero", LOAD_ZERO, 8, SHAPE_I64X2, false},
    {"v128.load8x8_s", LOAD_EXTEND, 8, SHAPE_I8X16, true},
    {"v128.load8x8_u", LOAD_EXTEND, 8, SHAPE_I8X16, false},
    {"v128.load16x4_s", LOAD_EXTEND, 8, SHAPE_I16X8, true},
    {"v128.load16x4_u", LOAD_EXTEND, 8, SHAPE_I16X8, false},
    {"v128.load32x2_s", LOAD_EXTEND, 8, SHAPE_I32X4, true},
    {"v128.load32x2_u", LOAD_EXTEND, 8, SHAPE_I32X4, false},
    {"v128.load8_lane", LOAD_LANE, 1, SHAPE_I8X16, false},
    {"v128.load16_lane", LOAD_LANE, 2, SHAPE_I16X8, false},
    {"v128.load32_lane", LOAD_LANE, 4, SHAPE_I32X4, false},
    {"v128.load64_lane", LOAD_LANE, 8, SHAPE_I64X2, false},
    {"v128.store8_lane", STORE_LANE, 1, SHAPE_I8X16, false},
    {"v128.store16_lane", STORE_LANE, 2, SHAPE_I16X8, false},
    {"v128.store32_lane", STORE_LANE, 4, SHAPE_I32X4, false},
    {"v128.store64_lane", STORE_LANE, 8, SHAPE_I64X2, false},
};

/* The page begins and ends with this pattern, whose bytes have all kinds of signs; the rest is zero. */
static uint8_t pattern_byte(unsigned i)
{
    return (uint8_t)(i * 0x9d + 0x71);
}

static uint8_t initial_byte(uint64_t address)
{
    if (address < PATTERN_BYTES)
        return pattern_byte((unsigned)address);
    if (address >= PAGE_BYTES - PATTERN_BYTES)
        return pattern_byte((unsigned)(PAGE_BYTES - 1 - address) ^ 0x15);
    return 0;
}

static struct vec operand_vector(void)
{
    struct vec v;
    for (unsigned i = 0; i < 16; i++)
        v.byte[i] = (uint8_t)(0xf0 - 0x0d * i);
    return v;
}

static bool is_store(const struct access *a)
{
    return a->kind == STORE || a->kind == STORE_LANE;
}

static bool takes_lane(const struct access *a)
{
    return a->kind == LOAD_LANE || a->kind == STORE_LANE;
}

static bool takes_vector(const struct access *a)
{
    return is_store(a) || a->kind == LOAD_LANE;
}

static struct value model_load(const struct access *a, uint64_t address, unsigned lane)
{
    struct vec raw = {{0}}, out = {{0}};
    for (unsigned i = 0; i < a->size_bytes; i++)
        raw.byte[i] = initial_byte(address + i);
    switch (a->kind) {
    case LOAD_SPLAT:
        out = vec_splat(a->shape, vec_lane(&raw, a->shape, 0));
        break;
    case LOAD_EXTEND:
        for (unsigned i = 0; i < shape_lane_count(a->shape) / 2; i++) {
            uint64_t bits = vec_lane(&raw, a->shape, i);
            uint64_t wide = a->is_signed ? (uint64_t)sign_extend(bits, shape_lane_bits(a->shape)) : bits;
            vec_set_lane(&out, (enum shape)(a->shape + 1), i, wide);
        }
        break;
    case LOAD_LANE:
        out = operand_vector();
        vec_set_lane(&out, a->shape, lane, vec_lane(&raw, a->shape, 0));
        break;
    default:
        out = raw;
        break;
    }
    return value_vec(SHAPE_I8X16, out);
}

/* The sixteen bytes at `at` after the store. */
static struct value model_after_store(const struct access *a, uint64_t address, unsigned lane, uint64_t at)
{
    struct vec source = operand_vector(), out;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t where = at + i;
        bool hit = where >= address && where < address + a->size_bytes;
        uint64_t from = where - address + (takes_lane(a) ? lane * a->size_bytes : 0);
        out.byte[i] = hit ? source.byte[from] : initial_byte(where);
    }
    return value_vec(SHAPE_I8X16, out);
}

static void write_data(struct wast *w)
{
    fputs("  (memory 1)\n  (data (i32.const 0) \"", w->file);
    for (unsigned i = 0; i < PATTERN_BYTES; i++)
        fprintf(w->file, "\\%02x", initial_byte(i));
    fprintf(w->file, "\")\n  (data (i32.const %u) \"", PAGE_BYTES - PATTERN_BYTES);
    for (unsigned i = 0; i < PATTERN_BYTES; i++)
        fprintf(w->file, "\\%02x", initial_byte(PAGE_BYTES - PATTERN_BYTES + i));
    fputs("\")\n", w->file);
}

static void write_module(struct wast *w, const struct access *a, uint32_t offset, unsigned align,
                         unsigned lane)
{
    char lane_text[16] = "";
    if (takes_lane(a))
        snprintf(lane_text, sizeof(lane_text), " %u", lane);
    fputs("\n(module\n", w->file);
    write_data(w);
    fprintf(w->file,
            "  (func (export \"op\") (param i32)%s%s\n    (%s offset=%" PRIu32
            " align=%u%s (local.get 0)%s))\n",
            takes_vector(a) ? " (param v128)" : "", is_store(a) ? "" : " (result v128)", a->name, offset,
            align, lane_text, takes_vector(a) ? " (local.get 1)" : "");
    fputs("  (func (export \"peek\") (param i32) (result v128) (v128.load align=1 (local.get 0))))\n",
          w->file);
}

static void write_invoke(struct wast *w, const struct access *a, uint32_t base)
{
    struct value v = value_vec(SHAPE_I8X16, operand_vector());
    fprintf(w->file, "(invoke \"op\" (i32.const 0x%" PRIx32 ")", base);
    if (takes_vector(a)) {
        fputc(' ', w->file);
        wast_constant(w, &v, false);
    }
    fputc(')', w->file);
}

static void write_peek(struct wast *w, uint64_t at, const struct value *expected)
{
    struct value address = value_i32(at);
    wast_assert(w, "peek", &address, 1, expected);
}

static void write_success(struct wast *w, const struct access *a, uint32_t base, uint64_t address,
                          unsigned lane)
{
    if (!is_store(a)) {
        struct value loaded = model_load(a, address, lane);
        fputs("(assert_return ", w->file);
        write_invoke(w, a, base);
        fputc(' ', w->file);
        wast_constant(w, &loaded, true);
        fputs(")\n", w->file);
    } else {
        uint64_t last = PAGE_BYTES - 16;
        uint64_t before = address < 8 ? 0 : address - 8 > last ? last : address - 8;
        uint64_t after = address + 8 > last ? last : address + 8;
        struct value low = model_after_store(a, address, lane, before);
        struct value high = model_after_store(a, address, lane, after);
        fputs("(assert_return ", w->file);
        write_invoke(w, a, base);
        fputs(")\n", w->file);
        write_peek(w, before, &low);
        write_peek(w, after, &high);
    }
    w->assertions++;
}

static void write_trap(struct wast *w, const struct access *a, uint32_t base)
{
    struct vec tail;
    for (unsigned i = 0; i < 16; i++)
        tail.byte[i] = initial_byte(PAGE_BYTES - 16 + i);
    struct value untouched = value_vec(SHAPE_I8X16, tail);
    fputs("(assert_trap ", w->file);
    write_invoke(w, a, base);
    fputs(" \"out of bounds memory access\")\n", w->file);
    write_peek(w, PAGE_BYTES - 16, &untouched);
    w->assertions++;
}

/* A module per address keeps the model of memory simple: each store starts from the initial pattern. */
static void write_at(struct wast *w, const struct access *a, uint32_t base, uint32_t offset, unsigned align,
                     unsigned lane)
{
    uint64_t address = (uint64_t)base + offset;
    write_module(w, a, offset, align, lane);
    if (address + a->size_bytes <= PAGE_BYTES)
        write_success(w, a, base, address, lane);
    else
        write_trap(w, a, base);
}

static void write_addresses(struct wast *w, const struct access *a, unsigned lane)
{
    uint32_t last = PAGE_BYTES - a->size_bytes;
    const uint32_t at[][2] = {{0, 0},          {1, 0},          {0, 3},          {17, 16},
                              {last, 0},       {0, last},       {last - 1, 1},   {last + 1, 0},
                              {last, 1},       {1, last},       {PAGE_BYTES, 0}, {UINT32_MAX, 0},
                              {0, UINT32_MAX}, {UINT32_MAX, 1}, {1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        write_at(w, a, at[i][0], at[i][1], i & 1 ? 1 : a->size_bytes, lane);
}

static void write_invalid_use(struct wast *w, const char *memory, const char *address, const struct access *a,
                              unsigned align, unsigned lane, const char *message)
{
    fprintf(w->file, "(assert_invalid (module %s (func (%s align=%u", memory, a->name, align);
    if (takes_lane(a))
        fprintf(w->file, " %u", lane);
    fprintf(w->file, " (%s.const 0)%s)%s)) \"%s\")\n", address,
            takes_vector(a) ? " (v128.const i64x2 0 0)" : "", is_store(a) ? "" : " drop", message);
    w->assertions++;
}

static void write_invalid(struct wast *w, const struct access *a)
{
    fputc('\n', w->file);
    write_invalid_use(w, "", "i32", a, 1, 0, "unknown memory");
    write_invalid_use(w, "(memory 1)", "i32", a, 2 * a->size_bytes, 0,
                      "alignment must not be larger than natural");
    write_invalid_use(w, "(memory 1)", "i64", a, 1, 0, "type mismatch");
    write_invalid_use(w, "(memory 1)", "f32", a, 1, 0, "type mismatch");
    if (takes_lane(a))
        write_invalid_use(w, "(memory 1)", "i32", a, 1, shape_lane_count(a->shape), "invalid lane index");
    if (takes_lane(a))
        write_invalid_use(w, "(memory 1)", "i32", a, 1, 255, "invalid lane index");
}

void ops_memory(struct wast *w)
{
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        const struct access *a = &accesses[i];
        fprintf(w->file, "\n;; %s\n", a->name);
        for (unsigned lane = 0; lane < (takes_lane(a) ? shape_lane_count(a->shape) : 1); lane++)
            write_addresses(w, a, lane);
        write_invalid(w, a);
    }
}
