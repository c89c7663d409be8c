/*
 * A trace as lines for a person, by the schema:
 *
 *     timer.now() = (monotonicNs = 12000, tick = 1)  [cap#3]
 *     timer.sleep(durationNs = 1000000) <unfinished ...>
 *     <... timer.sleep resumed> = ()
 *
 * A call and its answer share a line unless its thread waits, or something else is shown, in between. Long
 * messages and lines are cut (`...`). Of threads beyond the first, lines begin with `[thread N]`. Allocates
 * nothing, never blocks; whatever the records hold, what comes out is printable.
 */
#pragma once
#include <capnp/show.h>
#include <capos/trace_record.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CAPOS_TRACE_SHOW_CALLS = 1, /* ring entries, answers, capabilities that travel */
    CAPOS_TRACE_SHOW_SCHED = 2, /* runs, waits, preempted, migrates */
    CAPOS_TRACE_SHOW_TIMES = 4, /* seconds since the first record, before each line */
    /* A call waits for its answer in the same line although its thread waits: for who calls
     * capos_trace_text_end as soon as there is nothing new for a while. */
    CAPOS_TRACE_SHOW_JOINED = 8,
};

enum {
    CAPOS_TRACE_LINE_BYTES = 1024,
    CAPOS_TRACE_NAMES_MAX = 64,
    CAPOS_TRACE_OPEN_MAX = 64,
    CAPOS_TRACE_THREADS_MAX = 64,
    CAPOS_TRACE_LABEL_BYTES = 96,
    CAPOS_TRACE_MESSAGE_WORDS = 1024,
    CAPOS_TRACE_RESULTS_MAX = 4,
};

/* An entry that has not been answered, or (by call_id) a call that was received and not answered. What it was
 * is kept for calls that are pipelined on it, until the place is used again. */
struct capos_trace_open {
    bool used;
    uint8_t opcode;
    uint16_t method_id;
    uint32_t thread;
    uint32_t call_id;
    uint64_t user_data;
    uint64_t interface_id;
    uint64_t result_interfaces[CAPOS_TRACE_RESULTS_MAX]; /* of what the answer brought; 0: unknown */
    char label[CAPOS_TRACE_LABEL_BYTES];                 /* how its line begins, without the parameters */
};

struct capos_trace_text {
    /* The caller's, set before the first record. */
    void (*line)(void *self, const char *text, size_t len); /* without the newline */
    void *self;
    unsigned show; /* CAPOS_TRACE_SHOW_... */
    /* What knows the methods: &capnp_schema_built_in (which makes the program 150 KiB larger), or a
     * registry's answers. */
    const struct capnp_schema *schema;
    /* Names of the first capabilities that the process holds, in order; may be null. */
    const char *const *grant_names;
    size_t grant_count;
    /* Zero at first. */
    size_t grants_seen;
    struct {
        uint32_t cap_id;
        const char *name;
    } names[CAPOS_TRACE_NAMES_MAX];
    size_t name_count;
    struct capos_trace_open open[CAPOS_TRACE_OPEN_MAX], received[CAPOS_TRACE_OPEN_MAX];
    uint32_t next_open, next_received;
    struct {
        uint32_t thread, cpu;
    } places[CAPOS_TRACE_THREADS_MAX];
    uint64_t first_ns;
    bool begun;
    /* The line that is being put together; `held`: an entry's, to which the answer may be added. */
    bool held;
    uint32_t held_thread;
    uint64_t held_user_data;
    uint64_t held_ns;
    size_t used;
    char text[CAPOS_TRACE_LINE_BYTES];
    char suffix[CAPOS_TRACE_LABEL_BYTES];
    uint64_t message[CAPOS_TRACE_MESSAGE_WORDS];
};

/* Whole records as Trace.read answers them, and how many were lost before them. */
void capos_trace_text_add(struct capos_trace_text *trace, const void *records, size_t len, uint64_t lost);
/* Shows what is still held back, at the end or in between. */
void capos_trace_text_end(struct capos_trace_text *trace);

#ifdef __cplusplus
}
#endif
