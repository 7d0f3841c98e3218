/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/handshake.h"

#include <string.h>

#define TAI64_BASE 0x400000000000000aull /* 2^62 and the 10 s that TAI was ahead in 1970 */
#define NS_PER_S   1000000000u

/* ------- Keys ------- */

enum err handshake_self_init(struct handshake_self *self, const struct secret_key *secret)
{
	return primitives_dh_key_init(&self->key, secret);
}

void handshake_self_fini(struct handshake_self *self) { primitives_dh_key_fini(&self->key); }

enum err handshake_peer_init(struct handshake_peer *peer, const struct handshake_self *self,
			     const struct public_key *public, const struct secret_key *psk)
{
	*peer = (struct handshake_peer){ .public = *public };
	if (psk)
		memcpy(peer->psk, psk->b, sizeof(peer->psk));
	enum err e = primitives_dh(&self->key, public, peer->static_static);
	if (e)
		handshake_peer_fini(peer);
	return e;
}

void handshake_peer_fini(struct handshake_peer *peer) { secret_zero(peer, sizeof(*peer)); }

/* ------- Timestamp ------- */

static void put_be(uint8_t *out, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *in, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | in[i];
	return v;
}

void handshake_timestamp(int64_t wall_ns, const uint8_t last_sent[TIMESTAMP_BYTES],
			 uint8_t out[TIMESTAMP_BYTES])
{
	uint64_t wall = wall_ns > 0 ? (uint64_t)wall_ns : 0;
	uint64_t s = TAI64_BASE + wall / NS_PER_S;
	uint64_t ns = wall % NS_PER_S / TIMESTAMP_TICK_NS * TIMESTAMP_TICK_NS;
	uint64_t last_s = get_be(last_sent, 8);
	uint64_t last_ns = get_be(last_sent + 8, 4);

	if (s < last_s || (s == last_s && ns <= last_ns)) {
		s = last_s;
		ns = last_ns / TIMESTAMP_TICK_NS * TIMESTAMP_TICK_NS + TIMESTAMP_TICK_NS;
		if (ns >= NS_PER_S) {
			s++;
			ns = 0;
		}
	}
	put_be(out, 8, s);
	put_be(out + 8, 4, ns);
}

/* ------- Steps that both sides share ------- */

/* X25519 and the result into the chaining key; `key` as symmetric_mix_key() has it. */
static enum err mix_dh(struct symmetric *s, struct primitives *p, const struct dh_key *ours,
		       const struct public_key *theirs, uint8_t *key)
{
	uint8_t secret[KEY_BYTES];
	enum err e = primitives_dh(ours, theirs, secret);
	if (!e)
		e = symmetric_mix_key(s, p, secret, key);
	secret_zero(secret, sizeof(secret));
	return e;
}

struct session_ids {
	bool is_initiator;
	uint32_t local_index, remote_index;
	struct keypair_keys *keys; /* NULL, or gets the raw keys */
};

/* The end of a handshake: the transport keys, each side's the right way round. `kp` is written on
 * success only. */
static enum err make_keypair(const struct symmetric *s, struct primitives *p,
			     const struct session_ids *ids, uint64_t now_ms, struct keypair *kp)
{
	struct secret_key initiator, responder;
	struct keypair fresh = { 0 };
	enum err e = symmetric_split(s, p, &initiator, &responder);
	if (e)
		goto out;
	const struct keypair_params params = {
		.cipher = s->cipher,
		.is_initiator = ids->is_initiator,
		.local_index = ids->local_index,
		.remote_index = ids->remote_index,
		.send_key = ids->is_initiator ? &initiator : &responder,
		.recv_key = ids->is_initiator ? &responder : &initiator,
	};
	e = keypair_init(&fresh, p, &params, now_ms);
	if (e)
		goto out;
	keypair_move(kp, &fresh);
	if (ids->keys)
		*ids->keys = (struct keypair_keys){ *params.send_key, *params.recv_key };
out:
	secret_zero(&initiator, sizeof(initiator));
	secret_zero(&responder, sizeof(responder));
	return e;
}

/* ------- Initiator ------- */

/* -> e, es, s, ss, timestamp. Fills all of `m` but its MACs. */
static enum err write_initiation(struct handshake_initiator *hs, struct primitives *p,
				 const struct handshake_self *self,
				 const struct handshake_peer *peer,
				 const uint8_t timestamp[TIMESTAMP_BYTES],
				 struct handshake_initiation *m)
{
	uint8_t key[KEY_BYTES];
	struct symmetric *s = &hs->sym;
	enum err e;

