/* Clocks do not run backwards and random bytes vary; the numbers themselves differ from run to run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec a, b, wall;
    unsigned char bytes[64], all = 0;
    if (clock_gettime(CLOCK_MONOTONIC, &a) || clock_gettime(CLOCK_MONOTONIC, &b) ||
        clock_gettime(CLOCK_REALTIME, &wall))
        return 1;
    int forward = b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec);
    if (getentropy(bytes, sizeof(bytes)))
        return 2;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        all |= (unsigned char)(bytes[i] ^ bytes[0]);
    printf("%s %s %s\n", forward ? "forward" : "backward", wall.tv_sec > 1600000000 ? "recent" : "old",
           all ? "varied" : "constant");
    return 0;
}
