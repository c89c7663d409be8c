/*
 * The frame allocator: buddy blocks of 2^0 .. 2^FRAME_ORDER_MAX frames.
 *
 * Records. One per frame from address 0 to the end of RAM, 8 bytes. Only the first frame of a block has a
 * meaningful record; all others are zero (STATE_INSIDE), and so are those of memory that is not ours.
 *
 * Untouched memory. RAM enters the free lists one chunk (the largest block, 4 MiB) at a time, when nothing
 * smaller is left; only then are the records of that chunk cleared. So booting with 64 GiB costs what booting
 * with 4 MiB does, and nothing depends on the firmware having cleared memory. Blocks never merge beyond a
 * chunk, so the records of chunks that have not entered are never read. A chunk that a region covers only in
 * part may be shared by two regions: the records of those are cleared at boot.
 *
 * Recently freed single frames are kept on a small stack, neither split nor merged: map, touch, unmap in a
 * loop would otherwise split a block and merge it again each time. They are merged when a larger block is
 * wanted and not there.
 *
 * Lock: LOCK_FRAME for everything but the reference counts, which are atomic.
 */
#include "mm/frame.h"
#include "arch/arch.h"
#include "core/lock.h"
#include "core/panic.h"
#include <base/string.h>

enum { CHUNK_FRAMES = 1 << FRAME_ORDER_MAX, RECENT_MAX = 64 };

static const uint64_t FRAMES_MAX = UINT64_C(1) << 28; /* what a record can name: 1 TiB */

/* The low 4 bits of record.tag; the upper 28 are the next block's frame number (FREE) or the order (USED). */
enum {
    STATE_INSIDE = 0, /* not the first frame of anything */
    STATE_USED = 1,   /* first frame of an allocated block */
    STATE_RECENT = 2, /* on the stack of recently freed single frames */
    STATE_FREE = 3,   /* + order: first frame of a block in free_head[order] */
    STATE_BITS = 4,
    STATE_MASK = (1 << STATE_BITS) - 1,
};
_Static_assert(STATE_FREE + FRAME_ORDER_MAX <= STATE_MASK, "every state fits in the low bits of a tag");

struct frame_record {
    uint32_t
        link; /* FREE: the previous block, 0 = this is the first one; USED: the reference count, atomic */
    uint32_t tag;
};

/* RAM that has not entered the free lists yet, in frame numbers. */
struct span {
    uint64_t first;
    uint64_t end;
};

static struct {
    struct spinlock lock;
    uint32_t nonempty;                       /* bit n: free_head[n] is not 0 */
    uint32_t free_head[FRAME_ORDER_MAX + 1]; /* frame numbers; frame 0 is never free, so 0 ends a list */
    uint32_t recent[RECENT_MAX];
    uint32_t recent_count;
    uint64_t free_count; /* untouched ones included */
    struct span spans[BOOT_REGIONS_MAX];
    size_t span_count;
    size_t span_now; /* the first one that is not used up */

    /* Constant after frame_init. */
    struct frame_record *records;
    uint64_t record_count; /* a multiple of CHUNK_FRAMES */
    uint64_t total_count;
} frames = {.lock = SPINLOCK_INIT(LOCK_FRAME)};

static paddr_t frame_address(uint32_t number)
{
    return (paddr_t){(uint64_t)number << CAPOS_PAGE_SHIFT};
}

/* ---- Free lists. All below: LOCK_FRAME held. */

static void list_add(uint32_t number, unsigned order)
{
    struct frame_record *record = &frames.records[number];
    uint32_t next = frames.free_head[order];
    record->link = 0;
    record->tag = next << STATE_BITS | (STATE_FREE + order);
    if (next != 0)
        frames.records[next].link = number;
    frames.free_head[order] = number;
    frames.nonempty |= 1u << order;
}

static void list_take(uint32_t number, unsigned order)
{
    struct frame_record *record = &frames.records[number];
    uint32_t next = record->tag >> STATE_BITS, previous = record->link;
    if (next != 0)
        frames.records[next].link = previous;
    if (previous != 0)
        frames.records[previous].tag = next << STATE_BITS | (STATE_FREE + order);
    else
        frames.free_head[order] = next;
    if (frames.free_head[order] == 0)
        frames.nonempty &= ~(1u << order);
    record->tag = STATE_INSIDE;
}

/* Adds a free block, merged with its neighbours as far as they are free. */
static void block_free(uint32_t number, unsigned order)
{
    frames.records[number].tag = STATE_INSIDE;
    while (order < FRAME_ORDER_MAX) {
        uint32_t buddy = number ^ 1u << order;
        if ((frames.records[buddy].tag & STATE_MASK) != STATE_FREE + order)
            break;
        list_take(buddy, order);
        number &= buddy;
        order++;
    }
    list_add(number, order);
}

