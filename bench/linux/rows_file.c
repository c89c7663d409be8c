/* Files on tmpfs, and a pipe moved through one buffer-full at a time. */
#include "guest.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 4096, PIPE_BYTES = 65536 };

static const char path[] = "/tmp/file";
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
    struct read_task page = {open(path, O_RDONLY), READ_BYTES};
    struct read_task byte = {page.fd, 1};
    guest_require(page.fd >= 0 && pipe(ends) == 0, "open and pipe");
    guest_row(&(struct measure_task){.key = "file_read_4k", .count = 500, .run = run_read, .context = &page});
    guest_row(&(struct measure_task){.key = "file_read_1", .count = 500, .run = run_read, .context = &byte});
    guest_row(&(struct measure_task){.key = "file_open_close", .count = 500, .run = run_open_close});
    guest_row(&(struct measure_task){.key = "pipe_64k", .count = 50, .run = run_pipe, .context = ends});
}
