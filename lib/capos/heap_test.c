/* The allocator over a fake VirtualMemory: anonymous mappings, a limit on what may be committed, injected
 * failures. */
#include "heap.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct heap heap;
static uint64_t committed, commit_limit, reserve_limit;

/* What the fake has handed out. */
enum { RESERVATIONS_MAX = 64 };
static struct reservation {
    uint64_t address, size_bytes, committed;
} reservation[RESERVATIONS_MAX];
static size_t reservations;

static struct reservation *reservation_of(uint64_t address, uint64_t size_bytes)
{
    for (size_t i = 0; i < reservations; i++)
        if (address >= reservation[i].address &&
            address + size_bytes <= reservation[i].address + reservation[i].size_bytes)
            return &reservation[i];
    fail_msg("not inside a reservation");
    return NULL;
}

static int32_t fake_reserve(void *self, uint64_t size_bytes, uint64_t *address)
{
    (void)self;
    if (size_bytes > reserve_limit || unit_alloc_should_fail())
        return -1;
    void *memory = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(memory != MAP_FAILED);
    *address = (uintptr_t)memory;
    assert_true(reservations < RESERVATIONS_MAX);
    reservation[reservations++] = (struct reservation){*address, size_bytes, 0};
    return 0;
}

static int32_t fake_commit(void *self, uint64_t address, uint64_t size_bytes)
{
    (void)self;
    assert_int_equal(address % HEAP_PAGE, 0);
    assert_int_equal(size_bytes % HEAP_PAGE, 0);
    assert_true(size_bytes != 0);
    if (committed + size_bytes > commit_limit || unit_alloc_should_fail())
        return -1;
    assert_int_equal(mprotect((void *)(uintptr_t)address, size_bytes, PROT_READ | PROT_WRITE), 0);
    reservation_of(address, size_bytes)->committed += size_bytes;
    committed += size_bytes;
    return 0;
}

static int32_t fake_decommit(void *self, uint64_t address, uint64_t size_bytes)
{
    (void)self;
    void *memory = (void *)(uintptr_t)address;
    assert_int_equal(madvise(memory, size_bytes, MADV_DONTNEED), 0);
    assert_int_equal(mprotect(memory, size_bytes, PROT_NONE), 0);
    reservation_of(address, size_bytes)->committed -= size_bytes;
    committed -= size_bytes;
    return 0;
}

static int32_t fake_release(void *self, uint64_t address, uint64_t size_bytes)
{
    struct reservation *released = reservation_of(address, size_bytes);
    (void)self;
    assert_true(released->address == address && released->size_bytes == size_bytes);
    assert_int_equal(munmap((void *)(uintptr_t)address, size_bytes), 0);
    committed -= released->committed;
    *released = reservation[--reservations];
    return 0;
}

static void setup(void)
{
    static const struct heap_source source = {fake_reserve, fake_commit, fake_decommit, fake_release, NULL};
    memset(&heap, 0, sizeof heap);
    committed = 0;
    reservations = 0;
    commit_limit = UINT64_MAX;
    reserve_limit = UINT64_C(1) << 40;
    heap_init(&heap, &source, 0x1234567890abcdef);
}

static void teardown(void)
{
    for (struct rb_node *node = rb_first(&heap.huge); node != NULL; node = rb_first(&heap.huge)) {
        /* An abandoned run leaves allocations; huge ones have reservations of their own. */
        uint64_t *record = (uint64_t *)(void *)(node + 1);
        assert_null(heap_free(&heap, (void *)(uintptr_t)record[0]));
    }
    assert_int_equal(reservations, heap.zone_count);
    for (uint32_t i = 0; i < heap.zone_count; i++) {
        struct heap_zone *zone = &heap.zones[i];
        uint64_t bytes = (uint64_t)zone->page_count * (sizeof(struct heap_page) + HEAP_PAGE);
        fake_release(NULL, (uintptr_t)zone->pages, bytes);
    }
}

/* Every page of every zone is where the descriptors say, and the bins and counts agree. */
static void check_heap(void)
{
    uint64_t free_pages = 0, used_pages = 0;
    for (uint32_t z = 0; z < heap.zone_count; z++) {
        struct heap_zone *zone = &heap.zones[z];
        int before = -1;
        for (uint32_t page = 0; page < zone->frontier;) {
            struct heap_page *head = &zone->pages[page];
            uint32_t pages = head->pages;
            assert_true(pages > 0 && page + pages <= zone->frontier);
            if (head->kind == HEAP_PAGE_FREE || head->kind == HEAP_PAGE_BARE) {
                assert_int_not_equal(before, head->kind);
                assert_int_equal(zone->pages[page + pages - 1].pages, pages);
                for (uint32_t i = 0; i < pages; i++)
                    assert_int_equal(zone->pages[page + i].kind, head->kind);
                free_pages += head->kind == HEAP_PAGE_FREE ? pages : 0;
            } else {
                assert_true(head->kind == HEAP_PAGE_RUN || head->kind == HEAP_PAGE_SLAB);
                for (uint32_t i = 1; i < pages; i++)
                    assert_true(zone->pages[page + i].kind == HEAP_PAGE_BODY &&
                                zone->pages[page + i].pages == i);
                used_pages += pages;
            }
            before = head->kind;
            page += pages;
        }
        assert_int_not_equal(before, HEAP_PAGE_BARE); /* the frontier would have moved down */
    }
    assert_int_equal(free_pages, heap.free_pages);
    assert_int_equal(used_pages, heap.used_pages);
    assert_int_equal(committed, heap.committed_bytes);
}

