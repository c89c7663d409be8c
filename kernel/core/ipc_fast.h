/*
 * The fast way between two processes: a call that a receiver waits for, an answer that goes on as the next
 * receive, as one step that ends in the other thread; and the receive that makes the next call's step
 * possible. docs/ipc.md says why it keeps all that the general way (ipc.h) promises.
 *
 * It leaves two things unsaid until somebody asks, who then has them said first ("settles" them):
 *   that a thread's own_pending[0] is in flight: the thread is IN_CALL or IN_RECEIVE   thread->lock
 *   that the endpoint has a receiver, and a delivered call: fast_receiver, fast_call   endpoint's lock
 * Everybody else takes these locks by way of thread_settle_locked and ipc_lock, and so never meets them.
 */
#pragma once
#include "core/ipc_inside.h"
#include "core/ring.h"
#include <capos/endpoint.h>

/* The upper half of its `target`. */
#define IPC_RETURN_AND_RECEIVE ((uint64_t)CAPOS_SQE_RECEIVE << 24 | (uint64_t)CAPOS_OP_RETURN << 16)

enum ipc_way {
    IPC_GENERAL_WAY, /* nothing has changed; the entry goes the general way, which knows what to do */
    IPC_SWITCH,      /* the entries are executed, the running thread waits, and *next (RUNNING) goes on */
    IPC_WAITS,       /* the same, but the scheduler chooses who runs */
};

/* A RETURN that goes on as a RECV. */
static inline bool ipc_receives_again(const struct sqe_words *words)
{
    const uint64_t both = (uint64_t)CAPOS_SQE_RECEIVE << 56 | (uint64_t)0xff << 48;
    return (words->target & both) == ((uint64_t)CAPOS_SQE_RECEIVE << 56 | (uint64_t)CAPOS_OP_RETURN << 48);
}

/* The same, of few bytes and less than 2^caps_log2 capabilities. */
static inline __attribute__((always_inline)) bool ipc_is_short_return(const struct sqe_words *words,
                                                                      unsigned caps_log2)
{
    return words->target >> 32 == IPC_RETURN_AND_RECEIVE &&
           (words->transfer >> (32 + caps_log2) | words->pipeline | words->deadline_ns |
            ((words->addr | words->result_addr) & 7)) == 0 &&
           (uint32_t)words->lengths <= SHORT_BYTES && words->lengths >> 32 >= sizeof(struct capos_ipc_header);
}

/* With no capability or one. */
static inline bool ipc_is_simple_return(const struct sqe_words *words)
{
    return ipc_is_short_return(words, 1);
}

static inline bool ipc_is_plain_return(const struct sqe_words *words)
{
    return ipc_is_short_return(words, 0);
}

/* A RELEASE that wants no completion if it succeeds. */
static inline bool ipc_is_quiet_release(const struct sqe_words *words)
{
    const uint64_t target =
        (uint64_t)CAPOS_SQE_QUIET << 56 | (uint64_t)CAPOS_OP_RELEASE << 48 | (uint32_t)words->target;
    return ((words->target ^ target) | words->addr | words->lengths | words->result_addr | words->transfer |
            words->pipeline | words->deadline_ns) == 0;
}

/* Without a deadline. */
static inline bool ipc_is_plain_receive(const struct sqe_words *words, uint32_t cap_id)
{
    const uint64_t target = (uint64_t)CAPOS_OP_RECV << 48 | cap_id;
    return ((words->target ^ target) | words->addr | words->transfer | words->pipeline |
            (words->result_addr & 7) | words->deadline_ns) == 0 &&
           (uint32_t)words->lengths == 0 && words->lengths >> 32 >= sizeof(struct capos_ipc_header);
}

/*
 * What a thread knows: the client facet that it called last and the server facet that it received from, each
 * with its id and its slot in the table. Only a thread that is alone in its process knows anything: nobody
 * else takes capabilities out of that table then, and what is live under an id in a slot is always the same.
 * A second thread makes both forget (thread.c).
 */
static inline bool ipc_knows_facet(const struct ipc_fast *fast, uint32_t id)
{
    return fast->facet_id == id && fast->facet_slot->live_id == id;
}
static inline bool ipc_knows_endpoint(const struct ipc_fast *fast, uint32_t id)
{
    return fast->server_cap_id == id && fast->server_slot->live_id == id;
}
/* The thread is alone, and that is a client facet, found in the table under that id. */
void ipc_learn_facet(struct ipc_fast *fast, uint32_t id, const struct capability *capability);

/* The functions are for a thread that waits for one completion, without a limit, has none now and nothing in
 * flight (hindrances is 0), of a process with one thread: so the facet, or the server facet that the id
 * names, which was found in the process' table, stays there as long as the thread waits. Calls are on the
 * facet that the thread knows. Entries are consumed unless the answer is IPC_GENERAL_WAY. */

/* A CALL with that entry: no capabilities, no deadline, not pipelined. */
enum ipc_way ipc_fast_call(struct thread *caller, const struct sqe_words *words, struct thread **next);
/* The same with one capability, which is copied. */
enum ipc_way ipc_fast_call_with_capability(struct thread *caller, const struct sqe_words *words,
                                           struct thread **next);
/* A plain RETURN, from the endpoint that the thread knows; otherwise it is the general way. */
enum ipc_way ipc_fast_return(struct thread *server, const struct sqe_words *words, struct thread **next);
/* A simple one. */
enum ipc_way ipc_fast_return_late(struct thread *server, const struct sqe_words *words, struct thread **next);
/* RELEASE: false: the capability is not there, and nothing has changed. *news not null: it was the last to
 * this facet, and that is to be told by whoever asked, at once: with ipc_fast_call_late if that
 * succeeds, else with ipc_facet_dropped. */
bool ipc_fast_give_up(struct process *process, uint32_t id, struct ipc_facet **news);
/* The same as ipc_fast_call, but of any length, and if `news` is not null, that is told too and the facet
 * freed.
 */
enum ipc_way ipc_fast_call_late(struct thread *caller, const struct sqe_words *words, struct ipc_facet *news,
                                struct thread **next);
/* A RECV; sq_head is where the queue begins behind it. */
enum ipc_way ipc_fast_receive(struct thread *server, const struct sqe_words *words, uint32_t sq_head);
