/* Any bytes as a program: they are refused, or what comes out stays inside the file and inside user space. */
#include "core/elf.h"
#include "object/memory_object.h"
#include <stdlib.h>
#include <string.h>

struct memory_object {
    const uint8_t *bytes;
    size_t size_bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

status_t memory_object_read(struct memory_object *object, uint64_t offset, void *out, size_t size_bytes)
{
    if (offset > object->size_bytes || size_bytes > object->size_bytes - offset)
        return CAPOS_ERR_BAD_ADDRESS;
    memcpy(out, object->bytes + offset, size_bytes);
    return CAPOS_OK;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct memory_object memory = {bytes, size_bytes};
    struct image image = {&memory, 0, size_bytes};
    struct elf elf;
    const char *why = NULL;
    if (elf_parse(&image, &elf, &why) < 0) {
        require(why != NULL);
    } else {
        uint64_t end = 0;
        for (size_t i = 0; i < elf.segment_count; i++) {
            const struct elf_segment *segment = &elf.segments[i];
            require(segment->file_offset <= size_bytes &&
                    segment->file_bytes <= size_bytes - segment->file_offset);
            require(segment->file_bytes <= segment->memory_bytes && segment->address >= end);
            end = segment->address + segment->memory_bytes;
            require(end <= CAPOS_USER_MAX);
        }
    }
    char name[32];
    uint64_t offset;
    uint64_t address = size_bytes > 32 ? bytes[24] | (uint64_t)bytes[25] << 8 : 0;
    if (elf_symbol(&image, address, name, sizeof(name), &offset))
        require(strlen(name) < sizeof(name));
    return 0;
}
