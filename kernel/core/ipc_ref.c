/*
 * Caller references: SipHash-2-4 with a 128-bit result (Aumasson and Bernstein) of (endpoint, process) under
 * a secret made at boot. Equal for all calls of one process to one endpoint; of no use for comparing notes
 * between endpoints.
 */
#include "core/entropy.h"
#include "core/ipc_inside.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t sip_result(struct sip *s)
{
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void ipc_caller_hash(const uint64_t key[2], const uint64_t words[2], uint64_t out[2])
{
    struct sip s = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    sip_word(&s, words[0]);
    sip_word(&s, words[1]);
    sip_word(&s, UINT64_C(16) << 56); /* the length */
    s.v2 ^= 0xee;
    out[0] = sip_result(&s);
    s.v1 ^= 0xdd;
    out[1] = sip_result(&s);
}

/* Made when first asked for; the first CPU to store a word wins. */
static uint64_t secret_word(uint64_t *word)
{
    uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    if (value != 0)
        return value;
    uint64_t fresh = entropy_random_u64() | 1;
    return __atomic_compare_exchange_n(word, &value, fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
               ? fresh
               : value;
}

void ipc_caller_ref(uint64_t endpoint_id, uint64_t process_id, uint64_t out[2])
{
    static uint64_t secret[2];
    const uint64_t key[2] = {secret_word(&secret[0]), secret_word(&secret[1])};
    const uint64_t words[2] = {endpoint_id, process_id};
    ipc_caller_hash(key, words, out);
}

void ipc_remember_caller(struct ipc_facet *facet, const struct thread *caller)
{
    const uint64_t process_id = caller->process->id;
    ipc_caller_ref(facet->endpoint->id, process_id, facet->caller_ref);
    facet->ref_process_id = process_id;
}
