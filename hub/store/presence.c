/* SPDX-License-Identifier: GPL-3.0-or-later */
/* presence: what the hub sees of each node now, and what it counts itself. In a file of its own,
 * which may be lost. */
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define PRESENCE_COLUMNS                                                                           \
	"SELECT node_id, online, since_ms, link, version, acked_revision, acked_ms, path, reason," \
	" endpoint, handshake_ms, rx_bytes, tx_bytes, rtt_us, nat FROM presence"

static const char begin_sql[] = "BEGIN IMMEDIATE";
static const char commit_sql[] = "COMMIT";
static const char rollback_sql[] = "ROLLBACK";
static const char put_sql[] =
	"INSERT OR REPLACE INTO presence (node_id, online, since_ms, link, version, "
	"acked_revision, acked_ms, path,"
	" reason, endpoint, handshake_ms, rx_bytes, tx_bytes, rtt_us, nat)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
/* Before the row itself: is it another state than the one that stands there? */
static const char history_sql[] =
	"INSERT OR REPLACE INTO presence_history (slot, number, node_id, at_ms, online, path)"
	" SELECT (m.n + 1) % 4096, m.n + 1, ?1, ?2, ?3, ?4"
	" FROM (SELECT coalesce(max(number), 0) AS n FROM presence_history) m"
	" WHERE coalesce((SELECT online * 256 + path FROM presence WHERE node_id = ?1), 0)"
	"  <> ?3 * 256 + ?4";
static const char history_reset_sql[] =
	"INSERT OR REPLACE INTO presence_history (slot, number, node_id, at_ms, online, path)"
	" SELECT (m.n + p.k) % 4096, m.n + p.k, p.node_id, ?1, 0, 0"
	" FROM (SELECT coalesce(max(number), 0) AS n FROM presence_history) m,"
	"  (SELECT node_id, row_number() OVER (ORDER BY node_id) AS k FROM presence"
	"   WHERE online = 1) p";
static const char changes_sql[] =
	"SELECT h.number, h.node_id, h.at_ms, h.online, h.path, coalesce((SELECT b.online"
	"  FROM presence_history b WHERE b.node_id = h.node_id AND b.number < h.number"
	"  ORDER BY b.number DESC LIMIT 1), 0)"
	" FROM presence_history h WHERE h.number > ?1 ORDER BY h.number LIMIT ?2";
static const char range_sql[] =
	"SELECT coalesce(min(number), 0), coalesce(max(number), 0) FROM presence_history";
static const char get_sql[] = PRESENCE_COLUMNS " WHERE node_id = ?1";
static const char online_sql[] = "SELECT count(*) FROM presence WHERE online = 1 AND node_id <> ?1";
static const char list_sql[] = PRESENCE_COLUMNS " ORDER BY node_id";
static const char reset_sql[] =
	"UPDATE presence SET online = 0, since_ms = ?1, path = 0, reason = 0 WHERE online = 1";
static const char concerned_sql[] =
	"SELECT node_id, acked_revision, acked_ms FROM presence WHERE online = 1 OR since_ms >= ?1 "
	"ORDER BY node_id";
static const char totals_clear_sql[] = "DELETE FROM hub_totals";
static const char totals_put_sql[] =
	"INSERT INTO hub_totals (name, value, fact) VALUES (?1, ?2, ?3)";
static const char totals_list_sql[] = "SELECT name, value, fact FROM hub_totals ORDER BY rowid";
static const char spokes_sql[] = "SELECT id FROM nodes WHERE kind = 2 AND status = 2 ORDER BY id";

static void read_presence(struct query *q, struct store_presence *p)
{
	*p = (struct store_presence){ 0 };
	p->node_id = query_get_u32(q, 0, 1, UINT32_MAX);
	p->online = query_get_bool(q, 1);
	p->since_ms = query_get_ms(q, 2);
	query_get_endpoint(q, 3, &p->link);
	query_get_text(q, 4, p->version, sizeof(p->version));
	p->acked_revision = (uint64_t)query_get_i64(q, 5, 0, INT64_MAX);
	p->acked_ms = query_get_ms(q, 6);
	p->path = (uint8_t)query_get_u32(q, 7, 0, UINT8_MAX);
	p->reason = (uint8_t)query_get_u32(q, 8, 0, UINT8_MAX);
	query_get_endpoint(q, 9, &p->endpoint);
	p->handshake_ms = query_get_ms(q, 10);
	p->rx_bytes = (uint64_t)query_get_i64(q, 11, 0, INT64_MAX);
	p->tx_bytes = (uint64_t)query_get_i64(q, 12, 0, INT64_MAX);
	p->rtt_us = query_get_u32(q, 13, 0, UINT32_MAX);
	p->nat = (uint8_t)query_get_u32(q, 14, 0, UINT8_MAX);
}

