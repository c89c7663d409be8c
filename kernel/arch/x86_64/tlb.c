/*
 * See tlb.h. One CPU's requests to the others, and why none is lost and none waits for ever:
 *
 * A CPU has one request at a time (it waits for the answers) in its own mailbox; `waiting` holds the CPUs
 * that still have to serve it. It then sets its bit in each target's `inbox`. A target takes its whole inbox
 * at once, serves each sender's request and clears its own bit in that sender's `waiting`.
 *
 * - Not lost: whoever sets the first bit of an empty inbox also sends an interrupt, after the bit is there. A
 *   target that took the inbox between the two only finds it empty when the interrupt comes. A bit that joins
 *   others in an inbox needs no interrupt: the one of the first bit has not been served, or the inbox would
 * be empty.
 * - Ends: a target with interrupts on is interrupted. One with interrupts off either leaves the kernel, and
 * is interrupted then, or waits for another CPU, and every such wait is a loop over arch_relax. Senders
 * waiting for each other serve each other. Serving waits for nothing and takes no lock.
 * - Right: the sender wrote its page table entries before it read the mask of CPUs (a full fence between,
 * since the mask is written by others), and a CPU is in the mask, by a locked instruction, before it loads
 * the page table. So either it is seen and asked, or it walks tables that are new already.
 *
 * A CPU that loads another page table stays in the mask: switching back and forth costs no locked
 * instruction. It leaves the mask when it is asked for the first time with the page table not loaded. Only a
 * CPU itself sets and clears its bit, so it does not lose one that it needs.
 */
#include "arch/x86_64/tlb.h"
#include "arch/arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/smp.h"
#include "core/panic.h"

enum { FLUSH_PAGES_MAX = 32 }; /* more are not worth invalidating one by one */

enum tlb_kind { TLB_FLUSH, TLB_LEAVE };
struct tlb_request {
    enum tlb_kind kind;
    uaddr_t start, end; /* FLUSH */
    paddr_t page_table;
    uint64_t *resident; /* of CPUs that may have it loaded */
};
static struct mailbox {
    uint64_t inbox;             /* atomic: CPUs whose request this one has to serve */
    uint64_t waiting;           /* atomic: CPUs that have not yet served this one's request */
    struct tlb_request request; /* constant while `waiting` is not zero */
} __attribute__((aligned(64))) mailboxes[ARCH_CPUS_MAX];

void arch_tlb_flush_page(uaddr_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void arch_tlb_flush_all(void)
{
    this_cpu()->counters.cr3_writes++;
    cr3_write(cr3_read());
}

static void flush_range(uaddr_t start, uaddr_t end)
{
    if ((end - start) >> CAPOS_PAGE_SHIFT > FLUSH_PAGES_MAX) {
        arch_tlb_flush_all();
        return;
    }
    for (uaddr_t at = start; at < end; at += PAGE_SIZE)
        arch_tlb_flush_page(at);
}

static void execute(const struct tlb_request *request)
{
    const bool loaded = this_cpu()->page_table == request->page_table.raw;
    if (loaded && request->kind == TLB_FLUSH) {
        flush_range(request->start, request->end);
        return;
    }
    if (loaded)
        context_leave_page_table();
    __atomic_fetch_and(request->resident, ~this_cpu()->number_bit, __ATOMIC_RELEASE);
}

static __attribute__((noinline)) void serve(struct mailbox *box, uint64_t my_bit)
{
    uint64_t senders = __atomic_exchange_n(&box->inbox, 0, __ATOMIC_ACQ_REL);
    while (senders != 0) {
        struct mailbox *sender = &mailboxes[__builtin_ctzll(senders)];
        senders &= senders - 1;
        execute(&sender->request);
        __atomic_and_fetch(&sender->waiting, ~my_bit, __ATOMIC_RELEASE);
    }
}

void tlb_serve(void)
{
    const uint32_t number = arch_cpu_number();
    struct mailbox *box = &mailboxes[number];
    if (__atomic_load_n(&box->inbox, __ATOMIC_RELAXED) != 0)
        serve(box, UINT64_C(1) << number);
}

__attribute__((noinline)) void arch_relax(void)
{
    __asm__ volatile("pause");
    tlb_serve();
}

/* Has it done by the CPUs of the mask, of which this is none. */
static __attribute__((noinline)) void ask(uint64_t cpu_mask, const struct tlb_request *request)
{
    const uint32_t number = arch_cpu_number();
    struct mailbox *mine = &mailboxes[number];
    mine->request = *request;
    __atomic_store_n(&mine->waiting, cpu_mask, __ATOMIC_RELEASE);
    for (uint64_t left = cpu_mask; left != 0; left &= left - 1) {
        const uint32_t target = (uint32_t)__builtin_ctzll(left);
        uint64_t before =
            __atomic_fetch_or(&mailboxes[target].inbox, UINT64_C(1) << number, __ATOMIC_ACQ_REL);
        if (before == 0)
            smp_interrupt(target, VECTOR_TLB);
    }
    while (__atomic_load_n(&mine->waiting, __ATOMIC_ACQUIRE) != 0)
        arch_relax();
}

static uint64_t mask_read(const uint64_t *resident)
{
    if (arch_cpu_count() > 1)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(resident, __ATOMIC_RELAXED);
}

/* On all CPUs of the mask. */
static void everywhere(uint64_t cpu_mask, const struct tlb_request *request)
{
    const uint64_t my_bit = UINT64_C(1) << arch_cpu_number();
    if ((cpu_mask & my_bit) != 0)
        execute(request);
    if (__builtin_expect((cpu_mask & ~my_bit) != 0, 0))
        ask(cpu_mask & ~my_bit, request);
}

void arch_tlb_shootdown(uint64_t *resident, paddr_t page_table, uaddr_t start, uaddr_t end)
{
    const struct tlb_request request = {
        .kind = TLB_FLUSH, .start = start, .end = end, .page_table = page_table, .resident = resident};
    everywhere(mask_read(resident), &request);
}

void arch_tlb_leave(uint64_t *resident, paddr_t page_table)
{
    const struct tlb_request request = {.kind = TLB_LEAVE, .page_table = page_table, .resident = resident};
    everywhere(mask_read(resident), &request);
    kassert(__atomic_load_n(resident, __ATOMIC_ACQUIRE) == 0);
}
