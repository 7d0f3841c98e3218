/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/tunnel_key.h"

#include <string.h>

#include "hub/change_hub_tunnel.h"
#include "hub/control/core.h"
#include "hub/control/refresh.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/tunnel/own_keys.h"

static struct change by_hub(struct control *c)
{
	return (struct change){ .store = c->store, .actor = "hub" };
}

/* The earliest of what is due. */
static void arm(struct control *c)
{
	struct tunnel_key *x = &c->tunnel_key;
	uint64_t now_ms = loop_now_ms(c->loop), at = TIMER_NEVER;
	int64_t left_ms = x->until_ms - clock_wall_ms();

	if (x->until_ms)
		at = now_ms + (left_ms < 0                    ? 0
			       : left_ms > TUNNEL_KEY_LOOK_MS ? TUNNEL_KEY_LOOK_MS
							      : (uint64_t)left_ms);
	if (x->write_ms && x->write_ms < at)
		at = x->write_ms;
	if (x->again_ms && x->again_ms < at)
		at = x->again_ms;
	timer_arm(loop_timers(c->loop), &x->timer, at);
}

/* Something failed, which was logged. */
static void later(struct control *c)
{
	c->tunnel_key.again_ms = loop_now_ms(c->loop) + TUNNEL_KEY_AGAIN_MS;
}

/* The same for a change that was refused, or that the store did not take. */
static void failed(struct control *c, enum err e, const struct change *change, const char *what)
{
	later(c);
	if (!change->code[0] || strncmp(change->code, "store_", 6) == 0)
		(void)core_store_failed(c, e, what);
	else
		log_error("control: cannot %s: %s", what, change->detail);
}

/* The engine's key that is not `key`; NULL: it has no other. */
static const struct public_key *other_than(const struct tunnel_key *x, const struct public_key *key)
{
	for (unsigned i = 0; i < x->n; i++)
		if (!public_key_equal(&x->key[i], key))
			return &x->key[i];
	return NULL;
}

static bool engine_has(const struct tunnel_key *x, const struct public_key *key)
{
	for (unsigned i = 0; i < x->n; i++)
		if (public_key_equal(&x->key[i], key))
			return true;
	return false;
}

/* --- 3. and 4.: one of two keys goes --- */

static void ask_monitor(struct control *c, enum monitor_key_op op)
{
	struct monitor_key m = { .tag = ++c->net.tag, .what = MONITOR_KEY_TUNNEL, .op = op };
	struct tunnel_key *x = &c->tunnel_key;
	uint8_t mem[MONITOR_KEY_BYTES];
	struct cursor cur;
	enum err e = ERR_CLOSED;

	if (x->step_tag)
		return;
	cursor_init_write(&cur, mem, sizeof(mem));
	monitor_key_encode(&m, &cur);
	if (c->w->monitor)
		e = channel_send(c->w->monitor, MONITOR_KEY, mem, cursor_pos(&cur), -1);
	if (!e) {
		x->step_tag = m.tag;
		return;
	}
	log_error("control: the tunnel key's files cannot be changed: %s", err_str(e));
	later(c);
}

/*
 * The engine has two keys, and one of them has no future: `other` was the hub's before, then the
 * new one takes its place; or nobody was ever told of it, then it goes.
 */
static void clear_up(struct control *c, bool was_ours)
{
	ask_monitor(c, was_ours ? MONITOR_KEY_PROMOTE : MONITOR_KEY_DROP);
}

bool tunnel_key_monitor_done(struct control *c, const struct monitor_done *m)
{
	struct tunnel_key *x = &c->tunnel_key;

	if (!m->tag || m->tag != x->step_tag)
		return false;
	x->step_tag = 0;
	/* Not found: we had done it before we were killed, and the engine was not told. */
	if (m->result && m->result != ERR_NOTFOUND) {
		log_error("control: the new tunnel key cannot take the place of the old one: %s; "
			  "it is tried again",
			  m->text[0] ? m->text : err_str(m->result));
		later(c);
		arm(c);
		return true;
	}
	log_notice("control: the hub has one tunnel key again");
	engine_feed_key(c, ENGINE_KEY_RETIRE);
	return true;
}

