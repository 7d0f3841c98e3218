/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/revocations.h"

#include <jansson.h>
#include <string.h>

#include "hub/change_hub.h"
#include "hub/control/core.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

/* The node that an audit entry is about; 0: it says none. */
static uint32_t node_of(const struct store_audit_entry *a)
{
	json_t *detail = json_loads(a->detail ? a->detail : "", 0, NULL);
	json_int_t id = json_integer_value(json_object_get(detail, "id"));

	json_decref(detail);
	return id > 0 && id <= UINT32_MAX ? (uint32_t)id : 0;
}

static unsigned find(const struct revocations *x, uint32_t node_id)
{
	unsigned i = 0;

	while (i < x->n && x->list[i].node_id != node_id)
		i++;
	return i;
}

static enum err add(void *arg, const struct store_audit_entry *a)
{
	struct revocations *x = arg;
	uint32_t id = node_of(a);

	if (id && x->n < REVOCATIONS_MAX && find(x, id) == x->n)
		x->list[x->n++] = (struct revocation){ id, a->at_ms };
	return ERR_OK;
}

static enum err take_out(void *arg, const struct store_audit_entry *a)
{
	struct revocations *x = arg;
	unsigned i = find(x, node_of(a));

	if (i < x->n && a->at_ms >= x->list[i].at_ms)
		x->list[i] = x->list[--x->n];
	return ERR_OK;
}

/* What the audit log says of the time in which one may be under way. */
static enum err read_log(struct control *c)
{
	struct revocations *x = &c->revocations;
	struct store_audit_filter f = { .action = "node.revoke",
					.since_ms = clock_wall_ms() - REVOCATIONS_LIMIT_MS };
	enum err e = store_audit_list(c->store, &f, 0, UINT16_MAX, add, x);

	f.action = "revocation.";
	return e ? e : store_audit_list(c->store, &f, 0, UINT16_MAX, take_out, x);
}

static void rearm(struct control *c, bool failed)
{
	struct revocations *x = &c->revocations;
	uint64_t now = loop_now_ms(c->loop), at = failed ? now + REVOCATIONS_RETRY_MS : TIMER_NEVER;
	int64_t wall = clock_wall_ms();

	for (unsigned i = 0; i < x->n; i++) {
		int64_t left = x->list[i].at_ms + REVOCATIONS_LIMIT_MS - wall;
		uint64_t due = now + (uint64_t)(left > 0 ? left : 0);

		if (due < at && !failed)
			at = due;
	}
	timer_arm(loop_timers(c->loop), &x->timer, at);
}

/* Tells of one if it is over. */
static enum err settle(struct control *c, const struct revocation *one, bool *over)
{
	struct change change = { .store = c->store, .actor = "hub" };
	const struct node *n = directory_find(&c->dir, one->node_id);
	struct change_hub_revocation in = { .node_id = one->node_id };
	struct store_applied a;
	enum err e;

	/* Deleted since, with all that could be said of it. */
	*over = !n || n->status != NODE_REVOKED;
	if (*over)
		return ERR_OK;
	e = store_applied(c->store, n->revision, n->id, &a);
	if (e)
		return e;
	in.elapsed_ms = clock_wall_ms() - one->at_ms;
	in.node = n->name;
	in.revision = n->revision;
	in.online = a.online;
	in.applied = a.applied;
	if (a.applied < a.online && in.elapsed_ms < REVOCATIONS_LIMIT_MS)
		return ERR_OK;
	e = change_hub_revocation(&change, &in);
	*over = e == ERR_OK;
	return e;
}

bool revocations_look(struct control *c)
{
	struct revocations *x = &c->revocations;
	unsigned before = x->n;
	enum err e = ERR_OK;

	if (!x->n || c->stopping)
		return false;
	for (unsigned i = 0; i < x->n && !e;) {
		bool over = false;

		e = settle(c, &x->list[i], &over);
		if (over)
			x->list[i] = x->list[--x->n];
		else
			i++;
	}
	if (e)
		(void)core_store_failed(c, e, "tell of a revocation");
	rearm(c, e != ERR_OK || x->noted);
	return x->n != before;
}

static void fire(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, revocations.timer);

	(void)now_ms;
	revocations_begin(c);
	if (revocations_look(c))
		core_nudge(c, NUDGE_PRESENCE);
}

void revocations_note(struct control *c, const struct node *old, const struct node *now)
{
	if (old && old->status != NODE_REVOKED && now->status == NODE_REVOKED)
		c->revocations.noted = true;
}

void revocations_begin(struct control *c)
{
	enum err e;

	if (!c->revocations.noted)
		return;
	e = read_log(c);
	c->revocations.noted = e != ERR_OK;
	if (e)
		(void)core_store_failed(c, e, "read which revocations are under way");
	/* Not in this round: those who are told of it come first. */
	timer_arm(loop_timers(c->loop), &c->revocations.timer,
		  loop_now_ms(c->loop) + (e ? REVOCATIONS_RETRY_MS : REVOCATIONS_RETRY_MS / 5));
}

void revocations_start(struct control *c)
{
	c->revocations.timer.fire = fire;
	c->revocations.noted = true;
	revocations_begin(c);
}

void revocations_fini(struct control *c)
{
	timer_disarm(loop_timers(c->loop), &c->revocations.timer);
}
