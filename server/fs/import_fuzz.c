/* Fuzzing: any bytes as the FileTree that a file server starts with. Either all of it is there, or there is a
 * sentence; and all memory and the whole quota come back. */
#include "import.h"
#include "segment.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { SPACE_BYTES = 1 << 20 };

/* The allocator that the code under test gets (alloc.h renames its calls). */
void *fs_test_malloc(size_t size);
void *fs_test_calloc(size_t count, size_t size);
void *fs_test_realloc(void *old, size_t size);
void fs_test_free(void *memory);

void *fs_test_malloc(size_t size)
{
    return malloc(size);
}

void *fs_test_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *fs_test_realloc(void *old, size_t size)
{
    return realloc(old, size);
}

void fs_test_free(void *memory)
{
    free(memory);
}

/* Nothing here asks for a file's memory. */
struct fs_segment *fs_segment_create(uint64_t capacity_bytes)
{
    (void)capacity_bytes;
    abort();
}

void fs_segment_retire(struct fs_segment *segment)
{
    (void)segment;
    abort();
}

void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes)
{
    (void)segment;
    (void)size_bytes;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char why[IMPORT_WHY_BYTES] = "";
    struct fs_node *root;
    struct fs_quota *space = fs_quota_create(NULL, SPACE_BYTES, 0);
    struct fs_tree tree = {.space = space};
    void *copy = aligned_alloc(8, size + 8 - size % 8); /* its own block, so that a byte too far is seen */
    if (space == NULL || copy == NULL || fs_root_create(&tree, space, 1, &root) != CAP_FS_STATUS_OK)
        abort();
    memcpy(copy, bytes, size);
    bool good = import_tree(root, space, copy, size, why);
    if (good == (why[0] != '\0') || memchr(why, '\0', sizeof why) == NULL)
        abort();
    fs_node_put(root);
    if (space->used_bytes != 0 || space->used_nodes != 0)
        abort();
    fs_quota_put(space);
    free(copy);
    return 0;
}
