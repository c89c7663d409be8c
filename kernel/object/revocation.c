#include "object/revocation.h"
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/pending.h"
#include "mm/heap.h"
#include "mm/aspace.h"
#include "mm/ledger.h"
#include <capos/system_server.h>

struct revocation {
    struct object object;  /* first */
    struct ledger *ledger; /* referenced: pays for it */
    bool revoked;          /* atomic; set once, under the lock */

    struct spinlock lock;
    struct list membranes; /* struct membrane_link.in_revocation */
};

enum { BORROWED_MAX = 96 };
struct borrowed {
    uint32_t count;
    struct object *objects[BORROWED_MAX];
};
/* What the entry being executed on this CPU has borrowed. */
static PERCPU struct borrowed borrowed_here;

/* ---- Memory that a ledger pays for. */

static void *paid_alloc(struct ledger *ledger, size_t size_bytes)
{
    if (ledger_charge(ledger, LEDGER_HEAP_BYTES, size_bytes) < 0)
        return NULL;
    void *memory = heap_alloc(size_bytes);
    if (memory == NULL)
        ledger_refund(ledger, LEDGER_HEAP_BYTES, size_bytes);
    else
        ledger_get(ledger);
    return memory;
}

static void paid_free(struct ledger *ledger, void *memory, size_t size_bytes)
{
    heap_free(memory, size_bytes);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, size_bytes);
    ledger_put(ledger);
}

/* ---- Borrowing. */

uint32_t borrows_count(void)
{
    return percpu_this(borrowed_here)->count;
}

void borrows_return(uint32_t kept)
{
    struct borrowed *borrowed = percpu_this(borrowed_here);
    while (borrowed->count > kept)
        object_put(borrowed->objects[--borrowed->count]);
}

static bool is_revoked(const struct revocation *revocation)
{
    return __atomic_load_n(&revocation->revoked, __ATOMIC_ACQUIRE);
}

static bool any_revoked(const struct membrane *membrane)
{
    for (uint32_t i = 0; i < membrane->count; i++) {
        if (is_revoked(membrane->links[i].revocation))
            return true;
    }
    return false;
}

/* A reference to the real object, unless it is out of reach. */
static bool reference_real(struct membrane *membrane)
{
    spinlock_acquire(&membrane->lock);
    bool reachable = membrane->holds_real && !any_revoked(membrane);
    if (reachable)
        object_get(membrane->real.object);
    spinlock_release(&membrane->lock);
    return reachable;
}

static status_t borrow_real(struct membrane *membrane)
{
    struct borrowed *borrowed = percpu_this(borrowed_here);
    if (borrowed->count == BORROWED_MAX)
        return CAPOS_ERR_TOO_LARGE;
    if (!reference_real(membrane))
        return CAPOS_ERR_REVOKED;
    borrowed->objects[borrowed->count++] = membrane->real.object;
    return CAPOS_OK;
}

/* ---- The membrane as a type. */

static struct membrane *of(struct object *object)
{
    return container_of(object, struct membrane, object);
}

static int32_t membrane_dispatch(const void *server, void *object, uint16_t method_id, struct cap_call *call)
{
    struct membrane *membrane = of(object);
    struct kcall *kcall = kcall_of(call);
    (void)server;
    status_t status = membrane_call_begin(membrane, kcall);
    if (status < 0)
        return status;
    const struct object_type *type = membrane->real.type;
    return membrane_call_end(kcall, type->dispatch(type->server, membrane->real.object, method_id, call));
}

static int32_t membrane_forward(const struct capability *target, struct cap_call *call)
{
    struct membrane *membrane = of(target->object);
    struct kcall *kcall = kcall_of(call);
    status_t status = membrane_call_begin(membrane, kcall);
    if (status < 0)
        return status;
    return membrane_call_end(kcall, membrane->real.type->forward(&membrane->real, call));
}

static status_t membrane_resolve(struct capability *capability)
{
    struct membrane *membrane = of(capability->object);
    status_t status = borrow_real(membrane);
    if (status == CAPOS_OK)
        *capability = membrane->real;
    return status;
}

