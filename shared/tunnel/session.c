/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/session.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/tunnel/admit.h"
#include "shared/tunnel/ecn.h"
#include "shared/tunnel/mover.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/remote.h"
#include "shared/tunnel/timers.h"
#include "shared/tunnel/ways.h"
#include "shared/wire/packet.h"

enum err session_init(struct peer *p)
{
	pending_init(&p->session.pending);
	if (p->tunnel->mover) /* makes no handshakes, and has not the key to */
		return ERR_OK;
	return remote_init(p);
}

void session_drop_keypair(struct tunnel *t, struct keypair **slot)
{
	if (!*slot)
		return;
	movers_tell_keypair_gone(t, (*slot)->local_index);
	index_remove(t->index, (*slot)->local_index);
	keypair_fini(*slot);
	free(*slot);
	*slot = NULL;
}

static void initiator_drop(struct peer *p)
{
	struct handshake_initiator *hs = &p->session.initiator;

	if (hs->active)
		index_remove(p->tunnel->index, hs->local_index);
	handshake_initiator_fini(hs);
}

enum err session_change_key(struct peer *p, const struct public_key *key)
{
	const bool under_way = p->session.initiator.active;
	enum err e = remote_change(p, key);

	/* What is out is for the old key; the timer of the attempt sends it again, for the new. */
	if (!e && under_way)
		initiator_drop(p);
	return e;
}

static void pending_drop(struct peer *p)
{
	p->tunnel->drops[DROP_NO_SESSION] += pending_clear(p->tunnel->pending, &p->session.pending);
}

void session_wipe(struct peer *p)
{
	struct session *s = &p->session;

	if (p->tunnel->mover) {
		s->current = NULL;
		for (unsigned i = 0; i < ARRAY_LEN(s->held); i++)
			session_drop_keypair(p->tunnel, &s->held[i]);
		return;
	}
	initiator_drop(p);
	session_drop_keypair(p->tunnel, &s->current);
	session_drop_keypair(p->tunnel, &s->previous);
	session_drop_keypair(p->tunnel, &s->next);
	pending_drop(p);
	movers_tell_path(p);
}

void session_fini(struct peer *p)
{
	session_wipe(p);
	remote_fini(p);
}

void session_abandon(struct peer *p)
{
	initiator_drop(p);
	pending_drop(p);
}

/* Adds the MACs to a finished handshake message and sends it at once, the same to each of the ways:
 * who gets it twice sees by the timestamp that it did. */
static void send_handshake(struct peer *p, struct cookie_maker *cookie, const struct way *ways,
			   unsigned n, uint8_t *msg, size_t len)
{
	const struct udp_mark mark = { 0 };
	struct tunnel *t = p->tunnel;

	if (cookie_add_macs(cookie, &t->primitives, msg, len, t->now_ms)) {
		tunnel_drop(t, DROP_NO_SESSION);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint8_t *out = path_reserve_on(p, &ways[i], &mark, len);

		if (out)
			memcpy(out, msg, len);
	}
	timers_sent(p, false);
	udp_flush(t->udp);
}

/* Wall time for the timestamp: our own clock, or the hub's where ours is known to be behind. */
static int64_t timestamp_wall_ns(const struct tunnel *t)
{
	int64_t ms = clock_wall_ms();

	if (t->self.clock_ahead_ms > 0)
		ms += t->self.clock_ahead_ms;
	return ms * 1000000;
}

/* Our first key; when that was not answered, and there are two, the other one, in turn. */
static const struct own_key *key_to_begin_with(struct peer *p, bool retry)
{
	const struct own_keys *o = &p->tunnel->own_keys;
	struct session *s = &p->session;

	s->initiator_other = retry && !s->initiator_other && o->key[1] && !o->unkept;
	return o->key[s->initiator_other];
}

