/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network that policy is made for: 100 branches that see headquarters and one group of masters
 * that sees all of them. From the change to what each is told. */
#include "hub/directory/load.h"
#include "tests/lib/change_fixture.h"

#define BRANCHES 100u

struct hundred {
	struct network w;
	uint32_t branch[BRANCHES], ops;
	struct directory d;
};

static void refresh(struct hundred *x)
{
	uint32_t n;

	assert_ok(load_refresh(x->w.f.s, &x->d, NULL, NULL, &n));
}

/* How many a node is told of, itself and the hub among them, when it connects anew. */
static uint32_t told(const struct hundred *x, uint32_t id)
{
	struct delta delta;
	uint32_t n;

	assert_ok(directory_delta(&x->d, 0, directory_find(&x->d, id), &delta));
	n = delta.n_changed;
	delta_fini(&delta);
	return n;
}

static void open_hundred(struct hundred *x)
{
	struct store_policy policy;
	struct store_group masters;
	struct change_node_edit edit = { .set_groups = true };
	struct keys k;
	struct node n;
	char name[16];

	memset(x, 0, sizeof(*x));
	directory_init(&x->d);
	network_open(&x->w);
	assert_code(&x->w.c, change_group_add(&x->w.c, "masters", "", &masters), ERR_OK, "");
	for (unsigned i = 0; i < BRANCHES; i++) {
		snprintf(name, sizeof(name), "branch%u", i);
		x->branch[i] = network_spoke(&x->w, name, NULL);
		network_join(&x->w, x->branch[i], &k);
	}
	x->ops = network_spoke(&x->w, "ops", NULL);
	network_join(&x->w, x->ops, &k);
	edit.groups = 1ull << masters.bit;
	assert_code(&x->w.c, change_node_edit(&x->w.c, x->ops, &edit, &n), ERR_OK, "");
	node_fini(&n);
	assert_code(&x->w.c, change_policy_add(&x->w.c, masters.bit, 0, PATH_POLICY_AUTO, &policy),
		    ERR_OK, "");
	refresh(x);
}

static void a_branch_sees_only_headquarters_and_the_masters(void **state)
{
	struct hundred x;

	(void)state;
	open_hundred(&x);
	for (unsigned i = 0; i < BRANCHES; i++)
		assert_int_equal(told(&x, x.branch[i]), BRANCHES + 2);
	assert_code(&x.w.c, change_policy_default(&x.w.c, false), ERR_OK, "");
	refresh(&x);
	for (unsigned i = 0; i < BRANCHES; i++) {
		const struct node *one = directory_find(&x.d, x.branch[i]);

		assert_int_equal(told(&x, x.branch[i]), 3);
		assert_true(node_may_talk(one, directory_find(&x.d, x.ops)));
		for (unsigned k = i + 1; k < BRANCHES; k++)
			assert_false(node_may_talk(one, directory_find(&x.d, x.branch[k])));
	}
	assert_int_equal(told(&x, x.ops), BRANCHES + 2);
	/* One more branch is of interest to nobody but the masters. */
	struct keys k;
	uint32_t late = network_spoke(&x.w, "late", NULL);
	uint64_t before = x.d.revision;
	struct delta delta;

	network_join(&x.w, late, &k);
	refresh(&x);
	assert_ok(directory_delta(&x.d, before, directory_find(&x.d, x.branch[7]), &delta));
	assert_int_equal(delta.n_changed, 0);
	delta_fini(&delta);
	assert_ok(directory_delta(&x.d, before, directory_find(&x.d, x.ops), &delta));
	assert_true(delta.n_changed == 1 && delta.changed[0].id == late);
	delta_fini(&delta);
	assert_code(&x.w.c, change_policy_default(&x.w.c, true), ERR_OK, "");
	refresh(&x);
	assert_int_equal(told(&x, x.branch[7]), BRANCHES + 3);
	directory_fini(&x.d);
	network_close(&x.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_branch_sees_only_headquarters_and_the_masters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
