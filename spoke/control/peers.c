/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/peers.h"

enum err peers_init(struct peers *p)
{
	return table_init(&p->by_id, TABLE_KEY(struct peer_state, by_id, id));
}

void peers_fini(struct peers *p)
{
	struct table_node *n = table_next(&p->by_id, NULL), *next;

	for (; n; n = next) {
		next = table_next(&p->by_id, n);
		table_remove(&p->by_id, n);
		free(container_of(n, struct peer_state, by_id));
	}
	table_fini(&p->by_id);
}

struct peer_state *peers_find(const struct peers *p, uint32_t id)
{
	struct table_node *n = table_find(&p->by_id, &id);

	return n ? container_of(n, struct peer_state, by_id) : NULL;
}

struct peer_state *peers_get(struct peers *p, uint32_t id)
{
	struct peer_state *s = peers_find(p, id);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->id = id;
	s->reason = PATH_REASON_NO_SESSION;
	if (table_insert(&p->by_id, &s->by_id)) {
		free(s);
		return NULL;
	}
	return s;
}

void peers_remove(struct peers *p, uint32_t id)
{
	struct peer_state *s = peers_find(p, id);

	if (!s)
		return;
	table_remove(&p->by_id, &s->by_id);
	free(s);
}
