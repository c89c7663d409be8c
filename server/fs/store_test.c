/*
 * Objects, accounts and names against a naive model: who has put what how often. Random operations with
 * limits that are reached and, in the harness' later runs, allocations that fail; at the end everything must
 * be given back.
 */
#include "fake_memory.h"
#include "store.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

enum { ACCOUNTS = 3, CONTENTS = 7, NAMES = 5, STEPS = 20000, SHORT_STEPS = 60, SPACE_BYTES = 24000 };
/* The second account is limited, the third lies within it. */
enum { LIMIT_BYTES = 9000, LIMIT_OBJECTS = 3, INNER_BYTES = 7000 };
enum { TWIN = 5, TWIN_OTHER = 6 }; /* of one size */
/* Of names, each within the one before it; the first without limits. */
enum { QUOTAS = 3 };
static const uint64_t quota_bytes[QUOTAS] = {UINT64_MAX, 11000, 6500},
                      quota_names[QUOTAS] = {UINT64_MAX, 3, 2};

static struct {
    struct fs_store store;
    struct fs_account *accounts[ACCOUNTS];
    uint64_t puts[ACCOUNTS][CONTENTS];
    int named[NAMES]; /* content, or -1 */
    uint64_t versions[NAMES];
    unsigned name_quotas[NAMES]; /* where it counts */
    struct fs_quota *quotas[QUOTAS], *narrow;
    struct fs_object *filling; /* null: none */
    unsigned filling_account, filling_content;
    uint64_t random;
    unsigned done, refused, over, at_limit, met, names_over, names_moved;
} world;

static uint64_t draw(uint64_t limit)
{
    world.random ^= world.random << 13;
    world.random ^= world.random >> 7;
    world.random ^= world.random << 17;
    return world.random % limit;
}

static size_t size_of(unsigned content)
{
    static const size_t sizes[CONTENTS] = {0, 1, 700, 3000, 4096, 6000, 6000};
    return sizes[content];
}

/* Its bytes are its number. */
static const uint8_t *hash_of(unsigned content)
{
    static uint8_t hash[SHA256_BYTES];
    uint8_t bytes[8192];
    struct sha256 sha;
    memset(bytes, (int)content, sizeof bytes);
    sha256_init(&sha);
    sha256_add(&sha, bytes, size_of(content));
    sha256_finish(&sha, hash);
    return hash;
}

static struct fs_object *find(unsigned content)
{
    return fs_store_find(&world.store, (struct capnp_data){hash_of(content), SHA256_BYTES});
}

static uint64_t all_puts(unsigned content)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++)
        count += world.puts[i][content];
    return count;
}

static uint64_t all_names(unsigned content)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < NAMES; i++)
        count += world.named[i] == (int)content;
    return count;
}

static void usage_of(unsigned account, uint64_t *bytes, uint64_t *objects)
{
    *bytes = *objects = 0;
    for (unsigned i = 0; i < CONTENTS; i++) {
        *bytes += world.puts[account][i] == 0 ? 0 : size_of(i);
        *objects += world.puts[account][i] != 0;
    }
    if (world.filling != NULL && world.filling_account == account) {
        *bytes += size_of(world.filling_content);
        *objects += 1;
    }
}

/* With those within it. A name has two bytes. */
static void names_usage_of(unsigned quota, uint64_t *bytes, uint64_t *names)
{
    *bytes = *names = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        if (world.named[i] < 0 || world.name_quotas[i] < quota)
            continue;
        *bytes += FS_NAME_COST_BYTES + 2 + size_of((unsigned)world.named[i]);
        *names += 1;
    }
}

