/*
 * What the kernel says on its log, read line by line: who exited how, whether the machine ended in order,
 * whether everything was given back, and the records of crashes.
 */
#pragma once
#include "buffer.h"

struct kernel_exit {
    uint64_t process_id;
    int64_t code;
};

struct kernel_log {
    struct buffer text; /* everything so far */
    size_t line_start;  /* of the line that has not ended yet */
    struct kernel_exit *exits;
    size_t exit_count;
    struct buffer crash; /* lines of crash records */
    bool halted;         /* sched: last process exited, halting. */
    bool balanced;       /* check: all frames and objects returned */
    bool leaked;         /* check: leaked ... */
    bool panicked;
};

/* Takes the next bytes, in any pieces. */
void kernel_log_feed(struct kernel_log *log, const char *bytes, size_t size);
/* False if the process has not exited. */
bool kernel_log_exit_code(const struct kernel_log *log, uint64_t process_id, int64_t *out);
void kernel_log_free(struct kernel_log *log);
