/*
 * Runs of pages in zones. See heap.h.
 *
 * Invariants: every page below a zone's frontier belongs to exactly one free run, allocated run or slab, and
 * its descriptor says so; a free run is in exactly one bin; no two neighbouring free runs are in the same
 * state; a bare run never touches the frontier (the frontier moves down instead).
 */
#include "heap.h"

enum {
    FIRST_ZONE_PAGES = 4096,  /* 16 MiB: descriptors and first pages share one page table */
    ZONE_PAGES_MAX = 1 << 18, /* 1 GiB */
    ZONE_PAGES_MIN = 256,
    GROW_PAGES_MIN = 4, /* the frontier moves by at least this; more as the zone fills */
    GROW_PAGES_MAX = 64,
    CACHE_PAGES_MIN = 128, /* free pages kept before any are given back */
    BARE_PAGES_MIN = 16,   /* a shorter run is not worth a kernel call */
    DESCRIPTORS_PER_PAGE = HEAP_PAGE / (int)sizeof(struct heap_page),
};
_Static_assert(sizeof(struct heap_page) == 64, "descriptors fill pages exactly");

static uint64_t page_bytes(uint64_t pages)
{
    return pages << HEAP_PAGE_SHIFT;
}

static uint64_t page_address(const struct heap_zone *zone, uint32_t page)
{
    return zone->first + page_bytes(page);
}

struct heap_zone *heap_zone_of(struct heap *heap, uint64_t address, uint32_t *page)
{
    for (uint32_t i = 0; i < heap->zone_count; i++) {
        struct heap_zone *zone = &heap->zones[i];
        if (address >= zone->first && address - zone->first < page_bytes(zone->frontier)) {
            *page = (uint32_t)((address - zone->first) >> HEAP_PAGE_SHIFT);
            return zone;
        }
    }
    return NULL;
}

static struct heap_zone *zone_of_descriptor(struct heap *heap, const struct heap_page *page)
{
    for (uint32_t i = 0; i < heap->zone_count; i++) {
        struct heap_zone *zone = &heap->zones[i];
        if (page >= zone->pages && page < zone->pages + zone->described)
            return zone;
    }
    __builtin_trap(); /* bins hold nothing but descriptors */
}

/* ---- Bins
 * ----------------------------------------------------------------------------------------------------- */

static struct heap_bins *bins_of(struct heap *heap, enum heap_page_kind kind)
{
    return kind == HEAP_PAGE_FREE ? &heap->committed : &heap->bare;
}

static uint32_t bin_of(uint32_t pages)
{
    return pages < HEAP_RUN_BINS ? pages : HEAP_RUN_BINS;
}

/* Describes pages [first, first + pages) as one free run and files it. */
static void run_file(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages,
                     enum heap_page_kind kind)
{
    struct heap_bins *bins = bins_of(heap, kind);
    struct heap_page *head = &zone->pages[first];
    uint32_t bin = bin_of(pages);
    head->pages = pages;
    zone->pages[first + pages - 1].pages = pages;
    head->prev = NULL;
    head->next = bins->head[bin];
    if (head->next != NULL)
        head->next->prev = head;
    bins->head[bin] = head;
    bins->filled[bin / 64] |= UINT64_C(1) << bin % 64;
    if (kind == HEAP_PAGE_FREE)
        heap->free_pages += pages;
}

