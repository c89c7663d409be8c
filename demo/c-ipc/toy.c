/*
 * A Directory whose `open` returns a new File facet each time: what a file server looks like from the
 * library's side. Tags: TAG_ROOT is the directory, TAG_FILE + i the open file i. `watch` is a deferred reply:
 * `mkdir` answers it.
 */
#include "toy.h"
#include <capos/fs.h>
#include <capos/fs_server.h>
#include <capos/lookup.h>
#include <capos/serve.h>
#include <string.h>

enum { OPEN_MAX = 64, TAG_FILE = 1000 };

struct open_file {
    bool used;
    bool closed;
    const char *content;
};

static struct {
    struct capos_service service;
    struct open_file open[OPEN_MAX];
    uint32_t open_count;
    uint64_t version;
    struct capos_deferred watcher;
    bool watched;
} toy;

/* ---- File. */

static int32_t file_read(void *self, struct cap_call *call, const struct cap_file_read_params *params,
                         struct cap_file_read_results *results)
{
    const struct open_file *file = self;
    size_t size = strlen(file->content);
    (void)call;
    if (file->closed) {
        results->status = CAP_FS_STATUS_CLOSED;
        return CAPOS_OK;
    }
    size_t offset = params->offset < size ? params->offset : size;
    size_t count = params->max_bytes < size - offset ? params->max_bytes : size - offset;
    results->data = (struct capnp_data){(const uint8_t *)file->content + offset, count};
    return CAPOS_OK;
}

static int32_t file_close(void *self, struct cap_call *call, struct cap_file_close_results *results)
{
    (void)call;
    (void)results;
    ((struct open_file *)self)->closed = true;
    return CAPOS_OK;
}

static const struct cap_file_server file_ops = {.read = file_read, .close = file_close};
CAPOS_DISPATCH(dispatch_file, cap_file_dispatch)

/* ---- Directory. */

static uint32_t free_slot(void)
{
    uint32_t i = 0;
    while (i < OPEN_MAX && toy.open[i].used)
        i++;
    return i;
}

static int32_t directory_open(void *self, struct cap_call *call,
                              const struct cap_directory_open_params *params,
                              struct cap_directory_open_results *results)
{
    uint32_t slot = free_slot();
    cap_any facet;
    (void)self;
    if (params->name.len != 5 || memcmp(params->name.bytes, "hello", 5) != 0) {
        results->status = CAP_FS_STATUS_NOT_FOUND;
        return CAPOS_OK;
    }
    if (slot == OPEN_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many open files");
    int32_t status = capos_mint_result(call, TAG_FILE + slot, CAP_FILE_INTERFACE_ID, &facet);
    if (status < 0)
        return status;
    toy.open[slot] = (struct open_file){.used = true, .content = "Hello from another process."};
    toy.open_count++;
    results->file = (cap_file){.id = facet.id, .mode = facet.mode};
    return CAPOS_OK;
}

static int32_t directory_usage(void *self, struct cap_call *call, struct cap_directory_usage_results *results)
{
    (void)self;
    (void)call;
    results->used_nodes = toy.open_count;
    return CAPOS_OK;
}

static int32_t directory_watch(void *self, struct cap_call *call,
                               const struct cap_directory_watch_params *params,
                               struct cap_directory_watch_results *results)
{
    (void)self;
    if (params->version != toy.version || toy.watched) {
        results->version = toy.version;
        return CAPOS_OK;
    }
    toy.watched = true;
    capos_call_defer(call, &toy.watcher);
    return CAP_CALL_PENDING;
}

static void answer_watcher(void)
{
    uint64_t buffer[32];
    const struct cap_directory_watch_results results = {.version = toy.version};
    struct cap_call *reply = capos_deferred_begin(&toy.watcher, buffer, sizeof buffer);
    (void)capos_deferred_end(&toy.watcher, cap_directory_watch_reply(reply, &results));
    toy.watched = false;
}

static int32_t directory_mkdir(void *self, struct cap_call *call,
                               const struct cap_directory_mkdir_params *params,
                               struct cap_directory_mkdir_results *results)
{
    (void)self;
    (void)call;
    (void)params;
    results->status = CAP_FS_STATUS_READ_ONLY;
    toy.version++;
    if (toy.watched)
        answer_watcher();
    return CAPOS_OK;
}

/* Names that begin with '@' are orders to the toy itself. */
static int32_t directory_remove(void *self, struct cap_call *call,
                                const struct cap_directory_remove_params *params,
                                struct cap_directory_remove_results *results)
{
    (void)self;
    (void)call;
    if (params->name.len == 5 && memcmp(params->name.bytes, "@exit", 5) == 0)
        capos_sys_exit(7);
    if (params->name.len == 5 && memcmp(params->name.bytes, "@stop", 5) == 0)
        capos_serve_stop(&toy.service);
    results->status = CAP_FS_STATUS_READ_ONLY;
    return CAPOS_OK;
}

static const struct cap_directory_server directory_ops = {
    .open = directory_open,
    .usage = directory_usage,
    .watch = directory_watch,
    .mkdir = directory_mkdir,
    .remove = directory_remove,
};
CAPOS_DISPATCH(dispatch_directory, cap_directory_dispatch)

/* ---- The service. */

static bool find(void *context, uint64_t tag, struct capos_target *out)
{
    (void)context;
    if (tag == TAG_ROOT) {
        *out = (struct capos_target){dispatch_directory, &directory_ops, NULL};
        return true;
    }
    uint64_t slot = tag - TAG_FILE;
    if (slot >= OPEN_MAX || !toy.open[slot].used)
        return false;
    *out = (struct capos_target){dispatch_file, &file_ops, &toy.open[slot]};
    return true;
}

static void dropped(void *context, uint64_t tag)
{
    uint64_t slot = tag - TAG_FILE;
    (void)context;
    if (tag == TAG_ROOT)
        capos_serve_stop(&toy.service); /* nobody can ask for anything any more */
    if (slot < OPEN_MAX && toy.open[slot].used) {
        toy.open[slot].used = false;
        toy.open_count--;
    }
}

int toy_serve(void)
{
    toy.service.endpoint = capos_need_endpoint("endpoint");
    toy.service.find = find;
    toy.service.dropped = dropped;
    return capos_serve(&toy.service) == CAPOS_OK ? 0 : 1;
}
