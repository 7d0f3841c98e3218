/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"

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

/* An Address line, "host port" or "host"; names are left to those who may resolve them. */
static bool parse_numeric(const char *line, uint16_t default_port, struct endpoint *out)
{
	char host[ENDPOINT_NAME_SIZE];
	size_t n = strcspn(line, " \t");
	char *end;
	unsigned long port = default_port;

	if (n >= sizeof(host))
		return false;
	memcpy(host, line, n);
	host[n] = '\0';
	line += n + strspn(line + n, " \t");
	if (*line) {
		port = strtoul(line, &end, 10);
		if (*end || port == 0 || port > UINT16_MAX)
			return false;
	}
	memset(out, 0, sizeof(*out));
	out->port = (uint16_t)port;
	return addr_parse(host, &out->addr) == ERR_OK;
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
	struct endpoint configured;

	if (p)
		add(&x, &p->row.endpoint);
	for (uint32_t i = 0; i < n->n_endpoints; i++)
		if (parse_numeric(n->endpoints[i], c->settings.udp_port, &configured))
			add(&x, &configured);
	if (conn)
		add_link(&x, conn);
	return x.n;
}
