/* lib/base against naive models: the tree against a sorted array, the string functions against the C
 * library's. */
#include "unit.h"
#include <base/checked.h>
#include <base/list.h>
#include <base/rbtree.h>
#include <base/string.h>
#include <stdlib.h>

static uint64_t random_state;

static uint64_t random_u64(void) /* xorshift: the same run every time */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t random_below(size_t limit)
{
    return (size_t)(random_u64() % limit);
}

static void setup(void)
{
    random_state = 0x9e3779b97f4a7c15;
}

/* ---- list */

struct item {
    int value;
    struct list_node node;
};

static void assert_list(const struct list *list, const int *values, size_t count)
{
    struct list_node *node;
    size_t i = 0;
    list_for_each(node, list)
    {
        assert_true(i < count);
        assert_int_equal(list_entry(node, struct item, node)->value, values[i]);
        assert_ptr_equal(node->next->prev, node);
        i++;
    }
    assert_int_equal(i, count);
}

static void list_orders_nodes(void)
{
    struct list list;
    struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_last(&list));
    assert_null(list_pop_front(&list));
    assert_false(list_is_linked(&items[0].node));
    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[3].node);
    list_push_front(&list, &items[0].node);
    list_insert_before(&items[3].node, &items[2].node);
    assert_list(&list, (int[]){0, 1, 2, 3}, 4);
    assert_ptr_equal(list_first(&list), &items[0].node);
    assert_ptr_equal(list_last(&list), &items[3].node);
    assert_ptr_equal(list_next(&list, &items[0].node), &items[1].node);
    assert_null(list_next(&list, &items[3].node));
    list_remove(&items[1].node);
    assert_false(list_is_linked(&items[1].node));
    assert_true(list_is_linked(&items[2].node));
    assert_list(&list, (int[]){0, 2, 3}, 3);
    assert_ptr_equal(list_pop_front(&list), &items[0].node);
    assert_list(&list, (int[]){2, 3}, 2);
}

static void list_moves_and_removes_while_walking(void)
{
    struct list a = LIST_INIT(a), b = LIST_INIT(b);
    struct item items[5] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    list_move_all(&a, &b);
    assert_true(list_is_empty(&a));
    for (size_t i = 0; i < 5; i++)
        list_push_back(i < 2 ? &a : &b, &items[i].node);
    list_move_all(&a, &b);
    assert_true(list_is_empty(&b));
    assert_list(&a, (int[]){0, 1, 2, 3, 4}, 5);
    struct list_node *node, *following;
    list_for_each_safe(node, following, &a)
    {
        if (list_entry(node, struct item, node)->value % 2 == 0)
            list_remove(node);
    }
    assert_list(&a, (int[]){1, 3}, 2);
    list_move_all(&b, &a);
    assert_list(&b, (int[]){1, 3}, 2);
}

/* ---- rbtree */

enum { TREE_KEYS = 600, TREE_STEPS = 60000 };

struct leaf {
    uint32_t key;
    struct rb_node node;
};

static struct leaf leaves[TREE_KEYS];
static bool present[TREE_KEYS]; /* the model: the sorted array of keys that are in the tree */

static struct leaf *leaf_of(struct rb_node *node)
{
    return node == NULL ? NULL : rb_entry(node, struct leaf, node);
}

static void tree_insert(struct rb_root *root, struct leaf *leaf)
{
    struct rb_node *parent = NULL, **link = &root->node;
    while (*link != NULL) {
        parent = *link;
        link = leaf->key < leaf_of(parent)->key ? &parent->left : &parent->right;
    }
    rb_insert(root, &leaf->node, parent, link);
}

static void assert_tree_is_model(const struct rb_root *root)
{
    assert_true(rb_check(root));
    struct rb_node *node = rb_first(root);
    for (uint32_t key = 0; key < TREE_KEYS; key++) {
        if (!present[key])
            continue;
        assert_non_null(node);
        assert_int_equal(leaf_of(node)->key, key);
        node = rb_next(node);
    }
    assert_null(node);
    node = rb_last(root);
    for (uint32_t key = TREE_KEYS; key-- > 0;) {
        if (!present[key])
            continue;
        assert_int_equal(leaf_of(node)->key, key);
        node = rb_prev(node);
    }
    assert_null(node);
}

