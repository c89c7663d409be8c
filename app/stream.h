/*
 * Streams of the small programs, found by what was granted:
 *   out   StdIO, PipeWriter, Console or File (appended to): where output goes, a few lines at a time
 *   err   the same: where complaints go; without it they go to `out`
 *   in    StdIO, PipeReader or File: what is read when no file is named
 *   io    a StdIO that stands for any of them
 */
#pragma once
#include "path.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/pipe_io.h>
#include <capos/print.h>
#include <stdarg.h>

enum { APP_CHUNK_BYTES = 1024 };

static const char *app_name;
static int app_failures;

static char app_out[APP_CHUNK_BYTES];
static size_t app_out_len;

/* The stream granted under this name; id 0: none. */
static inline cap_any app_stream(const char *name, uint64_t *interface_id)
{
    cap_any cap = {0};
    if (capos_capset_get(name, strlen(name), &cap.id, interface_id) < 0 &&
        capos_capset_get("io", 2, &cap.id, interface_id) < 0)
        cap.id = 0;
    return cap;
}

/* How many of the bytes were taken, or a negative error. */
static inline int32_t app_write_some(cap_any to, uint64_t interface_id, bool error, struct capnp_data data)
{
    if (interface_id == CAP_STD_IO_INTERFACE_ID) {
        struct cap_std_io_write_results written = {0};
        struct cap_std_io_write_error_results complained = {0};
        int32_t result = error ? cap_std_io_write_error((cap_std_io){.id = to.id}, data, &complained)
                               : cap_std_io_write((cap_std_io){.id = to.id}, data, &written);
        return result < 0 ? result : (int32_t)(error ? complained.written : written.written);
    }
    if (interface_id == CAP_PIPE_WRITER_INTERFACE_ID)
        return capos_pipe_write((cap_pipe_writer){.id = to.id}, data.bytes, data.len);
    if (interface_id == CAP_FILE_INTERFACE_ID) {
        struct cap_file_append_results appended = {0};
        int32_t result = cap_file_append((cap_file){.id = to.id}, data, &appended);
        return result < 0                            ? result
               : appended.status == CAP_FS_STATUS_OK ? (int32_t)data.len
                                                     : CAPOS_ERR_QUOTA;
    }
    if (interface_id != CAP_CONSOLE_INTERFACE_ID)
        return CAPOS_ERR_WRONG_INTERFACE;
    int32_t result = cap_console_write((cap_console){.id = to.id}, data);
    return result < 0 ? result : (int32_t)data.len;
}

/* All of it. False: whoever reads is gone, there is no room, or nowhere to write to. */
static inline bool app_write_to(const char *stream, bool error, const void *bytes, size_t len)
{
    uint64_t interface_id = 0;
    cap_any to = app_stream(stream, &interface_id);
    for (size_t at = 0; at < len && to.id != 0;) {
        size_t piece = len - at < APP_CHUNK_BYTES ? len - at : APP_CHUNK_BYTES;
        int32_t taken =
            app_write_some(to, interface_id, error, capnp_data_of((const uint8_t *)bytes + at, piece));
        if (taken <= 0)
            return false;
        at += (size_t)taken;
    }
    return to.id != 0;
}

/* Says what went wrong; the program goes on and ends with 1. */
__attribute__((format(printf, 1, 2))) static inline void app_complain(const char *format, ...)
{
    char text[APP_CHUNK_BYTES];
    uint64_t interface_id;
    int head = capos_snprintf(text, sizeof text, "%s: ", app_name);
    va_list args;
    va_start(args, format);
    (void)capos_vsnprintf(text + head, sizeof text - 1 - (size_t)head, format, args);
    va_end(args);
    size_t len = strlen(text);
    text[len++] = '\n';
    app_failures = 1;
    if (app_out_len != 0 && app_write_to("out", false, app_out, app_out_len))
        app_out_len = 0; /* what came before it stands before it */
    (void)app_write_to(app_stream("err", &interface_id).id != 0 ? "err" : "out", true, text, len);
}

/* Output that is still held back. Without a reader or room for it the program ends. */
static inline void app_flush(void)
{
    size_t len = app_out_len;
    app_out_len = 0;
    if (len == 0 || app_write_to("out", false, app_out, len))
        return;
    app_complain("its output cannot be written");
    capos_sys_exit(1);
}

static inline void app_write(const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t room = sizeof app_out - app_out_len;
        size_t piece = len - at < room ? len - at : room;
        memcpy(app_out + app_out_len, (const uint8_t *)bytes + at, piece);
        app_out_len += piece;
        at += piece;
        if (app_out_len == sizeof app_out)
            app_flush();
    }
}

__attribute__((format(printf, 1, 2))) static inline void app_printf(const char *format, ...)
{
    char text[APP_CHUNK_BYTES];
    va_list args;
    va_start(args, format);
    int len = capos_vsnprintf(text, sizeof text, format, args);
    va_end(args);
    app_write(text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
}

/* What main returns. */
static inline int app_end(void)
{
    app_flush();
    return app_failures;
}
