/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the hub is dialled and how it is known, and the addresses at which others may find us. */
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* A ConnectTo name that the directory knows as something else than the hub is not dialled as one.
 */
static bool may_be_hub(const struct spoke *s, const char *name)
{
	const struct node *n = directory_find_name(&s->cache.dir, name);

	return !n || n->kind == NODE_HUB;
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
}

bool places_check_hub(struct spoke *s, const struct endpoint *at, const struct public_key *peer)
{
	const struct node *hub = cache_hub(&s->cache);
	char where[ENDPOINT_STR_SIZE], key[KEY_BASE64_SIZE];

	if ((s->has_pin && public_key_equal(peer, &s->pin)) ||
	    (hub && hub->has_identity && public_key_equal(peer, &hub->identity_key)))
		return true;
	if (log_allowed(&s->wrong_hub_limit))
		log_error("%s is not our hub: its key is %s, which is neither hub.pin nor in the "
			  "directory",
			  endpoint_format(at, where), base64_encode(peer->b, sizeof(peer->b), key));
	return false;
}

/* Would a neighbour on the same network reach us there? */
static bool is_candidate(const struct spoke *s, const struct ifaddrs *i, const struct addr *a)
{
	bool is_link_local = a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;

	return (i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK) &&
	       strcmp(i->ifa_name, s->cfg->interface) != 0 && !addr_is_special(a) &&
	       !is_link_local && (s->cfg->family == AF_UNSPEC || s->cfg->family == a->family);
}

size_t places_own(const struct spoke *s, struct endpoint *out, size_t max)
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	if (!s->cfg->local_discovery || getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		struct endpoint e;
		socklen_t len;

		if (!i->ifa_addr ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		len = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							: sizeof(struct sockaddr_in6);
		memcpy(&ss, i->ifa_addr, len);
		if (endpoint_from_sockaddr(&ss, len, &e) || !is_candidate(s, i, &e.addr))
			continue;
		e.port = s->cfg->port;
		out[n++] = e;
	}
	freeifaddrs(all);
	return n;
}
