/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/conn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"

static const char *const state_names[CONN_STATES] = { "tls",      "first", "up",
						      "carrying", "bye",   "gone" };

/* The drawing in conn.h. */
static const bool allowed[CONN_STATES][CONN_STATES] = {
	[CONN_TLS] = { [CONN_FIRST] = true, [CONN_GONE] = true },
	[CONN_FIRST] = { [CONN_UP] = true,
			 [CONN_CARRYING] = true,
			 [CONN_BYE] = true,
			 [CONN_GONE] = true },
	[CONN_UP] = { [CONN_BYE] = true, [CONN_GONE] = true },
	[CONN_CARRYING] = { [CONN_GONE] = true },
	[CONN_BYE] = { [CONN_GONE] = true },
};

const char *conn_state_str(enum conn_state s) { return s < CONN_STATES ? state_names[s] : "?"; }

static bool is_stranger(enum conn_state s) { return s == CONN_TLS || s == CONN_FIRST; }

/* True while messages are taken and sent. */
static bool is_open(const struct conn *conn)
{
	return conn->state == CONN_FIRST || conn->state == CONN_UP;
}

/* --- the state --- */

/* See the table of timers in conn.h. */
static uint64_t deadline(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_TLS:
	case CONN_FIRST:
		return conn->accepted_ms + LINK_HANDSHAKE_MS;
	case CONN_UP:
		return conn->heard_ms + (conn->pinged ? LINK_DEAD_MS : LINK_PING_MS);
	case CONN_BYE:
		return conn->heard_ms + LINK_DEAD_MS;
	default:
		return TIMER_NEVER;
	}
}

static void arm(struct conn *conn)
{
	timer_arm(loop_timers(conn->control->loop), &conn->timer, deadline(conn));
}

static void leave_strangers(struct control *c, struct conn *conn)
{
	list_del(&conn->in_strangers);
	admission_leave(&c->admission, conn->source);
	conn->source = NULL;
}

/*
 * Out of the registry; unless another link of the same node has taken its place, the node is
 * offline now.
 */
static void leave_up(struct control *c, struct conn *conn)
{
	list_del(&conn->in_moved);
	if (registry_holds(&c->registry, conn)) {
		registry_leave(c, conn);
		presence_offline(c, conn->id);
		if (!c->stopping)
			recv_locate_tell(c, conn, false);
	}
	watch_drop(c, conn);
	pairs_drop(c, &conn->pairs, conn->id);
}

static void reap_later(struct loop_later *l) { conn_reap(container_of(l, struct control, reap)); }

/*
 * Its memory stays until the end of the round: a caller up the stack may still look at the state.
 */
static void bury(struct control *c, struct conn *conn)
{
	stream_close(conn->stream);
	conn->stream = NULL;
	list_del(&conn->in_all);
	list_del(&conn->in_broken);
	list_push_back(&c->gone, &conn->in_all);
	listener_closed(c);
	loop_later(c->loop, &c->reap, reap_later);
}

/* The only writer of conn->state. */
static void conn_move(struct conn *conn, enum conn_state to)
{
	struct control *c = conn->control;
	enum conn_state from = conn->state;

	BUG_ON(!allowed[from][to]);
	if (conn->id)
		log_debug(4, "control: link of %s: %s -> %s", conn->name, conn_state_str(from),
			  conn_state_str(to));
	conn->state = to;
	if (from == CONN_TLS)
		admission_tls_done(&c->admission);
	if (is_stranger(from) && !is_stranger(to))
		leave_strangers(c, conn);
	if (from == CONN_UP)
		leave_up(c, conn);
	if (from == CONN_CARRYING)
		carriers_leave(c, conn);
	if (to == CONN_GONE)
		bury(c, conn);
	arm(conn);
	if (is_stranger(from))
		listener_wake(c);
}

