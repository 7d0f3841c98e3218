/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own identity key: asked for, announced, confirmed, in force, cancelled. */
#include <openssl/evp.h>

#include "hub/change_hub_identity.h"
#include "tests/lib/change_fixture.h"

struct net {
	struct network w;
	struct keys hub; /* in force at first */
	uint32_t oslo, bergen;
};

/* In the place of the fixture's keys, of which nobody has the private half. */
static void take_keys(struct net *x)
{
	struct store_key identity = { .node_id = x->w.hub, .kind = KEY_IDENTITY, .unbroken = true },
			 tunnel = { .node_id = x->w.hub, .kind = KEY_TUNNEL, .unbroken = true };

	x->hub = network_keys();
	identity.key = x->hub.identity_public;
	tunnel.key = x->hub.tunnel_public;
	memcpy(tunnel.signature, x->hub.tunnel_sig, sizeof(tunnel.signature));
	assert_ok(store_begin(x->w.f.s));
	assert_ok(store_key_put(x->w.f.s, &identity));
	assert_ok(store_key_put(x->w.f.s, &tunnel));
	assert_ok(store_commit(x->w.f.s));
}

static void net_open(struct net *x)
{
	struct keys k;

	network_open(&x->w);
	take_keys(x);
	x->oslo = network_spoke(&x->w, "oslo", NULL);
	x->bergen = network_spoke(&x->w, "bergen", NULL);
	network_join(&x->w, x->oslo, &k);
	network_join(&x->w, x->bergen, &k);
	/* Invited only: nobody who could know anything. */
	network_spoke(&x->w, "tromso", NULL);
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

/* `to`, vouched for by `from`, and vouching for the tunnel key of `tunnel`. */
static struct store_hub_identity signed_by(const struct keys *from, const struct keys *to,
					   const struct keys *tunnel)
{
	struct store_hub_identity r = { .key = to->identity_public };
	uint8_t input[NODE_SIGN_INPUT_MAX];

	sign(&from->identity, input, node_identity_sign_input(&to->identity_public, input),
	     r.signature);
	sign(&to->identity, input, node_tunnel_sign_input(&tunnel->tunnel_public, input),
	     r.tunnel_sig);
	return r;
}

static struct hub_identity view(struct net *x)
{
	struct hub_identity h;

	assert_ok(hub_identity_read(x->w.f.s, x->w.hub, &h));
	return h;
}

static void announce(struct net *x, const struct keys *next)
{
	struct store_hub_identity row = signed_by(&x->hub, next, &x->hub);
	struct change *c = &x->w.c;

	assert_code(c, change_hub_identity_rotate(c, x->w.hub, 60, NULL), ERR_OK, "");
	assert_code(c, change_hub_identity_announce(c, x->w.hub, &row), ERR_OK, "");
	assert_true(row.until_ms == row.announced_ms + 60000);
}

static void replaced_when_all_know(void **state)
{
	struct keys next = network_keys();
	struct hub_identity h;
	struct change *c;
	struct node hub;
	struct net x;
	uint64_t before;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	h = view(&x);
	assert_false(h.has_next);
	assert_true(h.sum.spokes == 2 && h.sum.known == 2);
	before = network_revision(&x.w);
	announce(&x, &next);
	assert_int_equal(network_revision(&x.w), before); /* nothing of the directory */
	h = view(&x);
	assert_true(h.has_next && public_key_equal(&h.key, &next.identity_public));
	assert_true(h.sum.spokes == 2 && h.sum.known == 0);
	assert_code(c, change_hub_identity_known(c, x.w.hub, &next.identity_public, &x.oslo, 1),
		    ERR_OK, "");
	assert_code(c, change_hub_identity_switch(c, x.w.hub, false, &h), ERR_CONFLICT,
		    "identity_unknown_to");
	assert_int_equal(c->n_uses, 1);
	assert_string_equal(c->uses[0].name, "bergen");
	assert_non_null(strstr(c->detail, "bergen"));
	assert_int_equal(network_audit_count(&x.w, "hub.identity_known"), 0);
	/* The same again, somebody that is no node, and the last one. */
	assert_code(c,
		    change_hub_identity_known(c, x.w.hub, &next.identity_public,
					      (const uint32_t[]){ x.oslo, 4711, x.bergen }, 3),
		    ERR_OK, "");
	assert_int_equal(network_audit_count(&x.w, "hub.identity_known"), 1);
	assert_code(c, change_hub_identity_switch(c, x.w.hub, false, &h), ERR_OK, "");
	assert_true(!h.has_next && h.sum.known == 2);
	assert_true(public_key_equal(&h.current.key, &next.identity_public));
	assert_true(network_revision(&x.w) > before);
	/* What the spokes are told holds together. */
	hub = network_node(&x.w, x.w.hub);
	assert_true(public_key_equal(&hub.identity_key, &next.identity_public));
	assert_true(keys_identity_follows(&x.hub.identity_public, &hub));
	assert_true(keys_tunnel_is_signed(&hub.identity_key, &hub.tunnel_key, hub.tunnel_sig));
	assert_true(hub.key_unbroken && hub.revision == network_revision(&x.w));
	node_fini(&hub);
	network_close(&x.w);
}

static void forced_with_somebody_away(void **state)
{
	struct keys next = network_keys(), later;
	struct hub_identity h;
	struct change *c;
	struct net x;
	uint32_t narvik;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	announce(&x, &next);
	/* Who is disabled comes back one day. */
	assert_code(c, change_node_disable(c, x.bergen, "strike"), ERR_OK, "");
	assert_code(c, change_hub_identity_known(c, x.w.hub, &next.identity_public, &x.oslo, 1),
		    ERR_OK, "");
	c->dry_run = true;
	assert_code(c, change_hub_identity_switch(c, x.w.hub, true, &h), ERR_OK, "");
	assert_true(public_key_equal(&h.current.key, &next.identity_public));
	c->dry_run = false;
	h = view(&x);
	assert_true(h.has_next);
	assert_code(c, change_hub_identity_switch(c, x.w.hub, true, &h), ERR_OK, "");
	assert_true(h.sum.spokes == 2 && h.sum.known == 1);
	/* Who joins now is not missing; who was is no more once it has been here. */
	narvik = network_spoke(&x.w, "narvik", NULL);
	network_join(&x.w, narvik, &later);
	h = view(&x);
	assert_true(h.sum.spokes == 3 && h.sum.known == 2);
	assert_code(c, change_hub_identity_known(c, x.w.hub, &h.key, &x.bergen, 1), ERR_OK, "");
	h = view(&x);
	assert_int_equal(h.sum.known, 3);
	/* A receipt of a key that does not count says nothing. */
	assert_code(c, change_hub_identity_known(c, x.w.hub, &later.identity_public, &narvik, 1),
		    ERR_OK, "");
	network_close(&x.w);
}

static void cancelled(void **state)
{
	struct keys next = network_keys();
	struct hub_identity h;
	struct change *c;
	struct net x;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	assert_code(c, change_hub_identity_cancel(c, x.w.hub, "", NULL), ERR_NOTFOUND,
		    "identity_rotation_missing");
	announce(&x, &next);
	assert_code(c, change_hub_identity_known(c, x.w.hub, &next.identity_public, &x.oslo, 1),
		    ERR_OK, "");
	assert_code(c, change_hub_identity_cancel(c, x.w.hub, "", &h), ERR_OK, "");
	assert_true(!h.has_next && h.sum.known == 2);
	assert_true(public_key_equal(&h.current.key, &x.hub.identity_public));
	assert_code(c, change_hub_identity_switch(c, x.w.hub, true, NULL), ERR_NOTFOUND,
		    "identity_rotation_missing");
	/* It can be begun again, and nobody knows the next key then. */
	announce(&x, &next);
	h = view(&x);
	assert_int_equal(h.sum.known, 0);
	network_close(&x.w);
}

static void out_of_order(void **state)
{
	struct keys next = network_keys(), stranger = network_keys();
	struct store_hub_identity row;
	struct hub_identity h;
	struct change *c;
	struct net x;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	row = signed_by(&x.hub, &next, &x.hub);
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_NOTFOUND,
		    "identity_rotation_missing");
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 0, NULL), ERR_INVALID,
		    "overlap_invalid");
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, HUB_IDENTITY_OVERLAP_MAX_S + 1, NULL),
		    ERR_INVALID, "overlap_invalid");
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 60, &h), ERR_OK, "");
	assert_int_equal(h.next.state, HUB_IDENTITY_ASKED);
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 60, NULL), ERR_CONFLICT,
		    "identity_rotation_exists");
	assert_code(c, change_hub_identity_switch(c, x.w.hub, true, NULL), ERR_CONFLICT,
		    "identity_not_announced");
	/* Somebody else's signature, and a next key that does not vouch for the tunnel's. */
	row = signed_by(&stranger, &next, &x.hub);
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_AUTH, "key_invalid");
	row = signed_by(&x.hub, &next, &stranger);
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_AUTH, "key_invalid");
	row = signed_by(&x.hub, &x.hub, &x.hub);
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_EXISTS, "key_exists");
	row = signed_by(&x.hub, &next, &x.hub);
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_OK, "");
	assert_code(c, change_hub_identity_announce(c, x.w.hub, &row), ERR_CONFLICT,
		    "identity_announced");
	network_close(&x.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_when_all_know),
		cmocka_unit_test(forced_with_somebody_away),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(out_of_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
