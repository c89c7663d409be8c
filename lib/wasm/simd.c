/*
 * The 0xfd instructions: 128-bit vectors, written lane by lane so that each line reads like the
 * specification; the compiler makes vector code of most of them. Operands are in the stack's memory, two
 * slots each. Integer lanes wrap in unsigned arithmetic. Which function an instruction belongs to follows
 * from its operand types.
 */
#include "instance.h"
#include "numeric.h"
#include "opcode.h"

union v128 {
    int8_t i8[16];
    uint8_t u8[16];
    int16_t i16[8];
    uint16_t u16[8];
    int32_t i32[4];
    uint32_t u32[4];
    int64_t i64[2];
    uint64_t u64[2];
    float f32[4];
    double f64[2];
};

struct machine {
    const uint8_t *pc;
    uint64_t *sp;
    uint8_t *memory;
    uint64_t memory_bytes;
    bool out_of_bounds;
};

/* One instruction: the same for every lane i of count. */
#define LANES(opcode, count, assignment)       \
    case opcode:                               \
        for (unsigned i = 0; i < (count); i++) \
            assignment;                        \
        return true;

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* clang-format off */
/* ---- integer comparisons --------------------------------------------------------------------------------- */

static bool compare_integers(uint32_t code, const union v128 *a, const union v128 *b, union v128 *r)
{
    switch (code) {
    LANES(0x23, 16, r->u8[i] = (uint8_t)-(a->u8[i] == b->u8[i])) /* i8x16.eq */
    LANES(0x24, 16, r->u8[i] = (uint8_t)-(a->u8[i] != b->u8[i])) /* i8x16.ne */
    LANES(0x25, 16, r->u8[i] = (uint8_t)-(a->i8[i] < b->i8[i])) /* i8x16.lt_s */
    LANES(0x26, 16, r->u8[i] = (uint8_t)-(a->u8[i] < b->u8[i])) /* i8x16.lt_u */
    LANES(0x27, 16, r->u8[i] = (uint8_t)-(a->i8[i] > b->i8[i])) /* i8x16.gt_s */
    LANES(0x28, 16, r->u8[i] = (uint8_t)-(a->u8[i] > b->u8[i])) /* i8x16.gt_u */
    LANES(0x29, 16, r->u8[i] = (uint8_t)-(a->i8[i] <= b->i8[i])) /* i8x16.le_s */
    LANES(0x2a, 16, r->u8[i] = (uint8_t)-(a->u8[i] <= b->u8[i])) /* i8x16.le_u */
    LANES(0x2b, 16, r->u8[i] = (uint8_t)-(a->i8[i] >= b->i8[i])) /* i8x16.ge_s */
    LANES(0x2c, 16, r->u8[i] = (uint8_t)-(a->u8[i] >= b->u8[i])) /* i8x16.ge_u */
    LANES(0x2d, 8, r->u16[i] = (uint16_t)-(a->u16[i] == b->u16[i])) /* i16x8.eq */
    LANES(0x2e, 8, r->u16[i] = (uint16_t)-(a->u16[i] != b->u16[i])) /* i16x8.ne */
    LANES(0x2f, 8, r->u16[i] = (uint16_t)-(a->i16[i] < b->i16[i])) /* i16x8.lt_s */
    LANES(0x30, 8, r->u16[i] = (uint16_t)-(a->u16[i] < b->u16[i])) /* i16x8.lt_u */
    LANES(0x31, 8, r->u16[i] = (uint16_t)-(a->i16[i] > b->i16[i])) /* i16x8.gt_s */
    LANES(0x32, 8, r->u16[i] = (uint16_t)-(a->u16[i] > b->u16[i])) /* i16x8.gt_u */
    LANES(0x33, 8, r->u16[i] = (uint16_t)-(a->i16[i] <= b->i16[i])) /* i16x8.le_s */
    LANES(0x34, 8, r->u16[i] = (uint16_t)-(a->u16[i] <= b->u16[i])) /* i16x8.le_u */
    LANES(0x35, 8, r->u16[i] = (uint16_t)-(a->i16[i] >= b->i16[i])) /* i16x8.ge_s */
    LANES(0x36, 8, r->u16[i] = (uint16_t)-(a->u16[i] >= b->u16[i])) /* i16x8.ge_u */
    LANES(0x37, 4, r->u32[i] = (uint32_t)-(a->u32[i] == b->u32[i])) /* i32x4.eq */
    LANES(0x38, 4, r->u32[i] = (uint32_t)-(a->u32[i] != b->u32[i])) /* i32x4.ne */
    LANES(0x39, 4, r->u32[i] = (uint32_t)-(a->i32[i] < b->i32[i])) /* i32x4.lt_s */
    LANES(0x3a, 4, r->u32[i] = (uint32_t)-(a->u32[i] < b->u32[i])) /* i32x4.lt_u */
    LANES(0x3b, 4, r->u32[i] = (uint32_t)-(a->i32[i] > b->i32[i])) /* i32x4.gt_s */
    LANES(0x3c, 4, r->u32[i] = (uint32_t)-(a->u32[i] > b->u32[i])) /* i32x4.gt_u */
    LANES(0x3d, 4, r->u32[i] = (uint32_t)-(a->i32[i] <= b->i32[i])) /* i32x4.le_s */
    LANES(0x3e, 4, r->u32[i] = (uint32_t)-(a->u32[i] <= b->u32[i])) /* i32x4.le_u */
    LANES(0x3f, 4, r->u32[i] = (uint32_t)-(a->i32[i] >= b->i32[i])) /* i32x4.ge_s */
    LANES(0x40, 4, r->u32[i] = (uint32_t)-(a->u32[i] >= b->u32[i])) /* i32x4.ge_u */
    LANES(0xd6, 2, r->u64[i] = (uint64_t)-(a->u64[i] == b->u64[i])) /* i64x2.eq */
    LANES(0xd7, 2, r->u64[i] = (uint64_t)-(a->u64[i] != b->u64[i])) /* i64x2.ne */
    LANES(0xd8, 2, r->u64[i] = (uint64_t)-(a->i64[i] < b->i64[i])) /* i64x2.lt_s */
    LANES(0xd9, 2, r->u64[i] = (uint64_t)-(a->i64[i] > b->i64[i])) /* i64x2.gt_s */
    LANES(0xda, 2, r->u64[i] = (uint64_t)-(a->i64[i] <= b->i64[i])) /* i64x2.le_s */
    LANES(0xdb, 2, r->u64[i] = (uint64_t)-(a->i64[i] >= b->i64[i])) /* i64x2.ge_s */
    default:
        return false;
    }
}

