#include "loopback.h"
#include "segment.h"
#include "unit.h"
#include <capos/call.h>
#include <capos/file_header.h>
#include <capos/fs_server.h>
#include <capos/ipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server fs;
unsigned loopback_calls, loopback_fail_every;

static bool should_fail(void)
{
    static uint64_t random = 1;
    if (loopback_fail_every == 0)
        return unit_alloc_should_fail();
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random >> 33) % loopback_fail_every == 0;
}

/* ---- The allocator that the server gets (alloc.h renames its calls). */

void *fs_test_malloc(size_t size);
void *fs_test_calloc(size_t count, size_t size);
void *fs_test_realloc(void *old, size_t size);
void fs_test_free(void *memory);

void *fs_test_malloc(size_t size)
{
    return should_fail() ? NULL : malloc(size);
}

void *fs_test_calloc(size_t count, size_t size)
{
    return should_fail() ? NULL : calloc(count, size);
}

void *fs_test_realloc(void *old, size_t size)
{
    return should_fail() ? NULL : realloc(old, size);
}

void fs_test_free(void *memory)
{
    free(memory);
}

/* ---- Memory objects. */

struct memory {
    unsigned references; /* capabilities and mappings */
    uint64_t size, capacity;
    uint8_t *bytes;
};

static struct memory *memory_create(uint64_t size)
{
    struct memory *memory = should_fail() ? NULL : calloc(1, sizeof(*memory));
    if (memory == NULL)
        return NULL;
    *memory = (struct memory){.references = 1, .size = size, .capacity = (size + 4095) / 4096 * 4096};
    memory->bytes = calloc(1, memory->capacity + 1);
    return memory;
}

static void memory_put(struct memory *memory)
{
    if (--memory->references != 0)
        return;
    free(memory->bytes);
    free(memory);
}

/* ---- Capabilities. An id is a place in the table of all clients together, and a generation. */

enum handle_kind { HANDLE_FREE, HANDLE_FACET, HANDLE_ADMIN, HANDLE_MEMORY, HANDLE_MAPPING };
enum { HANDLES = 16384, SERVER = LOOPBACK_CLIENTS };

struct handle {
    enum handle_kind kind;
    unsigned owner, generation;
    uint64_t tag;
    struct memory *memory;
    bool writable;
};

static struct handle handles[HANDLES];
static unsigned present_client;

static struct handle *handle_of(uint32_t id)
{
    uint32_t place = id % HANDLES;
    struct handle *handle = &handles[place];
    bool mine = handle->kind != HANDLE_FREE && id / HANDLES == handle->generation &&
                (handle->owner == present_client || handle->owner == SERVER);
    return mine ? handle : NULL;
}

static uint32_t handle_create(struct handle like)
{
    static uint32_t next;
    for (uint32_t tried = 0; tried < HANDLES; tried++) {
        uint32_t place = ++next % HANDLES;
        if (place == 0 || handles[place].kind != HANDLE_FREE)
            continue;
        like.generation = handles[place].generation;
        handles[place] = like;
        return place + like.generation * HANDLES;
    }
    fail_msg("the loopback has too few handles");
    return 0;
}

static bool is_tag_held(uint64_t tag)
{
    for (size_t i = 0; i < HANDLES; i++)
        if (handles[i].kind == HANDLE_FACET && handles[i].tag == tag)
            return true;
    return false;
}

static void handle_free(struct handle *handle)
{
    struct handle old = *handle;
    *handle = (struct handle){.generation = old.generation + 1};
    if (old.kind == HANDLE_MEMORY || old.kind == HANDLE_MAPPING)
        memory_put(old.memory);
    if (old.kind == HANDLE_FACET && !is_tag_held(old.tag))
        facet_dropped(NULL, old.tag);
}

int32_t cap_release_id(uint32_t id)
{
    struct handle *handle = handle_of(id);
    if (handle == NULL)
        return CAPOS_ERR_STALE_CAP;
    handle_free(handle);
    return CAPOS_OK;
}

void cap_release_id_soon(uint32_t id)
{
    (void)cap_release_id(id);
}

void loopback_become(unsigned client)
{
    present_client = client;
}

size_t loopback_held(void)
{
    size_t held = 0;
    for (size_t i = 0; i < HANDLES; i++)
        held += handles[i].kind != HANDLE_FREE;
    return held;
}

