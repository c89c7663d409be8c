/* The processor's side of paging, written from the manual and not from paging.c: walk, permission check, TLB.
 */
#include "fake.h"
#include "arch/arch.h"
#include "arch/x86_64/tlb.h"
#include "unit.h"
#include <string.h>

enum { TLB_ENTRIES = 256 };

struct translation {
    bool valid;
    uaddr_t page;
    uint64_t frame; /* of the 4 KiB page, also within a large one */
    bool write, exec, large;
};

static struct translation tlb[TLB_ENTRIES]; /* direct-mapped by page number */
static unsigned tlb_used, flushes;

void fake_tlb_clear(void)
{
    memset(tlb, 0, sizeof tlb);
    tlb_used = 0;
}

void arch_tlb_flush_all(void)
{
    flushes++;
    if (tlb_used > 0)
        fake_tlb_clear();
}

static struct translation *tlb_slot(uaddr_t page)
{
    return &tlb[(page >> 12 ^ page >> 24) % TLB_ENTRIES];
}

void arch_tlb_flush_page(uint64_t va)
{
    flushes++;
    struct translation *slot = tlb_slot(va);
    if (slot->valid && slot->page == va)
        slot->valid = false;
    for (unsigned i = 0; tlb_used > 0 && i < TLB_ENTRIES; i++) /* INVLPG drops all of a large page */
        if (tlb[i].valid && tlb[i].large && (tlb[i].page ^ va) >> 21 == 0)
            tlb[i].valid = false;
}

enum { SHOOTDOWN_PAGES_MAX = 32 };

void arch_tlb_shootdown(const uint64_t *resident, uint64_t start, uint64_t end)
{
    (void)resident;
    if ((end - start) >> 12 > SHOOTDOWN_PAGES_MAX) {
        arch_tlb_flush_all();
        return;
    }
    for (uint64_t at = start; at < end; at += PAGE_SIZE)
        arch_tlb_flush_page(at);
}

void arch_tlb_leave(uint64_t *resident, paddr_t page_table)
{
    (void)page_table;
    *resident = 0;
}

unsigned fake_flush_count(void)
{
    return flushes;
}

static bool walk(paddr_t root, uaddr_t address, struct translation *out)
{
    paddr_t table = root;
    out->page = address & ~UINT64_C(0xfff);
    out->write = out->exec = true;
    for (int shift = 39;; shift -= 9) {
        uint64_t entry = ((const uint64_t *)direct_map(table))[address >> shift & 511];
        bool large = shift == 21 && (entry & 0x80) != 0;
        if ((entry & 1) == 0)
            return false;
        assert_true((entry & 4) != 0 && (entry & 0x100) == 0); /* user, not global */
        out->write = out->write && (entry & 2) != 0;
        out->exec = out->exec && entry >> 63 == 0;
        table.raw = entry & UINT64_C(0x000ffffffffff000);
        if (shift == 12 || large) {
            assert_true(large == (shift == 21) && (!large || (table.raw & 0x1fffff) == 0));
            out->frame = table.raw + (large ? address & 0x1ff000 : 0);
            out->valid = true;
            out->large = large;
            return true;
        }
        assert_true((entry & 0x80) == 0);
    }
}

void *fake_access(paddr_t root, uaddr_t address, enum aspace_access access)
{
    struct translation *slot = tlb_slot(address & ~UINT64_C(0xfff)), found = *slot;
    if (address >= UINT64_C(1) << 47)
        return NULL;
    if (!slot->valid || slot->page != (address & ~UINT64_C(0xfff))) {
        if (!walk(root, address, &found))
            return NULL;
        *slot = found;
        tlb_used++;
    }
    assert_false(found.write && found.exec); /* W^X */
    if ((access == ACCESS_WRITE && !found.write) || (access == ACCESS_EXEC && !found.exec))
        return NULL;
    return (char *)direct_map((paddr_t){found.frame}) + (address & 0xfff);
}

bool fake_tlb_is_coherent(paddr_t root)
{
    for (unsigned i = 0; tlb_used > 0 && i < TLB_ENTRIES; i++) {
        struct translation now;
        if (!tlb[i].valid)
            continue;
        if (!walk(root, tlb[i].page, &now) || now.frame != tlb[i].frame || (tlb[i].write && !now.write) ||
            (tlb[i].exec && !now.exec))
            return false;
    }
    return true;
}

bool fake_tlb_reaches(paddr_t frame)
{
    for (unsigned i = 0; tlb_used > 0 && i < TLB_ENTRIES; i++)
        if (tlb[i].valid && tlb[i].frame == frame.raw)
            return true;
    return false;
}
