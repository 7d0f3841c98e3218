/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys are retired, revoked and never forgotten. */
#include "tests/lib/store_fixture.h"

static enum err put(struct store *s, uint32_t node, enum key_kind kind, uint8_t byte,
		    struct store_key *k)
{
	enum err e;

	*k = (struct store_key){
		.node_id = node, .kind = kind, .key = fixture_key(byte), .unbroken = true
	};
	assert_ok(store_begin(s));
	e = store_key_put(s, k);
	if (e)
		store_rollback(s);
	else
		assert_ok(store_commit(s));
	return e;
}

static enum err count(void *arg, const struct store_key *k)
{
	assert_true(k->id > 0);
	++*(int *)arg;
	return ERR_OK;
}

static void life_of_keys(void **state)
{
	struct store_key first, second, other, got;
	struct public_key unknown = fixture_key(99);
	struct fixture f;
	uint32_t oslo, bergen;
	int n = 0;

	(void)state;
	fixture_open(&f);
	oslo = fixture_node(f.s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL);
	bergen = fixture_node(f.s, "bergen", NODE_SPOKE, NODE_ACTIVE, NULL);
	assert_ok(put(f.s, oslo, KEY_IDENTITY, 1, &first));
	assert_ok(put(f.s, oslo, KEY_IDENTITY, 2, &second));
	assert_ok(store_key_get(f.s, first.id, &got));
	assert_int_equal(got.status, KEY_RETIRED);
	assert_string_equal(got.node_name, "oslo");
	assert_memory_equal(got.fingerprint, first.fingerprint, sizeof(got.fingerprint));
	assert_ok(store_key_current(f.s, oslo, KEY_IDENTITY, &got));
	assert_int_equal(got.id, second.id);
	assert_int_equal(store_key_current(f.s, oslo, KEY_TUNNEL, &got), ERR_NOTFOUND);
	assert_int_equal(store_key_current(f.s, bergen, KEY_IDENTITY, &got), ERR_NOTFOUND);

	/* Known keys are refused, whoever's and however old, and the current one stays. */
	assert_int_equal(put(f.s, oslo, KEY_IDENTITY, 1, &other), ERR_EXISTS);
	assert_int_equal(put(f.s, bergen, KEY_IDENTITY, 2, &other), ERR_EXISTS);
	assert_int_equal(put(f.s, 99, KEY_IDENTITY, 3, &other), ERR_NOTFOUND);
	assert_ok(store_key_current(f.s, oslo, KEY_IDENTITY, &got));
	assert_int_equal(got.id, second.id);

	assert_ok(store_key_revoke(f.s, first.id, "leaked"));
	assert_int_equal(store_key_revoke(f.s, first.id, "again"), ERR_NOTFOUND);
	assert_ok(store_key_find(f.s, KEY_IDENTITY, &first.key, &got));
	assert_int_equal(got.status, KEY_REVOKED);
	assert_string_equal(got.revoked_why, "leaked");
	assert_true(got.revoked_ms > 0);
	assert_int_equal(store_key_find(f.s, KEY_TUNNEL, &first.key, &got), ERR_NOTFOUND);
	assert_int_equal(store_key_find(f.s, KEY_IDENTITY, &unknown, &got), ERR_NOTFOUND);

	assert_ok(put(f.s, bergen, KEY_TUNNEL, 1, &other)); /* the other kind */
	assert_ok(store_keys_list(f.s, 0, 0, 0, count, &n));
	assert_int_equal(n, 3);
	assert_ok(store_keys_list(f.s, oslo, first.id, 10, count, &n));
	assert_int_equal(n, 4);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(life_of_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