static void send_initiation(struct peer *p, const struct way *ways, unsigned n, bool retry)
{
	struct tunnel *t = p->tunnel;
	struct session *s = &p->session;
	const struct own_key *own = key_to_begin_with(p, retry);
	struct index_entry entry = { .peer = p };
	uint8_t msg[HANDSHAKE_INITIATION_BYTES];
	struct remote remote;
	uint32_t index;

	initiator_drop(p);
	if (remote_open(p, own, &p->tunnel_key, &remote) || index_add(t->index, &entry, &index)) {
		tunnel_drop(t, DROP_NO_SESSION);
		goto out;
	}
	handshake_timestamp(timestamp_wall_ns(t), s->sent_timestamp, s->sent_timestamp);
	if (handshake_create_initiation(&s->initiator, &t->primitives, &own->self, remote.peer,
					p->cipher, index, s->sent_timestamp, NULL, msg)) {
		index_remove(t->index, index);
		tunnel_drop(t, DROP_NO_SESSION);
		goto out;
	}
	s->initiator_own = own->number;
	send_handshake(p, remote.cookie, ways, n, msg, sizeof(msg));
	timers_initiation_sent(p, retry);
out:
	remote_close(&remote);
}

/* The peer has begun, and we have just answered: a handshake of ours would only cross its own. */
static bool is_being_made(const struct peer *p)
{
	const struct keypair *next = p->session.next;

	return next && p->tunnel->now_ms - next->created_ms < REKEY_TIMEOUT_MS;
}

void session_initiate(struct peer *p, bool retry)
{
	struct tunnel *t = p->tunnel;
	struct way ways[WAYS_HANDSHAKE_MAX];
	unsigned n;

	if (t->mover) {
		mover_pass_inner(p, NULL, 0, 0);
		return;
	}
	if (!retry && is_being_made(p))
		return;
	if (!retry && p->due.retransmit_ms != TIMER_NEVER) {
		p->due.attempt_began_ms = t->now_ms;
		return;
	}
	if (!retry && p->due.last_initiation_ms &&
	    t->now_ms - p->due.last_initiation_ms < REKEY_TIMEOUT_MS)
		return;
	n = ways_for_handshake(p, retry, ways);
	if (!n) {
		path_unreachable(p);
		path_locate(p);
		pending_drop(p);
		return;
	}
	path_handshaking(p);
	send_initiation(p, ways, n, retry);
}

/* Through the hub only what the hub accepts from us gets on: it must know our address from a
 * session of its own, one that has not grown too old. */
void session_relayed(struct peer *p)
{
	struct peer *hub = p->tunnel->hub;

	if (!p->path.relayed || !hub)
		return;
	if (session_may_send(hub)) {
		timers_relayed(hub);
		return;
	}
	p->tunnel->relay_awaited = true;
	session_initiate(hub, false);
}

static void wait_for_session(struct peer *p, const uint8_t *packet, size_t len, uint8_t flags)
{
	struct tunnel *t = p->tunnel;

	if (t->mover) {
		mover_pass_inner(p, packet, len, flags);
		return;
	}
	if (len)
		t->drops[DROP_QUEUE] +=
			pending_push(t->pending, &p->session.pending, packet, len, flags);
	session_relayed(p);
	path_locate(p);
	session_initiate(p, false);
}

/* Extension packets but for compressed ones, and keepalives, ask for no answer by themselves. */
static bool is_data(const uint8_t *packet, size_t len)
{
	return len && (packet[0] >> 4 || packet[0] == EXTENSION_COMPRESSED);
}

/* What the outer header says of an inner packet. Packets for a peer that is not asked what its path
 * carries, as WireGuard devices cannot be, may be cut. So may what fit.h lets through though it
 * does not fit. */
static struct udp_mark mark_of(const struct peer *p, const uint8_t *packet, size_t len)
{
	struct udp_mark mark = { .owner = p->id, .fragment = !pmtu_is_discovered(p) };

	if (!len || !(packet[0] >> 4))
		return mark;
	mark.tos = ecn_outer_tos(ecn_tos(packet), p->tunnel->self.priority_inheritance);
	mark.fragment = mark.fragment || len > p->pmtu.limit || p->pmtu.cut;
	return mark;
}

