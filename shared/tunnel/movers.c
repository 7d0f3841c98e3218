/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/movers.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/tunnel/carrier.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/rx.h"
#include "shared/tunnel/timers.h"
#include "shared/wire/inner.h"
#include "shared/wire/relay.h"

/* After a mover came: time for it to be told everything, before the first handshake is for its
 * sake. */
#define REKEY_DELAY_MS 50u

struct movers {
	struct tunnel *tunnel;
	struct channel *channel[WORKERS_MAX]; /* by number; NULL: not there */
	unsigned unanswered[WORKERS_MAX];     /* commits that it has not applied yet */
	bool committed;                       /* a revision is in force here */
	bool waiting;                         /* control waits to hear so */
	uint64_t revision;
	struct node_subnet *own; /* our own prefixes, for a mover that comes */
	size_t n_own;
	struct loop_later flush;
	struct mover_counters
		sum; /* of all movers since the start; only the compress_ part is used */
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
};

enum err movers_new(struct tunnel *t, struct movers **out)
{
	struct movers *m = calloc(1, sizeof(*m));

	if (!m)
		return ERR_NOMEM;
	m->tunnel = t;
	*out = m;
	return ERR_OK;
}

void movers_free(struct movers *m)
{
	if (!m)
		return;
	if (m->tunnel->loop)
		loop_later_cancel(m->tunnel->loop, &m->flush);
	free(m->own);
	free(m);
}

bool movers_alive(const struct tunnel *t, unsigned number)
{
	return number < WORKERS_MAX && t->movers->channel[number];
}

/* --- telling ---------------------------------------------------------------------------------- */

/* What the cursor holds, to one mover. One that does not read loses its channel (channel.h), and
 * comes again. */
static void tell(struct movers *m, unsigned number, uint16_t type, const struct cursor *c)
{
	enum err e;

	BUG_ON(c->err);
	if (!m->channel[number])
		return;
	e = channel_send(m->channel[number], type, c->out, c->pos, -1);
	(void)e;
}

static void tell_all(struct movers *m, uint16_t type, const struct cursor *c)
{
	for (unsigned i = 1; i < WORKERS_MAX; i++)
		tell(m, i, type, c);
}

static struct cursor begin(struct movers *m)
{
	struct cursor c;

	cursor_init_write(&c, m->mem, sizeof(m->mem));
	return c;
}

void movers_tell_self(struct tunnel *t)
{
	struct cursor c;

	if (!t->movers)
		return;
	c = begin(t->movers);
	engine_self_encode(&t->self, &c);
	tell_all(t->movers, ENGINE_SELF, &c);
}

static enum err keep_own(struct movers *m, const struct engine_peer *p)
{
	struct node_subnet *grown;

	if (!p->append)
		m->n_own = 0;
	if (m->n_own + p->n_subnets > NODE_SUBNETS_MAX * 4u)
		return ERR_LIMIT;
	grown = reallocarray(m->own, m->n_own + p->n_subnets + 1, sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	m->own = grown;
	memcpy(m->own + m->n_own, p->subnets, p->n_subnets * sizeof(*p->subnets));
	m->n_own += p->n_subnets;
	return ERR_OK;
}

enum err movers_tell_own(struct tunnel *t, const struct engine_peer *m)
{
	enum err e = keep_own(t->movers, m);
	struct cursor c = begin(t->movers);

	if (e)
		return e;
	engine_peer_encode(m, &c);
	tell_all(t->movers, ENGINE_PEER, &c);
	return ERR_OK;
}

void movers_tell_peer(struct tunnel *t, const struct engine_peer *m)
{
	struct cursor c;

	if (!t->movers)
		return;
	c = begin(t->movers);
	engine_peer_encode(m, &c);
	tell_all(t->movers, ENGINE_PEER, &c);
	movers_tell_path(peer_find(t, m->id));
}

void movers_tell_gone(const struct peer *p)
{
	const struct engine_peer_gone m = { .id = p->id };
	struct movers *movers = p->tunnel->movers;
	struct cursor c;

	if (!movers)
		return;
	c = begin(movers);
	engine_peer_gone_encode(&m, &c);
	tell_all(movers, ENGINE_PEER_GONE, &c);
}

static struct cursor encode_path(const struct peer *p)
{
	const struct keypair *kp = p->session.current;
	/* A WireGuard device knows one nonce space: only the engine sends to it. */
	const bool sends = kp && peer_is_agent(p);
	const struct mover_path m = {
		.peer = p->id,
		.relayed = p->path.relayed,
		.unreachable = p->path.unreachable,
		.session = kp != NULL,
		.sends = sends,
		.index = sends ? kp->local_index : 0,
		.pmtu = p->pmtu.limit,
		.cut = p->pmtu.cut,
		.endpoint = p->path.endpoint,
	};
	struct cursor c = begin(p->tunnel->movers);

