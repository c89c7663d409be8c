/*
 * Address spaces against a naive model: one record per page of two windows of 4 MiB, one across a 1 GiB
 * border and one across a 512 GiB border. Random operations on several address spaces that are clones of each
 * other; the model, which knows nothing of sharing, says what each must answer, and afterwards regions,
 * pages, contents, tables and charges must be the model's, and the TLB must hold nothing stale.
 */
#include "arch/arch.h"
#include "fake.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

enum {
    WINDOWS = 2,
    WINDOW_PAGES = 1024,
    LARGE_PAGES = 512,
    OBJECTS = 3,
    OBJECT_PAGES = 700, /* two levels of tables */
    CHOSEN_MAX = 8,
    SPACES = 4,
    TOKENS = 2,
    RUN_STEPS = 100000,
};

static const uaddr_t window_start[WINDOWS] = {0x3fe00000, UINT64_C(0x7fffe00000)};

enum kind { NONE, RESERVED, COMMITTED, GROWABLE, OBJECT, GUARD };

struct page {
    enum kind kind;
    uint32_t prot;
    bool large;
    int object;
    uint64_t object_page;
    bool object_writable;
    int token;      /* of those alive, from 1; 0: mapped without one */
    bool there;     /* has a frame */
    uint32_t stamp; /* first word of the content; for objects see object_stamp */
};

/* A mapping whose place the kernel chose. */
struct chosen {
    uaddr_t address;
    uint64_t pages;
};

/* One address space and what it must be. Clones share pages with what they were made from. */
struct space {
    struct aspace *aspace; /* null: none */
    struct ledger *ledger;
    struct page pages[WINDOWS][WINDOW_PAGES];
    struct chosen chosen[CHOSEN_MAX];
};

static struct space spaces[SPACES], *here; /* `here`: the one that operations are applied to */
static uint32_t object_stamp[OBJECTS][OBJECT_PAGES];
static struct memory_object *objects[OBJECTS];
static struct mapping_token *tokens[TOKENS + 1]; /* tokens[0]: null */
static struct ledger *object_ledger;
static uint64_t frames_before, frame_limit;
static uint32_t last_stamp;
static uint64_t random_state;
static unsigned injected_before;
static unsigned accepted, refused; /* that both happen often is part of the test */
static unsigned clones;
static uint32_t meanwhile;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % limit;
}

/* ---- What an operation is applied to. */

struct target {
    unsigned window;
    uint32_t first, count; /* pages */
    uint32_t prot;
};

static struct page *target_page(const struct target *target, uint32_t i)
{
    return &here->pages[target->window][target->first + i];
}

static uaddr_t target_address(const struct target *target)
{
    return window_start[target->window] + target->first * PAGE_SIZE;
}

static uint64_t target_size(const struct target *target) /* not always whole pages */
{
    return target->count * PAGE_SIZE - (random_below(4) == 0 ? random_below(4096) : 0);
}

static uint32_t random_prot(void)
{
    static const uint32_t usual[] = {PROT_READ,
                                     PROT_READ | PROT_WRITE,
                                     PROT_READ | PROT_WRITE,
                                     PROT_READ | PROT_EXEC,
                                     0,
                                     PROT_WRITE,
                                     PROT_EXEC,
                                     PROT_WRITE | PROT_EXEC,
                                     16,
                                     PROT_READ | PROT_WRITE};
    return usual[random_below(array_count(usual))];
}

static struct target random_target(void)
{
    struct target target = {.window = random_below(WINDOWS), .first = random_below(WINDOW_PAGES)};
    uint32_t room = WINDOW_PAGES - target.first;
    uint32_t longest = random_below(20) == 0 ? WINDOW_PAGES : random_below(4) == 0 ? 200 : 12;
    target.count = 1 + random_below(longest < room ? longest : room);
    target.prot = random_prot();
    if (random_below(24) == 0) { /* whole large pages, or nearly */
        target.first = random_below(2) * LARGE_PAGES;
        target.count = LARGE_PAGES * (target.first == 0 ? 1 + random_below(2) : 1) - random_below(10) / 9;
    }
    return target;
}

/* ---- Rules of the model. */

static bool prot_is_good(uint32_t prot, uint32_t allowed)
{
    return (prot & ~allowed) == 0 && (prot & 6) != 6;
}