void conn_drop(struct conn *conn, const char *why)
{
	if (conn->state == CONN_GONE)
		return;
	if (conn->state == CONN_UP)
		log_debug(1, "control: link of %s is closed: %s", conn->name, why);
	if (conn->state == CONN_CARRYING)
		log_debug(1, "control: carrier of %s is closed: %s", conn->name, why);
	conn_move(conn, CONN_GONE);
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct conn *conn = container_of(t, struct conn, timer);
	struct control *c = conn->control;
	struct control_msg ping = { .type = CONTROL_PING };

	if (now_ms < deadline(conn)) {
		arm(conn); /* something was heard meanwhile */
		return;
	}
	if (is_stranger(conn->state)) {
		counters_add(&c->counters, COUNT_REFUSED_SLOW);
		conn_drop(conn, "too slow");
	} else if (conn->state == CONN_UP && !conn->pinged) {
		conn->pinged = true;
		conn_send(conn, &ping);
		arm(conn);
	} else {
		if (conn->state == CONN_UP)
			counters_add(&c->counters, COUNT_DEAD);
		conn_drop(conn, "nothing was heard any more");
	}
}

/* --- what the stream says --- */

static void on_opened(struct stream *s, void *arg, const struct public_key *peer)
{
	struct conn *conn = arg;

	(void)s;
	if (conn->state != CONN_TLS)
		return;
	conn->key = *peer;
	conn_move(conn, CONN_FIRST);
}

/* Garbage or an over-long frame: nothing after it can be understood. */
static void bad_frame(struct conn *conn, enum err e)
{
	char text[CONTROL_TEXT_SIZE];

	counters_add(&conn->control->counters, COUNT_REFUSED_FRAME);
	snprintf(text, sizeof(text), "a message could not be read: %s", err_str(e));
	conn_bye(conn, BYE_PROTOCOL, LINK_RETRY_MAX_MS, text);
}

static void receive_packets(struct conn *conn, struct buf *in)
{
	if (carrier_received(conn->carrier, in) == ERR_OK)
		return;
	counters_add(&conn->control->counters, COUNT_REFUSED_FRAME);
	conn_drop(conn, "what came is no frame of packets");
}

static void on_received(struct stream *s, void *arg, struct buf *in)
{
	struct conn *conn = arg;
	struct control *c = conn->control;
	struct control_msg m;

	(void)s;
	if (conn->state == CONN_CARRYING) {
		receive_packets(conn, in);
		return;
	}
	conn->heard_ms = loop_now_ms(c->loop);
	conn->pinged = false;
	/* `in` is gone once the link is no longer open. */
	while (is_open(conn)) {
		size_t max = conn->state == CONN_UP ? LINK_FRAME_CLIENT_MAX_BYTES
						    : LINK_FRAME_STRANGER_MAX_BYTES;
		enum err e = control_decode(in, max, &m);

		if (e == ERR_AGAIN)
			return;
		if (e) {
			bad_frame(conn, e);
			return;
		}
		recv_message(c, conn, &m);
		if (m.type == CONTROL_JOIN)
			secret_zero(&m.join, sizeof(m.join));
		control_msg_fini(&m);
	}
	if (conn->state == CONN_CARRYING)
		receive_packets(conn, in);
}

static void on_drained(struct stream *s, void *arg)
{
	struct conn *conn = arg;

	(void)s;
	if (conn->state == CONN_CARRYING)
		carrier_drained(conn->carrier);
}

static void on_closed(struct stream *s, void *arg, enum err e, const char *why)
{
	struct conn *conn = arg;

	(void)s;
	conn->stream = NULL; /* freed behind us */
	if (conn->state == CONN_TLS && e != ERR_TIMEOUT)
		counters_add(&conn->control->counters, COUNT_REFUSED_TLS);
	if (is_stranger(conn->state) && e == ERR_TIMEOUT)
		counters_add(&conn->control->counters, COUNT_REFUSED_SLOW);
	conn_drop(conn, why);
}

static const struct stream_events stream_calls = {
	.opened = on_opened, .received = on_received, .drained = on_drained, .closed = on_closed
};

/* --- life --- */

