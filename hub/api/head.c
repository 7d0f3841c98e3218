/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/head.h"

#include <string.h>
#include <strings.h>

/* A piece of a line. */
struct span {
	const char *p;
	size_t n;
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 section 5.6.2. */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("!#$%&'*+-.^_`|~", s.p[i])))
			return false;
	return s.n > 0;
}

/* What a host with a port may be made of (RFC 3986 section 3.2); nothing at all is one, too. */
static bool is_authority(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("-._~%!$&'()*+,;=:[]", s.p[i])))
			return false;
	return true;
}

static bool is_word(struct span s, const char *word)
{
	return strlen(word) == s.n && strncasecmp(s.p, word, s.n) == 0;
}

static unsigned count(struct span s, char c)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.n; i++)
		found += s.p[i] == c;
	return found;
}

/* Without the blanks around it. */
static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cuts off what stands before the first `c`, or all. `s` keeps what is behind it. */
static struct span cut(struct span *s, char c)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
	struct span first = { s->p, at ? (size_t)(at - s->p) : s->n };

	s->p += at ? first.n + 1 : s->n;
	s->n -= at ? first.n + 1 : s->n;
	return first;
}

bool head_is_text(uint8_t byte, bool is_first)
{
	if (is_first)
		return byte >= 0x20 && byte < 0x7f;
	return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

static enum err refuse(struct problem *p, unsigned status, const char *code, const char *why)
{
	problem_set(p, status, code, NULL, "%s", why);
	return ERR_INVALID;
}

static enum err bad_line(struct problem *p)
{
	return refuse(p, 400, "request_line_invalid",
		      "the first line is not METHOD, a blank, TARGET, a blank and HTTP/1.1 "
		      "(RFC 9112 section 3)");
}

static enum err bad_field(struct problem *p)
{
	return refuse(p, 400, "field_invalid",
		      "a header field is not a name, a colon and text (RFC 9112 section 5)");
}

static enum err target_too_long(struct problem *p)
{
	problem_set(p, 414, "target_too_long", NULL, "path and query have at most %u bytes",
		    HEAD_TARGET_MAX_BYTES);
	return ERR_INVALID;
}

static enum err too_many(struct problem *p, const char *what, unsigned most)
{
	problem_set(p, 431, "head_too_long", NULL, "a request has at most %u %s", most, what);
	return ERR_INVALID;
}

static enum err no_memory(struct problem *p)
{
	return refuse(p, 503, "no_memory", "the hub is out of memory; nothing was changed");
}

enum err head_bad_text(bool is_first, struct problem *p)
{
	return is_first ? bad_line(p) : bad_field(p);
}

enum err head_line_too_long(const char *line, size_t n, struct problem *p)
{
	struct span rest = { line, n }, method = cut(&rest, ' ');

	return method.n > HEAD_METHOD_MAX_BYTES ? bad_line(p) : target_too_long(p);
}

enum err head_too_long(struct problem *p)
{
	problem_set(p, 431, "head_too_long", NULL,
		    "request line and header fields have at most %u bytes", HEAD_MAX_BYTES);
	return ERR_INVALID;
}

void head_init(struct head *h) { *h = (struct head){ 0 }; }

/* A piece, and a literal behind it. */
static enum err put(struct buf *out, struct span s, const char *end, struct problem *p)
{
	return buf_put(out, s.p, s.n) || buf_put_str(out, end) ? no_memory(p) : ERR_OK;
}

/* --- the request line --- */

/* "HTTP/1.1" and its like. Another minor number is read as 1.1 (RFC 9110 section 2.5). */
static enum err take_version(struct head *h, struct span s, struct problem *p)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || !is_digit(s.p[5]) || s.p[6] != '.' ||
	    !is_digit(s.p[7]))
		return bad_line(p);
	if (s.p[5] != '1')
		return refuse(p, 505, "version_unsupported", "this hub speaks HTTP/1.1 only");
	h->http10 = s.p[7] == '0';
	return ERR_OK;
}

/* A whole URI: leaves its path in `s`, and its host in `h`. False: it is none. */
static bool take_uri(struct head *h, struct span *s)
{
	static const char *const schemes[] = { "http://", "https://" };
	struct span rest = { NULL, 0 };
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (s->n > strlen(schemes[i]) &&
		    strncasecmp(s->p, schemes[i], strlen(schemes[i])) == 0)
			rest = (struct span){ s->p + strlen(schemes[i]),
					      s->n - strlen(schemes[i]) };
	for (n = 0; n < rest.n && rest.p[n] != '/' && rest.p[n] != '?'; n++)
		;
	if (n == 0 || n >= sizeof(h->authority) || !is_authority((struct span){ rest.p, n }))
		return false;
	memcpy(h->authority, rest.p, n);
	h->authority[n] = '\0';
	*s = (struct span){ rest.p + n, rest.n - n };
	return true;
}

/* The four forms of RFC 9112 section 3.2. */
static enum err take_target(struct head *h, struct span method, struct span *s, struct problem *p)
{
	bool good = s->n > 0 && !memchr(s->p, '#', s->n);

