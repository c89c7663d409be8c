/* Allocations out of size classes, page runs and reservations of their own. See heap.h. */
#include "heap.h"
#include <base/string.h>

enum {
    SMALL_MAX = 8192,
    TRAILER_BYTES = 8,
    CANARY = 0xa5, /* the byte behind an allocation, where there is one */
    CLASS_NONE = HEAP_CLASSES,
};

static const uint16_t class_bytes[HEAP_CLASSES] = {
    16,  32,  48,  64,   80,   96,   112,  128,  160,  192,  224,  256,  320,  384,  448,  512,
    640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
};

/* A reservation of its own. The records are themselves small allocations. */
struct huge {
    struct rb_node node; /* by `address` */
    uint64_t address;    /* what the program has */
    uint64_t size_bytes;
    uint64_t base; /* the reservation */
    uint64_t reserved_bytes;
    uint64_t committed_end; /* [address, committed_end) is committed */
};

static uint64_t round_up(uint64_t value, uint64_t power_of_two)
{
    return (value + power_of_two - 1) & ~(power_of_two - 1);
}

void heap_init(struct heap *heap, const struct heap_source *source, uint64_t secret)
{
    heap->source = *source;
    heap->secret = secret;
}

/* ---- Size classes
 * --------------------------------------------------------------------------------------------- */

static uint32_t class_of(size_t bytes) /* 1 .. SMALL_MAX */
{
    if (bytes <= 128)
        return (uint32_t)(bytes + HEAP_ALIGN - 1) / HEAP_ALIGN - 1;
    uint32_t log2 =
        63 - (uint32_t)__builtin_clzll(bytes - 1); /* 2^log2 < bytes <= 2^(log2 + 1), in four steps */
    return 8 + (log2 - 7) * 4 + ((uint32_t)((bytes - 1) >> (log2 - 2)) & 3);
}

static uint32_t slab_pages(uint32_t size_class)
{
    uint32_t bytes = class_bytes[size_class];
    return bytes <= 512 ? 1 : (bytes <= 1024 ? 2 : (bytes <= 2048 ? 4 : 8));
}

static uint32_t slab_objects(uint32_t size_class)
{
    return slab_pages(size_class) * HEAP_PAGE / class_bytes[size_class];
}

/* The class for this size and alignment, or CLASS_NONE if a run of pages is better or the only way. */
static uint32_t choose_class(size_t size_bytes, size_t alignment)
{
    if (size_bytes > SMALL_MAX - TRAILER_BYTES)
        return CLASS_NONE;
    uint32_t size_class = class_of(size_bytes + TRAILER_BYTES);
    while (alignment > HEAP_ALIGN && size_class < HEAP_CLASSES && class_bytes[size_class] % alignment != 0)
        size_class++;
    bool denser = size_class < HEAP_CLASSES && class_bytes[size_class] < round_up(size_bytes | 1, HEAP_PAGE);
    return denser ? size_class : CLASS_NONE;
}

/* ---- The end of a small object: its unused length, and a mark
 * ------------------------------------------------- */

static uint64_t mark_of(const struct heap *heap, uint64_t address)
{
    return ((address ^ heap->secret) * UINT64_C(0x9e3779b97f4a7c15)) & ~UINT64_C(0xffff);
}

static void trailer_write(const struct heap *heap, uint8_t *object, size_t object_bytes, size_t size_bytes)
{
    uint64_t slack = object_bytes - TRAILER_BYTES - size_bytes;
    uint64_t trailer = mark_of(heap, (uintptr_t)object) | slack;
    __builtin_memcpy(object + object_bytes - TRAILER_BYTES, &trailer, sizeof trailer);
    if (slack > 0)
        object[size_bytes] = CANARY;
}

static const char *trailer_read(const struct heap *heap, const uint8_t *object, size_t object_bytes,
                                size_t *size_bytes)
{
    uint64_t trailer;
    __builtin_memcpy(&trailer, object + object_bytes - TRAILER_BYTES, sizeof trailer);
    uint64_t slack = trailer & 0xffff;
    if ((trailer & ~UINT64_C(0xffff)) != mark_of(heap, (uintptr_t)object) ||
        slack > object_bytes - TRAILER_BYTES)
        return "memory was written past the end of an allocation";
    *size_bytes = object_bytes - TRAILER_BYTES - slack;
    if (slack > 0 && object[*size_bytes] != CANARY)
        return "memory was written past the end of an allocation";
    return NULL;
}

/* ---- Slabs
 * ---------------------------------------------------------------------------------------------------- */

static void slab_link(struct heap *heap, struct heap_page *slab)
{
    struct heap_page **head = &heap->partial[slab->size_class];
    slab->prev = NULL;
    slab->next = *head;
    if (*head != NULL)
        (*head)->prev = slab;
    *head = slab;
}