static uint32_t prot_effective(uint32_t prot)
{
    return (prot & 6) != 0 ? prot | PROT_READ : prot;
}

static bool all_of(const struct target *target, unsigned kinds)
{
    for (uint32_t i = 0; i < target->count; i++)
        if ((1u << target_page(target, i)->kind & kinds) == 0)
            return false;
    return true;
}

static bool cuts_at(unsigned window, uint32_t page)
{
    return page < WINDOW_PAGES && page % LARGE_PAGES != 0 && here->pages[window][page].large;
}

static bool cuts_large(const struct target *target)
{
    return cuts_at(target->window, target->first) || cuts_at(target->window, target->first + target->count);
}

static bool is_whole_large(const struct target *target)
{
    return target->first % LARGE_PAGES == 0 && target->count % LARGE_PAGES == 0;
}

/* Compares an answer with the model's. True if the operation happened and the model must follow. Being
 * refused for want of memory is right when an allocation was made to fail, or the ledger could not have paid.
 */
static bool outcome(status_t status, status_t expected, uint64_t pages_wanted)
{
    bool short_of_memory =
        fake_injected_count() != injected_before ||
        ledger_limit(here->ledger, LEDGER_FRAMES) - ledger_used(here->ledger, LEDGER_FRAMES) <
            pages_wanted + 16;
    injected_before = fake_injected_count();
    if (status == CAPOS_ERR_NO_MEMORY && short_of_memory)
        return false;
    assert_int_equal(status, expected);
    accepted += status == CAPOS_OK ? 1 : 0;
    refused += status != CAPOS_OK ? 1 : 0;
    return status == CAPOS_OK;
}

/* ---- Operations. */

/* A small mapping is filled at once, as far as there are frames: the model takes over which pages that was.
 */
static bool is_filled(const struct target *target, uint32_t index)
{
    const pte_t *entry =
        paging_entry(&here->aspace->tables, target_address(target) + index * PAGE_SIZE, false);
    return target->count <= FILL_AT_ONCE_PAGES && entry != NULL && *entry != 0;
}

static void step_map(void)
{
    struct target target = random_target();
    bool large = is_whole_large(&target) ? random_below(2) != 0 : random_below(200) == 0;
    uint32_t prot = target.prot | (large ? (uint32_t)PROT_LARGE : 0);
    status_t expected = CAPOS_OK;
    uaddr_t at = 1;
    if (!prot_is_good(prot, 15) || (large && target.count % LARGE_PAGES != 0))
        expected = CAPOS_ERR_BAD_FLAGS;
    else if (large && target.first % LARGE_PAGES != 0)
        expected = CAPOS_ERR_UNALIGNED;
    else if (!all_of(&target, 1u << NONE))
        expected = CAPOS_ERR_BAD_ADDRESS;
    status_t status = aspace_map(here->aspace, target_address(&target), target_size(&target), prot, &at);
    assert_true((status == CAPOS_OK) == (at == target_address(&target)) || at == 1);
    if (!outcome(status, expected, target.count))
        return;
    for (uint32_t i = 0; i < target.count; i++)
        *target_page(&target, i) = (struct page){.kind = COMMITTED,
                                                 .prot = prot_effective(target.prot),
                                                 .large = large,
                                                 .there = large || is_filled(&target, i)};
}

static void step_reserve(void)
{
    struct target target = random_target();
    uaddr_t at = 0;
    status_t status = aspace_reserve(here->aspace, target_address(&target), target_size(&target), &at);
    if (!outcome(status, all_of(&target, 1u << NONE) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS, 0))
        return;
    for (uint32_t i = 0; i < target.count; i++)
        *target_page(&target, i) = (struct page){.kind = RESERVED};
}

static void step_map_growable(void)
{
    struct target target = random_target();
    if (target.first == 0)
        return;
    struct target with_guard = {target.window, target.first - 1, target.count + 1, 0};
    status_t expected = CAPOS_OK;
    uaddr_t at = 0;
    if (!prot_is_good(target.prot, 7))
        expected = CAPOS_ERR_BAD_FLAGS;
    else if (!all_of(&with_guard, 1u << NONE))
        expected = CAPOS_ERR_BAD_ADDRESS;
    status_t status =
        aspace_map_growable(here->aspace, target_address(&target), target_size(&target), target.prot, &at);
    if (!outcome(status, expected, 0))
        return;
    for (uint32_t i = 0; i < target.count; i++)
        *target_page(&target, i) = (struct page){.kind = GROWABLE, .prot = prot_effective(target.prot)};
    *target_page(&with_guard, 0) = (struct page){.kind = GUARD};
}

