/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/role.h"

#include <stdio.h>
#include <string.h>

#include "hub/api/router.h"

#define WORD_SIZE 64u

static const char *const names[] = {
	[ROLE_NONE] = "none",
	[ROLE_AUDITOR] = "auditor",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

enum role role_parse(const char *text)
{
	for (enum role r = ROLE_AUDITOR; r <= ROLE_ADMIN; r++)
		if (strcmp(names[r], text) == 0)
			return r;
	return ROLE_NONE;
}

const char *role_str(enum role r) { return names[r]; }

enum role role_of_route(const struct route *r)
{
	if (r->flags & ROUTE_OPEN)
		return ROLE_NONE;
	if (r->role)
		return r->role;
	return r->method == HTTP_GET ? ROLE_AUDITOR : ROLE_OPERATOR;
}

/* The word under which a path is known in scopes. */
static char *word_of(const char *path, char out[WORD_SIZE])
{
	static const char base[] = "/api/v1/";
	const char *s =
		strncmp(path, base, sizeof(base) - 1) == 0 ? path + sizeof(base) - 1 : path + 1;

	snprintf(out, WORD_SIZE, "%.*s", (int)strcspn(s, "/."), s);
	if (strcmp(out, "revisions") == 0)
		out[strlen(out) - 1] = '\0';
	return out;
}

/* Does this scope, of `n` bytes, speak of the path? */
static bool is_for(const char *scope, size_t n, const char *path)
{
	char word[WORD_SIZE];

	return n > 0 && strlen(word_of(path, word)) == n && memcmp(word, scope, n) == 0;
}

bool role_scope_is_valid(const struct route_table *t, const char *scope)
{
	size_t n = strcspn(scope, ":");

	if (n == 0 || (scope[n] && strcmp(scope + n, ":read") != 0))
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (!(t->routes[i].flags & ROUTE_OPEN) && is_for(scope, n, t->routes[i].path))
			return true;
	return false;
}

bool role_scopes_allow(const char *scopes, const struct route *r)
{
	const char *s = scopes + strspn(scopes, " ");

	if (!*s)
		return true;
	while (*s) {
		size_t all = strcspn(s, " "), n = strcspn(s, ": ");

		if (is_for(s, n, r->path) && (n == all || r->method == HTTP_GET))
			return true;
		s += all;
		s += strspn(s, " ");
	}
	return false;
}
