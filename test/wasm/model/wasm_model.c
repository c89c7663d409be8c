/*
 * Writes the instruction tests: a .wast file per family, from the scalar model.
 *
 *     wasm-model DIRECTORY
 *
 * The list of the SIMD instructions of WebAssembly 2.0 is here once more, by opcode: a file of which an
 * instruction is missing is an error, so that "every instruction" stays true.
 */
#include "op.h"
#include "wast.h"
#include <stdlib.h>
#include <string.h>

/* 0xfd sub-opcodes 0 to 0xff; the unassigned ones are empty. */
static const char *const simd_names[256] = {
    "v128.load",
    "v128.load8x8_s",
    "v128.load8x8_u",
    "v128.load16x4_s",
    "v128.load16x4_u",
    "v128.load32x2_s",
    "v128.load32x2_u",
    "v128.load8_splat",
    "v128.load16_splat",
    "v128.load32_splat",
    "v128.load64_splat",
    "v128.store",
    "v128.const",
    "i8x16.shuffle",
    "i8x16.swizzle",
    "i8x16.splat",
    "i16x8.splat",
    "i32x4.splat",
    "i64x2.splat",
    "f32x4.splat",
    "f64x2.splat",
    "i8x16.extract_lane_s",
    "i8x16.extract_lane_u",
    "i8x16.replace_lane",
    "i16x8.extract_lane_s",
    "i16x8.extract_lane_u",
    "i16x8.replace_lane",
    "i32x4.extract_lane",
    "i32x4.replace_lane",
    "i64x2.extract_lane",
    "i64x2.replace_lane",
    "f32x4.extract_lane",
    "f32x4.replace_lane",
    "f64x2.extract_lane",
    "f64x2.replace_lane",
    "i8x16.eq",
    "i8x16.ne",
    "i8x16.lt_s",
    "i8x16.lt_u",
    "i8x16.gt_s",
    "i8x16.gt_u",
    "i8x16.le_s",
    "i8x16.le_u",
    "i8x16.ge_s",
    "i8x16.ge_u",
    "i16x8.eq",
    "i16x8.ne",
    "i16x8.lt_s",
    "i16x8.lt_u",
    "i16x8.gt_s",
    "i16x8.gt_u",
    "i16x8.le_s",
    "i16x8.le_u",
    "i16x8.ge_s",
    "i16x8.ge_u",
    "i32x4.eq",
    "i32x4.ne",
    "i32x4.lt_s",
    "i32x4.lt_u",
    "i32x4.gt_s",
    "i32x4.gt_u",
    "i32x4.le_s",
    "i32x4.le_u",
    "i32x4.ge_s",
    "i32x4.ge_u",
    "f32x4.eq",
    "f32x4.ne",
    "f32x4.lt",
    "f32x4.gt",
    "f32x4.le",
    "f32x4.ge",
    "f64x2.eq",
    "f64x2.ne",
    "f64x2.lt",
    "f64x2.gt",
    "f64x2.le",
    "f64x2.ge",
    "v128.not",
    "v128.and",
    "v128.andnot",
    "v128.or",
    "v128.xor",
    "v128.bitselect",
    "v128.any_true",
    "v128.load8_lane",
    "v128.load16_lane",
    "v128.load32_lane",
    "v128.load64_lane",
    "v128.store8_lane",
    "v128.store16_lane",
    "v128.store32_lane",
    "v128.store64_lane",
    "v128.load32_zero",
    "v128.load64_zero",
    "f32x4.demote_f64x2_zero",
    "f64x2.promote_low_f32x4",
    "i8x16.abs",
    "i8x16.neg",
    "i8x16.popcnt",
    "i8x16.all_true",
    "i8x16.bitmask",
    "i8x16.narrow_i16x8_s",
    "i8x16.narrow_i16x8_u",
    "f32x4.ceil",
    "f32x4.floor",
    "f32x4.trunc",
    "f32x4.nearest",
    "i8x16.shl",
    "i8x16.shr_s",
    "i8x16.shr_u",
    "i8x16.add",
    "i8x16.add_sat_s",
    "i8x16.add_sat_u",
    "i8x16.sub",
    "i8x16.sub_sat_s",
    "i8x16.sub_sat_u",
    "f64x2.ceil",
    "f64x2.floor",
    "i8x16.min_s",
    "i8x16.min_u",
    "i8x16.max_s",
    "i8x16.max_u",
    "f64x2.trunc",
    "i8x16.avgr_u",
    "i16x8.extadd_pairwise_i8x16_s",
    "i16x8.extadd_pairwise_i8x16_u",
    "i32x4.extadd_pairwise_i16x8_s",
    "i32x4.extadd_pairwise_i16x8_u",
    "i16x8.abs",
    "i16x8.neg",
    "i16x8.q15mulr_sat_s",
    "i16x8.all_true",
    "i16x8.bitmask",
    "i16x8.narrow_i32x4_s",
    "i16x8.narrow_i32x4_u",
    "i16x8.extend_low_i8x16_s",
    "i16x8.extend_high_i8x16_s",
    "i16x8.extend_low_i8x16_u",
    "i16x8.extend_high_i8x16_u",
    "i16x8.shl",
    "i16x8.shr_s",
    "i16x8.shr_u",
    "i16x8.add",
    "i16x8.add_sat_s",
    "i16x8.add_sat_u",
    "i16x8.sub",
    "i16x8.sub_sat_s",
    "i16x8.sub_sat_u",
    "f64x2.nearest",
    "i16x8.mul",
    "i16x8.min_s",
    "i16x8.min_u",
    "i16x8.max_s",
    "i16x8.max_u",
    "",
    "i16x8.avgr_u",
    "i16x8.extmul_low_i8x16_s",
    "i16x8.extmul_high_i8x16_s",
    "i16x8.extmul_low_i8x16_u",
    "i16x8.extmul_high_i8x16_u",
    "i32x4.abs",
    "i32x4.neg",
    "",
    "i32x4.all_true",
    "i32x4.bitmask",
    "",
    "",
    "i32x4.extend_low_i16x8_s",
    "i32x4.extend_high_i16x8_s",
    "i32x4.extend_low_i16x8_u",
    "i32x4.extend_high_i16x8_u",
    "i32x4.shl",
    "i32x4.shr_s",
    "i32x4.shr_u",
    "i32x4.add",
    "",
    "",
    "i32x4.sub",
    "",
    "",
    "",
    "i32x4.mul",
    "i32x4.min_s",
    "i32x4.min_u",
    "i32x4.max_s",
    "i32x4.max_u",
    "i32x4.dot_i16x8_s",
    "",
    "i32x4.extmul_low_i16x8_s",
    "i32x4.extmul_high_i16x8_s",
    "i32x4.extmul_low_i16x8_u",
    "i32x4.extmul_high_i16x8_u",
    "i64x2.abs",
    "i64x2.neg",
    "",
    "i64x2.all_true",
    "i64x2.bitmask",
    "",
    "",
    "i64x2.extend_low_i32x4_s",
    "i64x2.extend_high_i32x4_s",
    "i64x2.extend_low_i32x4_u",
    "i64x2.extend_high_i32x4_u",
    "i64x2.shl",
    "i64x2.shr_s",
    "i64x2.shr_u",
    "i64x2.add",
    "",
    "",
    "i64x2.sub",
    "",
    "",
    "",
    "i64x2.mul",
    "i64x2.eq",
    "i64x2.ne",
    "i64x2.lt_s",
    "i64x2.gt_s",
    "i64x2.le_s",
    "i64x2.ge_s",
    "i64x2.extmul_low_i32x4_s",
    "i64x2.extmul_high_i32x4_s",
    "i64x2.extmul_low_i32x4_u",
    "i64x2.extmul_high_i32x4_u",
    "f32x4.abs",
    "f32x4.neg",
    "",
    "f32x4.sqrt",
    "f32x4.add",
    "f32x4.sub",
    "f32x4.mul",
    "f32x4.div",
    "f32x4.min",
    "f32x4.max",
    "f32x4.pmin",
    "f32x4.pmax",
    "f64x2.abs",
    "f64x2.neg",
    "",
    "f64x2.sqrt",
    "f64x2.add",
    "f64x2.sub",
    "f64x2.mul",
    "f64x2.div",
    "f64x2.min",
    "f64x2.max",
    "f64x2.pmin",
    "f64x2.pmax",
    "i32x4.trunc_sat_f32x4_s",
    "i32x4.trunc_sat_f32x4_u",
    "f32x4.convert_i32x4_s",
    "f32x4.convert_i32x4_u",
    "i32x4.trunc_sat_f64x2_s_zero",
    "i32x4.trunc_sat_f64x2_u_zero",
    "f64x2.convert_low_i32x4_s",
    "f64x2.convert_low_i32x4_u",
};

