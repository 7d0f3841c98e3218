/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Joining: every refusal with its own code and audit entry, repetition of a lost answer, joining
 * anew, and what hello may change. */
#include "hub/store/store_internal.h"
#include "tests/lib/change_fixture.h"

static void raw(struct network *w, const char *sql)
{
	if (sqlite3_exec(w->f.s->db[DB_DIRECTORY].db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(w->f.s->db[DB_DIRECTORY].db));
}

static void joins(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct keys k = network_keys();
	struct store_key stored;
	struct store_token t;
	struct change_join in;
	struct network w;
	uint32_t oslo, token;
	uint64_t before;
	struct node n;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", "10.20.0.0/16");
	assert_int_equal(network_status(&w, oslo), NODE_INVITED);
	token = network_token(&w, oslo, 0, secret);
	in = network_join_request(secret, &k);
	before = network_revision(&w);
	w.c.actor = "node:oslo";
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_OK, "");
	assert_int_equal(w.c.revision, before + 1);
	assert_int_equal(n.id, oslo);
	assert_int_equal(n.status, NODE_ACTIVE);
	assert_int_equal(n.revision, before + 1);
	assert_int_equal(n.n_subnets, 1);
	assert_true(n.aes && n.key_unbroken && n.has_identity && n.has_tunnel);
	assert_true(public_key_equal(&n.identity_key, &k.identity_public) &&
		    public_key_equal(&n.tunnel_key, &k.tunnel_public));
	assert_memory_equal(n.tunnel_sig, k.tunnel_sig, sizeof(n.tunnel_sig));
	node_fini(&n);
	assert_ok(store_token_get(w.f.s, token, &t));
	assert_int_equal(t.uses, 1);
	assert_ok(store_key_current(w.f.s, oslo, KEY_IDENTITY, &stored));
	assert_int_equal(stored.token_id, token);

	/* The answer was lost: the same again is answered as the first time, and changes nothing.
	 */
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_OK, "");
	assert_int_equal(n.id, oslo);
	assert_int_equal(w.c.revision, before + 1);
	node_fini(&n);
	assert_int_equal(network_audit_count(&w, "node.join"), 1);
	assert_int_equal(network_audit_count(&w, "node.join_refused"), 0);
	network_close(&w);
}

enum spoil {
	NOTHING,
	UNKNOWN,
	USED,
	EXPIRED,
	REVOKED,
	DELETED,
	NODE_GONE,
	OTHER_JOINED,
	BAD_SIGNATURE,
	KNOWN_KEY,
	KNOWN_TUNNEL,
	WEAK
};

/* Makes a join wrong in one way. */
static void spoil(struct network *w, enum spoil how, uint32_t node, uint32_t token,
		  struct change_join *in, struct keys *other)
{
	struct keys k;

	switch (how) {
	case UNKNOWN:
		in->secret[5] ^= 1;
		break;
	case USED:
		raw(w,
		    "UPDATE join_tokens SET uses = uses_max, used_ms = 1700000000000 WHERE id = 2");
		break;
	case EXPIRED:
		raw(w, "UPDATE join_tokens SET expires_ms = created_ms - 1 WHERE id = 2");
		break;
	case REVOKED:
		assert_ok(change_token_revoke(&w->c, token));
		break;
	case DELETED:
		assert_ok(change_node_delete(&w->c, node));
		break;
	case NODE_GONE:
		assert_ok(change_node_revoke(&w->c, node, "gone"));
		break;
	case OTHER_JOINED:
		network_join(w, node, &k);
		break;
	case BAD_SIGNATURE:
		in->tunnel_sig[0] ^= 1;
		break;
	case KNOWN_KEY:
		*in = network_join_request(in->secret, other);
		break;
	case KNOWN_TUNNEL:
		/* somebody else's tunnel key, honestly signed by a new identity, cannot be made
		 * here: the signature fails first */
		in->tunnel_key = other->tunnel_public;
		break;
	case WEAK:
		memset(in->tunnel_key.b, 0, KEY_BYTES);
		break;
	case NOTHING:
		break;
	}
}

