/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes with what belongs to them: identity of ids and names, tombstones, groups and policy, and
 * rows that somebody has tampered with. */
#include <stdlib.h>

#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_open(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

static void raw(struct store *s, const char *sql)
{
	if (sqlite3_exec(s->db[DB_DIRECTORY].db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s->db[DB_DIRECTORY].db));
}

static void put_key(struct store *s, uint32_t node, enum key_kind kind, uint8_t byte)
{
	struct store_key k = {
		.node_id = node, .kind = kind, .key = fixture_key(byte), .unbroken = true
	};

	if (kind == KEY_TUNNEL)
		memset(k.signature, 0x77, sizeof(k.signature));
	assert_ok(store_begin(s));
	assert_ok(store_key_put(s, &k));
	assert_ok(store_commit(s));
}

static void put_subnet(struct store *s, uint32_t node, const char *prefix,
		       enum subnet_status status)
{
	struct store_subnet sub = { .node_id = node,
				    .subnet = fixture_subnet(prefix, 10),
				    .status = status };

	assert_ok(store_subnet_put(s, &sub));
}

/* Everything that goes in comes out. */
static void whole_node(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_node_meta meta;
	struct node n, got;
	uint32_t id;

	node_init(&n);
	snprintf(n.name, sizeof(n.name), "%s", "oslo");
	n.kind = NODE_SPOKE;
	n.status = NODE_INVITED;
	n.revision = 5;
	n.aes = true;
	n.compression = 11;
	n.keepalive_s = 25;
	n.addresses[0] = fixture_addr("10.91.0.2");
	n.addresses[1] = fixture_addr("fd00::2");
	assert_int_equal(node_endpoint_add(&n, "oslo.example.com 6655"), ERR_OK);
	assert_int_equal(node_endpoint_add(&n, "192.0.2.1 443"), ERR_OK);
	assert_ok(store_begin(s));
	assert_ok(store_node_put(s, &n));
	assert_ok(store_node_comment(s, n.id, "first floor"));
	assert_ok(store_commit(s));
	id = n.id;
	put_key(s, id, KEY_IDENTITY, 1);
	put_key(s, id, KEY_TUNNEL, 2);
	put_subnet(s, id, "10.20.0.0/24", SUBNET_APPROVED);
	put_subnet(s, id, "10.10.0.0/24", SUBNET_APPROVED);
	put_subnet(s, id, "10.30.0.0/24", SUBNET_PROPOSED);

	assert_ok(store_node_get(s, id, &got, &meta));
	assert_string_equal(got.name, "oslo");
	assert_int_equal(got.kind, NODE_SPOKE);
	assert_int_equal(got.status, NODE_INVITED);
	assert_int_equal(got.revision, 5);
	assert_true(got.aes && got.has_identity && got.has_tunnel && got.key_unbroken);
	assert_int_equal(got.compression, 11);
	assert_int_equal(got.keepalive_s, 25);
	assert_true(addr_equal(&got.addresses[0], &n.addresses[0]) &&
		    addr_equal(&got.addresses[1], &n.addresses[1]));
	assert_memory_equal(got.identity_key.b, fixture_key(1).b, KEY_BYTES);
	assert_int_equal(got.tunnel_sig[63], 0x77);
	assert_int_equal(got.groups, 1);
	assert_int_equal(got.reach, 1);
	assert_int_equal(got.n_subnets, 2);
	assert_int_equal(got.subnets[0].prefix.addr.b[1], 10);
	assert_int_equal(got.n_endpoints, 2);
	assert_string_equal(got.endpoints[1], "192.0.2.1 443");
	assert_string_equal(meta.comment, "first floor");
	assert_true(meta.created_ms > 0 && meta.updated_ms >= meta.created_ms &&
		    meta.revoked_ms == 0);

	got.n_endpoints = 1;
	got.addresses[1].family = 0;
	assert_ok(store_begin(s));
	assert_ok(store_node_put(s, &got));
	assert_ok(store_commit(s));
	node_fini(&got);
	assert_ok(store_node_find(s, "oslo", &got, NULL));
	assert_int_equal(got.n_endpoints, 1);
	assert_int_equal(got.addresses[1].family, 0);
	assert_int_equal(got.n_subnets, 2);
	node_fini(&got);
	node_fini(&n);
	assert_int_equal(store_node_get(s, 99, &got, NULL), ERR_NOTFOUND);
	assert_int_equal(store_node_find(s, "Oslo", &got, NULL), ERR_NOTFOUND);
}

