/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings-state: a spoke says which settings hold there, and how far a change is. */
#include <string.h>

#include "hub/change_settings.h"
#include "hub/control/core.h"
#include "hub/control/node_settings.h"
#include "hub/control/recv.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/wire/settings_msg.h"

/* For the admin's eyes; most spokes say after each reconnect what they said before. */
static void keep_effective(struct control *c, const struct conn *conn, const struct control_msg *m)
{
	char before[STORE_EFFECTIVE_SIZE], *text = NULL;
	int64_t told_ms = 0;
	struct fields_out o;
	json_t *j;
	enum err e;

	fields_write_init(&o);
	settings_msg_put_state(m, &o);
	j = fields_write_end(&o);
	if (j)
		text = json_dumps(json_object_get(j, "effective"), JSON_COMPACT);
	e = text ? store_node_effective_get(c->store, conn->id, &told_ms, before) : ERR_NOMEM;
	if (text && (e == ERR_NOTFOUND || (e == ERR_OK && strcmp(text, before) != 0)))
		e = store_node_effective_put(c->store, conn->id, clock_wall_ms(), text);
	if (e)
		(void)core_store_failed(c, e, "write down a spoke's settings");
	free(text);
	json_decref(j);
}

static void settle(struct control *c, const struct conn *conn, uint64_t number, bool confirmed,
		   const char *reason)
{
	char actor[NAME_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };
	enum err e;

	snprintf(actor, sizeof(actor), "node:%s", conn->name);
	e = change_settings_settle(&change, conn->id, number, confirmed, reason);
	if (e) {
		(void)core_store_failed(c, e, "write down how a change of settings went");
		return; /* the spoke says it again with its next link */
	}
	log_notice("control: the settings of %s are %s%s%s", conn->name,
		   confirmed ? "confirmed" : "taken back by it", confirmed ? "" : ": ", reason);
	core_nudge(c, NUDGE_PRESENCE);
}

void recv_settings_state(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct control_settings_state *s = &m->settings_state;
	struct store_node_settings x;
	enum err e;

	if (!bucket_take(&conn->settings, loop_now_ms(c->loop)))
		return; /* what it says more often is of no interest */
	keep_effective(c, conn, m);
	e = store_node_settings_get(c->store, conn->id, &x);
	if (e == ERR_NOTFOUND) {
		x = (struct store_node_settings){ .node_id = conn->id,
						  .confirm_s = SETTINGS_CONFIRM_DEFAULT_S };
		e = ERR_OK;
	}
	if (e) {
		(void)core_store_failed(c, e, "read what is set on a spoke");
		return;
	}
	if (x.state == SETTINGS_PENDING && s->in_force == x.number)
		settle(c, conn, x.number, true, "");
	else if (x.state == SETTINGS_PENDING && s->tried == x.number &&
		 s->outcome == SETTINGS_ROLLED_BACK)
		settle(c, conn, x.number, false, s->reason);
	else
		node_settings_tell(conn, &x, s);
}
