/* printf and strtod: much integer and floating point work inside the library. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static const double numbers[] = {0.0, -0.0, 1.0 / 3, 1e300, 5e-324, 123456789.125, -2.5, 1e21, 0.1};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[64];
        printf("%g %e %.3f %a", numbers[i], numbers[i], numbers[i] > 1e30 ? 0.0 : numbers[i], numbers[i]);
        snprintf(text, sizeof(text), "%.17g", numbers[i]);
        printf(" %s\n", strtod(text, NULL) == numbers[i] ? "same" : "different");
    }
    for (int64_t n = 1; n > 0 && n < INT64_MAX / 37; n *= 37)
        printf("%" PRId64 " %" PRIx64 " %" PRIo64 " %08d|%-8d|%+d\n", n, (uint64_t)n, (uint64_t)n, (int)n,
               (int)n, (int)n);
    printf("%.15f %.15f %.15f\n", sin(1), exp(1), pow(2, 0.5));
    printf("%d %u %f\n", (int)3.99, (unsigned)-1, (double)(float)0.1);
    return 0;
}
