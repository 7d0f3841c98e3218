/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/directory.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/json_text.h"

static struct node plain_node(uint32_t id, uint64_t revision)
{
	struct node n = { .id = id,
			  .kind = NODE_SPOKE,
			  .status = NODE_ACTIVE,
			  .revision = revision,
			  .groups = 1,
			  .reach = 1,
			  .has_identity = true,
			  .has_tunnel = true };

	snprintf(n.name, sizeof(n.name), "node%u", (unsigned)id);
	return n;
}

static void put(struct directory *d, const struct node *n)
{
	assert_int_equal(directory_put(d, n), ERR_OK);
}

static void test_put_find_remove(void **state)
{
	static const uint32_t ids[] = { 5, 1, 9, 7, 3, 8, 2, 6, 4, 10 };
	struct directory d;
	struct node n;

	(void)state;
	directory_init(&d);
	assert_null(directory_find(&d, 1));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		n = plain_node(ids[i], 1);
		put(&d, &n);
	}
	assert_int_equal(d.count, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(d.nodes[i].id, i + 1);
	n = plain_node(7, 2);
	n.keepalive_s = 25;
	put(&d, &n);
	assert_int_equal(d.count, 10);
	assert_int_equal(directory_find(&d, 7)->keepalive_s, 25);
	assert_int_equal(directory_find_name(&d, "node7")->id, 7);
	assert_null(directory_find_name(&d, "node77"));
	directory_remove(&d, 7);
	directory_remove(&d, 7);
	assert_null(directory_find(&d, 7));
	assert_int_equal(d.count, 9);
	assert_int_equal(directory_find(&d, 8)->id, 8);
	/* A deleted node has no name any more, so that its successor is found. */
	n = plain_node(1, 3);
	n.status = NODE_DELETED;
	put(&d, &n);
	n = plain_node(11, 3);
	snprintf(n.name, sizeof(n.name), "node1");
	put(&d, &n);
	assert_int_equal(directory_find_name(&d, "node1")->id, 11);
	directory_fini(&d);
	assert_int_equal(d.count, 0);
}

/* One case of what a viewer (id 1, group 1, reach 1) is told of node 2, changed at revision 5, in a
 * directory at 8. */
