/* SPDX-License-Identifier: GPL-3.0-or-later */
/* join: a stranger proves a join secret, and becomes a node. */
#include <string.h>

#include "hub/change.h"
#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/refresh.h"
#include "hub/control/welcome.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/keys/keys.h"
#include "shared/wire/token.h"

#define BUSY_MS 2000u /* retry when there are too many join attempts */

/*
 * A refusal is audited, which is a write to the store. A secret that nobody ever made is no admin's
 * mistake but a guess: of those only some are audited, so that a stranger cannot fill the disk.
 * True when the attempt goes its normal way.
 */
static bool may_be_audited(struct control *c, const uint8_t secret[JOIN_SECRET_BYTES])
{
	struct store_token token;
	uint8_t hash[32];

	token_hash(secret, hash);
	if (store_token_find(c->store, hash, &token) != ERR_NOTFOUND)
		return true;
	return bucket_take(&c->unknown_tokens, loop_now_ms(c->loop));
}

static void refuse(struct control *c, struct conn *conn, const char *code, const char *text)
{
	counters_add(&c->counters, COUNT_REFUSED_JOIN);
	conn_refuse(conn, code, text);
}

/* Refused by change_join(), or the store failed. */
static void refuse_change(struct control *c, struct conn *conn, const struct change *change,
			  enum err e)
{
	const char *code = change->code[0] ? change->code : core_store_code(e);

	if (strncmp(code, "store_", 6) == 0)
		(void)core_store_failed(c, e, "write a join");
	refuse(c, conn, code, change->detail[0] ? change->detail : err_str(e));
}

/* The change itself. True when the spoke is a node now: `*id`. */
static bool join(struct control *c, struct conn *conn, const struct control_join *j, uint32_t *id)
{
	char from[ENDPOINT_STR_SIZE], actor[ENDPOINT_STR_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };
	struct change_join in = { .identity_key = conn->key,
				  .tunnel_key = j->tunnel_key,
				  .aes = j->aes };
	struct node n;

	snprintf(actor, sizeof(actor), "join:%s", endpoint_format(&conn->remote, from));
	memcpy(in.secret, j->secret, sizeof(in.secret));
	memcpy(in.name, j->name, sizeof(in.name));
	memcpy(in.tunnel_sig, j->tunnel_sig, sizeof(in.tunnel_sig));
	enum err e = change_join(&change, &in, &n);
	secret_zero(&in, sizeof(in));
	if (e) {
		refuse_change(c, conn, &change, e);
		return false;
	}
	*id = n.id;
	log_debug(1, "control: %s has joined from %s", n.name, from);
	node_fini(&n);
	counters_add(&c->counters, COUNT_JOINED);
	return true;
}

void recv_join(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct control_join *j = &m->join;
	uint32_t id;

	if (!bucket_take(&c->joins, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_REFUSED_BUSY);
		conn_bye(conn, BYE_BUSY, BUSY_MS + secret_random_below(BUSY_MS),
			 "too many nodes join at once");
		return;
	}
	if (!keys_tunnel_is_signed(&conn->key, &j->tunnel_key, j->tunnel_sig)) {
		counters_add(&c->counters, COUNT_REFUSED_SIGNATURE);
		conn_refuse(conn, "bad_message",
			    "the tunnel key is not signed by the identity key");
		return;
	}
	if (core_store_rests(c)) {
		refuse(c, conn, "store_busy", "the hub's store is locked now; try again");
		return;
	}
	if (!may_be_audited(c, j->secret)) {
		refuse(c, conn, "token_unknown", "the hub does not know this join token");
		return;
	}
	if (!join(c, conn, j, &id))
		return;

	enum err e = refresh_now(c);
	core_nudge(c, NUDGE_REVISION);
	core_nudge(c, NUDGE_TOKENS);
	const struct node *n = e ? NULL : directory_find(&c->dir, id);
	if (!n || n->status != NODE_ACTIVE) {
		/* It is joined; the same token is answered again when the store can be read. */
		refuse(c, conn, core_store_code(e), "the hub cannot read its store now; try again");
		return;
	}
	if (!conn_up(conn, n, j->capabilities, j->version))
		return;
	conn->sent_revision = conn->held_revision = 0;
	presence_holds(c, conn->id, 0);
	welcome_send(c, conn, n);
	push_to(c, conn);
}