	mover_path_encode(&m, &c);
	return c;
}

void movers_tell_path(const struct peer *p)
{
	struct cursor c;

	if (!p->tunnel->movers)
		return;
	c = encode_path(p);
	tell_all(p->tunnel->movers, MOVER_PATH, &c);
}

void movers_tell_keypair(const struct peer *p, const struct keypair *kp,
			 const struct keypair_keys *keys)
{
	struct movers *movers = p->tunnel->movers;
	struct mover_keypair m = {
		.peer = p->id,
		.cipher = kp->cipher,
		.is_initiator = kp->is_initiator,
		.local_index = kp->local_index,
		.remote_index = kp->remote_index,
		.created_ms = kp->created_ms,
		.rx_owner = kp->rx_owner,
		.send = keys->send,
		.recv = keys->recv,
	};
	struct cursor c = begin(movers);

	mover_keypair_encode(&m, &c);
	tell_all(movers, MOVER_KEYPAIR, &c);
	secret_zero(&m, sizeof(m));
	secret_zero(movers->mem, c.pos);
}

void movers_tell_keypair_gone(struct tunnel *t, uint32_t index)
{
	const struct mover_index m = { .index = index };
	struct cursor c;

	if (!t->movers)
		return;
	c = begin(t->movers);
	mover_index_encode(&m, &c);
	tell_all(t->movers, MOVER_KEYPAIR_GONE, &c);
}

void movers_pass_packet(struct tunnel *t, unsigned number, const struct pkt *msg,
			const struct session_source *from)
{
	const size_t envelope = from->relay_from ? RELAY_HEADER_BYTES : 0;
	const struct mover_packet m = {
		.from = from->endpoint,
		.tos = from->tos,
		.data = msg->data - envelope,
		.len = msg->len + envelope,
	};
	struct cursor c;

	if (!t->movers || !movers_alive(t, number)) {
		tunnel_drop(t, DROP_NO_SESSION);
		return;
	}
	if (m.len > MOVER_PACKET_MAX_BYTES) {
		tunnel_drop(t, DROP_TOO_BIG);
		return;
	}
	c = begin(t->movers);
	mover_packet_encode(&m, &c);
	if (channel_try_send(t->movers->channel[number], MOVER_PACKET, c.out, c.pos))
		tunnel_drop(t, DROP_QUEUE);
}

/* --- revisions -------------------------------------------------------------------------------- */

static void tell_commit(struct movers *m, unsigned number)
{
	const struct engine_revision revision = { .revision = m->revision };
	struct cursor c = begin(m);

	if (!m->channel[number])
		return;
	engine_revision_encode(&revision, &c);
	tell(m, number, ENGINE_COMMIT, &c);
	m->unanswered[number]++;
}

/* Control hears of the newest revision when it is in force everywhere. */
static void check_applied(struct movers *m)
{
	if (!m->waiting)
		return;
	for (unsigned i = 1; i < WORKERS_MAX; i++)
		if (m->unanswered[i])
			return;
	m->waiting = false;
	report_applied(m->tunnel, m->revision);
}

void movers_commit(struct tunnel *t, uint64_t revision)
{
	struct movers *m = t->movers;

	m->revision = revision;
	m->committed = m->waiting = true;
	for (unsigned i = 1; i < WORKERS_MAX; i++)
		tell_commit(m, i);
	check_applied(m);
}

/* --- coming and going ------------------------------------------------------------------------- */

/* `m` in as many messages as it takes: its prefixes are in `subnets`. */
static void send_record(struct movers *to, unsigned number, struct engine_peer *m,
			const struct node_subnet *subnets, size_t n)
{
	size_t at = 0;

	m->append = false;
	do {
		size_t part = n - at < ENGINE_PEER_SUBNETS_MAX ? n - at : ENGINE_PEER_SUBNETS_MAX;
		struct cursor c = begin(to);

		if (part)
			memcpy(m->subnets, subnets + at, part * sizeof(*subnets));
		m->n_subnets = (uint16_t)part;
		engine_peer_encode(m, &c);
		tell(to, number, ENGINE_PEER, &c);
		m->append = true;
		at += part;
	} while (at < n);
}

/* Only id and prefixes of our own record count. */
static void send_own(struct movers *m, unsigned number)
{
	struct engine_peer record = { .id = m->tunnel->self.id,
				      .kind = NODE_SPOKE,
				      .name = "self" };

	send_record(m, number, &record, m->own, m->n_own);
}

static void send_peer(struct movers *m, unsigned number, const struct peer *p)
{
	struct engine_peer record = {
		.id = p->id,
		.kind = p->set.kind,
		.tunnel_key = p->tunnel_key,
		.aes = p->set.aes,
		.via_hub = p->set.via_hub,
		.forward = p->set.forward,
		.keepalive_s = p->set.keepalive_s,
		.groups = p->set.groups,
		.reach = p->set.reach,
		.compression = p->set.compression,
		.policy = p->set.policy,
		.hub_only = p->set.hub_only,
		.direct_only = p->set.direct_only,
		.warm = p->set.warm,
	};
	struct cursor c;

	memcpy(record.name, p->set.name, sizeof(record.name));
	send_record(m, number, &record, p->subnets, p->n_subnets);
	c = encode_path(p);
	tell(m, number, MOVER_PATH, &c);
}

/* Tells a mover that came all but the keys of sessions, and has new sessions made for those. */
void movers_up(struct tunnel *t, unsigned number, struct channel *ch)
{
	struct movers *m = t->movers;
	struct table_node *n = NULL;
	uint64_t sessions = 0;
	struct cursor c;

	if (!m || !number || number >= WORKERS_MAX)
		return;
	m->channel[number] = ch;
	m->unanswered[number] = 0;
	if (!t->configured)
		return;
	c = begin(m);
	engine_self_encode(&t->self, &c);
	tell(m, number, ENGINE_SELF, &c);
	send_own(m, number);
	while ((n = table_next(&t->by_id, n))) {
		struct peer *p = container_of(n, struct peer, by_id);

		send_peer(m, number, p);
		if (p->session.current)
			timers_rekey(p, REKEY_DELAY_MS + sessions++ * 1000 / MOVER_REKEYS_PER_S);
	}
	if (m->committed)
		tell_commit(m, number);
}

/*
 * The replay windows of what it had opened are gone with it, so nothing more is opened with these
 * keypairs, by nobody. The current one still seals.
 */
static void forget_owner(struct peer *p, unsigned number)
{
	struct session *s = &p->session;

	if (s->next && s->next->rx_owner == number)
		session_drop_keypair(p->tunnel, &s->next);
	if (s->previous && s->previous->rx_owner == number)
		session_drop_keypair(p->tunnel, &s->previous);
	if (s->current && s->current->rx_owner == number)
		s->current->rx_owner = RX_OWNER_NONE;
}

void movers_down(struct tunnel *t, unsigned number)
{
	struct movers *m = t->movers;
	struct table_node *n = NULL;

	if (!m || !number || number >= WORKERS_MAX)
		return;
	m->channel[number] = NULL;
	m->unanswered[number] = 0;
	while ((n = table_next(&t->by_id, n)))
		forget_owner(container_of(n, struct peer, by_id), number);
	check_applied(m);
}

/* --- what movers say -------------------------------------------------------------------------- */

static void flush(struct loop_later *l)
{
	udp_flush(container_of(l, struct movers, flush)->tunnel->udp);
}

/* The first packet with the keypair that we made as responder. */
static void confirm(struct peer *p, const struct mover_event *m)
{
	const struct session_source from = {
		.endpoint = m->endpoint,
		.relay_from = m->relayed ? p : NULL,
	};
	struct keypair *next = p->session.next;

	if (!next || next->local_index != m->index)
		return;
	next->confirmed = true;
	session_confirm(p, &from);
}

/* Which ways the peer's packets came. */
static void take_ways(struct peer *p, const struct mover_event *m)
{
	const struct way direct = way_to(&m->endpoint), relay = way_relay();

	if (m->flags & MOVER_ENDPOINT)
		path_received(p, &direct, PATH_TRAFFIC_DATA);
	if (m->flags & MOVER_RECEIVED_RELAYED)
		path_received(p, &relay, PATH_TRAFFIC_DATA);
	if ((m->flags & MOVER_RECEIVED_HERE) && p->path.relayed && p->tunnel->hub)
		timers_heard(p->tunnel->hub);
}

/* As session_send() and session_open() do for packets of our own. */
static void take_event(struct peer *p, const struct mover_event *m)
{
	const uint64_t now = p->tunnel->now_ms;
	const struct keypair *kp;

	p->counters.rx_bytes += m->rx_bytes;
	p->counters.tx_bytes += m->tx_bytes;
	p->counters.rx_packets += m->rx_packets;
	p->counters.tx_packets += m->tx_packets;
	p->compress.before_bytes += m->compress_before;
	p->compress.after_bytes += m->compress_after;
	if (m->flags & MOVER_CONFIRMED)
		confirm(p, m);
	take_ways(p, m);
	kp = p->session.current;
	/* An old event of a session that is over. */
	if (!kp)
		return;
	if (m->flags & MOVER_TOO_BIG)
		pmtu_suspect(p);
	if (m->flags & MOVER_SENT) {
		session_relayed(p);
		timers_sent(p, true);
		if (keypair_wants_rekey_on_send(kp, now))
			session_initiate(p, false);
	}
	if (m->flags & MOVER_RECEIVED) {
		if (p->path.unreachable || p->path.kind == PATH_DOWN)
			path_alive(p);
		timers_received(p, m->flags & MOVER_RECEIVED_DATA,
				!path_has_choice(p) || (m->flags & MOVER_RECEIVED_HERE));
		if (keypair_wants_rekey_on_receive(kp, now))
			session_initiate(p, false);
	}
}

static enum err receive_event(struct tunnel *t, struct cursor *body)
{
	struct mover_event m;
	enum err e = mover_event_decode(body, &m);
	struct peer *p;

