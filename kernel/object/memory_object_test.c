/* Memory objects as the kernel uses them: page lists of every height, charges, physical memory. */
#include "object/memory_object.h"
#include "arch/arch.h"
#include "fake.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "unit.h"
#include <string.h>

static const uint64_t GIB = UINT64_C(1) << 30;

static struct ledger *ledger;
static struct memory_object *object;
static uint64_t frames_before;

static void setup(void)
{
    object = NULL;
    fake_machine_start(4 * GIB); /* simulated: only what is touched exists */
    ledger_root_init();
    frames_before = frame_free_count();
    const uint64_t limits[LEDGER_RESOURCES] = {[LEDGER_FRAMES] = 900000};
    assert_int_equal(ledger_create(ledger_root(), limits, &ledger), CAPOS_OK);
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    if (object != NULL)
        object_put(memory_object_as_object(object));
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
    ledger_put(ledger);
    assert_int_equal(object_live_count(), 0);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

struct shape {
    uint64_t size;
    uint64_t pages, tables; /* tables below the root */
};

static const struct shape shapes[] = {
    {0, 0, 0},
    {1, 1, 0},
    {4096, 1, 0},
    {4097, 2, 0},
    {512 * 4096, 512, 0},
    {512 * 4096 + 1, 513, 2},
    {UINT64_C(262144) * 4096, 262144, 512},
    {UINT64_C(262145) * 4096, 262145, 513 + 2},
    {UINT64_C(800000) * 4096, 800000, 1563 + 4},
};

/* First, last and some pages between; each its own zeroed frame, the same one at every call. */
static void touch_sparsely(const struct shape *shape)
{
    const uint64_t at[] = {0, shape->pages - 1, shape->pages / 2, 511 % shape->pages, 512 % shape->pages};
    for (size_t i = 0; i < array_count(at); i++) {
        paddr_t frame = {0}, again = {1};
        UNIT_OK(memory_object_frame(object, at[i], &frame) == CAPOS_OK);
        UNIT_OK(memory_object_frame(object, at[i], &again) == CAPOS_OK);
        assert_int_equal(frame.raw, again.raw);
        uint64_t *words = direct_map(frame);
        assert_true(words[0] == 0 || words[0] == at[i] + 1);
        assert_int_equal(words[511], 0);
        words[0] = at[i] + 1;
    }
    for (size_t i = 0; i < array_count(at); i++) {
        uint64_t word = 0;
        if ((at[i] + 1) * PAGE_SIZE <= shape->size) {
            assert_int_equal(memory_object_read(object, at[i] * PAGE_SIZE, &word, sizeof word), CAPOS_OK);
            assert_int_equal(word, at[i] + 1);
        }
    }
}

static void charges_and_finds_pages_of_every_size(void)
{
    for (size_t i = 0; i < array_count(shapes); i++) {
        UNIT_OK(memory_object_create(ledger, shapes[i].size, &object) == CAPOS_OK);
        assert_int_equal(memory_object_size(object), shapes[i].size);
        assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), shapes[i].pages + shapes[i].tables);
        assert_int_equal(frame_free_count(), frames_before); /* nothing until it is touched */
        if (shapes[i].pages > 0)
            touch_sparsely(&shapes[i]);
        paddr_t frame;
        assert_int_equal(memory_object_frame(object, shapes[i].pages, &frame), CAPOS_ERR_BAD_ADDRESS);
        assert_int_equal(memory_object_frame(object, UINT64_MAX, &frame), CAPOS_ERR_BAD_ADDRESS);
        assert_true(frames_before - frame_free_count() <= shapes[i].pages + shapes[i].tables);
        object_put(memory_object_as_object(object));
        object = NULL;
        assert_int_equal(frame_free_count(), frames_before);
        assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), 0);
    }
}

static void refuses_what_does_not_fit(void)
{
    UNIT_OK(memory_object_create(ledger, UINT64_C(900000) * 4096, &object) == CAPOS_ERR_NO_MEMORY);
    UNIT_OK(memory_object_create(ledger, CAPOS_USER_MAX, &object) == CAPOS_ERR_NO_MEMORY);
    UNIT_OK(memory_object_create(ledger, CAPOS_USER_MAX + 1, &object) == CAPOS_ERR_TOO_LARGE);
    UNIT_OK(memory_object_create(ledger, UINT64_MAX, &object) == CAPOS_ERR_TOO_LARGE);
    UNIT_OK(memory_object_create(ledger, UINT64_MAX - 4095, &object) == CAPOS_ERR_TOO_LARGE);
    uint64_t heap = ledger_limit(ledger, LEDGER_HEAP_BYTES);
    assert_int_equal(ledger_charge(ledger, LEDGER_HEAP_BYTES, heap - 300), CAPOS_OK);
    status_t status = memory_object_create(ledger, 400 * PAGE_SIZE, &object);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, heap - 300);
    assert_int_equal(status, CAPOS_ERR_NO_MEMORY);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), 0);
    assert_null(object);
}

