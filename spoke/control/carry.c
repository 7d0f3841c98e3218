/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/carry.h"

#include <string.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

#define RETRY_MAX_MS 30000u
/* A carrier that was up for so long starts its retries from the shortest delay again. */
#define STABLE_MS 10000u

static const struct stream_limits limits = {
	.in_bytes = 65536,
	.out_bytes = CARRIER_QUEUE_BYTES,
	.handshake_ms = LINK_HANDSHAKE_MS,
};

static const char *const state_names[CARRY_STATES] = { "off", "dialling", "greeting", "up",
						       "waiting" };

/* allowed[from][to]: the drawing in the header. */
static const bool allowed[CARRY_STATES][CARRY_STATES] = {
	[CARRY_OFF] = { [CARRY_DIALLING] = true },
	[CARRY_DIALLING] = { [CARRY_OFF] = true, [CARRY_GREETING] = true, [CARRY_WAITING] = true },
	[CARRY_GREETING] = { [CARRY_OFF] = true, [CARRY_UP] = true, [CARRY_WAITING] = true },
	[CARRY_UP] = { [CARRY_OFF] = true, [CARRY_WAITING] = true },
	[CARRY_WAITING] = { [CARRY_OFF] = true, [CARRY_DIALLING] = true },
};

const char *carry_state_str(enum carry_state s) { return s < CARRY_STATES ? state_names[s] : "?"; }

bool carry_may_move(enum carry_state from, enum carry_state to)
{
	return from < CARRY_STATES && to < CARRY_STATES && allowed[from][to];
}

enum carry_need carry_need_of(enum path_kind path, enum path_reason reason, bool silent)
{
	if (path == PATH_HUB_TCP || silent)
		return CARRY_NEEDED;
	if (path != PATH_DOWN)
		return CARRY_UDP;
	if (reason == PATH_REASON_NONE || reason == PATH_REASON_NO_SESSION)
		return CARRY_IDLE;
	return reason == PATH_REASON_HANDSHAKE ? CARRY_TRYING : CARRY_NEEDED;
}

uint64_t carry_retry_delay_ms(unsigned attempt, uint32_t random)
{
	uint64_t top = LINK_RETRY_MIN_MS;

	for (unsigned i = 0; i < attempt && top < RETRY_MAX_MS; i++)
		top *= 2;
	if (top > RETRY_MAX_MS)
		top = RETRY_MAX_MS;
	return random % (top + 1);
}

static uint64_t now(const struct carry *x) { return loop_now_ms(x->spoke->loop); }

static bool is_forced(const struct carry *x) { return x->spoke->cfg->tcp_only; }

/* When this state, with this need, has lasted long enough. */
static uint64_t deadline_ms(const struct carry *x)
{
	switch (x->state) {
	case CARRY_OFF:
		return x->need == CARRY_TRYING ? x->need_since_ms + CARRIER_AFTER_MS : TIMER_NEVER;
	case CARRY_GREETING:
		return x->since_ms + LINK_HANDSHAKE_MS;
	case CARRY_WAITING:
		return x->since_ms + carry_retry_delay_ms(x->attempt, secret_random_u32());
	case CARRY_UP:
		if (x->need == CARRY_UDP || x->need == CARRY_IDLE)
			return is_forced(x) ? TIMER_NEVER : x->need_since_ms + CARRIER_LINGER_MS;
		if (x->path != PATH_DOWN)
			return TIMER_NEVER;
		return (x->since_ms > x->down_since_ms ? x->since_ms : x->down_since_ms) +
		       CARRIER_DEAF_MS;
	default:
		return TIMER_NEVER;
	}
}

static void arm(struct carry *x)
{
	timer_arm(loop_timers(x->spoke->loop), &x->timer, deadline_ms(x));
}

/* The only writer of the state. */
static void carry_move(struct carry *x, enum carry_state to)
{
	BUG_ON(!carry_may_move(x->state, to));
	log_debug(2, "carrier: %s -> %s", state_names[x->state], state_names[to]);
	x->state = to;
	x->since_ms = now(x);
	arm(x);
}

/* Ends what is under way; the engine forgets the carrier. */
static void hang_up(struct carry *x)
{
	carrier_free(x->carrier);
	x->carrier = NULL;
	dialer_stop(&x->dialer);
}

