/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "spoke/control/revoked.h"

/* Node `id` with keys that follow from it. */
static struct node member(uint32_t id)
{
	struct node n = { .id = id,
			  .kind = NODE_SPOKE,
			  .status = NODE_ACTIVE,
			  .has_identity = true,
			  .has_tunnel = true };

	memcpy(n.identity_key.b, &id, sizeof(id));
	memcpy(n.tunnel_key.b, &id, sizeof(id));
	n.tunnel_key.b[31] = 1;
	snprintf(n.name, sizeof(n.name), "n%u", id);
	return n;
}

/* The directory before has that node; it is gone at `revision`. */
static void take_away(struct revoked *r, uint32_t id, uint64_t revision, bool revoked)
{
	struct delta_gone gone = { .id = id, .revoked = revoked };
	struct delta x = { .from = revision - 1, .to = revision, .n_gone = 1, .gone = &gone };
	struct node n = member(id);
	struct directory d;

	directory_init(&d);
	assert_int_equal(directory_put(&d, &n), ERR_OK);
	revoked_note(r, &d, &x);
	directory_fini(&d);
}

static void knows_each_key(void **unused)
{
	static struct revoked r;
	struct node n = member(5), other = member(6);
	struct delta_gone gone = { .id = 9, .revoked = true };
	struct delta x = { .from = 1, .to = 2, .n_gone = 1, .gone = &gone };
	struct directory none;

	(void)unused;
	take_away(&r, 6, 42, false);
	directory_init(&none);
	revoked_note(&r, &none, &x);
	assert_int_equal(r.n, 0);
	take_away(&r, 5, 43, true);
	take_away(&r, 5, 44, true);
	assert_int_equal(r.n, 1);
	assert_int_equal(revoked_find(&r, &n)->revision, 43);
	assert_null(revoked_find(&r, &other));
	/* Either key of it is enough, under whatever id. */
	other.tunnel_key = n.tunnel_key;
	assert_non_null(revoked_find(&r, &other));
	other = member(6);
	other.identity_key = n.identity_key;
	assert_non_null(revoked_find(&r, &other));
	/* Joined anew it is as good as any. */
	n.identity_key.b[30] = n.tunnel_key.b[30] = 9;
	assert_null(revoked_find(&r, &n));
}

static void forgets_the_oldest(void **unused)
{
	static struct revoked r;
	struct node first = member(1), second = member(2), last = member(REVOKED_MAX + 1);

	(void)unused;
	for (uint32_t id = 1; id <= REVOKED_MAX + 1; id++)
		take_away(&r, id, 100 + id, true);
	assert_int_equal(r.n, REVOKED_MAX);
	assert_null(revoked_find(&r, &first));
	assert_non_null(revoked_find(&r, &second));
	assert_int_equal(revoked_find(&r, &last)->revision, 100 + REVOKED_MAX + 1);
}

static void comes_back_from_the_file(void **unused)
{
	static struct revoked r, again;
	struct node n = member(5);
	json_t *j;

	(void)unused;
	take_away(&r, 4, 42, true);
	take_away(&r, 5, 43, true);
	j = revoked_to_json(&r);
	assert_int_equal(revoked_from_json(j, &again), ERR_OK);
	assert_int_equal(again.n, 2);
	assert_int_equal(revoked_find(&again, &n)->revision, 43);
	/* What nobody could have written. */
	json_object_set_new(json_array_get(j, 1), "identity_key", json_string("aWlp"));
	memset(&again, 0, sizeof(again));
	assert_true(revoked_from_json(j, &again) != ERR_OK);
	while (json_array_size(j) <= REVOKED_MAX)
		json_array_append(j, json_array_get(j, 0));
	memset(&again, 0, sizeof(again));
	assert_int_equal(revoked_from_json(j, &again), ERR_TOOBIG);
	assert_int_equal(revoked_from_json(json_array_get(j, 0), &again), ERR_INVALID);
	json_decref(j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_each_key),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(comes_back_from_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
