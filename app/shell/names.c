#include "names.h"
#include <capos/print.h>
#include <string.h>

struct name *names_find(struct names *names, struct capnp_text name)
{
    for (size_t i = 0; i < names->count; i++) {
        struct name *item = &names->items[i];
        if (strlen(item->name) == name.len && memcmp(item->name, name.bytes, name.len) == 0)
            return item;
    }
    return NULL;
}

struct name *names_of_interface(struct names *names, uint64_t interface_id)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].held.interface_id == interface_id)
            return &names->items[i];
    return NULL;
}

bool names_bind(struct names *names, struct capnp_text name, struct held held, const char *origin,
                struct held *old)
{
    struct name *item = names_find(names, name);
    *old = (struct held){.id = CAPNP_CAP_NONE, .revoker = CAPNP_CAP_NONE};
    if (name.len == 0 || name.len >= NAME_BYTES || (item == NULL && names->count == NAMES_MAX))
        return false;
    if (item != NULL)
        *old = item->held;
    else
        item = &names->items[names->count++];
    memset(item, 0, sizeof *item);
    memcpy(item->name, name.bytes, name.len);
    (void)capos_snprintf(item->origin, sizeof item->origin, "%s", origin);
    item->held = held;
    return true;
}

void names_remove(struct names *names, struct name *name)
{
    size_t index = (size_t)(name - names->items);
    memmove(name, name + 1, (names->count - index - 1) * sizeof *name);
    names->count--;
}
