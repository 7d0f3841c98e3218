/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/wire/directory.h"
#include "tests/lib/change_fixture.h"

static uint8_t add_group(struct network *w, const char *name)
{
	struct store_group g;

	assert_code(&w->c, change_group_add(&w->c, name, "", &g), ERR_OK, "");
	return g.bit;
}

static void set_groups(struct network *w, uint32_t node, uint64_t groups)
{
	struct change_node_edit edit = {
		.keepalive_s = -1, .compression = -1, .set_groups = true, .groups = groups
	};
	struct node n;

	assert_code(&w->c, change_node_edit(&w->c, node, &edit, &n), ERR_OK, "");
	node_fini(&n);
}

static bool may_talk(struct network *w, uint32_t a, uint32_t b)
{
	struct node one = network_node(w, a), other = network_node(w, b);
	bool may = node_may_talk(&one, &other);

	node_fini(&one);
	node_fini(&other);
	return may;
}

static void groups(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct store_token token;
	struct store_group g;
	struct network w;
	uint64_t before;
	uint8_t bit;

	(void)state;
	network_open(&w);
	before = network_revision(&w);
	bit = add_group(&w, "masters");
	assert_int_equal(bit, 1);
	assert_code(&w.c, change_group_add(&w.c, "masters", "", &g), ERR_EXISTS, "group_exists");
	assert_code(&w.c, change_group_add(&w.c, "-x", "", &g), ERR_INVALID, "name_invalid");
	assert_code(&w.c, change_group_add(&w.c, "17", "", &g), ERR_INVALID, "name_invalid");
	assert_code(&w.c, change_group_add(&w.c, "x", "a\nb", &g), ERR_INVALID, "comment_invalid");
	assert_code(&w.c, change_group_edit(&w.c, bit, "staff", "all of them", &g), ERR_OK, "");
	assert_string_equal(g.name, "staff");
	assert_string_equal(g.comment, "all of them");
	assert_code(&w.c, change_group_edit(&w.c, bit, "default", NULL, &g), ERR_EXISTS,
		    "group_exists");
	assert_code(&w.c, change_group_edit(&w.c, 0, "x", NULL, &g), ERR_DENIED,
		    "group_is_default");
	assert_code(&w.c, change_group_edit(&w.c, 7, "x", NULL, &g), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_group_delete(&w.c, 0), ERR_DENIED, "group_is_default");
	assert_code(&w.c, change_token_create_group(&w.c, bit, 0, 1, secret, &token), ERR_OK, "");
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_CONFLICT, "group_in_use");
	assert_true(w.c.n_uses == 1 && strcmp(w.c.uses[0].kind, "token") == 0);
	assert_code(&w.c, change_token_revoke(&w.c, token.id), ERR_OK, "");
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_OK, "");
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_NOTFOUND, "not_found");
	/* The names of groups are not of the directory. */
	assert_int_equal(network_revision(&w), before);
	network_close(&w);
}

static void as_many_as_there_are_bits(void **state)
{
	struct store_group g;
	struct network w;
	char name[16];

	(void)state;
	network_open(&w);
	for (unsigned i = 1; i < GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		assert_int_equal(add_group(&w, name), i);
	}
	assert_code(&w.c, change_group_add(&w.c, "more", "", &g), ERR_LIMIT, "limit_reached");
	/* The highest bit is the sign of SQLite's numbers. */
	uint32_t oslo = network_spoke(&w, "oslo", NULL), bergen = network_spoke(&w, "bergen", NULL);
	struct store_policy p;

	set_groups(&w, oslo, 1ull << 63);
	set_groups(&w, bergen, 1ull << 62);
	assert_code(&w.c, change_policy_add(&w.c, 63, 62, PATH_POLICY_AUTO, &p), ERR_OK, "");
	assert_true(may_talk(&w, oslo, bergen));
	struct node n = network_node(&w, oslo);
	assert_int_equal(n.revision, network_revision(&w));
	node_fini(&n);
	assert_code(&w.c, change_group_delete(&w.c, 5), ERR_OK, "");
	assert_int_equal(add_group(&w, "again"), 5);
	network_close(&w);
}

