/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_user: people who sign in. Not of the directory: no new revision. */
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/clock.h"

#define REFUSALS_WINDOW_MS 60000
#define REFUSALS_MAX       60u /* audit entries of failed attempts in that time: strangers cause them */

/* What an admin may know of a user, for the audit entry. */
static json_t *describe(const struct store_user *u)
{
	return json_pack("{s:s, s:b, s:b}", "role", u->role, "disabled", u->disabled, "totp",
			 u->totp_enabled);
}

static enum err load(struct change *c, uint32_t id, struct store_user *out)
{
	enum err e = store_user_get(c->store, id, out);

	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "", "There is no user with the id %u.", id);
	return e;
}

/* Somebody who can make others admins, by signing in. */
static bool is_admin(const struct store_user *u)
{
	return !u->disabled && u->password_hash[0] && strcmp(u->role, "admin") == 0;
}

struct admins {
	uint32_t except; /* the user who is to be one no longer */
	unsigned n;
};

static enum err count_admin(void *arg, const struct store_user *u)
{
	struct admins *a = arg;

	a->n += u->id != a->except && is_admin(u);
	return ERR_OK;
}

/* May this user be an admin no longer? */
static enum err check_last_admin(struct change *c, const struct store_user *u)
{
	struct admins others = { .except = u->id };
	enum err e;

	if (!is_admin(u) || (c->actor && strncmp(c->actor, "unix:", 5) == 0))
		return ERR_OK;
	e = store_users_list(c->store, 0, 0, count_admin, &others);
	if (e || others.n)
		return e;
	change_note_use(c, "role", "admin");
	return change_refuse(c, ERR_CONFLICT, "user_last_admin", "",
			     "%s is the last admin who can sign in. Make somebody else an admin "
			     "first, or do this on the hub's own machine.",
			     u->name);
}

static enum err user_add(struct change *c, struct store_user *u)
{
	enum err e;

	if (!name_is_valid(u->name))
		return change_refuse(c, ERR_INVALID, "name_invalid", "/name",
				     "A name has 1 to %u letters, digits, \"_\", \"-\" and \".\", "
				     "and does not begin with \"-\" or \".\".",
				     NAME_MAX_BYTES);
	e = store_user_put(c->store, u);
	if (e == ERR_EXISTS)
		return change_refuse(c, e, "user_exists", "/name", "There is a user %s already.",
				     u->name);
	return e ? e : change_audit(c, "user.add", "user", u->name, describe(u));
}

enum err change_user_add(struct change *c, struct store_user *u)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, user_add(c, u));
}

static enum err user_edit(struct change *c, const struct change_user_edit *in, struct store_user *u)
{
	json_t *before;
	enum err e = ERR_OK;

	if ((in->role && strcmp(in->role, "admin") != 0) || in->disabled > 0)
		e = check_last_admin(c, u);
	if (e)
		return e;
	before = describe(u);
	if (in->role)
		snprintf(u->role, sizeof(u->role), "%s", in->role);
	if (in->disabled >= 0)
		u->disabled = in->disabled;
	if (in->password_hash)
		snprintf(u->password_hash, sizeof(u->password_hash), "%s", in->password_hash);
	if (in->forget_totp) {
		u->has_totp = u->totp_enabled = false;
		secret_zero(u->totp_secret, sizeof(u->totp_secret));
	}
	e = store_user_put(c->store, u);
	/* Whoever is signed in must do so again: with the new password, or with less rights. */
	if (!e)
		e = store_sessions_clear(c->store, u->id);
	if (e) {
		json_decref(before);
		return e;
	}
	return change_audit(c, "user.edit", "user", u->name,
			    json_pack("{s:o, s:o, s:b}", "before", before, "after", describe(u),
				      "password_changed", in->password_hash != NULL));
}

enum err change_user_edit(struct change *c, uint32_t id, const struct change_user_edit *in,
			  struct store_user *out)
{
	struct store_user u;
	enum err e = change_begin(c);

	if (e)
		return e;
	memset(&u, 0, sizeof(u));
	e = load(c, id, &u);
	if (!e)
		e = user_edit(c, in, &u);
	e = change_end(c, e);
	if (!e)
		*out = u;
	secret_zero(&u, sizeof(u));
	return e;
}

static enum err user_delete(struct change *c, uint32_t id)
{
	struct store_user u;
	enum err e = load(c, id, &u);

	if (e)
		return e;
	e = check_last_admin(c, &u);
	if (!e)
		e = store_user_remove(c->store, id);
	if (!e)
		e = change_audit(c, "user.delete", "user", u.name, describe(&u));
	secret_zero(&u, sizeof(u));
	return e;
}

enum err change_user_delete(struct change *c, uint32_t id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, user_delete(c, id));
}

static enum err sign_in(struct change *c, struct store_user *u, const struct store_session *x)
{
	enum err e;

	u->signed_in_ms = x->created_ms;
	e = store_user_put(c->store, u);
	if (!e)
		e = store_session_put(c->store, x);
	return e ? e
		 : change_audit(c, "user.sign-in", "user", u->name,
				json_pack("{s:b}", "totp", u->totp_enabled));
}

enum err change_user_sign_in(struct change *c, struct store_user *u, const struct store_session *x)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, sign_in(c, u, x));
}

static enum err sign_in_refused(struct change *c, const char *name, const char *from)
{
	uint64_t n = 0;
	enum err e = store_audit_count(c->store, "user.sign-in-refused",
				       clock_wall_ms() - REFUSALS_WINDOW_MS, &n);

	if (e || n >= REFUSALS_MAX)
		return e;
	return change_audit(c, "user.sign-in-refused", "user", name,
			    json_pack("{s:s}", "from", from));
}

enum err change_user_sign_in_refused(struct change *c, const char *name, const char *from)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, sign_in_refused(c, name, from));
}

static enum err sign_out(struct change *c, const char *name, const uint8_t hash[32])
{
	enum err e = store_session_remove(c->store, hash);

	return e ? e : change_audit(c, "user.sign-out", "user", name, json_object());
}

enum err change_user_sign_out(struct change *c, const char *name, const uint8_t hash[32])
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, sign_out(c, name, hash));
}

static enum err set_totp(struct change *c, struct store_user *u, const char *action)
{
	enum err e = store_user_put(c->store, u);

	return e ? e : change_audit(c, action, "user", u->name, json_object());
}

enum err change_user_totp(struct change *c, struct store_user *u, const char *action)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, set_totp(c, u, action));
}
