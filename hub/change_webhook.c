/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_webhook: whom the hub tells of events. Not of the directory: no new revision. */
#include <string.h>

#include "hub/change_step.h"
#include "hub/webhook/pattern.h"
#include "hub/webhook/target.h"
#include "shared/base/clock.h"
#include "shared/base/secret.h"

/* For the audit: all but the secret. */
static json_t *describe(const struct store_webhook *w)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "url", w->url, "events", w->events, "comment",
			 w->comment, "enabled", w->enabled);
}

static enum err check_events(struct change *c, const char *events)
{
	char copy[STORE_WEBHOOK_EVENTS_SIZE], pointer[32], *save = NULL, *word;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", events);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save), n++) {
		snprintf(pointer, sizeof(pointer), "/events/%u", n);
		if (!pattern_is_valid(word))
			return change_refuse(c, ERR_INVALID, "event_invalid", pointer,
					     "\"%.64s\" is no event; write its name "
					     "(\"node.revoke\"), \"node.*\", or \"*\" for all.",
					     word);
	}
	if (n == 0 || n > PATTERNS_MAX)
		return change_refuse(c, ERR_INVALID, "event_invalid", "/events",
				     "Name 1 to %u events.", PATTERNS_MAX);
	return ERR_OK;
}

static enum err check(struct change *c, const struct store_webhook *w)
{
	char why[TARGET_WHY_SIZE];
	enum err e = target_check_url(w->url, why);

	if (e == ERR_INVALID)
		return change_refuse(c, e, "url_invalid", "/url", "%s", why);
	if (!e)
		e = check_events(c, w->events);
	return e ? e
		 : change_check_text(c, w->comment, sizeof(w->comment), "comment_invalid",
				     "/comment");
}

static enum err count_hook(void *arg, const struct store_webhook *w)
{
	(void)w;
	++*(unsigned *)arg;
	return ERR_OK;
}

static enum err webhook_add(struct change *c, struct store_webhook *w)
{
	unsigned n = 0;
	enum err e;

	if (!name_is_valid(w->name))
		return change_refuse(c, ERR_INVALID, "name_invalid", "/name",
				     "A name has 1 to %u letters, digits, \"_\", \"-\" and \".\", "
				     "and does not begin with \"-\" or \".\".",
				     NAME_MAX_BYTES);
	e = check(c, w);
	if (!e)
		e = store_webhooks_list(c->store, 0, 0, count_hook, &n);
	if (e)
		return e;
	if (n >= STORE_WEBHOOKS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "",
				     "There are %u webhooks, the most that may be.", n);
	w->created_ms = clock_wall_ms();
	snprintf(w->created_by, sizeof(w->created_by), "%s", c->actor);
	e = store_webhook_put(c->store, w);
	if (e == ERR_EXISTS)
		return change_refuse(c, e, "webhook_exists", "/name",
				     "There is a webhook %s already.", w->name);
	return e ? e : change_audit(c, "webhook.add", "webhook", w->name, describe(w));
}

enum err change_webhook_add(struct change *c, struct store_webhook *w)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, webhook_add(c, w));
}

static enum err load(struct change *c, uint32_t id, struct store_webhook *out)
{
	enum err e = store_webhook_get(c->store, id, out);

	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "", "There is no webhook with the id %u.",
				     id);
	return e;
}

/* Takes over what is given. */
static void apply(const struct change_webhook_edit *in, struct store_webhook *w)
{
	if (in->url)
		snprintf(w->url, sizeof(w->url), "%s", in->url);
	if (in->events)
		snprintf(w->events, sizeof(w->events), "%s", in->events);
	if (in->comment)
		snprintf(w->comment, sizeof(w->comment), "%s", in->comment);
	if (in->secret)
		snprintf(w->secret, sizeof(w->secret), "%s", in->secret);
	if (in->enabled < 0)
		return;
	if (in->enabled) {
		w->failures = 0;
		w->failing_ms = w->disabled_ms = 0;
		w->disabled_why[0] = '\0';
	} else if (w->enabled) {
		/* What failed is no news to the one who has ended it. */
		if (!in->why)
			w->failures = 0;
		w->disabled_ms = clock_wall_ms();
		snprintf(w->disabled_why, sizeof(w->disabled_why), "%s",
			 in->why ? in->why : "an admin has done so");
	}
	w->enabled = in->enabled;
}

