/*
 * What the small programs share. Grants, all optional until used:
 *   out   StdIO, PipeWriter, Console or File (appended to): where output goes
 *   in    StdIO, PipeReader or File: what is read when no file is named
 *   io    a StdIO that stands for either
 *   root  the Directory that paths start from
 * A message of one line goes to `out` of a StdIO as an error, to any other as it is.
 */
#pragma once
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/file.h>
#include <capos/lookup.h>
#include <capos/pipe_io.h>
#include <capos/print.h>
#include <stdarg.h>
#include <string.h>

enum { APP_CHUNK_BYTES = 1024, APP_BUFFER_WORDS = 700, APP_READ_BYTES = 4096 };

static uint64_t app_words[APP_BUFFER_WORDS];
static struct cap_buffer app_buffer = {app_words, sizeof app_words};
static const char *app_name;
static int app_failures;

/* The stream granted under this name, or `io`; id 0: none. */
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

/* All of it. False: whoever reads is gone, or there is nowhere to write to. */
static inline bool app_write_to(bool error, const void *bytes, size_t len)
{
    uint64_t interface_id = 0;
    cap_any to = app_stream("out", &interface_id);
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

static inline void app_write(const void *bytes, size_t len)
{
    if (!app_write_to(false, bytes, len))
        capos_sys_exit(1);
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

/* Says what went wrong; the program goes on and ends with 1. */
__attribute__((format(printf, 1, 2))) static inline void app_complain(const char *format, ...)
{
    char text[APP_CHUNK_BYTES];
    int head = capos_snprintf(text, sizeof text, "%s: ", app_name);
    va_list args;
    va_start(args, format);
    (void)capos_vsnprintf(text + head, sizeof text - 1 - (size_t)head, format, args);
    va_end(args);
    size_t len = strlen(text);
    text[len++] = '\n';
    (void)app_write_to(true, text, len);
    app_failures = 1;
}

/* Complains of a path; true if there was nothing to complain of. `result` as <capos/path.h> has them. */
static inline bool app_good(const char *path, int64_t result)
{
    if (result < 0)
        app_complain("%s: %s", path, capos_file_why(result));
    return result >= 0;
}

/* A call's result and its status as one. */
static inline int32_t app_result(int32_t result, enum cap_fs_status status)
{
    return result < 0 || status == CAP_FS_STATUS_OK ? result : CAPOS_FS_ERROR(status);
}

static inline bool app_root(const char *text, cap_directory *root)
{
    if (capos_get_directory("root", root) >= 0)
        return true;
    app_complain("%s: needs a Directory called root: with { root: @... }", text);
    return false;
}

/* The directory and last name of a path below `root`; a link there is not followed. capos_place_release. */
static inline bool app_find(const char *text, struct capos_place *place)
{
    cap_directory root;
    return app_root(text, &root) && app_good(text, capos_path_find(root, text, false, place));
}

static inline bool app_open(const char *text, struct cap_open_flags flags, struct capos_file *out)
{
    cap_directory root;
    return app_root(text, &root) && app_good(text, capos_file_open(root, text, &flags, out));
}

/* Bytes into `to`; 0 at the end; negative: a complaint was made. */
static inline int32_t app_read_file(const char *text, struct capos_file *file, uint64_t offset, void *to,
                                    size_t size)
{
    int64_t got = capos_file_read(file, offset, to, size);
    return app_good(text, got) ? (int32_t)got : -1;
}

static inline int32_t app_read_granted(cap_file granted, uint64_t offset, void *to, size_t size)
{
    static struct capos_file file;
    if (file.file.id == 0)
        capos_file_init(&file, granted);
    return app_read_file("in", &file, offset, to, size);
}

static inline int32_t app_read_in(uint64_t *offset, void *to, size_t size)
{
    uint64_t interface_id = 0;
    cap_any from = app_stream("in", &interface_id);
    int32_t got = 0;
    if (from.id != 0 && interface_id == CAP_PIPE_READER_INTERFACE_ID)
        got = capos_pipe_read((cap_pipe_reader){.id = from.id}, to, size);
    else if (from.id != 0 && interface_id == CAP_FILE_INTERFACE_ID)
        got = app_read_granted((cap_file){.id = from.id}, *offset, to, size);
    else if (from.id != 0 && interface_id == CAP_STD_IO_INTERFACE_ID) {
        struct cap_std_io_read_results read = {0};
        got = cap_std_io_read((cap_std_io){.id = from.id}, (uint32_t)size, &read, &app_buffer);
        if (got >= 0) {
            memcpy(to, read.data.bytes, read.data.len);
            got = (int32_t)read.data.len;
        }
    }
    *offset += got > 0 ? (uint64_t)got : 0;
    return got;
}

/* Everything of each file named, or of `in` if none is: `take` gets it piece by piece, and once with null and
 * the file's name behind its end. */
static inline void app_each_file(int argc, char **argv,
                                 void (*take)(const char *name, const uint8_t *bytes, size_t len))
{
    static uint8_t piece[APP_READ_BYTES];
    for (int i = 1; i < (argc > 1 ? argc : 2); i++) {
        struct capos_file file;
        uint64_t offset = 0;
        int32_t got;
        const char *name = argc > 1 ? argv[i] : "-";
        if (argc > 1 && !app_open(name, (struct cap_open_flags){.read_only = true}, &file))
            continue;
        for (;;) {
            got = argc > 1 ? app_read_file(name, &file, offset, piece, sizeof piece)
                           : app_read_in(&offset, piece, sizeof piece);
            if (got <= 0)
                break;
            offset += argc > 1 ? (uint64_t)got : 0;
            take(name, piece, (size_t)got);
        }
        if (got == 0)
            take(name, NULL, 0);
        if (argc > 1)
            capos_file_close(&file);
    }
}

/* A method of the directory that holds a path's last name, for each argument. */
static inline void app_each_path(int argc, char **argv,
                                 void (*act)(const char *text, const struct capos_place *place))
{
    if (argc < 2)
        app_complain("which?");
    for (int i = 1; i < argc; i++) {
        struct capos_place place;
        if (!app_find(argv[i], &place))
            continue;
        act(argv[i], &place);
        capos_place_release(&place);
    }
}
