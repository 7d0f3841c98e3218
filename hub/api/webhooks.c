/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "hub/webhook/signature.h"

static json_t *render_events(const char *events)
{
	char copy[STORE_WEBHOOK_EVENTS_SIZE], *save = NULL;
	json_t *list = json_array();

	snprintf(copy, sizeof(copy), "%s", events);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		json_array_append_new(list, json_string(word));
	return list;
}

/* "" is null. */
static json_t *text_or_null(const char *text) { return *text ? json_string(text) : json_null(); }

/* Never its secret. */
static json_t *render_webhook(const struct store_webhook *w)
{
	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:b, s:o, s:s, s:o, s:o, s:I, s:I}", "id",
			 (json_int_t)w->id, "name", w->name, "url", w->url, "events",
			 render_events(w->events), "comment", w->comment, "enabled", w->enabled,
			 "created_at", render_time(w->created_ms), "created_by", w->created_by,
			 "disabled_at", render_time(w->disabled_ms), "disabled_why",
			 text_or_null(w->disabled_why), "failures", (json_int_t)w->failures,
			 "pending", (json_int_t)w->waiting);
}

static json_t *render_delivery(const struct store_delivery *d)
{
	static const char *const states[] = { "pending", "delivered", "failed", "dropped" };
	const bool waits = d->status == DELIVERY_PENDING;

	return json_pack("{s:I, s:I, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 (json_int_t)d->id, "webhook_id", (json_int_t)d->webhook_id, "event",
			 d->event, "status", states[d->status], "created_at",
			 render_time(d->created_ms), "attempts", (json_int_t)d->attempts, "next_at",
			 render_time(waits ? d->next_ms : 0), "last_at", render_time(d->last_ms),
			 "http_status", d->http_status ? json_integer(d->http_status) : json_null(),
			 "took_ms", d->attempts ? json_integer(d->took_ms) : json_null(), "error",
			 text_or_null(d->error), "redelivery_of",
			 d->redelivery_of ? json_integer(d->redelivery_of) : json_null());
}

static enum err add_to_page(void *arg, const struct store_webhook *w)
{
	return page_add(arg, w->id, render_webhook(w));
}

void webhooks_list(struct request *r)
{
	struct page page;
	enum err e;

	if (page_init(&page, r))
		return;
	e = store_webhooks_list(r->api->store, page.want.after, page.want.limit + 1, add_to_page,
				&page);
	page_reply(&page, r, e);
	page_fini(&page);
}

/* The webhook in the path, by name, or by id when none is called so; otherwise answered. */
static enum err find_webhook(struct request *r, struct store_webhook *out)
{
	char what[ROUTE_PARAM_SIZE + 16];
	uint64_t id;
	enum err e = name_is_valid(r->param) ? store_webhook_find(r->api->store, r->param, out)
					     : ERR_NOTFOUND;

	if (e == ERR_NOTFOUND && params_parse_uint(r->param, UINT32_MAX, &id))
		e = store_webhook_get(r->api->store, (uint32_t)id, out);
	if (e) {
		snprintf(what, sizeof(what), "webhook \"%s\"", r->param);
		request_store_failed(r, e, what);
	}
	return e;
}

void webhooks_get(struct request *r)
{
	struct store_webhook w;

	if (find_webhook(r, &w))
		return;
	reply_json(&r->reply, 200, render_webhook(&w));
	secret_zero(&w, sizeof(w));
}

/* With the secret, which is shown this once, unless it was a dry run or is none of a new one. */
static void answer(struct request *r, unsigned status, const struct change *c,
		   const struct store_webhook *w, bool with_secret)
{
	reply_json(&r->reply, c->dry_run ? 200 : status,
		   json_pack("{s:b, s:s*, s:o}", "dry_run", c->dry_run, "secret",
			     with_secret && !c->dry_run ? w->secret : NULL, "webhook",
			     render_webhook(w)));
}

/* The events of the body as one text; without any `def`, which may be NULL. False: answered. */
static bool take_events(struct request *r, const char *def, char *out, const char **events)
{
	const json_t *list = json_object_get(r->json, "events");
	size_t used = 0;

	out[0] = '\0';
	*events = list ? out : def;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *event = json_string_value(json_array_get(list, i));
		struct problem p = { 0 };
		char pointer[32];

		if (*event && !strchr(event, ' ') &&
		    used + strlen(event) + 2 <= STORE_WEBHOOK_EVENTS_SIZE) {
			used += (size_t)snprintf(out + used, STORE_WEBHOOK_EVENTS_SIZE - used,
						 "%s%s", used ? " " : "", event);
			continue;
		}
		snprintf(pointer, sizeof(pointer), "/events/%zu", i);
		problem_set(&p, 422, "event_invalid", pointer,
			    "an event is named like \"node.revoke\", \"node.*\" or \"*\"");
		reply_problem(&r->reply, &p);
		return false;
	}
	return true;
}