	if ((e = symmetric_init(s, p, hs->cipher, &peer->public)) ||
	    (e = symmetric_mix_ephemeral(s, p, &hs->ephemeral.public)) ||
	    (e = mix_dh(s, p, &hs->ephemeral, &peer->public, key)) ||
	    (e = symmetric_seal(s, p, key, self->key.public.b, KEY_BYTES, m->sealed_static)) ||
	    (e = symmetric_mix_key(s, p, peer->static_static, key)) ||
	    (e = symmetric_seal(s, p, key, timestamp, TIMESTAMP_BYTES, m->sealed_timestamp)))
		goto out;
	m->type = hs->cipher == CIPHER_WIREGUARD ? PACKET_WG_INITIATION : PACKET_INITIATION;
	m->sender = hs->local_index;
	m->ephemeral = hs->ephemeral.public;
out:
	secret_zero(key, sizeof(key));
	return e;
}

enum err handshake_create_initiation(struct handshake_initiator *hs, struct primitives *p,
				     const struct handshake_self *self,
				     const struct handshake_peer *peer, enum tunnel_cipher cipher,
				     uint32_t local_index, const uint8_t timestamp[TIMESTAMP_BYTES],
				     const struct secret_key *ephemeral,
				     uint8_t out[HANDSHAKE_INITIATION_BYTES])
{
	struct handshake_initiation m = { 0 };

	handshake_initiator_fini(hs);
	hs->cipher = cipher;
	hs->local_index = local_index;
	enum err e = primitives_dh_key_init(&hs->ephemeral, ephemeral);
	if (!e)
		e = write_initiation(hs, p, self, peer, timestamp, &m);
	if (e) {
		handshake_initiator_fini(hs);
		return e;
	}
	hs->active = true;
	handshake_encode_initiation(&m, out);
	return ERR_OK;
}

/* <- e, ee, se, psk, and an AEAD over nothing that proves it all. `s` is a copy: a forged answer
 * must leave no trace. */
static enum err read_response(struct symmetric *s, struct primitives *p,
			      const struct handshake_initiator *hs,
			      const struct handshake_self *self, const struct handshake_peer *peer,
			      const struct handshake_response *m)
{
	uint8_t key[KEY_BYTES], nothing[1];
	enum err e;

	if ((e = symmetric_mix_ephemeral(s, p, &m->ephemeral)) ||
	    (e = mix_dh(s, p, &hs->ephemeral, &m->ephemeral, NULL)) ||
	    (e = mix_dh(s, p, &self->key, &m->ephemeral, NULL)) ||
	    (e = symmetric_mix_psk(s, p, peer->psk, key)))
		goto out;
	e = symmetric_unseal(s, p, key, m->sealed_nothing, sizeof(m->sealed_nothing), nothing);
out:
	secret_zero(key, sizeof(key));
	return e;
}

enum err handshake_consume_response(struct handshake_initiator *hs, struct primitives *p,
				    const struct handshake_self *self,
				    const struct handshake_peer *peer, const uint8_t *msg, size_t n,
				    uint64_t now_ms, struct keypair *kp)
{
	struct handshake_response m;
	enum err e = handshake_decode_response(msg, n, &m);
	if (e)
		return e;
	if (!hs->active || m.receiver != hs->local_index ||
	    (m.type == PACKET_WG_RESPONSE) != (hs->cipher == CIPHER_WIREGUARD))
		return ERR_INVALID;

	struct symmetric s = hs->sym;
	e = read_response(&s, p, hs, self, peer, &m);
	if (!e) {
		const struct session_ids ids = { true, hs->local_index, m.sender, hs->keys };
		e = make_keypair(&s, p, &ids, now_ms, kp);
	}
	secret_zero(&s, sizeof(s));
	if (!e)
		handshake_initiator_fini(hs);
	return e;
}

void handshake_initiator_fini(struct handshake_initiator *hs)
{
	primitives_dh_key_fini(&hs->ephemeral);
	secret_zero(hs, sizeof(*hs));
}

/* ------- Responder ------- */

enum err handshake_receive_initiation(struct handshake_responder *hs,
				      const struct handshake_self *self, const uint8_t *msg,
				      size_t n)
{
	*hs = (struct handshake_responder){ 0 };
	enum err e = handshake_decode_initiation(msg, n, &hs->msg);
	if (!e)
		e = primitives_dh(&self->key, &hs->msg.ephemeral, hs->static_ephemeral);
	if (!e)
		hs->step = HANDSHAKE_RECEIVED;
	return e;
}

