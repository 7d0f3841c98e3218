/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/carriers.h"

#include "hub/control/core.h"
#include "hub/control/verdict.h"

enum err carriers_init(struct carriers *x)
{
	enum err e = table_init(&x->by_node, TABLE_KEY(struct conn, by_carrier_node, id));

	return e ? e : table_init(&x->by_number, TABLE_KEY(struct conn, by_number, number));
}

void carriers_fini(struct carriers *x)
{
	BUG_ON(x->by_node.count || x->by_number.count);
	table_fini(&x->by_node);
	table_fini(&x->by_number);
}

static struct conn *find_node(const struct carriers *x, uint32_t id)
{
	struct table_node *n = table_find(&x->by_node, &id);

	return n ? container_of(n, struct conn, by_carrier_node) : NULL;
}

static struct conn *find_number(const struct carriers *x, uint32_t number)
{
	struct table_node *n = table_find(&x->by_number, &number);

	return n ? container_of(n, struct conn, by_number) : NULL;
}

static void dead(void *arg)
{
	struct conn *conn = arg;

	counters_add(&conn->control->counters, COUNT_DEAD);
	conn_drop(conn, "nothing was heard any more");
}

/* 2^32 connections later numbers begin anew; by then the first are long gone. */
static uint32_t next_number(struct carriers *x)
{
	do
		x->last++;
	while (!x->last || find_number(x, x->last));
	return x->last;
}

enum err carriers_enter(struct control *c, struct conn *conn)
{
	struct carriers *x = &c->carriers;
	struct conn *old = find_node(x, conn->id);
	struct carrier_params params = {
		.loop = c->loop,
		.stream = conn->stream,
		.engine = &c->w->carrier,
		.node = conn->id,
		.dead = dead,
		.arg = conn,
	};
	enum err e;

	if (old)
		conn_drop(old, "a newer one takes its place");
	if (x->by_node.count >= LINK_CONNECTIONS_MAX)
		return ERR_LIMIT;
	params.number = conn->number = next_number(x);
	e = table_insert(&x->by_node, &conn->by_carrier_node);
	if (e)
		return e;
	e = table_insert(&x->by_number, &conn->by_number);
	if (e) {
		table_remove(&x->by_node, &conn->by_carrier_node);
		return e;
	}
	e = carrier_new(&params, &conn->carrier);
	if (e) {
		table_remove(&x->by_number, &conn->by_number);
		table_remove(&x->by_node, &conn->by_carrier_node);
	}
	return e;
}

void carriers_leave(struct control *c, struct conn *conn)
{
	struct carrier_counters n = carrier_counters(conn->carrier);

	log_debug(2, "control: carrier of %s: %llu packets in, %llu out, %llu and %llu dropped",
		  conn->name, (unsigned long long)n.rx_packets, (unsigned long long)n.tx_packets,
		  (unsigned long long)n.rx_dropped, (unsigned long long)n.tx_dropped);
	table_remove(&c->carriers.by_number, &conn->by_number);
	table_remove(&c->carriers.by_node, &conn->by_carrier_node);
	carrier_free(conn->carrier);
	conn->carrier = NULL;
}

void carriers_cut(struct control *c)
{
	struct table_node *n = table_next(&c->carriers.by_node, NULL);
	struct control_bye why;

	while (n) {
		struct conn *conn = container_of(n, struct conn, by_carrier_node);

		n = table_next(&c->carriers.by_node, n);
		if (!verdict_of_link(c, conn->id, &conn->key, &why))
			conn_drop(conn, why.text);
	}
}

bool carriers_end(struct control *c, uint32_t id, const char *why)
{
	struct conn *conn = find_node(&c->carriers, id);

	if (conn)
		conn_drop(conn, why);
	return conn != NULL;
}

void carriers_engine_up(struct control *c)
{
	struct table_node *n = NULL;

	while ((n = table_next(&c->carriers.by_node, n)))
		carrier_tell_engine(container_of(n, struct conn, by_carrier_node)->carrier);
}

void carriers_message(struct control *c, uint16_t type, struct cursor *body)
{
	struct carrier_packets m;
	struct conn *conn;
	enum err e = ERR_INVALID;

	if (type == CARRIER_PACKETS)
		e = carrier_packets_decode(body, &m);
	if (e) {
		channel_bad(c->w->carrier, type, e);
		return;
	}
	/* It may have ended while this was under way. */
	conn = find_number(&c->carriers, m.number);
	if (conn)
		carrier_send(conn->carrier, m.frames, m.len);
}

void carriers_resolve(const struct control *c, enum path_kind *path, struct endpoint *at)
{
	const struct conn *conn;

	if (!endpoint_is_carrier(at))
		return;
	conn = find_number(&c->carriers, endpoint_carrier(at));
	*at = conn ? conn->remote : (struct endpoint){ 0 };
	if (*path != PATH_DOWN)
		*path = PATH_HUB_TCP;
}
