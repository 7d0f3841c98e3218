/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"

/* Token and audit entry in one transaction. Not part of the directory: no new revision. */
static enum err create(struct request *r, struct store_api_token *t)
{
	struct store *s = r->api->store;
	char object[NAME_SIZE + 16];
	struct store_audit audit = { r->actor, "api-token.create", object, "{\"role\":\"admin\"}" };
	enum err e = store_begin(s);

	if (e)
		return e;
	snprintf(object, sizeof(object), "api-token:%s", t->name);
	e = store_api_token_put(s, t);
	if (!e)
		e = store_audit_add(s, &audit);
	if (!e && !r->dry_run)
		return store_commit(s);
	store_rollback(s);
	return e;
}

void api_tokens_add(struct request *r)
{
	int64_t expires_s = body_int(r->json, "expires_s", 0), now = clock_wall_ms();
	char text[AUTH_TOKEN_MAX_CHARS];
	struct store_api_token t;
	enum err e;

	memset(&t, 0, sizeof(t));
	snprintf(t.name, sizeof(t.name), "%s", body_str(r->json, "name"));
	snprintf(t.role, sizeof(t.role), "admin");
	t.created_ms = now;
	t.expires_ms = expires_s ? now + expires_s * 1000 : 0;
	auth_token_new(text);
	auth_token_hash(text, t.hash);
	e = create(r, &t);
	if (e == ERR_EXISTS) {
		struct problem p = { 0 };

		problem_set(&p, 409, "api_token_exists", "/name",
			    "there is an API token \"%s\" already", t.name);
		reply_problem(&r->reply, &p);
	} else if (e) {
		request_store_failed(r, e, "API token");
	} else {
		reply_json(&r->reply, r->dry_run ? 200 : 201,
			   json_pack("{s:b, s:s*, s:{s:I, s:s, s:s, s:o, s:o}}", "dry_run",
				     r->dry_run, "token", r->dry_run ? NULL : text, "api_token",
				     "id", (json_int_t)t.id, "name", t.name, "role", t.role,
				     "created_at", render_time(t.created_ms), "expires_at",
				     render_time(t.expires_ms)));
	}
	secret_zero(text, sizeof(text));
}
