/* Address spaces: every function and every refusal, on simulated memory with the real page tables. */
#include "mm/aspace_internal.h"
#include "arch/arch.h"
#include "fake.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "unit.h"
#include <string.h>

static const uaddr_t HERE = UINT64_C(0x10000000);
static const uint32_t RW = PROT_READ | PROT_WRITE;
static const uint64_t MIB = UINT64_C(1) << 20;

static struct ledger *ledger;
static struct aspace *aspace;
static uint64_t frames_before;
static struct memory_object *object; /* a test's own, put in teardown */

/* In a run with an injected failure any answer ends the test. */
#define ANSWERS(call, expected) UNIT_OK((call) == (expected))

static void setup(void)
{
    object = NULL;
    fake_machine_start(64 * MIB);
    ledger_root_init();
    frames_before = frame_free_count();
    const uint64_t limits[LEDGER_RESOURCES] = {[LEDGER_FRAMES] = 8000};
    assert_int_equal(ledger_create(ledger_root(), limits, &ledger), CAPOS_OK);
    assert_int_equal(aspace_create(ledger, &aspace), CAPOS_OK);
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    fake_tlb_clear();
    if (object != NULL)
        object_put(memory_object_as_object(object));
    if (aspace != NULL) {
        assert_true(aspace_check(aspace));
        aspace_release(aspace);
    }
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
    ledger_put(ledger);
    assert_int_equal(object_live_count(), 0);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

static uint8_t *touch(uaddr_t address, enum aspace_access access)
{
    uint8_t *memory = fake_access(aspace_page_table(aspace), address, access);
    if (memory == NULL && aspace_fault(aspace, address, access) == CAPOS_OK) {
        memory = fake_access(aspace_page_table(aspace), address, access);
        assert_non_null(memory);
    }
    return memory;
}

/* ---- Mapping. */

static bool page_is_there(uaddr_t address)
{
    const pte_t *entry = paging_entry(&aspace->tables, address, false);
    return entry != NULL && *entry != 0;
}

static void small_maps_are_filled_at_once(void)
{
    uaddr_t small, large;
    UNIT_OK(aspace_map(aspace, 0, FILL_AT_ONCE_PAGES * PAGE_SIZE, PROT_READ, &small) == CAPOS_OK);
    UNIT_OK(aspace_map(aspace, 0, (FILL_AT_ONCE_PAGES + 1) * PAGE_SIZE, PROT_READ, &large) == CAPOS_OK);
    for (uint64_t i = 0; i < FILL_AT_ONCE_PAGES; i++)
        UNIT_OK(page_is_there(small + i * PAGE_SIZE));
    for (uint64_t i = 0; i <= FILL_AT_ONCE_PAGES; i++)
        assert_false(page_is_there(large + i * PAGE_SIZE));
}

static void maps_touches_unmaps(void)
{
    uaddr_t at = 0;
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES);
    UNIT_OK(aspace_map(aspace, 0, 3 * PAGE_SIZE - 1, RW, &at) == CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 3 + 3); /* pages, tables */
    uint64_t frames = frame_free_count();
    UNIT_OK(touch(at + 5000, ACCESS_WRITE) != NULL);
    assert_int_equal(frame_free_count(),
                     frames - 1); /* committed already: touching takes the frame, no charge */
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 6);
    UNIT_OK(aspace_unmap(aspace, at, 3 * PAGE_SIZE) == CAPOS_OK);
    assert_null(touch(at + 5000, ACCESS_READ));
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
}

static void memory_is_zeroed_before_reuse(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, PAGE_SIZE, RW, &at) == CAPOS_OK);
    uint8_t *memory = touch(at, ACCESS_WRITE);
    UNIT_OK(memory != NULL);
    memset(memory, 0x5a, PAGE_SIZE);
    UNIT_OK(aspace_decommit(aspace, at, PAGE_SIZE) == CAPOS_OK);
    assert_null(touch(at, ACCESS_READ));
    UNIT_OK(aspace_commit(aspace, at, PAGE_SIZE, RW) == CAPOS_OK);
    memory = touch(at, ACCESS_READ);
    UNIT_OK(memory != NULL);
    for (size_t i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(memory[i], 0);
}

struct range {
    uaddr_t address;
    uint64_t size;
    status_t expected;
};