static void step_map_object(void)
{
    struct target target = random_target();
    int object = (int)random_below(OBJECTS);
    uint64_t first = random_below(OBJECT_PAGES);
    bool writable = random_below(3) != 0;
    status_t expected = CAPOS_OK;
    uaddr_t at = 0;
    if (!prot_is_good(target.prot, writable ? 7 : 5))
        expected = CAPOS_ERR_BAD_FLAGS;
    else if (first + target.count > OBJECT_PAGES)
        expected = CAPOS_ERR_BAD_ADDRESS;
    else if (!all_of(&target, 1u << NONE))
        expected = CAPOS_ERR_BAD_ADDRESS;
    int token = random_below(2) == 0 ? 0 : (int)random_below(TOKENS + 1);
    status_t status =
        aspace_map_object_by(here->aspace, tokens[token], objects[object], writable, target_address(&target),
                             first * PAGE_SIZE, target.count * PAGE_SIZE, target.prot, &at);
    if (!outcome(status, expected, 0))
        return;
    for (uint32_t i = 0; i < target.count; i++)
        *target_page(&target, i) = (struct page){.kind = OBJECT,
                                                 .prot = prot_effective(target.prot),
                                                 .object = object,
                                                 .object_page = first + i,
                                                 .object_writable = writable,
                                                 .token = token};
}

static void step_commit(void)
{
    struct target target = random_target();
    bool large = is_whole_large(&target) ? random_below(2) != 0 : random_below(200) == 0;
    uint32_t prot = target.prot | (large ? (uint32_t)PROT_LARGE : 0);
    status_t expected = CAPOS_OK;
    if (!prot_is_good(prot, 15))
        expected = CAPOS_ERR_BAD_FLAGS;
    else if (large && !is_whole_large(&target))
        expected = CAPOS_ERR_UNALIGNED;
    else if (!all_of(&target, 1u << RESERVED | 1u << COMMITTED))
        expected = CAPOS_ERR_BAD_ADDRESS;
    else if (cuts_large(&target))
        expected = CAPOS_ERR_UNALIGNED;
    else if (large && !all_of(&target, 1u << RESERVED))
        expected = CAPOS_ERR_BAD_FLAGS;
    uint64_t size = large ? target.count * PAGE_SIZE : target_size(&target);
    status_t status = aspace_commit(here->aspace, target_address(&target), size, prot);
    if (!outcome(status, expected, target.count))
        return;
    for (uint32_t i = 0; i < target.count; i++) {
        struct page *page = target_page(&target, i);
        if (page->kind == RESERVED)
            *page = (struct page){.kind = COMMITTED, .large = large, .there = large};
        page->prot = prot_effective(target.prot);
    }
}

static void step_decommit(void)
{
    struct target target = random_target();
    status_t expected = CAPOS_OK;
    if (!all_of(&target, 1u << RESERVED | 1u << COMMITTED | 1u << GROWABLE))
        expected = CAPOS_ERR_BAD_ADDRESS;
    else if (cuts_large(&target))
        expected = CAPOS_ERR_UNALIGNED;
    status_t status = aspace_decommit(here->aspace, target_address(&target), target_size(&target));
    if (!outcome(status, expected, 0))
        return;
    for (uint32_t i = 0; i < target.count; i++) {
        struct page *page = target_page(&target, i);
        if (page->kind == COMMITTED)
            *page = (struct page){.kind = RESERVED};
        page->there = false;
        page->stamp = 0;
    }
}

