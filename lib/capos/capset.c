/* Looking things up in the CapSet, the read-only pages that say what this process was granted. */
#include "internal.h"
#include <base/string.h>
#include <capos/console.h>

static const struct capos_capset_header *capset;
static uint64_t process_id;

void capset_attach(const struct capos_capset_header *header, uint64_t id)
{
    capset = header;
    process_id = id;
}

const struct capos_capset_header *capos_capset(void)
{
    return capset;
}

uint64_t capos_process_id(void)
{
    return process_id;
}

const struct capos_capset_entry *capos_capset_entry(uint32_t index)
{
    if (index >= capset->entry_count)
        return NULL;
    const char *entries = (const char *)capset + capset->entries_offset;
    return (const struct capos_capset_entry *)(const void *)entries + index;
}

int capos_capset_get(const char *name, size_t name_len, uint32_t *out_cap_id, uint64_t *out_iface_id)
{
    for (uint32_t i = 0; i < capset->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        if (entry->name_len != name_len || memcmp(entry->name, name, name_len) != 0)
            continue;
        if (out_cap_id != NULL)
            *out_cap_id = entry->cap_id;
        if (out_iface_id != NULL)
            *out_iface_id = entry->interface_id;
        return CAPOS_OK;
    }
    return CAPOS_ERR_NO_CAPABILITY;
}