static const struct range bad_ranges[] = {
    {0x10001, 4096, CAPOS_ERR_UNALIGNED},
    {HERE, 0, CAPOS_ERR_BAD_ADDRESS},
    {HERE, UINT64_MAX, CAPOS_ERR_TOO_LARGE},
    {HERE, UINT64_MAX - 4095, CAPOS_ERR_TOO_LARGE},
    {HERE, UINT64_MAX - 4094, CAPOS_ERR_TOO_LARGE},
    {HERE, UINT64_C(1) << 63, CAPOS_ERR_TOO_LARGE},
    {HERE, CAPOS_USER_MAX, CAPOS_ERR_TOO_LARGE},
    {HERE, CAPOS_USER_MAX - CAPOS_USER_MIN, CAPOS_ERR_BAD_ADDRESS},
    {CAPOS_USER_MIN - 4096, 4096, CAPOS_ERR_BAD_ADDRESS},
    {4096, 4096, CAPOS_ERR_BAD_ADDRESS},
    {CAPOS_USER_MAX, 4096, CAPOS_ERR_BAD_ADDRESS},
    {CAPOS_USER_MAX - 4096, 4097, CAPOS_ERR_BAD_ADDRESS},
    {UINT64_C(0x800000000000), 4096, CAPOS_ERR_BAD_ADDRESS},
    {KERNEL_DIRECT_MAP, 4096, CAPOS_ERR_BAD_ADDRESS},
    {UINT64_MAX - 4095, 4096, CAPOS_ERR_BAD_ADDRESS},
};

static void refuses_bad_ranges(void)
{
    uaddr_t at = 7;
    UNIT_OK(memory_object_create(ledger, MIB, &object) == CAPOS_OK);
    for (size_t i = 0; i < array_count(bad_ranges); i++) {
        uaddr_t address = bad_ranges[i].address;
        uint64_t size = bad_ranges[i].size;
        status_t expected = bad_ranges[i].expected;
        ANSWERS(aspace_map(aspace, address, size, RW, &at), expected);
        ANSWERS(aspace_map_growable(aspace, address, size, RW, &at), expected);
        ANSWERS(aspace_reserve(aspace, address, size, &at), expected);
        ANSWERS(aspace_commit(aspace, address, size, RW), expected);
        ANSWERS(aspace_decommit(aspace, address, size), expected);
        ANSWERS(aspace_protect(aspace, address, size, RW), expected);
        ANSWERS(aspace_unmap(aspace, address, size), expected);
        ANSWERS(aspace_unmap_object(aspace, object, address, size), expected);
        assert_true(aspace_map_object(aspace, object, true, address, 0, size, RW, &at) < 0);
    }
    assert_int_equal(at, 7);
    assert_int_equal(aspace->region_count, 0);
}

static void refuses_bad_prot(void)
{
    static const uint32_t bad[] = {PROT_WRITE | PROT_EXEC, 7, 16, 15, UINT32_MAX};
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, PAGE_SIZE, PROT_READ, &at) == CAPOS_OK);
    for (size_t i = 0; i < array_count(bad); i++) {
        ANSWERS(aspace_map(aspace, 0, PAGE_SIZE, bad[i], &at), CAPOS_ERR_BAD_FLAGS);
        ANSWERS(aspace_map_growable(aspace, 0, PAGE_SIZE, bad[i], &at), CAPOS_ERR_BAD_FLAGS);
        ANSWERS(aspace_commit(aspace, HERE, PAGE_SIZE, bad[i]), CAPOS_ERR_BAD_FLAGS);
        ANSWERS(aspace_protect(aspace, HERE, PAGE_SIZE, bad[i]), CAPOS_ERR_BAD_FLAGS);
    }
    ANSWERS(aspace_protect(aspace, HERE, PAGE_SIZE, PROT_READ | PROT_LARGE), CAPOS_ERR_BAD_FLAGS);
    ANSWERS(aspace_map_growable(aspace, 0, PAGE_SIZE, RW | PROT_LARGE, &at), CAPOS_ERR_BAD_FLAGS);
    ANSWERS(aspace_map(aspace, 0, PAGE_SIZE, RW | PROT_LARGE, &at), CAPOS_ERR_BAD_FLAGS);
}

