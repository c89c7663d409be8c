/* The processor's side of paging, written from the manual and not from paging.c: walk, permission check, TLB.
 */
#include "fake.h"
#include "arch/arch.h"
#include "arch/x86_64/tlb.h"
#include "mm/aspace_internal.h"
#include "unit.h"
#include <string.h>

enum { TLB_ENTRIES = 256 };

struct translation {
    bool valid;
    uint64_t root; /* whose: entries of several address spaces are kept, as with PCIDs */
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

static struct translation *tlb_slot(paddr_t root, uaddr_t page)
{
    return &tlb[(page >> 12 ^ page >> 24 ^ root.raw >> 12) % TLB_ENTRIES];
}

/* root 0: of all address spaces. INVLPG drops all of a large page. */
static void flush_page(uint64_t root, uaddr_t page)
{
    flushes++;
    for (unsigned i = 0; tlb_used > 0 && i < TLB_ENTRIES; i++)
        if (tlb[i].valid && (root == 0 || tlb[i].root == root) &&
            (tlb[i].page == page || (tlb[i].large && (tlb[i].page ^ page) >> 21 == 0)))
            tlb[i].valid = false;
}

static void flush_root(uint64_t root)
{
    flushes++;
    for (unsigned i = 0; tlb_used > 0 && i < TLB_ENTRIES; i++)
        if (tlb[i].root == root)
            tlb[i].valid = false;
}

void arch_tlb_flush_page(uint64_t va)
{
    flush_page(0, va); /* the fake does not know which one is loaded */
}

enum { SHOOTDOWN_PAGES_MAX = 32 };

void arch_tlb_shootdown(uint64_t *resident, paddr_t page_table, uint64_t start, uint64_t end)
{
    const uint64_t root = page_table.raw;
    (void)resident;
    if ((end - start) >> 12 > SHOOTDOWN_PAGES_MAX) {
        flush_root(root);
        return;
    }
    for (uint64_t at = start; at < end; at += PAGE_SIZE)
        flush_page(root, at);
}

void arch_tlb_leave(uint64_t *resident, paddr_t page_table)
{
    flush_root(page_table.raw);
    *resident = 0;
}

unsigned fake_flush_count(void)
{
    return flushes;
}

static bool walk(paddr_t root, uaddr_t address, struct translation *out)
{
    paddr_t table = root;
    out->root = root.raw;
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
    struct translation *slot = tlb_slot(root, address & ~UINT64_C(0xfff)), found = *slot;
    if (address >= UINT64_C(1) << 47)
        return NULL;
    if (!slot->valid || slot->root != root.raw || slot->page != (address & ~UINT64_C(0xfff))) {
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
        if (!tlb[i].valid || tlb[i].root != root.raw)
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

/* ---- User copies: byte by byte, as a fault may come at any. */

paddr_t fake_current_root;
bool (*fake_current_fault)(uaddr_t address, enum aspace_access access);

static char *user_byte(uaddr_t user, enum aspace_access access, bool resolve)
{
    char *byte = fake_access(fake_current_root, user, access);
    if (byte != NULL || !resolve || fake_current_fault == NULL || !fake_current_fault(user, access))
        return byte;
    return fake_access(fake_current_root, user, access);
}

static bool user_copy_in(char *kernel, uaddr_t user, size_t size_bytes, bool resolve)
{
    for (size_t i = 0; i < size_bytes; i++) {
        const char *byte = user_byte(user + i, ACCESS_READ, resolve);
        if (byte == NULL)
            return false;
        kernel[i] = *byte;
    }
    return true;
}

static bool user_copy_out(uaddr_t user, const char *kernel, size_t size_bytes, bool resolve)
{
    for (size_t i = 0; i < size_bytes; i++) {
        char *byte = user_byte(user + i, ACCESS_WRITE, resolve);
        if (byte == NULL)
            return false;
        *byte = kernel[i];
    }
    return true;
}

bool arch_user_copy_in(void *kernel, uaddr_t user, size_t size_bytes)
{
    return user_copy_in(kernel, user, size_bytes, true);
}

bool arch_user_copy_out(uaddr_t user, const void *kernel, size_t size_bytes)
{
    return user_copy_out(user, kernel, size_bytes, true);
}

bool arch_user_try_copy_in(void *kernel, uaddr_t user, size_t size_bytes)
{
    return user_copy_in(kernel, user, size_bytes, false);
}

bool arch_user_try_copy_out(uaddr_t user, const void *kernel, size_t size_bytes)
{
    return user_copy_out(user, kernel, size_bytes, false);
}

bool arch_user_probe_write(uaddr_t user)
{
    return user_byte(user, ACCESS_WRITE, true) != NULL;
}
