/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_in_totp: a user's second factor.
 *
 *   none --begin (password)--> secret made, shown once --verify (code)--> enabled --disable
 * (code)--> none
 */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/hashing.h"
#include "hub/api/sign_in.h"
#include "hub/api/totp.h"
#include "shared/base/clock.h"

static void answer(struct request *r, enum err e, const struct change *c,
		   const struct store_user *u)
{
	if (e)
		request_change_failed(r, e, c);
	else
		reply_json(&r->reply, 200, json_pack("{s:b}", "enabled", u->totp_enabled));
}

static void begin(struct request *r, struct store_user *u)
{
	struct change c = request_change(r);
	char secret[TOTP_BASE32_SIZE], uri[256];
	enum err e;

	secret_random(u->totp_secret, sizeof(u->totp_secret));
	u->has_totp = true;
	e = change_user_totp(&c, u, "user.totp-begin");
	if (e) {
		request_change_failed(r, e, &c);
		return;
	}
	totp_base32(u->totp_secret, secret);
	snprintf(uri, sizeof(uri), "otpauth://totp/Branchline:%s?secret=%s&issuer=Branchline",
		 u->name, secret);
	reply_json(&r->reply, 200,
		   json_pack("{s:b, s:s, s:s}", "enabled", false, "secret", secret, "uri", uri));
	secret_zero(secret, sizeof(secret));
	secret_zero(uri, sizeof(uri));
}

void sign_in_totp_begin(struct request *r)
{
	struct store_user u;

	if (sign_in_own_user(r, &u) == ERR_OK) {
		if (u.totp_enabled)
			reply_refuse(&r->reply, 409, "totp_enabled",
				     "you have a second factor already; disable it first");
		else if (!sign_in_may_try(r, u.name) ||
			 !hashing_ready(r, body_str(r->json, "password"), u.password_hash, NULL))
			;
		else if (hashing_right(r, u.password_hash))
			begin(r, &u);
		else
			sign_in_failed(r, u.name, "sign_in_failed", "the password is wrong");
		secret_zero(&u, sizeof(u));
	}
	body_wipe(r->json, "password");
}

/* The code of the body against the user's secret; otherwise answered. */
static bool code_is_right(struct request *r, struct store_user *u)
{
	if (!sign_in_may_try(r, u->name))
		return false;
	if (totp_matches(u->totp_secret, body_str(r->json, "code"), clock_wall_ms(), u->totp_step,
			 &u->totp_step))
		return true;
	sign_in_failed(r, u->name, "code_wrong", "the code is wrong, or was used before");
	return false;
}

void sign_in_totp_verify(struct request *r)
{
	struct change c = request_change(r);
	struct store_user u;

	if (sign_in_own_user(r, &u))
		return;
	if (!u.has_totp || u.totp_enabled) {
		reply_refuse(&r->reply, 409, u.has_totp ? "totp_enabled" : "totp_missing",
			     "there is no second factor that waits to be verified");
	} else if (code_is_right(r, &u)) {
		u.totp_enabled = true;
		answer(r, change_user_totp(&c, &u, "user.totp-enable"), &c, &u);
	}
	secret_zero(&u, sizeof(u));
}

void sign_in_totp_end(struct request *r)
{
	struct change c = request_change(r);
	struct store_user u;

	if (sign_in_own_user(r, &u))
		return;
	if (!u.totp_enabled) {
		reply_refuse(&r->reply, 409, "totp_missing", "you have no second factor");
	} else if (code_is_right(r, &u)) {
		u.has_totp = u.totp_enabled = false;
		answer(r, change_user_totp(&c, &u, "user.totp-disable"), &c, &u);
	}
	secret_zero(&u, sizeof(u));
}
