/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/client.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"

static const char *const state_names[CLIENT_STATES] = { "stopped", "dialling", "greeting", "up",
							"waiting" };

/* allowed[from][to]: the drawing in the header. */
static const bool allowed[CLIENT_STATES][CLIENT_STATES] = {
	[CLIENT_STOPPED] = { [CLIENT_DIALLING] = true },
	[CLIENT_DIALLING] = { [CLIENT_STOPPED] = true,
			      [CLIENT_GREETING] = true,
			      [CLIENT_WAITING] = true },
	[CLIENT_GREETING] = { [CLIENT_STOPPED] = true,
			      [CLIENT_UP] = true,
			      [CLIENT_WAITING] = true },
	[CLIENT_UP] = { [CLIENT_STOPPED] = true, [CLIENT_WAITING] = true },
	[CLIENT_WAITING] = { [CLIENT_STOPPED] = true, [CLIENT_DIALLING] = true },
};

const char *client_state_str(enum client_state s)
{
	return s < CLIENT_STATES ? state_names[s] : "?";
}

bool client_may_move(enum client_state from, enum client_state to)
{
	return from < CLIENT_STATES && to < CLIENT_STATES && allowed[from][to];
}

uint64_t client_retry_delay_ms(const struct client_retry *r, uint32_t random)
{
	uint64_t top = r->away_ms, asked = r->asked_ms, wait;

	if (r->refused)
		return LINK_RETRY_REFUSED_MS + random % (LINK_RETRY_REFUSED_MS / 4 + 1);
	if (asked) {
		if (asked < LINK_RETRY_MIN_MS)
			asked = LINK_RETRY_MIN_MS;
		if (asked > LINK_RETRY_REFUSED_MS)
			asked = LINK_RETRY_REFUSED_MS;
		return asked + random % (asked / 2 + 1);
	}
	if (top < LINK_RETRY_MIN_MS)
		top = LINK_RETRY_MIN_MS;
	if (top > LINK_RETRY_MAX_MS)
		top = LINK_RETRY_MAX_MS;
	wait = random % (top + 1);
	return wait > r->tried_ms ? wait - r->tried_ms : 0;
}

/* When this state has lasted too long. */
static uint64_t deadline_ms(const struct client *c)
{
	switch (c->state) {
	case CLIENT_GREETING:
		return c->since_ms + LINK_HANDSHAKE_MS;
	case CLIENT_UP:
		return c->probed_ms ? c->probed_ms + CLIENT_PROBE_MS : c->heard_ms + LINK_DEAD_MS;
	case CLIENT_WAITING:
		return c->since_ms + client_retry_delay_ms(&c->retry, secret_random_u32());
	default:
		return TIMER_NEVER;
	}
}

/* The only writer of the state: checks, logs, arms the timer, tells the owner. */
static void client_move(struct client *c, enum client_state to)
{
	enum client_state from = c->state;

	BUG_ON(!client_may_move(from, to));
	c->state = to;
	c->since_ms = loop_now_ms(c->loop);
	c->heard_ms = c->since_ms;
	c->probed_ms = 0;
	if (from == CLIENT_UP || to == CLIENT_UP || from == CLIENT_STOPPED)
		c->since_wall_ms = clock_wall_ms();
	log_debug(3, "link: %s -> %s", state_names[from], state_names[to]);
	timer_arm(loop_timers(c->loop), &c->timer, deadline_ms(c));
	c->ev->moved(c, from, to);
}

/* A new round: the places may have changed since the last one. */
static void dial(struct client *c)
{
	dialer_stop(&c->dialer);
	dialer_clear(&c->dialer);
	c->ev->places(c, &c->dialer);
	c->dialled_ms = loop_now_ms(c->loop);
	client_move(c, CLIENT_DIALLING);
	dialer_start(&c->dialer);
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct client *c = container_of(t, struct client, timer);

	/* Bytes move the deadline without arming the timer each time. */
	if (c->state == CLIENT_UP && now_ms < deadline_ms(c))
		timer_arm(loop_timers(c->loop), t, deadline_ms(c));
	else if (c->state == CLIENT_WAITING)
		dial(c);
	else if (c->state == CLIENT_GREETING)
		client_close(c, "the hub did not answer the hello", false, 0);
	else if (c->state == CLIENT_UP)
		client_close(c,
			     c->probed_ms ? "the hub did not answer after the network had changed"
					  : "nothing was heard from the hub for too long",
			     false, 0);
}

static bool dialer_check(struct dialer *d, const struct endpoint *at, const struct public_key *peer)
{
	struct client *c = d->owner;

	return c->ev->check(c, at, peer);
}

static void send_hello(struct client *c)
{
	struct control_msg m = { .type = CONTROL_HELLO };

	c->ev->hello(c, &m.hello);
	client_send(c, &m);
}

static void dialer_opened(struct dialer *d)
{
	struct client *c = d->owner;

	client_move(c, CLIENT_GREETING);
	c->capabilities = 0;
	send_hello(c);
}

