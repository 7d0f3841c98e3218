/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding with every refusal, addresses of the pools, editing, revoking, deleting. */
#include "tests/lib/change_fixture.h"

static void refusals_of_add(void **state)
{
	static const char *const bad_endpoint[] = { "host" }, *const bad_port[] = { "host 70000" },
				 *const evil[] = { "a;b 1" };
	static const char *const many[NODE_ENDPOINTS_MAX + 1] = { "a 1", "a 1", "a 1", "a 1", "a 1",
								  "a 1", "a 1", "a 1", "a 1" };
	struct node_subnet twice[] = { fixture_subnet("10.30.0.0/24", 1),
				       fixture_subnet("10.30.0.0/24", 2) };
	struct node_subnet clash[] = { fixture_subnet("10.30.0.0/24", 1),
				       fixture_subnet("10.20.0.0/24", 1) };
	struct addr outside = fixture_addr("10.92.0.5"), network = fixture_addr("10.91.0.0"),
		    broadcast = fixture_addr("10.91.0.255");
	struct addr hubs = fixture_addr("10.91.0.1"), anycast = fixture_addr("fd00:91::"),
		    oslos = fixture_addr("10.91.0.2");
	struct addr two[] = { fixture_addr("10.91.0.50"), fixture_addr("10.91.0.51") },
		    none = { 0 };
	struct public_key zero = { { 0 } }, small_order = { { 1 } };
	struct keys k = network_keys(), hub_like = network_keys();
	const struct {
		struct change_node_add in;
		enum err err;
		const char *code, *pointer;
	} cases[] = {
		{ { .name = NULL, .kind = NODE_SPOKE }, ERR_INVALID, "name_invalid", "/name" },
		{ { .name = "", .kind = NODE_SPOKE }, ERR_INVALID, "name_invalid", "/name" },
		{ { .name = "a b", .kind = NODE_SPOKE }, ERR_INVALID, "name_invalid", "/name" },
		{ { .name = "../x", .kind = NODE_SPOKE }, ERR_INVALID, "name_invalid", "/name" },
		{ { .name = "oslo", .kind = NODE_SPOKE }, ERR_EXISTS, "node_exists", "/name" },
		{ { .name = "hq", .kind = NODE_SPOKE }, ERR_EXISTS, "node_exists", "/name" },
		{ { .name = "n", .kind = NODE_SPOKE, .compression = 12 },
		  ERR_INVALID,
		  "compression_invalid",
		  "/compression" },
		{ { .name = "n",
		    .kind = NODE_WIREGUARD,
		    .tunnel_key = &k.tunnel_public,
		    .path_policy = PATH_POLICY_HUB_ONLY },
		  ERR_INVALID,
		  "path_policy_invalid",
		  "/path_policy" },
		{ { .name = "n", .kind = NODE_SPOKE, .comment = "a\nb" },
		  ERR_INVALID,
		  "comment_invalid",
		  "/comment" },
		{ { .name = "n", .kind = NODE_SPOKE, .comment = "\xff\xfe" },
		  ERR_INVALID,
		  "comment_invalid",
		  "/comment" },
		{ { .name = "n", .kind = NODE_SPOKE, .endpoints = bad_endpoint, .n_endpoints = 1 },
		  ERR_INVALID,
		  "endpoint_invalid",
		  "/endpoints/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .endpoints = bad_port, .n_endpoints = 1 },
		  ERR_INVALID,
		  "endpoint_invalid",
		  "/endpoints/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .endpoints = evil, .n_endpoints = 1 },
		  ERR_INVALID,
		  "endpoint_invalid",
		  "/endpoints/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .endpoints = many, .n_endpoints = 9 },
		  ERR_LIMIT,
		  "limit_reached",
		  "/endpoints" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &outside, .n_addresses = 1 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &network, .n_addresses = 1 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &broadcast, .n_addresses = 1 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &anycast, .n_addresses = 1 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &none, .n_addresses = 1 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = two, .n_addresses = 2 },
		  ERR_INVALID,
		  "address_invalid",
		  "/addresses/1" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &hubs, .n_addresses = 1 },
		  ERR_EXISTS,
		  "address_taken",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .addresses = &oslos, .n_addresses = 1 },
		  ERR_EXISTS,
		  "address_taken",
		  "/addresses/0" },
		{ { .name = "n", .kind = NODE_SPOKE, .subnets = twice, .n_subnets = 2 },
		  ERR_EXISTS,
		  "subnet_duplicate",
		  "/subnets/1/prefix" },
		{ { .name = "n", .kind = NODE_SPOKE, .subnets = clash, .n_subnets = 2 },
		  ERR_CONFLICT,
		  "subnet_overlap",
		  "/subnets/1/prefix" },
		{ { .name = "n",
		    .kind = NODE_SPOKE,
		    .subnets = clash,
		    .n_subnets = NODE_SUBNETS_MAX + 1 },
		  ERR_LIMIT,
		  "limit_reached",
		  "/subnets" },
		{ { .name = "n", .kind = NODE_SPOKE, .tunnel_key = &k.tunnel_public },
		  ERR_INVALID,
		  "key_invalid",
		  "/tunnel_key" },
		{ { .name = "n", .kind = NODE_WIREGUARD },
		  ERR_INVALID,
		  "key_missing",
		  "/tunnel_key" },
		{ { .name = "n", .kind = NODE_WIREGUARD, .tunnel_key = &zero },
		  ERR_INVALID,
		  "key_invalid",
		  "/tunnel_key" },
		{ { .name = "n", .kind = NODE_WIREGUARD, .tunnel_key = &small_order },
		  ERR_INVALID,
		  "key_invalid",
		  "/tunnel_key" },
		{ { .name = "n", .kind = NODE_WIREGUARD, .tunnel_key = &k.tunnel_public },
		  ERR_EXISTS,
		  "key_exists",
		  "/tunnel_key" },
		{ { .name = "n",
		    .kind = NODE_HUB,
		    .tunnel_key = &hub_like.tunnel_public,
		    .identity_key = &k.identity_public,
		    .tunnel_sig = hub_like.tunnel_sig },
		  ERR_AUTH,
		  "key_invalid",
		  "/tunnel_key" },
	};
	struct change_node_add phone = { .name = "phone",
					 .kind = NODE_WIREGUARD,
					 .tunnel_key = &k.tunnel_public };
	struct network w;
	struct node n;
	uint64_t revision, entries;
	uint32_t count;

	(void)state;
	network_open(&w);
	network_spoke(&w, "oslo", "10.20.0.0/16");
	assert_code(&w.c, change_node_add(&w.c, &phone, &n), ERR_OK, "");
	assert_int_equal(n.status, NODE_ACTIVE);
	assert_true(n.has_tunnel && !n.has_identity);
	node_fini(&n);
	revision = network_revision(&w);
	entries = network_audit_count(&w, "node.add");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum err e = change_node_add(&w.c, &cases[i].in, &n);

		if (e != cases[i].err || strcmp(w.c.code, cases[i].code) != 0 ||
		    strcmp(w.c.pointer, cases[i].pointer) != 0)
			fail_msg("case %zu: %s, %s at \"%s\": %s", i, err_str(e), w.c.code,
				 w.c.pointer, w.c.detail);
		assert_true(strlen(w.c.detail) > 10);
		assert_int_equal(w.c.revision, revision);
	}
	assert_int_equal(network_revision(&w), revision);
	assert_int_equal(network_audit_count(&w, "node.add"), entries);
	assert_ok(store_nodes_count(w.f.s, &count));
	assert_int_equal(count, 3);
	network_close(&w);
}

