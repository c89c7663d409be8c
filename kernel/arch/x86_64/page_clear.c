/*
 * Clearing pages, the largest part of making memory. A processor with fast strings (ERMS; Intel's
 * optimisation manual, section 3.7.6) does it best itself; on others 16 bytes a store are no slower than its
 * REP STOSQ, and half the instructions for an emulator. The register borrowed for them holds what the
 * program, whose floating-point state is loaded, had in it, so it is given back. Interrupts are off and
 * exceptions of the kernel do not return: nobody sees it in between.
 */
#include "arch/x86_64/cpu.h"
#include "arch/arch.h"

enum { STORE_BYTES = 16, STORES_A_ROUND = 32, ROUND_BYTES = STORE_BYTES * STORES_A_ROUND };
_Static_assert(CAPOS_PAGE_SIZE % ROUND_BYTES == 0, "a page is so many rounds");

static inline void clear_by_string(void *page)
{
    size_t count = CAPOS_PAGE_SIZE;
    __asm__ volatile("rep stosb" : "+D"(page), "+c"(count) : "a"(0) : "memory");
}

static inline void clear_by_stores(void *page)
{
    uint8_t kept[STORE_BYTES];
    size_t rounds = CAPOS_PAGE_SIZE / ROUND_BYTES;
    __asm__ volatile(
        "movups %%xmm0, %[kept]\n\t"
        "pxor %%xmm0, %%xmm0\n"
        "1:\n\t"
        ".set offset, 0\n\t"
        ".rept %c[stores]\n\t"
        "movaps %%xmm0, offset(%[page])\n\t"
        ".set offset, offset + %c[store_bytes]\n\t"
        ".endr\n\t"
        "addq %[round_bytes], %[page]\n\t"
        "decq %[rounds]\n\t"
        "jnz 1b\n\t"
        "movups %[kept], %%xmm0"
        : [kept] "=m"(kept), [page] "+r"(page), [rounds] "+r"(rounds)
        : [stores] "i"(STORES_A_ROUND), [store_bytes] "i"(STORE_BYTES), [round_bytes] "i"(ROUND_BYTES)
        : "memory", "cc");
}

void arch_page_clear(void *page)
{
    if (cpu_features.fast_strings)
        clear_by_string(page);
    else
        clear_by_stores(page);
}
