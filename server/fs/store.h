/*
 * Objects named by the SHA-256 of their content, and a namespace that leads to them. Objects never change: an
 * object is filled before it has a hash, and only then can be found. It lives as long as a put or a name
 * counts on it. Puts belong to an account, which limits them and can only release its own; what the objects
 * take is the store's, whoever put them.
 *
 * A put begins with its hash, so that nothing is copied, charged or refused where an account puts what it has
 * put before. What is new is charged before it is filled: no account ever takes more than its limits.
 *
 * A name is 1 to FS_STORE_NAME_BYTES_MAX bytes without NUL. `/` means nothing here; it is what
 * Namespace.sub puts between a prefix and a name. Everything is charged to the store's quota. A
 * name counts besides in the quota of who set it last, with all that it keeps: FS_NAME_COST_BYTES, its bytes
 * and its object's, whoever put that. No memory is behind such a quota, as behind an account's. Not
 * thread-safe: the file system's lock protects it. No function blocks.
 */
#pragma once
#include "content.h"
#include <base/sha256.h>

enum { FS_STORE_NAME_BYTES_MAX = 255, FS_OBJECT_COST_BYTES = 256, FS_NAME_COST_BYTES = 128 };

struct fs_object {
    struct rb_node by_hash;
    uint8_t hash[SHA256_BYTES];
    struct fs_content content;
    uint64_t puts, names; /* what counts on it */
};

/* What one holder of a Store, and those he passed it on to, have put. */
struct fs_account {
    uint32_t references;
    struct fs_quota *quota; /* referenced; of its own kind: it counts sizes, and no memory is behind it */
    struct rb_root puts;    /* struct fs_put by its object's address */
};

struct fs_put {
    struct rb_node node;
    struct fs_object *object; /* `count` of its puts */
    uint64_t count;
};

struct fs_name {
    struct rb_node by_name, by_cookie;
    uint64_t cookie, version;
    struct fs_object *object; /* counted in its names */
    struct fs_quota *quota;   /* referenced: who set it last */
    size_t len;
    uint8_t bytes[];
};

struct fs_store {
    struct rb_root objects; /* by hash */
    struct rb_root names, names_by_cookie;
    uint64_t last_cookie, last_version; /* never used again, so that a name made anew is told from the old */
    struct fs_quota *quota;             /* borrowed */
};

/* At the end of one that is being filled; at most FS_BLOCK_BYTES. OK, NO_SPACE, TOO_LARGE. */
enum cap_fs_status fs_object_add(struct fs_object *object, const void *bytes, size_t len);
/* Within `outer` (null: in none); limits of 0 mean none. One reference. Null: no memory. */
struct fs_account *fs_account_create(const struct fs_account *outer, uint64_t limit_bytes,
                                     uint64_t limit_objects);
void fs_account_get(struct fs_account *account);
/* With the last reference its puts are released. */
void fs_account_put(struct fs_store *store, struct fs_account *account);

/* Puts what seems to be of that size and hash. OK with *out null: it is there, and is counted. OK with an
 * object: it is not, and the account was charged for it; to be filled with so many bytes, then
 * fs_put_finish or fs_put_abandon. OVER_QUOTA, NO_SPACE; neither if the account has put it before. */
enum cap_fs_status fs_put_begin(struct fs_store *store, struct fs_account *account, const uint8_t *hash,
                                uint64_t size_bytes, struct fs_object **out);
/* From now on it is found under the hash of what it was filled with, unless its like has come meanwhile,
 * which is counted instead and the new one freed; the account is refunded if that was its own. OK; NO_SPACE:
 * as fs_put_abandon. */
enum cap_fs_status fs_put_finish(struct fs_store *store, struct fs_account *account, struct fs_object *object,
                                 const uint8_t *hash);
/* The object is freed, and the account refunded the size that it was charged. */
void fs_put_abandon(struct fs_store *store, struct fs_account *account, struct fs_object *object,
                    uint64_t size_bytes);
/* Borrowed; null: there is none. */
struct fs_object *fs_store_find(const struct fs_store *store, struct capnp_data hash);
/* One put of the account less. False: it has none. */
bool fs_store_release(struct fs_store *store, struct fs_account *account, struct fs_object *object);

/* OK or BAD_NAME. */
enum cap_fs_status fs_store_name_check(struct capnp_data name);
/* Borrowed; null: there is none. */
struct fs_name *fs_store_resolve(const struct fs_store *store, struct capnp_data name);
/* Makes, changes or (object null) removes the name if its version is `expected` (0: there is none); from then
 * on it counts in `quota`. *version: the one that it has afterwards, 0 for none. OK, BAD_NAME, NO_SPACE,
 * OVER_QUOTA; EXISTS: it is another version; NOT_FOUND: nothing to remove. */
enum cap_fs_status fs_store_set(struct fs_store *store, struct fs_quota *quota, struct capnp_data name,
                                uint64_t expected, struct fs_object *object, uint64_t *version);
/* The first with a cookie > `cookie`, borrowed; null: none. */
const struct fs_name *fs_store_name_next(const struct fs_store *store, uint64_t cookie);
