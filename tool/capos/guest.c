/* See guest.h. */
#include "guest.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOG_FD = 10, PACKAGE_FD = 11, READ_CHUNK_BYTES = 65536 };
enum { STREAM_CONSOLE, STREAM_LOG, STREAM_ERRORS, STREAM_STARTED, STREAM_COUNT };

/* Both ends of the pipes; [0] is ours. */
struct streams {
    int pipes[STREAM_COUNT][2];
    int package;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The package lives in a nameless file, so that nothing is left behind however this ends. */
static int package_open(const struct buffer *package)
{
    if (package == NULL)
        return -1;
    int fd = memfd_create("boot-package", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && done < package->size;) {
        ssize_t wrote = write(fd, package->data + done, package->size - done);
        if (wrote <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)wrote;
    }
    return fd;
}

static bool streams_open(struct streams *streams, const struct buffer *package)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        if (pipe2(streams->pipes[i], O_CLOEXEC) != 0)
            return false;
    }
    streams->package = package_open(package);
    return package == NULL || streams->package >= 0;
}

/* The copies must not collide with the originals' numbers. */
static void place_fd(int from, int to)
{
    if (from < 0)
        return;
    int high = fcntl(from, F_DUPFD_CLOEXEC, 64);
    dup2(high, to);
}

static _Noreturn void become_qemu(const struct guest *guest, const struct streams *streams, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int started = fcntl(streams->pipes[STREAM_STARTED][1], F_DUPFD_CLOEXEC, 64);
    int console = fcntl(streams->pipes[STREAM_CONSOLE][1], F_DUPFD_CLOEXEC, 64);
    int errors = fcntl(streams->pipes[STREAM_ERRORS][1], F_DUPFD_CLOEXEC, 64);
    int package = streams->package < 0 ? -1 : fcntl(streams->package, F_DUPFD_CLOEXEC, 64);
    place_fd(streams->pipes[STREAM_LOG][1], LOG_FD);
    place_fd(package, PACKAGE_FD);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO); /* Console has no input */
    dup2(console, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    execvp(guest->argv->items[0], guest->argv->items);
    int error = errno;
    ssize_t ignored = write(started, &error, sizeof(error));
    (void)ignored;
    _exit(127);
}

static void qemu_said(void *self, const char *bytes, size_t size)
{
    buffer_append(self, bytes, size);
}

/* Reads what is there; false at the end of the stream. */
static bool stream_pump(int fd, const struct guest_sink *sink)
{
    char chunk[READ_CHUNK_BYTES];
    ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got > 0 && sink->bytes != NULL)
        sink->bytes(sink->self, chunk, (size_t)got);
    return got > 0;
}

static int wait_ms(double deadline)
{
    if (deadline <= 0)
        return -1;
    double left = deadline - now_s();
    return left <= 0 ? 0 : (int)(left * 1000) + 1;
}

/* Until all streams have ended. False if the deadline came first. */
static bool pump_streams(const struct streams *streams, const struct guest_sink *sinks, double deadline)
{
    struct pollfd fds[STREAM_STARTED];
    int open_streams = STREAM_STARTED;
    for (int i = 0; i < STREAM_STARTED; i++)
        fds[i] = (struct pollfd){streams->pipes[i][0], POLLIN, 0};
    while (open_streams > 0) {
        int ready = poll(fds, STREAM_STARTED, wait_ms(deadline));
        if (ready < 0 && errno != EINTR)
            return false;
        if (deadline > 0 && now_s() >= deadline)
            return false;
        for (int i = 0; i < STREAM_STARTED; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0 || stream_pump(fds[i].fd, &sinks[i]))
                continue;
            fds[i].fd = -1;
            open_streams--;
        }
    }
    return true;
}

static int reap(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void close_ends(struct streams *streams, int end)
{
    for (int i = 0; i < STREAM_COUNT; i++)
        close(streams->pipes[i][end]);
}

void guest_run(const struct guest *guest, struct guest_result *result)
{
    struct streams streams;
    *result = (struct guest_result){.end = GUEST_NOT_STARTED};
    if (!streams_open(&streams, guest->package))
        return;
    double start = now_s();
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become_qemu(guest, &streams, parent);
    close_ends(&streams, 1);
    if (streams.package >= 0)
        close(streams.package);
    struct guest_sink sinks[STREAM_STARTED] = {guest->console, guest->log, {qemu_said, &result->qemu_errors}};
    bool in_time = pump_streams(&streams, sinks, guest->timeout_s == 0 ? 0 : start + guest->timeout_s);
    if (!in_time)
        kill(child, SIGKILL);
    int error = 0;
    bool failed = read(streams.pipes[STREAM_STARTED][0], &error, sizeof(error)) == (ssize_t)sizeof(error);
    close_ends(&streams, 0);
    result->qemu_status = reap(child);
    result->seconds = now_s() - start;
    if (!failed)
        result->end = in_time ? GUEST_ENDED : GUEST_TIMED_OUT;
    errno = error;
}
