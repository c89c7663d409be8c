/*
 * Calls between two processes, by each of the ways that Linux programs do it: a futex in shared memory, two
 * pipes, a pair of AF_UNIX sockets; passing a descriptor; and two threads that wake each other in turn.
 */
#include "guest.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE_MAX = 64 };

/* ---- Turns by futex: `turn` names whose move it is. Shared by two threads, or by two processes through
 * MAP_SHARED. */

struct turns {
    uint32_t turn;
    char request[MESSAGE_MAX], reply[MESSAGE_MAX];
};
enum { TURN_CLIENT, TURN_SERVER, TURN_END };

struct futex_task {
    struct turns *turns;
    int wait_op, wake_op; /* private ones between threads */
    size_t message_bytes;
    pid_t child;
    pthread_t thread;
};

static void turn_give(struct futex_task *task, uint32_t to)
{
    __atomic_store_n(&task->turns->turn, to, __ATOMIC_RELEASE);
    syscall(SYS_futex, &task->turns->turn, task->wake_op, 1, NULL, NULL, 0);
}

static uint32_t turn_await_change(struct futex_task *task, uint32_t from)
{
    uint32_t now;
    while ((now = __atomic_load_n(&task->turns->turn, __ATOMIC_ACQUIRE)) == from)
        syscall(SYS_futex, &task->turns->turn, task->wait_op, from, NULL, NULL, 0);
    return now;
}

static void *futex_server(void *argument)
{
    struct futex_task *task = argument;
    char message[MESSAGE_MAX];
    while (turn_await_change(task, TURN_CLIENT) == TURN_SERVER) {
        memcpy(message, task->turns->request, task->message_bytes);
        memcpy(task->turns->reply, message, task->message_bytes);
        turn_give(task, TURN_CLIENT);
    }
    return NULL;
}

static void run_futex(void *context, uint32_t count)
{
    struct futex_task *task = context;
    char message[MESSAGE_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        memcpy(task->turns->request, message, task->message_bytes);
        turn_give(task, TURN_SERVER);
        turn_await_change(task, TURN_SERVER);
        memcpy(message, task->turns->reply, task->message_bytes);
    }
}

static void row_futex_processes(const char *key, size_t message_bytes)
{
    struct turns *turns =
        mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    guest_require(turns != MAP_FAILED, "mmap");
    struct futex_task task = {
        .turns = turns, .wait_op = FUTEX_WAIT, .wake_op = FUTEX_WAKE, .message_bytes = message_bytes};
    task.child = fork();
    if (task.child == 0) {
        futex_server(&task);
        _exit(0);
    }
    guest_row(&(struct measure_task){.key = key, .count = 500, .run = run_futex, .context = &task});
    turn_give(&task, TURN_END);
    waitpid(task.child, NULL, 0);
    munmap(turns, sizeof(*turns));
}

static struct futex_task prepared = {.wait_op = FUTEX_WAIT, .wake_op = FUTEX_WAKE};

void rpc_prepare(void)
{
    prepared.turns =
        mmap(NULL, sizeof(*prepared.turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    guest_require(prepared.turns != MAP_FAILED, "mmap");
    prepared.child = fork();
    if (prepared.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        futex_server(&prepared);
        _exit(0);
    }
    rpc_call_null(1);
}

void rpc_call_null(uint32_t count)
{
    run_futex(&prepared, count);
}

static void row_futex_threads(void)
{
    struct turns turns = {0};
    struct futex_task task = {.turns = &turns, .wait_op = FUTEX_WAIT_PRIVATE, .wake_op = FUTEX_WAKE_PRIVATE};
    guest_require(pthread_create(&task.thread, NULL, futex_server, &task) == 0, "pthread_create");
    guest_row(&(struct measure_task){.key = "park_rtt", .count = 500, .run = run_futex, .context = &task});
    turn_give(&task, TURN_END);
    pthread_join(task.thread, NULL);
}

/* ---- Calls over descriptors: the client writes to out and reads from in, the child does it the other way.
 */

struct descriptors {
    int out, in;
    size_t message_bytes;
};

static void run_messages(void *context, uint32_t count)
{
    const struct descriptors *ends = context;
    char message[MESSAGE_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (write(ends->out, message, ends->message_bytes) != (ssize_t)ends->message_bytes ||
            read(ends->in, message, ends->message_bytes) != (ssize_t)ends->message_bytes)
            guest_require(false, "message");
    }
}

static void serve_messages(const struct descriptors *ends)
{
    char message[MESSAGE_MAX];
    while (read(ends->in, message, ends->message_bytes) == (ssize_t)ends->message_bytes &&
           write(ends->out, message, ends->message_bytes) == (ssize_t)ends->message_bytes)
        ;
}

static void row_messages(const char *key, struct descriptors client, struct descriptors server)
{
    pid_t child = fork();
    if (child == 0) {
        serve_messages(&server);
        _exit(0);
    }
    guest_row(&(struct measure_task){.key = key, .count = 500, .run = run_messages, .context = &client});
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void row_pipes(const char *key, size_t message_bytes)
{
    int request[2], reply[2];
    guest_require(pipe(request) == 0 && pipe(reply) == 0, "pipe");
    row_messages(key, (struct descriptors){request[1], reply[0], message_bytes},
                 (struct descriptors){reply[1], request[0], message_bytes});
}

static void row_sockets(const char *key, size_t message_bytes)
{
    int pair[2];
    guest_require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    row_messages(key, (struct descriptors){pair[0], pair[0], message_bytes},
                 (struct descriptors){pair[1], pair[1], message_bytes});
}

/* ---- A descriptor through a socket: sent, received, closed. Both ends are ours: no switch is in the figure.
 */

union descriptor_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void send_descriptor(int socket, int descriptor)
{
    char byte = 0;
    struct iovec data = {&byte, 1};
    union descriptor_control control = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
    guest_require(sendmsg(socket, &message, 0) == 1, "sendmsg");
}

static int receive_descriptor(int socket)
{
    int descriptor = -1;
    char byte;
    struct iovec data = {&byte, 1};
    union descriptor_control control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    guest_require(recvmsg(socket, &message, 0) == 1, "recvmsg");
    memcpy(&descriptor, CMSG_DATA(&control.header), sizeof(int));
    return descriptor;
}

static void run_pass_descriptor(void *context, uint32_t count)
{
    const int *pair = context;
    for (uint32_t i = 0; i < count; i++) {
        send_descriptor(pair[0], STDIN_FILENO);
        guest_require(close(receive_descriptor(pair[1])) == 0, "close");
    }
}

static void row_pass_descriptor(void)
{
    int pair[2];
    guest_require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    guest_row(
        &(struct measure_task){.key = "cap_pass", .count = 200, .run = run_pass_descriptor, .context = pair});
    close(pair[0]);
    close(pair[1]);
}

void rows_rpc(void)
{
    row_futex_threads();
    row_futex_processes("rpc_0", 0);
    row_futex_processes("rpc_64", MESSAGE_MAX);
    row_pipes("rpc_0_pipe", 1);
    row_sockets("rpc_64_unix", MESSAGE_MAX);
    row_pass_descriptor();
}
