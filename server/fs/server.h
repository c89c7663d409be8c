/*
 * The file server: what its parts share. One endpoint, any number of serving threads, one lock over all state
 * (the tree, the facets, the clients); no operation blocks while it holds it.
 *
 * A facet is what one capability stands for: a node seen with certain rights, under a certain quota. Its tag,
 * which the kernel brings with each call, is its place in the facet table. Facets belong to the client that
 * asked for them (caller_ref), so that nobody can take more than a client's share of them.
 */
#pragma once
#include "store.h"
#include "tree.h"
#include <capos/serve.h>
#include <capos/sync.h>

enum facet_kind { FACET_FREE, FACET_FILE, FACET_DIRECTORY, FACET_STORE, FACET_NAMESPACE, FACET_ADMIN };

/* Tags that manifests may use for the exports of this server (`tag` of an import); others are made at run
 * time. */
enum { FS_TAG_ROOT = 0, FS_TAG_ROOT_READ_ONLY = 1, FS_TAG_FIRST_FREE = 8 };

enum {
    FS_FACETS_PER_CLIENT = 4096,
    FS_WATCHERS_PER_CLIENT = 64,
    FS_WATCHERS_MAX = 1024,
    FS_MESSAGE_BYTES = 4096
};

/* Who asked for facets. */
struct client {
    struct client *next; /* in its hash chain */
    uint64_t ref, ref_hi;
    uint32_t facets;
};

/* Shared by a file's facet and those made from it by readOnly and appendOnly: closing the first closes all;
 * closing one of the others only that. */
struct open_file {
    uint32_t references;
    bool closed;
};

/* What a Namespace facet puts before every name: a prefix that ends in '/'. Shared by those derived from it.
 */
struct namespace_view {
    uint32_t references;
    size_t len;
    uint8_t prefix[];
};

struct facet {
    enum facet_kind kind;
    bool read_only;
    bool append_only;
    bool derived, closed; /* files: made from another; closed by itself */
    uint32_t tag_generation;
    struct fs_node *node;        /* files, directories: referenced */
    struct fs_quota *quota;      /* files, directories, namespaces: referenced */
    struct open_file *open;      /* files: referenced */
    struct namespace_view *view; /* namespaces: referenced; null: all names */
    struct fs_account *account;  /* stores: referenced */
    struct client *client;       /* null: the server's own */
};

struct server {
    struct capos_mutex lock;
    struct capos_service service; /* Directories and Files */
    struct capos_service admin;   /* FileSystem */
    struct fs_tree tree;
    struct fs_store store;
    struct fs_account *account; /* what FileSystem.store's holders put counts here */
    struct fs_quota *names;     /* and the names that FileSystem.namespace's set, here */
    struct fs_quota *space;
    struct fs_node *root;
    uint64_t facet_count, client_count;
};
extern struct server fs;

/* Lock held in all that follows, unless it says otherwise. */

/* ---- facet.c */

/* Referenced once, not closed; null: no memory. The lock is held. The last facet that refers to it gives it
 * back. */
struct open_file *open_file_create(void);

/* The table. False: no memory. */
bool facets_init(void);
/* The facets with well-known tags, once there is a root. */
void facets_init_root(void);
/* Copies the description (its references become the facet's on success) and mints a capability to it.
 * CAPOS_OK or what the call is to answer: overloaded when the client has too many. */
int32_t facet_create(struct cap_call *call, const struct facet *like, uint64_t interface_id, cap_any *out);
/* For struct capos_service; they lock. */
bool facet_find(void *context, uint64_t tag, struct capos_target *out);
void facet_dropped(void *context, uint64_t tag);
/* The facet behind a capability that came with a call, if it is one of this server's and of that kind; null
 * if not. Takes and releases the lock itself for nothing: call it without the lock. */
struct facet *facet_of_capability(uint32_t cap_id, enum facet_kind kind);
/* Another facet like that; references are taken. The answer to the call makes the capability, which can fail
 * when the operation is over (then the facet is dropped); at_once: here and now, for an operation that then
 * does what cannot be undone. */
int32_t facet_copy(struct cap_call *call, const struct facet *like, uint64_t interface_id, bool at_once,
                   cap_any *out);
/* A new facet over the same node with at most these rights; references are taken. */
int32_t facet_derive(struct cap_call *call, const struct facet *from, bool read_only, bool append_only,
                     uint64_t interface_id, cap_any *out);

/* ---- clock.c: from the grants "clock" (WallClock) and "timer"; without them all times are 0. */
void fs_clock_init(void);
/* Nanoseconds since 1970. Needs no lock. */
int64_t fs_now_ns(void);

/* ---- watch.c: calls that wait for a node to change, and the lock's two functions. */

void watch_init(void);
/* Every operation takes and gives back the lock with these two: fs_unlock also answers the calls that wait
 * for what was changed meanwhile. */
void fs_lock(void);
void fs_unlock(void);

struct watcher;
/* Defers the call, which must then return CAP_CALL_PENDING. Without the lock. Null: no memory, and the call
 * is not deferred. */
struct watcher *watch_begin(struct cap_call *call, bool directory);
/* One of the two, with the lock held: answers it now, or when the node has changed. */
void watch_answer(struct watcher *watcher, enum cap_fs_status status, const struct fs_node *node);
void watch_wait(struct watcher *watcher, struct fs_node *node);
/* fs_tree.changed. */
void watch_changed(struct fs_node *node);

/* ---- The interfaces' operations. `self` is the struct facet. */
extern const struct cap_file_server file_ops;
extern const struct cap_directory_server directory_ops;
extern const struct cap_store_server store_ops;
extern const struct cap_namespace_server namespace_ops;
extern const struct cap_file_system_server admin_ops;
