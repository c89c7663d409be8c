/* What the parts of the machine layer's self test share: selftest_main.c and selftest_smp.c. */
#pragma once
#include "arch/arch.h"
#include "arch/cpu.h"

enum { FPU_MAX_BYTES = 4096 };
#define USER_CODE    UINT64_C(0x400000)
#define USER_STACK   UINT64_C(0x401000)
#define USER_MISSING UINT64_C(0x402000)
#define USER_SHARED  UINT64_C(0x403000) /* selftest_smp.c's page */
#define MILLISECOND  UINT64_C(1000000)

/* One user address space: its page table, the entry for USER_SHARED in it, who has it loaded. */
paddr_t selftest_page_table(void);
uint64_t *selftest_shared_entry(void);
extern uint64_t selftest_resident;
extern const char selftest_user_start[], selftest_user_spin[];

/* Prints an `ok` or `not ok` line. */
void selftest_report(bool good, const char *name);

/* ---- selftest_smp.c */

/* Starts the other CPUs and tries what only several can show. */
void selftest_smp(const char *command_line);
/* Endings with several CPUs; comes back if `line` names none of them. */
void selftest_smp_endings(const char *line);
/* What comes in on the other CPUs. */
_Noreturn void selftest_smp_interrupt(void);
_Noreturn void selftest_smp_wakeup(void);
void selftest_smp_timer(void);
