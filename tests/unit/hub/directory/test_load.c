/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load: the directory in memory follows the store, change by change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "hub/change.h"
#include "hub/directory/load.h"

struct seen {
	unsigned n, n_new;
	uint32_t last_id;
	enum node_status last_status;
};

static void note(void *arg, const struct node *old, const struct node *now)
{
	struct seen *s = arg;

	s->n++;
	s->n_new += old == NULL;
	s->last_id = now->id;
	s->last_status = now->status;
	if (old)
		assert_int_equal(old->id, now->id);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static uint32_t add_node(struct store *s, const char *name)
{
	struct change c = { .store = s, .actor = "unix:root" };
	struct change_node_add add = { .name = name, .kind = NODE_SPOKE };
	struct node n;

	if (change_node_add(&c, &add, &n) != ERR_OK)
		fail_msg("%s %s", c.code, c.detail);
	uint32_t id = n.id;
	node_fini(&n);
	return id;
}

/* One look: `n` nodes must be told as changed, and memory and store be at one revision. */
static void look(struct store *reader, struct directory *d, struct seen *s, unsigned n)
{
	uint64_t revision;
	uint32_t count;

	memset(s, 0, sizeof(*s));
	assert_int_equal(load_refresh(reader, d, note, s, &count), ERR_OK);
	assert_int_equal(count, n);
	assert_int_equal(s->n, n);
	assert_int_equal(store_revision_get(reader, &revision), ERR_OK);
	assert_int_equal(d->revision, revision);
	/* A delta may not hold what is newer than itself. */
	for (uint32_t i = 0; i < d->count; i++)
		assert_true(d->nodes[i].revision <= d->revision);
}

static void test_follows(void **state)
{
	char dir[] = "/tmp/bl-load-XXXXXX";
	struct store *admin, *reader;
	struct directory d;
	struct seen s;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(store_create(dir), ERR_OK);
	assert_int_equal(store_open(dir, &admin), ERR_OK);
	assert_int_equal(store_open(dir, &reader), ERR_OK);
	assert_int_equal(store_begin(admin), ERR_OK);
	assert_int_equal(store_setting_put(admin, "network", "net"), ERR_OK);
	assert_int_equal(store_setting_put(admin, "pool4", "10.99.0.0/24"), ERR_OK);
	assert_int_equal(store_commit(admin), ERR_OK);
	directory_init(&d);

	look(reader, &d, &s, 0);
	uint32_t a = add_node(admin, "a"), b = add_node(admin, "b");
	look(reader, &d, &s, 2);
	assert_int_equal(s.n_new, 2);
	look(reader, &d, &s, 0);

	struct change c = { .store = admin, .actor = "unix:root" };
	assert_int_equal(change_node_revoke(&c, b, "stolen"), ERR_OK);
	look(reader, &d, &s, 1);
	assert_int_equal(s.n_new, 0);
	assert_int_equal(s.last_id, b);
	assert_int_equal(s.last_status, NODE_REVOKED);

	/* A tombstone stays: deltas need it. */
	assert_int_equal(change_node_delete(&c, a), ERR_OK);
	look(reader, &d, &s, 1);
	assert_int_equal(s.last_status, NODE_DELETED);
	assert_non_null(directory_find(&d, a));
	assert_int_equal(d.count, 2);

	/* Started anew it comes to the same. */
	directory_fini(&d);
	directory_init(&d);
	look(reader, &d, &s, 2);
	directory_fini(&d);
	store_close(reader);
	store_close(admin);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
