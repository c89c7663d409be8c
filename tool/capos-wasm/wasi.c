/*
 * As much of WASI preview 1 as C programs need that compute and print: standard streams, arguments, clocks,
 * random numbers, exit. No files: there is no preopened directory. The environment is empty. The real WASI
 * host is another program; this one is for running benchmarks and tests.
 */
#include "tool.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    WASI_SUCCESS = 0,
    WASI_BADF = 8,
    WASI_FAULT = 21,
    WASI_INVAL = 28,
    WASI_IO = 29,
    WASI_SPIPE = 70,
    WASI_FILETYPE_CHARACTER_DEVICE = 2,
    WASI_CLOCK_MONOTONIC = 1,
    FDSTAT_BYTES = 24,
    IOVEC_BYTES = 8,
    STREAMS = 3,
};

#define WASI_FUNCTION(name)                                                                                  \
    static enum wasm_trap_kind name(void *context, struct wasm_caller *caller, const union wasm_value *args, \
                                    union wasm_value *results)
#define WASI_RETURN(code)        \
    do {                         \
        results[0].i32 = (code); \
        return WASM_TRAP_NONE;   \
    } while (0)
#define IGNORE_CONTEXT (void)context
#define IGNORE_ALL     (void)context, (void)caller, (void)args

typedef ssize_t (*transfer_fn)(int fd, void *bytes, size_t size_bytes);

static ssize_t transfer_write(int fd, void *bytes, size_t size_bytes)
{
    return write(fd, bytes, size_bytes);
}

static ssize_t transfer_read(int fd, void *bytes, size_t size_bytes)
{
    return read(fd, bytes, size_bytes);
}

/* The n-th buffer of a vector of (address, length) pairs; null if it is not all inside the memory. */
static void *iovec_at(struct wasm_memory *memory, uint32_t vector, uint32_t n, uint32_t *size_bytes)
{
    uint32_t address;
    uint64_t pair = (uint64_t)vector + (uint64_t)n * IOVEC_BYTES;
    if (pair + IOVEC_BYTES > UINT32_MAX || !wasm_memory_read_u32(memory, (uint32_t)pair, &address) ||
        !wasm_memory_read_u32(memory, (uint32_t)pair + 4, size_bytes))
        return NULL;
    return wasm_memory_span(memory, address, *size_bytes);
}

