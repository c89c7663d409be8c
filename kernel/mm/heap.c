/*
 * The kernel heap. A slab is one frame: a 64-byte header and as many objects of one size class as fit. An
 * object's slab is found by rounding its address down. Slabs that have a free object are listed by class; a
 * slab whose last object is freed goes back to the frame allocator at once, so that "everything was given
 * back" can be seen in the frame count.
 *
 * Free objects are chained by their offset in the slab; those never used yet are not chained but counted
 * (`fresh`), so making a slab costs the same for all classes. Memory is zeroed when it is handed out, not
 * when it is freed.
 *
 * Above the largest class an allocation is a block of 2^n frames. Lock: LOCK_HEAP.
 */
#include "mm/heap.h"
#include "arch/arch.h"
#include "core/lock.h"
#include "core/panic.h"
#include "mm/frame.h"
#include <base/list.h>
#include <base/string.h>

struct slab {
    struct list_node node; /* in class_slabs[], while it has a free object */
    uint32_t magic;
    uint16_t size_class;
    uint16_t used;      /* objects handed out */
    uint16_t free_head; /* offset of the first chained free object; 0: none */
    uint16_t fresh;     /* offset of the first object that was never used */
    uint16_t padding[2];
};

enum { SLAB_HEADER = 64, SLAB_MAGIC = 0x51ab51ab };
_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "the header's room keeps the objects aligned to 64");

/* Chosen to fill 4032 bytes. A size that is a multiple of 64 always gets a class that is one, hence an
 * aligned object: 96 is the only class above 64 that is not, and it serves 65 to 96. */
static const uint16_t class_size[] = {16,  32,  48,  64,  96,  128, 192, 256,  320,
                                      384, 448, 512, 576, 640, 768, 960, 1344, 1984};
enum { CLASS_COUNT = array_count(class_size), CLASS_LARGEST = 1984, CLASS_STEP = 16 };

static struct {
    struct spinlock lock;
    bool ready;
    struct list slabs[CLASS_COUNT];
    uint8_t class_of[CLASS_LARGEST / CLASS_STEP + 1]; /* by size in steps, rounded up */
    uint64_t used_bytes;
    uint64_t frame_count;
    uint64_t frame_limit;
} heap = {.lock = SPINLOCK_INIT(LOCK_HEAP), .frame_limit = UINT64_MAX};

/* At the first allocation, so that there is no order of initialisation to get wrong. */
static void heap_prepare(void)
{
    unsigned class = 0;
    for (size_t steps = 1; steps < array_count(heap.class_of); steps++) {
        if (steps * CLASS_STEP > class_size[class])
            class ++;
        heap.class_of[steps] = (uint8_t) class;
    }
    for (size_t i = 0; i < CLASS_COUNT; i++)
        list_init(&heap.slabs[i]);
    heap.ready = true;
}

/* A size that is a multiple of 64 gets a class that is one, since its objects must be aligned. */
static unsigned class_for(size_t size_bytes)
{
    unsigned class = heap.class_of[(size_bytes + CLASS_STEP - 1) / CLASS_STEP];
    while (size_bytes % 64 == 0 && class_size[class] % 64 != 0)
        class ++;
    return class;
}

static unsigned block_order(size_t size_bytes)
{
    unsigned order = 0;
    while ((PAGE_SIZE << order) < size_bytes)
        order++;
    return order;
}

static void *frames_take(unsigned order)
{
    paddr_t frame;
    uint64_t count = UINT64_C(1) << order;
    if (heap.frame_count + count > heap.frame_limit || frame_alloc(order, &frame) != CAPOS_OK)
        return NULL;
    heap.frame_count += count;
    return direct_map(frame);
}

static void frames_return(void *memory, unsigned order)
{
    heap.frame_count -= UINT64_C(1) << order;
    frame_put(direct_map_to_physical(memory));
}

static struct slab *slab_make(unsigned class)
{
    struct slab *slab = frames_take(0);
    if (slab == NULL)
        return NULL;
    *slab = (struct slab){.magic = SLAB_MAGIC, .size_class = (uint16_t) class, .fresh = SLAB_HEADER};
    list_push_front(&heap.slabs[class], &slab->node);
    return slab;
}

static bool slab_is_full(const struct slab *slab)
{
    return slab->free_head == 0 && slab->fresh + class_size[slab->size_class] > (int)PAGE_SIZE;
}

static uint16_t *slab_link(struct slab *slab, uint16_t offset)
{
    return (uint16_t *)(void *)((char *)slab + offset);
}

