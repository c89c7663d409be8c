/* Memory: the heap, VirtualMemory and MemoryObjects, the limits of a budget, and what is refused. */
#include "check.h"
#include <string.h>

enum { PAGE = 4096, READ = 1, WRITE = 2, EXECUTE = 4, LARGE = 8, BLOCKS = 2000, MIB = 1 << 20 };

static cap_virtual_memory memory;

static void check_heap(void)
{
    unsigned char *zeroed = calloc(100, 300), *grown = malloc(10);
    bool all_zero = zeroed != NULL;
    for (size_t i = 0; all_zero && i < 30000; i++)
        all_zero = zeroed[i] == 0;
    demo_check(all_zero, "calloc gives zeros");
    if (grown != NULL)
        memcpy(grown, "abcdefghi", 10);
    for (size_t size = 20; grown != NULL && size <= 2 * MIB; size *= 3)
        grown = realloc(grown, size);
    demo_check(grown != NULL && memcmp(grown, "abcdefghi", 10) == 0,
               "realloc keeps the content while it grows to 2 MiB");
    void *aligned = aligned_alloc(64 * 1024, 100);
    demo_check(aligned != NULL && (uintptr_t)aligned % (64 * 1024) == 0, "aligned_alloc aligns to 64 KiB");
    free(zeroed);
    free(grown);
    free(aligned);
    void *volatile impossible = calloc(SIZE_MAX / 2, 3); /* volatile: or the compiler assumes that it works */
    demo_check(impossible == NULL, "calloc of more than there can be gives null");
}

/* Allocates until the budget is used up, gives everything back, and can allocate again. */
static void check_exhaustion(void)
{
    static void *blocks[BLOCKS];
    size_t got = 0;
    struct capos_heap_stats stats;
    while (got < BLOCKS && (blocks[got] = malloc(64 * 1024)) != NULL)
        got++;
    demo_check(got > 32 && got < 128, "an 8 MiB budget holds between 2 and 8 MiB of 64 KiB blocks");
    for (size_t i = 0; i < got; i++) {
        memset(blocks[i], 1, 64 * 1024);
        free(blocks[i]);
    }
    blocks[0] = malloc(64 * 1024);
    demo_check(blocks[0] != NULL, "after freeing them there is memory again");
    free(blocks[0]);
    capos_heap_stats(&stats);
    demo_check(stats.allocations == 0 && stats.allocated_bytes == 0, "nothing is left allocated");
    demo_check(stats.committed_bytes < 2 * MIB, "most of the memory went back to the kernel");
}

static void check_mapping(void)
{
    struct cap_virtual_memory_map_results mapped = {0};
    struct cap_virtual_memory_reserve_results reserved = {0};
    demo_expect(CAPOS_OK, cap_virtual_memory_map(memory, 0, 3 * PAGE, READ | WRITE, &mapped),
                "mapping 3 pages");
    volatile char *bytes = (volatile char *)(uintptr_t)mapped.address;
    bytes[0] = 1;
    bytes[3 * PAGE - 1] = 2;
    demo_expect(CAPOS_OK, cap_virtual_memory_protect(memory, mapped.address, PAGE, READ),
                "making one read-only");
    demo_check(bytes[0] == 1 && bytes[3 * PAGE - 1] == 2, "its content stays");
    demo_expect(CAPOS_OK, cap_virtual_memory_unmap(memory, mapped.address, 3 * PAGE), "unmapping them");
    demo_expect(CAPOS_OK, cap_virtual_memory_reserve(memory, 0, UINT64_C(1) << 32, &reserved),
                "reserving 4 GiB");
    uint64_t middle = reserved.address + (UINT64_C(1) << 31);
    demo_expect(CAPOS_OK, cap_virtual_memory_commit(memory, middle, PAGE, READ | WRITE),
                "backing one page of them");
    *(volatile char *)(uintptr_t)middle = 3;
    demo_expect(CAPOS_OK, cap_virtual_memory_commit(memory, middle, PAGE, READ | WRITE), "backing it again");
    demo_check(*(volatile char *)(uintptr_t)middle == 3, "keeps it");
    demo_expect(CAPOS_OK, cap_virtual_memory_decommit(memory, middle, PAGE), "giving it back");
    demo_expect(CAPOS_OK, cap_virtual_memory_commit(memory, middle, PAGE, READ | WRITE),
                "and backing it anew");
    demo_check(*(volatile char *)(uintptr_t)middle == 0, "reads zeros");
    demo_expect(CAPOS_OK, cap_virtual_memory_unmap(memory, reserved.address, UINT64_C(1) << 32),
                "giving up all of it");
    demo_expect(CAPOS_OK, cap_virtual_memory_map(memory, 0, 2 * MIB, READ | WRITE | LARGE, &mapped),
                "a 2 MiB page");
    demo_check(mapped.address % (2 * MIB) == 0, "lies on a 2 MiB boundary");
    *(volatile char *)(uintptr_t)(mapped.address + 2 * MIB - 1) = 1;
    demo_expect(CAPOS_OK, cap_virtual_memory_unmap(memory, mapped.address, 2 * MIB), "and goes again");
}

