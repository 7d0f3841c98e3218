/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/endpoints.h"

#include <string.h>

#include "hub/control/core.h"
#include "shared/base/hostport.h"

struct collector {
	struct endpoint *out;
	uint8_t n, max;
};

static void add(struct collector *x, const struct endpoint *e)
{
	if (!endpoint_is_set(e) || e->port == 0 || x->n == x->max)
		return;
	for (uint8_t i = 0; i < x->n; i++)
		if (endpoint_equal(&x->out[i], e))
			return;
	x->out[x->n++] = *e;
}

/* A line, if it is a number. */
static void add_line(const struct control *c, struct collector *x, const char *line)
{
	char host[HOSTPORT_HOST_SIZE];
	struct endpoint e = { 0 };

	if (hostport_split(line, c->settings.udp_port, host, &e.port) == ERR_OK &&
	    addr_parse(host, &e.addr) == ERR_OK)
		add(x, &e);
}

/* Address lines: numbers as they stand, names as far as they were looked up. */
static void add_configured(const struct control *c, struct collector *x, const struct node *n)
{
	const struct hub_branch *branch = expected_of(c, n);
	uint8_t n_found;

	for (uint32_t i = 0; i < n->n_endpoints; i++)
		add_line(c, x, n->endpoints[i]);
	for (unsigned i = 0; branch && i < branch->n_addresses; i++)
		add_line(c, x, branch->addresses[i]);
	const struct endpoint *found = names_found(c, n->id, &n_found);
	for (uint8_t i = 0; i < n_found; i++)
		add(x, &found[i]);
}

/* What the link tells: where it comes from, and what its spoke says. */
static void add_link(struct collector *x, const struct conn *conn)
{
	struct endpoint seen = conn->remote;

	seen.port = conn->n_candidates ? conn->candidates[0].port : 0;
	add(x, &seen);
	for (uint8_t i = 0; i < conn->n_candidates; i++)
		add(x, &conn->candidates[i]);
}

uint8_t endpoints_of(struct control *c, const struct node *n, struct endpoint *out, uint8_t max)
{
	struct collector x = { .out = out, .max = max };
	const struct conn *conn = registry_find(&c->registry, n->id);
	const struct presence_node *p = presence_get(c, n->id);

	/* UDP does not get through to it, wherever it is. */
	if (p && p->row.path == PATH_HUB_TCP)
		return 0;
	if (p)
		add(&x, &p->row.endpoint);
	add_configured(c, &x, n);
	if (conn)
		add_link(&x, conn);
	return x.n;
}