static void run_unfile(struct heap *heap, struct heap_page *head)
{
    struct heap_bins *bins = bins_of(heap, (enum heap_page_kind)head->kind);
    uint32_t bin = bin_of(head->pages);
    if (head->next != NULL)
        head->next->prev = head->prev;
    if (head->prev != NULL)
        head->prev->next = head->next;
    else
        bins->head[bin] = head->next;
    if (bins->head[bin] == NULL)
        bins->filled[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    if (head->kind == HEAP_PAGE_FREE)
        heap->free_pages -= head->pages;
}

/* The shortest free run of at least `pages`; null if there is none. */
static struct heap_page *bins_find(const struct heap_bins *bins, uint32_t pages)
{
    for (uint32_t word = pages / 64; word < sizeof bins->filled / sizeof bins->filled[0]; word++) {
        uint64_t candidates = bins->filled[word];
        if (word == pages / 64)
            candidates &= ~UINT64_C(0) << pages % 64;
        if (candidates != 0)
            return bins->head[word * 64 + (uint32_t)__builtin_ctzll(candidates)];
    }
    return NULL;
}

static void mark_pages(struct heap_zone *zone, uint32_t first, uint32_t pages, enum heap_page_kind kind)
{
    for (uint32_t i = first; i < first + pages; i++)
        zone->pages[i].kind = (uint8_t)kind;
}

/* ---- Zones
 * ---------------------------------------------------------------------------------------------------- */

static bool commit(struct heap *heap, uint64_t address, uint64_t bytes)
{
    if (heap->source.commit(heap->source.self, address, bytes) < 0)
        return false;
    heap->committed_bytes += bytes;
    return true;
}

/* Makes sure that the descriptors of the zone's first `pages` pages are committed. */
static bool zone_describe(struct heap *heap, struct heap_zone *zone, uint32_t pages)
{
    while (zone->described < pages) {
        uint64_t address = (uintptr_t)(zone->pages + zone->described);
        if (!commit(heap, address, HEAP_PAGE))
            return false;
        zone->described += DESCRIPTORS_PER_PAGE;
    }
    return true;
}

static bool zone_create(struct heap *heap)
{
    uint32_t index = heap->zone_count;
    if (index == HEAP_ZONES_MAX)
        return false;
    uint32_t pages = index < 3 ? (uint32_t)FIRST_ZONE_PAGES << 2 * index : ZONE_PAGES_MAX;
    for (; pages >= ZONE_PAGES_MIN; pages /= 4) {
        uint64_t descriptor_bytes = (uint64_t)pages * sizeof(struct heap_page);
        uint64_t bytes = descriptor_bytes + page_bytes(pages), address;
        if (heap->source.reserve(heap->source.self, bytes, &address) < 0)
            continue; /* a quota on address space: try less */
        heap->zones[index] = (struct heap_zone){
            .pages = (struct heap_page *)(uintptr_t)address,
            .first = address + descriptor_bytes,
            .page_count = pages,
        };
        heap->zone_count++;
        heap->reserved_bytes += bytes;
        return true;
    }
    return false;
}

/* Moves the frontier up by `pages` and some, and takes them; the rest becomes a free run. */
static bool zone_grow(struct heap *heap, struct heap_zone *zone, uint32_t pages, struct heap_run *out)
{
    uint32_t room = zone->page_count - zone->frontier;
    if (room < pages)
        return false;
    uint32_t grow = zone->frontier / 4;
    grow = grow < GROW_PAGES_MIN ? GROW_PAGES_MIN : (grow > GROW_PAGES_MAX ? GROW_PAGES_MAX : grow);
    grow = grow < pages ? pages : grow;
    grow = grow > room ? room : grow;
    uint32_t first = zone->frontier;
    bool grown =
        zone_describe(heap, zone, first + grow) && commit(heap, page_address(zone, first), page_bytes(grow));
    if (!grown && grow != pages) { /* not that much: then only what is needed */
        grow = pages;
        grown = zone_describe(heap, zone, first + grow) &&
                commit(heap, page_address(zone, first), page_bytes(grow));
    }
    if (!grown)
        return false;
    zone->frontier += grow;
    if (grow > pages) {
        mark_pages(zone, first + pages, grow - pages, HEAP_PAGE_FREE);
        run_file(heap, zone, first + pages, grow - pages, HEAP_PAGE_FREE);
    }
    *out = (struct heap_run){zone, first, pages, true};
    return true;
}

/* ---- Allocating
 * ----------------------------------------------------------------------------------------------- */

/* Takes the front of a free run and files the rest again. False: it was bare and could not be committed. */
static bool take_free(struct heap *heap, struct heap_page *head, uint32_t pages, struct heap_run *out)
{
    struct heap_zone *zone = zone_of_descriptor(heap, head);
    enum heap_page_kind kind = (enum heap_page_kind)head->kind;
    uint32_t first = (uint32_t)(head - zone->pages), length = head->pages;
    if (kind == HEAP_PAGE_BARE && !commit(heap, page_address(zone, first), page_bytes(pages)))
        return false;
    run_unfile(heap, head);
    if (length > pages)
        run_file(heap, zone, first + pages, length - pages, kind);
    *out = (struct heap_run){zone, first, pages, kind == HEAP_PAGE_BARE};
    return true;
}

static bool find_run(struct heap *heap, uint32_t pages, struct heap_run *out)
{
    struct heap_page *head = bins_find(&heap->committed, pages);
    if (head == NULL)
        head = bins_find(&heap->bare, pages);
    if (head != NULL)
        return take_free(heap, head, pages, out);
    for (uint32_t i = 0; i < heap->zone_count; i++) {
        struct heap_zone *zone = &heap->zones[i];
        if (zone->page_count - zone->frontier >= pages)
            return zone_grow(heap, zone, pages, out);
    }
    return zone_create(heap) && zone_grow(heap, &heap->zones[heap->zone_count - 1], pages, out);
}

static void describe_body(struct heap_zone *zone, uint32_t first, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        zone->pages[i].kind = HEAP_PAGE_BODY;
        zone->pages[i].pages = i - first;
    }
}

