/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that nodes replace themselves: asked for, taken, approved, refused; what each must be signed
 * by, and how long the ones of before are good. */
#include <openssl/evp.h>

#include "hub/change_key.h"
#include "tests/lib/change_fixture.h"

struct spoke {
	struct network w;
	uint32_t id;
	struct keys k;
};

static void spoke_open(struct spoke *s)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct change_join in;
	struct node n;

	network_open(&s->w);
	s->k = network_keys();
	s->id = network_spoke(&s->w, "oslo", "10.20.0.0/16");
	network_token(&s->w, s->id, 0, secret);
	in = network_join_request(secret, &s->k);
	assert_code(&s->w.c, change_join(&s->w.c, &in, &n), ERR_OK, "");
	node_fini(&n);
}

static void sign(const struct secret_key *seed, const uint8_t *p, size_t n, uint8_t sig[64])
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->b, sizeof(seed->b));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, p, n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/* All new keys of `to`, vouched for by `from`. */
static struct control_rotate_key both(const struct keys *from, const struct keys *to)
{
	struct control_rotate_key r = { .has_identity = true,
					.identity_key = to->identity_public,
					.tunnel_key = to->tunnel_public };
	uint8_t input[NODE_SIGN_INPUT_MAX];

	sign(&from->identity, input, node_identity_sign_input(&to->identity_public, input),
	     r.identity_sig);
	memcpy(r.tunnel_sig, to->tunnel_sig, sizeof(r.tunnel_sig));
	return r;
}

/* Only the tunnel key of `to`. */
static struct control_rotate_key tunnel_only(const struct keys *from, const struct keys *to)
{
	struct control_rotate_key r = { .tunnel_key = to->tunnel_public };
	uint8_t input[NODE_SIGN_INPUT_MAX];

	sign(&from->identity, input, node_tunnel_sign_input(&to->tunnel_public, input),
	     r.tunnel_sig);
	return r;
}

static struct node node_of(struct spoke *s)
{
	struct node n;

	assert_ok(store_node_get(s->w.f.s, s->id, &n, NULL));
	return n;
}

static void all_new_keys_with_a_chain(void **state)
{
	struct keys second = network_keys(), third = network_keys();
	struct control_rotate_key in;
	struct spoke s;
	struct node n;
	uint64_t before;
	uint32_t id;
	bool waits, valid;

	(void)state;
	spoke_open(&s);
	before = network_revision(&s.w);
	in = both(&s.k, &second);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_false(waits);
	assert_int_equal(network_revision(&s.w), before + 1);
	/* The same again: nothing. */
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_int_equal(network_revision(&s.w), before + 1);
	in = both(&second, &third);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	n = node_of(&s);
	assert_true(public_key_equal(&n.identity_key, &third.identity_public));
	assert_int_equal(n.n_chain, 2);
	assert_true(n.key_unbroken);
	/* Whoever knew the first may trust the third; and nobody else's. */
	assert_true(keys_identity_follows(&s.k.identity_public, &n));
	assert_true(keys_identity_follows(&second.identity_public, &n));
	assert_false(keys_identity_follows(&s.k.tunnel_public, &n));
	node_fini(&n);
	/* In the overlap the one of before opens links. */
	assert_ok(store_node_by_identity(s.w.f.s, &second.identity_public, &id, &valid));
	assert_true(valid && id == s.id);
	assert_int_equal(network_audit_count(&s.w, "key.rotate"), 2);
	/* A revoked node has no overlap. */
	assert_code(&s.w.c, change_node_revoke(&s.w.c, s.id, "stolen"), ERR_OK, "");
	assert_ok(store_node_by_identity(s.w.f.s, &second.identity_public, &id, &valid));
	assert_false(valid);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_CONFLICT,
		    "node_revoked");
	network_close(&s.w);
}

static void nobody_else_signs(void **state)
{
	struct keys second = network_keys(), thief = network_keys();
	struct control_rotate_key in;
	struct spoke s;
	bool waits;

	(void)state;
	spoke_open(&s);
	in = both(&thief, &second);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_AUTH,
		    "key_invalid");
	in = tunnel_only(&thief, &second);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_AUTH,
		    "key_invalid");
	/* A new identity with a tunnel key that only the old one has signed. */
	in = both(&s.k, &second);
	memcpy(in.tunnel_sig, tunnel_only(&s.k, &second).tunnel_sig, sizeof(in.tunnel_sig));
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_AUTH,
		    "key_invalid");
	in = tunnel_only(&s.k, &second);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	/* The way back to the old one is no rotation. */
	in = tunnel_only(&s.k, &s.k);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_EXISTS,
		    "key_exists");
	network_close(&s.w);
}