static void step_protect(void)
{
    struct target target = random_target();
    status_t expected = CAPOS_OK;
    bool read_only = false;
    for (uint32_t i = 0; i < target.count; i++) {
        const struct page *page = target_page(&target, i);
        read_only = read_only || (page->kind == OBJECT && !page->object_writable);
    }
    if (!prot_is_good(target.prot, 7))
        expected = CAPOS_ERR_BAD_FLAGS;
    else if (!all_of(&target, 1u << COMMITTED | 1u << GROWABLE | 1u << OBJECT))
        expected = CAPOS_ERR_BAD_ADDRESS;
    else if (cuts_large(&target))
        expected = CAPOS_ERR_UNALIGNED;
    else if (read_only && (target.prot & PROT_WRITE) != 0)
        expected = CAPOS_ERR_BAD_FLAGS;
    status_t status =
        aspace_protect(here->aspace, target_address(&target), target_size(&target), target.prot);
    if (!outcome(status, expected, 0))
        return;
    for (uint32_t i = 0; i < target.count; i++)
        target_page(&target, i)->prot = prot_effective(target.prot);
}

static void forget(const struct target *target)
{
    const struct page *first = target_page(target, 0);
    if (first->kind == GROWABLE && target->first > 0 && first[-1].kind == GUARD)
        here->pages[target->window][target->first - 1] = (struct page){0};
    for (uint32_t i = 0; i < target->count; i++)
        *target_page(target, i) = (struct page){0};
}

static void step_unmap(void)
{
    struct target target = random_target();
    status_t status = aspace_unmap(here->aspace, target_address(&target), target_size(&target));
    if (outcome(status, cuts_large(&target) ? CAPOS_ERR_UNALIGNED : CAPOS_OK, 0))
        forget(&target);
}

static void step_unmap_object(void)
{
    struct target target = random_target();
    int object = (int)random_below(OBJECTS);
    for (uint32_t i = 0; i < 40 && target_page(&target, 0)->kind != OBJECT;
         i++) /* else it hardly ever succeeds */
        target = random_target();
    if (target_page(&target, 0)->kind == OBJECT && random_below(4) != 0)
        object = target_page(&target, 0)->object;
    status_t expected = cuts_large(&target) ? CAPOS_ERR_UNALIGNED : CAPOS_OK;
    for (uint32_t i = 0; i < target.count && expected == CAPOS_OK; i++)
        if (target_page(&target, i)->kind != OBJECT || target_page(&target, i)->object != object)
            expected = CAPOS_ERR_BAD_ADDRESS;
    status_t status =
        aspace_unmap_object(here->aspace, objects[object], target_address(&target), target_size(&target));
    if (outcome(status, expected, 0))
        forget(&target);
}

/* ---- Access. */

static uint32_t *stamp_of(struct page *page)
{
    return page->kind == OBJECT ? &object_stamp[page->object][page->object_page] : &page->stamp;
}

static bool may_access(const struct page *page, uint32_t prot_needed)
{
    bool memory = page->kind == COMMITTED || page->kind == GROWABLE || page->kind == OBJECT;
    return memory && (page->prot & prot_needed) != 0;
}

static const uint32_t prot_needed[] = {
    [ACCESS_READ] = PROT_READ, [ACCESS_WRITE] = PROT_WRITE, [ACCESS_EXEC] = PROT_EXEC};

/* As a program does it: access, fault, access again. */
static void step_touch(void)
{
    struct target target = random_target();
    struct page *page = target_page(&target, 0);
    enum aspace_access access = (enum aspace_access)random_below(3);
    paddr_t root = aspace_page_table(here->aspace);
    status_t status = CAPOS_OK;
    void *memory = fake_access(root, target_address(&target), access);
    for (unsigned tries = 0; memory == NULL && status == CAPOS_OK && tries < 2; tries++) {
        status = aspace_fault(here->aspace, target_address(&target) + random_below(4096), access);
        if (status == CAPOS_OK)
            memory = fake_access(root, target_address(&target), access);
    }
    if (!outcome(status, may_access(page, prot_needed[access]) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS, 1))
        return;
    assert_non_null(memory);
    page->there = true;
    uint32_t *word = memory;
    assert_int_equal(*word, *stamp_of(page));
    if (access == ACCESS_WRITE)
        *word = *stamp_of(page) = ++last_stamp;
}

