/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

static enum err add_to_page(void *arg, const struct store_policy *p)
{
	struct page *page = arg;

	if (render_policy_id(p) <= page->want.after)
		return ERR_OK;
	return page_add(page, render_policy_id(p), render_policy(p));
}

void policies_list(struct request *r)
{
	struct page page;

	if (page_init(&page, r))
		return;
	page_reply(&page, r, store_policies_list(r->api->store, add_to_page, &page));
	page_fini(&page);
}

struct policy_search {
	uint32_t id;
	bool found;
	struct store_policy policy;
};

static enum err look(void *arg, const struct store_policy *p)
{
	struct policy_search *x = arg;

	if (render_policy_id(p) == x->id) {
		x->policy = *p;
		x->found = true;
	}
	return ERR_OK;
}

/* The policy in the path; otherwise the request is answered. */
static enum err find_policy(struct request *r, struct store_policy *out)
{
	struct policy_search x = { 0 };
	char what[32];
	enum err e = request_id(r, "policy", &x.id);

	if (e)
		return e;
	e = store_policies_list(r->api->store, look, &x);
	if (!e && !x.found)
		e = ERR_NOTFOUND;
	if (e) {
		snprintf(what, sizeof(what), "policy %u", x.id);
		request_store_failed(r, e, what);
		return e;
	}
	*out = x.policy;
	return ERR_OK;
}

void policies_get(struct request *r)
{
	struct store_policy p;

	if (find_policy(r, &p) == ERR_OK)
		reply_json(&r->reply, 200, render_policy(&p));
}

void policies_add(struct request *r)
{
	struct change c = request_change(r);
	struct store_group from, to;
	struct store_policy p;
	enum err e;

	if (lookup_group_member(r, "from", &from) || lookup_group_member(r, "to", &to))
		return;
	e = change_policy_add(&c, from.bit, to.bit,
			      body_path_policy(r->json, "path_policy", PATH_POLICY_AUTO), &p);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	if (!r->dry_run)
		reply_header(&r->reply, "Location", "/api/v1/policies/%u", render_policy_id(&p));
	request_changed(r, 201, &c, "policy", render_policy(&p));
}

void policies_edit(struct request *r)
{
	struct change c = request_change(r);
	struct store_policy p;
	enum err e;

	if (find_policy(r, &p) || !request_if_match(r, render_policy(&p)))
		return;
	e = change_policy_edit(&c, p.from_bit, p.to_bit,
			       body_path_policy(r->json, "path_policy", PATH_POLICY_AUTO), &p);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "policy", render_policy(&p));
}

void policies_remove(struct request *r)
{
	struct change c = request_change(r);
	struct store_policy p;
	enum err e;

	if (find_policy(r, &p) || !request_if_match(r, render_policy(&p)))
		return;
	e = change_policy_remove(&c, p.from_bit, p.to_bit);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, NULL, NULL);
}

/* --- the group "default" --- */

static json_t *render_default(bool allow) { return json_pack("{s:b}", "allow", allow); }

/* May the nodes of the group "default" talk to each other? Otherwise the request is answered. */
static enum err read_default(struct request *r, bool *allow)
{
	struct policy_search x = { .id = 1 };
	enum err e = store_policies_list(r->api->store, look, &x);

	if (e)
		request_store_failed(r, e, "policy");
	else
		*allow = x.found;
	return e;
}

void policies_default_get(struct request *r)
{
	bool allow;

	if (read_default(r, &allow) == ERR_OK)
		reply_json(&r->reply, 200, render_default(allow));
}

void policies_default_set(struct request *r)
{
	bool allow = body_bool(r->json, "allow"), now;
	struct change c = request_change(r);
	enum err e;

	if (read_default(r, &now) || !request_if_match(r, render_default(now)))
		return;
	e = change_policy_default(&c, allow);
	if (e)
		request_change_failed(r, e, &c);
	else
		request_changed(r, 200, &c, "default", render_default(allow));
}

/* --- can A reach B? --- */

struct check {
	const struct node *from, *to;
	json_t *rules;
};

