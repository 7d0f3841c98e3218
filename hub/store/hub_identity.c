/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub_identity: the replacement of the hub's own identity key, and who knows the new one. */
#include "hub/store/hub_identity.h"
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

static const char get_sql[] =
	"SELECT state, overlap_s, requested_by, requested_ms, public_key, signature, tunnel_sig, "
	"announced_ms, until_ms FROM hub_identity";
static const char put_sql[] =
	"INSERT OR REPLACE INTO hub_identity (one, state, overlap_s, requested_by, requested_ms, "
	"public_key, signature, tunnel_sig, announced_ms, until_ms)"
	" VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char remove_sql[] = "DELETE FROM hub_identity";
static const char known_sql[] =
	"INSERT OR IGNORE INTO hub_identity_known (node_id, public_key, at_ms)"
	" SELECT id, ?2, ?3 FROM nodes WHERE id = ?1";
static const char forget_sql[] = "DELETE FROM hub_identity_known WHERE public_key <> ?1";
/* A node's kind 2 is "spoke", its status 2 "active", 3 "disabled"; a key's kind 1 is "identity",
 * its status 1 "current". */
#define SPOKES                                                                                     \
	" FROM nodes n JOIN keys k ON k.node_id = n.id AND k.kind = 1 AND k.status = 1"            \
	" WHERE n.kind = 2 AND n.status IN (2, 3)"
#define KNOWS                                                                                      \
	"(k.created_ms >= ?2 OR EXISTS (SELECT 1 FROM hub_identity_known h"                        \
	" WHERE h.node_id = n.id AND h.public_key = ?1))"
static const char sum_sql[] = "SELECT count(*), coalesce(sum(" KNOWS "), 0)" SPOKES;
static const char missing_sql[] =
	"SELECT n.id, n.name" SPOKES " AND NOT " KNOWS " ORDER BY n.name LIMIT ?3";

static void read_next(struct query *q, struct store_hub_identity *h)
{
	if (query_is_null(q, 4))
		return;
	query_get_blob(q, 4, h->key.b, KEY_BYTES);
	query_get_blob(q, 5, h->signature, sizeof(h->signature));
	query_get_blob(q, 6, h->tunnel_sig, sizeof(h->tunnel_sig));
	h->announced_ms = query_get_ms(q, 7);
	h->until_ms = query_get_ms(q, 8);
}

enum err store_hub_identity_get(struct store *s, struct store_hub_identity *out)
{
	struct store_hub_identity h = { 0 };
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	found = query_next(&q);
	if (found) {
		h.state = (enum hub_identity_state)query_get_u32(&q, 0, HUB_IDENTITY_ASKED,
								 HUB_IDENTITY_OVERLAP);
		h.overlap_s = query_get_u32(&q, 1, 1, UINT32_MAX);
		query_get_text(&q, 2, h.requested_by, sizeof(h.requested_by));
		h.requested_ms = query_get_ms(&q, 3);
		read_next(&q, &h);
	}
	e = query_close_found(&q, found);
	if (!e)
		*out = h;
	return e;
}

enum err store_hub_identity_put(struct store *s, const struct store_hub_identity *h)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, put_sql);
	query_u32(&q, 1, h->state);
	query_u32(&q, 2, h->overlap_s);
	query_text(&q, 3, h->requested_by);
	query_i64(&q, 4, h->requested_ms);
	if (h->state == HUB_IDENTITY_OVERLAP) {
		query_blob(&q, 5, h->key.b, KEY_BYTES);
		query_blob(&q, 6, h->signature, sizeof(h->signature));
		query_blob(&q, 7, h->tunnel_sig, sizeof(h->tunnel_sig));
		query_i64(&q, 8, h->announced_ms);
		query_i64(&q, 9, h->until_ms);
	}
	return query_run(&q);
}

enum err store_hub_identity_remove(struct store *s)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, remove_sql);
	return query_run_one(&q);
}

enum err store_hub_identity_known(struct store *s, const uint32_t *nodes, size_t n,
				  const struct public_key *key)
{
	enum err e = ERR_OK;
	struct query q;

	BUG_ON(!s->in_transaction);
	for (size_t i = 0; i < n && !e; i++) {
		query_open(&q, s, DB_DIRECTORY, known_sql);
		query_u32(&q, 1, nodes[i]);
		query_blob(&q, 2, key->b, KEY_BYTES);
		query_i64(&q, 3, clock_wall_ms());
		e = query_run(&q);
	}
	return e;
}

enum err store_hub_identity_forget(struct store *s, const struct public_key *except)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, forget_sql);
	query_blob(&q, 1, except->b, KEY_BYTES);
	return query_run(&q);
}

enum err store_hub_identity_sum(struct store *s, const struct public_key *key, int64_t since_ms,
				struct store_hub_identity_sum *out)
{
	struct store_hub_identity_sum sum = { 0 };
	struct query q;
	enum err e;
	bool found;

	query_open(&q, s, DB_DIRECTORY, sum_sql);
	query_blob(&q, 1, key->b, KEY_BYTES);
	query_i64(&q, 2, since_ms);
	found = query_next(&q);
	if (found) {
		sum.spokes = query_get_u32(&q, 0, 0, UINT32_MAX);
		sum.known = query_get_u32(&q, 1, 0, UINT32_MAX);
	}
	e = query_close_found(&q, found);
	if (!e)
		*out = sum;
	return e;
}

enum err store_hub_identity_missing(struct store *s, const struct public_key *key, int64_t since_ms,
				    uint32_t limit, store_hub_identity_cb cb, void *arg)
{
	char name[NAME_SIZE];
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, missing_sql);
	query_blob(&q, 1, key->b, KEY_BYTES);
	query_i64(&q, 2, since_ms);
	query_u32(&q, 3, limit);
	while (!e && query_next(&q)) {
		uint32_t id = query_get_u32(&q, 0, 1, UINT32_MAX);

		query_get_name(&q, 1, name);
		if (!q.err)
			e = cb(arg, id, name);
	}
	return query_close(&q) ? q.err : e;
}
