/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/route_guard.h"

#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

#define PLACES_MAX 4u

/* Where the hub is outside of the network, as far as we know: no address twice. */
struct places {
	unsigned n;
	struct addr list[PLACES_MAX];
};

static void add_place(struct places *x, const struct endpoint *at)
{
	for (unsigned i = 0; i < x->n; i++)
		if (addr_equal(&x->list[i], &at->addr))
			return;
	if (endpoint_is_set(at) && x->n < PLACES_MAX)
		x->list[x->n++] = at->addr;
}

static void find_places(const struct spoke *s, struct places *x)
{
	const struct peer_state *hub = peers_find(&s->peers, s->cache.welcome.hub_id);

	x->n = 0;
	add_place(x, &s->client.dialer.dialled);
	add_place(x, &s->carry.dialer.dialled);
	if (s->cfg->proxy.kind == PROXY_NONE)
		add_place(x, &s->cache.last_good);
	if (hub)
		add_place(x, &hub->endpoint);
}

/* From which address the kernel would send to `to` now. False: it has no way at all. */
static bool find_source(const struct addr *to, struct addr *source)
{
	const struct endpoint at = { .addr = *to, .port = UDP_PORT_DEFAULT };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&at, &ss);
	struct endpoint got;
	bool found = false;
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* Connecting a datagram socket looks up the route, and sends nothing. */
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&ss, len) == 0) {
		len = sizeof(ss);
		found = getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
			endpoint_from_sockaddr(&ss, len, &got) == ERR_OK;
	}
	if (fd >= 0)
		close(fd);
	if (found)
		*source = got.addr;
	return found;
}

/* Takes back what leads packets for `hub` into the tunnel. True when a route was. */
static bool hold_back(struct spoke *s, const struct addr *hub)
{
	char prefix[PREFIX_STR_SIZE], address[ADDR_STR_SIZE];
	struct prefix held;
	struct addr source;

	if (!find_source(hub, &source) || !net_feed_has_address(&s->net, &source) ||
	    !net_feed_hold(&s->net, hub, &held))
		return false;
	log_error(
		"the route to %s is not set: the hub itself is reached at %s, and would be lost. "
		"Take that subnet out of the hub's directory, or give this machine a route to the "
		"hub of its own and restart the spoke",
		prefix_format(&held, prefix), addr_format(hub, address));
	return true;
}

void route_guard_look(struct spoke *s)
{
	struct places x;
	bool changed;

	if (s->cfg->fwmark || s->cfg->bind_interface)
		return;
	find_places(s, &x);
	changed = net_feed_release(&s->net, x.list, x.n);
	for (unsigned i = 0; i < x.n; i++)
		changed |= hold_back(s, &x.list[i]);
	/* The monitor's answer leads here again, until nothing is in the way any more. */
	if (changed)
		net_feed_update(&s->net, &s->cache, &s->engine);
}

void route_guard_done(struct spoke *s, const struct monitor_done *m)
{
	if (m->tag == s->net.told)
		route_guard_look(s);
}
