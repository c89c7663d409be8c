/* The ways to crash, and what the kernel is to report of each. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ANY_ADDRESS UINT64_MAX

struct crash_kind {
    const char *name;
    uint8_t vector;
    uint64_t error_code;    /* of a page fault: 1 present, 2 write, 4 user, 16 instruction */
    uint64_t fault_address; /* of a page fault; ANY_ADDRESS: not known beforehand */
    void (*crash)(void);
};

extern const struct crash_kind crash_kinds[];
extern const size_t crash_kind_count;

/* Crashes in the named way. Returns (an exit code that no crash has) if that is unknown or did not work. */
int crash_as(const char *name);
