/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/change_settings.h"

#include <string.h>

#include "hub/change_step.h"
#include "shared/base/clock.h"

/* The row of the node, or one that says that nothing was ever set. */
static enum err load(struct change *c, uint32_t node_id, struct store_node_settings *x)
{
	enum err e = store_node_settings_get(c->store, node_id, x);

	if (e != ERR_NOTFOUND)
		return e;
	*x = (struct store_node_settings){ .node_id = node_id };
	return ERR_OK;
}

/* The time makes a number that no change had before, not even one that a restored backup forgot. */
static uint64_t next_number(const struct store_node_settings *x)
{
	uint64_t now = (uint64_t)clock_wall_ms();

	return now > x->number ? now : x->number + 1;
}

static enum err check_wishes(struct change *c, const struct change_settings *in)
{
	if (in->confirm_s &&
	    (in->confirm_s < SETTINGS_CONFIRM_MIN_S || in->confirm_s > SETTINGS_CONFIRM_MAX_S))
		return change_refuse(c, ERR_INVALID, "confirm_invalid", "/confirm_within_s",
				     "The time to confirm is %u to %u seconds.",
				     SETTINGS_CONFIRM_MIN_S, SETTINGS_CONFIRM_MAX_S);
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		const struct node_setting_info *info = &node_settings_info[k];
		char pointer[64];
		int32_t v = in->put.value[k];

		if (!node_settings_has(&in->put, k))
			continue;
		if (v >= info->min && v <= info->max && !(k == SETTING_PORT && v == 0))
			continue;
		snprintf(pointer, sizeof(pointer), "/settings/%s", info->name);
		return change_refuse(c, ERR_INVALID, "setting_invalid", pointer, "%s is %d to %d.",
				     info->name, k == SETTING_PORT ? 1 : (int)info->min,
				     (int)info->max);
	}
	return ERR_OK;
}

static enum err audit(struct change *c, const char *action, const struct node *n,
		      const struct store_node_settings *x)
{
	return change_audit(c, action, "node", n->name,
			    json_pack("{s:I, s:o, s:o, s:I, s:s}", "number", (json_int_t)x->number,
				      "before", node_settings_to_json(&x->held), "after",
				      node_settings_to_json(&x->wished), "confirm_within_s",
				      (json_int_t)x->confirm_s, "reason", x->reason));
}

static enum err ask(struct change *c, const struct node *n, const struct change_settings *in,
		    struct store_node_settings *x)
{
	struct node_settings wished;
	enum err e = check_wishes(c, in);

	if (!e && n->kind != NODE_SPOKE)
		e = change_refuse(c, ERR_DENIED, "node_not_spoke", "",
				  "%s is a %s; only spokes take settings from the hub.", n->name,
				  node_kind_str(n->kind));
	if (!e)
		e = load(c, n->id, x);
	if (e)
		return e;
	if (x->state == SETTINGS_PENDING)
		return change_refuse(c, ERR_CONFLICT, "change_pending", "",
				     "Node %s has not settled the last change yet; wait for it, or "
				     "cancel it.",
				     n->name);
	wished = x->held;
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		if (in->reset >> k & 1)
			node_settings_remove(&wished, k);
		if (node_settings_has(&in->put, k))
			node_settings_put(&wished, k, in->put.value[k]);
	}
	if (node_settings_equal(&wished, &x->held))
		return ERR_OK;
	x->number = next_number(x);
	x->state = SETTINGS_PENDING;
	x->wished = wished;
	x->confirm_s = in->confirm_s ? in->confirm_s : SETTINGS_CONFIRM_DEFAULT_S;
	x->asked_ms = clock_wall_ms();
	x->settled_ms = 0;
	x->reason[0] = '\0';
	snprintf(x->asked_by, sizeof(x->asked_by), "%s", c->actor);
	e = store_node_settings_put(c->store, x);
	return e ? e : audit(c, "node.settings", n, x);
}

enum err change_settings_ask(struct change *c, uint32_t node_id, const struct change_settings *in,
			     struct store_node_settings *out)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	return e ? e : change_end_node(c, ask(c, &n, in, out), &n);
}

/* A change of its own, back to what held: so the spoke is told, and takes it as any other. */
static enum err cancel(struct change *c, const struct node *n, struct store_node_settings *x)
{
	enum err e = load(c, n->id, x);

	if (e)
		return e;
	if (x->state != SETTINGS_PENDING)
		return change_refuse(c, ERR_CONFLICT, "no_change_pending", "",
				     "No change of node %s is waiting.", n->name);
	e = audit(c, "node.settings.cancelled", n, x);
	if (e)
		return e;
	x->number = next_number(x);
	x->wished = x->held;
	x->held_number = x->number;
	x->state = SETTINGS_CANCELLED;
	x->settled_ms = clock_wall_ms();
	return store_node_settings_put(c->store, x);
}

enum err change_settings_cancel(struct change *c, uint32_t node_id, struct store_node_settings *out)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	return e ? e : change_end_node(c, cancel(c, &n, out), &n);
}

static enum err settle(struct change *c, const struct node *n, uint64_t number, bool confirmed,
		       const char *reason)
{
	struct store_node_settings x;
	enum err e = load(c, n->id, &x);

	if (e || x.state != SETTINGS_PENDING || x.number != number)
		return e;
	snprintf(x.reason, sizeof(x.reason), "%s", confirmed ? "" : reason);
	e = audit(c, confirmed ? "node.settings.confirmed" : "node.settings.rolled_back", n, &x);
	if (e)
		return e;
	x.state = confirmed ? SETTINGS_CONFIRMED : SETTINGS_TAKEN_BACK;
	x.settled_ms = clock_wall_ms();
	if (confirmed) {
		x.held = x.wished;
		x.held_number = number;
	}
	return store_node_settings_put(c->store, &x);
}

enum err change_settings_settle(struct change *c, uint32_t node_id, uint64_t number, bool confirmed,
				const char *reason)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	return e ? e : change_end_node(c, settle(c, &n, number, confirmed, reason), &n);
}

enum err change_log_level(struct change *c, int before, int after)
{
	enum err e = change_begin(c);

	if (e)
		return e;
	return change_end(c,
			  change_audit(c, "hub.log_level", "hub", "log-level",
				       json_pack("{s:i, s:i}", "before", before, "after", after)));
}

enum err change_order(struct change *c, enum order_kind kind, const char *node)
{
	static const char *const actions[] = {
		[ORDER_DISCONNECT] = "node.disconnect",
		[ORDER_CONNECT] = "node.connect",
		[ORDER_PURGE] = "hub.purge",
		[ORDER_RETRY] = "hub.retry",
	};
	enum err e = change_begin(c);

	if (e)
		return e;
	return change_end(c, change_audit(c, actions[kind], node ? "node" : "hub",
					  node ? node : "sessions", json_object()));
}
