/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation: which nodes were revoked, and what came of it. */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define COLUMNS                                                                                    \
	"SELECT revision, node_id, node, actor, reason, at_ms, state, expected, applied, "         \
	"settled_ms FROM revocations"

static const char add_sql[] =
	"INSERT INTO revocations (revision, node_id, node, actor, reason, at_ms, state)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)";
static const char settle_sql[] =
	"UPDATE revocations SET state = ?2, expected = ?3, applied = ?4, settled_ms = ?5"
	" WHERE revision = ?1 AND state = 1";
static const char get_sql[] = COLUMNS " WHERE revision = ?1";
static const char list_sql[] = COLUMNS " WHERE revision < ?1 ORDER BY revision DESC LIMIT ?2";
static const char pending_sql[] =
	COLUMNS " WHERE state = 1 AND revision < ?1 ORDER BY revision LIMIT ?2";

static void read_row(struct query *q, struct store_revocation *r)
{
	*r = (struct store_revocation){ 0 };
	r->revision = (uint64_t)query_get_i64(q, 0, 1, INT64_MAX);
	r->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	query_get_name(q, 2, r->node_name);
	query_get_text(q, 3, r->actor, sizeof(r->actor));
	query_get_text(q, 4, r->reason, sizeof(r->reason));
	r->at_ms = query_get_ms(q, 5);
	r->state =
		(enum revocation_state)query_get_u32(q, 6, REVOCATION_PENDING, REVOCATION_EXPIRED);
	r->expected = query_get_u32(q, 7, 0, UINT32_MAX);
	r->applied = query_get_u32(q, 8, 0, UINT32_MAX);
	r->settled_ms = query_get_ms(q, 9);
}

enum err store_revocation_add(struct store *s, const struct store_revocation *r)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, add_sql);
	query_u64(&q, 1, r->revision);
	query_u32(&q, 2, r->node_id);
	query_text(&q, 3, r->node_name);
	query_text_max(&q, 4, r->actor, sizeof(r->actor));
	query_text_max(&q, 5, r->reason, sizeof(r->reason));
	query_i64(&q, 6, clock_wall_ms());
	return query_run(&q);
}

enum err store_revocation_settle(struct store *s, uint64_t revision, enum revocation_state state,
				 uint32_t expected, uint32_t applied)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, settle_sql);
	query_u64(&q, 1, revision);
	query_u32(&q, 2, state);
	query_u32(&q, 3, expected);
	query_u32(&q, 4, applied);
	query_i64(&q, 5, clock_wall_ms());
	return query_run_one(&q);
}

enum err store_revocation_get(struct store *s, uint64_t revision, struct store_revocation *out)
{
	struct store_revocation r;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u64(&q, 1, revision);
	found = query_next(&q);
	if (found)
		read_row(&q, &r);
	e = query_close_found(&q, found);
	if (!e)
		*out = r;
	return e;
}

/* Walks over the rows that `sql` gives below `before`. */
static enum err list(struct store *s, const char *sql, uint64_t before, uint32_t limit,
		     store_revocation_cb cb, void *arg)
{
	struct store_revocation r;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, sql);
	query_u64(&q, 1, before ? before : INT64_MAX);
	query_i64(&q, 2, limit ? (int64_t)limit : -1);
	while (!e && query_next(&q)) {
		read_row(&q, &r);
		if (!q.err)
			e = cb(arg, &r);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_revocations_list(struct store *s, uint64_t before, uint32_t limit,
				store_revocation_cb cb, void *arg)
{
	return list(s, list_sql, before, limit, cb, arg);
}

enum err store_revocations_pending(struct store *s, uint32_t limit, store_revocation_cb cb,
				   void *arg)
{
	return list(s, pending_sql, 0, limit, cb, arg);
}
