/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     start --engine's channel--> told (peers, paths, keypairs) --ENGINE_COMMIT--> reads the TUN
 * queue
 *                                                                |
 *                 the channel ends: LEAVE_MS later the process ends, and is started afresh
 *
 * Timers: tell, MOVER_EVENT_MS after the first news: all of them are told, and the counters, which
 * are looked at every IDLE_MS anyway; leave, see above.
 */
#include "shared/tunnel/mover.h"

#include <stdlib.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/tunnel/engine.h"
#include "shared/tunnel/feed.h"
#include "shared/tunnel/rx.h"
#include "shared/wire/relay.h"

/* From the end of the engine's channel to ours: at an orderly end SIGTERM comes first. */
#define LEAVE_MS 200u
#define IDLE_MS  1000u
/* Everything but packets, which bring their own length. */
#define MESSAGE_MAX_BYTES 512u

struct mover {
	struct tunnel *tunnel;
	struct channel *engine; /* NULL: not there yet, or gone */
	struct list news;       /* of peers that have some */
	struct timer tell;
	struct timer leave;
	struct rate_bucket strangers;
	bool passed; /* the packet being handled came from the engine: it is not sent back */
	struct mover_counters told;
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
};

static void on_tell(struct timer *timer, uint64_t now_ms);
static void on_leave(struct timer *timer, uint64_t now_ms);

enum err mover_load(const struct mover_params *params, void **state)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	struct mover *m = calloc(1, sizeof(*m));
	enum err e = t && m ? primitives_init(&t->primitives) : ERR_NOMEM;

	if (e) {
		free(t);
		free(m);
		return e;
	}
	t->offload = params->offload;
	aead_select(params->crypto, &t->primitives);
	list_init(&m->news);
	m->tunnel = t;
	m->tell.fire = on_tell;
	m->leave.fire = on_leave;
	t->mover = m;
	t->n_workers = (uint8_t)params->workers;
	*state = t;
	return ERR_OK;
}

static enum err start(struct worker *w)
{
	struct tunnel *t = w->state;
	enum err e;

	t->worker = (uint8_t)worker_number(w->role);
	e = engine_open(w);
	/* What the kernel has for us waits until we know where it may go. */
	if (!e && t->tun_reader.ready)
		loop_fd_events(t->loop, &t->tun_reader, 0);
	return e;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* False when the engine is slow; what is to be told stays. */
static bool tell(struct mover *m, enum mover_msg type, const struct cursor *c)
{
	BUG_ON(c->err);
	return m->engine && channel_try_send(m->engine, (uint16_t)type, c->out, c->pos) == ERR_OK;
}

static bool tell_peer(struct mover *m, struct peer *p)
{
	struct mover_event e = {
		.peer = p->id,
		.flags = p->news.flags,
		.relayed = p->news.relayed,
		.index = p->news.index,
		.rx_bytes = p->counters.rx_bytes,
		.tx_bytes = p->counters.tx_bytes,
		.rx_packets = p->counters.rx_packets,
		.tx_packets = p->counters.tx_packets,
		.compress_before = p->compress.before_bytes,
		.compress_after = p->compress.after_bytes,
	};
	uint8_t mem[MESSAGE_MAX_BYTES];
	struct cursor c;

	if ((e.flags & MOVER_ENDPOINT) || ((e.flags & MOVER_CONFIRMED) && !e.relayed))
		e.endpoint = p->news.endpoint;
	cursor_init_write(&c, mem, sizeof(mem));
	mover_event_encode(&e, &c);
	if (!tell(m, MOVER_EVENT, &c))
		return false;
	list_del(&p->news.link);
	p->news.flags = 0;
	p->news.relayed = false;
	p->news.index = 0;
	p->counters = (struct peer_counters){ 0 };
	p->compress = (struct compress_tally){ 0 };
	return true;
}

/* Our own counters as they are now. */
static struct mover_counters count(const struct tunnel *t)
{
	const struct udp_counters *udp = udp_counters(t->udp);
	const struct compress_counters *z = compress_counters(t->compressor);
	struct mover_counters now = {
		.relayed_packets = t->relayed_packets,
		.relayed_bytes = t->relayed_bytes,
		.compress_tried = z->tried,
		.compress_packed = z->compressed,
		.compress_before = z->before_bytes,
		.compress_after = z->after_bytes,
		.compress_timed = z->timed,
		.compress_timed_ns = z->timed_ns,
	};

