/* Store and Namespace: content found by its SHA-256, which never changes, and names that change one at a
 * time. */
#include "files.h"
#include <capos/memory.h>

enum { HASH_BYTES = 32 };

static cap_store store;
static cap_namespace names;

/* SHA-256 of "abc", from the standard. */
static const uint8_t abc_hash[HASH_BYTES] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                             0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                             0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

static enum cap_fs_status put(cap_store to, const char *text, uint8_t *hash)
{
    static struct cap_store_put_small_results made;
    made = (struct cap_store_put_small_results){0};
    int32_t result = cap_store_put_small(to, files_data(text), &made, &files_answer);
    if (result >= 0 && made.status == CAP_FS_STATUS_OK && made.hash.len == HASH_BYTES)
        memcpy(hash, made.hash.bytes, HASH_BYTES);
    return files_status(result, made.status);
}

static enum cap_fs_status info(const uint8_t *hash, size_t len, uint64_t *size, uint64_t *references)
{
    struct cap_store_info_results got = {0};
    int32_t result = cap_store_info(store, capnp_data_of(hash, len), &got);
    *size = got.size;
    *references = got.references;
    return files_status(result, got.status);
}

static enum cap_fs_status release(cap_store from, const uint8_t *hash)
{
    struct cap_store_release_results released = {0};
    int32_t result = cap_store_release(from, capnp_data_of(hash, HASH_BYTES), &released);
    return files_status(result, released.status);
}

static void check_objects(void)
{
    uint8_t hash[HASH_BYTES];
    uint64_t size, references;
    files_expect(CAP_FS_STATUS_OK, put(store, "abc", hash), "an object");
    demo_check(memcmp(hash, abc_hash, HASH_BYTES) == 0, "has its SHA-256 as its name");
    files_expect(CAP_FS_STATUS_OK, put(store, "abc", hash), "the same again");
    (void)info(hash, HASH_BYTES, &size, &references);
    demo_check(size == 3 && references == 2, "is the same object, counted twice");
    files_expect(CAP_FS_STATUS_OK, release(store, hash), "one less");
    files_expect(CAP_FS_STATUS_OK, info(hash, HASH_BYTES, &size, &references), "leaves it");
    files_expect(CAP_FS_STATUS_OK, release(store, hash), "the last");
    files_expect(CAP_FS_STATUS_NOT_FOUND, info(hash, HASH_BYTES, &size, &references), "takes it away");
    files_expect(CAP_FS_STATUS_NOT_FOUND, release(store, hash), "once");
    files_expect(CAP_FS_STATUS_NOT_FOUND, info(hash, 31, &size, &references), "31 bytes are no hash");
    files_expect(CAP_FS_STATUS_NOT_FOUND, info(hash, 0, &size, &references), "nor is nothing");
    files_expect(CAP_FS_STATUS_OK, put(store, "", hash), "the empty object");
    demo_check(hash[0] == 0xe3 && hash[31] == 0x55, "has a hash too");
    (void)release(store, hash);
}

static void check_memory(void)
{
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_memory_object_map_results mine = {0}, theirs = {0};
    static struct cap_store_put_results stored;
    struct cap_store_get_results got = {0};
    uint8_t hash[HASH_BYTES];
    enum { SIZE = 10000 };
    (void)cap_virtual_memory_create_object(memory, 12288, &made);
    (void)cap_memory_object_map(made.object, 0, 0, 12288, 3, &mine);
    memset((void *)(uintptr_t)mine.address, 'm', SIZE);
    demo_expect(CAPOS_OK, cap_store_put(store, made.object, SIZE, &stored, &files_answer),
                "an object from memory");
    files_expect(CAP_FS_STATUS_OK, stored.status, "is stored");
    memcpy(hash, stored.hash.bytes, HASH_BYTES);
    memset((void *)(uintptr_t)mine.address, 'z', SIZE); /* too late to change anything */
    (void)cap_store_get(store, capnp_data_of(hash, HASH_BYTES), &got);
    files_expect(CAP_FS_STATUS_OK, got.status, "and got back");
    demo_check(cap_memory_object_map(got.content, 0, 0, 12288, 3, &theirs) < 0, "not to be written to");
    demo_expect(CAPOS_OK, cap_memory_object_map(got.content, 0, 0, 12288, 1, &theirs), "but to be read");
    const char *bytes = (const char *)(uintptr_t)theirs.address;
    bool same = got.size == SIZE;
    for (int i = 0; i < SIZE; i++)
        same = same && bytes[i] == 'm';
    demo_check(same && bytes[SIZE] == 0, "as it was put");
    files_expect(CAP_FS_STATUS_OK, release(store, hash), "released");
    demo_check(bytes[SIZE - 1] == 'm', "the memory that was got stays");
    (void)cap_store_get(store, capnp_data_of(hash, HASH_BYTES), &got);
    files_expect(CAP_FS_STATUS_NOT_FOUND, got.status, "nobody gets it any more");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_store_put(store, made.object, 12289, &stored, &files_answer),
                          "more bytes than the memory has");
    const cap_memory_object console = {.id = demo_console.id, .mode = CAPOS_XFER_COPY};
    demo_check(cap_store_put(store, console, 10, &stored, &files_answer) < 0, "a Console is no memory");
    (void)cap_memory_object_unmap(got.content, theirs.address, 12288);
}

