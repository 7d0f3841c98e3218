/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change_quarantine: a restored backup has brought back a node that was revoked after it was made.
 * What a spoke says of another node is no proof, so the node is not revoked again, which could not
 * be undone, but disabled: an admin revokes it or enables it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "hub/change_step.h"

/* A setting that is a number; ERR_NOTFOUND. */
static enum err get_number(struct store *s, const char *key, uint64_t *out)
{
	struct buf b;
	enum err e;

	buf_init(&b, 64);
	e = store_setting_get(s, key, &b);
	if (!e)
		e = buf_put(&b, "", 1);
	if (!e)
		*out = strtoull((const char *)buf_data(&b), NULL, 10);
	buf_fini(&b);
	return e;
}

/* May this node be disabled for what a spoke has told? Once a restore, and for nothing older. */
static enum err check(struct change *c, const struct node *n, uint64_t revision, const char *key)
{
	uint64_t restored = 0, done = 0;
	enum err e = get_number(c->store, STORE_RESTORED_REVISION, &restored);
	bool never = e == ERR_NOTFOUND;

	if (!e) {
		e = get_number(c->store, key, &done);
		if (e == ERR_NOTFOUND)
			e = ERR_OK;
	}
	if (e && !never)
		return change_store_failed(c, e);
	if (never || revision <= restored || done > restored || n->kind != NODE_SPOKE ||
	    n->status != NODE_ACTIVE)
		return change_refuse(c, ERR_DENIED, "not_restored", "",
				     "No backup that was restored explains that %s is a member.",
				     n->name);
	return ERR_OK;
}

static enum err quarantine(struct change *c, const struct node *n, uint64_t revision)
{
	static const char why[] = STORE_QUARANTINED_WHY;
	char key[32], number[24];
	enum err e;

	snprintf(key, sizeof(key), "quarantined.%u", n->id);
	e = check(c, n, revision, key);
	if (!e)
		e = change_revise(c, "node.quarantine %s", n->name);
	if (e)
		return e;
	snprintf(number, sizeof(number), "%" PRIu64, c->revision);
	e = store_setting_put(c->store, key, number);
	if (!e)
		e = store_node_status(c->store, n->id, NODE_DISABLED, why, c->revision);
	if (e)
		return e;
	return change_audit(c, "node.quarantine", "node", n->name,
			    json_pack("{s:I, s:I, s:s}", "id", (json_int_t)n->id, "revoked_at",
				      (json_int_t)revision, "why", why));
}

enum err change_node_quarantine(struct change *c, uint32_t id, uint64_t revision)
{
	struct node n;
	enum err e = change_begin_node(c, id, &n);

	return e ? e : change_end_node(c, quarantine(c, &n, revision), &n);
}
