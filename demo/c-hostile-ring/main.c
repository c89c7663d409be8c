/*
 * Attacks on the kernel through the ring: corrupt indexes, reserved opcodes and flags, bad pointers,
 * unaligned and overlapping buffers, oversize lengths, broken messages, entries that change after they were
 * submitted, and random ones. Each gets a clear code; nothing panics; nothing is left behind.
 */
#include "check.h"
#include "raw.h"
#include <string.h>

#define KERNEL_IMAGE  UINT64_C(0xffffffff80000000)
#define DIRECT_MAP    UINT64_C(0xffff800000000000)
#define NON_CANONICAL UINT64_C(0x8000000000000000)
#define LAST_PAGE     UINT64_C(0x00007ffffffff000)

enum { RANDOM_ENTRIES = 20000, ANSWER_WORDS = 512 };

static uint32_t null_cap;
static _Alignas(8) unsigned char buffer[16384];

static uint64_t address_of(const void *memory)
{
    return (uintptr_t)memory;
}

static struct capos_sqe call(void)
{
    return (struct capos_sqe){.user_data = 7, .opcode = CAPOS_OP_CALL, .cap_id = null_cap};
}

/* ---- Entries
 * --------------------------------------------------------------------------------------------------- */

static void check_opcodes(void)
{
    static const uint8_t parking[] = {CAPOS_OP_PARK, CAPOS_OP_UNPARK};
    struct capos_sqe sqe = {.user_data = 1};
    unsigned wrong = 0;
    for (unsigned opcode = CAPOS_OP_CANCEL + 1; opcode <= UINT8_MAX; opcode++) {
        sqe.opcode = (uint8_t)opcode;
        wrong += raw_run(&sqe) != CAPOS_ERR_BAD_OPCODE;
    }
    demo_check(wrong == 0, "248 opcodes that do not exist: CAPOS_ERR_BAD_OPCODE");
    for (size_t i = 0; i < sizeof parking; i++) {
        sqe.opcode = parking[i];
        wrong += raw_run(&sqe) != CAPOS_ERR_BAD_CAP;
    }
    demo_check(wrong == 0, "PARK, UNPARK without a park space: CAPOS_ERR_BAD_CAP");
}

static void expect_call(int32_t expected, const struct capos_sqe *sqe, const char *what)
{
    demo_expect(expected, raw_run(sqe), what);
}

static void check_fields(void)
{
    struct capos_sqe sqe = call();
    expect_call(CAPOS_OK, &sqe, "a plain call");
    sqe.flags = 0x80;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "a reserved flag");
    sqe.flags = CAPOS_SQE_PIPELINE | 2;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "a reserved flag beside a known one");
    sqe.flags = CAPOS_SQE_PIPELINE;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "pipelining with a target of its own");
    sqe = call();
    sqe.reserved = 1;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "the reserved field");
    sqe = call();
    sqe.pipeline_dep = 1;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "pipeline fields without the flag");
    sqe = call();
    sqe.call_id = 1;
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "a call id on a CALL");
    sqe = (struct capos_sqe){.opcode = CAPOS_OP_NOP, .addr = 8};
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "a NOP with an address");
    sqe = (struct capos_sqe){.opcode = CAPOS_OP_RELEASE, .cap_id = null_cap, .len = 8};
    expect_call(CAPOS_ERR_BAD_FLAGS, &sqe, "a RELEASE with a length");
    sqe = (struct capos_sqe){.opcode = CAPOS_OP_CANCEL, .addr = 0xdead};
    expect_call(CAPOS_ERR_NOT_FOUND, &sqe, "a CANCEL of nothing");
    sqe = call();
    expect_call(CAPOS_OK, &sqe, "the capability is still there");
}

/* ---- Pointers and lengths
 * -------------------------------------------------------------------------------------- */

