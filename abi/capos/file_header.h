/*
 * The page that comes with a file's memory (File.backing, schema/fs.capnp): how much of that memory is the
 * file, and whether it still is. Clients map it read-only; the file system writes it. C11 and C++ clean; no
 * code.
 */
#pragma once
#include <capos/ring.h>
#include <stdint.h>

#define CAPOS_FILE_MAGIC UINT64_C(0x656c6966534f6163) /* "caOSfile" */

struct capos_file_header {
    uint64_t magic;
    uint64_t size_bytes; /* atomic: bytes of the memory that are the file's content now */
    uint64_t version;    /* atomic: grows with every change */
    uint64_t valid;      /* atomic: 1; 0 once the file lies elsewhere: ask File.backing again */
};

CAPOS_ABI_ASSERT(sizeof(struct capos_file_header) == 32);
CAPOS_ABI_ASSERT(offsetof(struct capos_file_header, size_bytes) == 8);
CAPOS_ABI_ASSERT(offsetof(struct capos_file_header, version) == 16);
CAPOS_ABI_ASSERT(offsetof(struct capos_file_header, valid) == 24);