static void what_uses_a_group_is_listed(void **state)
{
	struct store_policy p;
	struct network w;
	uint32_t oslo;
	uint8_t bit;

	(void)state;
	network_open(&w);
	bit = add_group(&w, "masters");
	oslo = network_spoke(&w, "oslo", NULL);
	set_groups(&w, oslo, 1ull << bit);
	assert_code(&w.c, change_policy_add(&w.c, bit, 0, PATH_POLICY_AUTO, &p), ERR_OK, "");
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_CONFLICT, "group_in_use");
	assert_non_null(strstr(w.c.detail, "1 policies and 1 nodes: masters -> default, oslo"));
	assert_int_equal(w.c.n_uses, 2);
	assert_string_equal(w.c.uses[0].kind, "policy");
	assert_string_equal(w.c.uses[0].name, "masters -> default");
	assert_string_equal(w.c.uses[1].kind, "node");
	assert_string_equal(w.c.uses[1].name, "oslo");
	assert_code(&w.c, change_policy_remove(&w.c, bit, 0), ERR_OK, "");
	assert_int_equal(w.c.n_uses, 0);
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_CONFLICT, "group_in_use");
	set_groups(&w, oslo, 1);
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_OK, "");
	network_close(&w);
}

/* Nodes of 40 branches name themselves in a refusal, and it still ends in time. */
static void many_users_are_counted(void **state)
{
	struct network w;
	char name[NAME_SIZE];
	uint8_t bit;

	(void)state;
	network_open(&w);
	bit = add_group(&w, "many");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%02u-%0*d", i, 55, 0);
		set_groups(&w, network_spoke(&w, name, NULL), 1ull << bit);
	}
	assert_code(&w.c, change_group_delete(&w.c, bit), ERR_CONFLICT, "group_in_use");
	assert_non_null(strstr(w.c.detail, "0 policies and 40 nodes: n00-"));
	assert_int_equal(w.c.n_uses, 40); /* of which CHANGE_USES_MAX are named */
	network_close(&w);
}

static void policies(void **state)
{
	struct store_policy p;
	struct network w;
	uint64_t before;
	uint8_t bit;

	(void)state;
	network_open(&w);
	bit = add_group(&w, "masters");
	before = network_revision(&w);
	assert_code(&w.c, change_policy_add(&w.c, bit, 9, PATH_POLICY_AUTO, &p), ERR_NOTFOUND,
		    "not_found");
	w.c.dry_run = true;
	assert_code(&w.c, change_policy_add(&w.c, bit, 0, PATH_POLICY_AUTO, &p), ERR_OK, "");
	w.c.dry_run = false;
	assert_code(&w.c, change_policy_add(&w.c, bit, 0, PATH_POLICY_AUTO, &p), ERR_OK, "");
	assert_string_equal(p.from, "masters");
	assert_string_equal(p.to, "default");
	assert_code(&w.c, change_policy_add(&w.c, bit, 0, PATH_POLICY_AUTO, &p), ERR_EXISTS,
		    "policy_exists");
	assert_code(&w.c, change_policy_add(&w.c, 0, bit, PATH_POLICY_AUTO, &p), ERR_EXISTS,
		    "policy_exists");
	assert_code(&w.c, change_policy_edit(&w.c, bit, 0, PATH_POLICY_HUB_ONLY, &p), ERR_OK, "");
	assert_int_equal(p.path_policy, PATH_POLICY_HUB_ONLY);
	assert_code(&w.c, change_policy_edit(&w.c, 0, bit, PATH_POLICY_AUTO, &p), ERR_NOTFOUND,
		    "not_found");
	assert_code(&w.c, change_policy_remove(&w.c, 0, bit), ERR_NOTFOUND, "not_found");
	assert_code(&w.c, change_policy_remove(&w.c, bit, 0), ERR_OK, "");
	assert_int_equal(network_revision(&w), before + 3);
	/* The switch: said twice it changes nothing more. */
	for (int i = 0; i < 2; i++)
		assert_code(&w.c, change_policy_default(&w.c, false), ERR_OK, "");
	assert_int_equal(network_revision(&w), before + 4);
	assert_code(&w.c, change_policy_remove(&w.c, 0, 0), ERR_NOTFOUND, "not_found");
	for (int i = 0; i < 2; i++)
		assert_code(&w.c, change_policy_default(&w.c, true), ERR_OK, "");
	assert_code(&w.c, change_policy_add(&w.c, 0, 0, PATH_POLICY_AUTO, &p), ERR_EXISTS,
		    "policy_exists");
	assert_int_equal(network_revision(&w), before + 5);
	network_close(&w);
}

