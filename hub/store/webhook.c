/* SPDX-License-Identifier: GPL-3.0-or-later */
/* webhook: whom the hub tells of events, and the deliveries to them. */
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/secret.h"

#define HOOK_COLUMNS                                                                               \
	"SELECT id, name, url, secret, events, comment, enabled, created_ms, created_by,"          \
	" disabled_ms, disabled_why, failures, failing_ms, (SELECT count(*) FROM"                  \
	" webhook_deliveries d WHERE d.webhook_id = webhooks.id AND d.status = 0) FROM webhooks"

static const char insert_sql[] =
	"INSERT INTO webhooks (name, url, secret, events, comment, enabled, disabled_ms,"
	" disabled_why, failures, failing_ms, created_ms, created_by)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
static const char update_sql[] =
	"UPDATE webhooks SET name = ?1, url = ?2, secret = ?3, events = ?4, comment = ?5,"
	" enabled = ?6, disabled_ms = ?7, disabled_why = ?8, failures = ?9, failing_ms = ?10"
	" WHERE id = ?11";
static const char get_sql[] = HOOK_COLUMNS " WHERE id = ?1";
static const char find_sql[] = HOOK_COLUMNS " WHERE name = ?1";
static const char list_sql[] = HOOK_COLUMNS " WHERE id > ?1 ORDER BY id LIMIT ?2";
static const char remove_sql[] = "DELETE FROM webhooks WHERE id = ?1";

#define DELIVERY_COLUMNS                                                                           \
	"SELECT id, webhook_id, event, body, status, created_ms, attempts, next_ms, last_ms,"      \
	" http_status, took_ms, error, redelivery_of FROM webhook_deliveries"

static const char add_sql[] =
	"INSERT INTO webhook_deliveries (webhook_id, event, body, created_ms, next_ms,"
	" redelivery_of) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
static const char overflow_sql[] =
	"UPDATE webhook_deliveries SET status = 3, error = 'too many were waiting' WHERE id IN"
	" (SELECT id FROM webhook_deliveries WHERE webhook_id = ?1 AND status = 0"
	"  ORDER BY id DESC LIMIT -1 OFFSET ?2)";
static const char forget_sql[] =
	"DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries"
	" WHERE webhook_id = ?1 AND status <> 0 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
static const char result_sql[] =
	"UPDATE webhook_deliveries SET status = ?2, attempts = ?3, next_ms = ?4, last_ms = ?5,"
	" http_status = ?6, took_ms = ?7, error = ?8 WHERE id = ?1";
static const char drop_sql[] = "UPDATE webhook_deliveries SET status = 3, error = ?2"
			       " WHERE webhook_id = ?1 AND status = 0";
static const char one_sql[] = DELIVERY_COLUMNS " WHERE id = ?1";
static const char log_sql[] =
	DELIVERY_COLUMNS " WHERE webhook_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
static const char due_sql[] = DELIVERY_COLUMNS
	" WHERE webhook_id = ?1 AND status = 0 AND next_ms <= ?2 ORDER BY id LIMIT 1";
static const char next_sql[] = "SELECT coalesce(min(next_ms), 0) FROM webhook_deliveries"
			       " WHERE webhook_id = ?1 AND status = 0";

/* --- webhooks --- */

static void read_hook(struct query *q, struct store_webhook *w)
{
	memset(w, 0, sizeof(*w));
	w->id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, w->name);
	query_get_text(q, 2, w->url, sizeof(w->url));
	query_get_text(q, 3, w->secret, sizeof(w->secret));
	query_get_text(q, 4, w->events, sizeof(w->events));
	query_get_text(q, 5, w->comment, sizeof(w->comment));
	w->enabled = query_get_bool(q, 6);
	w->created_ms = query_get_ms(q, 7);
	query_get_text(q, 8, w->created_by, sizeof(w->created_by));
	w->disabled_ms = query_get_ms(q, 9);
	query_get_text(q, 10, w->disabled_why, sizeof(w->disabled_why));
	w->failures = query_get_u32(q, 11, 0, UINT32_MAX);
	w->failing_ms = query_get_ms(q, 12);
	w->waiting = query_get_u32(q, 13, 0, UINT32_MAX);
}

enum err store_webhook_put(struct store *s, struct store_webhook *w)
{
	struct query q;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, w->id ? update_sql : insert_sql);
	query_text(&q, 1, w->name);
	query_text_max(&q, 2, w->url, sizeof(w->url));
	query_text_max(&q, 3, w->secret, sizeof(w->secret));
	query_text_max(&q, 4, w->events, sizeof(w->events));
	query_text_max(&q, 5, w->comment, sizeof(w->comment));
	query_u32(&q, 6, w->enabled);
	query_i64_or_null(&q, 7, w->disabled_ms);
	query_text_max(&q, 8, w->disabled_why, sizeof(w->disabled_why));
	query_u32(&q, 9, w->failures);
	query_i64_or_null(&q, 10, w->failing_ms);
	if (w->id) {
		query_u32(&q, 11, w->id);
		return query_run_one(&q);
	}
	query_i64(&q, 11, w->created_ms);
	query_text_max(&q, 12, w->created_by, sizeof(w->created_by));
	e = query_run(&q);
	if (!e)
		w->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

/* Runs a statement for a single webhook. */
static enum err get_one(struct query *q, struct store_webhook *out)
{
	struct store_webhook w;
	bool found = query_next(q);
	enum err e;

	if (found)
		read_hook(q, &w);
	e = query_close_found(q, found);
	if (!e)
		*out = w;
	if (found)
		secret_zero(&w, sizeof(w));
	return e;
}