static void check_parameters(void)
{
    static const uint64_t bad[] = {0,
                                   8,
                                   0x10000 - 8,
                                   KERNEL_IMAGE,
                                   KERNEL_IMAGE + 0x100000,
                                   DIRECT_MAP,
                                   NON_CANONICAL,
                                   LAST_PAGE,
                                   LAST_PAGE - 8,
                                   UINT64_MAX - 7,
                                   UINT64_MAX - 15,
                                   0x00007fffffffeff8};
    struct capos_sqe sqe = call();
    unsigned wrong = 0;
    sqe.len = 16;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sqe.addr = bad[i];
        wrong += raw_run(&sqe) != CAPOS_ERR_BAD_ADDRESS;
    }
    demo_check(wrong == 0, "parameters at 12 bad addresses: CAPOS_ERR_BAD_ADDRESS");
    sqe.addr = address_of(buffer) + 1;
    expect_call(CAPOS_ERR_UNALIGNED, &sqe, "unaligned parameters");
    sqe.addr = address_of(buffer);
    sqe.len = CAPOS_MESSAGE_MAX_BYTES + 1;
    expect_call(CAPOS_ERR_TOO_LARGE, &sqe, "parameters longer than a message may be");
    sqe.len = UINT32_MAX;
    expect_call(CAPOS_ERR_TOO_LARGE, &sqe, "parameters of 4 GiB");
    sqe = call();
    sqe.addr = address_of(buffer);
    sqe.xfer_cap_count = CAPOS_CALL_CAPS_MAX + 1;
    expect_call(CAPOS_ERR_TOO_LARGE, &sqe, "nine capabilities");
    sqe.xfer_cap_count = UINT16_MAX;
    expect_call(CAPOS_ERR_TOO_LARGE, &sqe, "65535 capabilities");
    sqe.xfer_cap_count = 8;
    sqe.addr = KERNEL_IMAGE;
    expect_call(CAPOS_ERR_BAD_ADDRESS, &sqe, "transfer descriptors in the kernel");
    sqe.addr = address_of(buffer);
    memset(buffer, 0xff, 64);
    demo_check(raw_run(&sqe) < 0, "transfer descriptors full of ones are refused");
}

/* Timer.now answers with a payload, which must not go anywhere that the program could not write itself. */
static void check_results(uint32_t timer)
{
    static const char constant[64] __attribute__((aligned(8))) = "cannot be written";
    struct capos_sqe sqe = call();
    sqe.cap_id = timer;
    sqe.result_len = 64;
    static const uint64_t bad[] = {0, 8, KERNEL_IMAGE, DIRECT_MAP, NON_CANONICAL, LAST_PAGE, UINT64_MAX - 7};
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sqe.result_addr = bad[i];
        wrong += raw_run(&sqe) != CAPOS_ERR_BAD_ADDRESS;
    }
    demo_check(wrong == 0, "results to 7 bad addresses: CAPOS_ERR_BAD_ADDRESS");
    sqe.result_addr = address_of(constant);
    expect_call(CAPOS_ERR_BAD_ADDRESS, &sqe, "results over a constant");
    demo_check(strcmp(constant, "cannot be written") == 0, "which stays what it was");
    sqe.result_addr = (uintptr_t)&check_opcodes & ~UINT64_C(7);
    expect_call(CAPOS_ERR_BAD_ADDRESS, &sqe, "results over the program's code");
    sqe.result_addr = address_of(capos_capset());
    expect_call(CAPOS_ERR_BAD_ADDRESS, &sqe, "results over the CapSet");
    sqe.result_addr = address_of(buffer) + 4;
    expect_call(CAPOS_ERR_UNALIGNED, &sqe, "unaligned results");
    sqe.result_addr = address_of(buffer);
    sqe.result_len = 8;
    expect_call(CAPOS_ERR_RESULT_TRUNCATED, &sqe, "a result buffer of 8 bytes");
    sqe.result_len = UINT32_MAX;
    expect_call(CAPOS_OK, &sqe, "a result buffer said to be of 4 GiB: what is written fits");
}

/* SystemInfo.process has parameters besides. */
static void check_results_for_parameters(uint32_t info)
{
    unsigned char *answer = buffer + sizeof buffer / 2;
    const uint32_t answer_bytes = sizeof buffer / 2;
    struct cap_system_info_process_params params = {.process_id = 0};
    struct capos_sqe sqe = call();
    sqe.cap_id = info;
    sqe.method_id = CAP_SYSTEM_INFO_PROCESS;
    sqe.len = (uint32_t)cap_system_info_process_params_encode(&params, buffer, sizeof buffer, NULL, NULL);
    sqe.addr = address_of(buffer);
    sqe.result_addr = address_of(answer);
    sqe.result_len = answer_bytes;
    demo_check(raw_run(&sqe) > 0, "parameters in, results out");
    memset(answer, 0x77, answer_bytes);
    sqe.result_len = 64;
    expect_call(CAPOS_ERR_RESULT_TRUNCATED, &sqe, "a result buffer that is too short for these");
    bool untouched = true;
    for (size_t i = sqe.result_len; i < answer_bytes; i++)
        untouched = untouched && answer[i] == 0x77;
    demo_check(untouched, "behind which nothing is written");
    sqe.result_len = answer_bytes;
    sqe.result_addr = KERNEL_IMAGE;
    expect_call(CAPOS_ERR_BAD_ADDRESS, &sqe, "these results into the kernel");
}

