/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/orders.h"

#include <inttypes.h>

#include "hub/control/core.h"
#include "hub/control/endpoints.h"

/* Of no order: api counts up from 1. */
#define ORDERS_TAG_OF_SIGNAL UINT32_MAX

/* To api, which asked. When it is away nobody waits for it any more. */
static void answer(struct control *c, const struct nudge_order_done *m)
{
	struct channel *api = c->w->siblings[WORKER_API];
	uint8_t mem[64];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	nudge_order_done_encode(m, &cur);
	BUG_ON(cur.err);
	if (api && channel_send(api, NUDGE_ORDER_DONE, mem, cursor_pos(&cur), -1) != ERR_OK)
		log_debug(3, "control: api was not told what came of an order");
}

static void answer_err(struct control *c, const struct nudge_order *m, enum err e)
{
	answer(c, &(struct nudge_order_done){ .tag = m->tag, .result = e });
}

static void wait_for(struct orders *o, const struct nudge_order *m,
		     const struct nudge_order_done *done)
{
	o->pending[o->next] = *m;
	o->done[o->next] = *done;
	o->next = (o->next + 1) % ORDERS_PENDING_MAX;
}

/* The place of one that waits is free again. */
static void settle(struct control *c, unsigned i)
{
	c->orders.pending[i].tag = 0;
	answer(c, &c->orders.done[i]);
}

/* Sessions are the engine's: they end, and it says how many. */
static void forget(struct control *c, const struct nudge_order *m, struct nudge_order_done *done)
{
	if (engine_feed_forget(c, m->tag, m->id)) {
		wait_for(&c->orders, m, done);
		return;
	}
	done->result = ERR_CLOSED;
	answer(c, done);
}

/*
 * The session must be gone before the link is back, since that makes a new one: both orders go the
 * same way to the engine, so it is.
 */
static void disconnect(struct control *c, const struct nudge_order *m)
{
	const struct node *n = directory_find(&c->dir, m->id);
	struct nudge_order_done done = { .tag = m->tag };
	struct presence_node *p;
	struct conn *conn;

	if (!n) {
		answer_err(c, m, ERR_NOTFOUND);
		return;
	}
	conn = registry_find(&c->registry, m->id);
	done.link = conn != NULL;
	done.carrier = carriers_end(c, m->id, "an admin has ended it");
	log_notice("control: an admin has disconnected %s", n->name);
	if (conn)
		conn_bye(conn, BYE_DISCONNECTED, ORDERS_BACK_MS,
			 "the hub's admin has ended this link");
	p = presence_get(c, m->id);
	if (p && done.link)
		p->ended = true;
	if (engine_feed_is_peer(c, n))
		forget(c, m, &done);
	else
		answer(c, &done);
}

static bool is_up(struct control *c, uint32_t id, struct nudge_order_done *done)
{
	const struct presence_node *p = presence_get(c, id);

	if (!p || p->row.path == PATH_DOWN)
		return false;
	done->path = (enum path_kind)p->row.path;
	done->endpoint = p->row.endpoint;
	return true;
}

/* False: nobody knows where that could be. */
static bool call(struct control *c, const struct node *n)
{
	struct endpoint at[ENGINE_ENDPOINTS_MAX];

	names_again(c, n->id);
	if (!endpoints_of(c, n, at, ENGINE_ENDPOINTS_MAX))
		return false;
	/* It has no path: an old session, if there is any, would only be in the way. */
	(void)engine_feed_forget(c, 0, n->id);
	engine_feed_endpoints(c, n, true);
	return true;
}

static void connect_to(struct control *c, const struct nudge_order *m)
{
	const struct node *n = directory_find(&c->dir, m->id);
	struct nudge_order_done done = { .tag = m->tag };

	if (!n || !engine_feed_is_peer(c, n))
		answer_err(c, m, ERR_NOTFOUND);
	else if (!c->engine.there)
		answer_err(c, m, ERR_CLOSED);
	else if (is_up(c, m->id, &done))
		answer(c, &done);
	else if (call(c, n))
		wait_for(&c->orders, m, &done);
	else
		answer_err(c, m, ERR_NOTFOUND);
}

static void retry(struct control *c, const struct nudge_order *m)
{
	struct nudge_order_done done = { .tag = m->tag };

	if (!c->engine.there)
		done.result = ERR_CLOSED;
	else
		done.sessions = engine_feed_call_all(c);
	answer(c, &done);
}

void orders_take(struct control *c, const struct nudge_order *m)
{
	switch (m->kind) {
	case ORDER_DISCONNECT:
		disconnect(c, m);
		break;
	case ORDER_CONNECT:
		connect_to(c, m);
		break;
	case ORDER_PURGE:
		forget(c, &(struct nudge_order){ .tag = m->tag, .kind = ORDER_PURGE },
		       &(struct nudge_order_done){ .tag = m->tag });
		break;
	case ORDER_RETRY:
		retry(c, m);
		break;
	}
}

void orders_purge(struct control *c)
{
	if (!engine_feed_forget(c, ORDERS_TAG_OF_SIGNAL, 0))
		log_warn("control: the data plane does not run just now: there is nothing to "
			 "purge");
}

void orders_forgotten(struct control *c, const struct engine_forgotten *m)
{
	struct orders *o = &c->orders;

	if (m->tag == ORDERS_TAG_OF_SIGNAL)
		log_notice("control: %" PRIu32 " nodes do not answer: what was learnt of them is "
			   "forgotten",
			   m->n);
	for (unsigned i = 0; m->tag && i < ORDERS_PENDING_MAX; i++) {
		if (o->pending[i].tag != m->tag || o->pending[i].kind == ORDER_CONNECT)
			continue;
		o->done[i].sessions = m->n;
		settle(c, i);
	}
}

void orders_path(struct control *c, uint32_t id)
{
	struct orders *o = &c->orders;

	for (unsigned i = 0; i < ORDERS_PENDING_MAX; i++)
		if (o->pending[i].tag && o->pending[i].kind == ORDER_CONNECT &&
		    o->pending[i].id == id && is_up(c, id, &o->done[i]))
			settle(c, i);
}

void orders_engine_lost(struct control *c)
{
	struct orders *o = &c->orders;

	for (unsigned i = 0; i < ORDERS_PENDING_MAX; i++) {
		if (!o->pending[i].tag)
			continue;
		o->done[i].result = ERR_CLOSED;
		settle(c, i);
	}
}
