/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

static enum err add_to_page(void *arg, const struct store_subnet *s)
{
	return page_add(arg, s->id, render_subnet(s));
}

void subnets_list(struct request *r)
{
	struct page page;
	uint32_t node;
	enum err e;

	if (lookup_node_filter(r, &node) || page_init(&page, r))
		return;
	e = store_subnets_list(r->api->store, node, page.want.after, page.want.limit + 1,
			       add_to_page, &page);
	page_reply(&page, r, e);
	page_fini(&page);
}

/* The subnet in the path; otherwise the request is answered. */
static enum err find_subnet(struct request *r, struct store_subnet *out)
{
	char what[32];
	uint32_t id;
	enum err e = request_id(r, "subnet", &id);

	if (e)
		return e;
	e = store_subnet_get(r->api->store, id, out);
	if (e) {
		snprintf(what, sizeof(what), "subnet %u", id);
		request_store_failed(r, e, what);
	}
	return e;
}

void subnets_get(struct request *r)
{
	struct store_subnet s;

	if (find_subnet(r, &s) == ERR_OK)
		reply_json(&r->reply, 200, render_subnet(&s));
}

/* What the body allows. */
static unsigned flags_of(const struct request *r)
{
	return (body_bool(r->json, "failover") ? SUBNET_FAILOVER : 0) |
	       (body_bool(r->json, "force") ? SUBNET_FORCE : 0);
}

void subnets_add(struct request *r)
{
	struct change c = request_change(r);
	struct node_subnet subnet = { .weight = (uint32_t)body_int(r->json, "weight",
								   SUBNET_WEIGHT_DEFAULT) };
	struct store_subnet added;
	struct node n;
	enum err e;

	if (lookup_node_member(r, "node", &n))
		return;
	memset(&added, 0, sizeof(added));
	e = prefix_parse(body_str(r->json, "prefix"), &subnet.prefix, NULL);
	if (!e)
		e = change_subnet_add(&c, n.id, &subnet, flags_of(r), &added);
	node_fini(&n);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (!r->dry_run)
		reply_header(&r->reply, "Location", "/api/v1/subnets/%u", added.id);
	request_changed(r, 201, &c, "subnet", render_subnet(&added));
}

void subnets_edit(struct request *r)
{
	const char *status = body_str(r->json, "status");
	const uint32_t weight = (uint32_t)body_int(r->json, "weight", 0);
	const struct change_subnet_edit in = {
		.weight = json_object_get(r->json, "weight") ? &weight : NULL,
		.approve = status != NULL,
		.flags = flags_of(r),
	};
	struct change c = request_change(r);
	struct store_subnet s;
	enum err e;

	if (status && strcmp(status, "approved") != 0) {
		reply_refuse(&r->reply, 422, "status_invalid",
			     "\"status\" can be \"approved\"; to refuse a subnet, delete it");
		return;
	}
	if (find_subnet(r, &s) || !request_if_match(r, render_subnet(&s)))
		return;
	e = change_subnet_edit(&c, s.id, &in, &s);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "subnet", render_subnet(&s));
}

void subnets_remove(struct request *r)
{
	struct change c = request_change(r);
	struct store_subnet s;
	enum err e;

	if (find_subnet(r, &s) || !request_if_match(r, render_subnet(&s)))
		return;
	e = change_subnet_remove(&c, s.id);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, NULL, NULL);
}
