/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/cookie.h"

#include <string.h>

#include "shared/base/cursor.h"

#define LABEL_BYTES      8u
#define SOURCE_BYTES_MAX (16u + 2u + 4u)

static const char mac1_label[] = "mac1----";
static const char cookie_label[] = "cookie--";

/* Both keys of whoever owns `public`: all senders can compute them, so they are not secret, only
 * hard to know for a stranger. */
static enum err derive_keys(struct primitives *p, const struct public_key *public,
			    uint8_t mac1_key[KEY_BYTES], uint8_t reply_key[KEY_BYTES])
{
	enum err e = primitives_hash(p, mac1_label, LABEL_BYTES, public->b, KEY_BYTES, mac1_key);
	return e ? e
		 : primitives_hash(p, cookie_label, LABEL_BYTES, public->b, KEY_BYTES, reply_key);
}

/* The type of an initiation or response of its right length; 0 for anything else. */
static enum packet_type type_with_macs(const uint8_t *msg, size_t n)
{
	if (n == HANDSHAKE_INITIATION_BYTES &&
	    (msg[0] == PACKET_WG_INITIATION || msg[0] == PACKET_INITIATION))
		return (enum packet_type)msg[0];
	if (n == HANDSHAKE_RESPONSE_BYTES &&
	    (msg[0] == PACKET_WG_RESPONSE || msg[0] == PACKET_RESPONSE))
		return (enum packet_type)msg[0];
	return (enum packet_type)0;
}

static enum packet_type reply_type_to(enum packet_type t)
{
	return t == PACKET_WG_INITIATION || t == PACKET_WG_RESPONSE ? PACKET_WG_COOKIE
								    : PACKET_COOKIE;
}

/* ------- Receiver ------- */

enum err cookie_checker_init(struct cookie_checker *c, struct primitives *p,
			     const struct public_key *own)
{
	*c = (struct cookie_checker){ 0 };
	return derive_keys(p, own, c->mac1_key, c->reply_key);
}

void cookie_checker_fini(struct cookie_checker *c) { secret_zero(c, sizeof(*c)); }

static bool secret_is_fresh(const struct cookie_checker *c, uint64_t now_ms)
{
	return c->has_secret && now_ms - c->secret_born_ms < COOKIE_SECRET_MAX_AGE_MS;
}

/*
 * The cookie of a source: a MAC over its address, port (big-endian) and relay id under our present
 * secret. Nobody but us ever has to compute it.
 */
static enum err cookie_of(struct cookie_checker *c, struct primitives *p,
			  const struct cookie_source *from, uint8_t out[COOKIE_BYTES])
{
	uint8_t bytes[SOURCE_BYTES_MAX];
	struct cursor w;

	cursor_init_write(&w, bytes, sizeof(bytes));
	cursor_put_bytes(&w, from->endpoint.addr.b, addr_len(&from->endpoint.addr));
	cursor_put_be16(&w, from->endpoint.port);
	cursor_put_be32(&w, from->relay_source);
	BUG_ON(cursor_end(&w));
	return primitives_mac(p, c->secret, sizeof(c->secret), bytes, cursor_pos(&w), out);
}

/* True when `mac` is the MAC of the first `len` bytes of the message. */
static bool mac_is_right(struct primitives *p, const void *key, size_t key_len, const uint8_t *msg,
			 size_t len, const uint8_t *mac)
{
	uint8_t want[COOKIE_BYTES];
	bool right = !primitives_mac(p, key, key_len, msg, len, want) &&
		     secret_equal(want, mac, COOKIE_BYTES);
	secret_zero(want, sizeof(want));
	return right;
}

enum cookie_verdict cookie_check(struct cookie_checker *c, struct primitives *p, const uint8_t *msg,
				 size_t n, const struct cookie_source *from, uint64_t now_ms)
{
	uint8_t cookie[COOKIE_BYTES];

	if (!type_with_macs(msg, n))
		return COOKIE_BAD;
	const uint8_t *mac1 = msg + HANDSHAKE_MAC1_OFFSET(n);
	const uint8_t *mac2 = msg + HANDSHAKE_MAC2_OFFSET(n);
	if (!mac_is_right(p, c->mac1_key, KEY_BYTES, msg, HANDSHAKE_MAC1_OFFSET(n), mac1))
		return COOKIE_BAD;
	/* Zeros mean "I have no cookie": the usual case, not worth a computation. */
	if (secret_is_zero(mac2, COOKIE_BYTES) || !secret_is_fresh(c, now_ms))
		return COOKIE_MAC1;
	bool right = !cookie_of(c, p, from, cookie) &&
		     mac_is_right(p, cookie, sizeof(cookie), msg, HANDSHAKE_MAC2_OFFSET(n), mac2);
	secret_zero(cookie, sizeof(cookie));
	return right ? COOKIE_MAC1_AND_MAC2 : COOKIE_MAC1;
}

