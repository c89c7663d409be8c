/*
 * Files as a program uses them: bytes at offsets, through struct capos_file, an open File and, once it has
 * been read some, its memory (File.backing; abi/capos/file_header.h). Reading is then a copy in this process,
 * without a call; it sees every write that was acknowledged before, whoever made it. Writing is a call: the
 * server sets the time, tells watchers, and knows about limits.
 *
 * Results are those of <capos/path.h>: 0 or more, a negative capos_error, or CAPOS_FS_ERROR(status), of which
 * any function may return CLOSED (somebody has called File.close), those that write READ_ONLY, APPEND_ONLY,
 * NO_SPACE, OVER_QUOTA and TOO_LARGE. A file whose memory is mapped stays readable when it is closed by
 * somebody else or removed: what was given is given.
 *
 * A struct capos_file belongs to one thread at a time. All functions block for calls of the file server, but
 * for reads of memory, and use up to 20 KiB of stack. The address space that the memory takes is the
 * caller's; if there is none, or the server gives none, reads are calls.
 */
#pragma once
#include <capos/path.h>

#ifdef __cplusplus
extern "C" {
#endif

struct capos_file_header;

struct capos_file {
    cap_file file;
    /* Private. */
    const struct capos_file_header *header; /* null: not mapped */
    const unsigned char *bytes;
    uint64_t mapped_bytes;
    uint32_t calls; /* reads so far that were calls */
    bool is_unmappable;
    cap_memory_object data_object, header_object;
};

/* Opens by path, as capos_path_open. After an error there is nothing to close. */
int32_t capos_file_open(cap_directory root, const char *path, const struct cap_open_flags *flags,
                        struct capos_file *out);
/* The same around a File; the capability becomes the struct's, and capos_file_close releases it. */
void capos_file_init(struct capos_file *file, cap_file capability);
/* Gives up the capability (as cap_release_id_soon) and the memory. (File.close is something else: it closes
 * the file for all who were given it.) */
void capos_file_close(struct capos_file *file);

/* How many bytes were read: less than `size` only at the file's end, 0 behind it. Bytes that somebody writes
 * meanwhile may be old in part and new in part. */
int64_t capos_file_read(struct capos_file *file, uint64_t offset, void *to, size_t size);
/* All of them: 0. In pieces of 4096 bytes, each of which is written wholly or not at all: after an error
 * those before it are written. Behind the end the gap becomes zeros. Nothing to write is no call. */
int32_t capos_file_write(struct capos_file *file, uint64_t offset, const void *from, size_t size);
/* At the end, as one piece, at most 4096 bytes (TOO_LARGE). Where they went. */
int64_t capos_file_append(struct capos_file *file, const void *from, size_t size);
int32_t capos_file_stat(struct capos_file *file, struct cap_node_info *out);
int32_t capos_file_truncate(struct capos_file *file, uint64_t size);

#ifdef __cplusplus
}
#endif
