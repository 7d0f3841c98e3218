/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/table.h"

struct entry {
	uint32_t id; /* before the node: the offset is negative */
	struct table_node by_id;
	struct table_node by_name;
	char name[15]; /* behind it */
};

static struct entry entries[2000];

static void fill(struct table *by_id, struct table *by_name)
{
	assert_int_equal(table_init(by_id, TABLE_KEY(struct entry, by_id, id)), ERR_OK);
	assert_int_equal(table_init(by_name, TABLE_KEY(struct entry, by_name, name)), ERR_OK);
	memset(entries, 0, sizeof(entries));
	for (uint32_t i = 0; i < ARRAY_LEN(entries); i++) {
		entries[i].id = i * 7919;
		snprintf(entries[i].name, sizeof(entries[i].name), "n%u", (unsigned)i);
		assert_int_equal(table_insert(by_id, &entries[i].by_id), ERR_OK);
		assert_int_equal(table_insert(by_name, &entries[i].by_name), ERR_OK);
	}
}

static void finds_all(void **unused)
{
	struct table by_id, by_name;
	uint32_t absent = 5;

	(void)unused;
	fill(&by_id, &by_name);
	for (uint32_t i = 0; i < ARRAY_LEN(entries); i++) {
		assert_ptr_equal(table_find(&by_id, &entries[i].id), &entries[i].by_id);
		assert_ptr_equal(table_find(&by_name, entries[i].name), &entries[i].by_name);
	}
	assert_null(table_find(&by_id, &absent));
	table_fini(&by_id);
	table_fini(&by_name);
}

/* Every second entry is removed while walking; the others stay, each seen once. */
static void removes_while_walking(void **unused)
{
	struct table by_id, by_name;
	struct table_node *n, *next;
	size_t seen = 0;

	(void)unused;
	fill(&by_id, &by_name);
	for (n = table_next(&by_id, NULL); n; n = next) {
		const struct entry *e = container_of(n, struct entry, by_id);

		next = table_next(&by_id, n);
		seen++;
		if ((e - entries) % 2)
			table_remove(&by_id, n);
	}
	assert_int_equal(seen, ARRAY_LEN(entries));
	assert_int_equal(by_id.count, ARRAY_LEN(entries) / 2);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		assert_int_equal(table_find(&by_id, &entries[i].id) != NULL, i % 2 == 0);
	table_fini(&by_id);
	table_fini(&by_name);
}

/* The vector of the SipHash paper, appendix A: key 00..0f, message 00..0e. */
static void hash_is_siphash(void **unused)
{
	struct table t;
	struct entry e = { 0 };

	(void)unused;
	assert_int_equal(table_init(&t, TABLE_KEY(struct entry, by_name, name)), ERR_OK);
	t.seed[0] = 0x0706050403020100u;
	t.seed[1] = 0x0f0e0d0c0b0a0908u;
	for (size_t i = 0; i < sizeof(e.name); i++)
		e.name[i] = (char)i;
	assert_int_equal(table_insert(&t, &e.by_name), ERR_OK);
	assert_true(e.by_name.hash == 0xa129ca6149be45e5u);
	table_fini(&t);
}

static void empty_table(void **unused)
{
	struct table t;
	uint32_t id = 1;

	(void)unused;
	assert_int_equal(table_init(&t, TABLE_KEY(struct entry, by_id, id)), ERR_OK);
	assert_null(table_find(&t, &id));
	assert_null(table_next(&t, NULL));
	table_fini(&t);
	assert_null(table_find(&t, &id));
	assert_null(table_next(&t, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all),
		cmocka_unit_test(removes_while_walking),
		cmocka_unit_test(hash_is_siphash),
		cmocka_unit_test(empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