static enum cap_fs_status set(cap_namespace in, const char *name, uint64_t expected, const uint8_t *hash,
                              uint64_t *version)
{
    struct cap_namespace_compare_and_set_results made = {0};
    const struct capnp_data value = hash == NULL ? capnp_data_of("", 0) : capnp_data_of(hash, HASH_BYTES);
    int32_t result = cap_namespace_compare_and_set(in, files_data(name), expected, value, &made);
    *version = made.version;
    return files_status(result, made.status);
}

static enum cap_fs_status resolve(cap_namespace in, const char *name, const uint8_t *expected)
{
    struct cap_namespace_resolve_results got = {0};
    int32_t result = cap_namespace_resolve(in, files_data(name), &got, &files_answer);
    if (result >= 0 && got.status == CAP_FS_STATUS_OK && expected != NULL &&
        (got.hash.len != HASH_BYTES || memcmp(got.hash.bytes, expected, HASH_BYTES) != 0))
        return FILES_FAILED;
    return files_status(result, got.status);
}

static void check_names(void)
{
    uint8_t one[HASH_BYTES], two[HASH_BYTES], none[HASH_BYTES] = {0};
    uint64_t version, other, size, references;
    char longest[257];
    (void)put(store, "one", one);
    (void)put(store, "two", two);
    files_expect(CAP_FS_STATUS_NOT_FOUND, resolve(names, "app/config", NULL), "no such name");
    files_expect(CAP_FS_STATUS_NOT_FOUND, set(names, "app/config", 0, none, &version), "no such object");
    files_expect(CAP_FS_STATUS_OK, set(names, "app/config", 0, one, &version), "a name");
    files_expect(CAP_FS_STATUS_OK, resolve(names, "app/config", one), "leads to its object");
    files_expect(CAP_FS_STATUS_EXISTS, set(names, "app/config", 0, two, &other), "made once");
    demo_check(other == version, "who lost is told the version");
    files_expect(CAP_FS_STATUS_EXISTS, set(names, "app/config", version + 7, two, &other), "a wrong version");
    files_expect(CAP_FS_STATUS_OK, resolve(names, "app/config", one), "changes nothing");
    files_expect(CAP_FS_STATUS_OK, set(names, "app/config", version, two, &other), "the right one");
    files_expect(CAP_FS_STATUS_OK, resolve(names, "app/config", two), "does");
    files_expect(CAP_FS_STATUS_EXISTS, set(names, "app/config", version, one, &version),
                 "a stale one no more");
    (void)release(store, two);
    (void)info(two, HASH_BYTES, &size, &references);
    demo_check(references == 1, "an object that has a name stays");
    files_expect(CAP_FS_STATUS_NOT_FOUND, release(store, two), "whoever releases it");
    files_expect(CAP_FS_STATUS_OK, set(names, "app/config", other, NULL, &version), "without the name");
    files_expect(CAP_FS_STATUS_NOT_FOUND, info(two, HASH_BYTES, &size, &references), "it goes");
    files_expect(CAP_FS_STATUS_EXISTS, set(names, "app/config", other, one, &version),
                 "a version is not used twice");
    memset(longest, 'n', 256);
    longest[256] = '\0';
    files_expect(CAP_FS_STATUS_BAD_NAME, set(names, longest, 0, one, &version), "256 bytes");
    files_expect(CAP_FS_STATUS_BAD_NAME, set(names, "", 0, one, &version), "no name at all");
    (void)release(store, one);
}

