/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hello: what a spoke that comes back is told, by what it holds; and who is not let in. */
#include "hub/change_key.h"
#include "hub/control/refresh.h"
#include "tests/unit/hub/control/hub_world.h"

static void test_nothing_missed(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_returns(&x);
	settle(w, 50);
	assert_int_equal(x.n, 1); /* welcome and nothing else */
	assert_int_equal(x.in[0].welcome.revision, x.revision);
	spoke_end(&x);
}

static void test_delta(void **state)
{
	struct world *w = *state;
	struct spoke x, other;

	spoke_joins(w, &x, "oslo", NULL);
	uint64_t held = x.revision;
	spoke_hangs_up(&x);
	spoke_joins(w, &other, "bergen", "10.30.0.0/24");
	spoke_returns(&x);
	const struct delta *d = &spoke_expects(&x, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, held);
	assert_int_equal(d->to, w->c->dir.revision);
	assert_int_equal(d->n_changed, 1);
	assert_non_null(find_changed(d, other.id));
	spoke_end(&x);
	spoke_end(&other);
}

static void test_snapshot_for_empty_hands(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	x.revision = 0;
	spoke_returns(&x);
	const struct delta *d = &spoke_expects(&x, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, 0);
	assert_int_equal(d->n_changed, 2);
	spoke_end(&x);
}

/* The spoke has seen more than this hub knows: its database is an old copy. */
static void test_restored_backup(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_dial(&x);
	spoke_sends_hello(&x, x.revision, x.revision + 100);
	const struct delta *d = &spoke_expects(&x, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, 0);
	assert_int_equal(w->c->rollback_seen, w->c->dir.revision + 100);
	/* Written to the audit once, however often it comes back. */
	spoke_dial(&x);
	spoke_sends_hello(&x, 0, x.revision + 100);
	spoke_expects(&x, CONTROL_WELCOME);
	assert_int_equal(w->c->counters.n[COUNT_STORE_FAILED], 0);
	spoke_end(&x);
}

/* The hub was restored and has skipped what it lost: a spoke with such a revision holds nothing of
 * ours, though our number is higher. */
static void test_lost_revision(void **state)
{
	struct world *w = *state;
	uint64_t restored = w->c->dir.revision, now;
	struct spoke x;

	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_revision_skip(w->admin, 1000, "root", "backup.restore", &now),
			 ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
	assert_int_equal(now, restored + 1001);
	spoke_joins(w, &x, "oslo", NULL);
	spoke_dial(&x);
	spoke_sends_hello(&x, restored + 3, restored + 3);
	assert_int_equal(spoke_expects(&x, CONTROL_DIRECTORY)->directory.from, 0);
	assert_int_equal(w->c->rollback_seen, restored + 3);
	/* One from before the backup lacks nothing but what came since. */
	spoke_dial(&x);
	spoke_sends_hello(&x, restored, restored);
	assert_int_equal(spoke_expects(&x, CONTROL_WELCOME)->welcome.revision, w->c->dir.revision);
	assert_int_equal(w->c->rollback_seen, restored + 3);
	spoke_end(&x);
}

static void test_new_tunnel_key(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	secret_random(x.tunnel.b, sizeof(x.tunnel.b));
	x.revision = 0;
	spoke_returns(&x);
	spoke_expects(&x, CONTROL_DIRECTORY);
	const struct node *n = directory_find(&w->c->dir, x.id);
	assert_true(public_key_equal(&n->tunnel_key, &x.tunnel));
	settle(w, 30);
	assert_true(public_key_equal(&w->heard.last_peer.tunnel_key, &x.tunnel));
	spoke_end(&x);
}

static void test_foreign_tunnel_key(void **state)
{
	struct world *w = *state;
	struct control_msg m = { .type = CONTROL_HELLO, .hello = { .aes = true } };
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_dial(&x);
	secret_random(m.hello.tunnel_key.b, KEY_BYTES);
	spoke_sends(&x, &m);
	assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason, BYE_PROTOCOL);
	assert_true(public_key_equal(&directory_find(&w->c->dir, x.id)->tunnel_key, &x.tunnel));
	spoke_end(&x);
}

static void set_status(struct world *w, uint32_t id, enum node_status status)
{
	uint64_t revision;

	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_revision_next(w->admin, "unix:root", "status", &revision), ERR_OK);
	assert_int_equal(store_node_status(w->admin, id, status, NULL, revision), ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
}

