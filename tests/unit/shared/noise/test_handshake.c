/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/handshake.h"

#include "shared/noise/cookie.h"
#include "tests/unit/shared/noise/vectors.h"

#define NOW_MS     5000000u
#define INITIATION HANDSHAKE_INITIATION_BYTES
#define RESPONSE   HANDSHAKE_RESPONSE_BYTES

static struct primitives prim;
static const enum tunnel_cipher ciphers[] = { CIPHER_WIREGUARD, CIPHER_AES256GCM,
					      CIPHER_CHACHA20POLY1305 };
static const uint8_t never[TIMESTAMP_BYTES];
static const struct cookie_source source = {
	.endpoint = { .addr = { .family = AF_INET, .b = { 192, 0, 2, 1 } }, .port = 1 }
};

static int setup(void **state)
{
	(void)state;
	return primitives_init(&prim);
}

static int teardown(void **state)
{
	(void)state;
	primitives_fini(&prim);
	return 0;
}

/* Two nodes that know each other: `i` initiates, `r` responds. */
struct world {
	enum tunnel_cipher cipher;
	struct handshake_self i, r;
	struct handshake_peer r_at_i, i_at_r;
	struct cookie_maker to_r, to_i;
	struct cookie_checker at_r, at_i;
	struct handshake_initiator hs;
	uint8_t timestamp[TIMESTAMP_BYTES];
	uint8_t initiation[INITIATION];
	uint8_t response[RESPONSE];
	struct keypair kp_i, kp_r;
};

static void world_know(struct world *w, const struct secret_key *psk)
{
	assert_int_equal(handshake_peer_init(&w->r_at_i, &w->i, &w->r.key.public, psk), ERR_OK);
	assert_int_equal(handshake_peer_init(&w->i_at_r, &w->r, &w->i.key.public, psk), ERR_OK);
	assert_int_equal(cookie_maker_init(&w->to_r, &prim, &w->r.key.public), ERR_OK);
	assert_int_equal(cookie_maker_init(&w->to_i, &prim, &w->i.key.public), ERR_OK);
	assert_int_equal(cookie_checker_init(&w->at_r, &prim, &w->r.key.public), ERR_OK);
	assert_int_equal(cookie_checker_init(&w->at_i, &prim, &w->i.key.public), ERR_OK);
}

static void world_init(struct world *w, enum tunnel_cipher cipher)
{
	static const struct secret_key i = { { 0, 1 } }, r = { { 0, 2 } }, psk = { { 5, 5 } };
	*w = (struct world){ .cipher = cipher };
	assert_int_equal(handshake_self_init(&w->i, &i), ERR_OK);
	assert_int_equal(handshake_self_init(&w->r, &r), ERR_OK);
	world_know(w, &psk);
}

static void world_fini(struct world *w)
{
	handshake_self_fini(&w->i);
	handshake_self_fini(&w->r);
	handshake_peer_fini(&w->r_at_i);
	handshake_peer_fini(&w->i_at_r);
	handshake_initiator_fini(&w->hs);
	keypair_fini(&w->kp_i);
	keypair_fini(&w->kp_r);
}

static void world_initiate(struct world *w, const struct secret_key *ephemeral, uint32_t index)
{
	assert_int_equal(handshake_create_initiation(&w->hs, &prim, &w->i, &w->r_at_i, w->cipher,
						     index, w->timestamp, ephemeral, w->initiation),
			 ERR_OK);
	assert_int_equal(cookie_add_macs(&w->to_r, &prim, w->initiation, INITIATION, NOW_MS),
			 ERR_OK);
}

/* All that a responder does with a datagram, the MACs left aside; ERR_OK puts the answer and the
 * keypair into the world. */
