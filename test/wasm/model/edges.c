/* Edge values per lane kind. edges.h says what they are for. */
#include "edges.h"

static const uint64_t edges8[] = {0,    1,    2,    7,    0x0f, 0x10, 0x40, 0x55,
                                  0x7e, 0x7f, 0x80, 0x81, 0xaa, 0xfe, 0xff};

static const uint64_t edges16[] = {0,      1,      2,      0x00ff, 0x0100, 0x3fff, 0x4000, 0x7ffe,
                                   0x7fff, 0x8000, 0x8001, 0xff7f, 0xff80, 0xfffe, 0xffff};

static const uint64_t edges32[] = {
    0,          1,          2,          7,          8,          9,          15,         16,
    17,         31,         32,         33,         63,         64,         65,         0x80,
    0xffff,     0x10000,    0x3fffffff, 0x40000000, 0x55555555, 0x7ffffffe, 0x7fffffff, 0x80000000,
    0x80000001, 0xaaaaaaaa, 0xffff7fff, 0xffff8000, 0xffffff7f, 0xfffffffe, 0xffffffff,
};

static const uint64_t edges64[] = {
    0,
    1,
    2,
    63,
    64,
    65,
    0x80,
    0x8000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x0123456789abcdef,
    0x20000000000001,
    0x3fffffffffffffff,
    0x4000000000000000,
    0x7fffffbfffffffff,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xffffffff80000000,
    0xffffffff7fffffff,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};

/* Zeros, small numbers, ties for rounding, subnormals, the limits of the integer types on both sides,
 * infinities, and NaNs: canonical, quiet with a payload, signalling, each with both signs somewhere. */
static const uint64_t edges_f32[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x3effffff, 0x3f000001,
    0x3fc00000, 0xbfc00000, 0x40200000, 0xc0200000, 0x3f7fffff, 0xbf7fffff, 0x40490fdb, 0x00000001,
    0x80000001, 0x007fffff, 0x00800000, 0x4b7fffff, 0x4b000001, 0xcb000001, 0x4effffff, 0x4f000000,
    0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000, 0xdf000000, 0xdf000001,
    0x5f7fffff, 0x5f800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
    0x7fe00000, 0x7fa00000, 0xffa00001,
};

static const uint64_t edges_f64[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000,
    0xbfe0000000000000, 0x3fdfffffffffffff, 0x3fe0000000000001, 0x3ff8000000000000, 0xbff8000000000000,
    0x4004000000000000, 0xc004000000000000, 0x3fefffffffffffff, 0xbfefffffffffffff, 0x400921fb54442d18,
    0x0000000000000001, 0x8000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x433fffffffffffff,
    0x4320000000000001, 0xc320000000000001, 0x41dfffffffc00000, 0x41dfffffffffffff, 0x41e0000000000000,
    0xc1e0000000000000, 0xc1e00000001fffff, 0xc1e0000000200000, 0x41efffffffe00000, 0x41efffffffffffff,
    0x41f0000000000000, 0x43dfffffffffffff, 0x43e0000000000000, 0xc3e0000000000000, 0xc3e0000000000001,
    0x43efffffffffffff, 0x43f0000000000000, 0x3690000000000000, 0x3690000000000001, 0x36a0000000000000,
    0x380fffffffffffff, 0x3810000000000000, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000,
    0x3ff0000010000000, 0x3ff0000030000000, 0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000, 0x7ffc000000000000, 0x7ff4000000000000,
    0xfff4000000000001,
};

#define EDGES(table) (*count = sizeof(table) / sizeof((table)[0]), (table))

const uint64_t *edges_of_shape(enum shape shape, unsigned *count)
{
    switch (shape) {
    case SHAPE_I8X16:
        return EDGES(edges8);
    case SHAPE_I16X8:
        return EDGES(edges16);
    case SHAPE_I32X4:
        return EDGES(edges32);
    case SHAPE_I64X2:
        return EDGES(edges64);
    case SHAPE_F32X4:
        return EDGES(edges_f32);
    default:
        return EDGES(edges_f64);
    }
}

const uint64_t *edges_of_type(enum type type, unsigned *count)
{
    static const enum shape of[] = {SHAPE_I32X4, SHAPE_I64X2, SHAPE_F32X4, SHAPE_F64X2, SHAPE_I8X16};
    return edges_of_shape(of[type], count);
}
