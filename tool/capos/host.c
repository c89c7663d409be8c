/* See host.h. */
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1 << 30, READ_CHUNK_BYTES = 65536 };

static char root[PATH_MAX];

void complain(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("capos: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* The binary is ROOT/build/capos. */
/* A standard stream that we were started without would be the next file opened, a guest's pipe perhaps. */
static void open_missing_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

bool host_init(void)
{
    open_missing_streams();
    ssize_t len = readlink("/proc/self/exe", root, sizeof(root) - 1);
    root[len < 0 ? 0 : len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(root, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    char *marker = host_path("schema/manifest.capnp");
    bool found = access(marker, R_OK) == 0;
    if (!found)
        complain(
            "%s is not there: this program works inside the capOS tree it was built in. Use ./capos there.",
            marker);
    free(marker);
    return found;
}

const char *host_root(void)
{
    return root;
}

char *host_path(const char *path)
{
    return must_printf("%s/%s", root, path);
}

static bool read_all(int fd, struct buffer *out)
{
    char chunk[READ_CHUNK_BYTES];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        buffer_append(out, chunk, (size_t)got);
        if (out->size > FILE_MAX_BYTES) {
            errno = EFBIG;
            return false;
        }
    }
    return true;
}

bool file_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = read_all(fd, out);
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    bool ok = fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && ok;
}

bool directory_make(const char *path)
{
    char *copy = must_copy(path, strlen(path));
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0777); /* a failure shows at the last one */
        *slash = '/';
    }
    bool ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
    free(copy);
    return ok;
}

bool command_exists(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = must_copy(path == NULL ? "" : path, path == NULL ? 0 : strlen(path));
    bool found = false;
    char *rest = copy;
    for (char *dir; !found && (dir = strsep(&rest, ":")) != NULL;) {
        char *full = must_printf("%s/%s", dir, name);
        struct stat info;
        found = stat(full, &info) == 0 && S_ISREG(info.st_mode) && access(full, X_OK) == 0;
        free(full);
    }
    free(copy);
    return found;
}

/* Child side: never returns. `failed` tells the parent the errno of a failed exec. */
static _Noreturn void command_child(const struct words *argv, int out, int err, int failed)
{
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (err >= 0)
        dup2(err, STDERR_FILENO);
    execvp(argv->items[0], argv->items);
    int error = errno;
    ssize_t ignored = write(failed, &error, sizeof(error));
    (void)ignored;
    _exit(127);
}

static void drain(struct pollfd *poll_fds, struct buffer *const *sinks)
{
    while (poll_fds[0].fd >= 0 || poll_fds[1].fd >= 0) {
        if (poll(poll_fds, 2, -1) < 0)
            continue;
        for (int i = 0; i < 2; i++) {
            char chunk[READ_CHUNK_BYTES];
            if (poll_fds[i].fd < 0 || poll_fds[i].revents == 0)
                continue;
            ssize_t got = read(poll_fds[i].fd, chunk, sizeof(chunk));
            if (got > 0)
                buffer_append(sinks[i], chunk, (size_t)got);
            else if (got == 0 || errno != EINTR)
                poll_fds[i].fd = -1;
        }
    }
}

int command_run(const struct words *argv, struct buffer *out, struct buffer *err)
{
    int out_pipe[2] = {-1, -1}, err_pipe[2] = {-1, -1}, failed[2] = {-1, -1};
    if (pipe2(failed, O_CLOEXEC) != 0 || (out != NULL && pipe2(out_pipe, O_CLOEXEC) != 0) ||
        (err != NULL && pipe2(err_pipe, O_CLOEXEC) != 0))
        return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        command_child(argv, out_pipe[1], err_pipe[1], failed[1]);
    close(failed[1]);
    close(out_pipe[1]);
    close(err_pipe[1]);
    struct pollfd poll_fds[2] = {{out_pipe[0], POLLIN, 0}, {err_pipe[0], POLLIN, 0}};
    drain(poll_fds, (struct buffer *const[]){out, err});
    int error = 0, status = 0;
    bool not_started = read(failed[0], &error, sizeof(error)) == (ssize_t)sizeof(error);
    close(failed[0]);
    close(out_pipe[0]);
    close(err_pipe[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (not_started) {
        errno = error;
        return -1;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
