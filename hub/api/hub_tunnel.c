/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub_tunnel: the hub's own tunnel key and its replacement. */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/render.h"
#include "hub/change_hub_tunnel.h"

#define MISSING_SHOWN 1000u /* by name; the counts are of all */

/* The nodes that may still need the old key. */
struct missing {
	struct request *r;
	json_t *list;
};

static enum err add_missing(void *arg, uint32_t id, const char *name, enum node_kind kind)
{
	struct missing *x = arg;
	struct store_presence p;
	enum err e = store_presence_get(x->r->api->store, id, &p);

	if (e && e != ERR_NOTFOUND)
		return e;
	json_array_append_new(x->list, json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)id,
						 "name", name, "kind", node_kind_str(kind),
						 "online", e == ERR_OK && p.online));
	return ERR_OK;
}

static const char *state_of(const struct hub_tunnel *h)
{
	if (!h->has_row)
		return "stable";
	return h->row.state == HUB_TUNNEL_OVERLAP ? "overlap" : "preparing";
}

static json_t *render(const struct hub_tunnel *h, json_t *missing)
{
	const bool overlap = h->has_row && h->row.state == HUB_TUNNEL_OVERLAP;

	return json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "fingerprint",
		render_fingerprint(&h->current.key), "public_key",
		render_public_key(&h->current.key), "created_at",
		render_time(h->current.created_ms), "state", state_of(h), "old_fingerprint",
		overlap ? render_fingerprint(&h->row.old_key) : json_null(), "old_public_key",
		overlap ? render_public_key(&h->row.old_key) : json_null(), "requested_by",
		h->has_row ? json_string(h->row.requested_by) : json_null(), "overlap_until",
		render_time(h->has_row ? h->row.until_ms : 0), "nodes", (json_int_t)h->sum.nodes,
		"changed_over", (json_int_t)h->sum.known, "wireguard_missing",
		(json_int_t)h->sum.devices, "missing", missing);
}

/* NULL: the request is answered. */
static json_t *describe(struct request *r, const struct hub_tunnel *h)
{
	struct missing x = { r, json_array() };
	enum err e = ERR_OK;

	if (h->has_row)
		e = store_hub_tunnel_missing(r->api->store, h->since_ms, MISSING_SHOWN, add_missing,
					     &x);
	if (!e)
		return render(h, x.list);
	json_decref(x.list);
	request_store_failed(r, e, "hub tunnel key");
	return NULL;
}

/* False: the request is answered. */
static bool find_hub(struct request *r, uint32_t *id)
{
	struct node hub;

	if (lookup_hub(r, &hub))
		return false;
	*id = hub.id;
	node_fini(&hub);
	return true;
}

/* What stands there now, and whose it is. NULL: the request is answered. */
static json_t *read_now(struct request *r, uint32_t *hub_id)
{
	struct hub_tunnel h;
	enum err e;

	if (!find_hub(r, hub_id))
		return NULL;
	e = hub_tunnel_read(r->api->store, *hub_id, &h);
	if (!e)
		return describe(r, &h);
	request_store_failed(r, e == ERR_NOTFOUND ? ERR_CORRUPT : e, "hub tunnel key");
	return NULL;
}

void hub_tunnel_get(struct request *r)
{
	uint32_t id;
	json_t *item = read_now(r, &id);

	if (item)
		reply_json(&r->reply, 200, item);
}

/* The change is done, or refused. */
static void answer(struct request *r, unsigned status, enum err e, const struct change *c,
		   const struct hub_tunnel *h)
{
	json_t *item;

	if (e) {
		request_change_failed(r, e, c);
		return;
	}
	item = describe(r, h);
	if (item)
		request_changed(r, status, c, "tunnel_key", item);
	if (!c->dry_run)
		api_nudge_keys(r->api);
}

void hub_tunnel_rotate(struct request *r)
{
	struct change c = request_change(r);
	struct hub_tunnel h;
	uint32_t id, overlap_s;
	enum err e;

	if (!find_hub(r, &id))
		return;
	overlap_s = (uint32_t)body_int(r->json, "overlap_s", HUB_TUNNEL_OVERLAP_DEFAULT_S);
	e = change_hub_tunnel_rotate(&c, id, overlap_s, &h);
	answer(r, 202, e, &c, &h);
}

void hub_tunnel_finish(struct request *r)
{
	bool force = json_is_true(json_object_get(r->json, "force"));
	struct change c = request_change(r);
	struct hub_tunnel h;
	uint32_t id;
	enum err e;

	if (!find_hub(r, &id))
		return;
	e = change_hub_tunnel_finish(&c, id, force, &h);
	answer(r, 200, e, &c, &h);
}

void hub_tunnel_cancel(struct request *r)
{
	struct change c = request_change(r);
	struct hub_tunnel h;
	uint32_t id;
	json_t *now = read_now(r, &id);
	enum err e;

	if (!now || !request_if_match(r, now))
		return;
	e = change_hub_tunnel_cancel(&c, id, &h);
	answer(r, 200, e, &c, &h);
}
