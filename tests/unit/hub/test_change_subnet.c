/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlap rules, a row per case, and the life of proposals. */
#include "tests/lib/change_fixture.h"

/* "oslo" has 10.20.0.0/16 and fd20::/48; is `prefix` taken for "bergen"? */
static void overlap_table(void **state)
{
	static const struct {
		const char *prefix;
		bool failover;
		enum err err;
		const char *code;
	} cases[] = {
		/* apart */
		{ "10.21.0.0/16", false, ERR_OK, "" },
		{ "10.19.255.0/24", false, ERR_OK, "" },
		{ "fd21::/48", false, ERR_OK, "" },
		{ "192.168.1.1/32", false, ERR_OK, "" },
		/* the very same: only as fail-over */
		{ "10.20.0.0/16", false, ERR_CONFLICT, "subnet_overlap" },
		{ "10.20.0.0/16", true, ERR_OK, "" },
		{ "fd20::/48", false, ERR_CONFLICT, "subnet_overlap" },
		{ "fd20::/48", true, ERR_OK, "" },
		/* inside and around: never */
		{ "10.20.1.0/24", false, ERR_CONFLICT, "subnet_overlap" },
		{ "10.20.1.0/24", true, ERR_CONFLICT, "subnet_overlap" },
		{ "10.20.0.0/17", true, ERR_CONFLICT, "subnet_overlap" },
		{ "10.20.255.255/32", false, ERR_CONFLICT, "subnet_overlap" },
		{ "10.20.0.0/15", true, ERR_CONFLICT, "subnet_overlap" },
		{ "fd20:0:0:1::/64", false, ERR_CONFLICT, "subnet_overlap" },
		{ "fd20::/32", true, ERR_CONFLICT, "subnet_overlap" },
		/* the pools */
		{ "10.91.0.0/24", false, ERR_CONFLICT, "subnet_in_pool" },
		{ "10.91.0.128/25", true, ERR_CONFLICT, "subnet_in_pool" },
		{ "10.91.0.200/32", false, ERR_CONFLICT, "subnet_in_pool" },
		{ "10.0.0.0/8", false, ERR_CONFLICT, "subnet_in_pool" },
		{ "fd00:91::/64", false, ERR_CONFLICT, "subnet_in_pool" },
		/* no networks of hosts */
		{ "224.0.0.0/4", false, ERR_INVALID, "subnet_invalid" },
		{ "127.0.0.0/8", false, ERR_INVALID, "subnet_invalid" },
		{ "ff02::/16", false, ERR_INVALID, "subnet_invalid" },
		{ "126.0.0.0/7", false, ERR_INVALID, "subnet_invalid" }, /* around 127.0.0.0/8 */
		{ "160.0.0.0/3", false, ERR_INVALID, "subnet_invalid" }, /* around 169.254.0.0/16 */
		{ "0.0.0.0/0", false, ERR_INVALID, "subnet_invalid" },
		{ "::/0", true, ERR_INVALID, "subnet_invalid" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct node_subnet second = fixture_subnet("fd20::/48", 10),
				   sub = fixture_subnet(cases[i].prefix, 20);
		struct store_subnet out;
		struct network w;
		uint32_t oslo, bergen;
		uint64_t before;
		enum err e;

		network_open(&w);
		oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
		bergen = network_spoke(&w, "bergen", NULL);
		assert_ok(change_subnet_add(&w.c, oslo, &second, false, &out));
		before = network_revision(&w);
		e = change_subnet_add(&w.c, bergen, &sub, cases[i].failover, &out);
		if (e != cases[i].err || strcmp(w.c.code, cases[i].code) != 0)
			fail_msg("%s%s: %s, \"%s\"", cases[i].prefix,
				 cases[i].failover ? " failover" : "", err_str(e), w.c.detail);
		if (e && strcmp(w.c.code, "subnet_overlap") == 0)
			assert_non_null(strstr(w.c.detail, "oslo"));
		assert_int_equal(network_revision(&w), before + !e);
		assert_int_equal(w.c.revision, before + !e);
		if (!e) {
			struct node n = network_node(&w, bergen);

			assert_int_equal(n.n_subnets, 1);
			assert_int_equal(n.subnets[0].weight, 20);
			assert_int_equal(n.revision, before + 1);
			node_fini(&n);
			assert_string_equal(out.node_name, "bergen");
		} else {
			assert_string_equal(w.c.pointer, "/prefix");
		}
		network_close(&w);
	}
}

static void own_subnets(void **state)
{
	struct node_subnet inner = fixture_subnet("10.20.1.0/24", 10),
			   same = fixture_subnet("10.20.0.0/16", 10);
	struct node_subnet heavy = fixture_subnet("10.30.0.0/16", SUBNET_WEIGHT_MAX + 1);
	struct node_subnet host_bits = { { { AF_INET, { 10, 30, 0, 1 } }, 16 }, 10 },
			   too_long = { { { AF_INET, { 10 } }, 33 }, 10 };
	struct store_subnet out;
	struct network w;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &same, false, &out), ERR_EXISTS,
		    "subnet_duplicate");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &same, true, &out), ERR_EXISTS,
		    "subnet_duplicate");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &heavy, false, &out), ERR_INVALID,
		    "weight_invalid");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &host_bits, false, &out), ERR_INVALID,
		    "subnet_invalid");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &too_long, false, &out), ERR_INVALID,
		    "subnet_invalid");
	assert_code(&w.c, change_subnet_add(&w.c, 99, &inner, false, &out), ERR_NOTFOUND,
		    "not_found");
	/* A longer prefix of one's own is an exception for a part, not a clash. */
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &inner, false, &out), ERR_OK, "");
	assert_code(&w.c, change_subnet_remove(&w.c, out.id), ERR_OK, "");
	assert_code(&w.c, change_subnet_remove(&w.c, out.id), ERR_NOTFOUND, "not_found");
	assert_int_equal(network_audit_count(&w, "subnet.add"), 1);
	assert_int_equal(network_audit_count(&w, "subnet.remove"), 1);
	network_close(&w);
}

