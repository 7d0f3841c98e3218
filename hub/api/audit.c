/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

#define EXPORT_MAX 10000u
#define VERIFY_MAX 20000u

/* The filters of the query; otherwise the request is answered. */
static enum err take_filter(struct request *r, struct store_audit_filter *f)
{
	const char *order = params_get(&r->query, "order");
	struct problem p = { 0 };
	enum err e;

	*f = (struct store_audit_filter){
		.actor = params_get(&r->query, "actor"),
		.action = params_get(&r->query, "action"),
		.object = params_get(&r->query, "object"),
		.newest_first = order && strcmp(order, "desc") == 0,
	};
	e = params_time(&r->query, "since", &f->since_ms, &p);
	if (!e)
		e = params_time(&r->query, "until", &f->until_ms, &p);
	if (!e && order && !f->newest_first && strcmp(order, "asc") != 0) {
		problem_set(&p, 400, "query_invalid", NULL,
			    "query parameter \"order\" must be asc or desc");
		e = ERR_INVALID;
	}
	if (e)
		reply_problem(&r->reply, &p);
	return e;
}

static enum err add_to_page(void *arg, const struct store_audit_entry *a)
{
	return page_add(arg, (uint32_t)a->id, render_audit(a));
}

void audit_list(struct request *r)
{
	struct store_audit_filter f;
	struct page page;
	enum err e;

	if (take_filter(r, &f) || page_init(&page, r))
		return;
	e = store_audit_list(r->api->store, &f, page.want.after, page.want.limit + 1, add_to_page,
			     &page);
	page_reply(&page, r, e);
	page_fini(&page);
}

static enum err add_line(void *arg, const struct store_audit_entry *a)
{
	json_t *j = render_audit(a);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	enum err e = text ? buf_printf(arg, "%s\n", text) : ERR_NOMEM;

	free(text);
	json_decref(j);
	return e;
}

/* `limit` and `after` of a walk through the log; otherwise the request is answered. */
static enum err take_range(struct request *r, uint64_t max, uint64_t *limit, uint64_t *after)
{
	struct problem p = { 0 };
	enum err e = params_uint(&r->query, "limit", 1, max, max, limit, &p);

	if (!e)
		e = params_uint(&r->query, "after", 0, UINT32_MAX, 0, after, &p);
	if (e)
		reply_problem(&r->reply, &p);
	return e;
}

void audit_export(struct request *r)
{
	struct store_audit_filter f;
	uint64_t limit, after;
	struct buf lines;
	enum err e;

	if (take_filter(r, &f) || take_range(r, EXPORT_MAX, &limit, &after))
		return;
	buf_init(&lines, REPLY_MAX_BYTES);
	e = store_audit_list(r->api->store, &f, after, (uint32_t)limit, add_line, &lines);
	/* Full: what is there are whole lines, and the next request goes on behind them. */
	if (e && e != ERR_TOOBIG)
		request_store_failed(r, e, "audit entry");
	else
		reply_lines(&r->reply, &lines);
	buf_fini(&lines);
}

void audit_verify(struct request *r)
{
	uint64_t limit, after, bad = 0;
	bool more = false;
	enum err e;

	if (take_range(r, VERIFY_MAX, &limit, &after))
		return;
	e = store_audit_verify_part(r->api->store, &after, (uint32_t)limit, &more, &bad);
	if (e && e != ERR_CORRUPT) {
		request_store_failed(r, e, "audit entry");
		return;
	}
	if (e && log_allowed(&r->api->log_limit))
		log_error("api: the audit log was altered: entry %llu does not follow on the one "
			  "before",
			  (unsigned long long)bad);
	reply_json(&r->reply, 200,
		   json_pack("{s:b, s:I, s:o, s:o}", "ok", !e, "verified_to",
			     (json_int_t)(e ? (bad ? bad - 1 : 0) : after), "first_broken",
			     e ? json_integer((json_int_t)bad) : json_null(), "next_after",
			     !e && more ? json_integer((json_int_t)after) : json_null()));
}