static void assert_addresses(struct network *w, uint32_t id, const char *v4, const char *v6)
{
	struct node n = network_node(w, id);
	char text[ADDR_STR_SIZE];

	assert_string_equal(addr_format(&n.addresses[0], text), v4);
	assert_string_equal(addr_format(&n.addresses[1], text), v6);
	node_fini(&n);
}

static void lowest_free_address(void **state)
{
	struct addr wanted = fixture_addr("10.91.0.3");
	struct change_node_add fixed = {
		.name = "fixed", .kind = NODE_SPOKE, .addresses = &wanted, .n_addresses = 1
	};
	struct network w;
	struct node n;
	uint32_t a;

	(void)state;
	network_open(&w);
	assert_addresses(&w, w.hub, "10.91.0.1", "fd00:91::1");
	a = network_spoke(&w, "a", NULL);
	assert_addresses(&w, a, "10.91.0.2", "fd00:91::2");
	assert_ok(change_node_add(&w.c, &fixed, &n));
	assert_addresses(&w, n.id, "10.91.0.3", "fd00:91::3");
	node_fini(&n);
	assert_addresses(&w, network_spoke(&w, "b", NULL), "10.91.0.4", "fd00:91::4");
	/* What a deleted node had is free again, its name too, and it gets another id. */
	assert_ok(change_node_delete(&w.c, a));
	assert_int_not_equal(network_spoke(&w, "a", NULL), a);
	assert_addresses(&w, 5, "10.91.0.2", "fd00:91::2");
	network_close(&w);
}

