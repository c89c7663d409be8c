/*
 * What ipc.c and ipc_fast.c share of an endpoint's inside: its lists, and what belongs to a call.
 */
#pragma once
#include "core/captable.h"
#include "core/ipc.h"
#include "core/process.h"

static inline struct pending *pending_of_message(struct ipc_message *message)
{
    return container_of(message, struct pending, ipc.message);
}

static inline struct ipc_facet *facet_of_message(struct ipc_message *message)
{
    return container_of(message, struct ipc_facet, message);
}

static inline struct pending *pending_of_node(struct list_node *node)
{
    return pending_of_message(container_of(node, struct ipc_message, node));
}

/* ---- The lock. Everything the fast way has left unsaid is said then. */

void ipc_settle_endpoint_locked(struct ipc_endpoint *endpoint);

static inline void ipc_lock(struct ipc_endpoint *endpoint)
{
    spinlock_acquire(&endpoint->lock);
    if (__builtin_expect(endpoint->fast_receiver != NULL || endpoint->fast_call != NULL, 0))
        ipc_settle_endpoint_locked(endpoint);
}

/* ---- The lists. All with the lock held. */

static inline struct pending **bucket_of(struct ipc_endpoint *endpoint, uint32_t call_id)
{
    return &endpoint->calls[call_id % IPC_DELIVERED_BUCKETS];
}

static inline struct pending **find_delivered_locked(struct ipc_endpoint *endpoint, uint32_t call_id)
{
    struct pending **link = bucket_of(endpoint, call_id);
    while (*link != NULL && (*link)->ipc.call_id != call_id)
        link = &(*link)->ipc.next_delivered;
    return link;
}

/* An id that no delivered call has. 0 is none's. */
static inline uint32_t new_call_id_locked(struct ipc_endpoint *endpoint)
{
    do
        endpoint->last_call_id++;
    while (endpoint->last_call_id == 0 || *find_delivered_locked(endpoint, endpoint->last_call_id) != NULL);
    return endpoint->last_call_id;
}

static inline void add_delivered_locked(struct ipc_endpoint *endpoint, struct pending *call)
{
    struct pending **bucket = bucket_of(endpoint, call->ipc.call_id);
    call->ipc.state = IPC_DELIVERED;
    call->ipc.next_delivered = *bucket;
    *bucket = call;
    endpoint->delivered++;
}

static inline void take_delivered_locked(struct ipc_endpoint *endpoint, struct pending **link, uint8_t state)
{
    struct pending *call = *link;
    *link = call->ipc.next_delivered;
    call->ipc.state = state;
    endpoint->delivered--;
}

static inline void take_receiver_locked(struct ipc_endpoint *endpoint, struct pending *receiver,
                                        uint8_t state)
{
    list_remove(&receiver->ipc.message.node);
    receiver->ipc.state = state;
    endpoint->receiving--;
}

static inline void add_receiver_locked(struct ipc_endpoint *endpoint, struct pending *receiver)
{
    receiver->ipc.state = IPC_WAITING;
    list_push_front(&endpoint->receivers, &receiver->ipc.message.node); /* the one whose caches are warm */
    endpoint->receiving++;
}

static inline void take_message_locked(struct ipc_endpoint *endpoint, struct ipc_message *message,
                                       uint8_t state)
{
    list_remove(&message->node);
    if (message->dropped)
        return;
    pending_of_message(message)->ipc.state = state;
    endpoint->queued--;
}

static inline void add_message_locked(struct ipc_endpoint *endpoint, struct ipc_message *message,
                                      bool in_front)
{
    if (in_front)
        list_push_front(&endpoint->queue, &message->node);
    else
        list_push_back(&endpoint->queue, &message->node);
    if (message->dropped)
        return;
    pending_of_message(message)->ipc.state = IPC_WAITING;
    endpoint->queued++;
}

static inline struct ipc_message *first_message(const struct ipc_endpoint *endpoint)
{
    struct list_node *node = list_first(&endpoint->queue);
    return node == NULL ? NULL : container_of(node, struct ipc_message, node);
}

/* ---- Calls and receives. */

/* Small enough to be copied with the endpoint locked. */
enum { SHORT_BYTES = 1024 };

/* pending.cancel of the two. */
bool ipc_call_cancel(struct pending *call);
bool ipc_receive_cancel(struct pending *receiver);

/* The facet keeps the reference of who called it last. */
void ipc_remember_caller(struct ipc_facet *facet, const struct thread *caller);

static inline void remember_caller(struct ipc_facet *facet, struct pending *call)
{
    if (facet->ref_process_id != call->thread->process->id)
        ipc_remember_caller(facet, call->thread);
    call->ipc.caller_ref[0] = facet->caller_ref[0];
    call->ipc.caller_ref[1] = facet->caller_ref[1];
}

/* The endpoint that a RECV or RETURN names, without a reference and without the table's lock:
 * captable_peek_alone. Null: it is no plain server facet, or that is not possible. */
static inline struct ipc_endpoint *server_facet_alone(const struct process *process, uint32_t id)
{
    const struct capability *named = captable_peek_alone(process, id);
    return named != NULL && named->type == &endpoint_type
               ? container_of(named->object, struct ipc_endpoint, server)
               : NULL;
}
