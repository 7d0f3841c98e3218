/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/node_settings.h"

#include "hub/control/core.h"

static void send_settings(struct conn *conn, uint64_t number, uint32_t confirm_s,
			  const struct node_settings *values)
{
	struct control_msg m = { .type = CONTROL_SETTINGS };

	m.settings.number = number;
	m.settings.confirm_s = confirm_s;
	m.settings.values = *values;
	conn_send(conn, &m);
}

/* What the spoke should have in the end. */
static void send_row(struct conn *conn, const struct store_node_settings *x)
{
	if (x->state == SETTINGS_PENDING)
		send_settings(conn, x->number, x->confirm_s, &x->wished);
	else
		send_settings(conn, x->held_number,
			      x->confirm_s ? x->confirm_s : SETTINGS_CONFIRM_DEFAULT_S, &x->held);
}

void node_settings_tell(struct conn *conn, const struct store_node_settings *x,
			const struct control_settings_state *s)
{
	uint64_t wanted = x->state == SETTINGS_PENDING ? x->number : x->held_number;

	/* What it has tried and taken back already it would only take back again. */
	if (s->in_force == wanted || (s->outcome != SETTINGS_NONE && s->tried == wanted))
		return;
	log_debug(1, "control: %s is told its settings", conn->name);
	send_row(conn, x);
}

void node_settings_push(struct control *c, uint32_t node_id)
{
	struct conn *conn = registry_find(&c->registry, node_id);
	struct store_node_settings x;
	enum err e;

	if (!conn || conn->state != CONN_UP || !(conn->capabilities & CAP_SETTINGS))
		return;
	e = store_node_settings_get(c->store, node_id, &x);
	if (e == ERR_OK)
		send_row(conn, &x);
	else if (e != ERR_NOTFOUND)
		(void)core_store_failed(c, e, "read what is set on a spoke");
}
