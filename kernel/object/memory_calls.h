/*
 * What calls of VirtualMemory and MemoryObject have in common: arguments are checked here with a sentence
 * that says what is wrong with them, before anything is done.
 */
#pragma once
#include "core/types.h"
#include <capnp/call.h>

/* CAPOS_OK, or what the operation returns: an invalidArgument exception for an address (0: the kernel
 * chooses), size or prot that cannot be right, RESULT_TRUNCATED if results of that many bytes would not fit.
 */
int32_t memory_call_check(struct cap_call *call, uaddr_t address, uint64_t size_bytes, uint32_t prot,
                          uint32_t allowed_prot, size_t results_bytes);
/* The same outcome as an operation returns it: BAD_ADDRESS becomes invalidArgument with this sentence; a dead
 * address space answers disconnected; quota and memory stay transport errors. */
int32_t memory_call_result(struct cap_call *call, status_t status, const char *bad_address);