	if (s->n > HEAD_TARGET_MAX_BYTES)
		return target_too_long(p);
	if (good && is_word(method, "CONNECT"))
		good = is_authority(*s);
	else if (good && s->p[0] != '/')
		good = (s->n == 1 && s->p[0] == '*') || take_uri(h, s);
	if (!good)
		return refuse(p, 400, "target_invalid",
			      "what is asked for is no path, query or URI (RFC 9112 section 3.2)");
	if (count(*s, '&') >= HEAD_PARTS_MAX) {
		problem_set(p, 414, "target_too_long", NULL, "a query has at most %u parameters",
			    HEAD_PARTS_MAX);
		return ERR_INVALID;
	}
	return ERR_OK;
}

static enum err take_request_line(struct head *h, struct span line, struct buf *out,
				  struct problem *p)
{
	struct span rest = line, method = cut(&rest, ' '), target = cut(&rest, ' ');
	enum err e;

	if (!is_token(method) || method.n > HEAD_METHOD_MAX_BYTES)
		return bad_line(p);
	e = take_version(h, rest, p);
	if (!e)
		e = take_target(h, method, &target, p);
	if (e)
		return e;
	h->has_line = true;
	h->is_head = method.n == 4 && memcmp(method.p, "HEAD", 4) == 0;
	e = put(out, method, h->authority[0] && (!target.n || target.p[0] != '/') ? " /" : " ", p);
	if (!e)
		e = put(out, target, h->http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n", p);
	if (!e && h->authority[0])
		e = put(out, (struct span){ "Host: ", 6 }, h->authority, p);
	if (!e && h->authority[0])
		e = put(out, (struct span){ "", 0 }, "\r\n", p);
	return e;
}

/* --- fields --- */

static enum err split_field(struct span line, struct span *name, struct span *value,
			    struct problem *p)
{
	struct span rest = line;

	*name = cut(&rest, ':');
	*value = trim(rest);
	return name->n == line.n || !is_token(*name) ? bad_field(p) : ERR_OK;
}

static enum err take_length(struct head *h, struct span value, struct problem *p)
{
	uint64_t n = 0;

	h->lengths++;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			h->bad_length = true;
		/* Whatever is more than that is too much. */
		n = n < UINT64_MAX / 16 ? n * 10 + (uint64_t)(value.p[i] - '0') : n;
	}
	if (!value.n || h->bad_length)
		return refuse(p, 400, "length_invalid", "the Content-Length is no number");
	h->length = n;
	return ERR_OK;
}

static void take_connection(struct head *h, struct span value)
{
	while (value.n) {
		struct span word = trim(cut(&value, ','));

		h->says_close |= is_word(word, "close");
		h->says_keep_alive |= is_word(word, "keep-alive");
	}
}

/* False: the field is not for the HTTP library, since it has been told already. */
static bool take_host(struct head *h, struct span value)
{
	h->hosts++;
	h->bad_host |= !is_authority(value);
	return !h->authority[0];
}

static enum err take_field(struct head *h, struct span line, struct buf *out, struct problem *p)
{
	struct span name, value;
	bool wanted = true;
	enum err e = split_field(line, &name, &value, p);

	if (e)
		return e;
	if (++h->fields > HEAD_FIELDS_MAX)
		return too_many(p, "header fields", HEAD_FIELDS_MAX);
	if (is_word(name, "Host")) {
		wanted = take_host(h, value);
	} else if (is_word(name, "Content-Length")) {
		e = take_length(h, value, p);
	} else if (is_word(name, "Transfer-Encoding")) {
		h->encodings++;
		h->chunked = is_word(value, "chunked");
	} else if (is_word(name, "Connection")) {
		take_connection(h, value);
	} else if (is_word(name, "Cookie")) {
		h->cookies += 1 + count(value, ';');
		if (h->cookies > HEAD_PARTS_MAX)
			e = too_many(p, "cookies", HEAD_PARTS_MAX);
	}
	if (!e && wanted)
		e = put(out, name, ": ", p);
	if (!e && wanted)
		e = put(out, value, "\r\n", p);
	return e;
}

enum err head_take(struct head *h, const char *line, size_t n, struct buf *out, struct problem *p)
{
	struct span s = { line, n };

	return h->has_line ? take_field(h, s, out, p) : take_request_line(h, s, out, p);
}

/* What is wrong with the fields that say how long the body is. */
static const char *bad_length(const struct head *h)
{
	if (h->lengths > 1)
		return "the request says its length more than once";
	if (h->lengths && h->encodings)
		return "the request has a Content-Length and a Transfer-Encoding";
	if (h->encodings > 1)
		return "the request says its Transfer-Encoding more than once";
	if (h->encodings && h->http10)
		return "HTTP/1.0 has no Transfer-Encoding";
	return NULL;
}

enum err head_end(struct head *h, struct buf *out, struct problem *p)
{
	const char *why = bad_length(h);

	if (why)
		return refuse(p, 400, "length_ambiguous", why);
	if (h->encodings && !h->chunked)
		return refuse(p, 501, "encoding_unknown",
			      "the only Transfer-Encoding taken is chunked");
	if (h->hosts > 1 || h->bad_host || (!h->hosts && !h->http10))
		return refuse(p, 400, "host_invalid", "a request has one Host field");
	h->is_last = h->says_close || (h->http10 && !h->says_keep_alive);
	return put(out, (struct span){ "", 0 }, "\r\n", p);
}

enum err head_check_trailer(const char *line, size_t n, struct problem *p)
{
	struct span name, value;

	return split_field((struct span){ line, n }, &name, &value, p);
}
