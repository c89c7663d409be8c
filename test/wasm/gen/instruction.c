/* The table of instructions by signature. instruction.h says what for. */
#include "instruction.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of opcodes that share a signature. */
struct range {
    uint8_t prefix;
    uint16_t first, last;
    const char *operands;
    char result;
    enum canonical canonical;
    bool may_trap;
    uint8_t lanes;
};

static const struct range ranges[] = {
    {0, 0x45, 0x45, "i", 'i', CANON_NONE, false, 0},
    {0, 0x46, 0x4f, "ii", 'i', CANON_NONE, false, 0},
    {0, 0x50, 0x50, "l", 'i', CANON_NONE, false, 0},
    {0, 0x51, 0x5a, "ll", 'i', CANON_NONE, false, 0},
    {0, 0x5b, 0x60, "ff", 'i', CANON_NONE, false, 0},
    {0, 0x61, 0x66, "dd", 'i', CANON_NONE, false, 0},
    {0, 0x67, 0x69, "i", 'i', CANON_NONE, false, 0},
    {0, 0x6a, 0x6c, "ii", 'i', CANON_NONE, false, 0},
    {0, 0x6d, 0x70, "ii", 'i', CANON_NONE, true, 0},
    {0, 0x71, 0x78, "ii", 'i', CANON_NONE, false, 0},
    {0, 0x79, 0x7b, "l", 'l', CANON_NONE, false, 0},
    {0, 0x7c, 0x7e, "ll", 'l', CANON_NONE, false, 0},
    {0, 0x7f, 0x82, "ll", 'l', CANON_NONE, true, 0},
    {0, 0x83, 0x8a, "ll", 'l', CANON_NONE, false, 0},
    {0, 0x8b, 0x8c, "f", 'f', CANON_NONE, false, 0},
    {0, 0x8d, 0x91, "f", 'f', CANON_F32, false, 0},
    {0, 0x92, 0x97, "ff", 'f', CANON_F32, false, 0},
    {0, 0x98, 0x98, "ff", 'f', CANON_NONE, false, 0},
    {0, 0x99, 0x9a, "d", 'd', CANON_NONE, false, 0},
    {0, 0x9b, 0x9f, "d", 'd', CANON_F64, false, 0},
    {0, 0xa0, 0xa5, "dd", 'd', CANON_F64, false, 0},
    {0, 0xa6, 0xa6, "dd", 'd', CANON_NONE, false, 0},
    {0, 0xa7, 0xa7, "l", 'i', CANON_NONE, false, 0},
    {0, 0xa8, 0xa9, "f", 'i', CANON_NONE, true, 0},
    {0, 0xaa, 0xab, "d", 'i', CANON_NONE, true, 0},
    {0, 0xac, 0xad, "i", 'l', CANON_NONE, false, 0},
    {0, 0xae, 0xaf, "f", 'l', CANON_NONE, true, 0},
    {0, 0xb0, 0xb1, "d", 'l', CANON_NONE, true, 0},
    {0, 0xb2, 0xb3, "i", 'f', CANON_NONE, false, 0},
    {0, 0xb4, 0xb5, "l", 'f', CANON_NONE, false, 0},
    {0, 0xb6, 0xb6, "d", 'f', CANON_F32, false, 0},
    {0, 0xb7, 0xb8, "i", 'd', CANON_NONE, false, 0},
    {0, 0xb9, 0xba, "l", 'd', CANON_NONE, false, 0},
    {0, 0xbb, 0xbb, "f", 'd', CANON_F64, false, 0},
    {0, 0xbc, 0xbc, "f", 'i', CANON_NONE, false, 0},
    {0, 0xbd, 0xbd, "d", 'l', CANON_NONE, false, 0},
    {0, 0xbe, 0xbe, "i", 'f', CANON_NONE, false, 0},
    {0, 0xbf, 0xbf, "l", 'd', CANON_NONE, false, 0},
    {0, 0xc0, 0xc1, "i", 'i', CANON_NONE, false, 0},
    {0, 0xc2, 0xc4, "l", 'l', CANON_NONE, false, 0},
    {0, 0xd1, 0xd1, "F", 'i', CANON_NONE, false, 0},
    {0, 0xd1, 0xd1, "E", 'i', CANON_NONE, false, 0},
    {0xfc, 0, 1, "f", 'i', CANON_NONE, false, 0},
    {0xfc, 2, 3, "d", 'i', CANON_NONE, false, 0},
    {0xfc, 4, 5, "f", 'l', CANON_NONE, false, 0},
    {0xfc, 6, 7, "d", 'l', CANON_NONE, false, 0},

    {0xfd, 0x0e, 0x0e, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x0f, 0x11, "i", 'v', CANON_NONE, false, 0},
    {0xfd, 0x12, 0x12, "l", 'v', CANON_NONE, false, 0},
    {0xfd, 0x13, 0x13, "f", 'v', CANON_NONE, false, 0},
    {0xfd, 0x14, 0x14, "d", 'v', CANON_NONE, false, 0},
    {0xfd, 0x15, 0x16, "v", 'i', CANON_NONE, false, 16},
    {0xfd, 0x17, 0x17, "vi", 'v', CANON_NONE, false, 16},
    {0xfd, 0x18, 0x19, "v", 'i', CANON_NONE, false, 8},
    {0xfd, 0x1a, 0x1a, "vi", 'v', CANON_NONE, false, 8},
    {0xfd, 0x1b, 0x1b, "v", 'i', CANON_NONE, false, 4},
    {0xfd, 0x1c, 0x1c, "vi", 'v', CANON_NONE, false, 4},
    {0xfd, 0x1d, 0x1d, "v", 'l', CANON_NONE, false, 2},
    {0xfd, 0x1e, 0x1e, "vl", 'v', CANON_NONE, false, 2},
    {0xfd, 0x1f, 0x1f, "v", 'f', CANON_NONE, false, 4},
    {0xfd, 0x20, 0x20, "vf", 'v', CANON_NONE, false, 4},
    {0xfd, 0x21, 0x21, "v", 'd', CANON_NONE, false, 2},
    {0xfd, 0x22, 0x22, "vd", 'v', CANON_NONE, false, 2},
    {0xfd, 0x23, 0x4c, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x4d, 0x4d, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0x4e, 0x51, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x52, 0x52, "vvv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x53, 0x53, "v", 'i', CANON_NONE, false, 0},
    {0xfd, 0x5e, 0x5e, "v", 'v', CANON_F32X4, false, 0},
    {0xfd, 0x5f, 0x5f, "v", 'v', CANON_F64X2, false, 0},
    {0xfd, 0x60, 0x62, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0x63, 0x64, "v", 'i', CANON_NONE, false, 0},
    {0xfd, 0x65, 0x66, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x67, 0x6a, "v", 'v', CANON_F32X4, false, 0},
    {0xfd, 0x6b, 0x6d, "vi", 'v', CANON_NONE, false, 0},
    {0xfd, 0x6e, 0x73, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x74, 0x75, "v", 'v', CANON_F64X2, false, 0},
    {0xfd, 0x76, 0x79, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x7a, 0x7a, "v", 'v', CANON_F64X2, false, 0},
    {0xfd, 0x7b, 0x7b, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x7c, 0x81, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0x82, 0x82, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x83, 0x84, "v", 'i', CANON_NONE, false, 0},
    {0xfd, 0x85, 0x86, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x87, 0x8a, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0x8b, 0x8d, "vi", 'v', CANON_NONE, false, 0},
    {0xfd, 0x8e, 0x93, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x94, 0x94, "v", 'v', CANON_F64X2, false, 0},
    {0xfd, 0x95, 0x99, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0x9b, 0x9f, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xa0, 0xa1, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xa3, 0xa4, "v", 'i', CANON_NONE, false, 0},
    {0xfd, 0xa7, 0xaa, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xab, 0xad, "vi", 'v', CANON_NONE, false, 0},
    {0xfd, 0xae, 0xae, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xb1, 0xb1, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xb5, 0xba, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xbc, 0xbf, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xc0, 0xc1, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xc3, 0xc4, "v", 'i', CANON_NONE, false, 0},
    {0xfd, 0xc7, 0xca, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xcb, 0xcd, "vi", 'v', CANON_NONE, false, 0},
    {0xfd, 0xce, 0xce, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xd1, 0xd1, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xd5, 0xdf, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xe0, 0xe1, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xe3, 0xe3, "v", 'v', CANON_F32X4, false, 0},
    {0xfd, 0xe4, 0xe9, "vv", 'v', CANON_F32X4, false, 0},
    {0xfd, 0xea, 0xeb, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xec, 0xed, "v", 'v', CANON_NONE, false, 0},
    {0xfd, 0xef, 0xef, "v", 'v', CANON_F64X2, false, 0},
    {0xfd, 0xf0, 0xf5, "vv", 'v', CANON_F64X2, false, 0},
    {0xfd, 0xf6, 0xf7, "vv", 'v', CANON_NONE, false, 0},
    {0xfd, 0xf8, 0xff, "v", 'v', CANON_NONE, false, 0},
};

enum { MAX_INSTRUCTIONS = 512, TYPES = 7 };
static const char type_letters[] = "ilfdvFE";
static struct instruction all[MAX_INSTRUCTIONS];
static const struct instruction *by_type[TYPES][MAX_INSTRUCTIONS];
static unsigned type_count[TYPES];

static unsigned type_index(char type)
{
    return (unsigned)(strchr(type_letters, type) - type_letters);
}

void instructions_init(void)
{
    unsigned used = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *r = &ranges[i];
        for (unsigned opcode = r->first; opcode <= r->last; opcode++) {
            unsigned type = type_index(r->result);
            if (used == MAX_INSTRUCTIONS)
                abort();
            all[used] = (struct instruction){r->prefix,    opcode,      r->operands, r->result,
                                             r->canonical, r->may_trap, r->lanes};
            by_type[type][type_count[type]++] = &all[used++];
        }
    }
}

const struct instruction *const *instructions_giving(char type, unsigned *count)
{
    *count = type_count[type_index(type)];
    return by_type[type_index(type)];
}

uint8_t type_code(char type)
{
    static const uint8_t codes[TYPES] = {0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f};
    return codes[type_index(type)];
}
