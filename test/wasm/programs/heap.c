/* Allocation, growth of the memory, copying and clearing: the library's bulk operations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 300 };

int main(void)
{
    static uint8_t *block[BLOCKS];
    static size_t size[BLOCKS];
    uint32_t random = 1, sum = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t k = random >> 8, at = k % BLOCKS;
        size_t want = 1 + (k >> 9) % (at == 0 ? 300000 : 2000);
        uint8_t *p = realloc(block[at], want);
        if (!p)
            return 1;
        if (want > size[at])
            memset(p + size[at], (int)i, want - size[at]);
        memmove(p + want / 3, p, want / 2);
        block[at] = p;
        size[at] = want;
        sum = sum * 31 + p[want - 1] + p[want / 2];
        if (k % 7 == 0) {
            free(p);
            block[at] = NULL;
            size[at] = 0;
        }
    }
    printf("%08x\n", (unsigned)sum);
    return 0;
}
