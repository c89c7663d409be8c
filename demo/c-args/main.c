/* Arguments and environment: what the manifest says arrives in main, as ordinary C strings that may be
 * changed. */
#include "check.h"
#include <string.h>

int main(int argc, char **argv, char **envp)
{
    int envc = 0;
    demo_begin("c-args");
    for (int i = 0; i < argc; i++)
        demo_say("argv[%d] = \"%s\"", i, argv[i]);
    for (; envp[envc] != NULL; envc++)
        demo_say("envp[%d] = \"%s\"", envc, envp[envc]);
    demo_check(argc == 5 && argv[argc] == NULL, "argc is 5 and argv ends with null");
    demo_check(strcmp(argv[2], "two words") == 0, "an argument with a space in it is one argument");
    demo_check(strlen(argv[3]) == 0, "an empty argument arrives empty");
    demo_check(strcmp(argv[4], "\xc3\xbcml\xc3\xa4ut") == 0, "an argument's bytes arrive as they are");
    demo_check(envc == 2, "two variables and nothing else: no environment leaks in");
    argv[1][0] = 'O';
    demo_check(strcmp(argv[1], "One") == 0, "arguments may be written to");
    uint32_t in_capset = capos_capset()->argc;
    demo_check(in_capset == 5, "the CapSet says the same");
    return demo_end();
}
