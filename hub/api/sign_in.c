/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/sign_in.h"

#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/hashing.h"
#include "hub/api/render.h"
#include "hub/api/totp.h"
#include "shared/base/clock.h"

#define COOKIE_FLAGS "Path=/; Secure; HttpOnly; SameSite=Strict"

bool sign_in_may_try(struct request *r, const char *user)
{
	uint64_t now = api_now_ms(r->api), wait, other;
	struct addr by_user = auth_user_source(user);

	wait = auth_limit_wait_ms(&r->api->auth_limit, &r->remote, now);
	other = auth_limit_wait_ms(&r->api->user_limit, &by_user, now);
	wait = other > wait ? other : wait;
	if (!wait && !hashing_asked(r) && !bucket_take(&r->api->sign_ins, now))
		wait = bucket_wait_ms(&r->api->sign_ins, now);
	if (!wait)
		return true;
	reply_header(&r->reply, "Retry-After", "%llu", (unsigned long long)(wait + 999) / 1000);
	reply_refuse(&r->reply, 429, "too_many_failures", "too many attempts to sign in");
	return false;
}

void sign_in_failed(struct request *r, const char *user, const char *code, const char *detail)
{
	struct change c = { .store = r->api->store, .actor = "api" };
	struct addr by_user = auth_user_source(user);
	uint64_t now = api_now_ms(r->api);
	char from[ADDR_STR_SIZE] = "unix";
	enum err e;

	auth_limit_failed(&r->api->auth_limit, &r->remote, now);
	auth_limit_failed(&r->api->user_limit, &by_user, now);
	if (r->remote.family)
		addr_format(&r->remote, from);
	e = change_user_sign_in_refused(&c, user, from);
	if (log_allowed(&r->api->log_limit))
		log_warn("api: a sign-in from %s was refused%s%s", from, e ? "; not audited: " : "",
			 e ? err_str(e) : "");
	reply_refuse(&r->reply, 401, code, "%s", detail);
}

enum err sign_in_own_user(struct request *r, struct store_user *out)
{
	enum err e;

	if (!r->who.user_id) {
		reply_refuse(&r->reply, 409, "no_user",
			     "this is for a user who has signed in, and you are %s", r->who.actor);
		return ERR_DENIED;
	}
	e = store_user_get(r->api->store, r->who.user_id, out);
	if (e)
		request_store_failed(r, e, "user");
	return e;
}

/* Who is asking, as JSON. `u` may be NULL. */
static json_t *render_who(const struct auth_who *who, const struct store_user *u)
{
	json_t *scopes = json_array();
	char copy[STORE_TEXT_SIZE], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", who->scopes);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		json_array_append_new(scopes, json_string(word));
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "actor", who->actor, "role",
			 role_str(who->role), "scopes", scopes, "user",
			 u ? render_user(u) : json_null(), "expires_at",
			 render_time(who->expires_ms));
}

void sign_in_get(struct request *r)
{
	struct store_user u;

	if (!r->who.user_id) {
		reply_json(&r->reply, 200, render_who(&r->who, NULL));
	} else if (sign_in_own_user(r, &u) == ERR_OK) {
		reply_json(&r->reply, 200, render_who(&r->who, &u));
		secret_zero(&u, sizeof(u));
	}
}

/* The user of this name if the password is right; takes as long when there is none. ERR_AGAIN: the
 * request waits, or was refused. */
static enum err check_password(struct request *r, const char *name, struct store_user *u)
{
	enum err e = name_is_valid(name) ? store_user_find(r->api->store, name, u) : ERR_NOTFOUND;
	const char *against = e ? "" : u->password_hash;

	if (e && e != ERR_NOTFOUND) {
		request_store_failed(r, e, "user");
		return e;
	}
	if (!hashing_ready(r, body_str(r->json, "password"), against, NULL))
		return ERR_AGAIN;
	if (hashing_right(r, against) && !u->disabled && role_parse(u->role) != ROLE_NONE)
		return ERR_OK;
	sign_in_failed(r, name_is_valid(name) ? name : "?", "sign_in_failed",
		       "user name, password or code is wrong");
	return ERR_AUTH;
}

