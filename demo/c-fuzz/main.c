/*
 * Random entries against every kernel object: opcodes, ids, methods, lengths, addresses and messages. Each
 * entry is answered at most once, with a documented code; whatever happens, the kernel goes on and gets
 * everything back.
 *
 *   c-fuzz [SEED [ROUNDS]]
 *
 * The same seed gives the same entries (not the same times, so not the same completions). Two parts: in the
 * first the program keeps to the ring's rules and counts; in the second it writes nonsense into the ring's
 * indexes as well, and lets results be written over the ring.
 *
 * Kept out of it, because they would end the test and not the kernel: writing to the console, releasing or
 * moving away the grants, memory operations outside the arena and what the kernel chose to map, and forks
 * that come about (a copy would go on with all this; demo/c-fork forks).
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/process.h>
#include <string.h>

#define ARENA         UINT64_C(0x10000000) /* below where programs are loaded */
#define DIRECT_MAP    UINT64_C(0xffff800000000000)
#define KERNEL_IMAGE  UINT64_C(0xffffffff80000000)
#define NON_CANONICAL UINT64_C(0x0000800000000000)

enum {
    SEED_DEFAULT = 20240917,
    ROUNDS_DEFAULT = 200000,
    BATCH_MAX = 8,
    TAGS = 64, /* user_data are below it, so that CANCEL finds some */
    ARENA_PAGES = 2048,
    DERIVED_MAX = 32,
    BUFFER_BYTES = 16384,
    STACK_TOUCHED = 65536,
    FORK_ROOM_MIN = 40, /* below what forkSelf answers */
    RESULT_WORST = CAPOS_ERR_BAD_SYSCALL,
};

static _Alignas(4096) unsigned char params[BUFFER_BYTES];
static _Alignas(4096) unsigned char results[BUFFER_BYTES + 2 * CAPOS_MESSAGE_MAX_BYTES];

static uint32_t grants[16]; /* all but the console */
static size_t grant_count;
static cap_process_spawner spawner;
static uint32_t derived[DERIVED_MAX]; /* capabilities that came as results */
static size_t derived_count;
static uint64_t chosen[8]; /* addresses that the kernel chose */
static unsigned undocumented;
static uint64_t entries_accepted, completions;

/* ---- Chance. */

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static uint64_t below(uint64_t limit)
{
    return next_random() % limit;
}

static bool one_in(unsigned times)
{
    return below(times) == 0;
}

/* Numbers at the edges of something, and some that are just numbers. Never a valid address outside the arena.
 */
static uint64_t random_number(void)
{
    static const uint64_t edges[] = {
        0,
        1,
        2,
        7,
        63,
        64,
        65,
        4095,
        4096,
        4097,
        8192,
        0x200000,
        0x400000,
        CAPOS_USER_MAX,
        CAPOS_USER_MAX - 1,
        INT32_MAX,
        UINT32_MAX,
        UINT64_C(1) << 32,
        NON_CANONICAL,
        INT64_MAX,
        UINT64_C(1) << 63,
        UINT64_MAX,
        UINT64_MAX - 1,
        UINT64_MAX - 4095,
    };
    switch (below(6)) {
    case 0:
        return below(1000);
    case 1:
        return below(64) * 4096;
    case 2:
        return ARENA + below(ARENA_PAGES) * 4096;
    case 3:
        return chosen[below(sizeof chosen / sizeof chosen[0])];
    case 4: {
        uint64_t any = next_random() << below(64);
        return any > INT32_MAX && any < CAPOS_USER_MAX ? any | NON_CANONICAL : any;
    }
    default:
        return edges[below(sizeof edges / sizeof edges[0])];
    }
}

static uint64_t random_address(const unsigned char *buffer)
{
    switch (below(12)) {
    case 0:
        return KERNEL_IMAGE + below(0x1000000);
    case 1:
        return DIRECT_MAP + below(0x10000000);
    case 2:
        return ARENA + below(ARENA_PAGES) * 4096 + below(512) * 8;
    case 3:
        return CAPOS_USER_MAX - below(0x3000);
    case 4:
        return next_random();
    default:
        return (uintptr_t)buffer + below(BUFFER_BYTES / 8) * 8;
    }
}

/* ---- Capabilities. */