uint32_t loopback_give(uint32_t cap_id, unsigned client)
{
    const struct handle *handle = handle_of(cap_id);
    assert_non_null(handle);
    struct handle copy = *handle;
    copy.owner = client;
    if (copy.kind == HANDLE_MEMORY)
        copy.memory->references++;
    return handle_create(copy);
}

cap_directory loopback_root(void)
{
    return (cap_directory){.id = handle_create((struct handle){
                               .kind = HANDLE_FACET, .owner = present_client, .tag = FS_TAG_ROOT})};
}

cap_file_system loopback_admin(void)
{
    return (cap_file_system){
        .id = handle_create((struct handle){.kind = HANDLE_ADMIN, .owner = present_client})};
}

static uint32_t memory_handle(struct memory *memory, bool writable, unsigned owner)
{
    return handle_create(
        (struct handle){.kind = HANDLE_MEMORY, .owner = owner, .memory = memory, .writable = writable});
}

cap_memory_object loopback_memory(const void *bytes, uint64_t size)
{
    struct memory *memory = memory_create(size);
    if (memory == NULL)
        return (cap_memory_object){0};
    memcpy(memory->bytes, bytes, size);
    return (cap_memory_object){.id = memory_handle(memory, true, present_client)};
}

int32_t cap_memory_object_info(cap_memory_object self, struct cap_memory_object_info_results *results)
{
    const struct handle *handle = handle_of(self.id);
    if (handle == NULL || handle->kind != HANDLE_MEMORY)
        return CAPOS_ERR_WRONG_INTERFACE;
    *results = (struct cap_memory_object_info_results){handle->memory->capacity / 4096, handle->memory->size,
                                                       handle->writable};
    return CAPOS_OK;
}

int32_t cap_memory_object_map(cap_memory_object self, uint64_t hint, uint64_t offset, uint64_t size,
                              uint32_t prot, struct cap_memory_object_map_results *results)
{
    struct handle *handle = handle_of(self.id);
    assert_int_equal(hint + offset, 0);
    if (handle == NULL || handle->kind != HANDLE_MEMORY || size > handle->memory->capacity)
        return CAPOS_ERR_EXCEPTION;
    if ((prot & 2) != 0 && !handle->writable)
        return CAPOS_ERR_EXCEPTION;
    handle->memory->references++;
    (void)handle_create(
        (struct handle){.kind = HANDLE_MAPPING, .owner = present_client, .memory = handle->memory});
    results->address = (uintptr_t)handle->memory->bytes;
    return CAPOS_OK;
}

int32_t cap_memory_object_unmap(cap_memory_object self, uint64_t address, uint64_t size)
{
    struct handle *handle = handle_of(self.id);
    assert_non_null(handle);
    assert_true(address == (uintptr_t)handle->memory->bytes && size <= handle->memory->capacity);
    for (size_t i = 0; i < HANDLES; i++) {
        if (handles[i].kind == HANDLE_MAPPING && handles[i].owner == present_client &&
            handles[i].memory == handle->memory) {
            handle_free(&handles[i]);
            return CAPOS_OK;
        }
    }
    return CAPOS_ERR_EXCEPTION;
}

/* ---- Segments on memory objects. */

struct test_segment {
    struct fs_segment segment; /* first */
    struct memory *data, *header;
};

struct fs_segment *fs_segment_create(uint64_t capacity_bytes)
{
    struct test_segment *made = fs_test_calloc(1, sizeof(*made));
    if (made == NULL)
        return NULL;
    made->data = memory_create(capacity_bytes);
    made->header = made->data == NULL ? NULL : memory_create(4096);
    if (made->header == NULL) {
        if (made->data != NULL)
            memory_put(made->data);
        free(made);
        return NULL;
    }
    made->segment = (struct fs_segment){.bytes = made->data->bytes, .capacity_bytes = capacity_bytes};
    made->segment.header = (void *)made->header->bytes;
    made->segment.header->magic = CAPOS_FILE_MAGIC;
    made->segment.header->valid = 1;
    return &made->segment;
}

void fs_segment_retire(struct fs_segment *segment)
{
    struct test_segment *made = (struct test_segment *)segment;
    segment->header->valid = 0;
    memory_put(made->data);
    memory_put(made->header);
    free(made);
}

void fs_segment_publish(struct fs_segment *segment, uint64_t size_bytes)
{
    assert_true(size_bytes <= segment->capacity_bytes);
    segment->header->size_bytes = size_bytes;
    segment->header->version++;
}