enum { SIMD_INSTRUCTIONS = 236 };

static struct wast out;
static bool seen[256];
static const char *directory;

static void mark_seen(const char *name)
{
    for (unsigned i = 0; i < 256; i++)
        if (simd_names[i] && strcmp(simd_names[i], name) == 0)
            seen[i] = true;
}

static void write_op(const struct op *op)
{
    mark_seen(op->name);
    wast_op(&out, op);
}

static void open_file(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.wast", directory, name);
    out.file = fopen(path, "w");
    if (!out.file) {
        perror(path);
        exit(1);
    }
    fprintf(out.file, ";; Written by wasm-model from the scalar model. Do not edit.\n");
}

static void close_file(void)
{
    if (ferror(out.file) || fclose(out.file) != 0) {
        fprintf(stderr, "wasm-model: cannot write\n");
        exit(1);
    }
}

static void write_family(const char *name, void (*family)(op_sink *))
{
    open_file(name);
    family(write_op);
    close_file();
}

/* The memory family and v128.const (an operand of every test) are not ops. */
static void write_memory(void)
{
    open_file("simd_memory");
    ops_memory(&out);
    close_file();
    for (unsigned i = 0; i < 256; i++)
        if (simd_names[i] && (strstr(simd_names[i], "v128.load") || strstr(simd_names[i], "v128.store") ||
                              strcmp(simd_names[i], "v128.const") == 0))
            seen[i] = true;
}

