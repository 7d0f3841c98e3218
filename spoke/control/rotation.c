/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/rotation.h"

#include <string.h>

#include "shared/base/log.h"
#include "shared/ipc/monitor_msg.h"
#include "spoke/control/spoke.h"

static const char *const phase_names[] = { "stable", "making", "proposed", "overlap" };

const char *rotation_phase_str(enum rotation_phase p)
{
	return (unsigned)p < ARRAY_LEN(phase_names) ? phase_names[p] : "?";
}

/* --- where we are --- */

bool rotation_is_ours(const struct spoke *s, const struct public_key *identity)
{
	for (unsigned i = 0; i < ARRAY_LEN(s->rotation.identity); i++)
		if (s->rotation.identity[i] &&
		    public_key_equal(stream_identity_public(s->rotation.identity[i]), identity))
			return true;
	return false;
}

static bool is_confirmed_identity(const struct spoke *s)
{
	const struct node *own = cache_self(&s->cache);

	return s->rotation.identity[1] && own && own->has_identity &&
	       public_key_equal(stream_identity_public(s->rotation.identity[1]),
				&own->identity_key);
}

static bool is_confirmed_tunnel(const struct spoke *s)
{
	const struct node *own = cache_self(&s->cache);

	return s->rotation.has_next_tunnel && own && own->has_tunnel &&
	       public_key_equal(&s->rotation.tunnel[1], &own->tunnel_key);
}

/* New keys that the directory does not name yet. */
static bool is_pending(const struct spoke *s)
{
	const struct rotation *r = &s->rotation;

	return (r->identity[1] && !is_confirmed_identity(s)) ||
	       (r->has_next_tunnel && !is_confirmed_tunnel(s));
}

static bool is_making(const struct rotation *r) { return r->making_tunnel || r->unkept; }

enum rotation_phase rotation_phase(const struct spoke *s)
{
	const struct rotation *r = &s->rotation;

	if (is_making(r))
		return ROTATION_MAKING;
	if (is_pending(s))
		return ROTATION_PROPOSED;
	return r->identity[1] || r->has_next_tunnel ? ROTATION_OVERLAP : ROTATION_STABLE;
}

static void arm(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	uint64_t at = r->overlap_ms ? r->overlap_ms : TIMER_NEVER;

	if (r->switch_ms && r->switch_ms < at)
		at = r->switch_ms;
	timer_arm(loop_timers(s->loop), &r->timer, at);
}

/* --- the monitor's part --- */

static uint32_t ask_monitor(struct spoke *s, enum monitor_key_what what, enum monitor_key_op op,
			    const struct secret_key *key)
{
	struct monitor_key m = { .tag = ++s->net.tag, .what = what, .op = op };
	uint8_t mem[MONITOR_KEY_BYTES];
	uint32_t tag = m.tag;
	struct cursor c;
	enum err e;

	if (key)
		m.key = *key;
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_key_encode(&m, &c);
	e = net_feed_send(&s->net, MONITOR_KEY, &c);
	secret_zero(mem, sizeof(mem));
	secret_zero(&m, sizeof(m));
	if (!e)
		return tag;
	log_warn("a key cannot be kept: %s", err_str(e));
	return 0;
}

/* --- 1. make --- */

static void make_tunnel(struct spoke *s)
{
	/* Without an engine it is made when the next one tells its keys. */
	s->rotation.making_tunnel = true;
	(void)engine_feed_send(&s->engine, ENGINE_KEY_MAKE, NULL);
}

static void make_identity(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	struct secret_key seed;
	enum err e;

	secret_random(seed.b, sizeof(seed.b));
	e = stream_identity_new(&seed, &r->unkept);
	if (!e) {
		if (s->sockets.wanted)
			stream_identity_sockets(r->unkept, link_sockets_make, &s->sockets);
		r->keep_tag = ask_monitor(s, MONITOR_KEY_IDENTITY, MONITOR_KEY_KEEP, &seed);
		if (!r->keep_tag) {
			stream_identity_free(r->unkept);
			r->unkept = NULL;
		}
	}
	secret_zero(&seed, sizeof(seed));
	if (e)
		log_error("a new identity key cannot be made: %s", err_str(e));
}

