/* The kernel heap on malloc: AddressSanitizer sees each object, and every free is checked for its size. */
#include "mm/heap.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

bool fake_should_fail(void);

enum { HEADER = 64 }; /* keeps the size, and the alignment */

static uint64_t used_bytes;

void *heap_alloc(size_t size_bytes)
{
    if (size_bytes == 0 || fake_should_fail())
        return NULL;
    char *memory = aligned_alloc(HEADER, (HEADER + size_bytes + HEADER - 1) / HEADER * HEADER);
    assert_non_null(memory);
    *(size_t *)(void *)memory = size_bytes;
    memset(memory + HEADER, 0, size_bytes);
    used_bytes += size_bytes;
    return memory + HEADER;
}

void heap_free(void *memory, size_t size_bytes)
{
    if (memory == NULL)
        return;
    char *block = (char *)memory - HEADER;
    assert_int_equal(*(size_t *)(void *)block, size_bytes);
    used_bytes -= size_bytes;
    free(block);
}

uint64_t heap_used_bytes(void)
{
    return used_bytes;
}

void heap_limit_frames(uint64_t frame_count)
{
    (void)frame_count;
}

uint64_t heap_frame_count(void)
{
    return 0;
}

bool heap_check(void)
{
    return true;
}
