/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * handshake: the three handshake messages as structs. WireGuard's types 1, 2, 3 and the agents' 5,
 * 6, 9 differ in nothing but the type byte (WireGuard whitepaper, sections 5.4.2, 5.4.3, 5.4.7). No
 * cryptography here: that is shared/noise/handshake.h and cookie.h. Layouts: schema/PROTOCOL.md,
 * "Handshake".
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/wire/limits.h"

struct handshake_initiation {
	enum packet_type type;       /* PACKET_WG_INITIATION or PACKET_INITIATION */
	uint32_t sender;             /* index by which the initiator finds its session */
	struct public_key ephemeral; /* in the clear */
	uint8_t sealed_static[KEY_BYTES + AEAD_TAG_BYTES];
	uint8_t sealed_timestamp[TIMESTAMP_BYTES + AEAD_TAG_BYTES];
	uint8_t mac1[COOKIE_BYTES];
	uint8_t mac2[COOKIE_BYTES];
};

struct handshake_response {
	enum packet_type type; /* PACKET_WG_RESPONSE or PACKET_RESPONSE */
	uint32_t sender;       /* the responder's index */
	uint32_t receiver;     /* the initiator's, from its initiation */
	struct public_key ephemeral;
	uint8_t sealed_nothing[AEAD_TAG_BYTES];
	uint8_t mac1[COOKIE_BYTES];
	uint8_t mac2[COOKIE_BYTES];
};

struct handshake_cookie_reply {
	enum packet_type type; /* PACKET_WG_COOKIE or PACKET_COOKIE */
	uint32_t receiver;     /* the sender index of the message that is answered */
	uint8_t nonce[COOKIE_NONCE_BYTES];
	uint8_t sealed_cookie[COOKIE_BYTES + AEAD_TAG_BYTES];
};

/*
 * Where the MACs stand: MAC1 covers all before itself, MAC2 all before itself with MAC1. `n` is
 * the message's length.
 */
#define HANDSHAKE_MAC1_OFFSET(n) ((n)-2u * COOKIE_BYTES)
#define HANDSHAKE_MAC2_OFFSET(n) ((n)-COOKIE_BYTES)

/* A type that does not fit the struct is our own mistake. */
void handshake_encode_initiation(const struct handshake_initiation *m,
				 uint8_t out[HANDSHAKE_INITIATION_BYTES]);
void handshake_encode_response(const struct handshake_response *m,
			       uint8_t out[HANDSHAKE_RESPONSE_BYTES]);
void handshake_encode_cookie_reply(const struct handshake_cookie_reply *m,
				   uint8_t out[COOKIE_REPLY_BYTES]);

/*
 * ERR_INVALID: another type, another length, reserved bytes that are not zero. `out` is written on
 * success only.
 */
enum err handshake_decode_initiation(const uint8_t *p, size_t n,
				     struct handshake_initiation *out) must_check;
enum err handshake_decode_response(const uint8_t *p, size_t n,
				   struct handshake_response *out) must_check;
enum err handshake_decode_cookie_reply(const uint8_t *p, size_t n,
				       struct handshake_cookie_reply *out) must_check;
