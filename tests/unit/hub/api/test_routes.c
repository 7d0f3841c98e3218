/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/openapi.h"
#include "hub/api/routes.h"

/*
 * The route table and schema/openapi.yaml (as it is embedded) say the same: paths, methods, query
 * parameters, who needs a token, members of bodies and which of them are required.
 */

static json_t *spec;

static int load(void **unused)
{
	(void)unused;
	spec = json_loadb(openapi_json, openapi_json_len, JSON_REJECT_DUPLICATES, NULL);
	return spec ? 0 : -1;
}

static int unload(void **unused)
{
	(void)unused;
	json_decref(spec);
	return 0;
}

/* Follows {"$ref": "#/a/b"}. */
static json_t *resolve(json_t *j)
{
	const char *ref = json_string_value(json_object_get(j, "$ref"));
	char part[128];

	if (!ref)
		return j;
	assert_memory_equal(ref, "#/", 2);
	for (j = spec, ref += 2; *ref; ref += *ref == '/') {
		size_t n = strcspn(ref, "/");

		assert_true(n < sizeof(part));
		memcpy(part, ref, n);
		part[n] = '\0';
		j = json_object_get(j, part);
		assert_non_null(j);
		ref += n;
	}
	return resolve(j);
}

static json_t *operation_of(const struct route *r)
{
	char method[16];
	size_t i;

	for (i = 0; router_method_str(r->method)[i]; i++)
		method[i] = (char)(router_method_str(r->method)[i] | 0x20);
	method[i] = '\0';
	return json_object_get(json_object_get(json_object_get(spec, "paths"), r->path), method);
}

static bool is_method(const char *key)
{
	static const char *const names[] = { "get",     "put",  "post",  "delete",
					     "options", "head", "patch", "trace" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], key) == 0)
			return true;
	return false;
}

static void every_route_is_described_once(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		if (!operation_of(&api_routes.routes[i]))
			fail_msg("%s %s is not in schema/openapi.yaml",
				 router_method_str(api_routes.routes[i].method),
				 api_routes.routes[i].path);
		for (size_t k = 0; k < i; k++)
			assert_false(api_routes.routes[i].method == api_routes.routes[k].method &&
				     strcmp(api_routes.routes[i].path, api_routes.routes[k].path) ==
					     0);
	}
}

static bool has_route(const char *path, json_t *operation)
{
	for (size_t i = 0; i < api_routes.n; i++)
		if (strcmp(api_routes.routes[i].path, path) == 0 &&
		    operation_of(&api_routes.routes[i]) == operation)
			return true;
	return false;
}

static void everything_described_is_served(void **unused)
{
	json_t *item, *operation;
	const char *path, *key;

	(void)unused;
	json_object_foreach(json_object_get(spec, "paths"), path, item)
	{
		json_object_foreach(item, key, operation)
		{
			if (is_method(key) && !has_route(path, operation))
				fail_msg("schema/openapi.yaml has %s %s, the route table has not",
					 key, path);
			if (is_method(key))
				assert_non_null(json_object_get(operation, "operationId"));
		}
	}
}

/* The names of an operation's parameters of one kind, with blanks between and around them. */
static void parameters_of(const struct route *r, const char *in, char *out, size_t size)
{
	json_t *path_item = json_object_get(json_object_get(spec, "paths"), r->path);
	json_t *lists[] = { json_object_get(operation_of(r), "parameters"),
			    json_object_get(path_item, "parameters") };
	json_t *p;
	size_t k;

	snprintf(out, size, " ");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		json_array_foreach(lists[i], k, p)
		{
			size_t n = strlen(out);

			if (strcmp(json_string_value(json_object_get(resolve(p), "in")), in) == 0)
				snprintf(out + n, size - n, "%s ",
					 json_string_value(json_object_get(resolve(p), "name")));
		}
	}
}

static void words_are_in(const char *words, const char *in, const struct route *r)
{
	char list[256], one[64], *save = NULL;

	snprintf(list, sizeof(list), "%s", words);
	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		snprintf(one, sizeof(one), " %s ", word);
		if (!strstr(in, one))
			fail_msg("%s %s: \"%s\" is not in both", router_method_str(r->method),
				 r->path, word);
	}
}

static void parameters_agree(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		char described[256], ours[256], headers[256] = " ";

		parameters_of(r, "query", described, sizeof(described));
		snprintf(ours, sizeof(ours), " %s ", r->query ? r->query : "");
		words_are_in(ours, described, r);
		words_are_in(described, ours, r);
		parameters_of(r, "path", described, sizeof(described));
		assert_string_equal(described, strchr(r->path, '{') ? " id " : " ");
		parameters_of(r, "header", described, sizeof(described));
		snprintf(headers, sizeof(headers), " %s%s%s",
			 r->flags & ROUTE_IF_MATCH ? "If-Match " : "",
			 r->flags & ROUTE_ONCE ? "Idempotency-Key " : "",
			 r->flags & ROUTE_ETAG ? "If-None-Match " : "");
		words_are_in(headers, described, r);
		words_are_in(described, headers, r);
	}
}