static void exhausted_pools(void **state)
{
	static const struct {
		const char *pool4, *pool6;
		unsigned nodes;
	} cases[] = {
		/* the hub is one of them */
		{ "10.91.0.0/30", NULL, 2 },         { "10.91.0.0/29", NULL, 6 },
		{ NULL, "fd00::/126", 3 },           { "10.91.0.0/31", NULL, 2 },
		{ "10.91.0.0/24", "fd00::/126", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct change_node_add one_more = { .name = "more", .kind = NODE_SPOKE };
		struct network w;
		struct node n;
		char name[16];

		network_open_with(&w, cases[i].pool4, cases[i].pool6);
		for (unsigned k = 1; k < cases[i].nodes; k++) {
			snprintf(name, sizeof(name), "n%u", k);
			network_spoke(&w, name, NULL);
		}
		assert_code(&w.c, change_node_add(&w.c, &one_more, &n), ERR_LIMIT,
			    "pool_exhausted");
		network_close(&w);
	}
}

static void edit(void **state)
{
	static const char *const endpoints[] = { "oslo.example.com 6655", "2001:db8::1 443" };
	struct change_node_edit all = {
		.name = "bodo", .endpoints = endpoints, .n_endpoints = 2, .set_endpoints = true, .keepalive_s = 30, .compression = 3,
		.comment = "moved",
	}, nothing = { .keepalive_s = -1, .compression = -1 }, comment = { .keepalive_s = -1, .compression = -1, .comment = "again" };
	struct change_node_edit taken = { .name = "hq", .keepalive_s = -1, .compression = -1 };
	struct change_node_edit hub_name = { .name = "other",
					     .keepalive_s = -1,
					     .compression = -1 };
	struct change_node_edit hub_addresses = { .endpoints = endpoints,
						  .n_endpoints = 2,
						  .set_endpoints = true,
						  .keepalive_s = -1,
						  .compression = -1 };
	struct change_node_edit bad = { .keepalive_s = 70000, .compression = -1 };
	const enum path_policy hub_only = PATH_POLICY_HUB_ONLY;
	struct change_node_edit path = { .keepalive_s = -1,
					 .compression = -1,
					 .path_policy = &hub_only };
	struct store_node_meta meta;
	struct network w;
	struct buf b;
	struct node n;
	uint32_t id;
	uint64_t before;

	(void)state;
	network_open(&w);
	id = network_spoke(&w, "oslo", "10.20.0.0/16");
	before = network_revision(&w);
	assert_code(&w.c, change_node_edit(&w.c, id, &all, &n), ERR_OK, "");
	node_fini(&n);
	assert_int_equal(network_revision(&w), before + 1);
	assert_ok(store_node_find(w.f.s, "bodo", &n, &meta));
	assert_int_equal(n.id, id);
	assert_int_equal(n.keepalive_s, 30);
	assert_int_equal(n.compression, 3);
	assert_int_equal(n.n_endpoints, 2);
	assert_int_equal(n.n_subnets, 1);
	assert_int_equal(n.revision, before + 1);
	assert_string_equal(meta.comment, "moved");
	node_fini(&n);
	/* What no spoke sees makes no revision. */
	assert_code(&w.c, change_node_edit(&w.c, id, &nothing, &n), ERR_OK, "");
	node_fini(&n);
	assert_code(&w.c, change_node_edit(&w.c, id, &comment, &n), ERR_OK, "");
	node_fini(&n);
	assert_int_equal(network_revision(&w), before + 1);
	assert_code(&w.c, change_node_edit(&w.c, id, &path, &n), ERR_OK, "");
	assert_int_equal(n.path_policy, PATH_POLICY_HUB_ONLY);
	node_fini(&n);
	assert_code(&w.c, change_node_edit(&w.c, id, &comment, &n), ERR_OK, "");
	assert_int_equal(n.path_policy, PATH_POLICY_HUB_ONLY);
	node_fini(&n);
	assert_int_equal(network_revision(&w), before + 2);
	assert_code(&w.c, change_node_edit(&w.c, w.hub, &path, &n), ERR_INVALID,
		    "path_policy_invalid");
	assert_code(&w.c, change_node_edit(&w.c, id, &taken, &n), ERR_EXISTS, "node_exists");
	assert_code(&w.c, change_node_edit(&w.c, id, &bad, &n), ERR_INVALID, "keepalive_invalid");
	assert_code(&w.c, change_node_edit(&w.c, w.hub, &hub_name, &n), ERR_DENIED, "node_is_hub");
	assert_code(&w.c, change_node_edit(&w.c, 99, &all, &n), ERR_NOTFOUND, "not_found");
	/* The hub's endpoints are what tokens say. */
	assert_code(&w.c, change_node_edit(&w.c, w.hub, &hub_addresses, &n), ERR_OK, "");
	node_fini(&n);
	buf_init(&b, 1024);
	assert_ok(store_setting_get(w.f.s, "hub_addresses", &b));
	assert_string_equal(buf_cstr(&b), "oslo.example.com 6655\n2001:db8::1 443\n");
	buf_fini(&b);
	network_close(&w);
}

static void revoke_and_delete(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct store_subnet clash_out;
	struct node_subnet same = fixture_subnet("10.20.0.0/16", 10);
	struct store_token t;
	struct network w;
	struct keys k;
	struct node n;
	uint32_t oslo, bergen, token;
	uint32_t owner;
	bool current;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	bergen = network_spoke(&w, "bergen", NULL);
	network_join(&w, oslo, &k);
	token = network_token(&w, oslo, 1, secret);
	assert_code(&w.c, change_node_revoke(&w.c, w.hub, "no"), ERR_DENIED, "node_is_hub");
	assert_code(&w.c, change_node_delete(&w.c, w.hub), ERR_DENIED, "node_is_hub");
	assert_code(&w.c, change_node_revoke(&w.c, 99, "no"), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_node_revoke(&w.c, oslo, "bad\x01text"), ERR_INVALID,
		    "reason_invalid");
	assert_code(&w.c, change_node_revoke(&w.c, oslo, "stolen"), ERR_OK, "");
	assert_code(&w.c, change_node_revoke(&w.c, oslo, "again"), ERR_CONFLICT,
		    "node_already_revoked");
	n = network_node(&w, oslo);
	assert_int_equal(n.status, NODE_REVOKED);
	assert_int_equal(n.revision, network_revision(&w));
	assert_false(n.has_identity || n.has_tunnel);
	assert_int_equal(n.n_subnets, 1); /* still listed */
	node_fini(&n);
	assert_ok(store_node_by_identity(w.f.s, &k.identity_public, &owner, &current));
	assert_false(current);
	assert_ok(store_token_get(w.f.s, token, &t));
	assert_true(t.revoked_ms > 0);
	assert_code(&w.c, change_subnet_add(&w.c, bergen, &same, false, &clash_out), ERR_CONFLICT,
		    "subnet_overlap");

	assert_code(&w.c, change_node_delete(&w.c, oslo), ERR_OK, "");
	assert_code(&w.c, change_node_delete(&w.c, oslo), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_node_revoke(&w.c, oslo, "x"), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_subnet_add(&w.c, bergen, &same, false, &clash_out), ERR_OK, "");
	assert_int_equal(network_audit_count(&w, "node.revoke"), 1);
	assert_int_equal(network_audit_count(&w, "node.delete"), 1);
	network_close(&w);
}

/* A name is only a name: keys, addresses and subnets stay, and the old one is free. */
static void rename_and_move(void **state)
{
	struct addr own[2] = { fixture_addr("10.91.0.77"), fixture_addr("fd00:91::77") },
		    foreign = fixture_addr("10.92.0.1");
	struct change_node_edit move = { .addresses = own, .n_addresses = 1 };
	struct change_node_edit away = { .addresses = &foreign, .n_addresses = 1 };
	struct network w;
	struct keys k;
	struct node n;
	uint32_t oslo, bergen;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	bergen = network_spoke(&w, "bergen", NULL);
	network_join(&w, oslo, &k);
	assert_code(&w.c,
		    change_node_edit(&w.c, oslo, &(struct change_node_edit){ .name = "nord" }, &n),
		    ERR_OK, "");
	assert_string_equal(n.name, "nord");
	assert_true(n.has_identity && public_key_equal(&n.identity_key, &k.identity_public));
	assert_int_equal(n.n_subnets, 1);
	assert_int_equal(n.revision, network_revision(&w));
	node_fini(&n);
	assert_code(
		&w.c,
		change_node_edit(&w.c, bergen, &(struct change_node_edit){ .name = "nord" }, &n),
		ERR_EXISTS, "node_exists");
	assert_code(
		&w.c,
		change_node_edit(&w.c, bergen, &(struct change_node_edit){ .name = "oslo" }, &n),
		ERR_OK, "");
	node_fini(&n);

	assert_code(&w.c, change_node_edit(&w.c, oslo, &move, &n), ERR_OK, "");
	node_fini(&n);
	assert_addresses(&w, oslo, "10.91.0.77", "fd00:91::2");
	move.n_addresses = 2; /* the one that it has already is no clash with itself */
	assert_code(&w.c, change_node_edit(&w.c, oslo, &move, &n), ERR_OK, "");
	node_fini(&n);
	assert_addresses(&w, oslo, "10.91.0.77", "fd00:91::77");
	assert_code(&w.c, change_node_edit(&w.c, bergen, &move, &n), ERR_EXISTS, "address_taken");
	assert_code(&w.c, change_node_edit(&w.c, oslo, &away, &n), ERR_INVALID, "address_invalid");
	assert_addresses(&w, oslo, "10.91.0.77", "fd00:91::77");
	network_close(&w);
}

/* Disabled is not revoked: keys stay current, and no token lets the node in meanwhile. */
static void disable_and_enable(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct change_join in;
	struct network w;
	struct keys k, other = network_keys();
	struct node n;
	uint32_t oslo, bergen, owner;
	bool current = false;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	bergen = network_spoke(&w, "bergen", NULL);
	assert_code(&w.c, change_node_disable(&w.c, bergen, ""), ERR_CONFLICT, "node_not_active");
	network_join(&w, oslo, &k);
	network_token(&w, oslo, 1, secret);
	assert_code(&w.c, change_node_disable(&w.c, w.hub, ""), ERR_DENIED, "node_is_hub");
	assert_code(&w.c, change_node_disable(&w.c, 99, ""), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_node_disable(&w.c, oslo, "bad\x01"), ERR_INVALID,
		    "reason_invalid");
	assert_code(&w.c, change_node_enable(&w.c, oslo), ERR_CONFLICT, "node_not_disabled");
	assert_code(&w.c, change_node_disable(&w.c, oslo, "moving house"), ERR_OK, "");
	assert_code(&w.c, change_node_disable(&w.c, oslo, ""), ERR_CONFLICT,
		    "node_already_disabled");
	n = network_node(&w, oslo);
	assert_int_equal(n.status, NODE_DISABLED);
	assert_int_equal(n.revision, network_revision(&w));
	node_fini(&n);
	assert_ok(store_node_by_identity(w.f.s, &k.identity_public, &owner, &current));
	assert_true(current);
	in = network_join_request(secret, &other);
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_DENIED, "node_disabled");

	assert_code(&w.c, change_node_enable(&w.c, oslo), ERR_OK, "");
	n = network_node(&w, oslo);
	assert_int_equal(n.status, NODE_ACTIVE);
	assert_true(public_key_equal(&n.identity_key, &k.identity_public));
	assert_int_equal(n.n_subnets, 1);
	assert_true(n.addresses[0].family && n.addresses[1].family);
	node_fini(&n);
	assert_int_equal(network_audit_count(&w, "node.disable"), 1);
	assert_int_equal(network_audit_count(&w, "node.enable"), 1);
	network_close(&w);
}

