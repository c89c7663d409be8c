/* Functions that clang calls on its own for this target beyond those in lib/base. */
#include "internal.h"
#include <base/string.h>

int bcmp(const void *a, const void *b, size_t size_bytes);

int bcmp(const void *a, const void *b, size_t size_bytes)
{
    return memcmp(a, b, size_bytes);
}
