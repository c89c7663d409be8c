/* See holdings.h. */
#include "holdings.h"
#include <capos/capos.h>
#include <capos/console.h>
#include <capos/print.h>
#include <stdarg.h>

struct holdings holdings;

void holdings_collect(void)
{
    uint32_t granted = capos_capset()->entry_count;
    for (uint32_t i = 0; i < granted && holdings.count < PLAN_HOLDINGS_MAX; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        holdings.items[holdings.count++] =
            (struct holding){entry->name, entry->name_len, entry->interface_id, entry->cap_id};
    }
}

uint32_t held(uint64_t interface_id)
{
    const struct holding *holding = holdings_find(&holdings, interface_id);
    return holding == NULL ? CAPNP_CAP_NONE : holding->cap_id;
}

void say(const char *format, ...)
{
    cap_console console = {held(CAP_CONSOLE_INTERFACE_ID), 0};
    char line[PLAN_ERROR_BYTES + 100];
    va_list args;
    if (console.id == CAPNP_CAP_NONE)
        return;
    va_start(args, format);
    capos_vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)capos_printf(console, "init: %s\n", line);
}