void session_send(struct peer *p, uint8_t *packet, size_t len, uint8_t flags)
{
	struct tunnel *t = p->tunnel;
	struct keypair *kp = p->session.current;
	const bool data = is_data(packet, len);
	const size_t whole = len;
	struct udp_mark mark;
	uint8_t *out;

	if (!kp || !keypair_may_send(kp, t->now_ms)) {
		wait_for_session(p, packet, len, flags);
		return;
	}
	mark = mark_of(p, packet, len);
	if (data && p->set.compression && peer_is_agent(p))
		compress_pack(t->compressor, &p->compress, p->set.compression, packet, &len,
			      t->now_ms);
	out = path_reserve(p, &mark, keypair_sealed_len(kp, len, 0));
	if (!out)
		return;
	if (keypair_seal_to(kp, packet, len, flags, 0, out)) {
		path_cancel(p);
		tunnel_drop(t, DROP_NO_SESSION);
		return;
	}
	if (data) {
		p->counters.tx_packets++;
		p->counters.tx_bytes += whole;
	}
	if (t->mover) {
		mover_note(p, MOVER_SENT);
		return;
	}
	if (data)
		session_relayed(p);
	timers_sent(p, data);
	if (keypair_wants_rekey_on_send(kp, t->now_ms))
		session_initiate(p, false);
}

bool session_may_send(const struct peer *p)
{
	return p->session.current && keypair_may_send(p->session.current, p->tunnel->now_ms);
}

enum err session_send_on(struct peer *p, const struct way *way, uint8_t *packet, size_t len)
{
	const struct udp_mark mark = mark_of(p, packet, len);
	struct keypair *kp = p->session.current;
	uint8_t *out;

	if (!session_may_send(p))
		return ERR_NOTFOUND;
	out = path_reserve_on(p, way, &mark, keypair_sealed_len(kp, len, 0));
	if (!out)
		return ERR_NOTFOUND;
	if (keypair_seal_to(kp, packet, len, 0, 0, out)) {
		path_cancel(p);
		return ERR_NOTFOUND;
	}
	return ERR_OK;
}

void session_send_keepalive(struct peer *p)
{
	session_send(p, NULL, 0, 0);
	udp_flush(p->tunnel->udp);
}

void session_send_pending(struct peer *p)
{
	struct tunnel *t = p->tunnel;

	/* No more than there are now: without a session they would come back for ever. */
	for (unsigned n = p->session.pending.n; n && p->session.current; n--) {
		size_t len;
		uint8_t flags;
		uint8_t *packet = pending_pop(t->pending, &p->session.pending, &len, &flags);

		session_send(p, packet, len, flags);
		pending_release(t->pending, packet);
	}
	udp_flush(t->udp);
}

/* A finished handshake: the peer is there, and what waited can go. */
static void session_ready(struct peer *p, const struct session_source *from)
{
	const struct way way = session_way(from);

	p->session.handshake_wall_ms = clock_wall_ms();
	p->tunnel->handshakes++;
	timers_handshake_done(p);
	log_debug(3, "%s: handshake complete", p->set.name);
	path_up(p, &way);
	probe_session_up(p);
}

/* Finds out who sent an initiation: the directory's cipher must be the one that it was made with.
 * NULL: counted and dropped. */
static struct peer *identify(struct tunnel *t, const struct own_key *own,
			     struct handshake_responder *hs, const struct pkt *msg,
			     const struct session_source *from)
{
	static const enum tunnel_cipher wireguard[] = { CIPHER_WIREGUARD };
	static const enum tunnel_cipher agents[] = { CIPHER_AES256GCM, CIPHER_CHACHA20POLY1305 };
	const bool is_agent = msg->data[0] == PACKET_INITIATION;
	const enum tunnel_cipher *cipher = is_agent ? agents : wireguard;
	const enum tunnel_cipher *end =
		cipher + (is_agent ? ARRAY_LEN(agents) : ARRAY_LEN(wireguard));
	struct peer *p;

	if (handshake_receive_initiation(hs, &own->self, msg->data, msg->len)) {
		tunnel_drop(t, DROP_AUTH);
		return NULL;
	}
	while (cipher < end && handshake_unseal_static(hs, &t->primitives, &own->self, *cipher))
		cipher++;
	if (cipher == end) {
		tunnel_drop(t, DROP_AUTH);
		return NULL;
	}
	p = peer_find_key(t, &hs->peer_public);
	if (!p)
		p = remote_find_old(t, &hs->peer_public);
	if (p && !path_may_receive(p, from->relay_from != NULL)) {
		tunnel_drop(t, DROP_POLICY);
		return NULL;
	}
	if (!p || p->cipher != *cipher || (from->relay_from && from->relay_from != p)) {
		tunnel_drop(t, DROP_UNKNOWN_PEER);
		return NULL;
	}
	if (p->session.last_consumed_ms &&
	    t->now_ms - p->session.last_consumed_ms < HANDSHAKE_MIN_INTERVAL_MS) {
		tunnel_drop(t, DROP_RATE);
		return NULL;
	}
	return p;
}

