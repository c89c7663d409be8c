/* See number.h. */
#include "number.h"
#include <errno.h>
#include <stdlib.h>

enum {
    MEMORY_MIN_MIB = 2,
    MEMORY_MAX_MIB = 1024 * 1024,
};

bool number_parse(const char *text, const char *what, unsigned min, unsigned max, unsigned *out,
                  struct sentence *why)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        return sentence_say(why, "%s must be a whole number, not '%s'", what, text);
    if (errno != 0 || value < min || value > max)
        return sentence_say(why, "%s must be from %u to %u, not %s", what, min, max, text);
    *out = (unsigned)value;
    return true;
}

bool memory_size_parse(const char *text, unsigned *out_mib, struct sentence *why)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool number = text[0] >= '0' && text[0] <= '9' && errno == 0;
    unsigned long long kib_per_unit = 0;
    switch (number ? *end : 'x') {
    case 'K':
    case 'k':
        kib_per_unit = 1;
        break;
    case '\0':
    case 'M':
    case 'm':
        kib_per_unit = 1024;
        break;
    case 'G':
    case 'g':
        kib_per_unit = 1024 * 1024;
        break;
    default:
        break;
    }
    if (kib_per_unit == 0 || (*end != '\0' && end[1] != '\0'))
        return sentence_say(
            why, "'%s' is not a size of memory. Write for instance --memory 64M or --memory 1G", text);
    unsigned long long kib;
    if (__builtin_mul_overflow(value, kib_per_unit, &kib) || kib < MEMORY_MIN_MIB * 1024ull ||
        kib > MEMORY_MAX_MIB * 1024ull)
        return sentence_say(why, "a machine can have from %dM to %dG of memory, not %s", MEMORY_MIN_MIB,
                            MEMORY_MAX_MIB / 1024, text);
    if (kib % 1024 != 0)
        return sentence_say(why, "the machine's memory must be a whole number of MiB, which %s is not", text);
    *out_mib = (unsigned)(kib / 1024);
    return true;
}
