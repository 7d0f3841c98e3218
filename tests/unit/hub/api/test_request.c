/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/request.h"
#include "hub/api/routes.h"
#include "shared/ipc/engine_msg.h"
#include "shared/keys/keys.h"
#include "tests/lib/store_fixture.h"

/* The whole API but for the HTTP library: requests go through routes, authentication, bodies and
 * handlers to a real store. */

static struct fixture fixture;
static struct hub_branch branches[] = { { .name = "nowhere" }, { .name = "oslo" } };
static struct hub_config config = { .n_branches = 2, .branches = branches };
static struct api api;
static const struct auth_peer root = { .uid = 0 };

static bool look(struct wait *one, bool late)
{
	return revisions_look(container_of(one, struct request, wait), late);
}

static void put_setting(const char *key, const char *value)
{
	assert_ok(store_begin(fixture.s));
	assert_ok(store_setting_put(fixture.s, key, value));
	assert_ok(store_commit(fixture.s));
}

static int setup(void **unused)
{
	struct change c = { .actor = "test" };
	struct keys keys;
	struct change_node_add hub = {
		.name = "hq",
		.kind = NODE_HUB,
		.identity_key = &keys.identity_public,
		.tunnel_key = &keys.tunnel_public,
		.tunnel_sig = keys.tunnel_sig,
	};
	struct node n;
	char id[16];

	(void)unused;
	assert_ok(keys_generate(&keys));
	fixture_open(&fixture);
	memset(&api, 0, sizeof(api));
	api.config = &config;
	api.store = c.store = fixture.s;
	waits_init(&api.waits, NULL, look);
	assert_ok(idempotency_new(&api.idempotency));
	put_setting("network", "testnet");
	put_setting("pool4", "10.99.0.0/16");
	put_setting("hub_addresses", "hub.example 6655");
	assert_ok(change_node_add(&c, &hub, &n));
	snprintf(id, sizeof(id), "%u", n.id);
	put_setting("hub_id", id);
	node_fini(&n);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	idempotency_free(api.idempotency);
	fixture_close(&fixture);
	return 0;
}

/* Fills a request of root; `target` may have a query. */
static void start(struct request *r, const char *method, char *target)
{
	char *save = NULL, *query = strchr(target, '?');

	request_init(r);
	r->api = &api;
	r->routes = &api_routes;
	r->method = router_method(method);
	r->path = target;
	r->peer = &root;
	r->headers.content_type = "application/json";
	if (query)
		*query++ = '\0';
	for (char *arg = query ? strtok_r(query, "&", &save) : NULL; arg;
	     arg = strtok_r(NULL, "&", &save)) {
		char *value = strchr(arg, '=');

		if (value)
			*value++ = '\0';
		params_add(&r->query, arg, value);
	}
}

static void finish(struct request *r, const char *body)
{
	if (request_begin(r))
		return;
	if (body)
		assert_true(request_body(r, body, strlen(body)));
	request_run(r);
}

/* The answer's JSON. */
static json_t *json_of(struct request *r)
{
	return json_loadb((const char *)buf_data(&r->reply.body), buf_len(&r->reply.body), 0, NULL);
}

/* One request; returns the status, and the answer in `*out` if that is not NULL. */
static unsigned call(const char *method, const char *target, const char *body, json_t **out)
{
	struct request r;
	unsigned status;
	char path[256];

	snprintf(path, sizeof(path), "%s", target);
	start(&r, method, path);
	finish(&r, body);
	status = r.reply.status;
	if (out)
		*out = json_of(&r);
	request_fini(&r);
	return status;
}

