/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/store/node_settings.h"

#include <string.h>

#include "hub/store/store_internal.h"

#define COLUMNS                                                                                    \
	"SELECT node_id, number, state, wished, held, held_number, confirm_s, asked_ms, asked_by," \
	" settled_ms, reason FROM node_settings"

static const char get_sql[] = COLUMNS " WHERE node_id = ?1";
static const char put_sql[] =
	"INSERT OR REPLACE INTO node_settings (node_id, number, state, wished, held, held_number,"
	" confirm_s, asked_ms, asked_by, settled_ms, reason)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char effective_get_sql[] =
	"SELECT told_ms, settings FROM node_effective WHERE node_id = ?1";
static const char effective_put_sql[] =
	"INSERT OR REPLACE INTO node_effective (node_id, told_ms, settings) VALUES (?1, ?2, ?3)";

/* A column with settings as JSON. */
static void read_settings(struct query *q, int col, struct node_settings *out)
{
	char text[SETTINGS_JSON_MAX_BYTES + 1], bad[32];
	json_t *j;

	memset(out, 0, sizeof(*out));
	query_get_text(q, col, text, sizeof(text));
	if (q->err)
		return;
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!j || node_settings_from_json(j, out, bad, sizeof(bad)) != ERR_OK)
		query_fail(q, ERR_CORRUPT, "settings of a node");
	json_decref(j);
}

static void read_row(struct query *q, struct store_node_settings *x)
{
	memset(x, 0, sizeof(*x));
	x->node_id = query_get_u32(q, 0, 1, UINT32_MAX);
	x->number = (uint64_t)query_get_i64(q, 1, 1, INT64_MAX);
	x->state = (enum settings_state)query_get_u32(q, 2, SETTINGS_PENDING, SETTINGS_CANCELLED);
	read_settings(q, 3, &x->wished);
	read_settings(q, 4, &x->held);
	x->held_number = (uint64_t)query_get_i64(q, 5, 0, INT64_MAX);
	x->confirm_s = query_get_u32(q, 6, SETTINGS_CONFIRM_MIN_S, SETTINGS_CONFIRM_MAX_S);
	x->asked_ms = query_get_ms(q, 7);
	query_get_text(q, 8, x->asked_by, sizeof(x->asked_by));
	x->settled_ms = query_get_ms(q, 9);
	query_get_text(q, 10, x->reason, sizeof(x->reason));
}

enum err store_node_settings_get(struct store *s, uint32_t node_id, struct store_node_settings *out)
{
	struct store_node_settings x;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, node_id);
	found = query_next(&q);
	if (found)
		read_row(&q, &x);
	e = query_close_found(&q, found);
	if (!e)
		*out = x;
	return e;
}

/* The text of settings; the caller frees it. NULL when memory is out. */
static char *settings_text(const struct node_settings *x)
{
	json_t *j = node_settings_to_json(x);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

enum err store_node_settings_put(struct store *s, const struct store_node_settings *x)
{
	char *wished = settings_text(&x->wished), *held = settings_text(&x->held);
	enum err e = ERR_NOMEM;
	struct query q;

	BUG_ON(!s->in_transaction);
	if (!wished || !held)
		goto out;
	query_open(&q, s, DB_DIRECTORY, put_sql);
	query_u32(&q, 1, x->node_id);
	query_u64(&q, 2, x->number);
	query_u32(&q, 3, x->state);
	query_text_max(&q, 4, wished, SETTINGS_JSON_MAX_BYTES + 1);
	query_text_max(&q, 5, held, SETTINGS_JSON_MAX_BYTES + 1);
	query_u64(&q, 6, x->held_number);
	query_u32(&q, 7, x->confirm_s);
	query_i64(&q, 8, x->asked_ms);
	query_text_max(&q, 9, x->asked_by, sizeof(x->asked_by));
	query_i64_or_null(&q, 10, x->settled_ms);
	query_text_max(&q, 11, x->reason, sizeof(x->reason));
	e = query_run(&q);
out:
	free(wished);
	free(held);
	return e;
}

enum err store_node_effective_get(struct store *s, uint32_t node_id, int64_t *told_ms,
				  char settings[STORE_EFFECTIVE_SIZE])
{
	struct query q;
	bool found;

	query_open(&q, s, DB_PRESENCE, effective_get_sql);
	query_u32(&q, 1, node_id);
	found = query_next(&q);
	if (found) {
		*told_ms = query_get_ms(&q, 0);
		query_get_text(&q, 1, settings, STORE_EFFECTIVE_SIZE);
	}
	return query_close_found(&q, found);
}

enum err store_node_effective_put(struct store *s, uint32_t node_id, int64_t told_ms,
				  const char *settings)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, effective_put_sql);
	query_u32(&q, 1, node_id);
	query_i64(&q, 2, told_ms);
	query_text_max(&q, 3, settings, STORE_EFFECTIVE_SIZE);
	return query_run(&q);
}