/* Parameters and results in the same place, and results over the ring itself. */
static void check_overlap(uint32_t timer)
{
    struct cap_timer_sleep_params params = {.duration_ns = 1};
    struct capos_sqe sqe = call();
    sqe.cap_id = timer;
    sqe.method_id = CAP_TIMER_SLEEP_UNTIL;
    sqe.len = (uint32_t)cap_timer_sleep_params_encode(&params, buffer, sizeof buffer, NULL, NULL);
    sqe.addr = sqe.result_addr = address_of(buffer);
    sqe.result_len = 64;
    expect_call(CAPOS_OK, &sqe, "parameters and results in one buffer");
    sqe = call();
    sqe.cap_id = timer;
    sqe.result_len = 64;
    sqe.result_addr = address_of(capos_ring()) + 256 + 16 * sizeof(struct capos_sqe);
    expect_call(CAPOS_OK, &sqe, "results over an unused part of the submission queue");
    sqe.result_addr = address_of(capos_ring()) + 64;
    raw_put(&sqe);
    (void)raw_enter(); /* the answer lies over the indexes now: only the program itself is harmed */
    struct capos_ring_header *ring = capos_ring();
    ring->cq_head = 0x1000;
    int64_t entered = raw_enter();
    demo_expect(CAPOS_ERR_RING_CORRUPT, (int32_t)entered, "results over the ring's own indexes");
    demo_check(raw_works(), "and the ring works again");
}

/* ---- Messages
 * -------------------------------------------------------------------------------------------------- */

static void check_messages(uint32_t timer)
{
    static const uint64_t broken[][4] = {
        {UINT64_MAX, UINT64_MAX, 0, 0},                          /* 2^32 segments */
        {UINT64_C(0x00000003) << 32, 0, 0, 0},                   /* claims three words, has less */
        {UINT64_C(1) << 32, UINT64_C(0x0000000100000ffc), 0, 0}, /* root struct far outside */
        {UINT64_C(2) << 32, UINT64_C(0x0000000100000001), 0, 0}, /* root is a list */
        {UINT64_C(1) << 32, UINT64_C(0xfffffffffffffffc), 0,
         0}, /* a struct of everything, before the message */
        {UINT64_C(1) << 32, UINT64_C(0x0000000000000002), 0, 0}, /* a far pointer to itself */
        {UINT64_C(0x000001ff), 0, 0, 0},                         /* 512 segments, no sizes */
    };
    struct capos_sqe sqe = call();
    unsigned wrong = 0;
    sqe.cap_id = timer;
    sqe.method_id = CAP_TIMER_SLEEP_UNTIL;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        memcpy(buffer, broken[i], sizeof broken[i]);
        sqe.addr = address_of(buffer);
        sqe.len = i == 1 ? 16 : sizeof broken[i];
        wrong += raw_run(&sqe) != CAPOS_ERR_BAD_MESSAGE;
    }
    demo_check(wrong == 0, "7 broken messages: CAPOS_ERR_BAD_MESSAGE");
    sqe.len = 4;
    expect_call(CAPOS_ERR_BAD_MESSAGE, &sqe, "half a word of a message");
}

/* ---- Indexes
 * --------------------------------------------------------------------------------------------------- */

static void expect_reset(const char *what)
{
    demo_expect(CAPOS_ERR_RING_CORRUPT, (int32_t)raw_enter(), what);
    if (!raw_works())
        demo_check(false, "the ring works again");
}

