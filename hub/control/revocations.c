/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/revocations.h"

#include "hub/change_hub.h"
#include "hub/control/core.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

static enum err add(void *arg, const struct store_revocation *r)
{
	struct revocations *x = arg;
	struct revocation *one = &x->list[x->n++];

	*one = (struct revocation){ .revision = r->revision,
				    .node_id = r->node_id,
				    .at_ms = r->at_ms };
	snprintf(one->name, sizeof(one->name), "%s", r->node_name);
	return ERR_OK;
}

static enum err read_pending(struct control *c)
{
	c->revocations.n = 0;
	return store_revocations_pending(c->store, REVOCATIONS_MAX, add, &c->revocations);
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

/* Is it to apply the revocation? Who was there when it was made, or has come since (the same as
 * store_applied() has it of what is stored). */
static bool is_concerned(const struct node *n, const struct presence_node *p,
			 const struct revocation *one)
{
	return n && p && n->kind == NODE_SPOKE && n->status == NODE_ACTIVE &&
	       n->id != one->node_id && (p->row.online || p->row.since_ms >= one->at_ms);
}

/* Does the node that was missing the last time still miss? */
static bool still_misses(struct control *c, const struct revocation *one)
{
	const struct presence_node *p = presence_find(c, one->missing_id);

	return one->missing_id && p && p->row.acked_revision < one->revision &&
	       is_concerned(directory_find(&c->dir, one->missing_id), p, one);
}

/* Counts who is to apply it, and who has; notes one who has not. */
static void count(struct control *c, struct revocation *one, struct store_applied *a)
{
	struct table_node *t = table_next(&c->presence.by_id, NULL);

	*a = (struct store_applied){ 0 };
	one->missing_id = 0;
	for (; t; t = table_next(&c->presence.by_id, t)) {
		const struct presence_node *p = container_of(t, struct presence_node, by_id);

		if (!is_concerned(directory_find(&c->dir, p->id), p, one))
			continue;
		a->online++;
		if (p->row.acked_revision >= one->revision)
			a->applied++;
		else
			one->missing_id = p->id;
	}
}

/* Tells of one if it is over. */
static enum err settle(struct control *c, struct revocation *one, bool *over)
{
	struct change change = { .store = c->store, .actor = "hub" };
	struct change_hub_revocation in = { .node_id = one->node_id,
					    .node = one->name,
					    .revision = one->revision,
					    .elapsed_ms = clock_wall_ms() - one->at_ms };
	const bool late = in.elapsed_ms >= REVOCATIONS_LIMIT_MS;
	struct store_applied a;
	enum err e;

	*over = false;
	if (!late && still_misses(c, one))
		return ERR_OK;
	count(c, one, &a);
	if (!late && one->missing_id)
		return ERR_OK;
	in.online = a.online;
	in.applied = a.applied;
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
	/* What is told must be in the store: writing it looks again. */
	if (c->presence.n_changed) {
		rearm(c, true);
		return false;
	}
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
	/* There may be more than the list could hold. */
	if (before == REVOCATIONS_MAX && x->n < before)
		x->noted = true;
	rearm(c, e != ERR_OK || x->noted);
	return x->n != before;
}

static void fire(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, revocations.timer);

	(void)now_ms;
	revocations_begin(c);
	presence_flush(c);
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
	e = read_pending(c);
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
