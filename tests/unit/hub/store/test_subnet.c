/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The look-up of overlapping subnets against a plain walk over all of them. */
#include <stdlib.h>

#include "tests/lib/store_fixture.h"

#define ROWS   300
#define PROBES 400

struct expected {
	struct store_subnet rows[ROWS];
	size_t n;
};
struct found {
	uint32_t ids[ROWS];
	size_t n;
	bool address;
};

static enum err collect(void *arg, const struct store_subnet *row)
{
	struct found *f = arg;

	if (row->id)
		f->ids[f->n++] = row->id;
	else
		f->address = true;
	return ERR_OK;
}

/* Few different bits, so that prefixes nest often. */
static struct prefix random_prefix(void)
{
	struct addr a = { .family = rand() % 3 ? AF_INET : AF_INET6 };
	unsigned len = (unsigned)rand() % (addr_bits(&a) + 1);

	for (size_t i = 0; i < addr_len(&a); i++)
		a.b[i] = (uint8_t)(rand() % 4 ? 0 : 1 << rand() % 8);
	return prefix_of_net(&a, (uint8_t)len);
}

static bool contains(const struct found *f, uint32_t id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->ids[i] == id)
			return true;
	return false;
}

static void overlaps_like_a_walk(void **state)
{
	struct expected *all = calloc(1, sizeof(*all));
	struct fixture f;
	uint32_t nodes[2];

	(void)state;
	assert_non_null(all);
	srand(7);
	fixture_open(&f);
	nodes[0] = fixture_node(f.s, "a", NODE_SPOKE, NODE_ACTIVE, NULL);
	nodes[1] = fixture_node(f.s, "b", NODE_SPOKE, NODE_ACTIVE, NULL);
	assert_ok(store_begin(f.s));
	while (all->n < ROWS) {
		struct store_subnet row = { .node_id = nodes[rand() % 2],
					    .subnet = { random_prefix(), 10 },
					    .status = SUBNET_APPROVED };
		enum err e = store_subnet_put(f.s, &row);

		assert_true(e == ERR_OK || e == ERR_EXISTS);
		if (!e)
			all->rows[all->n++] = row;
		else
			all->n += rand() % 8 == 0 && all->n > ROWS / 2; /* enough is enough */
	}
	assert_ok(store_commit(f.s));
	for (int i = 0; i < PROBES; i++) {
		struct prefix p = random_prefix();
		uint32_t except = i % 3 ? nodes[i % 2] : 0;
		struct found found = { .n = 0 };
		size_t expected = 0;

		assert_ok(store_subnets_overlapping(f.s, &p, except, collect, &found));
		for (size_t r = 0; r < all->n; r++) {
			const struct store_subnet *row = &all->rows[r];

			if (!row->id || row->node_id == except ||
			    !prefix_overlaps(&row->subnet.prefix, &p))
				continue;
			assert_true(contains(&found, row->id));
			expected++;
		}
		assert_int_equal(found.n, expected);
	}
	fixture_close(&f);
	free(all);
}

static void node_addresses_count(void **state)
{
	static const struct {
		const char *prefix;
		bool hit;
	} cases[] = {
		{ "10.91.0.2/32", true },  { "10.91.0.0/16", true },  { "0.0.0.0/0", true },
		{ "10.91.0.3/32", false }, { "10.92.0.0/16", false }, { "::/0", false },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_node(f.s, "a", NODE_SPOKE, NODE_ACTIVE, "10.91.0.2");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct prefix p = fixture_prefix(cases[i].prefix);
		struct found found = { .n = 0 };

		assert_ok(store_subnets_overlapping(f.s, &p, 0, collect, &found));
		if (found.address != cases[i].hit)
			fail_msg("%s", cases[i].prefix);
	}
	fixture_close(&f);
}

static void rows(void **state)
{
	struct store_subnet row = { .subnet = fixture_subnet("10.20.0.0/24", 3),
				    .status = SUBNET_PROPOSED },
			    got;
	struct found found = { .n = 0 };
	struct fixture f;
	uint32_t count;

	(void)state;
	fixture_open(&f);
	row.node_id = fixture_node(f.s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL);
	assert_ok(store_subnet_put(f.s, &row));
	assert_int_equal(store_subnet_put(f.s, &row), ERR_EXISTS);
	assert_ok(store_subnet_get(f.s, row.id, &got));
	assert_string_equal(got.node_name, "oslo");
	assert_true(prefix_equal(&got.subnet.prefix, &row.subnet.prefix));
	assert_int_equal(got.subnet.weight, 3);
	assert_ok(store_subnet_status(f.s, row.id, SUBNET_APPROVED, 9));
	assert_ok(store_subnet_get(f.s, row.id, &got));
	assert_int_equal(got.status, SUBNET_APPROVED);
	assert_int_equal(got.subnet.weight, 9);
	assert_ok(store_subnets_list(f.s, row.node_id, 0, 0, collect, &found));
	assert_int_equal(found.n, 1);
	assert_ok(store_subnets_list(f.s, 0, row.id, 0, collect, &found));
	assert_int_equal(found.n, 1);
	assert_ok(store_subnets_count(f.s, row.node_id, &count));
	assert_int_equal(count, 1);
	assert_ok(store_subnet_remove(f.s, row.id));
	assert_int_equal(store_subnet_remove(f.s, row.id), ERR_NOTFOUND);
	assert_int_equal(store_subnet_get(f.s, row.id, &got), ERR_NOTFOUND);
	row.node_id = 99;
	assert_int_equal(store_subnet_put(f.s, &row), ERR_NOTFOUND);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps_like_a_walk),
		cmocka_unit_test(node_addresses_count),
		cmocka_unit_test(rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
