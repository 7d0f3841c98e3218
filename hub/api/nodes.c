/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "shared/base/base64.h"

#define ADD_SUBNETS_MAX 256u

/* The body of POST /nodes, parsed. */
struct add_input {
	struct addr addresses[2];
	struct node_subnet subnets[ADD_SUBNETS_MAX];
	const char *endpoints[NODE_ENDPOINTS_MAX];
	struct public_key tunnel_key;
	struct change_node_add add;
};

struct node_page {
	struct page page;
	struct render_groups groups;
};

static enum err add_to_page(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct node_page *p = arg;

	if (n->status == NODE_DELETED)
		return ERR_OK;
	return page_add(&p->page, n->id, render_node(n, meta, &p->groups));
}

void nodes_list(struct request *r)
{
	struct node_page p;
	enum err e;

	if (page_init(&p.page, r))
		return;
	e = render_groups_load(r->api->store, &p.groups);
	if (!e)
		e = store_nodes_since(r->api->store, 0, p.page.want.after, 0, add_to_page, &p);
	page_reply(&p.page, r, e);
	page_fini(&p.page);
}

/* A node that was just read, as JSON; NULL when its groups cannot be read. */
static json_t *render(struct request *r, const struct node *n, const struct store_node_meta *meta)
{
	struct render_groups groups;

	if (render_groups_load(r->api->store, &groups))
		return NULL;
	return render_node(n, meta, &groups);
}

void nodes_get(struct request *r)
{
	struct store_node_meta meta = { 0 };
	struct node n;

	if (lookup_node(r, r->param, &n, &meta))
		return;
	reply_json(&r->reply, 200, render(r, &n, &meta));
	node_fini(&n);
}

/* The node as it is now, as JSON; NULL when it cannot be read. */
static json_t *read_node(struct request *r, uint32_t id)
{
	struct store_node_meta meta = { 0 };
	struct node n;
	json_t *j;

	if (store_node_get(r->api->store, id, &n, &meta))
		return NULL;
	j = render(r, &n, &meta);
	node_fini(&n);
	return j;
}

/* After a dry run: `n` is what the change gave back, the rest is what the store has and the body
 * changes. */
static json_t *would_be(struct request *r, const struct node *n)
{
	const char *comment = body_str(r->json, "comment");
	struct store_node_meta meta = { 0 };
	struct node now;

	if (store_node_get(r->api->store, n->id, &now, &meta) == ERR_OK)
		node_fini(&now);
	if (comment)
		snprintf(meta.comment, sizeof(meta.comment), "%s", comment);
	return render(r, n, &meta);
}

/* Answers with the node as it is now, or would be after a dry run. */
static void node_changed(struct request *r, unsigned status, const struct change *c,
			 const struct node *n)
{
	request_changed(r, status, c, "node", c->dry_run ? would_be(r, n) : read_node(r, n->id));
}

/* Points `out` at the strings of a list of endpoints. Returns their number. */
static size_t take_endpoints(const json_t *body, const char *out[NODE_ENDPOINTS_MAX])
{
	const json_t *list = json_object_get(body, "endpoints");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++)
		out[i] = json_string_value(json_array_get(list, i));
	return n;
}

static enum err take_subnets(const json_t *list, struct add_input *in)
{
	in->add.n_subnets = json_array_size(list);
	for (size_t i = 0; i < in->add.n_subnets; i++) {
		const json_t *item = json_array_get(list, i);
		enum err e = prefix_parse(body_str(item, "prefix"), &in->subnets[i].prefix, NULL);

		if (e)
			return e;
		in->subnets[i].weight = (uint32_t)body_int(item, "weight", SUBNET_WEIGHT_DEFAULT);
	}
	return ERR_OK;
}

/* The list of addresses, of which the table of the body allows two. */
static enum err take_addresses(const json_t *body, struct addr out[2], size_t *count)
{
	const json_t *list = json_object_get(body, "addresses");
	enum err e = ERR_OK;

	*count = json_array_size(list);
	for (size_t i = 0; i < *count && !e; i++)
		e = addr_parse(json_string_value(json_array_get(list, i)), &out[i]);
	return e;
}

/* The checked body as the input of the change. Texts stay with the body. */
static enum err take_add(const json_t *body, struct add_input *in)
{
	const char *kind = body_str(body, "kind"), *key = body_str(body, "tunnel_key");
	enum err e;

	memset(in, 0, sizeof(*in));
	in->add = (struct change_node_add){
		.name = body_str(body, "name"),
		.kind = NODE_SPOKE,
		.addresses = in->addresses,
		.subnets = in->subnets,
		.endpoints = in->endpoints,
		.n_endpoints = take_endpoints(body, in->endpoints),
		.tunnel_key = key ? &in->tunnel_key : NULL,
		.keepalive_s = (uint16_t)body_int(body, "keepalive_s", 0),
		.compression = (uint8_t)body_int(body, "compression", 0),
		.path_policy = body_path_policy(body, "path_policy", PATH_POLICY_AUTO),
		.comment = body_str(body, "comment"),
	};
	e = take_addresses(body, in->addresses, &in->add.n_addresses);
	if (!e && kind)
		e = node_kind_parse(kind, &in->add.kind);
	if (!e && key)
		e = base64_decode_key(key, in->tunnel_key.b);
	return e ? e : take_subnets(json_object_get(body, "subnets"), in);
}