static enum err put_named(struct store *s, const char *name, const char *address)
{
	struct node n;
	enum err e;

	node_init(&n);
	snprintf(n.name, sizeof(n.name), "%s", name);
	n.kind = NODE_SPOKE;
	n.status = NODE_INVITED;
	n.addresses[0] = fixture_addr(address);
	assert_ok(store_begin(s));
	e = store_node_put(s, &n);
	if (e)
		store_rollback(s);
	else
		assert_ok(store_commit(s));
	node_fini(&n);
	return e;
}

static void names_and_addresses_are_unique(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct node n;
	uint32_t first = fixture_node(s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.91.0.2"), count;

	put_key(s, first, KEY_IDENTITY, 1);
	put_subnet(s, first, "10.20.0.0/24", SUBNET_APPROVED);
	assert_int_equal(put_named(s, "oslo", "10.91.0.3"), ERR_EXISTS);
	assert_int_equal(put_named(s, "bergen", "10.91.0.2"), ERR_EXISTS);
	assert_int_equal(put_named(s, "a b", "10.91.0.3"), ERR_INVALID);

	assert_ok(store_begin(s));
	assert_ok(store_node_status(s, first, NODE_DELETED, "deleted", 7));
	assert_ok(store_commit(s));
	assert_int_equal(store_node_find(s, "oslo", &n, NULL), ERR_NOTFOUND);
	assert_ok(put_named(s, "oslo", "10.91.0.2"));
	assert_ok(store_node_find(s, "oslo", &n, NULL));
	assert_int_not_equal(n.id, first);
	node_fini(&n);
	assert_ok(store_nodes_count(s, &count));
	assert_int_equal(count, 1);

	/* The tombstone tells that it is gone, and nothing else. */
	assert_ok(store_node_get(s, first, &n, NULL));
	assert_int_equal(n.status, NODE_DELETED);
	assert_int_equal(n.revision, 7);
	assert_int_equal(n.addresses[0].family, 0);
	assert_int_equal(n.n_subnets, 0);
	assert_false(n.has_identity);
	assert_int_equal(n.groups, 0);
	node_fini(&n);
}

static void status_changes(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint32_t id = fixture_node(s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL), owner = 0;
	struct public_key key = fixture_key(1), unknown = fixture_key(9);
	struct store_node_meta meta;
	struct node n;
	bool current = false;

	put_key(s, id, KEY_IDENTITY, 1);
	assert_ok(store_node_by_identity(s, &key, &owner, &current));
	assert_int_equal(owner, id);
	assert_true(current);
	assert_int_equal(store_node_by_identity(s, &unknown, &owner, &current), ERR_NOTFOUND);
	assert_ok(store_begin(s));
	assert_ok(store_node_status(s, id, NODE_REVOKED, "stolen", 3));
	assert_int_equal(store_node_status(s, 99, NODE_REVOKED, "", 3), ERR_NOTFOUND);
	assert_ok(store_commit(s));
	assert_ok(store_node_by_identity(s, &key, &owner, &current));
	assert_int_equal(owner, id);
	assert_false(current);
	assert_ok(store_node_get(s, id, &n, &meta));
	assert_int_equal(n.status, NODE_REVOKED);
	assert_false(n.has_identity);
	assert_string_equal(meta.revoked_why, "stolen");
	assert_true(meta.revoked_ms > 0);
	node_fini(&n);
	assert_ok(store_begin(s));
	assert_ok(store_node_status(s, id, NODE_ACTIVE, "", 4));
	assert_ok(store_commit(s));
	assert_ok(store_node_get(s, id, &n, &meta));
	assert_int_equal(meta.revoked_ms, 0);
	node_fini(&n);
}

struct seen {
	uint32_t ids[8];
	size_t n;
	enum err answer;
};

static enum err note(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct seen *seen = arg;

	assert_non_null(meta);
	assert_true(seen->n < ARRAY_LEN(seen->ids));
	seen->ids[seen->n++] = n->id;
	return seen->answer;
}

static void since(void **state)
{
	static const struct {
		uint64_t revision;
		uint32_t after, limit;
		size_t n;
		uint32_t first;
	} cases[] = {
		{ 0, 0, 0, 4, 1 }, /* all, with the tombstone */
		{ 0, 2, 0, 2, 3 },          { 0, 0, 3, 3, 1 },
		{ 3, 0, 0, 2, 2 }, /* 4 was made with revision 4, 2 was touched with 5 */
		{ 4, 0, 0, 1, 2 },          { 5, 0, 0, 0, 0 },
		{ UINT64_MAX, 0, 0, 0, 0 },
	};
	struct store *s = ((struct fixture *)*state)->s;
	char name[24];

	for (int i = 1; i <= 4; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(fixture_node(s, name, NODE_SPOKE, NODE_ACTIVE, NULL), i);
	}
	assert_ok(store_begin(s));
	assert_ok(store_node_touch(s, 2, 5));
	assert_int_equal(store_node_touch(s, 77, 5), ERR_NOTFOUND);
	assert_ok(store_node_status(s, 1, NODE_DELETED, "", 1));
	assert_ok(store_commit(s));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { .answer = ERR_OK };

		assert_ok(store_nodes_since(s, cases[i].revision, cases[i].after, cases[i].limit,
					    note, &seen));
		if (seen.n != cases[i].n || (seen.n && seen.ids[0] != cases[i].first))
			fail_msg("case %zu: %zu rows, first %u", i, seen.n, seen.ids[0]);
	}
	struct seen stop = { .answer = ERR_CLOSED };
	assert_int_equal(store_nodes_since(s, 0, 0, 0, note, &stop), ERR_CLOSED);
	assert_int_equal(stop.n, 1);
}

