#include "core/ipc.h"

int32_t ipc_receive(struct kcall *kcall)
{
    (void)kcall;
    return CAPOS_ERR_UNSUPPORTED;
}

int32_t ipc_return(struct kcall *kcall)
{
    (void)kcall;
    return CAPOS_ERR_UNSUPPORTED;
}
