/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* router: from method and path to a row of the route table. Pure. */
#include <stdbool.h>
#include <stddef.h>

#include "hub/api/body.h"
#include "hub/api/role.h"

struct request;

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PATCH = 4, HTTP_DELETE = 8 };
enum route_flag {
	ROUTE_OPEN = 1,     /* needs no authentication */
	ROUTE_ETAG = 2,     /* answers to GET carry an ETag, If-None-Match is honoured */
	ROUTE_IF_MATCH = 4, /* a change that honours If-Match */
	ROUTE_ONCE = 8,     /* honours Idempotency-Key */
};

struct route {
	enum http_method method;
	const char *path; /* "/api/v1/nodes/{id}/revoke"; one {parameter} at most */
	void (*handle)(struct request *r);
	unsigned flags;    /* enum route_flag */
	enum role role;    /* the least; ROLE_NONE: auditor for GET, operator for changes */
	const char *query; /* names of query parameters, separated by blanks; NULL none */
	const struct body_field *body; /* members of the JSON body; NULL: no body is taken */
	size_t n_body;
	bool body_required; /* an empty body is refused */
};

struct route_table {
	const struct route *routes;
	size_t n;
};

#define ROUTE_PARAM_SIZE 80u

/* The bit of a method's name, with HEAD as GET; 0 for others. */
unsigned router_method(const char *name);
const char *router_method_str(enum http_method m);

/*
 * Finds the route. NULL: `*allowed` has the methods (bits) that the path has, 0 when there is no
 * such path. `param` gets the text of the {parameter}, "" without one. A parameter longer than
 * ROUTE_PARAM_SIZE is no such path.
 */
const struct route *router_find(const struct route_table *t, unsigned method, const char *path,
				unsigned *allowed, char param[ROUTE_PARAM_SIZE]);

/* "GET, HEAD, POST" for the Allow header. */
char *router_allow(unsigned methods, char *out, size_t size);
