/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setting: what is true of the whole network, as key and text. */
#include "hub/store/store_internal.h"

#define SETTING_MAX_BYTES 16384u

static const char get_sql[] = "SELECT value FROM settings WHERE key = ?1";
static const char put_sql[] = "INSERT INTO settings (key, value) VALUES (?1, ?2)"
			      " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

enum err store_setting_get(struct store *s, const char *key, struct buf *out)
{
	char value[SETTING_MAX_BYTES + 1];
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_text(&q, 1, key);
	found = query_next(&q);
	if (found)
		query_get_text(&q, 0, value, sizeof(value));
	e = query_close_found(&q, found);
	return e ? e : buf_put_str(out, value);
}

enum err store_setting_put(struct store *s, const char *key, const char *value)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, put_sql);
	query_text(&q, 1, key);
	query_text(&q, 2, value);
	return query_run(&q);
}