static void test_who_is_not_let_in(void **state)
{
	static const struct {
		enum bye_reason reason;
		enum node_status status; /* 0: a key that nobody knows */
		const char *text;
	} rows[] = {
		{ BYE_UNKNOWN_KEY, 0, "does not know" },
		{ BYE_REVOKED, NODE_REVOKED, "revoked by the admin on 20" },
		{ BYE_DISABLED, NODE_DISABLED, "disabled" },
		{ BYE_DELETED, NODE_DELETED, "deleted" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spoke x;
		char name[16];

		snprintf(name, sizeof(name), "box%zu", i);
		if (rows[i].status) {
			spoke_joins(w, &x, name, NULL);
			spoke_hangs_up(&x);
		} else {
			spoke_new(w, &x);
		}
		if (rows[i].status == NODE_REVOKED)
			admin_revokes(w, x.id, "stolen");
		else if (rows[i].status)
			set_status(w, x.id, rows[i].status);
		/* Nobody was nudged in some of these: the hub asks its store before it says no. */
		spoke_dial(&x);
		spoke_sends_hello(&x, 0, 0);
		if (rows[i].status == NODE_DISABLED || rows[i].status == NODE_DELETED) {
			/* Memory may still say "active"; the change shows with the next refresh. */
			settle(w, 20);
			nudge(w);
		}
		const struct control_bye *bye = &spoke_expects(&x, CONTROL_BYE)->bye;
		assert_int_equal(bye->reason, rows[i].reason);
		assert_int_equal(bye->retry_after_ms, rows[i].reason == BYE_DISABLED
							      ? LINK_RETRY_DISABLED_MS
							      : LINK_RETRY_REFUSED_MS);
		if (!strstr(bye->text, rows[i].text))
			fail_msg("bye says \"%s\"", bye->text);
		if (rows[i].status == NODE_REVOKED)
			assert_non_null(strstr(bye->text, "stolen"));
		assert_true(wait_for(w, spoke_is_closed, &x));
		spoke_end(&x);
	}
}

/* The hub is started again: spokes come back at the revision they hold. */
static void test_hub_restart(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_sends_ack(&x, x.revision);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	world_end_worker(w);
	world_run_worker(w);
	assert_int_equal(w->heard.engine[ENGINE_PEER], 2); /* and the hub's own record */
	assert_int_equal(w->heard.engine[ENGINE_SYNC_END], 1);
	spoke_returns(&x);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(x.n, 1);
	struct store_applied applied;
	assert_int_equal(store_applied(w->admin, x.revision, 0, &applied), ERR_OK);
	assert_int_equal(applied.online, 1);
	assert_int_equal(applied.applied, 1);
	spoke_end(&x);
}

static struct store_applied applied_now(struct world *w, uint64_t revision)
{
	struct store_applied a = { 0 };

	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_applied(w->admin, revision, 0, &a), ERR_OK);
	assert_int_equal(a.online, 1);
	return a;
}

/* What a spoke confirmed once and does not hold any more is not confirmed. */
static void test_holds_less_than_acked(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	uint64_t held = x.revision;
	spoke_sends_ack(&x, held);
	assert_int_equal(applied_now(w, held).applied, 1);
	spoke_dial(&x);
	spoke_sends_hello(&x, held - 1, held);
	spoke_expects(&x, CONTROL_DIRECTORY);
	assert_int_equal(applied_now(w, held).applied, 0);
	spoke_sends_ack(&x, held);
	assert_int_equal(applied_now(w, held).applied, 1);
	/* The same on a link that is up. */
	spoke_sends_hello(&x, 0, held);
	spoke_expects_nth(&x, CONTROL_DIRECTORY, 1);
	assert_int_equal(applied_now(w, held).applied, 0);
	spoke_sends_ack(&x, held);
	assert_int_equal(applied_now(w, held).applied, 1);
	spoke_end(&x);
}

/* A spoke that has gone bad may fill neither the disk nor the line with its hellos. */
static void test_costly_hellos(void **state)
{
	struct control_msg m = { .type = CONTROL_HELLO };
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	uint64_t before = w->c->dir.revision;
	for (unsigned i = 0; i < 3 * LINK_HELLO_COSTS_BURST; i++) {
		m.hello.revision = before;
		m.hello.aes = i % 2;
		spoke_sends(&x, &m);
	}
	settle(w, 200);
	assert_in_range(w->c->dir.revision, before + LINK_HELLO_COSTS_BURST - 2,
			before + LINK_HELLO_COSTS_BURST + 2);
	assert_in_range(w->c->counters.n[COUNT_HELLO_LIMITED], LINK_HELLO_COSTS_BURST,
			3 * LINK_HELLO_COSTS_BURST);
	assert_null(spoke_got(&x, CONTROL_BYE, 0));
	/* A new link is no way around it. */
	before = w->c->dir.revision;
	spoke_dial(&x);
	m.hello.revision = before;
	m.hello.aes = !directory_find(&w->c->dir, x.id)->aes;
	spoke_sends(&x, &m);
	spoke_expects(&x, CONTROL_WELCOME);
	assert_in_range(w->c->dir.revision, before, before + 1);
	spoke_end(&x);
}

/* A backup of the directory was restored beside newer presence: its acks are of other revisions. */
static void test_acks_of_a_lost_directory(void **state)
{
	struct world *w = *state;
	struct store_presence p;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	world_end_worker(w);
	assert_int_equal(store_presence_get(w->admin, x.id, &p), ERR_OK);
	p.acked_revision = x.revision + 100;
	assert_int_equal(store_presence_put(w->admin, &p, 1), ERR_OK);
	world_run_worker(w);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, x.id, &p), ERR_OK);
	assert_int_equal(p.acked_revision, 0);
	spoke_end(&x);
}