int32_t fs_segment_share(const struct fs_segment *segment, bool writable, cap_memory_object *data,
                         cap_memory_object *header)
{
    const struct test_segment *made = (const struct test_segment *)segment;
    if (should_fail())
        return CAPOS_ERR_NO_SLOTS;
    made->data->references++;
    made->header->references++;
    *data = (cap_memory_object){.id = memory_handle(made->data, writable, present_client)};
    *header = (cap_memory_object){.id = memory_handle(made->header, false, present_client)};
    return CAPOS_OK;
}

/* ---- Locks and time. */

static unsigned lock_depth, meanwhile_nth;
static void (*meanwhile)(void);

void loopback_meanwhile(unsigned nth, void (*act)(void))
{
    meanwhile_nth = nth;
    meanwhile = act;
}

void capos_mutex_lock(struct capos_mutex *mutex)
{
    (void)mutex;
    assert_int_equal(lock_depth++, 0);
}

void capos_mutex_unlock(struct capos_mutex *mutex)
{
    (void)mutex;
    assert_int_equal(--lock_depth, 0);
    if (meanwhile_nth != 0 && --meanwhile_nth == 0)
        meanwhile();
}

int64_t fs_now_ns(void)
{
    static int64_t now;
    return ++now;
}

/* ---- Calls. */

enum { WAITING_MAX = 4096 };

static struct waiting {
    bool used, cancelled;
    unsigned owner;
    struct cap_pending *pending;
    uint64_t tag;
} waiting[WAITING_MAX];

static struct cap_pending *starting; /* the call that is being made, if it may wait */
static struct cap_exception last_exception;

int32_t capos_mint(struct capos_service *service, uint64_t tag, uint64_t interface_id, cap_any *out)
{
    (void)interface_id;
    assert_ptr_equal(service, &fs.service);
    if (should_fail())
        return CAPOS_ERR_NO_SLOTS;
    out->id = handle_create((struct handle){.kind = HANDLE_FACET, .owner = present_client, .tag = tag});
    out->mode = CAPOS_XFER_MOVE;
    return CAPOS_OK;
}

int32_t capos_mint_result(struct cap_call *call, uint64_t tag, uint64_t interface_id, cap_any *out)
{
    struct capos_call *current = capos_call_of(call);
    assert_ptr_equal(current->service, &fs.service);
    assert_true(current->mint_count < CAPOS_XFER_CAPS_MAX);
    current->mints[current->mint_count++] = (struct capos_xfer_mint){tag, interface_id};
    *out = (cap_any){.id = current->mint_count, .mode = CAPOS_XFER_MINT};
    return CAPOS_OK;
}

int32_t cap_endpoint_tag_of(cap_endpoint self, cap_any facet, struct cap_endpoint_tag_of_results *results)
{
    const struct handle *handle = handle_of(facet.id);
    (void)self;
    assert_int_equal(lock_depth, 0);
    if (handle == NULL)
        return CAPOS_ERR_BAD_CAP;
    *results = (struct cap_endpoint_tag_of_results){handle->kind == HANDLE_FACET, handle->tag};
    return CAPOS_OK;
}

void capos_call_defer(struct cap_call *call, struct capos_deferred *deferred)
{
    assert_int_equal(lock_depth, 0);
    assert_non_null(starting);
    for (unsigned i = 0; i < WAITING_MAX; i++) {
        if (waiting[i].used)
            continue;
        waiting[i] = (struct waiting){.used = true,
                                      .owner = present_client,
                                      .pending = starting,
                                      .tag = capos_call_of(call)->header->tag};
        *deferred = (struct capos_deferred){.call_id = i};
        /* A deferred call keeps its facet. */
        (void)handle_create((struct handle){.kind = HANDLE_FACET, .owner = SERVER, .tag = waiting[i].tag});
        return;
    }
    fail_msg("too many waiting calls");
}

struct cap_call *capos_deferred_begin(struct capos_deferred *deferred, void *results, size_t size)
{
    deferred->call.results = results;
    deferred->call.results_limit = size;
    return &deferred->call;
}

