/*
 * Pipes (pipe.h).
 *
 * Bytes are copied twice: out of the writer's memory into the pipe's pages, and from there into the reader's
 * results buffer, where the kernel composes the answer in place. Both copies run under the pipe's lock, which
 * may be held while a page of either side is filled in (LOCK_OBJECT comes before LOCK_ASPACE), and each is at
 * most CAPOS_PIPE_DATA_MAX bytes.
 *
 * Who cannot be served waits in order of arrival; a writer never overtakes one that waits, so a large piece
 * is not starved by small ones. After every change `pump_locked` serves whoever can be served now: readers
 * wait only while the buffer is empty, writers only while their piece does not fit, so nobody waits for
 * something that is there. Waits are completed with the lock released: until then they are in `done`, where
 * their cancel does not find them.
 */
#include "object/pipe.h"
#include "arch/arch.h"
#include "core/call.h"
#include "core/lock.h"
#include "core/process.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include <capos/pipe_server.h>

enum { ATOMIC_WRITE_MAX = 4096 };

struct pipe {
    struct object reader, writer; /* the two ends */

    /* Constant. */
    struct ledger *ledger; /* referenced */
    uint32_t page_count;

    struct spinlock lock; /* LOCK_OBJECT; protects: */
    uint32_t start;       /* of what is queued, in the buffer */
    uint32_t queued;
    bool readers_gone, writers_gone;
    struct list readers, writers; /* struct pending.in_object */
    uint32_t reader_count, writer_count;
    uint64_t pages[]; /* physical addresses; constant */
};

/* struct pending.own of a wait. */
struct wait {
    struct pipe *pipe;
    uaddr_t data;    /* write: in the writer's memory */
    uint32_t bytes;  /* at most; once served: how many were moved */
    int32_t outcome; /* once served: OK, or an error */
    bool writes;
    bool waiting; /* the pipe's lock; in one of its lists */
};
_Static_assert(sizeof(struct wait) <= sizeof(((struct pending *)NULL)->own), "fits the object's part");

static struct wait *wait_of(struct pending *pending)
{
    return (struct wait *)(void *)pending->own;
}

