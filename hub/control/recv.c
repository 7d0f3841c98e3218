/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/recv.h"

#include "hub/control/core.h"

/* Which station serves a message, and in which states of the link it may come. */
static const struct {
	void (*serve)(struct control *c, struct conn *conn, const struct control_msg *m);
	bool first, up;
} stations[] = {
	[CONTROL_JOIN] = { recv_join, true, false },
	[CONTROL_HELLO] = { recv_hello, true, true },
	[CONTROL_CARRY] = { recv_carry, true, false },
	[CONTROL_REPORT] = { recv_report, false, true },
	[CONTROL_LOCATE] = { recv_locate, false, true },
	[CONTROL_ACK] = { recv_ack, false, true },
	[CONTROL_PROPOSE_SUBNET] = { recv_propose, false, true },
	[CONTROL_SETTINGS_STATE] = { recv_settings_state, false, true },
	[CONTROL_ROTATE_KEY] = { recv_rotate, false, true },
	[CONTROL_REVIVED] = { recv_revived, false, true },
	[CONTROL_HELD_KEYS] = { recv_held, false, true },
	[CONTROL_PEER_POLICIES] = { recv_peer_policies, false, true },
	[CONTROL_HUB_KEY_KNOWN] = { recv_hub_key_known, false, true },
};

/*
 * A later version's message: the link stays, so that versions can differ. A stranger has nothing to
 * say but join or hello.
 */
static void unknown(struct control *c, struct conn *conn)
{
	static const char text[] = "this hub does not know this type of message";

	counters_add(&c->counters, COUNT_UNKNOWN_TYPE);
	if (conn->state == CONN_UP)
		conn_error(conn, "unknown_type", text);
	else
		conn_refuse(conn, "unknown_type", text);
}

static void out_of_place(struct control *c, struct conn *conn)
{
	counters_add(&c->counters, COUNT_REFUSED_FRAME);
	conn_bye(conn, BYE_PROTOCOL, LINK_RETRY_MAX_MS, "a message came that has no place there");
}

void recv_message(struct control *c, struct conn *conn, const struct control_msg *m)
{
	bool up = conn->state == CONN_UP;

	if (up)
		log_debug(3, "control: %s from %s", control_type_str(m->type), conn->name);
	if (!bucket_take(&conn->messages, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_REFUSED_RATE);
		conn_bye(conn, BYE_PROTOCOL, LINK_RETRY_MAX_MS, "too many messages");
	} else if (m->type == CONTROL_UNKNOWN) {
		unknown(c, conn);
	} else if (m->type == CONTROL_PONG && up) {
		/* That it came is all it says. */
	} else if (m->type < ARRAY_LEN(stations) && stations[m->type].serve &&
		   (up ? stations[m->type].up : stations[m->type].first)) {
		stations[m->type].serve(c, conn, m);
	} else {
		out_of_place(c, conn);
	}
	/* It may have been left out of a push while it did not take what it was sent. */
	if (conn->state == CONN_UP && !push_is_done(c, conn))
		push_schedule(c);
}
