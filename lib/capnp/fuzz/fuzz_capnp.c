/* libFuzzer target: any bytes as a message. test/exercise.h says what must hold. */
#include "exercise.h"
#include "support.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *copy = exact_copy(bytes, len); /* aligned, and nothing readable behind it */
    exercise(copy, len);
    free(copy);
    return 0;
}