/* What a spoke proposes is in nobody's way until an admin adds it. */
static void proposals(void **state)
{
	struct node_subnet lan = fixture_subnet("10.40.0.0/24", 10),
			   pool = fixture_subnet("10.91.0.0/25", 10);
	struct node_subnet taken = fixture_subnet("10.20.1.0/24", 10),
			   other = fixture_subnet("10.41.0.0/24", 5);
	struct store_subnet out;
	struct network w;
	uint32_t oslo, bergen;
	uint64_t before;
	struct node n;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	bergen = network_spoke(&w, "bergen", NULL);
	before = network_revision(&w);
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &lan), ERR_OK, "");
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &lan), ERR_OK, "");
	assert_int_equal(network_audit_count(&w, "subnet.propose"), 1);
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &taken), ERR_CONFLICT,
		    "subnet_overlap");
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &pool), ERR_CONFLICT,
		    "subnet_in_pool");
	assert_int_equal(network_revision(&w), before);
	n = network_node(&w, bergen);
	assert_int_equal(n.n_subnets, 0);
	node_fini(&n);

	assert_code(&w.c, change_subnet_add(&w.c, bergen, &lan, false, &out), ERR_OK,
		    ""); /* becomes approved */
	n = network_node(&w, bergen);
	assert_int_equal(n.n_subnets, 1);
	node_fini(&n);
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &other), ERR_OK, "");
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &other, false, &out), ERR_OK,
		    ""); /* a proposal does not reserve */
	for (int i = 0; i < 63; i++) {
		struct node_subnet sub = { { { AF_INET, { 172, 16, (uint8_t)i, 0 } }, 24 }, 10 };

		assert_code(&w.c, change_subnet_propose(&w.c, bergen, &sub), ERR_OK, "");
	}
	lan = fixture_subnet("172.17.0.0/24", 10);
	assert_code(&w.c, change_subnet_propose(&w.c, bergen, &lan), ERR_LIMIT, "limit_reached");
	network_close(&w);
}

static void dry_run(void **state)
{
	struct node_subnet sub = fixture_subnet("10.40.0.0/24", 10);
	struct store_subnet out;
	struct network w;
	uint32_t oslo, count;
	uint64_t before;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	before = network_revision(&w);
	w.c.dry_run = true;
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &sub, false, &out), ERR_OK, "");
	assert_int_equal(w.c.revision, before);
	assert_int_equal(network_revision(&w), before);
	assert_ok(store_subnets_count(w.f.s, oslo, &count));
	assert_int_equal(count, 0);
	assert_int_equal(network_audit_count(&w, "subnet.add"), 0);
	network_close(&w);
}