/* Also after a revocation: who holds it must still be able to give up what it took on (cut). */
static void membrane_holder_ended(struct object *object, struct process *process)
{
    struct membrane *membrane = of(object);
    membrane->real.type->holder_ended(membrane->real.object, process);
}

static void membrane_leave(struct membrane_link *link)
{
    struct revocation *revocation = link->revocation;
    spinlock_acquire(&revocation->lock);
    if (list_is_linked(&link->in_revocation))
        list_remove(&link->in_revocation);
    spinlock_release(&revocation->lock);
    object_put(&revocation->object);
}

static void membrane_destroy(struct object *object)
{
    struct membrane *membrane = of(object);
    for (uint32_t i = 0; i < membrane->count; i++)
        membrane_leave(&membrane->links[i]);
    if (membrane->holds_real)
        object_put(membrane->real.object);
    if (membrane->mappings != NULL)
        mapping_token_put(membrane->mappings); /* nothing is mapped with it: that would hold the membrane */
    paid_free(membrane->ledger, membrane, sizeof(*membrane));
}

static const struct object_type blank_type = {.name = "revocable", .destroy = membrane_destroy};

struct membrane *membrane_of(struct capability capability)
{
    return capability.type->resolve == membrane_resolve ? of(capability.object) : NULL;
}

/* ---- Making one. */

static status_t membrane_create(struct ledger *payer, struct membrane **out)
{
    struct membrane *membrane = paid_alloc(payer, sizeof(*membrane));
    if (membrane == NULL)
        return CAPOS_ERR_NO_MEMORY;
    membrane->ledger = payer;
    membrane->type = blank_type;
    spinlock_init(&membrane->lock, LOCK_OBJECT);
    list_init(&membrane->calls);
    object_init(&membrane->object, &membrane->type);
    *out = membrane;
    return CAPOS_OK;
}

static bool belongs_to(const struct membrane *membrane, const struct revocation *revocation)
{
    for (uint32_t i = 0; i < membrane->count; i++) {
        if (membrane->links[i].revocation == revocation)
            return true;
    }
    return false;
}

/* REVOKED; TOO_LARGE. Also when it belongs to it already. */
static status_t membrane_join(struct membrane *membrane, struct revocation *revocation)
{
    if (belongs_to(membrane, revocation))
        return CAPOS_OK;
    if (membrane->count == REVOCATIONS_MAX)
        return CAPOS_ERR_TOO_LARGE;
    struct membrane_link *link = &membrane->links[membrane->count];
    link->membrane = membrane; /* before it is in the list, where whoever revokes finds it */
    spinlock_acquire(&revocation->lock);
    bool open = !revocation->revoked;
    if (open)
        list_push_back(&revocation->membranes, &link->in_revocation);
    spinlock_release(&revocation->lock);
    if (!open)
        return CAPOS_ERR_REVOKED;
    link->revocation = revocation;
    object_get(&revocation->object);
    membrane->count++;
    return CAPOS_OK;
}

static status_t membrane_join_all(struct membrane *membrane, const struct membrane *other)
{
    status_t status = CAPOS_OK;
    for (uint32_t i = 0; i < other->count && status == CAPOS_OK; i++)
        status = membrane_join(membrane, other->links[i].revocation);
    return status;
}

/* A type that is told of holders keeps its object until the membrane goes: they end their business with it
 * then. */
static struct object *take_real(struct membrane *membrane)
{
    spinlock_acquire(&membrane->lock);
    bool take = membrane->holds_real && membrane->real.type->holder_ended == NULL;
    if (take)
        membrane->holds_real = false;
    spinlock_release(&membrane->lock);
    return take ? membrane->real.object : NULL;
}

/* Puts the reference when the entry is over. */
static void put_at_end(struct object *object)
{
    struct borrowed *borrowed = percpu_this(borrowed_here);
    if (borrowed->count < BORROWED_MAX)
        borrowed->objects[borrowed->count++] = object;
    else
        object_put(object);
}

