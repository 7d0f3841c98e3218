/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

static enum err add_to_page(void *arg, const struct store_group *g)
{
	struct page *page = arg;

	if (render_group_id(g) <= page->want.after)
		return ERR_OK;
	return page_add(page, render_group_id(g), render_group(g));
}

void groups_list(struct request *r)
{
	struct page page;

	if (page_init(&page, r))
		return;
	page_reply(&page, r, store_groups_list(r->api->store, add_to_page, &page));
	page_fini(&page);
}

void groups_get(struct request *r)
{
	struct store_group g;

	if (lookup_group(r, r->param, &g) == ERR_OK)
		reply_json(&r->reply, 200, render_group(&g));
}

void groups_add(struct request *r)
{
	struct change c = request_change(r);
	struct store_group g;
	enum err e =
		change_group_add(&c, body_str(r->json, "name"), body_str(r->json, "comment"), &g);

	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (!r->dry_run)
		reply_header(&r->reply, "Location", "/api/v1/groups/%u", render_group_id(&g));
	request_changed(r, 201, &c, "group", render_group(&g));
}

void groups_edit(struct request *r)
{
	struct change c = request_change(r);
	struct store_group g;
	enum err e;

	if (lookup_group(r, r->param, &g) || !request_if_match(r, render_group(&g)))
		return;
	e = change_group_edit(&c, g.bit, body_str(r->json, "name"), body_str(r->json, "comment"),
			      &g);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "group", render_group(&g));
}

void groups_delete(struct request *r)
{
	struct change c = request_change(r);
	struct store_group g;
	enum err e;

	if (lookup_group(r, r->param, &g) || !request_if_match(r, render_group(&g)))
		return;
	e = change_group_delete(&c, g.bit);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, NULL, NULL);
}