static enum err respond_without_macs(struct world *w, const uint8_t *msg, size_t n,
				     const uint8_t *last, const struct secret_key *ephemeral,
				     uint32_t index)
{
	struct handshake_responder hs;
	enum err e;
	if ((e = handshake_receive_initiation(&hs, &w->r, msg, n)) ||
	    (e = handshake_unseal_static(&hs, &prim, &w->r, w->cipher)))
		goto out;
	if (!public_key_equal(&hs.peer_public, &w->i_at_r.public)) {
		e = ERR_NOTFOUND;
		goto out;
	}
	if ((e = handshake_consume_initiation(&hs, &prim, &w->i_at_r, last)) ||
	    (e = handshake_create_response(&hs, &prim, &w->i_at_r, index, ephemeral, NOW_MS,
					   w->response, &w->kp_r)))
		goto out;
	assert_memory_equal(hs.timestamp, w->timestamp, TIMESTAMP_BYTES);
	assert_int_equal(cookie_add_macs(&w->to_i, &prim, w->response, RESPONSE, NOW_MS), ERR_OK);
out:
	handshake_responder_fini(&hs);
	return e;
}

static enum err respond(struct world *w, const uint8_t *msg, size_t n)
{
	if (cookie_check(&w->at_r, &prim, msg, n, &source, NOW_MS) == COOKIE_BAD)
		return ERR_AUTH;
	return respond_without_macs(w, msg, n, never, NULL, 77);
}

static enum err complete(struct world *w, const uint8_t *msg, size_t n)
{
	if (cookie_check(&w->at_i, &prim, msg, n, &source, NOW_MS) == COOKIE_BAD)
		return ERR_AUTH;
	return handshake_consume_response(&w->hs, &prim, &w->i, &w->r_at_i, msg, n, NOW_MS,
					  &w->kp_i);
}

/* One packet each way, the initiator first. */
static void assert_session_works(struct world *w)
{
	uint8_t mem[256], flags;
	struct pkt p;
	struct keypair *way[] = { &w->kp_i, &w->kp_r, &w->kp_r, &w->kp_i };
	for (size_t i = 0; i < 4; i += 2) {
		pkt_init(&p, mem, sizeof(mem), PACKET_HEADROOM_BYTES);
		memcpy(pkt_put(&p, 16), "sixteen bytes ok", 16);
		assert_int_equal(keypair_seal(way[i], &p, 0, 0), ERR_OK);
		assert_int_equal(keypair_open(way[i + 1], &p, &flags), ERR_OK);
		assert_memory_equal(p.data, "sixteen bytes ok", 16);
	}
}

/* ------- Against the independently derived vectors ------- */

static void check_transport(struct world *w, const json_t *t)
{
	uint8_t mem[512], want[256], flags = (uint8_t)json_u32(t, "flags"), got;
	bool from_i = !strcmp(json_string_value(json_object_get(t, "from")), "initiator");
	struct keypair *from = from_i ? &w->kp_i : &w->kp_r, *to = from_i ? &w->kp_r : &w->kp_i;
	struct pkt p;

	pkt_init(&p, mem, sizeof(mem), PACKET_HEADROOM_BYTES);
	size_t len = json_hex(t, "plaintext", p.data, 128);
	pkt_put(&p, len);
	size_t n = json_hex(t, "packet", want, sizeof(want));
	const uint64_t counter =
		strtoull(json_string_value(json_object_get(t, "counter")), NULL, 10);
	if (from->cipher != CIPHER_WIREGUARD)
		keypair_set_space(from, (uint8_t)(counter >> NONCE_SPACE_SHIFT));
	from->send_counter = counter;
	assert_int_equal(keypair_seal(from, &p, flags, 0), ERR_OK);
	assert_int_equal(p.len, n);
	assert_memory_equal(p.data, want, n);
	assert_int_equal(keypair_open(to, &p, &got), ERR_OK);
	assert_int_equal(got, flags);
}

/* The keys themselves are inside libcrypto: that a key gives the same record under the same counter
 * shows it. */
static void check_key(struct keypair *kp, const json_t *vector, const char *name)
{
	const struct aead_ops *ops = aead_openssl(kp->cipher);
	struct secret_key key = json_secret(vector, name);
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	void *ctx;
	assert_int_equal(ops->setkey(&prim, &key, AEAD_SEAL, &ctx), ERR_OK);
	assert_int_equal(ops->seal(ctx, 99, NULL, 0, a, 16, a), ERR_OK);
	assert_int_equal(ops->seal(kp->send_ctx, 99, NULL, 0, b, 16, b), ERR_OK);
	assert_memory_equal(a, b, sizeof(a));
	ops->free(ctx);
}

