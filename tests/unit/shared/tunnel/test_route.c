/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/tunnel/route.h"

static uint64_t seed = 0x123456789abcdefull;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

/* The naive model: a list of all owners, searched from end to end. */
struct model_row {
	struct prefix prefix;
	uint32_t id;
	uint32_t weight;
};

struct model {
	struct model_row rows[4096];
	unsigned n;
};

static void model_remove(struct model *m, const struct prefix *p, uint32_t id)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->rows[i].id == id && prefix_equal(&m->rows[i].prefix, p)) {
			m->rows[i] = m->rows[--m->n];
			return;
		}
}

static void model_add(struct model *m, const struct prefix *p, uint32_t id, uint32_t weight)
{
	model_remove(m, p, id);
	m->rows[m->n++] = (struct model_row){ .prefix = *p, .id = id, .weight = weight };
}

/* Longest prefix, then weight, then id. */
static uint32_t model_lookup(const struct model *m, const struct addr *a)
{
	const struct model_row *best = NULL;

	for (unsigned i = 0; i < m->n; i++) {
		const struct model_row *r = &m->rows[i];

		if (!prefix_contains(&r->prefix, a))
			continue;
		if (!best || r->prefix.len > best->prefix.len ||
		    (r->prefix.len == best->prefix.len &&
		     (r->weight < best->weight || (r->weight == best->weight && r->id < best->id))))
			best = r;
	}
	return best ? best->id : 0;
}

/* Addresses from a small space, so that prefixes nest and repeat. */
static struct addr random_addr(void)
{
	uint8_t b[16] = { 0 };

	if (next_random() % 2) {
		b[0] = 10;
		b[1] = (uint8_t)(next_random() % 4);
		b[2] = (uint8_t)(next_random() % 4 * 64);
		b[3] = (uint8_t)next_random();
		return addr_from_v4(b);
	}
	b[0] = 0xfd;
	b[7] = (uint8_t)(next_random() % 4);
	b[15] = (uint8_t)next_random();
	return addr_from_v6(b);
}

static struct prefix random_prefix(void)
{
	struct addr a = random_addr();

	return prefix_of_net(&a, (uint8_t)(next_random() % (addr_bits(&a) + 1)));
}

static void check_all(struct route_table *t, const struct model *m)
{
	for (unsigned i = 0; i < 50; i++) {
		struct addr a = random_addr();
		const struct route_owner *o = route_lookup(t, a.family, a.b);
		uint32_t id = o ? o->peer_id : 0;

		assert_int_equal(id, model_lookup(m, &a));
		assert_true(!id || route_is_owner(t, a.family, a.b, id));
	}
}

static void against_model(bool keep_answers)
{
	static struct model m;
	struct route_table t;

	route_init(&t);
	if (keep_answers)
		assert_int_equal(route_keep_answers(&t), ERR_OK);
	for (unsigned i = 0; i < 20000; i++) {
		struct prefix p = m.n && next_random() % 2 ? m.rows[next_random() % m.n].prefix
							   : random_prefix();
		uint32_t id = 1 + next_random() % 5, weight = next_random() % 3;

		if (next_random() % 5 < 3 && m.n < 1000) {
			assert_int_equal(route_add(&t, &p, NULL, id, weight), ERR_OK);
			model_add(&m, &p, id, weight);
		} else {
			route_remove(&t, &p, id);
			model_remove(&m, &p, id);
		}
		if (i % 20 == 0)
			check_all(&t, &m);
	}
	while (m.n) {
		struct model_row r = m.rows[0];

		route_remove(&t, &r.prefix, r.id);
		model_remove(&m, &r.prefix, r.id);
		if (m.n % 50 == 0)
			check_all(&t, &m);
	}
	assert_int_equal(t.n_prefixes, 0);
	assert_null(t.root[0]);
	assert_null(t.root[1]);
	route_fini(&t);
}

static void test_against_model(void **state)
{
	(void)state;
	against_model(false);
}

static void test_against_model_with_answers_kept(void **state)
{
	(void)state;
	against_model(true);
}

static void test_owners_by_weight(void **state)
{
	struct route_table t;
	struct prefix p;
	const struct route_owner *o;

	(void)state;
	route_init(&t);
	assert_int_equal(prefix_parse("10.0.0.0/24", &p, NULL), ERR_OK);
	assert_int_equal(route_add(&t, &p, NULL, 3, 20), ERR_OK);
	assert_int_equal(route_add(&t, &p, NULL, 1, 30), ERR_OK);
	assert_int_equal(route_add(&t, &p, NULL, 2, 10), ERR_OK);
	assert_int_equal(route_add(&t, &p, NULL, 1, 10),
			 ERR_OK); /* a new weight, not a second owner */
	o = route_lookup(&t, AF_INET, (const uint8_t[]){ 10, 0, 0, 7 });
	assert_int_equal(o->peer_id, 1);
	assert_int_equal(o->next->peer_id, 2);
	assert_int_equal(o->next->next->peer_id, 3);
	assert_null(o->next->next->next);
	assert_int_equal(t.n_prefixes, 1);
	assert_null(route_lookup(&t, AF_INET, (const uint8_t[]){ 10, 0, 1, 7 }));
	route_fini(&t);
}

static void test_source_check_is_of_the_longest_prefix(void **state)
{
	struct route_table t;
	struct prefix wide, narrow;
	const uint8_t inside[] = { 10, 1, 2, 3 }, outside[] = { 10, 9, 2, 3 };

	(void)state;
	route_init(&t);
	assert_int_equal(prefix_parse("10.0.0.0/8", &wide, NULL), ERR_OK);
	assert_int_equal(prefix_parse("10.1.0.0/16", &narrow, NULL), ERR_OK);
	assert_int_equal(route_add(&t, &wide, NULL, 1, 10), ERR_OK);
	assert_int_equal(route_add(&t, &narrow, NULL, 2, 10), ERR_OK);
	assert_false(route_is_owner(&t, AF_INET, inside, 1));
	assert_true(route_is_owner(&t, AF_INET, inside, 2));
	assert_true(route_is_owner(&t, AF_INET, outside, 1));
	assert_false(route_is_owner(&t, AF_INET, outside, 2));
	route_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_against_model_with_answers_kept),
		cmocka_unit_test(test_owners_by_weight),
		cmocka_unit_test(test_source_check_is_of_the_longest_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