static void failed(struct carry *x, const char *why)
{
	bool stable = x->state == CARRY_UP && now(x) - x->since_ms >= STABLE_MS;

	/* `why` may point into what the dialer is about to free or reuse. */
	if (x->state == CARRY_UP)
		log_notice("the TCP connection for tunnel packets is down: %s", why);
	snprintf(x->why, sizeof(x->why), "%s", why);
	x->attempt = stable ? 0 : x->attempt + 1;
	hang_up(x);
	carry_move(x, CARRY_WAITING);
}

/* Where the link is now first, then wherever else the hub may be. */
static void dial(struct carry *x)
{
	struct client *link = &x->spoke->client;

	dialer_stop(&x->dialer);
	dialer_clear(&x->dialer);
	if (client_is_up(link))
		dialer_add(&x->dialer, dialer_place(&link->dialer));
	places_add(x->spoke, &x->dialer);
	carry_move(x, CARRY_DIALLING);
	dialer_start(&x->dialer);
}

void carry_stop(struct carry *x)
{
	if (x->state == CARRY_OFF)
		return;
	hang_up(x);
	x->why[0] = '\0';
	x->attempt = 0;
	carry_move(x, CARRY_OFF);
}

/* Is there a hub that would take it, and do we want it? */
static bool is_wanted(const struct carry *x)
{
	const struct client *link = &x->spoke->client;
	bool late = x->need == CARRY_TRYING && now(x) - x->need_since_ms >= CARRIER_AFTER_MS;

	return client_is_up(link) && (link->capabilities & CAP_CARRY) &&
	       (is_forced(x) || x->need == CARRY_NEEDED || late);
}

void carry_settle(struct carry *x)
{
	if (x->state == CARRY_OFF && is_wanted(x))
		dial(x);
	else if (x->state != CARRY_OFF && x->state != CARRY_UP && !is_forced(x) &&
		 (x->need == CARRY_UDP || x->need == CARRY_IDLE))
		carry_stop(x);
	else
		arm(x);
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct carry *x = container_of(t, struct carry, timer);

	(void)now_ms;
	switch (x->state) {
	case CARRY_GREETING:
		failed(x, "the hub did not answer");
		break;
	case CARRY_WAITING:
		if (is_wanted(x))
			dial(x);
		else
			carry_stop(x);
		break;
	case CARRY_UP:
		if (x->need == CARRY_UDP || x->need == CARRY_IDLE)
			carry_stop(x);
		else
			failed(x, "the hub is not heard through it");
		break;
	default:
		carry_settle(x);
		break;
	}
}

static void need_anew(struct carry *x)
{
	enum carry_need need = carry_need_of(x->path, x->reason, x->silent);

	if (need != x->need)
		x->need_since_ms = now(x);
	x->need = need;
	carry_settle(x);
}

void carry_path(struct carry *x, enum path_kind path, enum path_reason reason)
{
	if (path == PATH_DOWN && x->path != PATH_DOWN)
		x->down_since_ms = now(x);
	x->path = path;
	x->reason = reason;
	need_anew(x);
}

void carry_silent(struct carry *x, bool silent)
{
	x->silent = silent;
	need_anew(x);
}

/* --- the connection --- */

static void dead(void *arg) { failed(arg, "nothing was heard from the hub for too long"); }

static bool check(struct dialer *d, const struct endpoint *at, const struct public_key *peer)
{
	struct carry *x = d->owner;

	return hub_pin_check(x->spoke, at, peer);
}