static void propose(struct spoke *s);

void rotation_ask(struct spoke *s, bool tunnel, bool identity)
{
	struct rotation *r = &s->rotation;

	if (rotation_phase(s) == ROTATION_OVERLAP) {
		if (tunnel || identity)
			log_notice("new keys are wanted; they are made when those of before are "
				   "retired");
		r->wants_tunnel |= tunnel;
		r->wants_identity |= identity;
		return;
	}
	if (tunnel && !r->has_next_tunnel && !r->making_tunnel)
		make_tunnel(s);
	if (identity && !r->identity[1] && !r->unkept)
		make_identity(s);
	r->proposed = false;
	propose(s);
}

static void identity_kept(struct spoke *s, const struct monitor_done *m)
{
	struct rotation *r = &s->rotation;

	r->keep_tag = 0;
	if (m->result) {
		log_error("the new identity key cannot be kept: %s; the old one stays",
			  m->text[0] ? m->text : err_str(m->result));
		stream_identity_free(r->unkept);
	} else {
		r->identity[1] = r->unkept;
		r->proposed = false;
	}
	r->unkept = NULL;
	propose(s);
}

void rotation_engine_keys(struct spoke *s, const struct engine_keys *m)
{
	struct rotation *r = &s->rotation;
	bool had_next = r->has_next_tunnel;
	unsigned first = public_key_equal(&m->key[0], &r->tunnel[0]) ? 0 : 1;

	if (m->result) {
		r->making_tunnel = false;
		log_error("the engine could not make a new tunnel key: %s", err_str(m->result));
	}
	r->has_next_tunnel = m->n == 2;
	if (m->n == 2) {
		r->tunnel[0] = m->key[first];
		r->tunnel[1] = m->key[!first];
		r->making_tunnel = false;
	} else {
		r->tunnel[0] = m->key[0];
		/* A new engine: it was not asked yet. */
		if (r->making_tunnel)
			make_tunnel(s);
	}
	if (r->has_next_tunnel && !had_next)
		r->proposed = false;
	rotation_settle(s);
	propose(s);
}

/* --- 2. propose --- */

static enum err sign_identity(const struct stream_identity *signer, const struct public_key *key,
			      uint8_t sig[64])
{
	uint8_t input[NODE_SIGN_INPUT_MAX];

	return stream_identity_sign(signer, input, node_identity_sign_input(key, input), sig);
}

static enum err sign_tunnel(const struct stream_identity *signer, const struct public_key *key,
			    uint8_t sig[64])
{
	uint8_t input[NODE_SIGN_INPUT_MAX];

	return stream_identity_sign(signer, input, node_tunnel_sign_input(key, input), sig);
}

/* The key of ours that the directory names, else that of tunnel.key. */
static const struct public_key *known_tunnel_key(const struct spoke *s)
{
	return &s->rotation.tunnel[is_confirmed_tunnel(s)];
}

void rotation_tunnel_key(const struct spoke *s, struct public_key *key, uint8_t sig[64])
{
	*key = *known_tunnel_key(s);
	if (sign_tunnel(s->identity, key, sig))
		memset(sig, 0, 64);
}

static void propose(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	bool identity = r->identity[1] && !is_confirmed_identity(s);
	const struct stream_identity *signer = identity ? r->identity[1] : s->identity;
	struct control_msg m = { .type = CONTROL_ROTATE_KEY };
	enum err e = ERR_OK;

	if (r->proposed || is_making(r) || !is_pending(s) || !client_is_up(&s->client) ||
	    !(s->client.capabilities & CAP_ROTATE))
		return;
	if (identity) {
		m.rotate.has_identity = true;
		m.rotate.identity_key = *stream_identity_public(r->identity[1]);
		e = sign_identity(r->identity[0], &m.rotate.identity_key, m.rotate.identity_sig);
	}
	m.rotate.tunnel_key = r->has_next_tunnel ? r->tunnel[1] : r->tunnel[0];
	if (!e)
		e = sign_tunnel(signer, &m.rotate.tunnel_key, m.rotate.tunnel_sig);
	if (e) {
		log_error("the new keys cannot be signed: %s", err_str(e));
		return;
	}
	r->proposed = true;
	log_notice("new keys are proposed to the hub");
	client_send(&s->client, &m);
}

