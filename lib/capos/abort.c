/* The bad end of a process: a last line on its console, then a trap that the kernel records. */
#include "internal.h"
#include <base/string.h>
#include <capos/console.h>

enum { LINE_MAX_BYTES = 240 };

static size_t append(char *line, size_t len, const char *text)
{
    size_t more = strlen(text);
    if (more > LINE_MAX_BYTES - len)
        more = LINE_MAX_BYTES - len;
    memcpy(line + len, text, more);
    return len + more;
}

/* A thread that fails while it reports a failure is silent the second time. */
static _Thread_local bool reporting;

void emergency_line(const char *text)
{
    uint32_t console;
    uint64_t interface_id;
    if (reporting || ring_self.header == NULL || capos_capset() == NULL ||
        capos_capset_get("console", strlen("console"), &console, &interface_id) < 0 ||
        interface_id != CAP_CONSOLE_INTERFACE_ID)
        return;
    char line[LINE_MAX_BYTES];
    size_t len = append(line, 0, "capos: ");
    len = append(line, len, text);
    reporting = true;
    (void)capos_console_write_line(console, line, len);
    reporting = false;
}

_Noreturn void capos_abort(const char *message)
{
    emergency_line(message);
    __builtin_trap();
}
