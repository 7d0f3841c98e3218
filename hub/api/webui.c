/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/webui.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "hub/api/handlers.h"
#include "hub/api/request.h"

/* Nothing from elsewhere, nothing inline: what gets into a name or comment stays text. */
#define PAGE_POLICY                                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                \
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "        \
	"require-trusted-types-for 'script'"
#define KEEP_FOR_EVER "public, max-age=31536000, immutable"
#define ASK_EACH_TIME "no-cache"
#define GZIP_WINDOW   (15 + 16) /* zlib: the largest window, with gzip's head */

const struct webui_file *webui_find(const char *name)
{
	for (size_t i = 0; i < webui_n_files; i++)
		if (strcmp(webui_files[i].name, name) == 0)
			return &webui_files[i];
	return NULL;
}

/* True for "q=0", "q=0.0" and the like behind a coding's name. */
static bool weight_is_zero(const char *s, size_t len)
{
	const char *end = s + len, *q = memchr(s, '=', len);

	if (!q || q == s || (q[-1] != 'q' && q[-1] != 'Q'))
		return false;
	for (q++; q < end && *q != ' ' && *q != '\t'; q++)
		if (*q != '0' && *q != '.')
			return false;
	return true;
}

bool webui_takes_gzip(const char *accept_encoding)
{
	const char *s = accept_encoding;
	bool any = false;

	while (s && *s) {
		size_t len, name;

		s += strspn(s, " \t,");
		len = strcspn(s, ",");
		name = strcspn(s, " \t;,");
		if (name == 4 && strncasecmp(s, "gzip", 4) == 0)
			return !weight_is_zero(s + name, len - name);
		if (name == 1 && *s == '*')
			any = !weight_is_zero(s + name, len - name);
		s += len;
	}
	return any;
}

/* For the few clients that do not take gzip. */
static enum err put_plain(struct buf *out, const struct webui_file *f)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)f->gzip, .avail_in = (uInt)f->gzip_len };
	uint8_t piece[4096];
	enum err e = ERR_OK;
	int got;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return ERR_NOMEM;
	do {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		got = inflate(&z, Z_NO_FLUSH);
		if (got != Z_OK && got != Z_STREAM_END)
			e = ERR_INVALID;
		else if (z.total_out > WEBUI_PLAIN_MAX_BYTES)
			e = ERR_LIMIT;
		else
			e = buf_put(out, piece, sizeof(piece) - z.avail_out);
	} while (!e && got != Z_STREAM_END);
	inflateEnd(&z);
	return e;
}

static void answer(struct request *r, const struct webui_file *f)
{
	bool gzip = webui_takes_gzip(r->headers.accept_encoding);
	char etag[REPLY_ETAG_SIZE];

	snprintf(etag, sizeof(etag), gzip ? "\"%.31s-z\"" : "\"%.32s\"", f->hash);
	reply_header(&r->reply, "ETag", "%s", etag);
	reply_header(&r->reply, "Vary", "Accept-Encoding");
	reply_header(&r->reply, "Cache-Control", "%s",
		     f->hashed_name ? KEEP_FOR_EVER : ASK_EACH_TIME);
	reply_header(&r->reply, "Content-Security-Policy", "%s", PAGE_POLICY);
	if (r->headers.if_none_match && reply_etag_matches(r->headers.if_none_match, etag, true)) {
		r->reply.status = 304;
		return;
	}
	r->reply.status = 200;
	r->reply.content_type = f->type;
	if (gzip) {
		reply_header(&r->reply, "Content-Encoding", "gzip");
		r->reply.fixed = f->gzip;
		r->reply.fixed_len = f->gzip_len;
	} else if (put_plain(&r->reply.body, f) != ERR_OK) {
		reply_clear(&r->reply);
		reply_refuse(&r->reply, 503, "no_memory", "the hub is out of memory");
	}
}

/* Built with WEBUI=0. */
static void no_page(struct request *r)
{
	reply_refuse(&r->reply, 404, "no_admin_page",
		     "this hub was built without the admin page. The REST API is at /api/v1, and "
		     "described by /api/v1/openapi.json (Authorization: Bearer blt_...); health is "
		     "at /healthz and /readyz, metrics are at /metrics");
}

void webui_index(struct request *r)
{
	const struct webui_file *f = webui_find("index.html");

	if (f)
		answer(r, f);
	else
		no_page(r);
}

void webui_get(struct request *r)
{
	const struct webui_file *f = webui_find(r->param);

	if (f)
		answer(r, f);
	else if (!webui_find("index.html"))
		no_page(r);
	else
		reply_refuse(&r->reply, 404, "not_found", "the admin page has no file %s",
			     r->param);
}