/* ---- integers, two operands ------------------------------------------------------------------------------ */

static bool integer_binary(uint32_t code, const union v128 *a, const union v128 *b, union v128 *r)
{
    switch (code) {
    LANES(0x6e, 16, r->u8[i] = (uint8_t)((uint64_t)a->u8[i] + b->u8[i])) /* i8x16.add */
    LANES(0x71, 16, r->u8[i] = (uint8_t)((uint64_t)a->u8[i] - b->u8[i])) /* i8x16.sub */
    LANES(0x76, 16, r->i8[i] = a->i8[i] < b->i8[i] ? a->i8[i] : b->i8[i]) /* i8x16.min_s */
    LANES(0x77, 16, r->u8[i] = a->u8[i] < b->u8[i] ? a->u8[i] : b->u8[i]) /* i8x16.min_u */
    LANES(0x78, 16, r->i8[i] = a->i8[i] > b->i8[i] ? a->i8[i] : b->i8[i]) /* i8x16.max_s */
    LANES(0x79, 16, r->u8[i] = a->u8[i] > b->u8[i] ? a->u8[i] : b->u8[i]) /* i8x16.max_u */
    LANES(0x6f, 16, r->i8[i] = (int8_t)clamp(a->i8[i] + b->i8[i], INT8_MIN, INT8_MAX)) /* i8x16.add_sat_s */
    LANES(0x70, 16, r->u8[i] = (uint8_t)clamp(a->u8[i] + b->u8[i], 0, UINT8_MAX)) /* i8x16.add_sat_u */
    LANES(0x72, 16, r->i8[i] = (int8_t)clamp(a->i8[i] - b->i8[i], INT8_MIN, INT8_MAX)) /* i8x16.sub_sat_s */
    LANES(0x73, 16, r->u8[i] = (uint8_t)clamp(a->u8[i] - b->u8[i], 0, UINT8_MAX)) /* i8x16.sub_sat_u */
    LANES(0x7b, 16, r->u8[i] = (uint8_t)((a->u8[i] + b->u8[i] + 1) / 2)) /* i8x16.avgr_u */
    LANES(0x8e, 8, r->u16[i] = (uint16_t)((uint64_t)a->u16[i] + b->u16[i])) /* i16x8.add */
    LANES(0x91, 8, r->u16[i] = (uint16_t)((uint64_t)a->u16[i] - b->u16[i])) /* i16x8.sub */
    LANES(0x95, 8, r->u16[i] = (uint16_t)((uint64_t)a->u16[i] * b->u16[i])) /* i16x8.mul */
    LANES(0x96, 8, r->i16[i] = a->i16[i] < b->i16[i] ? a->i16[i] : b->i16[i]) /* i16x8.min_s */
    LANES(0x97, 8, r->u16[i] = a->u16[i] < b->u16[i] ? a->u16[i] : b->u16[i]) /* i16x8.min_u */
    LANES(0x98, 8, r->i16[i] = a->i16[i] > b->i16[i] ? a->i16[i] : b->i16[i]) /* i16x8.max_s */
    LANES(0x99, 8, r->u16[i] = a->u16[i] > b->u16[i] ? a->u16[i] : b->u16[i]) /* i16x8.max_u */
    LANES(0x8f, 8, r->i16[i] = (int16_t)clamp(a->i16[i] + b->i16[i], INT16_MIN, INT16_MAX)) /* i16x8.add_sat_s */
    LANES(0x90, 8, r->u16[i] = (uint16_t)clamp(a->u16[i] + b->u16[i], 0, UINT16_MAX)) /* i16x8.add_sat_u */
    LANES(0x92, 8, r->i16[i] = (int16_t)clamp(a->i16[i] - b->i16[i], INT16_MIN, INT16_MAX)) /* i16x8.sub_sat_s */
    LANES(0x93, 8, r->u16[i] = (uint16_t)clamp(a->u16[i] - b->u16[i], 0, UINT16_MAX)) /* i16x8.sub_sat_u */
    LANES(0x9b, 8, r->u16[i] = (uint16_t)((a->u16[i] + b->u16[i] + 1) / 2)) /* i16x8.avgr_u */
    LANES(0xae, 4, r->u32[i] = (uint32_t)((uint64_t)a->u32[i] + b->u32[i])) /* i32x4.add */
    LANES(0xb1, 4, r->u32[i] = (uint32_t)((uint64_t)a->u32[i] - b->u32[i])) /* i32x4.sub */
    LANES(0xb5, 4, r->u32[i] = (uint32_t)((uint64_t)a->u32[i] * b->u32[i])) /* i32x4.mul */
    LANES(0xb6, 4, r->i32[i] = a->i32[i] < b->i32[i] ? a->i32[i] : b->i32[i]) /* i32x4.min_s */
    LANES(0xb7, 4, r->u32[i] = a->u32[i] < b->u32[i] ? a->u32[i] : b->u32[i]) /* i32x4.min_u */
    LANES(0xb8, 4, r->i32[i] = a->i32[i] > b->i32[i] ? a->i32[i] : b->i32[i]) /* i32x4.max_s */
    LANES(0xb9, 4, r->u32[i] = a->u32[i] > b->u32[i] ? a->u32[i] : b->u32[i]) /* i32x4.max_u */
    LANES(0xce, 2, r->u64[i] = (uint64_t)((uint64_t)a->u64[i] + b->u64[i])) /* i64x2.add */
    LANES(0xd1, 2, r->u64[i] = (uint64_t)((uint64_t)a->u64[i] - b->u64[i])) /* i64x2.sub */
    LANES(0xd5, 2, r->u64[i] = (uint64_t)((uint64_t)a->u64[i] * b->u64[i])) /* i64x2.mul */
    LANES(0x82, 8, r->i16[i] = (int16_t)clamp((a->i16[i] * b->i16[i] + 0x4000) >> 15, INT16_MIN, INT16_MAX)) /* i16x8.q15mulr_sat_s */
    LANES(0x4e, 2, r->u64[i] = a->u64[i] & b->u64[i]) /* v128.and */
    LANES(0x4f, 2, r->u64[i] = a->u64[i] & ~b->u64[i]) /* v128.andnot */
    LANES(0x50, 2, r->u64[i] = a->u64[i] | b->u64[i]) /* v128.or */
    LANES(0x51, 2, r->u64[i] = a->u64[i] ^ b->u64[i]) /* v128.xor */
    default:
        return false;
    }
}