static void tree_equals_sorted_array(void)
{
    struct rb_root root = {NULL};
    memset(present, 0, sizeof present);
    assert_tree_is_model(&root);
    for (unsigned step = 0; step < TREE_STEPS; step++) {
        /* Waves of filling and emptying, so that every size is passed many times. */
        bool filling = step / 2000 % 2 == 0;
        uint32_t key = (uint32_t)random_below(TREE_KEYS);
        bool insert = random_below(8) < (filling ? 6u : 2u);
        if (insert && !present[key]) {
            leaves[key].key = key;
            tree_insert(&root, &leaves[key]);
        } else if (!insert && present[key]) {
            rb_erase(&root, &leaves[key].node);
        } else {
            continue;
        }
        present[key] = insert;
        if (step % 16 == 0)
            assert_tree_is_model(&root);
        else if (step % 4 == 0)
            assert_true(rb_check(&root));
    }
    for (uint32_t key = 0; key < TREE_KEYS; key++) {
        if (present[key])
            rb_erase(&root, &leaves[key].node);
        assert_true(rb_check(&root));
    }
    assert_null(root.node);
}

static size_t tree_depth(const struct rb_root *root)
{
    size_t deepest = 0;
    for (struct rb_node *node = rb_first(root); node != NULL; node = rb_next(node)) {
        size_t depth = 0;
        for (const struct rb_node *at = root->node; at != node;
             at = leaf_of(node)->key < rb_entry(at, struct leaf, node)->key ? at->left : at->right)
            depth++;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static void tree_stays_shallow(void)
{
    struct rb_root root = {NULL};
    for (uint32_t key = 0; key < 511; key++) { /* in order: the worst case of an unbalanced tree */
        leaves[key].key = key;
        tree_insert(&root, &leaves[key]);
    }
    assert_true(rb_check(&root));
    assert_true(tree_depth(&root) <= 18); /* 2 log2(512) */
}

static void tree_check_sees_damage(void)
{
    struct rb_root root = {NULL};
    for (uint32_t key = 0; key < 20; key++) {
        leaves[key].key = key;
        tree_insert(&root, &leaves[key]);
    }
    struct rb_node *first = rb_first(&root);
    uintptr_t saved = first->parent_and_color;
    first->parent_and_color ^= 1;
    assert_false(rb_check(&root));
    first->parent_and_color = saved;
    assert_true(rb_check(&root));
    root.node->parent_and_color &= ~(uintptr_t)1;
    assert_false(rb_check(&root));
}

/* ---- strings */

void *base_memcpy(void *restrict to, const void *restrict from, size_t size_bytes);
void *base_memmove(void *to, const void *from, size_t size_bytes);
void *base_memset(void *to, int byte, size_t size_bytes);
int base_memcmp(const void *a, const void *b, size_t size_bytes);
void *base_memchr(const void *bytes, int byte, size_t size_bytes);
size_t base_strlen(const char *text);
size_t base_strnlen(const char *text, size_t limit);
int base_strcmp(const char *a, const char *b);
int base_strncmp(const char *a, const char *b, size_t limit);
char *base_strchr(const char *text, int byte);

enum { BUFFER = 256, SIZES = 100 };

static void fill_random(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_u64();
}

static void copies_every_size_and_alignment(void)
{
    uint8_t from[BUFFER], want[BUFFER], got[BUFFER];
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t shift = 0; shift < 64; shift++) {
            fill_random(from, BUFFER);
            fill_random(want, BUFFER);
            memcpy(got, want, BUFFER);
            memcpy(want + shift % 8, from + shift / 8, size);
            assert_ptr_equal(base_memcpy(got + shift % 8, from + shift / 8, size), got + shift % 8);
            assert_memory_equal(got, want, BUFFER);
        }
    }
}

static void moves_overlapping_both_ways(void)
{
    uint8_t want[BUFFER], got[BUFFER];
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t shift = 0; shift < 120; shift++) {
            fill_random(want, BUFFER);
            memcpy(got, want, BUFFER);
            memmove(want + shift, want + 60, size);
            assert_ptr_equal(base_memmove(got + shift, got + 60, size), got + shift);
            assert_memory_equal(got, want, BUFFER);
        }
    }
}