static void check(void)
{
    uint64_t bytes[ACCOUNTS], objects[ACCOUNTS];
    for (unsigned i = 0; i < CONTENTS; i++) {
        const struct fs_object *object = find(i);
        assert_true((object != NULL) == (all_puts(i) + all_names(i) != 0));
        if (object == NULL)
            continue;
        assert_int_equal(object->content.size, size_of(i));
        assert_int_equal(object->puts, all_puts(i));
        assert_int_equal(object->names, all_names(i));
    }
    for (unsigned i = 0; i < ACCOUNTS; i++)
        usage_of(i, &bytes[i], &objects[i]);
    assert_int_equal(world.accounts[2]->quota->used_bytes, bytes[2]);
    assert_int_equal(world.accounts[1]->quota->used_bytes, bytes[1] + bytes[2]);
    assert_int_equal(world.accounts[0]->quota->used_bytes, bytes[0] + bytes[1] + bytes[2]);
    assert_int_equal(world.accounts[1]->quota->used_nodes, objects[1] + objects[2]);
    assert_int_equal(world.accounts[0]->quota->used_nodes, objects[0] + objects[1] + objects[2]);
    for (unsigned i = 0; i < QUOTAS; i++) {
        uint64_t name_bytes, names;
        names_usage_of(i, &name_bytes, &names);
        assert_int_equal(world.quotas[i]->used_bytes, name_bytes);
        assert_int_equal(world.quotas[i]->used_nodes, names);
    }
}

/* What the account's limits say of it: nothing of what it has put before. */
static bool fits(unsigned account, unsigned content)
{
    uint64_t bytes[ACCOUNTS], objects[ACCOUNTS];
    if (world.puts[account][content] != 0)
        return true;
    for (unsigned i = 0; i < ACCOUNTS; i++)
        usage_of(i, &bytes[i], &objects[i]);
    if (account == 2 && bytes[2] + size_of(content) > INNER_BYTES)
        return false;
    return account == 0 || (bytes[1] + bytes[2] + size_of(content) <= LIMIT_BYTES &&
                            objects[1] + objects[2] + 1 <= LIMIT_OBJECTS);
}

static enum cap_fs_status fill(struct fs_account *account, struct fs_object *object, unsigned content)
{
    uint8_t bytes[FS_BLOCK_BYTES];
    enum cap_fs_status status = CAP_FS_STATUS_OK;
    memset(bytes, (int)content, sizeof bytes);
    for (size_t left = size_of(content), piece; left > 0 && status == CAP_FS_STATUS_OK; left -= piece) {
        piece = left < sizeof bytes ? left : sizeof bytes;
        status = fs_object_add(object, bytes, piece);
    }
    if (status == CAP_FS_STATUS_OK)
        return fs_put_finish(&world.store, account, object, hash_of(content));
    fs_put_abandon(&world.store, account, object, size_of(content));
    return status;
}

static enum cap_fs_status put(struct fs_account *account, unsigned content)
{
    struct fs_object *object;
    enum cap_fs_status status =
        fs_put_begin(&world.store, account, hash_of(content), size_of(content), &object);
    return status != CAP_FS_STATUS_OK || object == NULL ? status : fill(account, object, content);
}

static void compare_put(unsigned account, unsigned content, enum cap_fs_status status)
{
    if (status == CAP_FS_STATUS_NO_SPACE) {
        assert_int_equal(world.puts[account][content], 0);
        world.refused++;
        return;
    }
    assert_int_equal(status, CAP_FS_STATUS_OK);
    world.puts[account][content]++;
    world.done++;
}

static void do_put(void)
{
    unsigned account = (unsigned)draw(ACCOUNTS), content = (unsigned)draw(CONTENTS);
    if (world.filling != NULL && draw(2) == 0) { /* the same meanwhile */
        account = world.filling_account;
        content = world.filling_content;
    }
    bool may = fits(account, content), is_again = world.puts[account][content] != 0;
    enum cap_fs_status status = put(world.accounts[account], content);
    if (!may) {
        assert_int_equal(status, CAP_FS_STATUS_OVER_QUOTA);
        world.over++;
        return;
    }
    world.at_limit +=
        is_again && world.accounts[account]->quota->limit_bytes - world.accounts[account]->quota->used_bytes <
                        size_of(content);
    compare_put(account, content, status);
}

