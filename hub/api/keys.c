/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

static enum err add_to_page(void *arg, const struct store_key *k)
{
	return page_add(arg, k->id, render_key(k));
}

void keys_list(struct request *r)
{
	struct page page;
	uint32_t node;
	enum err e;

	if (lookup_node_filter(r, &node) || page_init(&page, r))
		return;
	e = store_keys_list(r->api->store, node, page.want.after, page.want.limit + 1, add_to_page,
			    &page);
	page_reply(&page, r, e);
	page_fini(&page);
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

	if (find_key(r, &k) == ERR_OK)
		reply_json(&r->reply, 200, render_key(&k));
}

void keys_revoke(struct request *r)
{
	const char *reason = body_str(r->json, "reason");
	struct change c = request_change(r);
	struct store_key k;
	enum err e;

	if (find_key(r, &k) || !request_if_match(r, render_key(&k)))
		return;
	e = change_key_revoke(&c, k.id, reason ? reason : "");
	if (!e)
		e = store_key_get(r->api->store, k.id, &k);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "key", render_key(&k));
}
