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

#define LINK_SIZE 144u /* of a Link; longer ones are left away */

/* The path of the route, with what this request has in the place of its {parameter}. */
static bool put_path(const struct request *r, char *out, size_t size)
{
	const char *path = r->route->path, *brace = strchr(path, '{');
	size_t head = brace ? (size_t)(brace - path) : strlen(path);

	if (head >= size)
		return false;
	memcpy(out, path, head);
	out[head] = '\0';
	if (!brace)
		return true;
	if (!params_escape(r->param, out + head, size - head))
		return false;
	head = strlen(out);
	return (size_t)snprintf(out + head, size - head, "%s", strchr(brace, '}') + 1) <
	       size - head;
}

/* The address of the next page, with the filters that this one had. Without room for them there is
 * none: next_after in the body says the same. */
static void link_next(const struct page *p, struct request *r)
{
	char text[LINK_SIZE];
	size_t n;

	if (!put_path(r, text, sizeof(text)))
		return;
	n = strlen(text);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "?limit=%u&after=%u", p->want.limit,
			      p->last_id);
	for (unsigned i = 0; i < r->query.n && n < sizeof(text); i++) {
		const struct params_arg *a = &r->query.args[i];

		if (strcmp(a->name, "limit") == 0 || strcmp(a->name, "after") == 0)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "&%s=", a->name);
		if (n >= sizeof(text) || !params_escape(a->value, text + n, sizeof(text) - n))
			return;
		n += strlen(text + n);
	}
	if (n < sizeof(text))
		reply_header(&r->reply, "Link", "<%s>; rel=\"next\"", text);
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
