/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Join tokens and API tokens as rows. */
#include "tests/lib/store_fixture.h"

static enum err count(void *arg, const struct store_token *t)
{
	assert_true(t->id > 0);
	++*(int *)arg;
	return ERR_OK;
}

static void join_tokens(void **state)
{
	struct store_token t = { .hash = { 1 },
				 .expires_ms = 1900000000000,
				 .uses_max = 2,
				 .created_by = "unix:root" },
			   got, open;
	struct fixture f;
	int n = 0;

	(void)state;
	fixture_open(&f);
	t.node_id = fixture_node(f.s, "oslo", NODE_SPOKE, NODE_INVITED, NULL);
	assert_ok(store_token_put(f.s, &t));
	assert_int_equal(store_token_put(f.s, &t), ERR_EXISTS);
	assert_ok(store_token_find(f.s, t.hash, &got));
	assert_int_equal(got.id, t.id);
	assert_string_equal(got.for_name, "oslo");
	assert_string_equal(got.created_by, "unix:root");
	assert_int_equal(got.expires_ms, 1900000000000);
	assert_true(got.uses == 0 && got.used_ms == 0 && got.revoked_ms == 0 &&
		    got.replaces_key == 0);
	assert_int_equal(store_token_find(f.s, (const uint8_t[32]){ 2 }, &got), ERR_NOTFOUND);

	assert_ok(store_token_use(f.s, t.id));
	assert_ok(store_token_use(f.s, t.id));
	assert_int_equal(store_token_use(f.s, t.id), ERR_USED);
	assert_int_equal(store_token_use(f.s, 99), ERR_NOTFOUND);
	assert_ok(store_token_get(f.s, t.id, &got));
	assert_int_equal(got.uses, 2);
	assert_true(got.used_ms > 0);

	assert_true(store_token_is_open(&t, 1) && !store_token_is_open(&t, t.expires_ms));
	assert_false(store_token_is_open(&got, 1));

	open = (struct store_token){ .node_id = t.node_id, .hash = { 3 }, .uses_max = 1 };
	assert_ok(store_token_put(f.s, &open));
	assert_ok(store_token_revoke(f.s, t.id));
	assert_int_equal(store_token_revoke(f.s, t.id), ERR_NOTFOUND);
	assert_ok(store_tokens_revoke_node(f.s, t.node_id));
	assert_ok(store_token_get(f.s, open.id, &got));
	assert_true(got.revoked_ms > 0);
	assert_ok(store_tokens_list(f.s, 0, 0, count, &n));
	assert_int_equal(n, 2);
	assert_ok(store_tokens_list(f.s, t.id, 1, count, &n));
	assert_int_equal(n, 3);
	/* A group's: of no node, and so not among those of one. */
	open = (struct store_token){ .group_bit = 0, .hash = { 4 }, .uses_max = 9 };
	assert_ok(store_token_put(f.s, &open));
	assert_ok(store_token_get(f.s, open.id, &got));
	assert_string_equal(got.for_name, "default");
	assert_true(got.node_id == 0 && got.group_bit == 0 && got.uses_max == 9);
	open = (struct store_token){ .group_bit = 63, .hash = { 5 }, .uses_max = 9 };
	assert_int_not_equal(store_token_put(f.s, &open), ERR_OK); /* there is none */
	fixture_close(&f);
}

static void api_tokens(void **state)
{
	struct store_api_token t = { .name = "ci",
				     .hash = { 5 },
				     .role = "admin",
				     .scopes = "nodes:read" },
			       got, bad;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(store_api_token_put(f.s, &t));
	assert_ok(store_api_token_find(f.s, t.hash, &got));
	assert_string_equal(got.name, "ci");
	assert_string_equal(got.role, "admin");
	assert_string_equal(got.scopes, "nodes:read");
	assert_memory_equal(got.hash, t.hash, sizeof(t.hash));
	assert_true(got.used_ms == 0 && got.expires_ms == 0);
	assert_ok(store_api_token_used(f.s, got.id, 1700000000000));
	assert_ok(store_api_token_find(f.s, t.hash, &got));
	assert_int_equal(got.used_ms, 1700000000000);
	assert_int_equal(store_api_token_find(f.s, (const uint8_t[32]){ 6 }, &got), ERR_NOTFOUND);
	bad = t;
	bad.hash[0] = 7;
	assert_int_equal(store_api_token_put(f.s, &bad), ERR_EXISTS); /* the name */
	bad = (struct store_api_token){ .name = "x", .hash = { 8 }, .role = "king" };
	assert_int_equal(store_api_token_put(f.s, &bad), ERR_INVALID);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(join_tokens),
					    cmocka_unit_test(api_tokens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