static void test_delta_rows(void **state)
{
	enum told { NOTHING, CHANGED, GONE, GONE_REVOKED };
	static const struct {
		const char *what;
		uint64_t from;
		enum node_kind kind;
		enum node_status status;
		bool keys;
		uint64_t groups;
		enum told told;
	} rows[] = {
		{ "snapshot, active", 0, NODE_SPOKE, NODE_ACTIVE, true, 1, CHANGED },
		{ "snapshot, hidden", 0, NODE_SPOKE, NODE_ACTIVE, true, 2, NOTHING },
		{ "snapshot, hub", 0, NODE_HUB, NODE_ACTIVE, true, 2, CHANGED },
		{ "snapshot, disabled", 0, NODE_SPOKE, NODE_DISABLED, true, 1, NOTHING },
		{ "snapshot, revoked", 0, NODE_SPOKE, NODE_REVOKED, true, 1, NOTHING },
		{ "snapshot, invited", 0, NODE_SPOKE, NODE_INVITED, false, 1, NOTHING },
		{ "delta, active", 4, NODE_SPOKE, NODE_ACTIVE, true, 1, CHANGED },
		{ "delta, active WireGuard", 4, NODE_WIREGUARD, NODE_ACTIVE, true, 1, CHANGED },
		{ "delta, known already", 5, NODE_SPOKE, NODE_ACTIVE, true, 1, NOTHING },
		{ "delta, hidden", 4, NODE_SPOKE, NODE_ACTIVE, true, 2, GONE },
		{ "delta, disabled", 4, NODE_SPOKE, NODE_DISABLED, true, 1, GONE },
		{ "delta, deleted", 4, NODE_SPOKE, NODE_DELETED, false, 1, GONE },
		{ "delta, revoked", 4, NODE_SPOKE, NODE_REVOKED, true, 1, GONE_REVOKED },
		{ "delta, revoked, known already", 6, NODE_SPOKE, NODE_REVOKED, true, 1, NOTHING },
		{ "delta, invited", 4, NODE_SPOKE, NODE_INVITED, false, 1, NOTHING },
		{ "delta, invited again", 4, NODE_SPOKE, NODE_INVITED, true, 1, GONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node viewer = plain_node(1, 1), n = plain_node(2, 5);
		struct directory d;
		struct delta x;
		uint32_t self = rows[i].from == 0 ? 1 : 0;
		enum told told = NOTHING;

		directory_init(&d);
		n.kind = rows[i].kind;
		n.status = rows[i].status;
		n.groups = n.reach = rows[i].groups;
		n.has_identity = n.has_tunnel = rows[i].keys;
		put(&d, &viewer);
		put(&d, &n);
		d.revision = 8;
		assert_int_equal(directory_delta(&d, rows[i].from, &viewer, &x), ERR_OK);
		assert_int_equal(x.from, rows[i].from);
		assert_int_equal(x.to, 8);
		if (x.n_changed > self)
			told = CHANGED;
		else if (x.n_gone > 0)
			told = x.gone[0].revoked ? GONE_REVOKED : GONE;
		if (told != rows[i].told || x.n_changed + x.n_gone != self + (told != NOTHING))
			fail_msg("%s: told %d", rows[i].what, told);
		delta_fini(&x);
		directory_fini(&d);
	}
}

/* When the viewer itself has changed, or the hub went back in time, all is told anew. */
static void test_delta_becomes_snapshot(void **state)
{
	struct node viewer = plain_node(1, 6), n = plain_node(2, 1);
	struct directory d;
	struct delta x;

	(void)state;
	directory_init(&d);
	put(&d, &viewer);
	put(&d, &n);
	d.revision = 8;
	assert_int_equal(directory_delta(&d, 5, &viewer, &x), ERR_OK);
	assert_int_equal(x.from, 0);
	assert_int_equal(x.n_changed, 2);
	delta_fini(&x);
	assert_int_equal(directory_delta(&d, 6, &viewer, &x), ERR_OK);
	assert_int_equal(x.from, 6);
	assert_int_equal(x.n_changed, 0);
	delta_fini(&x);
	assert_int_equal(directory_delta(&d, 9, &viewer, &x), ERR_OK);
	assert_int_equal(x.from, 0);
	delta_fini(&x);
	/* A viewer that is not active sees itself all the same. */
	viewer.status = NODE_DISABLED;
	put(&d, &viewer);
	assert_int_equal(directory_delta(&d, 0, &viewer, &x), ERR_OK);
	assert_int_equal(x.n_changed, 2);
	delta_fini(&x);
	directory_fini(&d);
}

static void test_apply_refuses(void **state)
{
	struct directory d;
	struct node n = plain_node(3, 4);
	struct delta x = { .from = 4, .to = 6, .n_changed = 1, .changed = &n };

	(void)state;
	directory_init(&d);
	put(&d, &n);
	d.revision = 5;
	assert_int_equal(directory_apply(&d, &x), ERR_STALE);
	assert_int_equal(d.revision, 5);
	assert_int_equal(d.count, 1);
	x.from = 5;
	assert_int_equal(directory_apply(&d, &x), ERR_OK);
	assert_int_equal(d.revision, 6);
	directory_fini(&d);
}

/* One node more than NODES_MAX: nothing happens at all. */
static void test_apply_limit(void **state)
{
	struct directory d;
	struct delta x = { .from = 0, .to = 1, .n_changed = NODES_MAX };
	struct node n = plain_node(NODES_MAX + 7, 2);

	(void)state;
	directory_init(&d);
	x.changed = calloc(NODES_MAX, sizeof(*x.changed));
	assert_non_null(x.changed);
	for (uint32_t i = 0; i < NODES_MAX; i++)
		x.changed[i].id = i + 1;
	assert_int_equal(directory_apply(&d, &x), ERR_OK);
	free(x.changed);
	x = (struct delta){ .from = 1, .to = 2, .n_changed = 1, .changed = &n };
	assert_int_equal(directory_apply(&d, &x), ERR_LIMIT);
	assert_int_equal(d.count, NODES_MAX);
	assert_int_equal(d.revision, 1);
	/* In exchange for another it fits. */
	x.n_gone = 1;
	x.gone = &(struct delta_gone){ .id = 1 };
	assert_int_equal(directory_apply(&d, &x), ERR_OK);
	assert_int_equal(d.count, NODES_MAX);
	assert_null(directory_find(&d, 1));
	directory_fini(&d);
}

/* --- a random history against a naive model --- */

#define IDS     24u
#define STEPS   3000u
#define VIEWERS 4u

/* A small generator of our own, so that the history is the same everywhere. */
static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

static void random_change(struct node *n, uint64_t *seed)
{
	static const enum node_status statuses[] = { NODE_ACTIVE,   NODE_ACTIVE,  NODE_ACTIVE,
						     NODE_DISABLED, NODE_REVOKED, NODE_DELETED };
	struct node_subnet s = { .prefix = { .addr = { .family = AF_INET, .b = { 10 } },
					     .len = 24 } };

	switch (next_random(seed) % 5) {
	case 0:
		n->groups = next_random(seed) % 8;
		break;
	case 1:
		n->reach = next_random(seed) % 8;
		break;
	case 2:
		n->status = statuses[next_random(seed) % ARRAY_LEN(statuses)];
		n->has_identity = n->has_tunnel = true;
		break;
	case 3:
		n->tunnel_key.b[0]++;
		break;
	default:
		s.prefix.addr.b[1] = (uint8_t)next_random(seed);
		s.weight = next_random(seed) % 100;
		(void)!node_subnet_add(n, &s);
		break;
	}
}

/* One transaction of the hub: one to three nodes appear or change, all with the same new revision.
 */
static void random_step(struct directory *hub, uint64_t *seed)
{
	hub->revision++;
	for (uint32_t i = 1 + next_random(seed) % 3; i > 0; i--) {
		uint32_t id = 1 + next_random(seed) % IDS;
		struct node *old = directory_find(hub, id);
		struct node n = plain_node(id, hub->revision);

		if (old) {
			old->revision = hub->revision;
			random_change(old, seed);
			continue;
		}
		n.kind = id == 1 ? NODE_HUB : id % 5 == 0 ? NODE_WIREGUARD : NODE_SPOKE;
		n.status = id == 1 ? NODE_ACTIVE : NODE_INVITED;
		n.has_identity = n.has_tunnel = n.status == NODE_ACTIVE;
		n.groups = n.reach = next_random(seed) % 8;
		put(hub, &n);
	}
}

/* What the viewer should hold, said in the plainest way. */
static void check_view(const struct directory *hub, const struct node *viewer,
		       const struct directory *view)
{
	uint32_t n = 0;

	assert_int_equal(view->revision, hub->revision);
	for (uint32_t i = 0; i < hub->count; i++) {
		const struct node *h = &hub->nodes[i];
		bool talk = h->kind == NODE_HUB || viewer->kind == NODE_HUB ||
			    (h->reach & viewer->groups) || (viewer->reach & h->groups);
		const struct node *v = directory_find(view, h->id);

		if (h->id != viewer->id && !(h->status == NODE_ACTIVE && talk)) {
			assert_null(v);
			continue;
		}
		assert_non_null(v);
		assert_true(node_equal(h, v));
		assert_int_equal(h->revision, v->revision);
		n++;
	}
	assert_int_equal(view->count, n);
}

/* Through JSON and back, as on the link. */
static void through_json(struct delta *x)
{
	json_t *j = delta_to_json(x);

	assert_non_null(j);
	delta_fini(x);
	assert_int_equal(delta_from_json(j, x), ERR_OK);
	json_decref(j);
}

static void test_random_history(void **state)
{
	static const uint32_t viewer_ids[VIEWERS] = { 2, 3, 7, 11 };
	struct directory hub, views[VIEWERS];
	uint64_t seed = 20261122;
	unsigned deltas = 0, snapshots = 0, gone = 0;

	(void)state;
	directory_init(&hub);
	for (unsigned v = 0; v < VIEWERS; v++)
		directory_init(&views[v]);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned v = next_random(&seed) % VIEWERS;
		const struct node *viewer;
		struct delta x;

		random_step(&hub, &seed);
		viewer = directory_find(&hub, viewer_ids[v]);
		if (!viewer)
			continue;
		assert_int_equal(directory_delta(&hub, views[v].revision, viewer, &x), ERR_OK);
		if (step % 2)
			through_json(&x);
		*(x.from ? &deltas : &snapshots) += 1;
		gone += x.n_gone;
		assert_int_equal(directory_apply(&views[v], &x), ERR_OK);
		delta_fini(&x);
		check_view(&hub, viewer, &views[v]);
	}
	/* The history was of the kind that was meant. */
	assert_true(deltas > STEPS / 4);
	assert_true(snapshots > VIEWERS);
	assert_true(gone > STEPS / 10);
	for (unsigned v = 0; v < VIEWERS; v++)
		directory_fini(&views[v]);
	directory_fini(&hub);
}

