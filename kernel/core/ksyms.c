/* See ksyms.h. */
#include "core/ksyms.h"

/* Unsigned LEB128. The table is ours: it is well formed. */
static const uint8_t *read_distance(const uint8_t *at, uint64_t *distance)
{
    unsigned shift = 0;
    *distance = 0;
    do {
        *distance |= (uint64_t)(*at & 0x7f) << shift;
        shift += 7;
    } while ((*at++ & 0x80) != 0);
    return at;
}

const char *ksyms_lookup(const uint8_t *table, const uint8_t *end, uint64_t offset_in_text, uint64_t *offset)
{
    const char *found = NULL;
    uint64_t start = 0, distance;
    while (table < end) {
        table = read_distance(table, &distance);
        if (distance > offset_in_text - start)
            break;
        start += distance;
        found = (const char *)table;
        while (*table++ != '\0')
            continue;
    }
    *offset = offset_in_text - start;
    return found;
}

#ifndef CAPOS_HOST_TEST
extern const char image_start[], image_text_end[];
extern const uint8_t ksyms[], ksyms_end[]; /* the generated table */

const char *ksyms_find(uint64_t address, uint64_t *offset)
{
    if (address < (uint64_t)image_start || address >= (uint64_t)image_text_end)
        return NULL;
    return ksyms_lookup(ksyms, ksyms_end, address - (uint64_t)image_start, offset);
}
#endif