static void maps_the_last_pages_of_user_space(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, CAPOS_USER_MAX - PAGE_SIZE, PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_map(aspace, CAPOS_USER_MIN, PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(touch(CAPOS_USER_MAX - 1, ACCESS_WRITE) != NULL);
    UNIT_OK(touch(CAPOS_USER_MIN, ACCESS_WRITE) != NULL);
    assert_null(touch(CAPOS_USER_MAX, ACCESS_READ));
    assert_null(touch(CAPOS_USER_MIN - 1, ACCESS_READ));
    char bytes[16];
    ANSWERS(aspace_read(aspace, CAPOS_USER_MAX - 8, bytes, 16), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_read(aspace, UINT64_MAX - 3, bytes, 16), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_read(aspace, CAPOS_USER_MAX - 8, bytes, 8), CAPOS_OK);
}

/* ---- Gaps. */

static void chooses_places_close_together(void)
{
    uaddr_t first = 0, at = 0;
    UNIT_OK(aspace_map(aspace, 0, PAGE_SIZE, RW, &first) == CAPOS_OK);
    uint64_t tables = aspace->tables.table_count;
    for (uint64_t i = 1; i < 100; i++) {
        UNIT_OK(aspace_map(aspace, 0, PAGE_SIZE, i % 2 == 0 ? RW : PROT_READ, &at) == CAPOS_OK);
        assert_int_equal(at, first + i * PAGE_SIZE);
    }
    assert_int_equal(aspace->tables.table_count, tables);
    UNIT_OK(aspace_unmap(aspace, first + 50 * PAGE_SIZE, 2 * PAGE_SIZE) == CAPOS_OK);
    UNIT_OK(aspace_map(aspace, 0, 3 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(at, first + 100 * PAGE_SIZE);
    UNIT_OK(aspace_map(aspace, 0, 2 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(at, first + 50 * PAGE_SIZE);
}

static void bases_differ(void)
{
    struct aspace *other;
    fake_inject(false, 0);
    assert_int_equal(aspace_create(ledger, &other), CAPOS_OK);
    assert_int_not_equal(other->base, aspace->base);
    aspace_release(other);
}

static void chooses_near_what_it_is_told(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, 2 * PAGE_SIZE, PROT_READ, &at) == CAPOS_OK);
    uint64_t tables = aspace->tables.table_count;
    aspace_choose_near(aspace, HERE + 5);
    UNIT_OK(aspace_map(aspace, 0, PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(at, HERE + 2 * PAGE_SIZE);
    assert_int_equal(aspace->tables.table_count, tables);
    aspace_choose_near(aspace, UINT64_MAX); /* not user space: ignored */
    UNIT_OK(aspace_map(aspace, 0, PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(at, HERE + 3 * PAGE_SIZE);
}

static void finds_the_last_gap_and_then_none(void)
{
    uaddr_t at = 0, base = aspace->base;
    /* all above the base, then all below but one page */
    UNIT_OK(aspace_reserve(aspace, base, CAPOS_USER_MAX - base, &at) == CAPOS_OK);
    UNIT_OK(aspace_reserve(aspace, CAPOS_USER_MIN, HERE - CAPOS_USER_MIN, &at) == CAPOS_OK);
    UNIT_OK(aspace_reserve(aspace, HERE + PAGE_SIZE, base - HERE - PAGE_SIZE, &at) == CAPOS_OK);
    ANSWERS(aspace_reserve(aspace, 0, 2 * PAGE_SIZE, &at), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_map_growable(aspace, 0, PAGE_SIZE, RW, &at), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_map(aspace, 0, 2 * MIB, RW | PROT_LARGE, &at), CAPOS_ERR_BAD_ADDRESS);
    UNIT_OK(aspace_map(aspace, 0, PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(at, HERE);
    ANSWERS(aspace_reserve(aspace, 0, PAGE_SIZE, &at), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_reserve(aspace, 0, CAPOS_USER_MAX - CAPOS_USER_MIN, &at), CAPOS_ERR_BAD_ADDRESS);
}

/* The count is set by hand: a machine whose heap pays for 65,536 regions would be slow to simulate. */
static void too_many_regions_are_refused(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_reserve(aspace, HERE, PAGE_SIZE, &at) == CAPOS_OK);
    uint32_t count = aspace->region_count;
    aspace->region_count = REGIONS_MAX;
    region_trim_spares(aspace, 0);
    status_t status = aspace_reserve(aspace, HERE + 2 * PAGE_SIZE, PAGE_SIZE, &at);
    aspace->region_count = count;
    assert_int_equal(status, CAPOS_ERR_QUOTA);
}

/* ---- Growable. */

static void growable_charges_on_touch(void)
{
    uaddr_t at = 0;
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES);
    UNIT_OK(aspace_map_growable(aspace, HERE, 64 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
    UNIT_OK(touch(at + 63 * PAGE_SIZE, ACCESS_WRITE) != NULL);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 4);
    UNIT_OK(touch(at, ACCESS_READ) != NULL);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 5);
    assert_null(touch(at - 1, ACCESS_WRITE));
    assert_string_equal(aspace_fault_reason(aspace, at - 8, ACCESS_WRITE),
                        "stack guard page: the stack is used up");
    UNIT_OK(aspace_decommit(aspace, at, PAGE_SIZE) == CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 4);
    UNIT_OK(touch(at, ACCESS_READ) != NULL);
    UNIT_OK(aspace_unmap(aspace, at, 64 * PAGE_SIZE) == CAPOS_OK);
    assert_int_equal(aspace->region_count, 0); /* the guard too */
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
}

static void growable_ends_with_the_ledger(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map_growable(aspace, HERE, 16 * MIB, RW, &at) == CAPOS_OK);
    uint64_t left = ledger_limit(ledger, LEDGER_FRAMES) - ledger_used(ledger, LEDGER_FRAMES);
    assert_int_equal(ledger_charge(ledger, LEDGER_FRAMES, left - 5), CAPOS_OK);
    bool good = touch(at, ACCESS_WRITE) != NULL && touch(at + PAGE_SIZE, ACCESS_WRITE) != NULL;
    status_t status = good ? aspace_fault(aspace, at + 2 * PAGE_SIZE, ACCESS_WRITE) : CAPOS_OK;
    ledger_refund(ledger, LEDGER_FRAMES, left - 5);
    UNIT_OK(good);
    assert_int_equal(status, CAPOS_ERR_NO_MEMORY);
    assert_string_equal(aspace_fault_reason(aspace, at + 2 * PAGE_SIZE, ACCESS_WRITE),
                        "no memory left to grow into: the process' ledger is used up");
}

static void guard_needs_room(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_reserve(aspace, HERE, PAGE_SIZE, &at) == CAPOS_OK);
    ANSWERS(aspace_map_growable(aspace, HERE + PAGE_SIZE, PAGE_SIZE, RW, &at), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_map_growable(aspace, CAPOS_USER_MIN, PAGE_SIZE, RW, &at), CAPOS_ERR_BAD_ADDRESS);
    UNIT_OK(aspace_map_growable(aspace, CAPOS_USER_MIN + PAGE_SIZE, PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_map_growable(aspace, HERE + 2 * PAGE_SIZE, PAGE_SIZE, RW, &at) == CAPOS_OK);
    ANSWERS(aspace_commit(aspace, HERE + PAGE_SIZE, PAGE_SIZE, RW), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_protect(aspace, HERE + PAGE_SIZE, PAGE_SIZE, RW), CAPOS_ERR_BAD_ADDRESS);
}

static void stacks_in_a_row_keep_their_guards(void)
{
    uaddr_t a = 0, b = 0;
    UNIT_OK(aspace_map_growable(aspace, 0, 4 * PAGE_SIZE, RW, &a) == CAPOS_OK);
    UNIT_OK(aspace_map_growable(aspace, 0, 4 * PAGE_SIZE, RW, &b) == CAPOS_OK);
    assert_int_equal(b, a + 5 * PAGE_SIZE);
    assert_null(touch(b - PAGE_SIZE, ACCESS_READ));
    UNIT_OK(aspace_unmap(aspace, b, 4 * PAGE_SIZE) == CAPOS_OK);
    UNIT_OK(touch(a + 4 * PAGE_SIZE - 1, ACCESS_READ) != NULL);
    assert_null(touch(a - 1, ACCESS_READ));
}

/* ---- Faults. */

static void reasons_say_why(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, PAGE_SIZE, PROT_READ, &at) == CAPOS_OK);
    UNIT_OK(aspace_map(aspace, HERE + PAGE_SIZE, PAGE_SIZE, 0, &at) == CAPOS_OK);
    UNIT_OK(aspace_reserve(aspace, HERE + 2 * PAGE_SIZE, PAGE_SIZE, &at) == CAPOS_OK);
    assert_string_equal(aspace_fault_reason(aspace, HERE, ACCESS_WRITE), "write to read-only memory");
    assert_string_equal(aspace_fault_reason(aspace, HERE, ACCESS_EXEC),
                        "execution of memory that is not executable");
    assert_string_equal(aspace_fault_reason(aspace, HERE + PAGE_SIZE, ACCESS_READ),
                        "memory that is protected against all access");
    assert_string_equal(aspace_fault_reason(aspace, HERE + 2 * PAGE_SIZE, ACCESS_READ),
                        "memory that is reserved but not committed");
    assert_string_equal(aspace_fault_reason(aspace, HERE + 3 * PAGE_SIZE, ACCESS_READ),
                        "nothing is mapped there");
    assert_string_equal(aspace_fault_reason(aspace, 8, ACCESS_READ),
                        "access through a null pointer: nothing is ever mapped there");
    assert_string_equal(aspace_fault_reason(aspace, KERNEL_IMAGE_BASE, ACCESS_WRITE),
                        "address outside user space");
    assert_string_equal(aspace_fault_reason(aspace, UINT64_MAX, ACCESS_READ), "address outside user space");
    for (int access = ACCESS_READ; access <= ACCESS_EXEC; access++) {
        ANSWERS(aspace_fault(aspace, HERE + 3 * PAGE_SIZE, (enum aspace_access)access),
                CAPOS_ERR_BAD_ADDRESS);
        ANSWERS(aspace_fault(aspace, UINT64_MAX, (enum aspace_access)access), CAPOS_ERR_BAD_ADDRESS);
    }
}

static void protect_keeps_content(void)
{
    static const uint32_t steps[] = {PROT_READ, 0, PROT_READ | PROT_EXEC, PROT_EXEC, 0, PROT_WRITE};
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, 4 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_write(aspace, HERE + PAGE_SIZE, "content", 8) == CAPOS_OK);
    for (size_t i = 0; i < array_count(steps); i++) {
        UNIT_OK(aspace_protect(aspace, HERE + PAGE_SIZE, PAGE_SIZE, steps[i]) == CAPOS_OK);
        assert_true(aspace_check(aspace));
        assert_true(fake_tlb_is_coherent(aspace_page_table(aspace)));
        assert_int_equal(touch(HERE + PAGE_SIZE, ACCESS_READ) != NULL, steps[i] != 0);
        assert_int_equal(touch(HERE + PAGE_SIZE, ACCESS_WRITE) != NULL, (steps[i] & PROT_WRITE) != 0);
        assert_int_equal(touch(HERE + PAGE_SIZE, ACCESS_EXEC) != NULL, (steps[i] & PROT_EXEC) != 0);
    }
    char bytes[8];
    ANSWERS(aspace_read(aspace, HERE + PAGE_SIZE, bytes, 8), CAPOS_OK);
    assert_string_equal(bytes, "content");
    assert_int_equal(aspace->region_count, 1); /* RW again: merged */
}

static void stale_tlb_entries_only_cost_a_fault(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, PAGE_SIZE, PROT_READ, &at) == CAPOS_OK);
    UNIT_OK(touch(HERE, ACCESS_READ) != NULL);
    ANSWERS(aspace_fault(aspace, HERE, ACCESS_READ), CAPOS_OK);
    ANSWERS(aspace_fault(aspace, HERE, ACCESS_WRITE), CAPOS_ERR_BAD_ADDRESS);
}

/* ---- Copies. */

static void copies_across_pages(void)
{
    static uint8_t out[3 * 4096], in[3 * 4096];
    uaddr_t at = 0;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / 4096);
    UNIT_OK(aspace_map(aspace, HERE, 4 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_write(aspace, HERE + 100, in, sizeof in) == CAPOS_OK);
    UNIT_OK(aspace_read(aspace, HERE + 100, out, sizeof out) == CAPOS_OK);
    assert_memory_equal(in, out, sizeof in);
    ANSWERS(aspace_write(aspace, HERE + 2 * PAGE_SIZE, in, sizeof in), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_read(aspace, HERE + 5 * PAGE_SIZE, out, 0), CAPOS_OK);
    UNIT_OK(aspace_protect(aspace, HERE, PAGE_SIZE, PROT_READ) == CAPOS_OK);
    ANSWERS(aspace_write(aspace, HERE, in, 1), CAPOS_ERR_BAD_ADDRESS);
}

/* ---- Large pages. */

static void large_pages_are_there_at_once(void)
{
    uaddr_t at = 0;
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES), frames = frame_free_count();
    UNIT_OK(aspace_map(aspace, 0, 4 * MIB, RW | PROT_LARGE, &at) == CAPOS_OK);
    assert_int_equal(at % (2 * MIB), 0);
    assert_int_equal(frame_free_count(), frames - 1024 - 2);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used + 1024 + 2);
    uint8_t *memory = fake_access(aspace_page_table(aspace), at + 3 * MIB, ACCESS_WRITE); /* no fault */
    assert_non_null(memory);
    *memory = 9;
    uint8_t byte = 0;
    ANSWERS(aspace_read(aspace, at + 3 * MIB, &byte, 1), CAPOS_OK);
    assert_int_equal(byte, 9);
    UNIT_OK(aspace_protect(aspace, at, 2 * MIB, PROT_READ) == CAPOS_OK);
    assert_null(touch(at, ACCESS_WRITE));
    UNIT_OK(touch(at + 2 * MIB, ACCESS_WRITE) != NULL);
    UNIT_OK(aspace_decommit(aspace, at, 2 * MIB) == CAPOS_OK);
    UNIT_OK(aspace_commit(aspace, at, 2 * MIB, RW) == CAPOS_OK); /* small pages now */
    UNIT_OK(touch(at + MIB, ACCESS_WRITE) != NULL);
    UNIT_OK(aspace_unmap(aspace, at, 4 * MIB) == CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
}

