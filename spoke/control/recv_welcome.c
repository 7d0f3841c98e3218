/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub has taken our hello: who we are, and what holds for the whole network. */
#include <inttypes.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* Is this welcome for us? The text says what is wrong. */
static const char *objection(const struct spoke *s, const struct control_welcome *w)
{
	if (strcmp(w->network, s->cfg->paths.net) != 0)
		return "the hub serves another network";
	if (!w->id || !w->hub_id || w->id == w->hub_id)
		return "the hub's welcome makes no sense";
	if (w->mtu < TUN_MTU_MIN || w->mtu > TUN_MTU_MAX || !w->udp_port)
		return "the hub's welcome has an MTU or a port out of range";
	return NULL;
}

/* Does it differ in what the engine was told? */
static bool changes_engine(const struct control_welcome *a, const struct control_welcome *b)
{
	return a->id != b->id || a->hub_id != b->hub_id || a->mtu != b->mtu ||
	       a->keepalive_s != b->keepalive_s || a->nat_port != b->nat_port ||
	       !addr_equal(&a->addresses[0], &b->addresses[0]) ||
	       !addr_equal(&a->addresses[1], &b->addresses[1]);
}

/* Has this hub, or a hub before it, given us another id? Then the cached directory is of another
 * network. */
static void forget_stranger(struct spoke *s, const struct control_welcome *w)
{
	if (!s->cache.has_welcome ||
	    (s->cache.welcome.id == w->id && s->cache.welcome.hub_id == w->hub_id))
		return;
	log_warn("the hub knows us by another id than before: the cached directory is dropped");
	directory_fini(&s->cache.dir);
	directory_init(&s->cache.dir);
	s->cache.highest = 0;
	s->cache.revoked.n = 0;
	cache_peers_prune(&s->cache);
}

/* Our key says who we are, and the hub what we are called: it may have been changed there. */
static void note_name(const struct spoke *s, const struct control_welcome *w)
{
	const char *before = cache_name(&s->cache);

	if (strcmp(w->name, before ? before : s->cfg->name) != 0)
		log_notice("the hub calls this node %s now (Name in spoke.conf: %s)", w->name,
			   s->cfg->name);
}

/* Subnet lines of our own hosts file that the directory does not have: the hub's admin decides. */
static void propose_subnets(struct spoke *s)
{
	const struct node *self = cache_self(&s->cache);
	struct control_msg m = { .type = CONTROL_PROPOSE_SUBNET };
	char text[PREFIX_STR_SIZE];

	for (unsigned i = 0; self && i < s->cfg->n_subnets; i++) {
		bool known = false;

		for (uint32_t k = 0; k < self->n_subnets; k++)
			known |= prefix_equal(&self->subnets[k].prefix, &s->cfg->subnets[i].prefix);
		if (known)
			continue;
		m.propose.subnet = s->cfg->subnets[i];
		log_debug(1, "subnet %s is proposed to the hub",
			  prefix_format(&m.propose.subnet.prefix, text));
		client_send(&s->client, &m);
	}
}

/*
 * A branch box may wake up in 1970. Handshakes of the tunnel carry the time and must not seem older
 * than those before, so the engine is told how far to go ahead. What the hub says is bounded: a
 * timestamp from far in the future would shut us out for as long once the hub's clock is right.
 */
static int64_t clock_ahead(const struct control_welcome *w)
{
	int64_t ahead_ms = w->time_ms - clock_wall_ms();

	return ahead_ms > 0 && ahead_ms <= CLOCK_AHEAD_MAX_MS ? ahead_ms : 0;
}

void recv_welcome(struct spoke *s, const struct control_welcome *w)
{
	const char *wrong = objection(s, w);
	char text[DIALER_WHERE_SIZE];
	bool resync;

	if (wrong) {
		log_error("link: %s", wrong);
		client_close(&s->client, wrong, false, LINK_RETRY_MAX_MS);
		return;
	}
	if (s->client.state != CLIENT_GREETING)
		return;
	note_name(s, w);
	forget_stranger(s, w);
	resync = !s->cache.has_welcome || changes_engine(&s->cache.welcome, w);
	s->cache.welcome = *w;
	s->cache.has_welcome = true;
	s->cache.clock_ahead_ms = clock_ahead(w);
	s->clock_skew_ms = w->time_ms - clock_wall_ms();
	s->has_skew = true;
	s->cache.refused = false;
	s->cache.refused_why[0] = '\0';
	if (endpoint_is_set(&s->client.dialer.at))
		s->cache.last_good = s->client.dialer.at;
	s->acked = 0;
	s->confirmed = false;
	s->links++;
	log_notice("link to hub %s is up (%s, revision %" PRIu64 ")", w->hub_name,
		   dialer_where(&s->client.dialer, text), w->revision);
	client_welcomed(&s->client, w->capabilities);
	if (w->revision == s->cache.dir.revision && !s->want_snapshot) {
		grace_confirmed(s);
		apply_save(s);
	}
	grace_settle(s);
	if (resync)
		apply_cache(s);
	else if (s->cache.clock_ahead_ms > 0)
		engine_feed_self(&s->engine, &s->cache);
	engine_feed_hub_endpoints(&s->engine, &s->cache);
	net_feed_update(&s->net, &s->cache, &s->engine);
	propose_subnets(s);
	locate_link_up(s);
	apply_ack(s);
	rotation_welcomed(s);
	hub_pin_welcomed(s, w);
	report_start(s);
	carry_settle(&s->carry);
	trial_link_up(s);
	trust_link_up(s);
	policies_link_up(s);
	for (uint32_t i = 0; i < s->cache.revoked.n; i++)
		s->cache.revoked.nodes[i].told = false;
	if (s->confirmed)
		apply_tell_revived(s);
}