static void finish(struct cap_pending *pending, const struct cap_call *call, int32_t encoded)
{
    struct cap_message *message = &pending->message;
    pending->done = 1;
    pending->result = encoded;
    if (encoded < 0)
        return;
    if ((size_t)encoded > message->results_limit) {
        pending->result = CAPOS_ERR_RESULT_TRUNCATED;
        return;
    }
    if (message->results != call->results)
        memcpy(message->results, call->results, (size_t)encoded);
    message->results_bytes = (size_t)encoded;
    message->caps_in_count = call->caps_out_count;
    memcpy(message->caps_in, call->caps_out, sizeof message->caps_in);
}

int32_t capos_deferred_end(struct capos_deferred *deferred, int32_t encoded)
{
    struct waiting *call = &waiting[deferred->call_id];
    assert_true(call->used);
    assert_int_equal(lock_depth, 0);
    if (!call->cancelled)
        finish(call->pending, &deferred->call, encoded);
    call->used = false;
    for (size_t i = 0; i < HANDLES; i++) {
        if (handles[i].kind == HANDLE_FACET && handles[i].owner == SERVER && handles[i].tag == call->tag) {
            handle_free(&handles[i]);
            break;
        }
    }
    return call->cancelled ? CAPOS_ERR_NOT_FOUND : CAPOS_OK;
}

static int32_t answer_of(int32_t result, const struct cap_call *call)
{
    if (result == CAPOS_ERR_EXCEPTION) {
        last_exception.kind = call->exception_kind;
        snprintf(last_exception.reason, sizeof last_exception.reason, "%s", call->exception_reason);
    }
    return result;
}

/* The facets that the answer makes; or it fails, and they are gone. */
static int32_t mint_answered(struct capos_call *call, int32_t result)
{
    if (call->mint_count == 0)
        return result;
    if (result >= 0 && should_fail()) {
        result = CAPOS_ERR_EXCEPTION;
        cap_call_fail(&call->call, CAPOS_EXCEPTION_OVERLOADED, "the server could not send its answer");
    }
    for (uint32_t i = 0; i < call->mint_count && result < 0; i++)
        facet_dropped(NULL, call->mints[i].tag);
    for (size_t i = 0; i < call->call.caps_out_count && result >= 0; i++) {
        struct cap_transfer *out = &call->call.caps_out[i];
        if (out->mode == CAPOS_XFER_MINT)
            out->id = handle_create((struct handle){
                .kind = HANDLE_FACET, .owner = present_client, .tag = call->mints[out->id - 1].tag});
    }
    return result;
}

static void invoke(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending)
{
    struct cap_message *message = &pending->message;
    const struct handle *handle = handle_of(cap_id);
    struct capos_target target;
    uint64_t results[CAPOS_MESSAGE_MAX_BYTES / 8];
    pending->done = 1;
    pending->result = CAPOS_ERR_BAD_CAP;
    if (handle == NULL || handle->kind == HANDLE_MEMORY)
        return;
    loopback_calls++;
    const struct capos_ipc_header header = {
        .method_id = method_id, .tag = handle->tag, .caller_ref = present_client + 1};
    struct capos_call call = {
        .call = {.params = message->params,
                 .params_bytes = message->params_bytes,
                 .caps_in = message->caps,
                 .caps_in_count = message->cap_count,
                 .results = results,
                 .results_limit = sizeof results},
        .header = &header,
        .service = handle->kind == HANDLE_ADMIN ? &fs.admin : &fs.service,
    };
    bool found = facet_find(handle->kind == HANDLE_ADMIN ? &fs.admin : NULL, handle->tag, &target);
    assert_true(found);
    pending->done = 0;
    starting = pending;
    int32_t result = target.dispatch(target.ops, target.self, method_id, &call.call);
    starting = NULL;
    assert_int_equal(lock_depth, 0);
    if (result == CAP_CALL_PENDING)
        return;
    result = mint_answered(&call, result);
    finish(pending, &call.call, answer_of(result, &call.call));
}

int32_t cap_invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *message)
{
    struct cap_pending pending = {.message = *message};
    invoke(cap_id, method_id, &pending);
    assert_int_equal(pending.done, 1);
    *message = pending.message;
    return pending.result < 0 ? pending.result : (int32_t)message->results_bytes;
}

int32_t cap_invoke_empty(uint32_t cap_id, uint16_t method_id)
{
    struct cap_message message = {0};
    return cap_invoke(cap_id, method_id, &message);
}