static void large_pages_are_not_cut(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, 2 * MIB, 2 * MIB, RW | PROT_LARGE, &at) == CAPOS_OK);
    ANSWERS(aspace_map(aspace, 8 * MIB + PAGE_SIZE, 2 * MIB, RW | PROT_LARGE, &at), CAPOS_ERR_UNALIGNED);
    UNIT_OK(aspace_map(aspace, MIB, MIB, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_unmap(aspace, 3 * MIB, PAGE_SIZE) != CAPOS_OK);
    assert_int_equal(aspace->region_count, 2); /* the large one and the small one are not merged */
    assert_true(aspace_unmap(aspace, MIB, 2 * MIB) == CAPOS_ERR_UNALIGNED || unit_alloc_failed());
    assert_true(aspace_decommit(aspace, 2 * MIB, MIB) == CAPOS_ERR_UNALIGNED || unit_alloc_failed());
    assert_true(aspace_protect(aspace, 3 * MIB, MIB, PROT_READ) == CAPOS_ERR_UNALIGNED ||
                unit_alloc_failed());
    assert_true(aspace_commit(aspace, 2 * MIB, 2 * MIB, RW | PROT_LARGE) == CAPOS_ERR_BAD_FLAGS ||
                unit_alloc_failed());
}

/* Charged, but no 2 MiB block is left because memory is in pieces. */
static void large_pages_refused_leave_no_trace(void)
{
    static paddr_t taken[40 * 512];
    size_t count = 0;
    fake_inject(false, 0);
    while (count < array_count(taken) && frame_alloc(0, &taken[count]) == CAPOS_OK)
        count++;
    for (size_t i = 0; i < count; i++) /* every other frame, and one whole block */
        if (taken[i].raw / PAGE_SIZE % 2 == 0 || taken[i].raw / (2 * MIB) == 5)
            frame_put(taken[i]);
    uaddr_t at = 0;
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES), frames = frame_free_count();
    ANSWERS(aspace_map(aspace, 0, 4 * MIB, RW | PROT_LARGE, &at), CAPOS_ERR_NO_MEMORY);
    assert_int_equal(aspace->region_count, 0);
    ANSWERS(aspace_reserve(aspace, 16 * MIB, 8 * MIB, &at), CAPOS_OK);
    ANSWERS(aspace_commit(aspace, 18 * MIB, 4 * MIB, RW | PROT_LARGE), CAPOS_ERR_NO_MEMORY);
    assert_int_equal(aspace->region_count, 1);
    ANSWERS(aspace_commit(aspace, 18 * MIB, 2 * MIB, RW | PROT_LARGE), CAPOS_OK);
    ANSWERS(aspace_unmap(aspace, 16 * MIB, 8 * MIB), CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
    assert_int_equal(frame_free_count(), frames);
    for (size_t i = 0; i < count; i++)
        if (taken[i].raw / PAGE_SIZE % 2 != 0 && taken[i].raw / (2 * MIB) != 5)
            frame_put(taken[i]);
}

