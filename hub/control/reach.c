/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/reach.h"

#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "shared/base/clock.h"

#define SOON_MS 500u /* after a path changed, until the engine is asked for its status */

static void run_script(struct control *c, const struct monitor_script *m)
{
	uint8_t mem[512];
	struct cursor cur;

	if (!c->w->monitor)
		return;
	cursor_init_write(&cur, mem, sizeof(mem));
	monitor_script_encode(m, &cur);
	BUG_ON(cur.err);
	if (channel_send(c->w->monitor, MONITOR_SCRIPT, mem, cursor_pos(&cur), -1) != ERR_OK &&
	    log_allowed(&c->log_system))
		log_warn("control: a script for %s was not run: the monitor does not take requests",
			 m->node);
}

/* host-up or host-down, then the same for each of the node's subnets, in tinc's order. */
static void set_reachable(struct control *c, struct presence_node *p, const struct node *n, bool up)
{
	struct monitor_script m = { .kind = up ? SCRIPT_HOST_UP : SCRIPT_HOST_DOWN,
				    .remote = p->row.endpoint };

	if (p->reachable == up)
		return;
	p->reachable = up;
	snprintf(m.node, sizeof(m.node), "%s", n->name);
	run_script(c, &m);
	m.kind = up ? SCRIPT_SUBNET_UP : SCRIPT_SUBNET_DOWN;
	for (uint32_t i = 0; i < n->n_subnets; i++) {
		m.subnet = n->subnets[i].prefix;
		m.weight = n->subnets[i].weight;
		run_script(c, &m);
	}
}

/* Whose subnets are being compared, and where it is. */
struct change {
	struct control *c;
	struct monitor_script m;
};

static void subnet_changed(void *arg, const struct node_subnet *s, bool up)
{
	struct change *x = arg;

	x->m.kind = up ? SCRIPT_SUBNET_UP : SCRIPT_SUBNET_DOWN;
	x->m.subnet = s->prefix;
	x->m.weight = s->weight;
	run_script(x->c, &x->m);
}

void reach_own(struct control *c)
{
	const struct node *hub = core_hub(c);
	struct change x = { .c = c };

	snprintf(x.m.node, sizeof(x.m.node), "%s", hub->name);
	node_subnets_compare(NULL, hub, subnet_changed, &x);
}

void reach_changed(struct control *c, const struct node *old, const struct node *now)
{
	const struct presence_node *p = presence_find(c, now->id);
	struct change x = { .c = c };

	if (!old || (now->kind != NODE_HUB && (!p || !p->reachable)))
		return;
	if (p && now->kind != NODE_HUB)
		x.m.remote = p->row.endpoint;
	snprintf(x.m.node, sizeof(x.m.node), "%s", now->name);
	node_subnets_compare(old, now, subnet_changed, &x);
}

/* A WireGuard node has no link: it is online while its tunnel works. */
static void wireguard_online(struct control *c, struct presence_node *p, const struct node *n,
			     bool up)
{
	if (n->kind != NODE_WIREGUARD || p->row.online == up)
		return;
	p->row.online = up;
	p->row.since_ms = clock_wall_ms();
	presence_changed(c, p);
}

/* Takes in what the engine says of a path. False when the node is none of ours. */
static bool take_path(struct control *c, uint32_t id, enum path_kind path, enum path_reason reason,
		      const struct endpoint *outer, struct presence_node **p, const struct node **n)
{
	struct endpoint where = *outer;
	const struct endpoint *at = &where;

	carriers_resolve(c, &path, &where);
	*n = directory_find(&c->dir, id);
	*p = *n ? presence_get(c, id) : NULL;
	if (!*p)
		return false;

	bool changed = (*p)->row.path != path;
	bool moved = presence_path(c, *p, path, reason, at);
	char text[ENDPOINT_STR_SIZE];

	if ((changed || moved) && path != PATH_DOWN)
		log_debug(2, "control: %s is reachable at %s (%s)", (*n)->name,
			  endpoint_format(at, text), path_kind_str(path));
	else if (changed)
		log_debug(2, "control: %s is not reachable: %s", (*n)->name,
			  path_reason_str(reason));
	wireguard_online(c, *p, *n, path != PATH_DOWN);
	struct conn *conn = moved ? registry_find(&c->registry, id) : NULL;
	if (conn)
		recv_locate_moved(c, conn);
	return true;
}

/* Handshake and traffic of a peer that has just come are shown soon, however many come at once. */
static void bring_tick_forward(struct control *c)
{
	const uint64_t soon_ms = loop_now_ms(c->loop) + SOON_MS;

	if (timer_armed(&c->tick) && c->tick.at_ms > soon_ms)
		timer_arm(loop_timers(c->loop), &c->tick, soon_ms);
}

void reach_path(struct control *c, const struct engine_path *m)
{
	struct presence_node *p;
	const struct node *n;

	if (!take_path(c, m->id, m->path, m->reason, &m->endpoint, &p, &n))
		return;
	p->path_known = true;
	set_reachable(c, p, n, m->path != PATH_DOWN);
	bring_tick_forward(c);
}

/* The hub's own row of the pair. */
static void tell_pair(struct control *c, const struct engine_status *m)
{
	const struct store_pair row = {
		.node_id = c->settings.hub_id,
		.peer_id = m->id,
		.path = (uint8_t)m->path,
		.reason = (uint8_t)m->reason,
		.endpoint = m->endpoint,
		.since_ms = m->since_wall_ms,
		.handshake_ms = m->handshake_wall_ms,
		.rx_bytes = m->rx_bytes & INT64_MAX,
		.tx_bytes = m->tx_bytes & INT64_MAX,
		.rtt_us = m->rtt_us,
		.loss_permille = m->loss_permille,
		.pmtu = m->pmtu,
	};

	/* A node that was never there has no path to be shown. */
	if (m->path != PATH_DOWN || m->handshake_wall_ms)
		pairs_tell(c, &c->pairs.own, &row);
}

void reach_status(struct control *c, const struct engine_status *m)
{
	struct presence_node *p;
	const struct node *n;

	if (!take_path(c, m->id, m->path, m->reason, &m->endpoint, &p, &n))
		return;
	presence_traffic(c, p, m);
	history_engine(c, m);
	tunnel_key_seen(c, p, n, m->own_key);
	tell_pair(c, m);
	if (!p->path_known) {
		/*
		 * We are new and the engine is not: its peers became reachable before, and scripts
		 * were run then.
		 */
		p->path_known = true;
		p->reachable = m->path != PATH_DOWN;
	} else if (m->path != PATH_DOWN) {
		set_reachable(c, p, n, true);
	} else if (loop_now_ms(c->loop) - c->engine.since_ms > ENGINE_FEED_SETTLE_MS) {
		set_reachable(c, p, n, false);
	}
}

void reach_engine_lost(struct control *c)
{
	struct table_node *t = NULL;

	pairs_drop(c, &c->pairs.own, c->settings.hub_id);

	while ((t = table_next(&c->presence.by_id, t))) {
		struct presence_node *p = container_of(t, struct presence_node, by_id);
		struct endpoint none = { 0 };
		(void)presence_path(c, p, PATH_DOWN, PATH_REASON_NO_SESSION, &none);
	}
}
