/*
 * Notifications: 64 bits that one side sets and another waits for. docs/notifications.md.
 *
 * Bits stay set until somebody takes them. Whoever waits for some of them is served in order of arrival and
 * takes those he waits for. Two facets: Notification can do everything, Signaler only signal.
 */
#pragma once
#include "core/types.h"
#include "object/object.h"

struct ledger;
struct notification;

enum { NOTIFICATION_WAITERS_MAX = 1024 };

/* Charged to the ledger. One reference. NO_MEMORY. */
CHECKED status_t notification_create(struct ledger *ledger, struct capability *out);
/* For kernel code that was sent a capability: either facet; null: it is neither. Borrowed. */
struct notification *notification_from(struct capability capability);
struct object *notification_as_object(struct notification *notification);
/* Sets bits and answers who waited for them. No lock held; any context. At most 64 are answered, since each
 * takes a bit; at most NOTIFICATION_WAITERS_MAX are looked at. */
void notification_signal(struct notification *notification, uint64_t bits);
