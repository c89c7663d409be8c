#include "object/park_space.h"

int32_t park_wait(struct kcall *kcall)
{
    (void)kcall;
    return CAPOS_ERR_UNSUPPORTED;
}

int32_t park_wake(struct kcall *kcall)
{
    (void)kcall;
    return CAPOS_ERR_UNSUPPORTED;
}
