/* Copies between the running thread's memory and another address space, either of which may be anything. */
#include "arch/arch.h"
#include "fake.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "unit.h"
#include <string.h>

enum { WINDOW_PAGES = 16, MESSAGE_MAX = 3 * 4096 };

static const uaddr_t HERE = UINT64_C(0x10000000), THERE = UINT64_C(0x7fbff8000), LARGE = UINT64_C(0x40000000);
static const uint32_t RW = PROT_READ | PROT_WRITE;

static struct ledger *ledger;
static struct aspace *mine, *other;
static uint64_t frames_before;

static bool fault_mine(uaddr_t address, enum aspace_access access)
{
    return aspace_fault(mine, address, access) == CAPOS_OK;
}

static void setup(void)
{
    fake_machine_start(UINT64_C(64) << 20);
    ledger_root_init();
    frames_before = frame_free_count();
    assert_int_equal(ledger_create(ledger_root(), (const uint64_t[LEDGER_RESOURCES]){0}, &ledger), CAPOS_OK);
    assert_int_equal(aspace_create(ledger, &mine), CAPOS_OK);
    assert_int_equal(aspace_create(ledger, &other), CAPOS_OK);
    fake_current_root = aspace_page_table(mine);
    fake_current_fault = fault_mine;
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    fake_current_fault = NULL;
    assert_true(aspace_check(mine) && aspace_check(other));
    aspace_release(mine);
    aspace_release(other);
    ledger_put(ledger);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

static void map(struct aspace *aspace, uaddr_t at, uint64_t page_count, uint32_t prot)
{
    uaddr_t out;
    UNIT_OK(aspace_map(aspace, at, page_count * PAGE_SIZE, prot, &out) == CAPOS_OK);
}

/* ---- One thing at a time. */

static void copies_both_ways(void)
{
    char back[64] = "";
    map(mine, HERE, 1, RW);
    map(other, THERE, 1, RW);
    UNIT_OK(aspace_write(mine, HERE + 5, "to the other side", 18) == CAPOS_OK);
    UNIT_OK(aspace_copy_from_current(other, THERE + 9, HERE + 5, 18) == ASPACE_COPIED);
    UNIT_OK(aspace_copy_to_current(other, THERE + 12, HERE + 100, 15) == ASPACE_COPIED);
    UNIT_OK(aspace_read(mine, HERE + 100, back, 15) == CAPOS_OK);
    UNIT_OK(strcmp(back, "the other side") == 0);
}

static void one_address_space_on_both_sides(void)
{
    char back[8] = "";
    map(mine, HERE, 4, RW); /* nothing is there yet: both sides have to be brought in */
    UNIT_OK(aspace_write(mine, HERE + PAGE_SIZE - 4, "message", 8) == CAPOS_OK);
    UNIT_OK(aspace_copy_from_current(mine, HERE + 3 * PAGE_SIZE - 2, HERE + PAGE_SIZE - 4, 8) ==
            ASPACE_COPIED);
    UNIT_OK(aspace_read(mine, HERE + 3 * PAGE_SIZE - 2, back, 8) == CAPOS_OK);
    UNIT_OK(strcmp(back, "message") == 0);
}

static void says_whose_fault_it_is(void)
{
    map(mine, HERE, 1, RW);
    map(mine, HERE + PAGE_SIZE, 1, PROT_READ);
    map(other, THERE, 1, RW);
    map(other, THERE + PAGE_SIZE, 1, PROT_READ);
    map(other, THERE + 2 * PAGE_SIZE, 1, 0);
    const uaddr_t nowhere = UINT64_C(0x55550000);
    UNIT_OK(aspace_copy_from_current(other, THERE, nowhere, 8) == ASPACE_COPY_CURRENT_BAD);
    UNIT_OK(aspace_copy_from_current(other, nowhere, HERE, 8) == ASPACE_COPY_OTHER_BAD);
    UNIT_OK(aspace_copy_from_current(other, THERE + PAGE_SIZE - 1, HERE, 2) == ASPACE_COPY_OTHER_BAD);
    UNIT_OK(aspace_copy_to_current(other, THERE + PAGE_SIZE - 1, HERE, 2) == ASPACE_COPIED);
    UNIT_OK(aspace_copy_to_current(other, THERE, HERE + PAGE_SIZE - 1, 2) == ASPACE_COPY_CURRENT_BAD);
    UNIT_OK(aspace_copy_to_current(other, THERE + 2 * PAGE_SIZE, HERE, 1) == ASPACE_COPY_OTHER_BAD);
    UNIT_OK(aspace_copy_to_current(other, THERE, nowhere, 1) == ASPACE_COPY_CURRENT_BAD);
}

static void addresses_outside_of_user_space_are_refused(void)
{
    static const uaddr_t bad[] = {0,
                                  1,
                                  CAPOS_USER_MIN - 1,
                                  CAPOS_USER_MAX - 7,
                                  CAPOS_USER_MAX,
                                  UINT64_MAX - 3,
                                  UINT64_C(0xffff800000000000)};
    map(mine, HERE, 1, RW);
    map(other, THERE, 1, RW);
    for (size_t i = 0; i < array_count(bad); i++) {
        UNIT_OK(aspace_copy_from_current(other, THERE, bad[i], 8) == ASPACE_COPY_CURRENT_BAD);
        UNIT_OK(aspace_copy_to_current(other, THERE, bad[i], 8) == ASPACE_COPY_CURRENT_BAD);
        UNIT_OK(aspace_copy_from_current(other, bad[i], HERE, 8) == ASPACE_COPY_OTHER_BAD);
        UNIT_OK(aspace_copy_to_current(other, bad[i], HERE, 8) == ASPACE_COPY_OTHER_BAD);
        UNIT_OK(aspace_copy_to_current(other, bad[i], bad[i], 0) == ASPACE_COPIED);
    }
    UNIT_OK(aspace_copy_from_current(other, THERE, HERE, SIZE_MAX) != ASPACE_COPIED);
}

static void large_pages_on_either_side(void)
{
    char back[8] = "";
    uaddr_t at;
    UNIT_OK(aspace_map(mine, LARGE, LARGE_PAGE_SIZE, RW | PROT_LARGE, &at) == CAPOS_OK);
    UNIT_OK(aspace_map(other, LARGE, LARGE_PAGE_SIZE, RW | PROT_LARGE, &at) == CAPOS_OK);
    UNIT_OK(aspace_write(mine, LARGE + 5 * PAGE_SIZE - 3, "large!!", 8) == CAPOS_OK);
    UNIT_OK(aspace_copy_from_current(other, LARGE + 400 * PAGE_SIZE - 5, LARGE + 5 * PAGE_SIZE - 3, 8) ==
            ASPACE_COPIED);
    UNIT_OK(aspace_read(other, LARGE + 400 * PAGE_SIZE - 5, back, 8) == CAPOS_OK);
    UNIT_OK(strcmp(back, "large!!") == 0);
    UNIT_OK(aspace_copy_from_current(other, LARGE + LARGE_PAGE_SIZE - 4, LARGE, 8) == ASPACE_COPY_OTHER_BAD);
}

static void a_dead_address_space_is_the_other_sides_fault(void)
{
    struct aspace *dead;
    char word[8];
    UNIT_OK(aspace_create(ledger, &dead) == CAPOS_OK);
    aspace_get(dead);
    aspace_release(dead);
    enum aspace_copied copied = aspace_copy_from_current(dead, THERE, HERE, 8);
    status_t read = aspace_read(dead, THERE, word, 8);
    aspace_put(dead);
    UNIT_OK(copied == ASPACE_COPY_OTHER_BAD && read == CAPOS_ERR_BAD_ADDRESS);
}

/* ---- Anything: random ranges of two windows full of holes, compared byte by byte. */

static uint64_t random_state;
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % limit;
}

