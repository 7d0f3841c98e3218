/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/gather.h"

#include <inttypes.h>
#include <string.h>

#include "hub/api/event_json.h"
#include "hub/api/render.h"
#include "hub/webhook/pattern.h"

#define PLACE_KEY "webhook_place"

/* One webhook, as far as it is needed here. */
struct wish {
	uint32_t id;
	int64_t created_ms;
	char events[STORE_WEBHOOK_EVENTS_SIZE];
};

/* One event that somebody wants. */
struct item {
	char event[64];
	char *body;
	int64_t at_ms;
};

/* One round. */
struct round {
	struct gather *g;
	struct wish wishes[STORE_WEBHOOKS_MAX];
	unsigned n_wishes;
	struct item items[2 * GATHER_CHUNK_MAX + 1];
	unsigned n_items, n_audit, n_presence;
	uint64_t audit, presence;
};

void gather_init(struct gather *g, struct store *s) { *g = (struct gather){ .store = s }; }

static enum err add_wish(void *arg, const struct store_webhook *w)
{
	struct round *r = arg;
	struct wish *x = &r->wishes[r->n_wishes];

	if (!w->enabled || r->n_wishes == STORE_WEBHOOKS_MAX)
		return ERR_OK;
	x->id = w->id;
	x->created_ms = w->created_ms;
	memcpy(x->events, w->events, sizeof(x->events));
	r->n_wishes++;
	return ERR_OK;
}

/* A test is queued for its one webhook by the change that asks for it; as an entry of the audit
 * log, which has the same name, it would be sent a second time, and to others. */
static bool is_wanted_by(const struct wish *w, const char *event, int64_t at_ms)
{
	if (strcmp(event, "webhook.test") == 0)
		return false;
	return at_ms >= w->created_ms && pattern_list_matches(w->events, event);
}

static bool is_wanted(const struct round *r, const char *event, int64_t at_ms)
{
	for (unsigned i = 0; i < r->n_wishes; i++)
		if (is_wanted_by(&r->wishes[i], event, at_ms))
			return true;
	return false;
}

/* Keeps an event; takes `data` over. */
static enum err add_item(struct round *r, const char *event, int64_t at_ms, json_t *data)
{
	struct item *i = &r->items[r->n_items];
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

	if (text && strlen(text) > GATHER_BODY_MAX_BYTES) {
		free(text);
		json_object_set_new(data, "detail", json_null());
		text = json_dumps(data, JSON_COMPACT);
	}
	json_decref(data);
	if (!text)
		return ERR_NOMEM;
	snprintf(i->event, sizeof(i->event), "%s", event);
	i->body = text;
	i->at_ms = at_ms;
	r->n_items++;
	return ERR_OK;
}

static enum err take_audit(void *arg, const struct store_audit_entry *a)
{
	struct round *r = arg;

	r->audit = a->id;
	r->n_audit++;
	return is_wanted(r, a->action, a->at_ms) ? add_item(r, a->action, a->at_ms, render_audit(a))
						 : ERR_OK;
}

static enum err take_presence(void *arg, const struct store_presence_change *p)
{
	const char *event = event_json_presence_type(p);
	struct round *r = arg;
	json_t *data;
	enum err e;

	r->presence = p->number;
	r->n_presence++;
	if (!is_wanted(r, event, p->at_ms))
		return ERR_OK;
	e = event_json_presence(r->g->store, p, &data);
	if (e)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	return add_item(r, event, p->at_ms, data);
}

static enum err last_audit(void *arg, const struct store_audit_entry *a)
{
	*(uint64_t *)arg = a->id;
	return ERR_OK;
}

/* The present place. */
static enum err find_newest(struct store *s, uint64_t *audit, uint64_t *presence)
{
	static const struct store_audit_filter newest_first = { .newest_first = true };
	uint64_t oldest;
	enum err e;

	*audit = 0;
	e = store_audit_list(s, &newest_first, 0, 1, last_audit, audit);
	return e ? e : store_presence_changes_range(s, &oldest, presence);
}

/* Where to go on after a start: the saved place, or the present when there is none, or when it is
 * of a database that was replaced by an older one. */