/* A new keypair's packets are opened by the worker that the handshake came to, since they will come
 * there, too; and its movers get the keys, which are zeroed. */
static void share_keypair(struct peer *p, struct keypair *kp, const struct session_source *from,
			  struct keypair_keys *keys)
{
	struct tunnel *t = p->tunnel;

	if (!t->movers)
		return;
	kp->rx_owner = movers_alive(t, from->worker) ? from->worker : t->worker;
	movers_tell_keypair(p, kp, keys);
	secret_zero(keys, sizeof(*keys));
}

/* Makes the response and the keypair, which waits in `next` until the peer has used it. */
static void respond(struct peer *p, const struct own_key *own, const struct remote *remote,
		    struct handshake_responder *hs, const struct session_source *from)
{
	struct tunnel *t = p->tunnel;
	struct session *s = &p->session;
	struct keypair *kp = calloc(1, sizeof(*kp));
	struct index_entry entry = { .peer = p, .keypair = kp };
	struct keypair_keys keys;
	const struct way way = session_way(from);
	uint8_t msg[HANDSHAKE_RESPONSE_BYTES];
	uint32_t index;

	if (!kp || index_add(t->index, &entry, &index)) {
		free(kp);
		tunnel_drop(t, DROP_NO_SESSION);
		return;
	}
	hs->keys = t->movers ? &keys : NULL;
	if (handshake_create_response(hs, &t->primitives, remote->peer, index, NULL, t->now_ms, msg,
				      kp)) {
		index_remove(t->index, index);
		free(kp);
		tunnel_drop(t, DROP_AUTH);
		return;
	}
	session_drop_keypair(t, &s->next);
	session_drop_keypair(t, &s->previous);
	s->next = kp;
	kp->own_key = own_key_mark(own_key_public(own));
	share_keypair(p, kp, from, &keys);
	s->last_consumed_ms = t->now_ms;
	timers_keypair_made(p);
	path_received(p, &way, PATH_TRAFFIC_KEEPALIVE);
	send_handshake(p, remote->cookie, &way, 1, msg, sizeof(msg));
	if (remote->cookie == &s->cookie)
		remote_forget_old(p);
}

static void receive_initiation(struct tunnel *t, const struct own_key *own, const struct pkt *msg,
			       const struct session_source *from)
{
	struct handshake_responder hs;
	struct remote remote = { 0 };
	struct peer *p;
	enum err e;

	memset(&hs, 0, sizeof(hs));
	p = identify(t, own, &hs, msg, from);
	if (!p)
		goto out;
	e = remote_open(p, own, &hs.peer_public, &remote);
	if (!e)
		e = handshake_consume_initiation(&hs, &t->primitives, remote.peer,
						 p->session.received_timestamp);
	if (e) {
		tunnel_drop(t, e == ERR_REPLAY ? DROP_REPLAY : DROP_AUTH);
		goto out;
	}
	memcpy(p->session.received_timestamp, hs.timestamp, sizeof(hs.timestamp));
	respond(p, own, &remote, &hs, from);
	if (!public_key_equal(&hs.peer_public, &p->tunnel_key))
		timers_old_key(p);
out:
	remote_close(&remote);
	handshake_responder_fini(&hs);
}

/*
 * Both have begun at once: whose session stays? The same one at both ends, by their public keys;
 * else each would go on sending with its own, and the next handshake of either would drop the key
 * that the other still sends with. A WireGuard device always keeps its own.
 */
static bool wins_crossing(const struct peer *p)
{
	const struct own_key *own = p->tunnel->own_keys.key[0];

	return peer_is_agent(p) && memcmp(own_key_public(own)->b, p->tunnel_key.b, KEY_BYTES) > 0;
}