/* ---- two operands to lanes of another width; swizzle ----------------------------------------------------- */

static bool widen_binary(uint32_t code, const union v128 *a, const union v128 *b, union v128 *r)
{
    switch (code) {
    LANES(0x65, 16, r->i8[i] = (int8_t)clamp(i < 8 ? a->i16[i] : b->i16[i - 8], INT8_MIN, INT8_MAX)) /* i8x16.narrow_i16x8_s */
    LANES(0x66, 16, r->u8[i] = (uint8_t)clamp(i < 8 ? a->i16[i] : b->i16[i - 8], 0, UINT8_MAX)) /* i8x16.narrow_i16x8_u */
    LANES(0x85, 8, r->i16[i] = (int16_t)clamp(i < 4 ? a->i32[i] : b->i32[i - 4], INT16_MIN, INT16_MAX)) /* i16x8.narrow_i32x4_s */
    LANES(0x86, 8, r->u16[i] = (uint16_t)clamp(i < 4 ? a->i32[i] : b->i32[i - 4], 0, UINT16_MAX)) /* i16x8.narrow_i32x4_u */
    LANES(0x9c, 8, r->i16[i] = (int16_t)(a->i8[i] * b->i8[i])) /* i16x8.extmul_low_i8x16_s */
    LANES(0x9d, 8, r->i16[i] = (int16_t)(a->i8[i + 8] * b->i8[i + 8])) /* i16x8.extmul_high_i8x16_s */
    LANES(0x9e, 8, r->u16[i] = (uint16_t)((uint32_t)a->u8[i] * b->u8[i])) /* i16x8.extmul_low_i8x16_u */
    LANES(0x9f, 8, r->u16[i] = (uint16_t)((uint32_t)a->u8[i + 8] * b->u8[i + 8])) /* i16x8.extmul_high_i8x16_u */
    LANES(0xbc, 4, r->i32[i] = (int32_t)((int32_t)a->i16[i] * b->i16[i])) /* i32x4.extmul_low_i16x8_s */
    LANES(0xbd, 4, r->i32[i] = (int32_t)((int32_t)a->i16[i + 4] * b->i16[i + 4])) /* i32x4.extmul_high_i16x8_s */
    LANES(0xbe, 4, r->u32[i] = (uint32_t)((uint32_t)a->u16[i] * b->u16[i])) /* i32x4.extmul_low_i16x8_u */
    LANES(0xbf, 4, r->u32[i] = (uint32_t)((uint32_t)a->u16[i + 4] * b->u16[i + 4])) /* i32x4.extmul_high_i16x8_u */
    LANES(0xdc, 2, r->i64[i] = (int64_t)((int64_t)a->i32[i] * b->i32[i])) /* i64x2.extmul_low_i32x4_s */
    LANES(0xdd, 2, r->i64[i] = (int64_t)((int64_t)a->i32[i + 2] * b->i32[i + 2])) /* i64x2.extmul_high_i32x4_s */
    LANES(0xde, 2, r->u64[i] = (uint64_t)((uint64_t)a->u32[i] * b->u32[i])) /* i64x2.extmul_low_i32x4_u */
    LANES(0xdf, 2, r->u64[i] = (uint64_t)((uint64_t)a->u32[i + 2] * b->u32[i + 2])) /* i64x2.extmul_high_i32x4_u */
    LANES(0xba, 4, r->u32[i] = (uint32_t)(a->i16[2 * i] * b->i16[2 * i]) + (uint32_t)(a->i16[2 * i + 1] * b->i16[2 * i + 1])) /* i32x4.dot_i16x8_s */
    LANES(0x0e, 16, r->u8[i] = b->u8[i] < 16 ? a->u8[b->u8[i]] : 0) /* i8x16.swizzle */
    default:
        return false;
    }
}