static uint64_t reach_of(struct store *s, uint32_t id)
{
	struct node n;
	uint64_t reach;

	assert_ok(store_node_get(s, id, &n, NULL));
	reach = n.reach;
	node_fini(&n);
	return reach;
}

/* Branches that see only headquarters, and one group that sees all; the highest bit is an ordinary
 * one. */
static void groups_and_policy(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_group masters = { .bit = 63, .name = "masters" },
			   branches = { .bit = 7, .name = "branches" };
	struct store_group clash = { .bit = 8, .name = "masters" };
	uint32_t master = fixture_node(s, "hq", NODE_SPOKE, NODE_ACTIVE, NULL);
	uint32_t branch = fixture_node(s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL);

	assert_ok(store_group_put(s, &masters));
	assert_ok(store_group_put(s, &branches));
	assert_int_equal(store_group_put(s, &clash), ERR_EXISTS);
	assert_int_equal(store_policy_put(s, 7, 9), ERR_NOTFOUND);
	assert_ok(store_policy_put(s, 63, 7));
	assert_int_equal(store_policy_put(s, 63, 7), ERR_EXISTS);
	assert_ok(store_policy_put(s, 63, 63));
	assert_ok(store_node_groups_put(s, master, 1ull << 63 | 1));
	assert_ok(store_node_groups_put(s, branch, 1ull << 7));
	assert_int_equal(store_node_groups_put(s, branch, 1ull << 9), ERR_NOTFOUND);
	assert_ok(store_node_groups_put(s, branch, 1ull << 7));
	assert_int_equal(store_node_groups_put(s, 999, 1), ERR_NOTFOUND);

	assert_true(reach_of(s, master) == (1ull << 63 | 1ull << 7 | 1));
	assert_true(reach_of(s, branch) == 1ull << 63);
	assert_ok(store_policy_remove(s, 63, 7));
	assert_int_equal(store_policy_remove(s, 63, 7), ERR_NOTFOUND);
	assert_true(reach_of(s, branch) == 0);
}

static enum err note_policy(void *arg, const struct store_policy *p)
{
	struct store_policy *last = arg;

	*last = *p;
	return ERR_OK;
}

