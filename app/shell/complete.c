/* Serves the Completer that the terminal asks. Without a grant that it takes there is no completion, and
 * nothing else is missing. */
#include "shell.h"
#include "candidates.h"
#include "path.h"
#include <capos/ipc.h>
#include <capos/serve.h>
#include <capos/terminal_server.h>
#include <capos/threads.h>

enum { ENTRIES = 32, ANSWER_WORDS = 600 };

static struct candidates found;
static struct capos_service service;

static void offer_entries(struct candidates *candidates, cap_directory directory, struct capnp_text begin)
{
    static uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_list_results list = {0};
    uint64_t cookie = 0;
    do {
        if (cap_directory_list(directory, cookie, ENTRIES, &list, &buffer) < 0 ||
            list.status != CAP_FS_STATUS_OK)
            return;
        for (size_t i = 0; i < list.entries.count; i++) {
            struct cap_dir_entry entry;
            if (cap_dir_entry_list_get(&list.entries, i, &entry) < 0)
                return;
            cookie = entry.cookie;
            candidates_offer(candidates, begin, (const char *)entry.name.bytes, entry.name.len,
                             entry.kind == CAP_NODE_KIND_DIRECTORY ? "/" : " ");
        }
    } while (!list.end && list.entries.count != 0 && candidates->count < CANDIDATES_MAX);
}

static void list_directory(struct candidates *candidates, const char *text, size_t len,
                           struct capnp_text begin)
{
    const struct name *root = names_find(&shell.names, capnp_text_of("root"));
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_sub_results sub = {0};
    struct path path;
    if (root == NULL || root->held.interface_id != CAP_DIRECTORY_INTERFACE_ID ||
        !path_walk((cap_directory){.id = root->held.id}, text, len, false, &path))
        return;
    if (path.name.len == 0) {
        offer_entries(candidates, path.directory, begin);
    } else if (cap_directory_sub(path.directory, path.name, &sub, &buffer) >= 0 &&
               sub.status == CAP_FS_STATUS_OK) {
        offer_entries(candidates, sub.directory, begin);
        (void)cap_release(sub.directory);
    }
    path_done(&path);
}

static void list_interfaces(struct candidates *candidates, struct capnp_text begin)
{
    static uint64_t words[ANSWER_WORDS], name_words[64];
    uint32_t cursor = 0;
    do {
        struct cap_buffer buffer = {words, sizeof words};
        struct cap_schema_registry_list_results list = {0};
        if (cap_schema_registry_list(shell.registry, cursor, &list, &buffer) < 0)
            return;
        for (size_t i = 0; i < list.interface_ids.count; i++) {
            struct cap_buffer name_buffer = {name_words, sizeof name_words};
            struct cap_schema_registry_find_results one = {0};
            uint64_t id;
            if (capnp_list_get_u64(&list.interface_ids, i, &id) >= 0 &&
                cap_schema_registry_find(shell.registry, id, &one, &name_buffer) >= 0 && one.found)
                candidates_offer(candidates, begin, one.name.bytes, one.name.len, " ");
        }
        cursor = list.next_cursor;
    } while (cursor != 0);
}

static int32_t complete(void *self, struct cap_call *call, const struct cap_completer_complete_params *params,
                        struct cap_completer_complete_results *results)
{
    const struct candidate_sources sources = {&shell.names, &shell.system.schema, list_interfaces,
                                              list_directory};
    size_t cursor = params->cursor < params->line.len ? params->cursor : params->line.len;
    (void)self;
    (void)call;
    capos_mutex_lock(&shell.lock);
    candidates_find(&found, &sources, params->line.bytes, cursor);
    capos_mutex_unlock(&shell.lock);
    results->start = found.start;
    results->candidates = CAPNP_LIST(found.items, found.count);
    return CAPOS_OK;
}

static const struct cap_completer_server ops = {.complete = complete};
CAPOS_DISPATCH(dispatch, cap_completer_dispatch)

static uint64_t serve(void *argument)
{
    return (uint64_t)capos_serve(argument);
}

void complete_start(void)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    cap_ipc_factory factory;
    capos_thread thread;
    if (shell.terminal.id == 0 || capos_get_ipc_factory("ipc", &factory) < 0 ||
        cap_ipc_factory_create_endpoint(factory, CAP_COMPLETER_INTERFACE_ID, 0, &made) < 0 ||
        cap_endpoint_mint(made.endpoint, 0, 0, &minted) < 0)
        return;
    service = (struct capos_service){.endpoint = made.endpoint, .target = {dispatch, &ops, NULL}};
    if (capos_thread_create(NULL, serve, &service, &thread) >= 0)
        (void)cap_terminal_session_set_completer(
            shell.terminal, (cap_completer){.id = minted.client.id, .mode = CAPOS_XFER_MOVE});
}
