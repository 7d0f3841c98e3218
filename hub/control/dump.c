/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/dump.h"

#include <inttypes.h>

#include "hub/control/core.h"
#include "shared/base/units.h"

/* The end of a list: how many there are, and how many were left out. */
static void tell_end(const char *what, unsigned n)
{
	if (n > WORKER_DUMP_LINES_MAX)
		log_notice("dump: %u %s; only the first %u are listed", n, what,
			   WORKER_DUMP_LINES_MAX);
	else
		log_notice("dump: %u %s", n, what);
}

static void dump_conn(const struct conn *conn, uint64_t now_ms)
{
	char at[ENDPOINT_STR_SIZE];

	log_notice("dump: connection %s from %s, %s for %" PRIu64 " s, last heard %" PRIu64
		   " s ago, revision %" PRIu64 " of %" PRIu64 ", version %s",
		   conn->id ? conn->name : "of a stranger", endpoint_format(&conn->remote, at),
		   conn_state_str(conn->state), (now_ms - conn->accepted_ms) / 1000,
		   (now_ms - conn->heard_ms) / 1000, conn->acked_revision,
		   conn->control->dir.revision, conn->version[0] ? conn->version : "-");
}

void dump_connections(const struct control *c)
{
	const uint64_t now_ms = loop_now_ms(c->loop);
	unsigned n = 0;

	for (const struct list *pos = c->conns.next; pos != &c->conns; pos = pos->next)
		if (n++ < WORKER_DUMP_LINES_MAX)
			dump_conn(list_entry(pos, const struct conn, in_all), now_ms);
	tell_end("connections", n);
}

static void dump_node(struct control *c, const struct node *n)
{
	const struct presence_node *p = presence_get(c, n->id);
	char at[ENDPOINT_STR_SIZE] = "-", rx[UNITS_STR_SIZE], tx[UNITS_STR_SIZE];
	char rtt[UNITS_STR_SIZE];

	if (!p)
		return;
	if (endpoint_is_set(&p->row.endpoint))
		endpoint_format(&p->row.endpoint, at);
	log_notice("dump: node %s id %" PRIu32 ", %s, %s, link %s, path %s (%s) at %s, received "
		   "%s, sent %s, round trip %s, revision %" PRIu64,
		   n->name, n->id, node_kind_str(n->kind), node_status_str(n->status),
		   p->row.online ? "up" : "down", path_kind_str((enum path_kind)p->row.path),
		   path_reason_str((enum path_reason)p->row.reason), at,
		   units_bytes(p->row.rx_bytes, rx), units_bytes(p->row.tx_bytes, tx),
		   units_rtt(p->row.rtt_us, rtt), p->row.acked_revision);
}

static void dump_nodes(struct control *c)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->dir.count; i++)
		if (c->dir.nodes[i].status != NODE_DELETED && n++ < WORKER_DUMP_LINES_MAX)
			dump_node(c, &c->dir.nodes[i]);
	tell_end("nodes", n);
}

static void dump_subnets(const struct control *c)
{
	char text[PREFIX_STR_SIZE];
	unsigned n = 0;

	for (uint32_t i = 0; i < c->dir.count; i++) {
		const struct node *of = &c->dir.nodes[i];

		for (uint32_t k = 0; of->status != NODE_DELETED && k < of->n_subnets; k++)
			if (n++ < WORKER_DUMP_LINES_MAX)
				log_notice("dump: subnet %s of %s, weight %" PRIu32,
					   prefix_format(&of->subnets[k].prefix, text), of->name,
					   of->subnets[k].weight);
	}
	tell_end("subnets", n);
}

/* As the engine told them last, at most CONTROL_TICK_MS ago; what is 0 is left out. */
static void dump_totals(const struct control *c)
{
	for (unsigned i = 0; i < c->totals.n; i++) {
		const struct store_total *t = &c->totals.rows[i];

		if (t->fact[0])
			log_notice("dump: %s is %s", t->name, t->fact);
		else if (t->value)
			log_notice("dump: %s is %" PRIu64, t->name, t->value);
	}
}

void dump_all(struct control *c)
{
	dump_nodes(c);
	dump_subnets(c);
	dump_totals(c);
}