int32_t cap_invoke_start(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending)
{
    const struct cap_pending *target = pending->target;
    pending->target = NULL;
    if (target != NULL && (target->result < 0 || target->message.caps_in_count <= pending->target_field)) {
        pending->done = 1;
        pending->result = target->result < 0 ? target->result : CAPOS_ERR_BAD_CAP;
        return CAPOS_OK;
    }
    if (pending->message.results == NULL) {
        pending->message.results = pending->response;
        pending->message.results_limit = sizeof pending->response;
    }
    invoke(target == NULL ? cap_id : target->message.caps_in[pending->target_field].id, method_id, pending);
    return CAPOS_OK;
}

int32_t cap_submit(void)
{
    return CAPOS_OK;
}

bool cap_pending_poll(struct cap_pending *pending)
{
    return pending->done != 0;
}

int32_t cap_pending_wait(struct cap_pending *pending)
{
    assert_int_equal(pending->done, 1);
    return pending->result;
}

const char *cap_why(int32_t result)
{
    return result == CAPOS_ERR_EXCEPTION ? last_exception.reason : "a transport error";
}

const struct cap_exception *cap_exception_last(void)
{
    return &last_exception;
}

/* ---- Beginning and end. */

void loopback_kill(unsigned client)
{
    unsigned before = present_client;
    for (unsigned i = 0; i < WAITING_MAX; i++)
        if (waiting[i].used && waiting[i].owner == client)
            waiting[i].cancelled = true;
    present_client = client;
    for (size_t i = 0; i < HANDLES; i++)
        if (handles[i].kind != HANDLE_FREE && handles[i].owner == client)
            handle_free(&handles[i]);
    present_client = before;
}

bool loopback_begin(uint64_t space_bytes)
{
    static bool has_table;
    if (!has_table && !facets_init()) /* once: the table is never given back */
        return false;
    has_table = true;
    present_client = 0;
    lock_depth = meanwhile_nth = 0;
    uint64_t facets = fs.facet_count;
    fs = (struct server){.facet_count = facets};
    watch_init();
    fs.space = fs_quota_create(NULL, space_bytes, 0);
    fs.tree.space = fs.store.quota = fs.space;
    fs.tree.changed = watch_changed;
    fs.account = fs.space == NULL ? NULL : fs_account_create(NULL, 0, 0);
    fs.names = fs.account == NULL ? NULL : fs_quota_create(NULL, 0, 0);
    if (fs.space == NULL || fs.account == NULL || fs.names == NULL ||
        fs_root_create(&fs.tree, fs.space, 1, &fs.root) != CAP_FS_STATUS_OK)
        return false;
    facets_init_root();
    return true;
}

static void empty_store(void)
{
    const struct fs_name *name;
    while ((name = fs_store_name_next(&fs.store, 0)) != NULL) {
        uint64_t version;
        (void)fs_store_set(&fs.store, fs.names, (struct capnp_data){name->bytes, name->len}, name->version,
                           NULL, &version);
    }
    if (fs.names != NULL) {
        assert_int_equal(fs.names->references, 1);
        assert_int_equal(fs.names->used_bytes, 0);
        assert_int_equal(fs.names->used_nodes, 0);
        fs_quota_put(fs.names);
    }
    fs.names = NULL;
    if (fs.account != NULL)
        fs_account_put(&fs.store, fs.account);
    fs.account = NULL;
    assert_null(rb_first(&fs.store.objects));
}

void loopback_end(void)
{
    lock_depth = 0; /* a failed assertion may have left it taken */
    for (unsigned client = 0; client < LOOPBACK_CLIENTS; client++)
        loopback_kill(client);
    if (fs.root != NULL) {
        /* Who died waiting is still in the way, as in the guest: a change of every node lets go of it. */
        for (unsigned i = 0; i < WAITING_MAX; i++) {
            if (!waiting[i].used)
                continue;
            struct capos_target target;
            assert_true(facet_find(NULL, waiting[i].tag, &target));
            fs_lock();
            fs_node_touch(((struct facet *)target.self)->node, 1);
            fs_unlock();
        }
        fs_node_put(fs.root);
    }
    if (fs.space == NULL)
        return;
    empty_store();
    assert_int_equal(loopback_held(), 0);
    assert_int_equal(fs.facet_count, 0);
    assert_int_equal(fs.client_count, 0);
    assert_int_equal(fs.tree.node_count, 0);
    assert_int_equal(fs.space->used_bytes, 0);
    assert_int_equal(fs.space->used_nodes, 0);
    fs_quota_put(fs.space);
    fs.space = NULL;
    fs.root = NULL;
}
