/* See fake_memory.h. */
#include "fake_memory.h"
#include "segment.h"
#include "unit.h"
#include <stdlib.h>

/* ---- The allocator that the code under test gets (alloc.h renames its calls). */

long fake_live_allocations;

static void *counted(void *memory)
{
    fake_live_allocations += memory != NULL;
    return memory;
}

void *fs_test_malloc(size_t size);
void *fs_test_calloc(size_t count, size_t size);
void *fs_test_realloc(void *old, size_t size);
void fs_test_free(void *memory);

void *fs_test_malloc(size_t size)
{
    return unit_alloc_should_fail() ? NULL : counted(malloc(size));
}

void *fs_test_calloc(size_t count, size_t size)
{
    return unit_alloc_should_fail() ? NULL : counted(calloc(count, size));
}

void *fs_test_realloc(void *old, size_t size)
{
    return unit_alloc_should_fail() ? NULL : realloc(old, size);
}

void fs_test_free(void *memory)
{
    fake_live_allocations -= memory != NULL;
    free(memory);
}

/* ---- Segments in plain memory. */

struct fs_segment *fs_segment_create(uint64_t capacity_bytes)
{
    struct fs_segment *segment = fs_test_malloc(sizeof(*segment));
    uint8_t *bytes = segment == NULL ? NULL : fs_test_calloc(1, capacity_bytes);
    if (bytes == NULL) {
        fs_test_free(segment);
        return NULL;
    }
    *segment = (struct fs_segment){.bytes = bytes, .capacity_bytes = capacity_bytes};
    return segment;
}

void fs_segment_retire(struct fs_segment *segment)
{
    fs_test_free(segment->bytes);
    fs_test_free(segment);
}

void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes)
{
    assert_true(size_bytes <= segment->capacity_bytes);
}