/* --- 1. make, 2. use --- */

static void make(struct control *c)
{
	struct tunnel_key *x = &c->tunnel_key;

	if (x->making)
		return;
	x->making = true;
	engine_feed_key(c, ENGINE_KEY_MAKE);
}

static void use(struct control *c, const struct public_key *key)
{
	struct change change = by_hub(c);
	uint8_t input[NODE_SIGN_INPUT_MAX], sig[64];
	enum err e =
		stream_identity_sign(c->identity, input, node_tunnel_sign_input(key, input), sig);

	if (e) {
		log_error("control: the new tunnel key cannot be signed: %s", err_str(e));
		later(c);
		return;
	}
	e = change_hub_tunnel_use(&change, c->settings.hub_id, key, sig);
	if (e) {
		failed(c, e, &change, "put the new tunnel key into force");
		return;
	}
	log_notice("control: the hub has a new tunnel key; it answers for the old one, too, until "
		   "every node has changed over (branchline-hub tunnel-key show)");
	if (refresh_now(c))
		refresh_schedule(c);
	core_nudge(c, NUDGE_REVISION);
	tunnel_key_settle(c);
}

/* --- the overlap --- */

static void finish(struct control *c)
{
	struct change change = by_hub(c);
	enum err e = change_hub_tunnel_finish(&change, c->settings.hub_id, true, NULL);

	if (e) {
		failed(c, e, &change, "end the overlap of the tunnel keys");
		return;
	}
	log_notice("control: nobody needs the hub's old tunnel key any more");
	core_nudge(c, NUDGE_REVISION);
	tunnel_key_settle(c);
}

static void overlap(struct control *c, const struct hub_tunnel *h)
{
	struct tunnel_key *x = &c->tunnel_key;
	bool is_over = clock_wall_ms() >= h->row.until_ms;

	/* Without the old key there is nothing to wait for: the database is of a backup that is a
	 * little older than the files. */
	if (!other_than(x, &h->current.key) || h->sum.known == h->sum.nodes ||
	    (is_over && !h->sum.devices)) {
		finish(c);
		return;
	}
	if (!is_over) {
		x->until_ms = h->row.until_ms;
	} else if (!x->waits_told) {
		x->waits_told = true;
		log_warn("control: the hub's old tunnel key is kept for %u WireGuard node%s with "
			 "the old configuration: branchline-hub tunnel-key show says which",
			 h->sum.devices, h->sum.devices == 1 ? "" : "s");
	}
}

/* --- the life of it --- */

/* Is it a tunnel key that the hub had before? */
static enum err was_ours(struct control *c, const struct public_key *key, bool *out)
{
	struct store_key k;
	enum err e = store_key_find(c->store, KEY_TUNNEL, key, &k);