static void *slab_alloc(unsigned class)
{
    struct list_node *first = list_first(&heap.slabs[class]);
    struct slab *slab = first != NULL ? list_entry(first, struct slab, node) : slab_make(class);
    if (slab == NULL)
        return NULL;
    uint16_t offset = slab->free_head;
    if (offset != 0) {
        slab->free_head = *slab_link(slab, offset);
    } else {
        offset = slab->fresh;
        slab->fresh = (uint16_t)(slab->fresh + class_size[class]);
    }
    slab->used++;
    if (slab_is_full(slab))
        list_remove(&slab->node);
    return (char *)slab + offset;
}

static void slab_free(struct slab *slab, void *object)
{
    uint16_t offset = (uint16_t)((uintptr_t)object & PAGE_MASK);
    kassert(slab->used > 0 && offset >= SLAB_HEADER &&
            (offset - SLAB_HEADER) % class_size[slab->size_class] == 0);
    if (slab_is_full(slab))
        list_push_front(&heap.slabs[slab->size_class], &slab->node);
    *slab_link(slab, offset) = slab->free_head;
    slab->free_head = offset;
    if (--slab->used == 0) {
        list_remove(&slab->node);
        slab->magic = 0;
        frames_return(slab, 0);
    }
}

static void *alloc_locked(size_t size_bytes, size_t *taken_bytes)
{
    if (!heap.ready)
        heap_prepare();
    void *memory;
    if (size_bytes <= CLASS_LARGEST) {
        unsigned class = class_for(size_bytes);
        memory = slab_alloc(class);
        *taken_bytes = class_size[class];
    } else {
        unsigned order = block_order(size_bytes);
        memory = frames_take(order);
        *taken_bytes = PAGE_SIZE << order;
    }
    if (memory != NULL)
        heap.used_bytes += *taken_bytes;
    return memory;
}

void *heap_alloc(size_t size_bytes)
{
    size_t taken_bytes = 0;
    if (size_bytes == 0 || size_bytes > PAGE_SIZE << FRAME_ORDER_MAX)
        return NULL;
    spinlock_acquire(&heap.lock);
    void *memory = alloc_locked(size_bytes, &taken_bytes);
    spinlock_release(&heap.lock);
    if (memory != NULL)
        memset(memory, 0, taken_bytes);
    return memory;
}

static void free_locked(void *memory, size_t size_bytes)
{
    if (size_bytes <= CLASS_LARGEST) {
        struct slab *slab = (struct slab *)((uintptr_t)memory & ~(uintptr_t)PAGE_MASK);
        unsigned class = class_for(size_bytes);
        kassert(slab->magic == SLAB_MAGIC && slab->size_class == class);
        slab_free(slab, memory);
        heap.used_bytes -= class_size[class];
    } else {
        unsigned order = block_order(size_bytes);
        heap.used_bytes -= PAGE_SIZE << order;
        frames_return(memory, order);
    }
}

void heap_free(void *memory, size_t size_bytes)
{
    if (memory == NULL)
        return;
    spinlock_acquire(&heap.lock);
    free_locked(memory, size_bytes);
    spinlock_release(&heap.lock);
}

uint64_t heap_used_bytes(void)
{
    return __atomic_load_n(&heap.used_bytes, __ATOMIC_RELAXED);
}

void heap_limit_frames(uint64_t frame_count)
{
    spinlock_acquire(&heap.lock);
    heap.frame_limit = frame_count;
    spinlock_release(&heap.lock);
}

uint64_t heap_frame_count(void)
{
    return __atomic_load_n(&heap.frame_count, __ATOMIC_RELAXED);
}

/* ---- Checking. */

static bool slab_check(struct slab *slab, unsigned class)
{
    unsigned chained = 0, made = (slab->fresh - (unsigned)SLAB_HEADER) / class_size[class];
    for (uint16_t offset = slab->free_head; offset != 0; offset = *slab_link(slab, offset)) {
        if (offset < SLAB_HEADER || offset >= slab->fresh || ++chained > made)
            return false;
    }
    return slab->magic == SLAB_MAGIC && slab->size_class == class && slab->used > 0 &&
           slab->used + chained == made && !slab_is_full(slab);
}

static bool check_locked(void)
{
    uint64_t slab_count = 0;
    for (unsigned class = 0; heap.ready && class < CLASS_COUNT; class ++) {
        struct list_node *node;
        list_for_each(node, &heap.slabs[class])
        {
            if (!slab_check(list_entry(node, struct slab, node), class))
                return false;
            slab_count++;
        }
    }
    return slab_count <= heap.frame_count && heap.used_bytes <= heap.frame_count * PAGE_SIZE;
}

bool heap_check(void)
{
    spinlock_acquire(&heap.lock);
    bool good = check_locked();
    spinlock_release(&heap.lock);
    return good;
}