/* ---- floating point, two operands ------------------------------------------------------------------------ */

static bool float_binary(uint32_t code, const union v128 *a, const union v128 *b, union v128 *r)
{
    switch (code) {
    LANES(0x41, 4, r->u32[i] = (uint32_t)-(a->f32[i] == b->f32[i])) /* f32x4.eq */
    LANES(0x42, 4, r->u32[i] = (uint32_t)-(a->f32[i] != b->f32[i])) /* f32x4.ne */
    LANES(0x43, 4, r->u32[i] = (uint32_t)-(a->f32[i] < b->f32[i])) /* f32x4.lt */
    LANES(0x44, 4, r->u32[i] = (uint32_t)-(a->f32[i] > b->f32[i])) /* f32x4.gt */
    LANES(0x45, 4, r->u32[i] = (uint32_t)-(a->f32[i] <= b->f32[i])) /* f32x4.le */
    LANES(0x46, 4, r->u32[i] = (uint32_t)-(a->f32[i] >= b->f32[i])) /* f32x4.ge */
    LANES(0xe4, 4, r->f32[i] = a->f32[i] + b->f32[i]) /* f32x4.add */
    LANES(0xe5, 4, r->f32[i] = a->f32[i] - b->f32[i]) /* f32x4.sub */
    LANES(0xe6, 4, r->f32[i] = a->f32[i] * b->f32[i]) /* f32x4.mul */
    LANES(0xe7, 4, r->f32[i] = a->f32[i] / b->f32[i]) /* f32x4.div */
    LANES(0xe8, 4, r->f32[i] = f32_min(a->f32[i], b->f32[i])) /* f32x4.min */
    LANES(0xe9, 4, r->f32[i] = f32_max(a->f32[i], b->f32[i])) /* f32x4.max */
    LANES(0xea, 4, r->u32[i] = b->f32[i] < a->f32[i] ? b->u32[i] : a->u32[i]) /* f32x4.pmin */
    LANES(0xeb, 4, r->u32[i] = a->f32[i] < b->f32[i] ? b->u32[i] : a->u32[i]) /* f32x4.pmax */
    LANES(0x47, 2, r->u64[i] = (uint64_t)-(a->f64[i] == b->f64[i])) /* f64x2.eq */
    LANES(0x48, 2, r->u64[i] = (uint64_t)-(a->f64[i] != b->f64[i])) /* f64x2.ne */
    LANES(0x49, 2, r->u64[i] = (uint64_t)-(a->f64[i] < b->f64[i])) /* f64x2.lt */
    LANES(0x4a, 2, r->u64[i] = (uint64_t)-(a->f64[i] > b->f64[i])) /* f64x2.gt */
    LANES(0x4b, 2, r->u64[i] = (uint64_t)-(a->f64[i] <= b->f64[i])) /* f64x2.le */
    LANES(0x4c, 2, r->u64[i] = (uint64_t)-(a->f64[i] >= b->f64[i])) /* f64x2.ge */
    LANES(0xf0, 2, r->f64[i] = a->f64[i] + b->f64[i]) /* f64x2.add */
    LANES(0xf1, 2, r->f64[i] = a->f64[i] - b->f64[i]) /* f64x2.sub */
    LANES(0xf2, 2, r->f64[i] = a->f64[i] * b->f64[i]) /* f64x2.mul */
    LANES(0xf3, 2, r->f64[i] = a->f64[i] / b->f64[i]) /* f64x2.div */
    LANES(0xf4, 2, r->f64[i] = f64_min(a->f64[i], b->f64[i])) /* f64x2.min */
    LANES(0xf5, 2, r->f64[i] = f64_max(a->f64[i], b->f64[i])) /* f64x2.max */
    LANES(0xf6, 2, r->u64[i] = b->f64[i] < a->f64[i] ? b->u64[i] : a->u64[i]) /* f64x2.pmin */
    LANES(0xf7, 2, r->u64[i] = a->f64[i] < b->f64[i] ? b->u64[i] : a->u64[i]) /* f64x2.pmax */
    default:
        return false;
    }
}