static void check_indexes(void)
{
    struct capos_ring_header *ring = capos_ring();
    uint32_t corrupt = ring->corrupt_count;
    ring->sq_tail += CAPOS_RING_SQ_ENTRIES + 1;
    expect_reset("a submission tail too far ahead");
    ring->sq_tail -= 1;
    expect_reset("a submission tail that goes back");
    ring->sq_tail ^= 0x80000000u;
    expect_reset("a submission tail half a world away");
    ring->cq_head += 1;
    expect_reset("a completion head ahead of its tail");
    ring->cq_head -= CAPOS_RING_CQ_ENTRIES + 1;
    expect_reset("a completion head too far behind");
    demo_check(ring->corrupt_count == corrupt + 5, "the kernel counted five corruptions");
    ring->sq_head = 0xdeadbeef;
    ring->cq_tail = ring->cq_head; /* what it is */
    ring->corrupt_count = 0;
    (void)raw_enter();
    demo_check(raw_works(), "the kernel's own words are only for reading: it has its own");
    ring->magic = 0;
    ring->sq_entries = UINT32_MAX;
    ring->cq_entries = 0;
    ring->sq_offset = ring->cq_offset = 0xfffffff0;
    demo_check(raw_works(), "so are the sizes and offsets");
    ring->magic = CAPOS_RING_MAGIC;
    ring->sq_entries = CAPOS_RING_SQ_ENTRIES;
    ring->cq_entries = CAPOS_RING_CQ_ENTRIES;
    ring->sq_offset = 256;
    ring->cq_offset = 256 + CAPOS_RING_SQ_ENTRIES * (uint32_t)sizeof(struct capos_sqe);
}

static void check_full_queue(void)
{
    const struct capos_sqe nop = {.user_data = 9, .opcode = CAPOS_OP_NOP};
    struct capos_ring_header *ring = capos_ring();
    struct capos_cqe cqe;
    unsigned taken = 0;
    for (unsigned i = 0; i < CAPOS_RING_SQ_ENTRIES; i++)
        raw_put(&nop);
    bool filled = raw_enter() == CAPOS_RING_CQ_ENTRIES; /* nothing may be printed until they are taken */
    for (unsigned i = 0; i < 5; i++)
        raw_put(&nop);
    bool left_alone = raw_enter() == CAPOS_RING_CQ_ENTRIES && ring->sq_tail - ring->sq_head == 5;
    for (int i = 0; i < 3; i++)
        taken += raw_take(&cqe);
    bool went_on = raw_enter() == CAPOS_RING_CQ_ENTRIES && ring->sq_tail - ring->sq_head == 2;
    while (raw_take(&cqe))
        taken++;
    (void)raw_enter();
    while (raw_take(&cqe))
        taken++;
    demo_check(filled, "32 entries give 32 completions");
    demo_check(left_alone, "with a full completion queue the kernel leaves the rest alone");
    demo_check(went_on, "and goes on as far as there is room");
    demo_check(taken == CAPOS_RING_SQ_ENTRIES + 5, "no completion is lost and none comes twice");
}

static void check_system_calls(void)
{
    demo_expect(CAPOS_ERR_BAD_SYSCALL, (int32_t)raw_syscall(2, 0, 0), "system call 2");
    demo_expect(CAPOS_ERR_BAD_SYSCALL, (int32_t)raw_syscall(UINT64_MAX, 0, 0), "system call -1");
    demo_expect(CAPOS_ERR_BAD_SYSCALL, (int32_t)raw_syscall(UINT64_C(0x100000001), 0, 0),
                "system call 2^32 + 1");
    demo_check(raw_syscall(CAPOS_SYS_CAP_ENTER, UINT32_MAX, CAPOS_TIMEOUT_NEVER) == 0,
               "waiting for ever for what cannot come returns at once");
    demo_check(raw_syscall(CAPOS_SYS_CAP_ENTER, UINT64_MAX, 1) == 0,
               "so does waiting for 2^64 - 1 completions");
}

/* ---- Entries that change
 * --------------------------------------------------------------------------------------- */

/* An operation in flight belongs to the kernel: what the program does to the entry, or to the parameters,
 * afterwards does not matter. */
static void check_changing(uint32_t timer)
{
    struct cap_timer_sleep_params params = {.duration_ns = 20000000};
    struct capos_sqe sqe = call();
    struct capos_cqe cqe = {0};
    sqe.cap_id = timer;
    sqe.method_id = CAP_TIMER_SLEEP;
    sqe.user_data = 0xabcdef;
    sqe.len = (uint32_t)cap_timer_sleep_params_encode(&params, buffer, sizeof buffer, NULL, NULL);
    sqe.addr = address_of(buffer);
    raw_put(&sqe);
    bool in_flight = raw_enter() == 0;
    memset((char *)capos_ring() + 256, 0xff, CAPOS_RING_SQ_ENTRIES * sizeof(struct capos_sqe));
    memset(buffer, 0xff, 4096);
    bool ended = capos_sys_cap_enter(1, CAPOS_TIMEOUT_NEVER) == 1 && raw_take(&cqe);
    demo_check(in_flight, "a sleep was in flight");
    demo_check(ended && cqe.user_data == 0xabcdef && cqe.result == 0,
               "it ends as it began, though its entry and its parameters were overwritten");
}

