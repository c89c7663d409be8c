/*
 * Copies of whole address spaces.
 *
 * Region by region and span by span: the copy's last region grows as its spans are done. So whatever fails,
 * the copy is a complete address space, if a smaller one, and is simply released. Its lock is not taken:
 * nobody else knows it yet, but for a revocation, which sees that it is busy.
 *
 * Pages that are shared are write-protected in the original at once but flushed later, always before its lock
 * is let go: until then other CPUs may still write to them, which the copy then sees as well; but nobody can
 * resolve a fault, so no page is copied while it may change.
 */
#include "arch/arch.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include <base/string.h>

enum {
    WORK_AT_ONCE = 4096, /* between two preemption points, in table entries looked at */
    WORK_PER_PAGE = 8,   /* sharing one compared with looking at one */
    COPY_AT_ONCE_BYTES = 1 << 16,
};

struct clone {
    struct aspace *from; /* locked, but for preemption points; the operation owns `busy` */
    struct aspace *to;
    const struct aspace_substitute *substitutes;
    size_t substitute_count;
    uaddr_t flush_start, flush_end; /* what has become read-only since the last flush */
    unsigned work;
};

/* ---- The original's side. */

static void flush(struct clone *clone)
{
    if (clone->flush_start < clone->flush_end)
        aspace_tlb_flush(clone->from, clone->flush_start, clone->flush_end);
    clone->flush_start = UINT64_MAX;
    clone->flush_end = 0;
}

static void note_protected(struct clone *clone, uaddr_t page)
{
    clone->flush_start = page < clone->flush_start ? page : clone->flush_start;
    clone->flush_end = page + PAGE_SIZE > clone->flush_end ? page + PAGE_SIZE : clone->flush_end;
}

/* After each piece. */
static void pace(struct clone *clone)
{
    if (++clone->work < WORK_AT_ONCE)
        return;
    flush(clone);
    aspace_breathe(clone->from);
    clone->work = 0;
}

/* ---- One span. */

struct piece {
    const struct region *region;  /* of the original */
    struct memory_object *object; /* what the copy maps; null: it is no OBJECT */
    struct mapping_use *use;      /* the copy's; null: none */
    bool same_object;             /* its entries are good for the copy */
    uaddr_t start, end;           /* within one span; of RESERVED and GUARD the whole region */
};

static uint64_t piece_pages(const struct piece *piece)
{
    return (piece->end - piece->start) >> CAPOS_PAGE_SHIFT;
}

static uint64_t count_filled(const pte_t *entries, uint64_t count)
{
    uint64_t filled = 0;
    for (uint64_t i = 0; i < count; i++)
        filled += entries[i] != 0 ? 1 : 0;
    return filled;
}

/* Charges `committed` pages to the copy and makes tables for `prepared` ones. */
static status_t make_room(struct clone *clone, const struct piece *piece, uint64_t committed,
                          uint64_t prepared)
{
    struct aspace *to = clone->to;
    status_t status = ledger_charge(to->ledger, LEDGER_FRAMES, committed);
    if (status != CAPOS_OK || prepared == 0)
        return status;
    bool large = region_is_large(piece->region);
    status = paging_prepare(&to->tables, to->ledger, piece->start, large ? 1 : prepared, large);
    if (status != CAPOS_OK)
        ledger_refund(to->ledger, LEDGER_FRAMES, committed);
    else
        to->committed_pages += committed;
    return status;
}

/* Pages of the original's own: shared from now on. */
static void share_pages(struct clone *clone, const struct piece *piece, pte_t *entries, pte_t *copies)
{
    uint64_t count = piece_pages(piece);
    for (uint64_t i = 0; i < count; i++) {
        if (entries[i] == 0)
            continue;
        frame_get(pte_frame(entries[i]));
        if (pte_is_writable(entries[i]))
            note_protected(clone, piece->start + i * PAGE_SIZE);
        entries[i] = copies[i] = pte_shared(entries[i]);
    }
}

