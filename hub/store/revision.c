/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revision: the numbered changes of the directory. */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

static const char get_sql[] = "SELECT coalesce(max(revision), 0) FROM revisions";
static const char next_sql[] = "INSERT INTO revisions (at_ms, actor, what) VALUES (?1, ?2, ?3)";
static const char skip_sql[] =
	"INSERT INTO revisions (revision, at_ms, actor, what) VALUES (?1, ?2, ?3, ?4)";
static const char read_sql[] = "SELECT at_ms, actor, what FROM revisions WHERE revision = ?1";

enum err store_revision_get(struct store *s, uint64_t *revision)
{
	struct query q;
	uint64_t value = 0;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	if (query_next(&q))
		value = (uint64_t)query_get_i64(&q, 0, 0, INT64_MAX);
	if (!query_close(&q))
		*revision = value;
	return q.err;
}

enum err store_revision_next(struct store *s, const char *actor, const char *what,
			     uint64_t *revision)
{
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, next_sql);
	query_i64(&q, 1, clock_wall_ms());
	query_text_max(&q, 2, actor, sizeof(((struct store_revision *)0)->actor));
	query_text_max(&q, 3, what, STORE_TEXT_SIZE);
	e = query_run(&q);
	if (!e)
		*revision = (uint64_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

enum err store_revision_skip(struct store *s, uint64_t skipped, const char *actor, const char *what,
			     uint64_t *revision)
{
	struct query q;
	uint64_t next = 0;
	enum err e;

	BUG_ON(!s->in_transaction);
	e = store_revision_get(s, &next);
	if (e)
		return e;
	if (skipped >= INT64_MAX - next)
		return ERR_LIMIT;
	next += skipped + 1;
	query_open(&q, s, DB_DIRECTORY, skip_sql);
	query_u64(&q, 1, next);
	query_i64(&q, 2, clock_wall_ms());
	query_text_max(&q, 3, actor, sizeof(((struct store_revision *)0)->actor));
	query_text_max(&q, 4, what, STORE_TEXT_SIZE);
	e = query_run(&q);
	if (!e)
		*revision = next;
	return e;
}

enum err store_revision_read(struct store *s, uint64_t revision, struct store_revision *out)
{
	struct store_revision r = { .revision = revision };
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, read_sql);
	query_u64(&q, 1, revision);
	found = query_next(&q);
	if (found) {
		r.at_ms = query_get_ms(&q, 0);
		query_get_text(&q, 1, r.actor, sizeof(r.actor));
		query_get_text(&q, 2, r.what, sizeof(r.what));
	}
	e = query_close_found(&q, found);
	if (!e)
		*out = r;
	return e;
}