static void set_restored(struct network *w, uint64_t revision)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)revision);
	assert_ok(store_begin(w->f.s));
	assert_ok(store_setting_put(w->f.s, STORE_RESTORED_REVISION, number));
	assert_ok(store_commit(w->f.s));
}

/* What a spoke says of another counts only after a restore, for what came after the backup, once.
 */
static void quarantine_after_a_restore(void **state)
{
	struct network w;
	struct keys k;
	struct node n;
	uint32_t oslo, bergen;
	uint64_t backup;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	bergen = network_spoke(&w, "bergen", NULL);
	network_join(&w, oslo, &k);
	backup = network_revision(&w);
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, backup + 9), ERR_DENIED,
		    "not_restored");
	set_restored(&w, backup);
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, backup), ERR_DENIED, "not_restored");
	assert_code(&w.c, change_node_quarantine(&w.c, bergen, backup + 9), ERR_DENIED,
		    "not_restored");
	assert_code(&w.c, change_node_quarantine(&w.c, w.hub, backup + 9), ERR_DENIED,
		    "not_restored");
	assert_code(&w.c, change_node_quarantine(&w.c, 99, backup + 9), ERR_NOTFOUND, "not_found");
	assert_int_equal(network_revision(&w), backup);
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, backup + 1), ERR_OK, "");
	n = network_node(&w, oslo);
	assert_int_equal(n.status, NODE_DISABLED);
	assert_int_equal(n.revision, backup + 1);
	node_fini(&n);
	/* The admin's word is the last, until another backup is restored. */
	assert_code(&w.c, change_node_enable(&w.c, oslo), ERR_OK, "");
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, backup + 9), ERR_DENIED,
		    "not_restored");
	assert_int_equal(network_audit_count(&w, "node.quarantine"), 1);
	set_restored(&w, network_revision(&w));
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, backup + 9), ERR_OK, "");
	network_close(&w);
}