static void check_vector(const json_t *fixed, const json_t *v)
{
	struct world w = { .cipher = (enum tunnel_cipher)json_u32(v, "cipher") };
	struct secret_key si = json_secret(fixed, "initiator_private"),
			  ei = json_secret(fixed, "initiator_ephemeral");
	struct secret_key sr = json_secret(fixed, "responder_private"),
			  er = json_secret(fixed, "responder_ephemeral");
	struct secret_key psk = json_secret(v, "psk");
	struct public_key pi = json_public(v, "initiator_public"),
			  pr = json_public(v, "responder_public");
	uint8_t want[256];
	size_t i;
	const json_t *t;

	assert_int_equal(handshake_self_init(&w.i, &si), ERR_OK);
	assert_int_equal(handshake_self_init(&w.r, &sr), ERR_OK);
	assert_memory_equal(w.i.key.public.b, pi.b, 32);
	assert_memory_equal(w.r.key.public.b, pr.b, 32);
	world_know(&w, secret_is_zero(psk.b, 32) ? NULL : &psk);
	json_hex(fixed, "timestamp", w.timestamp, sizeof(w.timestamp));

	world_initiate(&w, &ei, json_u32(fixed, "initiator_index"));
	assert_int_equal(json_hex(v, "initiation", want, sizeof(want)), INITIATION);
	assert_memory_equal(w.initiation, want, INITIATION);
	assert_int_equal(respond_without_macs(&w, w.initiation, INITIATION, never, &er,
					      json_u32(fixed, "responder_index")),
			 ERR_OK);
	assert_int_equal(json_hex(v, "response", want, sizeof(want)), RESPONSE);
	assert_memory_equal(w.response, want, RESPONSE);
	assert_int_equal(complete(&w, w.response, RESPONSE), ERR_OK);

	json_array_foreach(json_object_get(v, "transport"), i, t) check_transport(&w, t);
	check_key(&w.kp_i, v, "initiator_send_key");
	check_key(&w.kp_r, v, "responder_send_key");
	world_fini(&w);
}

static void equals_the_derived_vectors(void **state)
{
	json_t *j = vectors_load();
	json_t *v;
	size_t i;
	(void)state;
	assert_int_equal(json_array_size(json_object_get(j, "handshakes")), 2 * ARRAY_LEN(ciphers));
	json_array_foreach(json_object_get(j, "handshakes"), i, v)
		check_vector(json_object_get(j, "fixed"), v);
	json_decref(j);
}

/* ------- Behaviour ------- */

static void both_sides_get_a_session(void **state)
{
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		world_initiate(&w, NULL, 7);
		assert_true(w.hs.active);
		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_OK);
		assert_true(secret_is_zero(&w.hs, sizeof(w.hs)));
		assert_true(w.kp_i.is_initiator && w.kp_i.confirmed && !w.kp_r.is_initiator &&
			    !w.kp_r.confirmed);
		assert_int_equal(w.kp_i.local_index, 7);
		assert_int_equal(w.kp_i.remote_index, 77);
		assert_int_equal(w.kp_r.local_index, 77);
		assert_int_equal(w.kp_r.remote_index, 7);
		assert_int_equal(w.kp_i.created_ms, NOW_MS);
		assert_session_works(&w);
		/* The same answer again finds nobody waiting. */
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_INVALID);
		world_fini(&w);
	}
}