/* ---- Objects. */

static void objects_are_shared_and_kept(void)
{
    uaddr_t a = 0, b = 0;
    UNIT_OK(memory_object_create(ledger, 5 * PAGE_SIZE, &object) == CAPOS_OK);
    UNIT_OK(aspace_map_object(aspace, object, true, 0, 0, 5 * PAGE_SIZE, RW, &a) == CAPOS_OK);
    UNIT_OK(aspace_map_object(aspace, object, false, 0, PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ, &b) == CAPOS_OK);
    object_put(memory_object_as_object(object)); /* the mappings keep it */
    struct memory_object *gone = object;
    object = NULL;
    UNIT_OK(aspace_write(aspace, a + 2 * PAGE_SIZE, "shared", 7) == CAPOS_OK);
    char bytes[7] = "";
    UNIT_OK(aspace_read(aspace, b + PAGE_SIZE, bytes, 7) == CAPOS_OK);
    assert_string_equal(bytes, "shared");
    ANSWERS(aspace_write(aspace, b, "no", 3), CAPOS_ERR_BAD_ADDRESS);
    UNIT_OK(aspace_protect(aspace, b, PAGE_SIZE, RW) != CAPOS_OK);
    assert_true(aspace->regions.node != NULL);
    UNIT_OK(aspace_unmap_object(aspace, gone, a, 5 * PAGE_SIZE) == CAPOS_OK);
    assert_int_equal(object_live_count(), 1);
    UNIT_OK(aspace_unmap(aspace, b, 2 * PAGE_SIZE) == CAPOS_OK);
    assert_int_equal(object_live_count(), 0);
}

