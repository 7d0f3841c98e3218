/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /nodes/{id}/settings: what the hub sets on a spoke, how far the last change is, what holds. */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/render.h"
#include "hub/change_settings.h"
#include "shared/wire/fields.h"

static const char *const states[] = {
	"none", "pending", "confirmed", "rolled_back", "cancelled",
};

static json_t *render_change(const struct store_node_settings *x)
{
	return json_pack("{s:I, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "number",
			 (json_int_t)x->number, "state", states[x->state], "settings",
			 node_settings_to_json(&x->wished), "confirm_within_s",
			 (json_int_t)x->confirm_s, "by",
			 x->asked_by[0] ? fields_text(x->asked_by) : json_null(), "asked_at",
			 render_time(x->asked_ms), "settled_at", render_time(x->settled_ms),
			 "reason", fields_text(x->reason));
}

/* NULL when it cannot be read. */
static json_t *render(struct request *r, const struct node *n, const struct store_node_settings *x)
{
	char text[STORE_EFFECTIVE_SIZE];
	json_t *effective = NULL;
	int64_t told_ms = 0;
	enum err e = store_node_effective_get(r->api->store, n->id, &told_ms, text);

	if (e && e != ERR_NOTFOUND)
		return NULL;
	if (!e)
		effective = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "node_id", (json_int_t)n->id, "node",
			 n->name, "settings", node_settings_to_json(&x->held), "change",
			 render_change(x), "effective", effective ? effective : json_null(),
			 "told_at", render_time(told_ms));
}

/* The node of the path with its row; otherwise the request is answered. */
static enum err find(struct request *r, struct node *n, struct store_node_settings *x)
{
	enum err e = lookup_node(r, r->param, n, NULL);

	if (e)
		return e;
	e = store_node_settings_get(r->api->store, n->id, x);
	if (e == ERR_NOTFOUND) {
		*x = (struct store_node_settings){ .node_id = n->id };
		return ERR_OK;
	}
	if (e) {
		request_store_failed(r, e, "settings");
		node_fini(n);
	}
	return e;
}

void node_settings_show(struct request *r)
{
	struct store_node_settings x;
	struct node n;

	if (find(r, &n, &x))
		return;
	reply_json(&r->reply, 200, render(r, &n, &x));
	node_fini(&n);
}

/* The names in "reset" as bits; otherwise the request is answered. */
static enum err take_reset(struct request *r, uint32_t *out)
{
	struct problem p = { 0 };
	enum node_setting k;
	char pointer[32];
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(r->json, "reset"), i, v)
	{
		if (node_settings_find(json_string_value(v), &k)) {
			*out |= 1u << k;
			continue;
		}
		snprintf(pointer, sizeof(pointer), "/reset/%zu", i);
		problem_set(&p, 422, "setting_invalid", pointer, "there is no setting \"%.64s\"",
			    json_string_value(v));
		reply_problem(&r->reply, &p);
		return ERR_INVALID;
	}
	return ERR_OK;
}

static void answer(struct request *r, enum err e, const struct change *c, const struct node *n,
		   const struct store_node_settings *x)
{
	if (e) {
		request_change_failed(r, e, c);
		return;
	}
	request_changed(r, 200, c, "node_settings", render(r, n, x));
	if (!r->dry_run)
		api_nudge_settings(r->api, n->id);
}

void node_settings_edit(struct request *r)
{
	struct change_settings in = {
		.confirm_s = (uint32_t)body_int(r->json, "confirm_within_s", 0),
	};
	const json_t *settings = json_object_get(r->json, "settings");
	struct change c = request_change(r);
	struct store_node_settings x;
	char bad[32] = "";
	struct node n;
	enum err e = ERR_OK;

	if (take_reset(r, &in.reset) || find(r, &n, &x))
		return;
	if (request_if_match(r, render(r, &n, &x))) {
		if (settings)
			e = node_settings_from_json(settings, &in.put, bad, sizeof(bad));
		if (!e)
			e = change_settings_ask(&c, n.id, &in, &x);
		answer(r, e, &c, &n, &x);
	}
	node_fini(&n);
}

void node_settings_cancel(struct request *r)
{
	struct change c = request_change(r);
	struct store_node_settings x;
	struct node n;

	if (find(r, &n, &x))
		return;
	if (request_if_match(r, render(r, &n, &x)))
		answer(r, change_settings_cancel(&c, n.id, &x), &c, &n, &x);
	node_fini(&n);
}
