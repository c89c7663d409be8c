/* Fuzzing: any bytes as a FileTree. It is refused with a sentence or becomes a tree whose nodes can be
 * listed; either way everything is given back. */
#include "import.h"
#include "segment.h"
#include <stdlib.h>
#include <string.h>

enum { SPACE_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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

struct fs_segment *fs_segment_create(uint64_t capacity_bytes)
{
    (void)capacity_bytes;
    return NULL;
}
void fs_segment_retire(struct fs_segment *segment)
{
    (void)segment;
}
void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes)
{
    (void)segment;
    (void)size_bytes;
}

static void check_listing(const struct fs_node *directory)
{
    uint64_t count = 0, cookie = 0;
    for (const struct fs_entry *entry; (entry = fs_list_next(directory, cookie)) != NULL; count++)
        cookie = entry->cookie;
    if (count != directory->directory.count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char why[IMPORT_WHY_BYTES] = "";
    struct fs_tree tree = {0};
    struct fs_node *root = NULL;
    void *copy = aligned_alloc(8, size + 8 - size % 8);
    tree.space = fs_quota_create(NULL, SPACE_BYTES, 0);
    if (copy == NULL || tree.space == NULL || fs_root_create(&tree, tree.space, 1, &root) != CAP_FS_STATUS_OK)
        abort();
    memcpy(copy, bytes, size);
    bool good = import_tree(root, tree.space, copy, size, why);
    if (good == (why[0] != '\0'))
        abort();
    check_listing(root);
    fs_node_put(root);
    if (tree.node_count != 0 || tree.space->used_bytes != 0 || tree.space->used_nodes != 0)
        abort();
    fs_quota_put(tree.space);
    free(copy);
    return 0;
}
