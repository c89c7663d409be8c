/* Sentences of refusal, each with the path of what is refused; and the checks of names. See plan_internal.h.
 */
#include "plan_internal.h"
#include "interface_names.h"
#include <capos/print.h>
#include <stdarg.h>

void place_set(struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    capos_vsnprintf(at->path, sizeof at->path, format, args);
    va_end(args);
}

bool fail(const struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int used = capos_snprintf(at->plan->error, sizeof at->plan->error, "%s: ", at->path);
    capos_vsnprintf(at->plan->error + used, sizeof at->plan->error - (size_t)used, format, args);
    va_end(args);
    return false;
}

bool fail_not_held(const struct place *at, const char *kernel_name, const char *purpose)
{
    return fail(
        at, "init was not granted the kernel's %s, so it cannot %s (initConfig.init.caps); init holds: %s",
        kernel_name, purpose, list_holdings(at->holdings).text);
}

struct quoted quote(struct capnp_text text)
{
    struct quoted quoted;
    size_t len = text.len < QUOTED_BYTES - 4 ? text.len : QUOTED_BYTES - 4;
    for (size_t i = 0; i < len; i++)
        quoted.text[i] = (unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f ? '?' : text.bytes[i];
    const char *end = len < text.len ? "..." : "";
    memcpy(quoted.text + len, end, strlen(end) + 1);
    return quoted;
}

struct quoted show_interface(uint64_t id)
{
    struct quoted shown;
    const char *name = interface_name(id);
    if (name != NULL)
        capos_snprintf(shown.text, sizeof shown.text, "%s", name);
    else
        capos_snprintf(shown.text, sizeof shown.text, "0x%llx", (unsigned long long)id);
    return shown;
}

struct held_text list_holdings(const struct holdings *holdings)
{
    struct held_text held;
    size_t used = 0;
    capos_snprintf(held.text, sizeof held.text, "nothing");
    for (size_t i = 0; i < holdings->count && used < sizeof held.text; i++) {
        const struct holding *holding = &holdings->items[i];
        used += (size_t)capos_snprintf(held.text + used, sizeof held.text - used, "%s%.*s",
                                       i == 0 ? "" : ", ", (int)holding->name_len, holding->name);
    }
    return held;
}

const struct holding *holdings_find(const struct holdings *holdings, uint64_t interface_id)
{
    for (size_t i = 0; i < holdings->count; i++)
        if (holdings->items[i].interface_id == interface_id)
            return &holdings->items[i];
    return NULL;
}

bool check_name(const struct place *at, const char *field, struct capnp_text name, size_t limit)
{
    if (name.len == 0)
        return fail(at, "%s is empty", field);
    if (name.len > limit)
        return fail(at, "%s \"%s\" is longer than %zu bytes", field, quote(name).text, limit);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.bytes[i] < ' ' || name.bytes[i] == 0x7f)
            return fail(at, "%s \"%s\" has a control character in it", field, quote(name).text);
    return true;
}

bool check_interface(const struct place *at, const char *field, struct capnp_text text, uint64_t *id)
{
    if (interface_named(text, id))
        return true;
    return fail(at,
                "%s \"%s\" is no interface of schema/ (such as \"Timer\"), and no id (such as "
                "\"0x984b74b4add477b8\")",
                field, quote(text).text);
}