static void refusals(void **state)
{
	static const struct {
		enum spoil how;
		enum err err;
		const char *code;
	} cases[] = {
		{ NOTHING, ERR_OK, "" },
		{ UNKNOWN, ERR_AUTH, "token_unknown" },
		{ USED, ERR_USED, "token_used" },
		{ EXPIRED, ERR_EXPIRED, "token_expired" },
		{ REVOKED, ERR_REVOKED, "token_revoked" },
		{ DELETED, ERR_REVOKED, "token_revoked" },
		{ NODE_GONE, ERR_REVOKED, "token_revoked" },
		{ OTHER_JOINED, ERR_EXISTS, "name_joined" },
		{ BAD_SIGNATURE, ERR_AUTH, "key_invalid" },
		{ KNOWN_KEY, ERR_EXISTS, "key_exists" },
		{ KNOWN_TUNNEL, ERR_AUTH, "key_invalid" },
		{ WEAK, ERR_AUTH, "key_invalid" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t secret[JOIN_SECRET_BYTES];
		struct keys k = network_keys(), others;
		struct change_join in;
		struct store_token before, after;
		struct network w;
		uint32_t oslo, token;
		uint64_t revision;
		struct node n;
		enum err e;

		network_open(&w);
		network_join(&w, network_spoke(&w, "bergen", NULL), &others);
		oslo = network_spoke(&w, "oslo", NULL);
		token = network_token(&w, oslo, 1, secret);
		assert_int_equal(token, 2);
		in = network_join_request(secret, &k);
		spoil(&w, cases[i].how, oslo, token, &in, &others);
		revision = network_revision(&w);
		assert_ok(store_token_get(w.f.s, token, &before));
		e = change_join(&w.c, &in, &n);
		if (e != cases[i].err || strcmp(w.c.code, cases[i].code) != 0)
			fail_msg("case %zu: %s, %s: %s", i, err_str(e), w.c.code, w.c.detail);
		if (!e) {
			node_fini(&n);
		} else {
			assert_true(strlen(w.c.detail) > 10);
			assert_int_equal(network_revision(&w), revision);
			assert_ok(store_token_get(w.f.s, token, &after));
			assert_int_equal(after.uses, before.uses);
		}
		assert_int_equal(network_audit_count(&w, "node.join_refused"), e != ERR_OK);
		network_close(&w);
	}
}

/* A stranger cannot fill the disk with refusals. */
static void refusals_are_limited(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES] = { 1 };
	struct keys k = network_keys();
	struct change_join in = network_join_request(secret, &k);
	struct network w;
	struct node n;

	(void)state;
	network_open(&w);
	for (int i = 0; i < 100; i++) {
		in.secret[1] = (uint8_t)i;
		assert_code(&w.c, change_join(&w.c, &in, &n), ERR_AUTH, "token_unknown");
	}
	assert_int_equal(network_audit_count(&w, "node.join_refused"), 60);
	network_close(&w);
}

/* With a token made for it, a node joins anew: other keys, and everybody can see that nobody
 * vouched for them. */
static void joins_anew(void **state)
{
	struct keys first, second, third;
	uint32_t oslo, owner;
	struct network w;
	struct node n;
	bool current;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &first);
	network_join(&w, oslo, &second); /* while active */
	n = network_node(&w, oslo);
	assert_true(public_key_equal(&n.identity_key, &second.identity_public));
	assert_true(public_key_equal(&n.tunnel_key, &second.tunnel_public));
	assert_false(n.key_unbroken);
	node_fini(&n);
	assert_ok(store_node_by_identity(w.f.s, &first.identity_public, &owner, &current));
	assert_false(current);

	assert_ok(change_node_revoke(&w.c, oslo, "lost"));
	network_join(&w, oslo, &third); /* while revoked */
	n = network_node(&w, oslo);
	assert_int_equal(n.status, NODE_ACTIVE);
	assert_true(public_key_equal(&n.identity_key, &third.identity_public));
	assert_false(n.key_unbroken);
	node_fini(&n);
	network_close(&w);
}

/* The same keys with a new token: a reinstallation that kept them. The chain of keys is unbroken.
 */
static void joins_anew_with_same_keys(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct change_join in;
	struct keys k;
	struct network w;
	uint32_t oslo;
	struct node n;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &k);
	network_token(&w, oslo, 1, secret);
	in = network_join_request(secret, &k);
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_OK, "");
	assert_true(n.key_unbroken);
	node_fini(&n);
	/* Revoked keys are worthless for ever. */
	assert_ok(change_node_revoke(&w.c, oslo, "lost"));
	network_token(&w, oslo, 1, secret);
	in = network_join_request(secret, &k);
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_EXISTS, "key_exists");
	network_close(&w);
}

