/* Ledgers: limits, refusals, and that what a child is given is taken from its parent. */
#include "mm/ledger.h"
#include "fake.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "unit.h"

static uint64_t frames_at_boot;

static void setup(void)
{
    fake_machine_start(UINT64_C(16) << 20);
    frames_at_boot = frame_free_count();
    ledger_root_init();
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger_root(), (enum ledger_resource)r), 0);
    assert_int_equal(heap_used_bytes(), 0);
    fake_machine_stop();
}

static void root_promises_no_more_than_there_is(void)
{
    uint64_t frames = ledger_limit(ledger_root(), LEDGER_FRAMES);
    uint64_t heap_frames = ledger_limit(ledger_root(), LEDGER_HEAP_BYTES) / PAGE_SIZE;
    assert_int_equal(frames + heap_frames, frames_at_boot);
    assert_true(heap_frames >= 32 && frames > heap_frames);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_true(ledger_limit(ledger_root(), (enum ledger_resource)r) > 0);
}

static void charges_up_to_the_limit(void)
{
    static const status_t refusal[LEDGER_RESOURCES] = {
        [LEDGER_FRAMES] = CAPOS_ERR_NO_MEMORY,     [LEDGER_CAP_SLOTS] = CAPOS_ERR_NO_SLOTS,
        [LEDGER_THREADS] = CAPOS_ERR_QUOTA,        [LEDGER_CALLS] = CAPOS_ERR_QUOTA,
        [LEDGER_RESERVED_PAGES] = CAPOS_ERR_QUOTA, [LEDGER_HEAP_BYTES] = CAPOS_ERR_NO_MEMORY,
    };
    struct ledger *ledger = NULL;
    const uint64_t limits[LEDGER_RESOURCES] = {10, 11, 12, 13, 14, 15};
    UNIT_OK(ledger_create(ledger_root(), limits, &ledger) == CAPOS_OK);
    for (int i = 0; i < LEDGER_RESOURCES; i++) {
        enum ledger_resource r = (enum ledger_resource)i;
        assert_int_equal(ledger_limit(ledger, r), limits[i]);
        assert_int_equal(ledger_charge(ledger, r, limits[i] + 1), refusal[i]);
        assert_int_equal(ledger_charge(ledger, r, UINT64_MAX), refusal[i]);
        assert_int_equal(ledger_charge(ledger, r, limits[i] - 1), CAPOS_OK);
        assert_int_equal(ledger_charge(ledger, r, 2), refusal[i]);
        assert_int_equal(ledger_charge(ledger, r, UINT64_MAX - 3), refusal[i]);
        assert_int_equal(ledger_used(ledger, r), limits[i] - 1);
        assert_int_equal(ledger_charge(ledger, r, 1), CAPOS_OK);
        assert_int_equal(ledger_charge(ledger, r, 0), CAPOS_OK);
        assert_int_equal(ledger_used(ledger, r), limits[i]);
        ledger_refund(ledger, r, limits[i]);
        assert_true(FAKE_PANICS(ledger_refund(ledger, r, 1)));
        /* the panic left the count wrapped; put it right */
        assert_int_equal(ledger_used(ledger, r), UINT64_MAX);
        ledger_refund(ledger, r, UINT64_MAX);
    }
    ledger_put(ledger);
}

static void limits_are_taken_from_the_parent(void)
{
    struct ledger *parent = NULL, *child = NULL;
    const uint64_t parent_limits[LEDGER_RESOURCES] = {100, 100, 100, 100, 100, 4096};
    const uint64_t child_limits[LEDGER_RESOURCES] = {60, 100, 1, 0, 0, 1000};
    UNIT_OK(ledger_create(ledger_root(), parent_limits, &parent) == CAPOS_OK);
    status_t status = ledger_create(parent, child_limits, &child);
    if (status == CAPOS_OK) {
        assert_int_equal(ledger_used(parent, LEDGER_FRAMES), 60);
        assert_int_equal(ledger_used(parent, LEDGER_CAP_SLOTS), 100);
        assert_int_equal(ledger_limit(child, LEDGER_CALLS), 25); /* a quarter */
        assert_int_equal(ledger_charge(parent, LEDGER_FRAMES, 41), CAPOS_ERR_NO_MEMORY);
        assert_int_equal(ledger_charge(child, LEDGER_FRAMES, 60), CAPOS_OK);
        ledger_put(parent); /* the child keeps it */
        ledger_refund(child, LEDGER_FRAMES, 60);
        ledger_put(child);
    } else {
        ledger_put(parent);
    }
    UNIT_OK(status == CAPOS_OK);
}