static bool joins(uint64_t a, uint8_t a_bit, uint64_t b, uint8_t b_bit)
{
	return (a >> a_bit & 1) && (b >> b_bit & 1);
}

/* Collects the policies that let the two talk, in either direction. */
static enum err add_rule(void *arg, const struct store_policy *p)
{
	uint8_t from_bit = p->from_bit, to_bit = p->to_bit;
	struct check *x = arg;

	if (!joins(x->from->groups, from_bit, x->to->groups, to_bit) &&
	    !joins(x->to->groups, from_bit, x->from->groups, to_bit))
		return ERR_OK;
	return json_array_append_new(x->rules, render_policy(p)) ? ERR_NOMEM : ERR_OK;
}

/* One of the two as the answer shows it. */
static json_t *render_side(const json_t *node)
{
	return json_pack("{s:O, s:O, s:O, s:O, s:O}", "id", json_object_get(node, "id"), "name",
			 json_object_get(node, "name"), "kind", json_object_get(node, "kind"),
			 "status", json_object_get(node, "status"), "groups",
			 json_object_get(node, "groups"));
}

/* What decides, as a word and as a sentence. Returns the verdict. */
static bool judge(const struct check *x, const char **by, char *reason, size_t size)
{
	const struct node *inactive = x->from->status != NODE_ACTIVE ? x->from : x->to;
	const json_t *first = json_array_get(x->rules, 0);

	if (inactive->status != NODE_ACTIVE) {
		*by = "status";
		snprintf(reason, size, "%s is %s: only active nodes are let through",
			 inactive->name, node_status_str(inactive->status));
		return false;
	}
	if (x->from->id == x->to->id) {
		*by = "self";
		snprintf(reason, size, "it is the same node");
		return true;
	}
	if (x->from->kind == NODE_HUB || x->to->kind == NODE_HUB) {
		*by = "hub";
		snprintf(reason, size,
			 "every active node may talk to the hub, whatever its groups");
		return true;
	}
	*by = first ? "policy" : "none";
	if (first)
		snprintf(reason, size, "policy %lld allows %.63s -> %.63s",
			 (long long)json_integer_value(json_object_get(first, "id")),
			 json_string_value(json_object_get(first, "from")),
			 json_string_value(json_object_get(first, "to")));
	else
		snprintf(reason, size,
			 "no policy allows a group of %.63s and a group of %.63s to talk",
			 x->from->name, x->to->name);
	return first != NULL;
}

static void answer_check(struct request *r, struct check *x)
{
	static const struct store_node_meta no_meta;
	struct render_groups groups;
	json_t *from, *to;
	const char *by;
	char reason[256];
	bool allowed;
	enum err e = render_groups_load(r->api->store, &groups);

	if (!e)
		e = store_policies_list(r->api->store, add_rule, x);
	if (e) {
		request_store_failed(r, e, "policy");
		return;
	}
	allowed = judge(x, &by, reason, sizeof(reason));
	from = render_node(x->from, &no_meta, &groups);
	to = render_node(x->to, &no_meta, &groups);
	reply_json(&r->reply, 200,
		   json_pack("{s:b, s:s, s:s, s:O, s:o, s:o}", "allowed", allowed, "decided_by", by,
			     "reason", reason, "rules", x->rules, "from", render_side(from), "to",
			     render_side(to)));
	json_decref(from);
	json_decref(to);
}

void policies_check(struct request *r)
{
	const char *from_text = params_get(&r->query, "from"),
		   *to_text = params_get(&r->query, "to");
	struct node from, to;
	struct check x = { &from, &to, NULL };

	if (!from_text || !to_text) {
		reply_refuse(&r->reply, 400, "query_invalid",
			     "the query parameters \"from\" and \"to\" name the two nodes");
		return;
	}
	if (lookup_node(r, from_text, &from, NULL))
		return;
	if (lookup_node(r, to_text, &to, NULL) == ERR_OK) {
		x.rules = json_array();
		answer_check(r, &x);
		json_decref(x.rules);
		node_fini(&to);
	}
	node_fini(&from);
}