static void authentication_agrees(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		json_t *security = json_object_get(operation_of(&api_routes.routes[i]), "security");

		assert_int_equal(security && json_array_size(security) == 0,
				 (api_routes.routes[i].flags & ROUTE_OPEN) != 0);
	}
}

/* x-role stands where the role is another than the method's usual one. */
static void roles_agree(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		const char *said = json_string_value(json_object_get(operation_of(r), "x-role"));
		enum role usual = r->method == HTTP_GET ? ROLE_AUDITOR : ROLE_OPERATOR;

		if (r->flags & ROUTE_OPEN)
			assert_null(said);
		else if ((said ? role_parse(said) : usual) != role_of_route(r))
			fail_msg("%s %s: the role is not that of schema/openapi.yaml",
				 router_method_str(r->method), r->path);
	}
}

static bool is_required(json_t *schema, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, v)
	{
		if (strcmp(json_string_value(v), name) == 0)
			return true;
	}
	return false;
}

static void objects_agree(json_t *schema, const struct body_field *fields, size_t n,
			  const struct route *r);

/* Type and limits of one member. */
static void member_agrees(json_t *schema, const struct body_field *f, const struct route *r)
{
	const char *type = json_string_value(json_object_get(schema, "type"));

	if (f->type == BODY_NODE) {
		assert_int_equal(json_array_size(json_object_get(schema, "oneOf")), 2);
		return;
	}
	if (f->type == BODY_OBJECT) {
		assert_string_equal(type, "object");
		objects_agree(schema, f->fields, f->n_fields, r);
		return;
	}
	assert_string_equal(type, f->type == BODY_INT    ? "integer"
				  : f->type == BODY_BOOL ? "boolean"
				  : f->type == BODY_LIST ? "array"
							 : "string");
	if (f->type == BODY_INT) {
		assert_int_equal(json_integer_value(json_object_get(schema, "minimum")), f->min);
		assert_int_equal(json_integer_value(json_object_get(schema, "maximum")), f->max);
	} else if (f->type == BODY_STRING) {
		assert_int_equal(json_integer_value(json_object_get(schema, "maxLength")), f->max);
	} else if (f->type == BODY_LIST) {
		assert_int_equal(json_integer_value(json_object_get(schema, "maxItems")), f->max);
		if (f->item == BODY_OBJECT)
			objects_agree(resolve(json_object_get(schema, "items")), f->fields,
				      f->n_fields, r);
	}
}

static void objects_agree(json_t *schema, const struct body_field *fields, size_t n,
			  const struct route *r)
{
	json_t *properties = json_object_get(schema, "properties");

	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	assert_int_equal(json_object_size(properties), n);
	for (size_t i = 0; i < n; i++) {
		json_t *p = json_object_get(properties, fields[i].name);

		if (!p)
			fail_msg("%s: body member \"%s\" is not described", r->path,
				 fields[i].name);
		assert_int_equal(is_required(schema, fields[i].name), fields[i].required);
		member_agrees(resolve(p), &fields[i], r);
	}
}

static void bodies_agree(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		json_t *body = resolve(json_object_get(operation_of(r), "requestBody")), *schema;

		assert_int_equal(body != NULL, r->body != NULL);
		if (!body)
			continue;
		assert_int_equal(json_is_true(json_object_get(body, "required")), r->body_required);
		schema = json_object_get(
			json_object_get(json_object_get(body, "content"), "application/json"),
			"schema");
		objects_agree(resolve(schema), r->body, r->n_body, r);
	}
}

/*
 * What every route has to do, unless a row says why it cannot: who adds a route and forgets one of
 * them is told so here.
 */