static void refused(int32_t got, const char *what)
{
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, got, what);
}

static void check_refusals(void)
{
    struct cap_virtual_memory_map_results mapped = {0};
    static const char constant[] = "read-only";
    uint64_t code = (uintptr_t)&check_refusals & ~UINT64_C(4095),
             data = (uintptr_t)constant & ~UINT64_C(4095);
    refused(cap_virtual_memory_map(memory, 0, PAGE, READ | WRITE | EXECUTE, &mapped),
            "memory both writable and executable");
    refused(cap_virtual_memory_map(memory, 0, 0, READ, &mapped), "a mapping of nothing");
    refused(cap_virtual_memory_map(memory, 0, PAGE, 64, &mapped), "a protection that does not exist");
    refused(cap_virtual_memory_map(memory, 12345, PAGE, READ, &mapped), "an unaligned address");
    refused(cap_virtual_memory_map(memory, UINT64_C(0xffff800000000000), PAGE, READ, &mapped),
            "an address of the kernel's");
    refused(cap_virtual_memory_map(memory, UINT64_C(0x7ffffffff000), PAGE, READ, &mapped),
            "the last page below the hole");
    refused(cap_virtual_memory_map(memory, PAGE, PAGE, READ, &mapped), "an address in the first 64 KiB");
    refused(cap_virtual_memory_map(memory, data, PAGE, READ, &mapped), "an address that is in use");
    refused(cap_virtual_memory_map(memory, 0, UINT64_MAX - PAGE, READ, &mapped), "a mapping of everything");
    refused(cap_virtual_memory_protect(memory, code, PAGE, READ | WRITE | EXECUTE),
            "code made writable while executable");
    refused(cap_virtual_memory_commit(memory, UINT64_C(0x10000000000), PAGE, READ),
            "backing what is not reserved");
}

static void check_objects(void)
{
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_memory_object_read_only_results read_only = {0};
    struct cap_memory_object_info_results info = {0};
    struct cap_memory_object_map_results first = {0}, second = {0};
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(memory, 5000, &made),
                "a MemoryObject of 5000 bytes");
    demo_expect(CAPOS_OK, cap_memory_object_info(made.object, &info), "asking about it");
    demo_check(info.size == 5000 && info.page_count == 2 && info.writable, "5000 bytes on 2 pages, writable");
    demo_expect(CAPOS_OK, cap_memory_object_read_only(made.object, &read_only),
                "a read-only capability to it");
    demo_expect(CAPOS_OK, cap_memory_object_map(made.object, 0, 0, 5000, READ | WRITE, &first),
                "mapping it writable");
    demo_expect(CAPOS_OK, cap_memory_object_map(read_only.object, 0, 0, 5000, READ, &second),
                "mapping the other");
    *(volatile char *)(uintptr_t)(first.address + 4999) = 42;
    demo_check(*(volatile char *)(uintptr_t)(second.address + 4999) == 42, "both see the same memory");
    refused(cap_memory_object_map(read_only.object, 0, 0, 5000, READ | WRITE, &second),
            "a writable mapping of the read-only one");
    refused(cap_virtual_memory_protect(memory, second.address, PAGE, READ | WRITE),
            "making its mapping writable later");
    refused(cap_memory_object_map(made.object, 0, 8192, PAGE, READ, &second), "a part behind its end");
    demo_expect(CAPOS_OK, cap_memory_object_unmap(made.object, first.address, 2 * PAGE), "unmapping it");
    demo_expect(CAPOS_OK, cap_release(made.object), "releasing it");
    demo_check(*(volatile char *)(uintptr_t)(second.address + 4999) == 42,
               "the read-only mapping holds the memory");
    demo_expect(CAPOS_OK, cap_release(read_only.object), "releasing the other");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_memory_object_info(made.object, &info), "asking the released one");
}

int main(void)
{
    demo_begin("c-memory");
    memory = capos_need_virtual_memory("memory");
    check_heap();
    check_mapping();
    check_refusals();
    check_objects();
    check_exhaustion();
    return demo_end();
}