static void tokens(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES], zero[JOIN_SECRET_BYTES] = { 0 };
	struct keys k = network_keys();
	struct change_node_add phone = { .name = "phone",
					 .kind = NODE_WIREGUARD,
					 .tunnel_key = &k.tunnel_public };
	struct store_token t;
	struct network w;
	uint32_t oslo;
	uint64_t before;
	struct node n;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	assert_ok(change_node_add(&w.c, &phone, &n));
	before = network_revision(&w);
	assert_code(&w.c, change_token_create(&w.c, w.hub, 0, 1, secret, &t), ERR_DENIED,
		    "node_is_hub");
	assert_code(&w.c, change_token_create(&w.c, n.id, 0, 1, secret, &t), ERR_DENIED,
		    "node_not_spoke");
	assert_code(&w.c, change_token_create(&w.c, 99, 0, 1, secret, &t), ERR_NOTFOUND,
		    "not_found");
	assert_code(&w.c, change_token_create(&w.c, oslo, UINT32_MAX, 1, secret, &t), ERR_INVALID,
		    "expires_invalid");
	assert_code(&w.c, change_token_create(&w.c, oslo, 0, 1001, secret, &t), ERR_INVALID,
		    "uses_invalid");
	assert_memory_equal(secret, zero, sizeof(secret));
	w.c.dry_run = true;
	assert_code(&w.c, change_token_create(&w.c, oslo, 0, 1, secret, &t), ERR_OK, "");
	assert_memory_equal(secret, zero, sizeof(secret));
	w.c.dry_run = false;
	assert_code(&w.c, change_token_create(&w.c, oslo, 60, 3, secret, &t), ERR_OK, "");
	assert_int_equal(t.uses_max, 3);
	assert_int_equal(t.expires_ms, t.created_ms + 60000);
	assert_string_equal(t.created_by, "unix:root");
	assert_string_equal(t.for_name, "oslo");
	assert_int_equal(network_revision(&w), before);
	assert_code(&w.c, change_token_revoke(&w.c, t.id), ERR_OK, "");
	assert_code(&w.c, change_token_revoke(&w.c, t.id), ERR_CONFLICT, "token_already_revoked");
	assert_code(&w.c, change_token_revoke(&w.c, 99), ERR_NOTFOUND, "not_found");
	node_fini(&n);
	network_close(&w);
}

/* Joins under a name with a group's token and new keys, which come back in `k`. */
static void join_as(struct network *w, const uint8_t secret[JOIN_SECRET_BYTES], const char *name,
		    enum err err, const char *code, struct keys *k)
{
	struct change_join in;
	struct node n;

	*k = network_keys();
	in = network_join_request(secret, k);
	snprintf(in.name, sizeof(in.name), "%s", name);
	assert_code(&w->c, change_join(&w->c, &in, &n), err, code);
	if (!err)
		node_fini(&n);
}