/* Hands over every whole message, until one of them has closed the link. */
static void dialer_received(struct dialer *d, struct buf *in)
{
	struct client *c = d->owner;
	struct control_msg m;
	enum err e = ERR_OK;

	c->heard_ms = loop_now_ms(c->loop);
	c->probed_ms = 0;
	while (d->is_open) {
		e = control_decode(in, LINK_FRAME_MAX_BYTES, &m);
		if (e)
			break;
		log_debug(3, "link: got %s", control_type_str(m.type));
		c->ev->message(c, &m);
		control_msg_fini(&m);
	}
	if (e && e != ERR_AGAIN) {
		log_warn("link: a message of the hub cannot be read: %s", err_str(e));
		client_close(c, "the hub sent something that is not a message", false, 0);
	}
}

static void dialer_closed(struct dialer *d, enum err e, const char *why)
{
	client_close(d->owner, why && *why ? why : err_str(e), false, 0);
}

static void dialer_exhausted(struct dialer *d, enum err e, const char *why)
{
	(void)e;
	client_close(d->owner, why, false, 0);
}

static size_t dialer_known(struct dialer *d, const char *place, struct endpoint *out)
{
	struct client *c = d->owner;

	return c->ev->known(c, place, out);
}

static void dialer_resolved(struct dialer *d, const char *place, const struct endpoint *found,
			    size_t n)
{
	struct client *c = d->owner;

	c->ev->resolved(c, place, found, n);
}

static const struct dialer_events dialer_callbacks = {
	.check = dialer_check,
	.opened = dialer_opened,
	.received = dialer_received,
	.closed = dialer_closed,
	.exhausted = dialer_exhausted,
	.known = dialer_known,
	.resolved = dialer_resolved,
};

void client_init(struct client *c, struct loop *l, struct stream_identity *identity, int family,
		 const struct client_events *ev, void *owner)
{
	memset(c, 0, sizeof(*c));
	c->loop = l;
	c->ev = ev;
	c->owner = owner;
	c->timer.fire = timer_fired;
	snprintf(c->why, sizeof(c->why), "not dialled yet");
	dialer_init(&c->dialer, l, identity, family, &dialer_callbacks, c);
}

void client_fini(struct client *c)
{
	if (!c->loop)
		return;
	timer_disarm(loop_timers(c->loop), &c->timer);
	dialer_fini(&c->dialer);
	c->state = CLIENT_STOPPED;
}

void client_start(struct client *c)
{
	if (c->state != CLIENT_STOPPED)
		return;
	c->away_since_ms = loop_now_ms(c->loop);
	dial(c);
}

void client_stop(struct client *c)
{
	dialer_stop(&c->dialer);
	snprintf(c->why, sizeof(c->why), "stopped");
	if (c->state != CLIENT_STOPPED)
		client_move(c, CLIENT_STOPPED);
}

void client_welcomed(struct client *c, uint32_t capabilities)
{
	c->capabilities = capabilities;
	c->why[0] = '\0';
	client_move(c, CLIENT_UP);
}

void client_close(struct client *c, const char *why, bool refused, uint32_t asked_ms)
{
	uint64_t now_ms = loop_now_ms(c->loop);
	bool stable = c->state == CLIENT_UP && now_ms - c->since_ms >= CLIENT_STABLE_MS;

	if (c->state == CLIENT_STOPPED || c->state == CLIENT_WAITING)
		return;
	/* `why` may point into what the dialer is about to free or reuse. */
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (stable)
		c->away_since_ms = now_ms;
	c->retry.away_ms = now_ms - c->away_since_ms;
	c->retry.tried_ms = c->state == CLIENT_UP ? 0 : now_ms - c->dialled_ms;
	c->retry.refused = refused;
	c->retry.asked_ms = asked_ms;
	dialer_stop(&c->dialer);
	client_move(c, CLIENT_WAITING);
}

void client_hurry(struct client *c)
{
	if (c->state != CLIENT_WAITING)
		return;
	c->retry = (struct client_retry){ 0 };
	c->away_since_ms = loop_now_ms(c->loop);
	dial(c);
}

void client_network_changed(struct client *c, bool gone)
{
	if (c->state == CLIENT_STOPPED)
		return;
	if (c->state == CLIENT_UP && !gone) {
		send_hello(c);
		/* Sending may have closed it. */
		if (c->state != CLIENT_UP)
			return;
		c->probed_ms = loop_now_ms(c->loop);
		timer_arm(loop_timers(c->loop), &c->timer, deadline_ms(c));
		return;
	}
	/* A new round from the start: names and addresses may lead elsewhere now. */
	if (c->state != CLIENT_WAITING) {
		client_close(c, "this machine's addresses have changed", false, 0);
		c->away_since_ms = loop_now_ms(c->loop);
	}
	if (!c->retry.refused && !c->retry.asked_ms)
		dial(c);
}

void client_send(struct client *c, const struct control_msg *m)
{
	struct buf b;
	enum err e;

	if (c->state != CLIENT_GREETING && c->state != CLIENT_UP)
		return;
	buf_init(&b, LINK_FRAME_MAX_BYTES + 4);
	e = control_encode(m, c->capabilities, &b);
	if (!e)
		e = stream_send(c->dialer.stream, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	log_debug(3, "link: sent %s", control_type_str(m->type));
	if (e) {
		log_warn("link: cannot send %s: %s", control_type_str(m->type), err_str(e));
		client_close(c, "a message could not be sent", false, 0);
	}
}