/* A large one is filled while others put, perhaps the same: it counts from its beginning. */
static void do_begin(void)
{
    unsigned account = (unsigned)draw(ACCOUNTS), content = (unsigned)draw(CONTENTS);
    struct fs_object *object;
    if (world.filling != NULL)
        return;
    bool may = fits(account, content);
    enum cap_fs_status status =
        fs_put_begin(&world.store, world.accounts[account], hash_of(content), size_of(content), &object);
    if (!may) {
        assert_int_equal(status, CAP_FS_STATUS_OVER_QUOTA);
    } else if (status != CAP_FS_STATUS_OK || object == NULL) {
        compare_put(account, content, status);
    } else {
        assert_int_equal(world.puts[account][content], 0);
        world.filling = object;
        world.filling_account = account;
        world.filling_content = content;
    }
}

static void do_finish(void)
{
    struct fs_object *object = world.filling;
    unsigned account = world.filling_account, content = world.filling_content;
    if (object == NULL)
        return;
    world.filling = NULL;
    if (content == TWIN && draw(2) == 0) /* its giver has changed it meanwhile */
        content = TWIN_OTHER;
    if (draw(4) == 0) {
        fs_put_abandon(&world.store, world.accounts[account], object, size_of(content));
        return;
    }
    bool met = world.puts[account][content] != 0;
    enum cap_fs_status status = fill(world.accounts[account], object, content);
    if (status == CAP_FS_STATUS_NO_SPACE) {
        world.refused++;
        return;
    }
    compare_put(account, content, status);
    world.met += met && size_of(content) != 0;
}

/* Nobody's puts but its own. */
static void do_release(void)
{
    unsigned account = (unsigned)draw(ACCOUNTS), content = (unsigned)draw(CONTENTS);
    struct fs_object *object = find(content);
    if (object == NULL)
        return;
    uint64_t *puts = &world.puts[account][content];
    bool all = draw(2);
    do {
        bool released = fs_store_release(&world.store, world.accounts[account], object);
        assert_true(released == (*puts != 0));
        *puts -= released;
    } while (all && *puts != 0);
}

static struct fs_account *make(unsigned account)
{
    if (account == 0)
        return fs_account_create(NULL, 0, 0);
    return account == 1 ? fs_account_create(world.accounts[0], LIMIT_BYTES, LIMIT_OBJECTS)
                        : fs_account_create(world.accounts[1], INNER_BYTES, 0);
}

/* Its last holder goes, and another comes. The outer ones live as long as their inner ones' limits count. */
static void do_end_account(void)
{
    if (draw(20) != 0 || (world.filling != NULL && world.filling_account == 2))
        return;
    struct fs_account *fresh = make(2);
    if (fresh == NULL)
        return;
    fs_account_get(world.accounts[2]);
    fs_account_put(&world.store, world.accounts[2]);
    check();
    fs_account_put(&world.store, world.accounts[2]);
    world.accounts[2] = fresh;
    memset(world.puts[2], 0, sizeof world.puts[2]);
}

/* What the quota's limits say of the name as it would be. */
static bool name_fits(unsigned at, unsigned quota, int content)
{
    const unsigned old_quota = world.name_quotas[at];
    const int old = world.named[at];
    uint64_t bytes, names;
    bool fits = true;
    world.named[at] = content;
    world.name_quotas[at] = quota;
    for (unsigned i = 1; i <= quota; i++) { /* each lies within the one before it */
        names_usage_of(i, &bytes, &names);
        fits = fits && bytes <= quota_bytes[i] && names <= quota_names[i];
    }
    world.named[at] = old;
    world.name_quotas[at] = old_quota;
    return fits;
}