enum err conn_new(struct control *c, int fd, const struct endpoint *remote)
{
	static const struct stream_limits limits = {
		.in_bytes = LINK_FRAME_CLIENT_MAX_BYTES + LINK_FRAME_STRANGER_MAX_BYTES,
		.out_bytes = LINK_QUEUE_MAX_BYTES,
		.handshake_ms = LINK_HANDSHAKE_MS,
	};
	uint64_t now_ms = loop_now_ms(c->loop);
	struct admission_source *src;
	enum err e = admission_enter(&c->admission, &remote->addr, now_ms, &src);

	if (e) {
		close(fd);
		return e;
	}
	struct conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		e = ERR_NOMEM;
		goto out;
	}
	e = stream_accept(c->loop, c->identity, fd, &limits, &stream_calls, conn, &conn->stream);
	if (e)
		goto out;
	conn->control = c;
	conn->source = src;
	conn->remote = *remote;
	conn->accepted_ms = conn->heard_ms = now_ms;
	conn->timer.fire = timer_fired;
	bucket_init(&conn->messages, LINK_MESSAGES_PER_S, LINK_MESSAGES_BURST, now_ms);
	bucket_init(&conn->locates, LINK_LOCATES_PER_S, LINK_LOCATES_BURST, now_ms);
	bucket_init(&conn->proposals, LINK_PROPOSALS_PER_S, LINK_PROPOSALS_BURST, now_ms);
	bucket_init(&conn->revived, LINK_REVIVED_PER_S, LINK_REVIVED_BURST, now_ms);
	bucket_init(&conn->settings, LINK_SETTINGS_PER_S, LINK_SETTINGS_BURST, now_ms);
	watch_side_init(&conn->watches);
	pair_side_init(&conn->pairs);
	list_init(&conn->in_moved);
	list_init(&conn->in_broken);
	list_push_back(&c->conns, &conn->in_all);
	listener_opened(c);
	list_push_back(&c->strangers, &conn->in_strangers);
	arm(conn);
	return ERR_OK;
out:
	free(conn);
	admission_tls_done(&c->admission);
	admission_leave(&c->admission, src);
	return e;
}

/* `version` comes from outside and is shown to admins: only plain characters of it are kept. */
static void keep_version(struct conn *conn, const char *version)
{
	size_t n = 0;

	for (; *version && n < sizeof(conn->version) - 1; version++)
		if (*version > ' ' && *version < 0x7f)
			conn->version[n++] = *version;
	conn->version[n] = '\0';
}

bool conn_up(struct conn *conn, const struct node *n, uint32_t capabilities, const char *version)
{
	struct control *c = conn->control;
	char text[ENDPOINT_STR_SIZE];

	conn->id = n->id;
	snprintf(conn->name, sizeof(conn->name), "%s", n->name);
	enum err e = registry_enter(c, conn);
	if (e == ERR_CONFLICT) {
		conn_bye(conn, BYE_REPLACED, LINK_RETRY_MAX_MS,
			 "another machine uses this node's identity key");
		return false;
	}
	if (e) {
		counters_add(&c->counters, COUNT_REFUSED_BUSY);
		conn_bye(conn, BYE_BUSY,
			 LINK_RETRY_MAX_MS / 2 + secret_random_below(LINK_RETRY_MAX_MS / 2),
			 "the hub has no room for another link");
		return false;
	}
	conn->capabilities = capabilities;
	keep_version(conn, version);
	conn_move(conn, CONN_UP);
	counters_add(&c->counters, COUNT_LINKS);
	presence_online(c, conn);
	log_debug(1, "control: %s is connected from %s", conn->name,
		  endpoint_format(&conn->remote, text));
	return true;
}

enum path_policy conn_path_policy(const struct conn *conn, uint32_t peer_id)
{
	const struct control_peer_policy *x = conn->peer_policies, *end = x + conn->n_peer_policies;

	while (x < end && x->id < peer_id)
		x++;
	return path_policy_stricter(conn->path_policy,
				    x < end && x->id == peer_id ? x->policy : PATH_POLICY_AUTO);
}

