/* Two threads taking turns on words, and bytes through a pipe. */
#include "guest.h"
#include <capos/pipe_io.h>
#include <capos/sync.h>
#include <capos/threads.h>

/* ---- park_rtt: each side wakes the other and waits, in one system call. */

enum { TURN_NONE, TURN_GO, TURN_END };
static uint32_t turns[2]; /* of the first thread, of the other */

static uint32_t take_turn(uint32_t *turn)
{
    return __atomic_exchange_n(turn, TURN_NONE, __ATOMIC_ACQUIRE);
}

static uint64_t answer_turns(void *argument)
{
    uint32_t turn;
    (void)argument;
    while ((turn = take_turn(&turns[1])) != TURN_END) {
        if (turn == TURN_NONE) {
            guest_require(capos_park(&turns[1], TURN_NONE, 0, false) == CAPOS_ERR_NO_CAPABILITY ? -1 : 0,
                          "park");
            continue;
        }
        __atomic_store_n(&turns[0], TURN_GO, __ATOMIC_RELEASE);
        (void)capos_unpark_and_park(&turns[0], &turns[1], TURN_NONE, false);
    }
    return 0;
}

static void run_turns(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        __atomic_store_n(&turns[1], TURN_GO, __ATOMIC_RELEASE);
        (void)capos_unpark_and_park(&turns[1], &turns[0], TURN_NONE, false);
        while (take_turn(&turns[0]) == TURN_NONE)
            (void)capos_park(&turns[0], TURN_NONE, 0, false);
    }
}

static void row_park(void)
{
    capos_thread other;
    guest_require(capos_thread_create(NULL, answer_turns, NULL, &other), "capos_thread_create");
    guest_row(&(struct measure_task){.key = "park_rtt", .count = 2000, .run = run_turns}, 1);
    __atomic_store_n(&turns[1], TURN_END, __ATOMIC_RELEASE);
    guest_require(capos_unpark(&turns[1], 1, false), "UNPARK");
    guest_require(capos_thread_join(other, NULL), "capos_thread_join");
}

/* ---- pipe_64k: in and out again, where it lies. */

static uint64_t storage[CAPOS_PIPE_DATA_BYTES(CAPOS_PIPE_DATA_MAX) / sizeof(uint64_t)];

static void run_pipe(void *context, uint32_t count)
{
    const struct cap_ipc_factory_create_pipe_results *pipe = context;
    struct capos_pipe_data *data = (void *)storage;
    for (uint32_t i = 0; i < count; i++) {
        int32_t written = capos_pipe_write_data(pipe->writer, data, CAPOS_PIPE_DATA_MAX);
        int32_t read = capos_pipe_read_data(pipe->reader, data, CAPOS_PIPE_DATA_MAX);
        guest_require(written == (int32_t)CAPOS_PIPE_DATA_MAX && read == written ? 0 : -1,
                      "64 KiB through a pipe");
    }
}

/* The same from and to plain memory: a copy more on either side. */
static void run_pipe_plain(void *context, uint32_t count)
{
    const struct cap_ipc_factory_create_pipe_results *pipe = context;
    for (uint32_t i = 0; i < count; i++) {
        int32_t read = 0;
        guest_require(capos_pipe_write_all(pipe->writer, storage, CAPOS_PIPE_DATA_MAX), "write");
        for (uint32_t got = 0; got < CAPOS_PIPE_DATA_MAX; got += (uint32_t)read) {
            read = capos_pipe_read(pipe->reader, (char *)storage + got, CAPOS_PIPE_DATA_MAX - got);
            guest_require(read > 0 ? 0 : -1, "read");
        }
    }
}

static void row_pipe(void)
{
    struct cap_ipc_factory_create_pipe_results pipe;
    guest_require(cap_ipc_factory_create_pipe(guest.ipc, CAPOS_PIPE_DATA_MAX, &pipe),
                  "IpcFactory.createPipe");
    guest_row(&(struct measure_task){.key = "pipe_64k", .count = 50, .context = &pipe, .run = run_pipe}, 1);
    guest_row(
        &(struct measure_task){.key = "pipe_64k_plain", .count = 50, .context = &pipe, .run = run_pipe_plain},
        1);
    (void)cap_release(pipe.reader);
    (void)cap_release(pipe.writer);
}

void rows_wait(void)
{
    row_park();
    row_pipe();
}
