/*
 * Calls that wait for a node to change. They are answered under the server's lock, which is short: an answer
 * is one RETURN. A caller that has died leaves its call here until the node changes, so a node keeps only so
 * many: one more answers the oldest, whose caller, if it lives, sees an unchanged version and asks again.
 */
#include "server.h"
#include <capos/fs_server.h>
#include "alloc.h"

struct watcher {
    struct list_node in_node;
    struct capos_deferred deferred;
    bool directory;
};

static uint64_t answer_words[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t) / 8];

static void answer(struct watcher *watcher, const struct fs_node *node)
{
    struct cap_call *reply = capos_deferred_begin(&watcher->deferred, answer_words, sizeof answer_words);
    int32_t encoded;
    if (watcher->directory) {
        const struct cap_directory_watch_results results = {.version = node->version};
        encoded = cap_directory_watch_reply(reply, &results);
    } else {
        struct cap_file_watch_results results = {.has_info = true};
        fs_node_info(node, &results.info);
        encoded = cap_file_watch_reply(reply, &results);
    }
    capos_deferred_end(&watcher->deferred, encoded);
    free(watcher);
}

static void answer_oldest(struct fs_node *node)
{
    struct list_node *oldest = list_pop_front(&node->watchers);
    answer((struct watcher *)(void *)((char *)oldest - offsetof(struct watcher, in_node)), node);
}

static size_t watcher_count(const struct fs_node *node)
{
    size_t count = 0;
    for (const struct list_node *at = node->watchers.head.next; at != &node->watchers.head; at = at->next)
        count++;
    return count;
}

static int32_t watch(struct cap_call *call, struct fs_node *node, bool directory)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (watcher == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
    if (watcher_count(node) >= FS_WATCHERS_PER_NODE)
        answer_oldest(node);
    watcher->directory = directory;
    capos_call_defer(call, &watcher->deferred);
    list_push_back(&node->watchers, &watcher->in_node);
    return CAP_CALL_PENDING;
}

int32_t watch_file(struct cap_call *call, struct fs_node *node)
{
    return watch(call, node, false);
}

int32_t watch_directory(struct cap_call *call, struct fs_node *node)
{
    return watch(call, node, true);
}

void watch_changed(struct fs_node *node)
{
    while (!list_is_empty(&node->watchers))
        answer_oldest(node);
}