static void compare_name(unsigned at, unsigned quota, int content, enum cap_fs_status status)
{
    enum cap_fs_status expected = content < 0
                                      ? world.named[at] < 0 ? CAP_FS_STATUS_NOT_FOUND : CAP_FS_STATUS_OK
                                  : name_fits(at, quota, content) ? CAP_FS_STATUS_OK
                                                                  : CAP_FS_STATUS_OVER_QUOTA;
    if (status == CAP_FS_STATUS_NO_SPACE) { /* only of a new one */
        assert_true(expected == CAP_FS_STATUS_OK && content >= 0 && world.named[at] < 0);
        return;
    }
    assert_int_equal(status, expected);
    world.names_over += status == CAP_FS_STATUS_OVER_QUOTA;
    if (status != CAP_FS_STATUS_OK)
        return;
    world.names_moved += content >= 0 && world.named[at] >= 0 && world.name_quotas[at] != quota;
    world.named[at] = content;
    world.name_quotas[at] = quota;
}

static struct capnp_data name_of(unsigned at)
{
    static char text[8];
    return (struct capnp_data){(const uint8_t *)text, (size_t)snprintf(text, sizeof text, "n%u", at)};
}

static void do_name(void)
{
    unsigned at = (unsigned)draw(NAMES), quota = (unsigned)draw(QUOTAS);
    int content = (int)draw(CONTENTS + 5) - 5; /* below 0: none */
    struct fs_object *object = content < 0 ? NULL : find((unsigned)content);
    uint64_t version, before = world.versions[at];
    if (content >= 0 && object == NULL)
        return;
    enum cap_fs_status status =
        fs_store_set(&world.store, world.quotas[quota], name_of(at), before, object, &version);
    compare_name(at, quota, content, status);
    if (status == CAP_FS_STATUS_OVER_QUOTA)
        assert_int_equal(version, before); /* nothing has changed */
    if (status == CAP_FS_STATUS_OK)
        world.versions[at] = version;
}

/* Its last holder goes: the names stay, and those that count in it keep it. */
static void do_end_quota(void)
{
    if (draw(20) != 0)
        return;
    for (unsigned i = 0; i < NAMES; i++)
        if (world.named[i] >= 0 && world.name_quotas[i] == 2)
            return; /* the model has no place for names of two */
    struct fs_quota *fresh = fs_quota_create(world.quotas[1], quota_bytes[2], quota_names[2]);
    if (fresh == NULL)
        return;
    fs_quota_put(world.quotas[2]);
    world.quotas[2] = fresh;
}

static void run(unsigned steps)
{
    static void (*const operations[])(void) = {do_put,     do_put,  do_begin, do_finish,      do_release,
                                               do_release, do_name, do_name,  do_end_account, do_end_quota};
    for (unsigned i = 0; i < steps; i++) {
        operations[draw(sizeof operations / sizeof operations[0])]();
        check();
    }
}

/* Once, not again for each of its many allocations. */
static void test_long_run(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    run(STEPS);
    print_message(
        "%u put, %u over quota, %u without space, %u again at the limit, %u met another; names: %u over "
        "quota, %u moved\n",
        world.done, world.over, world.refused, world.at_limit, world.met, world.names_over,
        world.names_moved);
    assert_true(world.done > 1000 && world.over > 100 && world.refused > 10);
    assert_true(world.at_limit > 100 && world.met > 10);
    assert_true(world.names_over > 100 && world.names_moved > 100);
}

static void test_short_run(void)
{
    run(SHORT_STEPS);
}

static void test_accounts_are_apart(void)
{
    UNIT_OK(put(world.accounts[1], 2) == CAP_FS_STATUS_OK);
    struct fs_object *object = find(2);
    assert_false(fs_store_release(&world.store, world.accounts[0], object));
    assert_false(fs_store_release(&world.store, world.accounts[2], object));
    UNIT_OK(put(world.accounts[0], 2) == CAP_FS_STATUS_OK);
    assert_true(fs_store_release(&world.store, world.accounts[1], object));
    assert_false(fs_store_release(&world.store, world.accounts[1], object));
    assert_ptr_equal(find(2), object);
    assert_true(fs_store_release(&world.store, world.accounts[0], object));
    assert_null(find(2));
}

