/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/page.h"

#include <string.h>

#include "hub/api/context.h"

enum err page_init(struct page *p, struct request *r)
{
	struct problem problem = { 0 };
	enum err e;

	memset(p, 0, sizeof(*p));
	e = params_page(&r->query, &p->want, &problem);
	if (e) {
		reply_problem(&r->reply, &problem);
		return e;
	}
	p->items = json_array();
	return ERR_OK;
}

void page_fini(struct page *p)
{
	json_decref(p->items);
	p->items = NULL;
}

enum err page_add(struct page *p, uint32_t id, json_t *item)
{
	if (json_array_size(p->items) == p->want.limit) {
		json_decref(item);
		p->more = true;
		return ERR_CLOSED;
	}
	p->last_id = id;
	return json_array_append_new(p->items, item) < 0 ? ERR_NOMEM : ERR_OK;
}

/* The address of the next page, with the node in the path and the filter that this one had. */
static void link_next(const struct page *p, struct request *r)
{
	const char *node = params_get(&r->query, "node"), *path = r->route->path;
	const char *brace = strchr(path, '{');
	int head = brace ? (int)(brace - path) : (int)strlen(path);

	reply_header(&r->reply, "Link", "<%.*s%s%s?limit=%u&after=%u%s%s>; rel=\"next\"", head,
		     path, brace ? r->param : "", brace ? strchr(brace, '}') + 1 : "",
		     p->want.limit, p->last_id, node ? "&node=" : "", node ? node : "");
}

void page_reply(struct page *p, struct request *r, enum err e)
{
	if (e && e != ERR_CLOSED) {
		request_store_failed(r, e, "item");
		return;
	}
	if (p->more)
		link_next(p, r);
	reply_json(&r->reply, 200,
		   json_pack("{s:O, s:o}", "items", p->items, "next_after",
			     p->more ? json_integer(p->last_id) : json_null()));
}