static uint32_t random_cap(void)
{
    if (derived_count > 0 && one_in(3))
        return derived[below(derived_count)];
    if (one_in(12)) /* forged: a later generation, or a slot far away */
        return (uint32_t)(one_in(2) ? below(64) | (2 + below(9)) << 14 : next_random() | 0x2000);
    return grants[below(grant_count)];
}

/* One that may be lost. */
static uint32_t random_loose_cap(void)
{
    if (derived_count > 0 && !one_in(4))
        return derived[below(derived_count)];
    return (uint32_t)next_random() | 0x2000;
}

static void forget_derived(uint32_t id)
{
    for (size_t i = 0; i < derived_count; i++) {
        if (derived[i] == id)
            derived[i--] = derived[--derived_count];
    }
}

/* ---- Messages: a root with some words and pointers, mostly well-formed. */

static void put_word(size_t *at, uint64_t word)
{
    memcpy(params + *at, &word, sizeof word);
    *at += sizeof word;
}

static uint64_t random_pointer(unsigned distance)
{
    switch (below(6)) {
    case 0:
        return 3 | below(9) << 32; /* a capability */
    case 1:
        return (uint64_t)distance << 2 | 1 | UINT64_C(2) << 32 | below(17) << 35; /* bytes */
    case 2:
        return (uint64_t)distance << 2 | (1 + below(3)) << 32 | below(3) << 48; /* a struct */
    case 3:
        return (uint64_t)distance << 2 | 1 | below(8) << 32 | below(9) << 35; /* a list of anything */
    case 4:
        return one_in(4) ? next_random() | UINT64_C(1) << 63 : 0;
    default:
        return 0;
    }
}

/* Returns its length. */
static uint32_t random_message(void)
{
    size_t data = below(5), pointers = below(4), tail = below(12);
    size_t at = 0, total = 1 + data + pointers + tail;
    put_word(&at, (uint64_t)total << 32);
    put_word(&at, (uint64_t)data << 32 | (uint64_t)pointers << 48);
    for (size_t i = 0; i < data; i++)
        put_word(&at, random_number());
    for (size_t i = 0; i < pointers; i++)
        put_word(&at, random_pointer((unsigned)(pointers - i - 1)));
    for (size_t i = 0; i < tail; i++)
        put_word(&at, random_number());
    if (one_in(6))
        params[below(one_in(2) ? 16 : 4)] ^= (unsigned char)(1u << below(8));
    return (uint32_t)at;
}

static void put_transfers(struct capos_sqe *sqe)
{
    sqe->xfer_cap_count = (uint16_t)(one_in(8) ? below(20) : 1 + below(3));
    size_t at = (sqe->len + 7u) & ~(size_t)7;
    for (unsigned i = 0; i < sqe->xfer_cap_count; i++) {
        uint64_t mode = one_in(10) ? next_random() : below(2);
        uint32_t cap = mode == CAPOS_XFER_MOVE ? random_loose_cap() : random_cap();
        put_word(&at, mode << 32 | cap);
    }
}

/* ---- Entries. */

static void make_call(struct capos_sqe *sqe)
{
    sqe->cap_id = random_cap();
    sqe->method_id = (uint16_t)(one_in(20) ? next_random() : below(9));
    sqe->len = one_in(6) ? 0 : random_message();
    sqe->addr = sqe->len == 0 ? 0 : (uintptr_t)params;
    if (one_in(4))
        put_transfers(sqe);
    sqe->result_addr = one_in(8) ? random_address(results) : (uintptr_t)results;
    sqe->result_len = (uint32_t)(one_in(6) ? below(200) : CAPOS_MESSAGE_MAX_BYTES);
    if (one_in(4))
        sqe->deadline_ns = random_number();
    if (!one_in(10))
        return;
    switch (below(6)) { /* and something wrong with it */
    case 0:
        sqe->addr = random_address(params);
        return;
    case 1:
        sqe->len = (uint32_t)next_random();
        return;
    case 2:
        sqe->result_len = (uint32_t)next_random();
        return;
    case 3:
        sqe->flags = (uint8_t)next_random();
        return;
    case 4:
        sqe->reserved = (uint32_t)next_random();
        return;
    default:
        sqe->result_addr = next_random();
        return;
    }
}

/* A fork has no room for its answer, and is refused. */
static void keep_from_forking(struct capos_sqe *sqe)
{
    if (sqe->cap_id == spawner.id && sqe->method_id == CAP_PROCESS_SPAWNER_FORK_SELF)
        sqe->result_len %= FORK_ROOM_MIN;
}

