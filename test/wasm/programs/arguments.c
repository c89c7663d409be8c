/* Arguments, environment and the exit status. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    printf("HOME is %s\n", getenv("HOME") ? "set" : "not set");
    fflush(stdout);
    return argc + 40;
}
