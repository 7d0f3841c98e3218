/* SPDX-License-Identifier: GPL-3.0-or-later */
/* join: accepted, each refusal, repeated, and with a store that cannot be written. */
#include "tests/unit/hub/control/hub_world.h"

#include <signal.h>
#include <sys/resource.h>

#include "shared/wire/token.h"

static void test_join(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", "10.20.0.0/24");
	const struct control_welcome *welcome = &spoke_expects(&x, CONTROL_WELCOME)->welcome;
	assert_string_equal(welcome->network, "linodeVPN");
	assert_string_equal(welcome->name, "oslo");
	assert_string_equal(welcome->hub_name, "hq");
	assert_int_equal(welcome->hub_id, w->hub_id);
	assert_int_equal(welcome->revision, w->c->dir.revision);
	assert_int_equal(welcome->mtu, 1380);
	assert_int_equal(welcome->keepalive_s, SETTINGS_KEEPALIVE_S);
	assert_int_equal(welcome->udp_port, UDP_PORT_DEFAULT);
	assert_int_equal(welcome->addresses[0].family, AF_INET);
	assert_int_equal(welcome->addresses[1].family, AF_INET6);
	assert_int_equal(welcome->pools[0].len, 24);
	assert_int_equal(welcome->pools[1].len, 64);
	assert_true(endpoint_is_set(&welcome->observed));

	const struct delta *d = &spoke_expects(&x, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, 0);
	assert_int_equal(d->to, welcome->revision);
	assert_non_null(find_changed(d, w->hub_id));
	const struct node *self = find_changed(d, x.id);
	assert_non_null(self);
	assert_int_equal(self->status, NODE_ACTIVE);
	assert_int_equal(self->n_subnets, 1);
	assert_true(public_key_equal(&self->tunnel_key, &x.tunnel));

	/* The others know. */
	settle(w, 30);
	assert_string_equal(w->heard.last_peer.name, "oslo");
	assert_int_equal(w->heard.last_peer.n_subnets, 3);
	assert_false(w->heard.last_peer.forward);
	assert_int_equal(w->heard.last_revision, w->c->dir.revision);
	assert_true(w->heard.nudges[NUDGE_REVISION] >= 1);
	assert_true(w->heard.nudges[NUDGE_TOKENS] >= 1);
	settle(w, PRESENCE_FLUSH_MS + 20);
	struct store_presence p;
	assert_int_equal(store_presence_get(w->admin, x.id, &p), ERR_OK);
	assert_true(p.online);
	assert_string_equal(p.version, "0.1.0");
	spoke_end(&x);
	settle(w, PRESENCE_FLUSH_MS + 50);
	assert_int_equal(store_presence_get(w->admin, x.id, &p), ERR_OK);
	assert_false(p.online);
}

static void make_unknown(struct world *w, uint32_t id, uint8_t secret[JOIN_SECRET_BYTES])
{
	(void)w;
	(void)id;
	secret_random(secret, JOIN_SECRET_BYTES);
}

static void make_revoked(struct world *w, uint32_t id, uint8_t secret[JOIN_SECRET_BYTES])
{
	struct change c = by_admin(w);

	assert_int_equal(change_token_revoke(&c, admin_makes_token(w, id, secret)), ERR_OK);
}

static void make_expired(struct world *w, uint32_t id, uint8_t secret[JOIN_SECRET_BYTES])
{
	struct store_token t = { .node_id = id,
				 .created_ms = 1000,
				 .expires_ms = 2000,
				 .uses_max = 1,
				 .created_by = "unix:root" };

	secret_random(secret, JOIN_SECRET_BYTES);
	token_hash(secret, t.hash);
	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_token_put(w->admin, &t), ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
}

static void make_used(struct world *w, uint32_t id, uint8_t secret[JOIN_SECRET_BYTES])
{
	struct spoke first;

	admin_makes_token(w, id, secret);
	spoke_new(w, &first);
	spoke_dial(&first);
	spoke_sends_join(&first, secret);
	spoke_expects(&first, CONTROL_DIRECTORY);
	spoke_end(&first);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *code;
		void (*make)(struct world *w, uint32_t id, uint8_t secret[JOIN_SECRET_BYTES]);
	} rows[] = {
		{ "token_unknown", make_unknown },
		{ "token_revoked", make_revoked },
		{ "token_expired", make_expired },
		{ "token_used", make_used },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char name[16];
		uint8_t secret[JOIN_SECRET_BYTES];
		struct spoke x;

		snprintf(name, sizeof(name), "box%zu", i);
		rows[i].make(w, admin_adds(w, name, NULL), secret);
		uint64_t refused = w->c->counters.n[COUNT_REFUSED_JOIN];
		spoke_new(w, &x);
		spoke_dial(&x);
		spoke_sends_join(&x, secret);
		assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, rows[i].code);
		assert_true(spoke_got(&x, CONTROL_ERROR, 0)->error.text[0] != '\0');
		assert_true(wait_for(w, spoke_is_closed, &x));
		assert_null(spoke_got(&x, CONTROL_WELCOME, 0));
		assert_int_equal(w->c->counters.n[COUNT_REFUSED_JOIN], refused + 1);
		spoke_end(&x);
	}
}

