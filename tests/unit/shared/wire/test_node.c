/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/node.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/json_text.h"

/* "AAAA...A=": 32 zero bytes; and 64 of them. */
#define KEY_TEXT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIG_TEXT                                                                                   \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static struct node_subnet subnet(const char *s, uint32_t weight)
{
	struct node_subnet sub = { .weight = weight };

	assert_int_equal(prefix_parse(s, &sub.prefix, NULL), ERR_OK);
	return sub;
}

static void add(struct node *n, const char *prefix, uint32_t weight)
{
	struct node_subnet s = subnet(prefix, weight);

	assert_int_equal(node_subnet_add(n, &s), ERR_OK);
}

/* A node with every field at a boundary value. */
static void full_node(struct node *n)
{
	node_init(n);
	n->id = UINT32_MAX;
	memset(n->name, 'z', NAME_MAX_BYTES);
	n->kind = NODE_SPOKE;
	n->status = NODE_ACTIVE;
	n->revision = INT64_MAX;
	n->has_identity = n->has_tunnel = n->key_unbroken = n->aes = true;
	memset(n->identity_key.b, 0xff, KEY_BYTES);
	memset(n->tunnel_key.b, 0x01, KEY_BYTES);
	memset(n->tunnel_sig, 0xfe, sizeof(n->tunnel_sig));
	n->compression = NODE_COMPRESSION_MAX;
	n->keepalive_s = UINT16_MAX;
	n->groups = UINT64_MAX;
	n->reach = 1ull << 63;
	n->path_policy = PATH_POLICY_DIRECT_ONLY;
	n->hub_only = UINT64_MAX;
	n->direct_only = 1ull << 62;
	assert_int_equal(addr_parse("10.255.0.7", &n->addresses[0]), ERR_OK);
	assert_int_equal(addr_parse("fd00::7", &n->addresses[1]), ERR_OK);
	add(n, "2001:db8::/32", SUBNET_WEIGHT_MAX);
	add(n, "0.0.0.0/0", 0);
	add(n, "10.20.0.0/24", 10);
	for (unsigned i = 0; i < NODE_ENDPOINTS_MAX; i++) {
		char line[ENDPOINT_NAME_SIZE];

		memset(line, 'a', 255);
		snprintf(line + 255, 8, " 6553%u", i % 6);
		assert_int_equal(node_endpoint_add(n, line), ERR_OK);
	}
	assert_int_equal(node_endpoint_add(n, "one.example.net 6655"), ERR_LIMIT);
}

static void check_round_trip(const struct node *n)
{
	struct node back;
	json_t *j = node_to_json(n);

	assert_non_null(j);
	assert_int_equal(node_from_json(j, &back), ERR_OK);
	assert_true(node_equal(n, &back));
	assert_int_equal(n->revision, back.revision);
	node_fini(&back);
	json_decref(j);
}

static void test_round_trip(void **state)
{
	struct node n;

	(void)state;
	full_node(&n);
	check_round_trip(&n);
	node_fini(&n);
	/* The least that a node has. */
	n.id = 1;
	n.name[0] = 'a';
	n.kind = NODE_HUB;
	n.status = NODE_INVITED;
	check_round_trip(&n);
	n.kind = NODE_WIREGUARD;
	n.status = NODE_DELETED;
	n.has_tunnel = true;
	check_round_trip(&n);
}

/* Numbers that the other side would refuse are not written. */
static void test_too_large_to_write(void **state)
{
	struct node n;

	(void)state;
	full_node(&n);
	n.revision = 1ull << 63;
	assert_null(node_to_json(&n));
	node_fini(&n);
}

