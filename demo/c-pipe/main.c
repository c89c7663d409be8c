/*
 * Pipes: what is written is read, in order, then the end of file; who must wait waits; and every refusal.
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/pipe_io.h>
#include <string.h>

enum {
    PAGE = 4096,
    SMALL = 100,
    MILLISECOND = 1000000,
    PIPES_MAX = 4096,
    ROUNDS = 400,
    CHUNK_MAX = CAPOS_PIPE_DATA_MAX,
    UNMAPPED = 0x20000,
    READ = CAP_PIPE_READER_READ,
    WRITE = CAP_PIPE_WRITER_WRITE,
};

static cap_ipc_factory ipc;
static struct cap_ipc_factory_create_pipe_results ends;
static struct cap_pending call;
static unsigned char plain[CHUNK_MAX];
static uint64_t storage[CAPOS_PIPE_DATA_BYTES(CHUNK_MAX) / 8 + 8];

static struct capos_pipe_data *chunk(void)
{
    return (struct capos_pipe_data *)(void *)storage;
}

static void open_pipe(uint32_t capacity_bytes)
{
    int32_t result = cap_ipc_factory_create_pipe(ipc, capacity_bytes, &ends);
    if (result < 0)
        demo_expect(CAPOS_OK, result, "IpcFactory.createPipe");
}

static void close_pipe(void)
{
    (void)cap_release(ends.reader);
    (void)cap_release(ends.writer);
}

static void check_marker(void)
{
    static const char marker[] = "marker through a pipe";
    char got[sizeof marker] = {0};
    open_pipe(0);
    demo_check(capos_pipe_write_all(ends.writer, marker, sizeof marker) == CAPOS_OK, "write a marker");
    demo_check(capos_pipe_read(ends.reader, got, sizeof got) == sizeof got &&
                   memcmp(got, marker, sizeof got) == 0,
               "read it back");
    demo_expect(CAPOS_OK, cap_release(ends.writer), "close the writer");
    demo_check(capos_pipe_read(ends.reader, got, sizeof got) == 0, "observe the end of file");
    demo_check(capos_pipe_read(ends.reader, got, sizeof got) == 0, "and again");
    demo_expect(CAPOS_ERR_STALE_CAP, capos_pipe_write(ends.writer, marker, 1), "the closed writer");
    (void)cap_release(ends.reader);
    demo_expect(CAPOS_ERR_STALE_CAP, capos_pipe_read(ends.reader, got, 1), "the closed reader");
    demo_expect(CAPOS_ERR_BAD_CAP, capos_pipe_read((cap_pipe_reader){0, 0}, got, 1), "a pipe never granted");
}

static int32_t start_read(uint32_t max_bytes)
{
    const struct cap_pipe_reader_read_params params = {.max_bytes = max_bytes};
    int32_t result = cap_pipe_reader_read_start(ends.reader, &params, &call);
    return result < 0 ? result : cap_submit();
}

static int32_t start_write(uint32_t bytes, uint64_t deadline_ns)
{
    const struct cap_pipe_writer_write_params params = {.data = {plain, bytes}};
    call.deadline_ns = deadline_ns;
    int32_t result = cap_pipe_writer_write_start(ends.writer, &params, &call);
    call.deadline_ns = 0;
    return result < 0 ? result : cap_submit();
}

static void check_reader_waits(void)
{
    struct cap_pipe_reader_read_results read = {0};
    open_pipe(0);
    demo_expect(CAPOS_OK, start_read(SMALL), "a read of an empty pipe starts");
    demo_check(!cap_pending_poll(&call), "and waits");
    demo_check(capos_pipe_write(ends.writer, "abc", 3) == 3, "a write goes on");
    demo_check(cap_pending_poll(&call) && cap_pipe_reader_read_finish(&call, &read) >= 0 &&
                   read.data.len == 3 && memcmp(read.data.bytes, "abc", 3) == 0,
               "and the read has it");
    demo_expect(CAPOS_OK, start_read(SMALL), "another read waits");
    (void)cap_release(ends.writer);
    demo_check(cap_pending_poll(&call) && cap_pipe_reader_read_finish(&call, &read) >= 0 &&
                   read.data.len == 0,
               "until the last writer is gone");
    (void)cap_release(ends.reader);
}

static uint32_t queued_bytes(void)
{
    struct cap_pipe_reader_info_results info = {0};
    demo_check(cap_pipe_reader_info(ends.reader, &info) >= 0, "PipeReader.info");
    return info.queued_bytes;
}

static void check_writer_waits(cap_timer timer)
{
    struct cap_pipe_writer_info_results info = {0};
    open_pipe(1);
    (void)cap_pipe_writer_info(ends.writer, &info);
    demo_check(info.capacity_bytes == PAGE, "a capacity is whole pages");
    demo_check(capos_pipe_write(ends.writer, plain, PAGE) == PAGE, "4096 bytes fill it");
    demo_expect(CAPOS_OK, start_write(2 * SMALL, 0), "another write starts");
    demo_check(capos_pipe_read(ends.reader, plain, SMALL) == SMALL, "100 bytes are read");
    demo_check(!cap_pending_poll(&call), "200 do not fit, and are not torn");
    demo_check(capos_pipe_read(ends.reader, plain, SMALL) == SMALL, "100 more");
    demo_check(cap_pending_poll(&call) && call.result >= 0, "now they do");
    demo_check(queued_bytes() == PAGE, "full again");
    demo_expect(CAPOS_OK, start_write(SMALL, capos_clock_ns(timer) + 5 * MILLISECOND),
                "a write with a deadline");
    demo_expect(CAPOS_ERR_TIMEOUT, cap_pending_wait(&call), "which passes");
    demo_expect(CAPOS_OK, start_write(SMALL, 0), "a write to be given up");
    demo_expect(CAPOS_OK, cap_pending_cancel(&call), "is canceled");
    demo_expect(CAPOS_ERR_CANCELED, call.result, "and says so");
    demo_check(queued_bytes() == PAGE, "neither left anything behind");
    demo_expect(CAPOS_OK, start_write(SMALL, 0), "a write waits");
    (void)cap_release(ends.reader);
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, cap_pending_wait(&call),
                          "until the last reader is gone");
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, capos_pipe_write(ends.writer, plain, 1),
                          "a later write");
    (void)cap_release(ends.writer);
}

static void check_refusals(void)
{
    static uint64_t answer[64];
    struct cap_pipe_reader_read_results read = {0};
    struct cap_buffer buffer = {storage, sizeof storage};
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_ipc_factory_create_pipe(ipc, CAPOS_PIPE_BYTES_MAX + 1, &ends),
                          "2^20 + 1 bytes");
    open_pipe(0);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_pipe_reader_read(ends.reader, 0, &read, &buffer), "a read of nothing");
    demo_expect(CAPOS_ERR_TOO_LARGE,
                capos_cap_call(ends.writer.id, WRITE, plain, CHUNK_MAX + 32, answer, sizeof answer),
                "more than 65536 bytes in one write");
    demo_expect(CAPOS_ERR_BAD_ADDRESS,
                capos_cap_call(ends.writer.id, WRITE, (void *)UNMAPPED, 64, answer, sizeof answer),
                "a write from where nothing is mapped");
    demo_expect(CAPOS_ERR_BAD_MESSAGE,
                capos_cap_call(ends.writer.id, WRITE, plain, 64, answer, sizeof answer),
                "a write of what is no message");
    demo_check(capos_pipe_write(ends.writer, "stays", 5) == 5 && queued_bytes() == 5, "five bytes");
    const uint64_t request[3] = {UINT64_C(2) << 32, UINT64_C(1) << 32, 5};
    demo_expect(CAPOS_ERR_BAD_ADDRESS,
                capos_cap_call(ends.reader.id, READ, request, sizeof request, (void *)UNMAPPED, 4096),
                "a read to where nothing is mapped");
    demo_check(queued_bytes() == 5, "they are all still there");
    demo_check(capos_pipe_read(ends.reader, plain, 8) == 5 && memcmp(plain, "stays", 5) == 0, "and whole");
    close_pipe();
}

/* A message that no encoder of ours makes, but that is one: a wider root struct. */
static void check_unusual_message(void)
{
    uint64_t answer[32];
    char got[8];
    const uint64_t message[] = {UINT64_C(4) << 32, UINT64_C(1) << 48 | UINT64_C(1) << 32, 99,
                                UINT64_C(42) << 32 | 1, UINT64_C(0x656469776f)};
    open_pipe(0);
    demo_check(capos_cap_call(ends.writer.id, WRITE, message, sizeof message, answer, sizeof answer) >= 0 &&
                   capos_pipe_read(ends.reader, got, sizeof got) == 5 && memcmp(got, "owide", 5) == 0,
               "an unusual message is understood too");
    close_pipe();
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

/* The byte at a place of an endless stream. */
static unsigned char stream_byte(uint64_t place)
{
    return (unsigned char)(place ^ place >> 8 ^ place >> 15);
}

static int32_t write_some(uint64_t place, uint32_t size, bool in_place)
{
    unsigned char *bytes = in_place ? chunk()->bytes : plain;
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = stream_byte(place + i);
    return in_place ? capos_pipe_write_data(ends.writer, chunk(), size)
                    : capos_pipe_write(ends.writer, plain, size);
}

static int32_t read_some(uint64_t place, uint32_t size, bool in_place)
{
    const unsigned char *bytes = in_place ? chunk()->bytes : plain;
    int32_t got = in_place ? capos_pipe_read_data(ends.reader, chunk(), size)
                           : capos_pipe_read(ends.reader, plain, size);
    for (int32_t i = 0; i < got; i++) {
        if (bytes[i] != stream_byte(place + (uint32_t)i))
            return -1;
    }
    return got;
}

/* Never more than fits, never from an empty pipe: so nothing waits. */
static void check_stream(uint32_t capacity)
{
    uint64_t written = 0, read = 0;
    bool all_well = true;
    open_pipe(capacity);
    for (int i = 0; i < ROUNDS && all_well; i++) {
        uint32_t room = capacity - (uint32_t)(written - read), there = (uint32_t)(written - read);
        bool writes = there == 0 || (room > 0 && random_below(2) == 0);
        uint32_t size = 1 + random_below(writes ? room : there);
        size = random_below(3) == 0 ? 1 + random_below(size) : size;
        size = size < CHUNK_MAX ? size : CHUNK_MAX;
        int32_t result =
            writes ? write_some(written, size, random_below(2)) : read_some(read, size, random_below(2));
        all_well = result > 0 && (uint32_t)result <= size;
        *(writes ? &written : &read) += all_well ? (uint32_t)result : 0;
    }
    demo_check(all_well && queued_bytes() == written - read, "400 pieces of random sizes, written and read");
    close_pipe();
}

static void check_budget(void)
{
    static struct cap_ipc_factory_create_pipe_results held[PIPES_MAX];
    int count = 0;
    int32_t result = CAPOS_OK;
    while (count < PIPES_MAX) {
        result = cap_ipc_factory_create_pipe(ipc, CAPOS_PIPE_BYTES_MAX, &held[count]);
        if (result < 0)
            break;
        count++;
    }
    demo_expect(CAPOS_ERR_NO_MEMORY, result, "pipes of 1 MiB until the budget is used up");
    demo_check(count > 2, "that was several");
    while (count-- > 0) {
        (void)cap_release(held[count].reader);
        (void)cap_release(held[count].writer);
    }
    open_pipe(CAPOS_PIPE_BYTES_MAX);
    close_pipe();
    demo_say("ok closing them returned it all");
}

/* The spawner makes them too. */
static void check_spawner(cap_process_spawner spawner)
{
    struct cap_process_spawner_create_pipe_results made = {0};
    char got[8];
    demo_expect(CAPOS_OK, cap_process_spawner_create_pipe(spawner, 0, &made), "ProcessSpawner.createPipe");
    demo_check(capos_pipe_write(made.writer, "spawner", 7) == 7 &&
                   capos_pipe_read(made.reader, got, sizeof got) == 7 && memcmp(got, "spawner", 7) == 0,
               "a marker through a pipe of the spawner's");
    (void)cap_release(made.writer);
    demo_check(capos_pipe_read(made.reader, got, sizeof got) == 0, "and its end of file");
    (void)cap_release(made.reader);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_process_spawner_create_pipe(spawner, CAPOS_PIPE_BYTES_MAX + 1, &made),
                          "2^20 + 1 bytes of the spawner");
}

int main(void)
{
    demo_begin("c-pipe");
    ipc = capos_need_ipc_factory("ipc");
    check_marker();
    check_spawner(capos_need_process_spawner("spawner"));
    check_reader_waits();
    check_writer_waits(capos_need_timer("timer"));
    check_refusals();
    check_unusual_message();
    check_stream(PAGE);
    check_stream(3 * PAGE);
    check_stream(CAPOS_PIPE_BYTES_MAX);
    check_budget();
    return demo_end();
}
