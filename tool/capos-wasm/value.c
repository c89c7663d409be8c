/* Values on the command line and in results. */
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An integer of `bits` bits, signed or unsigned, decimal or 0x hexadecimal. */
static bool parse_integer(const char *text, unsigned bits, uint64_t *value)
{
    char *end;
    bool negative = text[0] == '-';
    const char *digits = text + (negative || text[0] == '+');
    int base = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
    if (digits[0] < '0' || digits[0] > '9')
        return false;
    errno = 0;
    uint64_t magnitude = strtoull(digits, &end, base);
    uint64_t most = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    if (errno != 0 || *end != 0 || magnitude > (negative ? most / 2 + 1 : most))
        return false;
    *value = (negative ? 0 - magnitude : magnitude) & most;
    return true;
}

static bool parse_float(uint8_t type, const char *text, union wasm_value *value)
{
    char *end;
    if (strncmp(text, "bits:", 5) == 0)
        return parse_integer(text + 5, type == WASM_F32 ? 32 : 64, &value->i64);
    if (type == WASM_F32) {
        float number = strtof(text, &end);
        memcpy(&value->f32_bits, &number, sizeof(number));
    } else {
        double number = strtod(text, &end);
        memcpy(&value->f64_bits, &number, sizeof(number));
    }
    return end != text && *end == 0;
}

static bool parse_v128(const char *text, union wasm_value *value)
{
    if (strncmp(text, "0x", 2) != 0 || strlen(text) != 34 || strspn(text + 2, "0123456789abcdefABCDEF") != 32)
        return false;
    for (unsigned i = 0; i < 16; i++) {
        char byte[3] = {text[2 + 2 * i], text[3 + 2 * i], 0};
        value->v128[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return true;
}

bool value_parse(uint8_t type, const char *text, union wasm_value *value)
{
    uint64_t number = 0;
    *value = (union wasm_value){.slots = {0, 0}};
    switch (type) {
    case WASM_I32:
        return parse_integer(text, 32, &value->i64);
    case WASM_I64:
        return parse_integer(text, 64, &value->i64);
    case WASM_F32:
    case WASM_F64:
        return parse_float(type, text, value);
    case WASM_V128:
        return parse_v128(text, value);
    default:
        if (strcmp(text, "null") == 0)
            return true;
        if (type != WASM_EXTERNREF || !parse_integer(text, 32, &number))
            return false;
        value->ref = EXTERNREF_OF(number);
        return true;
    }
}

static void reference_print(FILE *to, uint8_t type, uint64_t ref)
{
    if (ref == 0)
        fprintf(to, "%s:null", wasm_type_name(type));
    else if (type == WASM_EXTERNREF)
        fprintf(to, "externref:%llu", (unsigned long long)ref - 1);
    else
        fprintf(to, "funcref:%u", wasm_func_index((const struct wasm_func *)(uintptr_t)ref));
}

void value_print(FILE *to, uint8_t type, const union wasm_value *value)
{
    switch (type) {
    case WASM_I32:
        fprintf(to, "i32:%u", value->i32);
        break;
    case WASM_I64:
        fprintf(to, "i64:%llu", (unsigned long long)value->i64);
        break;
    case WASM_F32:
        fprintf(to, "f32:0x%08x", value->f32_bits);
        break;
    case WASM_F64:
        fprintf(to, "f64:0x%016llx", (unsigned long long)value->f64_bits);
        break;
    case WASM_V128:
        fputs("v128:0x", to);
        for (unsigned i = 0; i < 16; i++)
            fprintf(to, "%02x", value->v128[i]);
        break;
    default:
        reference_print(to, type, value->ref);
    }
}