static uint32_t overlap_of(const struct spoke *s)
{
	uint32_t told_s = s->cache.welcome.key_overlap_s;

	return told_s ? told_s : KEY_OVERLAP_DEFAULT_S;
}

void rotation_welcomed(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	uint64_t end_ms = loop_now_ms(s->loop) + overlap_of(s) * 1000ull;

	r->proposed = false;
	r->tried_other = false;
	/* After a start the overlap began before the hub could say how long it is. */
	if (r->overlap_ms > end_ms)
		r->overlap_ms = end_ms;
	rotation_settle(s);
	propose(s);
}

/* --- 3. use --- */

static void use_identity(struct spoke *s, struct stream_identity *id)
{
	s->identity = id;
	s->client.dialer.identity = id;
	s->carry.dialer.identity = id;
}

/* The link goes on with the old identity until its acks are out, then it is dialled anew. */
static void follow_identity(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	struct stream_identity *named = r->identity[is_confirmed_identity(s)];

	if (s->identity == named)
		return;
	use_identity(s, named);
	if (client_is_up(&s->client))
		r->switch_ms = loop_now_ms(s->loop) + ROTATION_SWITCH_MS;
}

static void begin_overlap(struct spoke *s)
{
	uint32_t overlap_s = overlap_of(s);

	s->rotation.overlap_ms = loop_now_ms(s->loop) + overlap_s * 1000ull;
	s->rotation.waits = false;
	log_notice("the hub has taken our new keys; those of before are retired in %u s",
		   overlap_s);
}

void rotation_settle(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	if (!s->started || !cache_self(&s->cache))
		return;
	follow_identity(s);
	if (rotation_phase(s) != ROTATION_OVERLAP)
		r->overlap_ms = 0;
	else if (!r->overlap_ms)
		begin_overlap(s);
	arm(s);
}

bool rotation_try_other(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	if (!r->identity[1] || r->tried_other)
		return false;
	r->tried_other = true;
	log_warn("the hub does not take our identity key; the other one is tried");
	use_identity(s, r->identity[s->identity == r->identity[0]]);
	return true;
}

/* --- refused --- */

/* What was proposed will never be taken: back to the keys that we have. */
static void drop_next(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	if (r->identity[1] && !is_confirmed_identity(s)) {
		if (s->identity == r->identity[1])
			use_identity(s, r->identity[0]);
		stream_identity_free(r->identity[1]);
		r->identity[1] = NULL;
		(void)ask_monitor(s, MONITOR_KEY_IDENTITY, MONITOR_KEY_DROP, NULL);
	}
	if (r->has_next_tunnel && !is_confirmed_tunnel(s)) {
		r->has_next_tunnel = false;
		(void)ask_monitor(s, MONITOR_KEY_TUNNEL, MONITOR_KEY_DROP, NULL);
		(void)engine_feed_send(&s->engine, ENGINE_KEY_RETIRE, NULL);
	}
	r->waits = false;
}

bool rotation_error(struct spoke *s, const struct control_error *e)
{
	static const char *const final[] = { "key_refused", "key_invalid", "key_exists" };

	if (strcmp(e->code, "rotation_waits") == 0) {
		s->rotation.waits = true;
		log_notice("the new keys wait for an admin of the hub to approve them");
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(final); i++) {
		if (strcmp(e->code, final[i]) != 0 || !is_pending(s))
			continue;
		log_warn("the hub does not take our new keys: %s (%s)", e->text, e->code);
		drop_next(s);
		return true;
	}
	return false;
}

/* --- 4. retire --- */

