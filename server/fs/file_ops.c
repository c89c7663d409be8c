/* The File interface. */
#include "segment.h"
#include "server.h"
#include <capos/fs_server.h>

/* Answers of a call are encoded after the lock was released: what they point at is the thread's own. */
static _Thread_local uint8_t read_buffer[FS_MESSAGE_BYTES];

static enum cap_fs_status check_open(const struct facet *facet)
{
    return facet->closed || facet->open->closed ? CAP_FS_STATUS_CLOSED : CAP_FS_STATUS_OK;
}

static enum cap_fs_status check_writable(const struct facet *facet, bool append)
{
    if (check_open(facet) != CAP_FS_STATUS_OK)
        return CAP_FS_STATUS_CLOSED;
    if (facet->read_only)
        return CAP_FS_STATUS_READ_ONLY;
    return facet->append_only && !append ? CAP_FS_STATUS_APPEND_ONLY : CAP_FS_STATUS_OK;
}

/* Before content is added: whoever adds it pays. */
static enum cap_fs_status check_growing(struct facet *facet, bool append)
{
    enum cap_fs_status status = check_writable(facet, append);
    return status == CAP_FS_STATUS_OK ? fs_node_charge_to(facet->node, facet->quota) : status;
}

static int32_t file_read(void *self, struct cap_call *call, const struct cap_file_read_params *params,
                         struct cap_file_read_results *results)
{
    const struct facet *facet = self;
    size_t wanted = params->max_bytes < sizeof read_buffer ? params->max_bytes : sizeof read_buffer;
    (void)call;
    fs_lock();
    results->status = check_open(facet);
    if (results->status == CAP_FS_STATUS_OK)
        results->data = (struct capnp_data){
            read_buffer, fs_content_read(&facet->node->content, params->offset, read_buffer, wanted)};
    fs_unlock();
    return CAPOS_OK;
}

static int32_t refuse_memory(struct cap_call *call)
{
    return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
}

static int32_t refuse_length(struct cap_call *call)
{
    return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                         "at most 4096 bytes can be written with one call");
}