static void an_admin_decides(void **state)
{
	struct key_settings settings = { .approve = true, .overlap_s = 60, .warn_s = 1 };
	struct keys second = network_keys(), third = network_keys();
	struct store_rotation r;
	struct control_rotate_key in;
	struct spoke s;
	struct node n;
	bool waits;

	(void)state;
	spoke_open(&s);
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_OK, "");
	in = tunnel_only(&s.k, &second);
	assert_code(&s.w.c, change_rotation_approve(&s.w.c, s.id), ERR_NOTFOUND, "not_found");
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_true(waits);
	assert_code(&s.w.c, change_rotation_request(&s.w.c, s.id, ROTATION_TUNNEL, &r),
		    ERR_CONFLICT, "rotation_proposed");
	assert_code(&s.w.c, change_rotation_refuse(&s.w.c, s.id, &r), ERR_OK, "");
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_DENIED,
		    "key_refused");
	assert_int_equal(store_rotation_get(s.w.f.s, s.id, &r), ERR_NOTFOUND);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_code(&s.w.c, change_rotation_approve(&s.w.c, s.id), ERR_OK, "");
	n = node_of(&s);
	assert_true(public_key_equal(&n.tunnel_key, &second.tunnel_public));
	node_fini(&n);
	/* What was asked for needs no approval; what was not, does. */
	assert_code(&s.w.c, change_rotation_request(&s.w.c, s.id, ROTATION_TUNNEL, &r), ERR_OK, "");
	in = both(&s.k, &third);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_true(waits);
	assert_code(&s.w.c, change_rotation_refuse(&s.w.c, s.id, &r), ERR_OK, "");
	assert_code(&s.w.c, change_rotation_request(&s.w.c, s.id, ROTATION_TUNNEL, &r), ERR_OK, "");
	in = tunnel_only(&s.k, &third);
	assert_code(&s.w.c, change_rotation_take(&s.w.c, s.id, &in, &waits), ERR_OK, "");
	assert_false(waits);
	settings.overlap_s = 0;
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_INVALID, "overlap_invalid");
	network_close(&s.w);
}

static void keys_grow_old(void **state)
{
	static const struct key_settings settings = { .max_age_s = 100, .warn_s = 10 };
	static const struct key_settings never = { .warn_s = 10 };
	struct store_key k = { .status = KEY_CURRENT, .created_ms = 1000 };
	int64_t at;

	(void)state;
	assert_int_equal(key_settings_due(&settings, &k, 90999, &at), KEY_DUE_NO);
	assert_int_equal(at, 101000);
	assert_int_equal(key_settings_due(&settings, &k, 91000, &at), KEY_DUE_SOON);
	assert_int_equal(key_settings_due(&settings, &k, 101000, &at), KEY_DUE_OVER);
	assert_int_equal(key_settings_due(&never, &k, INT64_MAX, &at), KEY_DUE_NO);
	assert_int_equal(at, 0);
	k.status = KEY_RETIRED;
	assert_int_equal(key_settings_due(&settings, &k, 101000, &at), KEY_DUE_NO);
}

static int64_t made_ms(struct spoke *s, enum key_kind kind)
{
	struct store_key k;

	assert_ok(store_key_current(s->w.f.s, s->id, kind, &k));
	return k.created_ms;
}

static struct change_key_ages ages_at(struct network *w, int64_t now_ms, bool may_ask)
{
	struct change_key_ages did;

	assert_code(&w->c, change_key_ages(&w->c, now_ms, may_ask, &did), ERR_OK, "");
	return did;
}