/* ---- integers, one operand ------------------------------------------------------------------------------- */

static bool integer_unary(uint32_t code, const union v128 *a, union v128 *r)
{
    switch (code) {
    LANES(0x60, 16, r->u8[i] = (uint8_t)(a->i8[i] < 0 ? 0 - (uint64_t)a->u8[i] : (uint64_t)a->u8[i])) /* i8x16.abs */
    LANES(0x61, 16, r->u8[i] = (uint8_t)(0 - (uint64_t)a->u8[i])) /* i8x16.neg */
    LANES(0x80, 8, r->u16[i] = (uint16_t)(a->i16[i] < 0 ? 0 - (uint64_t)a->u16[i] : (uint64_t)a->u16[i])) /* i16x8.abs */
    LANES(0x81, 8, r->u16[i] = (uint16_t)(0 - (uint64_t)a->u16[i])) /* i16x8.neg */
    LANES(0xa0, 4, r->u32[i] = (uint32_t)(a->i32[i] < 0 ? 0 - (uint64_t)a->u32[i] : (uint64_t)a->u32[i])) /* i32x4.abs */
    LANES(0xa1, 4, r->u32[i] = (uint32_t)(0 - (uint64_t)a->u32[i])) /* i32x4.neg */
    LANES(0xc0, 2, r->u64[i] = (uint64_t)(a->i64[i] < 0 ? 0 - (uint64_t)a->u64[i] : (uint64_t)a->u64[i])) /* i64x2.abs */
    LANES(0xc1, 2, r->u64[i] = (uint64_t)(0 - (uint64_t)a->u64[i])) /* i64x2.neg */
    LANES(0x62, 16, r->u8[i] = (uint8_t)u64_popcnt(a->u8[i])) /* i8x16.popcnt */
    LANES(0x4d, 2, r->u64[i] = ~a->u64[i]) /* v128.not */
    default:
        return false;
    }
}

/* ---- one operand to wider lanes -------------------------------------------------------------------------- */

static bool widen_unary(uint32_t code, const union v128 *a, union v128 *r)
{
    switch (code) {
    LANES(0x87, 8, r->i16[i] = a->i8[i]) /* i16x8.extend_low_i8x16_s */
    LANES(0x88, 8, r->i16[i] = a->i8[i + 8]) /* i16x8.extend_high_i8x16_s */
    LANES(0x7c, 8, r->i16[i] = (int16_t)((int32_t)a->i8[2 * i] + (int32_t)a->i8[2 * i + 1])) /* i16x8.extadd_pairwise_i8x16_s */
    LANES(0x89, 8, r->u16[i] = a->u8[i]) /* i16x8.extend_low_i8x16_u */
    LANES(0x8a, 8, r->u16[i] = a->u8[i + 8]) /* i16x8.extend_high_i8x16_u */
    LANES(0x7d, 8, r->u16[i] = (uint16_t)((uint32_t)a->u8[2 * i] + (uint32_t)a->u8[2 * i + 1])) /* i16x8.extadd_pairwise_i8x16_u */
    LANES(0xa7, 4, r->i32[i] = a->i16[i]) /* i32x4.extend_low_i16x8_s */
    LANES(0xa8, 4, r->i32[i] = a->i16[i + 4]) /* i32x4.extend_high_i16x8_s */
    LANES(0x7e, 4, r->i32[i] = (int32_t)((int32_t)a->i16[2 * i] + (int32_t)a->i16[2 * i + 1])) /* i32x4.extadd_pairwise_i16x8_s */
    LANES(0xa9, 4, r->u32[i] = a->u16[i]) /* i32x4.extend_low_i16x8_u */
    LANES(0xaa, 4, r->u32[i] = a->u16[i + 4]) /* i32x4.extend_high_i16x8_u */
    LANES(0x7f, 4, r->u32[i] = (uint32_t)((uint32_t)a->u16[2 * i] + (uint32_t)a->u16[2 * i + 1])) /* i32x4.extadd_pairwise_i16x8_u */
    LANES(0xc7, 2, r->i64[i] = a->i32[i]) /* i64x2.extend_low_i32x4_s */
    LANES(0xc8, 2, r->i64[i] = a->i32[i + 2]) /* i64x2.extend_high_i32x4_s */
    LANES(0xc9, 2, r->u64[i] = a->u32[i]) /* i64x2.extend_low_i32x4_u */
    LANES(0xca, 2, r->u64[i] = a->u32[i + 2]) /* i64x2.extend_high_i32x4_u */
    default:
        return false;
    }
}

