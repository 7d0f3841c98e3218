/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A datagram from a stranger: classified, decoded as what it says it is, and encoded again to the
 * same bytes. */
#include <string.h>

#include "shared/wire/handshake.h"
#include "shared/wire/packet.h"
#include "shared/wire/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_initiation(const uint8_t *data, size_t size)
{
	struct handshake_initiation m;
	uint8_t again[HANDSHAKE_INITIATION_BYTES];
	BUG_ON(handshake_decode_initiation(data, size, &m));
	handshake_encode_initiation(&m, again);
	BUG_ON(memcmp(data, again, size) != 0);
}

static void check_response(const uint8_t *data, size_t size)
{
	struct handshake_response m;
	uint8_t again[HANDSHAKE_RESPONSE_BYTES];
	BUG_ON(handshake_decode_response(data, size, &m));
	handshake_encode_response(&m, again);
	BUG_ON(memcmp(data, again, size) != 0);
}

static void check_cookie(const uint8_t *data, size_t size)
{
	struct handshake_cookie_reply m;
	uint8_t again[COOKIE_REPLY_BYTES];
	BUG_ON(handshake_decode_cookie_reply(data, size, &m));
	handshake_encode_cookie_reply(&m, again);
	BUG_ON(memcmp(data, again, size) != 0);
}

static void check_transport(const uint8_t *data, size_t size)
{
	struct packet_transport h;
	uint8_t again[TRANSPORT_HEADER_BYTES];
	BUG_ON(packet_decode_transport(data, size, &h));
	packet_encode_transport(&h, again);
	BUG_ON(memcmp(data, again, sizeof(again)) != 0);
}

/* What is inside an accepted envelope must be acceptable by itself, and lie within the datagram. */
static void check_relay(const uint8_t *data, size_t size)
{
	struct relay_view v;
	uint8_t again[RELAY_HEADER_BYTES];
	if (relay_decode(data, size, &v))
		return;
	relay_encode(v.destination, v.source, v.flags, again);
	BUG_ON(memcmp(data, again, sizeof(again)) != 0);
	BUG_ON(v.inner != data + RELAY_HEADER_BYTES || v.inner_len != size - RELAY_HEADER_BYTES);
	BUG_ON(v.inner_type == PACKET_RELAY || !packet_is_agent(v.inner_type));
	LLVMFuzzerTestOneInput(v.inner, v.inner_len);
}

/* Decoders called with what is not theirs must say so, not fall over it. */
static void check_refusals(const uint8_t *data, size_t size)
{
	struct handshake_initiation i;
	struct handshake_response r;
	struct handshake_cookie_reply c;
	struct packet_transport t;
	struct relay_view v;
	BUG_ON(handshake_decode_initiation(data, size, &i) == ERR_OK);
	BUG_ON(handshake_decode_response(data, size, &r) == ERR_OK);
	BUG_ON(handshake_decode_cookie_reply(data, size, &c) == ERR_OK);
	BUG_ON(packet_decode_transport(data, size, &t) == ERR_OK);
	BUG_ON(relay_decode(data, size, &v) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(const uint8_t *, size_t) = {
		[PACKET_WG_INITIATION] = check_initiation,
		[PACKET_WG_RESPONSE] = check_response,
		[PACKET_WG_COOKIE] = check_cookie,
		[PACKET_WG_TRANSPORT] = check_transport,
		[PACKET_INITIATION] = check_initiation,
		[PACKET_RESPONSE] = check_response,
		[PACKET_TRANSPORT] = check_transport,
		[PACKET_RELAY] = check_relay,
		[PACKET_COOKIE] = check_cookie,
	};
	enum packet_type type;
	if (packet_classify(data, size, &type))
		check_refusals(data, size);
	else
		checks[type](data, size);
	return 0;
}
