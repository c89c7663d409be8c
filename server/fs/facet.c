/* Facets by tag, and the clients that they are counted to. A tag is a place in the table and a generation
 * above it, so that an old tag never means a new facet. */
#include "server.h"
#include <capos/fs_server.h>
#include "alloc.h"
#include <string.h>

enum { TAG_INDEX_BITS = 20, FACETS_FIRST = 64, CLIENT_CHAINS = 256 };
#define TAG_INDEX_MASK ((UINT64_C(1) << TAG_INDEX_BITS) - 1)

/* Facets do not move: calls work on them while the table grows. */
static struct {
    struct facet **facets;
    uint32_t capacity;
    uint32_t *free_places;
    uint32_t free_count;
} table;

static struct client *chains[CLIENT_CHAINS];

bool facets_init(void)
{
    table.facets = calloc(FACETS_FIRST, sizeof(*table.facets));
    table.free_places = calloc(FACETS_FIRST, sizeof(*table.free_places));
    if (table.facets == NULL || table.free_places == NULL)
        return false;
    table.capacity = FACETS_FIRST;
    for (uint32_t place = FACETS_FIRST; place-- > FS_TAG_FIRST_FREE;)
        table.free_places[table.free_count++] = place;
    return true;
}

/* ---- Clients. */

static struct client **client_link(uint64_t ref, uint64_t ref_hi)
{
    struct client **link = &chains[ref % CLIENT_CHAINS];
    while (*link != NULL && ((*link)->ref != ref || (*link)->ref_hi != ref_hi))
        link = &(*link)->next;
    return link;
}

/* Counted for one more facet; null: no memory, or it has too many. */
static struct client *client_charge(const struct capos_ipc_header *header)
{
    struct client **link = client_link(header->caller_ref, header->caller_ref_hi);
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL)
            return NULL;
        (*link)->ref = header->caller_ref;
        (*link)->ref_hi = header->caller_ref_hi;
        fs.client_count++;
    }
    if ((*link)->facets >= FS_FACETS_PER_CLIENT)
        return NULL;
    (*link)->facets++;
    return *link;
}

static void client_refund(struct client *client)
{
    if (client == NULL || --client->facets != 0)
        return;
    *client_link(client->ref, client->ref_hi) = client->next;
    free(client);
    fs.client_count--;
}

/* ---- The table. */

static bool table_grow(void)
{
    uint32_t capacity = table.capacity * 2;
    if (capacity > TAG_INDEX_MASK)
        return false;
    struct facet **facets = realloc(table.facets, capacity * sizeof(*facets));
    if (facets == NULL)
        return false;
    table.facets = facets;
    memset(facets + table.capacity, 0, table.capacity * sizeof(*facets));
    uint32_t *places = realloc(table.free_places, capacity * sizeof(*places));
    if (places == NULL)
        return false;
    table.free_places = places;
    for (uint32_t place = capacity; place-- > table.capacity;)
        table.free_places[table.free_count++] = place;
    table.capacity = capacity;
    return true;
}

/* A free facet and its tag; null: no memory. */
static struct facet *table_take(uint64_t *tag)
{
    if (table.free_count == 0 && !table_grow())
        return NULL;
    uint32_t place = table.free_places[table.free_count - 1];
    if (table.facets[place] == NULL)
        table.facets[place] = calloc(1, sizeof(struct facet));
    struct facet *facet = table.facets[place];
    if (facet == NULL)
        return NULL;
    table.free_count--;
    *tag = (uint64_t)facet->tag_generation << TAG_INDEX_BITS | place;
    fs.facet_count++;
    return facet;
}

static void table_give_back(struct facet *facet, uint64_t tag)
{
    uint32_t generation = facet->tag_generation + 1;
    memset(facet, 0, sizeof(*facet));
    facet->tag_generation = generation;
    table.free_places[table.free_count++] = (uint32_t)(tag & TAG_INDEX_MASK);
    fs.facet_count--;
}

static struct facet *table_get(uint64_t tag)
{
    uint64_t place = tag & TAG_INDEX_MASK;
    struct facet *facet = place < table.capacity ? table.facets[place] : NULL;
    bool alive = facet != NULL && facet->kind != FACET_FREE && facet->tag_generation == tag >> TAG_INDEX_BITS;
    return alive ? facet : NULL;
}

/* ---- Open files. */

/* One that was given back is kept: most files are closed before another is opened. */
static struct open_file *spare_open;

struct open_file *open_file_create(void)
{
    struct open_file *open = spare_open;
    spare_open = NULL;
    if (open == NULL)
        open = malloc(sizeof(*open));
    if (open != NULL)
        *open = (struct open_file){0};
    return open;
}

static void open_file_free(struct open_file *open)
{
    if (spare_open == NULL)
        spare_open = open;
    else
        free(open);
}

/* ---- Facets. */

static void put_references(const struct facet *facet)
{
    if (facet->node != NULL)
        fs_node_put(facet->node);
    if (facet->quota != NULL)
        fs_quota_put(facet->quota);
    if (facet->open != NULL && --facet->open->references == 0)
        open_file_free(facet->open);
    if (facet->view != NULL && --facet->view->references == 0)
        free(facet->view);
    if (facet->account != NULL)
        fs_account_put(&fs.store, facet->account);
}

static void take_references(const struct facet *facet)
{
    if (facet->node != NULL)
        fs_node_get(facet->node);
    if (facet->quota != NULL)
        fs_quota_get(facet->quota);
    if (facet->open != NULL)
        facet->open->references++;
    if (facet->view != NULL)
        facet->view->references++;
    if (facet->account != NULL)
        fs_account_get(facet->account);
}