/* ---- floating point, one operand ------------------------------------------------------------------------- */

static bool float_unary(uint32_t code, const union v128 *a, union v128 *r)
{
    switch (code) {
    LANES(0xe0, 4, r->u32[i] = a->u32[i] & ~F32_SIGN) /* f32x4.abs */
    LANES(0xe1, 4, r->u32[i] = a->u32[i] ^ F32_SIGN) /* f32x4.neg */
    LANES(0xe3, 4, r->f32[i] = f32_sqrt(a->f32[i])) /* f32x4.sqrt */
    LANES(0x67, 4, r->f32[i] = f32_ceil(a->f32[i])) /* f32x4.ceil */
    LANES(0x68, 4, r->f32[i] = f32_floor(a->f32[i])) /* f32x4.floor */
    LANES(0x69, 4, r->f32[i] = f32_trunc(a->f32[i])) /* f32x4.trunc */
    LANES(0x6a, 4, r->f32[i] = f32_nearest(a->f32[i])) /* f32x4.nearest */
    LANES(0xec, 2, r->u64[i] = a->u64[i] & ~F64_SIGN) /* f64x2.abs */
    LANES(0xed, 2, r->u64[i] = a->u64[i] ^ F64_SIGN) /* f64x2.neg */
    LANES(0xef, 2, r->f64[i] = f64_sqrt(a->f64[i])) /* f64x2.sqrt */
    LANES(0x74, 2, r->f64[i] = f64_ceil(a->f64[i])) /* f64x2.ceil */
    LANES(0x75, 2, r->f64[i] = f64_floor(a->f64[i])) /* f64x2.floor */
    LANES(0x7a, 2, r->f64[i] = f64_trunc(a->f64[i])) /* f64x2.trunc */
    LANES(0x94, 2, r->f64[i] = f64_nearest(a->f64[i])) /* f64x2.nearest */
    default:
        return false;
    }
}

/* ---- conversions ----------------------------------------------------------------------------------------- */

static bool convert(uint32_t code, const union v128 *a, union v128 *r)
{
    switch (code) {
    LANES(0x5e, 4, r->f32[i] = i < 2 ? (float)a->f64[i] : 0) /* f32x4.demote_f64x2_zero */
    LANES(0x5f, 2, r->f64[i] = a->f32[i]) /* f64x2.promote_low_f32x4 */
    LANES(0xf8, 4, r->i32[i] = f32_saturate_i32(a->f32[i])) /* i32x4.trunc_sat_f32x4_s */
    LANES(0xf9, 4, r->u32[i] = f32_saturate_u32(a->f32[i])) /* i32x4.trunc_sat_f32x4_u */
    LANES(0xfa, 4, r->f32[i] = (float)a->i32[i]) /* f32x4.convert_i32x4_s */
    LANES(0xfb, 4, r->f32[i] = (float)a->u32[i]) /* f32x4.convert_i32x4_u */
    LANES(0xfc, 4, r->i32[i] = i < 2 ? f64_saturate_i32(a->f64[i]) : 0) /* i32x4.trunc_sat_f64x2_s_zero */
    LANES(0xfd, 4, r->u32[i] = i < 2 ? f64_saturate_u32(a->f64[i]) : 0) /* i32x4.trunc_sat_f64x2_u_zero */
    LANES(0xfe, 2, r->f64[i] = a->i32[i]) /* f64x2.convert_low_i32x4_s */
    LANES(0xff, 2, r->f64[i] = a->u32[i]) /* f64x2.convert_low_i32x4_u */
    default:
        return false;
    }
}

/* clang-format on */

/* ---- operands --------------------------------------------------------------------------------------------
 */

static uint32_t read_u32(struct machine *m)
{
    uint32_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *m->pc++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
}

static void vector_pop(struct machine *m, union v128 *value)
{
    m->sp -= 2;
    __builtin_memcpy(value, m->sp, sizeof(*value));
}

static void vector_push(struct machine *m, const union v128 *value)
{
    __builtin_memcpy(m->sp, value, sizeof(*value));
    m->sp += 2;
}

/* ---- memory ----------------------------------------------------------------------------------------------
 */

