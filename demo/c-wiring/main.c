/*
 * What init makes for services to share: pipes, a notification, a scheduling policy with a limit. The
 * producer fails once and is started again, and the consumer's pipe ends only when the producer is done.
 * Neither can do with its end what the other's is for.
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/ipc.h>
#include <capos/pipe_io.h>
#include <capos/sched.h>
#include <string.h>

enum { FIRST_CODE = 7, WEIGHT_MAX = 200, BELL = 1, OTHER = 2, TURNS_BYTES = 4096 };

static const cap_thread_handle SELF;

/* ---- The producer: its runs know which they are by what lies in the pipe of turns. */

static void check_ends(cap_pipe_reader turns, cap_pipe_writer lines, cap_signaler bell)
{
    char byte = 'x';
    struct cap_notification_poll_results polled = {0};
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, capos_get_pipe_writer("turns", &(cap_pipe_writer){0}),
                "the reader's end as a writer");
    demo_check(capos_pipe_write((cap_pipe_writer){.id = turns.id}, &byte, 1) < 0, "nor does it write");
    demo_check(capos_pipe_read((cap_pipe_reader){.id = lines.id}, &byte, 1) <= 0 && byte == 'x',
               "a writer's end gives no bytes");
    demo_check(cap_notification_poll((cap_notification){.id = bell.id}, BELL, &polled) < 0,
               "a signaler takes no bits");
}

static void check_weight(void)
{
    const cap_scheduling_policy policy = capos_need_scheduling_policy("policy");
    struct cap_scheduling_policy_limited_results more = {0};
    demo_expect(CAPOS_OK, cap_scheduling_policy_set_weight(policy, SELF, WEIGHT_MAX),
                "the weight that is allowed");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(policy, SELF, WEIGHT_MAX + 1), "one more");
    demo_expect(CAPOS_OK, cap_scheduling_policy_limited(policy, 10 * WEIGHT_MAX, &more),
                "a policy made of it");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(more.policy, SELF, WEIGHT_MAX + 1),
                          "has its limit");
}

static int be_producer(void)
{
    const cap_pipe_reader turns = capos_need_pipe_reader("turns");
    const cap_pipe_writer lines = capos_need_pipe_writer("lines");
    const cap_signaler bell = capos_need_signaler("bell");
    char turn = '?';
    if (capos_pipe_read(turns, &turn, 1) != 1)
        return 1;
    if (turn == '1') {
        demo_begin("c-wiring producer");
        check_ends(turns, lines, bell);
        check_weight();
        if (demo_end() != 0)
            return 1;
        (void)capos_pipe_write_all(lines, "first\n", 6);
        (void)cap_signaler_signal(bell, BELL);
        return FIRST_CODE;
    }
    (void)capos_pipe_write_all(lines, "second\n", 7);
    (void)cap_signaler_signal(bell, BELL | OTHER);
    return 0;
}

/* ---- The consumer. */

static bool reads(cap_pipe_reader lines, const char *expected)
{
    char got[32];
    size_t len = strlen(expected), done = 0;
    while (done < len) {
        int32_t count = capos_pipe_read(lines, got + done, len - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return memcmp(got, expected, len) == 0;
}

static bool hears(cap_notification bell, uint64_t bits)
{
    struct cap_notification_wait_results heard = {0};
    return cap_notification_wait(bell, bits, &heard) >= 0 && heard.bits == bits;
}

static int be_consumer(void)
{
    const cap_pipe_reader lines = capos_need_pipe_reader("lines");
    const cap_pipe_writer turns = capos_need_pipe_writer("turns");
    const cap_notification bell = capos_need_notification("bell");
    static const char too_much[TURNS_BYTES + 1];
    char byte;
    (void)capos_pipe_write_all(turns, "1", 1);
    const bool first = hears(bell, BELL) && reads(lines, "first\n");
    demo_begin("c-wiring consumer");
    demo_check(first, "it rings and writes a line, and fails");
    (void)capos_pipe_write_all(turns, "2", 1);
    demo_check(hears(bell, OTHER) && reads(lines, "second\n"), "the next one goes on in the same pipe");
    demo_check(capos_pipe_read(lines, &byte, 1) == 0, "when it is done, the pipe ends");
    /* More than fits, so that it waits for init, which gives up the two ends one after the other. */
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED,
                          capos_pipe_write_all(turns, too_much, sizeof too_much), "and nobody takes turns");
    return demo_end();
}

int main(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "producer") == 0 ? be_producer() : be_consumer();
}
