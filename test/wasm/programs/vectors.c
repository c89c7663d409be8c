/* Vector intrinsics, as clang writes them for -msimd128. */
#include <stdint.h>
#include <stdio.h>
#include <wasm_simd128.h>

static float dot(const float *a, const float *b, int n)
{
    v128_t sum = wasm_f32x4_splat(0);
    for (int i = 0; i < n; i += 4)
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
    return wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) +
           wasm_f32x4_extract_lane(sum, 2) + wasm_f32x4_extract_lane(sum, 3);
}

/* Vectorised by the compiler itself. */
static uint32_t checksum(const uint8_t *p, int n)
{
    uint32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += (uint32_t)(p[i] * p[i]) ^ (uint32_t)i;
    return sum;
}

int main(void)
{
    static float a[256], b[256];
    static uint8_t bytes[1000];
    for (int i = 0; i < 256; i++) {
        a[i] = (float)i * 0.25f;
        b[i] = (float)(256 - i) * 0.5f;
    }
    for (int i = 0; i < 1000; i++)
        bytes[i] = (uint8_t)(i * 7);
    v128_t shuffled = wasm_i8x16_shuffle(wasm_v128_load(bytes), wasm_v128_load(bytes + 16), 0, 16, 1, 17, 2,
                                         18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v128_t saturated = wasm_i8x16_add_sat(shuffled, wasm_i8x16_swizzle(shuffled, wasm_i8x16_splat(3)));
    printf("%g %u %d %u\n", (double)dot(a, b, 256), (unsigned)checksum(bytes, 1000),
           wasm_i8x16_extract_lane(saturated, 9), (unsigned)wasm_i8x16_bitmask(saturated));
    return 0;
}