/* The address of an access, or null. */
static uint8_t *effective_address(struct machine *m, uint32_t index, uint32_t offset, uint32_t size_bytes)
{
    uint64_t address = (uint64_t)index + offset;
    if (address + size_bytes <= m->memory_bytes)
        return m->memory + address;
    m->out_of_bounds = true;
    return NULL;
}

/* Eight bytes, each half-width lane extended. */
static void load_extend(uint32_t code, const uint8_t *from, union v128 *r)
{
    union v128 half = {.u64 = {0, 0}};
    __builtin_memcpy(&half, from, 8);
    static const uint8_t extend_codes[] = {0x87, 0x89, 0xa7, 0xa9, 0xc7, 0xc9}; /* extend_low of each type */
    widen_unary(extend_codes[code - 1], &half, r);
}

static void load_splat(uint32_t size_bytes, const uint8_t *from, union v128 *r)
{
    for (unsigned i = 0; i < 16; i++)
        r->u8[i] = from[i % size_bytes];
}

static void memory_access(struct machine *m, uint32_t code, uint32_t size_bytes)
{
    union v128 r = {.u64 = {0, 0}};
    read_u32(m); /* alignment: a hint */
    uint32_t offset = read_u32(m);
    if (code == 0x0b) /* v128.store */
        vector_pop(m, &r);
    uint8_t *at = effective_address(m, (uint32_t) * --m->sp, offset, size_bytes);
    if (at == NULL)
        return;
    if (code == 0x0b) {
        __builtin_memcpy(at, &r, size_bytes);
        return;
    }
    if (code >= 1 && code <= 6)
        load_extend(code, at, &r);
    else if (code >= 7 && code <= 10)
        load_splat(size_bytes, at, &r);
    else /* v128.load, load32_zero, load64_zero */
        __builtin_memcpy(&r, at, size_bytes);
    vector_push(m, &r);
}

static void memory_lane_access(struct machine *m, uint32_t code, uint32_t size_bytes)
{
    union v128 r;
    read_u32(m);
    uint32_t offset = read_u32(m);
    uint32_t lane = *m->pc++;
    vector_pop(m, &r);
    uint8_t *at = effective_address(m, (uint32_t) * --m->sp, offset, size_bytes);
    if (at == NULL)
        return;
    if (code >= 0x58) { /* v128.store8_lane and on */
        __builtin_memcpy(at, &r.u8[lane * size_bytes], size_bytes);
        return;
    }
    __builtin_memcpy(&r.u8[lane * size_bytes], at, size_bytes);
    vector_push(m, &r);
}

/* ---- lanes -----------------------------------------------------------------------------------------------
 */

static void splat(struct machine *m, uint32_t lane_bytes)
{
    union v128 r;
    uint8_t value[8];
    __builtin_memcpy(value, --m->sp, sizeof(value));
    for (unsigned i = 0; i < 16; i++)
        r.u8[i] = value[i % lane_bytes];
    vector_push(m, &r);
}

static void replace_lane(struct machine *m, uint32_t lane_bytes)
{
    union v128 r;
    uint64_t value = *--m->sp;
    vector_pop(m, &r);
    __builtin_memcpy(&r.u8[*m->pc++ * lane_bytes], &value, lane_bytes);
    vector_push(m, &r);
}

static void extract_lane(struct machine *m, uint32_t code, uint32_t lane_bytes)
{
    union v128 a;
    uint64_t value = 0;
    vector_pop(m, &a);
    uint32_t lane = *m->pc++;
    if (code == 0x15) /* i8x16.extract_lane_s */
        value = (uint64_t)(int64_t)a.i8[lane];
    else if (code == 0x18) /* i16x8.extract_lane_s */
        value = (uint64_t)(int64_t)a.i16[lane];
    else
        __builtin_memcpy(&value, &a.u8[lane * lane_bytes], lane_bytes);
    *m->sp++ = value;
}

static void shuffle(struct machine *m)
{
    union v128 a[2], r;
    vector_pop(m, &a[1]);
    vector_pop(m, &a[0]);
    for (unsigned i = 0; i < 16; i++) {
        uint8_t lane = *m->pc++;
        r.u8[i] = a[lane / 16].u8[lane % 16];
    }
    vector_push(m, &r);
}

static void constant(struct machine *m)
{
    union v128 r;
    __builtin_memcpy(&r, m->pc, sizeof(r));
    m->pc += sizeof(r);
    vector_push(m, &r);
}

/* ---- the shapes left -------------------------------------------------------------------------------------
 */

