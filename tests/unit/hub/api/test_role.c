/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/request.h"
#include "hub/api/routes.h"
#include "tests/lib/store_fixture.h"

/* The authorisation matrix: every route by every role, what is expected against what is answered.
 */

#define ALL 0
#define AUD 1
#define OPE 2
#define ADM 3

/* The least role for each route, written down once more: the table under test is not asked. */
static const struct {
	const char *method, *path;
	int least;
} expected[] = {
	{ "GET", "/", ALL },
	{ "GET", "/ui/{id}", ALL },
	{ "GET", "/healthz", ALL },
	{ "GET", "/readyz", ALL },
	{ "GET", "/metrics", AUD },
	{ "GET", "/api/v1/openapi.json", AUD },
	{ "GET", "/api/v1/status", AUD },
	{ "GET", "/api/v1/nodes", AUD },
	{ "POST", "/api/v1/nodes", OPE },
	{ "GET", "/api/v1/nodes/{id}", AUD },
	{ "PATCH", "/api/v1/nodes/{id}", OPE },
	{ "DELETE", "/api/v1/nodes/{id}", OPE },
	{ "GET", "/api/v1/nodes/{id}/paths", AUD },
	{ "POST", "/api/v1/nodes/{id}/revoke", OPE },
	{ "POST", "/api/v1/nodes/{id}/disable", OPE },
	{ "POST", "/api/v1/nodes/{id}/enable", OPE },
	{ "POST", "/api/v1/nodes/{id}/reach", OPE },
	{ "POST", "/api/v1/nodes/{id}/connect", OPE },
	{ "POST", "/api/v1/nodes/{id}/disconnect", OPE },
	{ "POST", "/api/v1/hub/purge", OPE },
	{ "POST", "/api/v1/hub/retry", OPE },
	{ "GET", "/api/v1/nodes/{id}/settings", AUD },
	{ "PATCH", "/api/v1/nodes/{id}/settings", OPE },
	{ "POST", "/api/v1/nodes/{id}/settings/cancel", OPE },
	{ "GET", "/api/v1/log", ADM },
	{ "GET", "/api/v1/log-level", AUD },
	{ "PATCH", "/api/v1/log-level", ADM },
	{ "GET", "/api/v1/paths", AUD },
	{ "GET", "/api/v1/keys", AUD },
	{ "GET", "/api/v1/keys/{id}", AUD },
	{ "POST", "/api/v1/keys/{id}/revoke", OPE },
	{ "GET", "/api/v1/held-keys", AUD },
	{ "POST", "/api/v1/nodes/{id}/rotate-keys", OPE },
	{ "GET", "/api/v1/key-rotations", AUD },
	{ "GET", "/api/v1/key-rotations/{id}", AUD },
	{ "DELETE", "/api/v1/key-rotations/{id}", OPE },
	{ "POST", "/api/v1/key-rotations/{id}/approve", ADM },
	{ "GET", "/api/v1/key-settings", AUD },
	{ "PATCH", "/api/v1/key-settings", ADM },
	{ "GET", "/api/v1/hub/identity", AUD },
	{ "DELETE", "/api/v1/hub/identity", ADM },
	{ "POST", "/api/v1/hub/identity/rotate", ADM },
	{ "POST", "/api/v1/hub/identity/finish", ADM },
	{ "GET", "/api/v1/hub/tunnel-key", AUD },
	{ "DELETE", "/api/v1/hub/tunnel-key", ADM },
	{ "POST", "/api/v1/hub/tunnel-key/rotate", ADM },
	{ "POST", "/api/v1/hub/tunnel-key/finish", ADM },
	{ "GET", "/api/v1/subnets", AUD },
	{ "POST", "/api/v1/subnets", OPE },
	{ "GET", "/api/v1/revocations", AUD },
	{ "GET", "/api/v1/revocations/{id}", AUD },
	{ "GET", "/api/v1/subnets/{id}", AUD },
	{ "PATCH", "/api/v1/subnets/{id}", OPE },
	{ "DELETE", "/api/v1/subnets/{id}", OPE },
	{ "GET", "/api/v1/groups", AUD },
	{ "POST", "/api/v1/groups", OPE },
	{ "GET", "/api/v1/groups/{id}", AUD },
	{ "PATCH", "/api/v1/groups/{id}", OPE },
	{ "DELETE", "/api/v1/groups/{id}", OPE },
	{ "GET", "/api/v1/policies", AUD },
	{ "POST", "/api/v1/policies", OPE },
	{ "GET", "/api/v1/policies/check", AUD },
	{ "GET", "/api/v1/policies/default", AUD },
	{ "PATCH", "/api/v1/policies/default", OPE },
	{ "GET", "/api/v1/policies/{id}", AUD },
	{ "PATCH", "/api/v1/policies/{id}", OPE },
	{ "DELETE", "/api/v1/policies/{id}", OPE },
	{ "GET", "/api/v1/tokens", AUD },
	{ "POST", "/api/v1/tokens", OPE },
	{ "GET", "/api/v1/tokens/{id}", AUD },
	{ "DELETE", "/api/v1/tokens/{id}", OPE },
	{ "POST", "/api/v1/tokens/{id}/revoke", OPE },
	{ "GET", "/api/v1/api-tokens", AUD },
	{ "POST", "/api/v1/api-tokens", ADM },
	{ "GET", "/api/v1/api-tokens/{id}", AUD },
	{ "DELETE", "/api/v1/api-tokens/{id}", ADM },
	{ "POST", "/api/v1/api-tokens/{id}/revoke", ADM },
	{ "GET", "/api/v1/users", AUD },
	{ "POST", "/api/v1/users", ADM },
	{ "GET", "/api/v1/users/{id}", AUD },
	{ "PATCH", "/api/v1/users/{id}", ADM },
	{ "DELETE", "/api/v1/users/{id}", ADM },
	{ "GET", "/api/v1/session", AUD },
	{ "POST", "/api/v1/session", ALL },
	{ "PATCH", "/api/v1/session", AUD },
	{ "DELETE", "/api/v1/session", AUD },
	{ "POST", "/api/v1/session/totp", AUD },
	{ "PATCH", "/api/v1/session/totp", AUD },
	{ "POST", "/api/v1/session/totp/disable", AUD },
	{ "GET", "/api/v1/audit", AUD },
	{ "GET", "/api/v1/audit/export", AUD },
	{ "GET", "/api/v1/audit/verify", AUD },
	{ "GET", "/api/v1/events", AUD },
	{ "GET", "/api/v1/nodes/{id}/history", AUD },
	{ "GET", "/api/v1/history", AUD },
	{ "GET", "/api/v1/history/nodes", AUD },
	{ "GET", "/api/v1/webhooks", ADM },
	{ "POST", "/api/v1/webhooks", ADM },
	{ "GET", "/api/v1/webhooks/{id}", ADM },
	{ "PATCH", "/api/v1/webhooks/{id}", ADM },
	{ "DELETE", "/api/v1/webhooks/{id}", ADM },
	{ "POST", "/api/v1/webhooks/{id}/secret", ADM },
	{ "POST", "/api/v1/webhooks/{id}/test", ADM },
	{ "GET", "/api/v1/webhooks/{id}/deliveries", ADM },
	{ "POST", "/api/v1/webhooks/{id}/redeliver", ADM },
	{ "GET", "/api/v1/revision", AUD },
	{ "GET", "/api/v1/revisions/{id}", AUD },
};

