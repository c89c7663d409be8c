/* What a person may have meant who wrote a word that does not exist. Pure. */
#pragma once
#include <capnp/capnp.h>

struct suggestion {
    struct capnp_text wrong;
    const char *best; /* null: nothing is near */
    unsigned distance;
};

/* Nothing is as near as two slips, and for a short word as one. */
void suggest_begin(struct suggestion *suggestion, struct capnp_text wrong);
/* A word that exists, which lives as long as the suggestion is used. */
void suggest_offer(struct suggestion *suggestion, const char *word);
/* Slips between two words: a character too many, missing, wrong, or two exchanged. Above SUGGEST_BYTES_MAX
 * bytes: many. */
enum { SUGGEST_BYTES_MAX = 40, SUGGEST_MANY = 1000 };
unsigned suggest_distance(struct capnp_text a, struct capnp_text b);
