/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own tunnel key: asked for, in force, changed over to, forgotten, cancelled. */
#include <openssl/evp.h>

#include "hub/change_hub_identity.h"
#include "hub/change_hub_tunnel.h"
#include "tests/lib/change_fixture.h"

struct net {
	struct network w;
	struct keys hub; /* in force at first */
	uint32_t oslo, bergen, sensor;
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

static uint32_t add_device(struct network *w, const char *name)
{
	struct keys k = network_keys();
	struct change_node_add in = { .name = name,
				      .kind = NODE_WIREGUARD,
				      .tunnel_key = &k.tunnel_public };
	struct node n;
	uint32_t id;

	assert_code(&w->c, change_node_add(&w->c, &in, &n), ERR_OK, "");
	id = n.id;
	node_fini(&n);
	return id;
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
	x->sensor = add_device(&x->w, "sensor");
	/* Invited only: nobody who could have a session. */
	network_spoke(&x->w, "tromso", NULL);
}

/* The tunnel key of `next`, signed by the identity of `by`. */
static void sign(const struct keys *by, const struct keys *next, uint8_t sig[64])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, by->identity.b,
						     sizeof(by->identity.b));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t input[NODE_SIGN_INPUT_MAX];
	size_t len = 64, n = node_tunnel_sign_input(&next->tunnel_public, input);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, input, n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static struct hub_tunnel view(struct net *x)
{
	struct hub_tunnel h;

	assert_ok(hub_tunnel_read(x->w.f.s, x->w.hub, &h));
	return h;
}

static void put_in_force(struct net *x, const struct keys *next)
{
	struct change *c = &x->w.c;
	uint8_t sig[64];

	sign(&x->hub, next, sig);
	assert_code(c, change_hub_tunnel_rotate(c, x->w.hub, 60, NULL), ERR_OK, "");
	assert_code(c, change_hub_tunnel_use(c, x->w.hub, &next->tunnel_public, sig), ERR_OK, "");
}

static void replaced_when_all_have_changed_over(void **state)
{
	struct keys next = network_keys();
	struct hub_tunnel h;
	struct change *c;
	struct node hub;
	struct net x;
	uint64_t before;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	h = view(&x);
	assert_true(!h.has_row && h.sum.nodes == 0);
	before = network_revision(&x.w);
	put_in_force(&x, &next);
	assert_int_equal(network_revision(&x.w), before + 1);
	h = view(&x);
	assert_true(h.has_row && h.row.state == HUB_TUNNEL_OVERLAP);
	assert_true(h.row.until_ms == h.row.in_force_ms + 60000);
	assert_true(public_key_equal(&h.current.key, &next.tunnel_public));
	assert_true(public_key_equal(&h.row.old_key, &x.hub.tunnel_public));
	assert_true(h.sum.nodes == 3 && h.sum.known == 0 && h.sum.devices == 1);
	/* What the spokes are told holds together. */
	hub = network_node(&x.w, x.w.hub);
	assert_true(public_key_equal(&hub.tunnel_key, &next.tunnel_public));
	assert_true(keys_tunnel_is_signed(&hub.identity_key, &hub.tunnel_key, hub.tunnel_sig));
	assert_int_equal(hub.revision, network_revision(&x.w));
	node_fini(&hub);
	/* Spokes are not in the way; a device is. */
	assert_code(c, change_hub_tunnel_finish(c, x.w.hub, false, NULL), ERR_CONFLICT,
		    "tunnel_unknown_to");
	assert_int_equal(c->n_uses, 1);
	assert_string_equal(c->uses[0].name, "sensor");
	assert_non_null(strstr(c->detail, "sensor"));
	assert_code(c, change_hub_tunnel_known(c, x.w.hub, (const uint32_t[]){ x.oslo, 4711 }, 2),
		    ERR_OK, "");
	assert_int_equal(view(&x).sum.known, 1);
	/* Who is new never had the old one. */
	add_device(&x.w, "lamp");
	h = view(&x);
	assert_true(h.sum.nodes == 4 && h.sum.known == 2 && h.sum.devices == 1);
	assert_code(c,
		    change_hub_tunnel_known(c, x.w.hub, (const uint32_t[]){ x.oslo, x.sensor }, 2),
		    ERR_OK, "");
	assert_int_equal(network_audit_count(&x.w, "hub.tunnel_known"), 0);
	assert_code(c, change_hub_tunnel_known(c, x.w.hub, &x.bergen, 1), ERR_OK, "");
	assert_int_equal(network_audit_count(&x.w, "hub.tunnel_known"), 1);
	assert_code(c, change_hub_tunnel_finish(c, x.w.hub, false, &h), ERR_OK, "");
	assert_true(!h.has_row && public_key_equal(&h.current.key, &next.tunnel_public));
	/* Nothing of the directory; and the next time everybody begins anew. */
	assert_int_equal(network_revision(&x.w), before + 2);
	next = network_keys();
	put_in_force(&x, &next);
	assert_int_equal(view(&x).sum.known, 0);
	network_close(&x.w);
}