static void too_much_is_refused_as_a_whole(void)
{
    struct ledger *parent = NULL, *child = NULL;
    const uint64_t parent_limits[LEDGER_RESOURCES] = {100, 100, 100, 100, 100, 4096};
    UNIT_OK(ledger_create(ledger_root(), parent_limits, &parent) == CAPOS_OK);
    status_t status[LEDGER_RESOURCES + 1];
    for (int r = 0; r <= LEDGER_RESOURCES; r++) {
        uint64_t limits[LEDGER_RESOURCES] = {1, 1, 1, 1, 1, 1};
        if (r < LEDGER_RESOURCES)
            limits[r] = 5000;
        else
            limits[0] = UINT64_MAX;
        status[r] = ledger_create(parent, limits, &child);
        for (int k = 0; k < LEDGER_RESOURCES; k++)
            assert_int_equal(ledger_used(parent, (enum ledger_resource)k), 0);
    }
    assert_int_equal(ledger_charge(parent, LEDGER_HEAP_BYTES, 4090), CAPOS_OK);
    status_t no_heap = ledger_create(parent, parent_limits, &child);
    ledger_refund(parent, LEDGER_HEAP_BYTES, 4090);
    ledger_put(parent);
    for (int r = 0; r <= LEDGER_RESOURCES; r++)
        UNIT_OK(status[r] == CAPOS_ERR_QUOTA);
    assert_int_equal(no_heap, CAPOS_ERR_NO_MEMORY);
    assert_null(child);
}

static void long_chains_end_without_recursion(void)
{
    struct ledger *ledger = ledger_root(), *next = NULL;
    const uint64_t limits[LEDGER_RESOURCES] = {1, 1, 1, 1, 1, 1};
    fake_inject(false, 0);
    ledger_get(ledger);
    unsigned depth = 0;
    for (;; depth++) {
        uint64_t heap_left = ledger_limit(ledger, LEDGER_HEAP_BYTES) - ledger_used(ledger, LEDGER_HEAP_BYTES);
        uint64_t some[LEDGER_RESOURCES] = {1, 1, 1, 1, 1, heap_left > 600 ? heap_left - 200 : 1};
        if (ledger_create(ledger, heap_left > 600 ? some : limits, &next) != CAPOS_OK)
            break;
        ledger_put(ledger); /* only the child holds it now */
        ledger = next;
    }
    assert_true(depth > 100);
    ledger_put(ledger); /* the whole chain; the teardown sees that nothing is left */
}

static void heap_cannot_outgrow_its_share(void)
{
    fake_inject(false, 0);
    assert_int_equal(
        ledger_charge(ledger_root(), LEDGER_HEAP_BYTES, ledger_limit(ledger_root(), LEDGER_HEAP_BYTES)),
        CAPOS_OK);
    ledger_refund(ledger_root(), LEDGER_HEAP_BYTES, ledger_limit(ledger_root(), LEDGER_HEAP_BYTES));
    paddr_t frame;
    uint64_t promised = ledger_limit(ledger_root(), LEDGER_FRAMES), got = 0;
    static paddr_t frames[4096];
    while (got < promised && frame_alloc(0, &frame) == CAPOS_OK)
        frames[got++] = frame;
    assert_int_equal(got, promised);
    while (got > 0)
        frame_put(frames[--got]);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(root_promises_no_more_than_there_is), UNIT_TEST(charges_up_to_the_limit),
        UNIT_TEST(limits_are_taken_from_the_parent),    UNIT_TEST(too_much_is_refused_as_a_whole),
        UNIT_TEST(long_chains_end_without_recursion),   UNIT_TEST(heap_cannot_outgrow_its_share),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
