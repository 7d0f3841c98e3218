/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rotations: keys that are being replaced, and what holds for that. */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "hub/change_key.h"

static enum err add_to_page(void *arg, const struct store_rotation *r)
{
	return r->state == ROTATION_REFUSED ? ERR_OK
					    : page_add(arg, r->node_id, render_rotation(r));
}

void rotations_list(struct request *r)
{
	struct page page;

	if (page_init(&page, r))
		return;
	page_reply(&page, r,
		   store_rotations_list(r->api->store, page.want.after, 0, add_to_page, &page));
	page_fini(&page);
}

/* The rotation of the node in the path; otherwise the request is answered. */
static enum err find_rotation(struct request *r, struct store_rotation *out)
{
	struct node n;
	enum err e = lookup_node(r, r->param, &n, NULL);

	if (e)
		return e;
	e = store_rotation_get(r->api->store, n.id, out);
	if (!e && out->state == ROTATION_REFUSED)
		e = ERR_NOTFOUND;
	if (e == ERR_NOTFOUND)
		reply_refuse(&r->reply, 404, "not_found", "no keys of node %s are being replaced",
			     n.name);
	else if (e)
		request_store_failed(r, e, "key rotation");
	node_fini(&n);
	return e;
}

void rotations_get(struct request *r)
{
	struct store_rotation x;

	if (find_rotation(r, &x) == ERR_OK)
		reply_json(&r->reply, 200, render_rotation(&x));
}

/* The set that the body names; without a word of it the tunnel's key. */
static unsigned wanted_keys(const struct request *r)
{
	const json_t *list = json_object_get(r->json, "keys");
	unsigned keys = 0;
	size_t i;
	json_t *k;

	json_array_foreach(list, i, k)
	{
		if (strcmp(json_string_value(k), "identity") == 0)
			keys |= ROTATION_IDENTITY;
		else if (strcmp(json_string_value(k), "tunnel") == 0)
			keys |= ROTATION_TUNNEL;
		else
			return 0;
	}
	return json_array_size(list) ? keys : ROTATION_TUNNEL;
}

void rotations_request(struct request *r)
{
	struct change c = request_change(r);
	unsigned keys = wanted_keys(r);
	struct store_rotation x;
	struct node n;
	enum err e;

	if (!keys) {
		reply_refuse(&r->reply, 422, "keys_invalid",
			     "keys are \"tunnel\", \"identity\" or both");
		return;
	}
	if (lookup_node(r, r->param, &n, NULL))
		return;
	e = change_rotation_request(&c, n.id, keys, &x);
	node_fini(&n);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	request_changed(r, 202, &c, "rotation", render_rotation(&x));
	if (!c.dry_run)
		api_nudge_keys(r->api);
}

void rotations_approve(struct request *r)
{
	struct change c = request_change(r);
	struct store_rotation x;
	enum err e;

	if (find_rotation(r, &x) || !request_if_match(r, render_rotation(&x)))
		return;
	e = change_rotation_approve(&c, x.node_id);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	request_changed(r, 200, &c, NULL, NULL);
	if (!c.dry_run)
		api_nudge_keys(r->api);
}

void rotations_refuse(struct request *r)
{
	struct change c = request_change(r);
	struct store_rotation x;
	enum err e;

	if (find_rotation(r, &x) || !request_if_match(r, render_rotation(&x)))
		return;
	e = change_rotation_refuse(&c, x.node_id, &x);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	request_changed(r, 200, &c, NULL, NULL);
	if (!c.dry_run)
		api_nudge_keys(r->api);
}

void key_settings_get(struct request *r)
{
	struct key_settings k;
	enum err e = key_settings_read(r->api->store, &k);

	if (e)
		request_store_failed(r, e, "key settings");
	else
		reply_json(&r->reply, 200, render_key_settings(&k));
}

static void take_number(const json_t *body, const char *member, uint32_t *out)
{
	const json_t *v = json_object_get(body, member);

	if (v)
		*out = (uint32_t)json_integer_value(v);
}

/* False: the approval is none that there is. */
static bool take_settings(const json_t *body, struct key_settings *k)
{
	const char *approval = body_str(body, "approval");
	const json_t *rotate = json_object_get(body, "rotate_at_max_age");

	if (approval && strcmp(approval, "admin") != 0 && strcmp(approval, "auto") != 0)
		return false;
	if (approval)
		k->approve = strcmp(approval, "admin") == 0;
	take_number(body, "overlap_s", &k->overlap_s);
	take_number(body, "max_age_s", &k->max_age_s);
	take_number(body, "warn_s", &k->warn_s);
	if (rotate)
		k->rotate_at_max_age = json_is_true(rotate);
	return true;
}

void key_settings_edit(struct request *r)
{
	struct change c = request_change(r);
	struct key_settings k;
	enum err e = key_settings_read(r->api->store, &k);

	if (e) {
		request_store_failed(r, e, "key settings");
		return;
	}
	if (!request_if_match(r, render_key_settings(&k)))
		return;
	if (!take_settings(r->json, &k)) {
		reply_refuse(&r->reply, 422, "approval_invalid",
			     "approval is \"auto\" or \"admin\"");
		return;
	}
	e = change_key_settings(&c, &k);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	request_changed(r, 200, &c, "key_settings", render_key_settings(&k));
	if (!c.dry_run)
		api_nudge_keys(r->api);
}
