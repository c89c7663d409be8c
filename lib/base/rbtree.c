/*
 * Red-black trees. Invariants: the root is black; a red node has black children; every path from a node down
 * to a null link passes the same number of black nodes (null links count as black).
 */
#include <base/rbtree.h>

static const uintptr_t BLACK = 1;

static struct rb_node *parent_of(const struct rb_node *node)
{
    return (struct rb_node *)(node->parent_and_color & ~BLACK);
}

static bool is_black(const struct rb_node *node)
{
    return node == NULL || (node->parent_and_color & BLACK) != 0;
}

static bool is_red(const struct rb_node *node)
{
    return !is_black(node);
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
    node->parent_and_color = (uintptr_t)parent | (node->parent_and_color & BLACK);
}

static void set_black(struct rb_node *node)
{
    node->parent_and_color |= BLACK;
}

static void set_red(struct rb_node *node)
{
    node->parent_and_color &= ~BLACK;
}

static void copy_color(struct rb_node *to, const struct rb_node *from)
{
    to->parent_and_color = (to->parent_and_color & ~BLACK) | (from->parent_and_color & BLACK);
}

/* Makes whatever pointed to `from` (its parent or the root) point to `to`. */
static void replace_child(struct rb_root *root, struct rb_node *parent, const struct rb_node *from,
                          struct rb_node *to)
{
    if (parent == NULL)
        root->node = to;
    else if (parent->left == from)
        parent->left = to;
    else
        parent->right = to;
}

static void rotate_left(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *up = node->right;
    struct rb_node *parent = parent_of(node);
    node->right = up->left;
    if (up->left != NULL)
        set_parent(up->left, node);
    up->left = node;
    set_parent(up, parent);
    replace_child(root, parent, node, up);
    set_parent(node, up);
}

static void rotate_right(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *up = node->left;
    struct rb_node *parent = parent_of(node);
    node->left = up->right;
    if (up->right != NULL)
        set_parent(up->right, node);
    up->right = node;
    set_parent(up, parent);
    replace_child(root, parent, node, up);
    set_parent(node, up);
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
    node->left = NULL;
    node->right = NULL;
    node->parent_and_color = (uintptr_t)parent; /* red */
    *link = node;

    /* `node` is red; only a red parent can be wrong. A red parent is not the root, so there is a grandparent.
     */
    while ((parent = parent_of(node)) != NULL && is_red(parent)) {
        struct rb_node *grand = parent_of(parent);
        bool left = grand->left == parent;
        struct rb_node *uncle = left ? grand->right : grand->left;
        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grand);
            node = grand;
            continue;
        }
        if (left && parent->right == node) {
            rotate_left(root, parent);
            parent = node;
        } else if (!left && parent->left == node) {
            rotate_right(root, parent);
            parent = node;
        }
        set_black(parent);
        set_red(grand);
        if (left)
            rotate_right(root, grand);
        else
            rotate_left(root, grand);
        break;
    }
    set_black(root->node);
}

/* The subtree `node` (perhaps null) under `parent` is one black short: moves the missing black up or repairs
 * it. */
static void erase_fix(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
    while (parent != NULL && is_black(node)) {
        bool left = parent->left == node;
        struct rb_node *sibling = left ? parent->right : parent->left;
        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            if (left)
                rotate_left(root, parent);
            else
                rotate_right(root, parent);
            sibling = left ? parent->right : parent->left;
        }
        if (is_black(sibling->left) && is_black(sibling->right)) {
            set_red(sibling);
            node = parent;
            parent = parent_of(node);
            continue;
        }
        /* The sibling's child on the far side must be red for the last rotation. */
        if (left && is_black(sibling->right)) {
            set_black(sibling->left);
            set_red(sibling);
            rotate_right(root, sibling);
            sibling = parent->right;
        } else if (!left && is_black(sibling->left)) {
            set_black(sibling->right);
            set_red(sibling);
            rotate_left(root, sibling);
            sibling = parent->left;
        }
        copy_color(sibling, parent);
        set_black(parent);
        set_black(left ? sibling->right : sibling->left);
        if (left)
            rotate_left(root, parent);
        else
            rotate_right(root, parent);
        return;
    }
    if (node != NULL)
        set_black(node);
}

/* Puts `heir`, the leftmost node of the right subtree, in the place of `node`. Returns what takes heir's old
 * place. */
static struct rb_node *replace_by_heir(struct rb_root *root, struct rb_node *node, struct rb_node *heir,
                                       struct rb_node **hole_parent)
{
    struct rb_node *child = heir->right;
    struct rb_node *heir_parent = parent_of(heir);
    if (heir_parent == node) {
        *hole_parent = heir;
    } else {
        *hole_parent = heir_parent;
        heir_parent->left = child;
        if (child != NULL)
            set_parent(child, heir_parent);
        heir->right = node->right;
        set_parent(heir->right, heir);
    }
    heir->left = node->left;
    set_parent(heir->left, heir);
    replace_child(root, parent_of(node), node, heir);
    heir->parent_and_color = node->parent_and_color;
    return child;
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *child;
    struct rb_node *hole_parent;
    bool lost_black;
    if (node->left != NULL && node->right != NULL) {
        struct rb_node *heir = node->right;
        while (heir->left != NULL)
            heir = heir->left;
        lost_black = is_black(heir);
        child = replace_by_heir(root, node, heir, &hole_parent);
    } else {
        child = node->left != NULL ? node->left : node->right;
        hole_parent = parent_of(node);
        lost_black = is_black(node);
        replace_child(root, hole_parent, node, child);
        if (child != NULL)
            set_parent(child, hole_parent);
    }
    if (lost_black)
        erase_fix(root, child, hole_parent);
}

struct rb_node *rb_first(const struct rb_root *root)
{
    struct rb_node *node = root->node;
    while (node != NULL && node->left != NULL)
        node = node->left;
    return node;
}

struct rb_node *rb_last(const struct rb_root *root)
{
    struct rb_node *node = root->node;
    while (node != NULL && node->right != NULL)
        node = node->right;
    return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right != NULL)
        return rb_first(&(struct rb_root){node->right});
    struct rb_node *parent = parent_of(node);
    while (parent != NULL && parent->right == node) {
        node = parent;
        parent = parent_of(node);
    }
    return parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    if (node->left != NULL)
        return rb_last(&(struct rb_root){node->left});
    struct rb_node *parent = parent_of(node);
    while (parent != NULL && parent->left == node) {
        node = parent;
        parent = parent_of(node);
    }
    return parent;
}

static size_t black_depth(const struct rb_node *node)
{
    size_t depth = 0;
    for (; node != NULL; node = parent_of(node))
        depth += is_black(node) ? 1 : 0;
    return depth;
}

static bool check_node(const struct rb_node *node, size_t depth)
{
    const struct rb_node *left = node->left, *right = node->right;
    if ((left != NULL && parent_of(left) != node) || (right != NULL && parent_of(right) != node))
        return false;
    if (is_red(node) && (is_red(left) || is_red(right)))
        return false;
    return (left != NULL && right != NULL) || black_depth(node) == depth;
}

bool rb_check(const struct rb_root *root)
{
    if (root->node == NULL)
        return true;
    if (is_red(root->node) || parent_of(root->node) != NULL)
        return false;
    size_t depth = black_depth(rb_first(root));
    for (const struct rb_node *node = rb_first(root); node != NULL; node = rb_next(node))
        if (!check_node(node, depth))
            return false;
    return true;
}