void nodes_add(struct request *r)
{
	struct change c = request_change(r);
	struct add_input in;
	struct node n;
	enum err e = take_add(r->json, &in);

	if (lookup_groups(r, "groups", &in.add.groups))
		return;
	if (!e && in.add.kind == NODE_SPOKE && in.add.tunnel_key) {
		struct problem p = { 0 };

		problem_set(&p, 422, "member_invalid", "/tunnel_key",
			    "a spoke makes its own keys when it joins");
		reply_problem(&r->reply, &p);
		return;
	}
	if (!e)
		e = change_node_add(&c, &in.add, &n);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (!r->dry_run)
		reply_header(&r->reply, "Location", "/api/v1/nodes/%u", n.id);
	node_changed(r, 201, &c, &n);
	node_fini(&n);
}

void nodes_edit(struct request *r)
{
	const char *endpoints[NODE_ENDPOINTS_MAX];
	const enum path_policy path_policy =
		body_path_policy(r->json, "path_policy", PATH_POLICY_AUTO);
	struct change c = request_change(r);
	struct change_node_edit edit = {
		.name = body_str(r->json, "name"),
		.endpoints = endpoints,
		.n_endpoints = take_endpoints(r->json, endpoints),
		.set_endpoints = json_object_get(r->json, "endpoints") != NULL,
		.keepalive_s = (int)body_int(r->json, "keepalive_s", -1),
		.compression = (int)body_int(r->json, "compression", -1),
		.path_policy = body_str(r->json, "path_policy") ? &path_policy : NULL,
		.comment = body_str(r->json, "comment"),
		.set_groups = json_object_get(r->json, "groups") != NULL,
	};
	struct store_node_meta meta = { 0 };
	struct addr addresses[2];
	struct node n, changed;
	enum err e = take_addresses(r->json, addresses, &edit.n_addresses);

	edit.addresses = addresses;
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (lookup_groups(r, "groups", &edit.groups) ||
	    lookup_groups(r, "join_groups", &edit.join_groups) ||
	    lookup_groups(r, "leave_groups", &edit.leave_groups) ||
	    lookup_node(r, r->param, &n, &meta))
		return;
	if (request_if_match(r, render(r, &n, &meta))) {
		e = change_node_edit(&c, n.id, &edit, &changed);
		if (e) {
			request_change_failed(r, e, &c);
		} else {
			node_changed(r, 200, &c, &changed);
			node_fini(&changed);
		}
	}
	node_fini(&n);
}

/* Does hub.conf still expect the node? Then the request is answered, unless it is to be deleted
 * nevertheless (?force=1). */
static bool is_expected(struct request *r, const struct node *n)
{
	struct change c = { .n_uses = 1, .uses = { { .kind = "config" } } };
	struct problem p = { 0 };
	bool force;

	if (params_bool(&r->query, "force", &force, &p)) {
		reply_problem(&r->reply, &p);
		return true;
	}
	if (force || !hub_config_branch(r->api->config, n->name))
		return false;
	snprintf(c.uses[0].name, sizeof(c.uses[0].name), "ConnectTo = %s", n->name);
	problem_set(&p, 409, "node_in_use", NULL,
		    "hub.conf expects %s (ConnectTo). Take that line out first, or ask for the "
		    "deletion with force.",
		    n->name);
	p.in_use = &c;
	reply_problem(&r->reply, &p);
	return true;
}

/* {revision, dry_run, removed, removed_total}. */
static void answer_deleted(struct request *r, const struct change *c)
{
	json_t *j =
		json_pack("{s:I, s:b}", "revision", (json_int_t)c->revision, "dry_run", c->dry_run);

	if (j && problem_put_uses(j, "removed", c) < 0) {
		json_decref(j);
		j = NULL;
	}
	reply_json(&r->reply, 200, j);
	if (!c->dry_run)
		api_nudge_revision(r->api, c->revision);
}

void nodes_delete(struct request *r)
{
	struct change c = request_change(r);
	struct store_node_meta meta = { 0 };
	struct node n;
	enum err e;

	if (lookup_node(r, r->param, &n, &meta))
		return;
	if (request_if_match(r, render(r, &n, &meta)) && !is_expected(r, &n)) {
		e = change_node_delete(&c, n.id);
		if (e)
			request_change_failed(r, e, &c);
		else
			answer_deleted(r, &c);
	}
	node_fini(&n);
}

/* Does something to the node in the path, which stays. */
static void act(struct request *r,
		enum err (*change)(struct change *c, uint32_t id, const char *reason))
{
	const char *reason = body_str(r->json, "reason");
	struct change c = request_change(r);
	struct store_node_meta meta = { 0 };
	struct node n;
	enum err e;

	if (lookup_node(r, r->param, &n, &meta))
		return;
	if (request_if_match(r, render(r, &n, &meta))) {
		e = change(&c, n.id, reason ? reason : "");
		if (e)
			request_change_failed(r, e, &c);
		else
			node_changed(r, 200, &c, &n);
	}
	node_fini(&n);
}

/* For this nobody has to say why. */
static enum err enable(struct change *c, uint32_t id, const char *reason)
{
	(void)reason;
	return change_node_enable(c, id);
}

void nodes_revoke(struct request *r) { act(r, change_node_revoke); }

void nodes_disable(struct request *r) { act(r, change_node_disable); }

void nodes_enable(struct request *r) { act(r, enable); }