static void check_views(void)
{
    struct cap_namespace_sub_results sub = {0}, deeper = {0};
    struct cap_namespace_read_only_results view = {0};
    struct cap_namespace_list_results list = {0};
    uint8_t hash[HASH_BYTES];
    uint64_t version;
    (void)put(store, "shared", hash);
    (void)set(names, "a/b/x", 0, hash, &version);
    (void)set(names, "ab", 0, hash, &version);
    (void)set(names, "secret", 0, hash, &version);
    (void)cap_namespace_sub(names, files_data("a"), &sub);
    (void)cap_namespace_sub(sub.namespace_, files_data("b"), &deeper);
    files_expect(CAP_FS_STATUS_OK, resolve(sub.namespace_, "b/x", hash), "names below a prefix");
    files_expect(CAP_FS_STATUS_OK, resolve(deeper.namespace_, "x", hash), "below that");
    files_expect(CAP_FS_STATUS_NOT_FOUND, resolve(sub.namespace_, "../secret", NULL), "no way up");
    files_expect(CAP_FS_STATUS_NOT_FOUND, resolve(sub.namespace_, "/secret", NULL),
                 "no way to the beginning");
    files_expect(CAP_FS_STATUS_OK, set(deeper.namespace_, "y", 0, hash, &version), "made below");
    files_expect(CAP_FS_STATUS_OK, resolve(names, "a/b/y", hash), "is seen from above");
    (void)cap_namespace_list(sub.namespace_, 0, 100, &list, &files_answer);
    struct capnp_data first = {0}, second = {0};
    (void)capnp_list_get_data(&list.names, 0, &first);
    (void)capnp_list_get_data(&list.names, 1, &second);
    demo_check(list.names.count == 2 && list.next_cookie == 0 && first.len == 3 &&
                   memcmp(first.bytes, "b/x", 3) == 0 && second.len == 3 &&
                   memcmp(second.bytes, "b/y", 3) == 0,
               "a list has these and no others");
    (void)cap_namespace_read_only(sub.namespace_, &view);
    files_expect(CAP_FS_STATUS_OK, resolve(view.namespace_, "b/x", hash), "read-only is read");
    files_expect(CAP_FS_STATUS_READ_ONLY, set(view.namespace_, "b/z", 0, hash, &version), "not changed");
    (void)cap_namespace_sub(view.namespace_, files_data("b"), &deeper);
    files_expect(CAP_FS_STATUS_READ_ONLY, set(deeper.namespace_, "z", 0, hash, &version),
                 "nor what is below it");
    struct cap_store_read_only_results reader = {0};
    struct cap_store_get_results got = {0};
    (void)cap_store_read_only(store, &reader);
    files_expect(CAP_FS_STATUS_READ_ONLY, put(reader.store, "more", hash), "a read-only Store takes nothing");
    files_expect(CAP_FS_STATUS_READ_ONLY, release(reader.store, hash), "and gives nothing up");
    (void)cap_store_get(reader.store, capnp_data_of(hash, HASH_BYTES), &got);
    files_expect(CAP_FS_STATUS_OK, got.status, "but gives");
}

static bool uses(cap_store of, uint64_t bytes, uint64_t objects)
{
    struct cap_store_usage_results used = {0};
    return cap_store_usage(of, &used) >= 0 && used.used_bytes == bytes && used.used_objects == objects;
}

/* What is lent to one who is not trusted: he fills his own account, and releases what he has put himself. */
static void check_accounts(void)
{
    struct cap_store_with_quota_results lent = {0}, inner = {0};
    uint8_t mine[HASH_BYTES], his[HASH_BYTES], both[HASH_BYTES];
    uint64_t size, references, version;
    (void)put(store, "mine", mine);
    (void)cap_store_with_quota(store, 10, 2, &lent);
    files_expect(CAP_FS_STATUS_OK, lent.status, "a Store of 10 bytes and 2 objects");
    files_expect(CAP_FS_STATUS_NOT_FOUND, release(lent.store, mine), "another's put is not released with it");
    files_expect(CAP_FS_STATUS_OK, info(mine, HASH_BYTES, &size, &references), "and stays");
    files_expect(CAP_FS_STATUS_OK, put(lent.store, "his", his), "an object of its own");
    files_expect(CAP_FS_STATUS_OK, put(lent.store, "his", his), "the same again");
    demo_check(uses(lent.store, 3, 1), "takes its size once");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put(lent.store, "12345678", both), "too many bytes");
    files_expect(CAP_FS_STATUS_OK, put(lent.store, "mine", both), "what is there already, for others");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put(lent.store, "3", both), "too many objects");
    files_expect(CAP_FS_STATUS_OK, put(lent.store, "his", his),
                 "what it has itself is put again all the same");
    demo_check(uses(lent.store, 7, 2), "and takes nothing");
    (void)cap_store_with_quota(lent.store, 0, 0, &inner);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put(inner.store, "4", both), "also through one made of it");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put(inner.store, "his", both),
                 "which pays for itself, whoever has it");
    files_expect(CAP_FS_STATUS_NOT_FOUND, release(store, his), "nor are its puts another's to release");
    files_expect(CAP_FS_STATUS_OK, set(names, "kept", 0, mine, &version), "a name");
    (void)cap_release(inner.store);
    (void)cap_release(lent.store);
    for (int i = 0; i < 100 && info(his, HASH_BYTES, &size, &references) == CAP_FS_STATUS_OK; i++)
        (void)cap_timer_sleep(capos_need_timer("timer"),
                              1000000); /* a dropped capability is heard of later */
    files_expect(CAP_FS_STATUS_NOT_FOUND, info(his, HASH_BYTES, &size, &references), "its puts go with it");
    (void)info(mine, HASH_BYTES, &size, &references);
    demo_check(references == 2, "and only its own");
    (void)set(names, "kept", version, NULL, &version);
    (void)release(store, mine);
}