static uint32_t capacity_of(const struct pipe *pipe)
{
    return pipe->page_count << CAPOS_PAGE_SHIFT;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- Bytes. User memory is `thread`'s, whichever address space the CPU is in. */

static bool is_current(const struct thread *thread)
{
    const struct thread *current = thread_current();
    return current != NULL && current->process == thread->process;
}

static status_t user_read(const struct thread *thread, void *to, uaddr_t from, size_t size_bytes)
{
    return is_current(thread) ? umem_copy_in(to, from, size_bytes)
                              : aspace_read(thread->process->aspace, from, to, size_bytes);
}

static status_t user_write(const struct thread *thread, uaddr_t to, const void *from, size_t size_bytes)
{
    return is_current(thread) ? umem_copy_out(to, from, size_bytes)
                              : aspace_write(thread->process->aspace, to, from, size_bytes);
}

/* The bytes at `offset` of the buffer, which goes round, as far as they lie in one page. */
static void *window(const struct pipe *pipe, uint32_t offset, uint32_t wanted, uint32_t *got)
{
    if (offset >= capacity_of(pipe))
        offset -= capacity_of(pipe);
    uint32_t in_page = offset & (uint32_t)PAGE_MASK;
    *got = least(wanted, (uint32_t)PAGE_SIZE - in_page);
    return (char *)direct_map((paddr_t){pipe->pages[offset >> CAPOS_PAGE_SHIFT]}) + in_page;
}

/* Appends; on failure nothing was. */
static status_t fill_locked(struct pipe *pipe, const struct thread *thread, uaddr_t data, uint32_t bytes)
{
    uint32_t part;
    for (uint32_t done = 0; done < bytes; done += part) {
        void *to = window(pipe, pipe->start + pipe->queued + done, bytes - done, &part);
        status_t status = user_read(thread, to, data + done, part);
        if (status < 0)
            return status;
    }
    pipe->queued += bytes;
    return CAPOS_OK;
}

/* The answer of `read` as a message: what stands before the data, and how long it is with them. */
enum { HEADER_WORDS = 3, HEADER_BYTES = HEADER_WORDS * sizeof(uint64_t) };

static uint32_t answer_bytes(uint32_t data_bytes)
{
    return HEADER_BYTES + (uint32_t)align_up(data_bytes, sizeof(uint64_t));
}

/* One segment; its root a struct of one pointer; that to a list of bytes directly behind it. */
#define ROOT_WORD (UINT64_C(1) << 48)
static uint64_t segment_word(uint32_t message_bytes)
{
    return (uint64_t)(message_bytes / sizeof(uint64_t) - 1) << 32;
}
static uint64_t list_word(uint32_t data_bytes)
{
    return (uint64_t)(data_bytes << 3 | 2) << 32 | 1;
}

/* Takes `bytes` out of the buffer into the results buffer at `answer`; on failure they stay. */
static status_t empty_locked(struct pipe *pipe, const struct thread *thread, uaddr_t answer, uint32_t bytes)
{
    const uint64_t header[HEADER_WORDS] = {segment_word(answer_bytes(bytes)), ROOT_WORD, list_word(bytes)};
    const uint64_t padding = 0;
    uint32_t part;
    status_t status = user_write(thread, answer, header, sizeof(header));
    if (status == CAPOS_OK && (bytes & 7) != 0)
        status =
            user_write(thread, answer + answer_bytes(bytes) - sizeof(padding), &padding, sizeof(padding));
    for (uint32_t done = 0; done < bytes && status == CAPOS_OK; done += part) {
        const void *from = window(pipe, pipe->start + done, bytes - done, &part);
        status = user_write(thread, answer + HEADER_BYTES + done, from, part);
    }
    if (status < 0)
        return status;
    pipe->start = (pipe->start + bytes) % capacity_of(pipe);
    pipe->queued -= bytes;
    return CAPOS_OK;
}

/* ---- Serving. */

/* How much of a piece goes in now; 0: it has to wait. */
static uint32_t fitting_locked(const struct pipe *pipe, uint32_t bytes)
{
    uint32_t room = capacity_of(pipe) - pipe->queued;
    return bytes <= ATOMIC_WRITE_MAX && bytes > room ? 0 : least(bytes, room);
}

static void serve(struct pending *pending, int32_t outcome, uint32_t bytes, struct list *done)
{
    struct wait *wait = wait_of(pending);
    list_remove(&pending->in_object);
    wait->waiting = false;
    wait->outcome = outcome;
    wait->bytes = bytes;
    list_push_back(done, &pending->in_object);
}

static bool serve_reader_locked(struct pipe *pipe, struct list *done)
{
    struct list_node *node = list_first(&pipe->readers);
    if (node == NULL || (pipe->queued == 0 && !pipe->writers_gone))
        return false;
    struct pending *pending = container_of(node, struct pending, in_object);
    uint32_t bytes = least(pipe->queued, wait_of(pending)->bytes);
    status_t status =
        bytes == 0 ? CAPOS_OK : empty_locked(pipe, pending->thread, pending->result_addr, bytes);
    pipe->reader_count--;
    serve(pending, status, bytes, done);
    return true;
}

static bool serve_writer_locked(struct pipe *pipe, struct list *done)
{
    struct list_node *node = list_first(&pipe->writers);
    if (node == NULL)
        return false;
    struct pending *pending = container_of(node, struct pending, in_object);
    const struct wait *wait = wait_of(pending);
    uint32_t bytes = fitting_locked(pipe, wait->bytes);
    status_t status = CAPOS_ERR_EXCEPTION;
    if (!pipe->readers_gone) {
        if (bytes == 0)
            return false;
        status = fill_locked(pipe, pending->thread, wait->data, bytes);
    }
    pipe->writer_count--;
    serve(pending, status, bytes, done);
    return true;
}

static void pump_locked(struct pipe *pipe, struct list *done)
{
    while (serve_reader_locked(pipe, done) || serve_writer_locked(pipe, done))
        continue;
}

static int32_t fail_disconnected(struct cap_call *call)
{
    return cap_call_fail(call, CAPOS_EXCEPTION_DISCONNECTED, "every reader of the pipe is gone");
}

static void answer_writer(struct pending *pending)
{
    struct kcall reply;
    const struct wait *wait = wait_of(pending);
    const struct cap_pipe_writer_write_results results = {.written = wait->bytes};
    int32_t encoded = wait->outcome;
    pending_reply_begin(pending, &reply);
    if (encoded == CAPOS_OK)
        encoded = cap_pipe_writer_write_reply(&reply.call, &results);
    else if (encoded == CAPOS_ERR_EXCEPTION)
        encoded = fail_disconnected(&reply.call);
    pending_reply_end(pending, &reply, encoded);
}

/* The data lie in the reader's buffer already; an answer without any is the empty message. */
static void answer_reader(struct pending *pending)
{
    const struct wait *wait = wait_of(pending);
    uint32_t bytes = wait->outcome == CAPOS_OK && wait->bytes != 0 ? answer_bytes(wait->bytes) : 0;
    const struct capos_cqe cqe = {.result = wait->outcome < 0 ? wait->outcome : (int32_t)bytes,
                                  .payload_len = bytes};
    pending_complete_handoff(pending, &cqe);
}

/* No lock held. */
static void answer_all(struct list *done)
{
    struct list_node *node;
    while ((node = list_pop_front(done)) != NULL) {
        struct pending *pending = container_of(node, struct pending, in_object);
        if (wait_of(pending)->writes)
            answer_writer(pending);
        else
            answer_reader(pending);
    }
}

/* ---- Waiting. */

static bool cancel(struct pending *pending)
{
    struct wait *wait = wait_of(pending);
    struct pipe *pipe = wait->pipe;
    struct list done = LIST_INIT(done);
    spinlock_acquire(&pipe->lock);
    bool waited = wait->waiting;
    if (waited) {
        list_remove(&pending->in_object);
        wait->waiting = false;
        *(wait->writes ? &pipe->writer_count : &pipe->reader_count) -= 1;
        pump_locked(pipe, &done); /* it may have been in the way of others */
    }
    spinlock_release(&pipe->lock);
    answer_all(&done);
    return waited;
}

static bool enqueue_locked(struct pipe *pipe, struct pending *pending)
{
    bool writes = wait_of(pending)->writes;
    uint32_t *count = writes ? &pipe->writer_count : &pipe->reader_count;
    if (*count >= PIPE_WAITERS_MAX)
        return false;
    ++*count;
    wait_of(pending)->waiting = true;
    list_push_back(writes ? &pipe->writers : &pipe->readers, &pending->in_object);
    return true;
}

/* The call waits. What it waits for may have come meanwhile: so the pump runs once more. */
static int32_t wait_in_pipe(struct pipe *pipe, struct cap_call *call, const struct wait *wanted)
{
    struct pending *pending;
    struct list done = LIST_INIT(done);
    status_t status = pending_create(call, wanted->writes ? &pipe->writer : &pipe->reader, cancel, &pending);
    if (status < 0)
        return status;
    *wait_of(pending) = *wanted;
    spinlock_acquire(&pipe->lock);
    bool queued = enqueue_locked(pipe, pending);
    pump_locked(pipe, &done);
    spinlock_release(&pipe->lock);
    answer_all(&done);
    if (queued)
        return CAP_CALL_PENDING;
    pending_abandon(pending);
    return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many wait at this end of the pipe");
}

/* ---- Reading. */

static struct pipe *pipe_of_reader(void *reader)
{
    return container_of((struct object *)reader, struct pipe, reader);
}

static struct pipe *pipe_of_writer(void *writer)
{
    return container_of((struct object *)writer, struct pipe, writer);
}

static int32_t refuse_small_buffer(struct cap_call *call, size_t wanted_bytes)
{
    call->results_bytes = wanted_bytes;
    return CAPOS_ERR_RESULT_TRUNCATED;
}

static int32_t read_now(struct pipe *pipe, struct kcall *kcall, uint32_t bytes, bool *must_wait)
{
    struct list done = LIST_INIT(done);
    status_t status = CAPOS_OK;
    spinlock_acquire(&pipe->lock);
    *must_wait = pipe->queued == 0 && !pipe->writers_gone;
    bytes = least(bytes, pipe->queued);
    if (bytes != 0) {
        status = empty_locked(pipe, kcall->thread, kcall->sqe.result_addr, bytes);
        pump_locked(pipe, &done);
    }
    spinlock_release(&pipe->lock);
    answer_all(&done);
    if (status < 0 || bytes == 0)
        return status;
    kcall->results_in_place = true;
    return (int32_t)answer_bytes(bytes);
}

static int32_t reader_read(void *self, struct cap_call *call,
                           const struct cap_pipe_reader_read_params *params,
                           struct cap_pipe_reader_read_results *results)
{
    struct pipe *pipe = pipe_of_reader(self);
    struct kcall *kcall = kcall_of(call);
    uint32_t room = kcall->sqe.result_len & ~UINT32_C(7);
    bool must_wait;
    (void)results; /* composed in the caller's memory, or empty */
    if (params->max_bytes == 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "maxBytes: 0");
    if (room < answer_bytes(1))
        return refuse_small_buffer(call, answer_bytes(1));
    uint32_t bytes = least(least(params->max_bytes, CAPOS_PIPE_DATA_MAX), room - HEADER_BYTES);
    int32_t result = read_now(pipe, kcall, bytes, &must_wait);
    const struct wait wanted = {.pipe = pipe, .bytes = bytes};
    return must_wait ? wait_in_pipe(pipe, call, &wanted) : result;
}

static int32_t reader_info(void *self, struct cap_call *call, struct cap_pipe_reader_info_results *results)
{
    struct pipe *pipe = pipe_of_reader(self);
    (void)call;
    spinlock_acquire(&pipe->lock);
    results->queued_bytes = pipe->queued;
    results->capacity_bytes = capacity_of(pipe);
    results->writers_gone = pipe->writers_gone;
    spinlock_release(&pipe->lock);
    return CAPOS_OK;
}

/* ---- Writing. */

/* From the caller's memory. 0 bytes: too many writers, or no room: wait. */
static int32_t write_now(struct pipe *pipe, const struct kcall *kcall, uaddr_t data, uint32_t bytes,
                         uint32_t *written)
{
    struct list done = LIST_INIT(done);
    status_t status = CAPOS_OK;
    spinlock_acquire(&pipe->lock);
    *written = list_is_empty(&pipe->writers) ? fitting_locked(pipe, bytes) : 0;
    if (pipe->readers_gone)
        status = CAPOS_ERR_EXCEPTION;
    else if (*written != 0)
        status = fill_locked(pipe, kcall->thread, data, *written);
    pump_locked(pipe, &done);
    spinlock_release(&pipe->lock);
    answer_all(&done);
    return status;
}

static int32_t write_from(struct pipe *pipe, struct cap_call *call, uaddr_t data, uint32_t bytes)
{
    struct cap_pipe_writer_write_results results = {0};
    size_t wanted_bytes = cap_pipe_writer_write_results_size(&results);
    if (call->results_limit < wanted_bytes)
        return refuse_small_buffer(call, wanted_bytes);
    int32_t status = write_now(pipe, kcall_of(call), data, bytes, &results.written);
    if (status < 0)
        return status == CAPOS_ERR_EXCEPTION ? fail_disconnected(call) : status;
    const struct wait wanted = {.pipe = pipe, .data = data, .bytes = bytes, .writes = true};
    return results.written == 0 && bytes != 0 ? wait_in_pipe(pipe, call, &wanted)
                                              : cap_pipe_writer_write_reply(call, &results);
}

/* The data within the parameters, once these were found to be a message and copied; they are read where they
 * came from. */
static int32_t writer_write(void *self, struct cap_call *call,
                            const struct cap_pipe_writer_write_params *params,
                            struct cap_pipe_writer_write_results *results)
{
    (void)results;
    if (params->data.len == 0)
        return write_from(pipe_of_writer(self), call, 0, 0);
    uint64_t offset = (uint64_t)((const char *)params->data.bytes - (const char *)call->params);
    return write_from(pipe_of_writer(self), call, kcall_of(call)->sqe.addr + offset,
                      (uint32_t)params->data.len);
}

static int32_t writer_info(void *self, struct cap_call *call, struct cap_pipe_writer_info_results *results)
{
    struct pipe *pipe = pipe_of_writer(self);
    (void)call;
    spinlock_acquire(&pipe->lock);
    results->queued_bytes = pipe->queued;
    results->capacity_bytes = capacity_of(pipe);
    results->readers_gone = pipe->readers_gone;
    spinlock_release(&pipe->lock);
    return CAPOS_OK;
}

/* A write whose parameters are as every encoder makes them need not be copied into the kernel to be
 * understood: three words say where the data are. Everything else takes the ordinary way. */
static int32_t writer_forward(const struct capability *target, struct cap_call *call)
{
    const struct capos_sqe *sqe = &kcall_of(call)->sqe;
    uint64_t header[HEADER_WORDS];
    if (sqe->method_id != CAP_PIPE_WRITER_WRITE || sqe->xfer_cap_count != 0 || sqe->len < HEADER_BYTES ||
        umem_copy_in(header, sqe->addr, sizeof(header)) < 0)
        return CALL_NOT_FORWARDED;
    uint32_t bytes = (uint32_t)(header[2] >> 35);
    if (bytes > CAPOS_PIPE_DATA_MAX || sqe->len != answer_bytes(bytes) ||
        header[0] != segment_word(sqe->len) || header[1] != ROOT_WORD || header[2] != list_word(bytes))
        return CALL_NOT_FORWARDED;
    return write_from(pipe_of_writer(target->object), call, sqe->addr + HEADER_BYTES, bytes);
}

/* ---- The ends. */

static const struct cap_pipe_reader_server reader_server = {.read = reader_read, .info = reader_info};
static const struct cap_pipe_writer_server writer_server = {.write = writer_write, .info = writer_info};
KERNEL_DISPATCH(reader_dispatch, cap_pipe_reader_dispatch)
KERNEL_DISPATCH(writer_dispatch, cap_pipe_writer_dispatch)

static size_t heap_charge(uint32_t page_count)
{
    return sizeof(struct pipe) + page_count * sizeof(uint64_t);
}

static void free_pages(struct pipe *pipe, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        frame_put((paddr_t){pipe->pages[i]});
}

static void pipe_free(struct pipe *pipe)
{
    struct ledger *ledger = pipe->ledger;
    uint32_t page_count = pipe->page_count;
    free_pages(pipe, page_count);
    heap_free(pipe, heap_charge(page_count));
    ledger_refund(ledger, LEDGER_FRAMES, page_count);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, heap_charge(page_count));
    ledger_put(ledger);
}