static struct capos_sqe random_entry(void)
{
    struct capos_sqe sqe = {.user_data = below(TAGS), .opcode = CAPOS_OP_CALL};
    switch (below(24)) {
    case 0:
        sqe.opcode = (uint8_t)next_random();
        sqe.cap_id = random_loose_cap();
        break;
    case 1:
        sqe.opcode = CAPOS_OP_NOP;
        sqe.addr = one_in(2) ? next_random() : 0;
        break;
    case 2:
    case 3:
        sqe.opcode = CAPOS_OP_CANCEL;
        sqe.addr = below(TAGS);
        break;
    case 4:
        sqe.opcode = CAPOS_OP_RELEASE;
        sqe.cap_id = random_loose_cap();
        break;
    default:
        make_call(&sqe);
        break;
    }
    keep_from_forking(&sqe);
    return sqe;
}

/* ---- The ring. */

static struct capos_sqe *submission(uint32_t index)
{
    return (struct capos_sqe *)(void *)((char *)capos_ring() + 256) + index % CAPOS_RING_SQ_ENTRIES;
}

static const struct capos_cqe *completion(uint32_t index)
{
    return (const struct capos_cqe *)(void *)((char *)capos_ring() + 256 +
                                              CAPOS_RING_SQ_ENTRIES * sizeof(struct capos_sqe)) +
           index % CAPOS_RING_CQ_ENTRIES;
}

static void put(const struct capos_sqe *sqe)
{
    struct capos_ring_header *ring = capos_ring();
    *submission(ring->sq_tail) = *sqe;
    __atomic_store_n(&ring->sq_tail, ring->sq_tail + 1, __ATOMIC_RELEASE);
}

/* Remembers what came back: capabilities, and an address if the answer holds one. */
static void learn(const struct capos_cqe *cqe)
{
    size_t records = (cqe->payload_len + 7u) & ~7u;
    for (unsigned i = 0; i < cqe->cap_count; i++) {
        struct capos_xfer_result record;
        size_t at = records + i * sizeof record;
        if (at + sizeof record > sizeof results)
            return;
        memcpy(&record, results + at, sizeof record);
        if (record.interface_id == CAP_PROCESS_SPAWNER_INTERFACE_ID) /* a facet, which could fork */
            continue;
        if (derived_count < DERIVED_MAX && (record.cap_id & 0x3fff) >= 16)
            derived[derived_count++] = record.cap_id;
    }
    uint64_t word;
    memcpy(&word, results + 16, sizeof word);
    /* What the kernel chose, and nothing of the program's own: a fresh mapping holds a zero or is not
     * touched. */
    if (cqe->payload_len == 24 && word >= ARENA && word < ARENA + ARENA_PAGES * UINT64_C(4096))
        chosen[below(sizeof chosen / sizeof chosen[0])] = word;
}

static void take_all(void)
{
    struct capos_ring_header *ring = capos_ring();
    /* Not more than there can be: in the second part the indexes may say anything. */
    for (unsigned i = 0; i < CAPOS_RING_CQ_ENTRIES; i++) {
        if (ring->cq_head == __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE))
            return;
        struct capos_cqe cqe = *completion(ring->cq_head);
        __atomic_store_n(&ring->cq_head, ring->cq_head + 1, __ATOMIC_RELEASE);
        completions++;
        undocumented += cqe.result < RESULT_WORST || cqe.user_data >= TAGS;
        if (cqe.result > 0)
            learn(&cqe);
    }
}

static void cancel_all(void)
{
    struct capos_sqe cancel = {.opcode = CAPOS_OP_CANCEL};
    for (uint64_t tag = 0; tag < TAGS && capos_ring()->in_flight > 0;) {
        cancel.addr = tag;
        put(&cancel);
        entries_accepted++;
        (void)capos_sys_cap_enter(0, 0);
        const struct capos_ring_header *ring = capos_ring();
        bool none_left = completion(ring->cq_tail - 1)->result == CAPOS_ERR_NOT_FOUND;
        take_all();
        tag += none_left;
    }
}

/* Until nothing is submitted or in flight any more. */
static void settle(void)
{
    const struct capos_ring_header *ring = capos_ring();
    do {
        (void)capos_sys_cap_enter(0, 0);
        take_all();
        cancel_all();
    } while (ring->in_flight > 0 || ring->sq_head != ring->sq_tail);
}

