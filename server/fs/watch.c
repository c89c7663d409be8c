/*
 * Calls that wait for a node to change. Two rules of <capos/serve.h> shape this file: ending a deferred call
 * may call `dropped`, which takes the server's lock, and deferring one takes the service's lock, which is
 * held while `dropped` runs. So neither is done with the server's lock held: calls are deferred before it is
 * taken, and what is to be answered is put on a list that fs_unlock answers after it has let go.
 *
 * A caller that has died leaves its call, and with it the facet, here until the node changes. So there is a
 * limit for each client and one for all: one more answers the oldest, whose caller, if it lives, sees an
 * unchanged version and asks again.
 */
#include "server.h"
#include <capos/fs_server.h>
#include "alloc.h"

struct watcher {
    struct list_node in_node; /* linked while it waits */
    struct list_node in_list; /* `waiting`, or `due` */
    struct capos_deferred deferred;
    struct fs_node *node; /* while it waits: the deferred call keeps its facet, which keeps the node */
    uint64_t caller, caller_hi;
    bool directory;
    enum cap_fs_status status;
    struct cap_node_info info;
};

enum { ANSWER_BYTES = 1024 };

static struct {
    struct list waiting; /* oldest first */
    struct list due;
    size_t waiting_count;
} watchers;

void watch_init(void)
{
    list_init(&watchers.waiting);
    list_init(&watchers.due);
}

static void send(struct watcher *watcher)
{
    uint64_t words[ANSWER_BYTES / sizeof(uint64_t)];
    struct cap_call *reply = capos_deferred_begin(&watcher->deferred, words, sizeof words);
    int32_t encoded;
    if (watcher->directory) {
        const struct cap_directory_watch_results results = {.status = watcher->status,
                                                            .version = watcher->info.version};
        encoded = cap_directory_watch_reply(reply, &results);
    } else {
        const struct cap_file_watch_results results = {
            .status = watcher->status, .has_info = true, .info = watcher->info};
        encoded = cap_file_watch_reply(reply, &results);
    }
    (void)capos_deferred_end(&watcher->deferred, encoded); /* a caller that is gone is no trouble */
    free(watcher);
}

void fs_lock(void)
{
    capos_mutex_lock(&fs.lock);
}

void fs_unlock(void)
{
    struct list due;
    struct list_node *node;
    list_init(&due);
    list_move_all(&due, &watchers.due);
    capos_mutex_unlock(&fs.lock);
    while ((node = list_pop_front(&due)) != NULL)
        send(list_entry(node, struct watcher, in_list));
}

struct watcher *watch_begin(struct cap_call *call, bool directory)
{
    const struct capos_ipc_header *header = capos_call_of(call)->header;
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (watcher == NULL)
        return NULL;
    watcher->directory = directory;
    watcher->caller = header->caller_ref;
    watcher->caller_hi = header->caller_ref_hi;
    capos_call_defer(call, &watcher->deferred);
    return watcher;
}

void watch_answer(struct watcher *watcher, enum cap_fs_status status, const struct fs_node *node)
{
    watcher->status = status;
    fs_node_info(node, &watcher->info);
    list_push_back(&watchers.due, &watcher->in_list);
}

static void wake(struct watcher *watcher, const struct fs_node *node)
{
    list_remove(&watcher->in_node);
    list_remove(&watcher->in_list);
    watchers.waiting_count--;
    watch_answer(watcher, CAP_FS_STATUS_OK, node);
}

/* The oldest of this caller's if it has too many, the oldest of all if all are too many, else null. */
static struct watcher *one_too_many(const struct watcher *newest)
{
    struct watcher *oldest = NULL;
    size_t count = 0;
    struct list_node *at;
    list_for_each(at, &watchers.waiting)
    {
        struct watcher *other = list_entry(at, struct watcher, in_list);
        if (other->caller != newest->caller || other->caller_hi != newest->caller_hi)
            continue;
        oldest = oldest == NULL ? other : oldest;
        count++;
    }
    if (count >= FS_WATCHERS_PER_CLIENT)
        return oldest;
    return watchers.waiting_count < FS_WATCHERS_MAX
               ? NULL
               : list_entry(list_first(&watchers.waiting), struct watcher, in_list);
}

void watch_wait(struct watcher *watcher, struct fs_node *node)
{
    struct watcher *other = one_too_many(watcher);
    if (other != NULL)
        wake(other, other->node);
    watcher->node = node;
    list_push_back(&node->watchers, &watcher->in_node);
    list_push_back(&watchers.waiting, &watcher->in_list);
    watchers.waiting_count++;
}

void watch_changed(struct fs_node *node)
{
    struct list_node *at;
    while ((at = list_first(&node->watchers)) != NULL)
        wake(list_entry(at, struct watcher, in_node), node);
}
