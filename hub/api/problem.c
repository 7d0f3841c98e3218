/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/problem.h"

#include <stdarg.h>
#include <string.h>

#include "shared/wire/fields.h"

static const struct {
	enum err err;
	unsigned status;
	const char *code;
	const char *detail;
} kinds[] = {
	{ ERR_INVALID, 422, "invalid", "a value is not what it should be" },
	{ ERR_TRUNCATED, 422, "invalid", "a value is cut short" },
	{ ERR_TOOBIG, 422, "too_big", "a value is larger than its limit" },
	{ ERR_LIMIT, 409, "limit_reached", "a limit of the hub is reached" },
	{ ERR_NOTFOUND, 404, "not_found", "there is no such thing" },
	{ ERR_EXISTS, 409, "exists", "there is one already" },
	{ ERR_CONFLICT, 409, "conflict", "it clashes with something else" },
	{ ERR_DENIED, 409, "denied", "this is not allowed" },
	{ ERR_EXPIRED, 409, "expired", "its time is over" },
	{ ERR_REVOKED, 409, "revoked", "it is revoked" },
	{ ERR_USED, 409, "used", "it is used up" },
	{ ERR_STALE, 412, "precondition_failed",
	  "it was changed by somebody else since it was read" },
	{ ERR_BUSY, 503, "store_busy",
	  "the database is locked by another process; nothing was changed, try again" },
	{ ERR_FULL, 507, "store_full", "the hub's disk is full; nothing was changed" },
	{ ERR_READONLY, 503, "store_readonly",
	  "the hub's database cannot be written; nothing was changed" },
	{ ERR_CORRUPT, 500, "store_corrupt", "the hub's database is damaged; nothing was changed" },
	{ ERR_IO, 500, "store_failed",
	  "the hub's database could not be read or written; nothing was changed" },
	{ ERR_NOMEM, 503, "no_memory", "the hub is out of memory; nothing was changed" },
};

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

void problem_set(struct problem *p, unsigned status, const char *code, const char *pointer,
		 const char *fmt, ...)
{
	va_list ap;

	p->status = status;
	snprintf(p->code, sizeof(p->code), "%s", code);
	snprintf(p->pointer, sizeof(p->pointer), "%s", pointer ? pointer : "");
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
}

/* The row of an error, or the number of rows for one that should not come here. */
static size_t kind_of(enum err e)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].err == e)
			break;
	return i;
}

unsigned problem_status(enum err e)
{
	size_t i = kind_of(e);

	return i < ARRAY_LEN(kinds) ? kinds[i].status : 500;
}

void problem_from_change(struct problem *p, enum err e, const struct change *c)
{
	size_t i = kind_of(e);
	const char *code = i < ARRAY_LEN(kinds) ? kinds[i].code : "internal";
	const char *detail = i < ARRAY_LEN(kinds) ? kinds[i].detail : err_str(e);

	problem_set(p, problem_status(e), c->code[0] ? c->code : code, c->pointer, "%s",
		    c->detail[0] ? c->detail : detail);
	p->in_use = c->n_uses ? c : NULL;
}

void problem_from_store(struct problem *p, enum err e, const char *what)
{
	static const struct change none;

	problem_from_change(p, e, &none);
	if (e == ERR_NOTFOUND)
		problem_set(p, 404, "not_found", NULL, "there is no %s", what);
}

const char *problem_title(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

int problem_put_uses(json_t *j, const char *member, const struct change *c)
{
	char total[64];
	json_t *list = json_array();

	for (unsigned i = 0; list && i < c->n_uses && i < CHANGE_USES_MAX; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", "kind", c->uses[i].kind,
							  "name", c->uses[i].name)) < 0) {
			json_decref(list);
			list = NULL;
		}
	if (json_object_set_new(j, member, list) < 0)
		return -1;
	snprintf(total, sizeof(total), "%s_total", member);
	return json_object_set_new(j, total, json_integer(c->n_uses));
}

json_t *problem_to_json(const struct problem *p)
{
	char type[96];
	json_t *j;

	snprintf(type, sizeof(type), "urn:branchline:problem:%s", p->code);
	j = json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", type, "title", problem_title(p->status),
		      "status", (int)p->status, "detail", fields_text(p->detail), "code", p->code);
	if (j && p->pointer[0] && json_object_set_new(j, "pointer", fields_text(p->pointer)) < 0) {
		json_decref(j);
		return NULL;
	}
	if (j && p->in_use && problem_put_uses(j, "used_by", p->in_use) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
}
