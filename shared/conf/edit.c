/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/conf/edit.h"

#include <string.h>
#include <strings.h>

/* A line of the text, without its end, and what it sets. */
struct line {
	const char *text;
	size_t len;
	const char *key, *value; /* NULL: it sets nothing */
	size_t key_len, value_len;
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Finds key and value of a line, as config.c does. */
static void split(struct line *l)
{
	const char *p = l->text, *end = p + l->len;

	l->key = l->value = NULL;
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	if (p == end || *p == '#' || *p == '-')
		return;
	l->key = p;
	while (p < end && !is_blank(*p) && *p != '=')
		p++;
	l->key_len = (size_t)(p - l->key);
	while (p < end && is_blank(*p))
		p++;
	if (p < end && *p == '=')
		p++;
	while (p < end && is_blank(*p))
		p++;
	l->value = p;
	l->value_len = (size_t)(end - p);
}

/* The next line; false at the end. Lines of a block of keys set nothing. */
static bool next(const char **at, const char *end, bool *block, struct line *l)
{
	const char *newline;

	if (*at == end)
		return false;
	newline = memchr(*at, '\n', (size_t)(end - *at));
	l->text = *at;
	l->len = (size_t)((newline ? newline : end) - *at);
	*at = newline ? newline + 1 : end;
	split(l);
	if (*block)
		l->key = NULL;
	if (l->len >= 10 && memcmp(l->text, "-----BEGIN", 10) == 0)
		*block = true;
	else if (l->len >= 8 && memcmp(l->text, "-----END", 8) == 0)
		*block = false;
	return true;
}

static bool has_key(const struct line *l, const char *key)
{
	return l->key && l->key_len == strlen(key) && strncasecmp(l->key, key, l->key_len) == 0;
}

static bool has_value(const struct line *l, const char *value)
{
	return l->value_len == strlen(value) && memcmp(l->value, value, l->value_len) == 0;
}

/* How many lines have the key, and whether one of them has the value. */
static unsigned count(const char *text, size_t len, const char *key, const char *value, bool *there)
{
	const char *at = text, *end = text + len;
	bool block = false;
	struct line l;
	unsigned n = 0;

	*there = false;
	while (next(&at, end, &block, &l)) {
		if (!has_key(&l, key))
			continue;
		n++;
		*there = *there || (value && has_value(&l, value));
	}
	return n;
}

static enum err put_line(struct buf *out, const struct line *l)
{
	enum err e = buf_put(out, l->text, l->len);

	return e ? e : buf_put(out, "\n", 1);
}

/* What becomes of the `i`-th of `n` lines with the key. */
static enum err put_own(enum conf_edit kind, const struct line *l, unsigned i, unsigned n,
			const char *key, const char *value, struct buf *out)
{
	enum err e = ERR_OK;

	if (kind == CONF_EDIT_DEL)
		return value && !has_value(l, value) ? put_line(out, l) : ERR_OK;
	if (kind == CONF_EDIT_ADD)
		e = put_line(out, l);
	if (!e && i == (kind == CONF_EDIT_ADD ? n - 1 : 0))
		e = buf_printf(out, "%s = %s\n", key, value);
	return e;
}

enum err conf_edit(enum conf_edit kind, const char *text, size_t len, const char *key,
		   const char *value, struct buf *out, unsigned *n)
{
	const char *at = text, *end = text + len;
	bool block = false, there;
	unsigned total = count(text, len, key, value, &there), seen = 0, gone = 0;
	enum err e = kind == CONF_EDIT_ADD && there ? ERR_EXISTS : ERR_OK;
	struct line l;

	while (!e && next(&at, end, &block, &l)) {
		if (!has_key(&l, key)) {
			e = put_line(out, &l);
			continue;
		}
		gone += !value || has_value(&l, value);
		e = put_own(kind, &l, seen++, total, key, value, out);
	}
	if (!e && kind != CONF_EDIT_DEL && total == 0)
		e = buf_printf(out, "%s = %s\n", key, value);
	*n = kind == CONF_EDIT_DEL ? gone : total;
	return e;
}
