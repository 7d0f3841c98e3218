/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change: what all changes have in common. The changes themselves are in change_node.c,
 * change_subnet.c, change_group.c, change_token.c, change_join.c. */
#include "hub/change.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/hostport.h"

static void clear_results(struct change *c)
{
	c->revision = 0;
	c->code[0] = c->detail[0] = c->pointer[0] = '\0';
	c->n_uses = 0;
}

enum err change_look(struct change *c)
{
	enum err e;

	clear_results(c);
	e = store_revision_get(c->store, &c->revision);
	return e ? change_store_failed(c, e) : ERR_OK;
}

enum err change_begin(struct change *c)
{
	enum err e;

	clear_results(c);
	e = store_begin(c->store);
	if (e)
		return change_store_failed(c, e);
	e = store_revision_get(c->store, &c->revision);
	return e ? change_end(c, e) : ERR_OK;
}

enum err change_end(struct change *c, enum err e)
{
	if (!e && !c->dry_run) {
		e = store_commit(c->store);
		return e ? change_store_failed(c, e) : ERR_OK;
	}
	if (e && !c->code[0])
		change_store_failed(c, e);
	store_rollback(c->store);
	/* The number that the change would have had is not the revision of anything. */
	if (store_revision_get(c->store, &c->revision))
		c->revision = 0;
	return e;
}

enum err change_refuse(struct change *c, enum err e, const char *code, const char *pointer,
		       const char *fmt, ...)
{
	va_list ap;

	snprintf(c->code, sizeof(c->code), "%s", code);
	snprintf(c->pointer, sizeof(c->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
	return e;
}

void change_note_use(struct change *c, const char *kind, const char *fmt, ...)
{
	struct change_use *use = &c->uses[c->n_uses];
	va_list ap;

	if (c->n_uses++ >= CHANGE_USES_MAX)
		return;
	use->kind = kind;
	va_start(ap, fmt);
	vsnprintf(use->name, sizeof(use->name), fmt, ap);
	va_end(ap);
}

enum err change_store_failed(struct change *c, enum err e)
{
	static const struct {
		enum err err;
		const char *code, *sentence;
	} failures[] = {
		{ ERR_BUSY, "store_busy",
		  "The database is locked by another change; nothing was changed, try again." },
		{ ERR_FULL, "store_full",
		  "The hub's disk is full; nothing was changed. Make room on it and try again." },
		{ ERR_READONLY, "store_readonly",
		  "The hub's database cannot be written to; nothing was changed. Look at the "
		  "rights and the mount of its folder." },
		{ ERR_CORRUPT, "store_corrupt",
		  "The hub's database is damaged; nothing was changed. Put a backup in its "
		  "place." },
	};

	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		if (failures[i].err == e)
			return change_refuse(c, e, failures[i].code, "", "%s",
					     failures[i].sentence);
	return change_refuse(c, e, "store_failed", "",
			     "The database failed (%s); nothing was changed. %.300s", err_str(e),
			     store_error(c->store));
}

/* The actor, cut to what the tables hold. */
static const char *actor_of(const struct change *c, char out[64])
{
	snprintf(out, 64, "%s", c->actor && c->actor[0] ? c->actor : "unknown");
	return out;
}

enum err change_revise(struct change *c, const char *fmt, ...)
{
	char what[STORE_TEXT_SIZE], actor[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return store_revision_next(c->store, actor_of(c, actor), what, &c->revision);
}

enum err change_audit(struct change *c, const char *action, const char *kind, const char *name,
		      json_t *detail)
{
	char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	char object[STORE_TEXT_SIZE], actor[64];
	struct store_audit a = { actor_of(c, actor), action, object, text };
	enum err e = ERR_NOMEM;

	snprintf(object, sizeof(object), "%s:%s", kind, name);
	if (text)
		e = store_audit_add(c->store, &a);
	free(text);
	json_decref(detail);
	return e;
}

enum err change_node_load(struct change *c, uint32_t id, struct node *out)
{
	enum err e = store_node_get(c->store, id, out, NULL);

	if (!e && out->status == NODE_DELETED) {
		node_fini(out);
		e = ERR_NOTFOUND;
	}
	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "", "There is no node with the id %u.", id);
	return e;
}

enum err change_begin_node(struct change *c, uint32_t id, struct node *n)
{
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_node_load(c, id, n);
	return e ? change_end(c, e) : ERR_OK;
}

enum err change_end_node(struct change *c, enum err e, struct node *n)
{
	node_fini(n);
	return change_end(c, e);
}

enum err change_check_text(struct change *c, const char *text, size_t size, const char *code,
			   const char *pointer)
{
	json_t *is_utf8;

	if (strlen(text) >= size)
		return change_refuse(c, ERR_TOOBIG, code, pointer,
				     "The text is longer than %zu bytes.", size - 1);
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return change_refuse(c, ERR_INVALID, code, pointer,
					     "The text contains a control character.");
	is_utf8 = json_string(text);
	if (!is_utf8)
		return change_refuse(c, ERR_INVALID, code, pointer, "The text is not UTF-8.");
	json_decref(is_utf8);
	return ERR_OK;
}

enum err change_check_endpoint(struct change *c, const char *text, const char *pointer)
{
	if (hostport_is_line(text))
		return ERR_OK;
	return change_refuse(c, ERR_INVALID, "endpoint_invalid", pointer,
			     "\"%.100s\" is not a host name or address with a port; write it like "
			     "\"oslo.example.com 6655\".",
			     text);
}

enum err change_check_key(struct change *c, enum key_kind kind, const struct public_key *key,
			  uint32_t except_node, bool *is_current, const char *pointer)
{
	struct store_key known;
	enum err e = store_key_find(c->store, kind, key, &known);

	*is_current = !e && known.node_id == except_node && known.status == KEY_CURRENT;
	if (e == ERR_NOTFOUND || *is_current)
		return ERR_OK;
	if (e)
		return e;
	return change_refuse(
		c, ERR_EXISTS, "key_exists", pointer,
		"This %s key is %s of node %s, and no key is accepted twice; make a new one.",
		kind == KEY_IDENTITY ? "identity" : "tunnel",
		known.status == KEY_CURRENT   ? "the one"
		: known.status == KEY_REVOKED ? "a revoked one"
					      : "an old one",
		known.node_name);
}