/* Consumes a reference to the real object. If it is revoked by now, whoever revoked found nothing to take. */
static void membrane_stand_before(struct membrane *membrane, struct capability real, bool claimed)
{
    spinlock_acquire(&membrane->lock);
    membrane->type = (struct object_type){
        .name = real.type->name,
        .interface_id = real.type->interface_id,
        .dispatch = membrane_dispatch,
        .forward = real.type->forward == NULL ? NULL : membrane_forward,
        .params_max_bytes = real.type->params_max_bytes,
        .destroy = membrane_destroy,
        .transfer = real.type->transfer,
        .holder_ended = real.type->holder_ended == NULL ? NULL : membrane_holder_ended,
        .resolve = membrane_resolve,
    };
    membrane->real = real;
    membrane->holds_real = true;
    spinlock_release(&membrane->lock);
    struct object *dropped = any_revoked(membrane) ? take_real(membrane) : NULL;
    if (dropped != NULL && claimed)
        put_at_end(dropped);
    else if (dropped != NULL)
        object_put(dropped);
}

status_t membrane_blank(const struct membrane *through, struct ledger *payer, struct membrane **out)
{
    struct membrane *blank;
    status_t status = membrane_create(payer, &blank);
    if (status < 0)
        return status;
    status = membrane_join_all(blank, through);
    if (status < 0)
        membrane_discard(blank);
    else
        *out = blank;
    return status;
}

void membrane_discard(struct membrane *blank)
{
    object_put(&blank->object);
}

static bool is_within(const struct membrane *inner, const struct membrane *outer)
{
    for (uint32_t i = 0; i < outer->count; i++) {
        if (!belongs_to(inner, outer->links[i].revocation))
            return false;
    }
    return true;
}

/* Of a capability that is itself behind a membrane: what is behind that, within both. */
static status_t wrap_membrane(struct membrane *blank, struct membrane *inner, bool claimed)
{
    status_t status = membrane_join_all(blank, inner);
    if (status == CAPOS_OK && !reference_real(inner))
        status = CAPOS_ERR_REVOKED;
    if (status == CAPOS_OK)
        membrane_stand_before(blank, inner->real, claimed);
    return status;
}

status_t membrane_wrap(struct membrane *blank, struct capability *capability, bool claimed)
{
    struct membrane *inner = membrane_of(*capability);
    if (inner != NULL && is_within(inner, blank)) {
        membrane_discard(blank);
        return CAPOS_OK;
    }
    if (inner == NULL) {
        membrane_stand_before(blank, *capability, claimed);
    } else {
        status_t status = wrap_membrane(blank, inner, claimed);
        if (status < 0)
            return status;
        object_put(capability->object);
    }
    *capability = (struct capability){&blank->object, &blank->type};
    return CAPOS_OK;
}

/* ---- Calls through one. */

status_t membrane_call_begin(struct membrane *membrane, struct kcall *kcall)
{
    uint32_t borrowed_before = percpu_this(borrowed_here)->count;
    status_t status = borrow_real(membrane);
    if (status < 0)
        return status;
    kcall->membrane = membrane;
    kcall->borrowed_before = borrowed_before;
    kcall->pending = NULL;
    return CAPOS_OK;
}

/* Puts the operation among those that a revocation ends, unless it is over already. False: it was revoked
 * before it got there. */
static bool keep_for_revocation(struct membrane *membrane, struct pending *pending)
{
    spinlock_acquire(&membrane->lock);
    bool revoked = any_revoked(membrane);
    if (!revoked && !pending->ended)
        list_push_back(&membrane->calls, &pending->in_membrane);
    spinlock_release(&membrane->lock);
    return !revoked;
}

static void revoke_pending(struct pending *pending)
{
    if (pending->cancel(pending))
        pending_complete(pending, CAPOS_ERR_REVOKED);
}

int32_t membrane_call_end(struct kcall *kcall, int32_t result)
{
    struct membrane *membrane = kcall->membrane;
    struct pending *pending = kcall->pending;
    kcall->membrane = NULL;
    kcall->pending = NULL;
    if (pending != NULL) {
        if (!keep_for_revocation(membrane, pending))
            revoke_pending(pending);
        pending_put(pending);
    }
    borrows_return(kcall->borrowed_before);
    return result;
}