static void reads_across_pages_and_holes(void)
{
    static uint8_t bytes[5 * 4096];
    UNIT_OK(memory_object_create(ledger, 1000 * PAGE_SIZE - 10, &object) == CAPOS_OK);
    paddr_t frame = {0};
    UNIT_OK(memory_object_frame(object, 512, &frame) == CAPOS_OK);
    memset(direct_map(frame), 0x31, PAGE_SIZE);
    memset(bytes, 0xff, sizeof bytes);
    uint64_t frames = frame_free_count();
    assert_int_equal(memory_object_read(object, 511 * PAGE_SIZE + 100, bytes, 3 * PAGE_SIZE), CAPOS_OK);
    for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
        assert_int_equal(bytes[i], i >= PAGE_SIZE - 100 && i < 2 * PAGE_SIZE - 100 ? 0x31 : 0);
    assert_int_equal(bytes[3 * PAGE_SIZE], 0xff);
    assert_int_equal(frame_free_count(), frames); /* reading makes no pages */
    uint64_t size = memory_object_size(object);
    assert_int_equal(memory_object_read(object, size, bytes, 0), CAPOS_OK);
    assert_int_equal(memory_object_read(object, size - 1, bytes, 1), CAPOS_OK);
    assert_int_equal(memory_object_read(object, size - 1, bytes, 2), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(memory_object_read(object, size + 1, bytes, 0), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(memory_object_read(object, UINT64_MAX, bytes, 2), CAPOS_ERR_BAD_ADDRESS);
}

static void physical_memory_is_neither_charged_nor_freed(void)
{
    const uint64_t base = 0x40000; /* below what the machine hands out */
    memset(direct_map((paddr_t){base}), 0x42, 3 * PAGE_SIZE);
    UNIT_OK(memory_object_create_physical((paddr_t){base}, 2 * PAGE_SIZE + 5, &object) == CAPOS_OK);
    assert_true(memory_object_is_mappable(object));
    paddr_t frame = {0};
    assert_int_equal(memory_object_frame(object, 2, &frame), CAPOS_OK);
    assert_int_equal(frame.raw, base + 2 * PAGE_SIZE);
    assert_int_equal(memory_object_frame(object, 3, &frame), CAPOS_ERR_BAD_ADDRESS);
    uint8_t bytes[8];
    assert_int_equal(memory_object_read(object, 2 * PAGE_SIZE, bytes, 5), CAPOS_OK);
    assert_int_equal(bytes[4], 0x42);
    assert_int_equal(memory_object_read(object, 2 * PAGE_SIZE, bytes, 6), CAPOS_ERR_BAD_ADDRESS);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
}

static void physical_memory_may_begin_within_a_page(void)
{
    memset(direct_map((paddr_t){0x40000}), 0x42, PAGE_SIZE);
    UNIT_OK(memory_object_create_physical((paddr_t){0x40010}, 100, &object) == CAPOS_OK);
    assert_false(memory_object_is_mappable(object));
    paddr_t frame;
    uint8_t byte = 0;
    assert_int_equal(memory_object_frame(object, 0, &frame), CAPOS_ERR_BAD_ADDRESS);
    assert_int_equal(memory_object_read(object, 99, &byte, 1), CAPOS_OK);
    assert_int_equal(byte, 0x42);
    struct memory_object *none = NULL;
    assert_int_equal(memory_object_create_physical((paddr_t){UINT64_MAX - 100}, 200, &none),
                     CAPOS_ERR_TOO_LARGE);
    assert_int_equal(memory_object_create_physical((paddr_t){UINT64_MAX - 100}, 50, &none),
                     CAPOS_ERR_TOO_LARGE);
    assert_null(none);
}

static void facets_are_told_apart(void)
{
    bool writable = false;
    UNIT_OK(memory_object_create(ledger, 10, &object) == CAPOS_OK);
    struct object *base = memory_object_as_object(object);
    assert_ptr_equal(memory_object_from((struct capability){base, &memory_object_type}, &writable), object);
    assert_true(writable);
    assert_ptr_equal(memory_object_from((struct capability){base, &memory_object_read_only_type}, &writable),
                     object);
    assert_false(writable);
    static const struct object_type other = {.name = "other"};
    assert_null(memory_object_from((struct capability){base, &other}, &writable));
    assert_null(memory_object_from((struct capability){NULL, &memory_object_type}, &writable));
}

static unsigned preemptions;

static void count_preemption(void *context)
{
    (void)context;
    preemptions++;
}

static void freeing_much_lets_others_in(void)
{
    fake_inject(false, 0);
    fake_preemption_hook = count_preemption;
    preemptions = 0;
    assert_int_equal(memory_object_create(ledger, 3000 * PAGE_SIZE, &object), CAPOS_OK);
    for (uint64_t i = 0; i < 3000; i++) {
        paddr_t frame;
        assert_int_equal(memory_object_frame(object, i, &frame), CAPOS_OK);
    }
    object_put(memory_object_as_object(object));
    object = NULL;
    assert_true(preemptions >= 3000 / 512);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(charges_and_finds_pages_of_every_size),
        UNIT_TEST(refuses_what_does_not_fit),
        UNIT_TEST(reads_across_pages_and_holes),
        UNIT_TEST(physical_memory_is_neither_charged_nor_freed),
        UNIT_TEST(physical_memory_may_begin_within_a_page),
        UNIT_TEST(facets_are_told_apart),
        UNIT_TEST(freeing_much_lets_others_in),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