static uint8_t content[2][WINDOW_PAGES * 4096];
static uint32_t prots[2][WINDOW_PAGES]; /* 0: nothing accessible there */

static void random_window(struct aspace *aspace, uaddr_t start, unsigned side)
{
    static const uint32_t kinds[] = {0, PROT_READ, RW, RW, RW, RW};
    for (unsigned page = 0; page < WINDOW_PAGES; page++) {
        prots[side][page] = kinds[random_below(array_count(kinds))];
        memset(&content[side][page * PAGE_SIZE], 0, PAGE_SIZE);
        if (prots[side][page] != 0 || random_below(2) == 0)
            map(aspace, start + page * PAGE_SIZE, 1, prots[side][page]);
        if (prots[side][page] == 0 || random_below(2) == 0)
            continue;
        for (unsigned i = 0; i < PAGE_SIZE; i++)
            content[side][page * PAGE_SIZE + i] = (uint8_t)random_below(256);
        UNIT_OK(aspace_protect(aspace, start + page * PAGE_SIZE, PAGE_SIZE, RW) == CAPOS_OK);
        UNIT_OK(aspace_write(aspace, start + page * PAGE_SIZE, &content[side][page * PAGE_SIZE], PAGE_SIZE) ==
                CAPOS_OK);
        UNIT_OK(aspace_protect(aspace, start + page * PAGE_SIZE, PAGE_SIZE, prots[side][page]) == CAPOS_OK);
    }
}