static void promote(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	r->overlap_ms = loop_now_ms(s->loop) + ROTATION_AGAIN_MS;
	if (is_confirmed_identity(s))
		r->promote_tag[0] = ask_monitor(s, MONITOR_KEY_IDENTITY, MONITOR_KEY_PROMOTE, NULL);
	if (is_confirmed_tunnel(s))
		r->promote_tag[1] = ask_monitor(s, MONITOR_KEY_TUNNEL, MONITOR_KEY_PROMOTE, NULL);
}

static void identity_promoted(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	r->promote_tag[0] = 0;
	use_identity(s, r->identity[1]);
	stream_identity_free(r->identity[0]);
	r->identity[0] = r->identity[1];
	r->identity[1] = NULL;
	log_notice("the old identity key is retired");
}

static void tunnel_promoted(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	r->promote_tag[1] = 0;
	r->tunnel[0] = r->tunnel[1];
	r->has_next_tunnel = false;
	(void)engine_feed_send(&s->engine, ENGINE_KEY_RETIRE, NULL);
	log_notice("the old tunnel key is retired");
}

/* Nothing is left of the change before: what was asked for meanwhile can be done. */
static void promoted(struct spoke *s)
{
	struct rotation *r = &s->rotation;
	bool tunnel = r->wants_tunnel, identity = r->wants_identity;

	rotation_settle(s);
	if (rotation_phase(s) != ROTATION_STABLE || (!tunnel && !identity))
		return;
	r->wants_tunnel = r->wants_identity = false;
	rotation_ask(s, tunnel, identity);
}

bool rotation_monitor_done(struct spoke *s, const struct monitor_done *m)
{
	struct rotation *r = &s->rotation;

	if (r->keep_tag && m->tag == r->keep_tag) {
		identity_kept(s, m);
		return true;
	}
	if (!m->tag || (m->tag != r->promote_tag[0] && m->tag != r->promote_tag[1]))
		return false;
	if (m->result) {
		log_error("a new key cannot take the place of the old one: %s; it is tried again",
			  m->text[0] ? m->text : err_str(m->result));
		return true;
	}
	if (m->tag == r->promote_tag[0])
		identity_promoted(s);
	else
		tunnel_promoted(s);
	promoted(s);
	return true;
}

static void fired(struct timer *t, uint64_t now_ms)
{
	struct rotation *r = container_of(t, struct rotation, timer);
	struct spoke *s = container_of(r, struct spoke, rotation);

	if (r->switch_ms && now_ms >= r->switch_ms) {
		r->switch_ms = 0;
		client_close(&s->client, "our identity key has changed", false, 0);
		client_hurry(&s->client);
	}
	if (r->overlap_ms && now_ms >= r->overlap_ms)
		promote(s);
	arm(s);
}

/* --- life --- */

static enum err make(struct spoke *s, const struct secret_key *seed, struct stream_identity **out)
{
	enum err e = stream_identity_new(seed, out);

	if (!e && s->sockets.wanted)
		stream_identity_sockets(*out, link_sockets_make, &s->sockets);
	return e;
}

enum err rotation_load(struct spoke *s, const struct secret_key *identity,
		       const struct secret_key *next_identity, const struct public_key *tunnel,
		       const struct public_key *next_tunnel)
{
	struct rotation *r = &s->rotation;
	enum err e = make(s, identity, &r->identity[0]);

	if (!e && next_identity)
		e = make(s, next_identity, &r->identity[1]);
	if (e)
		return e;
	r->tunnel[0] = *tunnel;
	r->has_next_tunnel = next_tunnel != NULL;
	if (next_tunnel)
		r->tunnel[1] = *next_tunnel;
	s->identity = r->identity[0];
	return ERR_OK;
}

void rotation_start(struct spoke *s)
{
	s->rotation.timer.fire = fired;
	rotation_settle(s);
}

void rotation_fini(struct spoke *s)
{
	struct rotation *r = &s->rotation;

	if (s->loop)
		timer_disarm(loop_timers(s->loop), &r->timer);
	stream_identity_free(r->identity[0]);
	stream_identity_free(r->identity[1]);
	stream_identity_free(r->unkept);
	s->identity = NULL;
}
