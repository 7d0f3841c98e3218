/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_access: who may use the hub. Not of the directory: no new revision. */
#include <string.h>

#include "hub/change_step.h"

static json_t *describe_token(const struct store_api_token *t)
{
	return json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)t->id, "role", t->role, "scopes",
			 t->scopes, "expires_ms", (json_int_t)t->expires_ms);
}

static enum err api_token_create(struct change *c, struct store_api_token *t)
{
	enum err e;

	if (!name_is_valid(t->name))
		return change_refuse(c, ERR_INVALID, "name_invalid", "/name",
				     "A name has 1 to %u letters, digits, \"_\", \"-\" and \".\", "
				     "and does not begin with \"-\" or \".\".",
				     NAME_MAX_BYTES);
	e = store_api_token_put(c->store, t);
	if (e == ERR_EXISTS)
		return change_refuse(c, e, "api_token_exists", "/name",
				     "There is an API token %s already.", t->name);
	return e ? e : change_audit(c, "api-token.create", "api-token", t->name, describe_token(t));
}

enum err change_api_token_create(struct change *c, struct store_api_token *t)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, api_token_create(c, t));
}

static enum err api_token_revoke(struct change *c, uint32_t id)
{
	struct store_api_token t;
	enum err e = store_api_token_get(c->store, id, &t);

	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "", "There is no API token with the id %u.",
				     id);
	if (e)
		return e;
	if (t.revoked_ms)
		return change_refuse(c, ERR_CONFLICT, "api_token_already_revoked", "",
				     "This token is revoked already.");
	e = store_api_token_revoke(c->store, id);
	return e ? e : change_audit(c, "api-token.revoke", "api-token", t.name, describe_token(&t));
}

enum err change_api_token_revoke(struct change *c, uint32_t id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, api_token_revoke(c, id));
}