/* Sub-opcodes that no instruction has must be malformed, and so must the names of ours be complete. */
static int check_complete(void)
{
    unsigned count = 0, missing = 0;
    for (unsigned i = 0; i < 256; i++) {
        if (!simd_names[i] || !simd_names[i][0])
            continue;
        count++;
        if (!seen[i]) {
            fprintf(stderr, "wasm-model: no test of %s\n", simd_names[i]);
            missing++;
        }
    }
    if (count != SIMD_INSTRUCTIONS)
        fprintf(stderr, "wasm-model: %u SIMD instructions are listed, not %u\n", count, SIMD_INSTRUCTIONS);
    return missing || count != SIMD_INSTRUCTIONS;
}

/* Every unassigned sub-opcode, as the one instruction of a body. */
static void write_unassigned(void)
{
    open_file("simd_unassigned");
    for (unsigned i = 0; i < 256; i++) {
        if (simd_names[i] && simd_names[i][0])
            continue;
        unsigned low = i & 0x7f, high = i >> 7;
        fprintf(
            out.file,
            "(assert_malformed (module binary \"\\00asm\" \"\\01\\00\\00\\00\" \"\\01\\04\\01\\60\\00\\00\" "
            "\"\\03\\02\\01\\00\" \"\\0a\\07\\01\\05\\00\\fd\\%02x\\%02x\\0b\") \"illegal opcode\")\n",
            low | 0x80, high);
        out.assertions++;
    }
    close_file();
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: wasm-model DIRECTORY\n");
        return 1;
    }
    directory = argv[1];
    write_family("scalar", ops_scalar);
    write_family("simd_int", ops_lane_int);
    write_family("simd_float", ops_lane_float);
    write_family("simd_convert", ops_lane_convert);
    write_family("simd_move", ops_lane_move);
    write_memory();
    write_unassigned();
    printf("%lu assertions\n", out.assertions);
    return check_complete();
}