static void test_directory_json(void **state)
{
	struct directory d, back;
	json_t *j;

	(void)state;
	directory_init(&d);
	d.revision = INT64_MAX;
	for (uint32_t id = 1; id < 40; id += 3) {
		struct node n = plain_node(id, id);

		put(&d, &n);
	}
	j = directory_to_json(&d);
	assert_non_null(j);
	assert_int_equal(directory_from_json(j, &back), ERR_OK);
	json_decref(j);
	assert_int_equal(back.revision, d.revision);
	assert_int_equal(back.count, d.count);
	for (uint32_t i = 0; i < d.count; i++)
		assert_true(node_equal(&d.nodes[i], &back.nodes[i]));
	/* It can be changed like any other. */
	put(&back, &(struct node){ .id = 2 });
	assert_int_equal(back.nodes[1].id, 2);
	directory_fini(&d);
	directory_fini(&back);
}

#define N1 "{'id':1,'name':'a','kind':'hub','status':'active','revision':1}"
#define N2 "{'id':2,'name':'b','kind':'spoke','status':'active','revision':2}"

static void test_delta_json_rows(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "{'from':0,'to':2,'nodes':[" N1 "," N2 "]}", true },
		{ "{'from':0,'to':2,'nodes':[],'gone':[]}", true },
		{ "{'from':1,'to':2,'nodes':[" N2 "],'gone':[{'id':1}]}", true },
		{ "{'from':1,'to':2,'nodes':[],'gone':[{'id':1,'revoked':true},{'id':3,'new':1}]}",
		  true },
		{ "{'from':2,'to':2,'nodes':[]}", true },
		{ "[]", false },
		{ "{'to':2,'nodes':[]}", false },
		{ "{'from':0,'nodes':[]}", false },
		{ "{'from':0,'to':2}", false },
		{ "{'from':3,'to':2,'nodes':[]}", false },
		{ "{'from':-1,'to':2,'nodes':[]}", false },
		{ "{'from':0,'to':2,'nodes':{}}", false },
		{ "{'from':0,'to':2,'nodes':[1]}", false },
		{ "{'from':0,'to':2,'nodes':[" N2 "," N1 "]}", false }, /* order */
		{ "{'from':0,'to':2,'nodes':[" N1 "," N1 "]}", false }, /* twice */
		{ "{'from':0,'to':1,'nodes':[" N2 "]}", false },        /* from the future */
		{ "{'from':0,'to':2,'nodes':[],'gone':[{'id':1}]}",
		  false }, /* gone in a snapshot */
		{ "{'from':1,'to':2,'nodes':[" N2 "],'gone':[{'id':2}]}", false },
		{ "{'from':1,'to':2,'nodes':[],'gone':[{'id':2},{'id':1}]}", false },
		{ "{'from':1,'to':2,'nodes':[],'gone':[{'id':2},{'id':2}]}", false },
		{ "{'from':1,'to':2,'nodes':[],'gone':[{'id':0}]}", false },
		{ "{'from':1,'to':2,'nodes':[],'gone':[2]}", false },
		{ "{'from':1,'to':2,'nodes':[],'gone':[{'id':2,'revoked':1}]}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *j = json_text_parse(rows[i].text);
		struct delta x;
		enum err e;

		assert_non_null(j);
		e = delta_from_json(j, &x);
		if ((e == ERR_OK) != rows[i].ok)
			fail_msg("%s: %d", rows[i].text, e);
		if (!e)
			delta_fini(&x);
		json_decref(j);
	}
}

static void test_count_limits(void **state)
{
	json_t *j = json_text_parse("{'from':1,'to':2,'nodes':[]}");
	json_t *gone = json_array();
	struct delta x;

	(void)state;
	for (unsigned i = 1; i <= NODES_MAX + 1; i++)
		assert_int_equal(json_array_append_new(gone, json_pack("{s:i}", "id", i)), 0);
	assert_int_equal(json_object_set_new(j, "gone", gone), 0);
	assert_int_equal(delta_from_json(j, &x), ERR_LIMIT);
	assert_int_equal(json_array_remove(gone, 0), 0);
	assert_int_equal(delta_from_json(j, &x), ERR_OK);
	assert_int_equal(x.n_gone, NODES_MAX);
	delta_fini(&x);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_find_remove),
		cmocka_unit_test(test_delta_rows),
		cmocka_unit_test(test_delta_becomes_snapshot),
		cmocka_unit_test(test_apply_refuses),
		cmocka_unit_test(test_apply_limit),
		cmocka_unit_test(test_random_history),
		cmocka_unit_test(test_directory_json),
		cmocka_unit_test(test_delta_json_rows),
		cmocka_unit_test(test_count_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
