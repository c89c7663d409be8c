#include "suggest.h"

enum { SHORT_WORD = 4 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Optimal string alignment, three rows of its table at a time. */
unsigned suggest_distance(struct capnp_text a, struct capnp_text b)
{
    unsigned rows[3][SUGGEST_BYTES_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    if (a.len > SUGGEST_BYTES_MAX || b.len > SUGGEST_BYTES_MAX)
        return SUGGEST_MANY;
    for (size_t j = 0; j <= b.len; j++)
        before[j] = above[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.bytes[i - 1] == b.bytes[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool exchanged = i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
                             a.bytes[i - 2] == b.bytes[j - 1] && before[j - 2] + 1 < row[j];
            if (exchanged)
                row[j] = before[j - 2] + 1;
        }
        unsigned *spent = before;
        before = above;
        above = row;
        row = spent;
    }
    return above[b.len];
}

void suggest_begin(struct suggestion *suggestion, struct capnp_text wrong)
{
    *suggestion = (struct suggestion){wrong, NULL, wrong.len < SHORT_WORD ? 2 : 3};
}

void suggest_offer(struct suggestion *suggestion, const char *word)
{
    unsigned distance = suggest_distance(suggestion->wrong, capnp_text_of(word));
    if (distance >= suggestion->distance || distance >= suggestion->wrong.len)
        return;
    suggestion->best = word;
    suggestion->distance = distance;
}
