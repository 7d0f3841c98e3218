/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/applied.h"

#include "hub/api/render.h"

enum err applied_init(struct applied *a, uint64_t revision, int64_t at_ms, uint32_t except)
{
	*a = (struct applied){ .revision = revision, .at_ms = at_ms, .except = except };
	a->missing = json_array();
	a->offline = json_array();
	if (a->missing && a->offline)
		return ERR_OK;
	applied_fini(a);
	return ERR_NOMEM;
}

enum err applied_want_receipts(struct applied *a)
{
	a->receipts = json_array();
	return a->receipts ? ERR_OK : ERR_NOMEM;
}

void applied_fini(struct applied *a)
{
	json_decref(a->receipts);
	json_decref(a->missing);
	json_decref(a->offline);
	a->missing = a->offline = a->receipts = NULL;
}

/*
 * Notes what is known of one node. Presence keeps the last ack only: when that is of a later
 * revision, this one was applied at that time or before.
 */
static void add_receipt(struct applied *a, const char *node, const char *state,
			const struct store_presence *p)
{
	bool has = p && p->acked_revision >= a->revision && p->acked_ms > 0;
	int64_t ms = has && p->acked_ms > a->at_ms ? p->acked_ms - a->at_ms : 0;

	if (a->receipts)
		json_array_append_new(
			a->receipts, json_pack("{s:s, s:s, s:o, s:b, s:o}", "node", node, "state",
					       state, "at", render_time(has ? p->acked_ms : 0),
					       "exact", has && p->acked_revision == a->revision,
					       "elapsed_ms", has ? json_integer(ms) : json_null()));
}

void applied_add(struct applied *a, const struct node *n, const struct store_presence *p)
{
	if (n->kind != NODE_SPOKE || n->status != NODE_ACTIVE || n->id == a->except)
		return;
	if (!p || (!p->online && p->since_ms < a->at_ms)) {
		json_array_append_new(a->offline, json_string(n->name));
		add_receipt(a, n->name, "offline", p);
		return;
	}
	a->online++;
	if (p->acked_revision < a->revision) {
		json_array_append_new(a->missing, json_string(n->name));
		add_receipt(a, n->name, "pending", p);
		return;
	}
	add_receipt(a, n->name, "applied", p);
	a->applied++;
	if (p->acked_ms > a->last_ms)
		a->last_ms = p->acked_ms;
}

int64_t applied_elapsed_ms(const struct applied *a, int64_t at_ms, int64_t now_ms)
{
	int64_t end = a->applied < a->online ? now_ms : a->last_ms;

	return end > at_ms ? end - at_ms : 0;
}