void conn_carry(struct conn *conn, const struct node *n)
{
	struct control *c = conn->control;
	char text[ENDPOINT_STR_SIZE];

	/* The answer could not be sent. */
	if (conn->broken || conn->state != CONN_FIRST)
		return;
	conn->id = n->id;
	snprintf(conn->name, sizeof(conn->name), "%s", n->name);
	if (carriers_enter(c, conn)) {
		counters_add(&c->counters, COUNT_REFUSED_BUSY);
		conn_drop(conn, "there is no room for another carrier");
		return;
	}
	conn_move(conn, CONN_CARRYING);
	counters_add(&c->counters, COUNT_CARRIERS);
	log_debug(1, "control: %s sends its packets by TCP from %s", conn->name,
		  endpoint_format(&conn->remote, text));
}

void conn_reap(struct control *c)
{
	struct list *pos, *tmp;

	while (!list_empty(&c->broken)) {
		struct conn *conn = list_entry(c->broken.next, struct conn, in_broken);
		list_del(&conn->in_broken);
		conn_drop(conn, conn->broken);
	}
	list_for_each(pos, tmp, &c->gone) {
		struct conn *conn = list_entry(pos, struct conn, in_all);
		list_del(&conn->in_all);
		timer_disarm(loop_timers(c->loop), &conn->timer);
		free(conn->peer_policies);
		free(conn);
	}
	if (timer_armed(&c->stop_timer) && list_empty(&c->conns))
		core_stopped(c);
}

/* --- sending --- */

/*
 * The link is dropped at the end of the round: whoever sends may be walking through a list that it
 * is in.
 */
static void mark_broken(struct conn *conn, const char *why)
{
	if (conn->broken)
		return;
	conn->broken = why;
	list_push_back(&conn->control->broken, &conn->in_broken);
	loop_later(conn->control->loop, &conn->control->reap, reap_later);
}

void conn_send_frame(struct conn *conn, const struct buf *frame)
{
	if (!is_open(conn) || conn->broken || !conn->stream)
		return;
	if (stream_send(conn->stream, buf_data(frame), buf_len(frame)) != ERR_OK)
		mark_broken(conn, "it does not take what it is sent");
}

void conn_send(struct conn *conn, const struct control_msg *m)
{
	struct buf frame;

	if (!is_open(conn) || conn->broken)
		return;
	buf_init(&frame, LINK_FRAME_MAX_BYTES + 4);
	enum err e = control_encode(m, conn->capabilities, &frame);
	if (e)
		mark_broken(conn, e == ERR_NOMEM ? "out of memory" : "a message could not be made");
	else
		conn_send_frame(conn, &frame);
	buf_fini(&frame);
	if (conn->id)
		log_debug(3, "control: %s to %s", control_type_str(m->type), conn->name);
}

void conn_error(struct conn *conn, const char *code, const char *text)
{
	struct control_msg m = { .type = CONTROL_ERROR };

	snprintf(m.error.code, sizeof(m.error.code), "%s", code);
	snprintf(m.error.text, sizeof(m.error.text), "%s", text);
	conn_send(conn, &m);
}

/* What was said last goes out, then the stream ends. */
static void finish(struct conn *conn, const char *what, const char *text)
{
	struct control *c = conn->control;
	char at[ENDPOINT_STR_SIZE];

	if (!is_open(conn))
		return;
	if (conn->state == CONN_UP)
		log_debug(1, "control: link of %s is ended: %s (%s)", conn->name, what, text);
	else if (log_allowed(&c->log_refused))
		log_debug(1, "control: %s is refused: %s (%s)", endpoint_format(&conn->remote, at),
			  what, text);
	if (conn->broken) {
		conn_drop(conn, conn->broken);
		return;
	}
	conn_move(conn, CONN_BYE);
	stream_finish(conn->stream);
}

void conn_refuse(struct conn *conn, const char *code, const char *text)
{
	conn_error(conn, code, text);
	finish(conn, code, text);
}

void conn_bye(struct conn *conn, enum bye_reason reason, uint32_t retry_after_ms, const char *text)
{
	struct control_msg m = { .type = CONTROL_BYE,
				 .bye = { .reason = reason, .retry_after_ms = retry_after_ms } };

	snprintf(m.bye.text, sizeof(m.bye.text), "%s", text);
	conn_send(conn, &m);
	finish(conn, bye_reason_str(reason), text);
}