static enum err begin(struct gather *g)
{
	uint64_t newest_audit, newest_presence;
	struct buf saved;
	const char *text;
	enum err e = find_newest(g->store, &newest_audit, &newest_presence);

	if (e)
		return e;
	buf_init(&saved, 64);
	e = store_setting_get(g->store, PLACE_KEY, &saved);
	text = e ? NULL : buf_cstr(&saved);
	if (!text || !event_json_parse_id(text, &g->audit, &g->presence) ||
	    g->audit > newest_audit) {
		g->audit = newest_audit;
		g->presence = newest_presence;
	}
	buf_fini(&saved);
	g->begun = !e || e == ERR_NOTFOUND;
	return g->begun ? ERR_OK : e;
}

/* The ring of presence has gone over our place, or was made anew. */
static enum err check_lost(struct round *r, int64_t wall_ms)
{
	uint64_t oldest, newest;
	enum err e = store_presence_changes_range(r->g->store, &oldest, &newest);

	if (e || (r->presence <= newest && (!newest || r->presence + 1 >= oldest)))
		return e;
	r->presence = newest;
	return is_wanted(r, "lost", wall_ms) ? add_item(r, "lost", wall_ms, json_object()) : ERR_OK;
}

/* One event, to all that want it. */
static enum err queue_item(const struct round *r, const struct item *i, int64_t wall_ms)
{
	enum err e = ERR_OK;

	for (unsigned k = 0; k < r->n_wishes && !e; k++) {
		struct store_delivery d = { .webhook_id = r->wishes[k].id,
					    .body = i->body,
					    .created_ms = wall_ms };

		if (!is_wanted_by(&r->wishes[k], i->event, i->at_ms))
			continue;
		memcpy(d.event, i->event, sizeof(d.event));
		e = store_delivery_add(r->g->store, &d);
	}
	return e;
}

/* Deliveries and place in one transaction. */
static enum err save(const struct round *r, int64_t wall_ms)
{
	struct store *s = r->g->store;
	char place[48];
	enum err e = store_begin(s);

	if (e)
		return e;
	snprintf(place, sizeof(place), "%" PRIu64 "-%" PRIu64, r->audit, r->presence);
	for (unsigned i = 0; i < r->n_items && !e; i++)
		e = queue_item(r, &r->items[i], wall_ms);
	if (!e)
		e = store_setting_put(s, PLACE_KEY, place);
	if (!e)
		e = store_commit(s);
	if (e)
		store_rollback(s);
	else
		r->g->saved_ms = wall_ms;
	return e;
}

static enum err look(struct round *r, int64_t wall_ms)
{
	static const struct store_audit_filter all;
	struct gather *g = r->g;
	bool moved;
	enum err e;

	r->audit = g->audit;
	r->presence = g->presence;
	e = store_audit_list(g->store, &all, r->audit, GATHER_CHUNK_MAX, take_audit, r);
	if (!e)
		e = check_lost(r, wall_ms);
	if (!e)
		e = store_presence_changes(g->store, r->presence, GATHER_CHUNK_MAX, take_presence,
					   r);
	moved = r->audit != g->audit || r->presence != g->presence;
	if (!e && moved && (r->n_items || wall_ms - g->saved_ms >= GATHER_SAVE_MS))
		e = save(r, wall_ms);
	if (e)
		return e;
	g->audit = r->audit;
	g->presence = r->presence;
	return ERR_OK;
}

enum err gather_run(struct gather *g, int64_t wall_ms, bool *more)
{
	struct round *r = calloc(1, sizeof(*r));
	enum err e = r ? ERR_OK : ERR_NOMEM;

	*more = false;
	if (!e && !g->begun)
		e = begin(g);
	if (e)
		goto out;
	r->g = g;
	e = store_webhooks_list(g->store, 0, 0, add_wish, r);
	if (!e && r->n_wishes)
		e = look(r, wall_ms);
	else if (!e)
		e = find_newest(g->store, &g->audit, &g->presence);
	*more = !e && (r->n_audit == GATHER_CHUNK_MAX || r->n_presence == GATHER_CHUNK_MAX);
	for (unsigned i = 0; i < r->n_items; i++)
		free(r->items[i].body);
out:
	free(r);
	return e;
}