/* Every bit of the messages: MAC1 alone already refuses all that it covers. */
static void flipped_bits_fail_mac1(void **state)
{
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		world_initiate(&w, NULL, 7);
		for (size_t i = 0; i < 8 * HANDSHAKE_MAC2_OFFSET(INITIATION); i++) {
			w.initiation[i / 8] ^= (uint8_t)(1u << (i % 8));
			assert_int_equal(cookie_check(&w.at_r, &prim, w.initiation, INITIATION,
						      &source, NOW_MS),
					 COOKIE_BAD);
			w.initiation[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		for (size_t i = 0; i < 8 * HANDSHAKE_MAC2_OFFSET(RESPONSE); i++) {
			w.response[i / 8] ^= (uint8_t)(1u << (i % 8));
			assert_int_equal(complete(&w, w.response, RESPONSE), ERR_AUTH);
			w.response[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_OK);
		world_fini(&w);
	}
}

/*
 * An attacker who knows our public key can make MAC1 right again: then Noise itself must refuse.
 * The sender's index alone is not bound by Noise, as in WireGuard: it can only lead the answer
 * astray.
 */
static void flipped_bytes_fail_noise(void **state)
{
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		world_initiate(&w, NULL, 7);
		for (size_t i = 0; i < HANDSHAKE_MAC1_OFFSET(INITIATION); i++) {
			if (i >= 4 && i < 8)
				continue;
			w.initiation[i] ^= 0x80;
			enum err e =
				respond_without_macs(&w, w.initiation, INITIATION, never, NULL, 77);
			assert_true(e == ERR_AUTH || e == ERR_INVALID);
			assert_false(w.kp_r.valid);
			w.initiation[i] ^= 0x80;
		}
		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		for (size_t i = 0; i < HANDSHAKE_MAC1_OFFSET(RESPONSE); i++) {
			if (i >= 4 && i < 8)
				continue;
			w.response[i] ^= 0x80;
			enum err e =
				handshake_consume_response(&w.hs, &prim, &w.i, &w.r_at_i,
							   w.response, RESPONSE, NOW_MS, &w.kp_i);
			assert_true(e == ERR_AUTH || e == ERR_INVALID);
			assert_true(w.hs.active);
			assert_false(w.kp_i.valid);
			w.response[i] ^= 0x80;
		}
		/* None of these attempts has spoilt the handshake. */
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_OK);
		assert_session_works(&w);
		world_fini(&w);
	}
}

static void truncated_messages_are_refused(void **state)
{
	struct world w;
	uint8_t longer[INITIATION + 1] = { 0 };
	(void)state;
	world_init(&w, CIPHER_AES256GCM);
	w.timestamp[0] = 1;
	world_initiate(&w, NULL, 7);
	for (size_t n = 0; n < INITIATION; n++)
		assert_int_equal(respond_without_macs(&w, w.initiation, n, never, NULL, 77),
				 ERR_INVALID);
	memcpy(longer, w.initiation, INITIATION);
	assert_int_equal(respond_without_macs(&w, longer, sizeof(longer), never, NULL, 77),
			 ERR_INVALID);
	assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
	for (size_t n = 0; n < RESPONSE; n++)
		assert_int_equal(handshake_consume_response(&w.hs, &prim, &w.i, &w.r_at_i,
							    w.response, n, NOW_MS, &w.kp_i),
				 ERR_INVALID);
	world_fini(&w);
}

static void wrong_role_is_refused(void **state)
{
	struct world w;
	struct handshake_responder hs;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		world_initiate(&w, NULL, 7);
		/* An initiation is no response, and the other way round. */
		assert_int_equal(handshake_consume_response(&w.hs, &prim, &w.i, &w.r_at_i,
							    w.initiation, INITIATION, NOW_MS,
							    &w.kp_i),
				 ERR_INVALID);
		/* Reflected to its sender: it is not for that key. */
		assert_int_equal(handshake_receive_initiation(&hs, &w.i, w.initiation, INITIATION),
				 ERR_OK);
		assert_int_equal(handshake_unseal_static(&hs, &prim, &w.i, ciphers[c]), ERR_AUTH);
		handshake_responder_fini(&hs);

		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		assert_int_equal(handshake_receive_initiation(&hs, &w.r, w.response, RESPONSE),
				 ERR_INVALID);
		handshake_responder_fini(&hs);
		/* A response to an initiation before the last one. */
		world_initiate(&w, NULL, 8);
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_INVALID);
		world_initiate(&w, NULL, 7);
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_AUTH);
		world_fini(&w);
	}
}

static void replayed_and_older_initiations_are_refused(void **state)
{
	static const struct {
		uint8_t last[TIMESTAMP_BYTES];
		enum err want;
	} rows[] = {
		{ { 0x40, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 8 }, ERR_OK },
		{ { 0x40, 0, 0, 0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff }, ERR_OK },
		{ { 0x40, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9 }, ERR_REPLAY }, /* the same */
		{ { 0x40, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 10 }, ERR_REPLAY },
		{ { 0x40, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0 }, ERR_REPLAY },
		{ { 0x80 }, ERR_REPLAY },
	};
	static const uint8_t timestamp[TIMESTAMP_BYTES] = { 0x40, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9 };
	struct world w;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		world_init(&w, ciphers[i % ARRAY_LEN(ciphers)]);
		memcpy(w.timestamp, timestamp, sizeof(timestamp));
		world_initiate(&w, NULL, 7);
		assert_int_equal(
			respond_without_macs(&w, w.initiation, INITIATION, rows[i].last, NULL, 77),
			rows[i].want);
		assert_int_equal(w.kp_r.valid, rows[i].want == ERR_OK);
		world_fini(&w);
	}
}