/* Brings the next chunk of untouched memory into the free lists; false if there is none. */
static bool chunk_enter(void)
{
    if (frames.span_now == frames.span_count)
        return false;
    struct span *span = &frames.spans[frames.span_now];
    uint64_t at = span->first, chunk_end = (at | (CHUNK_FRAMES - 1)) + 1;
    uint64_t end = chunk_end < span->end ? chunk_end : span->end;
    if (end - at == CHUNK_FRAMES)
        memset(&frames.records[at], 0, CHUNK_FRAMES * sizeof(struct frame_record));
    while (at < end) { /* the largest aligned blocks that fit */
        unsigned order = (unsigned)__builtin_ctzll(at | CHUNK_FRAMES);
        while (at + (UINT64_C(1) << order) > end)
            order--;
        block_free((uint32_t)at, order);
        at += UINT64_C(1) << order;
    }
    span->first = end;
    if (end == span->end)
        frames.span_now++;
    return true;
}

static void recent_merge_all(void)
{
    while (frames.recent_count > 0)
        block_free(frames.recent[--frames.recent_count], 0);
}

/* Sees to it that a free list of at least this order has a block. */
static bool lists_supply(unsigned order)
{
    while (frames.nonempty >> order == 0) {
        if (chunk_enter())
            continue;
        if (frames.recent_count == 0)
            return false;
        recent_merge_all();
    }
    return true;
}

static bool block_alloc(unsigned order, uint32_t *out)
{
    if (order == 0 && frames.recent_count > 0) {
        *out = frames.recent[--frames.recent_count];
        return true;
    }
    if (!lists_supply(order))
        return false;
    unsigned have = order + (unsigned)__builtin_ctz(frames.nonempty >> order);
    uint32_t number = frames.free_head[have];
    list_take(number, have);
    while (have > order) {
        have--;
        list_add(number + (1u << have), have);
    }
    *out = number;
    return true;
}

/* ---- Interface. */

status_t frame_alloc(unsigned order_log2, paddr_t *out)
{
    kassert(order_log2 <= FRAME_ORDER_MAX);
    uint32_t number = 0;
    spinlock_acquire(&frames.lock);
    bool found = block_alloc(order_log2, &number);
    if (found) {
        frames.free_count -= UINT64_C(1) << order_log2;
        frames.records[number] = (struct frame_record){1, order_log2 << STATE_BITS | STATE_USED};
    }
    spinlock_release(&frames.lock);
    if (!found)
        return CAPOS_ERR_NO_MEMORY;
    *out = frame_address(number);
    return CAPOS_OK;
}

status_t frame_alloc_zeroed(unsigned order_log2, paddr_t *out)
{
    paddr_t frame;
    status_t status = frame_alloc(order_log2, &frame);
    if (status != CAPOS_OK)
        return status;
    char *memory = direct_map(frame);
    for (uint64_t page = 0; page < UINT64_C(1) << order_log2; page++)
        arch_page_clear(memory + page * PAGE_SIZE);
    *out = frame;
    return CAPOS_OK;
}

static struct frame_record *used_record(paddr_t frame)
{
    uint64_t number = frame.raw >> CAPOS_PAGE_SHIFT;
    kassert((frame.raw & PAGE_MASK) == 0 && number < frames.record_count);
    struct frame_record *record = &frames.records[number];
    kassert((record->tag & STATE_MASK) == STATE_USED);
    return record;
}

void frame_get(paddr_t frame)
{
    uint32_t references = __atomic_add_fetch(&used_record(frame)->link, 1, __ATOMIC_RELAXED);
    kassert(references > 1);
}