/* Every field counts for equality, except the revision. */
static void test_equal(void **state)
{
	struct node a, b;

	(void)state;
	full_node(&a);
	assert_int_equal(node_copy(&b, &a), ERR_OK);
	b.revision = 1;
	assert_true(node_equal(&a, &b));
#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		struct node c;                                                                     \
		assert_int_equal(node_copy(&c, &a), ERR_OK);                                       \
		change;                                                                            \
		assert_false(node_equal(&a, &c));                                                  \
		assert_false(node_equal(&c, &a));                                                  \
		node_fini(&c);                                                                     \
	} while (0)
	DIFFERS(c.id = 1);
	DIFFERS(c.name[0] = 'y');
	DIFFERS(c.kind = NODE_HUB);
	DIFFERS(c.status = NODE_REVOKED);
	DIFFERS(c.has_identity = false);
	DIFFERS(c.identity_key.b[31] ^= 1);
	DIFFERS(c.has_tunnel = false);
	DIFFERS(c.tunnel_key.b[0] ^= 1);
	DIFFERS(c.tunnel_sig[63] ^= 1);
	DIFFERS(c.key_unbroken = false);
	DIFFERS(c.aes = false);
	DIFFERS(c.compression = 0);
	DIFFERS(c.keepalive_s = 0);
	DIFFERS(c.groups = 1);
	DIFFERS(c.reach = 1);
	DIFFERS(c.path_policy = PATH_POLICY_HUB_ONLY);
	DIFFERS(c.hub_only = 1);
	DIFFERS(c.direct_only = 1);
	DIFFERS(c.addresses[0].b[3] ^= 1);
	DIFFERS(c.addresses[1].family = 0);
	DIFFERS(c.n_subnets = 2);
	DIFFERS(c.subnets[0].weight++);
	DIFFERS(c.subnets[2].prefix.len++);
	DIFFERS(c.n_endpoints--);
	DIFFERS(c.endpoints[7][0] = 'b');
#undef DIFFERS
	node_fini(&a);
	node_fini(&b);
}

static void test_subnet_add(void **state)
{
	struct node_subnet again = subnet("10.20.0.0/24", 99);
	struct node n;

	(void)state;
	full_node(&n);
	for (uint32_t i = 1; i < n.n_subnets; i++)
		assert_true(prefix_cmp(&n.subnets[i - 1].prefix, &n.subnets[i].prefix) < 0);
	assert_int_equal(node_subnet_add(&n, &again), ERR_EXISTS);
	assert_int_equal(n.n_subnets, 3);
	node_fini(&n);

	/* Descending, so that every one has to move the others; one more than the limit. */
	for (uint32_t i = NODE_SUBNETS_MAX; i > 0; i--) {
		struct node_subnet s = { .prefix = { .addr = { .family = AF_INET }, .len = 32 } };

		s.prefix.addr.b[2] = (uint8_t)(i >> 8);
		s.prefix.addr.b[3] = (uint8_t)i;
		assert_int_equal(node_subnet_add(&n, &s), ERR_OK);
	}
	for (uint32_t i = 1; i < n.n_subnets; i++)
		assert_true(prefix_cmp(&n.subnets[i - 1].prefix, &n.subnets[i].prefix) < 0);
	assert_int_equal(node_subnet_add(&n, &again), ERR_LIMIT);
	check_round_trip(&(struct node){ .id = 1,
					 .name = "a",
					 .kind = NODE_SPOKE,
					 .status = NODE_ACTIVE,
					 .n_subnets = n.n_subnets,
					 .subnets = n.subnets });
	node_fini(&n);
}