bool heap_run_alloc(struct heap *heap, uint32_t pages, struct heap_run *out)
{
    if (!find_run(heap, pages, out))
        return false;
    out->zone->pages[out->first].pages = pages;
    describe_body(out->zone, out->first, out->first + 1, out->first + pages);
    heap->used_pages += pages;
    return true;
}

/* ---- Freeing
 * -------------------------------------------------------------------------------------------------- */

/* Joins the run with free neighbours of its kind, which leave their bins. */
static void coalesce(struct heap *heap, struct heap_zone *zone, uint32_t *first, uint32_t *pages,
                     enum heap_page_kind kind)
{
    uint32_t end = *first + *pages;
    if (end < zone->frontier && zone->pages[end].kind == kind) {
        *pages += zone->pages[end].pages;
        run_unfile(heap, &zone->pages[end]);
    }
    if (*first > 0 && zone->pages[*first - 1].kind == kind) {
        uint32_t before = zone->pages[*first - 1].pages;
        *first -= before;
        *pages += before;
        run_unfile(heap, &zone->pages[*first]);
    }
}

/* Gives the memory of a committed run, which is in no bin, back to the kernel. */
static bool make_bare(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages)
{
    if (heap->source.decommit(heap->source.self, page_address(zone, first), page_bytes(pages)) < 0)
        return false;
    heap->committed_bytes -= page_bytes(pages);
    mark_pages(zone, first, pages, HEAP_PAGE_BARE);
    coalesce(heap, zone, &first, &pages, HEAP_PAGE_BARE);
    if (first + pages == zone->frontier)
        zone->frontier = first;
    else
        run_file(heap, zone, first, pages, HEAP_PAGE_BARE);
    return true;
}

void heap_run_free(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages)
{
    heap->used_pages -= pages;
    mark_pages(zone, first, pages, HEAP_PAGE_FREE);
    coalesce(heap, zone, &first, &pages, HEAP_PAGE_FREE);
    bool enough = heap->free_pages + pages > CACHE_PAGES_MIN + heap->used_pages / 8;
    if (enough && pages >= BARE_PAGES_MIN && make_bare(heap, zone, first, pages))
        return;
    run_file(heap, zone, first, pages, HEAP_PAGE_FREE);
}

bool heap_run_extend(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages, uint32_t more)
{
    uint32_t end = first + pages;
    if (end >= zone->frontier || zone->pages[end].kind != HEAP_PAGE_FREE || zone->pages[end].pages < more)
        return false;
    uint32_t length = zone->pages[end].pages;
    run_unfile(heap, &zone->pages[end]);
    if (length > more)
        run_file(heap, zone, end + more, length - more, HEAP_PAGE_FREE);
    describe_body(zone, first, end, end + more);
    zone->pages[first].pages = pages + more;
    heap->used_pages += more;
    return true;
}