/* The second factor, for who has one. */
static enum err check_code(struct request *r, struct store_user *u)
{
	const char *code = body_str(r->json, "code");

	if (!u->totp_enabled)
		return ERR_OK;
	if (!code) {
		reply_refuse(&r->reply, 401, "code_required",
			     "the code of your authenticator is needed, too");
		return ERR_AUTH;
	}
	if (totp_matches(u->totp_secret, code, clock_wall_ms(), u->totp_step, &u->totp_step))
		return ERR_OK;
	sign_in_failed(r, u->name, "sign_in_failed", "user name, password or code is wrong");
	return ERR_AUTH;
}

/* Opens the session and hands out its cookie. */
static void open_session(struct request *r, struct store_user *u)
{
	struct change c = { .store = r->api->store, .actor = r->who.actor };
	int64_t now = clock_wall_ms();
	struct store_session x = { .user_id = u->id,
				   .created_ms = now,
				   .expires_ms = now + (int64_t)AUTH_SESSION_LIFE_S * 1000 };
	char text[AUTH_TOKEN_MAX_CHARS];
	enum err e;

	snprintf(r->who.actor, sizeof(r->who.actor), "user:%.58s", u->name);
	r->who.role = role_parse(u->role);
	r->who.expires_ms = x.expires_ms;
	auth_session_new(text);
	auth_token_hash(text, x.hash);
	e = change_user_sign_in(&c, u, &x);
	if (e) {
		request_change_failed(r, e, &c);
	} else {
		reply_header(&r->reply, "Set-Cookie", AUTH_COOKIE "=%s; Max-Age=%u; " COOKIE_FLAGS,
			     text, AUTH_SESSION_LIFE_S);
		reply_json(&r->reply, 200, render_who(&r->who, u));
	}
	secret_zero(text, sizeof(text));
}

void sign_in_open(struct request *r)
{
	const char *name = body_str(r->json, "user");
	struct store_user u;

	memset(&u, 0, sizeof(u));
	if (sign_in_may_try(r, name) && check_password(r, name, &u) == ERR_OK &&
	    check_code(r, &u) == ERR_OK)
		open_session(r, &u);
	body_wipe(r->json, "password");
	secret_zero(&u, sizeof(u));
}

/* Takes the cookie back. */
static void drop_cookie(struct request *r)
{
	reply_header(&r->reply, "Set-Cookie", AUTH_COOKIE "=; Max-Age=0; " COOKIE_FLAGS);
}

void sign_in_close(struct request *r)
{
	struct change c = request_change(r);
	struct store_user u;
	enum err e;

	if (sign_in_own_user(r, &u))
		return;
	e = change_user_sign_out(&c, u.name, r->who.session);
	if (e) {
		request_change_failed(r, e, &c);
	} else {
		drop_cookie(r);
		reply_json(&r->reply, 200, render_who(&r->who, &u));
	}
	secret_zero(&u, sizeof(u));
}

/* One's own password: all sessions of the user end with it. */
static void change_password(struct request *r, const struct store_user *u)
{
	struct change c = request_change(r);
	struct change_user_edit edit = { .password_hash = hashing_made(r), .disabled = -1 };
	struct store_user changed;
	enum err e = edit.password_hash ? ERR_OK : ERR_CRYPTO;

	if (!e)
		e = change_user_edit(&c, u->id, &edit, &changed);
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	drop_cookie(r);
	reply_json(&r->reply, 200, render_who(&r->who, &changed));
	secret_zero(&changed, sizeof(changed));
}

void sign_in_password(struct request *r)
{
	struct store_user u;

	if (sign_in_own_user(r, &u) == ERR_OK) {
		if (!sign_in_may_try(r, u.name) ||
		    !hashing_ready(r, body_str(r->json, "old_password"), u.password_hash,
				   body_str(r->json, "password")))
			;
		else if (hashing_right(r, u.password_hash))
			change_password(r, &u);
		else
			sign_in_failed(r, u.name, "sign_in_failed", "the old password is wrong");
		secret_zero(&u, sizeof(u));
	}
	body_wipe(r->json, "old_password");
	body_wipe(r->json, "password");
}