static int32_t file_write(void *self, struct cap_call *call, const struct cap_file_write_params *params,
                          struct cap_file_write_results *results)
{
    struct facet *facet = self;
    if (params->data.len > FS_MESSAGE_BYTES)
        return refuse_length(call);
    fs_lock();
    results->status = check_growing(facet, false);
    if (results->status == CAP_FS_STATUS_OK)
        results->status =
            fs_content_write(&facet->node->content, params->offset, params->data.bytes, params->data.len);
    if (results->status == CAP_FS_STATUS_OK) {
        results->written = (uint32_t)params->data.len;
        fs_node_touch_content(facet->node, fs_now_ns());
    }
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_append(void *self, struct cap_call *call, const struct cap_file_append_params *params,
                           struct cap_file_append_results *results)
{
    struct facet *facet = self;
    if (params->data.len > FS_MESSAGE_BYTES)
        return refuse_length(call);
    fs_lock();
    struct fs_content *content = &facet->node->content;
    uint64_t offset = content->size;
    results->status = check_growing(facet, true);
    if (results->status == CAP_FS_STATUS_OK)
        results->status = fs_content_write(content, offset, params->data.bytes, params->data.len);
    if (results->status == CAP_FS_STATUS_OK) {
        results->offset = offset;
        fs_node_touch_content(facet->node, fs_now_ns());
    }
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_stat(void *self, struct cap_call *call, struct cap_file_stat_results *results)
{
    const struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_open(facet);
    results->has_info = results->status == CAP_FS_STATUS_OK;
    if (results->has_info)
        fs_node_info(facet->node, &results->info);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_truncate(void *self, struct cap_call *call, const struct cap_file_truncate_params *params,
                             struct cap_file_truncate_results *results)
{
    struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_growing(facet, false);
    if (results->status == CAP_FS_STATUS_OK)
        results->status = fs_content_truncate(&facet->node->content, params->size);
    if (results->status == CAP_FS_STATUS_OK)
        fs_node_touch_content(facet->node, fs_now_ns());
    fs_unlock();
    return CAPOS_OK;
}

/* Everything lies in memory from the moment it is acknowledged. */
static int32_t file_sync(void *self, struct cap_call *call, struct cap_file_sync_results *results)
{
    (void)call;
    fs_lock();
    results->status = check_open(self);
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_backing(void *self, struct cap_call *call, const struct cap_file_backing_params *params,
                            struct cap_file_backing_results *results)
{
    struct facet *facet = self;
    int32_t status = CAPOS_OK;
    fs_lock();
    results->status = params->writable ? check_growing(facet, false) : check_open(facet);
    if (results->status == CAP_FS_STATUS_OK)
        results->status =
            fs_content_make_segment(&facet->node->content, params->writable   ? FS_SEGMENT_GROWS
                                                           : facet->read_only ? FS_SEGMENT_LOOKS
                                                                              : FS_SEGMENT_WRITES);
    if (results->status == CAP_FS_STATUS_OK)
        status = fs_segment_share(facet->node->content.segment, params->writable, &results->data,
                                  &results->header);
    fs_unlock();
    return status < 0 ? refuse_memory(call) : CAPOS_OK;
}

static int32_t file_watch(void *self, struct cap_call *call, const struct cap_file_watch_params *params,
                          struct cap_file_watch_results *results)
{
    struct facet *facet = self;
    struct watcher *watcher = watch_begin(call, false);
    (void)results;
    if (watcher == NULL)
        return refuse_memory(call);
    fs_lock();
    enum cap_fs_status status = check_open(facet);
    if (status == CAP_FS_STATUS_OK && facet->node->version == params->version)
        watch_wait(watcher, facet->node);
    else
        watch_answer(watcher, status, facet->node);
    fs_unlock();
    return CAP_CALL_PENDING;
}

static int32_t derive(struct facet *facet, struct cap_call *call, bool read_only, bool append_only,
                      enum cap_fs_status *status, cap_file *out)
{
    cap_any minted = {0};
    int32_t result = CAPOS_OK;
    fs_lock();
    *status = check_open(facet);
    if (*status == CAP_FS_STATUS_OK)
        result = facet_derive(call, facet, read_only, append_only, CAP_FILE_INTERFACE_ID, &minted);
    fs_unlock();
    *out = (cap_file){.id = minted.id, .mode = minted.mode};
    return result;
}

static int32_t file_read_only(void *self, struct cap_call *call, struct cap_file_read_only_results *results)
{
    return derive(self, call, true, false, &results->status, &results->file);
}

static int32_t file_append_only(void *self, struct cap_call *call,
                                struct cap_file_append_only_results *results)
{
    return derive(self, call, false, true, &results->status, &results->file);
}

static int32_t file_close(void *self, struct cap_call *call, struct cap_file_close_results *results)
{
    struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_open(facet);
    if (facet->derived)
        facet->closed = true;
    else
        facet->open->closed = true;
    watch_changed(facet->node); /* who watches this one asks again, and hears that it is closed */
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_set_times(void *self, struct cap_call *call,
                              const struct cap_file_set_times_params *params,
                              struct cap_file_set_times_results *results)
{
    struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_writable(facet, false);
    if (results->status == CAP_FS_STATUS_OK) {
        facet->node->modified_ns = params->modified_unix_ns;
        fs_node_touch(facet->node, fs_now_ns());
    }
    fs_unlock();
    return CAPOS_OK;
}

static int32_t file_set_executable(void *self, struct cap_call *call,
                                   const struct cap_file_set_executable_params *params,
                                   struct cap_file_set_executable_results *results)
{
    struct facet *facet = self;
    (void)call;
    fs_lock();
    results->status = check_writable(facet, false);
    if (results->status == CAP_FS_STATUS_OK) {
        facet->node->executable = params->executable;
        fs_node_touch(facet->node, fs_now_ns());
    }
    fs_unlock();
    return CAPOS_OK;
}

const struct cap_file_server file_ops = {
    .read = file_read,
    .write = file_write,
    .append = file_append,
    .stat = file_stat,
    .truncate = file_truncate,
    .sync = file_sync,
    .backing = file_backing,
    .watch = file_watch,
    .read_only = file_read_only,
    .append_only = file_append_only,
    .close = file_close,
    .set_times = file_set_times,
    .set_executable = file_set_executable,
};