static void revoke_keys(void **state)
{
	struct store_key first, second;
	struct keys k;
	struct network w;
	uint32_t oslo;
	uint64_t before;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &k);
	assert_ok(store_key_current(w.f.s, oslo, KEY_IDENTITY, &first));
	network_join(&w, oslo, &k); /* anew, with other keys */
	assert_ok(store_key_current(w.f.s, oslo, KEY_IDENTITY, &second));
	before = network_revision(&w);
	/* An old key: the node goes on. */
	assert_code(&w.c, change_key_revoke(&w.c, first.id, "leaked"), ERR_OK, "");
	assert_code(&w.c, change_key_revoke(&w.c, first.id, "leaked"), ERR_CONFLICT,
		    "key_already_revoked");
	assert_int_equal(network_status(&w, oslo), NODE_ACTIVE);
	assert_int_equal(network_revision(&w), before);
	/* The current one: the node is out. */
	assert_code(&w.c, change_key_revoke(&w.c, second.id, "leaked"), ERR_OK, "");
	assert_int_equal(network_status(&w, oslo), NODE_REVOKED);
	assert_int_equal(network_revision(&w), before + 1);
	assert_code(&w.c, change_key_revoke(&w.c, 99, ""), ERR_NOTFOUND, "not_found");
	assert_ok(store_key_current(w.f.s, w.hub, KEY_TUNNEL, &first));
	assert_code(&w.c, change_key_revoke(&w.c, first.id, ""), ERR_DENIED, "node_is_hub");
	network_close(&w);
}

