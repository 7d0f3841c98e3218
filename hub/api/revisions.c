/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/applied.h"
#include "hub/api/presence_map.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"
#include "shared/wire/fields.h"

#define WAIT_MAX_MS 30000u

struct count {
	struct applied applied;
	struct presence_map presence;
};

void revisions_current(struct request *r)
{
	struct store_revision rev = { 0 };
	uint64_t n;
	enum err e = store_revision_get(r->api->store, &n);

	if (!e && n) {
		e = store_revision_read(r->api->store, n, &rev);
		if (e == ERR_NOTFOUND)
			e = ERR_OK;
	}
	if (e)
		request_store_failed(r, e, "revision");
	else
		reply_json(&r->reply, 200,
			   json_pack("{s:I, s:o, s:o, s:o}", "revision", (json_int_t)n, "at",
				     render_time(rev.at_ms), "actor", fields_text(rev.actor),
				     "what", fields_text(rev.what)));
}

static enum err count_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct count *c = arg;

	(void)meta;
	applied_add(&c->applied, n, presence_map_find(&c->presence, n->id));
	return ERR_OK;
}

enum err revisions_count(struct request *r, const struct store_revision *rev, struct applied *out)
{
	struct count c = { 0 };
	enum err e = applied_init(&c.applied, rev->revision, rev->at_ms, r->wait_except);

	if (!e && r->wait_receipts)
		e = applied_want_receipts(&c.applied);
	if (e) {
		applied_fini(&c.applied);
		return e;
	}
	e = presence_map_load(r->api->store, &c.presence);
	if (!e)
		e = store_nodes_brief(r->api->store, count_node, &c);
	presence_map_fini(&c.presence);
	if (e)
		applied_fini(&c.applied);
	else
		*out = c.applied;
	return e;
}

static void answer(struct request *r)
{
	struct store_revision rev;
	struct applied a;
	json_t *body;
	enum err e;

	e = store_revision_read(r->api->store, r->wait_revision, &rev);
	if (!e)
		e = revisions_count(r, &rev, &a);
	if (e) {
		request_store_failed(r, e, "revision");
		return;
	}
	body = json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:O, s:O}", "revision",
			 (json_int_t)rev.revision, "at", render_time(rev.at_ms), "actor",
			 fields_text(rev.actor), "what", fields_text(rev.what), "online",
			 (json_int_t)a.online, "applied", (json_int_t)a.applied, "elapsed_ms",
			 (json_int_t)applied_elapsed_ms(&a, rev.at_ms, clock_wall_ms()), "missing",
			 a.missing, "offline", a.offline);
	if (a.receipts)
		json_object_set(body, "receipts", a.receipts);
	reply_json(&r->reply, 200, body);
	applied_fini(&a);
}

bool revisions_look(struct request *r, bool late)
{
	struct store_applied a;

	if (!late && store_applied(r->api->store, r->wait_revision, r->wait_except, &a) == ERR_OK &&
	    a.applied < a.online)
		return false;
	answer(r);
	return true;
}

void revisions_get(struct request *r)
{
	struct store_revision rev;
	struct problem p = { 0 };
	uint64_t wait_ms, except, n;
	char what[48];
	enum err e;

	if (params_uint(&r->query, "wait_ms", 0, WAIT_MAX_MS, 0, &wait_ms, &p) ||
	    params_uint(&r->query, "except", 0, UINT32_MAX, 0, &except, &p) ||
	    params_bool(&r->query, "receipts", &r->wait_receipts, &p)) {
		reply_problem(&r->reply, &p);
		return;
	}
	e = params_parse_uint(r->param, INT64_MAX, &n) ? store_revision_read(r->api->store, n, &rev)
						       : ERR_NOTFOUND;
	if (e) {
		snprintf(what, sizeof(what), "revision %.20s", r->param);
		request_store_failed(r, e, what);
		return;
	}
	r->wait_revision = n;
	r->wait_except = (uint32_t)except;
	if (revisions_look(r, wait_ms == 0))
		return;
	if (!waits_add(&r->api->waits, &r->wait, api_now_ms(r->api) + wait_ms))
		answer(r);
}
