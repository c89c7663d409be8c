/* See guest.h. */
#include "guest.h"
#include "terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOG_FD = 10, PACKAGE_FD = 11, FIRST_ASIDE_FD = 64, READ_CHUNK_BYTES = 65536, WAKE_S = 1 };
enum { STREAM_CONSOLE, STREAM_LOG, STREAM_ERRORS, STREAM_STARTED, STREAM_COUNT };

/* Both ends of the pipes; [0] is ours. */
struct streams {
    int pipes[STREAM_COUNT][2];
    int package;
    int input[2]; /* what goes to the guest; [1] is ours, does not block */
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
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams->input) != 0 ||
        fcntl(streams->input[1], F_SETFL, O_NONBLOCK) != 0)
        return false;
    streams->package = package_open(package);
    return package == NULL || streams->package >= 0;
}

/*
 * The numbers that QEMU is told are wanted whatever numbers we were given, and which those are depends on
 * what we were started with: every stream first goes to a number above all of them. The copy closes itself at
 * the exec.
 */
static int set_aside(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_ASIDE_FD);
}

static _Noreturn void become_qemu(const struct guest *guest, const struct streams *streams, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int started = set_aside(streams->pipes[STREAM_STARTED][1]);
    const struct {
        int from, to;
    } places[] = {
        {set_aside(streams->input[0]), STDIN_FILENO},
        {set_aside(streams->pipes[STREAM_CONSOLE][1]), STDOUT_FILENO},
        {set_aside(streams->pipes[STREAM_ERRORS][1]), STDERR_FILENO},
        {set_aside(streams->pipes[STREAM_LOG][1]), LOG_FD},
        {set_aside(streams->package), PACKAGE_FD},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i].from >= 0)
            dup2(places[i].from, places[i].to);
    }
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

/* Hands the guest what it takes at once. */
static void feed(struct terminal *terminal, struct pollfd *to_guest)
{
    struct buffer *pending = terminal_pending(terminal);
    while (pending->size > 0) {
        ssize_t wrote = send(to_guest->fd, pending->data, pending->size, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno != EAGAIN)
            pending->size = 0; /* QEMU is gone: the streams will say so */
        if (wrote <= 0)
            break;
        memmove(pending->data, pending->data + wrote, pending->size - (size_t)wrote);
        pending->size -= (size_t)wrote;
    }
    to_guest->events = pending->size > 0 ? POLLOUT : 0;
}

/* Until all streams have ended. GUEST_TIMED_OUT if the deadline came first. */
static enum guest_end pump_streams(const struct streams *streams, const struct guest_sink *sinks,
                                   double deadline, struct terminal *terminal)
{
    enum { FROM_PERSON = STREAM_STARTED, TO_GUEST, FD_COUNT };
    struct pollfd fds[FD_COUNT];
    int open_streams = STREAM_STARTED;
    const double wake_at = now_s() + WAKE_S; /* a guest that says nothing gets its input all the same */
    for (int i = 0; i < STREAM_STARTED; i++)
        fds[i] = (struct pollfd){streams->pipes[i][0], POLLIN, 0};
    fds[TO_GUEST] = (struct pollfd){streams->input[1], 0, 0};
    while (open_streams > 0) {
        fds[FROM_PERSON] = (struct pollfd){terminal_input_fd(terminal), POLLIN, 0};
        const double now = now_s();
        if (now >= wake_at)
            terminal_wake(terminal);
        feed(terminal, &fds[TO_GUEST]);
        const double until = now < wake_at && (deadline <= 0 || wake_at < deadline) ? wake_at : deadline;
        int ready = poll(fds, FD_COUNT, wait_ms(until));
        if (ready < 0 && errno != EINTR)
            return GUEST_TIMED_OUT;
        if (deadline > 0 && now_s() >= deadline)
            return GUEST_TIMED_OUT;
        if (ready > 0 && fds[FROM_PERSON].fd >= 0 && fds[FROM_PERSON].revents != 0)
            terminal_input(terminal);
        if (terminal_check(terminal))
            return GUEST_LEFT;
        if (ready > 0 && fds[STREAM_LOG].revents != 0)
            terminal_wake(terminal);
        for (int i = 0; ready > 0 && i < STREAM_STARTED; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0 || stream_pump(fds[i].fd, &sinks[i]))
                continue;
            fds[i].fd = -1;
            open_streams--;
        }
    }
    return GUEST_ENDED;
}

/* Between the guest's console and whoever wants to see it. */
struct filter {
    struct terminal *terminal;
    const struct guest_sink *sink;
};

static void console_said(void *self, const char *bytes, size_t size)
{
    const struct filter *filter = self;
    struct buffer seen = {0};
    terminal_output(filter->terminal, bytes, size, &seen);
    if (seen.size > 0 && filter->sink->bytes != NULL)
        filter->sink->bytes(filter->sink->self, seen.data, seen.size);
    buffer_free(&seen);
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
    close(streams->input[1 - end]);
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
    struct terminal *terminal = terminal_open(guest->interactive);
    struct filter filter = {terminal, &guest->console};
    struct guest_sink sinks[STREAM_STARTED] = {
        {console_said, &filter}, guest->log, {qemu_said, &result->qemu_errors}};
    enum guest_end end =
        pump_streams(&streams, sinks, guest->timeout_s == 0 ? 0 : start + guest->timeout_s, terminal);
    terminal_close(terminal);
    if (end != GUEST_ENDED)
        kill(child, SIGKILL);
    int error = 0;
    bool failed = read(streams.pipes[STREAM_STARTED][0], &error, sizeof(error)) == (ssize_t)sizeof(error);
    close_ends(&streams, 0);
    result->qemu_status = reap(child);
    result->seconds = now_s() - start;
    if (!failed)
        result->end = end;
    errno = error;
}
