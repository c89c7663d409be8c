/* The kernel heap over the real frame allocator. */
#include "mm/heap.h"
#include "fake.h"
#include "mm/frame.h"
#include "unit.h"
#include <string.h>

enum { OBJECTS_MAX = 2000, STEPS = 100000 };

struct object_record {
    uint8_t *memory;
    size_t size;
    uint8_t pattern;
};

static struct object_record objects[OBJECTS_MAX];
static uint64_t frames_before;
static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static void setup(void)
{
    memset(objects, 0, sizeof objects);
    random_state = 3;
    fake_dirt = 0xdd;
    fake_machine_start(UINT64_C(16) << 20);
    frames_before = frame_free_count();
    fake_inject(true, 0);
}

static void release(struct object_record *object)
{
    heap_free(object->memory, object->size);
    object->memory = NULL;
}

static void teardown(void)
{
    fake_inject(false, 0);
    heap_limit_frames(UINT64_MAX);
    for (unsigned i = 0; i < OBJECTS_MAX; i++)
        release(&objects[i]);
    assert_true(heap_check());
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(heap_frame_count(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

static bool take(struct object_record *object, size_t size)
{
    object->memory = heap_alloc(size);
    object->size = size;
    if (object->memory == NULL)
        return false;
    assert_int_equal((uintptr_t)object->memory % 16, 0);
    if (size % 64 == 0)
        assert_int_equal((uintptr_t)object->memory % 64, 0);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(object->memory[i], 0);
    object->pattern = (uint8_t)(1 + random_below(255));
    memset(object->memory, object->pattern, size);
    return true;
}

static void every_size_is_aligned_and_zeroed(void)
{
    for (size_t size = 1; size <= 4200; size += size < 2100 ? 1 : 97) {
        UNIT_OK(take(&objects[0], size));
        UNIT_OK(take(&objects[1], size));
        release(&objects[0]);
        UNIT_OK(take(&objects[0], size)); /* used before: zeroed again */
        release(&objects[1]);
        release(&objects[0]);
    }
}

static void small_objects_share_a_frame(void)
{
    for (unsigned i = 0; i < 63; i++)
        UNIT_OK(take(&objects[i], 64));
    assert_int_equal(heap_frame_count(), 1);
    assert_int_equal(heap_used_bytes(), 63 * 64);
    UNIT_OK(take(&objects[63], 64));
    assert_int_equal(heap_frame_count(), 2);
    assert_true(heap_check());
    for (unsigned i = 0; i < 64; i++)
        release(&objects[i]);
    assert_int_equal(heap_frame_count(), 0); /* at once */
}

static void large_objects_are_blocks(void)
{
    static const size_t sizes[] = {1985, 4096, 4097, 20000, 1 << 20, 4 << 20};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        UNIT_OK(take(&objects[i], sizes[i]));
        release(&objects[i]);
    }
    assert_null(heap_alloc(0));
    assert_null(heap_alloc((4 << 20) + 1));
    assert_null(heap_alloc(SIZE_MAX));
    heap_free(NULL, 100);
}

static void limit_is_kept(void)
{
    heap_limit_frames(3);
    UNIT_OK(take(&objects[0], 8192));
    UNIT_OK(take(&objects[1], 100));
    assert_null(heap_alloc(200)); /* another class needs a fourth frame */
    UNIT_OK(take(&objects[2], 100));
    assert_null(heap_alloc(5000));
}

static void mistakes_panic(void)
{
    UNIT_OK(take(&objects[0], 100));
    UNIT_OK(take(&objects[1], 100));
    assert_true(FAKE_PANICS(heap_free(objects[0].memory, 200)));
    assert_true(FAKE_PANICS(heap_free(objects[0].memory + 16, 100)));
    struct object_record once = objects[0];
    release(&objects[0]);
    release(&objects[1]);
    assert_true(FAKE_PANICS(heap_free(once.memory, once.size))); /* its slab is gone */
}

static void check_sees_damage(void)
{
    UNIT_OK(take(&objects[0], 32));
    UNIT_OK(take(&objects[1], 32));
    uint8_t *freed = objects[1].memory;
    release(&objects[1]);
    assert_true(heap_check());
    uint8_t saved = freed[0];
    freed[0] = 0x21; /* written after it was freed: the chain now leads nowhere */
    freed[1] ^= 0xff;
    assert_false(heap_check());
    freed[0] = saved;
    freed[1] ^= 0xff;
    assert_true(heap_check());
}

static void random_use_keeps_contents(void)
{
    fake_inject(true, 50);
    unsigned refused = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        struct object_record *object = &objects[random_below(OBJECTS_MAX)];
        if (object->memory == NULL) {
            uint32_t most = random_below(50) == 0 ? 30000 : random_below(3) == 0 ? 1500 : 150;
            refused += take(object, 1 + random_below(most)) ? 0 : 1;
            continue;
        }
        for (size_t i = 0; i < object->size; i++)
            assert_int_equal(object->memory[i], object->pattern);
        release(object);
        if (step % 200 == 0)
            assert_true(heap_check() && frame_check());
    }
    assert_true(refused > 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(every_size_is_aligned_and_zeroed),
        UNIT_TEST(small_objects_share_a_frame),
        UNIT_TEST(large_objects_are_blocks),
        UNIT_TEST(limit_is_kept),
        UNIT_TEST(mistakes_panic),
        UNIT_TEST(check_sees_damage),
        UNIT_TEST(random_use_keeps_contents),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
