/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/key_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number up to `max`; `*out` stays as it is when the setting is missing. */
static enum err read_number(struct store *s, const char *key, uint32_t max, uint32_t *out)
{
	const char *text;
	unsigned long v;
	struct buf b;
	char *end;
	enum err e;

	buf_init(&b, 32);
	e = store_setting_get(s, key, &b);
	text = e ? NULL : buf_cstr(&b);
	if (!e && !text)
		e = ERR_NOMEM;
	if (!e) {
		errno = 0;
		v = strtoul(text, &end, 10);
		if (errno || end == text || *end || *text == '-' || v > max)
			e = ERR_CORRUPT;
		else
			*out = (uint32_t)v;
	}
	buf_fini(&b);
	return e == ERR_NOTFOUND ? ERR_OK : e == ERR_TOOBIG ? ERR_CORRUPT : e;
}

enum err key_settings_read(struct store *s, struct key_settings *out)
{
	uint32_t approve = 0, rotate = 0;
	struct key_settings k = { .overlap_s = KEY_OVERLAP_DEFAULT_S,
				  .warn_s = KEY_WARN_DEFAULT_S };
	enum err e;

	if ((e = read_number(s, "key_approve", 1, &approve)) ||
	    (e = read_number(s, "key_overlap_s", KEY_OVERLAP_MAX_S, &k.overlap_s)) ||
	    (e = read_number(s, "key_max_age_s", KEY_MAX_AGE_MAX_S, &k.max_age_s)) ||
	    (e = read_number(s, "key_warn_s", KEY_MAX_AGE_MAX_S, &k.warn_s)) ||
	    (e = read_number(s, "key_rotate_at_max_age", 1, &rotate)))
		return e;
	k.approve = approve;
	k.rotate_at_max_age = rotate;
	*out = k;
	return ERR_OK;
}

static enum err write_number(struct store *s, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return store_setting_put(s, key, text);
}

enum err key_settings_write(struct store *s, const struct key_settings *k)
{
	enum err e;

	if ((e = write_number(s, "key_approve", k->approve)) ||
	    (e = write_number(s, "key_overlap_s", k->overlap_s)) ||
	    (e = write_number(s, "key_max_age_s", k->max_age_s)) ||
	    (e = write_number(s, "key_warn_s", k->warn_s)) ||
	    (e = write_number(s, "key_rotate_at_max_age", k->rotate_at_max_age)))
		return e;
	return ERR_OK;
}

bool key_settings_limits(const struct key_settings *s, int64_t now_ms, int64_t *soon_ms,
			 int64_t *over_ms)
{
	*soon_ms = *over_ms = 0;
	if (!s->max_age_s)
		return false;
	*over_ms = now_ms - (int64_t)s->max_age_s * 1000;
	*soon_ms = *over_ms + (int64_t)s->warn_s * 1000;
	return true;
}

/* --- the mark: "CREATED_MS ID" --- */

static const char mark_key[] = "key_old_mark";

static enum err parse_mark(const char *text, struct store_key_mark *out)
{
	long long created;
	unsigned long id;
	char *end;

	errno = 0;
	created = strtoll(text, &end, 10);
	if (errno || end == text || *end != ' ' || created < 0)
		return ERR_CORRUPT;
	text = end + 1;
	id = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || id > UINT32_MAX)
		return ERR_CORRUPT;
	*out = (struct store_key_mark){ created, (uint32_t)id };
	return ERR_OK;
}

enum err key_settings_mark_read(struct store *s, struct store_key_mark *out)
{
	const char *text;
	struct buf b;
	enum err e;

	buf_init(&b, 48);
	*out = (struct store_key_mark){ 0 };
	e = store_setting_get(s, mark_key, &b);
	text = e ? NULL : buf_cstr(&b);
	if (!e)
		e = text ? parse_mark(text, out) : ERR_NOMEM;
	buf_fini(&b);
	return e == ERR_NOTFOUND ? ERR_OK : e == ERR_TOOBIG ? ERR_CORRUPT : e;
}

enum err key_settings_mark_write(struct store *s, const struct store_key_mark *m)
{
	char text[48];

	snprintf(text, sizeof(text), "%lld %u", (long long)m->created_ms, m->id);
	return store_setting_put(s, mark_key, text);
}

/* --- due --- */

const char *key_due_str(enum key_due d)
{
	static const char *const names[] = { "no", "soon", "overdue" };

	return (unsigned)d < ARRAY_LEN(names) ? names[d] : "no";
}

enum key_due key_settings_due(const struct key_settings *s, const struct store_key *k,
			      int64_t now_ms, int64_t *due_ms)
{
	*due_ms = 0;
	if (!s->max_age_s || k->status != KEY_CURRENT)
		return KEY_DUE_NO;
	*due_ms = k->created_ms + (int64_t)s->max_age_s * 1000;
	if (now_ms >= *due_ms)
		return KEY_DUE_OVER;
	return now_ms >= *due_ms - (int64_t)s->warn_s * 1000 ? KEY_DUE_SOON : KEY_DUE_NO;
}
