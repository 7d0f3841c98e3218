/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/concern.h"

void concern_clear(struct concern *x)
{
	x->n = 0;
	x->all = false;
}

void concern_note_all(struct concern *x) { x->all = true; }

/* What decides who sees the node: schema/CONTROL.md, section 7. */
static struct concern_side side_of(const struct node *n)
{
	if (!n)
		return (struct concern_side){ 0 };
	return (struct concern_side){ .told = n->status == NODE_ACTIVE,
				      .kind = n->kind,
				      .groups = n->groups,
				      .reach = n->reach };
}

void concern_note(struct concern *x, const struct node *old, const struct node *now)
{
	if (x->all || (old && node_equal(old, now)))
		return;
	if (x->n == CONCERN_CHANGES_MAX) {
		x->all = true;
		return;
	}
	x->list[x->n++] = (struct concern_change){ now->id, side_of(old), side_of(now) };
}

/* Does policy show the node, as it was or is on this side, to `viewer`? */
static bool sees(const struct node *viewer, const struct concern_side *s)
{
	const struct node n = { .kind = s->kind, .groups = s->groups, .reach = s->reach };

	return s->told && node_may_talk(viewer, &n);
}

/*
 * A spoke that changed itself is told anew what it sees. All others see by the policy that they had
 * before, so that what they hold of the node follows from what it was.
 */
bool concern_is(const struct concern *x, const struct node *viewer)
{
	if (x->all)
		return true;
	for (unsigned i = 0; i < x->n; i++) {
		const struct concern_change *c = &x->list[i];

		if (c->id == viewer->id || sees(viewer, &c->old) || sees(viewer, &c->now))
			return true;
	}
	return false;
}
