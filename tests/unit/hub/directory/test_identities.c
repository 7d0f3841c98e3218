/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hub/directory/identities.h"

static struct node node_of(uint32_t id, uint8_t key, enum node_status status)
{
	struct node n;

	node_init(&n);
	n.id = id;
	n.status = status;
	n.has_identity = key != 0;
	memset(n.identity_key.b, key, KEY_BYTES);
	return n;
}

/* Each row is one change; then `key` must be `owner`'s. Key 0: none. */
static void test_changes(void **state)
{
	static const struct {
		uint32_t id;
		uint8_t old_key, new_key;
		enum node_status status;
		uint8_t key;
		uint32_t owner;
	} rows[] = {
		{ 1, 0, 0, NODE_INVITED, 7, 0 },
		{ 1, 0, 7, NODE_ACTIVE, 7, 1 },
		{ 1, 7, 7, NODE_DISABLED, 7, 1 }, /* status is the caller's to look at */
		{ 2, 0, 8, NODE_ACTIVE, 8, 2 },
		{ 1, 7, 9, NODE_ACTIVE, 7, 0 }, /* joined anew */
		{ 1, 9, 9, NODE_ACTIVE, 9, 1 },
		{ 3, 0, 9, NODE_ACTIVE, 9, 3 },  /* the key went to another node */
		{ 1, 9, 0, NODE_REVOKED, 9, 3 }, /* and the first one's farewell does not take it */
		{ 2, 8, 8, NODE_DELETED, 8, 0 },
		{ 3, 9, 0, NODE_REVOKED, 9, 0 },
	};
	struct identities x;

	(void)state;
	assert_int_equal(identities_init(&x), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node old = node_of(rows[i].id, rows[i].old_key, NODE_ACTIVE);
		struct node now = node_of(rows[i].id, rows[i].new_key, rows[i].status);
		struct node probe = node_of(0, rows[i].key, NODE_ACTIVE);

		assert_int_equal(identities_change(&x, rows[i].old_key ? &old : NULL, &now),
				 ERR_OK);
		assert_int_equal(identities_find(&x, &probe.identity_key), rows[i].owner);
	}
	identities_fini(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