/* The path policy of rows reaches both groups' nodes; the node's own setting is its own. */
static void path_policy(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_group masters = { .bit = 63, .name = "masters" },
			   branches = { .bit = 7, .name = "branches" };
	uint32_t master = fixture_node(s, "hq", NODE_SPOKE, NODE_ACTIVE, NULL);
	uint32_t branch = fixture_node(s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL);
	struct store_policy last = { 0 };
	struct node n;

	assert_ok(store_group_put(s, &masters));
	assert_ok(store_group_put(s, &branches));
	assert_ok(store_node_groups_put(s, master, 1ull << 63));
	assert_ok(store_node_groups_put(s, branch, 1ull << 7));
	assert_int_equal(store_policy_path_put(s, 7, 63, PATH_POLICY_HUB_ONLY), ERR_NOTFOUND);
	assert_ok(store_policy_put(s, 7, 63));
	assert_ok(store_policy_put(s, 7, 7));
	assert_int_equal(store_policy_path_put(s, 7, 63, (enum path_policy)3), ERR_INVALID);
	assert_ok(store_policy_path_put(s, 7, 63, PATH_POLICY_HUB_ONLY));
	assert_ok(store_policy_path_put(s, 7, 7, PATH_POLICY_DIRECT_ONLY));
	assert_ok(store_node_get(s, branch, &n, NULL));
	assert_true(n.hub_only == 1ull << 63 && n.direct_only == 1ull << 7);
	assert_int_equal(n.path_policy, PATH_POLICY_AUTO);
	n.path_policy = PATH_POLICY_HUB_ONLY;
	assert_ok(store_begin(s));
	assert_ok(store_node_put(s, &n));
	assert_ok(store_group_touch(s, 63, 99));
	assert_ok(store_commit(s));
	node_fini(&n);
	assert_ok(store_node_get(s, master, &n, NULL));
	assert_true(n.hub_only == 1ull << 7 && n.direct_only == 0);
	assert_int_equal(n.path_policy, PATH_POLICY_AUTO);
	assert_int_equal(n.revision, 99);
	node_fini(&n);
	assert_ok(store_node_get(s, branch, &n, NULL));
	assert_int_equal(n.path_policy, PATH_POLICY_HUB_ONLY);
	assert_int_not_equal(n.revision, 99);
	node_fini(&n);
	assert_ok(store_policies_list(s, note_policy, &last));
	assert_int_equal(last.from_bit, 7);
	assert_int_equal(last.to_bit, 63);
	assert_int_equal(last.path_policy, PATH_POLICY_HUB_ONLY);
}

static enum err note_addr(void *arg, const struct addr *a)
{
	char text[ADDR_STR_SIZE];

	strncat(arg, addr_format(a, text), 40);
	strncat(arg, " ", 2);
	return ERR_OK;
}

static void addresses(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct prefix pool = fixture_prefix("10.91.0.0/24"), pool6 = fixture_prefix("fd00::/64");
	char text[256] = "";

	fixture_node(s, "c", NODE_SPOKE, NODE_ACTIVE, "10.91.0.200");
	fixture_node(s, "a", NODE_SPOKE, NODE_ACTIVE, "10.91.0.3");
	fixture_node(s, "b", NODE_SPOKE, NODE_ACTIVE, "10.91.1.4");
	fixture_node(s, "d", NODE_SPOKE, NODE_ACTIVE, "fd00::9");
	assert_ok(store_addresses_in(s, &pool, note_addr, text));
	assert_string_equal(text, "10.91.0.3 10.91.0.200 ");
	text[0] = '\0';
	assert_ok(store_addresses_in(s, &pool6, note_addr, text));
	assert_string_equal(text, "fd00::9 ");
}

/* Values that the schema forbids, put there by force: each must be an error, never a wrong struct
 * or a crash. */
static void tampered_rows(void **state)
{
	static const char *const cases[] = {
		"UPDATE nodes SET kind = 17",
		"UPDATE nodes SET status = 0",
		"UPDATE nodes SET name = 'no name'",
		"UPDATE nodes SET name = '../../etc'",
		"UPDATE nodes SET revision = -4",
		"UPDATE nodes SET compression = 300",
		"UPDATE nodes SET keepalive_s = 70000",
		"UPDATE nodes SET aes = 2",
		"UPDATE nodes SET address4 = x'0a'",
		"UPDATE nodes SET comment = replace(hex(zeroblob(400)), '0', 'x')",
		"UPDATE nodes SET comment = 'a' || char(0) || 'b'",
		"UPDATE keys SET public_key = x'00' WHERE kind = 1",
		"UPDATE keys SET signature = x'00' WHERE kind = 2",
		"UPDATE subnets SET length = 200",
		"UPDATE subnets SET length = 8", /* leaves host bits */
		"UPDATE subnets SET family = 5",
		"UPDATE subnets SET first = x''",
		"UPDATE subnets SET weight = -1",
		"UPDATE node_endpoints SET endpoint = replace(hex(zeroblob(400)), '0', 'x')",
		"INSERT INTO node_endpoints VALUES (1, 1, 'h 1'), (1, 2, 'h 1'), (1, 3, 'h 1'), "
		"(1, 4, 'h 1'), (1, 5, 'h 1'),"
		" (1, 6, 'h 1'), (1, 7, 'h 1'), (1, 8, 'h 1')",
	};
	struct store *s = ((struct fixture *)*state)->s;
	struct node n;
	uint32_t id = fixture_node(s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.91.0.2");

	put_key(s, id, KEY_IDENTITY, 1);
	put_key(s, id, KEY_TUNNEL, 2);
	put_subnet(s, id, "10.20.3.0/24", SUBNET_APPROVED);
	raw(s, "INSERT INTO node_endpoints VALUES (1, 0, 'host 1'); PRAGMA "
	       "ignore_check_constraints = ON");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { .answer = ERR_OK };

		raw(s, "BEGIN");
		raw(s, cases[i]);
		if (store_node_get(s, id, &n, NULL) != ERR_CORRUPT ||
		    store_nodes_since(s, 0, 0, 0, note, &seen) != ERR_CORRUPT)
			fail_msg("taken: %s", cases[i]);
		raw(s, "ROLLBACK");
	}
	assert_ok(store_node_get(s, id, &n, NULL));
	node_fini(&n);
}