/* What a group's token made: new members of it, by names of their own choice, and nothing else. */
static void groups_token(void **state)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	struct keys first, other;
	struct store_group g;
	struct store_token t;
	struct change_join in;
	struct network w;
	struct node n, again;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &other);
	assert_ok(change_group_add(&w.c, "shops", NULL, &g));
	assert_code(&w.c, change_token_create_group(&w.c, 63, 0, 1, secret, &t), ERR_NOTFOUND,
		    "not_found");
	assert_code(&w.c, change_token_create_group(&w.c, g.bit, 0, 2, secret, &t), ERR_OK, "");
	assert_string_equal(t.for_name, "shops");

	join_as(&w, secret, "", ERR_INVALID, "name_missing", &first);
	join_as(&w, secret, "a b", ERR_INVALID, "name_missing", &first);
	join_as(&w, secret, "oslo", ERR_EXISTS, "name_taken", &first);
	join_as(&w, secret, "moss", ERR_OK, "", &first);
	assert_ok(store_node_find(w.f.s, "moss", &n, NULL));
	assert_true(n.kind == NODE_SPOKE && n.status == NODE_ACTIVE);
	assert_true(n.groups == 1ull << g.bit && n.n_subnets == 0 && n.addresses[0].family);
	assert_true(n.key_unbroken && public_key_equal(&n.identity_key, &first.identity_public));

	/* Its answer was lost: the same node, and no use more, whatever it asks to be called. */
	in = network_join_request(secret, &first);
	snprintf(in.name, sizeof(in.name), "elsewhere");
	assert_code(&w.c, change_join(&w.c, &in, &again), ERR_OK, "");
	assert_int_equal(again.id, n.id);
	node_fini(&again);
	node_fini(&n);
	assert_ok(store_token_get(w.f.s, t.id, &t));
	assert_int_equal(t.uses, 1);

	/* Keys of somebody else's are refused, and the group cannot go meanwhile. */
	in = network_join_request(secret, &other);
	snprintf(in.name, sizeof(in.name), "thief");
	assert_code(&w.c, change_join(&w.c, &in, &n), ERR_EXISTS, "key_exists");
	assert_int_equal(store_node_find(w.f.s, "thief", &n, NULL), ERR_NOTFOUND);
	join_as(&w, secret, "ski", ERR_OK, "", &other);
	join_as(&w, secret, "lier", ERR_USED, "token_used", &other);
	assert_int_equal(store_node_find(w.f.s, "lier", &n, NULL), ERR_NOTFOUND);
	network_close(&w);
}

static void hello(void **state)
{
	struct keys k, others, forged;
	struct store_key key;
	struct network w;
	uint32_t oslo, invited;
	uint64_t before;
	struct node n;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	invited = network_spoke(&w, "invited", NULL);
	network_join(&w, oslo, &k);
	network_join(&w, network_spoke(&w, "bergen", NULL), &others);
	before = network_revision(&w);
	assert_code(&w.c, change_node_hello(&w.c, oslo, true, &k.tunnel_public, k.tunnel_sig),
		    ERR_OK, "");
	assert_code(&w.c, change_node_hello(&w.c, oslo, true, NULL, NULL), ERR_OK, "");
	assert_int_equal(w.c.revision, before);
	assert_int_equal(network_revision(&w), before);
	assert_int_equal(network_audit_count(&w, "node.hello"), 0);

	assert_code(&w.c, change_node_hello(&w.c, oslo, false, &k.tunnel_public, k.tunnel_sig),
		    ERR_OK, "");
	assert_int_equal(network_revision(&w), before + 1);
	n = network_node(&w, oslo);
	assert_false(n.aes);
	assert_int_equal(n.revision, before + 1);
	node_fini(&n);

	/* Tunnel keys that the identity did not sign. */
	forged = network_keys();
	assert_code(&w.c,
		    change_node_hello(&w.c, oslo, false, &forged.tunnel_public, forged.tunnel_sig),
		    ERR_AUTH, "key_invalid");
	assert_code(&w.c, change_node_hello(&w.c, oslo, false, &forged.tunnel_public, k.tunnel_sig),
		    ERR_AUTH, "key_invalid");
	assert_code(&w.c,
		    change_node_hello(&w.c, oslo, false, &others.tunnel_public, others.tunnel_sig),
		    ERR_AUTH, "key_invalid");
	assert_code(&w.c, change_node_hello(&w.c, 99, false, NULL, NULL), ERR_NOTFOUND,
		    "not_found");
	assert_code(&w.c, change_node_hello(&w.c, invited, true, NULL, NULL), ERR_DENIED,
		    "node_not_active");
	assert_int_equal(network_revision(&w), before + 1);
	assert_ok(store_key_current(w.f.s, oslo, KEY_TUNNEL, &key));
	assert_true(public_key_equal(&key.key, &k.tunnel_public));
	assert_ok(change_node_revoke(&w.c, oslo, "x"));
	assert_code(&w.c, change_node_hello(&w.c, oslo, false, NULL, NULL), ERR_DENIED,
		    "node_revoked");
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(refusals),
		cmocka_unit_test(refusals_are_limited),
		cmocka_unit_test(joins_anew),
		cmocka_unit_test(joins_anew_with_same_keys),
		cmocka_unit_test(tokens),
		cmocka_unit_test(groups_token),
		cmocka_unit_test(hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