	if (e)
		return e;
	p = peer_find(t, m.peer);
	if (p)
		take_event(p, &m);
	return ERR_OK;
}

static enum err receive_applied(struct movers *m, unsigned number, struct cursor *body)
{
	struct engine_revision revision;
	enum err e = engine_revision_decode(body, &revision);

	if (!e && !m->unanswered[number])
		e = ERR_INVALID;
	if (e)
		return e;
	m->unanswered[number]--;
	check_applied(m);
	return ERR_OK;
}

static enum err receive_inner(struct movers *movers, struct cursor *body)
{
	struct tunnel *t = movers->tunnel;
	struct mover_inner m;
	enum err e = mover_inner_decode(body, &m);
	struct peer *p;

	if (e)
		return e;
	p = peer_find(t, m.peer);
	if (!p) {
		tunnel_drop(t, DROP_UNKNOWN_PEER);
		return ERR_OK;
	}
	if (m.flags && !peer_is_agent(p))
		return ERR_INVALID;
	if (!m.len) {
		session_initiate(p, false);
		return ERR_OK;
	}
	session_send(p, (uint8_t *)(uintptr_t)m.data, m.len, m.flags);
	/* Many come in one round: they leave together. */
	loop_later(t->loop, &movers->flush, flush);
	return ERR_OK;
}

static enum err receive_extension(struct tunnel *t, struct cursor *body)
{
	struct mover_extension m;
	enum err e = mover_extension_decode(body, &m);
	struct session_source from;
	struct inner in;
	struct peer *p;
	struct pkt pkt;