void membrane_call_abandon(struct kcall *kcall)
{
    if (kcall->pending != NULL)
        pending_put(kcall->pending);
    kcall->membrane = NULL;
    kcall->pending = NULL;
    borrows_return(0);
}

/* It joins the membrane's list when the operation is where its cancel finds it: see membrane_call_end. */
void membrane_pending_begun(struct kcall *kcall, struct pending *pending)
{
    pending->membrane = kcall->membrane;
    pending->ended = false;
    pending->in_membrane.next = NULL;
    object_get(&kcall->membrane->object);
    kcall->pending = pending;
    pending_get(pending);
}

void membrane_pending_ended(struct pending *pending)
{
    struct membrane *membrane = pending->membrane;
    spinlock_acquire(&membrane->lock);
    pending->ended = true;
    if (list_is_linked(&pending->in_membrane))
        list_remove(&pending->in_membrane);
    spinlock_release(&membrane->lock);
    pending->membrane = NULL;
    object_put(&membrane->object);
}

/* ---- Revoking. */

/* One operation in flight, referenced and out of the list; null: there is none. */
static struct pending *take_call(struct membrane *membrane)
{
    struct pending *pending = NULL;
    spinlock_acquire(&membrane->lock);
    struct list_node *node = list_pop_front(&membrane->calls);
    if (node != NULL) {
        pending = container_of(node, struct pending, in_membrane);
        pending_get(pending);
    }
    spinlock_release(&membrane->lock);
    return pending;
}

/* ---- Mapped memory. */

/* Sets it, unless there is one already; *out: which there is then. False: another was there. */
static bool keep_mappings(struct membrane *membrane, struct mapping_token *made, struct mapping_token **out)
{
    spinlock_acquire(&membrane->lock);
    bool kept = membrane->mappings == NULL && made != NULL;
    if (kept)
        membrane->mappings = made;
    *out = membrane->mappings;
    spinlock_release(&membrane->lock);
    return kept;
}

/* Whoever revokes sets the flag, then looks for the token under the lock: so either it finds this one, or the
 * flag is seen here. */
status_t membrane_mapping_token(struct membrane *membrane, struct mapping_token **out)
{
    struct mapping_token *token, *made;
    keep_mappings(membrane, NULL, &token);
    if (token == NULL) {
        status_t status = mapping_token_create(membrane->ledger, &membrane->object, &made);
        if (status != CAPOS_OK)
            return status;
        if (!keep_mappings(membrane, made, &token))
            mapping_token_put(made);
    }
    if (any_revoked(membrane))
        return CAPOS_ERR_REVOKED;
    *out = token;
    return CAPOS_OK;
}

static void unmap_all(struct membrane *membrane)
{
    struct mapping_token *token;
    keep_mappings(membrane, NULL, &token);
    if (token != NULL)
        mapping_token_revoke(token);
}

/* Ends what goes on through a membrane, which is revoked by now. */
static void membrane_cut(struct membrane *membrane)
{
    struct pending *pending;
    while ((pending = take_call(membrane)) != NULL) {
        revoke_pending(pending);
        pending_put(pending);
        arch_preemption_point();
    }
    unmap_all(membrane);
    struct object *real = take_real(membrane);
    if (real != NULL)
        object_put(real);
}

/* One membrane that has not been visited, referenced; null: none. One whose destruction is on the way is
 * passed over: nothing goes on through it. */
static struct membrane *take_membrane(struct revocation *revocation)
{
    struct membrane *found = NULL;
    spinlock_acquire(&revocation->lock);
    struct list_node *node;
    while (found == NULL && (node = list_pop_front(&revocation->membranes)) != NULL) {
        struct membrane *membrane = container_of(node, struct membrane_link, in_revocation)->membrane;
        if (object_get_if_alive(&membrane->object))
            found = membrane;
    }
    spinlock_release(&revocation->lock);
    return found;
}