static void opened(struct dialer *d)
{
	struct carry *x = d->owner;
	struct control_msg m = { .type = CONTROL_CARRY, .carry = { .capabilities = CAP_CARRY } };
	struct buf b;
	enum err e;

	carry_move(x, CARRY_GREETING);
	snprintf(m.carry.version, sizeof(m.carry.version), "%s", BRANCHLINE_VERSION);
	buf_init(&b, LINK_FRAME_STRANGER_MAX_BYTES + 4);
	e = control_encode(&m, 0, &b);
	if (!e)
		e = stream_send(d->stream, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	if (e)
		failed(x, err_str(e));
}

/* The hub has agreed. */
static void begin(struct carry *x)
{
	struct carrier_params p = {
		.loop = x->spoke->loop,
		.stream = x->dialer.stream,
		.engine = &x->spoke->w->carrier,
		.number = ++x->last ? x->last : ++x->last,
		.node = x->spoke->cache.welcome.hub_id,
		.dialled = true,
		.dead = dead,
		.arg = x,
	};
	enum err e = carrier_new(&p, &x->carrier);
	char text[DIALER_WHERE_SIZE];

	if (e) {
		failed(x, err_str(e));
		return;
	}
	x->why[0] = '\0';
	carry_move(x, CARRY_UP);
	log_notice("tunnel packets can travel by TCP (%s)", dialer_where(&x->dialer, text));
}

/* GREETING: the hub's answer. */
static void take_answer(struct carry *x, struct buf *in)
{
	struct control_msg m;
	enum err e = control_decode(in, LINK_FRAME_MAX_BYTES, &m);

	if (e == ERR_AGAIN)
		return;
	if (e) {
		failed(x, "the hub sent something that is not a message");
		return;
	}
	if (m.type == CONTROL_CARRY)
		begin(x);
	else if (m.type == CONTROL_BYE)
		failed(x, m.bye.text[0] ? m.bye.text : bye_reason_str(m.bye.reason));
	else if (m.type == CONTROL_ERROR)
		failed(x, m.error.text[0] ? m.error.text : m.error.code);
	else
		failed(x, "the hub did not answer as expected");
	control_msg_fini(&m);
}

static void received(struct dialer *d, struct buf *in)
{
	struct carry *x = d->owner;

	if (x->state == CARRY_GREETING)
		take_answer(x, in);
	if (x->state == CARRY_UP && carrier_received(x->carrier, in))
		failed(x, "the hub sent something that is no packet");
}

static void drained(struct dialer *d)
{
	struct carry *x = d->owner;

	if (x->state == CARRY_UP)
		carrier_drained(x->carrier);
}

static void closed(struct dialer *d, enum err e, const char *why)
{
	failed(d->owner, why && *why ? why : err_str(e));
}

static void exhausted(struct dialer *d, enum err e, const char *why)
{
	(void)e;
	failed(d->owner, why);
}

static size_t known(struct dialer *d, const char *place, struct endpoint *out)
{
	struct carry *x = d->owner;

	return cache_recall(&x->spoke->cache, place, out);
}

static const struct dialer_events events = {
	.check = check,
	.opened = opened,
	.received = received,
	.drained = drained,
	.closed = closed,
	.exhausted = exhausted,
	.known = known,
};

void carry_init(struct carry *x, struct spoke *s)
{
	memset(x, 0, sizeof(*x));
	x->spoke = s;
	x->timer.fire = timer_fired;
	x->path = PATH_DOWN;
	x->need_since_ms = x->down_since_ms = now(x);
	dialer_init(&x->dialer, s->loop, s->identity, s->cfg->family, &events, x);
	x->dialer.limits = &limits;
	x->dialer.proxy = &s->cfg->proxy;
}

void carry_fini(struct carry *x)
{
	if (!x->spoke)
		return;
	hang_up(x);
	dialer_fini(&x->dialer);
	timer_disarm(loop_timers(x->spoke->loop), &x->timer);
	x->state = CARRY_OFF;
	x->spoke = NULL;
}

void carry_engine_up(struct carry *x)
{
	if (x->carrier)
		carrier_tell_engine(x->carrier);
}

void carry_message(struct carry *x, uint16_t type, struct cursor *body)
{
	struct carrier_packets m;
	enum err e = ERR_INVALID;

	if (type == CARRIER_PACKETS)
		e = carrier_packets_decode(body, &m);
	if (e)
		channel_bad(x->spoke->w->carrier, type, e);
	else if (x->carrier && m.number == carrier_number(x->carrier))
		carrier_send(x->carrier, m.frames, m.len);
}

struct endpoint carry_shown(const struct carry *x, const struct endpoint *e)
{
	if (!endpoint_is_carrier(e))
		return *e;
	if (!x->carrier || endpoint_carrier(e) != carrier_number(x->carrier))
		return (struct endpoint){ 0 };
	return *stream_remote(x->dialer.stream);
}
