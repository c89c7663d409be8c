/* Segment selectors. The order is what SYSCALL and SYSRET compute from MSR_STAR. Also read by the assembler.
 */
#pragma once

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_BASE                                                          \
    0x1b /* its slot (32-bit user code) stays empty: there is no compatibility mode \
          */
#define SELECTOR_USER_DATA 0x23
#define SELECTOR_USER_CODE 0x2b
#define SELECTOR_TSS       0x30
#define SELECTOR_COUNT     8 /* the TSS descriptor takes two */