/* WireGuard's order: what the peer may still be sending with moves to `previous`. */
static void rotate_as_initiator(struct peer *p, struct keypair *kp)
{
	struct session *s = &p->session;

	session_drop_keypair(p->tunnel, &s->previous);
	if (s->next && wins_crossing(p)) {
		s->previous = s->next;
		s->next = NULL;
		session_drop_keypair(p->tunnel, &s->current);
	} else {
		s->previous = s->current;
	}
	s->current = kp;
}

/* The answer must be for the key of ours that the handshake was begun with. */
static enum err consume_response(struct peer *p, const struct own_key *own, const struct pkt *msg,
				 struct keypair *kp)
{
	struct tunnel *t = p->tunnel;
	struct remote remote;
	enum err e;

	if (own->number != p->session.initiator_own)
		return ERR_AUTH;
	e = remote_open(p, own, &p->tunnel_key, &remote);
	if (!e)
		e = handshake_consume_response(&p->session.initiator, &t->primitives, &own->self,
					       remote.peer, msg->data, msg->len, t->now_ms, kp);
	remote_close(&remote);
	return e;
}

static void receive_response(struct tunnel *t, const struct own_key *own, const struct pkt *msg,
			     const struct session_source *from)
{
	struct handshake_response m;
	const struct index_entry *found;
	struct index_entry entry;
	struct keypair_keys keys;
	struct keypair *kp;
	struct peer *p;

	if (handshake_decode_response(msg->data, msg->len, &m))
		return;
	found = index_find(t->index, m.receiver);
	if (!found || found->keypair || (from->relay_from && from->relay_from != found->peer)) {
		tunnel_drop(t, DROP_UNKNOWN_INDEX);
		return;
	}
	p = found->peer;
	kp = calloc(1, sizeof(*kp));
	if (!kp)
		return;
	p->session.initiator.keys = t->movers ? &keys : NULL;
	if (consume_response(p, own, msg, kp)) {
		p->session.initiator.keys = NULL;
		free(kp);
		tunnel_drop(t, DROP_AUTH);
		return;
	}
	remote_forget_old(p);
	entry = (struct index_entry){ .peer = p, .keypair = kp };
	index_change(t->index, kp->local_index, &entry);
	kp->own_key = own_key_mark(own_key_public(own));
	rotate_as_initiator(p, kp);
	share_keypair(p, kp, from, &keys);
	timers_keypair_made(p);
	timers_received(p, false, true);
	session_ready(p, from);
	/* The responder may not send before it has heard from us. */
	if (p->session.pending.n)
		session_send_pending(p);
	else
		session_send_keepalive(p);
}

static void receive_cookie(struct tunnel *t, const struct pkt *msg)
{
	struct handshake_cookie_reply m;
	const struct index_entry *found;

	if (handshake_decode_cookie_reply(msg->data, msg->len, &m))
		return;
	found = index_find(t->index, m.receiver);
	if (!found || cookie_consume_reply(&found->peer->session.cookie, &t->primitives, msg->data,
					   msg->len, t->now_ms))
		tunnel_drop(t, DROP_AUTH);
}

void session_receive_handshake(struct tunnel *t, struct pkt *msg, enum packet_type type,
			       const struct session_source *from)
{
	const struct own_key *own;

	if (t->mover) {
		mover_pass_packet(t, msg, from);
		return;
	}
	switch (type) {
	case PACKET_WG_INITIATION:
	case PACKET_INITIATION:
		own = admit_handshake(t, msg, from);
		if (own)
			receive_initiation(t, own, msg, from);
		break;
	case PACKET_WG_RESPONSE:
	case PACKET_RESPONSE:
		own = admit_handshake(t, msg, from);
		if (own)
			receive_response(t, own, msg, from);
		break;
	case PACKET_WG_COOKIE:
	case PACKET_COOKIE:
		receive_cookie(t, msg);
		break;
	default:
		BUG_ON(true);
	}
}

/* The first packet with the keypair that we made as responder: from now on it is the one to send
 * with. */
void session_confirm(struct peer *p, const struct session_source *from)
{
	struct session *s = &p->session;

	session_drop_keypair(p->tunnel, &s->previous);
	s->previous = s->current;
	s->current = s->next;
	s->next = NULL;
	session_ready(p, from);
	session_send_pending(p);
}