static void sets_every_size(void)
{
    uint8_t want[BUFFER], got[BUFFER];
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t shift = 0; shift < 9; shift++) {
            fill_random(want, BUFFER);
            memcpy(got, want, BUFFER);
            memset(want + shift, (int)(size * 37 + 0x180), size);
            assert_ptr_equal(base_memset(got + shift, (int)(size * 37 + 0x180), size), got + shift);
            assert_memory_equal(got, want, BUFFER);
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void compares_and_searches(void)
{
    uint8_t a[64], b[64];
    for (unsigned round = 0; round < 4000; round++) {
        size_t size = random_below(64);
        fill_random(a, 64);
        memcpy(b, a, 64);
        if (round % 4 != 0)
            b[random_below(64)] ^= (uint8_t)(1u << random_below(8));
        assert_int_equal(sign(base_memcmp(a, b, size)), sign(memcmp(a, b, size)));
        int wanted = (int)random_below(256) + 256;
        assert_ptr_equal(base_memchr(a, wanted, size), memchr(a, wanted, size));
    }
}

static void strings_end_at_nul(void)
{
    static const char *const texts[] = {"",    "a", "ab",   "abc",
                                        "abd", "b", "\xff", "abcdefghijklmnopqrstuvwxyz"};
    const size_t count = sizeof texts / sizeof texts[0];
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(base_strlen(texts[i]), strlen(texts[i]));
        for (size_t limit = 0; limit < 30; limit++)
            assert_int_equal(base_strnlen(texts[i], limit), strnlen(texts[i], limit));
        for (int byte = 0; byte < 256; byte++)
            assert_ptr_equal(base_strchr(texts[i], byte), strchr(texts[i], byte));
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(sign(base_strcmp(texts[i], texts[k])), sign(strcmp(texts[i], texts[k])));
            for (size_t limit = 0; limit < 5; limit++)
                assert_int_equal(sign(base_strncmp(texts[i], texts[k], limit)),
                                 sign(strncmp(texts[i], texts[k], limit)));
        }
    }
}

/* ---- checked arithmetic */

static void arithmetic_refuses_overflow(void)
{
    uint64_t out = 7;
    uint32_t out32 = 7;
    size_t out_size = 7;
    assert_false(checked_add_u64(UINT64_MAX, 1, &out));
    assert_false(checked_sub_u64(0, 1, &out));
    assert_false(checked_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    assert_false(checked_align_up_u64(UINT64_MAX - 4094, 4096, &out));
    assert_int_equal(out, 7);
    assert_true(checked_align_up_u64(UINT64_MAX - 4095, 4096, &out) && out == UINT64_MAX - 4095);
    assert_true(checked_align_up_u64(1, 4096, &out) && out == 4096);
    assert_true(checked_align_up_u64(0, 4096, &out) && out == 0);
    assert_true(checked_add_u64(UINT64_MAX, 0, &out) && out == UINT64_MAX);
    assert_true(checked_sub_u64(5, 5, &out) && out == 0);
    assert_true(checked_mul_u64(UINT64_C(1) << 32, UINT32_MAX, &out) && out == UINT64_C(0xffffffff00000000));
    assert_false(checked_add_u32(UINT32_MAX, 1, &out32));
    assert_false(checked_sub_u32(1, 2, &out32));
    assert_false(checked_mul_u32(65536, 65536, &out32));
    assert_int_equal(out32, 7);
    assert_true(checked_mul_u32(65535, 65537, &out32) && out32 == UINT32_MAX);
    assert_false(checked_add_size(SIZE_MAX, 1, &out_size));
    assert_false(checked_mul_size(SIZE_MAX, 2, &out_size));
    assert_true(checked_add_size(1, 2, &out_size) && out_size == 3);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(list_orders_nodes),           UNIT_TEST(list_moves_and_removes_while_walking),
        UNIT_TEST(tree_equals_sorted_array),    UNIT_TEST(tree_stays_shallow),
        UNIT_TEST(tree_check_sees_damage),      UNIT_TEST(copies_every_size_and_alignment),
        UNIT_TEST(moves_overlapping_both_ways), UNIT_TEST(sets_every_size),
        UNIT_TEST(compares_and_searches),       UNIT_TEST(strings_end_at_nul),
        UNIT_TEST(arithmetic_refuses_overflow),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