static struct fixture fixture;
static struct api api;

static const char *const tokens[] = { NULL, "auditor", "operator", "admin" };

static void add_token(const char *name, const char *role, const char *scopes)
{
	struct store_api_token t = { .created_ms = 1 };
	char text[64];

	snprintf(t.name, sizeof(t.name), "%s", name);
	snprintf(t.role, sizeof(t.role), "%s", role);
	snprintf(t.scopes, sizeof(t.scopes), "%s", scopes);
	snprintf(text, sizeof(text), "blt_%s", name);
	auth_token_hash(text, t.hash);
	assert_ok(store_begin(fixture.s));
	assert_ok(store_api_token_put(fixture.s, &t));
	assert_ok(store_commit(fixture.s));
}

static int setup(void **unused)
{
	(void)unused;
	fixture_open(&fixture);
	memset(&api, 0, sizeof(api));
	api.store = fixture.s;
	waits_init(&api.waits, NULL, NULL);
	for (int i = 1; i < 4; i++)
		add_token(tokens[i], tokens[i], "");
	add_token("narrow", "operator", "nodes subnets:read revision:read");
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_close(&fixture);
	return 0;
}

/* The head of a request with a token; the status, 0 when the body may come. */
static unsigned ask(const char *method, const char *pattern, const char *token, char code[48])
{
	const char *brace = strchr(pattern, '{');
	char path[128], bearer[64];
	struct request r;
	unsigned status;
	json_t *j;

	if (brace)
		snprintf(path, sizeof(path), "%.*s1%s", (int)(brace - pattern), pattern,
			 strchr(brace, '}') + 1);
	else
		snprintf(path, sizeof(path), "%s", pattern);
	snprintf(bearer, sizeof(bearer), "Bearer blt_%s", token ? token : "");
	request_init(&r);
	r.api = &api;
	r.routes = &api_routes;
	r.method = router_method(method);
	r.path = path;
	r.remote = fixture_addr("203.0.113.7");
	r.headers.authorization = token ? bearer : NULL;
	status = request_begin(&r) ? r.reply.status : 0;
	code[0] = '\0';
	if (status) {
		j = json_loadb((const char *)buf_data(&r.reply.body), buf_len(&r.reply.body), 0,
			       NULL);
		snprintf(code, 48, "%s", json_string_value(json_object_get(j, "code")));
		json_decref(j);
	}
	request_fini(&r);
	return status;
}