static status_t clone_small(struct clone *clone, const struct piece *piece)
{
    const struct region *region = piece->region;
    uint64_t count = piece_pages(piece), filled = 0;
    pte_t *entries = paging_entry(&clone->from->tables, piece->start, false);
    if (entries != NULL)
        filled = count_filled(entries, count);
    bool growable = region->kind == REGION_GROWABLE, own = growable || region->kind == REGION_COMMITTED;
    uint64_t prepared = growable ? filled : count;
    clone->work += (unsigned)(filled * WORK_PER_PAGE + (entries != NULL ? count : 0));
    status_t status = make_room(clone, piece, own ? prepared : 0, prepared);
    if (status != CAPOS_OK || filled == 0)
        return status;
    pte_t *copies = paging_entry(&clone->to->tables, piece->start, false);
    if (own)
        share_pages(clone, piece, entries, copies);
    else if (piece->same_object)
        memcpy(copies, entries, count * sizeof *copies);
    return CAPOS_OK;
}

/* The lock is free meanwhile: the page stays, since nobody else changes the layout. */
static status_t copy_block(struct clone *clone, paddr_t from, paddr_t *out)
{
    flush(clone);
    clone->work = 0;
    spinlock_release(&clone->from->lock);
    paddr_t block;
    status_t status = frame_alloc(FRAME_ORDER_LARGE, &block);
    for (uint64_t done = 0; status == CAPOS_OK && done < LARGE_PAGE_SIZE; done += COPY_AT_ONCE_BYTES) {
        memcpy((char *)direct_map(block) + done, (const char *)direct_map(from) + done, COPY_AT_ONCE_BYTES);
        arch_preemption_point();
    }
    spinlock_acquire(&clone->from->lock);
    if (status == CAPOS_OK)
        *out = block;
    return status;
}

static status_t clone_large(struct clone *clone, const struct piece *piece)
{
    pte_t entry = *paging_entry(&clone->from->tables, piece->start, true);
    paddr_t block = {0};
    status_t status = entry == 0 ? CAPOS_OK : copy_block(clone, pte_frame(entry), &block);
    if (status != CAPOS_OK)
        return status;
    status = make_room(clone, piece, piece_pages(piece), 1);
    if (status == CAPOS_OK && block.raw != 0)
        *paging_entry(&clone->to->tables, piece->start, true) = pte_make(block, piece->region->prot);
    else if (block.raw != 0)
        frame_put(block);
    return status;
}

static status_t clone_piece(struct clone *clone, const struct piece *piece)
{
    switch (piece->region->kind) {
    case REGION_RESERVED:
    case REGION_GUARD:
        return CAPOS_OK;
    default:
        return region_is_large(piece->region) ? clone_large(clone, piece) : clone_small(clone, piece);
    }
}

/* ---- Regions. */

/* What the copy maps instead of the object; null: nothing. */
static struct memory_object *object_for_copy(const struct clone *clone, struct memory_object *object)
{
    for (size_t i = 0; i < clone->substitute_count; i++)
        if (clone->substitutes[i].original == object)
            return clone->substitutes[i].replacement;
    return memory_object_stays_home(object) ? NULL : object;
}

/* The end of what can be done at once from `at`. */
static uaddr_t piece_end(const struct clone *clone, const struct region *region, uaddr_t at)
{
    uaddr_t end = region->end;
    if (region->kind == REGION_GROWABLE) {
        uaddr_t hole_end = paging_hole_end(&clone->from->tables, at);
        if (hole_end > at)
            return hole_end < end ? hole_end : end;
    }
    uaddr_t span_end = align_down(at, PAGING_SPAN) + PAGING_SPAN;
    bool has_tables = region->kind != REGION_RESERVED && region->kind != REGION_GUARD;
    return has_tables && span_end < end ? span_end : end;
}

