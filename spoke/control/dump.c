/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/dump.h"

#include <inttypes.h>

#include "shared/base/units.h"
#include "spoke/control/spoke.h"

/* The end of a list: how many there are, and how many were left out. */
static void tell_end(const char *what, unsigned n)
{
	if (n > WORKER_DUMP_LINES_MAX)
		log_notice("dump: %u %s; only the first %u are listed", n, what,
			   WORKER_DUMP_LINES_MAX);
	else
		log_notice("dump: %u %s", n, what);
}

void dump_connections(const struct spoke *s)
{
	const struct client *c = &s->client;
	const bool carried = s->carry.state == CARRY_UP;
	char link[DIALER_WHERE_SIZE], carrier[DIALER_WHERE_SIZE];

	log_notice("dump: connection to hub %s, %s at %s%s%s, revision %" PRIu64,
		   s->cache.has_welcome ? s->cache.welcome.hub_name : "-",
		   client_state_str(c->state),
		   client_is_up(c) ? dialer_where(&c->dialer, link) : "-",
		   client_is_up(c) || !c->why[0] ? "" : ", ", client_is_up(c) ? "" : c->why,
		   s->cache.dir.revision);
	log_notice("dump: connection for packets by TCP, %s at %s", carry_state_str(s->carry.state),
		   carried ? dialer_where(&s->carry.dialer, carrier) : "-");
}

static void dump_node(const struct node *n, const struct engine_status *r)
{
	char at[ENDPOINT_STR_SIZE] = "-", rx[UNITS_STR_SIZE], tx[UNITS_STR_SIZE];
	char rtt[UNITS_STR_SIZE];

	if (!r) {
		log_notice("dump: node %s id %" PRIu32 ", %s, no peer of the data plane", n->name,
			   n->id, node_kind_str(n->kind));
		return;
	}
	if (endpoint_is_set(&r->endpoint))
		endpoint_format(&r->endpoint, at);
	log_notice("dump: node %s id %" PRIu32 ", %s, path %s (%s) at %s, received %s, sent %s, "
		   "round trip %s, lost %u of 1000, largest packet %u",
		   n->name, n->id, node_kind_str(n->kind), path_kind_str(r->path),
		   path_reason_str(r->reason), at, units_bytes(r->rx_bytes, rx),
		   units_bytes(r->tx_bytes, tx), units_rtt(r->rtt_us, rtt), r->loss_permille,
		   r->pmtu);
}

static const struct engine_status *row_of(const struct gather *g, uint32_t id)
{
	for (size_t i = 0; i < g->n_rows; i++)
		if (g->rows[i].id == id)
			return &g->rows[i];
	return NULL;
}

static void dump_nodes(const struct directory *dir, const struct gather *g)
{
	for (uint32_t i = 0; i < dir->count && i < WORKER_DUMP_LINES_MAX; i++)
		dump_node(&dir->nodes[i], row_of(g, dir->nodes[i].id));
	tell_end("nodes", dir->count);
}

static void dump_subnets(const struct directory *dir)
{
	char text[PREFIX_STR_SIZE];
	unsigned n = 0;

	for (uint32_t i = 0; i < dir->count; i++)
		for (uint32_t k = 0; k < dir->nodes[i].n_subnets; k++)
			if (n++ < WORKER_DUMP_LINES_MAX)
				log_notice("dump: subnet %s of %s, weight %" PRIu32,
					   prefix_format(&dir->nodes[i].subnets[k].prefix, text),
					   dir->nodes[i].name, dir->nodes[i].subnets[k].weight);
	tell_end("subnets", n);
}

static void dump_totals(const struct engine_status_end *t)
{
	log_notice("dump: data plane: %" PRIu32 " peers, %" PRIu32 " sessions, %" PRIu64
		   " handshakes, sealing by %s",
		   t->n_peers, t->n_sessions, t->handshakes, t->crypto);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (t->drops[i])
			log_notice("dump: dropped %" PRIu64 ": %s", t->drops[i],
				   engine_drop_str((enum engine_drop)i));
}

static void gathered(struct gather *g, enum err e)
{
	struct spoke *s = container_of(g, struct spoke, dump);

	if (e)
		log_warn("dump: the data plane does not say all: %s", err_str(e));
	dump_nodes(&s->cache.dir, g);
	dump_subnets(&s->cache.dir);
	if (g->has_totals)
		dump_totals(&g->totals);
	gather_stop(g);
}

void dump_all(struct spoke *s)
{
	/* One is under way: it says all that another would. */
	if (s->dump.all)
		return;
	if (gather_start(&s->gathers, &s->dump, gathered))
		gathered(&s->dump, ERR_CLOSED);
}
