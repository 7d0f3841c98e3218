/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/nat.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/tunnel.h"
#include "shared/wire/inner.h"

static void arm(struct tunnel *t, uint64_t delay_ms)
{
	timer_arm(loop_timers(t->loop), &t->nat.timer, t->now_ms + delay_ms);
}

enum nat_mapping nat_judge(const struct nat_view *v)
{
	enum nat_mapping kind = NAT_UNKNOWN;

	if (!endpoint_is_set(&v->hub))
		return NAT_UNKNOWN;
	if (endpoint_is_set(&v->second))
		kind = endpoint_equal(&v->hub, &v->second) ? NAT_EASY : NAT_HARD;
	for (unsigned i = 0; i < NAT_OTHERS_MAX && kind != NAT_HARD; i++) {
		const struct endpoint *o = &v->others[i];

		if (endpoint_is_set(o) && addr_equal(&o->addr, &v->hub.addr))
			kind = o->port == v->hub.port ? NAT_EASY : NAT_HARD;
	}
	return kind;
}

/* Where the hub is over UDP, with its session; NULL: not now. */
static struct peer *reachable_hub(const struct tunnel *t)
{
	struct peer *hub = t->hub;

	if (!hub || !hub->session.current || !keypair_may_send(hub->session.current, t->now_ms))
		return NULL;
	return hub->path.endpoint.addr.family == AF_INET ||
			       hub->path.endpoint.addr.family == AF_INET6
		       ? hub
		       : NULL;
}

/* A probe to one of the hub's ports, as long as its answer. */
static void ask(struct peer *hub, uint16_t port, uint8_t flags, const uint8_t id[8])
{
	struct tunnel *t = hub->tunnel;
	struct keypair *kp = hub->session.current;
	struct inner_probe probe = { .flags = flags,
				     .size = EXTENSION_PROBE_REPLY_BYTES,
				     .sent_us = clock_now_us() };
	uint8_t packet[EXTENSION_PROBE_REPLY_BYTES];
	struct endpoint to = hub->path.endpoint;
	struct udp_slot slot = { 0 };
	uint8_t *out;

	memcpy(probe.id, id, sizeof(probe.id));
	inner_encode_probe(&probe, packet);
	to.port = port;
	out = udp_reserve(t->udp, &to, &slot, keypair_sealed_len(kp, sizeof(packet), 0));
	if (out && keypair_seal_to(kp, packet, sizeof(packet), 0, 0, out))
		udp_cancel(t->udp);
	udp_flush(t->udp);
}

static void ask_what_is_open(struct tunnel *t)
{
	struct peer *hub = reachable_hub(t);
	struct nat *n = &t->nat;

	if (!hub) {
		n->tries = 0;
		arm(t, NAT_LATER_MS);
		return;
	}
	if (n->tries++ == 0) {
		n->began_ms = t->now_ms;
		n->view.hub = n->view.second = (struct endpoint){ 0 };
		secret_random(n->hub_id, sizeof(n->hub_id));
		secret_random(n->second_id, sizeof(n->second_id));
	}
	if (!endpoint_is_set(&n->view.hub))
		ask(hub, hub->path.endpoint.port, 0, n->hub_id);
	if (!endpoint_is_set(&n->view.second))
		ask(hub, t->self.nat_port, PROBE_FLAG_NAT_PORT, n->second_id);
	arm(t, NAT_WAIT_MS);
}

/* Both have answered, or they do not. */
static void end_round(struct tunnel *t)
{
	struct nat *n = &t->nat;
	struct engine_nat found = { .kind = nat_judge(&n->view),
				    .observed = n->view.hub,
				    .observed_second = n->view.second };

	n->tries = 0;
	arm(t, NAT_EVERY_MS);
	if (found.kind == n->known.kind && endpoint_equal(&found.observed, &n->known.observed) &&
	    endpoint_equal(&found.observed_second, &n->known.observed_second))
		return;
	n->known = found;
	report_nat(t, &n->known);
}

static void timer_fired(struct timer *timer, uint64_t now_ms)
{
	struct tunnel *t = container_of(timer, struct tunnel, nat.timer);

	t->now_ms = now_ms;
	if (t->self.is_hub || !t->self.nat_port)
		return;
	if (t->nat.tries == NAT_TRIES)
		end_round(t);
	else
		ask_what_is_open(t);
}

void nat_init(struct tunnel *t) { t->nat.timer.fire = timer_fired; }

void nat_fini(struct tunnel *t)
{
	if (t->nat.timer.fire)
		timer_disarm(loop_timers(t->loop), &t->nat.timer);
}

void nat_self_changed(struct tunnel *t)
{
	if (t->self.is_hub || !t->self.nat_port || t->mover)
		return;
	/* Control may be a new one, which knows nothing of it. */
	if (t->nat.began_ms)
		report_nat(t, &t->nat.known);
	if (!timer_armed(&t->nat.timer))
		arm(t, NAT_SETTLE_MS);
}

void nat_rebind(struct tunnel *t)
{
	if (t->self.is_hub || !t->self.nat_port)
		return;
	t->nat.tries = 0;
	memset(&t->nat.view, 0, sizeof(t->nat.view));
	arm(t, NAT_SETTLE_MS);
}

/* Somebody sees us elsewhere than the last round found: the NAT, or where we are, has changed. */
static void begin_again(struct tunnel *t)
{
	struct nat *n = &t->nat;

	if (n->tries || !n->began_ms || t->now_ms - n->began_ms < NAT_AGAIN_MS)
		return;
	memset(n->view.others, 0, sizeof(n->view.others));
	arm(t, NAT_SETTLE_MS);
}

/* What another probe than ours tells by the way. */
static void note_observed(struct peer *p, const struct endpoint *observed)
{
	struct nat *n = &p->tunnel->nat;

	if (p == p->tunnel->hub) {
		if (!endpoint_equal(observed, &n->known.observed))
			begin_again(p->tunnel);
		return;
	}
	for (unsigned i = 0; i < NAT_OTHERS_MAX; i++)
		if (endpoint_equal(&n->view.others[i], observed))
			return;
	n->view.others[n->next_other++ % NAT_OTHERS_MAX] = *observed;
	if (n->known.kind != NAT_UNKNOWN && nat_judge(&n->view) != n->known.kind)
		begin_again(p->tunnel);
}

bool nat_take_reply(struct peer *p, const struct inner_probe_reply *r)
{
	struct tunnel *t = p->tunnel;
	struct nat *n = &t->nat;
	bool hub, second;

	if (t->self.is_hub || !t->self.nat_port || !endpoint_is_set(&r->observed))
		return false;
	hub = p == t->hub && n->tries && secret_equal(r->id, n->hub_id, sizeof(r->id));
	second = p == t->hub && n->tries && secret_equal(r->id, n->second_id, sizeof(r->id));
	if (hub)
		n->view.hub = r->observed;
	else if (second)
		n->view.second = r->observed;
	else
		note_observed(p, &r->observed);
	if ((hub || second) && endpoint_is_set(&n->view.hub) && endpoint_is_set(&n->view.second))
		end_round(t);
	return hub || second;
}