	for (unsigned i = 0; i < DROP_COUNT; i++)
		now.drops[i] = t->drops[i];
	now.drops[DROP_SEND] += udp->send_failed + tun_counters(t->tun)->write_failed;
	now.drops[DROP_TOO_BIG] += udp->too_big;
	now.drops[DROP_MALFORMED] += udp->truncated;
	now.drops[DROP_SOCKET] += udp->lost;
	return now;
}

static void tell_counters(struct mover *m)
{
	const struct mover_counters now = count(m->tunnel), *told = &m->told;
	struct mover_counters more = {
		.relayed_packets = now.relayed_packets - told->relayed_packets,
		.relayed_bytes = now.relayed_bytes - told->relayed_bytes,
		.compress_tried = now.compress_tried - told->compress_tried,
		.compress_packed = now.compress_packed - told->compress_packed,
		.compress_before = now.compress_before - told->compress_before,
		.compress_after = now.compress_after - told->compress_after,
		.compress_timed = now.compress_timed - told->compress_timed,
		.compress_timed_ns = now.compress_timed_ns - told->compress_timed_ns,
	};
	uint8_t mem[MESSAGE_MAX_BYTES];
	struct cursor c;

	for (unsigned i = 0; i < DROP_COUNT; i++)
		more.drops[i] = now.drops[i] - told->drops[i];
	cursor_init_write(&c, mem, sizeof(mem));
	mover_counters_encode(&more, &c);
	if (!secret_is_zero(mem, c.pos) && tell(m, MOVER_COUNTERS, &c))
		m->told = now;
}

static void arm_tell(struct mover *m, uint64_t at_ms)
{
	if (!timer_armed(&m->tell) || at_ms < m->tell.at_ms)
		timer_arm(loop_timers(m->tunnel->loop), &m->tell, at_ms);
}

static void on_tell(struct timer *timer, uint64_t now_ms)
{
	struct mover *m = container_of(timer, struct mover, tell);
	const bool idle = list_empty(&m->news);
	struct list *at, *tmp;

	list_for_each(at, tmp, &m->news) {
		if (!tell_peer(m, list_entry(at, struct peer, news.link)))
			break;
	}
	tell_counters(m);
	arm_tell(m, now_ms + (idle ? IDLE_MS : MOVER_EVENT_MS));
}

void mover_tell_later(struct peer *p)
{
	struct mover *m = p->tunnel->mover;

	list_push_back(&m->news, &p->news.link);
	arm_tell(m, p->tunnel->now_ms + MOVER_EVENT_MS);
}

/* Another address than the one that packets go to. Where the newest packet decides we follow it at
 * once, else the engine finds out. True: the engine must hear of it now. */
static bool note_elsewhere(struct peer *p, enum path_traffic traffic,
			   const struct session_source *from)
{
	const bool told = endpoint_equal(&p->news.endpoint, &from->endpoint);

	if (traffic == PATH_TRAFFIC_PROBE)
		return false;
	if (from->relay_from) {
		if (!p->path.relayed && traffic == PATH_TRAFFIC_DATA)
			p->news.flags |= MOVER_RECEIVED_RELAYED;
		return false;
	}
	if (!path_has_choice(p))
		p->path.endpoint = from->endpoint;
	p->news.endpoint = from->endpoint;
	p->news.flags |= MOVER_ENDPOINT;
	/* An address that it knows it hears of with the other news. */
	return !told || !path_has_choice(p);
}

void mover_note_received(struct peer *p, const struct keypair *kp, bool first,
			 enum path_traffic traffic, const struct session_source *from)
{
	const struct way way = session_way(from);
	bool at_once = first;

