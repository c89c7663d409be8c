/* The frame allocator: memory maps of all kinds, and random use against a map of who owns what. */
#include "mm/frame.h"
#include "arch/arch.h"
#include "fake.h"
#include "unit.h"
#include <string.h>

static const uint64_t MIB = UINT64_C(1) << 20, GIB = UINT64_C(1) << 30;

enum { BLOCKS_MAX = 3000, FRAMES_MAX = 4096, STEPS = 120000 };

struct block {
    uint64_t first; /* frame number; 0: slot unused */
    unsigned order;
};

static struct block blocks[BLOCKS_MAX];
static uint8_t owned[FRAMES_MAX];
static struct boot_info boot;
static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static void setup(void)
{
    memset(&boot, 0, sizeof boot);
    memset(blocks, 0, sizeof blocks);
    memset(owned, 0, sizeof owned);
    random_state = 7;
}

static void region(uint64_t base, uint64_t size, bool usable)
{
    boot.regions[boot.region_count++] = (struct boot_region){base, size, usable};
    if (base + size > boot.memory_end && base + size > base)
        boot.memory_end = align_up(base + size, PAGE_SIZE);
}

static bool in_regions(uint64_t frame)
{
    for (size_t i = 0; i < boot.region_count; i++)
        if (boot.regions[i].usable && frame * PAGE_SIZE >= boot.regions[i].base &&
            (frame + 1) * PAGE_SIZE <= boot.regions[i].base + boot.regions[i].size_bytes)
            return true;
    return false;
}

/* Takes everything there is, in single frames, and gives it back; each frame once, from a usable region,
 * writable. */
static void take_all_and_return(void)
{
    uint64_t total = frame_total_count(), taken = 0;
    paddr_t frame;
    assert_int_equal(frame_free_count(), total);
    assert_true(total < FRAMES_MAX);
    while (frame_alloc(0, &frame) == CAPOS_OK) {
        uint64_t number = frame.raw / PAGE_SIZE;
        assert_true(number != 0 && in_regions(number) && !owned[number]);
        owned[number] = 1;
        memset(direct_map(frame), 0xee, PAGE_SIZE);
        taken++;
    }
    assert_int_equal(taken, total);
    assert_int_equal(frame_free_count(), 0);
    assert_true(frame_check());
    for (uint64_t number = 0; number < FRAMES_MAX; number++)
        if (owned[number])
            frame_put((paddr_t){number * PAGE_SIZE});
    assert_int_equal(frame_free_count(), total);
    assert_true(frame_check());
}

static void hands_out_all_of_one_region(void)
{
    region(MIB, 15 * MIB, true);
    fake_dirt = 0xa5;
    fake_machine_start_with(&boot);
    assert_int_equal(frame_total_count(), 15 * 256 - 8); /* 4096 records of 8 bytes */
    take_all_and_return();
    paddr_t block;
    assert_int_equal(frame_alloc(FRAME_ORDER_MAX, &block), CAPOS_OK); /* merged again */
    assert_int_equal(block.raw % (4 * MIB), 0);
    frame_put(block);
    fake_machine_stop();
}

static void works_in_four_mebibytes(void)
{
    region(0, 0x9f000, true);
    region(0x100000, 3 * MIB, true);
    fake_dirt = 0xff;
    fake_machine_start_with(&boot);
    assert_int_equal(frame_total_count(), 0x9e + 768 - 2); /* without frame 0 and two frames of records */
    take_all_and_return();
    fake_machine_stop();
}

static void takes_odd_memory_maps(void)
{
    region(7 * MIB + 5, 100, true);             /* not one whole frame */
    region(9 * MIB + 123, 2 * MIB, true);       /* unaligned */
    region(5 * MIB, 0x5000, true);              /* not sorted */
    region(5 * MIB + 0x7000, 0x2000, true);     /* same chunk, not touching */
    region(5 * MIB + 0x5000, 0x1000, true);     /* touching */
    region(3 * MIB, 0, true);                   /* empty */
    region(1 * MIB, 1 * MIB, false);            /* not usable */
    region(9 * MIB + 64 * 1024, 2 * MIB, true); /* overlaps */
    region(UINT64_MAX - 4095, 8192, true);      /* ends beyond the address space */
    region(12 * MIB, 2 * MIB, true);
    fake_dirt = 0x5a;
    fake_machine_start_with(&boot);
    take_all_and_return();
    fake_machine_stop();
}

static void ignores_what_records_cannot_name(void)
{
    region(MIB, 8 * MIB, true);
    uint64_t end = boot.memory_end;
    region(UINT64_C(1) << 40, GIB, true);
    region(UINT64_C(1) << 50, GIB, true);
    boot.memory_end = end;
    fake_machine_start_with(&boot);
    take_all_and_return();
    fake_machine_stop();
}

static void booting_costs_the_same_with_64_gib(void)
{
    region(MIB, 3 * GIB - MIB, true);
    region(4 * GIB, 61 * GIB, true);
    fake_machine_start_with(&boot);
    uint64_t records = 65 * GIB / PAGE_SIZE * 8;
    assert_int_equal(frame_total_count(), (64 * GIB - MIB - records) / PAGE_SIZE);
    assert_true(fake_resident_bytes() <= 64 * 1024); /* the records of the chunks at four ends */
    paddr_t frame, last = {0};
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(frame_alloc(0, &frame), CAPOS_OK);
        if (i > 0)
            frame_put(last);
        last = frame;
    }
    frame_put(last);
    assert_true(fake_resident_bytes() <= 128 * 1024);
    assert_int_equal(frame_alloc(FRAME_ORDER_LARGE, &frame), CAPOS_OK);
    frame_put(frame);
    fake_machine_stop();
}

