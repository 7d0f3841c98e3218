/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the hub is dialled, and the addresses at which others may find us. */
#include <string.h>

#include "shared/base/hostport.h"
#include "spoke/control/spoke.h"

/* A ConnectTo name that the directory knows as something else than the hub is not dialled as one.
 */
static bool may_be_hub(const struct spoke *s, const char *name)
{
	const struct node *n = directory_find_name(&s->cache.dir, name);

	return !n || n->kind == NODE_HUB;
}

/* The same hosts at the other ports at which the hub listens, after all that is configured: 443
 * often passes where others do not. */
static void add_ports(const struct spoke *s, struct dialer *d)
{
	const struct control_welcome *w = &s->cache.welcome;
	const unsigned n = d->n_places;
	char host[HOSTPORT_HOST_SIZE], place[ENDPOINT_NAME_SIZE];
	uint16_t port;

	for (unsigned k = 0; s->cache.has_welcome && k < w->n_tcp_ports; k++)
		for (unsigned i = 0; i < n; i++) {
			if (hostport_split(d->places[i], UDP_PORT_DEFAULT, host, &port))
				continue;
			snprintf(place, sizeof(place), "%.255s %u", host,
				 (unsigned)w->tcp_ports[k]);
			dialer_add(d, place);
		}
}

void places_add(struct spoke *s, struct dialer *d)
{
	const struct node *hub = cache_hub(&s->cache);
	char text[ENDPOINT_STR_SIZE], place[ENDPOINT_NAME_SIZE];

	for (unsigned i = 0; i < s->cfg->n_hubs; i++)
		for (unsigned k = 0;
		     may_be_hub(s, s->cfg->hubs[i].name) && k < s->cfg->hubs[i].n_addresses; k++)
			dialer_add(d, s->cfg->hubs[i].addresses[k]);
	for (uint32_t i = 0; hub && i < hub->n_endpoints; i++)
		dialer_add(d, hub->endpoints[i]);
	if (endpoint_is_set(&s->cache.last_good)) {
		snprintf(place, sizeof(place), "%s %u", addr_format(&s->cache.last_good.addr, text),
			 (unsigned)s->cache.last_good.port);
		dialer_add(d, place);
	}
	add_ports(s, d);
}

size_t places_own(const struct spoke *s, struct endpoint *out, size_t max)
{
	return own_address_candidates(&s->addresses, s->cfg,
				      s->cache.has_welcome ? s->cache.welcome.pools : NULL, out,
				      max);
}