static void step_write(void)
{
    struct target target = random_target();
    struct page *page = target_page(&target, 0);
    uint32_t stamp = ++last_stamp;
    status_t status = aspace_write(here->aspace, target_address(&target), &stamp, sizeof stamp);
    if (!outcome(status, may_access(page, PROT_WRITE) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS, 1))
        return;
    page->there = true;
    *stamp_of(page) = stamp;
}

/* Up to four pages at once. A copy that fails may have filled pages in. */
static void step_read(void)
{
    static char buffer[4 * 4096];
    struct target target = random_target();
    target.count = target.count < 4 ? target.count : 4;
    status_t expected = CAPOS_OK;
    for (uint32_t i = 0; i < target.count; i++)
        if (!may_access(target_page(&target, i), PROT_READ))
            expected = CAPOS_ERR_BAD_ADDRESS;
    status_t status = aspace_read(here->aspace, target_address(&target), buffer, target.count * PAGE_SIZE);
    bool happened = outcome(status, expected, target.count);
    for (uint32_t i = 0; i < target.count; i++) {
        struct page *page = target_page(&target, i);
        const pte_t *entry =
            paging_entry(&here->aspace->tables, target_address(&target) + i * PAGE_SIZE, page->large);
        if (happened)
            assert_memory_equal(buffer + i * PAGE_SIZE, stamp_of(page), sizeof(uint32_t));
        if (!may_access(page, PROT_READ))
            break;
        page->there = page->there || happened || (entry != NULL && *entry != 0);
    }
}

/* The kernel chooses the place: at random, but never where something is, and outside of the windows. */
static void step_chosen(void)
{
    struct chosen *slot = &here->chosen[random_below(CHOSEN_MAX)];
    if (slot->pages != 0) {
        if (!outcome(aspace_unmap(here->aspace, slot->address, slot->pages * PAGE_SIZE), CAPOS_OK, 0))
            return;
        slot->pages = 0;
        return;
    }
    uint64_t count = 1 + random_below(6);
    uaddr_t at = 0;
    status_t status = aspace_map(here->aspace, 0, count * PAGE_SIZE, PROT_READ | PROT_WRITE, &at);
    if (!outcome(status, CAPOS_OK, count))
        return;
    for (unsigned i = 0; i < CHOSEN_MAX; i++)
        assert_true(here->chosen[i].pages == 0 ||
                    at >= here->chosen[i].address + here->chosen[i].pages * PAGE_SIZE ||
                    at + count * PAGE_SIZE <= here->chosen[i].address);
    *slot = (struct chosen){at, count};
}

/* ---- Comparing. */

static const enum region_kind region_kinds[] = {[RESERVED] = REGION_RESERVED,
                                                [COMMITTED] = REGION_COMMITTED,
                                                [GROWABLE] = REGION_GROWABLE,
                                                [OBJECT] = REGION_OBJECT,
                                                [GUARD] = REGION_GUARD};

static void assert_page(unsigned window, uint32_t index)
{
    const struct page *page = &here->pages[window][index];
    uaddr_t address = window_start[window] + index * PAGE_SIZE;
    const struct region *region = region_at(here->aspace, address);
    if (page->kind == NONE) {
        assert_null(region);
        return;
    }
    assert_non_null(region);
    assert_int_equal(region->kind, region_kinds[page->kind]);
    if (page->kind == RESERVED || page->kind == GUARD)
        return;
    assert_int_equal(region->prot, page->prot | (page->large ? (uint32_t)PROT_LARGE : 0));
    const pte_t *entry = paging_entry(&here->aspace->tables, address, page->large);
    assert_true(page->kind == GROWABLE || entry != NULL);
    assert_true(page->large || page->there == (entry != NULL && *entry != 0));
    if (page->there && entry != NULL && *entry != 0) {
        const char *block = direct_map(pte_frame(*entry));
        uint64_t offset = page->large ? address & (LARGE_PAGE_SIZE - 1) : 0;
        assert_memory_equal(block + offset, stamp_of(&here->pages[window][index]), sizeof(uint32_t));
    }
    if (page->kind == OBJECT) {
        assert_ptr_equal(region->object, objects[page->object]);
        assert_int_equal(region->object_first_page + (address - region->start) / PAGE_SIZE,
                         page->object_page);
        assert_int_equal(region->object_writable, page->object_writable);
        assert_ptr_equal(region->use == 0 ? NULL : mapping_use_at(here->aspace, region->use)->token,
                         tokens[page->token]);
    }
}