/* Hello again on a link that is up: other candidates, nothing else happens. */
static void test_again(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_sends_hello(&x, x.revision, x.revision);
	spoke_expects_nth(&x, CONTROL_WELCOME, 1);
	settle(w, 20);
	assert_int_equal(registry_count(&w->c->registry), 1);
	assert_int_equal(registry_find(&w->c->registry, x.id)->n_candidates, 1);
	assert_int_equal(w->heard.last_endpoints.id, x.id);
	assert_null(spoke_got(&x, CONTROL_BYE, 0));
	spoke_end(&x);
}

/* A new identity key for `x`, signed by the one that it has. */
static struct control_rotate_key new_identity(const struct spoke *x)
{
	struct control_rotate_key in = { .has_identity = true, .tunnel_key = x->tunnel };
	uint8_t input[NODE_SIGN_INPUT_MAX];
	struct secret_key seed;
	size_t len = sizeof(in.identity_sig);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, x->seed.b, KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	secret_random(seed.b, sizeof(seed.b));
	sign_tunnel(&seed, &x->tunnel, &in.identity_key, in.tunnel_sig);
	size_t n = node_identity_sign_input(&in.identity_key, input);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, in.identity_sig, &len, input, n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return in;
}

static void admin_sets_keys(struct world *w, bool approve, uint32_t overlap_s)
{
	struct key_settings k = { .approve = approve, .overlap_s = overlap_s };
	struct change c = by_admin(w);

	assert_int_equal(change_key_settings(&c, &k), ERR_OK);
	assert_int_equal(channel_send(w->api, NUDGE_KEYS, NULL, 0, -1), ERR_OK);
	settle(w, 20);
}

static bool overlap_is_over(void *arg)
{
	struct spoke *x = arg;
	struct public_key was;
	uint8_t sig[64];
	uint32_t id;
	bool valid = true;

	sign_tunnel(&x->seed, &x->tunnel, &was, sig);
	assert_int_equal(store_node_by_identity(x->world->admin, &was, &id, &valid), ERR_OK);
	return !valid;
}

/* A link that was opened with the old identity key stays for the overlap, and no longer. */
static void test_link_with_the_old_identity(void **state)
{
	struct world *w = *state;
	struct control_rotate_key in;
	struct change c;
	struct spoke x;
	bool waits;

	spoke_joins(w, &x, "oslo", NULL);
	admin_sets_keys(w, false, 2);
	in = new_identity(&x);
	c = by_admin(w);
	assert_int_equal(change_rotation_take(&c, x.id, &in, &waits), ERR_OK);
	nudge(w);
	assert_true(wait_for(w, is_caught_up, &x));
	refresh_cut_links(w->c);
	settle(w, 50);
	assert_true(!x.closed || overlap_is_over(&x)); /* however slow this machine is */
	assert_true(wait_for(w, overlap_is_over, &x));
	refresh_cut_links(w->c);
	const struct control_bye *bye = &spoke_expects(&x, CONTROL_BYE)->bye;
	assert_int_equal(bye->reason, BYE_BUSY);
	assert_int_equal(bye->retry_after_ms, LINK_RETRY_MIN_MS);
	/* Back with the same key it is refused for good. */
	spoke_dial(&x);
	spoke_sends_hello(&x, x.revision, x.revision);
	assert_int_equal(spoke_expects(&x, CONTROL_BYE)->bye.reason, BYE_REVOKED);
	spoke_end(&x);
}

/* Another tunnel key in a hello is a proposal, where an admin has to approve. */
static void test_new_tunnel_key_waits_for_an_admin(void **state)
{
	struct world *w = *state;
	struct change c;
	struct store_key k;
	struct public_key before;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	before = x.tunnel;
	admin_sets_keys(w, true, 60);
	secret_random(x.tunnel.b, KEY_BYTES);
	spoke_dial(&x);
	spoke_sends_hello(&x, x.revision, x.revision);
	const struct control_bye *bye = &spoke_expects(&x, CONTROL_BYE)->bye;
	assert_int_equal(bye->reason, BYE_BUSY);
	assert_non_null(strstr(bye->text, "approve"));
	assert_int_equal(store_key_current(w->admin, x.id, KEY_TUNNEL, &k), ERR_OK);
	assert_true(public_key_equal(&k.key, &before));
	c = by_admin(w);
	assert_int_equal(change_rotation_approve(&c, x.id), ERR_OK);
	nudge(w);
	spoke_returns(&x);
	assert_int_equal(store_key_current(w->admin, x.id, KEY_TUNNEL, &k), ERR_OK);
	assert_true(public_key_equal(&k.key, &x.tunnel));
	spoke_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_missed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_delta, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_for_empty_hands, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_restored_backup, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_lost_revision, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_new_tunnel_key, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_foreign_tunnel_key, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_who_is_not_let_in, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_hub_restart, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_holds_less_than_acked, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_costly_hellos, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_acks_of_a_lost_directory, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_again, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_link_with_the_old_identity, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_new_tunnel_key_waits_for_an_admin, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
