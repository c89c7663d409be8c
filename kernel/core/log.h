/*
 * The kernel log: a bounded ring of records of their real length, the oldest dropped, each also printed on
 * the log port as it is made.
 *
 * Which port that is the kernel command line says: log=com1 (default: together with the console),
 * log=debugcon (I/O port 0xe9, so that a program's output and the kernel's can be told apart), log=none;
 * loglevel=error|warn|info|debug. A line appears as its bare text, for instance `proc: process 2 exited with
 * code 0`. Control characters in it, which may come from a program's name or text, become `?`: a record is
 * one line, and a terminal does nothing but show it. Safe from any context.
 */
#pragma once
#include "core/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum { LOG_TEXT_MAX = 256, LOG_RING_BYTES = 16384 };

struct log_record {
    uint64_t sequence;
    uint64_t time_ns;
    uint64_t process_id;
    uint32_t level;
    uint32_t text_len;
    char text[LOG_TEXT_MAX + 1]; /* NUL-terminated */
};

void log_init(const char *command_line);
/* Conversions: %s %.*s %c %d %u %x with l, ll, z; %p; field width, 0 and - flags. Longer text is cut. */
void log_print(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A record in a process' name. */
void log_write(enum log_level level, uint64_t process_id, const char *text, size_t len);
/* Copies the first record with sequence >= cursor; false if there is none. */
bool log_read(uint64_t cursor, struct log_record *out);