/* Only an answer of the endpoint's own calls can make its facets. */
static bool is_own_call(struct cap_call *call)
{
    return capos_call_of(call)->service == &fs.service;
}

static int32_t create(struct cap_call *call, const struct facet *like, uint64_t interface_id,
                      bool with_answer, cap_any *out)
{
    uint64_t tag;
    struct client *client = client_charge(capos_call_of(call)->header);
    if (client == NULL)
        return cap_call_fail(
            call, CAPOS_EXCEPTION_OVERLOADED,
            "this client holds too many files and directories, or the file server is out of memory");
    struct facet *facet = table_take(&tag);
    if (facet == NULL) {
        client_refund(client);
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the file server is out of memory");
    }
    uint32_t generation = facet->tag_generation;
    *facet = *like;
    facet->tag_generation = generation;
    facet->client = client;
    int32_t status = with_answer ? capos_mint_result(call, tag, interface_id, out)
                                 : capos_mint(&fs.service, tag, interface_id, out);
    if (status < 0) {
        table_give_back(facet, tag);
        client_refund(client);
    }
    return status;
}

int32_t facet_create(struct cap_call *call, const struct facet *like, uint64_t interface_id, cap_any *out)
{
    return create(call, like, interface_id, false, out);
}

int32_t facet_copy(struct cap_call *call, const struct facet *like, uint64_t interface_id, bool at_once,
                   cap_any *out)
{
    take_references(like);
    int32_t status = create(call, like, interface_id, !at_once && is_own_call(call), out);
    if (status < 0)
        put_references(like);
    return status;
}

int32_t facet_derive(struct cap_call *call, const struct facet *from, bool read_only, bool append_only,
                     uint64_t interface_id, cap_any *out)
{
    struct facet facet = *from;
    facet.read_only |= read_only;
    facet.append_only |= append_only;
    facet.derived |= read_only || append_only;
    return facet_copy(call, &facet, interface_id, false, out);
}

void facet_dropped(void *context, uint64_t tag)
{
    (void)context;
    capos_mutex_lock(&fs.lock);
    struct facet *facet = tag < FS_TAG_FIRST_FREE ? NULL : table_get(tag);
    if (facet != NULL) {
        put_references(facet);
        client_refund(facet->client);
        table_give_back(facet, tag);
    }
    capos_mutex_unlock(&fs.lock);
}

/* ---- Calls. */

CAPOS_DISPATCH(dispatch_file, cap_file_dispatch)
CAPOS_DISPATCH(dispatch_directory, cap_directory_dispatch)
CAPOS_DISPATCH(dispatch_store, cap_store_dispatch)
CAPOS_DISPATCH(dispatch_namespace, cap_namespace_dispatch)
CAPOS_DISPATCH(dispatch_admin, cap_file_system_dispatch)

static bool target_of(struct facet *facet, struct capos_target *out)
{
    switch (facet->kind) {
    case FACET_FILE:
        *out = (struct capos_target){dispatch_file, &file_ops, facet};
        return true;
    case FACET_DIRECTORY:
        *out = (struct capos_target){dispatch_directory, &directory_ops, facet};
        return true;
    case FACET_STORE:
        *out = (struct capos_target){dispatch_store, &store_ops, facet};
        return true;
    case FACET_NAMESPACE:
        *out = (struct capos_target){dispatch_namespace, &namespace_ops, facet};
        return true;
    case FACET_ADMIN:
        *out = (struct capos_target){dispatch_admin, &admin_ops, facet};
        return true;
    default:
        return false;
    }
}

static struct facet admin_facet = {.kind = FACET_ADMIN};

/* The facets that imports name, by tag: the whole tree, and the same to look at. */
static struct facet well_known[FS_TAG_FIRST_FREE];

void facets_init_root(void)
{
    const struct facet root = {.kind = FACET_DIRECTORY, .node = fs.root, .quota = fs.space};
    well_known[FS_TAG_ROOT] = well_known[FS_TAG_ROOT_READ_ONLY] = root;
    well_known[FS_TAG_ROOT_READ_ONLY].read_only = true;
}

static struct facet *find_locked(uint64_t tag)
{
    return tag < FS_TAG_FIRST_FREE ? &well_known[tag] : table_get(tag);
}

/* `context` is null for the endpoint of files, and says `admin` for the administrator's. */
bool facet_find(void *context, uint64_t tag, struct capos_target *out)
{
    capos_mutex_lock(&fs.lock);
    struct facet *facet = context != NULL ? &admin_facet : find_locked(tag);
    bool found = facet != NULL && target_of(facet, out);
    capos_mutex_unlock(&fs.lock);
    return found;
}

struct facet *facet_of_capability(uint32_t cap_id, enum facet_kind kind)
{
    struct cap_endpoint_tag_of_results results = {0};
    const cap_any capability = {.id = cap_id, .mode = CAPOS_XFER_COPY};
    if (cap_id == CAPNP_CAP_NONE || cap_endpoint_tag_of(fs.service.endpoint, capability, &results) < 0 ||
        !results.mine)
        return NULL;
    capos_mutex_lock(&fs.lock);
    struct facet *facet = find_locked(results.tag);
    capos_mutex_unlock(&fs.lock);
    return facet != NULL && facet->kind == kind ? facet : NULL;
}
