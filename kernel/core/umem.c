#include "core/umem.h"
#include "arch/arch.h"

status_t umem_copy_in(void *kernel, uaddr_t user, size_t size_bytes)
{
    if (!umem_range_ok(user, size_bytes))
        return CAPOS_ERR_BAD_ADDRESS;
    return arch_user_copy_in(kernel, user, size_bytes) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

status_t umem_copy_out(uaddr_t user, const void *kernel, size_t size_bytes)
{
    if (!umem_range_ok(user, size_bytes))
        return CAPOS_ERR_BAD_ADDRESS;
    return arch_user_copy_out(user, kernel, size_bytes) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

status_t umem_probe_write(uaddr_t user, size_t size_bytes)
{
    if (size_bytes == 0)
        return CAPOS_OK;
    if (!umem_range_ok(user, size_bytes))
        return CAPOS_ERR_BAD_ADDRESS;
    for (uaddr_t page = align_down(user, PAGE_SIZE); page < user + size_bytes; page += PAGE_SIZE) {
        if (!arch_user_probe_write(page < user ? user : page))
            return CAPOS_ERR_BAD_ADDRESS;
    }
    return CAPOS_OK;
}
