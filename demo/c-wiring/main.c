/*
 * Two services out of one program, wired by init. `writer` does what the orders pipe says, one letter at a
 * time, writes its answer into the lane and rings the bell; it fails once and is started again. `reader`
 * gives the orders and sees that pipes and bits outlast the process that used them, and that the lane ends
 * with its last writer. Each speaks only while the other waits for it, so that the transcript has one order
 * on any number of processors.
 */
#include "check.h"
#include <capos/ipc.h>
#include <capos/pipe_io.h>
#include <capos/sched.h>
#include <string.h>

enum {
    LANE_BYTES = 8192,    /* as in the manifest */
    ORDERS_BYTES = 65536, /* what a pipe has when the manifest does not say */
    MAX_WEIGHT = 300,     /* as in the manifest */
    FAILURE = 3,
    ANSWER_MAX = 32,
    BIT_ANSWERED = 1,
    BIT_LAST = 2,
};

static const char ORDER_FIRST = '1', ORDER_FAIL = 'f', ORDER_SECOND = '2';
#define FIRST_ANSWER  "the first one's answer"
#define SECOND_ANSWER "the second one's answer"

static const cap_thread_handle SELF; /* none named: the thread that calls */

/* ---- writer */

static cap_pipe_writer lane_out;
static cap_pipe_reader orders_in;
static cap_signaler ringer;

static char next_order(void)
{
    char order = 0;
    return capos_pipe_read(orders_in, &order, 1) == 1 ? order : '\0';
}

static void check_weights(void)
{
    cap_scheduling_policy policy = capos_need_scheduling_policy("policy");
    struct cap_scheduling_policy_limited_results wider = {0};
    struct cap_scheduling_policy_get_results mine = {0};
    demo_expect(CAPOS_OK, cap_scheduling_policy_set_weight(policy, SELF, MAX_WEIGHT), "its maxWeight");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(policy, SELF, MAX_WEIGHT + 1), "one more");
    demo_expect(CAPOS_OK, cap_scheduling_policy_limited(policy, 2 * MAX_WEIGHT, &wider),
                "a policy of that one");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(wider.policy, SELF, MAX_WEIGHT + 1),
                          "which allows no more either");
    demo_check(cap_scheduling_policy_get(policy, SELF, &mine) == CAPOS_OK && mine.weight == MAX_WEIGHT,
               "it has its maxWeight");
}

static void check_writer_refusals(void)
{
    struct cap_notification_wait_results waited;
    cap_pipe_reader lane_reader;
    char byte;
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED,
                          cap_notification_wait((cap_notification){ringer.id, 0}, BIT_ANSWERED, &waited),
                          "a Signaler does not wait");
    demo_check(capos_pipe_read((cap_pipe_reader){lane_out.id, 0}, &byte, 1) <= 0,
               "through the end to write nothing is read");
    demo_check(capos_get_pipe_reader("lane", &lane_reader) < 0, "and has not the lane's other end");
}

static int answer(const char *text, uint64_t bits)
{
    if (capos_pipe_write_all(lane_out, text, strlen(text)) < 0 || cap_signaler_signal(ringer, bits) < 0)
        return 1;
    return 0;
}

static int run_writer(void)
{
    demo_begin("writer");
    lane_out = capos_need_pipe_writer("lane");
    orders_in = capos_need_pipe_reader("orders");
    ringer = capos_need_signaler("bell");
    char order = next_order();
    if (order == ORDER_FIRST) {
        check_writer_refusals();
        check_weights();
        if (answer(FIRST_ANSWER, BIT_ANSWERED) != 0)
            return 1;
        return next_order() == ORDER_FAIL ? FAILURE : 1;
    }
    demo_check(order == ORDER_SECOND, "started again, it has its order from the same pipe");
    check_weights();
    return answer(SECOND_ANSWER, BIT_LAST);
}

/* ---- reader */

static cap_pipe_reader lane_in;
static cap_pipe_writer orders_out;
static cap_notification bell;

static void give_order(char order)
{
    if (capos_pipe_write_all(orders_out, &order, 1) < 0)
        demo_check(false, "an order is written");
}

static bool bell_rings(uint64_t bit)
{
    struct cap_notification_wait_results results = {0};
    return cap_notification_wait(bell, bit, &results) >= 0 && results.bits == bit;
}

/* The lane may hand an answer over in parts. */
static bool lane_has(const char *text)
{
    char got[ANSWER_MAX];
    size_t len = strlen(text), have = 0;
    while (have < len) {
        int32_t part = capos_pipe_read(lane_in, got + have, len - have);
        if (part <= 0)
            return false;
        have += (size_t)part;
    }
    return memcmp(got, text, len) == 0;
}

static void check_reader_refusals(void)
{
    struct cap_pipe_reader_info_results lane = {0};
    struct cap_pipe_writer_info_results orders = {0};
    cap_scheduling_policy policy;
    demo_check(cap_pipe_reader_info(lane_in, &lane) >= 0 && lane.capacity_bytes == LANE_BYTES &&
                   cap_pipe_writer_info(orders_out, &orders) >= 0 && orders.capacity_bytes == ORDERS_BYTES,
               "the pipes are as large as the manifest says");
    demo_check(capos_pipe_write((cap_pipe_writer){lane_in.id, 0}, "x", 1) < 0,
               "through the end to read nothing is written");
    demo_check(capos_get_scheduling_policy("policy", &policy) < 0, "only the writer has a SchedulingPolicy");
}

static int run_reader(void)
{
    static const char too_much[ORDERS_BYTES + 1];
    struct cap_notification_poll_results left = {0};
    char byte;
    demo_begin("reader");
    lane_in = capos_need_pipe_reader("lane");
    orders_out = capos_need_pipe_writer("orders");
    bell = capos_need_notification("bell");
    check_reader_refusals();
    give_order(ORDER_FIRST);
    demo_check(bell_rings(BIT_ANSWERED), "the writer rings the bell");
    demo_check(lane_has(FIRST_ANSWER), "and its answer is in the lane");
    give_order(ORDER_FAIL);
    give_order(ORDER_SECOND);
    demo_check(lane_has(SECOND_ANSWER), "the next writer answers through the same lane");
    demo_check(capos_pipe_read(lane_in, &byte, 1) == 0, "which ends when the writer has ended for good");
    demo_check(cap_notification_poll(bell, UINT64_MAX, &left) >= 0 && left.bits == BIT_LAST,
               "the bit that it left is kept");
    /* More than fits: it waits until init has given up that end too, the second of the two. */
    demo_check(capos_pipe_write_all(orders_out, too_much, sizeof too_much) < 0,
               "and nobody is left to read orders");
    return demo_end();
}

int main(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "writer") == 0 ? run_writer() : run_reader();
}
