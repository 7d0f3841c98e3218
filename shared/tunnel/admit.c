/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/admit.h"

#include <string.h>

#include "shared/tunnel/path.h"

/* The cookie reply that asks the sender of `msg` to show that it gets packets at its address. */
static void send_cookie(struct tunnel *t, struct own_key *own, const struct pkt *msg,
			const struct session_source *from)
{
	struct cookie_source source = {
		.endpoint = from->endpoint,
		.relay_source = from->relay_from ? from->relay_from->id : 0,
	};
	const struct way relay = way_relay();
	const struct udp_mark mark = { 0 };
	uint8_t reply[COOKIE_REPLY_BYTES];
	struct udp_slot slot = { 0 };
	uint8_t *out;

	if (cookie_create_reply(&own->checker, &t->primitives, msg->data, msg->len, &source,
				t->now_ms, NULL, reply))
		return;
	out = from->relay_from ? path_reserve_on(from->relay_from, &relay, &mark, sizeof(reply))
			       : udp_reserve(t->udp, &from->endpoint, &slot, sizeof(reply));
	if (!out)
		return;
	memcpy(out, reply, sizeof(reply));
	udp_flush(t->udp);
}

/*
 * Counts initiations by the second; true when there are more than we can work on for strangers. An
 * answer costs something only if we have asked for it, so that answers are no load of others'
 * making: a hub that has just started asks thousands.
 */
static bool under_load(struct tunnel *t, bool initiation)
{
	uint64_t second = t->now_ms / 1000;

	if (t->load.second != second) {
		t->load.previous = t->load.second + 1 == second ? t->load.count : 0;
		t->load.second = second;
		t->load.count = 0;
	}
	t->load.count += initiation;
	return t->load.count > HANDSHAKE_UNDER_LOAD_PER_S ||
	       t->load.previous > HANDSHAKE_UNDER_LOAD_PER_S;
}

const struct own_key *admit_handshake(struct tunnel *t, const struct pkt *msg,
				      const struct session_source *from)
{
	struct cookie_source source = {
		.endpoint = from->endpoint,
		.relay_source = from->relay_from ? from->relay_from->id : 0,
	};
	const bool initiation =
		msg->data[0] == PACKET_WG_INITIATION || msg->data[0] == PACKET_INITIATION;
	bool loaded = under_load(t, initiation);
	struct own_key *own = NULL;

	switch (own_keys_check(t, msg->data, msg->len, &source, &own)) {
	case COOKIE_BAD:
		tunnel_drop(t, DROP_MAC1);
		return NULL;
	case COOKIE_MAC1:
		if (!loaded)
			return own;
		send_cookie(t, own, msg, from);
		tunnel_drop(t, DROP_RATE);
		return NULL;
	case COOKIE_MAC1_AND_MAC2:
		break;
	}
	/* Whoever has shown its address is limited by it. */
	if (!loaded || from->relay_from ||
	    rate_sources_allow(&t->handshake_rate, &from->endpoint.addr, HANDSHAKE_RATE_PER_SOURCE,
			       HANDSHAKE_RATE_PER_SOURCE + 5, t->now_ms))
		return own;
	tunnel_drop(t, DROP_RATE);
	return NULL;
}
