/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub_tunnel: the replacement of the hub's own tunnel key, and who needs the old one no more. */
#include "hub/store/hub_tunnel.h"
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

static const char get_sql[] = "SELECT state, overlap_s, requested_by, requested_ms, old_key, "
			      "in_force_ms, until_ms FROM hub_tunnel";
static const char put_sql[] =
	"INSERT OR REPLACE INTO hub_tunnel (one, state, overlap_s, requested_by, requested_ms, "
	"old_key, in_force_ms, until_ms) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char remove_sql[] = "DELETE FROM hub_tunnel";
static const char forget_sql[] = "DELETE FROM hub_tunnel_known";
static const char known_sql[] = "INSERT OR IGNORE INTO hub_tunnel_known (node_id, at_ms)"
				" SELECT id, ?2 FROM nodes WHERE id = ?1";
/* A node's kind 2 is "spoke", 3 "wireguard", its status 2 "active", 3 "disabled"; a key's kind 2 is
 * "tunnel", its status 1 "current". */
#define NODES                                                                                      \
	" FROM nodes n JOIN keys k ON k.node_id = n.id AND k.kind = 2 AND k.status = 1"            \
	" WHERE n.kind IN (2, 3) AND n.status IN (2, 3)"
#define KNOWS                                                                                      \
	"(n.created_ms >= ?1 OR EXISTS (SELECT 1 FROM hub_tunnel_known h"                          \
	" WHERE h.node_id = n.id))"
static const char sum_sql[] = "SELECT count(*), coalesce(sum(" KNOWS "), 0),"
			      " coalesce(sum(n.kind = 3 AND NOT " KNOWS "), 0)" NODES;
static const char missing_sql[] = "SELECT n.id, n.name, n.kind" NODES " AND NOT " KNOWS
				  " ORDER BY n.kind DESC, n.name LIMIT ?2";

static void read_overlap(struct query *q, struct store_hub_tunnel *h)
{
	if (query_is_null(q, 4))
		return;
	query_get_blob(q, 4, h->old_key.b, KEY_BYTES);
	h->in_force_ms = query_get_ms(q, 5);
	h->until_ms = query_get_ms(q, 6);
}

enum err store_hub_tunnel_get(struct store *s, struct store_hub_tunnel *out)
{
	struct store_hub_tunnel h = { 0 };
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	found = query_next(&q);
	if (found) {
		h.state = (enum hub_tunnel_state)query_get_u32(&q, 0, HUB_TUNNEL_ASKED,
							       HUB_TUNNEL_OVERLAP);
		h.overlap_s = query_get_u32(&q, 1, 1, UINT32_MAX);
		query_get_text(&q, 2, h.requested_by, sizeof(h.requested_by));
		h.requested_ms = query_get_ms(&q, 3);
		read_overlap(&q, &h);
	}
	e = query_close_found(&q, found);
	if (!e)
		*out = h;
	return e;
}

enum err store_hub_tunnel_put(struct store *s, const struct store_hub_tunnel *h)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, put_sql);
	query_u32(&q, 1, h->state);
	query_u32(&q, 2, h->overlap_s);
	query_text(&q, 3, h->requested_by);
	query_i64(&q, 4, h->requested_ms);
	if (h->state == HUB_TUNNEL_OVERLAP) {
		query_blob(&q, 5, h->old_key.b, KEY_BYTES);
		query_i64(&q, 6, h->in_force_ms);
		query_i64(&q, 7, h->until_ms);
	}
	return query_run(&q);
}

enum err store_hub_tunnel_remove(struct store *s)
{
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, forget_sql);
	e = query_run(&q);
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, remove_sql);
	return query_run_one(&q);
}

enum err store_hub_tunnel_known(struct store *s, const uint32_t *nodes, size_t n)
{
	enum err e = ERR_OK;
	struct query q;

	BUG_ON(!s->in_transaction);
	for (size_t i = 0; i < n && !e; i++) {
		query_open(&q, s, DB_DIRECTORY, known_sql);
		query_u32(&q, 1, nodes[i]);
		query_i64(&q, 2, clock_wall_ms());
		e = query_run(&q);
	}
	return e;
}

enum err store_hub_tunnel_sum(struct store *s, int64_t since_ms, struct store_hub_tunnel_sum *out)
{
	struct store_hub_tunnel_sum sum = { 0 };
	struct query q;
	enum err e;
	bool found;

	query_open(&q, s, DB_DIRECTORY, sum_sql);
	query_i64(&q, 1, since_ms);
	found = query_next(&q);
	if (found) {
		sum.nodes = query_get_u32(&q, 0, 0, UINT32_MAX);
		sum.known = query_get_u32(&q, 1, 0, UINT32_MAX);
		sum.devices = query_get_u32(&q, 2, 0, UINT32_MAX);
	}
	e = query_close_found(&q, found);
	if (!e)
		*out = sum;
	return e;
}

enum err store_hub_tunnel_missing(struct store *s, int64_t since_ms, uint32_t limit,
				  store_hub_tunnel_cb cb, void *arg)
{
	char name[NAME_SIZE];
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, missing_sql);
	query_i64(&q, 1, since_ms);
	query_u32(&q, 2, limit);
	while (!e && query_next(&q)) {
		uint32_t id = query_get_u32(&q, 0, 1, UINT32_MAX);
		enum node_kind kind =
			(enum node_kind)query_get_u32(&q, 2, NODE_SPOKE, NODE_WIREGUARD);

		query_get_name(&q, 1, name);
		if (!q.err)
			e = cb(arg, id, name, kind);
	}
	return query_close(&q) ? q.err : e;
}
