/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* list: an intrusive doubly linked ring. The head is a node too; an unlinked node points to itself.
 */
#include <stdbool.h>
#include <stddef.h>

#include "shared/base/err.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}
static inline void list_push_back(struct list *head, struct list *n)
{
	list_insert_between(n, head->prev, head);
}
static inline void list_push_front(struct list *head, struct list *n)
{
	list_insert_between(n, head, head->next);
}

/* Takes the node out of whatever list it is in; harmless when it is in none. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
/* The body may take `pos` out of the list; `tmp` is a second struct list pointer. */
#define list_for_each(pos, tmp, head)                                                              \
	for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head);                           \
	     (pos) = (tmp), (tmp) = (pos)->next)
