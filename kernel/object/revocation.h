/*
 * Revocable facets. docs/revocation.md.
 *
 * A membrane is an object that stands before another (the real one) and belongs to one or more revocations.
 * A capability to it has the real one's interface and does what the real one does, until one of its
 * revocations is revoked; then it answers REVOKED. What is obtained by a call through it gets a membrane of
 * its own, of the same revocations. A membrane never stands before a membrane: what would be one before
 * another is one of both their revocations, at most REVOCATIONS_MAX. So nothing here follows a chain.
 *
 * Revoking sets the flag (from then on no call gets in), then visits every membrane of the revocation, ends
 * the calls in flight through it, takes the memory mapped through it out of the address spaces, and drops the
 * real object. The work is proportional to what is ended, with preemption points.
 *
 * Locks, both of class LOCK_OBJECT and never held together: the revocation's (its list of membranes), the
 * membrane's (calls, mappings, whether it still holds the real object).
 *
 * Charged: what makeRevocable makes, to its caller; a membrane around a result, to who gets the result.
 */
#pragma once
#include "core/lock.h"
#include "object/object.h"
#include <base/list.h>

struct kcall;
struct pending;
struct ledger;
struct revocation;
struct cap_capability_manager_make_revocable_params;
struct cap_capability_manager_make_revocable_results;

enum { REVOCATIONS_MAX = 8 };

struct membrane {
    struct object object;    /* first */
    struct object_type type; /* the capability's: of the real one's interface */
    struct ledger *ledger;   /* referenced: pays for it */

    /* Constant once anybody has a capability to it. */
    struct capability real;
    uint32_t count;
    struct membrane_link {
        struct list_node in_revocation; /* the revocation's lock; unlinked: not entered, or revoked */
        struct membrane *membrane;
        struct revocation *revocation; /* referenced */
    } links[REVOCATIONS_MAX];

    struct spinlock lock;           /* protects: */
    bool holds_real;                /* references `real` */
    struct list calls;              /* struct pending.in_membrane */
    struct mapping_token *mappings; /* referenced; null: none was ever asked for */
};

/* ---- For calls (core/call.c, ring.c, pending.c). */

/* The call goes through the membrane from now on: sets kcall->membrane. Every begin that succeeds is ended by
 * end, with what the operation returned (its own result comes back), on the same CPU. REVOKED. */
CHECKED status_t membrane_call_begin(struct membrane *membrane, struct kcall *kcall);
int32_t membrane_call_end(struct kcall *kcall, int32_t result);
/* The membrane behind a capability; null: it is none. */
struct membrane *membrane_of(struct capability capability);

/* What memory is mapped with by a call through the membrane. Borrowed. REVOKED, NO_MEMORY. */
struct mapping_token;
CHECKED status_t membrane_mapping_token(struct membrane *membrane, struct mapping_token **out);

/* The call, which goes through a membrane, will be answered later. */
void membrane_pending_begun(struct kcall *kcall, struct pending *pending);
/* An operation in flight that was begun through a membrane is completed, one way or the other. */
void membrane_pending_ended(struct pending *pending);

/* A blank membrane of the same revocations, for a result that is obtained through `through`. REVOKED,
 * NO_MEMORY. */
CHECKED status_t membrane_blank(const struct membrane *through, struct ledger *payer, struct membrane **out);
void membrane_discard(struct membrane *blank);
/* Puts the capability behind the blank membrane, and the capability to that into its place; keeps the
 * capability and discards the blank if it is within all its revocations already. On failure neither has
 * changed. REVOKED; TOO_LARGE: more than REVOCATIONS_MAX together. `claimed`: the caller has claimed a record
 * (docs/ipc.md) while it executes an entry; if the last reference to the real object must go because of a
 * revocation at this moment, it goes when the entry is over. */
CHECKED status_t membrane_wrap(struct membrane *blank, struct capability *capability, bool claimed);

/* ---- Borrowing. What capability_resolve hands out, and the real object of a call, are referenced by the CPU
 * until the entry being executed is answered, since a revocation on another CPU may drop the real object. */

/* How many there are. */
uint32_t borrows_count(void);
/* Returns all but the oldest `kept`. */
void borrows_return(uint32_t kept);
/* For a call that does not come back to the ring (the program is replaced): it goes through nothing and
 * borrows nothing any more. */
void membrane_call_abandon(struct kcall *kcall);

/* CapabilityManager.makeRevocable. */
struct cap_call;
int32_t revocation_make_revocable(struct cap_call *call,
                                  const struct cap_capability_manager_make_revocable_params *params,
                                  struct cap_capability_manager_make_revocable_results *results);
