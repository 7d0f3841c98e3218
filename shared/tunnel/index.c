/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/index.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/secret.h"

#define SLOTS     (1u << INDEX_SLOT_BITS)
#define SLOT_MASK (SLOTS - 1u)

struct slot {
	struct index_entry entry; /* peer NULL: free */
	uint32_t index;
	uint32_t next_free; /* slot number + 1, 0: none */
};

struct index_table {
	uint32_t first_free; /* as next_free: slots given back, oldest use last */
	uint32_t never_used; /* slots from here on were never used */
	struct slot *slots;  /* untouched pages cost nothing */
};

enum err index_new(struct index_table **out)
{
	struct index_table *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->slots = calloc(SLOTS, sizeof(*t->slots));
	if (!t->slots) {
		free(t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

void index_free(struct index_table *t)
{
	if (t)
		free(t->slots);
	free(t);
}

enum err index_add(struct index_table *t, const struct index_entry *e, uint32_t *index)
{
	uint32_t n;
	struct slot *s;

	BUG_ON(!e->peer);
	if (t->first_free) {
		n = t->first_free - 1;
		t->first_free = t->slots[n].next_free;
	} else if (t->never_used < SLOTS) {
		n = t->never_used++;
	} else {
		return ERR_LIMIT;
	}
	s = &t->slots[n];
	s->entry = *e;
	s->index = (secret_random_u32() & ~SLOT_MASK) | n;
	*index = s->index;
	return ERR_OK;
}

enum err index_put(struct index_table *t, uint32_t index, const struct index_entry *e)
{
	struct slot *s = &t->slots[index & SLOT_MASK];

	BUG_ON(!e->peer);
	if (s->entry.peer)
		return ERR_EXISTS;
	s->entry = *e;
	s->index = index;
	return ERR_OK;
}

static struct slot *slot_of(const struct index_table *t, uint32_t index)
{
	struct slot *s = &t->slots[index & SLOT_MASK];

	return s->entry.peer && s->index == index ? s : NULL;
}

void index_change(struct index_table *t, uint32_t index, const struct index_entry *e)
{
	struct slot *s = slot_of(t, index);

	BUG_ON(!s || !e->peer);
	s->entry = *e;
}

void index_remove(struct index_table *t, uint32_t index)
{
	struct slot *s = slot_of(t, index);

	if (!s)
		return;
	s->entry = (struct index_entry){ 0 };
	s->next_free = t->first_free;
	t->first_free = (index & SLOT_MASK) + 1;
}

const struct index_entry *index_find(const struct index_table *t, uint32_t index)
{
	const struct slot *s = slot_of(t, index);

	return s ? &s->entry : NULL;
}