/* The last reference to one end is gone. */
static void end_gone(struct pipe *pipe, bool *gone)
{
    struct list done = LIST_INIT(done);
    spinlock_acquire(&pipe->lock);
    *gone = true;
    bool last = pipe->readers_gone && pipe->writers_gone;
    pump_locked(pipe, &done);
    spinlock_release(&pipe->lock);
    answer_all(&done);
    if (last)
        pipe_free(pipe);
}

static void reader_destroy(struct object *object)
{
    struct pipe *pipe = pipe_of_reader(object);
    end_gone(pipe, &pipe->readers_gone);
}

static void writer_destroy(struct object *object)
{
    struct pipe *pipe = pipe_of_writer(object);
    end_gone(pipe, &pipe->writers_gone);
}

static const struct object_type reader_type = {
    .name = "PipeReader",
    .interface_id = CAP_PIPE_READER_INTERFACE_ID,
    .dispatch = reader_dispatch,
    .server = &reader_server,
    .destroy = reader_destroy,
};

static const struct object_type writer_type = {
    .name = "PipeWriter",
    .interface_id = CAP_PIPE_WRITER_INTERFACE_ID,
    .dispatch = writer_dispatch,
    .server = &writer_server,
    .forward = writer_forward,
    .params_max_bytes = HEADER_BYTES + CAPOS_PIPE_DATA_MAX,
    .destroy = writer_destroy,
};