/* Distinct tables above a set of spans that have a leaf table (or a large page: then one less). */
struct table_set {
    uint64_t ids[3][WINDOWS * 2 + CHOSEN_MAX * 2];
    unsigned counts[3];
};

static void table_add(struct table_set *set, unsigned level, uint64_t id)
{
    for (unsigned i = 0; i < set->counts[level]; i++)
        if (set->ids[level][i] == id)
            return;
    set->ids[level][set->counts[level]++] = id;
}

static void tables_add(struct table_set *set, uaddr_t address, bool large)
{
    for (unsigned level = large ? 1 : 0; level < 3; level++)
        table_add(set, level, address >> (21 + 9 * level));
}

static uint64_t list_count(const struct list *list)
{
    uint64_t count = 0;
    for (const struct list_node *node = list->head.next; node != &list->head; node = node->next)
        count++;
    return count;
}

static void assert_charges(void)
{
    struct table_set set = {.counts = {0}};
    uint64_t frames = 1, committed = 0, reserved = 0;
    for (unsigned window = 0; window < WINDOWS; window++) {
        for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
            const struct page *page = &here->pages[window][i];
            bool charged = page->kind == COMMITTED || (page->kind == GROWABLE && page->there);
            committed += charged ? 1 : 0;
            reserved += page->kind != NONE ? 1 : 0;
            if (charged || page->kind == OBJECT)
                tables_add(&set, window_start[window] + i * PAGE_SIZE, page->large);
        }
    }
    for (unsigned i = 0; i < CHOSEN_MAX; i++) {
        committed += here->chosen[i].pages;
        reserved += here->chosen[i].pages;
        for (uint64_t page = 0; page < here->chosen[i].pages; page++)
            tables_add(&set, here->chosen[i].address + page * PAGE_SIZE, false);
    }
    frames += committed + set.counts[0] + set.counts[1] + set.counts[2];
    assert_int_equal(ledger_used(here->ledger, LEDGER_FRAMES), frames);
    assert_int_equal(ledger_used(here->ledger, LEDGER_RESERVED_PAGES), reserved);
    struct aspace_stats stats;
    aspace_stats(here->aspace, &stats);
    assert_int_equal(stats.committed_bytes, committed * PAGE_SIZE);
    assert_int_equal(stats.reserved_bytes, reserved * PAGE_SIZE);
    assert_int_equal(stats.table_frames, frames - committed);
    assert_int_equal(ledger_used(here->ledger, LEDGER_HEAP_BYTES),
                     list_count(&here->aspace->uses) * sizeof(struct mapping_use) + sizeof *here->aspace +
                         (here->aspace->region_count + here->aspace->spare_count) * sizeof(struct region));
}

static void assert_is_model(void)
{
    assert_true(aspace_check(here->aspace));
    for (unsigned window = 0; window < WINDOWS; window++)
        for (uint32_t i = 0; i < WINDOW_PAGES; i++)
            assert_page(window, i);
    assert_charges();
}

/* ---- Clones. */

static void space_end(struct space *space)
{
    aspace_release(space->aspace);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(space->ledger, (enum ledger_resource)r), 0);
    ledger_put(space->ledger);
    space->aspace = NULL;
}

static struct ledger *ledger_new(void)
{
    struct ledger *ledger;
    const uint64_t limits[LEDGER_RESOURCES] = {[LEDGER_FRAMES] = frame_limit};
    bool inject = fake_inject_pause();
    assert_int_equal(ledger_create(ledger_root(), limits, &ledger), CAPOS_OK);
    fake_inject_resume(inject);
    return ledger;
}

/* What the clone's model is: the same, with other objects here and there. replacement -1: not mapped. */
static void model_clone(struct space *clone, int original, int replacement)
{
    memcpy(clone->pages, here->pages, sizeof clone->pages);
    memcpy(clone->chosen, here->chosen, sizeof clone->chosen);
    for (unsigned i = 0; i < WINDOWS * WINDOW_PAGES; i++) {
        struct page *page = &clone->pages[i / WINDOW_PAGES][i % WINDOW_PAGES];
        if (page->kind != OBJECT || page->object != original || replacement == original)
            continue;
        page->object = replacement;
        page->there = false;
        if (replacement < 0)
            *page = (struct page){0};
    }
}

