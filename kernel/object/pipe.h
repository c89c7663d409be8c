/*
 * Pipes: bytes in order from writers to readers, through a bounded buffer. docs/pipes.md.
 *
 * The two ends are two objects, so each has its own reference count: when the last reference to the writer is
 * gone, readers get what is left and then the end of file; when the last to the reader is gone, writers get
 * `disconnected`. A read or write in flight references its own end. Buffer and bookkeeping are charged to the
 * ledger that the pipe was made with.
 */
#pragma once
#include "core/types.h"
#include "object/object.h"

struct cap_call;
struct ledger;

enum { PIPE_WAITERS_MAX = 256 }; /* at each end */

/* capacity_bytes 0: CAPOS_PIPE_BYTES; rounded up to whole pages. One reference each. TOO_LARGE: above
 * CAPOS_PIPE_BYTES_MAX; NO_MEMORY, QUOTA. */
CHECKED status_t pipe_create(struct ledger *ledger, uint32_t capacity_bytes, struct capability *reader,
                             struct capability *writer);
/* What a method createPipe does: a pipe charged to the caller, with both ends as result capabilities. */
CHECKED int32_t pipe_create_results(struct cap_call *call, uint32_t capacity_bytes, uint32_t *reader_id,
                                    uint32_t *writer_id);
