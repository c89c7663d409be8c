/* Formatted printing to a console, a message at a time. See <capos/print.h>. */
#include "format.h"
#include <capos/limits.h>
#include <capos/print.h>
#include <limits.h>

static void flush_to_console(struct sink *sink)
{
    if (sink->used != 0 && sink->error == 0) {
        int32_t status =
            cap_console_write((cap_console){sink->console, 0}, capnp_data_of(sink->bytes, sink->used));
        sink->error = status < 0 ? status : 0;
    }
    sink->used = 0;
}

int capos_vprintf(cap_console console, const char *format, va_list args)
{
    char bytes[CAPOS_CONSOLE_WRITE_MAX_BYTES];
    struct sink sink = {
        .bytes = bytes, .room = sizeof bytes, .flush = flush_to_console, .console = console.id};
    format_into(&sink, format, args);
    flush_to_console(&sink);
    if (sink.error != 0)
        return sink.error;
    return sink.total > INT_MAX ? INT_MAX : (int)sink.total;
}

int capos_printf(cap_console console, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = capos_vprintf(console, format, args);
    va_end(args);
    return len;
}
