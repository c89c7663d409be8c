/* Sentences for the arguments that VirtualMemory and MemoryObject share. */
#include "object/memory_calls.h"
#include "mm/aspace.h"

static int32_t invalid(struct cap_call *call, const char *reason)
{
    return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, reason);
}

static int32_t check_range(struct cap_call *call, uaddr_t address, uint64_t size_bytes)
{
    if (size_bytes == 0)
        return invalid(call, "size is 0");
    if (size_bytes > CAPOS_USER_MAX - CAPOS_USER_MIN)
        return invalid(call, "size is larger than the whole user address space");
    if ((address & PAGE_MASK) != 0)
        return invalid(call, "address is not a multiple of 4096");
    if (address != 0 && address < CAPOS_USER_MIN)
        return invalid(call, "address is in the first 64 KiB, where nothing is ever mapped");
    if (address != 0 && (address >= CAPOS_USER_MAX || size_bytes > CAPOS_USER_MAX - address))
        return invalid(call, "the range is not in the user half of the address space");
    return CAPOS_OK;
}

static int32_t check_prot(struct cap_call *call, uaddr_t address, uint64_t size_bytes, uint32_t prot,
                          uint32_t allowed_prot)
{
    if ((prot & ~allowed_prot) != 0)
        return invalid(call, "prot has a bit that is not allowed here");
    if ((prot & PROT_WRITE) != 0 && (prot & PROT_EXEC) != 0)
        return invalid(call, "prot asks for write and execute together");
    if ((prot & PROT_LARGE) != 0 && ((address | size_bytes) & (LARGE_PAGE_SIZE - 1)) != 0)
        return invalid(call, "2 MiB pages need an address and a size that are multiples of 2 MiB");
    return CAPOS_OK;
}

int32_t memory_call_check(struct cap_call *call, uaddr_t address, uint64_t size_bytes, uint32_t prot,
                          uint32_t allowed_prot, size_t results_bytes)
{
    int32_t refused = check_range(call, address, size_bytes);
    if (refused == CAPOS_OK)
        refused = check_prot(call, address, size_bytes, prot, allowed_prot);
    if (refused == CAPOS_OK && call->results_limit < results_bytes) {
        call->results_bytes = results_bytes;
        refused = CAPOS_ERR_RESULT_TRUNCATED;
    }
    return refused;
}

int32_t memory_call_result(struct cap_call *call, status_t status, const char *bad_address)
{
    switch (status) {
    case CAPOS_ERR_BAD_ADDRESS:
        return invalid(call, bad_address);
    case CAPOS_ERR_UNALIGNED:
        return invalid(call, "the range would cut a 2 MiB page");
    case CAPOS_ERR_BAD_FLAGS:
        return invalid(call, "prot is not possible for what is in the range");
    case CAPOS_ERR_TOO_LARGE:
        return invalid(call, "size is larger than the whole user address space");
    case CAPOS_ERR_REVOKED:
        return cap_call_fail(call, CAPOS_EXCEPTION_DISCONNECTED,
                             "the process of this address space has ended");
    default:
        return status;
    }
}
