/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_age: sums over current keys by when they were made, and the spokes whose are overdue. The
 * walk over the keys themselves is in key.c. */
#include "hub/store/store_internal.h"

/* Status 2 of a node is "active", its kind 2 "spoke". */
static const char overdue_sql[] =
	"SELECT k.node_id, n.name, max(k.kind = 1), max(k.kind = 2) FROM keys k"
	" JOIN nodes n ON n.id = k.node_id"
	" WHERE k.status = 1 AND k.created_ms <= ?1 AND n.kind = 2 AND n.status = 2"
	" AND NOT EXISTS (SELECT 1 FROM key_rotations r WHERE r.node_id = k.node_id)"
	" GROUP BY k.node_id ORDER BY min(k.created_ms), k.node_id LIMIT ?2";
static const char ages_sql[] =
	"SELECT k.kind, min(k.created_ms), sum(k.created_ms <= ?1 AND k.created_ms > ?2),"
	" sum(k.created_ms <= ?2) FROM keys k JOIN nodes n ON n.id = k.node_id"
	" WHERE k.status = 1 AND n.status <> 5 GROUP BY k.kind";

enum err store_keys_list_overdue(struct store *s, int64_t until_ms, uint32_t limit,
				 store_keys_overdue_cb cb, void *arg)
{
	struct store_keys_overdue o;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, overdue_sql);
	query_i64(&q, 1, until_ms);
	query_u32(&q, 2, limit);
	while (!e && query_next(&q)) {
		o.node_id = query_get_u32(&q, 0, 1, UINT32_MAX);
		query_get_name(&q, 1, o.node_name);
		o.keys = (query_get_bool(&q, 2) ? ROTATION_IDENTITY : 0) |
			 (query_get_bool(&q, 3) ? ROTATION_TUNNEL : 0);
		if (!q.err)
			e = cb(arg, &o);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_key_ages(struct store *s, int64_t soon_ms, int64_t over_ms,
			struct store_key_ages *out)
{
	struct store_key_ages a = { 0 };
	struct query q;

	query_open(&q, s, DB_DIRECTORY, ages_sql);
	query_i64(&q, 1, soon_ms);
	query_i64(&q, 2, over_ms);
	while (query_next(&q)) {
		uint32_t kind = query_get_u32(&q, 0, KEY_IDENTITY, KEY_TUNNEL);

		if (q.err)
			break;
		a.oldest_ms[kind] = query_get_ms(&q, 1);
		a.soon[kind] = query_get_u32(&q, 2, 0, UINT32_MAX);
		a.overdue[kind] = query_get_u32(&q, 3, 0, UINT32_MAX);
	}
	if (!query_close(&q))
		*out = a;
	return q.err;
}