static void wrong_psk_is_refused(void **state)
{
	static const struct secret_key other = { { 6 } };
	const struct secret_key *psks[] = { NULL, &other };
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers) * ARRAY_LEN(psks); c++) {
		world_init(&w, ciphers[c % ARRAY_LEN(ciphers)]);
		w.timestamp[0] = 1;
		assert_int_equal(handshake_peer_init(&w.i_at_r, &w.r, &w.i.key.public,
						     psks[c / ARRAY_LEN(ciphers)]),
				 ERR_OK);
		world_initiate(&w, NULL, 7);
		/* psk2: it comes in with the response. */
		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_AUTH);
		assert_true(w.hs.active);
		world_fini(&w);
	}
}

static void the_cipher_must_be_the_right_one(void **state)
{
	struct world w;
	struct handshake_responder hs;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		world_initiate(&w, NULL, 7);
		assert_int_equal(handshake_receive_initiation(&hs, &w.r, w.initiation, INITIATION),
				 ERR_OK);
		for (size_t t = 0; t < ARRAY_LEN(ciphers); t++) {
			bool other_kind = (ciphers[t] == CIPHER_WIREGUARD) !=
					  (ciphers[c] == CIPHER_WIREGUARD);
			if (t != c)
				assert_int_equal(
					handshake_unseal_static(&hs, &prim, &w.r, ciphers[t]),
					other_kind ? ERR_INVALID : ERR_AUTH);
		}
		/* After the wrong ones the right one still works, on the same X25519. */
		assert_int_equal(handshake_unseal_static(&hs, &prim, &w.r, ciphers[c]), ERR_OK);
		assert_memory_equal(hs.peer_public.b, w.i.key.public.b, 32);
		assert_int_equal(hs.cipher, ciphers[c]);
		assert_int_equal(handshake_consume_initiation(&hs, &prim, &w.i_at_r, never),
				 ERR_OK);
		handshake_responder_fini(&hs);
		assert_true(secret_is_zero(&hs, sizeof(hs)));
		/* Type 1 and type 5 are one byte apart, and are not the same handshake. */
		w.initiation[0] = w.initiation[0] == PACKET_INITIATION ? PACKET_WG_INITIATION
								       : PACKET_INITIATION;
		assert_int_equal(handshake_receive_initiation(&hs, &w.r, w.initiation, INITIATION),
				 ERR_OK);
		for (size_t t = 0; t < ARRAY_LEN(ciphers); t++)
			assert_int_not_equal(handshake_unseal_static(&hs, &prim, &w.r, ciphers[t]),
					     ERR_OK);
		handshake_responder_fini(&hs);
		world_fini(&w);
	}
}

/* Somebody who knows the responder's key but has another private key than the one that it claims.
 */
static void a_stolen_name_is_refused(void **state)
{
	static const struct secret_key thief_key = { { 99 } };
	struct handshake_self thief;
	struct handshake_responder hs;
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		assert_int_equal(handshake_self_init(&thief, &thief_key), ERR_OK);
		/* The victim's public key in the message, the thief's secret in the static-static
		 * mix. */
		struct public_key victim = w.i.key.public;
		primitives_dh_key_fini(&w.i.key);
		w.i.key = thief.key;
		assert_int_equal(handshake_peer_init(&w.r_at_i, &w.i, &w.r.key.public, NULL),
				 ERR_OK);
		w.i.key.public = victim;
		world_initiate(&w, NULL, 7);
		assert_int_equal(handshake_receive_initiation(&hs, &w.r, w.initiation, INITIATION),
				 ERR_OK);
		assert_int_equal(handshake_unseal_static(&hs, &prim, &w.r, ciphers[c]), ERR_OK);
		assert_memory_equal(hs.peer_public.b, victim.b, 32);
		assert_int_equal(handshake_consume_initiation(&hs, &prim, &w.i_at_r, never),
				 ERR_AUTH);
		assert_int_equal(hs.step, HANDSHAKE_STATIC_KNOWN);
		handshake_responder_fini(&hs);
		world_fini(&w);
	}
}