static cap_namespace limit_names(cap_namespace from, uint64_t bytes, uint64_t count,
                                 enum cap_fs_status *status)
{
    struct cap_namespace_with_quota_results made = {0};
    *status = files_status(cap_namespace_with_quota(from, bytes, count, &made), made.status);
    return made.namespace_;
}

static bool names_use(cap_namespace of, uint64_t bytes, uint64_t count)
{
    struct cap_namespace_usage_results used = {0};
    return cap_namespace_usage(of, &used) >= 0 && used.used_bytes == bytes && used.used_names == count;
}

/* A Namespace made of another, which is full: its names are its outer one's, too. */
static void check_names_within(cap_namespace lent, const uint8_t *hash)
{
    struct cap_namespace_sub_results sub = {0};
    struct cap_namespace_read_only_results reader = {0};
    enum cap_fs_status status;
    uint64_t version;
    cap_namespace inner = limit_names(lent, 0, 0, &status);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(inner, "q3", 0, hash, &version), "nor through one made of it");
    (void)cap_namespace_sub(lent, files_data("q"), &sub);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(sub.namespace_, "3", 0, hash, &version), "nor below a prefix");
    int depth = 0;
    for (; depth < 40 && status == CAP_FS_STATUS_OK; depth++) {
        cap_namespace deeper = limit_names(inner, 0, 0, &status);
        (void)cap_release(inner);
        inner = deeper;
    }
    files_expect(CAP_FS_STATUS_OVER_QUOTA, status, "there is an end to nesting");
    demo_check(depth < 16, "at sixteen");
    (void)cap_namespace_read_only(names, &reader);
    inner = limit_names(reader.namespace_, 0, 0, &status);
    files_expect(CAP_FS_STATUS_READ_ONLY, set(inner, "q4", 0, hash, &version), "a quota gives no rights");
    (void)cap_release(inner);
    (void)cap_release(reader.namespace_);
    (void)cap_release(sub.namespace_);
}

/* What is lent to one who is not trusted: so many names, and so much that they keep. */
static void check_names_quota(void)
{
    static char text[2001];
    uint8_t one[HASH_BYTES], large[HASH_BYTES];
    uint64_t first, second, third, outside, version;
    enum cap_fs_status status;
    memset(text, 'n', sizeof text - 1);
    (void)put(store, "one", one);
    (void)put(store, text, large);
    cap_namespace lent = limit_names(names, 2000, 2, &status);
    files_expect(CAP_FS_STATUS_OK, status, "a Namespace of 2000 bytes and 2 names");
    files_expect(CAP_FS_STATUS_OK, set(lent, "q1", 0, one, &first), "a name of it");
    demo_check(names_use(lent, 128 + 2 + 3, 1), "counts itself and its object");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(lent, "q2", 0, large, &version),
                 "one that would keep too much");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(lent, "q1", first, large, &version),
                 "one that is there does not come to");
    demo_check(version == first, "and is as it was");
    files_expect(CAP_FS_STATUS_OK, resolve(lent, "q1", one), "with its object");
    files_expect(CAP_FS_STATUS_OK, set(lent, "q2", 0, one, &second), "a second name");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(lent, "q3", 0, one, &version), "a third is too many");
    files_expect(CAP_FS_STATUS_NOT_FOUND, resolve(names, "q3", NULL), "and not made");
    check_names_within(lent, one);
    files_expect(CAP_FS_STATUS_OK, set(names, "q3", 0, large, &outside), "outside there is room");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, set(lent, "q3", outside, one, &version),
                 "to set another's name is to pay for it");
    files_expect(CAP_FS_STATUS_OK, set(names, "q2", second, NULL, &version), "whoever removes one");
    demo_check(names_use(lent, 128 + 2 + 3, 1), "gives back its room");
    files_expect(CAP_FS_STATUS_OK, set(lent, "q3", outside, one, &third), "which is used again");
    (void)cap_release(lent);
    files_expect(CAP_FS_STATUS_OK, resolve(names, "q1", one), "its names stay without it");
    (void)set(names, "q1", first, NULL, &version);
    (void)set(names, "q3", third, NULL, &version);
    (void)release(store, one);
    (void)release(store, large);
}