static void test_may_talk(void **state)
{
	static const struct {
		enum node_kind kind_a, kind_b;
		uint64_t groups_a, reach_a, groups_b, reach_b;
		bool may;
	} rows[] = {
		{ NODE_SPOKE, NODE_SPOKE, 1, 1, 1, 1, true },
		{ NODE_SPOKE, NODE_SPOKE, 1, 0, 1, 0, false },
		{ NODE_SPOKE, NODE_SPOKE, 1, 2, 2, 0, true }, /* one direction is enough */
		{ NODE_SPOKE, NODE_SPOKE, 2, 0, 1, 2, true },
		{ NODE_SPOKE, NODE_SPOKE, 2, 1, 4, 1, false },
		{ NODE_SPOKE, NODE_WIREGUARD, 1ull << 63, 0, 0, 1ull << 63, true },
		{ NODE_HUB, NODE_SPOKE, 0, 0, 0, 0, true },
		{ NODE_SPOKE, NODE_HUB, 0, 0, 0, 0, true },
		{ NODE_SPOKE, NODE_SPOKE, 0, UINT64_MAX, 0, UINT64_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node a = { .kind = rows[i].kind_a,
				  .groups = rows[i].groups_a,
				  .reach = rows[i].reach_a };
		struct node b = { .kind = rows[i].kind_b,
				  .groups = rows[i].groups_b,
				  .reach = rows[i].reach_b };

		if (node_may_talk(&a, &b) != rows[i].may || node_may_talk(&b, &a) != rows[i].may)
			fail_msg("row %zu", i);
	}
}

/* Only spokes have a choice, and either side's word counts. */
static void test_path_policy(void **state)
{
	static const struct {
		enum node_kind kind_a, kind_b;
		enum path_policy own_a, own_b, pair;
	} rows[] = {
		{ NODE_SPOKE, NODE_SPOKE, PATH_POLICY_AUTO, PATH_POLICY_AUTO, PATH_POLICY_AUTO },
		{ NODE_SPOKE, NODE_SPOKE, PATH_POLICY_AUTO, PATH_POLICY_DIRECT_ONLY,
		  PATH_POLICY_DIRECT_ONLY },
		{ NODE_SPOKE, NODE_SPOKE, PATH_POLICY_HUB_ONLY, PATH_POLICY_DIRECT_ONLY,
		  PATH_POLICY_HUB_ONLY },
		{ NODE_SPOKE, NODE_HUB, PATH_POLICY_DIRECT_ONLY, PATH_POLICY_AUTO,
		  PATH_POLICY_AUTO },
		{ NODE_SPOKE, NODE_WIREGUARD, PATH_POLICY_HUB_ONLY, PATH_POLICY_AUTO,
		  PATH_POLICY_AUTO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node a = { .kind = rows[i].kind_a, .path_policy = rows[i].own_a };
		struct node b = { .kind = rows[i].kind_b, .path_policy = rows[i].own_b };

		if (node_path_policy(&a, &b) != rows[i].pair ||
		    node_path_policy(&b, &a) != rows[i].pair)
			fail_msg("row %zu", i);
	}
}

/* Fields that are put into an otherwise good node; the good ones show that the frame around them
 * is. */
static void test_json_rows(void **state)
{
	static const struct {
		const char *fields;
		bool ok;
	} rows[] = {
		{ "'id':1,'name':'a','kind':'spoke','status':'active','revision':0", true },
		{ "'id':1,'name':'a','kind':'spoke','status':'active','revision':0,'unknown':{'x':["
		  "1]}",
		  true },
		{ "'id':1,'name':'a','kind':'spoke','status':'active','revision':0,'groups':null",
		  true },
		{ "'name':'a','kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'name':'a','status':'active','revision':0", false },
		{ "'id':1,'name':'a','kind':'spoke','revision':0", false },
		{ "'id':1,'name':'a','kind':'spoke','status':'active'", false },
		{ "'id':0,'name':'a','kind':'spoke','status':'active','revision':0", false },
		{ "'id':-1,'name':'a','kind':'spoke','status':'active','revision':0", false },
		{ "'id':4294967296,'name':'a','kind':'spoke','status':'active','revision':0",
		  false },
		{ "'id':1.0,'name':'a','kind':'spoke','status':'active','revision':0", false },
		{ "'id':'1','name':'a','kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'name':'','kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'name':'..','kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'name':'a b','kind':'spoke','status':'active','revision':0", false },
		{ "'id':1,'name':'a','kind':'router','status':'active','revision':0", false },
		{ "'id':1,'name':'a','kind':2,'status':'active','revision':0", false },
		{ "'id':1,'name':'a','kind':'spoke','status':'asleep','revision':0", false },
		{ "'id':1,'name':'a','kind':'spoke','status':'active','revision':-1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512];
		struct node n;
		json_t *j;
		enum err e;

		snprintf(text, sizeof(text), "{%s}", rows[i].fields);
		j = json_text_parse(text);
		assert_non_null(j);
		e = node_from_json(j, &n);
		if ((e == ERR_OK) != rows[i].ok)
			fail_msg("%s: %d", rows[i].fields, e);
		if (!e)
			node_fini(&n);
		json_decref(j);
	}
}

static void test_json_optional_rows(void **state)
{
	static const struct {
		const char *fields;
		bool ok;
	} rows[] = {
		{ "'identity_key':'" KEY_TEXT "'", true },
		{ "'identity_key':'AAAA'", false },
		{ "'identity_key':'" SIG_TEXT "'", false },
		{ "'identity_key':5", false },
		{ "'tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT "'", true },
		{ "'tunnel_sig':'" SIG_TEXT "'", false },
		{ "'tunnel_key':'" KEY_TEXT "','tunnel_sig':'" KEY_TEXT "'", false },
		{ "'tunnel_key':'_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='", false },
		{ "'aes':1", false },
		{ "'compression':11", true },
		{ "'compression':12", false },
		{ "'keepalive':65535", true },
		{ "'keepalive':65536", false },
		{ "'groups':'18446744073709551615'", true },
		{ "'groups':'18446744073709551616'", false },
		{ "'groups':'99999999999999999999'", false },
		{ "'groups':'01'", false },
		{ "'groups':'-1'", false },
		{ "'groups':''", false },
		{ "'groups':1", false },
		{ "'reach':'0'", true },
		{ "'reach':' 1'", false },
		{ "'path_policy':'hub-only','hub_only':'3','direct_only':'4'", true },
		{ "'path_policy':null,'hub_only':null", true },
		{ "'path_policy':'direct'", false },
		{ "'path_policy':1", false },
		{ "'hub_only':1", false },
		{ "'direct_only':'-1'", false },
		{ "'addresses':['10.0.0.1','fd00::1']", true },
		{ "'addresses':['fd00::1','10.0.0.1']", true },
		{ "'addresses':['10.0.0.1','10.0.0.2']", false },
		{ "'addresses':['10.0.0.256']", false },
		{ "'addresses':'10.0.0.1'", false },
		{ "'addresses':[null]", false },
		{ "'subnets':[{'prefix':'10.0.0.0/8','weight':0}]", true },
		{ "'subnets':[{'prefix':'10.0.0.0/8'}]", false },
		{ "'subnets':[{'prefix':'10.0.0.1/8','weight':0}]", false },
		{ "'subnets':[{'prefix':'10.0.0.0/8','weight':65536}]", false },
		{ "'subnets':[{'prefix':'10.0.0.0/8','weight':1},{'prefix':'10.0.0.0/"
		  "8','weight':2}]",
		  false },
		{ "'subnets':['10.0.0.0/8']", false },
		{ "'endpoints':['hub.example.net 655','[::1]:655']", false },
		{ "'endpoints':['2001:db8::1 655']", true },
		{ "'endpoints':['hub.example.net']", false },
		{ "'endpoints':['hub.example.net 0']", false },
		{ "'endpoints':['hub.example.net 65536']", false },
		{ "'endpoints':['a 1','a 1','a 1','a 1','a 1','a 1','a 1','a 1','a 1']", false },
		{ "'key_unbroken':'true'", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];
		struct node n;
		json_t *j;
		enum err e;

		snprintf(text, sizeof(text),
			 "{'id':7,'name':'a','kind':'spoke','status':'active','revision':3,%s}",
			 rows[i].fields);
		j = json_text_parse(text);
		assert_non_null(j);
		e = node_from_json(j, &n);
		if ((e == ERR_OK) != rows[i].ok)
			fail_msg("%s: %d", rows[i].fields, e);
		if (!e)
			node_fini(&n);
		json_decref(j);
	}
	assert_int_equal(node_from_json(NULL, &(struct node){ 0 }), ERR_INVALID);
}

static void test_names(void **state)
{
	enum node_kind kind;
	enum node_status status;

	(void)state;
	for (unsigned k = NODE_HUB; k <= NODE_WIREGUARD; k++) {
		assert_int_equal(node_kind_parse(node_kind_str((enum node_kind)k), &kind), ERR_OK);
		assert_int_equal(kind, k);
	}
	for (unsigned s = NODE_INVITED; s <= NODE_DELETED; s++) {
		assert_int_equal(node_status_parse(node_status_str((enum node_status)s), &status),
				 ERR_OK);
		assert_int_equal(status, s);
	}
	assert_string_equal(node_kind_str((enum node_kind)0), "unknown");
	assert_string_equal(node_kind_str((enum node_kind)4), "unknown");
	assert_string_equal(node_status_str((enum node_status)6), "unknown");
	assert_int_equal(node_kind_parse("unknown", &kind), ERR_INVALID);
	assert_int_equal(node_status_parse("", &status), ERR_INVALID);
}

static void test_sign_input(void **state)
{
	struct public_key key;
	uint8_t out[64];

	(void)state;
	memset(key.b, 0x42, KEY_BYTES);
	assert_int_equal(node_tunnel_sign_input(&key, out), 57);
	assert_memory_equal(out, "branchline tunnel key v1\0", 25);
	assert_memory_equal(out + 25, key.b, KEY_BYTES);
}

/* "+prefix" or "-prefix" for each, with a blank behind. */
static void told_subnet(void *arg, const struct node_subnet *s, bool up)
{
	char text[PREFIX_STR_SIZE], *out = arg;
	size_t at = strlen(out);

	snprintf(out + at, 256 - at, "%c%s ", up ? '+' : '-', prefix_format(&s->prefix, text));
}

static void test_subnets_compare(void **state)
{
	struct node old, now;
	char got[256] = "";

	(void)state;
	node_init(&old);
	node_init(&now);
	add(&old, "10.1.0.0/24", 10);
	add(&old, "10.2.0.0/24", 10);
	add(&old, "fd00::/64", 10);
	add(&now, "10.2.0.0/24", 20); /* another weight, the same subnet */
	add(&now, "10.2.0.0/25", 10);
	add(&now, "10.0.0.0/24", 10);
	node_subnets_compare(&old, &now, told_subnet, got);
	assert_string_equal(got, "-10.1.0.0/24 -fd00::/64 +10.0.0.0/24 +10.2.0.0/25 ");
	got[0] = 0;
	node_subnets_compare(&old, &old, told_subnet, got);
	assert_string_equal(got, "");
	node_subnets_compare(NULL, &old, told_subnet, got);
	assert_string_equal(got, "+10.1.0.0/24 +10.2.0.0/24 +fd00::/64 ");
	got[0] = 0;
	node_subnets_compare(&now, NULL, told_subnet, got);
	assert_string_equal(got, "-10.0.0.0/24 -10.2.0.0/24 -10.2.0.0/25 ");
	node_fini(&old);
	node_fini(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_too_large_to_write),
		cmocka_unit_test(test_equal),           cmocka_unit_test(test_subnet_add),
		cmocka_unit_test(test_may_talk),        cmocka_unit_test(test_path_policy),
		cmocka_unit_test(test_json_rows),       cmocka_unit_test(test_json_optional_rows),
		cmocka_unit_test(test_subnets_compare), cmocka_unit_test(test_names),
		cmocka_unit_test(test_sign_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
