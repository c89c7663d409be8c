/*
 * What a struct pending remembers while it waits at an endpoint: a call (caller's side) or a receive
 * (server's side). core/ipc.h says how the states follow each other.
 */
#pragma once
#include "core/types.h"
#include "object/object.h"
#include <base/list.h>

struct pending;
struct process;
struct ipc_endpoint;

enum ipc_state {
    IPC_NEW,     /* nobody else knows it */
    IPC_WAITING, /* a call in the endpoint's queue, or a receive in its list of receivers */
    IPC_BUSY,    /* claimed: one CPU delivers, answers or ends it; everybody else waits for the next state */
    IPC_DELIVERED, /* a call that a receiver has and that is not answered yet */
    IPC_DONE,      /* being completed */
};

/* In an endpoint's queue: a call, or the news that a facet is gone. */
struct ipc_message {
    struct list_node node;
    bool dropped;
};

/* A capability on its way: `capability` is referenced; MOVE: hidden in the sender's table under `id`. */
struct ipc_cap {
    struct capability capability;
    uint32_t id;
    uint32_t mode;
};

/* What a thread remembers that waits the fast way (core/ipc_fast.h). The buffer's place stays known from one
 * wait to the next. */
struct ipc_fast {
    uaddr_t address; /* of the buffer, 8-aligned */
    uint32_t size_bytes;
    uint32_t room_bytes; /* of them, those that lie in its first page */
    char *place;         /* where the buffer begins, if the address space is of this generation */
    uint64_t generation; /* struct aspace_front */
    uint64_t user_data;
    /* What it calls or called last (IN_CALL), borrowed from the capability with that id, in that slot; and
     * what it receives or received from (IN_RECEIVE). core/ipc_fast.h, "What a thread knows". */
    struct ipc_facet *facet;
    const struct cap_slot *facet_slot;
    struct ipc_endpoint *endpoint;
    const struct cap_slot *server_slot;
    uint32_t facet_id;
    uint32_t server_cap_id;
};
/* It knows nothing. */
void ipc_fast_forget(struct ipc_fast *fast);

struct ipc_wait {
    struct ipc_message message; /* a call in the queue; `node` alone: a receive among the receivers */
    struct ipc_endpoint *endpoint;
    uint8_t state; /* enum ipc_state; endpoint's lock, or the one who made it BUSY */
    uint8_t cap_count;
    uint16_t method_id;
    uint32_t call_id; /* of this delivery */
    uint32_t params_len;
    uint32_t server_cap_id; /* receive: the capability through which it waits */
    uaddr_t params;         /* call: in the caller's memory */
    uint64_t deadline_ns;
    uint64_t tag;
    uint64_t caller_ref[2];
    const struct process *receiver; /* DELIVERED: who has it; only compared */
    struct pending *next_delivered; /* in the endpoint's table */
    struct ipc_cap caps[CAPOS_XFER_CAPS_MAX];
};