/* Two minutes of warning before 1000 seconds; whatever the test's own time is, less than 100. */
static void old_keys_are_told_of_once(void **state)
{
	struct key_settings settings = { .overlap_s = 60, .max_age_s = 1000, .warn_s = 120 };
	struct change_key_ages did;
	struct store_rotation r;
	struct spoke s;
	int64_t at;

	(void)state;
	spoke_open(&s);
	at = made_ms(&s, KEY_TUNNEL);
	did = ages_at(&s.w, at + 5000000, true); /* no settings: any age */
	assert_int_equal(did.noticed + did.requested, 0);
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_OK, "");
	did = ages_at(&s.w, at + 700000, true);
	assert_int_equal(did.noticed + did.requested, 0);
	did = ages_at(&s.w, at + 990000, true);
	assert_int_equal(did.noticed, 4); /* the hub's, too */
	assert_int_equal(did.requested, 0);
	assert_int_equal(network_audit_count(&s.w, "key.old"), 4);
	did = ages_at(&s.w, at + 1100000, true);
	assert_int_equal(did.noticed + did.requested, 0);
	/* Nobody is asked unless that is wanted, and allowed now; and once. */
	settings.rotate_at_max_age = true;
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_OK, "");
	assert_int_equal(ages_at(&s.w, at + 900000, true).requested, 0);
	assert_int_equal(ages_at(&s.w, at + 1100000, false).requested, 0);
	assert_int_equal(ages_at(&s.w, at + 1100000, true).requested, 1);
	assert_ok(store_rotation_get(s.w.f.s, s.id, &r));
	assert_int_equal(r.state, ROTATION_REQUESTED);
	assert_int_equal(r.keys, ROTATION_IDENTITY | ROTATION_TUNNEL);
	did = ages_at(&s.w, at + 1100000, true);
	assert_int_equal(did.noticed + did.requested, 0);
	/* A longer life and a shorter one again tell of nothing twice. */
	settings.max_age_s = 100000;
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_OK, "");
	assert_int_equal(ages_at(&s.w, at + 1200000, true).noticed, 0);
	settings.max_age_s = 1000;
	assert_code(&s.w.c, change_key_settings(&s.w.c, &settings), ERR_OK, "");
	assert_int_equal(ages_at(&s.w, at + 1200000, true).noticed, 0);
	network_close(&s.w);
}

/* One tunnel key, made then, of a node that is active or only invited. */
static void put_key(struct network *w, uint32_t node, int64_t made, bool active)
{
	struct store_key k = { .node_id = node, .kind = KEY_TUNNEL, .created_ms = made };

	secret_random(k.key.b, KEY_BYTES);
	assert_ok(store_begin(w->f.s));
	assert_ok(store_key_put(w->f.s, &k));
	if (active)
		assert_ok(store_node_status(w->f.s, node, NODE_ACTIVE, "", 1));
	assert_ok(store_commit(w->f.s));
}

/* More than one look tells of, many of them made in the same millisecond; and the sums. */
static void many_keys_come_in_portions(void **state)
{
	static const struct key_settings settings = {
		.overlap_s = 60, .max_age_s = 1000, .warn_s = 1, .rotate_at_max_age = true
	};
	struct store_key_ages sums;
	struct network w;
	unsigned noticed = 0, asked = 0, rounds = 0;
	char name[16];

	(void)state;
	network_open(&w);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t id;

		snprintf(name, sizeof(name), "n%u", i);
		id = network_spoke(&w, name, NULL);
		put_key(&w, id, i < 90 ? 1000 : 2000, i < 30);
	}
	assert_code(&w.c, change_key_settings(&w.c, &settings), ERR_OK, "");
	for (struct change_key_ages did = { .noticed = 1 }; did.noticed + did.requested; rounds++) {
		did = ages_at(&w, 1002500, true);
		assert_true(did.noticed <= KEY_AGE_NOTICES_MAX);
		assert_true(did.requested <= KEY_AGE_REQUESTS_MAX);
		noticed += did.noticed;
		asked += did.requested;
	}
	assert_int_equal(noticed, 100);
	assert_int_equal(asked, 30); /* only of active nodes */
	assert_int_equal(rounds, 3);
	assert_int_equal(network_audit_count(&w, "key.old"), 100);
	assert_ok(store_key_ages(w.f.s, 2000, 1000, &sums));
	assert_int_equal(sums.oldest_ms[KEY_TUNNEL], 1000);
	assert_int_equal(sums.overdue[KEY_TUNNEL], 90);
	assert_int_equal(sums.soon[KEY_TUNNEL], 10);
	assert_int_equal(sums.overdue[KEY_IDENTITY] + sums.soon[KEY_IDENTITY], 0);
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_new_keys_with_a_chain),
		cmocka_unit_test(nobody_else_signs),
		cmocka_unit_test(an_admin_decides),
		cmocka_unit_test(keys_grow_old),
		cmocka_unit_test(old_keys_are_told_of_once),
		cmocka_unit_test(many_keys_come_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
