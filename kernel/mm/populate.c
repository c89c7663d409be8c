/*
 * The page tables and pages of one region. Work goes span by span (one leaf table, 2 MiB), with a preemption
 * point after every span that had pages and after every SPANS_AT_ONCE others.
 *
 * Taking pages out of a span: hide the entries, count the pages out of the tables, flush the TLB, and only
 * then give the frames and the tables back. The entries keep the addresses until then, so no list of frames
 * is needed.
 */
#include "arch/arch.h"
#include "core/panic.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/ledger.h"

enum { SPANS_AT_ONCE = 16 };

struct span {
    uaddr_t start;
    uaddr_t end;
    bool large;
};

static uint64_t span_entries(const struct span *span)
{
    return span->large ? 1 : (span->end - span->start) >> CAPOS_PAGE_SHIFT;
}

static uint64_t frames_of(uint64_t size_bytes)
{
    return size_bytes >> CAPOS_PAGE_SHIFT;
}

/* What has to be invalidated: one address is enough for a large page. */
static void span_flush(struct aspace *aspace, const struct span *span)
{
    aspace_tlb_flush(aspace, span->start, span->large ? span->start + PAGE_SIZE : span->end);
}

/* Counts the spans of a long operation and lets others in from time to time. */
static void pace(struct aspace *aspace, unsigned *spans, bool had_pages, bool more)
{
    if (!more || (++*spans % SPANS_AT_ONCE != 0 && !had_pages))
        return;
    aspace_breathe(aspace);
}

status_t region_prepare(struct aspace *aspace, struct region *region, bool large)
{
    unsigned spans = 0;
    while (region->prepared_end < region->end) {
        struct span span = {region->prepared_end, align_down(region->prepared_end, PAGING_SPAN) + PAGING_SPAN,
                            large};
        span.end = span.end < region->end ? span.end : region->end;
        status_t status =
            paging_prepare(&aspace->tables, aspace->ledger, span.start, span_entries(&span), span.large);
        if (status != CAPOS_OK)
            return status;
        region->prepared_end = span.end;
        pace(aspace, &spans, false, region->prepared_end < region->end);
    }
    return CAPOS_OK;
}

static uint64_t entries_hide(pte_t *entries, uint64_t count)
{
    uint64_t filled = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (entries[i] == 0)
            continue;
        entries[i] = pte_hidden(entries[i]);
        filled++;
    }
    return filled;
}

static void entries_clear(pte_t *entries, uint64_t count, bool pages_owned)
{
    for (uint64_t i = 0; i < count; i++) {
        if (entries[i] == 0)
            continue;
        if (pages_owned)
            frame_put(pte_frame(entries[i]));
        entries[i] = 0;
    }
}

/* Takes all pages out. Counts `release` pages out of the tables, or with RELEASE_FILLED those that were
 * there. Returns how many were there. */
static const uint64_t RELEASE_FILLED = UINT64_MAX;

static uint64_t span_empty(struct aspace *aspace, const struct span *span, uint64_t release, bool pages_owned)
{
    struct paging_dead dead = {.count = 0};
    uint64_t count = span_entries(span);
    pte_t *entries = paging_entry(&aspace->tables, span->start, span->large);
    kassert(entries != NULL);
    uint64_t filled = entries_hide(entries, count);
    release = release == RELEASE_FILLED ? filled : release;
    if (release > 0)
        paging_release(&aspace->tables, span->start, release, span->large, &dead);
    if (filled > 0 || dead.count > 0)
        span_flush(aspace, span);
    if (filled > 0)
        entries_clear(entries, count, pages_owned);
    paging_bury(aspace->ledger, &dead);
    return filled;
}

void region_unprepare(struct aspace *aspace, struct region *region, bool large, bool pages_owned)
{
    unsigned spans = 0;
    while (region->prepared_end > region->start) {
        struct span span = {align_down(region->prepared_end - 1, PAGING_SPAN), region->prepared_end, large};
        span.start = span.start > region->start ? span.start : region->start;
        uint64_t filled = span_empty(aspace, &span, span_entries(&span), pages_owned);
        region->prepared_end = span.start;
        pace(aspace, &spans, filled > 0, region->prepared_end > region->start);
    }
}