/* Names outlive who might set them; a name that is replaced needs room for the difference only; who removes
 * one gives its room back to whom it counted. */
static void test_names_count(void)
{
    uint64_t version;
    UNIT_OK(put(world.accounts[0], 5) == CAP_FS_STATUS_OK);
    UNIT_OK(put(world.accounts[0], 4) == CAP_FS_STATUS_OK);
    struct fs_quota *narrow = world.narrow = fs_quota_create(world.quotas[1], 6200, 1);
    UNIT_OK(narrow != NULL);
    UNIT_OK(fs_store_set(&world.store, narrow, name_of(0), 0, find(5), &version) == CAP_FS_STATUS_OK);
    assert_int_equal(narrow->used_bytes, 6130);
    assert_int_equal(fs_store_set(&world.store, narrow, name_of(1), 0, find(4), &version),
                     CAP_FS_STATUS_OVER_QUOTA);
    assert_null(fs_store_resolve(&world.store, name_of(1)));
    uint64_t first = fs_store_resolve(&world.store, name_of(0))->version;
    assert_int_equal(fs_store_set(&world.store, narrow, name_of(0), first, find(4), &version),
                     CAP_FS_STATUS_OK);
    world.narrow = NULL;
    fs_quota_put(narrow); /* the name's reference is the last */
    assert_int_equal(world.quotas[1]->used_nodes, 1);
    assert_int_equal(fs_store_set(&world.store, world.quotas[0], name_of(0), version, NULL, &version),
                     CAP_FS_STATUS_OK);
    assert_int_equal(world.quotas[1]->used_bytes, 0);
    assert_int_equal(world.quotas[1]->used_nodes, 0);
}

static void setup(void)
{
    memset(&world, 0, sizeof world);
    world.random = 88172645463325252u;
    for (unsigned i = 0; i < NAMES; i++)
        world.named[i] = -1;
    world.store.quota = fs_quota_create(NULL, SPACE_BYTES, 0);
    UNIT_OK(world.store.quota != NULL);
    for (unsigned i = 0; i < QUOTAS; i++) {
        world.quotas[i] =
            fs_quota_create(i == 0 ? NULL : world.quotas[i - 1], quota_bytes[i], quota_names[i]);
        UNIT_OK(world.quotas[i] != NULL);
    }
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        world.accounts[i] = make(i);
        UNIT_OK(world.accounts[i] != NULL);
    }
}

static void teardown(void)
{
    const struct fs_name *name;
    uint64_t version;
    while ((name = fs_store_name_next(&world.store, 0)) != NULL)
        (void)fs_store_set(&world.store, world.quotas[0], (struct capnp_data){name->bytes, name->len},
                           name->version, NULL, &version);
    fs_quota_put(world.narrow);
    for (unsigned i = QUOTAS; i-- > 0;) {
        if (world.quotas[i] == NULL)
            continue;
        assert_int_equal(world.quotas[i]->references, 1);
        assert_int_equal(world.quotas[i]->used_bytes, 0);
        fs_quota_put(world.quotas[i]);
    }
    if (world.filling != NULL)
        fs_put_abandon(&world.store, world.accounts[world.filling_account], world.filling,
                       size_of(world.filling_content));
    for (unsigned i = ACCOUNTS; i-- > 0;)
        if (world.accounts[i] != NULL)
            fs_account_put(&world.store, world.accounts[i]);
    if (world.store.quota != NULL) {
        assert_null(rb_first(&world.store.objects));
        assert_int_equal(world.store.quota->used_bytes, 0);
        assert_int_equal(world.store.quota->used_nodes, 0);
        fs_quota_put(world.store.quota);
    }
    world.store.quota = NULL;
    assert_int_equal(fake_live_allocations, 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_accounts_are_apart),
        UNIT_TEST(test_names_count),
        UNIT_TEST(test_short_run),
        UNIT_TEST(test_long_run),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
