/* Behind <capos/lookup.h>: capabilities by name and interface, and what a program says when one is missing.
 */
#include "internal.h"
#include <base/string.h>
#include <capos/print.h>

/* Generated into the sysroot's <capos/lookup.h>. */
int32_t capos_get_capability(const char *name, uint64_t interface_id, uint32_t *out_cap_id);
uint32_t capos_need_capability(const char *name, uint64_t interface_id, const char *interface_name);

int32_t capos_get_capability(const char *name, uint64_t interface_id, uint32_t *out_cap_id)
{
    uint64_t granted_interface;
    uint32_t cap_id;
    int status = capos_capset_get(name, strlen(name), &cap_id, &granted_interface);
    if (status < 0)
        return status;
    if (granted_interface != interface_id)
        return CAPOS_ERR_WRONG_INTERFACE;
    *out_cap_id = cap_id;
    return CAPOS_OK;
}

/* The names of what was granted, as `console, memory`. */
static void list_grants(char *out, size_t size)
{
    size_t used = 0;
    capos_snprintf(out, size, "nothing");
    for (uint32_t i = 0; i < capos_capset()->entry_count && used < size; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        used += (size_t)capos_snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", entry->name);
    }
}

uint32_t capos_need_capability(const char *name, uint64_t interface_id, const char *interface_name)
{
    char grants[128], text[232];
    uint32_t cap_id = 0;
    int32_t status = capos_get_capability(name, interface_id, &cap_id);
    if (status >= 0)
        return cap_id;
    list_grants(grants, sizeof grants);
    if (status == CAPOS_ERR_WRONG_INTERFACE)
        capos_snprintf(text, sizeof text, "the capability \"%s\" is not %s %s; granted: %s", name,
                       capos_article(interface_name), interface_name, grants);
    else
        capos_snprintf(text, sizeof text, "this program needs %s %s capability named \"%s\"; granted: %s",
                       capos_article(interface_name), interface_name, name, grants);
    emergency_line(text);
    capos_sys_exit(CAPOS_EXIT_NOT_GRANTED);
}