static bool has_large(void)
{
    for (unsigned i = 0; i < WINDOWS * WINDOW_PAGES; i++)
        if (here->pages[i / WINDOW_PAGES][i % WINDOW_PAGES].large)
            return true;
    return false;
}

static void step_clone(void)
{
    struct space *slot = &spaces[random_below(SPACES)];
    int original = (int)random_below(OBJECTS), replacement = (int)random_below(OBJECTS + 1) - 1;
    if (slot == here || random_below(4) != 0)
        return;
    if (slot->aspace != NULL)
        space_end(slot);
    struct ledger *ledger = ledger_new();
    const struct aspace_substitute substitutes[] = {
        {objects[original], replacement < 0 ? NULL : objects[replacement]}};
    bool substituted = random_below(2) == 0;
    bool inject = fake_inject_pause();
    if (random_below(4) != 0) /* with failures hardly any clone succeeds */
        fake_inject_resume(inject);
    status_t status = aspace_clone(here->aspace, ledger, substitutes, substituted ? 1 : 0, &slot->aspace);
    fake_inject_resume(inject);
    if ((status == CAPOS_ERR_NO_MEMORY && has_large()) /* no block for a copy, perhaps */
        || !outcome(status, CAPOS_OK, 0)) {
        for (int r = 0; r < LEDGER_RESOURCES; r++)
            assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
        ledger_put(ledger);
        injected_before = fake_injected_count();
        return;
    }
    clones++;
    slot->ledger = ledger;
    model_clone(slot, substituted ? original : -2, replacement);
}

/* ---- Tokens. */

static void token_renew(int token)
{
    if (tokens[token] != NULL)
        mapping_token_put(tokens[token]);
    bool inject = fake_inject_pause();
    assert_int_equal(
        mapping_token_create(object_ledger, memory_object_as_object(objects[token]), &tokens[token]),
        CAPOS_OK);
    fake_inject_resume(inject);
}

static void forget_token(struct space *space, int token)
{
    for (unsigned i = 0; i < WINDOWS * WINDOW_PAGES; i++) {
        struct page *page = &space->pages[i / WINDOW_PAGES][i % WINDOW_PAGES];
        if (page->kind == OBJECT && page->token == token)
            *page = (struct page){0};
    }
}

static void step_revoke(void)
{
    int token = 1 + (int)random_below(TOKENS);
    uaddr_t at;
    if (random_below(16) != 0)
        return;
    mapping_token_revoke(tokens[token]);
    status_t refused_now =
        aspace_map_object_by(here->aspace, tokens[token], objects[0], true, 0, 0, PAGE_SIZE, PROT_READ, &at);
    assert_true(refused_now == CAPOS_ERR_REVOKED || refused_now == CAPOS_ERR_NO_MEMORY);
    for (unsigned i = 0; i < SPACES; i++)
        forget_token(&spaces[i], token);
    injected_before = fake_injected_count();
    token_renew(token);
}

/* ---- Running. */

/* Another thread of the program writes, to a page that it has, what is there anyway: sharing ends in the
 * middle of an operation. */
static void write_meanwhile(void)
{
    uint32_t window = meanwhile++ % WINDOWS, index = meanwhile * 2654435761u >> 8 & (WINDOW_PAGES - 1);
    const struct page *page = &here->pages[window][index];
    uaddr_t address = window_start[window] + index * PAGE_SIZE;
    if (page->kind != COMMITTED || !page->there || page->large)
        return;
    const pte_t *entry = paging_entry(&here->aspace->tables, address, false);
    if (entry == NULL || *entry == 0)
        return;
    uint32_t stamp = *(const uint32_t *)direct_map(pte_frame(*entry));
    bool inject = fake_inject_pause();
    status_t status = aspace_write(here->aspace, address, &stamp, sizeof stamp);
    fake_inject_resume(inject);
    assert_true(status == CAPOS_OK || status == CAPOS_ERR_BAD_ADDRESS);
}