/* Whatever endpoint the hub takes, spokes must be able to read in the directory. */
static void endpoints_that_spokes_can_read(void **state)
{
	static const char *const texts[] = {
		"hub.example 1",     "192.0.2.1 65535", "2001:db8::1 6655", "hub.example 06655",
		"-hub.example 6655", "fe80::1%2 6655",  "hub.example:6655", "[2001:db8::1] 6655",
		"hub.example  6655", "hub.example 0",   "a:b 6655",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *const list[] = { texts[i] };
		struct change_node_edit edit = {
			.endpoints = list,
			.n_endpoints = 1,
			.set_endpoints = true,
			.keepalive_s = -1,
			.compression = -1,
		};
		struct network w;
		struct node n, back;
		json_t *j;
		enum err e;

		network_open(&w);
		e = change_node_edit(&w.c, network_spoke(&w, "oslo", NULL), &edit, &n);
		assert_int_equal(e, i < 3 ? ERR_OK : ERR_INVALID);
		if (!e) {
			j = node_to_json(&n);
			assert_ok(node_from_json(j, &back));
			assert_string_equal(back.endpoints[0], texts[i]);
			node_fini(&back);
			node_fini(&n);
			json_decref(j);
		}
		network_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_that_spokes_can_read),
		cmocka_unit_test(refusals_of_add),
		cmocka_unit_test(lowest_free_address),
		cmocka_unit_test(exhausted_pools),
		cmocka_unit_test(edit),
		cmocka_unit_test(revoke_and_delete),
		cmocka_unit_test(revoke_keys),
		cmocka_unit_test(rename_and_move),
		cmocka_unit_test(disable_and_enable),
		cmocka_unit_test(quarantine_after_a_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