static void low_order_points_are_refused(void **state)
{
	static const uint8_t one[32] = { 1 };
	struct handshake_responder hs;
	struct handshake_peer peer;
	struct public_key low = { { 1 } };
	struct world w;
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		world_init(&w, ciphers[c]);
		w.timestamp[0] = 1;
		assert_int_equal(handshake_peer_init(&peer, &w.r, &low, NULL), ERR_AUTH);
		assert_true(secret_is_zero(&peer, sizeof(peer)));
		world_initiate(&w, NULL, 7);
		assert_int_equal(respond(&w, w.initiation, INITIATION), ERR_OK);
		uint8_t bad[RESPONSE];
		memcpy(bad, w.response, RESPONSE);
		memcpy(bad + 12, one, 32);
		assert_int_equal(handshake_consume_response(&w.hs, &prim, &w.i, &w.r_at_i, bad,
							    RESPONSE, NOW_MS, &w.kp_i),
				 ERR_AUTH);
		memcpy(w.initiation + 8, one, 32);
		assert_int_equal(handshake_receive_initiation(&hs, &w.r, w.initiation, INITIATION),
				 ERR_AUTH);
		handshake_responder_fini(&hs);
		assert_int_equal(complete(&w, w.response, RESPONSE), ERR_OK);
		world_fini(&w);
	}
}

#define S    1000000000ll
#define TICK ((int64_t)TIMESTAMP_TICK_NS)

static void timestamps_are_rounded_and_never_go_back(void **state)
{
	static const struct {
		int64_t wall_ns;
		const char *last, *out;
	} rows[] = {
		{ 0, "000000000000000000000000", "400000000000000a00000000" },
		{ TICK - 1, "000000000000000000000000", "400000000000000a00000000" },
		{ TICK, "000000000000000000000000", "400000000000000a01000000" },
		{ 1700000000ll * S + 999999999, "000000000000000000000000",
		  "400000006553f10a3b000000" },
		/* Later than the last: as it is. The same tick, or a clock set back: one tick on.
		 */
		{ 5 * S, "400000000000000e3b000000", "400000000000000f00000000" },
		{ 5 * S, "400000000000000f00000000", "400000000000000f01000000" },
		{ 5 * S, "400000000000100005000000", "400000000000100006000000" },
		{ -5 * S, "400000000000100005000000", "400000000000100006000000" },
		/* The last tick of a second carries over. */
		{ 5 * S, "400000000000000f3b000000", "400000000000001000000000" },
		/* A stored one that is not ours: still later. */
		{ 5 * S, "400000000000000f00ffffff", "400000000000000f01000000" },
		{ 5 * S, "40000000000000ffffffffff", "400000000000010000000000" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t stamp[TIMESTAMP_BYTES], last[TIMESTAMP_BYTES], want[TIMESTAMP_BYTES];
		unhex(rows[i].last, stamp, sizeof(stamp));
		memcpy(last, stamp, sizeof(last));
		unhex(rows[i].out, want, sizeof(want));
		handshake_timestamp(rows[i].wall_ns, stamp, stamp);
		if (memcmp(stamp, want, sizeof(want)) != 0 ||
		    memcmp(stamp, last, sizeof(last)) <= 0)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_derived_vectors),
		cmocka_unit_test(both_sides_get_a_session),
		cmocka_unit_test(flipped_bits_fail_mac1),
		cmocka_unit_test(flipped_bytes_fail_noise),
		cmocka_unit_test(truncated_messages_are_refused),
		cmocka_unit_test(wrong_role_is_refused),
		cmocka_unit_test(replayed_and_older_initiations_are_refused),
		cmocka_unit_test(wrong_psk_is_refused),
		cmocka_unit_test(the_cipher_must_be_the_right_one),
		cmocka_unit_test(a_stolen_name_is_refused),
		cmocka_unit_test(low_order_points_are_refused),
		cmocka_unit_test(timestamps_are_rounded_and_never_go_back),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