static enum err webhook_edit(struct change *c, uint32_t id, const struct change_webhook_edit *in,
			     struct store_webhook *w)
{
	json_t *before;
	enum err e = load(c, id, w);

	if (e)
		return e;
	before = describe(w);
	apply(in, w);
	e = check(c, w);
	if (!e)
		e = store_webhook_put(c->store, w);
	if (!e && !w->enabled)
		e = store_deliveries_drop(c->store, id, "the webhook is disabled");
	if (!e)
		e = store_webhook_get(c->store, id, w);
	if (e) {
		json_decref(before);
		return e;
	}
	return change_audit(c, in->why ? "webhook.disable" : "webhook.edit", "webhook", w->name,
			    json_pack("{s:o, s:o, s:b, s:s}", "before", before, "after",
				      describe(w), "secret_changed", in->secret != NULL, "why",
				      in->why ? in->why : ""));
}

enum err change_webhook_edit(struct change *c, uint32_t id, const struct change_webhook_edit *in,
			     struct store_webhook *out)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, webhook_edit(c, id, in, out));
}

static enum err webhook_delete(struct change *c, uint32_t id)
{
	struct store_webhook w;
	enum err e = load(c, id, &w);

	if (e)
		return e;
	e = store_webhook_remove(c->store, id);
	if (!e)
		e = change_audit(c, "webhook.delete", "webhook", w.name, describe(&w));
	secret_zero(&w, sizeof(w));
	return e;
}

enum err change_webhook_delete(struct change *c, uint32_t id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, webhook_delete(c, id));
}

/* --- deliveries that an admin asks for --- */

static enum err queue(struct change *c, const struct store_webhook *w, struct store_delivery *d)
{
	if (!w->enabled)
		return change_refuse(c, ERR_CONFLICT, "webhook_disabled", "",
				     "The webhook %s is disabled; enable it first.", w->name);
	d->webhook_id = w->id;
	d->created_ms = clock_wall_ms();
	return store_delivery_add(c->store, d);
}

static enum err webhook_test(struct change *c, uint32_t id, struct store_delivery *out)
{
	struct store_delivery d = { .event = "webhook.test",
				    .body = "{\"message\":\"This is a test; nothing has "
					    "happened.\"}" };
	struct store_webhook w;
	enum err e = load(c, id, &w);

	if (e)
		return e;
	e = queue(c, &w, &d);
	if (!e)
		e = change_audit(c, "webhook.test", "webhook", w.name,
				 json_pack("{s:I}", "delivery", (json_int_t)d.id));
	secret_zero(&w, sizeof(w));
	*out = d;
	return e;
}

enum err change_webhook_test(struct change *c, uint32_t id, struct store_delivery *out)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, webhook_test(c, id, out));
}

struct again {
	struct change *change;
	const struct store_webhook *hook;
	struct store_delivery made;
};

static enum err queue_again(void *arg, const struct store_delivery *old)
{
	struct again *a = arg;

	if (old->webhook_id != a->hook->id)
		return ERR_NOTFOUND;
	a->made.body = old->body;
	a->made.redelivery_of = old->id;
	memcpy(a->made.event, old->event, sizeof(a->made.event));
	return queue(a->change, a->hook, &a->made);
}

static enum err webhook_redeliver(struct change *c, uint32_t id, uint32_t delivery,
				  struct store_delivery *out)
{
	struct store_webhook w;
	struct again a = { .change = c, .hook = &w };
	enum err e = load(c, id, &w);

	if (e)
		return e;
	e = store_delivery_get(c->store, delivery, queue_again, &a);
	if (e == ERR_NOTFOUND)
		e = change_refuse(c, e, "not_found", "/delivery",
				  "The webhook %s has no delivery %u (any more).", w.name,
				  delivery);
	if (!e)
		e = change_audit(c, "webhook.redeliver", "webhook", w.name,
				 json_pack("{s:I, s:I}", "delivery", (json_int_t)a.made.id, "of",
					   (json_int_t)delivery));
	secret_zero(&w, sizeof(w));
	a.made.body = NULL;
	*out = a.made;
	return e;
}

enum err change_webhook_redeliver(struct change *c, uint32_t id, uint32_t delivery,
				  struct store_delivery *out)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, webhook_redeliver(c, id, delivery, out));
}
