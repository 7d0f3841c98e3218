/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* For tests of hub/change: a network "test" with the pools 10.91.0.0/24 and fd00:91::/64 and its
 * hub "hq", and short ways to ask for changes. */
#include "hub/change.h"
#include "shared/keys/keys.h"
#include "tests/lib/store_fixture.h"

/* What the last change said, for messages of failing tests. */
#define assert_code(c, call, error, wanted)                                                        \
	do {                                                                                       \
		enum err got_ = (call);                                                            \
		if (got_ != (error) || strcmp((c)->code, (wanted)) != 0)                           \
			fail_msg("%s: %s, code \"%s\", %s", #call, err_str(got_), (c)->code,       \
				 (c)->detail);                                                     \
	} while (0)

struct network {
	struct fixture f;
	struct change c;
	uint32_t hub;
};

static inline struct keys network_keys(void)
{
	struct keys k;

	assert_ok(keys_generate(&k));
	return k;
}

static inline void network_open_with(struct network *w, const char *pool4, const char *pool6)
{
	struct keys k = network_keys();
	struct change_node_add add = {
		.name = "hq",
		.kind = NODE_HUB,
		.tunnel_key = &k.tunnel_public,
		.identity_key = &k.identity_public,
		.tunnel_sig = k.tunnel_sig,
		.aes = true,
	};
	struct node n;

	fixture_open(&w->f);
	w->c = (struct change){ .store = w->f.s, .actor = "unix:root" };
	if (pool4)
		assert_ok(store_setting_put(w->f.s, "pool4", pool4));
	if (pool6)
		assert_ok(store_setting_put(w->f.s, "pool6", pool6));
	assert_code(&w->c, change_node_add(&w->c, &add, &n), ERR_OK, "");
	w->hub = n.id;
	node_fini(&n);
}

static inline void network_open(struct network *w)
{
	network_open_with(w, "10.91.0.0/24", "fd00:91::/64");
}

/* Whatever a test did, the database is sound in the end. */
static inline void network_close(struct network *w)
{
	uint64_t bad = 0;

	assert_ok(store_check(w->f.s));
	assert_ok(store_audit_verify(w->f.s, &bad));
	fixture_close(&w->f);
}

/* A spoke with up to one subnet; its id. */
static inline uint32_t network_spoke(struct network *w, const char *name, const char *subnet)
{
	struct node_subnet sub;
	struct change_node_add add = {
		.name = name, .kind = NODE_SPOKE, .subnets = &sub, .n_subnets = subnet != NULL
	};
	struct node n;
	uint32_t id;

	if (subnet)
		sub = fixture_subnet(subnet, SUBNET_WEIGHT_DEFAULT);
	assert_code(&w->c, change_node_add(&w->c, &add, &n), ERR_OK, "");
	id = n.id;
	node_fini(&n);
	return id;
}

/* A join token; the id of its row. */
static inline uint32_t network_token(struct network *w, uint32_t node, uint32_t uses,
				     uint8_t secret[JOIN_SECRET_BYTES])
{
	struct store_token t;

	assert_code(&w->c, change_token_create(&w->c, node, 0, uses, secret, &t), ERR_OK, "");
	return t.id;
}

static inline struct change_join network_join_request(const uint8_t secret[JOIN_SECRET_BYTES],
						      const struct keys *k)
{
	struct change_join in = { .identity_key = k->identity_public,
				  .tunnel_key = k->tunnel_public,
				  .aes = true };

	memcpy(in.secret, secret, JOIN_SECRET_BYTES);
	memcpy(in.tunnel_sig, k->tunnel_sig, sizeof(in.tunnel_sig));
	return in;
}

/* A whole join of an existing node with new keys, which come back in `k`. */
static inline void network_join(struct network *w, uint32_t node, struct keys *k)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct change_join in;
	struct node n;

	*k = network_keys();
	network_token(w, node, 1, secret);
	in = network_join_request(secret, k);
	assert_code(&w->c, change_join(&w->c, &in, &n), ERR_OK, "");
	assert_int_equal(n.id, node);
	node_fini(&n);
}

static inline struct node network_node(struct network *w, uint32_t id)
{
	struct node n;

	assert_ok(store_node_get(w->f.s, id, &n, NULL));
	return n;
}

static inline enum node_status network_status(struct network *w, uint32_t id)
{
	struct node n = network_node(w, id);
	enum node_status status = n.status;

	node_fini(&n);
	return status;
}

static inline uint64_t network_revision(struct network *w)
{
	uint64_t revision;

	assert_ok(store_revision_get(w->f.s, &revision));
	return revision;
}

static inline uint64_t network_audit_count(struct network *w, const char *action)
{
	uint64_t count;

	assert_ok(store_audit_count(w->f.s, action, 0, &count));
	return count;
}