/* The weight moves without the subnet being away; approving goes through the checks of adding. */
static void edits(void **state)
{
	const uint32_t five = 5, too_much = 65536;
	struct change_subnet_edit weight = { .weight = &five }, bad = { .weight = &too_much },
				  approve = { .approve = true };
	struct node_subnet lan = fixture_subnet("10.20.0.0/24", 20),
			   theirs = fixture_subnet("10.20.0.0/24", 30);
	struct store_subnet added, out, proposed = { 0 };
	struct network w;
	uint32_t oslo, bergen;
	uint64_t before;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	bergen = network_spoke(&w, "bergen", NULL);
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &lan, 0, &added), ERR_OK, "");
	before = network_revision(&w);
	assert_code(&w.c, change_subnet_edit(&w.c, added.id, &bad, &out), ERR_INVALID,
		    "weight_invalid");
	assert_code(&w.c, change_subnet_edit(&w.c, 99, &weight, &out), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_subnet_edit(&w.c, added.id, &weight, &out), ERR_OK, "");
	assert_true(out.subnet.weight == 5 && out.status == SUBNET_APPROVED);
	assert_int_equal(network_revision(&w), before + 1);
	/* Nothing new is no revision. */
	assert_code(&w.c, change_subnet_edit(&w.c, added.id, &weight, &out), ERR_OK, "");
	assert_code(&w.c, change_subnet_edit(&w.c, added.id, &approve, &out), ERR_OK, "");
	assert_int_equal(network_revision(&w), before + 1);

	assert_ok(change_subnet_propose(&w.c, bergen, &theirs));
	proposed.id = added.id + 1;
	assert_code(&w.c, change_subnet_edit(&w.c, proposed.id, &weight, &out), ERR_OK, "");
	assert_true(out.subnet.weight == 5 && out.status == SUBNET_PROPOSED);
	assert_int_equal(network_revision(&w), before + 1);
	assert_code(&w.c, change_subnet_edit(&w.c, proposed.id, &approve, &out), ERR_CONFLICT,
		    "subnet_overlap");
	approve.flags = SUBNET_FAILOVER;
	assert_code(&w.c, change_subnet_edit(&w.c, proposed.id, &approve, &out), ERR_OK, "");
	assert_true(out.id == proposed.id && out.status == SUBNET_APPROVED &&
		    out.subnet.weight == 5);
	assert_int_equal(network_revision(&w), before + 2);
	network_close(&w);
}

/* Where branches reach the hub is in no subnet, unless the admin insists. */
static void hub_stays_outside(void **state)
{
	static const struct {
		const char *prefix, *code;
	} cases[] = {
		{ "203.0.113.10/32", "subnet_holds_hub" },
		{ "203.0.113.0/24", "subnet_holds_hub" },
		{ "2001:db8:ffff::/48", "subnet_holds_hub" },
		{ "203.0.113.11/32", "" },
	};
	struct node_subnet forced = fixture_subnet("203.0.113.10/32", 10);
	struct store_subnet out;
	struct network w;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	assert_ok(store_setting_put(w.f.s, "hub_addresses",
				    "hq.example.net 6655\n203.0.113.10 6655\n"
				    "2001:db8:ffff::a 6655"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct node_subnet s = fixture_subnet(cases[i].prefix, 10);
		struct change_node_add add = {
			.name = "lier", .kind = NODE_SPOKE, .subnets = &s, .n_subnets = 1
		};
		const bool good = !cases[i].code[0];
		struct node n;

		w.c.dry_run = true;
		assert_code(&w.c, change_node_add(&w.c, &add, &n), good ? ERR_OK : ERR_CONFLICT,
			    cases[i].code);
		if (good)
			node_fini(&n);
		w.c.dry_run = false;
		assert_code(&w.c, change_subnet_add(&w.c, oslo, &s, 0, &out),
			    good ? ERR_OK : ERR_CONFLICT, cases[i].code);
	}
	assert_code(&w.c, change_subnet_add(&w.c, oslo, &forced, SUBNET_FORCE, &out), ERR_OK, "");
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlap_table), cmocka_unit_test(own_subnets),
		cmocka_unit_test(proposals),     cmocka_unit_test(dry_run),
		cmocka_unit_test(edits),         cmocka_unit_test(hub_stays_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
