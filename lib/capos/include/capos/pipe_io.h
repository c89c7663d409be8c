/*
 * Reading and writing pipes (schema/pipe.capnp; docs/pipes.md) with plain memory, and without copying.
 *
 * The generated calls of <capos/pipe.h> want a message around the data. capos_pipe_read and capos_pipe_write
 * make it, which costs a copy; who moves much data keeps it in a struct capos_pipe_data, which has room for
 * the message's three words before the data, so that the kernel copies from and to it directly.
 *
 * All functions block until at least one byte was moved, and return how many were, or a negative capos_error:
 * CAPOS_ERR_EXCEPTION with `disconnected` when a writer has no reader any more (cap_exception_last()), and
 * the transport errors of any call. They work on any PipeReader or PipeWriter, the kernel's or a program's.
 */
#pragma once
#include <capos/call.h>
#include <capos/pipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Up to `size` bytes into `to`. 0: the end (or size is 0). */
int32_t capos_pipe_read(cap_pipe_reader reader, void *to, size_t size);
/* Some of the `size` bytes at `from`; up to 4096 go as one piece or not at all. */
int32_t capos_pipe_write(cap_pipe_writer writer, const void *from, size_t size);
/* All of them, however long that takes. 0, or the error that stopped it: then nobody knows how many went. */
int32_t capos_pipe_write_all(cap_pipe_writer writer, const void *from, size_t size);

/* Data with room for the message around them. 8-byte aligned storage of CAPOS_PIPE_DATA_BYTES(n) bytes holds
 * n. */
struct capos_pipe_data {
    uint64_t message[3]; /* private */
    unsigned char bytes[];
};
#define CAPOS_PIPE_DATA_BYTES(size) (sizeof(struct capos_pipe_data) + (((size) + 7) & ~(size_t)7))

/* Up to `size` bytes (CAPOS_PIPE_DATA_MAX at most) into data->bytes. 0: the end. */
int32_t capos_pipe_read_data(cap_pipe_reader reader, struct capos_pipe_data *data, size_t size);
/* Some of the `size` bytes (CAPOS_PIPE_DATA_MAX at most) in data->bytes; the last word is filled up with
 * zeros. */
int32_t capos_pipe_write_data(cap_pipe_writer writer, struct capos_pipe_data *data, size_t size);

#ifdef __cplusplus
}
#endif