	mover_note(p, MOVER_RECEIVED);
	if (traffic == PATH_TRAFFIC_DATA)
		p->news.flags |= MOVER_RECEIVED_DATA;
	if (path_is_in_use(p, &way))
		p->news.flags |= MOVER_RECEIVED_HERE;
	else if (note_elsewhere(p, traffic, from))
		at_once = true;
	if (first) {
		p->news.flags |= MOVER_CONFIRMED;
		p->news.relayed = from->relay_from != NULL;
		p->news.index = kp->local_index;
		if (!from->relay_from)
			p->news.endpoint = from->endpoint;
	}
	/* Should the engine be slow: on_tell() tries again. This packet is not counted yet. */
	if (at_once && tell_peer(p->tunnel->mover, p))
		mover_tell_later(p);
}

/* --- handing over ----------------------------------------------------------------------------- */

static void pass(struct tunnel *t, enum mover_msg type, const struct cursor *c)
{
	if (!tell(t->mover, type, c))
		tunnel_drop(t, DROP_QUEUE);
}

void mover_pass_inner(struct peer *p, const uint8_t *packet, size_t len, uint8_t flags)
{
	struct mover *m = p->tunnel->mover;
	struct mover_inner inner = { .peer = p->id, .flags = flags, .data = packet, .len = len };
	struct cursor c;

	if (len > MOVER_PACKET_MAX_BYTES) {
		tunnel_drop(p->tunnel, DROP_TOO_BIG);
		return;
	}
	cursor_init_write(&c, m->mem, sizeof(m->mem));
	mover_inner_encode(&inner, &c);
	pass(p->tunnel, MOVER_INNER, &c);
}

void mover_pass_packet(struct tunnel *t, const struct pkt *msg, const struct session_source *from)
{
	const size_t envelope = from->relay_from ? RELAY_HEADER_BYTES : 0;
	struct mover_packet packet = {
		.from = from->endpoint,
		.tos = from->tos,
		.data = msg->data - envelope,
		.len = msg->len + envelope,
	};
	struct cursor c;

	if (t->mover->passed) {
		tunnel_drop(t, DROP_UNKNOWN_INDEX);
		return;
	}
	if (packet.len > MOVER_PACKET_MAX_BYTES) {
		tunnel_drop(t, DROP_TOO_BIG);
		return;
	}
	cursor_init_write(&c, t->mover->mem, sizeof(t->mover->mem));
	mover_packet_encode(&packet, &c);
	pass(t, MOVER_PACKET, &c);
}

void mover_pass_stranger(struct tunnel *t, const struct pkt *msg, const struct session_source *from)
{
	if (rate_allow(&t->mover->strangers, MOVER_STRANGERS_PPS, MOVER_STRANGERS_PPS, t->now_ms))
		mover_pass_packet(t, msg, from);
	else
		tunnel_drop(t, DROP_UNKNOWN_INDEX);
}

void mover_pass_extension(struct peer *p, const struct pkt *pkt, const struct endpoint *from,
			  bool relayed)
{
	struct mover *m = p->tunnel->mover;
	struct mover_extension ext = {
		.peer = p->id, .relayed = relayed, .from = *from, .data = pkt->data, .len = pkt->len
	};
	struct cursor c;

	if (!pkt->len || pkt->len > MOVER_PACKET_MAX_BYTES) {
		tunnel_drop(p->tunnel, DROP_MALFORMED);
		return;
	}
	cursor_init_write(&c, m->mem, sizeof(m->mem));
	mover_extension_encode(&ext, &c);
	pass(p->tunnel, MOVER_EXTENSION, &c);
}

bool mover_pass_carried(struct tunnel *t, const void *p, size_t n)
{
	struct channel *engine = t->mover->engine;

	return engine && channel_try_send(engine, MOVER_CARRIED, p, n) == ERR_OK;
}

/* --- what the engine says --------------------------------------------------------------------- */

/* A keypair of our own nonce space. A peer that we could not take in has none here. */
static enum err hold(struct tunnel *t, const struct mover_keypair *m)
{
	const struct keypair_params params = {
		.cipher = m->cipher,
		.is_initiator = m->is_initiator,
		.local_index = m->local_index,
		.remote_index = m->remote_index,
		.send_key = &m->send,
		.recv_key = &m->recv,
	};
	struct peer *p = peer_find(t, m->peer);
	struct index_entry entry = { .peer = p };
	struct keypair **slot = NULL;
	enum err e;

