/* Segments as MemoryObjects, mapped here for as long as the file lies in them. */
#include "segment.h"
#include <capos/call.h>
#include <capos/file_header.h>
#include <capos/lookup.h>
#include "alloc.h"

enum { PAGE_BYTES = 4096, PROT_READ_WRITE = 3 };

/* An object of that size and where it is mapped; null: no memory. */
static void *create_mapped(uint64_t size_bytes, cap_memory_object *out)
{
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_memory_object_map_results mapped = {0};
    if (cap_virtual_memory_create_object(memory, size_bytes, &made) < 0)
        return NULL;
    if (cap_memory_object_map(made.object, 0, 0, size_bytes, PROT_READ_WRITE, &mapped) < 0) {
        cap_release_id(made.object.id);
        return NULL;
    }
    *out = made.object;
    return (void *)(uintptr_t)mapped.address;
}

static void unmap(cap_memory_object object, void *address, uint64_t size_bytes)
{
    (void)cap_memory_object_unmap(object, (uint64_t)(uintptr_t)address, size_bytes);
    cap_release_id(object.id);
}

struct fs_segment *fs_segment_create(uint64_t capacity_bytes)
{
    struct fs_segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL)
        return NULL;
    segment->capacity_bytes = capacity_bytes;
    segment->bytes = create_mapped(capacity_bytes, &segment->data);
    if (segment->bytes == NULL)
        goto err_segment;
    segment->header = create_mapped(PAGE_BYTES, &segment->header_object);
    if (segment->header == NULL)
        goto err_data;
    segment->header->magic = CAPOS_FILE_MAGIC;
    segment->header->valid = 1;
    return segment;

err_data:
    unmap(segment->data, segment->bytes, capacity_bytes);
err_segment:
    free(segment);
    return NULL;
}

void fs_segment_retire(struct fs_segment *segment)
{
    __atomic_store_n(&segment->header->valid, 0, __ATOMIC_RELEASE);
    unmap(segment->header_object, segment->header, PAGE_BYTES);
    unmap(segment->data, segment->bytes, segment->capacity_bytes);
    free(segment);
}

void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes)
{
    __atomic_store_n(&segment->header->size_bytes, size_bytes, __ATOMIC_RELEASE);
    __atomic_add_fetch(&segment->header->version, 1, __ATOMIC_RELEASE);
}

int32_t fs_segment_share(const struct fs_segment *segment, bool writable, cap_memory_object *data,
                         cap_memory_object *header)
{
    struct cap_memory_object_read_only_results facet = {0}, header_facet = {0};
    int32_t status = cap_memory_object_read_only(segment->header_object, &header_facet);
    if (status < 0)
        return status;
    *header = header_facet.object;
    header->mode = CAPOS_XFER_MOVE;
    *data = segment->data;
    data->mode = CAPOS_XFER_COPY;
    if (writable)
        return CAPOS_OK;
    status = cap_memory_object_read_only(segment->data, &facet);
    if (status < 0) {
        cap_release_id(header->id);
        *header = (cap_memory_object){0};
        return status;
    }
    *data = facet.object;
    data->mode = CAPOS_XFER_MOVE;
    return CAPOS_OK;
}
