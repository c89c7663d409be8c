/*
 * The Linux half of the comparison: one static program that is the initramfs' /init. Each rows_*.c file
 * measures some rows of docs/benchmarking.md and prints them with guest_row(). Nothing here blocks on a
 * device: the one processor is busy from the first line to the last.
 */
#pragma once
#include "measure.h"
#include <stdbool.h>
#include <stddef.h>

/* Measures the task and prints `bench KEY VALUE`. */
void guest_row(const struct measure_task *task);
/* Prints `bench KEY VALUE`. */
void guest_value(const char *key, uint64_t value);
/* If `ok` is false: says on the console which call failed and why, then never returns; the host reports it.
 */
void guest_require(bool ok, const char *what);

void rows_kernel(void);  /* null_call, batch_op, time_read */
void rows_memory(void);  /* map_touch_unmap, page_fault */
void rows_file(void);    /* file_*, pipe_64k */
void rows_process(void); /* fork_wait, spawn_wait, thread_create_join, idle_process_bytes */
void rows_rpc(void);     /* rpc_*, cap_pass, park_rtt */
void rows_scale(void);   /* scale_*: by the wall clock, and in a boot of their own */

/* The operations of some rows, for rows_scale. */
void memory_fault_pages(uint32_t count); /* maps, touches and unmaps so many pages at once */
void process_spawn_wait(uint32_t count); /* that many tiny processes, one after the other */
void rpc_prepare(void);                  /* a server, which ends with the calling process */
void rpc_call_null(uint32_t count);      /* rpc_0 to the server that was prepared */