	if (!p)
		return ERR_OK;
	for (unsigned i = 0; i < ARRAY_LEN(p->session.held) && !slot; i++)
		if (!p->session.held[i])
			slot = &p->session.held[i];
	if (!slot || index_find(t->index, m->local_index))
		return ERR_INVALID;
	entry.keypair = calloc(1, sizeof(*entry.keypair));
	if (!entry.keypair)
		return ERR_NOMEM;
	e = keypair_init(entry.keypair, &t->primitives, &params, m->created_ms);
	if (!e)
		e = index_put(t->index, m->local_index, &entry);
	if (e) {
		keypair_fini(entry.keypair);
		free(entry.keypair);
		return e;
	}
	if (m->cipher != CIPHER_WIREGUARD)
		keypair_set_space(entry.keypair, t->worker);
	entry.keypair->rx_owner = m->rx_owner;
	*slot = entry.keypair;
	return ERR_OK;
}

static enum err receive_keypair(struct tunnel *t, struct cursor *body)
{
	struct mover_keypair m;
	enum err e = mover_keypair_decode(body, &m);

	if (!e)
		e = hold(t, &m);
	secret_zero(&m, sizeof(m));
	return e;
}

static enum err receive_keypair_gone(struct tunnel *t, struct cursor *body)
{
	struct mover_index m;
	enum err e = mover_index_decode(body, &m);
	const struct index_entry *found;
	struct session *s;

	if (e)
		return e;
	found = index_find(t->index, m.index);
	if (!found)
		return ERR_OK;
	s = &found->peer->session;
	if (s->current == found->keypair)
		s->current = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(s->held); i++) {
		if (s->held[i] && s->held[i]->local_index == m.index) {
			session_drop_keypair(t, &s->held[i]);
			break;
		}
	}
	return ERR_OK;
}

/* WireGuard devices are sent to by the engine alone: they know one nonce space. */
static struct keypair *find_current(struct tunnel *t, const struct peer *p,
				    const struct mover_path *m)
{
	const struct index_entry *found = m->sends ? index_find(t->index, m->index) : NULL;

	if (!found || found->peer != p || !found->keypair ||
	    found->keypair->cipher == CIPHER_WIREGUARD)
		return NULL;
	/* The engine knows that the peer has it. */
	found->keypair->confirmed = true;
	return found->keypair;
}

static enum err receive_path(struct tunnel *t, struct cursor *body)
{
	struct mover_path m;
	enum err e = mover_path_decode(body, &m);
	struct peer *p;

	if (e)
		return e;
	p = peer_find(t, m.peer);
	if (!p)
		return ERR_OK;
	p->path.relayed = m.relayed;
	p->path.unreachable = m.unreachable;
	p->path.endpoint = m.endpoint;
	p->pmtu.limit = m.pmtu;
	p->pmtu.cut = m.cut;
	p->session.at_engine = m.session;
	p->session.current = find_current(t, p, &m);
	return ERR_OK;
}

/* Everything of this revision is in force here, and the kernel's packets can be taken. */
static enum err receive_commit(struct tunnel *t, struct cursor *body)
{
	struct engine_revision m;
	enum err e = engine_revision_decode(body, &m);
	uint8_t mem[MESSAGE_MAX_BYTES];
	struct cursor c;