/* A row: request, status, problem code and pointer. Run in order, on one store. */
static const struct {
	const char *method, *path, *body;
	unsigned status;
	const char *code, *pointer;
} rows[] = {
	{ "GET", "/healthz", NULL, 200, NULL, NULL },
	{ "GET", "/readyz", NULL, 200, NULL, NULL },
	{ "GET", "/metrics", NULL, 200, NULL, NULL },
	{ "GET", "/metrics?x=1", NULL, 400, "query_unknown", NULL },
	{ "GET", "/api/v1/openapi.json", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/status", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/status?x=1", NULL, 400, "query_unknown", NULL },
	{ "GET", "/nothing", NULL, 404, "not_found", NULL },
	{ "PUT", "/api/v1/nodes", NULL, 405, "method_not_allowed", NULL },
	{ "GET", "/api/v1/nodes", "{}", 400, "body_unexpected", NULL },
	{ "POST", "/api/v1/nodes", NULL, 400, "body_missing", NULL },
	{ "POST", "/api/v1/nodes",
	  "{\"name\":\"oslo\",\"subnets\":[{\"prefix\":\"10.20.0.0/24\"}]}", 201, NULL, NULL },
	{ "POST", "/api/v1/nodes", "{\"name\":\"oslo\"}", 409, "node_exists", "/name" },
	{ "POST", "/api/v1/nodes", "{\"name\":\"b\",\"subnets\":[{\"prefix\":\"10.20.0.0/25\"}]}",
	  409, "subnet_overlap", "/subnets/0/prefix" },
	{ "POST", "/api/v1/nodes?dry_run=1", "{\"name\":\"b\"}", 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/b", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/nodes/oslo", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/2", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/id:2", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/name:oslo", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/name:2", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/nodes/3", NULL, 404, "not_found", NULL },
	/* a node whose name looks like another's id */
	{ "POST", "/api/v1/nodes", "{\"name\":\"2\"}", 201, NULL, NULL },
	{ "GET", "/api/v1/nodes/2", NULL, 409, "node_ambiguous", NULL },
	{ "GET", "/api/v1/nodes/name:2", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/nodes/name:2", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/2", NULL, 200, NULL, NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"keepalive_s\":25}", 200, NULL, NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"kind\":\"hub\"}", 422, "member_unknown", "/kind" },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"name\":\"nord\"}", 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/oslo", NULL, 404, "not_found", NULL },
	{ "PATCH", "/api/v1/nodes/nord", "{\"name\":\"oslo\"}", 200, NULL, NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"name\":\"hq\"}", 409, "node_exists", "/name" },
	{ "PATCH", "/api/v1/nodes/hq", "{\"name\":\"oslo2\"}", 409, "node_is_hub", "/name" },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"addresses\":[\"300.1.1.1\"]}", 422, NULL,
	  "/addresses/0" },
	{ "POST", "/api/v1/nodes/oslo/disable", NULL, 409, "node_not_active", NULL },
	{ "POST", "/api/v1/nodes/hq/disable", "{\"reason\":\"x\"}", 409, "node_is_hub", NULL },
	{ "POST", "/api/v1/nodes/oslo/enable", NULL, 409, "node_not_disabled", NULL },
	{ "POST", "/api/v1/nodes/none/enable", NULL, 404, "not_found", NULL },
	{ "POST", "/api/v1/subnets", "{\"node\":\"oslo\",\"prefix\":\"10.21.0.0/24\"}", 201, NULL,
	  NULL },
	{ "POST", "/api/v1/subnets", "{\"node\":2,\"prefix\":\"10.21.0.0/24\"}", 409,
	  "subnet_duplicate", NULL },
	{ "POST", "/api/v1/subnets", "{\"node\":77,\"prefix\":\"10.21.0.0/24\"}", 404, "not_found",
	  "/node" },
	{ "GET", "/api/v1/subnets?node=oslo", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/subnets?node=nobody", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/subnets/2", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/subnets/2", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/subnets/2", NULL, 404, "not_found", NULL },
	{ "DELETE", "/api/v1/subnets/x", NULL, 404, "not_found", NULL },
	{ "POST", "/api/v1/tokens", "{\"node\":\"oslo\"}", 201, NULL, NULL },
	{ "POST", "/api/v1/tokens", "{\"node\":\"hq\"}", 409, "node_is_hub", "/node" },
	{ "POST", "/api/v1/tokens", "{\"node\":\"oslo\",\"uses\":0}", 422, "member_range",
	  "/uses" },
	{ "GET", "/api/v1/tokens/1", NULL, 200, NULL, NULL },
	{ "POST", "/api/v1/tokens/1/revoke", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/tokens/1", NULL, 409, "token_already_revoked", NULL },
	{ "GET", "/api/v1/tokens", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/keys", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/paths", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/paths?node=oslo", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/paths?node=nobody", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/paths?limit=0", NULL, 400, "query_invalid", NULL },
	{ "GET", "/api/v1/paths", "{}", 400, "body_unexpected", NULL },
	{ "GET", "/api/v1/nodes/oslo/paths", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/nodes/nobody/paths", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/nodes/oslo/paths?node=oslo", NULL, 400, "query_unknown", NULL },
	{ "GET", "/api/v1/keys/1", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/keys/99", NULL, 404, "not_found", NULL },
	{ "POST", "/api/v1/api-tokens", "{\"name\":\"ci\"}", 201, NULL, NULL },
	{ "GET", "/api/v1/api-tokens", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/api-tokens/1", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/api-tokens/2", NULL, 404, "not_found", NULL },
	{ "POST", "/api/v1/api-tokens", "{\"name\":\"x\",\"role\":\"root\"}", 422, "member_invalid",
	  "/role" },
	{ "POST", "/api/v1/api-tokens", "{\"name\":\"x\",\"scopes\":[\"nodes\",\"node\"]}", 422,
	  "scope_invalid", "/scopes/1" },
	{ "POST", "/api/v1/api-tokens", "{\"name\":\"ci\"}", 409, "api_token_exists", "/name" },
	{ "POST", "/api/v1/api-tokens/1/revoke?dry_run=1", NULL, 200, NULL, NULL },
	{ "POST", "/api/v1/api-tokens/1/revoke", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/api-tokens/1", NULL, 409, "api_token_already_revoked", NULL },
	{ "POST", "/api/v1/api-tokens", "{\"name\":\"ci\"}", 201, NULL, NULL },
	{ "POST", "/api/v1/groups", "{\"name\":\"masters\"}", 201, NULL, NULL },
	{ "POST", "/api/v1/groups", "{\"name\":\"masters\"}", 409, "group_exists", "/name" },
	{ "GET", "/api/v1/groups", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/groups/masters", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/groups/2", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/groups/3", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/groups/65", NULL, 404, "not_found", NULL },
	{ "PATCH", "/api/v1/groups/2", "{\"name\":\"staff\"}", 200, NULL, NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"join_groups\":[\"staff\"]}", 200, NULL, NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"groups\":[\"default\",\"x\"]}", 422, "group_unknown",
	  "/groups/1" },
	{ "DELETE", "/api/v1/groups/staff", NULL, 409, "group_in_use", NULL },
	{ "POST", "/api/v1/policies", "{\"from\":\"staff\",\"to\":\"default\"}", 201, NULL, NULL },
	{ "POST", "/api/v1/policies", "{\"from\":\"default\",\"to\":\"staff\"}", 409,
	  "policy_exists", NULL },
	{ "POST", "/api/v1/policies", "{\"from\":\"default\",\"to\":\"x\"}", 422, "group_unknown",
	  "/to" },
	{ "GET", "/api/v1/policies", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/policies/65", NULL, 200, NULL, NULL },
	{ "PATCH", "/api/v1/policies/65", "{\"path_policy\":\"hub-only\"}", 200, NULL, NULL },
	{ "PATCH", "/api/v1/policies/65", "{}", 422, "member_missing", "/path_policy" },
	{ "GET", "/api/v1/policies/2", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/policies/default", NULL, 200, NULL, NULL },
	{ "PATCH", "/api/v1/policies/default", "{\"allow\":false}", 200, NULL, NULL },
	{ "GET", "/api/v1/policies/1", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/policies/check?from=oslo&to=hq", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/policies/check?from=oslo", NULL, 400, "query_invalid", NULL },
	{ "GET", "/api/v1/policies/check?from=oslo&to=x", NULL, 404, "not_found", NULL },
	{ "DELETE", "/api/v1/policies/65", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/policies/65", NULL, 404, "not_found", NULL },
	{ "PATCH", "/api/v1/nodes/oslo", "{\"leave_groups\":[\"staff\"]}", 200, NULL, NULL },
	{ "DELETE", "/api/v1/groups/staff", NULL, 200, NULL, NULL },
	{ "DELETE", "/api/v1/groups/default", NULL, 409, "group_is_default", NULL },
	{ "POST", "/api/v1/nodes/hq/revoke", NULL, 409, "node_is_hub", NULL },
	{ "POST", "/api/v1/nodes/oslo/revoke?dry_run=1", NULL, 200, NULL, NULL },
	{ "POST", "/api/v1/nodes/oslo/revoke", "{\"reason\":\"stolen\"}", 200, NULL, NULL },
	{ "POST", "/api/v1/nodes/oslo/revoke", NULL, 409, "node_already_revoked", NULL },
	{ "GET", "/api/v1/audit", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/audit?order=desc&action=node.&actor=unix:root&limit=1", NULL, 200, NULL,
	  NULL },
	{ "GET", "/api/v1/audit?order=x", NULL, 400, "query_invalid", NULL },
	{ "GET", "/api/v1/audit?since=x", NULL, 400, "query_invalid", NULL },
	{ "GET", "/api/v1/audit/export?since=2026-01-01", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/audit/export?limit=10001", NULL, 400, "query_invalid", NULL },
	{ "GET", "/api/v1/audit/verify?limit=1", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/revision", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/revisions/1", NULL, 200, NULL, NULL },
	{ "GET", "/api/v1/revisions/999", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/revisions/-1", NULL, 404, "not_found", NULL },
	{ "GET", "/api/v1/revisions/1?wait_ms=30001", NULL, 400, "query_invalid", NULL },
};

static void answers_requests(void **unused)
{
	json_t *j;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = call(rows[i].method, rows[i].path, rows[i].body, &j);
		const char *code = json_string_value(json_object_get(j, "code"));
		const char *pointer = json_string_value(json_object_get(j, "pointer"));

		if (status != rows[i].status)
			fail_msg("%s %s: %u (%s)", rows[i].method, rows[i].path, status,
				 code ? code : "");
		if (rows[i].code)
			assert_string_equal(code, rows[i].code);
		if (rows[i].pointer)
			assert_string_equal(pointer, rows[i].pointer);
		json_decref(j);
	}
}

/* Sets up what the request says, and asks who decides. */
static void check(const char *from, const char *to, bool allowed, const char *by)
{
	char path[128];
	json_t *j;

	snprintf(path, sizeof(path), "/api/v1/policies/check?from=%s&to=%s", from, to);
	assert_int_equal(call("GET", path, NULL, &j), 200);
	assert_int_equal(json_is_true(json_object_get(j, "allowed")), allowed);
	assert_string_equal(json_string_value(json_object_get(j, "decided_by")), by);
	if (strcmp(by, "policy") == 0)
		assert_true(json_array_size(json_object_get(j, "rules")) > 0);
	json_decref(j);
}

static void who_decides(void **unused)
{
	(void)unused;
	fixture_node(fixture.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.8");
	fixture_node(fixture.s, "bergen", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9");
	assert_int_equal(call("POST", "/api/v1/nodes", "{\"name\":\"new\"}", NULL), 201);
	check("oslo", "bergen", true, "policy");
	check("oslo", "oslo", true, "self");
	check("oslo", "new", false, "status");
	check("new", "hq", false, "status");
	assert_int_equal(call("PATCH", "/api/v1/policies/default", "{\"allow\":false}", NULL), 200);
	check("oslo", "bergen", false, "none");
	check("oslo", "hq", true, "hub");
	check("hq", "bergen", true, "hub");
	assert_int_equal(call("POST", "/api/v1/groups", "{\"name\":\"masters\"}", NULL), 201);
	assert_int_equal(call("PATCH", "/api/v1/nodes/oslo", "{\"groups\":[\"masters\"]}", NULL),
			 200);
	check("bergen", "oslo", false, "none");
	assert_int_equal(
		call("POST", "/api/v1/policies", "{\"from\":\"masters\",\"to\":\"default\"}", NULL),
		201);
	check("oslo", "bergen", true, "policy");
	check("bergen", "oslo", true, "policy");
}

/* What is there only while there is an engine, and what always. */
static const char *const engine_metrics[] = {
	"\nbranchline_engine_drops_total{reason=\"malformed\"} 17\n",
	"\nbranchline_engine_info{crypto=\"aes-256-gcm/openssl\",offloads=\"tun-tso,udp-gro\"} 1\n",
	"\nbranchline_engine_sessions 2\n",
	"\nbranchline_engine_peers 4\n",
	"\nbranchline_engine_handshakes_total 7\n",
	"\nbranchline_engine_relayed_packets_total 8\n",
	"\nbranchline_engine_relayed_bytes_total 9\n",
};
static const char *const common_metrics[] = {
	"\nbranchline_link_refused_total{reason=\"tls\"} 3\n",
	"\nbranchline_link_events_total{event=\"joined\"} 5\n",
	"\nbranchline_nodes{status=\"invited\",online=\"false\"} 1\n",
	"\nbranchline_nodes{status=\"active\",online=\"true\"} 0\n",
	"\nbranchline_revision ",
	"\nbranchline_paths{path=\"hub-udp\"} 1\n",
	"\nbranchline_path_reasons{reason=\"nat-both-hard\"} 1\n",
	"\nbranchline_path_reasons{reason=\"validated\"} 0\n",
};
static const struct store_total link_totals[] = { { "link.refused-tls", 3, "" },
						  { "link.joined", 5, "" } };
static const struct store_total all_totals[] = {
	{ "link.refused-tls", 3, "" },
	{ "link.joined", 5, "" },
	{ "engine.crypto", 0, "aes-256-gcm/openssl" },
	{ "engine.peers", 4, "" },
	{ "engine.sessions", 2, "" },
	{ "engine.handshakes", 7, "" },
	{ "engine.relayed_packets", 8, "" },
	{ "engine.relayed_bytes", 9, "" },
	{ "engine.drops.malformed", 17, "" },
	{ "engine.offloads.tun-tso", 1, "" },
	{ "engine.offloads.tun-uso", 0, "" },
	{ "engine.offloads.udp-gro", 1, "" },
};

static void metrics_have(bool engine)
{
	char path[] = "/metrics", up[64];
	const char *text;
	struct request r;

	start(&r, "GET", path);
	finish(&r, NULL);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(r.reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
	text = buf_cstr(&r.reply.body);
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_LEN(engine_metrics); i++)
		if ((strstr(text, engine_metrics[i]) != NULL) != engine)
			fail_msg("%s in %s", engine_metrics[i], text);
	for (size_t i = 0; i < ARRAY_LEN(common_metrics); i++)
		if (!strstr(text, common_metrics[i]))
			fail_msg("%s in %s", common_metrics[i], text);
	snprintf(up, sizeof(up), "\nbranchline_engine_up %d\n", engine);
	assert_non_null(strstr(text, up));
	assert_true(text[strlen(text) - 1] == '\n');
	request_fini(&r);
}

static void metrics(void **unused)
{
	static const struct auth_peer stranger = { .uid = 1 };
	static const struct store_pair pair = { .node_id = 1,
						.peer_id = 2,
						.path = PATH_HUB_UDP,
						.reason = PATH_REASON_NAT_BOTH_HARD };
	char path[] = "/metrics";
	struct request r;

	(void)unused;
	assert_int_equal(call("POST", "/api/v1/nodes", "{\"name\":\"oslo\"}", NULL), 201);
	assert_ok(store_totals_put(fixture.s, all_totals, ARRAY_LEN(all_totals)));
	assert_ok(store_pairs_put(fixture.s, NULL, 0, &pair, 1));
	metrics_have(true);
	assert_ok(store_totals_put(fixture.s, link_totals, ARRAY_LEN(link_totals)));
	metrics_have(false);
	start(&r, "GET", path);
	r.peer = &stranger;
	finish(&r, NULL);
	assert_int_equal(r.reply.status, 403);
	request_fini(&r);
}

/* Both branches that ConnectTo names are away: one has no link, one is no node. */
static void status_names_who_is_away(void **unused)
{
	json_t *j, *away, *n;
	size_t i;

	(void)unused;
	assert_int_equal(call("GET", "/api/v1/status", NULL, &j), 200);
	away = json_object_get(j, "expected_away");
	assert_int_equal(json_array_size(away), 2);
	assert_string_equal(json_string_value(json_array_get(away, 0)), "nowhere");
	json_array_foreach(json_object_get(j, "nodes"), i, n) assert_int_equal(
		json_is_true(json_object_get(n, "expected")),
		strcmp(json_string_value(json_object_get(n, "name")), "oslo") == 0);
	json_decref(j);
}

static void status_has_totals(void **unused)
{
	json_t *j, *engine;

	(void)unused;
	assert_int_equal(call("GET", "/api/v1/status", NULL, &j), 200);
	assert_true(json_is_null(json_object_get(j, "engine")));
	assert_int_equal(json_object_size(json_object_get(j, "link")), 0);
	json_decref(j);
	assert_ok(store_totals_put(fixture.s, all_totals, ARRAY_LEN(all_totals)));
	assert_int_equal(call("GET", "/api/v1/status?limit=1", NULL, &j), 200);
	engine = json_object_get(j, "engine");
	assert_int_equal(json_integer_value(json_object_get(engine, "sessions")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "link"), "joined")),
			 5);
	json_decref(j);
}

/* Names for ids, reasons as words, pages by the row, and nothing of nodes that are not there. */
static void paths_of_pairs(void **unused)
{
	static const char device[] = "{\"name\":\"phone\",\"kind\":\"wireguard\",\"tunnel_key\":"
				     "\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\"}";
	static const struct store_pair pairs[] = {
		{ .node_id = 1,
		  .peer_id = 2,
		  .path = PATH_DIRECT_UDP,
		  .reason = 6,
		  .rtt_us = 9200 },
		{ .node_id = 2, .peer_id = 1, .path = 2, .reason = PATH_REASON_UDP_BLOCKED },
		{ .node_id = 1, .peer_id = 77, .path = 2, .reason = 200 },
	};
	json_t *j, *item;

	(void)unused;
	assert_int_equal(call("POST", "/api/v1/nodes", device, NULL), 201);
	assert_ok(store_pairs_put(fixture.s, NULL, 0, pairs, ARRAY_LEN(pairs)));
	assert_int_equal(call("GET", "/api/v1/paths", NULL, &j), 200);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 2);
	item = json_array_get(json_object_get(j, "items"), 1);
	assert_string_equal(json_string_value(json_object_get(item, "node")), "phone");
	assert_string_equal(json_string_value(json_object_get(item, "peer")), "hq");
	assert_string_equal(json_string_value(json_object_get(item, "reason_id")), "udp-blocked");
	assert_true(json_is_string(json_object_get(item, "advice")));
	assert_true(json_is_null(json_object_get(item, "rtt_us")));
	json_decref(j);
	assert_int_equal(call("GET", "/api/v1/nodes/phone/paths?limit=1", NULL, &j), 200);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 1);
	assert_true(json_integer_value(json_object_get(j, "next_after")) > 0);
	json_decref(j);
}

static void pages_of_paths_lead_on(void **unused)
{
	char path[] = "/api/v1/nodes/id:1/paths?limit=1";
	struct request r;
	bool found = false;

	paths_of_pairs(unused);
	start(&r, "GET", path);
	finish(&r, NULL);
	for (unsigned i = 0; i < r.reply.n_headers; i++)
		found |= strstr(r.reply.headers[i].value,
				"</api/v1/nodes/id:1/paths?limit=1&after=") != NULL;
	assert_true(found);
	request_fini(&r);
}

/* A dry run shows the whole item as it would be, also what is not in the directory. */
static void dry_run_of_an_edit(void **unused)
{
	static const char edit[] = "{\"comment\":\"Storgata 1\"}";
	json_t *j, *node;

	(void)unused;
	assert_int_equal(call("POST", "/api/v1/nodes", "{\"name\":\"oslo\"}", NULL), 201);
	assert_int_equal(call("PATCH", "/api/v1/nodes/oslo?dry_run=1", edit, &j), 200);
	node = json_object_get(j, "node");
	assert_string_equal(json_string_value(json_object_get(node, "comment")), "Storgata 1");
	assert_true(json_is_string(json_object_get(node, "created_at")));
	json_decref(j);
	assert_int_equal(call("GET", "/api/v1/nodes/oslo", NULL, &j), 200);
	assert_string_equal(json_string_value(json_object_get(j, "comment")), "");
	json_decref(j);
}

static void the_line_to_paste(void **unused)
{
	const char *token, *command;
	char want[2048];
	json_t *j;

	(void)unused;
	assert_int_equal(call("POST", "/api/v1/nodes", "{\"name\":\"oslo\"}", NULL), 201);
	assert_int_equal(call("POST", "/api/v1/tokens?dry_run=1", "{\"node\":\"oslo\"}", &j), 200);
	assert_null(json_object_get(j, "token"));
	json_decref(j);
	assert_int_equal(call("POST", "/api/v1/tokens", "{\"node\":\"oslo\"}", &j), 201);
	token = json_string_value(json_object_get(j, "token"));
	command = json_string_value(json_object_get(j, "command"));
	snprintf(want, sizeof(want), "branchline-spoke -n testnet join %s", token);
	assert_memory_equal(token, "bl1_", 4);
	assert_string_equal(command, want);
	json_decref(j);
	put_setting("hub_addresses", "");
	assert_int_equal(call("POST", "/api/v1/tokens", "{\"node\":\"oslo\"}", &j), 409);
	assert_string_equal(json_string_value(json_object_get(j, "code")), "hub_addresses_missing");
	json_decref(j);
}

/* Sends a request with a condition; returns the status and copies the answer's ETag. */
static unsigned conditional(const char *method, const char *target, const char *body,
			    const char *if_match, const char *if_none_match, char etag[64])
{
	struct request r;
	unsigned status;
	char path[256];

	snprintf(path, sizeof(path), "%s", target);
	start(&r, method, path);
	r.headers.if_match = if_match;
	r.headers.if_none_match = if_none_match;
	finish(&r, body);
	status = r.reply.status;
	if (etag)
		snprintf(etag, 64, "%s",
			 reply_header_get(&r.reply, "ETag") ? reply_header_get(&r.reply, "ETag")
							    : "");
	if (status == 304)
		assert_int_equal(buf_len(&r.reply.body), 0);
	request_fini(&r);
	return status;
}

static void conditions_hold(void **unused)
{
	char created[64], read[64], changed[64];

	(void)unused;
	assert_int_equal(
		conditional("POST", "/api/v1/nodes", "{\"name\":\"oslo\"}", NULL, NULL, created),
		201);
	assert_int_equal(conditional("GET", "/api/v1/nodes/oslo", NULL, NULL, NULL, read), 200);
	assert_string_equal(created, read);
	assert_int_equal(conditional("GET", "/api/v1/nodes/oslo", NULL, NULL, read, NULL), 304);
	assert_int_equal(conditional("PATCH", "/api/v1/nodes/oslo", "{\"comment\":\"a\"}", "\"x\"",
				     NULL, NULL),
			 412);
	assert_int_equal(conditional("PATCH", "/api/v1/nodes/oslo", "{\"comment\":\"a\"}", read,
				     NULL, changed),
			 200);
	assert_string_not_equal(changed, read);
	assert_int_equal(conditional("DELETE", "/api/v1/nodes/oslo", NULL, read, NULL, NULL), 412);
	assert_int_equal(conditional("POST", "/api/v1/nodes/oslo/revoke", NULL, read, NULL, NULL),
			 412);
	assert_int_equal(conditional("GET", "/api/v1/nodes/oslo", NULL, NULL, read, NULL), 200);
	assert_int_equal(
		conditional("DELETE", "/api/v1/nodes/oslo?force=1", NULL, changed, NULL, NULL),
		200);
}

/* The only use of a kind in the member, by name; fails when there is another number of it. */
static void assert_one_use(json_t *j, const char *member, const char *kind, const char *name)
{
	json_t *use;
	unsigned n = 0;
	size_t i;

	json_array_foreach(json_object_get(j, member), i, use)
	{
		if (strcmp(json_string_value(json_object_get(use, "kind")), kind) != 0)
			continue;
		n++;
		assert_string_equal(json_string_value(json_object_get(use, "name")), name);
	}
	assert_int_equal(n, 1);
}

/* hub.conf names oslo: it is in use. What goes with a node is said before and after. */
static void deleting_says_what_uses_it(void **unused)
{
	static const char *const targets[] = { "/api/v1/nodes/oslo?dry_run=1&force=1",
					       "/api/v1/nodes/oslo?force=true" };
	json_t *j;

	(void)unused;
	assert_int_equal(call("POST", "/api/v1/nodes",
			      "{\"name\":\"oslo\",\"subnets\":[{\"prefix\":\"10.20.0.0/24\"}]}",
			      NULL),
			 201);
	assert_int_equal(call("POST", "/api/v1/tokens", "{\"node\":\"oslo\"}", NULL), 201);
	assert_int_equal(call("DELETE", "/api/v1/nodes/oslo?force=maybe", NULL, NULL), 400);
	assert_int_equal(call("DELETE", "/api/v1/nodes/oslo", NULL, &j), 409);
	assert_string_equal(json_string_value(json_object_get(j, "code")), "node_in_use");
	assert_one_use(j, "used_by", "config", "ConnectTo = oslo");
	json_decref(j);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		assert_int_equal(call("DELETE", targets[i], NULL, &j), 200);
		assert_one_use(j, "removed", "subnet", "10.20.0.0/24");
		assert_one_use(j, "removed", "token", "1");
		assert_int_equal(json_integer_value(json_object_get(j, "removed_total")), 2);
		json_decref(j);
	}
	assert_int_equal(call("GET", "/api/v1/nodes/oslo", NULL, NULL), 404);
}

/* Sends a POST with an Idempotency-Key; returns the status and the answer's text. */
static unsigned once(const char *key, const char *body, char text[4096])
{
	char path[] = "/api/v1/nodes";
	struct request r;
	unsigned status;

	start(&r, "POST", path);
	r.headers.idempotency_key = key;
	finish(&r, body);
	status = r.reply.status;
	snprintf(text, 4096, "%s", buf_cstr(&r.reply.body));
	request_fini(&r);
	return status;
}

static void the_same_post_twice(void **unused)
{
	char one[4096], two[4096];

	(void)unused;
	assert_int_equal(once("k", "{\"name\":\"oslo\"}", one), 201);
	assert_int_equal(once("k", "{\"name\":\"oslo\"}", two), 201);
	assert_string_equal(one, two);
	assert_int_equal(once("k", "{\"name\":\"bergen\"}", two), 422);
	assert_non_null(strstr(two, "idempotency_key_reused"));
	assert_int_equal(once("l", "{\"name\":\"oslo\"}", two), 409);
	assert_int_equal(once("", "{\"name\":\"x\"}", two), 400);
	assert_int_equal(call("GET", "/api/v1/nodes/x", NULL, NULL), 404);
}

static void pages_lead_on(void **unused)
{
	char path[64], body[64];
	json_t *j, *next;
	unsigned seen = 0;
	json_int_t after = 0;

	(void)unused;
	for (unsigned i = 0; i < 5; i++) {
		snprintf(body, sizeof(body), "{\"name\":\"n%u\"}", i);
		assert_int_equal(call("POST", "/api/v1/nodes", body, NULL), 201);
	}
	assert_int_equal(call("DELETE", "/api/v1/nodes/n1", NULL, NULL), 200);
	do {
		snprintf(path, sizeof(path), "/api/v1/nodes?limit=2&after=%lld", (long long)after);
		assert_int_equal(call("GET", path, NULL, &j), 200);
		next = json_object_get(j, "next_after");
		after = json_integer_value(next);
		seen += (unsigned)json_array_size(json_object_get(j, "items"));
		assert_true(json_is_null(next) ||
			    json_array_size(json_object_get(j, "items")) == 2);
		json_decref(j);
	} while (after);
	assert_int_equal(seen, 5); /* the hub and four nodes; not the deleted one */
}

static void bodies_have_a_limit(void **unused)
{
	char path[] = "/api/v1/nodes", piece[8192];
	struct request r;

	(void)unused;
	memset(piece, ' ', sizeof(piece));
	start(&r, "POST", path);
	assert_false(request_begin(&r));
	for (unsigned i = 0; i < 9; i++)
		assert_true(request_body(&r, piece, sizeof(piece)));
	request_run(&r);
	assert_int_equal(r.reply.status, 413);
	request_fini(&r);
	start(&r, "POST", path);
	assert_false(request_begin(&r));
	for (unsigned i = 0; i < 2048; i++) /* 16 MiB, of which nothing is kept */
		assert_true(request_body(&r, piece, sizeof(piece)));
	assert_true(buf_len(&r.body) <= BODY_MAX_BYTES);
	assert_false(request_body(&r, piece, sizeof(piece)));
	request_fini(&r);
	start(&r, "POST", path);
	r.headers.content_length = "99999999999999999999999";
	assert_true(request_begin(&r));
	assert_int_equal(r.reply.status, 413);
	request_fini(&r);
}

static void strangers_are_refused(void **unused)
{
	static const struct auth_peer stranger = { .uid = 3999999, .gid = 3999999 };
	char path[] = "/api/v1/nodes";
	struct request r;

	(void)unused;
	start(&r, "GET", path);
	r.peer = &stranger;
	assert_true(request_begin(&r));
	assert_int_equal(r.reply.status, 403);
	request_fini(&r);
	for (unsigned i = 0; i <= AUTH_FAILURES_BURST; i++) {
		start(&r, "GET", path);
		r.peer = NULL;
		r.remote = fixture_addr("203.0.113.7");
		r.headers.authorization = "Bearer blt_wrong";
		assert_true(request_begin(&r));
		assert_int_equal(r.reply.status, i < AUTH_FAILURES_BURST ? 401 : 429);
		assert_non_null(reply_header_get(
			&r.reply, i < AUTH_FAILURES_BURST ? "WWW-Authenticate" : "Retry-After"));
		request_fini(&r);
	}
}

static void mark(uint32_t node, bool online, uint64_t acked)
{
	struct store_presence p = {
		.node_id = node, .online = online, .acked_revision = acked, .acked_ms = 1
	};

	assert_ok(store_presence_put(fixture.s, &p, 1));
}

/* Waits until the only spoke online has applied the revision, or until the time is over. */
static void waits_for_spokes(void **unused)
{
	char path[64];
	uint32_t spoke = fixture_node(fixture.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9");
	uint64_t revision;
	struct request r;

	(void)unused;
	assert_ok(store_revision_get(fixture.s, &revision));
	for (unsigned acks = 0; acks < 2; acks++) {
		mark(spoke, true, revision - 1);
		snprintf(path, sizeof(path), "/api/v1/revisions/%llu?wait_ms=1000",
			 (unsigned long long)revision);
		start(&r, "GET", path);
		finish(&r, NULL);
		assert_int_equal(r.reply.status, 0);
		assert_true(r.wait.waiting);
		waits_nudge(&api.waits, 1000);
		assert_int_equal(r.reply.status, 0);
		if (acks) {
			mark(spoke, true, revision);
			waits_nudge(&api.waits, 2000);
		} else {
			api.waits.timer.fire(&api.waits.timer, r.wait.until_ms);
		}
		assert_int_equal(r.reply.status, 200);
		assert_false(r.wait.waiting);
		assert_non_null(strstr(buf_cstr(&r.reply.body),
				       acks ? "\"missing\":[]" : "\"missing\":[\"oslo\"]"));
		request_fini(&r);
		api.waits.looked_ms = 0;
	}
	/* the client goes away while it waits */
	mark(spoke, true, revision - 1);
	snprintf(path, sizeof(path), "/api/v1/revisions/%llu?wait_ms=1000",
		 (unsigned long long)revision);
	start(&r, "GET", path);
	finish(&r, NULL);
	assert_int_equal(api.waits.n, 1);
	request_fini(&r);
	assert_int_equal(api.waits.n, 0);
	snprintf(path, sizeof(path), "/api/v1/revisions/%llu?wait_ms=1000&except=%u",
		 (unsigned long long)revision, spoke);
	assert_int_equal(call("GET", path, NULL, NULL), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(who_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(status_has_totals, setup, teardown),
		cmocka_unit_test_setup_teardown(status_names_who_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(metrics, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_of_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_of_paths_lead_on, setup, teardown),
		cmocka_unit_test_setup_teardown(dry_run_of_an_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(the_line_to_paste, setup, teardown),
		cmocka_unit_test_setup_teardown(conditions_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(deleting_says_what_uses_it, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_post_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_lead_on, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies_have_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_spokes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
