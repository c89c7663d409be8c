/* Files on tmpfs (the same rows as bench/os/rows_file.c), and a pipe moved through one buffer-full at a time.
 */
#include "guest.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 4096, PIPE_BYTES = 65536, SEQUENTIAL_BYTES = 1 << 20 };

static const char path[] = "/tmp/file", new_path[] = "/tmp/new";
static char buffer[PIPE_BYTES];

struct read_task {
    int fd;
    size_t size_bytes;
};

static void make_file(void)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    guest_require(fd >= 0 && write(fd, buffer, READ_BYTES) == READ_BYTES, "write /tmp/file");
    close(fd);
}

static void run_read(void *context, uint32_t count)
{
    const struct read_task *task = context;
    for (uint32_t i = 0; i < count; i++) {
        if (pread(task->fd, buffer, task->size_bytes, 0) != (ssize_t)task->size_bytes)
            guest_require(false, "pread");
    }
}

static void run_open_close(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 || close(fd) != 0)
            guest_require(false, "open and close");
    }
}

static void run_write(void *context, uint32_t count)
{
    const struct read_task *task = context;
    for (uint32_t i = 0; i < count; i++) {
        if (pwrite(task->fd, buffer, task->size_bytes, 0) != (ssize_t)task->size_bytes)
            guest_require(false, "pwrite");
    }
}

static void run_stat(void *context, uint32_t count)
{
    const struct read_task *task = context;
    struct stat info;
    for (uint32_t i = 0; i < count; i++)
        guest_require(fstat(task->fd, &info) == 0, "fstat");
}

static void run_create_unlink(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        int fd = open(new_path, O_CREAT | O_WRONLY, 0644);
        if (fd < 0 || write(fd, buffer, 1) != 1 || close(fd) != 0 || unlink(new_path) != 0)
            guest_require(false, "create, write, close and unlink");
    }
}

/* Of the large file, from beginning to end. */
static void run_sequential_read(void *context, uint32_t count)
{
    const struct read_task *task = context;
    for (uint32_t i = 0; i < count; i++) {
        for (off_t at = 0; at < SEQUENTIAL_BYTES; at += PIPE_BYTES)
            guest_require(pread(task->fd, buffer, PIPE_BYTES, at) == PIPE_BYTES, "pread");
    }
}

static void run_sequential_write(void *context, uint32_t count)
{
    const struct read_task *task = context;
    for (uint32_t i = 0; i < count; i++) {
        for (off_t at = 0; at < SEQUENTIAL_BYTES; at += READ_BYTES)
            guest_require(pwrite(task->fd, buffer, READ_BYTES, at) == READ_BYTES, "pwrite");
    }
}

static void rows_written(struct read_task *page, struct read_task *byte)
{
    struct read_task large = {open("/tmp/large", O_CREAT | O_RDWR, 0644), 0};
    guest_require(large.fd >= 0, "open /tmp/large");
    run_sequential_write(&large, 1);
    guest_row(
        &(struct measure_task){.key = "file_write_4k", .count = 500, .run = run_write, .context = page});
    guest_row(&(struct measure_task){.key = "file_write_1", .count = 500, .run = run_write, .context = byte});
    guest_row(&(struct measure_task){.key = "file_stat", .count = 500, .run = run_stat, .context = byte});
    guest_row(&(struct measure_task){.key = "file_create_unlink", .count = 200, .run = run_create_unlink});
    guest_row(&(struct measure_task){
        .key = "file_seq_read_1m", .count = 10, .run = run_sequential_read, .context = &large});
    guest_row(&(struct measure_task){
        .key = "file_seq_write_1m", .count = 5, .run = run_sequential_write, .context = &large});
    close(large.fd);
}

static void run_pipe(void *context, uint32_t count)
{
    const int *ends = context;
    for (uint32_t i = 0; i < count; i++) {
        if (write(ends[1], buffer, PIPE_BYTES) != PIPE_BYTES ||
            read(ends[0], buffer, PIPE_BYTES) != PIPE_BYTES)
            guest_require(false, "pipe write and read");
    }
}

void rows_file(void)
{
    int ends[2];
    memset(buffer, 'x', sizeof(buffer));
    make_file();
    struct read_task page = {open(path, O_RDWR), READ_BYTES};
    struct read_task byte = {page.fd, 1};
    guest_require(page.fd >= 0 && pipe(ends) == 0, "open and pipe");
    guest_row(&(struct measure_task){.key = "file_read_4k", .count = 500, .run = run_read, .context = &page});
    guest_row(&(struct measure_task){.key = "file_read_1", .count = 500, .run = run_read, .context = &byte});
    guest_row(&(struct measure_task){.key = "file_open_close", .count = 500, .run = run_open_close});
    rows_written(&page, &byte);
    guest_row(&(struct measure_task){.key = "pipe_64k", .count = 50, .run = run_pipe, .context = ends});
}