	if (e)
		return e;
	if (t->tun_reader.ready)
		loop_fd_events(t->loop, &t->tun_reader, EPOLLIN);
	cursor_init_write(&c, mem, sizeof(mem));
	engine_revision_encode(&m, &c);
	return channel_send(t->mover->engine, MOVER_APPLIED, c.out, c.pos, -1);
}

static enum err receive_packet(struct tunnel *t, struct cursor *body)
{
	struct mover_packet m;
	enum err e = mover_packet_decode(body, &m);

	if (e)
		return e;
	t->mover->passed = true;
	rx_passed(t, &m, t->worker);
	t->mover->passed = false;
	return ERR_OK;
}

static enum err receive(struct tunnel *t, uint16_t type, struct cursor *body)
{
	enum err e;

	switch (type) {
	case ENGINE_SELF:
	case ENGINE_PEER:
	case ENGINE_PEER_GONE:
		return feed_receive(t, type, body);
	case ENGINE_COMMIT:
		return receive_commit(t, body);
	case MOVER_KEYPAIR:
		e = receive_keypair(t, body);
		channel_wipe(t->mover->engine);
		return e;
	case MOVER_KEYPAIR_GONE:
		return receive_keypair_gone(t, body);
	case MOVER_PATH:
		return receive_path(t, body);
	case MOVER_PACKET:
		return receive_packet(t, body);
	default:
		return ERR_INVALID;
	}
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	struct tunnel *t = w->state;
	enum err e;

	if (fd >= 0)
		close(fd);
	if (from != WORKER_ENGINE || !t->mover->engine)
		return;
	t->now_ms = loop_now_ms(t->loop);
	e = receive(t, type, body);
	if (e && t->mover->engine)
		channel_bad(t->mover->engine, type, e);
}

/* --- life ------------------------------------------------------------------------------------- */

static void sibling_up(struct worker *w, enum worker_role role)
{
	struct tunnel *t = w->state;

	if (role != WORKER_ENGINE)
		return;
	/* A second engine: all that we know is of the first. */
	if (t->configured || timer_armed(&t->mover->leave)) {
		loop_stop(t->loop, 1);
		return;
	}
	t->mover->engine = w->siblings[role];
	arm_tell(t->mover, loop_now_ms(t->loop) + IDLE_MS);
}

static void on_leave(struct timer *timer, uint64_t now_ms)
{
	struct mover *m = container_of(timer, struct mover, leave);

	(void)now_ms;
	log_notice("the engine is gone: ending");
	loop_stop(m->tunnel->loop, 1);
}

static void sibling_down(struct worker *w, enum worker_role role)
{
	struct tunnel *t = w->state;

	if (role != WORKER_ENGINE)
		return;
	t->mover->engine = NULL;
	timer_arm(loop_timers(t->loop), &t->mover->leave, loop_now_ms(t->loop) + LEAVE_MS);
}

static void fini(struct worker *w)
{
	struct tunnel *t = w->state;
	struct mover *m = t ? t->mover : NULL;

	if (!m)
		return;
	m->engine = NULL;
	timer_disarm(loop_timers(t->loop), &m->tell);
	timer_disarm(loop_timers(t->loop), &m->leave);
	engine_role_ops.fini(w); /* needs to know that it is a mover's */
	free(m);
}

void mover_roles(enum err (*load)(void *config, void **state),
		 struct worker_role_ops out[WORKERS_MAX - 1])
{
	for (unsigned i = 0; i < WORKERS_MAX - 1; i++) {
		const enum worker_role role = worker_role_of(i + 1);

		out[i] = (struct worker_role_ops){
			.role = role,
			.name = worker_role_str(role),
			.load = load,
			.start = start,
			.sibling_up = sibling_up,
			.sibling_down = sibling_down,
			.message = message,
			.fini = fini,
		};
	}
}
