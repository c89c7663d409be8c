/*
 * Ledgers. used <= limit always holds, so `limit - used` never wraps and a charge is one comparison and one
 * compare-and-swap. Limits are constant after creation.
 */
#include "mm/ledger.h"
#include "core/panic.h"
#include "mm/frame.h"
#include "mm/heap.h"

struct ledger {
    uint64_t used[LEDGER_RESOURCES]; /* atomic */
    uint64_t limit[LEDGER_RESOURCES];
    struct ledger *parent; /* null: the root */
    uint32_t references;   /* atomic */
};

enum {
    DEFAULT_SHARE = 4, /* one part in so many of what the parent has left */
    HEAP_SHARE = 8,    /* of all frames, for the kernel heap */
    HEAP_FRAMES_MIN = 32,
};

static const uint64_t ROOT_RESERVED_PAGES = UINT64_C(1)
                                            << 40; /* 4 PiB of address space: bounds sums, not use */

static struct ledger root;

static status_t refusal(enum ledger_resource resource)
{
    if (resource == LEDGER_FRAMES || resource == LEDGER_HEAP_BYTES)
        return CAPOS_ERR_NO_MEMORY;
    return resource == LEDGER_CAP_SLOTS ? CAPOS_ERR_NO_SLOTS : CAPOS_ERR_QUOTA;
}

status_t ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t amount)
{
    uint64_t limit = ledger->limit[resource];
    uint64_t used = __atomic_load_n(&ledger->used[resource], __ATOMIC_RELAXED);
    do {
        if (__builtin_expect(amount > limit - used, 0))
            return refusal(resource);
    } while (!__atomic_compare_exchange_n(&ledger->used[resource], &used, used + amount, true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return CAPOS_OK;
}

/* Release, and acquire in charge: who is given the charge also sees that the thing was given back. */
void ledger_refund(struct ledger *ledger, enum ledger_resource resource, uint64_t amount)
{
    uint64_t before = __atomic_fetch_sub(&ledger->used[resource], amount, __ATOMIC_RELEASE);
    kassert(amount <= before);
}

uint64_t ledger_used(const struct ledger *ledger, enum ledger_resource resource)
{
    return __atomic_load_n(&ledger->used[resource], __ATOMIC_RELAXED);
}

uint64_t ledger_limit(const struct ledger *ledger, enum ledger_resource resource)
{
    return ledger->limit[resource];
}

struct ledger *ledger_root(void)
{
    return &root;
}

void ledger_root_init(void)
{
    uint64_t free_frames = frame_free_count();
    uint64_t heap_frames = free_frames / HEAP_SHARE;
    if (heap_frames < HEAP_FRAMES_MIN)
        heap_frames = HEAP_FRAMES_MIN < free_frames ? HEAP_FRAMES_MIN : free_frames;
    heap_limit_frames(heap_frame_count() + heap_frames);
    root = (struct ledger){.references = 1};
    root.limit[LEDGER_FRAMES] = free_frames - heap_frames;
    root.limit[LEDGER_HEAP_BYTES] = heap_frames * PAGE_SIZE;
    root.limit[LEDGER_CAP_SLOTS] = UINT64_C(1) << 32;
    root.limit[LEDGER_THREADS] = UINT64_C(1) << 20;
    root.limit[LEDGER_CALLS] = UINT64_C(1) << 24;
    root.limit[LEDGER_RESERVED_PAGES] = ROOT_RESERVED_PAGES;
}

/* Takes the limits out of the parent, all or none. */
static status_t carve(struct ledger *ledger, const uint64_t limit[LEDGER_RESOURCES])
{
    struct ledger *parent = ledger->parent;
    for (int r = 0; r < LEDGER_RESOURCES; r++) {
        uint64_t wanted = limit[r];
        if (wanted == 0)
            wanted = (parent->limit[r] - ledger_used(parent, (enum ledger_resource)r)) / DEFAULT_SHARE;
        if (ledger_charge(parent, (enum ledger_resource)r, wanted) != CAPOS_OK) {
            while (r-- > 0)
                ledger_refund(parent, (enum ledger_resource)r, ledger->limit[r]);
            return CAPOS_ERR_QUOTA;
        }
        ledger->limit[r] = wanted;
    }
    return CAPOS_OK;
}

status_t ledger_create(struct ledger *parent, const uint64_t limit[LEDGER_RESOURCES], struct ledger **out)
{
    status_t status = ledger_charge(parent, LEDGER_HEAP_BYTES, sizeof(struct ledger));
    if (status != CAPOS_OK)
        return status;
    struct ledger *ledger = heap_alloc(sizeof *ledger);
    if (ledger == NULL) {
        status = CAPOS_ERR_NO_MEMORY;
        goto err_refund;
    }
    ledger->parent = parent;
    ledger->references = 1;
    status = carve(ledger, limit);
    if (status != CAPOS_OK)
        goto err_free;
    ledger_get(parent);
    *out = ledger;
    return CAPOS_OK;

err_free:
    heap_free(ledger, sizeof *ledger);
err_refund:
    ledger_refund(parent, LEDGER_HEAP_BYTES, sizeof(struct ledger));
    return status;
}

void ledger_get(struct ledger *ledger)
{
    __atomic_add_fetch(&ledger->references, 1, __ATOMIC_RELAXED);
}

/* The limits of a ledger that nobody holds any more, back to its parent. */
static void dissolve(struct ledger *ledger)
{
    for (int r = 0; r < LEDGER_RESOURCES; r++) {
        kassert(ledger->used[r] == 0);
        ledger_refund(ledger->parent, (enum ledger_resource)r, ledger->limit[r]);
    }
    ledger_refund(ledger->parent, LEDGER_HEAP_BYTES, sizeof *ledger);
    heap_free(ledger, sizeof *ledger);
}

/* Goes up by a loop: a chain of ledgers, each kept alive only by its child, may be as deep as processes nest.
 */
void ledger_put(struct ledger *ledger)
{
    while (ledger != NULL && __atomic_sub_fetch(&ledger->references, 1, __ATOMIC_ACQ_REL) == 0) {
        struct ledger *parent = ledger->parent;
        kassert(parent != NULL);
        dissolve(ledger);
        ledger = parent;
    }
}
