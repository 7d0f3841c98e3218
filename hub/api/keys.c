/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"

/* How keys are shown, and which. */
struct view {
	struct page page;
	struct key_settings settings;
	int64_t now_ms;
	unsigned due; /* bit set of enum key_due */
};

/* ?due=soon and overdue; without it all. False: the request is answered. */
static bool take_due(struct request *r, unsigned *due)
{
	const char *text = params_get(&r->query, "due");

	*due = ~0u;
	if (!text)
		return true;
	for (enum key_due d = KEY_DUE_NO; d <= KEY_DUE_OVER; d++) {
		*due = 1u << d;
		if (strcmp(text, key_due_str(d)) == 0)
			return true;
	}
	reply_refuse(&r->reply, 400, "query_invalid", "due is \"no\", \"soon\" or \"overdue\"");
	return false;
}

/* Reads what render_key() goes by. False: the request is answered. */
static bool load_view(struct request *r, struct view *v)
{
	enum err e = key_settings_read(r->api->store, &v->settings);

	v->now_ms = clock_wall_ms();
	if (e)
		request_store_failed(r, e, "key settings");
	return !e;
}

static json_t *render(const struct store_key *k, const struct view *v)
{
	return render_key(k, &v->settings, v->now_ms);
}

static enum err add_to_page(void *arg, const struct store_key *k)
{
	struct view *v = arg;
	int64_t due_ms;
	enum key_due due = key_settings_due(&v->settings, k, v->now_ms, &due_ms);

	return v->due >> due & 1 ? page_add(&v->page, k->id, render(k, v)) : ERR_OK;
}

void keys_list(struct request *r)
{
	struct view v;
	uint32_t node;
	enum err e;

	if (!take_due(r, &v.due) || !load_view(r, &v) || lookup_node_filter(r, &node) ||
	    page_init(&v.page, r))
		return;
	e = store_keys_list(r->api->store, node, v.page.want.after, 0, add_to_page, &v);
	page_reply(&v.page, r, e);
	page_fini(&v.page);
}

/* The key in the path; otherwise the request is answered. */
static enum err find_key(struct request *r, struct store_key *out)
{
	char what[32];
	uint32_t id;
	enum err e = request_id(r, "key", &id);

	if (e)
		return e;
	e = store_key_get(r->api->store, id, out);
	if (e) {
		snprintf(what, sizeof(what), "key %u", id);
		request_store_failed(r, e, what);
	}
	return e;
}

void keys_get(struct request *r)
{
	struct store_key k;
	struct view v;

	if (find_key(r, &k) == ERR_OK && load_view(r, &v))
		reply_json(&r->reply, 200, render(&k, &v));
}

void keys_revoke(struct request *r)
{
	const char *reason = body_str(r->json, "reason");
	struct change c = request_change(r);
	struct store_key k;
	struct view v;
	enum err e;

	if (find_key(r, &k) || !load_view(r, &v) || !request_if_match(r, render(&k, &v)))
		return;
	e = change_key_revoke(&c, k.id, reason ? reason : "");
	if (!e)
		e = store_key_get(r->api->store, k.id, &k);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "key", render(&k, &v));
}