/* A statement without arguments. */
static enum err run_plain(struct store *s, const char *sql)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, sql);
	return query_run(&q);
}

/* Notes a change that people want to know of. */
static enum err put_history(struct store *s, const struct store_presence *p)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, history_sql);
	query_u32(&q, 1, p->node_id);
	query_i64(&q, 2, clock_wall_ms());
	query_u32(&q, 3, p->online);
	query_u32(&q, 4, p->path);
	return query_run(&q);
}

static enum err put_one(struct store *s, const struct store_presence *p)
{
	struct query q;
	enum err e = put_history(s, p);

	if (e)
		return e;
	query_open(&q, s, DB_PRESENCE, put_sql);
	query_u32(&q, 1, p->node_id);
	query_u32(&q, 2, p->online);
	query_i64(&q, 3, p->since_ms);
	query_endpoint(&q, 4, &p->link);
	query_text(&q, 5, p->version);
	query_u64(&q, 6, p->acked_revision);
	query_i64(&q, 7, p->acked_ms);
	query_u32(&q, 8, p->path);
	query_u32(&q, 9, p->reason);
	query_endpoint(&q, 10, &p->endpoint);
	query_i64(&q, 11, p->handshake_ms);
	query_u64(&q, 12, p->rx_bytes);
	query_u64(&q, 13, p->tx_bytes);
	query_u32(&q, 14, p->rtt_us);
	query_u32(&q, 15, p->nat);
	return query_run(&q);
}

enum err store_presence_begin(struct store *s) { return run_plain(s, begin_sql); }

enum err store_presence_end(struct store *s, enum err e)
{
	if (!e)
		e = run_plain(s, commit_sql);
	if (e && !sqlite3_get_autocommit(s->db[DB_PRESENCE].db) && run_plain(s, rollback_sql))
		return ERR_IO;
	return e;
}

enum err store_presence_put(struct store *s, const struct store_presence *rows, size_t n)
{
	enum err e = store_presence_begin(s);

	if (e)
		return e;
	for (size_t i = 0; i < n && !e; i++)
		e = put_one(s, &rows[i]);
	return store_presence_end(s, e);
}

enum err store_presence_get(struct store *s, uint32_t node_id, struct store_presence *out)
{
	struct store_presence p;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_PRESENCE, get_sql);
	query_u32(&q, 1, node_id);
	found = query_next(&q);
	if (found)
		read_presence(&q, &p);
	e = query_close_found(&q, found);
	if (!e)
		*out = p;
	return e;
}

enum err store_presence_changes(struct store *s, uint64_t after, uint32_t limit,
				store_presence_change_cb cb, void *arg)
{
	struct store_presence_change p;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, changes_sql);
	query_u64(&q, 1, after);
	query_i64(&q, 2, limit ? (int64_t)limit : -1);
	while (!e && query_next(&q)) {
		p.number = (uint64_t)query_get_i64(&q, 0, 1, INT64_MAX);
		p.node_id = query_get_u32(&q, 1, 1, UINT32_MAX);
		p.at_ms = query_get_ms(&q, 2);
		p.online = query_get_bool(&q, 3);
		p.path = (uint8_t)query_get_u32(&q, 4, 0, UINT8_MAX);
		p.was_online = query_get_bool(&q, 5);
		if (!q.err)
			e = cb(arg, &p);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_presence_changes_range(struct store *s, uint64_t *oldest, uint64_t *newest)
{
	struct query q;

	*oldest = *newest = 0;
	query_open(&q, s, DB_PRESENCE, range_sql);
	if (query_next(&q)) {
		*oldest = (uint64_t)query_get_i64(&q, 0, 0, INT64_MAX);
		*newest = (uint64_t)query_get_i64(&q, 1, 0, INT64_MAX);
	}
	return query_close(&q);
}

enum err store_presence_online(struct store *s, uint32_t except, uint32_t *count)
{
	struct query q;
	uint32_t value = 0;

	query_open(&q, s, DB_PRESENCE, online_sql);
	query_u32(&q, 1, except);
	if (query_next(&q))
		value = query_get_u32(&q, 0, 0, UINT32_MAX);
	if (!query_close(&q))
		*count = value;
	return q.err;
}

enum err store_presence_list(struct store *s, store_presence_cb cb, void *arg)
{
	struct store_presence p;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, list_sql);
	while (!e && query_next(&q)) {
		read_presence(&q, &p);
		if (!q.err)
			e = cb(arg, &p);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_presence_reset(struct store *s)
{
	int64_t now_ms = clock_wall_ms();
	struct query q;
	enum err e;

	query_open(&q, s, DB_PRESENCE, history_reset_sql);
	query_i64(&q, 1, now_ms);
	e = query_run(&q);
	if (e)
		return e;
	query_open(&q, s, DB_PRESENCE, reset_sql);
	query_i64(&q, 1, now_ms);
	return query_run(&q);
}

/* --- totals --- */

static enum err put_total(struct store *s, const struct store_total *t)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, totals_put_sql);
	query_text_max(&q, 1, t->name, sizeof(t->name));
	query_u64(&q, 2, t->value);
	query_text_max(&q, 3, t->fact, sizeof(t->fact));
	return query_run(&q);
}

