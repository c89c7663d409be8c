/* What C++ programs need of a run-time library when they use neither exceptions nor RTTI: new, delete, and
 * the trap behind a pure virtual function. The names are the Itanium C++ ABI's. */
#include "internal.h"

void *_Znwm(size_t size);
void *_Znam(size_t size);
void _ZdlPv(void *memory);
void _ZdaPv(void *memory);
void _ZdlPvm(void *memory, size_t size);
void _ZdaPvm(void *memory, size_t size);
_Noreturn void __cxa_pure_virtual(void);

/* new does not return null, and there are no exceptions. */
void *_Znwm(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        capos_abort("out of memory in operator new");
    return memory;
}

void *_Znam(size_t size)
{
    return _Znwm(size);
}

void _ZdlPv(void *memory)
{
    free(memory);
}

void _ZdaPv(void *memory)
{
    free(memory);
}

void _ZdlPvm(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

void _ZdaPvm(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

_Noreturn void __cxa_pure_virtual(void)
{
    capos_abort("a pure virtual function was called");
}
