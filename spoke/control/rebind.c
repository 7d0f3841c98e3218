/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * This machine has got other addresses, another way out, or has slept: the engine looks for its
 * paths again, the hub learns where we are now, and a link that cannot work any more is dialled
 * anew.
 */
#include <string.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

static const char *text_of(unsigned what)
{
	if (what & NETWATCH_SLEPT)
		return "this machine has slept";
	return what & NETWATCH_ADDRESS ? "this machine's addresses have changed"
				       : "this machine's default route has changed";
}

/* Is the link bound to an address that is not there any more? */
static bool is_link_cut(const struct spoke *s)
{
	const struct stream *stream = s->client.dialer.stream;

	return !stream || !own_address_has(&s->addresses, &stream_local(stream)->addr);
}

/* Takes in the present addresses. False: they are as they were. */
static bool read_addresses(struct spoke *s)
{
	static struct own_addresses now;

	if (own_address_read(s->cfg->interface, &now)) {
		if (log_allowed(&s->network_limit))
			log_warn("the addresses of this machine cannot be read");
		return false;
	}
	if (own_address_same(&now, &s->addresses))
		return false;
	s->addresses = now;
	return true;
}

static void changed(struct netwatch *w, unsigned what)
{
	struct spoke *s = container_of(w, struct spoke, netwatch);

	/* Most events are about what does not matter: lifetimes, statistics. */
	if ((what & NETWATCH_ADDRESS) && !read_addresses(s))
		what &= ~(unsigned)NETWATCH_ADDRESS;
	if (!what)
		return;
	if (log_allowed(&s->network_limit))
		log_notice("%s: looking for the hub and the direct paths again", text_of(what));
	engine_feed_send(&s->engine, ENGINE_REBIND, NULL);
	client_network_changed(&s->client, is_link_cut(s));
}

void rebind_start(struct spoke *s)
{
	read_addresses(s);
	if (netwatch_start(&s->netwatch, s->loop, s->cfg->interface, changed))
		log_warn("changes of this machine's addresses are not followed");
}