static void panics_without_room(void)
{
    region(MIB, 4096, true);
    region(63 * GIB, 4096, true);
    assert_true(FAKE_PANICS(fake_machine_start_with(&boot)));
    boot.region_count = 0;
    assert_true(FAKE_PANICS(fake_machine_start_with(&boot)));
}

static void blocks_are_aligned_and_zeroed(void)
{
    region(MIB + 4096, 14 * MIB, true);
    fake_dirt = 0xcc;
    fake_machine_start_with(&boot);
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
        paddr_t block = {0};
        assert_int_equal(frame_alloc_zeroed(order, &block), CAPOS_OK);
        assert_int_equal(block.raw % (PAGE_SIZE << order), 0);
        const uint64_t *words = direct_map(block);
        for (uint64_t i = 0; i < (PAGE_SIZE << order) / 8; i++)
            assert_int_equal(words[i], 0);
        memset(direct_map(block), 0xcc, PAGE_SIZE << order);
        frame_put(block);
    }
    paddr_t block = {77};
    assert_true(FAKE_PANICS((void)!frame_alloc(FRAME_ORDER_MAX + 1, &block)));
    assert_int_equal(block.raw, 77);
    fake_machine_stop();
}

static void references_are_counted(void)
{
    paddr_t block = {0};
    fake_machine_start(16 * MIB);
    uint64_t free_before = frame_free_count();
    assert_int_equal(frame_alloc(3, &block), CAPOS_OK);
    assert_int_equal(frame_references(block), 1);
    frame_get(block);
    frame_get(block);
    assert_int_equal(frame_references(block), 3);
    frame_put(block);
    frame_put(block);
    assert_int_equal(frame_free_count(), free_before - 8);
    paddr_t inside = {block.raw + PAGE_SIZE}, odd = {block.raw + 8}, beyond = {UINT64_C(1) << 40};
    assert_true(FAKE_PANICS(frame_get(inside)));
    assert_true(FAKE_PANICS(frame_put(odd)));
    assert_true(FAKE_PANICS(frame_put(beyond)));
    frame_put(block);
    assert_int_equal(frame_free_count(), free_before);
    assert_true(FAKE_PANICS(frame_put(block)));
    assert_true(FAKE_PANICS(frame_get(block)));
    assert_int_equal(frame_alloc(0, &block), CAPOS_OK);
    frame_put(block);
    assert_true(FAKE_PANICS(frame_put(block))); /* on the stack of recent ones */
    fake_machine_stop();
}

static void recent_frames_are_merged_for_large_blocks(void)
{
    static paddr_t taken[4096];
    unsigned count = 0;
    fake_machine_start(8 * MIB);
    while (frame_alloc(0, &taken[count]) == CAPOS_OK)
        count++;
    for (unsigned i = 0; i < count; i++) /* one aligned block of 8, few enough to stay on the stack */
        if (taken[i].raw / PAGE_SIZE / 8 == 100)
            frame_put(taken[i]);
    paddr_t block = {0};
    assert_int_equal(frame_free_count(), 8);
    assert_int_equal(frame_alloc(3, &block), CAPOS_OK);
    assert_int_equal(block.raw, 100 * 8 * PAGE_SIZE);
    assert_int_equal(frame_alloc(0, &block), CAPOS_ERR_NO_MEMORY);
    fake_machine_stop();
}

static void random_step(void)
{
    struct block *block = &blocks[random_below(BLOCKS_MAX)];
    if (block->first != 0) {
        uint64_t size = UINT64_C(1) << block->order;
        for (uint64_t i = 0; i < size; i++)
            owned[block->first + i] = 0;
        frame_put((paddr_t){block->first * PAGE_SIZE});
        block->first = 0;
        return;
    }
    paddr_t frame;
    unsigned order = random_below(3) != 0 ? 0 : random_below(FRAME_ORDER_MAX + 1);
    if (frame_alloc(order, &frame) != CAPOS_OK)
        return;
    *block = (struct block){frame.raw / PAGE_SIZE, order};
    assert_int_equal(frame.raw % (PAGE_SIZE << order), 0);
    for (uint64_t i = 0; i < UINT64_C(1) << order; i++) {
        assert_true(in_regions(block->first + i) && owned[block->first + i] == 0);
        owned[block->first + i] = 1;
    }
}

static void random_use_never_shares_a_frame(void)
{
    region(64 * 1024, 0x8f000, true);
    region(MIB, 11 * MIB + 0x3000, true);
    region(13 * MIB, 3 * MIB, true);
    fake_dirt = 0x77;
    fake_machine_start_with(&boot);
    uint64_t total = frame_total_count();
    for (unsigned step = 0; step < STEPS; step++) {
        random_step();
        if (step % 500 != 0)
            continue;
        uint64_t used = 0;
        for (uint64_t i = 0; i < FRAMES_MAX; i++)
            used += owned[i];
        assert_int_equal(frame_free_count(), total - used);
        assert_true(frame_check());
    }
    for (unsigned i = 0; i < BLOCKS_MAX; i++)
        if (blocks[i].first != 0)
            frame_put((paddr_t){blocks[i].first * PAGE_SIZE});
    assert_int_equal(frame_free_count(), total);
    fake_machine_stop();
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(hands_out_all_of_one_region),
        UNIT_TEST(works_in_four_mebibytes),
        UNIT_TEST(takes_odd_memory_maps),
        UNIT_TEST(ignores_what_records_cannot_name),
        UNIT_TEST(booting_costs_the_same_with_64_gib),
        UNIT_TEST(panics_without_room),
        UNIT_TEST(blocks_are_aligned_and_zeroed),
        UNIT_TEST(references_are_counted),
        UNIT_TEST(recent_frames_are_merged_for_large_blocks),
        UNIT_TEST(random_use_never_shares_a_frame),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
