/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/rotations.h"

#include <stdlib.h>

#include "hub/control/core.h"

void rotations_fini(struct control *c)
{
	free(c->rotations.list);
	c->rotations = (struct rotations){ 0 };
}

static enum err add(void *arg, const struct store_rotation *r)
{
	struct rotations *x = arg;

	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		struct rotation_news *grown = reallocarray(x->list, cap, sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		x->list = grown;
		x->cap = cap;
	}
	x->list[x->n++] = (struct rotation_news){ r->node_id, r->state, r->keys };
	return ERR_OK;
}

static int by_node(const void *key, const void *item)
{
	const uint32_t *id = key;
	const struct rotation_news *r = item;

	return (*id > r->node_id) - (*id < r->node_id);
}

void rotations_greet(struct control *c, struct conn *conn)
{
	struct control_msg m = { .type = CONTROL_ASK_KEY };
	const struct rotation_news *r;

	if (!c->rotations.n || conn->state != CONN_UP || !(conn->capabilities & CAP_ROTATE))
		return;
	r = bsearch(&conn->id, c->rotations.list, c->rotations.n, sizeof(*r), by_node);
	if (!r || r->state == ROTATION_PROPOSED)
		return;
	/* With nothing asked for the spoke says again what it has proposed, and is told. */
	if (r->state == ROTATION_REQUESTED) {
		m.ask_key.identity = r->keys & ROTATION_IDENTITY;
		m.ask_key.tunnel = r->keys & ROTATION_TUNNEL;
	}
	conn_send(conn, &m);
}

void rotations_read(struct control *c)
{
	struct rotations fresh = { 0 };
	enum err e = store_rotations_list(c->store, 0, 0, add, &fresh);

	if (e) {
		free(fresh.list);
		(void)core_store_failed(c, e, "read which keys are to be replaced");
		return;
	}
	free(c->rotations.list);
	c->rotations = fresh;
	for (size_t i = 0; i < fresh.n; i++) {
		struct conn *conn = registry_find(&c->registry, fresh.list[i].node_id);

		if (conn)
			rotations_greet(c, conn);
	}
}
