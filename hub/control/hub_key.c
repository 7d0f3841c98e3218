/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/hub_key.h"

#include <string.h>

#include "hub/change_hub_identity.h"
#include "hub/control/core.h"
#include "hub/control/refresh.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/keys/keys.h"

static struct change by_hub(struct control *c)
{
	return (struct change){ .store = c->store, .actor = "hub" };
}

static const struct public_key *present(const struct control *c)
{
	return stream_identity_public(c->identity);
}

/* The earliest of what is due. */
static void arm(struct control *c)
{
	struct hub_key *x = &c->hub_key;
	uint64_t now_ms = loop_now_ms(c->loop), at = TIMER_NEVER;
	int64_t left_ms = x->told.switch_ms - clock_wall_ms();

	if (x->told.has_key)
		at = now_ms + (left_ms < 0                 ? 0
			       : left_ms > HUB_KEY_LOOK_MS ? HUB_KEY_LOOK_MS
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
	c->hub_key.again_ms = loop_now_ms(c->loop) + HUB_KEY_AGAIN_MS;
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

static uint32_t ask_monitor(struct control *c, enum monitor_key_op op, const struct secret_key *key)
{
	struct monitor_key m = { .tag = ++c->net.tag, .what = MONITOR_KEY_IDENTITY, .op = op };
	uint8_t mem[MONITOR_KEY_BYTES];
	uint32_t tag = m.tag;
	struct cursor cur;
	enum err e = ERR_CLOSED;

	if (key)
		m.key = *key;
	cursor_init_write(&cur, mem, sizeof(mem));
	monitor_key_encode(&m, &cur);
	if (c->w->monitor)
		e = channel_send(c->w->monitor, MONITOR_KEY, mem, cursor_pos(&cur), -1);
	secret_zero(mem, sizeof(mem));
	secret_zero(&m, sizeof(m));
	if (!e)
		return tag;
	log_error("control: the identity key's files cannot be changed: %s", err_str(e));
	later(c);
	return 0;
}

/* --- telling --- */

/* Everybody who is connected; who is not is told by its welcome. */
static void tell(struct control *c, const struct control_hub_key *k)
{
	struct control_msg m = { .type = CONTROL_HUB_KEY, .hub_key = *k };
	struct conn *conn = registry_next(&c->registry, NULL), *next;
	struct buf frame;

	c->hub_key.told = *k;
	buf_init(&frame, LINK_FRAME_MAX_BYTES + 4);
	if (control_encode(&m, 0, &frame)) {
		log_error("control: the next identity key could not be told: out of memory");
		conn = NULL;
	}
	for (; conn; conn = next) {
		next = registry_next(&c->registry, conn);
		if (conn->capabilities & CAP_HUB_KEY)
			conn_send_frame(conn, &frame);
	}
	buf_fini(&frame);
}

/* --- 1. make --- */

static void make(struct control *c)
{
	struct hub_key *x = &c->hub_key;
	struct secret_key seed;
	enum err e;

	secret_random(seed.b, sizeof(seed.b));
	e = stream_identity_new(&seed, &x->unkept);
	if (!e)
		x->keep_tag = ask_monitor(c, MONITOR_KEY_KEEP, &seed);
	secret_zero(&seed, sizeof(seed));
	if (!e && x->keep_tag)
		return;
	if (e) {
		log_error("control: a new identity key cannot be made: %s", err_str(e));
		later(c);
	} else {
		stream_identity_free(x->unkept);
	}
	x->unkept = NULL;
}

static void kept(struct control *c, const struct monitor_done *m)
{
	struct hub_key *x = &c->hub_key;

	x->keep_tag = 0;
	if (m->result) {
		log_error("control: the next identity key cannot be kept: %s; it is tried again",
			  m->text[0] ? m->text : err_str(m->result));
		stream_identity_free(x->unkept);
		later(c);
	} else {
		stream_identity_free(x->next);
		x->next = x->unkept;
		x->fresh = true;
	}
	x->unkept = NULL;
}

/* --- 2. announce --- */

static enum err sign_next(struct control *c, const struct public_key *tunnel,
			  struct store_hub_identity *out)
{
	uint8_t input[NODE_SIGN_INPUT_MAX];
	enum err e;

	out->key = *stream_identity_public(c->hub_key.next);
	e = stream_identity_sign(c->identity, input, node_identity_sign_input(&out->key, input),
				 out->signature);
	return e ? e
		 : stream_identity_sign(c->hub_key.next, input,
					node_tunnel_sign_input(tunnel, input), out->tunnel_sig);
}

static void announce(struct control *c)
{
	const struct node *hub = core_hub(c);
	struct change change = by_hub(c);
	struct store_hub_identity row = { 0 };
	enum err e = sign_next(c, &hub->tunnel_key, &row);

	if (e) {
		log_error("control: the next identity key cannot be signed: %s", err_str(e));
		later(c);
		return;
	}
	e = change_hub_identity_announce(&change, c->settings.hub_id, &row);
	if (e) {
		failed(c, e, &change, "announce the next identity key");
		return;
	}
	log_notice("control: the hub's next identity key is announced; it is in force in %u s",
		   row.overlap_s);
	core_nudge(c, NUDGE_REVISION);
	hub_key_settle(c);
}

/* A row without a key. The file of an earlier request is no use: whoever saw that key was told that
 * it is not to come. */
static void prepare(struct control *c)
{
	struct hub_key *x = &c->hub_key;

	if (x->unkept || x->unpromoted)
		return;
	if (x->next && x->fresh)
		announce(c);
	else
		make(c);
}

/* --- the overlap --- */

static void cancel(struct control *c)
{
	struct change change = by_hub(c);
	enum err e;

	log_error("control: the private key of the announced identity key is not in "
		  "identity.key.next: the replacement is cancelled");
	e = change_hub_identity_cancel(&change, c->settings.hub_id,
				       "its private key is not in identity.key.next", NULL);
	if (e)
		failed(c, e, &change, "cancel the replacement of the identity key");
	else
		hub_key_settle(c);
}

static void change_over(struct control *c)
{
	struct change change = by_hub(c);
	enum err e = change_hub_identity_switch(&change, c->settings.hub_id, true, NULL);

	if (e) {
		failed(c, e, &change, "put the next identity key into force");
		return;
	}
	if (refresh_now(c))
		refresh_schedule(c);
	core_nudge(c, NUDGE_REVISION);
	hub_key_settle(c);
}

static void overlap(struct control *c, const struct store_hub_identity *row)
{
	struct hub_key *x = &c->hub_key;
	struct control_hub_key k = { .has_key = true, .key = row->key, .switch_ms = row->until_ms };
	bool is_present = public_key_equal(present(c), &row->key);

	/* A backup's database may be a little older than its files: the switch had been made. */
	if (!is_present &&
	    (!x->next || !public_key_equal(stream_identity_public(x->next), &row->key))) {
		cancel(c);
		return;
	}
	memcpy(k.sig, row->signature, sizeof(k.sig));
	if (!x->told.has_key || !public_key_equal(&x->told.key, &k.key))
		tell(c, &k);
	if (is_present || clock_wall_ms() >= row->until_ms)
		change_over(c);
}

/* --- 3. and 4. the one that is in force --- */

static void promote(struct control *c)
{
	if (!c->hub_key.promote_tag)
		c->hub_key.promote_tag = ask_monitor(c, MONITOR_KEY_PROMOTE, NULL);
}

static void use_next(struct control *c)
{
	struct hub_key *x = &c->hub_key;

	/* Links that are up keep what they need of the old one. */
	stream_identity_free(c->identity);
	c->identity = x->next;
	x->next = NULL;
	x->fresh = false;
	x->told = (struct control_hub_key){ 0 };
	x->unpromoted = true;
	log_notice("control: the hub has a new identity key");
	promote(c);
}

static void follow(struct control *c, const struct hub_identity *h)
{
	const struct public_key *in_force = &h->current.key;
	struct hub_key *x = &c->hub_key;
	char text[KEY_BASE64_SIZE];

	if (public_key_equal(present(c), in_force)) {
		if (x->told.has_key && public_key_equal(&x->told.key, in_force))
			x->told = (struct control_hub_key){ 0 };
		return;
	}
	if (x->next && public_key_equal(stream_identity_public(x->next), in_force))
		use_next(c);
	else if (!public_key_equal(present(c), &h->key) && log_allowed(&c->log_system))
		log_error("control: identity.key is not the hub's key of the database (%s): spokes "
			  "will not take this hub. Put the right file in its place, from a backup",
			  base64_encode(in_force->b, KEY_BYTES, text));
}

static void promoted(struct control *c, const struct monitor_done *m)
{
	struct hub_key *x = &c->hub_key;

	x->promote_tag = 0;
	if (m->result) {
		log_error("control: the new identity key cannot take the place of the old one: %s; "
			  "it is tried again",
			  m->text[0] ? m->text : err_str(m->result));
		later(c);
		return;
	}
	x->unpromoted = false;
	log_notice("control: the hub's old identity key is retired");
}

/* Nothing is under way (any more). */
static void none(struct control *c)
{
	static const struct control_hub_key no_key;
	struct hub_key *x = &c->hub_key;

	if (x->told.has_key) {
		log_notice("control: the replacement of the hub's identity key was cancelled");
		tell(c, &no_key);
	}
	x->fresh = false;
	if (!x->next)
		return;
	stream_identity_free(x->next);
	x->next = NULL;
	(void)ask_monitor(c, MONITOR_KEY_DROP, NULL);
}

/* --- receipts --- */

static void write_receipts(struct control *c)
{
	struct hub_key *x = &c->hub_key;
	struct change change = by_hub(c);
	enum err e;

	x->write_ms = 0;
	if (!x->n_receipts)
		return;
	if (core_store_rests(c)) {
		x->write_ms = loop_now_ms(c->loop) + HUB_KEY_WRITE_MS;
		return;
	}
	e = change_hub_identity_known(&change, c->settings.hub_id, &x->asked_about, x->receipts,
				      x->n_receipts);
	if (e) {
		x->write_ms = loop_now_ms(c->loop) + HUB_KEY_WRITE_MS;
		(void)core_store_failed(c, e, "write down who knows the hub's identity key");
		return;
	}
	x->n_receipts = 0;
	core_nudge(c, NUDGE_REVISION);
}

static void take_receipt(struct control *c, uint32_t id, const struct public_key *key)
{
	struct hub_key *x = &c->hub_key;

	if (x->n_receipts && !public_key_equal(&x->asked_about, key))
		x->n_receipts = 0;
	x->asked_about = *key;
	for (unsigned i = 0; i < x->n_receipts; i++)
		if (x->receipts[i] == id)
			return;
	if (x->n_receipts == HUB_KEY_RECEIPTS_MAX)
		return;
	x->receipts[x->n_receipts++] = id;
	if (!x->write_ms)
		x->write_ms = loop_now_ms(c->loop) + HUB_KEY_WRITE_MS;
	arm(c);
}

void hub_key_confirmed(struct control *c, const struct conn *conn, const struct public_key *key)
{
	const struct control_hub_key *told = &c->hub_key.told;

	if ((told->has_key && public_key_equal(key, &told->key)) ||
	    (c->hub_key.missing && public_key_equal(key, present(c))))
		take_receipt(c, conn->id, key);
}

void hub_key_met(struct control *c, const struct conn *conn)
{
	if (c->hub_key.missing)
		take_receipt(c, conn->id, present(c));
}

/* --- the life of it --- */

void hub_key_settle(struct control *c)
{
	struct hub_key *x = &c->hub_key;
	struct hub_identity h;
	enum err e = hub_identity_read(c->store, c->settings.hub_id, &h);

	x->again_ms = 0;
	if (e) {
		later(c);
		(void)core_store_failed(c, e, "read what becomes of the hub's identity key");
		arm(c);
		return;
	}
	follow(c, &h);
	if (x->unpromoted)
		promote(c);
	x->missing = !h.has_next && h.sum.known < h.sum.spokes;
	if (!h.has_next)
		none(c);
	else if (h.next.state == HUB_IDENTITY_ASKED)
		prepare(c);
	else
		overlap(c, &h.next);
	arm(c);
}

void hub_key_follow(struct control *c)
{
	const struct node *hub = core_hub(c);

	if (hub && hub->has_identity && !public_key_equal(present(c), &hub->identity_key))
		hub_key_settle(c);
}

bool hub_key_monitor_done(struct control *c, const struct monitor_done *m)
{
	struct hub_key *x = &c->hub_key;

	if (!m->tag || (m->tag != x->keep_tag && m->tag != x->promote_tag))
		return false;
	if (m->tag == x->keep_tag)
		kept(c, m);
	else
		promoted(c, m);
	/* A step that failed waits for its time. */
	if (x->again_ms)
		arm(c);
	else
		hub_key_settle(c);
	return true;
}

static void fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, hub_key.timer);
	struct hub_key *x = &c->hub_key;

	if (x->write_ms && now_ms >= x->write_ms)
		write_receipts(c);
	if (x->told.has_key || x->again_ms)
		hub_key_settle(c);
	else
		arm(c);
}

enum err hub_key_load(struct control *c, const char *identity_file)
{
	struct secret_key seed, next;
	bool has_next = false;
	enum err e = keys_read_secret(identity_file, &seed);

	if (!e)
		e = stream_identity_new(&seed, &c->identity);
	if (!e)
		e = keys_read_next(identity_file, &next, &has_next);
	if (!e && has_next)
		e = stream_identity_new(&next, &c->hub_key.next);
	secret_zero(&seed, sizeof(seed));
	secret_zero(&next, sizeof(next));
	if (!e)
		return ERR_OK;
	log_error("control: identity key %s: %s", identity_file, err_str(e));
	stream_identity_free(c->identity);
	c->identity = NULL;
	return e;
}

void hub_key_start(struct control *c)
{
	c->hub_key.timer.fire = fired;
	hub_key_settle(c);
}

void hub_key_fini(struct control *c)
{
	struct hub_key *x = &c->hub_key;

	if (c->loop)
		timer_disarm(loop_timers(c->loop), &x->timer);
	stream_identity_free(x->next);
	stream_identity_free(x->unkept);
	stream_identity_free(c->identity);
	x->next = x->unkept = c->identity = NULL;
}