void frame_put(paddr_t frame)
{
    struct frame_record *record = used_record(frame);
    if (__atomic_sub_fetch(&record->link, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    unsigned order = record->tag >> STATE_BITS;
    uint32_t number = (uint32_t)(frame.raw >> CAPOS_PAGE_SHIFT);
    spinlock_acquire(&frames.lock);
    frames.free_count += UINT64_C(1) << order;
    if (order == 0 && frames.recent_count < RECENT_MAX) {
        record->tag = STATE_RECENT;
        frames.recent[frames.recent_count++] = number;
    } else {
        block_free(number, order);
    }
    spinlock_release(&frames.lock);
}

uint32_t frame_references(paddr_t frame)
{
    return __atomic_load_n(&used_record(frame)->link, __ATOMIC_ACQUIRE);
}

uint64_t frame_total_count(void)
{
    return frames.total_count;
}

uint64_t frame_free_count(void)
{
    return __atomic_load_n(&frames.free_count, __ATOMIC_RELAXED);
}

/* ---- Boot. */

/* The whole frames of a region, without frame 0 and what records cannot name; empty if nothing is left. */
static struct span span_of_region(const struct boot_region *region)
{
    struct span span = {0, 0};
    uint64_t end_address;
    if (!region->usable || __builtin_add_overflow(region->base, region->size_bytes, &end_address))
        return span;
    span.first = (region->base >> CAPOS_PAGE_SHIFT) + ((region->base & PAGE_MASK) != 0 ? 1 : 0);
    span.first = span.first == 0 ? 1 : span.first;
    span.end = end_address >> CAPOS_PAGE_SHIFT;
    span.end = span.end > FRAMES_MAX ? FRAMES_MAX : span.end;
    return span;
}

/* Sorted by address, not overlapping: firmware tables are neither for certain. */
static void spans_collect(const struct boot_info *boot)
{
    frames.span_count = 0;
    for (size_t i = 0; i < boot->region_count && i < BOOT_REGIONS_MAX; i++) {
        struct span span = span_of_region(&boot->regions[i]);
        if (span.first >= span.end)
            continue;
        size_t at = frames.span_count++;
        for (; at > 0 && frames.spans[at - 1].first > span.first; at--)
            frames.spans[at] = frames.spans[at - 1];
        frames.spans[at] = span;
    }
    size_t kept = 0;
    uint64_t covered = 0;
    for (size_t i = 0; i < frames.span_count; i++) {
        struct span span = frames.spans[i];
        span.first = span.first < covered ? covered : span.first;
        if (span.first >= span.end)
            continue;
        covered = span.end;
        frames.spans[kept++] = span;
    }
    frames.span_count = kept;
}

/* Takes the records out of the end of the largest span. */
static void records_place(void)
{
    struct span *largest = &frames.spans[0];
    for (size_t i = 1; i < frames.span_count; i++)
        if (frames.spans[i].end - frames.spans[i].first > largest->end - largest->first)
            largest = &frames.spans[i];
    frames.record_count = align_up(frames.spans[frames.span_count - 1].end, CHUNK_FRAMES);
    uint64_t size_frames = align_up(frames.record_count * sizeof(struct frame_record), PAGE_SIZE) / PAGE_SIZE;
    if (largest->end - largest->first <= size_frames)
        panic(
            "frame_init: no room for the frame records: %lu frames in the largest of %zu regions, %lu needed",
            (unsigned long)(largest->end - largest->first), frames.span_count, (unsigned long)size_frames);
    largest->end -= size_frames;
    frames.records = direct_map((paddr_t){largest->end << CAPOS_PAGE_SHIFT});
}

static void records_clear_chunk(uint64_t frame_number)
{
    memset(&frames.records[align_down(frame_number, CHUNK_FRAMES)], 0,
           CHUNK_FRAMES * sizeof(struct frame_record));
}

void frame_init(const struct boot_info *boot)
{
    spans_collect(boot);
    if (frames.span_count == 0)
        panic("frame_init: the memory map has no usable region");
    records_place();
    frames.nonempty = 0;
    frames.recent_count = 0;
    frames.span_now = 0;
    frames.total_count = 0;
    memset(frames.free_head, 0, sizeof frames.free_head);
    for (size_t i = 0; i < frames.span_count; i++) {
        const struct span *span = &frames.spans[i];
        frames.total_count += span->end - span->first;
        records_clear_chunk(span->first);
        records_clear_chunk(span->end - 1);
    }
    frames.free_count = frames.total_count;
}

/* ---- Checking. */

static bool list_check(unsigned order, uint64_t *count)
{
    uint32_t previous = 0;
    for (uint32_t number = frames.free_head[order]; number != 0;) {
        const struct frame_record *record = &frames.records[number];
        bool in_place = number < frames.record_count && (number & ((1u << order) - 1)) == 0;
        if (!in_place || (record->tag & STATE_MASK) != STATE_FREE + order || record->link != previous)
            return false;
        *count += UINT64_C(1) << order;
        previous = number;
        number = record->tag >> STATE_BITS;
    }
    return (frames.nonempty >> order & 1) == (frames.free_head[order] != 0);
}

static bool check_locked(void)
{
    uint64_t count = frames.recent_count;
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
        if (!list_check(order, &count))
            return false;
    for (uint32_t i = 0; i < frames.recent_count; i++)
        if ((frames.records[frames.recent[i]].tag & STATE_MASK) != STATE_RECENT)
            return false;
    for (size_t i = frames.span_now; i < frames.span_count; i++)
        count += frames.spans[i].end - frames.spans[i].first;
    return count == frames.free_count && frames.free_count <= frames.total_count;
}

bool frame_check(void)
{
    spinlock_acquire(&frames.lock);
    bool good = check_locked();
    spinlock_release(&frames.lock);
    return good;
}