static void forced_and_gone(void **state)
{
	struct keys next = network_keys();
	struct hub_tunnel h;
	struct change *c;
	struct net x;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	put_in_force(&x, &next);
	c->dry_run = true;
	assert_code(c, change_hub_tunnel_finish(c, x.w.hub, true, &h), ERR_OK, "");
	assert_false(h.has_row);
	c->dry_run = false;
	assert_true(view(&x).has_row);
	/* A device that is disabled comes back one day, one that is revoked does not. */
	assert_code(c, change_node_disable(c, x.sensor, "strike"), ERR_OK, "");
	assert_int_equal(view(&x).sum.devices, 1);
	assert_code(c, change_node_revoke(c, x.sensor, "sold"), ERR_OK, "");
	assert_int_equal(view(&x).sum.devices, 0);
	assert_code(c, change_hub_tunnel_finish(c, x.w.hub, false, &h), ERR_OK, "");
	/* A word that comes too late. */
	assert_code(c, change_hub_tunnel_known(c, x.w.hub, &x.oslo, 1), ERR_OK, "");
	network_close(&x.w);
}

static void out_of_order(void **state)
{
	struct keys next = network_keys(), stranger = network_keys();
	uint8_t sig[64], forged[64];
	struct hub_tunnel h;
	struct change *c;
	struct net x;

	(void)state;
	net_open(&x);
	c = &x.w.c;
	sign(&x.hub, &next, sig);
	sign(&stranger, &next, forged);
	assert_code(c, change_hub_tunnel_use(c, x.w.hub, &next.tunnel_public, sig), ERR_NOTFOUND,
		    "tunnel_rotation_missing");
	assert_code(c, change_hub_tunnel_cancel(c, x.w.hub, NULL), ERR_NOTFOUND,
		    "tunnel_rotation_missing");
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, 0, NULL), ERR_INVALID,
		    "overlap_invalid");
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, HUB_TUNNEL_OVERLAP_MAX_S + 1, NULL),
		    ERR_INVALID, "overlap_invalid");
	/* The next identity key signs the present tunnel key, so only one of them changes. */
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 60, NULL), ERR_OK, "");
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, 60, NULL), ERR_CONFLICT,
		    "identity_rotation_exists");
	assert_code(c, change_hub_identity_cancel(c, x.w.hub, "", NULL), ERR_OK, "");
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, 60, &h), ERR_OK, "");
	assert_int_equal(h.row.state, HUB_TUNNEL_ASKED);
	assert_int_equal(h.sum.devices, 1);
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 60, NULL), ERR_CONFLICT,
		    "tunnel_rotation_exists");
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, 60, NULL), ERR_CONFLICT,
		    "tunnel_rotation_exists");
	assert_code(c, change_hub_tunnel_finish(c, x.w.hub, true, NULL), ERR_CONFLICT,
		    "tunnel_not_in_force");
	assert_code(c, change_hub_tunnel_cancel(c, x.w.hub, &h), ERR_OK, "");
	assert_false(h.has_row);
	assert_code(c, change_hub_tunnel_rotate(c, x.w.hub, 60, NULL), ERR_OK, "");
	/* Somebody else's signature, a key that there was, and then the right one, once. */
	assert_code(c, change_hub_tunnel_use(c, x.w.hub, &next.tunnel_public, forged), ERR_AUTH,
		    "key_invalid");
	assert_code(c, change_hub_tunnel_use(c, x.w.hub, &x.hub.tunnel_public, x.hub.tunnel_sig),
		    ERR_EXISTS, "key_exists");
	assert_code(c, change_hub_tunnel_use(c, x.w.hub, &next.tunnel_public, sig), ERR_OK, "");
	assert_code(c, change_hub_tunnel_use(c, x.w.hub, &next.tunnel_public, sig), ERR_CONFLICT,
		    "tunnel_in_force");
	assert_code(c, change_hub_tunnel_cancel(c, x.w.hub, NULL), ERR_CONFLICT, "tunnel_in_force");
	/* In the overlap the identity may change: it finds the new key. */
	assert_code(c, change_hub_identity_rotate(c, x.w.hub, 60, NULL), ERR_OK, "");
	network_close(&x.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_when_all_have_changed_over),
		cmocka_unit_test(forced_and_gone),
		cmocka_unit_test(out_of_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