void webhooks_add(struct request *r)
{
	const json_t *enabled = json_object_get(r->json, "enabled");
	const char *comment = body_str(r->json, "comment");
	char text[STORE_WEBHOOK_EVENTS_SIZE];
	struct change c = request_change(r);
	struct store_webhook w = { 0 };
	const char *events;
	enum err e;

	if (!take_events(r, "*", text, &events))
		return;
	snprintf(w.name, sizeof(w.name), "%s", body_str(r->json, "name"));
	snprintf(w.url, sizeof(w.url), "%s", body_str(r->json, "url"));
	snprintf(w.events, sizeof(w.events), "%s", events);
	snprintf(w.comment, sizeof(w.comment), "%s", comment ? comment : "");
	w.enabled = !enabled || json_is_true(enabled);
	signature_secret_new(w.secret, sizeof(w.secret));
	e = change_webhook_add(&c, &w);
	if (e) {
		request_change_failed(r, e, &c);
	} else {
		if (!c.dry_run)
			reply_header(&r->reply, "Location", "/api/v1/webhooks/%u", w.id);
		answer(r, 201, &c, &w, true);
	}
	secret_zero(&w, sizeof(w));
}

/* A change of the webhook in the path. */
static void edit(struct request *r, const struct change_webhook_edit *in)
{
	struct change c = request_change(r);
	struct store_webhook w;
	enum err e;

	if (find_webhook(r, &w))
		return;
	if (request_if_match(r, render_webhook(&w))) {
		e = change_webhook_edit(&c, w.id, in, &w);
		if (e)
			request_change_failed(r, e, &c);
		else
			answer(r, 200, &c, &w, in->secret != NULL);
	}
	secret_zero(&w, sizeof(w));
}

void webhooks_edit(struct request *r)
{
	const json_t *enabled = json_object_get(r->json, "enabled");
	char text[STORE_WEBHOOK_EVENTS_SIZE];
	struct change_webhook_edit in = {
		.url = body_str(r->json, "url"),
		.comment = body_str(r->json, "comment"),
		.enabled = enabled ? json_is_true(enabled) : -1,
	};

	if (take_events(r, NULL, text, &in.events))
		edit(r, &in);
}

void webhooks_secret(struct request *r)
{
	char secret[STORE_WEBHOOK_SECRET_SIZE];
	struct change_webhook_edit in = { .secret = secret, .enabled = -1 };

	signature_secret_new(secret, sizeof(secret));
	edit(r, &in);
	secret_zero(secret, sizeof(secret));
}

void webhooks_delete(struct request *r)
{
	struct change c = request_change(r);
	struct store_webhook w;
	enum err e;

	if (find_webhook(r, &w))
		return;
	if (request_if_match(r, render_webhook(&w))) {
		e = change_webhook_delete(&c, w.id);
		if (e)
			request_change_failed(r, e, &c);
		else
			answer(r, 200, &c, &w, false);
	}
	secret_zero(&w, sizeof(w));
}

/* --- deliveries --- */

static enum err add_delivery(void *arg, const struct store_delivery *d)
{
	return page_add(arg, d->id, render_delivery(d));
}

void webhooks_deliveries(struct request *r)
{
	struct store_webhook w;
	struct page page;
	enum err e;

	if (find_webhook(r, &w))
		return;
	if (page_init(&page, r) == ERR_OK) {
		e = store_deliveries_list(r->api->store, w.id, page.want.after, page.want.limit + 1,
					  add_delivery, &page);
		page_reply(&page, r, e);
		page_fini(&page);
	}
	secret_zero(&w, sizeof(w));
}

/* A delivery that an admin asked for was queued, or not. */
static void answer_queued(struct request *r, enum err e, const struct change *c,
			  const struct store_delivery *d)
{
	if (e)
		request_change_failed(r, e, c);
	else
		reply_json(&r->reply, c->dry_run ? 200 : 202,
			   json_pack("{s:b, s:o}", "dry_run", c->dry_run, "delivery",
				     render_delivery(d)));
}

void webhooks_test(struct request *r)
{
	struct change c = request_change(r);
	struct store_delivery d = { 0 };
	struct store_webhook w;
	enum err e;

	if (find_webhook(r, &w))
		return;
	e = change_webhook_test(&c, w.id, &d);
	answer_queued(r, e, &c, &d);
	secret_zero(&w, sizeof(w));
}

void webhooks_redeliver(struct request *r)
{
	struct change c = request_change(r);
	struct store_delivery d = { 0 };
	struct store_webhook w;
	enum err e;

	if (find_webhook(r, &w))
		return;
	e = change_webhook_redeliver(&c, w.id, (uint32_t)body_int(r->json, "delivery", 0), &d);
	answer_queued(r, e, &c, &d);
	secret_zero(&w, sizeof(w));
}