/* ---- Anything
 * -------------------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_address(void)
{
    switch (next_random() % 6) {
    case 0:
        return next_random();
    case 1:
        return KERNEL_IMAGE + next_random() % 0x1000000;
    case 2:
        return DIRECT_MAP + next_random() % 0x10000000;
    case 3:
        return next_random() % 0x20000;
    default:
        return address_of(buffer) + next_random() % sizeof buffer;
    }
}

static struct capos_sqe random_entry(void)
{
    struct capos_sqe sqe;
    uint64_t *words = (uint64_t *)(void *)&sqe;
    for (size_t i = 0; i < sizeof sqe / 8; i++)
        words[i] = next_random() % 3 == 0 ? next_random() : 0;
    sqe.opcode = (uint8_t)(next_random() % 4 == 0 ? next_random() : CAPOS_OP_CALL);
    /* The null capability or a forged one; never the console, whose output would spoil the transcript. */
    sqe.cap_id = next_random() % 2 == 0 ? null_cap : (uint32_t)next_random() | 0x3000;
    if (sqe.opcode == CAPOS_OP_RELEASE)
        sqe.cap_id |= 0x3000;
    sqe.addr = next_random() % 2 == 0 ? random_address() & ~UINT64_C(7) : random_address();
    sqe.result_addr = next_random() % 2 == 0 ? random_address() & ~UINT64_C(7) : random_address();
    sqe.len = (uint32_t)(next_random() % 4 == 0 ? next_random() : next_random() % 200);
    if (next_random() % 2 == 0) {
        sqe.flags = 0;
        sqe.call_id = sqe.pipeline_dep = sqe.reserved = 0;
        sqe.pipeline_field = sqe.xfer_cap_count = 0;
    }
    return sqe;
}

static void check_random(void)
{
    unsigned lost = 0, odd = 0;
    for (unsigned i = 0; i < RANDOM_ENTRIES; i++) {
        struct capos_sqe sqe = random_entry();
        for (size_t b = 0; b < 64; b += 8)
            memcpy(buffer + (next_random() % (sizeof buffer - 8)), &random_state, 8);
        int32_t result = raw_run(&sqe);
        lost += result == INT32_MIN;
        odd += result != INT32_MIN && result < CAPOS_ERR_BAD_SYSCALL;
    }
    demo_check(lost == 0, "20000 random entries, each with exactly one completion");
    demo_check(odd == 0, "and each with a result that is documented");
}

/* ---- Everything, and what it left
 * ------------------------------------------------------------------------------ */

struct usage {
    uint64_t frames, objects, heap_bytes;
};

static struct usage kernel_usage(cap_system_info info)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer answer_buffer = {answer, sizeof answer};
    struct cap_system_info_stats_results stats = {0};
    demo_expect(CAPOS_OK, cap_system_info_stats(info, &stats, &answer_buffer), "SystemInfo.stats");
    return (struct usage){stats.memory.frames_free, stats.objects, stats.memory.heap_bytes};
}

static void attack(uint32_t timer, uint32_t info)
{
    check_opcodes();
    check_fields();
    check_parameters();
    check_results(timer);
    check_results_for_parameters(info);
    check_overlap(timer);
    check_messages(timer);
    check_indexes();
    check_full_queue();
    check_system_calls();
    check_changing(timer);
    check_random();
}

int main(void)
{
    demo_begin("c-hostile-ring");
    cap_timer timer = capos_need_timer("timer");
    null_cap = capos_need_null_cap("null").id;
    cap_system_info info = capos_need_system_info("info");
    memset(buffer, 0, sizeof buffer); /* its pages are there before the counting begins */
    demo_check(raw_works(), "the ring works by hand");
    /* init is still at work when its child begins: let it come to wait, so that its memory is not counted as
     * ours. */
    demo_expect(CAPOS_OK, cap_timer_sleep(timer, 50000000), "Timer.sleep, until init waits");
    struct usage before = kernel_usage(info);
    attack(timer.id, info.id);
    struct usage after = kernel_usage(info);
    demo_check(before.frames == after.frames, "every frame is where it was");
    demo_check(before.objects == after.objects, "so is every object");
    demo_check(before.heap_bytes == after.heap_bytes, "and the kernel's heap");
    return demo_end();
}