static void free_all(void **memory, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memory[i] != NULL)
            assert_null(heap_free(&heap, memory[i]));
    assert_int_equal(heap.allocations, 0);
    assert_int_equal(heap.allocated_bytes, 0);
    check_heap();
}

static void every_size_is_aligned_and_whole(void)
{
    enum { COUNT = 300 };
    void *memory[COUNT] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i < 100 ? i : i * i / 3, known = 0;
        memory[i] = heap_alloc(&heap, size, 16, false);
        if (memory[i] == NULL)
            break;
        assert_int_equal((uintptr_t)memory[i] % 16, 0);
        memset(memory[i], (int)i, size);
        assert_null(heap_size(&heap, memory[i], &known));
        assert_int_equal(known, size);
    }
    for (size_t i = 0; i < COUNT && memory[i] != NULL; i++) {
        size_t size = i < 100 ? i : i * i / 3;
        for (size_t b = 0; b < size; b += 97)
            assert_int_equal(((uint8_t *)memory[i])[b], (uint8_t)i);
    }
    bool complete = memory[COUNT - 1] != NULL;
    free_all(memory, COUNT);
    UNIT_OK(complete);
}

static uint32_t random_state;
static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static size_t random_size(void)
{
    switch (next_random() % 10) {
    case 0:
        return next_random() % 2000000;
    case 1:
    case 2:
        return next_random() % 100000;
    default:
        return next_random() % 1500;
    }
}

/* Allocations, frees and resizes in random order against a model: each block's size and fill byte. */
static void random_operations_keep_contents(void)
{
    enum { SLOTS = 60, OPERATIONS = 500 };
    void *memory[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    random_state = 42;
    for (unsigned n = 0; n < OPERATIONS; n++) {
        size_t slot = next_random() % SLOTS, size = random_size();
        uint8_t fill = (uint8_t)slot;
        if (memory[slot] == NULL) {
            bool zero = next_random() % 2 == 0;
            memory[slot] = heap_alloc(&heap, size, 16, zero);
            sizes[slot] = size;
            for (size_t b = 0; zero && memory[slot] != NULL && b < size; b += 61)
                assert_int_equal(((uint8_t *)memory[slot])[b], 0);
        } else if (next_random() % 3 == 0 && heap_resize(&heap, memory[slot], size)) {
            sizes[slot] = size;
        } else {
            for (size_t b = 0; b < sizes[slot]; b += 61)
                assert_int_equal(((uint8_t *)memory[slot])[b], fill);
            assert_null(heap_free(&heap, memory[slot]));
            memory[slot] = NULL;
        }
        if (memory[slot] != NULL)
            memset(memory[slot], fill, sizes[slot]);
        if (n % 100 == 0)
            check_heap();
    }
    free_all(memory, SLOTS);
}

static void alignments(void)
{
    for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 4)
        for (size_t size = 0; size < 20000; size = size * 9 + 1) {
            void *memory = heap_alloc(&heap, size, alignment, false);
            UNIT_OK(memory != NULL);
            assert_int_equal((uintptr_t)memory % alignment, 0);
            memset(memory, 0x5a, size);
            assert_null(heap_free(&heap, memory));
        }
    assert_null(heap_alloc(&heap, 10, 0, false));
    assert_null(heap_alloc(&heap, 10, 24, false));
    assert_null(heap_alloc(&heap, SIZE_MAX, 16, false));
    assert_null(heap_alloc(&heap, SIZE_MAX / 2 + 1, 16, false));
    check_heap();
}

static void zeroed_memory_is_zero_when_reused(void)
{
    static const size_t sizes[] = {24, 1000, 5000, 40000, 900000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *memory = heap_alloc(&heap, sizes[i], 16, false);
        UNIT_OK(memory != NULL);
        memset(memory, 0xff, sizes[i]);
        assert_null(heap_free(&heap, memory));
        memory = heap_alloc(&heap, sizes[i], 16, true);
        UNIT_OK(memory != NULL);
        for (size_t b = 0; b < sizes[i]; b++)
            assert_int_equal(memory[b], 0);
        assert_null(heap_free(&heap, memory));
    }
}