static bool shift_lanes(uint32_t code, uint32_t n, const union v128 *a, union v128 *r)
{
    switch (code) {
        LANES(0x6b, 16, r->u8[i] = (uint8_t)(a->u8[i] << (n & 7)))
        LANES(0x6c, 16, r->i8[i] = (int8_t)(a->i8[i] >> (n & 7)))
        LANES(0x6d, 16, r->u8[i] = (uint8_t)(a->u8[i] >> (n & 7)))
        LANES(0x8b, 8, r->u16[i] = (uint16_t)(a->u16[i] << (n & 15)))
        LANES(0x8c, 8, r->i16[i] = (int16_t)(a->i16[i] >> (n & 15)))
        LANES(0x8d, 8, r->u16[i] = (uint16_t)(a->u16[i] >> (n & 15)))
        LANES(0xab, 4, r->u32[i] = a->u32[i] << (n & 31))
        LANES(0xac, 4, r->i32[i] = a->i32[i] >> (n & 31))
        LANES(0xad, 4, r->u32[i] = a->u32[i] >> (n & 31))
        LANES(0xcb, 2, r->u64[i] = a->u64[i] << (n & 63))
        LANES(0xcc, 2, r->i64[i] = a->i64[i] >> (n & 63))
        LANES(0xcd, 2, r->u64[i] = a->u64[i] >> (n & 63))
    default:
        return false;
    }
}

/* any_true, all_true, bitmask: looks at the lanes of lane_bytes each. */
static uint32_t test_lanes(uint32_t code, const union v128 *a)
{
    if (code == 0x53)
        return (a->u64[0] | a->u64[1]) != 0;
    uint32_t lane_bytes = 1u << ((code - 0x60) / 32); /* the codes of each lane width are 32 apart */
    bool is_bitmask = (code & 0x1f) == 4;
    uint32_t mask = 0, all = 1;
    for (uint32_t lane = 0; lane < 16 / lane_bytes; lane++) {
        uint64_t value = 0;
        __builtin_memcpy(&value, &a->u8[lane * lane_bytes], lane_bytes);
        mask |= (uint32_t)(value >> (8 * lane_bytes - 1)) << lane;
        all &= value != 0;
    }
    return is_bitmask ? mask : all;
}

static void two_operands(struct machine *m, uint32_t code)
{
    union v128 a, b, r;
    vector_pop(m, &b);
    vector_pop(m, &a);
    (void)(integer_binary(code, &a, &b, &r) || float_binary(code, &a, &b, &r) ||
           compare_integers(code, &a, &b, &r) || widen_binary(code, &a, &b, &r));
    vector_push(m, &r);
}

static void one_operand(struct machine *m, uint32_t code, bool to_vector)
{
    union v128 a, r;
    vector_pop(m, &a);
    if (!to_vector) {
        *m->sp++ = test_lanes(code, &a);
        return;
    }
    (void)(integer_unary(code, &a, &r) || float_unary(code, &a, &r) || widen_unary(code, &a, &r) ||
           convert(code, &a, &r));
    vector_push(m, &r);
}

static void shift(struct machine *m, uint32_t code)
{
    union v128 a, r;
    uint32_t n = (uint32_t) * --m->sp;
    vector_pop(m, &a);
    shift_lanes(code, n, &a, &r);
    vector_push(m, &r);
}

static void bitselect(struct machine *m)
{
    union v128 a, b, mask;
    vector_pop(m, &mask);
    vector_pop(m, &b);
    vector_pop(m, &a);
    for (unsigned i = 0; i < 2; i++)
        a.u64[i] = (a.u64[i] & mask.u64[i]) | (b.u64[i] & ~mask.u64[i]);
    vector_push(m, &a);
}

/* Plain instructions, by how many vectors they take. */
static void plain(struct machine *m, uint32_t code, const struct wasm_opcode *opcode)
{
    static const uint8_t splat_bytes[] = {1, 2, 4, 8, 4, 8};
    if (opcode->operands[0] != 'v')
        splat(m, splat_bytes[code - 0x0f]);
    else if (opcode->operands[1] == 0)
        one_operand(m, code, opcode->result == 'v');
    else if (opcode->operands[1] == 'i')
        shift(m, code);
    else if (opcode->operands[2] == 0)
        two_operands(m, code);
    else
        bitselect(m);
}

struct wasm_simd_state wasm_simd_execute(const uint8_t *pc, uint64_t *sp, uint8_t *memory,
                                         uint64_t memory_bytes)
{
    struct machine m = {pc, sp, memory, memory_bytes, false};
    uint32_t code = read_u32(&m);
    const struct wasm_opcode *opcode = wasm_opcode_lookup(WASM_PREFIX_SIMD, code);
    switch (opcode->immediate) {
    case WASM_IMM_MEMARG:
        memory_access(&m, code, 1u << opcode->extra);
        break;
    case WASM_IMM_MEMARG_LANE:
        memory_lane_access(&m, code, 1u << opcode->extra);
        break;
    case WASM_IMM_LANE:
        if (opcode->result == 'v')
            replace_lane(&m, 16u / opcode->extra);
        else
            extract_lane(&m, code, 16u / opcode->extra);
        break;
    case WASM_IMM_SHUFFLE:
        shuffle(&m);
        break;
    case WASM_IMM_V128:
        constant(&m);
        break;
    default:
        plain(&m, code, opcode);
    }
    return (struct wasm_simd_state){m.pc, m.out_of_bounds ? NULL : m.sp};
}
