/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/applied.h"

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

void applied_fini(struct applied *a)
{
	json_decref(a->missing);
	json_decref(a->offline);
	a->missing = a->offline = NULL;
}

void applied_add(struct applied *a, const struct node *n, const struct store_presence *p)
{
	if (n->kind != NODE_SPOKE || n->status != NODE_ACTIVE || n->id == a->except)
		return;
	if (!p || (!p->online && p->since_ms < a->at_ms)) {
		json_array_append_new(a->offline, json_string(n->name));
		return;
	}
	a->online++;
	if (p->acked_revision < a->revision) {
		json_array_append_new(a->missing, json_string(n->name));
		return;
	}
	a->applied++;
	if (p->acked_ms > a->last_ms)
		a->last_ms = p->acked_ms;
}

int64_t applied_elapsed_ms(const struct applied *a, int64_t at_ms, int64_t now_ms)
{
	int64_t end = a->applied < a->online ? now_ms : a->last_ms;

	return end > at_ms ? end - at_ms : 0;
}