enum err store_totals_put(struct store *s, const struct store_total *rows, size_t n)
{
	enum err e = store_presence_begin(s);

	if (e)
		return e;
	e = run_plain(s, totals_clear_sql);
	for (size_t i = 0; i < n && !e; i++)
		e = put_total(s, &rows[i]);
	return store_presence_end(s, e);
}

/* The schema's promise about names and facts, for those who put them into other languages. */
static void read_total(struct query *q, struct store_total *t)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	static const char fact[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "./-";

	*t = (struct store_total){ 0 };
	query_get_text(q, 0, t->name, sizeof(t->name));
	t->value = (uint64_t)query_get_i64(q, 1, 0, INT64_MAX);
	query_get_text(q, 2, t->fact, sizeof(t->fact));
	if (t->name[strspn(t->name, name)] || t->fact[strspn(t->fact, fact)])
		query_fail(q, ERR_CORRUPT, "a stored total has a name or fact that is none");
}

enum err store_totals_list(struct store *s, store_total_cb cb, void *arg)
{
	struct store_total t;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, totals_list_sql);
	while (!e && query_next(&q)) {
		read_total(&q, &t);
		if (!q.err)
			e = cb(arg, &t);
	}
	return query_close(&q) ? q.err : e;
}

/* --- who has applied a revision --- */

/* Counts the node under the cursor. */
static void count_applied(struct query *q, uint64_t revision, struct store_applied *out)
{
	uint64_t acked = (uint64_t)query_get_i64(q, 1, 0, INT64_MAX);
	int64_t at_ms = query_get_ms(q, 2);

	out->online++;
	if (acked < revision)
		return;
	out->applied++;
	if (at_ms > out->last_ms)
		out->last_ms = at_ms;
}

/* When the revision was made; one that we do not know concerns only who is online. */
static enum err made_at(struct store *s, uint64_t revision, int64_t *at_ms)
{
	struct store_revision rev;
	enum err e = store_revision_read(s, revision, &rev);

	*at_ms = e ? INT64_MAX : rev.at_ms;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/*
 * Both lists come in the order of ids, from two files, so that they are merged here: `concerned`
 * waits at the first node that is not below the spoke's id.
 */
enum err store_applied(struct store *s, uint64_t revision, uint32_t except_node,
		       struct store_applied *out)
{
	struct store_applied a = { 0 };
	struct query spokes, concerned;
	int64_t at_ms;
	uint32_t at = 0;
	bool more = true;
	enum err e = made_at(s, revision, &at_ms);

	if (e)
		return e;
	query_open(&spokes, s, DB_DIRECTORY, spokes_sql);
	query_open(&concerned, s, DB_PRESENCE, concerned_sql);
	query_i64(&concerned, 1, at_ms);
	while (more && query_next(&spokes)) {
		uint32_t id = query_get_u32(&spokes, 0, 1, UINT32_MAX);

		while (at < id && (more = query_next(&concerned)))
			at = query_get_u32(&concerned, 0, 1, UINT32_MAX);
		if (more && at == id && id != except_node)
			count_applied(&concerned, revision, &a);
	}
	query_close(&spokes);
	query_close(&concerned);
	if (!spokes.err && !concerned.err)
		*out = a;
	return spokes.err ? spokes.err : concerned.err;
}
