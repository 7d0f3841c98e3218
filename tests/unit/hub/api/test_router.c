/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/router.h"

static void nothing(struct request *r) { (void)r; }

static const struct route rows[] = {
	{ .method = HTTP_GET, .path = "/", .handle = nothing },
	{ .method = HTTP_GET, .path = "/nodes", .handle = nothing },
	{ .method = HTTP_POST, .path = "/nodes", .handle = nothing },
	{ .method = HTTP_GET, .path = "/nodes/{id}", .handle = nothing },
	{ .method = HTTP_DELETE, .path = "/nodes/{id}", .handle = nothing },
	{ .method = HTTP_POST, .path = "/nodes/{id}/revoke", .handle = nothing },
};
static const struct route_table table = { rows, ARRAY_LEN(rows) };

/* A row: request, index of the route that takes it (-1 none), its parameter, methods allowed
 * otherwise. */
static const struct {
	const char *method, *path;
	int route;
	const char *param;
	const char *allow;
} cases[] = {
	{ "GET", "/", 0, "", "" },
	{ "HEAD", "/", 0, "", "" },
	{ "GET", "/nodes", 1, "", "" },
	{ "POST", "/nodes", 2, "", "" },
	{ "GET", "/nodes/7", 3, "7", "" },
	{ "DELETE", "/nodes/a.b-c", 4, "a.b-c", "" },
	{ "POST", "/nodes/x/revoke", 5, "x", "" },
	{ "POST", "/", -1, "", "GET, HEAD" },
	{ "PUT", "/nodes", -1, "", "GET, HEAD, POST" },
	{ "get", "/nodes", -1, "", "GET, HEAD, POST" },
	{ "POST", "/nodes/7", -1, "", "GET, HEAD, DELETE" },
	{ "GET", "/nodes/7/revoke", -1, "", "POST" },
	{ "GET", "", -1, "", "" },
	{ "GET", "/node", -1, "", "" },
	{ "GET", "/nodes/", -1, "", "" },
	{ "GET", "/nodes//", -1, "", "" },
	{ "GET", "/nodes//revoke", -1, "", "" },
	{ "GET", "/nodes/7/", -1, "", "" },
	{ "GET", "/nodes/7/revoke/", -1, "", "" },
	{ "GET", "/nodes/7/revok", -1, "", "" },
	{ "GET", "//nodes", -1, "", "" },
};

static void finds_routes(void **unused)
{
	char param[ROUTE_PARAM_SIZE], allow[64];
	unsigned allowed;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct route *want = cases[i].route < 0 ? NULL : &rows[cases[i].route];
		const struct route *r = router_find(&table, router_method(cases[i].method),
						    cases[i].path, &allowed, param);

		assert_ptr_equal(r, want);
		assert_string_equal(param, cases[i].param);
		if (!r)
			assert_string_equal(router_allow(allowed, allow, sizeof(allow)),
					    cases[i].allow);
	}
}

static void refuses_long_parameters(void **unused)
{
	char path[ROUTE_PARAM_SIZE + 16] = "/nodes/", param[ROUTE_PARAM_SIZE];
	unsigned allowed;

	(void)unused;
	memset(path + 7, 'a', ROUTE_PARAM_SIZE - 1);
	assert_non_null(router_find(&table, HTTP_GET, path, &allowed, param));
	assert_int_equal(strlen(param), ROUTE_PARAM_SIZE - 1);
	path[7 + ROUTE_PARAM_SIZE - 1] = 'a';
	assert_null(router_find(&table, HTTP_GET, path, &allowed, param));
	assert_int_equal(allowed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_routes),
		cmocka_unit_test(refuses_long_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