/* Guesses must not fill the audit: after a burst they are refused without a trace in the store. */
static void test_guesses_are_not_all_audited(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];

	for (unsigned i = 0; i < 40; i++) {
		struct spoke x;
		make_unknown(w, 0, secret);
		spoke_new(w, &x);
		spoke_dial(&x);
		spoke_sends_join(&x, secret);
		assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, "token_unknown");
		spoke_end(&x);
	}
	assert_true(w->c->unknown_tokens.milli < 20000);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_JOIN], 40);
}

static void test_bad_signature(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];
	struct control_msg m = { .type = CONTROL_JOIN };
	struct spoke x;

	admin_makes_token(w, admin_adds(w, "oslo", NULL), secret);
	spoke_new(w, &x);
	spoke_dial(&x);
	memcpy(m.join.secret, secret, sizeof(secret));
	m.join.tunnel_key = x.tunnel;
	memset(m.join.tunnel_sig, 7, sizeof(m.join.tunnel_sig));
	spoke_sends(&x, &m);
	assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, "bad_message");
	assert_true(wait_for(w, spoke_is_closed, &x));
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_SIGNATURE], 1);

	/* The token is as good as before. */
	spoke_dial(&x);
	spoke_sends_join(&x, secret);
	spoke_expects(&x, CONTROL_WELCOME);
	spoke_end(&x);
}

/* Its answer was lost: the same key with the same token is answered again. */
static void test_repeated(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];
	uint32_t id = admin_adds(w, "oslo", NULL);
	struct spoke x;

	admin_makes_token(w, id, secret);
	spoke_new(w, &x);
	for (unsigned i = 0; i < 2; i++) {
		spoke_dial(&x);
		spoke_sends_join(&x, secret);
		assert_int_equal(spoke_expects(&x, CONTROL_WELCOME)->welcome.id, id);
		x.revision = 0;
		spoke_expects(&x, CONTROL_DIRECTORY);
	}
	spoke_end(&x);
}

/* A machine that replaces another: the old one's link ends, its key is worthless. */
static void test_joined_anew(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];
	struct spoke old, now;

	spoke_joins(w, &old, "oslo", NULL);
	admin_makes_token(w, old.id, secret);
	spoke_new(w, &now);
	spoke_dial(&now);
	spoke_sends_join(&now, secret);
	assert_int_equal(spoke_expects(&now, CONTROL_WELCOME)->welcome.id, old.id);
	assert_int_equal(spoke_expects(&old, CONTROL_BYE)->bye.reason, BYE_REVOKED);
	assert_true(wait_for(w, spoke_is_closed, &old));
	spoke_dial(&old);
	spoke_sends_hello(&old, old.revision, old.revision);
	assert_int_equal(spoke_expects(&old, CONTROL_BYE)->bye.reason, BYE_REVOKED);
	assert_ptr_not_equal(registry_find(&w->c->registry, now.id), NULL);
	spoke_end(&old);
	spoke_end(&now);
}

/*
 * Somebody else holds the database for longer than we wait: a clear answer, and those who are known
 * are served.
 */
static void test_store_is_locked(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];
	struct spoke known, x;

	spoke_joins(w, &known, "bergen", NULL);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	admin_makes_token(w, admin_adds(w, "oslo", NULL), secret);
	spoke_new(w, &x);
	spoke_dial(&x);
	assert_int_equal(store_begin(w->admin), ERR_OK);
	spoke_sends_join(&x, secret);
	assert_string_equal(spoke_expects(&x, CONTROL_ERROR)->error.code, "store_busy");
	assert_true(w->c->counters.n[COUNT_STORE_FAILED] >= 1);
	spoke_returns(&known);
	store_rollback(w->admin);
	settle(w, CONTROL_STORE_REST_MS + 50);

	spoke_dial(&x);
	spoke_sends_join(&x, secret);
	spoke_expects(&x, CONTROL_WELCOME);
	spoke_end(&x);
	spoke_end(&known);
}

/* Not a byte can be written: a join fails as a whole, who is known is let in, nothing is lost. */
static void test_disk_is_full(void **state)
{
	struct world *w = *state;
	uint8_t secret[JOIN_SECRET_BYTES];
	struct rlimit before, none;
	struct spoke known, x;

	spoke_joins(w, &known, "bergen", NULL);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	uint32_t id = admin_adds(w, "oslo", NULL);
	admin_makes_token(w, id, secret);
	settle(w, 20);
	uint64_t revision = w->c->dir.revision;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	spoke_new(w, &x);
	spoke_dial(&x);
	spoke_sends_join(&x, secret);
	spoke_expects(&x, CONTROL_ERROR);
	spoke_returns(&known);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(strncmp(spoke_got(&x, CONTROL_ERROR, 0)->error.code, "store_", 6), 0);
	assert_int_equal(w->c->dir.revision, revision);
	assert_int_equal(directory_find(&w->c->dir, id)->status, NODE_INVITED);
	assert_non_null(registry_find(&w->c->registry, known.id));

	spoke_dial(&x);
	spoke_sends_join(&x, secret);
	spoke_expects(&x, CONTROL_WELCOME);
	/* What could not be written of presence is written later. */
	settle(w, PRESENCE_RETRY_MS + 100);
	struct store_presence p;
	assert_int_equal(store_presence_get(w->admin, known.id, &p), ERR_OK);
	assert_true(p.online);
	assert_int_equal(w->c->presence.n_changed, 0);
	spoke_end(&x);
	spoke_end(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_join, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_guesses_are_not_all_audited, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_bad_signature, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_repeated, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_joined_anew, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_store_is_locked, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_disk_is_full, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
