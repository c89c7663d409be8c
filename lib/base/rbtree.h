/*
 * Intrusive red-black trees: ordered sets whose elements embed a struct rb_node. Iterative throughout; a tree
 * of n nodes is at most 2 log2(n + 1) deep. Comparing is the user's: walk down from root.node to the null
 * link where the new node belongs, then rb_insert there.
 *
 *     struct rb_node *parent = NULL, **link = &root->node;
 *     while (*link != NULL) {
 *         parent = *link;
 *         link = key < rb_entry(parent, struct thing, node)->key ? &parent->left : &parent->right;
 *     }
 *     rb_insert(root, &thing->node, parent, link);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rb_node {
    uintptr_t parent_and_color; /* bit 0: black */
    struct rb_node *left;
    struct rb_node *right;
};

struct rb_root {
    struct rb_node *node; /* null: empty */
};

#define rb_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* `*link` is null and is either &root->node (parent null) or a child link of `parent`. */
void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent, struct rb_node **link);
/* The node must be in the tree; its fields are left undefined. */
void rb_erase(struct rb_root *root, struct rb_node *node);

/* Null when there is none. rb_next and rb_prev are constant time on average over a whole walk. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* True if the colours, links and depths are those of a red-black tree. For tests and debug builds; iterative.
 */
bool rb_check(const struct rb_root *root);