static void object_mappings_are_checked(void)
{
    uaddr_t at = 0;
    UNIT_OK(memory_object_create(ledger, 3 * PAGE_SIZE + 1, &object) == CAPOS_OK);
    ANSWERS(aspace_map_object(aspace, object, false, HERE, 0, PAGE_SIZE, RW, &at), CAPOS_ERR_BAD_FLAGS);
    ANSWERS(aspace_map_object(aspace, object, true, HERE, 1, PAGE_SIZE, RW, &at), CAPOS_ERR_UNALIGNED);
    ANSWERS(aspace_map_object(aspace, object, true, HERE, 4 * PAGE_SIZE, 1, RW, &at), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_map_object(aspace, object, true, HERE, UINT64_MAX - 4095, 2 * PAGE_SIZE, RW, &at),
            CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_map_object(aspace, object, true, HERE, PAGE_SIZE, 4 * PAGE_SIZE, RW, &at),
            CAPOS_ERR_BAD_ADDRESS);
    UNIT_OK(aspace_map_object(aspace, object, true, HERE, PAGE_SIZE, 3 * PAGE_SIZE, PROT_READ, &at) ==
            CAPOS_OK);
    UNIT_OK(aspace_map(aspace, HERE + 3 * PAGE_SIZE, PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(aspace_protect(aspace, HERE + PAGE_SIZE, PAGE_SIZE, RW) == CAPOS_OK);
    UNIT_OK(aspace_unmap_object(aspace, object, HERE, 4 * PAGE_SIZE) != CAPOS_OK);
    assert_true(aspace_decommit(aspace, HERE, PAGE_SIZE) == CAPOS_ERR_BAD_ADDRESS || unit_alloc_failed());
    assert_true(aspace_commit(aspace, HERE, PAGE_SIZE, RW) == CAPOS_ERR_BAD_ADDRESS || unit_alloc_failed());
    assert_true(aspace_unmap_object(aspace, object, HERE, 3 * PAGE_SIZE) == CAPOS_OK || unit_alloc_failed());
    assert_true(aspace_unmap_object(aspace, object, HERE, PAGE_SIZE) == CAPOS_ERR_BAD_ADDRESS ||
                unit_alloc_failed());
}

/* ---- The rest. */

static void kernel_half_is_shared(void)
{
    const uint64_t *root = direct_map(aspace_page_table(aspace));
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(root[i], i < 256 ? 0 : i);
}

static void refused_when_dead(void)
{
    uaddr_t at = 0;
    struct aspace_stats stats;
    UNIT_OK(aspace_map(aspace, HERE, 3 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(touch(HERE, ACCESS_WRITE) != NULL);
    fake_tlb_clear();
    aspace_get(aspace);
    assert_false(aspace_is_dead(aspace));
    aspace_release(aspace);
    struct aspace *dead = aspace;
    aspace = NULL;
    assert_true(aspace_is_dead(dead));
    ANSWERS(aspace_map(dead, 0, PAGE_SIZE, RW, &at), CAPOS_ERR_REVOKED);
    ANSWERS(aspace_commit(dead, HERE, PAGE_SIZE, RW), CAPOS_ERR_REVOKED);
    ANSWERS(aspace_decommit(dead, HERE, PAGE_SIZE), CAPOS_ERR_REVOKED);
    ANSWERS(aspace_protect(dead, HERE, PAGE_SIZE, RW), CAPOS_ERR_REVOKED);
    ANSWERS(aspace_unmap(dead, HERE, PAGE_SIZE), CAPOS_ERR_REVOKED);
    ANSWERS(aspace_fault(dead, HERE, ACCESS_READ), CAPOS_ERR_BAD_ADDRESS);
    ANSWERS(aspace_write(dead, HERE, "x", 1), CAPOS_ERR_BAD_ADDRESS);
    aspace_stats(dead, &stats);
    assert_int_equal(stats.reserved_bytes + stats.committed_bytes + stats.table_frames, 0);
    aspace_put(dead);
}

static unsigned preemptions;

static void finish_the_other_operation(void *context)
{
    if (++preemptions == 3)
        ((struct aspace *)context)->busy = false;
}

static void waits_for_its_turn(void)
{
    uaddr_t at = 0;
    preemptions = 0;
    fake_preemption_hook = finish_the_other_operation;
    fake_preemption_context = aspace;
    aspace->busy = true; /* as another CPU's operation would */
    status_t status = aspace_map(aspace, HERE, PAGE_SIZE, RW, &at);
    assert_int_equal(preemptions, 3);
    UNIT_OK(status == CAPOS_OK);
}

static void count_preemption(void *context)
{
    preemptions++;
    assert_true(aspace_check(context));
}

enum { MANY_REGIONS = 300 };

static void alternate_protection(uaddr_t at)
{
    for (unsigned i = 0; i < MANY_REGIONS; i += 2)
        ANSWERS(aspace_protect(aspace, at + i * PAGE_SIZE, PAGE_SIZE, PROT_READ), CAPOS_OK);
    preemptions = 0;
}

/* Each region is little work, but there may be 65,536 of them. */
static void operations_on_many_regions_let_others_in(void)
{
    uaddr_t at = 0;
    const uint64_t size = MANY_REGIONS * PAGE_SIZE;
    fake_inject(false, 0);
    fake_preemption_hook = count_preemption;
    fake_preemption_context = aspace;
    ANSWERS(aspace_map(aspace, HERE, size, RW, &at), CAPOS_OK);
    alternate_protection(at);
    ANSWERS(aspace_protect(aspace, at, size, RW), CAPOS_OK);
    assert_true(preemptions >= MANY_REGIONS / REGIONS_AT_ONCE);
    alternate_protection(at);
    ANSWERS(aspace_decommit(aspace, at, size), CAPOS_OK);
    assert_true(preemptions >= MANY_REGIONS / REGIONS_AT_ONCE);
    assert_true(aspace_check(aspace));
}

static void long_operations_let_others_in(void)
{
    uaddr_t at = 0;
    fake_inject(false, 0);
    fake_preemption_hook = count_preemption;
    fake_preemption_context = aspace;
    preemptions = 0;
    ANSWERS(aspace_reserve(aspace, HERE, UINT64_C(1) << 40, &at), CAPOS_OK);
    assert_int_equal(preemptions, 0); /* no memory, no work */
    /* 600 tables: more than the ledger has, after several preemption points */
    assert_int_equal(ledger_charge(ledger, LEDGER_FRAMES, 1), CAPOS_OK);
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES);
    ANSWERS(aspace_commit(aspace, HERE, 7900 * PAGE_SIZE, RW), CAPOS_OK);
    assert_int_equal(preemptions, 0);
    ANSWERS(aspace_unmap(aspace, HERE, UINT64_C(1) << 40), CAPOS_OK);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
    UNIT_OK(aspace_map_growable(aspace, HERE, UINT64_C(1) << 38, RW, &at) == CAPOS_OK);
    for (uint64_t i = 0; i < 100; i++)
        UNIT_OK(touch(at + i * 2 * MIB, ACCESS_WRITE) != NULL);
    preemptions = 0;
    ANSWERS(aspace_unmap(aspace, at, UINT64_C(1) << 38), CAPOS_OK);
    assert_true(preemptions >= 99);
    ledger_refund(ledger, LEDGER_FRAMES, 1);
}

static void check_sees_damage(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, HERE, 2 * PAGE_SIZE, RW, &at) == CAPOS_OK);
    UNIT_OK(touch(HERE, ACCESS_WRITE) != NULL);
    assert_true(aspace_check(aspace));
    struct region *region = region_at(aspace, HERE);
    region->prot = PROT_READ;
    assert_false(aspace_check(aspace));
    region->prot = (uint8_t)RW;
    region->end += PAGE_SIZE;
    assert_false(aspace_check(aspace));
    region->end -= PAGE_SIZE;
    aspace->committed_pages++;
    assert_false(aspace_check(aspace));
    aspace->committed_pages--;
    pte_t *entry = paging_entry(&aspace->tables, HERE + 2 * PAGE_SIZE, false);
    *entry = 0x1000;
    assert_false(aspace_check(aspace));
    *entry = 0;
    uaddr_t hint = aspace->gap_hint;
    aspace->gap_hint = aspace->base + PAGE_SIZE;
    assert_false(aspace_check(aspace));
    aspace->gap_hint = hint;
    assert_true(aspace_check(aspace));
}

static void reserved_pages_are_a_quota(void)
{
    uaddr_t at = 0;
    uint64_t left = ledger_limit(ledger, LEDGER_RESERVED_PAGES);
    assert_int_equal(ledger_charge(ledger, LEDGER_RESERVED_PAGES, left - 3), CAPOS_OK);
    status_t refused = aspace_reserve(aspace, 0, 4 * PAGE_SIZE, &at);
    status_t growable = aspace_map_growable(aspace, 0, 3 * PAGE_SIZE, RW, &at);
    status_t fits = aspace_reserve(aspace, 0, 3 * PAGE_SIZE, &at);
    ledger_refund(ledger, LEDGER_RESERVED_PAGES, left - 3);
    UNIT_OK(fits == CAPOS_OK && refused == CAPOS_ERR_QUOTA && growable == CAPOS_ERR_QUOTA);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(small_maps_are_filled_at_once),
        UNIT_TEST(maps_touches_unmaps),
        UNIT_TEST(memory_is_zeroed_before_reuse),
        UNIT_TEST(refuses_bad_ranges),
        UNIT_TEST(refuses_bad_prot),
        UNIT_TEST(maps_the_last_pages_of_user_space),
        UNIT_TEST(chooses_places_close_together),
        UNIT_TEST(bases_differ),
        UNIT_TEST(chooses_near_what_it_is_told),
        UNIT_TEST(finds_the_last_gap_and_then_none),
        UNIT_TEST(too_many_regions_are_refused),
        UNIT_TEST(growable_charges_on_touch),
        UNIT_TEST(growable_ends_with_the_ledger),
        UNIT_TEST(guard_needs_room),
        UNIT_TEST(stacks_in_a_row_keep_their_guards),
        UNIT_TEST(reasons_say_why),
        UNIT_TEST(protect_keeps_content),
        UNIT_TEST(stale_tlb_entries_only_cost_a_fault),
        UNIT_TEST(copies_across_pages),
        UNIT_TEST(large_pages_are_there_at_once),
        UNIT_TEST(large_pages_are_not_cut),
        UNIT_TEST(large_pages_refused_leave_no_trace),
        UNIT_TEST(objects_are_shared_and_kept),
        UNIT_TEST(object_mappings_are_checked),
        UNIT_TEST(kernel_half_is_shared),
        UNIT_TEST(refused_when_dead),
        UNIT_TEST(waits_for_its_turn),
        UNIT_TEST(long_operations_let_others_in),
        UNIT_TEST(operations_on_many_regions_let_others_in),
        UNIT_TEST(check_sees_damage),
        UNIT_TEST(reserved_pages_are_a_quota),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
