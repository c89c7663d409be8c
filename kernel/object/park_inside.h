/* What park_space.c and park_switch.c share: buckets, keys and who waits under them. */
#pragma once
#include "core/lock.h"
#include "core/pending.h"
#include <base/list.h>

enum { PARK_BUCKETS_LOG2 = 8 };

struct bucket {
    struct spinlock lock; /* LOCK_PARK; two at once in the order of their addresses */
    struct list waiters;  /* struct pending.in_object, in order of arrival */
    uint64_t arrivals;
} __attribute__((aligned(64))); /* a shift finds it, and it shares no cache line */
extern struct bucket park_buckets[1 << PARK_BUCKETS_LOG2];
/* Unknown to processes, so that none can choose words that share a bucket with another's. */
extern uint64_t park_hash_key[2];

struct key {
    const void *space; /* the address space or the memory object */
    uint64_t place;
};

/* struct pending.own of a PARK. */
struct waiter {
    struct key key;
    struct bucket *bucket; /* written under the locks of the old and the new one */
    uint64_t arrival;      /* bucket's lock, as: */
    bool queued;
    bool shared;
};
_Static_assert(sizeof(struct waiter) <= sizeof(((struct pending *)NULL)->own), "fits the object's part");

static inline struct waiter *waiter_of(struct pending *pending)
{
    return (struct waiter *)(void *)pending->own;
}

static inline struct bucket *bucket_of(const struct key *key)
{
    uint64_t hash = ((uint64_t)(uintptr_t)key->space ^ park_hash_key[1]) * park_hash_key[0];
    hash = ((hash >> 32 | hash << 32) ^ key->place) * park_hash_key[1];
    return &park_buckets[(hash ^ hash >> 32) * park_hash_key[0] >> (64 - PARK_BUCKETS_LOG2)];
}

static inline bool key_is(const struct waiter *waiter, const struct key *key)
{
    return waiter->key.place == key->place && waiter->key.space == key->space;
}

static inline void enqueue_locked(struct bucket *bucket, struct pending *pending)
{
    struct waiter *waiter = waiter_of(pending);
    waiter->arrival = ++bucket->arrivals;
    waiter->queued = true;
    list_push_back(&bucket->waiters, &pending->in_object);
}

static inline void dequeue_locked(struct pending *pending)
{
    list_remove(&pending->in_object);
    waiter_of(pending)->queued = false;
}

/* struct pending.cancel of a PARK. */
bool park_cancel(struct pending *pending);