enum duty { DUTY_ETAG = 1, DUTY_IF_MATCH = 2, DUTY_ONCE = 4, DUTY_DRY_RUN = 8 };
#define LIVE    "it is another one each time that it is asked for"
#define ACTION  "it changes nothing of the item"
#define MOMENT  "it is of the moment: what it ends comes back, and twice is as once"
#define SESSION "it is about a cookie, not about an item that others see"
static const struct {
	enum http_method method;
	const char *path;
	unsigned free_of; /* enum duty */
	const char *why;
} exempt[] = {
	{ HTTP_GET, "/healthz", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/readyz", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/metrics", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/status", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/nodes/{id}/history", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/history", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/history/nodes", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/nodes/{id}/paths", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/paths", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/webhooks/{id}/deliveries", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/revisions/{id}", DUTY_ETAG, LIVE },
	{ HTTP_GET, "/api/v1/events", DUTY_ETAG, "it has no end" },
	{ HTTP_GET, "/api/v1/log", DUTY_ETAG, "it has no end" },
	{ HTTP_GET, "/api/v1/audit/export", DUTY_ETAG, "it is long, and asked for once" },
	{ HTTP_GET, "/api/v1/audit/verify", DUTY_ETAG, "it is to be done, not to be remembered" },
	{ HTTP_GET, "/", DUTY_ETAG, "webui.c gives it one of its own" },
	{ HTTP_GET, "/ui/{id}", DUTY_ETAG, "webui.c gives it one of its own" },
	{ HTTP_POST, "/api/v1/nodes/{id}/reach", DUTY_IF_MATCH | DUTY_ONCE | DUTY_DRY_RUN,
	  "it looks, and changes nothing" },
	{ HTTP_POST, "/api/v1/nodes/{id}/connect", DUTY_IF_MATCH | DUTY_ONCE | DUTY_DRY_RUN,
	  MOMENT },
	{ HTTP_POST, "/api/v1/nodes/{id}/disconnect", DUTY_IF_MATCH | DUTY_ONCE | DUTY_DRY_RUN,
	  MOMENT },
	{ HTTP_POST, "/api/v1/hub/purge", DUTY_ONCE | DUTY_DRY_RUN, MOMENT },
	{ HTTP_POST, "/api/v1/hub/retry", DUTY_ONCE | DUTY_DRY_RUN, MOMENT },
	{ HTTP_POST, "/api/v1/nodes/{id}/rotate-keys", DUTY_IF_MATCH, ACTION },
	{ HTTP_POST, "/api/v1/webhooks/{id}/test", DUTY_IF_MATCH, ACTION },
	{ HTTP_POST, "/api/v1/webhooks/{id}/redeliver", DUTY_IF_MATCH, ACTION },
	{ HTTP_POST, "/api/v1/session", DUTY_ONCE | DUTY_DRY_RUN, SESSION },
	{ HTTP_PATCH, "/api/v1/session", DUTY_IF_MATCH | DUTY_DRY_RUN, SESSION },
	{ HTTP_DELETE, "/api/v1/session", DUTY_IF_MATCH | DUTY_DRY_RUN, SESSION },
	{ HTTP_POST, "/api/v1/session/totp", DUTY_ONCE | DUTY_DRY_RUN, SESSION },
	{ HTTP_PATCH, "/api/v1/session/totp", DUTY_IF_MATCH | DUTY_DRY_RUN, SESSION },
	{ HTTP_POST, "/api/v1/session/totp/disable", DUTY_ONCE | DUTY_DRY_RUN, SESSION },
};

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; at && (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' '))
			return true;
	return false;
}

/* What a route should do and does not. */
static unsigned missing_duties(const struct route *r)
{
	unsigned missing = 0;

	if (r->method == HTTP_GET)
		return r->flags & ROUTE_ETAG ? 0 : DUTY_ETAG;
	if (!(r->flags & ROUTE_IF_MATCH) && (r->method != HTTP_POST || strchr(r->path, '{')))
		missing |= DUTY_IF_MATCH;
	if (r->method == HTTP_POST && !(r->flags & ROUTE_ONCE))
		missing |= DUTY_ONCE;
	if (!has_word(r->query, "dry_run"))
		missing |= DUTY_DRY_RUN;
	return missing;
}

static void every_route_does_its_duty(void **unused)
{
	unsigned used = 0;

	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		unsigned missing = missing_duties(r), allowed = 0;

		for (size_t k = 0; k < ARRAY_LEN(exempt); k++)
			if (exempt[k].method == r->method && strcmp(exempt[k].path, r->path) == 0)
				allowed = exempt[k].free_of;
		used += allowed != 0;
		if (missing != allowed)
			fail_msg("%s %s: missing %#x (ETag 1, If-Match 2, Idempotency-Key 4, "
				 "dry_run 8), free of %#x",
				 router_method_str(r->method), r->path, missing, allowed);
	}
	/* No row is about a route that is not there any more. */
	assert_int_equal(used, ARRAY_LEN(exempt));
}

/* Whatever has "items" comes in pages; whatever fails says so as a problem. */
static void lists_have_pages_and_failures_are_problems(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < api_routes.n; i++) {
		const struct route *r = &api_routes.routes[i];
		json_t *responses = json_object_get(operation_of(r), "responses"), *content, *ok;

		content =
			json_object_get(resolve(json_object_get(responses, "default")), "content");
		assert_non_null(json_object_get(content, "application/problem+json"));
		ok = json_object_get(responses, "200");
		content = ok ? json_object_get(resolve(ok), "content") : NULL;
		ok = json_object_get(json_object_get(content, "application/json"), "schema");
		if (!ok || !json_object_get(json_object_get(resolve(ok), "properties"), "items"))
			continue;
		if (!has_word(r->query, "limit") || !has_word(r->query, "after") ||
		    !json_object_get(json_object_get(resolve(ok), "properties"), "next_after"))
			fail_msg("%s has items, but no pages", r->path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described_once),
		cmocka_unit_test(everything_described_is_served),
		cmocka_unit_test(parameters_agree),
		cmocka_unit_test(authentication_agrees),
		cmocka_unit_test(roles_agree),
		cmocka_unit_test(bodies_agree),
		cmocka_unit_test(every_route_does_its_duty),
		cmocka_unit_test(lists_have_pages_and_failures_are_problems),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