/* fd_read and fd_write: (fd, vector, count, address for the number of bytes). Stops at a short transfer. */
static uint32_t transfer_vector(struct wasm_caller *caller, const union wasm_value *args,
                                transfer_fn transfer)
{
    uint32_t total = 0;
    fflush(stdout);
    for (uint32_t i = 0; i < args[2].i32; i++) {
        uint32_t size_bytes = 0;
        void *bytes = iovec_at(caller->memory, args[1].i32, i, &size_bytes);
        if (bytes == NULL)
            return WASI_FAULT;
        ssize_t done = transfer((int)args[0].i32, bytes, size_bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return WASI_IO;
        total += (uint32_t)done;
        if ((size_t)done < size_bytes)
            break;
    }
    return wasm_memory_write_u32(caller->memory, args[3].i32, total) ? WASI_SUCCESS : WASI_FAULT;
}

WASI_FUNCTION(fd_write)
{
    IGNORE_CONTEXT;
    if (args[0].i32 != STDOUT_FILENO && args[0].i32 != STDERR_FILENO)
        WASI_RETURN(WASI_BADF);
    WASI_RETURN(transfer_vector(caller, args, transfer_write));
}

WASI_FUNCTION(fd_read)
{
    IGNORE_CONTEXT;
    if (args[0].i32 != STDIN_FILENO)
        WASI_RETURN(WASI_BADF);
    WASI_RETURN(transfer_vector(caller, args, transfer_read));
}

WASI_FUNCTION(fd_close)
{
    IGNORE_ALL;
    WASI_RETURN(args[0].i32 < STREAMS ? WASI_SUCCESS : WASI_BADF);
}

WASI_FUNCTION(fd_seek)
{
    IGNORE_ALL;
    WASI_RETURN(args[0].i32 < STREAMS ? WASI_SPIPE : WASI_BADF);
}

WASI_FUNCTION(fd_fdstat_get)
{
    uint8_t status[FDSTAT_BYTES] = {WASI_FILETYPE_CHARACTER_DEVICE};
    IGNORE_CONTEXT;
    if (args[0].i32 >= STREAMS)
        WASI_RETURN(WASI_BADF);
    memset(status + 8, 0xff, 8); /* all rights: what they allow is decided here anyway */
    WASI_RETURN(wasm_memory_write(caller->memory, args[1].i32, status, sizeof(status)) ? WASI_SUCCESS
                                                                                       : WASI_FAULT);
}

WASI_FUNCTION(no_such_descriptor)
{
    IGNORE_ALL;
    WASI_RETURN(WASI_BADF);
}

/* Program name and arguments. */
static const char *program_arg(const struct wasi *wasi, uint32_t index)
{
    return index == 0 ? "program" : wasi->args[index - 1];
}

WASI_FUNCTION(args_sizes_get)
{
    const struct wasi *wasi = context;
    uint32_t count = (uint32_t)wasi->arg_count + 1, size_bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        size_bytes += (uint32_t)strlen(program_arg(wasi, i)) + 1;
    bool written = wasm_memory_write_u32(caller->memory, args[0].i32, count) &&
                   wasm_memory_write_u32(caller->memory, args[1].i32, size_bytes);
    WASI_RETURN(written ? WASI_SUCCESS : WASI_FAULT);
}

WASI_FUNCTION(args_get)
{
    const struct wasi *wasi = context;
    uint32_t pointers = args[0].i32, strings = args[1].i32;
    for (uint32_t i = 0; i < (uint32_t)wasi->arg_count + 1; i++) {
        const char *text = program_arg(wasi, i);
        uint32_t size_bytes = (uint32_t)strlen(text) + 1;
        if (!wasm_memory_write_u32(caller->memory, pointers + 4 * i, strings) ||
            !wasm_memory_write(caller->memory, strings, text, size_bytes))
            WASI_RETURN(WASI_FAULT);
        strings += size_bytes;
    }
    WASI_RETURN(WASI_SUCCESS);
}

WASI_FUNCTION(environ_sizes_get)
{
    IGNORE_CONTEXT;
    bool written = wasm_memory_write_u32(caller->memory, args[0].i32, 0) &&
                   wasm_memory_write_u32(caller->memory, args[1].i32, 0);
    WASI_RETURN(written ? WASI_SUCCESS : WASI_FAULT);
}

WASI_FUNCTION(environ_get)
{
    IGNORE_ALL;
    WASI_RETURN(WASI_SUCCESS);
}

WASI_FUNCTION(clock_time_get)
{
    struct timespec now;
    IGNORE_CONTEXT;
    if (clock_gettime(args[0].i32 == WASI_CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME, &now) != 0)
        WASI_RETURN(WASI_INVAL);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    WASI_RETURN(wasm_memory_write_u64(caller->memory, args[2].i32, now_ns) ? WASI_SUCCESS : WASI_FAULT);
}

WASI_FUNCTION(random_get)
{
    IGNORE_CONTEXT;
    uint8_t *bytes = wasm_memory_span(caller->memory, args[0].i32, args[1].i32);
    if (bytes == NULL)
        WASI_RETURN(WASI_FAULT);
    for (uint32_t done = 0; done < args[1].i32;) {
        ssize_t got = getrandom(bytes + done, args[1].i32 - done, 0);
        if (got < 0)
            WASI_RETURN(WASI_IO);
        done += (uint32_t)got;
    }
    WASI_RETURN(WASI_SUCCESS);
}

WASI_FUNCTION(proc_exit)
{
    struct wasi *wasi = context;
    (void)caller, (void)results;
    wasi->exited = true;
    wasi->exit_code = args[0].i32;
    return WASM_TRAP_HOST;
}

bool wasi_resolve(struct wasi *wasi, const struct wasm_import *import, struct wasm_extern *found)
{
    static const struct {
        const char *name, *signature;
        wasm_host_fn function;
    } functions[] = {
        {"fd_write", "iiii:i", fd_write},
        {"fd_read", "iiii:i", fd_read},
        {"fd_close", "i:i", fd_close},
        {"fd_seek", "iIii:i", fd_seek},
        {"fd_fdstat_get", "ii:i", fd_fdstat_get},
        {"fd_fdstat_set_flags", "ii:i", no_such_descriptor},
        {"fd_prestat_get", "ii:i", no_such_descriptor},
        {"fd_prestat_dir_name", "iii:i", no_such_descriptor},
        {"path_open", "iiiiiIIii:i", no_such_descriptor},
        {"args_sizes_get", "ii:i", args_sizes_get},
        {"args_get", "ii:i", args_get},
        {"environ_sizes_get", "ii:i", environ_sizes_get},
        {"environ_get", "ii:i", environ_get},
        {"clock_time_get", "iIi:i", clock_time_get},
        {"random_get", "ii:i", random_get},
        {"proc_exit", "i:", proc_exit},
    };
    if (!wasm_name_equal(import->module, "wasi_snapshot_preview1"))
        return false;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (wasm_name_equal(import->name, functions[i].name)) {
            found->kind = WASM_FUNC;
            return wasm_host_func_create(wasi->store, functions[i].signature, functions[i].function, wasi,
                                         &found->as.func) == WASM_OK;
        }
    }
    return false;
}