/* 100 branches and 3 masters: who sees whom, in the deltas that each of them is told. */

#define BRANCHES 100u
#define MASTERS  3u

static enum err put(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	(void)meta;
	return directory_put(arg, n);
}

static void load(struct network *w, struct directory *d)
{
	directory_init(d);
	assert_ok(store_nodes_since(w->f.s, 0, 0, 0, put, d));
	assert_ok(store_revision_get(w->f.s, &d->revision));
}

/* How many other nodes `id` knows after it was told what changed since `from`. */
static void assert_told(const struct directory *d, uint32_t id, uint64_t from, unsigned nodes)
{
	struct delta x;

	assert_ok(directory_delta(d, from, directory_find(d, id), &x));
	assert_int_equal(x.from, 0);
	assert_int_equal(x.n_changed, nodes + 1);
	delta_fini(&x);
}

static void branches_see_headquarters_and_masters_see_all(void **state)
{
	uint32_t branch[BRANCHES], master[MASTERS];
	struct store_policy p;
	struct directory d;
	struct network w;
	struct keys keys;
	char name[16];
	uint64_t before;
	uint8_t bit;

	(void)state;
	network_open(&w);
	bit = add_group(&w, "masters");
	for (unsigned i = 0; i < BRANCHES + MASTERS; i++) {
		uint32_t id;

		snprintf(name, sizeof(name), "n%u", i);
		id = network_spoke(&w, name, NULL);
		network_join(&w, id, &keys);
		if (i < BRANCHES)
			branch[i] = id;
		else
			master[i - BRANCHES] = id;
	}
	for (unsigned i = 0; i < MASTERS; i++)
		set_groups(&w, master[i], 1ull << bit);
	before = network_revision(&w);
	assert_code(&w.c, change_policy_default(&w.c, false), ERR_OK, "");
	assert_code(&w.c, change_policy_add(&w.c, bit, 0, PATH_POLICY_AUTO, &p), ERR_OK, "");
	assert_code(&w.c, change_policy_add(&w.c, bit, bit, PATH_POLICY_AUTO, &p), ERR_OK, "");
	load(&w, &d);
	for (unsigned i = 0; i < BRANCHES; i++)
		assert_told(&d, branch[i], before, 1 + MASTERS);
	for (unsigned i = 0; i < MASTERS; i++)
		assert_told(&d, master[i], before, 1 + BRANCHES + MASTERS - 1);
	directory_fini(&d);
	assert_false(may_talk(&w, branch[0], branch[1]));
	assert_true(may_talk(&w, branch[0], master[0]));
	assert_true(may_talk(&w, branch[0], w.hub));
	/* Without a group a node sees the hub, and nobody else. */
	set_groups(&w, branch[0], 0);
	load(&w, &d);
	assert_told(&d, branch[0], before, 1);
	directory_fini(&d);
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),
		cmocka_unit_test(as_many_as_there_are_bits),
		cmocka_unit_test(what_uses_a_group_is_listed),
		cmocka_unit_test(many_users_are_counted),
		cmocka_unit_test(policies),
		cmocka_unit_test(branches_see_headquarters_and_masters_see_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
