/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/router.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {
	{ "GET", HTTP_GET },     { "HEAD", HTTP_GET },      { "POST", HTTP_POST },
	{ "PATCH", HTTP_PATCH }, { "DELETE", HTTP_DELETE },
};

unsigned router_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].method;
	return 0;
}

const char *router_method_str(enum http_method m)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].method == m)
			return methods[i].name;
	return "?";
}

/* Holds a path against a pattern; a {parameter} takes one non-empty segment. */
static bool path_matches(const char *pattern, const char *path, char param[ROUTE_PARAM_SIZE])
{
	const char *brace = strchr(pattern, '{');
	size_t head = brace ? (size_t)(brace - pattern) : strlen(pattern);
	size_t len;

	param[0] = '\0';
	if (!brace)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, head) != 0)
		return false;
	len = strcspn(path + head, "/");
	if (len == 0 || len >= ROUTE_PARAM_SIZE ||
	    strcmp(strchr(brace, '}') + 1, path + head + len) != 0)
		return false;
	memcpy(param, path + head, len);
	param[len] = '\0';
	return true;
}

const struct route *router_find(const struct route_table *t, unsigned method, const char *path,
				unsigned *allowed, char param[ROUTE_PARAM_SIZE])
{
	*allowed = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (!path_matches(t->routes[i].path, path, param))
			continue;
		if (t->routes[i].method == method)
			return &t->routes[i];
		*allowed |= t->routes[i].method;
	}
	param[0] = '\0';
	return NULL;
}

char *router_allow(unsigned allowed, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		int added;

		if (!(allowed & methods[i].method))
			continue;
		added = snprintf(out + n, size - n, "%s%s", n ? ", " : "", methods[i].name);
		if (added < 0 || (size_t)added >= size - n)
			break;
		n += (size_t)added;
	}
	return out;
}