/* ---- Making one. */

static status_t charge(struct ledger *ledger, uint32_t page_count)
{
    status_t status = ledger_charge(ledger, LEDGER_FRAMES, page_count);
    if (status < 0)
        return status;
    status = ledger_charge(ledger, LEDGER_HEAP_BYTES, heap_charge(page_count));
    if (status < 0)
        ledger_refund(ledger, LEDGER_FRAMES, page_count);
    return status;
}

static struct pipe *allocate(uint32_t page_count)
{
    struct pipe *pipe = heap_alloc(heap_charge(page_count));
    if (pipe == NULL)
        return NULL;
    for (; pipe->page_count < page_count; pipe->page_count++) {
        paddr_t frame; /* not zeroed: only what was written is ever read */
        if (frame_alloc(0, &frame) < 0) {
            free_pages(pipe, pipe->page_count);
            heap_free(pipe, heap_charge(page_count));
            return NULL;
        }
        pipe->pages[pipe->page_count] = frame.raw;
    }
    return pipe;
}

status_t pipe_create(struct ledger *ledger, uint32_t capacity_bytes, struct capability *reader,
                     struct capability *writer)
{
    if (capacity_bytes > CAPOS_PIPE_BYTES_MAX)
        return CAPOS_ERR_TOO_LARGE;
    uint64_t rounded = align_up(capacity_bytes != 0 ? capacity_bytes : CAPOS_PIPE_BYTES, PAGE_SIZE);
    uint32_t page_count = (uint32_t)(rounded >> CAPOS_PAGE_SHIFT);
    status_t status = charge(ledger, page_count);
    if (status < 0)
        return status;
    struct pipe *pipe = allocate(page_count);
    if (pipe == NULL) {
        ledger_refund(ledger, LEDGER_FRAMES, page_count);
        ledger_refund(ledger, LEDGER_HEAP_BYTES, heap_charge(page_count));
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&pipe->reader, &reader_type);
    object_init(&pipe->writer, &writer_type);
    ledger_get(ledger);
    pipe->ledger = ledger;
    spinlock_init(&pipe->lock, LOCK_OBJECT);
    list_init(&pipe->readers);
    list_init(&pipe->writers);
    *reader = (struct capability){&pipe->reader, &reader_type};
    *writer = (struct capability){&pipe->writer, &writer_type};
    return CAPOS_OK;
}

int32_t pipe_create_results(struct cap_call *call, uint32_t capacity_bytes, uint32_t *reader_id,
                            uint32_t *writer_id)
{
    struct capability reader, writer;
    if (capacity_bytes > CAPOS_PIPE_BYTES_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "capacityBytes: above 1 MiB");
    status_t status = pipe_create(kcall_ledger(call), capacity_bytes, &reader, &writer);
    if (status < 0)
        return status;
    status = kcall_return_capability(call, reader, reader_id);
    if (status < 0) {
        object_put(writer.object);
        return status;
    }
    return kcall_return_capability(call, writer, writer_id);
}