enum err cookie_create_reply(struct cookie_checker *c, struct primitives *p, const uint8_t *msg,
			     size_t n, const struct cookie_source *from, uint64_t now_ms,
			     const uint8_t *nonce, uint8_t out[COOKIE_REPLY_BYTES])
{
	struct handshake_cookie_reply m;
	uint8_t cookie[COOKIE_BYTES];
	enum packet_type type = type_with_macs(msg, n);

	if (!type)
		return ERR_INVALID;
	if (!secret_is_fresh(c, now_ms)) {
		secret_random(c->secret, sizeof(c->secret));
		c->secret_born_ms = now_ms;
		c->has_secret = true;
	}

	struct cursor r;
	cursor_init_read(&r, msg, n);
	cursor_get_u32(&r);
	m.receiver = cursor_get_u32(&r);
	m.type = reply_type_to(type);
	if (nonce)
		memcpy(m.nonce, nonce, sizeof(m.nonce));
	else
		secret_random(m.nonce, sizeof(m.nonce));
	enum err e = cookie_of(c, p, from, cookie);
	if (!e)
		e = primitives_xseal(p, c->reply_key, m.nonce, msg + HANDSHAKE_MAC1_OFFSET(n),
				     COOKIE_BYTES, cookie, sizeof(cookie), m.sealed_cookie);
	secret_zero(cookie, sizeof(cookie));
	if (!e)
		handshake_encode_cookie_reply(&m, out);
	return e;
}

/* ------- Sender ------- */

enum err cookie_maker_init(struct cookie_maker *m, struct primitives *p,
			   const struct public_key *peer)
{
	*m = (struct cookie_maker){ 0 };
	return derive_keys(p, peer, m->mac1_key, m->reply_key);
}

void cookie_maker_fini(struct cookie_maker *m) { secret_zero(m, sizeof(*m)); }

enum err cookie_add_macs(struct cookie_maker *m, struct primitives *p, uint8_t *msg, size_t n,
			 uint64_t now_ms)
{
	enum packet_type type = type_with_macs(msg, n);
	if (!type)
		return ERR_INVALID;

	uint8_t *mac1 = msg + HANDSHAKE_MAC1_OFFSET(n);
	uint8_t *mac2 = msg + HANDSHAKE_MAC2_OFFSET(n);
	enum err e = primitives_mac(p, m->mac1_key, KEY_BYTES, msg, HANDSHAKE_MAC1_OFFSET(n), mac1);
	if (e)
		return e;
	memcpy(m->sent_mac1, mac1, COOKIE_BYTES);
	m->sent_type = type;

	memset(mac2, 0, COOKIE_BYTES);
	if (m->has_cookie && now_ms - m->cookie_born_ms >= COOKIE_VALID_MS) {
		secret_zero(m->cookie, sizeof(m->cookie));
		m->has_cookie = false;
	}
	if (!m->has_cookie)
		return ERR_OK;
	return primitives_mac(p, m->cookie, sizeof(m->cookie), msg, HANDSHAKE_MAC2_OFFSET(n), mac2);
}

enum err cookie_consume_reply(struct cookie_maker *m, struct primitives *p, const uint8_t *msg,
			      size_t n, uint64_t now_ms)
{
	struct handshake_cookie_reply r;
	uint8_t cookie[COOKIE_BYTES];
	enum err e = handshake_decode_cookie_reply(msg, n, &r);
	if (e)
		return e;
	if (!m->sent_type || r.type != reply_type_to(m->sent_type))
		return ERR_INVALID;
	e = primitives_xunseal(p, m->reply_key, r.nonce, m->sent_mac1, COOKIE_BYTES,
			       r.sealed_cookie, sizeof(r.sealed_cookie), cookie);
	if (e)
		return e;
	memcpy(m->cookie, cookie, sizeof(m->cookie));
	secret_zero(cookie, sizeof(cookie));
	m->has_cookie = true;
	m->cookie_born_ms = now_ms;
	m->sent_type = (enum packet_type)0;
	return ERR_OK;
}
