/* See pipe_io.h. A message of one segment: a root struct of one pointer, and the data directly behind it. */
#include <base/string.h>
#include <capos/pipe_io.h>

enum {
    HEADER_BYTES = sizeof(struct capos_pipe_data),
    SMALL_BYTES = 4096,                                   /* staged on the stack */
    PIECE_BYTES = CAPOS_MESSAGE_MAX_BYTES - HEADER_BYTES, /* what any PipeWriter takes */
    ANSWER_BYTES = 256,                                   /* room for an exception's reason */
};
#define ROOT_WORD (UINT64_C(1) << 48)

static uint32_t clamp_data(size_t size)
{
    return size < CAPOS_PIPE_DATA_MAX ? (uint32_t)size : CAPOS_PIPE_DATA_MAX;
}

/* ---- Reading. */

int32_t capos_pipe_read_data(cap_pipe_reader reader, struct capos_pipe_data *data, size_t size)
{
    const uint32_t wanted = clamp_data(size);
    const uint64_t request[3] = {UINT64_C(2) << 32, UINT64_C(1) << 32, wanted};
    struct cap_message message;
    struct capnp_message view;
    struct cap_pipe_reader_read_results results;
    if (wanted == 0)
        return 0;
    message.params = request;
    message.params_bytes = sizeof request;
    message.caps = NULL;
    message.cap_count = 0;
    message.results = data;
    message.results_limit = CAPOS_PIPE_DATA_BYTES(wanted);
    int32_t result = cap_invoke(reader.id, CAP_PIPE_READER_READ, &message);
    if (result < 0)
        return result;
    result = cap_pipe_reader_read_results_decode(&view, data, message.results_bytes, message.caps_in,
                                                 message.caps_in_count, &results);
    if (result < 0)
        return result;
    if (results.data.len != 0 && results.data.bytes != data->bytes)
        memmove(data->bytes, results.data.bytes, results.data.len);
    return (int32_t)results.data.len;
}

int32_t capos_pipe_read(cap_pipe_reader reader, void *to, size_t size)
{
    uint64_t staging[(HEADER_BYTES + SMALL_BYTES) / sizeof(uint64_t)];
    struct capos_pipe_data *data = (void *)staging;
    size_t wanted = size < SMALL_BYTES ? size : SMALL_BYTES;
    if (size > SMALL_BYTES && ((uintptr_t)to & 7) == 0) {
        data = to; /* the data come to lie behind where they belong */
        wanted = clamp_data((size & ~(size_t)7) - HEADER_BYTES);
    }
    int32_t result = capos_pipe_read_data(reader, data, wanted);
    if (result > 0)
        memmove(to, data->bytes, (size_t)result);
    return result;
}

/* ---- Writing. */

static int32_t write_message(cap_pipe_writer writer, struct capos_pipe_data *data, uint32_t size)
{
    uint64_t answer[ANSWER_BYTES / sizeof(uint64_t)];
    struct cap_message message;
    struct capnp_message view;
    struct cap_pipe_writer_write_results results;
    const size_t bytes = CAPOS_PIPE_DATA_BYTES(size);
    memset(data->bytes + size, 0, bytes - HEADER_BYTES - size);
    data->message[0] = (uint64_t)(bytes / sizeof(uint64_t) - 1) << 32;
    data->message[1] = ROOT_WORD;
    data->message[2] = (uint64_t)(size << 3 | 2) << 32 | 1;
    message.params = data;
    message.params_bytes = bytes;
    message.caps = NULL;
    message.cap_count = 0;
    message.results = answer;
    message.results_limit = sizeof answer;
    int32_t result = cap_invoke(writer.id, CAP_PIPE_WRITER_WRITE, &message);
    if (result < 0)
        return result;
    result = cap_pipe_writer_write_results_decode(&view, answer, message.results_bytes, message.caps_in,
                                                  message.caps_in_count, &results);
    return result < 0 ? result : (int32_t)results.written;
}

int32_t capos_pipe_write(cap_pipe_writer writer, const void *from, size_t size)
{
    uint64_t staging[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];
    struct capos_pipe_data *data = (void *)staging;
    size_t piece = size < PIECE_BYTES ? size : PIECE_BYTES;
    memcpy(data->bytes, from, piece);
    return write_message(writer, data, (uint32_t)piece);
}

int32_t capos_pipe_write_all(cap_pipe_writer writer, const void *from, size_t size)
{
    const unsigned char *bytes = from;
    while (size > 0) {
        int32_t written = capos_pipe_write(writer, bytes, size);
        if (written < 0)
            return written;
        bytes += written;
        size -= (size_t)written;
    }
    return CAPOS_OK;
}

int32_t capos_pipe_write_data(cap_pipe_writer writer, struct capos_pipe_data *data, size_t size)
{
    int32_t result = write_message(writer, data, clamp_data(size));
    /* Not every PipeWriter is the kernel's own. */
    return result == CAPOS_ERR_TOO_LARGE ? capos_pipe_write(writer, data->bytes, clamp_data(size)) : result;
}