static void submit(struct capos_sqe sqe)
{
    put(&sqe);
    entries_accepted++;
    if (sqe.opcode == CAPOS_OP_RELEASE)
        forget_derived(sqe.cap_id);
}

/* A few entries, then perhaps a short wait. An entry's message must stay until the kernel has read it, so
 * only the last one of a batch has one that is whole. */
static void round_of_entries(void)
{
    unsigned batch = one_in(3) ? 1 + (unsigned)below(BATCH_MAX) : 1;
    for (unsigned i = 0; i < batch; i++)
        submit(random_entry());
    (void)capos_sys_cap_enter((uint32_t)below(3), one_in(4) ? below(50000) : 0);
    take_all();
    if (capos_ring()->in_flight > CAPOS_RING_CQ_ENTRIES / 2)
        cancel_all();
    derived_count = one_in(64) ? 0 : derived_count; /* leaves them in the table: that fills, too */
}

/* ---- The second part: nobody counts. */

static void spoil_ring(void)
{
    struct capos_ring_header *ring = capos_ring();
    switch (below(5)) {
    case 0:
        ring->sq_tail = (uint32_t)next_random();
        return;
    case 1:
        ring->cq_head = (uint32_t)next_random();
        return;
    case 2:
        ring->cq_head -= (uint32_t)below(40);
        return;
    case 3:
        ring->sq_tail += (uint32_t)below(40);
        return;
    default:
        memset((char *)ring + 256, (int)below(2) * 255, below(CAPOS_PAGE_SIZE - 256));
        return;
    }
}

static void round_of_nonsense(void)
{
    struct capos_sqe sqe = random_entry();
    if (sqe.opcode == CAPOS_OP_CALL && one_in(4))
        sqe.result_addr = (uintptr_t)capos_ring() + below(512) * 8;
    put(&sqe);
    if (one_in(3))
        spoil_ring();
    (void)capos_sys_cap_enter((uint32_t)below(3), below(2000));
    take_all();
    /* With 32 in flight there would be no completion left for a CANCEL. */
    if (capos_ring()->in_flight > CAPOS_RING_CQ_ENTRIES / 2)
        cancel_all();
}

/* The ring works again, and the kernel answers. */
static bool comes_to_order(void)
{
    struct capos_ring_header *ring = capos_ring();
    ring->sq_tail = ring->sq_head;
    ring->cq_head = ring->cq_tail;
    while (capos_sys_cap_enter(0, 0) < 0)
        ring->cq_head = ring->cq_tail;
    settle();
    const struct capos_sqe nop = {.user_data = 1, .opcode = CAPOS_OP_NOP};
    uint64_t before = completions;
    put(&nop);
    (void)capos_sys_cap_enter(1, 1000000);
    take_all();
    return completions == before + 1;
}

/* ---- */

static uint64_t number_of(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

static void collect_grants(void)
{
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        if (strcmp(entry->name, "console") != 0 && grant_count < sizeof grants / sizeof grants[0])
            grants[grant_count++] = entry->cap_id;
    }
}

/* Its pages must be there before the program's memory is used up. */
static void touch_stack(void)
{
    volatile unsigned char stack[STACK_TOUCHED];
    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? number_of(argv[1]) : SEED_DEFAULT;
    uint64_t rounds = argc > 2 ? number_of(argv[2]) : ROUNDS_DEFAULT;
    touch_stack();
    memset(results, 1, sizeof results);
    demo_begin("c-fuzz");
    collect_grants();
    spawner = capos_need_process_spawner("spawner");
    demo_say("seed %lu, %lu rounds", (unsigned long)seed, (unsigned long)rounds);
    random_state = seed * 2 + 1;
    for (uint64_t i = 0; i < rounds; i++)
        round_of_entries();
    settle();
    demo_check(capos_ring()->corrupt_count == 0, "the kernel found the ring in order all the time");
    demo_check(completions == entries_accepted, "each entry was answered exactly once");
    demo_check(undocumented == 0, "each with a result that is documented");
    for (uint64_t i = 0; i < rounds / 4; i++)
        round_of_nonsense();
    demo_check(comes_to_order(), "after nonsense in the ring itself it works again");
    return demo_end();
}
