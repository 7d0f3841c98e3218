/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/directory/identities.h"

#include <stdlib.h>

struct identity {
	struct table_node by_key;
	struct public_key key;
	uint32_t id;
};

enum err identities_init(struct identities *x)
{
	return table_init(&x->by_key, TABLE_KEY(struct identity, by_key, key));
}

void identities_fini(struct identities *x)
{
	struct table_node *n = table_next(&x->by_key, NULL);

	while (n) {
		struct table_node *next = table_next(&x->by_key, n);
		free(container_of(n, struct identity, by_key));
		n = next;
	}
	table_fini(&x->by_key);
}

static struct identity *find(const struct identities *x, const struct public_key *key)
{
	struct table_node *n = table_find(&x->by_key, key);

	return n ? container_of(n, struct identity, by_key) : NULL;
}

/* Only when it is still that node's: a key may have gone to another node before. */
static void forget(struct identities *x, const struct public_key *key, uint32_t id)
{
	struct identity *i = find(x, key);

	if (!i || i->id != id)
		return;
	table_remove(&x->by_key, &i->by_key);
	free(i);
}

enum err identities_change(struct identities *x, const struct node *old, const struct node *now)
{
	bool keep = now->has_identity && now->status != NODE_DELETED;

	if (old && old->has_identity &&
	    !(keep && public_key_equal(&old->identity_key, &now->identity_key)))
		forget(x, &old->identity_key, old->id);
	if (!keep)
		return ERR_OK;

	struct identity *i = find(x, &now->identity_key);
	if (i) {
		i->id = now->id;
		return ERR_OK;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return ERR_NOMEM;
	i->key = now->identity_key;
	i->id = now->id;
	enum err e = table_insert(&x->by_key, &i->by_key);
	if (e)
		free(i);
	return e;
}

uint32_t identities_find(const struct identities *x, const struct public_key *key)
{
	const struct identity *i = find(x, key);

	return i ? i->id : 0;
}
