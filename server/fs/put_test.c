/*
 * Store.put through the interface while others work: what its giver changes between the server's two looks,
 * what comes into the store meanwhile, and accounts at their limit. The lock is given back once between the
 * looks, and there the test gets in.
 */
#include "loopback.h"
#include "unit.h"
#include <string.h>

enum { SIZE = 10000 };
/* The server first looks up what the call is for, then whether the content is there. */
enum { BETWEEN_LOOKS = 2 };

static cap_store store;
static uint8_t *bytes; /* of `memory`, which the client has mapped */
static cap_memory_object memory;
static uint64_t words[32];
static struct cap_buffer buffer = {words, sizeof words};

static const uint8_t *hash_of(char content)
{
    static uint8_t hash[SHA256_BYTES];
    static uint8_t text[SIZE];
    struct sha256 sha;
    memset(text, content, sizeof text);
    sha256_init(&sha);
    sha256_add(&sha, text, sizeof text);
    sha256_finish(&sha, hash);
    return hash;
}

static const struct fs_object *find(char content)
{
    return fs_store_find(&fs.store, (struct capnp_data){hash_of(content), SHA256_BYTES});
}

/* OK: `hash` was answered. */
static enum cap_fs_status put(cap_store to, char content, char expected)
{
    struct cap_store_put_results put = {0};
    memset(bytes, content, SIZE);
    UNIT_OK(cap_store_put(to, memory, SIZE, &put, &buffer) >= 0);
    if (put.status == CAP_FS_STATUS_OK)
        assert_true(put.hash.len == SHA256_BYTES &&
                    memcmp(put.hash.bytes, hash_of(expected), SHA256_BYTES) == 0);
    return put.status;
}

static void check_usage(cap_store of, uint64_t used_bytes, uint64_t objects)
{
    struct cap_store_usage_results used = {0};
    UNIT_OK(cap_store_usage(of, &used) >= 0);
    assert_int_equal(used.used_bytes, used_bytes);
    assert_int_equal(used.used_objects, objects);
}

/* What the first look saw is charged, and not there yet. */
static uint64_t charged_objects;

static void change(void)
{
    assert_null(find('a'));
    charged_objects = fs.account->quota->used_nodes;
    memset(bytes, 'b', SIZE);
}

/* The second look is what is copied, and so its hash is the object's. */
static void test_changed_meanwhile(void)
{
    charged_objects = 0;
    loopback_meanwhile(BETWEEN_LOOKS, change);
    UNIT_OK(put(store, 'a', 'b') == CAP_FS_STATUS_OK);
    assert_int_equal(charged_objects, 1);
    assert_null(find('a'));
    const struct fs_object *stored = find('b');
    assert_non_null(stored);
    uint8_t got[SIZE], expected[SIZE];
    memset(expected, 'b', sizeof expected);
    assert_int_equal(fs_content_read(&stored->content, 0, got, SIZE), SIZE);
    assert_memory_equal(got, expected, SIZE);
    check_usage(store, SIZE, 1);
}

/* Into what the account has: the room that was taken for something new is given back. */
static void test_changed_into_known(void)
{
    UNIT_OK(put(store, 'b', 'b') == CAP_FS_STATUS_OK);
    loopback_meanwhile(BETWEEN_LOOKS, change);
    UNIT_OK(put(store, 'a', 'b') == CAP_FS_STATUS_OK);
    assert_int_equal(charged_objects, 2);
    assert_null(find('a'));
    assert_int_equal(find('b')->puts, 2);
    check_usage(store, SIZE, 1);
}

/* The same put by another thread, from beginning to end, between the looks. */
static cap_store other;
static enum cap_fs_status other_status;

static void put_the_same(void)
{
    struct cap_store_put_results put = {0};
    other_status = CAP_FS_STATUS_NO_SPACE;
    if (cap_store_put(other, memory, SIZE, &put, &buffer) >= 0)
        other_status = put.status;
}

