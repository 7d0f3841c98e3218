/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/params.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CODE "query_invalid"

void params_add(struct params *q, const char *name, const char *value)
{
	if (q->n == PARAMS_ARGS_MAX) {
		q->overflow = true;
		return;
	}
	q->args[q->n].name = name;
	q->args[q->n].value = value ? value : "";
	q->n++;
}

/* The first place with this name, or q->n. */
static unsigned place_of(const struct params *q, const char *name)
{
	unsigned i = 0;

	while (i < q->n && strcmp(q->args[i].name, name) != 0)
		i++;
	return i;
}

const char *params_get(const struct params *q, const char *name)
{
	unsigned i = place_of(q, name);

	return i < q->n ? q->args[i].value : NULL;
}

/* Is `name` one of the words of `words`? */
static bool word_in(const char *words, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = words; s && *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (n == len && memcmp(s, name, n) == 0)
			return true;
		s += n;
	}
	return false;
}

enum err params_check(const struct params *q, const char *allowed, struct problem *p)
{
	if (q->overflow) {
		problem_set(p, 400, CODE, NULL, "more than %u query parameters", PARAMS_ARGS_MAX);
		return ERR_LIMIT;
	}
	for (unsigned i = 0; i < q->n; i++) {
		if (!word_in(allowed, q->args[i].name)) {
			problem_set(p, 400, "query_unknown", NULL,
				    "unknown query parameter \"%.64s\"; known here: %s",
				    q->args[i].name, allowed && *allowed ? allowed : "none");
			return ERR_INVALID;
		}
		if (place_of(q, q->args[i].name) != i) {
			problem_set(p, 400, CODE, NULL, "query parameter \"%.64s\" is given twice",
				    q->args[i].name);
			return ERR_INVALID;
		}
	}
	return ERR_OK;
}

bool params_parse_uint(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

enum err params_uint(const struct params *q, const char *name, uint64_t min, uint64_t max,
		     uint64_t def, uint64_t *out, struct problem *p)
{
	const char *s = params_get(q, name);
	uint64_t v = def;

	if (s && (!params_parse_uint(s, max, &v) || v < min)) {
		problem_set(p, 400, CODE, NULL,
			    "query parameter \"%s\" must be a whole number from %llu to %llu", name,
			    (unsigned long long)min, (unsigned long long)max);
		return ERR_INVALID;
	}
	*out = v;
	return ERR_OK;
}

enum err params_bool(const struct params *q, const char *name, bool *out, struct problem *p)
{
	const char *s = params_get(q, name);

	if (!s || strcmp(s, "0") == 0 || strcmp(s, "false") == 0) {
		*out = false;
	} else if (strcmp(s, "1") == 0 || strcmp(s, "true") == 0) {
		*out = true;
	} else {
		problem_set(p, 400, CODE, NULL, "query parameter \"%s\" must be 1 or 0", name);
		return ERR_INVALID;
	}
	return ERR_OK;
}

/* Milliseconds of ".123Z" or "Z"; -1 when it is neither. */
static int fraction_ms(const char *s)
{
	int ms = 0, unit = 100;

	if (*s == '.') {
		if (!isdigit((unsigned char)*++s))
			return -1;
		for (; isdigit((unsigned char)*s); s++, unit /= 10)
			ms += (*s - '0') * unit;
	}
	return strcmp(s, "Z") == 0 ? ms : -1;
}

enum err params_time(const struct params *q, const char *name, int64_t *out, struct problem *p)
{
	const char *s = params_get(q, name), *end;
	struct tm tm = { 0 };
	int ms = 0;

	*out = 0;
	if (!s)
		return ERR_OK;
	end = strptime(s, "%Y-%m-%d", &tm);
	if (end && *end) {
		end = strptime(end, "T%H:%M:%S", &tm);
		ms = end ? fraction_ms(end) : -1;
	}
	if (!end || ms < 0 || tm.tm_year < 70 || tm.tm_year > 8099) {
		problem_set(p, 400, CODE, NULL,
			    "query parameter \"%s\" must be a time in UTC such as "
			    "2026-11-22T14:40:01Z, or a date",
			    name);
		return ERR_INVALID;
	}
	*out = (int64_t)timegm(&tm) * 1000 + ms;
	return ERR_OK;
}

bool params_escape(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (n + 4 > size)
			return false;
		if (c < 0x80 && (isalnum(c) || strchr("-._~:", c)))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", c);
	}
	out[n] = '\0';
	return true;
}

enum err params_page(const struct params *q, struct params_page *out, struct problem *p)
{
	uint64_t limit, after;
	enum err e;

	e = params_uint(q, "limit", 1, PARAMS_LIMIT_MAX, PARAMS_LIMIT_DEFAULT, &limit, p);
	if (!e)
		e = params_uint(q, "after", 0, UINT32_MAX, 0, &after, p);
	if (e)
		return e;
	out->limit = (uint32_t)limit;
	out->after = (uint32_t)after;
	return ERR_OK;
}

/* The value of a hex digit, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t params_unescape(char *s)
{
	char *in = s, *out = s;

	while (*in) {
		int hi = *in == '%' ? hex_value(in[1]) : -1;
		int lo = hi >= 0 ? hex_value(in[2]) : -1;

		if (lo >= 0 && (hi || lo)) {
			*out++ = (char)(hi << 4 | lo);
			in += 3;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return (size_t)(out - s);
}
