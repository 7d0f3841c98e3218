/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"

static enum err add_to_page(void *arg, const struct store_api_token *t)
{
	return page_add(arg, t->id, render_api_token(t, clock_wall_ms()));
}

void api_tokens_list(struct request *r)
{
	struct page page;
	enum err e;

	if (page_init(&page, r))
		return;
	e = store_api_tokens_list(r->api->store, page.want.after, page.want.limit + 1, add_to_page,
				  &page);
	page_reply(&page, r, e);
	page_fini(&page);
}

/* The API token in the path; otherwise the request is answered. */
static enum err find_token(struct request *r, struct store_api_token *out)
{
	char what[32];
	uint32_t id;
	enum err e = request_id(r, "API token", &id);

	if (e)
		return e;
	e = store_api_token_get(r->api->store, id, out);
	if (e) {
		snprintf(what, sizeof(what), "API token %u", id);
		request_store_failed(r, e, what);
	}
	return e;
}

void api_tokens_get(struct request *r)
{
	struct store_api_token t;

	if (find_token(r, &t) == ERR_OK)
		reply_json(&r->reply, 200, render_api_token(&t, clock_wall_ms()));
}

/* The scopes of the body as one text; otherwise the request is answered. */
static enum err take_scopes(struct request *r, char out[STORE_TEXT_SIZE])
{
	const json_t *list = json_object_get(r->json, "scopes");
	struct problem p = { 0 };
	char pointer[32];
	size_t used = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *scope = json_string_value(json_array_get(list, i));

		snprintf(pointer, sizeof(pointer), "/scopes/%zu", i);
		if (!role_scope_is_valid(r->routes, scope) ||
		    used + strlen(scope) + 2 > STORE_TEXT_SIZE) {
			problem_set(&p, 422, "scope_invalid", pointer,
				    "a scope is the first part of a path below /api/v1, such as "
				    "\"nodes\", or that with \":read\"");
			reply_problem(&r->reply, &p);
			return ERR_INVALID;
		}
		used += (size_t)snprintf(out + used, STORE_TEXT_SIZE - used, "%s%s",
					 used ? " " : "", scope);
	}
	return ERR_OK;
}

void api_tokens_add(struct request *r)
{
	int64_t expires_s = body_int(r->json, "expires_s", 0), now = clock_wall_ms();
	const char *role = body_str(r->json, "role");
	struct change c = request_change(r);
	char text[AUTH_TOKEN_MAX_CHARS];
	struct store_api_token t;
	enum err e;

	memset(&t, 0, sizeof(t));
	if (take_scopes(r, t.scopes))
		return;
	snprintf(t.name, sizeof(t.name), "%s", body_str(r->json, "name"));
	snprintf(t.role, sizeof(t.role), "%s", role ? role : role_str(ROLE_ADMIN));
	t.created_ms = now;
	t.expires_ms = expires_s ? now + expires_s * 1000 : 0;
	auth_token_new(text);
	auth_token_hash(text, t.hash);
	e = change_api_token_create(&c, &t);
	if (e) {
		request_change_failed(r, e, &c);
	} else {
		if (!r->dry_run)
			reply_header(&r->reply, "Location", "/api/v1/api-tokens/%u", t.id);
		reply_json(&r->reply, r->dry_run ? 200 : 201,
			   json_pack("{s:b, s:s*, s:o}", "dry_run", r->dry_run, "token",
				     r->dry_run ? NULL : text, "api_token",
				     render_api_token(&t, now)));
	}
	secret_zero(text, sizeof(text));
}

void api_tokens_revoke(struct request *r)
{
	struct change c = request_change(r);
	struct store_api_token t;
	enum err e;

	if (find_token(r, &t) || !request_if_match(r, render_api_token(&t, clock_wall_ms())))
		return;
	e = change_api_token_revoke(&c, t.id);
	if (!e)
		e = store_api_token_get(r->api->store, t.id, &t);
	if (e)
		request_change_failed(r, e, &c);
	else
		reply_json(&r->reply, 200,
			   json_pack("{s:b, s:o}", "dry_run", c.dry_run, "api_token",
				     render_api_token(&t, clock_wall_ms())));
}
