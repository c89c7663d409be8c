/*
 * A service of four threads, used by four client processes at once: each opens files, reads them, cancels
 * some of its calls and drops what it got. The files are freed when their facet is gone; at the end none is
 * left, and none was used after it was freed.
 */
#include "child.h"
#include <capos/fs.h>
#include <capos/fs_server.h>
#include <capos/ipc.h>
#include <capos/serve.h>
#include <capos/threads.h>
#include <string.h>

enum { THREADS = 4, CLIENTS = 4, ROUNDS = 150, FILES = 64, TAG_ROOT = 1, ALIVE = 0x600df11e, FREED = 0xdead };

struct file {
    uint32_t state;
    uint64_t tag;
};

static struct capos_service service;
static struct capos_mutex lock; /* protects: */
static struct file *files[FILES];
static uint64_t last_tag = TAG_ROOT;
static uint32_t opened, freed;
static uint32_t misused; /* atomic */
static uint32_t reads;   /* atomic */

static int32_t file_read(void *self, struct cap_call *call, const struct cap_file_read_params *params,
                         struct cap_file_read_results *results)
{
    const struct file *file = self;
    static const uint8_t text[] = "content";
    (void)params;
    if (file->state != ALIVE || file->tag != capos_call_of(call)->header->tag)
        __atomic_add_fetch(&misused, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
    capos_thread_yield(); /* others come in between */
    if (file->state != ALIVE)
        __atomic_add_fetch(&misused, 1, __ATOMIC_RELAXED);
    results->data = (struct capnp_data){text, sizeof text - 1};
    return CAPOS_OK;
}

static struct file *new_file(void)
{
    struct file *file = malloc(sizeof *file);
    if (file == NULL)
        return NULL;
    capos_mutex_lock(&lock);
    size_t slot = 0;
    while (slot < FILES && files[slot] != NULL)
        slot++;
    if (slot < FILES) {
        *file = (struct file){.state = ALIVE, .tag = ++last_tag};
        files[slot] = file;
        opened++;
    }
    capos_mutex_unlock(&lock);
    if (slot == FILES)
        free(file);
    return slot < FILES ? file : NULL;
}

static int32_t directory_open(void *self, struct cap_call *call,
                              const struct cap_directory_open_params *params,
                              struct cap_directory_open_results *results)
{
    cap_any facet;
    struct file *file = new_file();
    (void)self;
    (void)params;
    if (file == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many open files");
    int32_t status = capos_mint(&service, file->tag, CAP_FILE_INTERFACE_ID, &facet);
    if (status < 0)
        return status;
    results->file = (cap_file){.id = facet.id, .mode = facet.mode};
    return CAPOS_OK;
}

static const struct cap_file_server file_ops = {.read = file_read};
static const struct cap_directory_server directory_ops = {.open = directory_open};
CAPOS_DISPATCH(dispatch_file, cap_file_dispatch)
CAPOS_DISPATCH(dispatch_directory, cap_directory_dispatch)

static bool find(void *context, uint64_t tag, struct capos_target *out)
{
    bool found = false;
    (void)context;
    if (tag == TAG_ROOT) {
        *out = (struct capos_target){dispatch_directory, &directory_ops, NULL};
        return true;
    }
    capos_mutex_lock(&lock);
    for (size_t i = 0; i < FILES && !found; i++) {
        found = files[i] != NULL && files[i]->tag == tag;
        if (found)
            *out = (struct capos_target){dispatch_file, &file_ops, files[i]};
    }
    capos_mutex_unlock(&lock);
    return found;
}

static void dropped(void *context, uint64_t tag)
{
    (void)context;
    capos_mutex_lock(&lock);
    for (size_t i = 0; i < FILES; i++) {
        if (files[i] == NULL || files[i]->tag != tag)
            continue;
        files[i]->state = FREED;
        free(files[i]);
        files[i] = NULL;
        freed++;
    }
    capos_mutex_unlock(&lock);
    if (tag == TAG_ROOT)
        capos_serve_stop(&service);
}

static uint64_t serve(void *argument)
{
    (void)argument;
    return capos_serve(&service) == CAPOS_OK ? 0 : 1;
}

/* ---- A client. */

static int use(cap_directory directory)
{
    static uint64_t words[256];
    static struct cap_pending reading;
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_open_results made = {0};
    struct cap_file_read_results read = {0};
    for (int i = 0; i < ROUNDS; i++) {
        if (cap_directory_open(directory, (struct capnp_data){(const uint8_t *)"x", 1}, NULL, &made,
                               &buffer) < 0)
            return 1;
        if (cap_file_read(made.file, 0, 100, &read, &buffer) < 0 || read.data.len != 7)
            return 2;
        if (i % 3 == 0) { /* one that may be at work when the file goes */
            (void)cap_file_read_start(made.file, &(const struct cap_file_read_params){.max_bytes = 9},
                                      &reading);
            (void)cap_submit();
            (void)cap_pending_cancel(&reading);
        }
        if (cap_release(made.file) < 0)
            return 3;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    cap_process_handle clients[CLIENTS];
    capos_thread threads[THREADS];
    demo_begin("c-serve");
    if (argc > 1 && strcmp(argv[1], "client") == 0)
        return use(capos_need_directory("directory"));
    demo_expect(
        CAPOS_OK,
        cap_ipc_factory_create_endpoint(capos_need_ipc_factory("ipc"), CAP_DIRECTORY_INTERFACE_ID, 0, &made),
        "an endpoint");
    demo_expect(CAPOS_OK, cap_endpoint_mint(made.endpoint, TAG_ROOT, 0, &minted), "its first facet");
    service = (struct capos_service){.endpoint = made.endpoint, .find = find, .dropped = dropped};
    int32_t status = CAPOS_OK;
    for (size_t i = 0; i < THREADS && status >= 0; i++)
        status = capos_thread_create(NULL, serve, NULL, &threads[i]);
    demo_expect(CAPOS_OK, status, "four threads serve it");
    for (size_t i = 0; i < CLIENTS && status >= 0; i++)
        status =
            demo_spawn("c-serve", "client", "directory", (cap_any){.id = minted.client.id}, 0, &clients[i]);
    demo_expect(CAPOS_OK, status, "four processes use it");
    if (status < 0)
        return demo_end();
    bool good = true;
    for (size_t i = 0; i < CLIENTS; i++)
        good &= demo_wait_exit(clients[i]) == 0;
    demo_check(good, "all of them got what they asked for");
    demo_expect(CAPOS_OK, cap_release(minted.client), "the first facet is released");
    uint64_t failed = 0;
    for (size_t i = 0; i < THREADS; i++) {
        uint64_t value = 1;
        (void)capos_thread_join(threads[i], &value);
        failed += value;
    }
    demo_check(failed == 0, "so all four threads stop");
    demo_check(opened == CLIENTS * ROUNDS && freed == opened, "every file was freed");
    demo_check(misused == 0 && reads >= CLIENTS * ROUNDS, "none was used after that");
    demo_expect(CAPOS_OK, cap_release(made.endpoint), "the endpoint is released");
    return demo_end();
}