/* The next span of the region, from `at`, that has tables; false at its end. */
static bool span_next(const struct aspace *aspace, const struct region *region, uaddr_t at, struct span *out)
{
    bool large = region_is_large(region);
    if (!large && at < region->end) {
        uaddr_t hole_end = paging_hole_end(&aspace->tables, at);
        if (hole_end > at) { /* one hole at a time: the caller paces */
            hole_end = hole_end < region->end ? hole_end : region->end;
            *out = (struct span){hole_end, hole_end, false};
            return hole_end < region->end;
        }
    }
    uaddr_t end = align_down(at, PAGING_SPAN) + PAGING_SPAN;
    *out = (struct span){at, end < region->end ? end : region->end, large};
    return at < region->end;
}

void region_empty_growable(struct aspace *aspace, struct region *region)
{
    unsigned spans = 0;
    struct span span = {region->start, region->start, false};
    region->closing = true;
    while (span_next(aspace, region, span.end, &span)) {
        uint64_t filled = span.start < span.end ? span_empty(aspace, &span, RELEASE_FILLED, true) : 0;
        aspace->committed_pages -= filled;
        ledger_refund(aspace->ledger, LEDGER_FRAMES, filled);
        pace(aspace, &spans, filled > 0, span.end < region->end);
    }
    region->closing = false;
}

static bool entries_set_prot(pte_t *entries, uint64_t count, uint32_t prot)
{
    bool filled = false;
    for (uint64_t i = 0; i < count; i++) {
        if (entries[i] == 0)
            continue;
        entries[i] = pte_with_prot(entries[i], prot);
        filled = true;
    }
    return filled;
}

void region_set_prot(struct aspace *aspace, struct region *region, uint32_t prot)
{
    unsigned spans = 0;
    struct span span = {region->start, region->start, region_is_large(region)};
    region->prot =
        (uint8_t)(prot | (region->prot & PROT_LARGE)); /* first: a fault meanwhile goes by the new one */
    while (span_next(aspace, region, span.end, &span)) {
        pte_t *entries = span.start < span.end ? paging_entry(&aspace->tables, span.start, span.large) : NULL;
        bool filled = entries != NULL && entries_set_prot(entries, span_entries(&span), prot);
        if (filled)
            span_flush(aspace, &span);
        pace(aspace, &spans, filled, span.end < region->end);
    }
}

void region_fill_small(struct aspace *aspace, struct region *region)
{
    for (uaddr_t at = region->start; at < region->end; at += PAGE_SIZE) {
        paddr_t frame;
        pte_t *entry = paging_entry(&aspace->tables, at, false);
        if (*entry != 0)
            continue;
        if (frame_alloc_zeroed(0, &frame) != CAPOS_OK)
            return; /* then a touch tries again */
        *entry = pte_make(frame, region->prot);
    }
}

status_t region_fill_large(struct aspace *aspace, struct region *region)
{
    for (uaddr_t at = region->start; at < region->end; at += LARGE_PAGE_SIZE) {
        paddr_t block;
        spinlock_release(&aspace->lock); /* clearing 2 MiB takes long */
        status_t status = frame_alloc_zeroed(FRAME_ORDER_LARGE, &block);
        arch_preemption_point();
        spinlock_acquire(&aspace->lock);
        if (status != CAPOS_OK)
            return status;
        pte_t *entry = paging_entry(&aspace->tables, at, true);
        if (*entry == 0)
            *entry = pte_make(block, region->prot);
        else
            frame_put(block); /* a fault was faster */
    }
    return CAPOS_OK;
}

struct memory_object *region_strip(struct aspace *aspace, struct region *region)
{
    struct memory_object *object = region->object;
    bool large = region_is_large(region), committed = region->kind == REGION_COMMITTED;
    if (region->kind == REGION_GROWABLE)
        region_empty_growable(aspace, region);
    if (!committed && region->kind != REGION_OBJECT)
        return NULL;
    region->kind = REGION_RESERVED; /* from here on faults are refused */
    region->prot = 0;
    region->object = NULL;
    region->prepared_end = region->end;
    region_unprepare(aspace, region, large, committed);
    if (committed) {
        aspace->committed_pages -= region_pages(region);
        ledger_refund(aspace->ledger, LEDGER_FRAMES, frames_of(region->end - region->start));
    }
    return object;
}