enum err handshake_unseal_static(struct handshake_responder *hs, struct primitives *p,
				 const struct handshake_self *self, enum tunnel_cipher cipher)
{
	uint8_t key[KEY_BYTES];
	struct public_key claimed;
	struct symmetric s;
	enum err e;

	BUG_ON(hs->step != HANDSHAKE_RECEIVED);
	if ((hs->msg.type == PACKET_WG_INITIATION) != (cipher == CIPHER_WIREGUARD))
		return ERR_INVALID;
	if ((e = symmetric_init(&s, p, cipher, &self->key.public)) ||
	    (e = symmetric_mix_ephemeral(&s, p, &hs->msg.ephemeral)) ||
	    (e = symmetric_mix_key(&s, p, hs->static_ephemeral, key)) ||
	    (e = symmetric_unseal(&s, p, key, hs->msg.sealed_static, sizeof(hs->msg.sealed_static),
				  claimed.b)))
		goto out;
	hs->sym = s;
	hs->cipher = cipher;
	hs->peer_public = claimed;
	hs->step = HANDSHAKE_STATIC_KNOWN;
out:
	secret_zero(&s, sizeof(s));
	secret_zero(key, sizeof(key));
	return e;
}

enum err handshake_consume_initiation(struct handshake_responder *hs, struct primitives *p,
				      const struct handshake_peer *peer,
				      const uint8_t last_received[TIMESTAMP_BYTES])
{
	uint8_t key[KEY_BYTES], timestamp[TIMESTAMP_BYTES];
	struct symmetric s = hs->sym;
	enum err e;

	BUG_ON(hs->step != HANDSHAKE_STATIC_KNOWN);
	BUG_ON(!public_key_equal(&peer->public, &hs->peer_public));
	if ((e = symmetric_mix_key(&s, p, peer->static_static, key)) ||
	    (e = symmetric_unseal(&s, p, key, hs->msg.sealed_timestamp,
				  sizeof(hs->msg.sealed_timestamp), timestamp)))
		goto out;
	/* Big-endian throughout, so the order of the bytes is the order of the times. */
	if (memcmp(timestamp, last_received, TIMESTAMP_BYTES) <= 0) {
		e = ERR_REPLAY;
		goto out;
	}
	hs->sym = s;
	memcpy(hs->timestamp, timestamp, sizeof(hs->timestamp));
	hs->step = HANDSHAKE_VERIFIED;
out:
	secret_zero(&s, sizeof(s));
	secret_zero(key, sizeof(key));
	return e;
}

/* <- e, ee, se, psk, and an AEAD over nothing. Fills all of `m` but its MACs. */
static enum err write_response(struct symmetric *s, struct primitives *p,
			       const struct handshake_responder *hs,
			       const struct handshake_peer *peer, const struct dh_key *ephemeral,
			       struct handshake_response *m)
{
	uint8_t key[KEY_BYTES];
	enum err e;

	if ((e = symmetric_mix_ephemeral(s, p, &ephemeral->public)) ||
	    (e = mix_dh(s, p, ephemeral, &hs->msg.ephemeral, NULL)) ||
	    (e = mix_dh(s, p, ephemeral, &peer->public, NULL)) ||
	    (e = symmetric_mix_psk(s, p, peer->psk, key)) ||
	    (e = symmetric_seal(s, p, key, NULL, 0, m->sealed_nothing)))
		goto out;
	m->type = hs->cipher == CIPHER_WIREGUARD ? PACKET_WG_RESPONSE : PACKET_RESPONSE;
	m->receiver = hs->msg.sender;
	m->ephemeral = ephemeral->public;
out:
	secret_zero(key, sizeof(key));
	return e;
}

/* What must not outlive the handshake; the readable results stay. */
static void forget_secrets(struct handshake_responder *hs)
{
	secret_zero(&hs->sym, sizeof(hs->sym));
	secret_zero(hs->static_ephemeral, sizeof(hs->static_ephemeral));
	hs->step = HANDSHAKE_NONE;
}

enum err handshake_create_response(struct handshake_responder *hs, struct primitives *p,
				   const struct handshake_peer *peer, uint32_t local_index,
				   const struct secret_key *ephemeral, uint64_t now_ms,
				   uint8_t out[HANDSHAKE_RESPONSE_BYTES], struct keypair *kp)
{
	struct handshake_response m = { .sender = local_index };
	struct symmetric s = hs->sym;
	struct dh_key e_key;

	BUG_ON(hs->step != HANDSHAKE_VERIFIED);
	BUG_ON(!public_key_equal(&peer->public, &hs->peer_public));
	enum err e = primitives_dh_key_init(&e_key, ephemeral);
	if (!e)
		e = write_response(&s, p, hs, peer, &e_key, &m);
	if (!e) {
		const struct session_ids ids = { false, local_index, hs->msg.sender, hs->keys };
		e = make_keypair(&s, p, &ids, now_ms, kp);
	}
	if (!e) {
		handshake_encode_response(&m, out);
		forget_secrets(hs);
	}
	primitives_dh_key_fini(&e_key);
	secret_zero(&s, sizeof(s));
	return e;
}

void handshake_responder_fini(struct handshake_responder *hs) { secret_zero(hs, sizeof(*hs)); }