static void test_same_meanwhile(void)
{
    other = store;
    loopback_meanwhile(BETWEEN_LOOKS, put_the_same);
    UNIT_OK(put(store, 'a', 'a') == CAP_FS_STATUS_OK);
    UNIT_OK(other_status == CAP_FS_STATUS_OK);
    assert_int_equal(find('a')->puts, 2);
    check_usage(store, SIZE, 1);
}

static cap_store lend(uint64_t max_bytes)
{
    struct cap_store_with_quota_results lent = {0};
    UNIT_OK(cap_store_with_quota(store, max_bytes, 0, &lent) >= 0 && lent.status == CAP_FS_STATUS_OK);
    return lent.store;
}

/* As schema/fs.capnp says: the first counts already. It is not harmed, and the next one is not refused. */
static void test_same_meanwhile_at_the_limit(void)
{
    other = lend(SIZE);
    loopback_meanwhile(BETWEEN_LOOKS, put_the_same);
    UNIT_OK(put(other, 'a', 'a') == CAP_FS_STATUS_OK);
    UNIT_OK(other_status == CAP_FS_STATUS_OVER_QUOTA);
    check_usage(other, SIZE, 1);
    UNIT_OK(put(other, 'a', 'a') == CAP_FS_STATUS_OK);
    assert_int_equal(find('a')->puts, 2);
}

/* A sibling's put of what it has already takes no room from the account that both lie in, not for a moment.
 */
static void put_sibling(void)
{
    memset(bytes, 's', SIZE);
    put_the_same();
}

static void test_sibling_at_the_limit(void)
{
    const cap_store outer = lend(2 * SIZE), keep = store;
    store = outer;
    const cap_store one = lend(0), two = lend(0);
    store = keep;
    UNIT_OK(put(one, 's', 's') == CAP_FS_STATUS_OK);
    other = one;
    loopback_meanwhile(BETWEEN_LOOKS, put_sibling); /* and what `two` puts becomes that, too: each pays */
    UNIT_OK(put(two, 'n', 's') == CAP_FS_STATUS_OK);
    UNIT_OK(other_status == CAP_FS_STATUS_OK);
    assert_int_equal(find('s')->puts, 3);
    check_usage(outer, (uint64_t)2 * SIZE, 2);
    assert_int_equal(put(one, 'x', 'x'), CAP_FS_STATUS_OVER_QUOTA);
    UNIT_OK(put(one, 's', 's') == CAP_FS_STATUS_OK);
}

/* Nothing is copied: there need be no space. */
static void test_again_without_space(void)
{
    UNIT_OK(put(store, 'a', 'a') == CAP_FS_STATUS_OK);
    const uint64_t limit = fs.space->limit_bytes;
    fs.space->limit_bytes = fs.space->used_bytes;
    enum cap_fs_status again = put(store, 'a', 'a'), more = put(store, 'c', 'c');
    fs.space->limit_bytes = limit;
    assert_int_equal(again, CAP_FS_STATUS_OK);
    assert_int_equal(more, CAP_FS_STATUS_NO_SPACE);
    check_usage(store, SIZE, 1);
}

static void setup(void)
{
    struct cap_file_system_store_results made = {0};
    struct cap_memory_object_map_results mapped = {0};
    static uint8_t zeros[SIZE];
    UNIT_OK(loopback_begin(1u << 20));
    UNIT_OK(cap_file_system_store(loopback_admin(), &made) >= 0);
    store = made.store;
    memory = loopback_memory(zeros, SIZE);
    UNIT_OK(memory.id != 0 && cap_memory_object_map(memory, 0, 0, SIZE, 3, &mapped) >= 0);
    bytes = (uint8_t *)(uintptr_t)mapped.address;
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_changed_meanwhile),    UNIT_TEST(test_changed_into_known),
        UNIT_TEST(test_same_meanwhile),       UNIT_TEST(test_same_meanwhile_at_the_limit),
        UNIT_TEST(test_sibling_at_the_limit), UNIT_TEST(test_again_without_space),
    };
    return UNIT_MAIN(tests, setup, loopback_end);
}