static void slab_unlink(struct heap *heap, struct heap_page *slab)
{
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
    if (slab->prev != NULL)
        slab->prev->next = slab->next;
    else
        heap->partial[slab->size_class] = slab->next;
}

static struct heap_page *slab_create(struct heap *heap, uint32_t size_class)
{
    struct heap_run run;
    if (!heap_run_alloc(heap, slab_pages(size_class), &run))
        return NULL;
    struct heap_page *slab = &run.zone->pages[run.first];
    slab->kind = HEAP_PAGE_SLAB;
    slab->size_class = (uint8_t)size_class;
    slab->used = 0;
    slab->start = run.zone->first + ((uint64_t)run.first << HEAP_PAGE_SHIFT);
    uint32_t objects = slab_objects(size_class);
    for (uint32_t word = 0; word < HEAP_SLAB_OBJECTS_MAX / 64; word++) {
        uint32_t before = word * 64;
        uint32_t here = objects > before ? objects - before : 0;
        slab->free_bits[word] = here >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << here) - 1;
    }
    slab_link(heap, slab);
    return slab;
}

static uint8_t *slab_take(struct heap *heap, struct heap_page *slab)
{
    uint32_t word = 0;
    while (slab->free_bits[word] == 0)
        word++;
    uint32_t bit = (uint32_t)__builtin_ctzll(slab->free_bits[word]);
    slab->free_bits[word] &= slab->free_bits[word] - 1;
    slab->used++;
    if (slab->used == slab_objects(slab->size_class))
        slab_unlink(heap, slab);
    return (uint8_t *)(uintptr_t)(slab->start + (uint64_t)(word * 64 + bit) * class_bytes[slab->size_class]);
}

static void *small_alloc(struct heap *heap, uint32_t size_class, size_t size_bytes, bool zero)
{
    struct heap_page *slab = heap->partial[size_class];
    if (slab == NULL)
        slab = slab_create(heap, size_class);
    if (slab == NULL)
        return NULL;
    uint8_t *object = slab_take(heap, slab);
    if (zero)
        memset(object, 0, size_bytes);
    trailer_write(heap, object, class_bytes[size_class], size_bytes);
    return object;
}

static void small_free(struct heap *heap, struct heap_zone *zone, struct heap_page *slab, uint32_t index)
{
    uint32_t objects = slab_objects(slab->size_class);
    if (slab->used == objects)
        slab_link(heap, slab);
    slab->free_bits[index / 64] |= UINT64_C(1) << index % 64;
    slab->used--;
    bool only_one = slab->prev == NULL && slab->next == NULL;
    if (slab->used == 0 &&
        !only_one) { /* the class keeps one, so that a pair of malloc and free stays cheap */
        slab_unlink(heap, slab);
        heap_run_free(heap, zone, (uint32_t)(slab - zone->pages), slab_pages(slab->size_class));
    }
}

/* ---- Runs
 * ----------------------------------------------------------------------------------------------------- */

static uint32_t pages_for(size_t size_bytes)
{
    return size_bytes == 0 ? 1 : (uint32_t)(round_up(size_bytes, HEAP_PAGE) >> HEAP_PAGE_SHIFT);
}

static bool run_has_slack(const struct heap_page *page)
{
    return page->size_bytes < (uint64_t)page->pages << HEAP_PAGE_SHIFT;
}

static void run_set_size(struct heap_page *page, uint8_t *memory, size_t size_bytes)
{
    page->size_bytes = size_bytes;
    if (run_has_slack(page))
        memory[size_bytes] = CANARY;
}

static void *run_alloc(struct heap *heap, size_t size_bytes, bool zero)
{
    struct heap_run run;
    if (!heap_run_alloc(heap, pages_for(size_bytes), &run))
        return NULL;
    struct heap_page *page = &run.zone->pages[run.first];
    uint8_t *memory = (uint8_t *)(uintptr_t)(run.zone->first + ((uint64_t)run.first << HEAP_PAGE_SHIFT));
    page->kind = HEAP_PAGE_RUN;
    if (zero && !run.zeroed)
        memset(memory, 0, size_bytes);
    run_set_size(page, memory, size_bytes);
    return memory;
}

static bool run_resize(struct heap *heap, struct heap_zone *zone, uint32_t first, uint8_t *memory,
                       size_t size_bytes)
{
    struct heap_page *page = &zone->pages[first];
    uint32_t have = page->pages, want = pages_for(size_bytes);
    if (size_bytes < SMALL_MAX / 2 || size_bytes >= HEAP_HUGE_MIN - HEAP_PAGE)
        return false;
    if (want > have && !heap_run_extend(heap, zone, first, have, want - have))
        return false;
    if (want < have) {
        page->pages = want;
        heap_run_free(heap, zone, first + want, have - want);
    }
    run_set_size(page, memory, size_bytes);
    return true;
}

