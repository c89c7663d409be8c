/*
 * The capOS half of the comparison: one program, started by the kernel as the first process, that is granted
 * what the rows need (system.capnp beside it). Each rows_*.c file measures some rows and prints them with
 * guest_row().
 *
 * Its arguments say what it does:
 *   all            every row
 *   quick          every row with few operations, to see that they work
 *   scale full, scale quick   what a second processor brings; nothing else
 *   profile ROW    the one row's operation for ever, between guest_profile_begin and guest_profile_end, so
 * that the host can record the instructions between those two
 */
#pragma once
#include "measure.h"
#include <capos/console.h>
#include <capos/ipc.h>
#include <capos/memory.h>
#include <capos/process.h>
#include <capos/print.h>
#include <capos/ring.h>
#include <capos/sched.h>
#include <capos/system.h>
#include <capos/timer.h>
#include <stdbool.h>

struct guest {
    cap_console console;
    cap_ipc_factory ipc;
    cap_null_cap null;
    cap_process_spawner spawner;
    cap_scheduling_policy policy;
    cap_system_info system;
    cap_timer timer;
    cap_virtual_memory memory;
    struct capos_ring_header *ring; /* the first thread's; rows that drive it leave no completions behind */
};
extern struct guest guest;

/* A row: the task, and how many of its operations one recorded stretch holds (a batch row: one batch). */
void guest_row(const struct measure_task *task, uint32_t profile_count);
/* Prints `bench KEY VALUE - -`. */
void guest_value(const char *key, uint64_t value);
/* If the result is an error: says which call failed and why, and ends the program; the host reports it. */
void guest_require(int32_t result, const char *what);

/* The calling thread runs on this processor from now on. */
void guest_bind(uint32_t cpu);

/* Marks for the host; do nothing. */
void guest_profile_begin(void);
void guest_profile_end(void);

void rows_kernel(void); /* null_call, batch_op, time_read */
void rows_memory(void); /* map_touch_unmap, page_fault */
void rows_rpc(void);    /* rpc_0, rpc_64, rpc_512, cap_pass */
/* Their other side, in a process of its own: the exit code. `cpu`: null, or the digit of the processor to run
 * on. */
int rpc_serve(const char *cpu);
void rows_wait(void); /* park_rtt, pipe_64k, pipe_64k_plain */
void rows_file(void); /* file_... */
/* thread_create_join, spawn_wait, fork_wait, idle_process_bytes; leaves idle processes behind, so it comes
 * last */
void rows_process(void);
void rows_scale(bool quick); /* scale_... */

/* The operations of some rows, for rows_scale. */
void memory_fault_pages(uint32_t count); /* maps, touches and unmaps so many pages at once */
void process_spawn_wait(uint32_t count); /* that many tiny processes, one after the other */
void rpc_prepare(uint32_t cpu);          /* a server bound to that processor */
void rpc_finish(void);                   /* ends that server */
void rpc_call_null(uint32_t count);      /* rpc_0 to the server that was prepared */
