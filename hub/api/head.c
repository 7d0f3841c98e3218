/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/head.h"

#include <string.h>
#include <strings.h>

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *s)
{
	static const char tchar[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *s && s[strspn(s, tchar)] == '\0';
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

void head_take(struct head *h, const char *name, const char *value)
{
	if (!is_token(name) || (value && !is_text(value)))
		h->bad_field = true;
	if (strcasecmp(name, "Host") == 0) {
		h->hosts++;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		h->lengths++;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		h->encodings++;
		h->chunked = value && strcasecmp(value, "chunked") == 0;
	}
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
	return NULL;
}

enum err head_check(const struct head *h, struct problem *p)
{
	const char *why = bad_length(h);

	if (h->target_bytes > HEAD_TARGET_MAX_BYTES)
		problem_set(p, 414, "target_too_long", NULL, "path and query have at most %u bytes",
			    HEAD_TARGET_MAX_BYTES);
	else if (h->bytes > HEAD_MAX_BYTES)
		problem_set(p, 431, "head_too_long", NULL,
			    "request line and header fields have at most %u bytes", HEAD_MAX_BYTES);
	else if (h->bad_field)
		problem_set(p, 400, "field_invalid", NULL,
			    "a header field is no name and text (RFC 9110 section 5)");
	else if (why)
		problem_set(p, 400, "length_ambiguous", NULL, "%s", why);
	else if (h->encodings && !h->chunked)
		problem_set(p, 501, "encoding_unknown", NULL,
			    "the only Transfer-Encoding taken is chunked");
	else if (h->hosts > 1 || (!h->hosts && strcmp(h->version, "HTTP/1.0") != 0))
		problem_set(p, 400, "host_invalid", NULL, "a request has one Host field");
	else
		return ERR_OK;
	return ERR_INVALID;
}