/* Steps of SQLite's machine that all statements have taken since the last time. */
static int steps(struct store *s)
{
	struct connection *c = &s->db[DB_DIRECTORY];
	int n = 0;

	for (unsigned i = 0; i < c->n_cached; i++)
		n += sqlite3_stmt_status(c->cache[i].st, SQLITE_STMTSTATUS_VM_STEP, 1);
	return n;
}

static enum err ignore_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	(void)arg, (void)n, (void)meta;
	return ERR_OK;
}

/* What it takes to read one node, and the one that changed last. */
static int steps_of_one(struct store *s, uint32_t id, uint64_t revision)
{
	struct node n;

	(void)steps(s);
	assert_ok(store_node_get(s, id, &n, NULL));
	node_fini(&n);
	assert_ok(store_nodes_since(s, revision - 1, 0, 0, ignore_node, NULL));
	return steps(s);
}

/* Nodes `from` + 1 .. `to`, each with a subnet and at a revision of its own. Returns the last one's
 * id. */
static uint32_t put_many(struct store *s, unsigned from, unsigned to)
{
	uint32_t id = 0;

	assert_ok(store_begin(s));
	for (unsigned i = from + 1; i <= to; i++) {
		struct node n = { .kind = NODE_SPOKE, .status = NODE_ACTIVE, .revision = i };
		char prefix[32];

		snprintf(n.name, sizeof(n.name), "n%u", i);
		assert_ok(store_node_put(s, &n));
		id = n.id;
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		put_subnet(s, id, prefix, SUBNET_APPROVED);
	}
	assert_ok(store_commit(s));
	return id;
}

/* One node costs the same among ten and among two thousand: SQLite finds its rows by an index. */
static void cost_does_not_grow(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint32_t id = put_many(s, 0, 10);
	int few = steps_of_one(s, id, 10), many;

	id = put_many(s, 10, 2000);
	many = steps_of_one(s, id, 2000);
	assert_in_range(few, 50, 2000);
	assert_in_range(many, 50, few + 20);
}

/* What the hub's page sums up, and the short walk. */
static void sums(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_nodes_sum sum;
	uint32_t id = put_many(s, 0, 5);

	assert_ok(store_begin(s));
	assert_ok(store_node_status(s, id, NODE_DELETED, "", 6));
	assert_ok(store_node_status(s, id - 1, NODE_DISABLED, "", 6));
	assert_ok(store_commit(s));
	assert_ok(store_nodes_sum(s, &sum));
	assert_int_equal(sum.n[NODE_SPOKE][NODE_ACTIVE], 3);
	assert_int_equal(sum.n[NODE_SPOKE][NODE_DISABLED], 1);
	assert_int_equal(sum.n[NODE_SPOKE][NODE_DELETED], 0);
	assert_int_equal(sum.n[NODE_HUB][NODE_ACTIVE], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_node, setup, teardown),
		cmocka_unit_test_setup_teardown(names_and_addresses_are_unique, setup, teardown),
		cmocka_unit_test_setup_teardown(status_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(since, setup, teardown),
		cmocka_unit_test_setup_teardown(cost_does_not_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(sums, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_and_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(path_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(tampered_rows, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