static void revocation_revoke(struct revocation *revocation)
{
    struct membrane *membrane;
    spinlock_acquire(&revocation->lock);
    __atomic_store_n(&revocation->revoked, true, __ATOMIC_RELEASE);
    spinlock_release(&revocation->lock);
    while ((membrane = take_membrane(revocation)) != NULL) {
        membrane_cut(membrane);
        object_put(&membrane->object);
        arch_preemption_point();
    }
}

/* ---- Revoker. */

static int32_t op_revoke(void *self, struct cap_call *call)
{
    (void)call;
    revocation_revoke(container_of((struct object *)self, struct revocation, object));
    return CAPOS_OK;
}

static int32_t op_is_revoked(void *self, struct cap_call *call,
                             struct cap_revoker_is_revoked_results *results)
{
    (void)call;
    results->revoked = is_revoked(container_of((struct object *)self, struct revocation, object));
    return CAPOS_OK;
}

static const struct cap_revoker_server server = {.revoke = op_revoke, .is_revoked = op_is_revoked};
KERNEL_DISPATCH(dispatch, cap_revoker_dispatch)

static void revocation_destroy(struct object *object)
{
    struct revocation *revocation = container_of(object, struct revocation, object);
    paid_free(revocation->ledger, revocation, sizeof(*revocation));
}

static const struct object_type revoker_type = {
    .name = "Revoker",
    .interface_id = CAP_REVOKER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = revocation_destroy,
};

static status_t revocation_create(struct ledger *payer, struct revocation **out)
{
    struct revocation *revocation = paid_alloc(payer, sizeof(*revocation));
    if (revocation == NULL)
        return CAPOS_ERR_NO_MEMORY;
    revocation->ledger = payer;
    spinlock_init(&revocation->lock, LOCK_OBJECT);
    list_init(&revocation->membranes);
    object_init(&revocation->object, &revoker_type);
    *out = revocation;
    return CAPOS_OK;
}

/* A membrane of the revocation before the capability (borrowed). */
static status_t facet_create(struct ledger *payer, struct revocation *revocation,
                             struct capability capability, struct capability *out)
{
    struct membrane *blank;
    status_t status = membrane_create(payer, &blank);
    if (status < 0)
        return status;
    object_get(capability.object);
    status = membrane_join(blank, revocation);
    if (status == CAPOS_OK)
        status = membrane_wrap(blank, &capability, false);
    if (status < 0) {
        object_put(capability.object);
        membrane_discard(blank);
        return status;
    }
    *out = capability;
    return CAPOS_OK;
}

/* Both result capabilities, whose slots are reserved. */
static status_t make_pair(struct ledger *payer, struct capability capability, struct capability *facet,
                          struct capability *revoker)
{
    struct revocation *revocation;
    status_t status = revocation_create(payer, &revocation);
    if (status < 0)
        return status;
    status = facet_create(payer, revocation, capability, facet);
    if (status < 0) {
        object_put(&revocation->object);
        return status;
    }
    *revoker = (struct capability){&revocation->object, &revoker_type};
    return CAPOS_OK;
}

int32_t revocation_make_revocable(struct cap_call *call,
                                  const struct cap_capability_manager_make_revocable_params *params,
                                  struct cap_capability_manager_make_revocable_results *results)
{
    struct call_result_cap *facet, *revoker;
    if (params->capability.id == CAPNP_CAP_NONE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "no capability was given");
    struct capability capability = kcall_capability_in(call, params->capability.id);
    if (capability.type->transfer == CAP_TRANSFER_NEVER)
        return CAPOS_ERR_NOT_TRANSFERABLE; /* it never leaves its process: nothing to revoke */
    status_t status = kcall_reserve_result(call, &facet);
    if (status == CAPOS_OK)
        status = kcall_reserve_result(call, &revoker);
    if (status == CAPOS_OK)
        status = make_pair(kcall_ledger(call), capability, &facet->capability, &revoker->capability);
    if (status == CAPOS_ERR_TOO_LARGE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "the capability is behind 8 revocations already");
    if (status < 0)
        return status;
    results->facet.id = facet->id;
    results->revoker.id = revoker->id;
    return CAPOS_OK;
}
