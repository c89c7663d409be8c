/* A program that dies: the output before stays. */
#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argv;
    puts("before");
    fflush(stdout);
    if (argc < 100)
        __builtin_trap();
    puts("after");
    return 0;
}
