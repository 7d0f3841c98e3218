/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rotation: keys that nodes are asked to replace, and what they have proposed. */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define ROTATION_COLUMNS                                                                           \
	"SELECT r.node_id, n.name, r.state, r.keys, r.requested_by, r.requested_ms, "              \
	"r.proposed_ms, r.identity_key, r.identity_sig, r.tunnel_key, r.tunnel_sig"                \
	" FROM key_rotations r JOIN nodes n ON n.id = r.node_id"

static const char get_sql[] = ROTATION_COLUMNS " WHERE r.node_id = ?1";
static const char list_sql[] = ROTATION_COLUMNS " WHERE r.node_id > ?1 ORDER BY r.node_id LIMIT ?2";
static const char put_sql[] =
	"INSERT OR REPLACE INTO key_rotations (node_id, state, keys, requested_by, requested_ms, "
	"proposed_ms, identity_key, identity_sig, tunnel_key, tunnel_sig)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
static const char remove_sql[] = "DELETE FROM key_rotations WHERE node_id = ?1";

static void read_blob(struct query *q, int column, void *dst, size_t n)
{
	if (!query_is_null(q, column))
		query_get_blob(q, column, dst, n);
}

static void read_rotation(struct query *q, struct store_rotation *r)
{
	*r = (struct store_rotation){ 0 };
	r->node_id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, r->node_name);
	r->state = (enum rotation_state)query_get_u32(q, 2, ROTATION_REQUESTED, ROTATION_REFUSED);
	r->keys = query_get_u32(q, 3, 1, ROTATION_IDENTITY | ROTATION_TUNNEL);
	query_get_text(q, 4, r->requested_by, sizeof(r->requested_by));
	r->requested_ms = query_get_ms(q, 5);
	r->proposed_ms = query_get_ms(q, 6);
	read_blob(q, 7, r->identity_key.b, KEY_BYTES);
	read_blob(q, 8, r->identity_sig, sizeof(r->identity_sig));
	read_blob(q, 9, r->tunnel_key.b, KEY_BYTES);
	read_blob(q, 10, r->tunnel_sig, sizeof(r->tunnel_sig));
}

enum err store_rotation_get(struct store *s, uint32_t node_id, struct store_rotation *out)
{
	struct store_rotation r;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, node_id);
	found = query_next(&q);
	if (found)
		read_rotation(&q, &r);
	e = query_close_found(&q, found);
	if (!e)
		*out = r;
	return e;
}

/* Zeros are kept as nothing. */
static void bind_blob(struct query *q, int at, const void *p, size_t n)
{
	if (!secret_is_zero(p, n))
		query_blob(q, at, p, n);
}

enum err store_rotation_put(struct store *s, const struct store_rotation *r)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, put_sql);
	query_u32(&q, 1, r->node_id);
	query_u32(&q, 2, r->state);
	query_u32(&q, 3, r->keys);
	query_text(&q, 4, r->requested_by);
	query_i64(&q, 5, r->requested_ms);
	query_i64_or_null(&q, 6, r->proposed_ms);
	bind_blob(&q, 7, r->identity_key.b, KEY_BYTES);
	bind_blob(&q, 8, r->identity_sig, sizeof(r->identity_sig));
	bind_blob(&q, 9, r->tunnel_key.b, KEY_BYTES);
	bind_blob(&q, 10, r->tunnel_sig, sizeof(r->tunnel_sig));
	return query_run(&q);
}

enum err store_rotation_remove(struct store *s, uint32_t node_id)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, remove_sql);
	query_u32(&q, 1, node_id);
	return query_run_one(&q);
}

enum err store_rotations_list(struct store *s, uint32_t after_node, uint32_t limit,
			      store_rotation_cb cb, void *arg)
{
	struct store_rotation r;
	struct query q;
	enum err e = ERR_OK;

	query_open_page(&q, s, list_sql, after_node, limit);
	while (!e && query_next(&q)) {
		read_rotation(&q, &r);
		if (!q.err)
			e = cb(arg, &r);
	}
	return query_close(&q) ? q.err : e;
}
