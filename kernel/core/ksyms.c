/* See ksyms.h. */
#include "core/ksyms.h"

const char *ksyms_lookup(const struct ksyms_table *table, uint64_t offset_in_text, uint64_t *offset)
{
    size_t low = 0, high = table->count; /* the answer is the entry before `low` */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (table->addresses[middle] <= offset_in_text)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = offset_in_text - table->addresses[low - 1];
    return table->names + table->name_offsets[low - 1];
}

#ifndef CAPOS_HOST_TEST
extern const char image_start[], image_text_end[];
/* The generated table. */
extern const uint32_t ksyms_count, ksyms_addresses[], ksyms_name_offsets[];
extern const char ksyms_names[];

const char *ksyms_find(uint64_t address, uint64_t *offset)
{
    const struct ksyms_table table = {ksyms_addresses, ksyms_name_offsets, ksyms_names, ksyms_count};
    if (address < (uint64_t)image_start || address >= (uint64_t)image_text_end)
        return NULL;
    return ksyms_lookup(&table, address - (uint64_t)image_start, offset);
}
#endif