static enum cap_fs_status put_memory(cap_store to, cap_memory_object content, uint64_t size)
{
    struct cap_store_put_results stored = {0};
    int32_t result = cap_store_put(to, content, size, &stored, &files_answer);
    return files_status(result, stored.status);
}

/* Of more than a page: such a one is looked at before it is copied. */
static void check_large_at_the_limit(void)
{
    enum { SIZE = 10000, MAPPED = 12288 };
    struct cap_virtual_memory_create_object_results made = {0};
    struct cap_memory_object_map_results mine = {0};
    struct cap_store_with_quota_results lent = {0};
    (void)cap_virtual_memory_create_object(capos_need_virtual_memory("memory"), MAPPED, &made);
    (void)cap_memory_object_map(made.object, 0, 0, MAPPED, 3, &mine);
    char *bytes = (char *)(uintptr_t)mine.address;
    memset(bytes, 'l', SIZE);
    (void)cap_store_with_quota(store, SIZE, 0, &lent);
    files_expect(CAP_FS_STATUS_OK, put_memory(lent.store, made.object, SIZE),
                 "as much as an account may take");
    files_expect(CAP_FS_STATUS_OK, put_memory(lent.store, made.object, SIZE), "again");
    demo_check(uses(lent.store, SIZE, 1), "takes no more");
    bytes[SIZE - 1] = 'x';
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put_memory(lent.store, made.object, SIZE),
                 "anything else is refused");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, put_memory(lent.store, made.object, 1), "of any size");
    demo_check(uses(lent.store, SIZE, 1), "and not counted");
    (void)cap_release(lent.store);
    (void)cap_memory_object_unmap(made.object, mine.address, MAPPED);
    (void)cap_release(made.object);
}

/* The store's space is the file system's. */
static void check_space(void)
{
    uint8_t hash[HASH_BYTES];
    uint64_t count = 0, size, references;
    static char text[4000];
    enum cap_fs_status status = CAP_FS_STATUS_OK;
    memset(text, 's', sizeof text - 1);
    for (; status == CAP_FS_STATUS_OK && count < 100000; count++) {
        (void)capos_snprintf(text, 9, "%08u", (unsigned)count);
        text[8] = 's';
        status = put(store, text, hash);
    }
    files_expect(CAP_FS_STATUS_NO_SPACE, status, "until there is no space");
    files_expect(CAP_FS_STATUS_OK, info(hash, HASH_BYTES, &size, &references),
                 "the last that was acknowledged is there");
    (void)capos_snprintf(text, 9, "%08u", (unsigned)count - 2);
    text[8] = 's';
    files_expect(CAP_FS_STATUS_OK, put(store, text, hash), "and is put again without any");
    files_expect(CAP_FS_STATUS_OK, release(store, hash), "which is released");
    files_expect(CAP_FS_STATUS_OK, release(store, hash), "one less");
    files_expect(CAP_FS_STATUS_OK, put(store, "small", hash), "makes room");
}

int main(void)
{
    struct cap_file_system_store_results made = {0};
    struct cap_file_system_namespace_results made_names = {0};
    demo_begin("c-store");
    cap_file_system admin = capos_need_file_system("admin");
    (void)cap_file_system_store(admin, &made);
    (void)cap_file_system_namespace(admin, &made_names);
    store = made.store;
    names = made_names.namespace_;
    check_objects();
    check_memory();
    check_names();
    check_views();
    check_accounts();
    check_large_at_the_limit();
    check_names_quota();
    check_space();
    return demo_end();
}
