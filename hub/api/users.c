/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/hashing.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

static enum err add_to_page(void *arg, const struct store_user *u)
{
	return page_add(arg, u->id, render_user(u));
}

void users_list(struct request *r)
{
	struct page page;
	enum err e;

	if (page_init(&page, r))
		return;
	e = store_users_list(r->api->store, page.want.after, page.want.limit + 1, add_to_page,
			     &page);
	page_reply(&page, r, e);
	page_fini(&page);
}

/* The user in the path, by name, or by id when nobody is called so; otherwise answered. */
static enum err find_user(struct request *r, struct store_user *out)
{
	char what[ROUTE_PARAM_SIZE + 16];
	uint64_t id;
	enum err e = name_is_valid(r->param) ? store_user_find(r->api->store, r->param, out)
					     : ERR_NOTFOUND;

	if (e == ERR_NOTFOUND && params_parse_uint(r->param, UINT32_MAX, &id))
		e = store_user_get(r->api->store, (uint32_t)id, out);
	if (e) {
		snprintf(what, sizeof(what), "user \"%s\"", r->param);
		request_store_failed(r, e, what);
	}
	return e;
}

void users_get(struct request *r)
{
	struct store_user u;

	if (find_user(r, &u))
		return;
	reply_json(&r->reply, 200, render_user(&u));
	secret_zero(&u, sizeof(u));
}

static void answer(struct request *r, unsigned status, const struct change *c,
		   const struct store_user *u)
{
	reply_json(&r->reply, c->dry_run ? 200 : status,
		   json_pack("{s:b, s:o}", "dry_run", c->dry_run, "user", render_user(u)));
}

void users_add(struct request *r)
{
	struct change c = request_change(r);
	bool ready = hashing_ready(r, NULL, NULL, body_str(r->json, "password"));
	const char *hash = ready ? hashing_made(r) : NULL;
	struct store_user u;
	enum err e = hash ? ERR_OK : ERR_CRYPTO;

	body_wipe(r->json, "password");
	if (!ready)
		return;
	memset(&u, 0, sizeof(u));
	snprintf(u.name, sizeof(u.name), "%s", body_str(r->json, "name"));
	snprintf(u.role, sizeof(u.role), "%s", body_str(r->json, "role"));
	snprintf(u.password_hash, sizeof(u.password_hash), "%s", hash ? hash : "");
	if (!e)
		e = change_user_add(&c, &u);
	if (e) {
		request_change_failed(r, e, &c);
	} else {
		if (!c.dry_run)
			reply_header(&r->reply, "Location", "/api/v1/users/%u", u.id);
		answer(r, 201, &c, &u);
	}
	secret_zero(&u, sizeof(u));
}

void users_edit(struct request *r)
{
	const json_t *disabled = json_object_get(r->json, "disabled");
	const char *password = body_str(r->json, "password");
	struct change c = request_change(r);
	struct change_user_edit edit = {
		.role = body_str(r->json, "role"),
		.disabled = disabled ? json_is_true(disabled) : -1,
		.forget_totp = body_bool(r->json, "forget_totp"),
	};
	struct store_user u;
	enum err e = ERR_OK;

	if (find_user(r, &u) == ERR_OK && request_if_match(r, render_user(&u)) &&
	    (!password || hashing_ready(r, NULL, NULL, password))) {
		if (password)
			edit.password_hash = hashing_made(r);
		if (password && !edit.password_hash)
			e = ERR_CRYPTO;
		if (!e)
			e = change_user_edit(&c, u.id, &edit, &u);
		if (e)
			request_change_failed(r, e, &c);
		else
			answer(r, 200, &c, &u);
	}
	body_wipe(r->json, "password");
	secret_zero(&u, sizeof(u));
}

void users_delete(struct request *r)
{
	struct change c = request_change(r);
	struct store_user u;
	enum err e;

	if (find_user(r, &u))
		return;
	if (request_if_match(r, render_user(&u))) {
		e = change_user_delete(&c, u.id);
		if (e)
			request_change_failed(r, e, &c);
		else
			answer(r, 200, &c, &u);
	}
	secret_zero(&u, sizeof(u));
}