static void wrong_pointers_are_refused(void)
{
    static const size_t sizes[] = {20, 100, 3000, 20000, 1000000};
    int local;
    assert_non_null(heap_free(&heap, &local));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *memory = heap_alloc(&heap, sizes[i], 16, false),
             *other = heap_alloc(&heap, sizes[i], 16, false);
        UNIT_OK(memory != NULL && other != NULL);
        size_t known;
        assert_non_null(heap_free(&heap, memory + 16));
        assert_non_null(heap_free(&heap, memory + 1));
        assert_null(heap_free(&heap, memory));
        assert_non_null(heap_free(&heap, memory)); /* twice */
        assert_non_null(heap_size(&heap, memory, &known));
        assert_false(heap_resize(&heap, memory, 10));
        assert_null(heap_free(&heap, other));
    }
    check_heap();
}

static void overflows_are_noticed(void)
{
    static const size_t sizes[] = {1, 17, 100, 1000, 2999, 5001, 30001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *memory = heap_alloc(&heap, sizes[i], 16, false);
        UNIT_OK(memory != NULL);
        uint8_t kept = memory[sizes[i]];
        memory[sizes[i]] = (uint8_t)~kept;
        assert_non_null(heap_free(&heap, memory));
        memory[sizes[i]] = kept;
        assert_null(heap_free(&heap, memory));
    }
    uint8_t *full = heap_alloc(&heap, 24, 16, false); /* no slack: the mark is next */
    UNIT_OK(full != NULL);
    full[31] ^= 1;
    assert_non_null(heap_free(&heap, full));
}

static void growing_in_place(void)
{
    char *memory = heap_alloc(&heap, 600000, 16, false);
    UNIT_OK(memory != NULL);
    UNIT_OK(heap_resize(&heap, memory, 1000000)); /* inside the reservation */
    memory[999999] = 1;
    assert_false(heap_resize(&heap, memory, 2000000));
    UNIT_OK(heap_resize(&heap, memory, 700000));
    assert_null(heap_free(&heap, memory));
    assert_int_equal(reservations, heap.zone_count);

    char *run = heap_alloc(&heap, 30000, 16, false), *next = heap_alloc(&heap, 30000, 16, false);
    UNIT_OK(run != NULL && next != NULL);
    assert_false(heap_resize(&heap, run, 50000));
    assert_null(heap_free(&heap, next));
    assert_true(heap_resize(&heap, run, 50000));
    memset(run, 1, 50000);
    assert_true(heap_resize(&heap, run, 9000));
    assert_null(heap_free(&heap, run));
    check_heap();
}

static void memory_goes_back(void)
{
    enum { COUNT = 400 };
    void *memory[COUNT] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        memory[i] = heap_alloc(&heap, 40000, 16, false);
        UNIT_OK(memory[i] != NULL);
    }
    uint64_t most = committed;
    free_all(memory, COUNT);
    assert_true(most > COUNT * 40000ull);
    assert_true(committed < 3u << 20);
}

static void running_out_and_going_on(void)
{
    enum { COUNT = 1000 };
    void *memory[COUNT] = {NULL};
    size_t got = 0;
    commit_limit = 1 << 20;
    while (got < COUNT && (memory[got] = heap_alloc(&heap, 3000, 16, false)) != NULL)
        got++;
    UNIT_OK(got > 200 && got < 350);
    UNIT_OK(heap_alloc(&heap, 3000, 16, false) == NULL);
    UNIT_OK(heap_alloc(&heap, 2000000, 16, false) == NULL);
    assert_null(heap_free(&heap, memory[--got]));
    memory[got] = heap_alloc(&heap, 3000, 16, false); /* what was freed is there again */
    UNIT_OK(memory[got] != NULL);
    free_all(memory, got + 1);
}

static void a_quota_on_address_space(void)
{
    enum { COUNT = 600 };
    void *memory[COUNT] = {NULL};
    reserve_limit = 6 << 20; /* less than the first zone would like */
    for (size_t i = 0; i < COUNT; i++) {
        memory[i] = heap_alloc(&heap, 20000, 16, false);
        UNIT_OK(memory[i] != NULL);
    }
    assert_true(heap.zone_count > 1);
    free_all(memory, COUNT);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(every_size_is_aligned_and_whole),
        UNIT_TEST(random_operations_keep_contents),
        UNIT_TEST(alignments),
        UNIT_TEST(zeroed_memory_is_zero_when_reused),
        UNIT_TEST(wrong_pointers_are_refused),
        UNIT_TEST(overflows_are_noticed),
        UNIT_TEST(growing_in_place),
        UNIT_TEST(memory_goes_back),
        UNIT_TEST(running_out_and_going_on),
        UNIT_TEST(a_quota_on_address_space),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