static bool may(unsigned side, size_t offset, size_t size, uint32_t prot)
{
    for (size_t at = offset; at < offset + size; at++)
        if ((prots[side][at / PAGE_SIZE] & prot) == 0)
            return false;
    return true;
}

static void random_copy(void)
{
    size_t size = random_below(random_below(3) == 0 ? MESSAGE_MAX : 100);
    size_t here = random_below((uint32_t)(sizeof content[0] - size));
    size_t there = random_below((uint32_t)(sizeof content[1] - size));
    bool out = random_below(2) == 0; /* from mine to the other */
    bool mine_good = may(0, here, size, out ? PROT_READ : PROT_WRITE);
    bool other_good = may(1, there, size, out ? PROT_WRITE : PROT_READ);
    enum aspace_copied copied = out ? aspace_copy_from_current(other, THERE + there, HERE + here, size)
                                    : aspace_copy_to_current(other, THERE + there, HERE + here, size);
    UNIT_OK((copied == ASPACE_COPIED) == (mine_good && other_good));
    UNIT_OK(copied != ASPACE_COPY_CURRENT_BAD || !mine_good);
    UNIT_OK(copied != ASPACE_COPY_OTHER_BAD || !other_good);
    if (copied == ASPACE_COPIED && out)
        memcpy(&content[1][there], &content[0][here], size);
    else if (copied == ASPACE_COPIED)
        memcpy(&content[0][here], &content[1][there], size);
    else /* in part: read back what it is now */
        for (unsigned page = 0; page < WINDOW_PAGES; page++) {
            uint8_t *bytes = &content[out ? 1 : 0][page * PAGE_SIZE];
            if (prots[out ? 1 : 0][page] != 0)
                UNIT_OK(aspace_read(out ? other : mine, (out ? THERE : HERE) + page * PAGE_SIZE, bytes,
                                    PAGE_SIZE) == CAPOS_OK);
        }
}

static void contents_are_right(struct aspace *aspace, uaddr_t start, unsigned side)
{
    static uint8_t now[4096];
    for (unsigned page = 0; page < WINDOW_PAGES; page++) {
        if (prots[side][page] == 0)
            continue;
        UNIT_OK(aspace_read(aspace, start + page * PAGE_SIZE, now, PAGE_SIZE) == CAPOS_OK);
        UNIT_OK(memcmp(now, &content[side][page * PAGE_SIZE], PAGE_SIZE) == 0);
    }
}

static void random_ranges(void)
{
    fake_inject(false, 0);
    random_state = 0x9e3779b97f4a7c15;
    for (unsigned round = 0; round < 40; round++) {
        random_window(mine, HERE, 0);
        random_window(other, THERE, 1);
        for (unsigned i = 0; i < 50; i++)
            random_copy();
        contents_are_right(mine, HERE, 0);
        contents_are_right(other, THERE, 1);
        UNIT_OK(aspace_unmap(mine, HERE, WINDOW_PAGES * PAGE_SIZE) == CAPOS_OK);
        UNIT_OK(aspace_unmap(other, THERE, WINDOW_PAGES * PAGE_SIZE) == CAPOS_OK);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(copies_both_ways),
        UNIT_TEST(one_address_space_on_both_sides),
        UNIT_TEST(says_whose_fault_it_is),
        UNIT_TEST(addresses_outside_of_user_space_are_refused),
        UNIT_TEST(large_pages_on_either_side),
        UNIT_TEST(a_dead_address_space_is_the_other_sides_fault),
        UNIT_TEST(random_ranges),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
