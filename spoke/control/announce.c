/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How packets reach a peer has changed: the log, and tinc's host-up, host-down, subnet-up and
 * subnet-down scripts. */
#include <string.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

static void run_script(struct spoke *s, enum monitor_script_kind kind, const struct node *n,
		       const struct endpoint *remote, const struct node_subnet *subnet)
{
	struct monitor_script m = { .kind = kind };
	uint8_t mem[512];
	struct cursor body;
	enum err e;

	snprintf(m.node, sizeof(m.node), "%s", n->name);
	m.remote = *remote;
	if (subnet) {
		m.subnet = subnet->prefix;
		m.weight = subnet->weight;
	}
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_script_encode(&m, &body);
	e = net_feed_send(&s->net, MONITOR_SCRIPT, &body);
	if (e)
		log_warn("the scripts of node %s do not run: %s", n->name, err_str(e));
}

/* The node's, then those of its subnets: tinc's order, whichever way it goes. */
static void run_scripts(struct spoke *s, const struct node *n, const struct endpoint *remote,
			bool up)
{
	run_script(s, up ? SCRIPT_HOST_UP : SCRIPT_HOST_DOWN, n, remote, NULL);
	for (uint32_t i = 0; i < n->n_subnets; i++)
		run_script(s, up ? SCRIPT_SUBNET_UP : SCRIPT_SUBNET_DOWN, n, remote,
			   &n->subnets[i]);
}

/* Whose subnets are being compared, and where it is. */
struct change {
	struct spoke *s;
	const struct node *n;
	struct endpoint remote;
};

static void subnet_changed(void *arg, const struct node_subnet *subnet, bool up)
{
	struct change *x = arg;

	run_script(x->s, up ? SCRIPT_SUBNET_UP : SCRIPT_SUBNET_DOWN, x->n, &x->remote, subnet);
}

void announce_own(struct spoke *s)
{
	struct change x = { .s = s, .n = directory_find(&s->cache.dir, s->cache.welcome.id) };

	if (s->own_up || !x.n)
		return;
	s->own_up = true;
	node_subnets_compare(NULL, x.n, subnet_changed, &x);
}

void announce_changed(struct spoke *s, const struct node *old, const struct node *now)
{
	const struct peer_state *state = peers_find(&s->peers, now->id);
	struct change x = { .s = s, .n = now };

	if (now->id != s->cache.welcome.id && state && state->is_up)
		x.remote = state->endpoint;
	else if (now->id != s->cache.welcome.id || !s->own_up)
		return;
	node_subnets_compare(old, now, subnet_changed, &x);
}

void announce_path(struct spoke *s, const struct engine_path *p)
{
	const struct node *n = directory_find(&s->cache.dir, p->id);
	struct peer_state *state = n ? peers_get(&s->peers, p->id) : NULL;
	char text[ENDPOINT_STR_SIZE];
	bool up = p->path != PATH_DOWN;

	if (!state)
		return;
	state->path = p->path;
	state->reason = p->reason;
	state->endpoint = p->endpoint;
	log_debug(2, "node %s: %s%s%s, %s", n->name, path_kind_str(p->path),
		  endpoint_is_set(&p->endpoint) ? " " : "",
		  endpoint_is_set(&p->endpoint) ? endpoint_format(&p->endpoint, text) : "",
		  path_reason_str(p->reason));
	if (up == state->is_up)
		return;
	state->is_up = up;
	run_scripts(s, n, &p->endpoint, up);
}

void announce_down(struct spoke *s, uint32_t id)
{
	const struct node *n = directory_find(&s->cache.dir, id);
	struct peer_state *state = peers_find(&s->peers, id);

	if (!n || !state)
		return;
	state->path = PATH_DOWN;
	state->reason = PATH_REASON_NO_SESSION;
	if (state->is_up)
		run_scripts(s, n, &state->endpoint, false);
	state->is_up = false;
}
