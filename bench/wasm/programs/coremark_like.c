/* The work CoreMark is known for, written anew: linked lists, small matrices, a state machine, a checksum. */
#include "bench.h"

enum { NODES = 200, EDGE = 9 };

struct node {
    struct node *next;
    uint16_t key, value;
};

static struct node nodes[NODES];

static uint16_t crc16(uint16_t crc, uint32_t data, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++) {
        unsigned mix = (crc ^ data) & 1;
        crc = (uint16_t)(crc >> 1 ^ (mix ? 0xa001 : 0));
        data >>= 1;
    }
    return crc;
}

/* ---- lists ---- */

static struct node *list_build(uint32_t *random)
{
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
        nodes[i].key = (uint16_t)bench_random(random);
        nodes[i].value = (uint16_t)i;
    }
    return nodes;
}

static struct node *list_reverse(struct node *list)
{
    struct node *reversed = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static struct node *list_find(struct node *list, uint16_t value)
{
    while (list && list->value != value)
        list = list->next;
    return list;
}

/* Bottom-up merge sort: runs of 1, 2, 4 ... until one is left. */
static struct node *list_sort(struct node *list)
{
    for (unsigned run = 1, merges = 2; merges > 1; run *= 2) {
        struct node *p = list, *head = NULL, **tail = &head;
        for (merges = 0; p; merges++) {
            struct node *q = p;
            unsigned p_left = 0, q_left = run;
            for (; p_left < run && q; p_left++)
                q = q->next;
            while (p_left || (q_left && q)) {
                int take_p = p_left && (!q_left || !q || p->key <= q->key);
                struct node **from = take_p ? &p : &q;
                *tail = *from;
                tail = &(*from)->next;
                *from = (*from)->next;
                *(take_p ? &p_left : &q_left) -= 1;
            }
            p = q;
        }
        *tail = NULL;
        list = head;
    }
    return list;
}

static uint16_t list_bench(uint16_t crc, uint32_t *random)
{
    struct node *list = list_build(random);
    for (uint16_t i = 0; i < 10; i++) {
        struct node *found = list_find(list, (uint16_t)(i * 17));
        crc = crc16(crc, found ? found->key : 0, 16);
        list = list_reverse(list);
    }
    list = list_sort(list);
    for (; list; list = list->next)
        crc = crc16(crc, list->key, 16);
    return crc;
}

/* ---- matrices ---- */

static uint16_t matrix_bench(uint16_t crc, uint32_t *random)
{
    static int16_t a[EDGE][EDGE], b[EDGE][EDGE];
    static int32_t c[EDGE][EDGE];
    for (unsigned i = 0; i < EDGE; i++)
        for (unsigned j = 0; j < EDGE; j++) {
            a[i][j] = (int16_t)bench_random(random);
            b[i][j] = (int16_t)(a[i][j] + (int16_t)j);
        }
    for (unsigned i = 0; i < EDGE; i++)
        for (unsigned j = 0; j < EDGE; j++) {
            uint32_t sum = 0;
            for (unsigned k = 0; k < EDGE; k++)
                sum += (uint32_t)((int32_t)a[i][k] * b[k][j]);
            c[i][j] = (int32_t)sum;
        }
    for (unsigned i = 0; i < EDGE; i++)
        for (unsigned j = 0; j < EDGE; j++)
            crc = crc16(crc, (uint32_t)(c[i][j] >> 3 & 0xffff), 16);
    return crc;
}

/* ---- state machine: is it a number? ---- */

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, INVALID, STATES };

static enum state step(enum state s, char c)
{
    int digit = c >= '0' && c <= '9', sign = c == '+' || c == '-';
    switch (s) {
    case START:
        return digit ? INTEGER : sign ? SIGN : c == '.' ? POINT : INVALID;
    case SIGN:
        return digit ? INTEGER : c == '.' ? POINT : INVALID;
    case INTEGER:
        return digit ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID;
    case POINT:
        return digit ? FRACTION : INVALID;
    case FRACTION:
        return digit ? FRACTION : c == 'e' ? EXPONENT : INVALID;
    case EXPONENT:
        return sign ? EXPONENT_SIGN : digit ? SCIENTIFIC : INVALID;
    case EXPONENT_SIGN:
    case SCIENTIFIC:
        return digit ? SCIENTIFIC : INVALID;
    default:
        return INVALID;
    }
}

static uint16_t state_bench(uint16_t crc, uint32_t *random)
{
    static const char text[] =
        "5012,+874,-122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,T0.3e-1F,-T.T++Tq";
    uint32_t counts[STATES] = {0};
    char copy[sizeof(text)];
    memcpy(copy, text, sizeof(text));
    copy[bench_random(random) % (sizeof(text) - 1)] ^= (char)(bench_random(random) & 3);
    enum state s = START;
    for (const char *p = copy; *p; p++) {
        if (*p == ',') {
            counts[s]++;
            s = START;
        } else {
            s = step(s, *p);
        }
    }
    counts[s]++;
    for (unsigned i = 0; i < STATES; i++)
        crc = crc16(crc, counts[i], 16);
    return crc;
}

int main(int argc, char **argv)
{
    uint32_t rounds = bench_size(argc, argv, 6000), random = 17;
    uint16_t crc = 0xffff;
    for (uint32_t i = 0; i < rounds; i++) {
        crc = list_bench(crc, &random);
        crc = matrix_bench(crc, &random);
        for (unsigned k = 0; k < 4; k++)
            crc = state_bench(crc, &random);
    }
    return bench_report("coremark_like", crc);
}
