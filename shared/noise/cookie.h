/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * cookie: MAC1, MAC2 and cookie replies, WireGuard's defence against floods of handshakes
 * (whitepaper sections 5.3 and 5.4.7). MAC1 proves that the sender knows our public key. Under load
 * we do nothing costly for a sender that has not shown, by MAC2, that it can receive at its source
 * address: it is sent a cookie, a MAC over that address under a secret of ours.
 *
 *     sender                                                      receiver
 *     cookie_add_macs()        -- initiation or response -->  cookie_check(): drop what is BAD
 *     cookie_consume_reply()   <-- cookie reply --            under load and MAC1 only:
 *                                                             cookie_create_reply()
 *     cookie_add_macs()           -- the next try, with MAC2 -->
 *
 * Types 1 and 2 are answered by type 3, types 5 and 6 by type 9. All have the same construction.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/addr.h"
#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/noise/primitives.h"
#include "shared/wire/handshake.h"
#include "shared/wire/limits.h"

/* ------- Receiver: one per engine ------- */

struct cookie_checker {
	uint8_t mac1_key[KEY_BYTES];  /* Hash("mac1----" || our public key) */
	uint8_t reply_key[KEY_BYTES]; /* Hash("cookie--" || our public key) */
	uint8_t secret[KEY_BYTES];    /* changed every COOKIE_SECRET_MAX_AGE_MS */
	uint64_t secret_born_ms;
	bool has_secret;
};

/*
 * Where a handshake message came from. `relay_source`: node id of the envelope it was in, 0 when
 * it came by itself; so that relayed senders do not share one cookie.
 */
struct cookie_source {
	struct endpoint endpoint;
	uint32_t relay_source;
};

enum cookie_verdict { COOKIE_BAD, COOKIE_MAC1, COOKIE_MAC1_AND_MAC2 };

enum err cookie_checker_init(struct cookie_checker *c, struct primitives *p,
			     const struct public_key *own) must_check;
void cookie_checker_fini(struct cookie_checker *c);
/*
 * Judges the MACs of an initiation or response that packet_classify() accepted. A failing
 * libcrypto counts as COOKIE_BAD.
 */
enum cookie_verdict cookie_check(struct cookie_checker *c, struct primitives *p, const uint8_t *msg,
				 size_t n, const struct cookie_source *from, uint64_t now_ms);
/*
 * Writes the cookie reply to `msg`, whose MAC1 was found right. It is shorter than what it answers
 * (64 bytes to 92 or 148), so nothing is amplified. `nonce` NULL: random, as it must be outside of
 * tests. ERR_INVALID: `msg` is no initiation or response. ERR_CRYPTO.
 */
enum err cookie_create_reply(struct cookie_checker *c, struct primitives *p, const uint8_t *msg,
			     size_t n, const struct cookie_source *from, uint64_t now_ms,
			     const uint8_t *nonce, uint8_t out[COOKIE_REPLY_BYTES]) must_check;

/* ------- Sender: one per peer ------- */

struct cookie_maker {
	uint8_t mac1_key[KEY_BYTES]; /* of the peer's public key */
	uint8_t reply_key[KEY_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	bool has_cookie;
	uint64_t cookie_born_ms;
	enum packet_type sent_type; /* of the last message; 0: none, so no reply is awaited */
	uint8_t sent_mac1[COOKIE_BYTES];
};

enum err cookie_maker_init(struct cookie_maker *m, struct primitives *p,
			   const struct public_key *peer) must_check;
void cookie_maker_fini(struct cookie_maker *m);
/*
 * Fills MAC1, and MAC2 while a cookie is younger than COOKIE_VALID_MS (else zeros), into an
 * encoded initiation or response. ERR_INVALID: neither. ERR_CRYPTO.
 */
enum err cookie_add_macs(struct cookie_maker *m, struct primitives *p, uint8_t *msg, size_t n,
			 uint64_t now_ms) must_check;
/*
 * Takes the cookie from a reply whose receiver index the caller has matched with the message sent
 * last. Does not cause a retry: the next one, by its own timer, carries MAC2. Each message sent can
 * be answered once. ERR_INVALID: no reply, or none awaited, or of the wrong type; ERR_AUTH: forged.
 * ERR_CRYPTO.
 */
enum err cookie_consume_reply(struct cookie_maker *m, struct primitives *p, const uint8_t *msg,
			      size_t n, uint64_t now_ms) must_check;
