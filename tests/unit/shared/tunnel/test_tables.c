/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index, pending and rate: the small tables of the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/tunnel/index.h"
#include "shared/tunnel/pending.h"
#include "shared/base/rate.h"
#include "shared/wire/limits.h"

static struct peer *fake_peer(uintptr_t n) { return (struct peer *)n; /* never followed */ }

/* A mover's table: indices as the engine chose them. */
static void test_index_put(void **state)
{
	const uint32_t index = 7u << INDEX_SLOT_BITS | 5u, same_slot = 8u << INDEX_SLOT_BITS | 5u;
	struct index_entry e = { .peer = fake_peer(8) };
	struct index_table *t;

	(void)state;
	assert_int_equal(index_new(&t), ERR_OK);
	assert_int_equal(index_put(t, index, &e), ERR_OK);
	assert_ptr_equal(index_find(t, index)->peer, fake_peer(8));
	assert_null(index_find(t, same_slot));
	assert_int_equal(index_put(t, same_slot, &e), ERR_EXISTS);
	index_remove(t, index);
	assert_null(index_find(t, index));
	assert_int_equal(index_put(t, same_slot, &e), ERR_OK);
	index_free(t);
}

static void test_index_add_find_remove(void **state)
{
	struct index_table *t;
	struct index_entry e = { .peer = fake_peer(8) };
	uint32_t a, b;

	(void)state;
	assert_int_equal(index_new(&t), ERR_OK);
	assert_int_equal(index_add(t, &e, &a), ERR_OK);
	e.peer = fake_peer(16);
	assert_int_equal(index_add(t, &e, &b), ERR_OK);
	assert_int_not_equal(a, b);
	assert_ptr_equal(index_find(t, a)->peer, fake_peer(8));
	assert_ptr_equal(index_find(t, b)->peer, fake_peer(16));
	index_remove(t, a);
	assert_null(index_find(t, a));
	index_remove(t, a);                         /* harmless */
	assert_null(index_find(t, b ^ (1u << 31))); /* the right slot, another random part */
	e.keypair = (struct keypair *)(uintptr_t)24;
	index_change(t, b, &e);
	assert_ptr_equal(index_find(t, b)->keypair, (void *)(uintptr_t)24);
	index_free(t);
}

static void test_index_is_bounded(void **state)
{
	struct index_table *t;
	const struct index_entry e = { .peer = fake_peer(8) };
	uint32_t index = 0;

	(void)state;
	assert_int_equal(index_new(&t), ERR_OK);
	for (unsigned i = 0; i < 1u << INDEX_SLOT_BITS; i++)
		assert_int_equal(index_add(t, &e, &index), ERR_OK);
	assert_int_equal(index_add(t, &e, &index), ERR_LIMIT);
	index_remove(t, index);
	assert_int_equal(index_add(t, &e, &index), ERR_OK);
	index_free(t);
}

static void push_number(struct pending_pool *pool, struct pending *q, uint8_t number,
			unsigned dropped)
{
	const uint8_t packet[20] = { number };

	assert_int_equal(pending_push(pool, q, packet, sizeof(packet), number & 1), dropped);
}

static void test_pending_drops_the_oldest(void **state)
{
	struct pending_pool *pool;
	struct pending q;
	size_t len;
	uint8_t flags;

	(void)state;
	assert_int_equal(pending_pool_new(&pool), ERR_OK);
	pending_init(&q);
	assert_null(pending_pop(pool, &q, &len, &flags));
	for (unsigned i = 0; i < SESSION_PENDING_PACKETS + 3; i++)
		push_number(pool, &q, (uint8_t)i, i >= SESSION_PENDING_PACKETS);
	for (unsigned i = 3; i < SESSION_PENDING_PACKETS + 3; i++) {
		uint8_t *packet = pending_pop(pool, &q, &len, &flags);

		assert_non_null(packet);
		assert_int_equal(len, 20);
		assert_int_equal(flags, i & 1);
		assert_int_equal(packet[0], i);
		pending_release(pool, packet);
	}
	assert_null(pending_pop(pool, &q, &len, &flags));
	pending_pool_free(pool);
}

static void test_pending_pool_is_bounded(void **state)
{
	const unsigned n = PENDING_PACKETS_TOTAL / SESSION_PENDING_PACKETS;
	struct pending *queues = calloc(n + 1, sizeof(*queues));
	struct pending_pool *pool;

	(void)state;
	assert_non_null(queues);
	assert_int_equal(pending_pool_new(&pool), ERR_OK);
	for (unsigned i = 0; i <= n; i++)
		pending_init(&queues[i]);
	for (unsigned i = 0; i < PENDING_PACKETS_TOTAL; i++)
		push_number(pool, &queues[i % n], 1, 0);
	push_number(pool, &queues[n], 1, 1);
	assert_int_equal(queues[n].n, 0);
	assert_int_equal(pending_clear(pool, &queues[0]), SESSION_PENDING_PACKETS);
	push_number(pool, &queues[n], 1, 0);
	for (unsigned i = 1; i <= n; i++)
		pending_clear(pool, &queues[i]);
	pending_pool_free(pool);
	free(queues);
}

static void test_rate(void **state)
{
	/* at_ms, expected: 2 a second, burst 3 */
	static const struct {
		uint64_t at_ms;
		bool allowed;
	} rows[] = {
		{ 1000, true },  { 1000, true },  { 1000, true },  { 1000, false },
		{ 1499, false }, { 1500, true },  { 1500, false }, { 2000, true },
		{ 99000, true }, { 99000, true }, { 99000, true }, { 99000, false },
	};
	struct rate_bucket b = { 0 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(rate_allow(&b, 2, 3, rows[i].at_ms), rows[i].allowed);
}

static void test_rate_of_sources_are_apart(void **state)
{
	struct rate_sources *r = malloc(sizeof(*r));
	struct addr a, b;
	unsigned shared = 0;

	(void)state;
	assert_non_null(r);
	for (unsigned round = 0; round < 20; round++) {
		memset(r, 0, sizeof(*r));
		rate_sources_init(r);
		assert_int_equal(addr_parse("192.0.2.1", &a), ERR_OK);
		assert_int_equal(addr_parse("192.0.2.2", &b), ERR_OK);
		for (unsigned i = 0; i < 5; i++)
			assert_true(rate_sources_allow(r, &a, 1, 5, 1000));
		assert_false(rate_sources_allow(r, &a, 1, 5, 1000));
		shared += !rate_sources_allow(r, &b, 1, 5, 1000);
	}
	assert_true(shared <= 1); /* by chance 20 in 4096 */
	/* One /64 is one source. */
	assert_int_equal(addr_parse("2001:db8::1", &a), ERR_OK);
	assert_int_equal(addr_parse("2001:db8::ffff:2", &b), ERR_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_true(rate_sources_allow(r, i % 2 ? &a : &b, 1, 5, 1000));
	assert_false(rate_sources_allow(r, &b, 1, 5, 1000));
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_add_find_remove),
		cmocka_unit_test(test_index_put),
		cmocka_unit_test(test_index_is_bounded),
		cmocka_unit_test(test_pending_drops_the_oldest),
		cmocka_unit_test(test_pending_pool_is_bounded),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_of_sources_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
