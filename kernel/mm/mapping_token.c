/*
 * Tokens: mappings that can be taken back together, whichever address spaces they are in by then.
 *
 * A token lists the address spaces that have mappings made with it (a mapping_use each), not the mappings:
 * those are split, merged and copied, and a walk over one address space finds them. Revoking sets the flag,
 * after which the list only becomes shorter, and empties the listed address spaces one after the other. An
 * address space that ends, or that unmaps the last of them, leaves the list itself.
 *
 * Lock of a token: class LOCK_MEMOBJ, taken under LOCK_ASPACE, never with a memory object's.
 */
#include "arch/arch.h"
#include "core/panic.h"
#include "mm/aspace_internal.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/object.h"

struct mapping_token {
    struct spinlock lock;
    uint32_t references; /* atomic */
    bool revoked;
    struct list uses;
    struct ledger *ledger; /* constant, referenced */
    struct object *owner;  /* constant, referenced by each use */
};

status_t mapping_token_create(struct ledger *ledger, struct object *owner, struct mapping_token **out)
{
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(struct mapping_token));
    if (status != CAPOS_OK)
        return status;
    struct mapping_token *token = heap_alloc(sizeof *token);
    if (token == NULL) {
        ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *token);
        return CAPOS_ERR_NO_MEMORY;
    }
    spinlock_init(&token->lock, LOCK_MEMOBJ);
    token->references = 1;
    list_init(&token->uses);
    token->ledger = ledger;
    token->owner = owner;
    ledger_get(ledger);
    *out = token;
    return CAPOS_OK;
}

void mapping_token_get(struct mapping_token *token)
{
    __atomic_add_fetch(&token->references, 1, __ATOMIC_RELAXED);
}

void mapping_token_put(struct mapping_token *token)
{
    if (__atomic_sub_fetch(&token->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    struct ledger *ledger = token->ledger;
    kassert(list_is_empty(&token->uses));
    heap_free(token, sizeof *token);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *token);
    ledger_put(ledger);
}

/* ---- Uses. LOCK_ASPACE held, or nobody else knows the address space. */

static struct mapping_use *use_of(struct list_node *node)
{
    return node == NULL ? NULL : container_of(node, struct mapping_use, in_aspace);
}

struct mapping_use *mapping_use_at(const struct aspace *aspace, uint32_t number)
{
    struct mapping_use *use = use_of(list_first(&aspace->uses));
    while (use != NULL && use->number != number)
        use = use_of(list_next(&aspace->uses, &use->in_aspace));
    kassert(use != NULL);
    return use;
}

static struct mapping_use *find(const struct aspace *aspace, const struct mapping_token *token)
{
    struct mapping_use *use = use_of(list_first(&aspace->uses));
    while (use != NULL && use->token != token)
        use = use_of(list_next(&aspace->uses, &use->in_aspace));
    return use;
}

/* REVOKED. */
static status_t join(struct mapping_token *token, struct mapping_use *use)
{
    spinlock_acquire(&token->lock);
    bool revoked = token->revoked;
    if (!revoked)
        list_push_back(&token->uses, &use->in_token);
    spinlock_release(&token->lock);
    return revoked ? CAPOS_ERR_REVOKED : CAPOS_OK;
}

status_t mapping_use_obtain(struct aspace *aspace, struct mapping_token *token, struct mapping_use **out)
{
    struct mapping_use *use = find(aspace, token);
    if (use != NULL) {
        *out = use; /* a revocation that has begun comes to this address space yet */
        return CAPOS_OK;
    }
    status_t status = ledger_charge(aspace->ledger, LEDGER_HEAP_BYTES, sizeof *use);
    if (status != CAPOS_OK)
        return status;
    use = heap_alloc(sizeof *use);
    status = CAPOS_ERR_NO_MEMORY;
    if (use == NULL)
        goto err_refund;
    use->token = token;
    use->aspace = aspace;
    use->number = ++aspace->last_use;
    status = join(token, use);
    if (status != CAPOS_OK)
        goto err_free;
    mapping_token_get(token);
    object_get(token->owner);
    list_push_back(&aspace->uses, &use->in_aspace);
    *out = use;
    return CAPOS_OK;

err_free:
    heap_free(use, sizeof *use);
err_refund:
    ledger_refund(aspace->ledger, LEDGER_HEAP_BYTES, sizeof *use);
    return status;
}

struct object *mapping_use_drop(struct mapping_use *use)
{
    if (use->regions > 0 && --use->regions > 0)
        return NULL;
    struct mapping_token *token = use->token;
    struct object *owner = token->owner;
    spinlock_acquire(&token->lock);
    list_remove(&use->in_token);
    spinlock_release(&token->lock);
    list_remove(&use->in_aspace);
    ledger_refund(use->aspace->ledger, LEDGER_HEAP_BYTES, sizeof *use);
    heap_free(use, sizeof *use);
    mapping_token_put(token);
    return owner;
}

void mapping_use_discard(struct mapping_use *use)
{
    if (use != NULL && use->regions == 0)
        object_put(mapping_use_drop(use)); /* not the last reference: whoever brought the token has one */
}

/* ---- Revocation. */

/* Sets the flag. An address space that has mappings, referenced, or null. One that is on the list cannot be
 * freed: it leaves the list before that. */
static struct aspace *next_user(struct mapping_token *token)
{
    spinlock_acquire(&token->lock);
    token->revoked = true;
    struct list_node *node = list_first(&token->uses);
    struct aspace *aspace = node == NULL ? NULL : container_of(node, struct mapping_use, in_token)->aspace;
    if (aspace != NULL)
        aspace_get(aspace);
    spinlock_release(&token->lock);
    return aspace;
}

void mapping_token_revoke(struct mapping_token *token)
{
    struct aspace *aspace;
    while ((aspace = next_user(token)) != NULL) {
        aspace_unmap_token(aspace, token);
        aspace_put(aspace);
        arch_preemption_point();
    }
}