enum err store_webhook_get(struct store *s, uint32_t id, struct store_webhook *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out);
}

enum err store_webhook_find(struct store *s, const char *name, struct store_webhook *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_text(&q, 1, name);
	return get_one(&q, out);
}

enum err store_webhook_remove(struct store *s, uint32_t id)
{
	return query_run_id(s, remove_sql, id);
}

enum err store_webhooks_list(struct store *s, uint32_t after_id, uint32_t limit,
			     store_webhook_cb cb, void *arg)
{
	struct store_webhook w;
	struct query q;
	enum err e = ERR_OK;

	query_open_page(&q, s, list_sql, after_id, limit);
	while (!e && query_next(&q)) {
		read_hook(&q, &w);
		if (!q.err)
			e = cb(arg, &w);
		secret_zero(&w, sizeof(w));
	}
	return query_close(&q) ? q.err : e;
}

/* --- deliveries --- */

/* `body` stays the statement's: valid until its next step. */
static void read_delivery(struct query *q, struct store_delivery *d)
{
	memset(d, 0, sizeof(*d));
	d->id = query_get_u32(q, 0, 1, UINT32_MAX);
	d->webhook_id = query_get_u32(q, 1, 1, UINT32_MAX);
	query_get_text(q, 2, d->event, sizeof(d->event));
	d->body = query_borrow_text(q, 3);
	d->status = (enum delivery_status)query_get_u32(q, 4, 0, DELIVERY_DROPPED);
	d->created_ms = query_get_ms(q, 5);
	d->attempts = query_get_u32(q, 6, 0, UINT32_MAX);
	d->next_ms = query_get_ms(q, 7);
	d->last_ms = query_get_ms(q, 8);
	d->http_status = (uint16_t)query_get_u32(q, 9, 0, 999);
	d->took_ms = query_get_u32(q, 10, 0, UINT32_MAX);
	query_get_text(q, 11, d->error, sizeof(d->error));
	d->redelivery_of = query_get_u32(q, 12, 0, UINT32_MAX);
}

/* A statement about one webhook, with one number. */
static enum err trim(struct store *s, const char *sql, uint32_t webhook_id, uint32_t n)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, sql);
	query_u32(&q, 1, webhook_id);
	query_u32(&q, 2, n);
	return query_run(&q);
}

enum err store_delivery_add(struct store *s, struct store_delivery *d)
{
	struct query q;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, add_sql);
	query_u32(&q, 1, d->webhook_id);
	query_text_max(&q, 2, d->event, sizeof(d->event));
	query_text(&q, 3, d->body);
	query_i64(&q, 4, d->created_ms);
	query_i64(&q, 5, d->next_ms);
	query_u32(&q, 6, d->redelivery_of);
	e = query_run(&q);
	if (e)
		return e;
	d->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	e = trim(s, overflow_sql, d->webhook_id, STORE_DELIVERIES_WAITING);
	return e ? e : trim(s, forget_sql, d->webhook_id, STORE_DELIVERIES_DONE);
}

enum err store_delivery_update(struct store *s, const struct store_delivery *d)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, result_sql);
	query_u32(&q, 1, d->id);
	query_u32(&q, 2, d->status);
	query_u32(&q, 3, d->attempts);
	query_i64(&q, 4, d->next_ms);
	query_i64_or_null(&q, 5, d->last_ms);
	query_u32(&q, 6, d->http_status);
	query_u32(&q, 7, d->took_ms);
	query_text_max(&q, 8, d->error, sizeof(d->error));
	return query_run_one(&q);
}

enum err store_deliveries_drop(struct store *s, uint32_t webhook_id, const char *why)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, drop_sql);
	query_u32(&q, 1, webhook_id);
	query_text_max(&q, 2, why, STORE_TEXT_SIZE);
	return query_run(&q);
}

/* Calls back for the first row, if there is one. */
static enum err call_one(struct query *q, store_delivery_cb cb, void *arg)
{
	struct store_delivery d;
	bool found = query_next(q);
	enum err e = ERR_OK, closed;

	if (found) {
		read_delivery(q, &d);
		if (!q->err)
			e = cb(arg, &d);
	}
	closed = query_close_found(q, found);
	return closed ? closed : e;
}

enum err store_delivery_get(struct store *s, uint32_t id, store_delivery_cb cb, void *arg)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, one_sql);
	query_u32(&q, 1, id);
	return call_one(&q, cb, arg);
}

enum err store_deliveries_list(struct store *s, uint32_t webhook_id, uint32_t before,
			       uint32_t limit, store_delivery_cb cb, void *arg)
{
	struct store_delivery d;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, log_sql);
	query_u32(&q, 1, webhook_id);
	query_i64(&q, 2, before ? (int64_t)before : INT64_MAX);
	query_i64(&q, 3, limit ? (int64_t)limit : -1);
	while (!e && query_next(&q)) {
		read_delivery(&q, &d);
		if (!q.err)
			e = cb(arg, &d);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_delivery_due(struct store *s, uint32_t webhook_id, int64_t now_ms, int64_t *next_ms,
			    store_delivery_cb cb, void *arg)
{
	struct query q;
	enum err e;

	*next_ms = 0;
	query_open(&q, s, DB_DIRECTORY, due_sql);
	query_u32(&q, 1, webhook_id);
	query_i64(&q, 2, now_ms);
	e = call_one(&q, cb, arg);
	if (e != ERR_NOTFOUND)
		return e;
	query_open(&q, s, DB_DIRECTORY, next_sql);
	query_u32(&q, 1, webhook_id);
	if (query_next(&q))
		*next_ms = query_get_ms(&q, 0);
	e = query_close(&q);
	return e ? e : ERR_NOTFOUND;
}