/* The piece becomes part of the copy's region, which its first piece makes. */
static void region_extend(struct clone *clone, const struct piece *piece, struct region **copy)
{
    if (*copy == NULL) {
        struct region like = *piece->region;
        like.end = piece->end;
        like.object = piece->object;
        like.use = piece->use == NULL ? 0 : piece->use->number;
        if (like.kind == REGION_RESERVED)
            like.prepared_end = like.start;
        if (piece->object != NULL)
            object_get(memory_object_as_object(piece->object));
        mapping_use_region_added(clone->to, &like);
        *copy = region_insert(clone->to, &like);
    }
    (*copy)->end = piece->end;
    clone->to->reserved_pages += piece_pages(piece);
}

/* What an OBJECT region of the copy refers to. False: the copy does not have the region. */
static bool begin_object(struct clone *clone, struct piece *piece, status_t *status)
{
    const struct region *region = piece->region;
    piece->object = object_for_copy(clone, region->object);
    piece->same_object = piece->object == region->object;
    if (piece->object == NULL)
        return false;
    if (region->use != 0)
        *status = mapping_use_obtain(clone->to, mapping_use_at(clone->from, region->use)->token, &piece->use);
    if (*status != CAPOS_ERR_REVOKED)
        return true;
    *status = CAPOS_OK; /* it is about to go from the original, too */
    return false;
}

static status_t clone_pieces(struct clone *clone, struct piece *piece)
{
    struct aspace *to = clone->to;
    struct region *copy = NULL;
    status_t status = CAPOS_OK;
    for (piece->end = piece->region->start; status == CAPOS_OK && piece->end < piece->region->end;) {
        piece->start = piece->end;
        piece->end = piece_end(clone, piece->region, piece->start);
        status = ledger_charge(to->ledger, LEDGER_RESERVED_PAGES, piece_pages(piece));
        if (status != CAPOS_OK)
            break;
        status = clone_piece(clone, piece);
        if (status != CAPOS_OK)
            ledger_refund(to->ledger, LEDGER_RESERVED_PAGES, piece_pages(piece));
        else
            region_extend(clone, piece, &copy);
        pace(clone);
    }
    return status;
}

static status_t clone_region(struct clone *clone, const struct region *region)
{
    struct piece piece = {.region = region};
    status_t status = region_stock(clone->to, 1);
    if (status != CAPOS_OK || (region->kind == REGION_OBJECT && !begin_object(clone, &piece, &status)))
        return status;
    if (status == CAPOS_OK)
        status = clone_pieces(clone, &piece);
    if (status != CAPOS_OK)
        mapping_use_discard(piece.use); /* the original's mapping keeps the owner */
    return status;
}

static status_t clone_regions(struct clone *clone)
{
    status_t status = CAPOS_OK;
    const struct region *region;
    for_each_region(region, clone->from, 0, UINT64_MAX)
    {
        status = clone_region(clone, region);
        if (status != CAPOS_OK)
            break;
    }
    flush(clone);
    return status;
}

status_t aspace_clone(struct aspace *from, struct ledger *ledger, const struct aspace_substitute *substitutes,
                      size_t substitute_count, struct aspace **out)
{
    struct clone clone = {.from = from,
                          .substitutes = substitutes,
                          .substitute_count = substitute_count,
                          .flush_start = UINT64_MAX};
    status_t status = aspace_create(ledger, &clone.to);
    if (status != CAPOS_OK)
        return status;
    status = aspace_begin(from, 0);
    if (status == CAPOS_OK) {
        clone.to->busy = true; /* a revocation that finds it waits */
        clone.to->base = from->base;
        clone.to->gap_hint = from->base; /* found again when it is needed */
        clone.to->has_large = from->has_large;
        status = clone_regions(&clone);
        aspace_end(from);
        spinlock_acquire(&clone.to->lock);
        aspace_end(clone.to);
    }
    if (status != CAPOS_OK) {
        aspace_release(clone.to);
        return status;
    }
    *out = clone.to;
    return CAPOS_OK;
}
