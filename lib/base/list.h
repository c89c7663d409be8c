/*
 * Intrusive doubly linked lists. The element embeds a struct list_node; the list owns nothing and allocates
 * nothing. Circular with a sentinel, so no operation has a special case. A node is in at most one list;
 * list_remove leaves it unlinked, and list_is_linked tells.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next; /* null: in no list */
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

#define LIST_INIT(list)                \
    {                                  \
        {                              \
            &(list).head, &(list).head \
        }                              \
    }

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

/* Needs a node that was zeroed or removed, not one that was never initialised. */
static inline bool list_is_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_between(struct list_node *node, struct list_node *prev, struct list_node *next)
{
    node->next = next;
    node->prev = prev;
    next->prev = node;
    prev->next = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_between(node, list->head.prev, &list->head);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_between(node, &list->head, list->head.next);
}

/* Puts `node` in front of `before`, which is linked. */
static inline void list_insert_before(struct list_node *before, struct list_node *node)
{
    list_insert_between(node, before->prev, before);
}

/* The node must be linked. */
static inline void list_remove(struct list_node *node)
{
    struct list_node *prev = node->prev, *next = node->next;
    prev->next = next;
    next->prev = prev;
    node->next = NULL;
    node->prev = NULL;
}

/* Null when the list is empty. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.prev;
}

/* Null at the end. */
static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

/* Unlinks and returns the first node; null when the list is empty. */
static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL)
        list_remove(node);
    return node;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->head.next->prev = to->head.prev;
    to->head.prev->next = from->head.next;
    from->head.prev->next = &to->head;
    to->head.prev = from->head.prev;
    list_init(from);
}

/* The element that embeds `node` as `member`. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* `iterator` is a struct list_node *; the current node may not be removed in the body. */
#define list_for_each(iterator, list) \
    for ((iterator) = (list)->head.next; (iterator) != &(list)->head; (iterator) = (iterator)->next)

/* As list_for_each, but the body may remove the current node (and only that one). */
#define list_for_each_safe(iterator, following, list)                                                 \
    for ((iterator) = (list)->head.next, (following) = (iterator)->next; (iterator) != &(list)->head; \
         (iterator) = (following), (following) = (iterator)->next)