	*out = e == ERR_OK && k.node_id == c->settings.hub_id;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err step(struct control *c, const struct hub_tunnel *h)
{
	struct tunnel_key *x = &c->tunnel_key;
	const struct public_key *other = other_than(x, &h->current.key);
	char text[KEY_BASE64_SIZE];
	bool old = false;
	enum err e;

	if (!engine_has(x, &h->current.key)) {
		if (log_allowed(&c->log_system))
			log_error("control: tunnel.key is not the hub's key of the database (%s): "
				  "nobody can make a tunnel to this hub. Put the right file in its "
				  "place, from a backup",
				  base64_encode(h->current.key.b, KEY_BYTES, text));
		return ERR_OK;
	}
	if (h->has_row && h->row.state == HUB_TUNNEL_OVERLAP) {
		overlap(c, h);
		return ERR_OK;
	}
	e = other ? was_ours(c, other, &old) : ERR_OK;
	if (e)
		return e;
	if (other && (old || !h->has_row))
		clear_up(c, old);
	else if (other)
		use(c, other);
	else if (h->has_row)
		make(c);
	return ERR_OK;
}

void tunnel_key_settle(struct control *c)
{
	struct tunnel_key *x = &c->tunnel_key;
	struct hub_tunnel h;
	enum err e = hub_tunnel_read(c->store, c->settings.hub_id, &h);

	x->again_ms = 0;
	x->until_ms = 0;
	if (!e) {
		bool is_overlap = h.has_row && h.row.state == HUB_TUNNEL_OVERLAP;

		x->mark = is_overlap ? own_key_mark(&h.current.key) : 0;
		x->waits_told = x->waits_told && is_overlap;
		if (!is_overlap)
			x->n_receipts = 0;
		if (x->n)
			e = step(c, &h);
	}
	if (e) {
		later(c);
		(void)core_store_failed(c, e, "read what becomes of the hub's tunnel key");
	}
	arm(c);
}

void tunnel_key_follow(struct control *c)
{
	struct tunnel_key *x = &c->tunnel_key;

	if (!x->mark || x->again_ms)
		return;
	x->again_ms = loop_now_ms(c->loop) + TUNNEL_KEY_WRITE_MS;
	arm(c);
}

void tunnel_key_engine(struct control *c, const struct engine_keys *m)
{
	struct tunnel_key *x = &c->tunnel_key;

	x->making = false;
	x->n = m->n;
	memcpy(x->key, m->key, sizeof(x->key));
	if (m->result) {
		log_error("control: the engine could not make a new tunnel key: %s; it is tried "
			  "again",
			  err_str(m->result));
		later(c);
		arm(c);
		return;
	}
	tunnel_key_settle(c);
}

void tunnel_key_engine_lost(struct control *c)
{
	c->tunnel_key.n = 0;
	c->tunnel_key.making = false;
}

/* --- who needs the old one no more --- */

static void write_receipts(struct control *c)
{
	struct tunnel_key *x = &c->tunnel_key;
	struct change change = by_hub(c);
	enum err e;

	x->write_ms = 0;
	if (!x->n_receipts)
		return;
	if (core_store_rests(c)) {
		x->write_ms = loop_now_ms(c->loop) + TUNNEL_KEY_WRITE_MS;
		return;
	}
	e = change_hub_tunnel_known(&change, c->settings.hub_id, x->receipts, x->n_receipts);
	if (e) {
		x->write_ms = loop_now_ms(c->loop) + TUNNEL_KEY_WRITE_MS;
		(void)core_store_failed(c, e, "write down who has the hub's new tunnel key");
		return;
	}
	x->n_receipts = 0;
	core_nudge(c, NUDGE_REVISION);
	tunnel_key_settle(c);
}

/* Its session was made with the new key; or it has none, and will make one with the key that its
 * directory names. */
static bool is_done(const struct control *c, const struct presence_node *p, const struct node *n,
		    uint32_t own_key)
{
	const struct node *hub = core_hub(c);

	if (own_key)
		return own_key == c->tunnel_key.mark;
	return n->kind == NODE_SPOKE && hub && p->row.acked_revision >= hub->revision;
}

void tunnel_key_seen(struct control *c, struct presence_node *p, const struct node *n,
		     uint32_t own_key)
{
	struct tunnel_key *x = &c->tunnel_key;

	if (!x->mark || p->hub_key == x->mark || x->n_receipts == TUNNEL_KEY_RECEIPTS_MAX ||
	    !is_done(c, p, n, own_key))
		return;
	p->hub_key = x->mark;
	x->receipts[x->n_receipts++] = n->id;
	if (!x->write_ms) {
		x->write_ms = loop_now_ms(c->loop) + TUNNEL_KEY_WRITE_MS;
		arm(c);
	}
}

static void fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, tunnel_key.timer);
	struct tunnel_key *x = &c->tunnel_key;

	if (x->write_ms && now_ms >= x->write_ms)
		write_receipts(c);
	if (x->until_ms || x->again_ms)
		tunnel_key_settle(c);
	else
		arm(c);
}

void tunnel_key_start(struct control *c)
{
	c->tunnel_key.timer.fire = fired;
	tunnel_key_settle(c);
}

void tunnel_key_fini(struct control *c)
{
	if (c->loop)
		timer_disarm(loop_timers(c->loop), &c->tunnel_key.timer);
}