static void check_at_preemption(void *context)
{
    (void)context;
    for (unsigned i = 0; i < SPACES; i++)
        assert_true(spaces[i].aspace == NULL || aspace_is_dead(spaces[i].aspace) ||
                    aspace_check(spaces[i].aspace));
    for (unsigned i = 0; i < 64 && !aspace_is_dead(here->aspace); i++)
        write_meanwhile();
}

static void assert_spaces_are_model(void)
{
    struct space *was = here;
    for (unsigned i = 0; i < SPACES; i++) {
        here = &spaces[i];
        if (here->aspace != NULL)
            assert_is_model();
    }
    here = was;
}

static void choose_space(void)
{
    struct space *chosen = &spaces[random_below(SPACES)];
    here = chosen->aspace != NULL ? chosen : here;
}

static void setup(void)
{
    random_state = 0x2545f4914f6cdd1d;
    memset(spaces, 0, sizeof spaces);
    memset(object_stamp, 0, sizeof object_stamp);
    clones = 0;
    accepted = refused = 0;
    fake_machine_start(UINT64_C(128) << 20);
    ledger_root_init();
    frames_before = frame_free_count();
    assert_int_equal(ledger_create(ledger_root(), (const uint64_t[LEDGER_RESOURCES]){[LEDGER_FRAMES] = 3000},
                                   &object_ledger),
                     CAPOS_OK);
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_int_equal(memory_object_create(object_ledger, OBJECT_PAGES * PAGE_SIZE - 5, &objects[i]),
                         CAPOS_OK);
}

static void start(uint64_t limit)
{
    for (int token = 1; token <= TOKENS; token++)
        token_renew(token);
    frame_limit = limit;
    here = &spaces[0];
    here->ledger = ledger_new();
    assert_int_equal(aspace_create(here->ledger, &here->aspace), CAPOS_OK);
    fake_preemption_hook = check_at_preemption;
    fake_preemption_context = NULL;
    injected_before = fake_injected_count();
}

static void teardown(void)
{
    fake_inject(false, 0);
    fake_preemption_hook = NULL;
    for (unsigned i = 0; i < SPACES; i++)
        if (spaces[i].aspace != NULL)
            space_end(&spaces[i]);
    for (int token = 1; token <= TOKENS; token++)
        mapping_token_put(tokens[token]);
    memset(tokens, 0, sizeof tokens);
    for (unsigned i = 0; i < OBJECTS; i++)
        object_put(memory_object_as_object(objects[i]));
    ledger_put(object_ledger);
    assert_int_equal(object_live_count(), 0);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

static void run(unsigned steps)
{
    static void (*const operations[])(void) = {
        step_map,        step_map,    step_reserve, step_reserve,      step_map_growable,
        step_map_object, step_commit, step_commit,  step_decommit,     step_protect,
        step_protect,    step_unmap,  step_unmap,   step_unmap_object, step_touch,
        step_touch,      step_touch,  step_touch,   step_touch,        step_touch,
        step_write,      step_read,   step_chosen,  step_clone,        step_revoke,
    };
    for (unsigned step = 0; step < steps; step++) {
        operations[random_below(array_count(operations))]();
        for (unsigned i = 0; i < SPACES; i++)
            assert_true(spaces[i].aspace == NULL ||
                        fake_tlb_is_coherent(aspace_page_table(spaces[i].aspace)));
        if (step % 80 == 0)
            assert_spaces_are_model();
        if (random_below(8) == 0)
            choose_space();
        if (step % 4000 == 3999) { /* start over now and then: else everything is full of small pieces */
            struct target all = {random_below(WINDOWS), 0, WINDOW_PAGES, 0};
            if (outcome(aspace_unmap(here->aspace, target_address(&all), all.count * PAGE_SIZE), CAPOS_OK, 0))
                forget(&all);
        }
    }
    assert_spaces_are_model();
    assert_true(accepted > steps / 5 && refused > steps / 10 && clones > steps / 1000);
}

static void equals_model(void)
{
    start(5000);
    run(RUN_STEPS);
}

static void equals_model_with_failures(void)
{
    start(5000);
    fake_inject(true, 12);
    run(RUN_STEPS);
}

static void equals_model_with_little_memory(void)
{
    start(150);
    run(RUN_STEPS / 2);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(equals_model),
        UNIT_TEST(equals_model_with_failures),
        UNIT_TEST(equals_model_with_little_memory),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