static struct huge *huge_find(const struct heap *heap, uint64_t address)
{
    struct rb_node *node = heap->huge.node;
    while (node != NULL) {
        struct huge *huge = rb_entry(node, struct huge, node);
        if (huge->address == address)
            return huge;
        node = address < huge->address ? node->left : node->right;
    }
    return NULL;
}

/* ---- What a pointer points at
 * --------------------------------------------------------------------------------- */

struct place {
    struct heap_zone *zone; /* null: huge */
    struct heap_page *page; /* first of its run or slab */
    uint32_t index;         /* in the slab */
    struct huge *huge;
    size_t size_bytes;
};

static const char not_ours[] = "a pointer that is no allocation was freed or resized";
static const char freed[] = "memory was freed twice, or resized after it was freed";

static const char *locate_small(struct heap *heap, const uint8_t *memory, struct place *out)
{
    uint64_t offset = (uintptr_t)memory - out->page->start;
    uint32_t object_bytes = class_bytes[out->page->size_class];
    out->index = (uint32_t)offset / object_bytes;
    if (offset % object_bytes != 0 || out->index >= slab_objects(out->page->size_class))
        return not_ours;
    if ((out->page->free_bits[out->index / 64] >> out->index % 64 & 1) != 0)
        return freed;
    return trailer_read(heap, memory, object_bytes, &out->size_bytes);
}

static const char *locate_run(const uint8_t *memory, struct place *out)
{
    out->size_bytes = out->page->size_bytes;
    if (run_has_slack(out->page) && memory[out->size_bytes] != CANARY)
        return "memory was written past the end of an allocation";
    return NULL;
}

static const char *locate(struct heap *heap, const void *memory, struct place *out)
{
    uint32_t page;
    *out = (struct place){0};
    out->zone = heap_zone_of(heap, (uintptr_t)memory, &page);
    if (out->zone == NULL) {
        out->huge = huge_find(heap, (uintptr_t)memory);
        if (out->huge == NULL)
            return not_ours;
        out->size_bytes = out->huge->size_bytes;
        return NULL;
    }
    out->page = &out->zone->pages[page];
    if (out->page->kind == HEAP_PAGE_FREE || out->page->kind == HEAP_PAGE_BARE)
        return freed;
    if (out->page->kind == HEAP_PAGE_BODY)
        out->page -= out->page->pages;
    if (out->page->kind == HEAP_PAGE_SLAB)
        return locate_small(heap, memory, out);
    if ((uintptr_t)memory != out->zone->first + ((uint64_t)(out->page - out->zone->pages) << HEAP_PAGE_SHIFT))
        return not_ours;
    return locate_run(memory, out);
}

static void free_small_at(struct heap *heap, const void *object)
{
    struct place place;
    if (locate(heap, object, &place) == NULL)
        small_free(heap, place.zone, place.page, place.index);
}

/* ---- Huge allocations
 * ----------------------------------------------------------------------------------------- */

static void huge_insert(struct heap *heap, struct huge *huge)
{
    struct rb_node *parent = NULL, **link = &heap->huge.node;
    while (*link != NULL) {
        parent = *link;
        link = huge->address < rb_entry(parent, struct huge, node)->address ? &parent->left : &parent->right;
    }
    rb_insert(&heap->huge, &huge->node, parent, link);
}

static uint64_t power_of_two_at_least(uint64_t value)
{
    return value <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(value - 1));
}

/* Reserves room to grow into, or at least what is needed. */
static bool huge_reserve(struct heap *heap, struct huge *huge, uint64_t needed_bytes)
{
    struct heap_source *source = &heap->source;
    huge->reserved_bytes = power_of_two_at_least(needed_bytes);
    if (source->reserve(source->self, huge->reserved_bytes, &huge->base) >= 0)
        return true;
    huge->reserved_bytes = needed_bytes;
    return source->reserve(source->self, huge->reserved_bytes, &huge->base) >= 0;
}

static bool huge_commit(struct heap *heap, struct huge *huge, size_t size_bytes)
{
    uint64_t end = huge->address + round_up(size_bytes, HEAP_PAGE);
    struct heap_source *source = &heap->source;
    if (end > huge->committed_end) {
        if (source->commit(source->self, huge->committed_end, end - huge->committed_end) < 0)
            return false;
        heap->committed_bytes += end - huge->committed_end;
        huge->committed_end = end;
    } else if (end < huge->committed_end) {
        if (source->decommit(source->self, end, huge->committed_end - end) < 0)
            return false;
        heap->committed_bytes -= huge->committed_end - end;
        huge->committed_end = end;
    }
    huge->size_bytes = size_bytes;
    return true;
}