static void every_route_by_every_role(void **unused)
{
	char code[48];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		for (int role = 0; role < 4; role++) {
			unsigned want = role >= expected[i].least ? 0 : role ? 403 : 401;
			unsigned got =
				ask(expected[i].method, expected[i].path, tokens[role], code);

			if (got != want)
				fail_msg("%s %s as %s: %u %s", expected[i].method, expected[i].path,
					 role ? tokens[role] : "nobody", got, code);
			if (want == 403)
				assert_string_equal(code, "role_too_low");
		}
	}
}

static void no_route_is_left_out(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		size_t k = 0;

		while (k < ARRAY_LEN(expected) && (strcmp(expected[k].path, r->path) != 0 ||
						   router_method(expected[k].method) != r->method))
			k++;
		if (k == ARRAY_LEN(expected))
			fail_msg("%s %s is not in this test", router_method_str(r->method),
				 r->path);
	}
	assert_int_equal(api_routes.n, ARRAY_LEN(expected));
}

static const struct {
	const char *method, *path;
	unsigned want;
} narrow[] = {
	{ "GET", "/api/v1/nodes", 0 },         { "POST", "/api/v1/nodes/{id}/revoke", 0 },
	{ "GET", "/api/v1/subnets/{id}", 0 },  { "DELETE", "/api/v1/subnets/{id}", 403 },
	{ "GET", "/api/v1/revision", 0 },      { "GET", "/api/v1/revisions/{id}", 0 },
	{ "GET", "/api/v1/keys", 403 },        { "GET", "/metrics", 403 },
	{ "POST", "/api/v1/api-tokens", 403 }, { "GET", "/healthz", 0 },
};

static void scopes_narrow_a_token(void **unused)
{
	char code[48];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(narrow); i++)
		if (ask(narrow[i].method, narrow[i].path, "narrow", code) != narrow[i].want)
			fail_msg("%s %s: %s", narrow[i].method, narrow[i].path, code);
	ask("GET", "/api/v1/keys", "narrow", code);
	assert_string_equal(code, "scope_missing");
}

static void what_is_a_scope(void **unused)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{ "nodes", true },        { "nodes:read", true }, { "metrics:read", true },
		{ "revision", true },     { "openapi", true },    { "api-tokens", true },
		{ "nodes:write", false }, { "node", false },      { "", false },
		{ ":read", false },       { "healthz", false },   { "nodes ", false },
		{ "nodes:read ", false }, { "NODES", false },     { "revisions", false },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (role_scope_is_valid(&api_routes, rows[i].text) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].text);
	/* What is stored by another hand and makes no sense allows nothing. */
	for (size_t i = 0; i < api_routes.n; i++)
		assert_false(role_scopes_allow("* :read nod nodesx", &api_routes.routes[i]));
	assert_int_equal(role_parse("root"), ROLE_NONE);
	assert_int_equal(role_parse("none"), ROLE_NONE);
	assert_int_equal(role_parse(""), ROLE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_route_by_every_role, setup, teardown),
		cmocka_unit_test(no_route_is_left_out),
		cmocka_unit_test_setup_teardown(scopes_narrow_a_token, setup, teardown),
		cmocka_unit_test(what_is_a_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