static enum engine_drop drop_for(enum err e)
{
	switch (e) {
	case ERR_REPLAY:
		return DROP_REPLAY;
	case ERR_AUTH:
		return DROP_AUTH;
	default:
		return DROP_MALFORMED;
	}
}

/* More and more of a keypair's packets come to another worker than the one that opens them: the
 * peer has moved. The next handshake shows where to. */
static void note_stray(struct peer *p, struct keypair *kp)
{
	uint64_t now = p->tunnel->now_ms;

	if (++kp->strays < STRAYS_REKEY_PACKETS || now - kp->created_ms < KEEPALIVE_MS)
		return;
	kp->strays = 0;
	session_initiate(p, false);
}

/* A packet that another worker opens, or that came to another worker's socket. False: it is passed
 * on. */
static bool is_ours(struct tunnel *t, const struct index_entry *found, const struct pkt *pkt,
		    const struct session_source *from)
{
	struct keypair *kp = found->keypair;

	if (t->mover) {
		mover_pass_packet(t, pkt, from);
		return false;
	}
	if (from->worker != kp->rx_owner)
		note_stray(found->peer, kp);
	if (kp->rx_owner == t->worker)
		return true;
	movers_pass_packet(t, kp->rx_owner, pkt, from);
	return false;
}

/* What a mover does not know the engine may. */
static void refuse_index(struct tunnel *t, const struct index_entry *found, const struct pkt *pkt,
			 const struct session_source *from)
{
	if (t->mover && !found)
		mover_pass_stranger(t, pkt, from);
	else
		tunnel_drop(t, DROP_UNKNOWN_INDEX);
}

static enum path_traffic traffic(const struct pkt *pkt)
{
	if (!pkt->len)
		return PATH_TRAFFIC_KEEPALIVE;
	return is_data(pkt->data, pkt->len) ? PATH_TRAFFIC_DATA : PATH_TRAFFIC_PROBE;
}

/* What an authentic packet says about the way to its sender. */
static void note_received(struct peer *p, const struct pkt *pkt, const struct session_source *from)
{
	const enum path_traffic kind = traffic(pkt);
	const struct way way = session_way(from);

	if (from->relay_from && p->tunnel->hub)
		timers_heard(p->tunnel->hub);
	path_received(p, &way, kind);
	if (p->path.unreachable || p->path.kind == PATH_DOWN)
		path_alive(p);
	timers_received(p, kind == PATH_TRAFFIC_DATA,
			!path_has_choice(p) || path_is_in_use(p, &way));
}

struct peer *session_open(struct tunnel *t, struct pkt *pkt, const struct session_source *from,
			  uint8_t *flags)
{
	struct packet_transport header;
	const struct index_entry *found;
	struct keypair *kp;
	struct peer *p;
	bool first;
	enum err e;

	if (packet_decode_transport(pkt->data, pkt->len, &header)) {
		tunnel_drop(t, DROP_MALFORMED);
		return NULL;
	}
	found = index_find(t->index, header.receiver);
	if (!found || !found->keypair || !keypair_may_receive(found->keypair, t->now_ms) ||
	    (from->relay_from && from->relay_from != found->peer)) {
		refuse_index(t, found, pkt, from);
		return NULL;
	}
	p = found->peer;
	kp = found->keypair;
	if (!path_may_receive(p, from->relay_from != NULL)) {
		tunnel_drop(t, DROP_POLICY);
		return NULL;
	}
	if ((kp->rx_owner != t->worker || from->worker != t->worker) &&
	    !is_ours(t, found, pkt, from))
		return NULL;
	first = !kp->confirmed;
	e = keypair_open(kp, pkt, flags);
	if (e) {
		tunnel_drop(t, drop_for(e));
		return NULL;
	}
	if (t->mover) {
		mover_note_received(p, kp, first, traffic(pkt), from);
		return p;
	}
	if (kp == p->session.next)
		session_confirm(p, from);
	note_received(p, pkt, from);
	if (kp == p->session.current && keypair_wants_rekey_on_receive(kp, t->now_ms))
		session_initiate(p, false);
	return p;
}