static void *huge_alloc(struct heap *heap, size_t size_bytes, size_t alignment)
{
    uint64_t needed = round_up(size_bytes, HEAP_PAGE) + (alignment > HEAP_PAGE ? alignment : 0);
    struct huge *huge = small_alloc(heap, choose_class(sizeof *huge, HEAP_ALIGN), sizeof *huge, true);
    if (huge == NULL)
        return NULL;
    if (!huge_reserve(heap, huge, needed == 0 ? HEAP_PAGE : needed))
        goto err_record;
    huge->address = round_up(huge->base, alignment > HEAP_PAGE ? alignment : HEAP_PAGE);
    huge->committed_end = huge->address;
    if (!huge_commit(heap, huge, size_bytes))
        goto err_reservation;
    heap->reserved_bytes += huge->reserved_bytes;
    huge_insert(heap, huge);
    return (void *)(uintptr_t)huge->address;

err_reservation:
    (void)heap->source.release(heap->source.self, huge->base, huge->reserved_bytes);
err_record:
    free_small_at(heap, huge);
    return NULL;
}

static bool huge_resize(struct heap *heap, struct huge *huge, size_t size_bytes)
{
    uint64_t room = huge->base + huge->reserved_bytes - huge->address;
    if (size_bytes < HEAP_HUGE_MIN / 2 || size_bytes > room)
        return false;
    return huge_commit(heap, huge, size_bytes);
}

static void huge_free(struct heap *heap, struct huge *huge)
{
    rb_erase(&heap->huge, &huge->node);
    heap->committed_bytes -= huge->committed_end - huge->address;
    heap->reserved_bytes -= huge->reserved_bytes;
    (void)heap->source.release(heap->source.self, huge->base, huge->reserved_bytes);
    free_small_at(heap, huge);
}

/* ---- The four operations
 * -------------------------------------------------------------------------------------- */

static bool alignment_is_legal(size_t alignment)
{
    return alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= PTRDIFF_MAX / 4;
}

void *heap_alloc(struct heap *heap, size_t size_bytes, size_t alignment, bool zero)
{
    void *memory;
    if (size_bytes > PTRDIFF_MAX || (alignment != HEAP_ALIGN && !alignment_is_legal(alignment)))
        return NULL;
    uint32_t size_class = choose_class(size_bytes, alignment);
    if (size_class < HEAP_CLASSES)
        memory = small_alloc(heap, size_class, size_bytes, zero);
    else if (size_bytes < HEAP_HUGE_MIN - HEAP_PAGE && alignment <= HEAP_PAGE)
        memory = run_alloc(heap, size_bytes, zero);
    else
        memory = huge_alloc(heap, size_bytes, alignment);
    if (memory != NULL) {
        heap->allocations++;
        heap->allocated_bytes += size_bytes;
    }
    return memory;
}

const char *heap_free(struct heap *heap, void *memory)
{
    struct place place;
    const char *wrong = locate(heap, memory, &place);
    if (wrong != NULL)
        return wrong;
    heap->allocations--;
    heap->allocated_bytes -= place.size_bytes;
    if (place.huge != NULL)
        huge_free(heap, place.huge);
    else if (place.page->kind == HEAP_PAGE_SLAB)
        small_free(heap, place.zone, place.page, place.index);
    else
        heap_run_free(heap, place.zone, (uint32_t)(place.page - place.zone->pages), place.page->pages);
    return NULL;
}

const char *heap_size(struct heap *heap, const void *memory, size_t *size_bytes)
{
    struct place place;
    const char *wrong = locate(heap, memory, &place);
    if (wrong == NULL)
        *size_bytes = place.size_bytes;
    return wrong;
}

static bool small_resize(const struct heap *heap, const struct place *place, uint8_t *memory,
                         size_t size_bytes)
{
    uint32_t object_bytes = class_bytes[place->page->size_class];
    if (size_bytes > object_bytes - TRAILER_BYTES || size_bytes < object_bytes / 4)
        return false;
    trailer_write(heap, memory, object_bytes, size_bytes);
    return true;
}

bool heap_resize(struct heap *heap, void *memory, size_t size_bytes)
{
    struct place place;
    bool resized;
    if (locate(heap, memory, &place) != NULL)
        return false;
    if (place.huge != NULL)
        resized = huge_resize(heap, place.huge, size_bytes);
    else if (place.page->kind == HEAP_PAGE_SLAB)
        resized = small_resize(heap, &place, memory, size_bytes);
    else
        resized =
            run_resize(heap, place.zone, (uint32_t)(place.page - place.zone->pages), memory, size_bytes);
    if (resized)
        heap->allocated_bytes += size_bytes - place.size_bytes;
    return resized;
}