	if (e)
		return e;
	p = peer_find(t, m.peer);
	if (!p)
		return ERR_OK;
	from = (struct session_source){ .endpoint = m.from, .relay_from = m.relayed ? p : NULL };
	if (inner_decode(m.data, m.len, peer_is_agent(p), &in) || in.kind != INNER_EXTENSION)
		return ERR_INVALID;
	pkt_init(&pkt, (uint8_t *)(uintptr_t)m.data, m.len, 0);
	pkt.len = m.len;
	probe_receive(p, &pkt, in.extension, &from);
	return ERR_OK;
}

static enum err receive_packet(struct tunnel *t, unsigned number, struct cursor *body)
{
	struct mover_packet m;
	enum err e = mover_packet_decode(body, &m);

	if (!e)
		rx_passed(t, &m, number);
	return e;
}

void movers_add_status(const struct tunnel *t, struct engine_status_end *m)
{
	const struct mover_counters *sum = t->movers ? &t->movers->sum : NULL;

	if (!sum)
		return;
	m->compress_tried += sum->compress_tried;
	m->compress_packed += sum->compress_packed;
	m->compress_before += sum->compress_before;
	m->compress_after += sum->compress_after;
	m->compress_timed += sum->compress_timed;
	m->compress_timed_ns += sum->compress_timed_ns;
}

static enum err receive_counters(struct tunnel *t, struct cursor *body)
{
	struct mover_counters m, *sum = &t->movers->sum;
	enum err e = mover_counters_decode(body, &m);

	if (e)
		return e;
	t->relayed_packets += m.relayed_packets;
	t->relayed_bytes += m.relayed_bytes;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		t->drops[i] += m.drops[i];
	sum->compress_tried += m.compress_tried;
	sum->compress_packed += m.compress_packed;
	sum->compress_before += m.compress_before;
	sum->compress_after += m.compress_after;
	sum->compress_timed += m.compress_timed;
	sum->compress_timed_ns += m.compress_timed_ns;
	return ERR_OK;
}

enum err movers_receive(struct tunnel *t, unsigned number, uint16_t type, struct cursor *body)
{
	switch (type) {
	case MOVER_EVENT:
		return receive_event(t, body);
	case MOVER_APPLIED:
		return receive_applied(t->movers, number, body);
	case MOVER_INNER:
		return receive_inner(t->movers, body);
	case MOVER_EXTENSION:
		return receive_extension(t, body);
	case MOVER_PACKET:
		return receive_packet(t, number, body);
	case MOVER_COUNTERS:
		return receive_counters(t, body);
	case MOVER_CARRIED:
		return carrier_pass(t, body);
	default:
		return ERR_INVALID;
	}
}
