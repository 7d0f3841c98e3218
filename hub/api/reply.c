/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/reply.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

#define TYPE_JSON    "application/json"
#define TYPE_PROBLEM "application/problem+json"
#define DUMP_FLAGS   JSON_COMPACT

/* The answer when an answer could not be made for want of memory. */
static const char no_memory[] =
	"{\"type\":\"urn:branchline:problem:no_memory\",\"title\":\"Service Unavailable\","
	"\"status\":503,\"detail\":\"the hub is out of memory\",\"code\":\"no_memory\"}\n";

void reply_init(struct reply *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->body, REPLY_MAX_BYTES);
}

void reply_fini(struct reply *r)
{
	buf_fini(&r->body);
	secret_zero(r->headers, sizeof(r->headers));
}

void reply_clear(struct reply *r)
{
	buf_clear(&r->body);
	r->status = 0;
	r->content_type = NULL;
	r->fixed = NULL;
	r->fixed_len = 0;
	r->n_headers = 0;
}

static void out_of_memory(struct reply *r)
{
	reply_clear(r);
	r->status = 503;
	r->content_type = TYPE_PROBLEM;
	r->fixed = no_memory;
	r->fixed_len = sizeof(no_memory) - 1;
}

/* Receives the pieces of a JSON text as jansson writes them. */
static int dump_to_buf(const char *p, size_t n, void *arg)
{
	return buf_put(arg, p, n) == ERR_OK ? 0 : -1;
}

static void put_json(struct reply *r, unsigned status, const char *type, json_t *j)
{
	buf_clear(&r->body);
	r->fixed = NULL;
	r->status = status;
	r->content_type = type;
	if (!j || json_dump_callback(j, dump_to_buf, &r->body, DUMP_FLAGS) < 0 ||
	    buf_put(&r->body, "\n", 1) != ERR_OK)
		out_of_memory(r);
	json_decref(j);
}

void reply_json(struct reply *r, unsigned status, json_t *j) { put_json(r, status, TYPE_JSON, j); }

void reply_lines(struct reply *r, const struct buf *text)
{
	buf_clear(&r->body);
	r->fixed = NULL;
	r->status = 200;
	r->content_type = "application/x-ndjson";
	if (buf_put(&r->body, buf_data(text), buf_len(text)) != ERR_OK)
		out_of_memory(r);
}

void reply_stream(struct reply *r, const char *content_type)
{
	buf_clear(&r->body);
	r->fixed = NULL;
	r->status = 200;
	r->content_type = content_type;
	r->stream = true;
}

void reply_problem(struct reply *r, const struct problem *p)
{
	if ((p->status == 503 || p->status == 429) && !reply_header_get(r, "Retry-After"))
		reply_header(r, "Retry-After", "1");
	put_json(r, p->status, TYPE_PROBLEM, problem_to_json(p));
}

void reply_refuse(struct reply *r, unsigned status, const char *code, const char *fmt, ...)
{
	struct problem p = { 0 };
	char detail[sizeof(p.detail)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	problem_set(&p, status, code, NULL, "%s", detail);
	reply_problem(r, &p);
}

void reply_header(struct reply *r, const char *name, const char *fmt, ...)
{
	struct reply_header *h;
	va_list ap;

	BUG_ON(r->n_headers == REPLY_HEADERS_MAX);
	h = &r->headers[r->n_headers++];
	h->name = name;
	va_start(ap, fmt);
	vsnprintf(h->value, sizeof(h->value), fmt, ap);
	va_end(ap);
	for (const char *s = h->value; *s; s++)
		BUG_ON((unsigned char)*s < 0x20 || *s == 0x7f);
}

const char *reply_header_get(const struct reply *r, const char *name)
{
	for (unsigned i = 0; i < r->n_headers; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

unsigned reply_fields(const struct reply *r, struct reply_field out[REPLY_FIELDS_MAX])
{
	static const struct reply_field always[] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
		{ "Referrer-Policy", "no-referrer" },
	};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!reply_header_get(r, always[i].name))
			out[n++] = always[i];
	if (r->status != 304 && r->content_type)
		out[n++] = (struct reply_field){ "Content-Type", r->content_type };
	for (unsigned i = 0; i < r->n_headers; i++)
		out[n++] = (struct reply_field){ r->headers[i].name, r->headers[i].value };
	return n;
}

enum err reply_write_last(const struct reply *r, bool head_only, int64_t wall_ms, struct buf *out)
{
	const void *body = r->fixed ? (const void *)r->fixed : (const void *)buf_data(&r->body);
	size_t n = r->fixed ? r->fixed_len : buf_len(&r->body);
	struct reply_field fields[REPLY_FIELDS_MAX];
	unsigned n_fields = reply_fields(r, fields);
	time_t now = (time_t)(wall_ms / 1000);
	struct tm tm = { 0 };
	char date[40];
	enum err e;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	e = buf_printf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n", r->status,
		       problem_title(r->status), date);
	for (unsigned i = 0; i < n_fields && !e; i++)
		e = buf_printf(out, "%s: %s\r\n", fields[i].name, fields[i].value);
	if (!e)
		e = buf_printf(out, "Content-Length: %zu\r\n\r\n", n);
	return e || head_only ? e : buf_put(out, body, n);
}

char *reply_etag(const void *p, size_t n, char out[REPLY_ETAG_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	BUG_ON(EVP_Digest(p, n, digest, NULL, EVP_sha256(), NULL) != 1);
	out[0] = '"';
	hex_encode(digest, 16, out + 1);
	out[33] = '"';
	out[34] = '\0';
	return out;
}

char *reply_etag_json(const json_t *j, char out[REPLY_ETAG_SIZE])
{
	struct buf text;

	out[0] = '\0';
	buf_init(&text, REPLY_MAX_BYTES);
	if (j && json_dump_callback(j, dump_to_buf, &text, DUMP_FLAGS) == 0 &&
	    buf_put(&text, "\n", 1) == ERR_OK)
		reply_etag(buf_data(&text), buf_len(&text), out);
	buf_fini(&text);
	return out;
}

bool reply_etag_matches(const char *condition, const char *etag, bool weak)
{
	size_t len = strlen(etag);
	const char *s = condition;

	s += strspn(s, " \t");
	if (*s == '*' && s[1 + strspn(s + 1, " \t")] == '\0')
		return true;
	while (*s) {
		bool is_weak = strncmp(s, "W/", 2) == 0;
		const char *tag = is_weak ? s + 2 : s;
		const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;

		if (!end)
			return false;
		end++;
		if ((size_t)(end - tag) == len && memcmp(tag, etag, len) == 0 && (weak || !is_weak))
			return true;
		s = end + strspn(end, " \t,");
	}
	return false;
}
