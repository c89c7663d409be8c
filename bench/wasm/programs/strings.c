/* Strings: building, searching, splitting, comparing and counting words with a hash table. */
#include "bench.h"

enum { BUCKETS = 4096, WORD_BYTES = 16 };

struct entry {
    char word[WORD_BYTES];
    uint32_t count;
};

static struct entry table[BUCKETS];

static uint32_t hash(const char *word)
{
    uint32_t h = 2166136261u;
    for (; *word; word++)
        h = (h ^ (uint8_t)*word) * 16777619u;
    return h;
}

static void count_word(const char *word)
{
    uint32_t at = hash(word) % BUCKETS;
    while (table[at].count && strcmp(table[at].word, word) != 0)
        at = (at + 1) % BUCKETS;
    if (!table[at].count)
        strcpy(table[at].word, word);
    table[at].count++;
}

static uint32_t write_word(char *to, uint32_t *random)
{
    static const char *const syllables[] = {"ka", "lo", "mi", "ne", "ru", "sta", "ve", "x"};
    uint32_t length = 0;
    for (uint32_t n = bench_random(random) % 4 + 1; n > 0; n--) {
        const char *s = syllables[bench_random(random) % 8];
        size_t size = strlen(s);
        memcpy(to + length, s, size);
        length += (uint32_t)size;
    }
    to[length] = 0;
    return length;
}

int main(int argc, char **argv)
{
    uint32_t words = bench_size(argc, argv, 900000), random = 13, used = 0;
    char *text = malloc((size_t)words * (WORD_BYTES + 1) + 1), *save = NULL;
    uint64_t sum = 0, found = 0;
    if (!text)
        return 1;
    for (uint32_t i = 0; i < words; i++) {
        used += write_word(text + used, &random);
        text[used++] = ' ';
    }
    text[used] = 0;
    for (const char *p = text; (p = strstr(p, "kami")) != NULL; p++)
        found++;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        count_word(word);
    for (unsigned i = 0; i < BUCKETS; i++)
        if (table[i].count)
            sum = bench_mix(bench_mix(sum, hash(table[i].word)), table[i].count);
    free(text);
    return bench_report("strings", bench_mix(sum, found));
}
