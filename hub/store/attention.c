/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attention: what waits for an admin, out of several tables. */
#include "hub/store/store_internal.h"

/* A SELECT for each kind, in the order of enum attention_kind. Status 2 of a node is "active", 3
 * "disabled"; all others are states of the row itself, as its table's file says. */
static const char list_sql[] =
	"SELECT 1 AS kind, n.name AS name, n.updated_ms AS at_ms, 1 AS n, '' AS why"
	" FROM nodes n WHERE n.kind = 2 AND n.status = 3 AND n.revoked_why = ?3"
	" UNION ALL SELECT 2, n.name, r.proposed_ms, 1, ''"
	" FROM key_rotations r JOIN nodes n ON n.id = r.node_id WHERE r.state = 2"
	" UNION ALL SELECT 3, n.name, min(x.created_ms), count(*), ''"
	" FROM subnets x JOIN nodes n ON n.id = x.node_id WHERE x.status = 1 GROUP BY x.node_id"
	" UNION ALL SELECT 4, n.name, x.settled_ms, 1, x.reason"
	" FROM node_settings x JOIN nodes n ON n.id = x.node_id"
	" WHERE x.state = 3 AND n.status = 2"
	" UNION ALL SELECT 5, n.name, k.created_ms, 1, ''"
	" FROM keys k INDEXED BY keys_changed JOIN nodes n ON n.id = k.node_id"
	" WHERE k.status = 1 AND k.created_ms > ?1 AND k.kind = 1 AND k.unbroken = 0 AND n.status "
	"= 2"
	" UNION ALL SELECT 6, w.name, w.disabled_ms, 1, w.disabled_why"
	" FROM webhooks w WHERE w.enabled = 0 AND w.failures > 0"
	" ORDER BY 1, 3, 2 LIMIT ?2";

enum err store_attention_list(struct store *s, int64_t since_ms, uint32_t limit,
			      store_attention_cb cb, void *arg)
{
	struct store_attention a;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, list_sql);
	query_i64(&q, 1, since_ms);
	query_u32(&q, 2, limit);
	query_text(&q, 3, STORE_QUARANTINED_WHY);
	while (!e && query_next(&q)) {
		a = (struct store_attention){ 0 };
		a.kind = (enum attention_kind)query_get_u32(&q, 0, ATTENTION_QUARANTINED,
							    ATTENTION_WEBHOOK_DISABLED);
		query_get_name(&q, 1, a.name);
		a.at_ms = query_get_ms(&q, 2);
		a.n = query_get_u32(&q, 3, 1, UINT32_MAX);
		query_get_text(&q, 4, a.why, sizeof(a.why));
		if (!q.err)
			e = cb(arg, &a);
	}
	return query_close(&q) ? q.err : e;
}
